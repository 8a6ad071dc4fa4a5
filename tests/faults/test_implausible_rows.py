"""Rows that cannot be true: let in, flagged by the check that is named for it, and stopped (B02).

Belongs here: from the delivery to the verdict that blocks the marts. Does not belong here: every
check by itself (``tests/unit/test_checks_journal``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.checks.run import check_journal
from pipelines.ingest import Options
from pipelines.settings import Zones
from tests.support.deliveries import (
    address,
    condition,
    encounter,
    episode,
    patient,
    take,
    write_delivery,
)
from tests.support.empty_zones import empty_zones

GOOD = 60
ONE = Options(threads=1)
FILES = {
    "patient": ("Patient", "personregister", patient),
    "residence": ("Patient", "personregister", patient),
    "encounter": ("Encounter", "sykehus", encounter),
    "condition": ("Condition", "sykehus", condition),
    "care_episode": ("EpisodeOfCare", "kommuner", episode),
}


def stay(start: str, end: str | None) -> dict[str, Any]:
    return {"period": {"start": start} | ({"end": end} if end else {})}


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("encounter", "encounter.started_on.past", stay("2025-01-06", "2025-01-07")),
    ("encounter", "encounter.ended_on.past", stay("2024-12-31", "2031-01-01")),
    ("encounter", "encounter.ended_on.order", stay("2024-03-09", "2024-03-08")),
    ("encounter", "encounter.started_on.filler", stay("1900-01-01", "2024-03-08")),
    ("encounter", "encounter.ended_on.filler", stay("2024-03-01", "9999-12-31")),
    ("patient", "patient.birth_date.past", {"birthDate": "2025-01-06"}),
    ("patient", "patient.death_date.past", {"deceasedDateTime": "2026-01-01"}),
    (
        "patient",
        "patient.death_date.order",
        {"birthDate": "1970-05-25", "deceasedDateTime": "1970-05-24"},
    ),
    ("patient", "patient.birth_date.filler", {"birthDate": "1900-01-01"}),
    ("patient", "patient.birth_date.age", {"birthDate": "1903-06-01"}),
    ("residence", "residence.valid_from.past", {"address": [address("5001", "2027-01-01")]}),
    (
        "residence",
        "residence.valid_to.order",
        {"address": [address("5001", "2020-01-01", "2019-01-01")]},
    ),
    (
        "residence",
        "residence.valid_from.filler",
        {"address": [address("5001", "1800-01-01", "2019-01-01")]},
    ),
    ("condition", "condition.recorded_on.past", {"recordedDate": "2025-02-01"}),
    ("condition", "condition.recorded_on.filler", {"recordedDate": "1900-01-01"}),
    (
        "care_episode",
        "care_episode.end_on.order",
        {"period": {"start": "2024-03-01", "end": "2024-02-01"}},
    ),
    ("care_episode", "care_episode.start_on.past", {"period": {"start": "2030-01-01"}}),
]


def flagged(zones: Zones, table: str, *bad: dict[str, Any]) -> set[str]:
    """Checks of a table that fail and block, after a delivery with these rows among good ones."""
    entity, organisation, make = FILES[table]
    lines = [make(n) for n in range(GOOD)] + [
        make(GOOD + n, **changes) for n, changes in enumerate(bad)
    ]
    files = {f"{entity}-1.ndjson": lines}
    delivery = write_delivery(zones.inbox, "d1", files, organisation=organisation)
    (file,) = take(zones, delivery, options=ONE).files
    assert (file.loaded_rows, file.quarantined_rows) == (len(lines), 0)
    results = check_journal(zones, "run-1", tables=[table])
    assert {result.status for result in results} <= {"pass", "fail"}
    return {result.check_id for result in results if result.is_blocking}


@pytest.mark.parametrize("table", sorted(FILES))
def test_each_is_flagged_by_its_check_and_stops_the_figures(table: str, tmp_path: Path) -> None:
    cases = [(check, change) for name, check, change in CASES if name == table]
    found = flagged(empty_zones(tmp_path / "home"), table, *(change for _, change in cases))
    assert found == {check for check, _ in cases}


@pytest.mark.parametrize("table", ["encounter", "patient"])
def test_good_rows_alone_are_flagged_by_none(table: str, tmp_path: Path) -> None:
    """Twin: the checks are not red by themselves."""
    assert flagged(empty_zones(tmp_path / "home"), table) == set()
