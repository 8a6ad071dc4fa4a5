"""Inequality and life expectancy: what they say of groups, and when they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipelines.epidemiology import (
    inequality_frame,
    life_expectancy,
    life_expectancy_frame,
    relative_index_of_inequality,
    slope_index_of_inequality,
)
from tests.support.epidemiology_figures import DEATHS, PEOPLE, QUINTILES, changed


@pytest.mark.parametrize("index", [slope_index_of_inequality, relative_index_of_inequality])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: {name: column[1:] for name, column in c.items()}, "too_few_groups"),
        (lambda c: c | {"populations": [0, *c["populations"][1:]]}, "no_population"),
        (lambda c: c | {"values": [None, *c["values"][1:]]}, "missing"),
        (
            lambda c: c | {"lowers": [0.0, *c["lowers"][1:]]} | {"kind": "rate", "transform": True},
            "not_transformable",
        ),
    ],
)
def test_inequality_refused(index: Any, change: Callable[[Any], Any], reason: str) -> None:
    got = index(**change(QUINTILES))
    assert (got.value, got.lower, got.upper) == (None, None, None)
    assert got.reason == reason


def test_a_ratio_to_nothing_is_refused() -> None:
    steep = {"values": [0, 1, 2, 3, 4], "populations": [1] * 5, "standard_errors": [1.0] * 5}
    assert relative_index_of_inequality(**steep).reason == "base_near_zero"
    assert slope_index_of_inequality(**steep).value == pytest.approx(5.0)


def test_inequality_of_strata_is_that_of_each() -> None:
    frame = pl.DataFrame(QUINTILES).with_columns(year=pl.lit(2024), rank=pl.int_range(5))
    names = {"value": "values", "population": "populations", "lower": "lowers", "upper": "uppers"}
    both = pl.concat([frame, frame.head(4).with_columns(year=pl.lit(2025))])
    got = inequality_frame(both.reverse(), by=["year"], rank="rank", **names)
    assert got.rows()[2:] == [
        (2025, index, None, None, None, "too_few_groups") for index in ("slope", "relative")
    ]
    one = relative_index_of_inequality(**QUINTILES)
    assert got.row(1) == (2024, "relative", one.value, one.lower, one.upper, None)
    with pytest.raises(ValueError, match="rank of another"):
        inequality_frame(pl.concat([frame, frame]), by=["year"], rank="rank", **names)


@pytest.mark.parametrize(
    ("deaths", "people", "reason"),
    [
        ([1] * 20, [250] * 20, "small_population"),
        (changed(DEATHS, 18, 4000), PEOPLE, "deaths_above_population"),
        (DEATHS, changed(PEOPLE, 2, 0), "no_population"),
        (changed(DEATHS, 19, 0), PEOPLE, "no_deaths_at_the_end"),
        (changed(DEATHS, 3, None), PEOPLE, "missing"),
    ],
)
def test_life_expectancy_refused(deaths: list[Any], people: list[Any], reason: str) -> None:
    got = life_expectancy(deaths, people)
    assert (got.value, got.lower, got.upper, got.reason) == (None, None, None, reason)
    assert set(got.by_age.reason) == {reason}
    assert life_expectancy(DEATHS[1:], PEOPLE[1:], got.ages[1:]).reason == "other_age_bands"
    frame = pl.DataFrame({"area": 1, "age_from": got.ages, "deaths": deaths, "population": people})
    sound = frame.with_columns(area=2, deaths=pl.Series(DEATHS), population=pl.Series(PEOPLE))
    short = sound.with_columns(area=3).head(19)
    framed = life_expectancy_frame(pl.concat([short, frame, sound]), by=["area"])
    assert framed["reason"].to_list() == [reason, None, "other_age_bands"]
    assert framed["value"][1] == life_expectancy(DEATHS, PEOPLE).value


def test_five_thousand_persons_are_too_few_and_one_more_enough() -> None:
    deaths, people = [1] * 20, [250] * 20
    assert life_expectancy(deaths, people).reason == "small_population"
    assert life_expectancy(deaths, changed(people, 0, 251)).reason != "small_population"


def test_nobody_reaches_an_age() -> None:
    got = life_expectancy(changed(DEATHS, 10, 3400), PEOPLE)
    assert got.by_age.reason[10] is None
    assert got.by_age.reason[11:] == ("no_survivors",) * 9
    assert got.value is not None
