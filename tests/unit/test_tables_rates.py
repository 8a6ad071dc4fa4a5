"""Standardised rates: what rounding leaves open, held against every set of whole numbers."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest

from anonymization.tables import TableError, TablePolicy, publishable_standardised
from anonymization.tables.errors import NoOptimumError
from anonymization.tables.rate_lines import byar_limits
from anonymization.tables.rate_strata import Budget
from anonymization.tables.solver import Programme

POLICY = TablePolicy()
M = 1000.0


def numbers(events, persons, weights, total=None):
    """Rate and limits, before rounding, of one or many sets of strata (last axis)."""
    events = np.asarray(events, dtype=float)
    count = events.sum(axis=-1) if total is None else total
    share = M * weights / weights.sum() / persons
    rate, variance = events @ share, events @ share**2
    low, high = byar_limits(float(np.max(count)))
    root = np.sqrt(variance / count)
    return rate, rate + root * (low - count), rate + root * (high - count)


def frames(name, events, persons, weights, decimals, groups=None, few=None, limits=True, extra=1.0):
    rate, low, high = numbers(events, persons, weights)
    low, high = rate + extra * (low - rate), rate + extra * (high - rate)
    strata = pl.DataFrame(
        {
            "figure_id": name,
            "stratum_id": [f"s{i}" for i in range(len(events))],
            "numerator": events,
            "denominator": persons,
            "persons": events if few is None else few,
            "weight": weights,
            "known_group": groups or [None] * len(events),
        },
        schema_overrides={"known_group": pl.String, "numerator": pl.Float64},
        strict=False,
    )
    figure = {
        "figure_id": name,
        "value": round(float(rate), decimals),
        "lower": round(float(low), decimals) if limits else None,
        "upper": round(float(high), decimals) if limits else None,
        "decimals": decimals,
        "multiplier": M,
    }
    return strata, pl.DataFrame(
        [figure], schema_overrides={"lower": pl.Float64, "upper": pl.Float64}
    )


def test_verdicts_are_those_of_all_whole_solutions():
    """Three to five strata, 0 to 2 decimals: the reader's list of fitting counts, complete."""
    rng = np.random.default_rng(3)
    strata, figures, widths = [], [], {}
    for index in range(60):
        size = int(rng.integers(3, 6))
        persons = rng.integers(30, 400, size).astype(float)
        weights = rng.integers(1000, 6000, size).astype(float)
        events = rng.integers(0, 7, size)
        events[-1] += 8
        decimals = int(rng.integers(0, 3))
        groups = ["g" if rng.random() < 0.6 else None for _ in range(size)]
        name = f"f{index:02d}"
        one, figure = frames(name, events, persons, weights, decimals, groups)
        strata.append(one)
        figures.append(figure)
        total = events.sum()
        grid = np.array(list(product(range(total + 1), repeat=size - 1)))
        every = np.column_stack([grid, total - grid.sum(axis=1)])
        every = every[every[:, -1] >= 0]
        inside = np.array([group == "g" for group in groups])
        every = every[every[:, inside].sum(axis=1) == events[inside].sum()]
        half = 0.5 * 10.0**-decimals + 1e-9
        published = figure.select("value", "lower", "upper").row(0)
        fits = np.ones(len(every), dtype=bool)
        for found, told in zip(numbers(every, persons, weights, total), published, strict=True):
            fits &= np.abs(found - told) <= half
        few = (events >= 1) & (events < 5)
        spread = (every[fits].max(axis=0) - every[fits].min(axis=0))[few]
        widths[name] = spread.min() if few.any() else None
    told = publishable_standardised(pl.concat(strata), pl.concat(figures), POLICY)
    assert 5 < told["publishable"].sum() < 55
    for name, publishable, narrowest in told.iter_rows():
        width = widths[name]
        assert publishable == (width is None or width >= POLICY.protection_width)
        assert (narrowest is None) == (width is None)
        assert width is None or narrowest <= width


EVENTS = np.array([2, 3, 9, 11, 14, 3])
PERSONS = np.array([210.0, 180.0, 260.0, 240.0, 150.0, 90.0])
WEIGHTS = np.array([5500.0, 6000.0, 7000.0, 6500.0, 5000.0, 2500.0])


def verdict(*parts, policy=POLICY, **columns):
    strata = pl.concat([part[0] for part in parts])
    figures = pl.concat([part[1] for part in parts]).with_columns(**columns)
    told = publishable_standardised(strata, figures, policy)
    return dict(told.select("figure_id", "publishable").iter_rows())


def test_more_decimals_give_more_away():
    """The twin: the same rate is safe in whole units and lethal with six decimals."""
    coarse = verdict(frames("f", EVENTS, PERSONS, WEIGHTS, 0, limits=False))
    fine = verdict(frames("f", EVENTS, PERSONS, WEIGHTS, 6, limits=False))
    assert (coarse["f"], fine["f"]) == (True, False)


def test_strata_that_are_known_one_by_one_are_never_safe():
    groups = [f"g{i}" for i in range(6)]
    assert verdict(frames("f", EVENTS, PERSONS, WEIGHTS, 0, groups)) == {"f": False}


def test_where_no_stratum_has_few_persons_nothing_is_asked():
    part = frames("f", EVENTS, PERSONS, WEIGHTS, 6, few=[0, 9, 9, 11, 14, 30])
    told = publishable_standardised(*part, POLICY)
    assert told.rows() == [("f", True, None)]


def test_limits_of_repeat_events_bound_the_variance_from_above_only():
    wide = frames("f", EVENTS, PERSONS, WEIGHTS, 1, extra=1.4)
    assert verdict(wide) == {"f": True}


def test_public_bounds_count():
    strata, figure = frames("f", EVENTS, PERSONS, WEIGHTS, 0, limits=False)
    bound = strata.with_columns(upper_bound=pl.col("numerator"))
    assert verdict((strata, figure)) == {"f": True}
    assert verdict((bound, figure)) == {"f": False}


def test_divisible_numerators_are_judged_by_their_range():
    events = EVENTS + 0.5
    assert verdict(frames("f", events, PERSONS, WEIGHTS, 0, few=[2, 9, 9, 9, 9, 9])) == {"f": True}
    few = [2, 9, 9, 9, 9, 9]
    groups = [f"g{i}" for i in range(6)]
    part = frames("f", events, PERSONS, WEIGHTS, 0, groups, few=few)
    assert verdict(part) == {"f": False}


def test_strata_without_persons_or_events_add_nothing():
    persons = np.append(PERSONS, 1e9)
    part = frames("f", np.append(EVENTS, 0), persons, np.append(WEIGHTS, 100.0), 0)
    empty = part[0].with_columns(
        denominator=pl.when(pl.col("stratum_id") == "s6").then(0.0).otherwise("denominator")
    )
    assert verdict((empty, part[1])) == {"f": True}


def test_rates_of_one_family_are_judged_together():
    """Two standards over the same strata: one is safe alone, both together may not be."""
    persons = PERSONS / 3
    other = WEIGHTS[::-1].copy()
    first = frames("a", EVENTS, persons, WEIGHTS, 0, limits=False)
    rest = [
        frames(name, EVENTS, persons, WEIGHTS * (other / WEIGHTS) ** power, 0, limits=False)
        for name, power in (("b", 1.0), ("c", 0.5), ("d", 2.0), ("e", -1.0))
    ]
    apart = verdict(first, *rest)
    joint = verdict(first, *rest, family=pl.lit("m1"))
    assert all(apart.values())
    assert joint["a"]
    assert not all(joint.values())
    # The order of the test is the priority's.
    turned = verdict(first, *rest, family=pl.lit("m1"), priority=-pl.int_range(5, dtype=pl.Int64))
    assert turned["e"]
    assert not all(turned.values())


def hidden_pair(decimals):
    """Two age groups of two strata each; within a group an event counts the same."""
    persons, weights = np.array([200.0, 200, 100, 100]), np.full(4, 1000.0)
    return frames("f", [3, 4, 3, 9], persons, weights, decimals, limits=False)


def group_sums(shown, *, family="m", strata=("s0", "s1")):
    return pl.DataFrame(
        {"family": family, "sum_id": "young", "stratum_id": strata, "shown": shown},
    )


def test_a_hidden_sum_must_stay_wide_though_its_strata_do():
    """The twin: the rate pins the group's sum and leaves every stratum of it open."""
    strata, figure = hidden_pair(2)
    figure = figure.with_columns(family=pl.lit("m"))

    def told(sums, figure=figure):
        return publishable_standardised(strata, figure, POLICY, sums).rows()

    assert told(None)[0][1]
    assert told(group_sums(shown=False)) == [("f", False, 0.0)]
    assert told(group_sums(shown=True))[0][1]
    rough = hidden_pair(-1)[1].with_columns(family=pl.lit("m"))
    assert told(group_sums(shown=False), rough)[0][1]


def test_a_hidden_sum_is_judged_where_no_stratum_is_small():
    strata, figure = frames("f", [6, 7, 6, 9], np.array([200.0, 200, 100, 100]), np.ones(4), 2)
    figure = figure.with_columns(family=pl.lit("m"))
    assert publishable_standardised(strata, figure, POLICY)["publishable"].to_list() == [True]
    told = publishable_standardised(strata, figure, POLICY, group_sums(shown=False))
    assert told["publishable"].to_list() == [False]


def test_of_a_hidden_sum_the_public_bounds_are_no_secret():
    strata, figure = frames("f", [1, 0, 9, 9], np.array([200.0, 200, 100, 100]), np.ones(4), -1)
    bound = pl.when(pl.col("stratum_id").is_in(["s0", "s1"])).then(1.0)
    bounded = strata.with_columns(upper_bound=bound, persons=pl.lit(9))
    figure = figure.with_columns(family=pl.lit("m"))
    told = publishable_standardised(bounded, figure, POLICY, group_sums(shown=False))
    assert told["publishable"].to_list() == [True]
    assert told["narrowest"].to_list() == [2.0]


def test_strata_outside_a_figure_carry_sums_only():
    """One sex's rate tells of the other sex where the sum of both is shown."""
    strata, figure = hidden_pair(2)
    figure = figure.with_columns(family=pl.lit("m"))
    other = strata.with_columns(
        stratum_id=pl.lit("o") + pl.col("stratum_id"), weight=pl.lit(None, dtype=pl.Float64)
    )
    both = pl.concat([strata, other])
    sums = pl.concat(
        [
            group_sums(shown=True, strata=["s0", "s1", "os0", "os1"]),
            group_sums(shown=False, strata=["os0", "os1"]).with_columns(sum_id=pl.lit("men")),
        ]
    )
    assert verdict_of(both, figure, sums) == [False]
    assert verdict_of(both, figure, sums.filter(~pl.col("shown"))) == [True]


def verdict_of(strata, figures, sums):
    return publishable_standardised(strata, figures, POLICY, sums)["publishable"].to_list()


def test_few_without_an_event_are_protected_too():
    groups = [f"g{i}" for i in range(6)]
    strata, figure = frames("f", EVENTS + 20, PERSONS, WEIGHTS, 0, groups)
    assert verdict((strata, figure)) == {"f": True}
    few = strata.with_columns(complement=pl.when(pl.col("stratum_id") == "s2").then(2))
    assert verdict((few, figure)) == {"f": False}


def test_a_solver_without_answer_proves_nothing(monkeypatch):
    def none(self):
        raise NoOptimumError("stopped")

    # One stratum per group: only a programme could find a witness.
    groups = [f"g{i}" for i in range(6)]
    part = frames("f", EVENTS, PERSONS, WEIGHTS, 0, groups)
    monkeypatch.setattr(Programme, "minimise", none)
    assert verdict(part) == {"f": False}


def test_what_the_budget_does_not_prove_is_not_published(monkeypatch):
    """Strata of four groups with known margins: an exchange takes four strata at once."""
    strata, figure = frames("f", [3, 9, 9, 9], np.full(4, 100.0), np.ones(4), 1, limits=False)
    figure = figure.with_columns(family=pl.lit("m"))
    sums = pl.concat(
        group_sums(shown=True, strata=pair).with_columns(sum_id=pl.lit("".join(pair)))
        for pair in (["s0", "s1"], ["s2", "s3"], ["s0", "s2"], ["s1", "s3"])
    )
    assert verdict_of(strata, figure, sums) == [True]
    monkeypatch.setattr(Budget, "__init__", lambda self: setattr(self, "left", 0))
    assert verdict_of(strata, figure, sums) == [False]


def test_malformed_sums_are_refused():
    strata, figure = hidden_pair(2)
    figure = figure.with_columns(family=pl.lit("m"))
    both = pl.concat(
        [group_sums(shown=True, strata=["s0"]), group_sums(shown=False, strata=["s1"])]
    )
    for sums, message in (
        (group_sums(shown=True, strata=["s7"]), "strata of the family"),
        (group_sums(shown=True, family="n"), "strata of the family"),
        (both, "one verdict per sum"),
        (both.drop("shown"), "missing: \\['shown'\\]"),
    ):
        with pytest.raises(TableError, match=message):
            publishable_standardised(strata, figure, POLICY, sums)


def test_malformed_input_is_refused():
    strata, figure = frames("f", EVENTS, PERSONS, WEIGHTS, 1)
    wrong = figure.with_columns(pl.col("value") + 3)
    cases = [
        (strata.drop("weight"), figure, "missing: \\['weight'\\]"),
        (strata.with_columns(rate=1.0), figure, "unknown: \\['rate'\\]"),
        (strata.with_columns(persons=pl.lit(None)), figure, "no nulls"),
        (pl.concat([strata, strata]), figure, "repeated"),
        (strata.with_columns(figure_id=pl.lit("g")), figure, "rows without"),
        (strata, wrong, "another number"),
    ]
    for some, other, message in cases:
        with pytest.raises(TableError, match=message):
            publishable_standardised(some, other, POLICY)
    pair = (
        pl.concat([strata, strata.with_columns(figure_id=pl.lit("g"), denominator=1.0)]),
        pl.concat([figure, figure.with_columns(figure_id=pl.lit("g"))]).with_columns(
            family=pl.lit("m")
        ),
    )
    with pytest.raises(TableError, match="alike within a family"):
        publishable_standardised(*pair, POLICY)
