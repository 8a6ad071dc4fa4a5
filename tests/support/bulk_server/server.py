"""The server itself: well behaved unless a script answers first."""

from __future__ import annotations

import secrets
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pipelines.clients.bulk.clock import Clock
from tests.support.bulk_server.answers import Answer, lines, outcome, say

TYPES = ("Encounter", "Condition", "Observation")
TRANSACTION_TIME = "2025-03-03T08:00:00+00:00"
TOKEN_SECONDS = 300


def resource(kind: str, n: int, **changes: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": f"{kind.lower()}-{n}", "status": "finished", **changes}


def usual_files() -> dict[str, tuple[str, bytes]]:
    """Files by name: type and content. Encounters come in two."""
    return {
        "e1": ("Encounter", lines([resource("Encounter", n) for n in range(30)])),
        "e2": ("Encounter", lines([resource("Encounter", n) for n in range(30, 50)])),
        "c1": ("Condition", lines([resource("Condition", n) for n in range(25)])),
        "o1": ("Observation", lines([resource("Observation", n) for n in range(40)])),
    }


@dataclass
class Asked:
    """One request, as a script sees it.

    Attributes:
        kind: discovery, token, metadata, kickoff, status, file, delete, group or other.
        number: Which of its kind (and file) it is, from 1.
        name: Name of the file.
    """

    kind: str
    number: int
    name: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    server: BulkServer


Script = Callable[[Asked], "Answer | None"]


@dataclass
class BulkServer:
    """A server under test's control.

    Attributes:
        clock: The server's time.
        script: Answers first; null leaves it to the well-behaved server.
        keys: Public keys of the client; null: an open server.
        polls: Times that it says it is still at work.
        files: Files by name.
        deletions: Lines of Bundles.
        outcomes: Lines of OperationOutcomes.
        change_manifest: Last hand on the manifest.
        skew: Seconds by which its clock is ahead.
        asked: All requests.
    """

    clock: Clock
    script: Script | None = None
    keys: KeySet | None = None
    polls: int = 2
    files: dict[str, tuple[str, bytes]] = field(default_factory=usual_files)
    deletions: bytes | None = None
    outcomes: bytes | None = None
    change_manifest: Callable[[dict[str, Any]], dict[str, Any]] = lambda manifest: manifest
    skew: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    tokens: dict[str, float] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    base: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, kind: str, name: str = "") -> int:
        return sum(one.kind == kind and name in ("", one.name) for one in self.asked)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        kind, name = _kind(method, parts.path)
        with self._lock:
            self._counts[kind, name] += 1
            asked = Asked(
                kind, self._counts[kind, name], name, method, parts.path,
                parse_qs(parts.query), headers, body, self,
            )  # fmt: skip
            self.asked.append(asked)
        scripted = self.script(asked) if self.script is not None else None
        found = scripted if scripted is not None else self.usual(asked)
        date = self.clock.now().timestamp() + self.skew
        found.headers.setdefault("Date", format_datetime(_moment(date), usegmt=True))
        return found

    def usual(self, asked: Asked) -> Answer:
        """What a server that keeps to the guide would answer."""
        if asked.kind in ("kickoff", "status", "file", "delete", "group"):
            refused = self._unauthorised(asked)
            if refused is not None:
                return refused
        return getattr(self, f"_{asked.kind}")(asked)

    def manifest(self) -> dict[str, Any]:
        output = [
            {"type": kind, "url": f"{self.base}/files/{name}", "count": content.count(b"\n")}
            for name, (kind, content) in self.files.items()
        ]
        content: dict[str, Any] = {
            "transactionTime": TRANSACTION_TIME,
            "request": f"{self.base}/fhir/$export",
            "requiresAccessToken": self.keys is not None,
            "output": output,
            "error": [],
        }
        if self.deletions is not None:
            content["deleted"] = [{"type": "Bundle", "url": f"{self.base}/files/deletions"}]
        if self.outcomes is not None:
            entry = {"type": "OperationOutcome", "url": f"{self.base}/files/outcomes"}
            content["error"] = [entry]
        return self.change_manifest(content)

    def _unauthorised(self, asked: Asked) -> Answer | None:
        if self.keys is None:
            return None
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0.0) > self.clock.monotonic():
            return None
        return say(401, outcome("login"))

    def _discovery(self, _asked: Asked) -> Answer:
        return say(
            200,
            {
                "token_endpoint": f"{self.base}/token",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384"],
                "grant_types_supported": ["client_credentials"],
                "scopes_supported": ["system/*.rs"],
            },
        )

    def _token(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        problem = self._assertion_problem(form.get("client_assertion", ""))
        if problem is not None:
            return say(400, {"error": "invalid_client", "error_description": problem})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self.clock.monotonic() + TOKEN_SECONDS
        return say(
            200,
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": form["scope"],
            },
        )

    def _assertion_problem(self, assertion: str) -> str | None:
        """Hold an assertion against the profile of SMART, as strictly as one may."""
        if self.keys is None:
            return None
        try:
            decoded = jwt.decode(assertion, self.keys, algorithms=["ES384", "RS384"])
        except (JoseError, ValueError) as error:
            return type(error).__name__
        claims, now = decoded.claims, self.clock.now().timestamp() + self.skew
        if claims.get("aud") != f"{self.base}/token":
            return "aud"
        if claims.get("iss") != claims.get("sub") or claims.get("iss") != "folkepuls-test":
            return "iss"
        if not now < claims.get("exp", 0) <= now + 300:
            return "exp"
        if claims.get("jti") in self.used:
            return "jti"
        self.used.add(claims["jti"])
        return None

    def _metadata(self, _asked: Asked) -> Answer:
        operation = {"name": "export", "definition": "…/group-export"}
        resources: list[dict[str, Any]] = [
            {"type": kind, "searchParam": [{"name": "_lastUpdated"}]} for kind in TYPES
        ]
        resources += [{"type": each, "operation": [operation]} for each in ("Group", "Patient")]
        return say(
            200,
            {
                "resourceType": "CapabilityStatement",
                "fhirVersion": "4.0.1",
                "software": {"name": "Test", "version": "1"},
                "rest": [{"mode": "server", "resource": resources, "operation": [operation]}],
            },
        )

    def _group(self, asked: Asked) -> Answer:
        return say(200, {"resourceType": "Group", "id": asked.name, "quantity": 12})

    def _kickoff(self, _asked: Asked) -> Answer:
        job = secrets.token_hex(4)
        self.jobs.add(job)
        return say(202, None, Content_Location=f"{self.base}/status/{job}")

    def _status(self, asked: Asked) -> Answer:
        if asked.path.rpartition("/")[2] not in self.jobs:
            return say(404, outcome("not-found"))
        if asked.number <= self.polls:
            return say(202, None, X_Progress=f"{asked.number} of many", Retry_After="5")
        return say(200, self.manifest())

    def _file(self, asked: Asked) -> Answer:
        if asked.name == "deletions":
            return ndjson(self.deletions or b"")
        if asked.name == "outcomes":
            return ndjson(self.outcomes or b"")
        if asked.name not in self.files:
            return say(404, outcome("not-found"))
        return ndjson(self.files[asked.name][1])

    def _delete(self, asked: Asked) -> Answer:
        self.jobs.discard(asked.path.rpartition("/")[2])
        return say(202)

    def _other(self, _asked: Asked) -> Answer:
        return say(404, outcome("not-found"))


def ndjson(content: bytes, **changes: Any) -> Answer:
    answer = Answer(200, (content,), {"Content-Type": "application/fhir+ndjson"})
    for name, value in changes.items():
        setattr(answer, name, value)
    return answer


def _moment(timestamp: float) -> Any:
    import datetime as dt

    return dt.datetime.fromtimestamp(timestamp, dt.UTC)


def _kind(method: str, path: str) -> tuple[str, str]:
    last = path.rpartition("/")[2]
    if path.endswith("smart-configuration"):
        return "discovery", ""
    if path.endswith("/metadata"):
        return "metadata", ""
    if last == "$export":
        return "kickoff", ""
    if path.startswith("/status/"):
        return ("delete" if method == "DELETE" else "status"), ""
    if path.startswith("/files/"):
        return "file", last
    if "/Group/" in path:
        return "group", last
    return ("token", "") if path == "/token" else ("other", last)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    disable_nagle_algorithm = True
    bulk: ClassVar[Any]

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self._send(self.bulk.answer(self.command, self.path, headers, body))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815  (names of the library)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.length is not None:
            stated = len(answer.bytes) if answer.length == -1 else answer.length
            self.send_header("Content-Length", str(stated))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        self._write(answer)
        stated_wrong = answer.length not in (-1, len(answer.bytes))
        self.close_connection = self.close_connection or stated_wrong

    def _write(self, answer: Answer) -> None:
        left = answer.cut
        for at, piece in enumerate(answer.body):
            if at and answer.between is not None:
                answer.between()
            sent = piece if left is None else piece[:left]
            if answer.chunked:
                sent = b"%x\r\n%s\r\n" % (len(sent), sent) if sent else b""
            self.wfile.write(sent)
            self.wfile.flush()
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    self._reset()
                    return
        if answer.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that a test breaks is no news."""


@contextmanager
def serving(server: Any, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve on a free port of loopback.

    Yields:
        The origin.
    """
    handler = type("Handler", (_Handler,), {"bulk": server})
    http = _Http((host, 0), handler)
    server.base = f"http://{host}:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.base
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@dataclass
class Elsewhere:
    """A place that nobody should come to; it notes who does, and gives what they want."""

    asked: list[Mapping[str, str]] = field(default_factory=list)
    base: str = ""

    def answer(self, _method: str, _target: str, headers: Mapping[str, str], _b: bytes) -> Answer:
        self.asked.append(headers)
        return ndjson(lines([resource("Encounter", n) for n in range(30)]))

    @property
    def tokens(self) -> list[str]:
        return [each["authorization"] for each in self.asked if "authorization" in each]
