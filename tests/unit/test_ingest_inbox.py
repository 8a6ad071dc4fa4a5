"""What waits in the inbox, how it got there, and what the ledger tells once it is taken in."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import fsspec
import pytest

from pipelines.clients.delivered_files import find_deliveries
from pipelines.ingest import (
    FileResult,
    IngestError,
    ingest_pending,
    pending_deliveries,
    refused_deliveries,
    take_in,
)
from pipelines.ingest.ledger import delivered_years, latest_transaction, origin_of
from pipelines.settings import Zones
from tests.support.deliveries import KEY, condition, encounter, patient, take, tree, write_delivery
from tests.support.yearly_deliveries import PERSONS, yearly_deliveries


def test_what_waits_comes_latest_persons_first_then_by_time(zones: Zones) -> None:
    found = {d.name: d for d in yearly_deliveries(zones.inbox)}
    write_delivery(zones.inbox, "broken", {"Encounter-1.ndjson": []}, manifest=False)
    (zones.inbox / "synthetic" / "a__b").mkdir()
    order = ["p-2025", "p-2024", "p-2023", "k-2023", "s-2023"]
    assert [p.delivery for p in pending_deliveries(zones)] == order
    first = pending_deliveries(zones)[0]
    assert (first.delivering_organisation, first.period_start) == (
        "personregister",
        dt.date(2024, 1, 1),
    )
    assert [r.reason for r in refused_deliveries(zones)] == ["unsafe_name", "manifest_missing"]
    assert "a__b" not in str(refused_deliveries(zones))
    take(zones, found["p-2025"])
    seen: list[tuple[str, FileResult]] = []
    results = ingest_pending(zones, KEY, lambda delivery, file: seen.append((delivery, file)))
    assert [r.delivery for r in results[:4]] == order[1:]
    assert [r.state for r in results] == ["committed"] * 4 + ["refused"] * 2
    assert len(seen) == 5
    assert pending_deliveries(zones) == []
    assert all(
        take(zones, each).state in ("seen_before", "refused")
        for each in find_deliveries(zones.inbox)
    )


def test_an_inbox_elsewhere_is_as_good(zones: Zones, tmp_path: Path) -> None:
    yearly_deliveries(tmp_path / "inbox")
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "inbox"), "/far", recursive=True)
    try:
        results = ingest_pending(zones, KEY, inbox="memory://far")
    finally:
        system.rm("/far", recursive=True)
    other = Zones(tmp_path / "other").create()
    ingest_pending(other, KEY, inbox=tmp_path / "inbox")
    assert len(results) == 5
    assert tree(zones.restricted) == tree(other.restricted)


def test_deliveries_are_taken_into_the_inbox(zones: Zones, tmp_path: Path) -> None:
    yearly_deliveries(tmp_path / "extract")
    assert len(take_in([tmp_path / "extract"], zones)) == 5
    one = tmp_path / "extract" / "synthetic" / "p-2023"
    (again,) = take_in([one], zones)
    assert again.name == "p-2023"
    assert tree(zones.inbox) == tree(tmp_path / "extract")
    assert (zones.inbox / "synthetic" / "p-2023" / "Patient-1.ndjson").stat().st_mode & 0o77 == 0
    ingest_pending(zones, KEY)
    with pytest.raises(IngestError, match=r"no manifest\.json"):
        take_in([zones.restricted], zones)
    changed = write_delivery(
        tmp_path / "extract", "p-2023", {"Patient-1.ndjson": [patient(9)]}, **PERSONS
    )
    with pytest.raises(IngestError, match="changed_after_commit"):
        take_in([Path(changed.url)], zones)
    loose = tmp_path / "loose"
    shutil.copytree(one, loose)
    with pytest.raises(IngestError, match="manifest_mismatch"):
        take_in([loose], zones)


def test_a_mended_delivery_takes_the_place_of_the_broken_one(zones: Zones, tmp_path: Path) -> None:
    files = {"Encounter-1.ndjson": [encounter(1)], "Condition-1.ndjson": [condition(1)]}
    broken = write_delivery(tmp_path / "extract", "s1", files)
    (Path(broken.url) / "Condition-1.ndjson").unlink()
    take_in([tmp_path / "extract"], zones)
    (result,) = ingest_pending(zones, KEY)
    assert [f.reason for f in result.files] == [None, "file_missing"]
    files["Condition-1.ndjson"] = [condition(2)]
    write_delivery(tmp_path / "extract", "s1", files)
    take_in([tmp_path / "extract"], zones)
    (result,) = ingest_pending(zones, KEY)
    assert [f.state for f in result.files] == ["loaded", "loaded"]
    link = Path(broken.url) / "Condition-1.ndjson"
    write_delivery(tmp_path / "extract", "s2", {"Condition-1.ndjson": [condition(3)]})
    linked = tmp_path / "extract" / "synthetic" / "s2" / "Condition-1.ndjson"
    linked.unlink()
    linked.symlink_to(link)
    with pytest.raises(IngestError, match="file_unreadable"):
        take_in([linked.parent], zones)


def test_what_the_ledger_tells_about_all(zones: Zones) -> None:
    assert not delivered_years(zones)
    with pytest.raises(IngestError, match="Nothing has been taken in"):
        origin_of(zones)
    for delivery in yearly_deliveries(zones.inbox):
        take(zones, delivery)
    later = write_delivery(
        zones.inbox,
        "s-2026",
        {"Encounter-1.ndjson": [encounter(99)]},
        change=lambda m: m.update(period_start="2022-01-01", period_end="2026-12-31"),
    )
    take(zones, later)
    assert delivered_years(zones) == range(2022, 2027)
    assert latest_transaction(zones) == "2026-01-05T00:00:00+00:00"
    assert origin_of(zones) == (
        dt.date(2022, 1, 1),
        dt.date(2026, 12, 31),
        "2026-01-05T00:00:00+00:00",
        True,
    )
