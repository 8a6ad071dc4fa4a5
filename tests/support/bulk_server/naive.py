"""A client as one writes it in an afternoon: believes the server, checks nothing.

Belongs here: the twin that each script must catch. Does not belong here: anything ours does.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.bulk_server.clock import FakeClock, HangError
from tests.support.bulk_server.server import TYPES, BulkServer, Elsewhere

LONGEST_WAIT = 300


@dataclass
class Naive:
    """What the naive client ended with.

    Attributes:
        lines: Lines by type that it would hand on.
        stopped: It gave up with an error.
        hung: It would have waited for hours.
    """

    lines: dict[str, list[bytes]] = field(default_factory=dict)
    stopped: bool = False
    hung: bool = False


def naive_export(
    server: BulkServer, clock: FakeClock, folder: Path, *, strict: bool = False
) -> Naive:
    """Export as told by the server; ``strict`` gives up on any outcome."""
    found = Naive()
    headers = {"Authorization": f"Bearer {_token(server)}"}
    # Even a naive client has httpx's own time limits.
    with httpx.Client(follow_redirects=True, timeout=1, headers=headers, trust_env=False) as client:
        try:
            _export(client, server, clock, folder, found, strict=strict)
        except HangError:
            found.hung = True
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
            found.stopped = True
    return found


def _export(
    client: httpx.Client,
    server: BulkServer,
    clock: FakeClock,
    folder: Path,
    found: Naive,
    *,
    strict: bool,
) -> None:
    body = {"resourceType": "Parameters", "parameter": []}
    reply = client.post(f"{server.base}/fhir/Group/g1/$export", json=body)
    reply.raise_for_status()
    status_url = reply.headers["content-location"]
    while (reply := client.get(status_url)).status_code == 202:
        clock.sleep(float(reply.headers.get("retry-after", 1)))
    reply.raise_for_status()
    if strict and reply.json()["error"]:
        raise ValueError("an outcome")
    for position, entry in enumerate(reply.json()["output"]):
        path = folder / f"{entry['type']}-{position}.ndjson"
        # One broken file is no reason to lose the others.
        with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL, OSError):
            with client.stream("GET", entry["url"]) as response:
                response.raise_for_status()
                path.write_bytes(b"".join(response.iter_bytes()))
            found.lines.setdefault(entry["type"], []).extend(path.read_bytes().splitlines())
    client.delete(status_url).raise_for_status()


def harm(found: Naive, truth: Mapping[str, list[bytes]] | None, clock: FakeClock) -> set[str]:
    """What is wrong with what the naive client did.

    Args:
        found: What it ended with.
        truth: Lines by type that are right; null: there must be no delivery at all.
        clock: Its clock.
    """
    harms = set()
    if found.hung:
        harms.add("hung")
    if max(clock.slept, default=0) > LONGEST_WAIT:
        harms.add("long wait")
    if truth is None:
        delivered = not found.stopped and not found.hung
        return harms | ({"doubtful delivery"} if delivered else set())
    if found.stopped:
        harms.add("stopped")
    for kind in {*TYPES, *truth, *found.lines}:
        wanted, got = truth.get(kind, []), found.lines.get(kind, [])
        if set(wanted) - set(got):
            harms.add("loss")
        if max(Counter(got).values(), default=0) > 1:
            harms.add("duplicate")
        if set(got) - set(wanted):
            harms.add("other lines")
    return harms


def reached(elsewhere: Elsewhere) -> set[str]:
    """Harm that shows in a place where nobody should have come."""
    harms = {"connected elsewhere"} if elsewhere.asked else set()
    return harms | ({"token elsewhere"} if elsewhere.tokens else set())


def _token(server: BulkServer) -> str:
    """A token that the server takes for five minutes, as if it had been asked for."""
    token = json.dumps({"naive": 1}).encode().hex()
    server.tokens[token] = server.clock.monotonic() + 300
    return token
