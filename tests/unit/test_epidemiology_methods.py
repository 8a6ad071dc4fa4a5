"""Trends, inequality, life expectancy, charts, shrinkage, pooling, projection: what they say,
and when they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.epidemiology import (
    ConstantUse,
    HealthierAgeing,
    MovedShare,
    backtest,
    common_bands,
    control_chart,
    crude_rate,
    directly_standardised_rate,
    empirical_bayes,
    funnel_curve,
    funnel_limits,
    funnel_places,
    indirectly_standardised,
    inequality_frame,
    life_expectancy,
    life_expectancy_frame,
    moved_need,
    poisson,
    pooled_frame,
    pooled_rate,
    projected_need,
    proportion_frame,
    recent_trend,
    recent_trend_frame,
    relative_index_of_inequality,
    shrinkage_error,
    slope_index_of_inequality,
    wilson,
)

NAN, INFINITE = float("nan"), float("inf")

# Fingertips (Public Health England), PholioVisualisationWS/AnalysisTest/
# TrendMarkerCalculatorTest.cs: two sets of yearly figures, chi-square 46.77 and not significant.
RISING = {
    "values": [24.67, 24.6, 28, 30.2, 30.6],
    "lowers": [23.16, 23.15, 26.44, 28.63, 28.98],
    "uppers": [26.25, 26.19, 29.64, 31.9, 32.25],
}
LEVEL = {
    "values": [20.5506, 19.5952, 19.0349, 21.3966, 18.4372],
    "lowers": [18.1803, 17.3444, 16.8421, 19.0918, 16.2925],
    "uppers": [23.1427, 22.0602, 21.4394, 23.8975, 20.7941],
}


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


QUINTILES: dict[str, Any] = {
    "values": [30.0, 26.0, 24.0, 21.0, 18.0],
    "populations": [1000, 1100, 1200, 900, 1000],
    "lowers": [28.0, 24.0, 22.0, 19.0, 16.0],
    "uppers": [32.0, 28.0, 26.0, 23.0, 20.0],
}


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


PEOPLE = [700, 2800, *[3500] * 17, 600]
DEATHS = [2, 1, 0, 1, 1, 1, 1, 2, 2, 3, 5, 8, 13, 20, 32, 52, 90, 160, 260, 140]


def changed(column: list[int], place: int, number: Any) -> list[Any]:
    return [*column[:place], number, *column[place + 1 :]]


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


USE, NOW = [10, 40, 120, 300], [1000, 900, 800, 500]
AGES = [67, 75, 80, 90]


def test_need_by_hand() -> None:
    later = [1000, 1000, 1000, 1000]
    got = projected_need(USE, NOW, [NOW, later])
    assert got.value[0] == pytest.approx(sum(USE))
    assert got.value[1] == pytest.approx(1000 * (0.01 + 40 / 900 + 0.15 + 0.6))
    assert got.lower[0] == pytest.approx(poisson(470).lower)
    assert got.upper[0] == pytest.approx(poisson(470).upper)
    assert len(got.to_frame()) == 2


def test_healthier_ageing_moves_use_to_later_ages() -> None:
    """Five of ten gained years: the oldest use what is read half-way to the band below."""
    healthier = HealthierAgeing(AGES, [10.0])
    only_oldest = [0, 0, 0, 500]
    got = projected_need(USE, NOW, only_oldest, scenario=healthier)
    middles = [71.0, 77.5, 85.0, 95.0]
    rate = np.interp(middles[3] - 5.0, middles, [u / n for u, n in zip(USE, NOW, strict=True)])
    assert got.value[0] == pytest.approx(500 * rate)
    same = projected_need(USE, NOW, NOW, scenario=HealthierAgeing(AGES, [0.0]))
    assert same.value[0] == pytest.approx(sum(USE))
    two_sexes = HealthierAgeing([*AGES, *AGES], [10.0])
    both = projected_need(USE * 2, NOW * 2, only_oldest * 2, scenario=two_sexes)
    assert both.value[0] == pytest.approx(2 * got.value[0])


def test_a_moved_share_is_found_again_elsewhere() -> None:
    home = projected_need(USE, NOW, [NOW, NOW])
    ward = projected_need([5, 10, 20, 40], NOW, [NOW, NOW])
    left, taken = moved_need(ward, home, 0.2, exchange=3.0)
    assert left.value == pytest.approx((60.0, 60.0))
    assert taken.value == pytest.approx((470 + 45.0, 470 + 45.0))
    policy = projected_need([5, 10, 20, 40], NOW, [NOW], scenario=MovedShare(0.2))
    assert policy.value[0] == left.value[0]
    few = projected_need([1, 1, 1, 1], NOW, [NOW, NOW])
    assert moved_need(few, home, 0.5)[1].reason == ("too_few_events",) * 2


def test_an_uncertain_projection_widens_the_interval() -> None:
    sure = projected_need(USE, NOW, NOW)
    unsure = projected_need(USE, NOW, NOW, projected_errors=[50, 50, 50, 100])
    assert unsure.value == sure.value
    spread = 1.959964 * (0.01 * 50 + 40 / 900 * 50 + 0.15 * 50 + 0.6 * 100)
    assert unsure.upper[0] - 470 == pytest.approx(np.hypot(sure.upper[0] - 470, spread), rel=1e-6)


def test_a_backtest_publishes_its_error() -> None:
    people = [NOW, NOW, [n * 1.1 for n in NOW]]
    steady = backtest([USE, USE, [u * 1.1 for u in USE]], people, 1)
    assert (steady.value, steady.bias) == pytest.approx((0.0, 0.0))
    assert steady.covered == 1.0
    falling = backtest([USE, USE, [u * 0.55 for u in USE]], people, 2, scenario=ConstantUse())
    assert (falling.value, falling.bias) == pytest.approx((100.0, 100.0))
    assert falling.covered == 0.0
    assert backtest([[1, 0], [1, 0]], [[9, 9], [9, 9]], 1).reason == "too_few_events"


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


def test_an_average_and_its_funnel() -> None:
    curve = funnel_curve(10.0, [5], 1000)
    assert curve.to_frame()["lower_size_95"].item() == pytest.approx(1166.8332079)
    one = funnel_limits(10.0, 100, "rate", 1000)
    assert one.lower_95.shape == (1,)
    assert funnel_limits(1.0, [10], "ratio").upper_95[0] == pytest.approx(18.39036 / 10, rel=1e-5)
    assert funnel_places([5, None, 3], [10, 10, 0], "rate") == ["inside", None, None]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: wilson(NAN, 5), "numerator"),
        (lambda: wilson(1, -5), "denominator"),
        (lambda: wilson([1], [INFINITE]), "denominator"),
        (lambda: wilson([1, 2], [3]), "one length"),
        (lambda: wilson("3", 5), "numerator: expected numbers"),
        (lambda: wilson(["3"], [5]), "numerator: expected numbers"),
        (lambda: wilson(pl.Series(["3"]), [5]), "numerator: expected numbers"),
        (lambda: poisson(INFINITE), "count"),
        (lambda: crude_rate(-1, 5), "count"),
        (lambda: crude_rate(0, -5), "population"),
        (lambda: crude_rate(1, 5, 0), "multiplier"),
        (lambda: directly_standardised_rate([10, -1], [9, 9], [1, 1]), "counts"),
        (
            lambda: directly_standardised_rate([10, None], [9, 9], [1, 1]),
            "counts: 1 of 2 are missing",
        ),
        (lambda: directly_standardised_rate([10, 1], [9, NAN], [1, 1]), "populations"),
        (lambda: directly_standardised_rate([10, 1], [9, 9], [1, -1]), "weights"),
        (lambda: directly_standardised_rate([], [], []), "bands"),
        (
            lambda: directly_standardised_rate([10], [9], [1], persons_by_events={1: [5, 5]}),
            "persons_by_events",
        ),
        (lambda: indirectly_standardised(-1, [9], [9], [9]), "counts"),
        (lambda: indirectly_standardised(1, [9], [NAN], [9]), "reference_counts"),
        (lambda: indirectly_standardised(1, [9], [9], [9], result="both"), "result"),
        (lambda: funnel_limits(0.1, [-1], "rate"), "denominators"),
        (lambda: funnel_limits(NAN, [1], "rate"), "average"),
        (lambda: funnel_limits(5, [1], "proportion"), "average"),
        (lambda: funnel_curve(5, [0]), "events"),
        (lambda: funnel_places([1], [0], "rate"), "denominators"),
        (lambda: recent_trend(**RISING, polarity="up"), "polarity"),
        (lambda: recent_trend(**RISING | {"values": [NAN] * 5}), "values"),
        (lambda: recent_trend(**RISING | {"lowers": [99.0] * 5}), "lowers"),
        (lambda: recent_trend(**RISING | {"uppers": [1.0] * 5}), "uppers|lowers"),
        (lambda: recent_trend(**RISING, years=[1, 2, 3]), "years"),
        (lambda: recent_trend(**RISING, span=0), "span"),
        (lambda: slope_index_of_inequality(**QUINTILES, kind="other", transform=True), "transform"),
        (lambda: slope_index_of_inequality(**QUINTILES, kind="share"), "kind"),
        (lambda: slope_index_of_inequality(**QUINTILES, kind="proportion"), "per cent"),
        (lambda: slope_index_of_inequality(**QUINTILES, multiplier=0), "multiplier"),
        (lambda: slope_index_of_inequality([1] * 5, [1] * 5), "standard_errors"),
        (lambda: slope_index_of_inequality(**QUINTILES | {"populations": [-1] * 5}), "populations"),
        (lambda: slope_index_of_inequality(**QUINTILES | {"uppers": [1] * 5}), "uppers"),
        (lambda: life_expectancy(changed(DEATHS, 0, -1), PEOPLE), "deaths"),
        (lambda: life_expectancy(DEATHS, PEOPLE, at=3), "at"),
        (lambda: life_expectancy(DEATHS, PEOPLE, ages=[0, 1]), "ages"),
        (lambda: life_expectancy(DEATHS, PEOPLE, ages=["old"] * 20), "ages"),
        (lambda: control_chart([1], [1], "mean"), "kind"),
        (lambda: control_chart([5], [1], "proportion"), "counts"),
        (lambda: empirical_bayes([1], [0]), "denominators"),
        (lambda: empirical_bayes([0], [0]), "denominators"),
        (lambda: empirical_bayes([2], [1], kind="proportion"), "counts"),
        (lambda: empirical_bayes([2], [1], kind="mean"), "kind"),
        (lambda: empirical_bayes([2], [1], reference=-1), "reference"),
        (lambda: shrinkage_error([1, 1], [10, 10], 5), "denominators"),
        (lambda: pooled_rate([1], [1], kind="mean"), "kind"),
        (lambda: pooled_frame(pl.DataFrame(), by=[], year="y", years=0, names=[]), "years"),
        (lambda: projected_need([1], [0], [1]), "populations"),
        (lambda: projected_need([1, 2], [1, 1], [1]), "projected_populations"),
        (lambda: projected_need([1, 2], [1, 1], [[1, 1], [1]]), "projected_populations"),
        (lambda: projected_need(USE, NOW, NOW, projected_errors=[1]), "projected_errors"),
        (lambda: projected_need(USE, NOW, NOW, scenario=HealthierAgeing([1], [1])), "ages"),
        (lambda: projected_need(USE, NOW, NOW, scenario=HealthierAgeing(AGES, [1], 2)), "share"),
        (lambda: projected_need(USE, NOW, NOW, scenario=MovedShare(2)), "share"),
        (lambda: backtest([[1]], [[1]], 1), "first_years"),
        (lambda: backtest([[1]], [[1, 2]], 1), "populations"),
    ],
)
def test_what_is_no_sensible_input_is_an_error_that_names_it(
    call: Callable[[], object], names: str
) -> None:
    with pytest.raises(ValueError, match=names):
        call()
