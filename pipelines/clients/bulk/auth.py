"""SMART Backend Services: who this client is, proven with a signed assertion.

Belongs here: discovery, the assertion, tokens and their renewal. Does not belong here: which
request carries a token (``session``). Neither key nor token is ever in a message or a log.

The assertion lives four minutes, not the five that are allowed, and states no time of issue: so a
clock that is a minute off either way does no harm. Where a server refuses it and its own clock is
further off than that, it is tried once more by the server's clock.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from pipelines.catalogue.profiles import SigningKey, SourceProfile
from pipelines.clients.bulk.clock import Clock
from pipelines.clients.bulk.errors import ExportError, place, plain_code
from pipelines.clients.bulk.gate import Gate
from pipelines.clients.bulk.http import Reply
from pipelines.clients.bulk.session import Session
from pipelines.clients.bulk.waits import server_time
from pipelines.settings import ROOT

_ASSERTION_SECONDS = 240
_SKEW_SECONDS = 60
_MARGIN_SECONDS = 30
"""A token is renewed this long before it ends, or after nine tenths of a short life."""
_LONGEST_TOKEN_SECONDS = 3600
_DEFAULT_TOKEN_SECONDS = 300
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_TOKEN = 16 * 1024


@dataclass
class _Held:
    value: str = field(repr=False)
    renew_at: float


class Tokens:
    """Tokens for one client and one scope, shared by all threads of a call.

    Args:
        profile: The profile; it has an ``auth``.
        session: Asks for tokens; carries none itself.
        gate: Judges where the assertion may go.
        clock: The clock.
    """

    def __init__(self, profile: SourceProfile, session: Session, gate: Gate, clock: Clock) -> None:
        if profile.site.auth is None:
            raise TypeError(f"profile {profile.name} has no auth")
        self._profile = profile
        self._auth = profile.site.auth
        self._session = session
        self._gate = gate
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._endpoint: str | None = None
        self._key = 0
        self._ahead = dt.timedelta()

    def current(self) -> str:
        """A token that is good for some time yet; a new one where need be.

        Raises:
            ExportError: ``authorisation_refused``, ``scope_reduced``, ``key_unreadable``, or as
                ``Session.ask``.
        """
        with self._lock:
            if self._held is None or self._clock.monotonic() >= self._held.renew_at:
                self._held = None
                self._held = self._new()
            return self._held.value

    def forget(self, token: str) -> None:
        """Let go of a token that a server has refused; a newer one stays."""
        with self._lock:
            if self._held is not None and self._held.value == token:
                self._held = None

    def _new(self) -> _Held:
        if self._endpoint is None:
            self._endpoint = token_endpoint(self._profile, self._session, self._gate)
        asked_at = self._clock.monotonic()
        reply = self._granted(self._endpoint)
        return self._read(reply, asked_at)

    def _granted(self, endpoint: str) -> Reply:
        """The answer of the token endpoint, by the first key and clock that it takes."""
        said = "nothing"
        for turn in range(len(self._auth.keys)):
            position = (self._key + turn) % len(self._auth.keys)
            reply = self._ask(endpoint, position)
            if reply.status != 200 and self._clock_differs(reply):
                reply = self._ask(endpoint, position)
            if reply.status == 200:
                self._key = position
                return reply
            said = f"status {reply.status} ({_error_code(reply)})"
            if _error_code(reply) not in ("invalid_client", "invalid_grant", "other"):
                break
        raise ExportError(
            "authorisation_refused",
            f"{place(endpoint)}: expected a token for client and scopes of profile "
            f"{self._profile.name}, got {said}. Check client_id, key_id, the public key that is "
            "registered there, the scopes, and the token_endpoint it expects as audience.",
        )

    def _ask(self, endpoint: str, position: int) -> Reply:
        def once() -> Reply:
            # Signed anew for every try: an assertion is good for one use.
            form = urlencode(self._form(endpoint, self._auth.keys[position])).encode()
            return self._session.once(
                "POST", endpoint, self._gate.check_token, headers, form, bearer=False
            )

        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        return self._session.tried(place(endpoint), once)

    def _form(self, endpoint: str, key: SigningKey) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "scope": " ".join(scopes(self._profile)),
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(endpoint, key),
        }

    def _assertion(self, endpoint: str, key: SigningKey) -> str:
        expires = self._clock.now() + self._ahead + dt.timedelta(seconds=_ASSERTION_SECONDS)
        claims = {
            "iss": self._auth.client_id,
            "sub": self._auth.client_id,
            "aud": endpoint,
            "exp": int(expires.timestamp()),
            "jti": uuid.uuid4().hex,
        }
        header = {"alg": key.algorithm, "kid": key.key_id, "typ": "JWT"}
        try:
            return jwt.encode(header, claims, private_key(key), algorithms=[key.algorithm])
        except (JoseError, ValueError, TypeError) as error:
            raise _unreadable(key, f"signing with it fails ({type(error).__name__})") from None

    def _clock_differs(self, reply: Reply) -> bool:
        """Whether the server's clock is so far off ours that it may be why it refuses."""
        theirs = server_time(reply.headers.get("date"))
        if theirs is None:
            return False
        ahead = theirs - self._clock.now()
        if abs((ahead - self._ahead).total_seconds()) <= _SKEW_SECONDS:
            return False
        self._ahead = ahead
        return True

    def _read(self, reply: Reply, asked_at: float) -> _Held:
        content = reply.json()
        granted = content if isinstance(content, dict) else {}
        token = granted.get("access_token")
        usable = isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN
        if not isinstance(token, str) or not usable or not token.isascii() or " " in token:
            raise ExportError(
                "authorisation_refused",
                f"{place(reply.url)}: expected JSON with an access_token, got something else with "
                "status 200. Check token_endpoint in the profile.",
            )
        check_scopes(self._profile, granted.get("scope"))
        life = _life(granted.get("expires_in"))
        return _Held(token, asked_at + life - min(_MARGIN_SECONDS, life / 10))


def token_endpoint(profile: SourceProfile, session: Session, gate: Gate) -> str:
    """Where tokens are had: what the profile says, else what the server says.

    Raises:
        ExportError: ``discovery_failed``, or ``origin_refused``.
    """
    auth = profile.site.auth
    if auth is not None and auth.token_endpoint is not None:
        gate.check_token(auth.token_endpoint)
        return auth.token_endpoint
    found = discovered(profile, session, gate).get("token_endpoint")
    if not isinstance(found, str):
        raise ExportError(
            "discovery_failed",
            f"{place(profile.site.base_url)}: expected a token_endpoint in its "
            ".well-known/smart-configuration, got none. Put auth.token_endpoint into the profile.",
        )
    gate.check_token(found)
    return found


def discovered(profile: SourceProfile, session: Session, gate: Gate) -> Mapping[str, Any]:
    """What the server says of itself in ``.well-known/smart-configuration``.

    Raises:
        ExportError: ``discovery_failed``.
    """
    url = f"{profile.site.base_url}/.well-known/smart-configuration"
    reply = session.ask("GET", url, gate.check_server, {"Accept": "application/json"}, bearer=False)
    content = reply.json()
    if reply.status != 200 or not isinstance(content, dict):
        raise ExportError(
            "discovery_failed",
            f"{place(url)}: expected a JSON object, got status {reply.status}. Check base_url in "
            "the profile.",
        )
    return content


def scopes(profile: SourceProfile) -> tuple[str, ...]:
    """Scopes asked for: reading the types, the Group, and nothing more."""
    site = profile.site
    types = [*site.types, *(("Group",) if site.groups else ())]
    ending = {"v1": "read", "v2": "rs"}[profile.server.scopes]
    return tuple(f"system/{each}.{ending}" for each in types)


def check_scopes(profile: SourceProfile, granted: object) -> None:
    """Refuse a token that reads less than was asked for: the export would lack it without a word.

    Args:
        profile: The profile.
        granted: ``scope`` of the answer; absent means all that was asked for.

    Raises:
        ExportError: ``scope_reduced``.
    """
    if not isinstance(granted, str) or not granted.strip():
        return
    readable = {_readable(scope) for scope in granted.split()}
    missing = [each for each in profile.site.types if not {each, "*"} & readable]
    if missing:
        raise ExportError(
            "scope_reduced",
            f"profile {profile.name}: expected to read {', '.join(missing)} too, got a token that "
            "may not. Have the scopes registered for this client, or take the types out.",
        )


def private_key(key: SigningKey) -> ECKey | RSAKey:
    """The private key that a profile points to.

    Raises:
        ExportError: ``key_unreadable``: it is not there, others can read it, it lies in the
            repository, or is no key for the algorithm.
    """
    text = _key_text(key)
    kind: type[ECKey] | type[RSAKey] = ECKey if key.algorithm == "ES384" else RSAKey
    try:
        # JSON is a JWK, anything else PEM.
        loaded = kind.import_key(json.loads(text) if text.lstrip().startswith(b"{") else text)
    except (JoseError, ValueError, TypeError, KeyError):
        raise _unreadable(key, f"it is no {key.algorithm} key as PEM or JWK") from None
    if not loaded.is_private or (isinstance(loaded, ECKey) and loaded.curve_name != "P-384"):
        raise _unreadable(key, f"it is not the private half of an {key.algorithm} key")
    return loaded


def _key_text(key: SigningKey) -> bytes:
    if key.environment is not None:
        value = os.environ.get(key.environment)
        if not value:
            raise _unreadable(key, f"the environment has no {key.environment}")
        return value.encode()
    path = Path(str(key.file)).expanduser().resolve()
    if path.is_relative_to(ROOT):
        raise _unreadable(key, f"{path.name} lies inside the project; keys never do")
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise _unreadable(key, f"others can read {path.name}; make it 0600")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(key, f"{path.name}: {error.strerror}") from None


def _unreadable(key: SigningKey, problem: str) -> ExportError:
    return ExportError(
        "key_unreadable", f"key {key.key_id}: {problem}. Mend it, or auth.keys in the profile."
    )


def _readable(scope: str) -> str | None:
    """Type that a system scope lets one read, whichever style it is in."""
    context, _, rest = scope.partition("/")
    resource, _, permission = rest.partition("?")[0].partition(".")
    reads = permission in ("read", "*") or ("r" in permission and set(permission) <= set("cruds"))
    # A scope with a query reads a part of the type, and a part is not what was asked for.
    return resource if context == "system" and reads and "?" not in rest else None


def _life(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        return _DEFAULT_TOKEN_SECONDS
    return min(seconds, _LONGEST_TOKEN_SECONDS) if seconds > 0 else _DEFAULT_TOKEN_SECONDS


def _error_code(reply: Reply) -> str:
    content = reply.json()
    found = content.get("error") if isinstance(content, dict) else None
    return plain_code(str(found).replace("_", "-")).replace("-", "_")
