"""Medians on a table that one can check by hand: beside which mean, of how many, how rounded."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.publication.medians import median_values

HOURS = "home_care_hours_per_user"
SPEC = catalogue().indicators[HOURS]
START = date(2024, 1, 1)
COLUMNS = ["area_code", "value_status", "status_reason"]
MEANS = [
    ("5001", "ok", None),
    ("5006", "ok", None),
    ("5007", "suppressed", "disclosure"),
    ("5014", "not_covered", "municipality_not_live"),
    ("5020", "ok", None),
]


def values() -> pl.DataFrame:
    means = pl.DataFrame(MEANS, schema=COLUMNS, orient="row").with_columns(
        area_level=pl.lit("municipality")
    )
    group = means.head(1).with_columns(area_level=pl.lit("group"), area_code=pl.lit("5001+5006"))
    shown = pl.col("value_status") == "ok"
    return pl.concat([means, group]).with_columns(
        indicator_id=pl.lit(HOURS), sex=pl.lit("total"), age_group=pl.lit("total"),
        period_start=pl.lit(START), value_kind=pl.lit("crude"),
        quality_flags=pl.lit("partial_coverage,small_numerator"),
        **{
            name: pl.when(shown).then(pl.lit(9.0))
            for name in ("value", "numerator", "denominator", "lower_ci", "upper_ci")
        },
    )  # fmt: skip


def medians(rows: list[tuple[str, float, int, int]]) -> pl.DataFrame:
    columns = ["area_code", "median", "persons_at_most", "persons_at_least"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        indicator_id=pl.lit(HOURS), area_level=pl.lit("municipality"), period_start=pl.lit(START)
    )


FOUND = medians(
    [("5001", 2.26, 10, 12), ("5006", 2.25, 9, 40), ("5007", 3.0, 30, 30), ("5014", 3.0, 30, 30)]
)


@pytest.fixture(scope="module")
def shown() -> dict[str, dict[str, object]]:
    found = median_values(FOUND, [SPEC], values())
    assert found.columns == values().columns
    return {row["area_code"]: row for row in found.iter_rows(named=True)}


def test_a_median_is_a_value_without_counts(shown: dict[str, dict[str, object]]) -> None:
    row = shown["5001"]
    assert (row["value_kind"], row["value_status"], row["value"]) == ("median", "ok", 2.5)
    numbers = ("numerator", "denominator", "lower_ci", "upper_ci")
    assert [row[name] for name in numbers] == [None] * 4
    assert row["quality_flags"] == "partial_coverage"


@pytest.mark.parametrize(
    ("median", "rounded"), [(2.24, 2.0), (2.25, 2.5), (2.74, 2.5), (2.75, 3.0), (0.2, 0.0)]
)
def test_it_is_rounded_to_half_an_hour(median: float, rounded: float) -> None:
    found = median_values(medians([("5001", median, 10, 10)]), [SPEC], values())
    assert found.filter(area_code="5001")["value"].item() == rounded


@pytest.mark.parametrize(("most", "least"), [(9, 40), (40, 9), (0, 0)])
def test_nine_persons_on_a_side_are_too_few(most: int, least: int) -> None:
    found = median_values(medians([("5001", 2.0, most, least)]), [SPEC], values())
    row = found.filter(area_code="5001").row(0, named=True)
    assert (row["value_status"], row["status_reason"]) == ("suppressed", "disclosure")
    assert row["value"] is None


@pytest.mark.parametrize("area", ["5007", "5014"])
def test_where_the_mean_is_not_shown_the_median_is_not(
    area: str, shown: dict[str, dict[str, object]]
) -> None:
    mean = values().filter(area_code=area).row(0, named=True)
    row = shown[area]
    assert row["value"] is None
    assert [row[name] for name in COLUMNS] == [mean[name] for name in COLUMNS]


def test_a_median_that_nobody_counted_is_not_shown(shown: dict[str, dict[str, object]]) -> None:
    assert shown["5020"]["value_status"] == "suppressed"


def test_merged_areas_and_other_indicators_have_none(shown: dict[str, dict[str, object]]) -> None:
    assert set(shown) == {area for area, *_ in MEANS}
    without = SPEC.model_copy(update={"median": None})
    assert median_values(FOUND, [without], values()).is_empty()
