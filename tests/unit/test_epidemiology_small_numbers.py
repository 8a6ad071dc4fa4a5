"""Shrinkage, shares and pooling: what is made of few events, and of columns of any kind."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.epidemiology import (
    common_bands,
    crude_rate,
    empirical_bayes,
    poisson,
    pooled_frame,
    pooled_rate,
    proportion_frame,
    shrinkage_error,
    wilson,
)
from tests.support.epidemiology_figures import INFINITE


def test_areas_that_differ_by_chance_alone_all_get_the_mean() -> None:
    got = empirical_bayes([10, 20, 30, 0], [100, 200, 300, 0], 1000)
    assert got.value == pytest.approx((100.0,) * 4)
    assert got.weight == (0.0,) * 4
    assert got.strength == INFINITE
    assert got.crude == (100.0, 100.0, 100.0, None)
    assert got.lower[0] < 100 < got.upper[0]


def test_exceedance_follows_the_reference() -> None:
    counts, sizes = [5, 40, 90], [100, 400, 600]
    for kind in ("rate", "proportion"):
        low, high = (
            empirical_bayes(counts, sizes, 100, kind=kind, reference=reference).exceedance  # type: ignore[arg-type]
            for reference in (1.0, 99.0)
        )
        assert min(low) > 0.95
        assert max(high) < 0.05


def test_shrinkage_is_closer_for_small_areas_that_are_alike() -> None:
    counts, sizes = [1010, 980, 1100, 930, 52, 47], [10_000] * 4 + [500] * 2
    for kind in ("rate", "proportion"):
        got = shrinkage_error(counts, sizes, 200, 100, kind=kind)  # type: ignore[arg-type]
        assert got.areas == 4
        assert got.value < got.crude
    whole = shrinkage_error(counts, sizes, 10_000, 100, large=10_000)
    assert whole.crude == pytest.approx(0.0, abs=1e-9)


def test_the_error_of_crude_parts_is_the_mean_deviation_of_chance() -> None:
    """For large parts of rare events: sqrt(2/π) standard errors."""
    got = shrinkage_error([10_000, 100], [1e6, 1e4], 1e4)
    assert got.crude == pytest.approx(np.sqrt(2 / np.pi * 100 * 0.99) / 1e4, rel=0.01)


def test_stays_of_few_persons_tell_as_much_of_a_share_as_the_persons() -> None:
    """12 of 30 persons with three stays each: 36 of 90 stays, and the persons' own limits."""
    frame = pl.DataFrame(
        {"numerator": [36, 36, 0], "denominator": [90, 90, 90], "squares": [12 * 9, 36, 0]}
    )
    told = proportion_frame(frame, sum_of_squares="squares")
    by_person, by_stay, none = wilson([12, 36, 0], [30, 90, 90])
    assert told["value"].to_list() == [0.4, 0.4, 0.0]
    assert told["lower"].to_list() == pytest.approx([by_person.lower, by_stay.lower, none.lower])
    assert told["upper"].to_list() == pytest.approx([by_person.upper, by_stay.upper, none.upper])


def test_a_pooled_period_says_what_is_missing() -> None:
    got = pooled_rate([3, None, 5], [1000, 1000, 1200], 1000)
    same = crude_rate(8, 2200, 1000)
    assert (got.value, got.lower, got.upper) == (same.value, same.lower, same.upper)
    assert (got.years_used, got.years_missing) == (2, 1)
    assert pooled_rate([None], [10]).reason == "missing"
    assert pooled_rate([0], [0]).reason == "no_population"
    share = pooled_rate([3, 5], [10, 12], 100, kind="proportion")
    assert share.upper == pytest.approx(100 * wilson(8, 22).upper)


def test_pooled_periods_of_strata() -> None:
    frame = pl.DataFrame(
        {
            "area": ["a", "a", "a", "b", "b", "b", "b"],
            "year": [2020, 2021, 2023, 2020, 2021, 2022, 2023],
            "events": [1, 2, 4, 10, 20, 30, 40],
        }
    )
    got = pooled_frame(frame, by=["area"], year="year", years=3, names=["events"])
    assert got.rows() == [
        ("a", 2020, 2022, 3, 2, False),
        ("a", 2021, 2023, 6, 2, False),
        ("b", 2020, 2022, 60, 3, True),
        ("b", 2021, 2023, 90, 3, True),
    ]
    with pytest.raises(ValueError, match="year of another"):
        pooled_frame(pl.concat([frame, frame]), by=["area"], year="year", years=2, names=["events"])


def test_bands_common_to_areas() -> None:
    one = pl.DataFrame({"age_from": [0, 18, 45, 67, 80]})
    other = pl.DataFrame({"age_from": [0, 18, 67, 75]})
    assert common_bands(one, other).rows() == [(0, 17), (18, 66), (67, 199)]
    with pytest.raises(ValueError, match="begin at one age"):
        common_bands(one, one.tail(3))
    with pytest.raises(ValueError, match="at least one"):
        common_bands()


def test_columns_of_any_kind_give_one_answer() -> None:
    expected = wilson([65, 0, None], [100, 0, 10])
    assert expected.reason == (None, "no_population", "missing")
    assert [row.value for row in expected] == [0.65, None, None]
    assert wilson(pl.Series([65, 0, None]), pl.Series([100, 0, 10])) == expected
    assert wilson(np.array([65.0]), (100,))[0] == wilson(65, 100) == expected[0]
    assert poisson([5, 10]).to_frame()["upper"][0] == poisson(5).upper
    rates = crude_rate([5, None, 0], [100, 10, 0], 100)
    assert rates[0] == crude_rate(5, 100, 100)
    assert rates.reason == (None, "missing", "no_population")
    assert crude_rate(None, 5).reason == "missing"  # type: ignore[call-overload]
    assert wilson([1, 2], 10)[1] == wilson(2, 10)
    assert len(poisson([])) == 0
