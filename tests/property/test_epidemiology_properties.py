"""What must hold of rates and intervals whatever the numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.epidemiology import (
    crude_rate,
    directly_standardised_frame,
    directly_standardised_rate,
    funnel_limits,
    indirectly_standardised,
    merged_weights,
    poisson,
    repeat_event_rate,
    wilson,
)

COUNTS = st.integers(0, 5_000)
CONFIDENCES = st.sampled_from([0.8, 0.95, 0.998])
BANDS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 20_000), st.integers(1, 7_000)),
    min_size=1,
    max_size=19,
)


def columns(bands: list[tuple[int, int, int]]) -> tuple[list[int], list[int], list[int]]:
    counts, populations, weights = zip(*bands, strict=True)
    return list(counts), list(populations), list(weights)


@given(COUNTS, CONFIDENCES)
def test_poisson_limits_contain_the_count(count: int, confidence: float) -> None:
    got = poisson(count, confidence)
    assert got.lower is not None
    assert got.upper is not None
    assert 0 <= got.lower <= count < got.upper


@given(st.integers(1, 100_000), st.data(), CONFIDENCES)
def test_wilson_limits_contain_the_share(
    denominator: int, data: st.DataObject, confidence: float
) -> None:
    numerator = data.draw(st.integers(0, denominator))
    got = wilson(numerator, denominator, confidence)
    assert got.value is not None
    assert got.lower is not None
    assert got.upper is not None
    assert 0 <= got.lower <= got.value <= got.upper <= 1
    other = wilson(denominator - numerator, denominator, confidence)
    assert other.lower == pytest.approx(1 - got.upper, abs=1e-12)


@given(BANDS)
def test_standardising_to_ones_own_structure_gives_the_crude_rate(
    bands: list[tuple[int, int, int]],
) -> None:
    counts, populations, _ = columns(bands)
    crude = crude_rate(sum(counts), sum(populations), 1000)
    direct = directly_standardised_rate(counts, populations, populations, 1000)
    indirect = indirectly_standardised(counts, populations, counts, populations, 1000)
    if sum(counts) >= 10:
        assert direct.value == pytest.approx(crude.value)
        assert direct.lower == pytest.approx(crude.lower)
        assert direct.upper == pytest.approx(crude.upper)
    else:
        assert direct.reason == "too_few_events"
        assert direct.value is None
    if sum(counts) > 0:
        assert indirect.value == pytest.approx(crude.value)
        assert indirect.upper == pytest.approx(crude.upper)


@given(BANDS, st.randoms(use_true_random=False), st.floats(0.01, 100))
def test_order_of_bands_and_scale_of_weights_change_nothing(
    bands: list[tuple[int, int, int]], random: np.random.Generator, factor: float
) -> None:
    shuffled = list(bands)
    random.shuffle(shuffled)
    counts, populations, weights = columns(bands)
    one = directly_standardised_rate(counts, populations, weights, 1000)
    turned = columns(shuffled)
    other = directly_standardised_rate(
        turned[0], turned[1], [weight * factor for weight in turned[2]], 1000
    )
    assert other.reason == one.reason
    if one.value is not None:
        assert [other.value, other.lower, other.upper] == pytest.approx(
            [one.value, one.lower, one.upper], rel=1e-9
        )


@given(BANDS)
def test_direct_interval_contains_the_rate_and_scales_with_the_multiplier(
    bands: list[tuple[int, int, int]],
) -> None:
    counts, populations, weights = columns(bands)
    one = directly_standardised_rate(counts, populations, weights)
    if one.value is None or one.lower is None or one.upper is None:
        assert sum(counts) < 10
        return
    assert one.lower <= one.value <= one.upper
    thousand = directly_standardised_rate(counts, populations, weights, 1000)
    assert thousand.upper == pytest.approx(1000 * one.upper)


@given(BANDS)
def test_splitting_a_band_evenly_changes_nothing(bands: list[tuple[int, int, int]]) -> None:
    counts, populations, weights = columns(bands)
    one = directly_standardised_rate(counts, populations, weights)
    halves = [[x / 2 for x in column for _ in "ab"] for column in (counts, populations, weights)]
    other = directly_standardised_rate(*halves)
    assert other.value == (None if one.value is None else pytest.approx(one.value))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.integers(500, 5000))
def test_repeat_events_widen_the_interval(per_person: list[int], population: int) -> None:
    events = sum(per_person)
    squares = sum(k * k for k in per_person)
    single = crude_rate(events, population)
    repeated = repeat_event_rate(events, squares, population)
    assert repeated.value == single.value
    assert single.lower is not None
    assert single.upper is not None
    assert repeated.lower is not None
    assert repeated.upper is not None
    assert 0 <= repeated.lower <= single.lower + 1e-12
    assert repeated.upper >= single.upper - 1e-12


@given(st.lists(st.integers(0, 40), min_size=3, max_size=3), st.integers(0, 20))
def test_persons_by_events_and_sum_of_squares_agree(ones: list[int], twos: int) -> None:
    twice = [twos, 0, 3]
    counts = [a + 2 * b for a, b in zip(ones, twice, strict=True)]
    squares = [a + 4 * b for a, b in zip(ones, twice, strict=True)]
    populations, weights = [100, 200, 300], [3, 2, 1]
    by_persons = directly_standardised_rate(
        counts, populations, weights, persons_by_events={1: ones, 2: twice}
    )
    by_squares = directly_standardised_rate(counts, populations, weights, variances=squares)
    assert by_persons == by_squares


@given(st.lists(BANDS, min_size=1, max_size=5))
def test_a_frame_holds_the_scalar_results(areas: list[list[tuple[int, int, int]]]) -> None:
    rows = [(number, *band) for number, bands in enumerate(areas) for band in bands]
    schema = ["area", "numerator", "denominator", "weight"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    many = directly_standardised_frame(frame, by=["area"], weight="weight", multiplier=1000)
    assert many["area"].to_list() == list(range(len(areas)))
    for bands, row in zip(areas, many.iter_rows(named=True), strict=True):
        one = directly_standardised_rate(*columns(bands), 1000)
        assert row["reason"] == one.reason
        if one.value is not None:
            assert row["value"] == pytest.approx(one.value)
            assert row["lower"] == pytest.approx(one.lower)


@given(st.sets(st.integers(1, 95), max_size=12))
def test_merged_weights_add_up_however_ages_are_cut(cuts: set[int]) -> None:
    standard = pl.DataFrame(
        {"age_from": [0, *range(5, 100, 5)], "weight": [float(5 + i) for i in range(20)]}
    )
    starts = sorted({0, *cuts})
    ends = [*(start - 1 for start in starts[1:]), 199]
    weights = merged_weights(standard, pl.DataFrame({"age_from": starts, "age_to": ends}))
    assert weights.sum() == pytest.approx(standard["weight"].sum())
    assert weights.min() > 0


@given(
    st.floats(0.001, 0.999),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=5),
    st.sampled_from(["proportion", "rate"]),
)
def test_funnel_limits_nest_around_the_average(average: float, sizes: list[int], kind: str) -> None:
    got = funnel_limits(average, sizes, kind)  # type: ignore[arg-type]
    assert np.all(got.lower_998 <= got.lower_95)
    assert np.all(got.lower_95 <= average)
    assert np.all(average <= got.upper_95)
    assert np.all(got.upper_95 <= got.upper_998)
