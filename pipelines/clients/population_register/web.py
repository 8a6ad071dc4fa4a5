"""Asking a PxWebApi v2: one address, few tries, bounded replies, nothing believed.

Belongs here: HTTP and its refusals. Does not belong here: what the replies hold (``table``).

Answers are trusted for nothing: an error page with status 200, a redirect to another host, a wait
in any unit or a reply without end are all met with a refusal that names the call.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import stamina

from pipelines.clients.population_register.errors import RegisterError
from pipelines.clients.population_register.pace import Clock, Pace, asked_wait

TRIES = 6
LONGEST_REPLY = 64 * 1024 * 1024
"""Bytes, unpacked; 800 000 cells are about five million."""
LONGEST_CALL = 300.0
"""Seconds for one reply, however slowly it drips."""
MOST_CALLS, LONGEST_WINDOW = 10_000, 3600
SLOW = 10.0
"""Seconds to wait after a reply without end."""
_LATER = "Nothing was kept; try again later."
_AGAIN = {429, 500, 502, 503, 504}
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)


@dataclass(frozen=True)
class Limits:
    """What the server allows.

    Attributes:
        cells: Most cells in one reply.
        calls: Most calls in a window.
        window: Length of a window (seconds).
        licence: Licence of the data, as the server names it.
    """

    cells: int
    calls: int
    window: int
    licence: str


class _TryAgainError(Exception):
    """A try that failed in a way that passes; the message is for people."""


def checked_address(url: str) -> str:
    """The base address without a final slash.

    Args:
        url: As configured.

    Raises:
        RegisterError: It is not https (nor on this machine), or holds more than an address.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise RegisterError(
            "population_register_url: expected an address without user, query or fragment. "
            "Mend FOLKEPULS_POPULATION_REGISTER_URL."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
        raise RegisterError(
            f"population_register_url: expected https, got {parts.scheme or 'no scheme'} to "
            f"{parts.hostname}. Mend FOLKEPULS_POPULATION_REGISTER_URL."
        )
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class PxWeb:
    """A PxWebApi v2, asked one call at a time.

    Args:
        url: Base address, such as ``https://data.ssb.no/api/pxwebapi/v2``.
        clock: The time.

    Raises:
        RegisterError: The address may not be asked.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = checked_address(url)
        self._clock = clock
        self._pace = Pace(clock)
        self._client = httpx.Client(
            timeout=_TIMEOUT,
            follow_redirects=False,
            # A proxy stands between networks, not between this machine and itself.
            trust_env=not _is_here(urlsplit(self.url).hostname or ""),
            headers={
                "Accept": "application/json",
                "User-Agent": f"folkepuls/{version('folkepuls')}",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def limits(self) -> Limits:
        """What the server allows; from here on its limit on calls is kept.

        Raises:
            RegisterError: It did not say, or nothing that makes sense.
        """
        content = self.document("config")
        found = {
            name: self._whole(content, name, most)
            for name, most in (
                ("maxDataCells", None),
                ("maxCallsPerTimeWindow", MOST_CALLS),
                ("timeWindow", LONGEST_WINDOW),
            )
        }
        licence = content.get("license")
        limits = Limits(
            cells=found["maxDataCells"],
            calls=found["maxCallsPerTimeWindow"],
            window=found["timeWindow"],
            licence=licence if isinstance(licence, str) else "",
        )
        self._pace.limit(limits.calls, float(limits.window))
        return limits

    @staticmethod
    def _whole(content: Mapping[str, Any], name: str, most: int | None) -> int:
        value = content.get(name)
        if type(value) is not int or value < 1:
            raise RegisterError(
                f"config: {name}: expected a whole number of 1 or more. The register's address "
                "may be wrong, or its interface new; look at FOLKEPULS_POPULATION_REGISTER_URL."
            )
        return value if most is None else min(value, most)

    def document(self, path: str) -> Mapping[str, Any]:
        """A JSON object.

        Args:
            path: Path below the base address.

        Raises:
            RegisterError: There is no such thing to be had.
        """
        try:
            content = json.loads(self.content(path))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise RegisterError(f"{path}: expected a JSON object, got other. {_LATER}")
        return content

    def content(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The body of a reply.

        Args:
            path: Path below the base address.
            query: Body of a POST; a GET without it.

        Raises:
            RegisterError: The server refused, or failed six times.
        """
        failed = 0

        def again(error: Exception) -> bool | float:
            # Waiting is the pace's: it also counts what the failed try has used.
            return 0.0 if isinstance(error, _TryAgainError) else False

        try:
            for attempt in stamina.retry_context(on=again, attempts=TRIES, timeout=None):
                with attempt:
                    self._pace.next_call()
                    try:
                        return self._once(path, query, failed)
                    finally:
                        failed += 1
        except _TryAgainError as error:
            raise RegisterError(
                f"{path}: tried {TRIES} times; the last: {error}. {_LATER}"
            ) from None
        raise RegisterError(f"{path}: was not tried")

    def _once(self, path: str, query: Mapping[str, Any] | None, failed: int) -> bytes:
        parameters = {"lang": "no", "outputFormat": "json-stat2"} if query else {"lang": "no"}
        method = "POST" if query else "GET"
        try:
            with self._client.stream(
                method, f"{self.url}/{path}", params=parameters, json=query
            ) as reply:
                body = self._body(path, reply)
                self._judge(path, reply, body, failed)
                return body
        except httpx.TransportError as error:
            self._pace.pause(2.0**failed)
            raise _TryAgainError(f"no answer ({type(error).__name__})") from None
        except httpx.DecodingError:
            raise RegisterError(
                f"{path}: expected a reply that can be unpacked. {_LATER}"
            ) from None

    def _body(self, path: str, reply: httpx.Response) -> bytes:
        parts, length = [], 0
        begun = self._clock.monotonic()
        for part in reply.iter_bytes(64 * 1024):
            length += len(part)
            if length > LONGEST_REPLY:
                raise RegisterError(
                    f"{path}: expected at most {LONGEST_REPLY} bytes, got more. Nothing was kept."
                )
            if self._clock.monotonic() - begun > LONGEST_CALL:
                self._pace.pause(SLOW)
                raise _TryAgainError(f"no end within {LONGEST_CALL:.0f} seconds")
            parts.append(part)
        return b"".join(parts)

    def _judge(self, path: str, reply: httpx.Response, body: bytes, failed: int) -> None:
        """Let a good reply pass."""
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if reply.status_code in _AGAIN:
            asked = asked_wait(reply.headers.get("retry-after"), self._clock.now())
            own = self._pace.window if reply.status_code == 429 else 2.0**failed
            self._pace.pause(own if asked is None else asked)
            raise _TryAgainError(f"status {reply.status_code}{_problem(kind, body)}")
        if reply.status_code != 200:
            raise RegisterError(
                f"{path}: expected status 200, got {reply.status_code}{_problem(kind, body)}. "
                "Nothing was kept."
            )
        if "json" not in kind:
            raise RegisterError(f"{path}: expected JSON, got {kind or 'no type'}. {_LATER}")


def _problem(kind: str, body: bytes) -> str:
    """What a problem document says of itself, in a few plain words; empty where there is none."""
    if kind != "application/problem+json":
        return ""
    try:
        content = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return ""
    said = [content.get(name) for name in ("title", "detail")] if isinstance(content, dict) else []
    texts = dict.fromkeys(text for text in said if isinstance(text, str) and text.strip())
    plain = "".join(c for c in "; ".join(texts) if c.isprintable()).replace("://", " ")
    return f" ({plain[:200]})" if plain else ""
