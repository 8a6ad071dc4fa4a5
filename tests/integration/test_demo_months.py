"""The demonstration's figures by month: equal to the truth, and no way to hidden ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from tests.support.attacks import Cell, Knowledge, lent, linked, read_months, read_values
from tests.support.attacks_parts import knowledge_with_parts
from tests.support.demo_run import Demo
from tests.support.demo_truth import truth_by_month

KEY = ["indicator_id", "area_code", "period_start"]
LEAST = 5
WIDTH = 3.0
SAMPLE = 12


@pytest.fixture(scope="module")
def folder(demo: Demo) -> Path:
    return demo.home.zones.published / "current"


@pytest.fixture(scope="module")
def months(folder: Path) -> pl.DataFrame:
    return read_months(folder)


@pytest.fixture(scope="module")
def truth(demo: Demo) -> pl.DataFrame:
    return truth_by_month(demo.home.zones)


@pytest.fixture(scope="module")
def specs() -> list[Indicator]:
    known = catalogue().indicators.values()
    return [one for one in known if one.policy not in ("public_facts", "go_live_counts")]


def test_shown_months_are_the_truth(months: pl.DataFrame, truth: pl.DataFrame) -> None:
    shown = months.filter(pl.col("value_status") == "ok")
    assert shown["area_level"].n_unique() == 2
    assert shown.height > 500
    joined = shown.join(truth, on=KEY, how="left", suffix="_true")
    assert (joined["numerator"] == joined["numerator_true"]).all()
    # A denominator is published to a tenth.
    assert ((joined["denominator"] - joined["denominator_true"]).abs() <= 0.05 + 1e-9).all()


def test_months_are_covered_as_the_calendar_says(months: pl.DataFrame, truth: pl.DataFrame) -> None:
    joined = months.join(truth, on=KEY, how="left")
    said = pl.col("value_status") == "not_covered"
    true = (pl.col("coverage_state") == "not_covered").fill_null(value=True)
    assert joined.filter(said != true).is_empty()


def test_no_small_count_is_in_view(months: pl.DataFrame) -> None:
    shown = months.filter(pl.col("value_status") == "ok", pl.col("denominator").is_not_null())
    rest = pl.col("denominator") - pl.col("numerator")
    share = pl.col("unit") == "percent"
    small = pl.col("numerator").is_between(1, LEAST - 1) | (share & rest.is_between(1, LEAST - 1))
    assert shown.filter(small).is_empty()
    numbers = ["numerator", "value", "lower_ci", "upper_ci"]
    hidden = months.filter(pl.col("value_status") != "ok")
    assert hidden.filter(pl.any_horizontal(pl.col(numbers).is_not_null())).is_empty()


def all_knowledge(folder: Path, months: pl.DataFrame, specs: list[Indicator]) -> list[Knowledge]:
    dated = [group for group in linked(specs) if any(one.part_of_year is not None for one in group)]
    values = read_values(folder)
    return [told for group in dated for told in knowledge_with_parts(values, months, group)]


def true_months(truth: pl.DataFrame, specs: list[Indicator]) -> dict[Cell, float]:
    found: dict[Cell, float] = {}
    named = {one.id: one for one in specs}
    for row in truth.drop_nulls("numerator").iter_rows(named=True):
        spec = named[row["indicator_id"]]
        low, high = (spec.ages.min, spec.age_max) if spec.counting == "strata" else (0, 199)
        place = (row["area_code"], f"{row['period_start']:%Y-%m}", low, high)
        found[spec.numerator.measure, *place] = row["numerator"]
        if not spec.denominator.public:
            found[spec.denominator.measure, *place] = row["denominator"]
    return found


def told_too_well(
    folder: Path, months: pl.DataFrame, truth: pl.DataFrame, specs: list[Indicator]
) -> list[Cell]:
    """Small months that follow exactly, and of a sample those told within less than the width."""
    true, beside = true_months(truth, specs), lent(specs)
    found, small = [], []
    for told in all_knowledge(folder, months, specs):
        for cell, number in told.solved().items():
            assert cell not in true or abs(number - true[cell]) < 1e-6, cell
            if 0 < number < LEAST and (cell[0], *cell[3:]) not in beside:
                found.append(cell)
        small += [(told, cell) for cell in told.hidden if 0 < true.get(cell, 0) < LEAST]
    ordered = sorted(small, key=lambda one: (one[1], one[0].year))
    for told, cell in ordered[:: max(1, len(ordered) // SAMPLE)]:
        low, high = told.interval(cell, {})
        assert low - 1e-6 <= true[cell] <= high + 1e-6, cell
        if high - low < WIDTH - 1e-6 and not cell[0].endswith("_days"):
            found.append(cell)
    return found


def test_nothing_small_is_told_by_months_and_years(
    folder: Path, months: pl.DataFrame, truth: pl.DataFrame, specs: list[Indicator]
) -> None:
    assert told_too_well(folder, months, truth, specs) == []


def test_small_months_are_told_where_only_they_hide(
    folder: Path, months: pl.DataFrame, truth: pl.DataFrame, specs: list[Indicator]
) -> None:
    own = truth.select(*KEY, true="numerator")
    large = (pl.col("status_reason") == "disclosure") & ~pl.col("true").is_between(1, LEAST - 1)
    opened = months.join(own, on=KEY, how="left").with_columns(
        numerator=pl.when(large).then("true").otherwise("numerator"),
        status_reason=pl.when(~large.fill_null(value=False)).then("status_reason"),
    )
    assert len(told_too_well(folder, opened, truth, specs)) > 5


def test_no_single_hidden_month_is_its_year_less_the_others(
    folder: Path, months: pl.DataFrame, truth: pl.DataFrame, specs: list[Indicator]
) -> None:
    """The plainest attack: it knows nothing of systems, only that months may add up to a year."""
    flows = [one.id for one in specs if one.timing == "flow"]
    key = ["indicator_id", "area_code", "year"]
    year = pl.col("period_start").dt.year().alias("year")
    true = truth.group_by("indicator_id", "area_code", year).agg(pl.col("numerator").sum())
    one = (
        months.filter(pl.col("breakdown") == "total", pl.col("indicator_id").is_in(flows))
        .group_by("indicator_id", "area_code", year)
        .agg(hidden=(pl.col("value_status") == "suppressed").sum())
        .filter(pl.col("hidden") == 1)
    )
    years = read_values(folder).filter(
        pl.col("value_status") == "ok", pl.col("value_kind") == "crude",
        pl.col("sex") == "total", pl.col("age_group") == "total",
    ).select("indicator_id", "area_code", year, told="numerator")  # fmt: skip
    tied = years.join(true, on=key).filter((pl.col("told") - pl.col("numerator")).abs() < 1e-6)
    assert tied.height > 100
    assert one.join(tied, on=key, how="semi").is_empty()
