"""What is counted on a date, by month, on a table that one can check by hand.

Overdue items of worklists. Nothing adds up over months: December is the year, whose figure must
hide and show with it. 5001 and 5014 have plenty, 5006 has two overdue items in May alone, 5007 has
one in December, so that its year is hidden.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.publication.build import Candidate, build
from pipelines.publication.reaudit import audit_files
from pipelines.settings import reference_dir
from tests.support.month_marts import events, month_marts, with_standard

ITEMS = "overdue_worklist_items_share"
AREAS = ("5001", "5006", "5007", "5014")
EACH = range(1, 13)
ROWS: list[tuple[str | None, int, int, int]] = [
    *(("5001", month, 60, 100) for month in EACH),
    *(("5006", month, 2 if month == 5 else 20, 40) for month in EACH),
    *(("5007", month, 1 if month == 12 else 15, 30) for month in EACH),
    *(("5014", month, 30 + month, 90) for month in EACH),
]
SPEC = catalogue().indicators[ITEMS]
CHOSEN = with_standard([SPEC])
LIVE = dict.fromkeys(AREAS, 1)
DECEMBER = [row for row in ROWS if row[1] == 12]
MARTS = replace(
    month_marts([SPEC], {ITEMS: events(ROWS)}, LIVE),
    flow_counts=month_marts([SPEC], {ITEMS: events(DECEMBER)}, LIVE).flow_counts,
)
KEY = ["area_code", "month"]
NUMBERS = ["numerator", "denominator", "value", "lower_ci", "upper_ci", "value_status"]


@pytest.fixture(scope="module")
def made() -> Candidate:
    return build(MARTS, CHOSEN, reference_dir(), range(2024, 2025))


@pytest.fixture(scope="module")
def own(made: Candidate) -> pl.DataFrame:
    rows = made.tables["indicator_values"].filter(pl.col("indicator_id") == ITEMS)
    total = rows.filter(pl.col("breakdown") == "total")
    return total.with_columns(month=pl.col("period_start").dt.month())


@pytest.fixture(scope="module")
def months(own: pl.DataFrame) -> pl.DataFrame:
    return own.filter(pl.col("period_type") == "month")


def test_december_is_the_year(own: pl.DataFrame, months: pl.DataFrame) -> None:
    years = own.filter(pl.col("period_type") == "year").sort("area_code")
    december = months.filter(pl.col("month") == 12).sort("area_code")
    assert years.height == len(AREAS) + 1
    assert years.select("area_code", *NUMBERS).equals(december.select("area_code", *NUMBERS))


def test_a_month_is_a_figure_of_its_own(months: pl.DataFrame) -> None:
    shown = months.filter(pl.col("value_status") == "ok", pl.col("area_code") == "5014")
    told = dict(shown.select("month", "numerator").iter_rows())
    assert len(told) >= 10
    assert told == {month: 30 + month for month in told}


def test_a_small_month_is_hidden_with_another_area_of_the_month(months: pl.DataFrame) -> None:
    hidden = months.filter(pl.col("value_status") == "suppressed")
    in_may = hidden.filter(pl.col("month") == 5)["area_code"].to_list()
    assert "5006" in in_may
    assert len(in_may) > 1


def test_where_the_year_is_hidden_no_month_is_shown(months: pl.DataFrame) -> None:
    assert set(months.filter(pl.col("area_code") == "5007")["value_status"]) == {"suppressed"}


def written(made: Candidate, folder: Path) -> Path:
    for name, table in made.tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    return folder


def test_the_files_pass_the_audit(made: Candidate, tmp_path: Path) -> None:
    audit = audit_files(written(made, tmp_path), MARTS, CHOSEN)
    assert audit.ok
    assert audit.hidden > 0


@pytest.mark.parametrize(("area", "month", "true"), [("5006", 5, 2.0), ("5007", 12, 1.0)])
def test_the_audit_of_the_files_finds_an_opened_month(
    made: Candidate, tmp_path: Path, area: str, month: int, true: float
) -> None:
    folder = written(made, tmp_path)
    here = (
        (pl.col("indicator_id") == ITEMS)
        & (pl.col("period_type") == "month")
        & (pl.col("breakdown") == "total")
        & (pl.col("area_code") == area)
        & (pl.col("period_start").dt.month() == month)
    )
    opened = made.tables["indicator_values"].with_columns(
        numerator=pl.when(here).then(true).otherwise("numerator"),
        denominator=pl.when(here).then(40.0 if area == "5006" else 30.0).otherwise("denominator"),
        value_status=pl.when(here).then(pl.lit("ok")).otherwise("value_status"),
    )
    opened.write_parquet(folder / "indicator_values.parquet")
    assert not audit_files(folder, MARTS, CHOSEN).ok
