"""Months on a table that one can check by hand: what is shown, and what no subtraction gives.

Queries answered in time of queries. 5001 has enough in every month, 5006 has one small month.
5007 has so few in the year that the year is hidden. 5014 goes live in the middle of February: its
year is covered, January and February are not. 5020 goes live in July: its year is not covered.
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

QUERIES = "query_reply_within_one_working_day_share"
LIVE = {"5001": 1, "5006": 1, "5007": 1, "5014": 3, "5020": 7}
EACH = range(1, 13)
ROWS: list[tuple[str | None, int, int, int]] = [
    *(("5001", month, 15, 40) for month in EACH),
    *(("5006", month, 2 if month == 5 else 20, 40) for month in EACH),
    *(("5007", month, 1, 10) for month in (2, 7, 11)),
    *(("5014", month, 30, 60) for month in EACH if month >= 3),
    ("5014", 2, 2, 20),  # its days of February
    *(("5020", month, 30, 60) for month in EACH if month >= 6),
    (None, 4, 1, 2),
]
SPEC = catalogue().indicators[QUERIES]
CHOSEN = with_standard([SPEC])
MARTS = month_marts([SPEC], {QUERIES: events(ROWS)}, LIVE)


@pytest.fixture(scope="module")
def made() -> Candidate:
    return build(MARTS, CHOSEN, reference_dir(), range(2024, 2025))


@pytest.fixture(scope="module")
def months(made: Candidate) -> pl.DataFrame:
    values = made.tables["indicator_values"].filter(pl.col("period_type") == "month")
    return values.with_columns(month=pl.col("period_start").dt.month())


def of(months: pl.DataFrame, area: str, status: str = "ok") -> list[int]:
    rows = months.filter(pl.col("area_code") == area, pl.col("value_status") == status)
    return rows["month"].sort().to_list()


def test_every_month_is_there_as_a_crude_value(months: pl.DataFrame) -> None:
    assert months.height == 12 * (len(LIVE) + 1)
    assert months["value_kind"].unique().to_list() == ["crude"]
    assert months.filter(pl.col("period_end") != pl.col("period_start").dt.month_end()).is_empty()


def test_a_shown_month_has_its_counts_and_interval(months: pl.DataFrame) -> None:
    row = months.row(
        by_predicate=(pl.col("area_code") == "5006") & (pl.col("month") == 3), named=True
    )
    assert (row["numerator"], row["denominator"], row["value"]) == (20.0, 40.0, 50.0)
    # Wilson's interval of 20 in 40.
    assert (row["lower_ci"], row["upper_ci"]) == (35.2, 64.8)


def test_a_small_month_hides_with_another_of_its_area(months: pl.DataFrame) -> None:
    hidden = of(months, "5006", "suppressed")
    assert 5 in hidden
    assert len(hidden) >= 2
    assert len(of(months, "5006")) + len(hidden) == 12


def test_where_the_year_is_hidden_all_months_are(made: Candidate, months: pl.DataFrame) -> None:
    years = made.tables["indicator_values"].filter(pl.col("period_type") == "year")
    own = years.filter(pl.col("indicator_id") == QUERIES)
    status = dict(own.select("area_code", "value_status").iter_rows())
    assert status["5007"] == "suppressed"
    assert of(months, "5007", "suppressed") == list(EACH)
    # And so it is where the year is hidden for another's sake.
    (other,) = [area for area in LIVE if status[area] == "suppressed" and area != "5007"]
    assert of(months, other, "suppressed") == list(EACH)


def test_a_municipality_that_goes_live_in_mid_year_has_the_months_after(
    months: pl.DataFrame,
) -> None:
    assert of(months, "5020", "not_covered") == list(range(1, 7))
    assert set(of(months, "5020")) < set(range(7, 13))
    assert len(of(months, "5020")) >= 4
    reasons = months.filter(pl.col("value_status") == "not_covered")["status_reason"]
    assert reasons.unique().to_list() == ["municipality_not_live"]


def test_days_before_coverage_cannot_be_subtracted(months: pl.DataFrame) -> None:
    """The year of 5014 less its months would be the two answers of February."""
    assert of(months, "5014", "not_covered") == [1, 2]
    assert len(of(months, "5014", "suppressed")) >= 1


def test_years_are_what_they_are_without_months(made: Candidate) -> None:
    yearly = SPEC.model_copy(update={"periods": ("year",)})
    alone = build(
        MARTS, with_standard([yearly]), reference_dir(), range(2024, 2025)
    )  # fmt: skip
    values = made.tables["indicator_values"].filter(pl.col("period_type") == "year")
    assert values.equals(alone.tables["indicator_values"])


def test_the_written_months_pass_their_audit_and_a_shown_one_does_not(
    made: Candidate, tmp_path: Path
) -> None:
    values = made.tables["indicator_values"]
    for name, table in made.tables.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    assert audit_files(tmp_path, MARTS, CHOSEN).ok
    # The twin: the small month of 5006 is hidden alone, and its year tells it.
    true = pl.col("period_type").eq("month") & pl.col("area_code").eq("5006")
    small = pl.col("period_start").dt.month() == 5
    told = pl.when(true & ~small)
    opened = values.with_columns(
        value_status=told.then(pl.lit("ok")).otherwise("value_status"),
        numerator=told.then(20.0).otherwise("numerator"),
        denominator=told.then(40.0).otherwise("denominator"),
    )
    opened.write_parquet(tmp_path / "indicator_values.parquet")
    found = audit_files(tmp_path, MARTS, CHOSEN)
    assert (found.recovered > 0, found.determined > 0, found.misstated) == (True, True, 0)


def test_months_that_do_not_add_up_to_their_year_are_refused() -> None:
    march = (pl.col("area_code") == "5001") & (pl.col("period_start").dt.month() == 3)
    changed = replace(MARTS, month_counts=MARTS.month_counts.filter(~march))
    with pytest.raises(ValueError, match="do not add up"):
        build(changed, CHOSEN, reference_dir(), range(2024, 2025))


def test_what_shares_a_measure_has_months_or_quarters_not_both() -> None:
    other = SPEC.model_copy(update={"id": "queries_by_quarter", "periods": ("year", "quarter")})
    given = {one.id: events(ROWS) for one in (SPEC, other)}
    marts = month_marts([SPEC, other], given, LIVE)
    with pytest.raises(ValueError, match="months or quarters, of events or on a date, not both"):
        build(marts, with_standard([SPEC, other]), reference_dir(), range(2024, 2025))


def test_an_area_below_k_is_in_no_month_as_it_is_in_no_year() -> None:
    """One stratum past every age: else the months would tell of the region's year what it hides."""
    small = pl.col("area_code") == "5006"
    tiny = (
        MARTS.strata_map.filter(small)
        .unique("sex")
        .with_columns(
            age_from=pl.lit(0, dtype=MARTS.strata_map.schema["age_from"]),
            age_to=pl.lit(200, dtype=MARTS.strata_map.schema["age_to"]),
        )
    )
    marts = replace(MARTS, strata_map=pl.concat([MARTS.strata_map.filter(~small), tiny]))
    made = build(marts, CHOSEN, reference_dir(), range(2024, 2025))
    own = made.tables["indicator_values"].filter(
        pl.col("indicator_id") == QUERIES, pl.col("area_code") == "5006"
    )
    assert own.height == 13
    assert own["status_reason"].unique().to_list() == ["age_groups_merged"]
    (months,) = [part.parts for part in made.parts if part.parts.division == "months"]
    kept = months.group.system.cells.join(months.ties.select("cell_id").unique(), on="cell_id")
    # The region's year is in view, and known to be the sum of its months.
    assert "MIDT" in "".join(kept["cell_id"])
