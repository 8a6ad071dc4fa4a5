"""Candidates of two cells, with a steward's report and decision, for tests of a release as files.

Belongs here: making them, and what is seen in the published zone. Does not belong here: a candidate
built from marts (``small_candidate``), and what must come of either.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.publication.release import Decision, Origin, write_candidate
from pipelines.settings import Zones

ORIGIN = Origin(date(2023, 1, 1), date(2024, 12, 31), "2025-01-05T03:00:00+00:00", synthetic=True)


def exact(count: float = 12.0, *, shown: bool = True, **keys: object) -> pl.DataFrame:
    """One cell with its exact count, as the ledger holds it."""
    row = {
        "indicator_id": "emergency_admissions_per_1000",
        "indicator_version": 1,
        "area_code": "5001",
        "border_set": "2024",
        "sex": "total",
        "age_group": "total",
        "breakdown": "total",
        "breakdown_value": "total",
        "period_type": "year",
        "period_start": date(2024, 1, 1),
        "numerator": count,
        "denominator": 1000.0,
        "is_shown": shown,
        **keys,
    }
    return pl.DataFrame([row])


def tables(value: float = 12.0) -> dict[str, pl.DataFrame]:
    """What is published of it: one area shown, one hidden."""
    return {
        "indicator_values": pl.DataFrame({"area_code": ["5001", "5006"], "value": [value, None]}),
        "areas": pl.DataFrame({"area_code": ["5001", "5006"], "name": ["Trondheim", "Steinkjer"]}),
    }


def candidate(
    zones: Zones, value: float = 12.0, origin: Origin = ORIGIN, **standing: object
) -> str:
    """Write it with its report, green unless told otherwise; its id."""
    content = {"systems_audited": 1}
    release = write_candidate(zones, tables(value), exact(value), content, origin)
    report = {
        "release_id": release,
        "state": "candidate",
        "audit": {"ok": True},
        "blocking_checks": [],
        **standing,
    }
    (zones.steward / "releases" / f"{release}.json").write_text(json.dumps(report))
    return release


def decision(release_id: str, word: str = "approve") -> Decision:
    """A steward's word on it."""
    return Decision.model_validate(
        {
            "release_id": release_id,
            "decision": word,
            "name": "Kari Steward",
            "reason": "Looked through",
            "decided_on": "2025-01-10",
        }
    )


def unchecked(_: Path) -> None:
    """Nothing to say against the folder."""


def published(zones: Zones) -> list[str]:
    """Names of what stands in the published zone."""
    return sorted(path.name for path in zones.published.iterdir())
