"""What must hold of trends, indices, life tables, shrinkage, projections, whatever the numbers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.epidemiology import (
    HealthierAgeing,
    backtest,
    control_chart,
    crude_rate,
    directly_standardised_rate,
    empirical_bayes,
    funnel_curve,
    funnel_places,
    life_expectancy,
    poisson,
    pooled_rate,
    projected_need,
    recent_trend,
    relative_index_of_inequality,
    slope_index_of_inequality,
    wilson,
)

FACTORS = st.floats(0.01, 100)
POINTS = st.lists(st.tuples(st.floats(1, 1000), st.floats(0.1, 50)), min_size=5, max_size=9)


def figures(points: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {
        "values": [value for value, _ in points],
        "lowers": [max(value - half, 0.0) for value, half in points],
        "uppers": [value + half for value, half in points],
    }


def scaled(columns: dict[str, list[float]], factor: float) -> dict[str, list[float]]:
    return {name: [factor * number for number in column] for name, column in columns.items()}


@given(POINTS, FACTORS)
def test_trends_scale_turn_and_look_at_the_last_five(
    points: list[tuple[float, float]], factor: float
) -> None:
    columns = figures(points)
    one = recent_trend(**columns)
    assert one.value is not None
    assert one.lower is not None
    assert one.upper is not None
    assert one.lower < one.value < one.upper
    assert recent_trend(**{name: column[-5:] for name, column in columns.items()}) == one
    larger = recent_trend(**scaled(columns, factor))
    assert larger.value == pytest.approx(factor * one.value, rel=1e-6, abs=1e-9)
    assert larger.chi_square == pytest.approx(one.chi_square, rel=1e-6, abs=1e-9)
    back = recent_trend(**{name: column[-5:][::-1] for name, column in columns.items()})
    assert back.value == pytest.approx(-one.value, rel=1e-6, abs=1e-9)


@given(st.floats(1, 1000), st.lists(st.floats(0.1, 1), min_size=5, max_size=5))
def test_figures_that_stand_still_have_no_trend(value: float, halves: list[float]) -> None:
    got = recent_trend([value] * 5, [value - h for h in halves], [value + h for h in halves])
    assert got.value == pytest.approx(0.0, abs=1e-9)
    assert got.direction == "no_change"


GROUPS = st.lists(
    st.tuples(st.floats(5, 95), st.floats(0.5, 4), st.integers(10, 10_000)), min_size=5, max_size=10
)


def ranked(groups: list[tuple[float, float, int]], unit: float = 1.0) -> dict[str, Any]:
    return {
        "values": [value * unit for value, _, _ in groups],
        "populations": [people for _, _, people in groups],
        "lowers": [(value - half) * unit for value, half, _ in groups],
        "uppers": [(value + half) * unit for value, half, _ in groups],
    }


@given(GROUPS, FACTORS)
def test_inequality_turns_with_the_ranking_and_scales(
    groups: list[tuple[float, float, int]], factor: float
) -> None:
    one = slope_index_of_inequality(**ranked(groups))
    turned = slope_index_of_inequality(**ranked(groups[::-1]))
    scale = slope_index_of_inequality(**ranked(groups), multiplier=factor)
    assert one.value is not None
    assert one.lower is not None
    assert one.upper is not None
    assert one.lower < one.value < one.upper
    assert turned.value == pytest.approx(-one.value, abs=1e-7)
    assert turned.upper == pytest.approx(-one.lower, abs=1e-7)
    assert scale.upper == pytest.approx(factor * one.upper, rel=1e-9, abs=1e-7)


@given(GROUPS, st.sampled_from(["rate", "proportion"]))
def test_transformed_indices_hold_their_value_and_invert(
    groups: list[tuple[float, float, int]], kind: Any
) -> None:
    given_groups = ranked(groups, 0.01)
    for index in (slope_index_of_inequality, relative_index_of_inequality):
        one = index(**given_groups, kind=kind, transform=True)
        turned = index(**given_groups, kind=kind, transform=True, multiplier=-1)
        assert one.value is not None
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower < one.value < one.upper
        flip = 1 / one.value if index is relative_index_of_inequality else -one.value
        assert turned.value == pytest.approx(flip)


@given(st.floats(1, 99), st.lists(st.integers(1, 1000), min_size=5, max_size=10))
def test_equal_groups_show_no_inequality(value: float, people: list[int]) -> None:
    same = [value] * len(people)
    errors = {"standard_errors": [0.01] * len(people)}
    assert slope_index_of_inequality(same, people, **errors).value == pytest.approx(0, abs=1e-9)
    assert relative_index_of_inequality(same, people, **errors).value == pytest.approx(1)


LIVES = st.lists(
    st.tuples(st.integers(1_000, 50_000), st.floats(1e-4, 0.1)), min_size=20, max_size=20
)


@given(LIVES, st.randoms(use_true_random=False), st.integers(2, 9))
def test_life_tables(lives: list[tuple[int, float]], order: random.Random, times: int) -> None:
    people = [n for n, _ in lives]
    deaths = [max(round(n * rate), 1) for n, rate in lives]
    one = life_expectancy(deaths, people)
    ages = list(range(20))
    order.shuffle(ages)
    mixed = life_expectancy(
        [deaths[i] for i in ages], [people[i] for i in ages], [one.ages[i] for i in ages]
    )
    assert mixed == one
    more = life_expectancy([d * times for d in deaths], [n * times for n in people])
    for row, larger in zip(one.by_age, more.by_age, strict=True):
        if row.value is None or row.lower is None:
            continue
        assert row.lower < row.value
        assert larger.value == pytest.approx(row.value)
        assert larger.value - larger.lower == pytest.approx(  # type: ignore[operator]
            (row.value - row.lower) / times**0.5
        )


@given(st.floats(0.02, 0.1))
def test_a_life_with_one_death_rate_lasts_as_long_as_that_says(rate: float) -> None:
    """With m everywhere, years left at 90 are 1 / m, and a little less or more at birth."""
    got = life_expectancy([rate * 100_000] * 20, [100_000] * 20)
    assert got.by_age.value[-1] == pytest.approx(1 / rate)
    assert got.value == pytest.approx(1 / rate, rel=0.01)


AREAS = st.lists(st.tuples(st.integers(0, 300), st.integers(300, 5_000)), min_size=2, max_size=12)


@given(AREAS, st.sampled_from(["rate", "proportion"]), FACTORS)
def test_shrinkage_lies_between_the_crude_figure_and_the_mean(
    areas: list[tuple[int, int]], kind: Any, factor: float
) -> None:
    counts, sizes = [a for a, _ in areas], [b for _, b in areas]
    got = empirical_bayes(counts, sizes, kind=kind)
    for value, crude, lower, upper, above in zip(
        got.value, got.crude, got.lower, got.upper, got.exceedance, strict=True
    ):
        assert crude is not None
        low, high = sorted([crude, got.mean])
        assert low - 1e-12 <= value <= high + 1e-12
        assert lower <= value <= upper
        assert 0 <= above <= 1
    turned = empirical_bayes(counts[::-1], sizes[::-1], factor, kind=kind)
    assert turned.value[::-1] == pytest.approx([factor * value for value in got.value])
    assert turned.exceedance[::-1] == pytest.approx(got.exceedance)


@given(st.lists(st.integers(0, 100), min_size=10, max_size=30), FACTORS)
def test_charts_hold_their_centre_and_scale(counts: list[int], factor: float) -> None:
    one = control_chart(counts, 100, "proportion")
    other = control_chart(counts, 100, "proportion", factor)
    assert one.centre == pytest.approx(sum(counts) / (100 * len(counts)))
    assert one.dispersion is not None
    assert one.dispersion >= 1
    for low, high in zip(one.lower, one.upper, strict=True):
        assert low is not None
        assert high is not None
        assert low <= one.centre <= high
    assert other.upper == pytest.approx([factor * high for high in one.upper if high is not None])
    assert other.signal == one.signal


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(100, 900)), min_size=1, max_size=9))
def test_pooling_years_is_the_figure_of_their_sums(years: list[tuple[int, int]]) -> None:
    counts, people = [a for a, _ in years], [b for _, b in years]
    got = pooled_rate(counts, people, 1000)
    same = crude_rate(sum(counts), sum(people), 1000)
    assert (got.value, got.lower, got.upper) == (same.value, same.lower, same.upper)
    assert pooled_rate([*counts, None], [*people, 5], 1000).value == got.value


BANDS = st.lists(st.tuples(st.integers(1, 500), st.integers(500, 9_000)), min_size=2, max_size=18)


@given(BANDS, FACTORS, st.floats(0, 10))
def test_projections(bands: list[tuple[int, int]], factor: float, gain: float) -> None:
    use, people = [a for a, _ in bands], [b for _, b in bands]
    assume(sum(use) >= 10)
    later = [[factor * n for n in people], people]
    got = projected_need(use, people, later)
    count = poisson(sum(use))
    assert got.value == pytest.approx((factor * sum(use), sum(use)))
    assert [got.lower[1], got.upper[1]] == pytest.approx([count.lower, count.upper])
    # Use that rises with age never rises when people stay younger for longer.
    ages = list(range(0, 5 * len(bands), 5))
    rising = sorted(use)
    same = [1000] * len(bands)
    shifted = projected_need(rising, same, same, scenario=HealthierAgeing(ages, [gain]))
    assert shifted.value[0] is not None
    assert shifted.value[0] <= sum(rising) + 1e-9
    tested = backtest([use, [factor * n for n in use]], [people, later[0]], 1)
    assert tested.value == pytest.approx(0.0, abs=1e-9)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), FACTORS)
def test_a_funnel_narrows_with_events(events: list[int], average: float) -> None:
    got = funnel_curve(average, sorted(events))
    assert np.all(got.lower_998 < got.lower_95)
    assert np.all(got.lower_95 < average)
    assert np.all(average < got.upper_95)
    assert np.all(got.upper_95 < got.upper_998)
    assert np.all(np.diff(got.lower_95) >= 0)
    assert np.all(np.diff(got.upper_95) <= 0)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(60, 600)), min_size=1, max_size=9),
    st.sampled_from(["proportion", "rate"]),
)
def test_areas_outside_a_funnel_lie_on_their_side_of_the_average(
    areas: list[tuple[int, int]], kind: Any
) -> None:
    counts, sizes = [a for a, _ in areas], [b for _, b in areas]
    places = funnel_places(counts, sizes, kind)
    average = sum(counts) / sum(sizes)
    for place, count, size in zip(places, counts, sizes, strict=True):
        assert place is not None
        if place.startswith("low"):
            assert count / size < average
        if place.startswith("high"):
            assert count / size > average


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 200)), max_size=8),
    st.integers(200, 900),
)
def test_columns_hold_the_answers_of_their_numbers(counts: list[int | None], size: int) -> None:
    shares, rates = wilson(counts, size), crude_rate(counts, size, 100)
    for row, count in enumerate(counts):
        if count is None:
            assert shares.reason[row] == rates.reason[row] == "missing"
        else:
            assert shares[row] == wilson(count, size)
            assert rates[row] == crude_rate(count, size, 100)
    assert wilson(pl.Series(counts, dtype=pl.Int64), size) == shares


@given(st.lists(st.integers(0, 60), min_size=3, max_size=8))
def test_splitting_events_among_fewer_persons_never_narrows(ones: list[int]) -> None:
    """The same events by fewer persons: same rate, wider interval."""
    assume(sum(ones) >= 10)
    people, weights = [500] * len(ones), [1 + i for i in range(len(ones))]
    doubled = [n // 2 for n in ones]
    single = [n - 2 * k for n, k in zip(ones, doubled, strict=True)]
    once = directly_standardised_rate(ones, people, weights, persons_by_events={1: ones})
    twice = directly_standardised_rate(
        ones, people, weights, persons_by_events={1: single, 2: doubled}
    )
    plain = directly_standardised_rate(ones, people, weights)
    assert once == plain
    assert twice.value == once.value
    assert twice.upper >= once.upper  # type: ignore[operator]
    assert twice.lower <= once.lower  # type: ignore[operator]
