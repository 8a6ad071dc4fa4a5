"""Whatever a server does, an export ends right or fails clean; and a naive client does not.

For each way: no silent loss, no duplicate, no token elsewhere, no wait beyond the clamp, no hang,
no more than six tries per address, and no word of a person or a token in what is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpcore
import pytest

from pipelines.clients.bulk import ExportError, Options
from pipelines.clients.delivered_files import find_deliveries, read_manifest
from tests.support.bulk_server import scripts
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import auth, export, profile, public_keys
from tests.support.bulk_server.naive import LONGEST_WAIT, harm, naive_export, reached
from tests.support.bulk_server.scripts import Way, World
from tests.support.bulk_server.server import TYPES, BulkServer, Elsewhere, serving, usual_files
from tests.support.bulk_server.ways import WAYS

BUDGET_SECONDS = 30 * 60
TRIES = 6


@pytest.fixture
def world() -> Iterator[World]:
    clock = FakeClock()
    server, elsewhere = BulkServer(clock, keys=public_keys()), Elsewhere()
    with serving(server), serving(elsewhere) as base:
        scripts.set_elsewhere(base)
        yield World(server, elsewhere, clock)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that anything of ours connects to."""
    made: list[str] = []
    usual = httpcore.SyncBackend.connect_tcp

    def noted(self, host, port, *rest, **named):
        made.append(f"{host}:{port}")
        return usual(self, host, port, *rest, **named)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", noted)
    return made


def usual_lines() -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for kind, content in usual_files().values():
        found.setdefault(kind, []).extend(content.splitlines())
    return found


def delivered_lines(inbox: Path) -> Mapping[str, list[bytes]]:
    (delivery,) = find_deliveries(inbox)
    found: dict[str, list[bytes]] = {}
    for file in read_manifest(delivery).files:
        content = (Path(delivery.url) / file.name).read_bytes()
        found.setdefault(file.entity, []).extend(content.splitlines())
    return found


def test_there_are_more_than_enough_ways() -> None:
    names = [way.name for way in WAYS]
    assert len(set(names)) == len(names) >= 25


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.replace(" ", "-"))
def test_an_export_ends_right_or_fails_clean(
    way: Way, world: World, connections: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    way.prepare(world)
    site = {"auth": auth(tmp_path), **way.site}
    chosen = profile(tmp_path, world.server.base, **site)
    inbox = tmp_path / "home" / "identified" / "inbox"
    told = ""
    if way.ends == "delivery":
        export(chosen, tmp_path / "home", Options(clock=world.clock))
        lines = delivered_lines(inbox)
        truth = usual_lines() | dict(way.truth or {})
        assert {kind: sorted(got) for kind, got in lines.items()} == {
            kind: sorted(wanted) for kind, wanted in truth.items()
        }
    else:
        with pytest.raises(ExportError) as caught:
            export(chosen, tmp_path / "home", Options(clock=world.clock))
        told = str(caught.value)
        assert caught.value.reason == way.ends, told
        assert find_deliveries(inbox) == []
    told += "".join(capsys.readouterr())
    assert "Kari" not in told
    assert not any(token in told for token in world.server.tokens)
    assert reached(world.elsewhere) == set()
    assert set(connections) <= {world.server.base.removeprefix("http://")}
    assert max(world.clock.slept, default=0) <= LONGEST_WAIT
    assert world.clock.monotonic() <= BUDGET_SECONDS
    assert way.slept is None or any(abs(s - way.slept) <= 1 for s in world.clock.slept)
    tries = Counter(
        (one.method, one.path, one.name) for one in world.server.asked if one.kind == "file"
    )
    renewed = 2 if way.name.startswith("401") else 1
    assert max(tries.values(), default=0) <= TRIES * renewed


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.replace(" ", "-"))
def test_a_naive_client_does_not(way: Way, world: World, tmp_path: Path) -> None:
    way.prepare(world)
    found = naive_export(world.server, world.clock, tmp_path, strict=way.strict)
    truth = usual_lines() | dict(way.truth or {}) if way.ends == "delivery" else None
    harms = harm(found, truth, world.clock) | reached(world.elsewhere)
    if way.naive_stops_too:
        assert harms == set()
        assert found.stopped
    else:
        assert harms, "the naive client came through: this way catches nobody"


def test_a_naive_client_is_right_where_the_server_is(world: World, tmp_path: Path) -> None:
    found = naive_export(world.server, world.clock, tmp_path)
    assert harm(found, usual_lines(), world.clock) == set()
    assert set(found.lines) == set(TYPES)
