"""Large tables are cut into files by person: one zone in any order, and small changes stay small.

Belongs here: what the cutting must not change, and what it is for. Does not belong here: who is
graded (``test_gradings``).
"""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalogue.entities import restricted_tables
from pipelines.ingest import Limits, Options, parts, restricted
from pipelines.ingest.ledger import sweep
from pipelines.settings import Zones
from tests.support.deliveries import encounter, patient, rows, take, tree, write_delivery
from tests.support.empty_zones import empty_zones

PERSONS = 60
SPILLED = Options(limits=Limits(rows_in_memory=2, cut_rows=2, stretch_rows=3), threads=1)
IN_MEMORY = Options(threads=1)
TABLE = restricted_tables()["encounter"]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 8)


def persons(inbox: Path, month: int, graded: set[int]) -> Any:
    listed = [patient(n, graded="V" if n in graded else None) for n in range(PERSONS)]
    return write_delivery(
        inbox,
        f"p-{month}",
        {"Patient-1.ndjson": listed},
        organisation="personregister",
        time=dt.datetime(2024, month, 5, tzinfo=dt.UTC),
        kind="delta",
    )


def stays(inbox: Path) -> Any:
    unknown = [encounter(900, subject=None), encounter(901, subject=None)]
    listed = [encounter(n, n % PERSONS) for n in range(3 * PERSONS)]
    return write_delivery(inbox, "s-1", {"Encounter-1.ndjson": listed + unknown})


def taken(home: Path, deliveries: list[Any], options: Options = IN_MEMORY) -> Zones:
    zones = empty_zones(home)
    for delivery in deliveries:
        assert take(zones, delivery, options=options).state == "committed"
    return zones


def written(zones: Zones) -> dict[str, int]:
    """Files of stays, and which file on disk each is: a rewritten one is another."""
    paths = parts.part_paths(zones, "encounter", "synthetic__s-1")
    return {path.name: path.stat().st_ino for path in paths}


@pytest.mark.nightly
@pytest.mark.usefixtures("cut")
def test_any_order_spilled_or_not_gives_the_same_files(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    three = [persons(inbox, 1, {3}), persons(inbox, 2, {3, 7}), stays(inbox)]
    zones = [
        taken(tmp_path / str(n), list(order), SPILLED if n % 2 else IN_MEMORY)
        for n, order in enumerate(itertools.permutations(three))
    ]
    trees = [tree(each.restricted) for each in zones]
    assert all(each == trees[0] for each in trees)
    assert len(written(zones[0])) > 10


def test_cut_or_whole_the_rows_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = taken(tmp_path / "whole", [persons(tmp_path, 1, {3}), stays(tmp_path)])
    monkeypatch.setattr(parts, "PART_ROWS", 8)
    in_parts = taken(tmp_path / "parts", [persons(tmp_path, 1, {3}), stays(tmp_path)])
    assert len(written(whole)) == 1
    for table in ("encounter", "patient", "residence"):
        by = restricted_tables()[table].key
        assert rows(whole, table).sort(by).equals(rows(in_parts, table).sort(by))


@pytest.mark.usefixtures("cut")
def test_a_grading_writes_only_the_files_of_the_person_anew(tmp_path: Path) -> None:
    zones = taken(tmp_path / "home", [persons(tmp_path, 1, set()), stays(tmp_path)])
    before = written(zones)
    assert take(zones, persons(tmp_path, 2, {7})).state == "committed"
    after = written(zones)
    assert list(after) == list(before)
    assert sum(after[name] != before[name] for name in before) == 1


def test_without_the_cuts_a_grading_writes_the_whole_table_anew(tmp_path: Path) -> None:
    """Twin of the test above."""
    zones = taken(tmp_path / "home", [persons(tmp_path, 1, set()), stays(tmp_path)])
    before = written(zones)
    assert take(zones, persons(tmp_path, 2, {7})).state == "committed"
    assert set(written(zones).values()).isdisjoint(before.values())


@pytest.mark.usefixtures("cut")
def test_added_rows_come_into_the_file_of_their_person(tmp_path: Path) -> None:
    zones = taken(tmp_path / "home", [persons(tmp_path, 1, set()), stays(tmp_path)])
    everything = rows(zones, "encounter")
    before = written(zones)
    left_out = everything.filter(pl.col("patient_key").is_not_null()).head(1)
    kept = everything.join(left_out, on="encounter_key", how="anti")
    nobody = pl.Series("patient_key", [], dtype=pl.String)
    restricted.write_table(zones, TABLE, "synthetic__s-1", [kept], nobody, kept.height)
    shorter = written(zones)
    total = restricted.add_rows(zones, TABLE, "synthetic__s-1", left_out, nobody)
    after = written(zones)
    assert total == everything.height
    assert list(after) == list(before)
    assert sum(after[name] != shorter.get(name) for name in after) == 1
    assert rows(zones, "encounter").sort("encounter_key").equals(everything.sort("encounter_key"))


@pytest.mark.usefixtures("cut")
def test_files_of_a_delivery_without_an_entry_are_swept(tmp_path: Path) -> None:
    zones = taken(tmp_path / "home", [persons(tmp_path, 1, set()), stays(tmp_path)])
    (zones.deliveries / "synthetic__s-1.json").unlink()
    sweep(zones, zones.identified / ".work")
    assert written(zones) == {}
    assert parts.part_paths(zones, "patient", "synthetic__p-1")
