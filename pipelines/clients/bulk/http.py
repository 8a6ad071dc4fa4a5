"""One try of one request: sent only where it may go, redirects followed by hand.

Belongs here: the httpx client over the guarded connection, redirects, and reading small answers
with a cap. Does not belong here: tokens and trying again (``session``), which addresses are allowed
(``gate``).
"""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import httpcore
import httpx

from pipelines.catalogue.profiles import SourceProfile
from pipelines.clients.bulk.errors import ExportError, place
from pipelines.clients.bulk.gate import Gate, GuardedBackend

FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpx.TransportError,
    httpx.DecodingError,
    ssl.SSLError,
)
"""What a network does wrong; worth another try."""
SMALL = 16 * 1024 * 1024
"""Bytes of an answer that is read whole; a manifest of twenty thousand files fits."""
_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5
_AGENT = "folkepuls"
Check = Callable[[str], str]


@dataclass(frozen=True)
class Reply:
    """An answer that fits in memory."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str

    def json(self) -> object:
        """The body as JSON; null where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class GuardedTransport(httpx.BaseTransport):
    """httpx's way to the network, over connections that the gate has judged.

    Args:
        backend: Makes the connections.
        context: What a server's certificate is held against.
        connections: Most connections at a time.
    """

    def __init__(
        self, backend: httpcore.NetworkBackend, context: ssl.SSLContext, connections: int
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=20.0,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions={}
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class Http:
    """Sends requests for one profile, one try each.

    Args:
        profile: The profile: timeouts and certificates.
        gate: Judges every address.
    """

    def __init__(self, profile: SourceProfile, gate: Gate) -> None:
        budgets = profile.budgets
        ca_file = profile.site.ca_file
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        timeout = httpx.Timeout(
            budgets.read_seconds, connect=budgets.connect_seconds, pool=budgets.read_seconds
        )
        self._client = httpx.Client(
            transport=GuardedTransport(GuardedBackend(gate), context, budgets.downloads + 2),
            timeout=timeout,
            follow_redirects=False,
            # Proxies and credentials of the environment are nobody's decision.
            trust_env=False,
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        url: str,
        check: Check,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Iterator[tuple[httpx.Response, str]]:
        """Send a request and follow where it leads, as far as that is allowed.

        Args:
            method: Verb. Only a GET follows redirects: an order must not be given twice.
            url: Address.
            check: Judges each address before anything is sent there.
            headers: With ``Authorization`` where it goes to the first address; it goes to no other
                origin than that one.
            content: Body.

        Yields:
            The answer, its body unread, and the address it came from.

        Raises:
            ExportError: ``origin_refused`` or ``redirect_refused``.
        """
        first = check(url)
        sent = dict(headers)
        for _ in range(_HOPS + 1):
            request = self._client.build_request(method, url, headers=sent, content=content)
            # Cookies would tie requests together behind the token's back.
            self._client.cookies.clear()
            response = self._client.send(request, stream=True)
            with contextlib.closing(response):
                if response.status_code not in _REDIRECTS:
                    yield response, url
                    return
                url = _target(method, url, response)
            if check(url) != first:
                sent.pop("Authorization", None)
        raise ExportError(
            "redirect_refused",
            f"{place(url)}: expected a file, got more than {_HOPS} redirects. Ask the server's "
            "operator.",
            closes_job=True,
        )

    def small(
        self,
        method: str,
        url: str,
        check: Check,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Reply:
        """Send a request and read an answer that must be small.

        Raises:
            ExportError: ``answer_too_large``, or as ``open``.
        """
        with self.open(method, url, check, headers, content) as (response, came_from):
            body = bytearray()
            for chunk in response.iter_bytes(64 * 1024):
                body += chunk
                if len(body) > SMALL:
                    raise ExportError(
                        "answer_too_large",
                        f"{place(came_from)}: expected at most {SMALL} bytes, got more.",
                    )
            return Reply(response.status_code, response.headers, bytes(body), came_from)


def _target(method: str, url: str, response: httpx.Response) -> str:
    location: str | None = response.headers.get("location")
    if method != "GET" or not location:
        raise ExportError(
            "redirect_refused",
            f"{place(url)}: expected an answer to {method}, got a redirect (status "
            f"{response.status_code}). Put the right address into the profile.",
        )
    try:
        return urljoin(url, location)
    except ValueError:
        raise ExportError(
            "redirect_refused", f"{place(url)}: redirects to an address that cannot be read."
        ) from None
