"""Regions of a handful of persons, written by hand, whose figures can be counted on the fingers.

Belongs here: filling the columns that a case does not care about. Does not belong here: cases.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from pipelines.settings import PublicDenominators
from pipelines.synthetic import Region, SyntheticSettings
from pipelines.synthetic.places import load_places
from pipelines.synthetic.spells import Spells
from pipelines.synthetic.truth import indicator_truth
from pipelines.synthetic.truth_coverage import load_coverage
from pipelines.synthetic.truth_persons import World, world

Rows = Sequence[Mapping[str, object]]
D = dt.date

_SHAPES: dict[str, tuple[dict[str, object], dict[str, pl.DataType | type[pl.DataType]]]] = {
    "persons": (
        {"sex": "female", "birth_date": D(1950, 6, 1), "death_date": None, "graded_from": None,
         "gp_office": 0},
        {"person": pl.Int64, "sex": pl.String, "birth_date": pl.Date, "death_date": pl.Date,
         "graded_from": pl.Int64, "gp_office": pl.Int64},
    ),
    "residence": (
        {"municipality_code": "5001", "valid_from": D(2020, 1, 1), "valid_to": None},
        {"person": pl.Int64, "municipality_code": pl.String, "valid_from": pl.Date,
         "valid_to": pl.Date},
    ),
    "gp_offices": (
        {"live_from": D(2022, 6, 1)}, {"office": pl.Int64, "live_from": pl.Date},
    ),
    "encounters": (
        {"person": 0, "status": "finished", "class_code": "IMP", "priority_code": "EM",
         "service_type": "somatic", "municipality_of_stay": "5001",
         "discharge_disposition": "home"},
        {"encounter": pl.Int64, "person": pl.Int64, "status": pl.String, "class_code": pl.String,
         "priority_code": pl.String, "service_type": pl.String, "started_on": pl.Date,
         "ended_on": pl.Date, "municipality_of_stay": pl.String,
         "discharge_disposition": pl.String},
    ),
    "messages": (
        {"encounter": 0, "person": 0, "status": "completed", "message_type": "utskrivningsklar",
         "municipality_code": "5001"},
        {"encounter": pl.Int64, "person": pl.Int64, "status": pl.String,
         "message_type": pl.String, "municipality_code": pl.String, "sent_on": pl.Date,
         "sent_sequence": pl.Int64},
    ),
    "conditions": (
        {"person": 0, "code_system": "icpc2", "code": "T90", "verification_status": "confirmed",
         "recorded_on": D(2024, 5, 1)},
        {"person": pl.Int64, "code_system": pl.String, "code": pl.String,
         "recorded_on": pl.Date, "verification_status": pl.String},
    ),
    "prescriptions": (
        {"person": 0, "status": "completed", "atc_code": "A10BA02"},
        {"person": pl.Int64, "status": pl.String, "atc_code": pl.String, "authored_on": pl.Date},
    ),
    "care_episodes": (
        {"person": 0, "status": "active", "service_type_code": "15", "municipality_code": "5001",
         "unit": "5001-E1", "start_on": D(2021, 3, 1), "end_on": None, "weekly_hours": None},
        {"person": pl.Int64, "status": pl.String, "service_type_code": pl.String,
         "municipality_code": pl.String, "unit": pl.String,
         "start_on": pl.Date, "end_on": pl.Date, "weekly_hours": pl.Float64},
    ),
    "journal_entries": (
        {"person": 0, "staff": 0, "status": "current", "form": "structured",
         "municipality_code": "5001", "recorded_on": D(2024, 2, 1), "recorded_minute": 600,
         "delay_minutes": 10},
        {"person": pl.Int64, "staff": pl.Int64, "status": pl.String, "form": pl.String,
         "municipality_code": pl.String, "recorded_on": pl.Date, "recorded_minute": pl.Int64,
         "delay_minutes": pl.Int64},
    ),
    "portal_sessions": (
        {"person": 0, "session_on": D(2024, 2, 1)}, {"person": pl.Int64, "session_on": pl.Date},
    ),
    "portal_forms": (
        {"person": 0, "status": "completed", "sent_on": D(2024, 2, 1),
         "answered_on": D(2024, 2, 3), "contact_on": D(2024, 2, 10)},
        {"person": pl.Int64, "status": pl.String, "sent_on": pl.Date, "answered_on": pl.Date,
         "contact_on": pl.Date},
    ),
    "staff": (
        {"staff": 0, "municipality_code": "5001", "employed_from": D(2020, 1, 1),
         "employed_to": None, "first_login_on": D(2022, 6, 1)},
        {"staff": pl.Int64, "municipality_code": pl.String, "employed_from": pl.Date,
         "employed_to": pl.Date, "first_login_on": pl.Date},
    ),
}  # fmt: skip


def mini_region(**tables: Rows) -> Region:
    """A region of the rows given; what a row leaves out is ordinary.

    Ordinary: one woman born in 1950 who has lived in Trondheim (5001) since 2020, whose general
    practitioner's office has been live since June 2022. Window 2023–2025.
    """
    given: dict[str, Rows] = {"persons": [{"person": 0}], "gp_offices": [{"office": 0}], **tables}
    if "residence" not in given:
        given["residence"] = [{"person": row["person"]} for row in given["persons"]]
    frames = {
        name: pl.DataFrame(
            [
                {column: {**ordinary, **row}.get(column) for column in schema}
                for row in _numbered(name, given.get(name, []))
            ],
            schema=schema,
        )
        for name, (ordinary, schema) in _SHAPES.items()
    }
    none = np.array([], dtype=np.int64)
    return Region(
        settings=SyntheticSettings(years=3, end_year=2025),
        places=load_places(),
        spells=Spells(none, none, none, none, none),
        **frames,
    )


def _numbered(name: str, rows: Rows) -> list[Mapping[str, object]]:
    if name == "encounters":
        return [{"encounter": number, **row} for number, row in enumerate(rows)]
    if name == "messages":
        return [{"sent_sequence": number, **row} for number, row in enumerate(rows)]
    return list(rows)


def counted(
    measure: Callable[[World], pl.DataFrame], **tables: Rows
) -> dict[tuple[int, str | None], float]:
    """What a measure counts in a region: {(year, municipality): value}; None is graded."""
    rows = measure(world(mini_region(**tables), load_coverage()))
    summed = rows.group_by("year", "municipality_code").agg(pl.col("value").sum())
    return {(year, code): value for year, code, value in summed.iter_rows()}


def truth_of(
    indicator_id: str, public_denominators: PublicDenominators = "journal", **tables: Rows
) -> dict[tuple[str, str, int], list[object]]:
    """Numerator, denominator, value and coverage state by (area, age group, year), both sexes."""
    truth, _ = indicator_truth(mini_region(**tables), public_denominators)
    rows = truth.filter(pl.col("indicator_id") == indicator_id, pl.col("sex") == "total")
    return {
        (area, group, year): figures
        for area, group, year, *figures in rows.select(
            "area_code", "age_group", "year", "numerator", "denominator", "value", "coverage_state"
        ).iter_rows()
    }


def stay(start: dt.date, end: dt.date | None, **more: object) -> dict[str, object]:
    """A stay from one day to another."""
    return {"started_on": start, "ended_on": end, **more}


def notice(on: dt.date, kind: str = "utskrivningsklar", **more: object) -> dict[str, object]:
    """A message about being ready."""
    return {"sent_on": on, "message_type": kind, **more}
