"""The demonstration's figures of several years: equal to the truth, and no way to hidden years."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from tests.support.attacks import Cell, ages_of, linked, read_values
from tests.support.attacks_pooled import TOGETHER, knowledge_with_periods, of_year
from tests.support.demo_run import Demo
from tests.support.demo_truth import truth_by_age, truth_of
from tests.support.independent_rates import ByAge
from tests.support.pooled_truth import KEY, REST, added_up, covered_years

LEAST = 5
WIDTH = 3.0
SAMPLE = 12


@pytest.fixture(scope="module")
def folder(demo: Demo) -> Path:
    return demo.home.zones.published / "current"


@pytest.fixture(scope="module")
def specs() -> list[Indicator]:
    return [one for one in catalogue().indicators.values() if one.pooled_years is not None]


@pytest.fixture(scope="module")
def pooled(folder: Path) -> pl.DataFrame:
    values = pl.read_parquet(folder / "indicator_values.parquet")
    return values.filter(pl.col("period_type") == "three_years")


@pytest.fixture(scope="module")
def yearly(demo: Demo, specs: list[Indicator]) -> pl.DataFrame:
    return covered_years(truth_of(demo.home.zones, specs))


@pytest.fixture(scope="module")
def truth(yearly: pl.DataFrame) -> pl.DataFrame:
    return added_up(yearly)


def test_shown_periods_are_the_truth(pooled: pl.DataFrame, truth: pl.DataFrame) -> None:
    shown = pooled.filter(pl.col("value_status") == "ok")
    assert shown["area_level"].n_unique() == 2
    assert set(shown["value_kind"]) == {"crude", "indirect"}
    assert shown.height > 10
    joined = shown.join(truth, on=KEY, how="left", suffix="_true")
    assert (joined["numerator"] == joined["numerator_true"]).all()
    # A denominator is published to a tenth.
    assert ((joined["denominator"] - joined["denominator_true"]).abs() <= 0.05 + 1e-9).all()


def test_a_standardised_period_is_what_the_truth_by_age_makes_of_it(
    demo: Demo, pooled: pl.DataFrame, specs: list[Indicator]
) -> None:
    """Observed events by those expected at the region's rates, computed apart by single years."""
    zones = demo.home.zones
    strata = pl.read_parquet(zones.strata_map)
    by_age = ByAge.of(truth_by_age(zones), strata).together((2023, 2024, 2025))
    shown = pooled.filter(pl.col("value_status") == "ok", pl.col("value_kind") == "indirect")
    named = {one.id: one for one in specs}
    apart = 0
    for row in shown.iter_rows(named=True):
        spec = named[row["indicator_id"]]
        rate = by_age.indirect((spec.id, row["area_code"], "total", 0), spec.ages.min)
        assert rate is not None
        half = 0.5 * 10.0**-spec.decimals + 1e-9
        assert abs(row["value"] - rate * spec.multiplier) <= half, (spec.id, row["area_code"])
        crude = row["numerator"] / row["denominator"] * spec.multiplier
        apart += abs(row["value"] - crude) > 2 * half
    assert shown.filter(pl.col("area_level") == "municipality").height > 2
    assert apart > 0


def test_periods_are_covered_where_all_years_are(pooled: pl.DataFrame, truth: pl.DataFrame) -> None:
    joined = pooled.join(truth, on=KEY, how="left", suffix="_true")
    said = pl.col("value_status") == "not_covered"
    assert joined.filter(said != pl.col("numerator_true").is_null()).is_empty()
    assert set(joined.filter(said)["status_reason"]) == {"years_not_covered"}


def test_somebody_too_small_for_a_year_has_a_period(folder: Path, pooled: pl.DataFrame) -> None:
    hidden = read_values(folder).filter(
        pl.col("value_status") == "suppressed", pl.col("sex") == "total",
        pl.col("age_group") == "total", pl.col("value_kind") == "crude",
    )  # fmt: skip
    shown = pooled.filter(pl.col("value_status") == "ok", pl.col("area_level") == "municipality")
    assert shown.join(hidden, on=KEY, how="semi").height > 0


def told_too_well(
    folder: Path, pooled: pl.DataFrame, yearly: pl.DataFrame, specs: list[Indicator]
) -> list[Cell]:
    """Small counts of years that follow exactly, and of a sample those told too narrowly."""
    true = true_cells(yearly, specs)
    found, small = [], []
    for group in linked(specs):
        for told in knowledge_with_periods(read_values(folder), pooled, group):
            for cell, number in told.solved().items():
                assert cell not in true or abs(number - true[cell]) < 1e-6, cell
                if 0 < number < LEAST and cell[2] != TOGETHER:
                    found.append(cell)
            small += [(told, cell) for cell in told.hidden if 0 < true.get(cell, 0) < LEAST]
    ordered = sorted(small, key=lambda one: one[1])
    assert ordered
    for told, cell in ordered[:: max(1, len(ordered) // SAMPLE)]:
        low, high = told.interval(cell, {})
        assert low - 1e-6 <= true[cell] <= high + 1e-6, cell
        if high - low < WIDTH - 1e-6:
            found.append(cell)
    return found


def true_cells(yearly: pl.DataFrame, specs: list[Indicator]) -> dict[Cell, float]:
    found: dict[Cell, float] = {}
    named = {one.id: one for one in specs}
    for row in yearly.filter(pl.col("area_code") != REST).iter_rows(named=True):
        spec = named[row["indicator_id"]]
        cell = (spec.numerator.measure, row["area_code"], "total", *ages_of(spec)["total"])
        found[of_year(cell, row["year"])] = row["numerator"]
    return found


def test_no_small_year_is_told_by_its_period(
    folder: Path, pooled: pl.DataFrame, yearly: pl.DataFrame, specs: list[Indicator]
) -> None:
    assert told_too_well(folder, pooled, yearly, specs) == []


def test_small_years_are_told_where_every_period_is_shown(
    folder: Path, pooled: pl.DataFrame, truth: pl.DataFrame, yearly: pl.DataFrame,
    specs: list[Indicator],
) -> None:  # fmt: skip
    opened = pooled.join(truth.select(*KEY, true="numerator"), on=KEY, how="left").with_columns(
        numerator=pl.coalesce("numerator", "true")
    )
    assert told_too_well(folder, opened, yearly, specs) != []
