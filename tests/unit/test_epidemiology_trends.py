"""Trends and charts: what they say of years, months and areas, and when they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pipelines.epidemiology import (
    control_chart,
    funnel_curve,
    funnel_limits,
    funnel_places,
    recent_trend,
    recent_trend_frame,
)
from tests.support.epidemiology_figures import LEVEL, RISING, changed


@pytest.mark.parametrize(
    ("polarity", "label"),
    [
        ("lower_is_better", "getting_worse"),
        ("higher_is_better", "getting_better"),
        ("neutral", "increasing"),
    ],
)
def test_a_published_trend(polarity: Any, label: str) -> None:
    got = recent_trend(**RISING, polarity=polarity)
    assert got.chi_square is not None
    assert got.p_value is not None
    assert round(got.chi_square, 2) == 46.77
    assert got.p_value < 0.002
    assert (got.direction, got.label, got.reason) == ("increasing", label, None)
    level = recent_trend(**LEVEL, polarity=polarity)
    assert (level.direction, level.label) == ("no_change", "no_change")


def test_a_trend_turned_round() -> None:
    back = {name: column[::-1] for name, column in RISING.items()}
    got, other = recent_trend(**back, polarity="lower_is_better"), recent_trend(**RISING)
    assert got.label == "getting_better"
    assert got.value == pytest.approx(-other.value)
    assert got.chi_square == pytest.approx(other.chi_square)


def test_one_odd_year_makes_no_trend() -> None:
    values = [10.0, 10.1, 9.9, 10.0, 60.0]
    got = recent_trend(values, [v - 1 for v in values], [v + 1 for v in values])
    assert got.chi_square is not None
    assert got.chi_square > 9.5495
    assert got.direction == "no_change"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: {name: column[1:] for name, column in c.items()}, "too_few_years"),
        (lambda c: c | {"uppers": [None, *c["uppers"][1:]]}, "missing_years"),
        (lambda c: c | {"years": [2015, 2017, 2018, 2019, 2020]}, "missing_years"),
        (lambda c: c | {"years": [2016, 2017, 2018, 2019, 2020], "span": 3}, "overlapping_years"),
        (lambda c: c | {"lowers": c["values"], "uppers": c["values"]}, "no_uncertainty"),
    ],
)
def test_trends_refused(change: Callable[[Any], Any], reason: str) -> None:
    got = recent_trend(**change(RISING))
    assert (got.value, got.lower, got.upper, got.direction) == (None, None, None, None)
    assert got.reason == reason


def test_trends_of_strata_are_those_of_each() -> None:
    frame = pl.concat(
        [
            pl.DataFrame(columns).with_columns(area=pl.lit(area), year=pl.int_range(pl.len()))
            for area, columns in (("level", LEVEL), ("rising", RISING))
        ]
        + [pl.DataFrame(RISING).head(4).with_columns(area=pl.lit("short"), year=pl.int_range(4))]
    )
    got = recent_trend_frame(
        frame.sample(fraction=1.0, shuffle=True, seed=1),
        by=["area"],
        year="year",
        value="values",
        lower="lowers",
        upper="uppers",
        polarity="higher_is_better",
    )
    assert got["area"].to_list() == ["level", "rising", "short"]
    assert got["label"].to_list() == ["no_change", "getting_better", None]
    assert got["reason"].to_list() == [None, None, "too_few_years"]
    one = recent_trend(**RISING)
    row = got.row(1, named=True)
    assert [row["value"], row["lower"], row["upper"]] == pytest.approx(
        [one.value, one.lower, one.upper]
    )


def test_more_variation_than_chance_widens_a_chart() -> None:
    counts = [50, 80, 45, 85, 50, 90, 40, 80, 55, 85, 45, 90]
    wide = control_chart(counts, 1000, "rate", 1000)
    assert wide.dispersion is not None
    assert wide.dispersion > 2
    assert set(wide.signal) == {None}
    calm = control_chart([60, 61] * 6, 1000, "proportion", 100)
    assert calm.dispersion == 1.0
    assert control_chart(counts[:9], 1000, "rate").reason == "too_few_points"


def test_signals_of_a_chart() -> None:
    counts: list[int | None] = [50, 51, 49, 50, 52, 50, 51, 49, 140, 50, 48, 50]
    odd = control_chart(changed(counts, 5, None), 1000, "rate", 1000)  # type: ignore[arg-type]
    assert odd.signal[8] == "above"
    assert odd.value[5] is None
    assert odd.to_frame()["signal"].to_list().count("above") == 1
    step = control_chart([40] * 8 + [60] * 8, 1000, "rate")
    assert [place for place, signal in enumerate(step.signal) if signal == "run"] == [7, 15]


def test_an_average_and_its_funnel() -> None:
    curve = funnel_curve(10.0, [5], 1000)
    assert curve.to_frame()["lower_size_95"].item() == pytest.approx(1166.8332079)
    one = funnel_limits(10.0, 100, "rate", 1000)
    assert one.lower_95.shape == (1,)
    assert funnel_limits(1.0, [10], "ratio").upper_95[0] == pytest.approx(18.39036 / 10, rel=1e-5)
    assert funnel_places([5, None, 3], [10, 10, 0], "rate") == ["inside", None, None]
