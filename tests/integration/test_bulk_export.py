"""An export from a server that behaves: the delivery, every level, verb, key, and what is asked."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.catalogue.profiles import load_profile
from pipelines.catalogue.sources import load_sources
from pipelines.clients.bulk import Event, ExportError, NotReadyError, Options, run_export
from pipelines.clients.delivered_files import find_deliveries, read_manifest
from pipelines.ingest import inbox, ingest_delivery
from pipelines.ingest.ledger import read_ledger
from pipelines.settings import Zones
from tests.support.bulk_server.answers import Answer, lines, outcome, say
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import (
    auth,
    export,
    profile,
    public_keys,
    site,
    write_profile,
)
from tests.support.bulk_server.scripts import bundle
from tests.support.bulk_server.server import TYPES, Asked, BulkServer, serving
from tests.support.deliveries import KEY, encounter


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_straight_export_becomes_a_delivery(algorithm: str, tmp_path: Path) -> None:
    clock = FakeClock()
    server = BulkServer(clock, keys=public_keys((algorithm, "k1")))
    with serving(server) as base:
        chosen = profile(tmp_path, base, auth=auth(tmp_path, (algorithm, "k1")))
        exported = export(chosen, tmp_path / "home", Options(clock=clock))
    (delivery,) = find_deliveries(tmp_path / "home" / "identified" / "inbox")
    manifest = read_manifest(delivery)
    assert exported.rows == {"Encounter": 50, "Condition": 25, "Observation": 40}
    assert manifest.kind == "full"
    assert manifest.cohort == "trondheim-1"
    assert delivery.name == "test-trondheim-1-20250303T080000000000Z"
    assert [file.name for file in manifest.files] == [
        "Encounter-0001.ndjson",
        "Encounter-0002.ndjson",
        "Condition-0001.ndjson",
        "Observation-0001.ndjson",
    ]
    assert exported.deleted_at_server
    assert server.jobs == set()
    assert server.count("file") == 4
    (kickoff,) = [one for one in server.asked if one.kind == "kickoff"]
    assert kickoff.path == "/fhir/Group/g1/$export"
    assert json.loads(kickoff.body)["parameter"].count(
        {"name": "_type", "valueString": "Encounter"}
    )
    left = [p for p in (tmp_path / "home/identified/exports").rglob("*") if p.suffix == ".ndjson"]
    assert left == []


@pytest.mark.parametrize(
    ("site", "method", "path", "types"),
    [
        ({"groups": []}, "POST", "/fhir/Patient/$export", None),
        ({"groups": [], "level": "system"}, "POST", "/fhir/$export", None),
        ({"server": {"kickoff": ["GET"]}}, "GET", "/fhir/Group/g1/$export", list(TYPES)),
        ({"extends": "epic"}, "GET", "/fhir/Group/g1/$export", [",".join(TYPES)]),
        ({"extends": "hapi"}, "POST", "/fhir/Group/g1/$export", None),
    ],
)
def test_an_order_as_the_kind_of_server_wants_it(
    site: dict[str, Any], method: str, path: str, types: list[str] | None, tmp_path: Path
) -> None:
    server = BulkServer(FakeClock())
    with serving(server) as base:
        export(profile(tmp_path, base, **site), tmp_path / "home", Options(clock=server.clock))
    (order,) = [one for one in server.asked if one.kind == "kickoff"]
    assert (order.method, order.path) == (method, path)
    assert order.query.get("_type") == types
    assert order.headers["prefer"] == "respond-async"


def test_what_is_delivered_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the real door: resources, deletions, and a type of which there is nothing."""
    listed = {"cohorts": {"sykehus": ("trondheim-1",)}}
    source = load_sources()["synthetic"].model_copy(update=listed)
    monkeypatch.setattr(inbox, "load_sources", lambda: {"synthetic": source})
    server = BulkServer(FakeClock())
    server.files = {"e1": ("Encounter", lines([encounter(n) for n in range(20)]))}
    server.deletions = lines([bundle("Encounter/enk-900"), bundle("Condition/dia-1")])
    zones = Zones(tmp_path / "home").create()
    with serving(server) as base:
        chosen = profile(tmp_path, base)
        exported = run_export(
            chosen, zones, shard="trondheim-1", options=Options(clock=server.clock)
        )
    (delivery,) = find_deliveries(zones.inbox)
    result = ingest_delivery(delivery, zones=zones, key=KEY)
    assert result.state == "committed"
    loaded = {file.entity: (file.loaded_rows, file.reason) for file in result.files}
    assert loaded["Encounter"] == (20, None)
    assert loaded["Condition"] == (0, None)
    assert loaded["Observation"] == (0, None)
    assert loaded["Bundle"] == (2, None)
    assert exported.rows["Condition"] == 0
    # It stands for all of this cohort, and of nobody else (``spec/test_staging_models``).
    (entry,) = read_ledger(zones).values()
    assert entry.cohort == "trondheim-1"
    assert entry.delivery_rows()["is_complete"].all()
    assert set(entry.delivery_rows()["cohort"]) == {"trondheim-1"}


def test_changes_are_asked_for_since_the_last_state_shown(tmp_path: Path) -> None:
    server = BulkServer(FakeClock())
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        options = Options(clock=server.clock)
        with pytest.raises(ExportError, match="since_unsupported"):
            export(chosen, home, options, since_last=True)
        export(chosen, home, options)
        server.change_manifest = lambda stated: {
            **stated, "transactionTime": "2025-03-03T08:45:00Z", "output": stated["output"][1:2]
        }  # fmt: skip
        exported = export(chosen, home, options, since_last=True)
        # A delta holds little, and that is no drop; the next full export is held against the last.
        assert exported.kind == "delta"
        server.change_manifest = lambda stated: {
            **stated, "transactionTime": "2025-03-03T08:50:00Z", "output": stated["output"][1:]
        }  # fmt: skip
        with pytest.raises(ExportError, match="too_few"):
            export(chosen, home, options)
    orders = [json.loads(one.body) for one in server.asked if one.kind == "kickoff"]
    since = {"name": "_since", "valueInstant": "2025-03-03T08:00:00.000Z"}
    assert [since in order["parameter"] for order in orders] == [False, True, False]
    kinds = [read_manifest(each).kind for each in find_deliveries(home / "identified/inbox")]
    assert kinds == ["full", "delta"]


def test_changes_of_a_type_that_is_new_are_not_all_there_is_of_it(tmp_path: Path) -> None:
    server = BulkServer(FakeClock())
    with serving(server) as base:
        home, options = tmp_path / "home", Options(clock=server.clock)
        fewer = profile(tmp_path, base, types=["Encounter"], ignored_types=TYPES[1:])
        export(fewer, home, options)
        with pytest.raises(ExportError, match=r"since_unsupported.*in full once"):
            export(profile(tmp_path, base), home, options, since_last=True)
    assert server.count("kickoff") == 1


def test_far_fewer_resources_than_last_time_need_a_word(tmp_path: Path) -> None:
    """Status 200 and most of the output missing, with counts that fit what is there."""
    server = BulkServer(FakeClock())
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        export(chosen, home, Options(clock=server.clock))
        server.change_manifest = lambda stated: {
            **stated, "transactionTime": "2025-03-03T08:45:00Z", "output": stated["output"][:2]
        }  # fmt: skip
        with pytest.raises(ExportError, match=r"too_few.*Condition.*--accept-drop"):
            export(chosen, home, Options(clock=server.clock))
        assert len(find_deliveries(home / "identified/inbox")) == 1
        exported = export(chosen, home, Options(clock=server.clock, accept_drop=True))
    assert exported.rows == {"Encounter": 50, "Condition": 0, "Observation": 0}


def test_the_same_state_twice_is_one_delivery(tmp_path: Path) -> None:
    server = BulkServer(FakeClock())
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        first = export(chosen, home, Options(clock=server.clock))
        second = export(chosen, home, Options(clock=server.clock))
        assert (first.new, second.new) == (True, False)
        assert first.delivery == second.delivery
        server.files["e2"] = server.files["e1"]
        server.files.pop("e1")
        with pytest.raises(ExportError, match="delivery_exists"):
            export(chosen, home, Options(clock=server.clock))


def test_whoever_has_no_patience_comes_back_to_the_same_job(tmp_path: Path) -> None:
    server = BulkServer(FakeClock(), polls=4)
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        options = Options(clock=server.clock, patience_seconds=0)
        for visit in range(5):
            with pytest.raises(NotReadyError) as caught:
                export(chosen, home, options)
            assert caught.value.wait_seconds <= 5
            assert server.count("status") == visit
            with pytest.raises(NotReadyError):
                export(chosen, home, options)
            # Nobody asks before the server wants to be asked.
            assert server.count("status") == visit
            server.clock.sleep(caught.value.wait_seconds)
        assert export(chosen, home, options).new
    assert server.count("kickoff") == 1


def test_a_profile_that_has_changed_lets_go_of_its_old_job(tmp_path: Path) -> None:
    server = BulkServer(FakeClock(), polls=1)
    with serving(server) as base:
        home = tmp_path / "home"
        impatient = Options(clock=server.clock, patience_seconds=0)
        with pytest.raises(NotReadyError):
            export(profile(tmp_path, base), home, impatient)
        first = set(server.jobs)
        fewer = profile(tmp_path, base, types=["Encounter"], ignored_types=TYPES[1:])
        exported = export(fewer, home, Options(clock=server.clock))
    assert exported.rows == {"Encounter": 50}
    assert server.count("kickoff") == 2
    assert first.isdisjoint(server.jobs)
    assert server.count("file", "c1") == 0


def test_a_job_that_could_not_be_deleted_is_deleted_before_the_next_order(tmp_path: Path) -> None:
    failing = True

    def script(asked: Asked) -> Answer | None:
        if asked.kind == "kickoff" and asked.server.jobs:
            return say(429)
        return say(503) if asked.kind == "delete" and failing else None

    server = BulkServer(FakeClock(), script=script)
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        exported = export(chosen, home, Options(clock=server.clock))
        assert exported.deleted_at_server is False
        failing = False
        assert export(chosen, home, Options(clock=server.clock)).deleted_at_server
    assert server.jobs == set()


def test_one_export_at_a_time_where_the_server_takes_no_more(tmp_path: Path) -> None:
    """Two profiles of one client and group; the second is refused while the first is under way."""
    server = BulkServer(FakeClock())
    refused: list[str] = []
    with serving(server) as base:
        first = load_profile(write_profile(tmp_path, site(base, extends="epic"), "first"))
        second = load_profile(write_profile(tmp_path, site(base, extends="epic"), "second"))
        free = load_profile(write_profile(tmp_path, site(base), "free"))

        def meanwhile(event: Event) -> None:
            if event.step == "waiting" and not refused:
                refused.append("tried")
                with pytest.raises(ExportError) as caught:
                    export(second, tmp_path / "home", Options(clock=server.clock))
                refused.append(caught.value.reason)
                export(free, tmp_path / "home", Options(clock=server.clock))

        export(first, tmp_path / "home", Options(clock=server.clock, progress=meanwhile))
        export(second, tmp_path / "home", Options(clock=server.clock))
    assert refused == ["tried", "busy"]


def test_a_full_disk_is_told_and_what_has_come_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = BulkServer(FakeClock())
    usual, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(descriptor)

    with serving(server) as base:
        chosen, home = profile(tmp_path, base, budgets={"downloads": 1}), tmp_path / "home"
        monkeypatch.setattr("pipelines.clients.bulk.downloads.os.fsync", full)
        with pytest.raises(ExportError, match="disk_full"):
            export(chosen, home, Options(clock=server.clock))
        monkeypatch.undo()
        assert find_deliveries(home / "identified/inbox") == []
        export(chosen, home, Options(clock=server.clock))
    assert server.count("kickoff") <= 2


def test_an_export_that_was_refused_leaves_nothing_of_a_person_behind(tmp_path: Path) -> None:
    server = BulkServer(FakeClock())
    server.outcomes = lines([outcome("exception")])
    with serving(server) as base, pytest.raises(ExportError, match="export_incomplete"):
        export(profile(tmp_path, base), tmp_path / "home", Options(clock=server.clock))
    assert server.jobs == set()
    assert list((tmp_path / "home/identified/exports").rglob("*.ndjson")) == []


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    server = BulkServer(FakeClock())
    with serving(server) as base:
        exported = export(profile(tmp_path, base), tmp_path / "home", Options(clock=server.clock))
    assert {path.stat().st_mode & 0o777 for path in exported.delivery.iterdir()} == {0o600}
    assert exported.delivery.stat().st_mode & 0o777 == 0o700


def test_a_job_that_cannot_be_given_up_is_told_with_the_reason(tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | None:
        return say(503) if asked.kind == "delete" else None

    server = BulkServer(FakeClock(), script=script)
    server.outcomes = lines([outcome("exception")])
    with serving(server) as base, pytest.raises(ExportError, match="export_incomplete") as caught:
        export(profile(tmp_path, base), tmp_path / "home", Options(clock=server.clock))
    assert any("server_fails" in note for note in caught.value.__notes__)


def test_what_came_before_the_budget_was_used_up_is_not_fetched_again(tmp_path: Path) -> None:
    failing = True

    def script(asked: Asked) -> Answer | None:
        return say(503) if asked.kind == "file" and asked.name == "o1" and failing else None

    server = BulkServer(FakeClock(), script=script)
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        with pytest.raises(ExportError, match="server_fails"):
            export(chosen, home, Options(clock=server.clock))
        failing = False
        spoilt = next(home.rglob("000001.ndjson"))
        spoilt.write_bytes(spoilt.read_bytes()[:-5])
        export(chosen, home, Options(clock=server.clock))
    assert server.count("kickoff") == 1
    # The one that was changed on disk is fetched again, and no other.
    assert [server.count("file", name) for name in ("e1", "e2", "c1")] == [1, 2, 1]


def test_a_state_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    server = BulkServer(FakeClock())
    with serving(server) as base:
        chosen, home = profile(tmp_path, base), tmp_path / "home"
        export(chosen, home, Options(clock=server.clock))
        next(home.rglob("delivered.json")).write_text("{}")
        with pytest.raises(ExportError, match=r"state_unreadable.*delivered.json"):
            export(chosen, home, Options(clock=server.clock))
