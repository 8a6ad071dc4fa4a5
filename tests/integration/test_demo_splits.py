"""The demonstration's figures by service and device: equal to the truth, no way to hidden ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from tests.support.attacks import (
    Cell,
    Knowledge,
    linked,
    read_months,
    read_splits,
    read_values,
    small_in_view,
)
from tests.support.attacks_parts import knowledge_with_parts, part_of
from tests.support.demo_run import Demo
from tests.support.demo_truth import truth_by_split

KEY = ["indicator_id", "area_code", "breakdown", "breakdown_value", "period_start"]
LEAST = 5
WIDTH = 3.0
SAMPLE = 24


@pytest.fixture(scope="module")
def folder(demo: Demo) -> Path:
    return demo.home.zones.published / "current"


@pytest.fixture(scope="module")
def splits(folder: Path) -> pl.DataFrame:
    return read_splits(folder)


@pytest.fixture(scope="module")
def truth(demo: Demo) -> pl.DataFrame:
    return truth_by_split(demo.home.zones)


@pytest.fixture(scope="module")
def specs() -> dict[str, Indicator]:
    return {one.id: one for one in catalogue().indicators.values() if one.breakdowns}


def test_shown_values_are_the_truth(splits: pl.DataFrame, truth: pl.DataFrame) -> None:
    shown = splits.filter(pl.col("value_status") == "ok")
    assert shown["area_level"].n_unique() == 2
    assert shown["breakdown"].n_unique() == len(catalogue().breakdowns)
    assert shown.height > 60
    joined = shown.join(truth, on=KEY, how="left", suffix="_true")
    for side in ("numerator", "denominator"):
        assert (joined[side] == joined[f"{side}_true"]).all()


def test_every_value_of_every_place_is_told_of(
    folder: Path, splits: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    known = catalogue().breakdowns
    asked = {(one.id, name, code) for one in specs.values() for name in one.breakdowns
             for code in known[name].codes()}  # fmt: skip
    assert set(splits.select(KEY[0], *KEY[2:4]).unique().rows()) == asked
    years = read_values(folder).filter(
        pl.col("indicator_id").is_in(list(specs)), pl.col("sex") == "total",
        pl.col("age_group") == "total", pl.col("value_kind") == "crude",
        pl.col("area_level") != "county",
    )  # fmt: skip
    place = ["indicator_id", "area_code", "period_start"]
    assert splits.select(place).unique().height == years.height
    covered = splits.join(years, on=place, suffix="_year")
    apart = (pl.col("value_status") == "not_covered") != (
        pl.col("value_status_year") == "not_covered"
    )
    assert covered.filter(apart).is_empty()
    # Where the year is hidden nothing of it is told.
    hidden = covered.filter(pl.col("value_status_year") == "suppressed")
    assert set(hidden["value_status"]) == {"suppressed"}


def test_no_small_count_is_in_view(splits: pl.DataFrame, specs: dict[str, Indicator]) -> None:
    assert small_in_view(splits, specs, LEAST).is_empty()
    numbers = ["numerator", "value", "lower_ci", "upper_ci"]
    hidden = splits.filter(pl.col("value_status") != "ok")
    assert hidden.filter(pl.any_horizontal(pl.col(numbers).is_not_null())).is_empty()


def true_values(truth: pl.DataFrame, specs: dict[str, Indicator]) -> dict[tuple[int, Cell], float]:
    found: dict[tuple[int, Cell], float] = {}
    for row in truth.iter_rows(named=True):
        spec, year = specs[row["indicator_id"]], row["period_start"].year
        part, among = spec.numerator.measure, spec.denominator.measure
        place = (row["area_code"], part_of(row), 0, 199)
        found[year, (part, *place)] = row["numerator"]
        found[year, (among, *place)] = row["denominator"]
        found[year, (f"{among} - {part}", *place)] = row["denominator"] - row["numerator"]
    return found


def told_too_well(
    folder: Path, splits: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> list[Cell]:
    """Of a sample of small values those that years, months and splits tell too well."""
    true, values = true_values(truth, specs), read_values(folder)
    parts = pl.concat([read_months(folder), splits])
    every = [one for one in catalogue().indicators.values() if one.id in specs]
    small: list[tuple[Knowledge, Cell, float]] = []
    for group in linked(every):
        for told in knowledge_with_parts(values, parts, group):
            small += [
                (told, cell, true[told.year, cell])
                for cell in sorted(told.hidden)
                if 0 < true.get((told.year, cell), 0) < LEAST
            ]
    found = []
    for told, cell, number in small[:: max(1, len(small) // SAMPLE)]:
        low, high = told.interval(cell, {})
        assert low - 1e-6 <= number <= high + 1e-6, cell
        if high - low < WIDTH - 1e-6:
            found.append(cell)
    return found


def test_nothing_small_is_told_by_splits_months_and_years(
    folder: Path, splits: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    assert told_too_well(folder, splits, truth, specs) == []


def test_small_values_are_told_where_only_they_hide(
    folder: Path, splits: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    own = truth.select(*KEY, true="numerator", whole="denominator")
    rest = pl.col("whole") - pl.col("true")
    few = pl.col("true").is_between(1, LEAST - 1) | rest.is_between(1, LEAST - 1)
    large = (pl.col("status_reason") == "disclosure") & ~few
    opened = (
        splits.join(own, on=KEY, how="left")
        .with_columns(
            numerator=pl.when(large).then("true").otherwise("numerator"),
            denominator=pl.when(large).then("whole").otherwise("denominator"),
            status_reason=pl.when(~large.fill_null(value=False)).then("status_reason"),
        )
        .select(splits.columns)
    )
    assert len(told_too_well(folder, opened, truth, specs)) > 3
