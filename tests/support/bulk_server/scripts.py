"""The ways in which the server misbehaves, and how an export must end then.

Belongs here: one entry for each way. Does not belong here: what is looked at afterwards (the
tests).
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from tests.support.bulk_server.answers import Answer, html, lines, outcome, say
from tests.support.bulk_server.clock import START, FakeClock
from tests.support.bulk_server.server import (
    Asked,
    BulkServer,
    Elsewhere,
    Script,
    ndjson,
    resource,
    usual_files,
)

EPOCH = int(START.timestamp())


@dataclass
class World:
    """What a way may touch before an export begins."""

    server: BulkServer
    elsewhere: Elsewhere
    clock: FakeClock


@dataclass(frozen=True)
class Way:
    """One way to misbehave.

    Attributes:
        name: Its name.
        prepare: Sets the server up.
        ends: ``delivery``, or the reason with which the export fails.
        site: Changes to the profile.
        truth: Lines that the delivery must hold, where they are not the usual ones.
        slept: A wait that must be among ours, to the second.
        naive_stops_too: The naive client does no harm here, it stops as ours does.
        strict: The naive client of this way takes every outcome for a failure.
    """

    name: str
    prepare: Callable[[World], None]
    ends: str = "delivery"
    site: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, list[bytes]] | None = None
    slept: float | None = None
    naive_stops_too: bool = False
    strict: bool = False


def first(kind: str, answer: Callable[[Asked], Answer], times: int = 1, name: str = "") -> Script:
    """The first answers of a kind; afterwards the server behaves."""

    def script(asked: Asked) -> Answer | None:
        mine = asked.kind == kind and name in ("", asked.name)
        return answer(asked) if mine and asked.number <= times else None

    return script


def always(kind: str, answer: Callable[[Asked], Answer], name: str = "") -> Script:
    return first(kind, answer, 10**9, name)


def scripted(script: Script) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.server.script = script

    return prepare


def _manifest(change: Callable[[dict[str, Any], World], Any]) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        def changed(manifest: dict[str, Any]) -> dict[str, Any]:
            return change(manifest, world) or manifest

        world.server.change_manifest = changed

    return prepare


def _status(status: int, **headers: str) -> Callable[[Asked], Answer]:
    return lambda _: say(status, None, **headers)


def _too_many(retry_after: str | None) -> Callable[[World], None]:
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return scripted(first("status", _status(429, **headers)))


def _file(**changes: Any) -> Callable[[Asked], Answer]:
    return lambda asked: ndjson(asked.server.files[asked.name][1], **changes)


def _replaced(name: str, content: bytes, kind: str = "Encounter") -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.server.files[name] = (kind, content)

    return prepare


def _e1(make: Callable[[bytes], Answer]) -> Callable[[World], None]:
    return scripted(always("file", lambda asked: make(asked.server.files["e1"][1]), "e1"))


def _with_header(body: bytes, **headers: str) -> Answer:
    answer = ndjson(body)
    answer.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    return answer


def _url(make: Callable[[World], str]) -> Callable[[World], None]:
    """The first file is said to lie somewhere else."""

    def change(manifest: dict[str, Any], world: World) -> None:
        manifest["output"][0]["url"] = make(world)

    return _manifest(change)


def _port(base: str) -> str:
    return base.rpartition(":")[2]


def _stall(_asked: Asked) -> Answer:
    body = usual_files()["e1"][1]
    return ndjson(b"", body=(body[:100], body[100:]), between=lambda: time.sleep(1.2))


def _drip(world: World) -> None:
    def slowly() -> None:
        time.sleep(0.03)
        world.clock.advance(40)

    def dripping(asked: Asked) -> Answer:
        body = asked.server.files["e1"][1]
        pieces = tuple(body[at : at + 300] for at in range(0, len(body), 300))
        return ndjson(b"", body=pieces, between=slowly)

    world.server.script = always("file", dripping, "e1")


def _pages(world: World, *, loop: bool = False, status: int = 200, time_of: str = "") -> None:
    """A manifest in as many pages as there are files."""

    def script(asked: Asked) -> Answer | None:
        if asked.kind != "status" or asked.number <= world.server.polls:
            return None
        page = int(asked.query.get("page", ["0"])[0])
        manifest = world.server.manifest()
        last = page == len(manifest["output"]) - 1
        manifest["output"] = manifest["output"][page : page + 1]
        if not last or loop:
            following = 0 if last else page + 1
            manifest["link"] = [{"relation": "next", "url": f"{asked.path}?page={following}"}]
        if page == 1 and time_of:
            manifest["transactionTime"] = time_of
        return say(200 if last else status, manifest, Retry_After="60")

    world.server.script = script


def _outcomes(*issues: Mapping[str, Any], key: str = "error") -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.server.outcomes = lines(list(issues))

        def renamed(manifest: dict[str, Any]) -> dict[str, Any]:
            manifest[key] = manifest.pop("error")
            return manifest

        world.server.change_manifest = renamed

    return prepare


def _deletions(kind: str) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.server.deletions = lines([bundle("Encounter/encounter-900")])

        def renamed(manifest: dict[str, Any]) -> dict[str, Any]:
            manifest["deleted"][0]["type"] = kind
            return manifest

        world.server.change_manifest = renamed

    return prepare


def bundle(url: str) -> dict[str, Any]:
    request = {"method": "DELETE", "url": url}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}


def _auth_script(script: Script) -> Callable[[World], None]:
    return scripted(script)


def _expire(world: World) -> None:
    """The token ends while the export is waited for."""

    def script(asked: Asked) -> Answer | None:
        if asked.kind == "status" and asked.number == 2:
            world.server.tokens.clear()
        return None

    world.server.script = script


def _get_only(asked: Asked) -> Answer | None:
    if asked.kind == "kickoff" and asked.method == "POST":
        return say(405, outcome("not-supported"))
    if asked.kind == "kickoff" and len(asked.query.get("_type", [])) != 3:
        return say(400, outcome("invalid"))
    return None


def _everywhere(asked: Asked) -> Answer | None:
    """The server restarts: it knows no job that was ordered before."""
    if asked.kind == "status" and asked.number == 2:
        asked.server.jobs.clear()
    return None


E1 = usual_files()["e1"][1]
E2 = usual_files()["e2"][1]
REPEATED = E1 + E1.splitlines(keepends=True)[3]
ACROSS = E2 + E1.splitlines(keepends=True)[3]
CONFLICT = E2 + lines([resource("Encounter", 3, status="planned")])
BOMB = gzip.compress(b'{"resourceType":"Encounter","id":"1","x":"' + b"0" * (80 << 20), 9)
BARE = lines([{"resourceType": "Encounter"}]) + E1

WAYS = [
    # Busy and broken: passes, or does not.
    Way("429 in seconds", _too_many("7"), slept=7),
    Way("429 as a date", _too_many(format_datetime(START, usegmt=True)), slept=1),
    Way("429 until a second of the epoch", _too_many(str(EPOCH + 12)), slept=10),
    Way("429 until a millisecond of the epoch", _too_many(str((EPOCH + 12) * 1000)), slept=10),
    Way("429 in milliseconds", _too_many("4000ms"), slept=4),
    Way("429 with an absurd wait", _too_many("99999999"), slept=300),
    Way("429 with a negative wait", _too_many("-5"), slept=1),
    Way("429 with nonsense", _too_many("in a while"), slept=1),
    Way(
        "429 without a word at the order",
        scripted(first("kickoff", _status(429), 2)),
        slept=2,
    ),
    Way("an absurd wait", scripted(first("status", _status(202, Retry_After="99999999"))), slept=300),
    Way("a wait until a date", scripted(first("status", _status(202, Retry_After=format_datetime(START, usegmt=True))))),
    Way("a wait until a millisecond", scripted(first("status", _status(202, Retry_After=str((EPOCH + 42) * 1000)))), slept=40),
    Way("429 for ever", scripted(always("status", _status(429))), "server_refuses", naive_stops_too=True),
    Way("500 twice", scripted(first("file", _status(500), 2, "e1"))),
    Way("502 at the order", scripted(first("kickoff", lambda _: html(502)))),
    Way("503 with a wait", scripted(first("file", _status(503, Retry_After="20"), 1, "c1")), slept=20),
    Way("504 five times", scripted(first("status", _status(504), 5))),
    Way("503 for ever", scripted(always("file", _status(503), "c1")), "server_fails"),
    Way(
        "an outcome that says it is transient",
        scripted(first("status", lambda _: say(400, outcome("transient")), 2)),
    ),
    Way(
        "an export that failed",
        scripted(always("status", lambda _: say(500, outcome("exception")))),
        "server_fails",
        naive_stops_too=True,
    ),
    # The wire.
    Way("reset in the middle", scripted(first("file", _file(cut=900), 2, "e1"))),
    Way("reset for ever", scripted(always("file", _file(cut=900), "e1")), "unreachable"),
    Way("chunks that break off", scripted(first("file", _file(chunked=True, cut=900), 1, "e1"))),
    Way("a body that stalls", scripted(first("file", _stall, 1, "e1")), site={"budgets": {"read_seconds": 0.5}}),
    Way("a body that drips", _drip, "too_slow"),
    Way("a length that is too short", scripted(always("file", _file(length=1000), "e1")), "not_ndjson"),
    Way("a length too short, once", scripted(first("file", _file(length=1000), 1, "e1"))),
    Way("a length that is too long", scripted(first("file", _file(length=99999), 1, "e1"))),
    Way(
        "no length, no chunks, no count",
        lambda world: (
            _manifest(lambda manifest, _: [entry.pop("count") for entry in manifest["output"]] and None)(world),
            scripted(always("file", lambda _: ndjson(E1[: E1.index(b"\n", 700) + 1], length=None), "e1"))(world),
        ) and None,
        "length_unknown",
    ),
    # Pages for people.
    Way("a login page once", scripted(first("file", lambda _: html(), 1, "e1"))),
    Way("a login page for ever", scripted(always("file", lambda _: html(), "e1")), "not_ndjson"),
    Way("a login page for a manifest", scripted(first("status", lambda _: html(), 9)), "manifest_invalid", naive_stops_too=True),
    # Compression.
    Way("gzip that is not announced", _e1(lambda body: ndjson(gzip.compress(body)))),
    Way("gzip announced and not there", _e1(lambda body: _with_header(body, Content_Encoding="gzip"))),
    Way("gzip twice", _e1(lambda body: _with_header(gzip.compress(gzip.compress(body)), Content_Encoding="gzip"))),
    Way("gzip that ends early", _e1(lambda body: ndjson(gzip.compress(body)[:-9])), "damaged_gzip"),
    Way("a bomb", _e1(lambda _: ndjson(BOMB)), "decompression_bomb"),
    Way("a compression nobody knows", _e1(lambda body: _with_header(body[::-1], Content_Encoding="zz")), "unknown_encoding"),
    # Counts and contents.
    Way("fewer lines than told", scripted(always("file", lambda _: ndjson(E1[: E1.index(b"\n", 700) + 1]), "e1")), "wrong_count"),
    Way("more lines than told", scripted(always("file", lambda _: ndjson(E1 + lines([resource("Encounter", 99)])), "e1")), "wrong_count"),
    Way("an empty file", scripted(always("file", lambda _: ndjson(b""), "e1")), "wrong_count"),
    Way("a line twice", _replaced("e1", REPEATED)),
    Way("a line again in another file", _replaced("e2", ACROSS)),
    Way("a resource again with other content", _replaced("e2", CONFLICT), "conflicting_copies"),
    Way("resources of another type", _replaced("e1", usual_files()["c1"][1]), "wrong_type"),
    Way("a resource without an id", _replaced("e1", BARE), "missing_id"),
    Way("bytes that are not UTF-8", _replaced("e1", E1.replace(b"finished", b"\xff\xfe", 1)), "not_ndjson"),
    Way("a type nobody asked for", _replaced("p1", lines([resource("Procedure", 1)]), "Procedure"), "unexpected_type"),
    Way("a file under another type", lambda world: world.server.files.update(e2=("Procedure", E2)), "unexpected_type"),
    Way("no file of a type that must be there", lambda world: [world.server.files.pop(name) for name in ("e1", "e2")] and None, "nothing_of_type"),
    Way("a file that is not there", scripted(always("file", _status(404), "c1")), "file_gone"),
    Way("a file past its time", scripted(always("file", _status(403), "c1")), "file_gone"),
    Way("deletions under another type", _deletions("Encounter"), truth={"Bundle": lines([bundle("Encounter/encounter-900")]).splitlines()}),
    Way("deletions among the resources", _replaced("d1", lines([bundle("Encounter/1")])), "wrong_type"),
    # Outcomes.
    Way("an outcome that is only information", _outcomes(outcome("informational", "information")), strict=True),
    Way("an outcome that is an error", _outcomes(outcome("exception")), "export_incomplete"),
    Way("an outcome under its new name", _outcomes(outcome("exception", "fatal"), key="outcome"), "export_incomplete"),
    Way("a warning that something is missing", _outcomes(outcome("incomplete", "warning")), "export_incomplete"),
    Way("an outcome of an unknown severity", _outcomes(outcome("exception", "kari")), "export_incomplete"),
    # Tokens.
    Way("a token that ends while waiting", _expire),
    Way("401 once", scripted(first("file", _status(401), 1, "o1"))),
    Way("401 for ever", scripted(always("file", _status(401), "o1")), "unauthorised"),
    Way("a token that reads less", scripted(always("token", lambda _: say(200, {"access_token": "t", "scope": "system/Encounter.rs"}))), "scope_reduced"),
    # Elsewhere.
    Way("a file on another host", _url(lambda world: f"{world.elsewhere.base}/files/e1"), "origin_refused"),
    Way("a redirect to another host", scripted(always("file", lambda asked: say(302, None, Location=f"{ELSEWHERE}/files/e1"), "e1")), "origin_refused"),
    Way("a redirect in a circle", scripted(always("file", lambda asked: say(302, None, Location=asked.path), "e1")), "redirect_refused"),
    Way("an order that is redirected", scripted(always("kickoff", lambda asked: say(307, None, Location=f"{ELSEWHERE}/fhir"))), "redirect_refused"),
    Way("a job on another host", scripted(always("kickoff", lambda _: say(202, None, Content_Location=f"{ELSEWHERE}/status/1"))), "origin_refused"),
    Way("a file of this machine", _url(lambda _: "file:///etc/passwd"), "origin_refused"),
    Way("a user name that looks like the host", _url(lambda world: f"{world.server.base}@localhost:{_port(ELSEWHERE)}/files/e1"), "origin_refused"),
    Way("a decimal address", _url(lambda world: f"http://2130706433:{_port(ELSEWHERE)}/files/e1"), "origin_refused"),
    Way("an address by IPv6", _url(lambda world: f"http://[::ffff:127.0.0.1]:{_port(ELSEWHERE)}/files/e1"), "origin_refused"),
    Way("the metadata address", _url(lambda _: "http://169.254.169.254/latest/meta-data"), "origin_refused"),
    Way("a backslash", _url(lambda world: f"{world.server.base}\\@localhost:{_port(ELSEWHERE)}/e1"), "origin_refused"),
    Way("another port", _url(lambda world: f"http://127.0.0.1:{_port(ELSEWHERE)}/files/e1"), "origin_refused"),
    # Manifests.
    Way("a manifest in pages", lambda world: _pages(world)),
    Way("pages while it is at work", lambda world: _pages(world, status=202)),
    Way("pages in a circle", lambda world: _pages(world, loop=True), "manifest_invalid"),
    Way("pages of two states", lambda world: _pages(world, time_of="2025-03-03T08:30:00Z"), "manifest_invalid"),
    Way("a file listed twice", _manifest(lambda manifest, _: manifest["output"].append(manifest["output"][0])), "manifest_invalid"),
    Way("no transaction time", _manifest(lambda manifest, _: manifest.pop("transactionTime") and None), "manifest_invalid"),
    Way("a transaction time to come", _manifest(lambda manifest, _: manifest.update(transactionTime="2099-01-01T00:00:00Z")), "manifest_invalid"),
    Way("a manifest that is no JSON", scripted(always("status", lambda _: Answer(200, (b"{output:",)))), "manifest_invalid", naive_stops_too=True),
    Way("an outcome for a manifest", scripted(always("status", lambda _: say(200, outcome()))), "manifest_invalid", naive_stops_too=True),
    Way("a manifest without end", scripted(always("status", lambda _: Answer(200, (b" " * (5 << 20),)))), "answer_too_large", naive_stops_too=True),
    # Jobs.
    Way("an export that never ends", scripted(always("status", _status(202, Retry_After="120"))), "out_of_time"),
    Way("a job that is forgotten", scripted(_everywhere), "job_forgotten", naive_stops_too=True),
    Way("an order without a job", scripted(always("kickoff", _status(202))), "kickoff_refused", naive_stops_too=True),
    Way("an order that needs GET", scripted(_get_only)),
    Way("a DELETE that is refused", scripted(always("delete", _status(405)))),
    Way("a DELETE that fails", scripted(always("delete", _status(500)))),
]  # fmt: skip

ELSEWHERE = "http://elsewhere.invalid"


def set_elsewhere(base: str) -> None:
    """Where the other place is; its port is known only when it is up."""
    global ELSEWHERE
    ELSEWHERE = base


def told(way: Way) -> str:
    return json.dumps(way.name)
