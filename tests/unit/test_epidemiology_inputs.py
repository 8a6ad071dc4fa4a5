"""Input that makes no sense, to any of the methods: an error that names the argument.

Does not belong here: what the errors say beyond the name (``test_epidemiology_refusals``).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from pipelines.epidemiology import (
    HealthierAgeing,
    MovedShare,
    backtest,
    control_chart,
    crude_rate,
    directly_standardised_rate,
    empirical_bayes,
    funnel_curve,
    funnel_limits,
    funnel_places,
    indirectly_standardised,
    life_expectancy,
    poisson,
    pooled_frame,
    pooled_rate,
    projected_need,
    recent_trend,
    shrinkage_error,
    slope_index_of_inequality,
    wilson,
)
from tests.support.epidemiology_figures import (
    AGES,
    DEATHS,
    INFINITE,
    NAN,
    NOW,
    PEOPLE,
    QUINTILES,
    RISING,
    USE,
    changed,
)


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
