"""What is absent from the restricted zone is told, and never counted as nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.catalogue.sources import load_sources
from pipelines.ingest import completeness
from pipelines.ingest.completeness import delivery_gaps
from pipelines.settings import Zones

ORGANISATIONS = tuple(load_sources()["synthetic"].organisations)


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones(tmp_path).create()


def file(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Encounter-0001.ndjson",
        "entity": "Encounter",
        "sha256": "0" * 64,
        "bytes": 10,
        "delivered_rows": 1,
        "loaded_rows": 1,
        "quarantined_rows": 0,
        "quarantined_by_reason": {},
        "state": "loaded",
        **changes,
    }


def deliver(zones: Zones, organisation: str, year: int, **changes: Any) -> None:
    entry = {
        "source": "synthetic",
        "delivery": f"{organisation}-{year}",
        "delivering_organisation": organisation,
        "organisation": organisation,
        "period_start": f"{year}-01-01",
        "period_end": f"{year}-12-31",
        "transaction_time": f"{year + 1}-01-05T03:00:00+00:00",
        "kind": "full",
        "content_sha256": "0" * 64,
        "files": [file(**changes)],
        "tables": {"encounter": 1},
    }
    name = f"synthetic__{organisation}-{year}.json"
    (zones.deliveries / name).write_text(json.dumps(entry))


def test_nothing_is_missing_when_every_organisation_told_of_every_year(zones: Zones) -> None:
    for organisation in ORGANISATIONS:
        for year in (2023, 2024):
            deliver(zones, organisation, year)
    assert delivery_gaps(zones) == []


def test_a_refused_file_is_a_gap(zones: Zones) -> None:
    for organisation in ORGANISATIONS:
        deliver(zones, organisation, 2023)
    refused = {"state": "refused", "loaded_rows": 0, "refused_reason": "sha256_differs"}
    deliver(zones, "sykehus", 2023, **refused)
    (gap,) = delivery_gaps(zones)
    assert gap == "synthetic/sykehus-2023/Encounter-0001.ndjson was refused (sha256_differs)"


def test_a_year_that_one_organisation_did_not_tell_of_is_a_gap(zones: Zones) -> None:
    for organisation in ORGANISATIONS:
        deliver(zones, organisation, 2023)
    deliver(zones, "kommuner", 2024)
    gaps = delivery_gaps(zones)
    assert len(gaps) == len(ORGANISATIONS) - 1
    assert "synthetic: sykehus has delivered nothing about 2024" in gaps


def test_an_empty_zone_has_no_gap_to_tell_of(zones: Zones) -> None:
    assert delivery_gaps(zones) == []


def test_a_cohort_that_nothing_has_come_of_is_a_gap(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twin: without the cohorts in the source's file the other cohort's delivery would do."""
    source = load_sources()["synthetic"]
    divided = source.model_copy(update={"cohorts": {"sykehus": ("north", "south")}})
    for organisation in ORGANISATIONS:
        deliver(zones, organisation, 2023)
    path = zones.deliveries / "synthetic__sykehus-2023.json"
    entry = json.loads(path.read_text()) | {"cohort": "north"}
    path.write_text(json.dumps(entry))
    monkeypatch.setattr(completeness, "load_sources", lambda: {"synthetic": divided})
    assert delivery_gaps(zones) == ["synthetic: sykehus has delivered nothing about 2023 of south"]
    path.write_text(json.dumps(entry | {"cohort": None}))
    assert delivery_gaps(zones) == []
