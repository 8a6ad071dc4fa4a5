"""Periods of several years in the marts, on a handful of persons that one can count by hand.

Belongs here: what ``fct_pooled_counts`` and ``fct_pooled_coverage`` make of hip fractures and back
pain in 2023-2025. Does not belong here: what may be shown (``test_publication_pooled_spec``).
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.spec.test_indicator_specs import complete
from tests.support.compiled_models import Dbt, QuickWarehouse

HIP = "hip_fracture_per_10000"
BACK = "musculoskeletal_primary_care_share"
BORN = {"turns-45-in-2025": date(1980, 1, 1)}
LIVES = {
    "once": "5001",
    "every-year": "5001",
    "twice-a-year": "5001",  # a person counts once a year, and is one in the period
    "never": "5001",
    "turns-45-in-2025": "5001",  # counts in 2025 alone
    "in-levanger": "5037",  # hospital coverage from 9 November 2024: 2025 alone is covered
    "graded": "5001",  # in the region alone
    # Their practitioners' office has been live for all three years, and no hospital of theirs.
    "pain-every-year": "5053",
    "pain-once": "5053",
    "no-pain": "5053",
}
IN_PAIN = [
    ("pain-every-year", date(2023, 5, 1)),
    ("pain-every-year", date(2024, 5, 1)),
    ("pain-every-year", date(2025, 5, 1)),
    ("pain-once", date(2024, 5, 1)),
]
BROKEN = [
    ("once", date(2023, 1, 1)),
    ("every-year", date(2023, 3, 1)),
    ("every-year", date(2024, 3, 1)),
    ("every-year", date(2025, 12, 31)),
    ("twice-a-year", date(2024, 2, 1)),
    ("twice-a-year", date(2024, 10, 1)),
    ("turns-45-in-2025", date(2024, 3, 1)),
    ("turns-45-in-2025", date(2025, 3, 1)),
    ("in-levanger", date(2025, 3, 1)),
    ("graded", date(2024, 3, 1)),
]


def given() -> dict[str, list[dict[str, Any]]]:
    stays = [
        {"encounter_key": f"{who}-{day}", "patient_key": who, "started_on": day, "ended_on": day}
        for who, day in BROKEN
    ]
    codes = [
        {"encounter_key": f"{who}-{day}", "patient_key": who, "code_system": "icd10",
         "code": "S720", "recorded_on": day}
        for who, day in BROKEN
    ]  # fmt: skip
    codes += [
        {"patient_key": who, "code_system": "icpc2", "code": "L03", "recorded_on": day}
        for who, day in IN_PAIN
    ]
    return {
        "patient": [
            {"patient_key": who, "birth_date": BORN.get(who, date(1940, 1, 1)),
             "is_graded": who == "graded",
             "gp_office_key": "live" if place == "5053" else None}
            for who, place in LIVES.items()
        ],
        "gp_office": [{"gp_office_key": "live", "live_from": date(2021, 6, 1)}],
        "residence": [
            {"patient_key": who, "municipality_code": place}
            for who, place in LIVES.items()
            if who != "graded"
        ],
        "encounter": stays,
        "condition": codes,
    }  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> QuickWarehouse:
    made = QuickWarehouse(tmp_path_factory.mktemp("pooled"), dbt)
    made.write_single_year_strata()
    made.write_journal({table: complete(table, rows) for table, rows in given().items()})
    made.write_catalogue(range(2023, 2026))
    made.run(*dbt.needed("fct_pooled_counts"))
    return made


def test_persons_are_counted_once_in_the_years_together(warehouse: QuickWarehouse) -> None:
    counts = warehouse.table("marts.fct_pooled_counts").filter(indicator_id=HIP)
    assert set(counts.select("period_start", "period_end").unique().row(0)) == {
        date(2023, 1, 1),
        date(2025, 12, 31),
    }
    columns = ["numerator", "numerator_sq", "numerator_max", "numerator_persons", "denominator"]
    found = {row["area_code"]: [row[one] for one in columns] for row in counts.to_dicts()}
    # Once, three years, once, and once at 45 years of age: 1 + 3 + 1 + 1. Person-years: four
    # persons in three years, and one in its last.
    assert found == {
        "5001": [6, 1 + 9 + 1 + 1, 3, 4, pytest.approx(13)],
        "MIDT": [7, 1 + 9 + 1 + 1 + 1, 3, 5, pytest.approx(13)],
    }


def test_who_lacks_the_event_in_some_year_is_on_the_other_side(warehouse: QuickWarehouse) -> None:
    counts = warehouse.table("marts.fct_pooled_counts").filter(indicator_id=BACK)
    columns = ["numerator", "denominator", "numerator_persons", "denominator_persons",
               "complement_persons"]  # fmt: skip
    found = {row["area_code"]: [row[one] for one in columns] for row in counts.to_dicts()}
    # Three persons in three years; two are in pain, one of them in every year.
    assert found == {"5053": [4, 9, 2, 3, 2], "MIDT": [4, 9, 2, 3, 2]}


def test_a_period_is_covered_where_every_year_is(warehouse: QuickWarehouse) -> None:
    states = warehouse.table("marts.fct_pooled_coverage").filter(indicator_id=HIP)
    assert states.select("period_start", "period_end").n_unique() == 1
    found = dict(states.select("area_code", "coverage_state").iter_rows())
    assert found["5001"] == "full"
    assert found["5037"] == "not_covered"
    assert found["MIDT"] == "flagged"  # those of Levanger are not in it
    pooled = set(states["area_code"])
    assert {"1507", "1580"} & pooled == {"1580"}  # the municipalities of the last day
    yearly = warehouse.table("marts.fct_coverage").filter(
        pl.col("indicator_id") == HIP, pl.col("coverage_state") == "not_covered"
    )
    open_years = states.filter(pl.col("area_code").is_in(yearly["area_code"].implode()))
    local = open_years.filter(pl.col("area_level") == "municipality")
    assert set(local["coverage_state"]) == {"not_covered"}
