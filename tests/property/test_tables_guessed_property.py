"""Cells that a reader may guess: with the right guess nothing hidden may be worked out.

One area of each table is never published and all but empty, as people without a place are. The
oracle shares no code with the door: to it a guess is a number in view.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.tables import TableError, TablePolicy, audit_system, protect_system
from anonymization.tables.lattice import build_lattice
from anonymization.tables.published import table_system
from tests.support.tables_reference import calm, hidden_ids, intervals, recovered

POLICY = TablePolicy(minimum_denominator=0, redundancy_tests=20)
NOWHERE = pl.col("cell_id").str.starts_with("nowhere")


@st.composite
def systems(draw, bounded=False):
    """Areas by age, of which ``nowhere`` is nobody's place, with a public bound where asked."""
    areas, ages = draw(st.sampled_from(("abc", "abcd"))), range(draw(st.integers(1, 3)))
    keys = [(area, str(age)) for area in (*areas, "nowhere") for age in ages]
    count = st.one_of(st.integers(0, 4), st.integers(0, 9))
    few = st.sampled_from((0, 0, 0, 0, 1, 2, 6))
    counts = [draw(few if area == "nowhere" else count) for area, _ in keys]
    cells = pl.DataFrame(keys, schema=["area", "age"], orient="row").with_columns(
        count=pl.Series(counts)
    )
    dimensions = {"area": {}, "age": {}}
    system = table_system(cells, list(dimensions), build_lattice(cells, dimensions))
    told = system.cells.with_columns(publishable=~NOWHERE, guessed=NOWHERE)
    if not bounded:
        return replace(system, cells=told)
    more = draw(st.lists(st.integers(0, 6), min_size=len(keys), max_size=len(keys)))
    value = dict(told.select("cell_id", "value").iter_rows())
    tops = [
        value[name] + extra
        for name, extra in zip(system.variables["variable_id"].to_list(), more, strict=True)
    ]
    return replace(
        system,
        cells=told,
        variables=system.variables.with_columns(upper_bound=pl.Series(tops, dtype=pl.Float64)),
    )


def guessed(system):
    return set(system.cells.filter("guessed")["cell_id"])


def told(system, hidden):
    """What is narrow to who guesses, of all but the guesses; and of these to who does not."""
    guesses = guessed(system)
    small = set(system.cells.filter(pl.col("persons").is_between(1, 4))["cell_id"])
    beside = recovered(system, hidden - guesses) - guesses
    return beside, recovered(system, hidden) & guesses & small


@calm(30)
@given(systems())
def test_a_right_guess_tells_nothing_more(system):
    hidden = hidden_ids(protect_system(system, POLICY).cells)
    assert told(system, hidden) == (set(), set())


def test_without_being_told_of_guesses_the_door_gives_hidden_cells_away():
    """The twin: to such a door one small count needs no other cell beside nobody's place."""
    counts = {"a": 2, "b": 50, "c": 60, "nowhere": 6}
    cells = pl.DataFrame({"area": list(counts), "age": "0", "count": list(counts.values())})
    dimensions = {"area": {}, "age": {}}
    system = table_system(cells, list(dimensions), build_lattice(cells, dimensions))
    aware = replace(system, cells=system.cells.with_columns(publishable=~NOWHERE, guessed=NOWHERE))
    unaware = replace(aware, cells=aware.cells.with_columns(guessed=pl.lit(value=False)))
    for given_to_the_door, given_away in ((aware, False), (unaware, True)):
        hidden = hidden_ids(protect_system(given_to_the_door, POLICY).cells)
        beside, _ = told(aware, hidden)
        assert bool(beside) == given_away


@calm(20)
@given(systems(bounded=True), st.randoms(use_true_random=False))
def test_the_audit_gives_the_intervals_of_who_guesses(system, random):
    """Whatever is hidden: the same intervals as one scipy programme per cell, public bounds too."""
    ids = system.cells.filter(~NOWHERE)["cell_id"].to_list()
    guesses = guessed(system)
    hidden = {cell for cell in ids if random.random() < 0.5}
    status = system.cells.select(
        "cell_id",
        status=pl.when(pl.col("cell_id").is_in([*hidden, *guesses]))
        .then(pl.lit("suppressed"))
        .otherwise(pl.lit("ok")),
    )
    audit = audit_system(system, status, TablePolicy(threshold=1), exact=True)
    reference, unguessed = intervals(system, hidden), intervals(system, hidden | guesses)
    for cell, low, high in audit.select("cell_id", "lower", "upper").iter_rows():
        expected = (unguessed if cell in guesses else reference)[cell]
        assert low == np.ceil(expected[0] - 1e-6)
        assert high == np.floor(expected[1] + 1e-6)


@calm(20)
@given(systems(bounded=True))
def test_no_more_is_asked_than_guesses_and_bounds_allow(system):
    """A pattern is found for every table, and asks what the public and a guess leave open."""
    made = protect_system(system, POLICY)
    ids = set(system.cells["cell_id"])
    open_ended = intervals(system, ids - guessed(system))
    for cell, low, high, asked in made.audit.select(
        "cell_id", "lower", "upper", "width_required"
    ).iter_rows():
        assert high - low >= asked
        if cell not in guessed(system):
            prior_low, prior_high = open_ended[cell]
            assert asked <= max(prior_high - prior_low, 0.0) + 1e-6


def test_only_what_is_never_published_is_guessed():
    lattice = build_lattice(
        base := pl.DataFrame({"area": ["a", "b"], "count": [7, 8]}), {"area": {}}
    )
    system = table_system(base, ["area"], lattice)
    with pytest.raises(TableError, match=r"cells\.guessed"):
        replace(system, cells=system.cells.with_columns(guessed=pl.lit(value=True)))
