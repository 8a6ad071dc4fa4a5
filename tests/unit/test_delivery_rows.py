"""What a delivery says of its tables: only a whole one lets what is absent from it be gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.ingest import Options, ingest_refused, release_lines
from pipelines.settings import Zones
from tests.support.deliveries import KEY, condition, encounter, take, tree, write_delivery


def complete(zones: Zones) -> dict[str, bool]:
    """Whether each table of the one delivery is complete."""
    rows = pl.read_parquet(sorted((zones.journal / "delivery").glob("*.parquet")))
    return dict(rows.select("table_name", "is_complete").iter_rows())


def bad(n: int) -> dict[str, Any]:
    return encounter(n, status="finito")


@pytest.mark.parametrize(
    ("stays", "encounter_is_whole"),
    [
        ([encounter(1), encounter(2)], True),
        ([encounter(1), encounter(1)], True),
        ([encounter(1), encounter(2), bad(3)], False),
        ([bad(3)], False),
    ],
)
def test_a_table_with_lines_left_out_is_not_whole(
    stays: list[dict[str, Any]], encounter_is_whole: bool, tmp_path: Path
) -> None:
    zones = Zones(tmp_path).create()
    files = {"Encounter-1.ndjson": stays, "Condition-1.ndjson": [condition(1)]}
    take(zones, write_delivery(zones.inbox, "d1", files))
    assert complete(zones)["condition"] is True
    assert complete(zones).get("encounter", False) is encounter_is_whole


def test_it_is_whole_when_its_lines_are_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones = Zones(tmp_path).create()
    odd = encounter(3, priority={"coding": [{"code": "UR"}]})
    files = {"Encounter-1.ndjson": [encounter(1), encounter(2), odd]}
    take(zones, write_delivery(zones.inbox, "d1", files))
    assert complete(zones) == {"encounter": False}
    from pipelines.ingest import columns

    rules = columns._rules
    monkeypatch.setattr(
        columns, "_rules", lambda column: [] if column.name == "priority_code" else rules(column)
    )
    from pipelines.ingest import plan

    plan._plain_plan.cache_clear()
    try:
        (released,) = release_lines(zones, KEY, options=Options())
    finally:
        plan._plain_plan.cache_clear()
    assert (released.released, dict(released.left)) == (1, {})
    assert complete(zones) == {"encounter": True}


def test_trying_a_refused_file_again_takes_nothing_away(tmp_path: Path) -> None:
    """What has been taken in stays, though its file is gone from the inbox by then."""
    zones = Zones(tmp_path).create()
    files = {"Encounter-1.ndjson": [encounter(1)], "Condition-1.ndjson": [condition(1)]}
    delivery = write_delivery(
        zones.inbox, "d1", files, change=lambda m: m["files"][1].update(sha256="0" * 64)
    )
    take(zones, delivery)
    before = tree(zones.restricted)
    (Path(delivery.url) / "Encounter-1.ndjson").unlink()
    ((name, file),) = ingest_refused(zones, KEY)
    assert (name, file.name, file.reason) == (
        delivery.id,
        "Condition-1.ndjson",
        "changed_after_commit",
    )
    assert "Encounter-1.ndjson: file_missing" in (file.detail or "")
    assert tree(zones.restricted) == before


def test_a_delivery_keeps_the_time_it_was_taken_in_under(tmp_path: Path) -> None:
    zones = Zones(tmp_path).create()
    files = {"Encounter-1.ndjson": [encounter(1)]}
    assert take(zones, write_delivery(zones.inbox, "d1", files)).state == "committed"
    again = write_delivery(zones.inbox, "d1", files, kind="delta")
    result = take(zones, again)
    assert (result.state, result.reason) == ("refused", "changed_after_commit")
    assert "kind" in (result.detail or "")
