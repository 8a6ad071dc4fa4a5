"""Two years over the same municipalities, added up on the fingers from published counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.epidemiology import crude_rate, wilson
from pipelines.publication.like_for_like import COLUMNS, like_for_like

SHARE = "portal_active_users_share"
RATE = "out_of_hours_contacts_per_1000"
SPECS = [catalogue().indicators[name] for name in (SHARE, RATE)]


def figure(
    area: str, year: int, numerator: float, denominator: float, **changes: Any
) -> dict[str, Any]:
    return {
        "indicator_id": SHARE,
        "area_level": "region" if area == "MIDT" else "municipality",
        "area_code": area,
        "sex": "total",
        "age_group": "total",
        "breakdown": "total",
        "period_type": "year",
        "period_start": dt.date(year, 1, 1),
        "value_kind": "crude",
        "numerator": numerator,
        "denominator": denominator,
        "value": 100 * numerator / denominator,
        "lower_ci": 90 * numerator / denominator,
        "upper_ci": 110 * numerator / denominator,
        "value_status": "ok",
    } | changes


def hidden(area: str, year: int, status: str = "suppressed") -> dict[str, Any]:
    names = ("numerator", "denominator", "value", "lower_ci", "upper_ci")
    return figure(area, year, 1, 1) | dict.fromkeys(names) | {"value_status": status}


VALUES = [
    *(figure(area, 2023, 30, 100) for area in ("5001", "5006", "5007")),
    *(figure(area, 2024, 60, 100) for area in ("5001", "5006", "5007")),
    # Live in both, and hidden in one of them.
    figure("5014", 2023, 90, 100),
    hidden("5014", 2024),
    # Joined in between: would have moved the region.
    hidden("1505", 2023, "not_covered"),
    figure("1505", 2024, 5000, 5000),
    # Others than the whole year's crude figure of everybody play no part.
    figure("5001", 2023, 7, 9, sex="female"),
    figure("5001", 2023, 7, 9, value_kind="direct_esp2013"),
    figure("5001", 2023, 7, 9, period_type="month"),
    figure("MIDT", 2023, 180, 400),
    figure("MIDT", 2024, 5180, 5300),
]


def compared(rows: list[dict[str, Any]]) -> dict[str, Any]:
    found = like_for_like(pl.DataFrame(rows), SPECS)
    assert tuple(found.columns) == COLUMNS
    return found.row(0, named=True)


def test_both_years_stand_for_the_same_municipalities() -> None:
    found = compared(VALUES)
    assert (found["earlier_start"], found["period_start"]) == (
        dt.date(2023, 1, 1),
        dt.date(2024, 1, 1),
    )
    assert (found["areas_live"], found["areas"]) == (4, 3)
    assert found["area_codes"] == "5001+5006+5007"
    assert (found["earlier_numerator"], found["earlier_denominator"]) == (90, 300)
    assert (found["numerator"], found["denominator"]) == (180, 300)
    assert (found["earlier_value"], found["value"]) == (30.0, 60.0)
    limits = wilson(180, 300)
    assert found["lower_ci"] == pytest.approx(100 * limits.lower, abs=0.051)
    assert found["upper_ci"] == pytest.approx(100 * limits.upper, abs=0.051)
    assert found["change"] == "higher"


def test_every_two_years_are_compared_in_order() -> None:
    third = [figure(area, 2025, 61, 100) for area in ("5001", "5006", "5007")]
    found = like_for_like(pl.DataFrame([*VALUES, *third]), SPECS)
    years = found.select(pl.col("earlier_start", "period_start").dt.year()).rows()
    assert years == [(2023, 2024), (2023, 2025), (2024, 2025)]
    assert found["change"].to_list() == ["higher", "higher", "similar"]


def test_of_two_there_is_no_sum() -> None:
    found = compared([one for one in VALUES if one["area_code"] != "5007"])
    assert (found["areas_live"], found["areas"]) == (3, 2)
    assert found["numerator"] is found["value"] is found["earlier_lower_ci"] is None
    assert found["change"] == "not_compared"


def contacts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"indicator_id": RATE} for one in rows if one["area_code"] != "1505"]


def test_a_person_who_counts_often_widens_the_limits() -> None:
    """By as much as the region's published interval is wider than Poisson's."""
    found = compared(contacts(VALUES))
    plain = crude_rate(180, 300, 1000)
    assert found["value"] == plain.value == 600.0
    assert found["upper_ci"] - found["lower_ci"] > plain.upper - plain.lower
    unseen = [one for one in VALUES if one["area_code"] != "MIDT"]
    unsized = compared(contacts(unseen))
    assert unsized["value"] == 600.0
    assert unsized["lower_ci"] is unsized["upper_ci"] is None
    assert unsized["change"] == "not_compared"
    assert compared(unseen)["change"] == "higher"


def test_nothing_to_compare_is_an_empty_table() -> None:
    empty = like_for_like(pl.DataFrame(VALUES).clear(), SPECS)
    assert empty.is_empty()
    assert tuple(empty.columns) == COLUMNS
