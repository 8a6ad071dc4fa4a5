"""The ways in which the server misbehaves, and how an export must end then.

Belongs here: one entry for each way. Does not belong here: what is looked at afterwards (the
tests).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.bulk_server.answers import Answer, lines, outcome, say
from tests.support.bulk_server.clock import START, FakeClock
from tests.support.bulk_server.server import (
    Asked,
    BulkServer,
    Elsewhere,
    Script,
    ndjson,
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


def manifest_with(change: Callable[[dict[str, Any], World], Any]) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        def changed(manifest: dict[str, Any]) -> dict[str, Any]:
            return change(manifest, world) or manifest

        world.server.change_manifest = changed

    return prepare


def status(status: int, **headers: str) -> Callable[[Asked], Answer]:
    return lambda _: say(status, None, **headers)


def too_many(retry_after: str | None) -> Callable[[World], None]:
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return scripted(first("status", status(429, **headers)))


def whole_file(**changes: Any) -> Callable[[Asked], Answer]:
    return lambda asked: ndjson(asked.server.files[asked.name][1], **changes)


def replaced(name: str, content: bytes, kind: str = "Encounter") -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.server.files[name] = (kind, content)

    return prepare


def e1(make: Callable[[bytes], Answer]) -> Callable[[World], None]:
    return scripted(always("file", lambda asked: make(asked.server.files["e1"][1]), "e1"))


def with_header(body: bytes, **headers: str) -> Answer:
    answer = ndjson(body)
    answer.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    return answer


def url(make: Callable[[World], str]) -> Callable[[World], None]:
    """The first file is said to lie somewhere else."""

    def change(manifest: dict[str, Any], world: World) -> None:
        manifest["output"][0]["url"] = make(world)

    return manifest_with(change)


def port(base: str) -> str:
    return base.rpartition(":")[2]


def stall(_asked: Asked) -> Answer:
    body = usual_files()["e1"][1]
    return ndjson(b"", body=(body[:100], body[100:]), between=lambda: time.sleep(1.2))


def drip(world: World) -> None:
    def slowly() -> None:
        time.sleep(0.03)
        world.clock.advance(40)

    def dripping(asked: Asked) -> Answer:
        body = asked.server.files["e1"][1]
        pieces = tuple(body[at : at + 300] for at in range(0, len(body), 300))
        return ndjson(b"", body=pieces, between=slowly)

    world.server.script = always("file", dripping, "e1")


def pages(world: World, *, loop: bool = False, status: int = 200, time_of: str = "") -> None:
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


def outcomes(*issues: Mapping[str, Any], key: str = "error") -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.server.outcomes = lines(list(issues))

        def renamed(manifest: dict[str, Any]) -> dict[str, Any]:
            manifest[key] = manifest.pop("error")
            return manifest

        world.server.change_manifest = renamed

    return prepare


def deletions(kind: str) -> Callable[[World], None]:
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


def expire(world: World) -> None:
    """The token ends while the export is waited for."""

    def script(asked: Asked) -> Answer | None:
        if asked.kind == "status" and asked.number == 2:
            world.server.tokens.clear()
        return None

    world.server.script = script


def get_only(asked: Asked) -> Answer | None:
    if asked.kind == "kickoff" and asked.method == "POST":
        return say(405, outcome("not-supported"))
    if asked.kind == "kickoff" and len(asked.query.get("_type", [])) != 3:
        return say(400, outcome("invalid"))
    return None


def restarted(asked: Asked) -> Answer | None:
    """The server restarts: it knows no job that was ordered before."""
    if asked.kind == "status" and asked.number == 2:
        asked.server.jobs.clear()
    return None


def unproven(world: World) -> None:
    """Cut between two lines, and nothing by which one could tell."""
    cut = usual_files()["e1"][1]
    cut = cut[: cut.index(b"\n", 700) + 1]

    def uncounted(stated: dict[str, Any]) -> dict[str, Any]:
        for entry in stated["output"]:
            del entry["count"]
        return stated

    world.server.change_manifest = uncounted
    world.server.script = always("file", lambda _: ndjson(cut, length=None), "e1")


def without_encounters(world: World) -> None:
    """The manifest names only part of what was asked for."""
    del world.server.files["e1"], world.server.files["e2"]


ELSEWHERE = "http://elsewhere.invalid"


def set_elsewhere(base: str) -> None:
    """Where the other place is; its port is known only when it is up."""
    global ELSEWHERE
    ELSEWHERE = base
