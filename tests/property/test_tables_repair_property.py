"""Moves sought from where the last one ended are worth as much as moves sought anew.

The oracle writes the programme of each move down by itself and solves it with SciPy.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from anonymization.tables import TablePolicy, primary_rules
from anonymization.tables.lattice import build_lattice
from anonymization.tables.matrix import blocks
from anonymization.tables.primary import requirement
from anonymization.tables.published import table_system
from anonymization.tables.secondary import Search
from tests.support.tables_reference import calm

POLICY = TablePolicy(minimum_denominator=0)
AREAS = {"a": "north", "b": "north", "c": "south"}


@st.composite
def searches(draw):
    """A search in a small table, and what is to move in a row of repairs of it."""
    counts = draw(st.lists(st.integers(0, 9), min_size=6, max_size=6))
    keys = [(area, age) for area in "abc" for age in "12"]
    cells = pl.DataFrame(keys, schema=["area", "age"], orient="row").with_columns(
        count=pl.Series(counts)
    )
    dimensions = {"area": AREAS, "age": {}}
    system = table_system(cells, list(dimensions), build_lattice(cells, dimensions))
    (block,) = blocks(system)
    rules = primary_rules(system, POLICY)
    search = Search(block, system.cells, requirement(block, system.cells, rules, POLICY))
    size = len(search.value)
    step = st.tuples(
        st.lists(st.integers(0, size - 1), min_size=1, max_size=3, unique=True),
        st.lists(st.integers(0, size - 1), max_size=4),
        st.sampled_from((-3.0, -1.0, 2.0, 4.0)),
        st.sampled_from((0.3, 5.0, 1000.0)),
    )
    return search, draw(st.lists(step, min_size=2, max_size=5)), draw(st.integers(0, 1))


def worth(search, who, hidden, cells, distance, reward) -> float:
    """What the best move is worth: rewards less the cost of shown cells that move."""
    matrix, value = search.block.matrix.toarray(), search.value
    size, unknowns = matrix.shape
    # Unknowns, then each cell's way up and down, then each gain.
    cost = np.concatenate(
        [np.zeros(unknowns), *2 * [np.where(hidden, 0.0, search.origin.price)], -reward]
    )
    none = np.zeros((size, len(cells)))
    equal = np.hstack([matrix, -np.eye(size), np.eye(size), none])
    sign = np.sign(distance)
    gains = np.hstack(
        [-sign[:, None] * matrix[cells], np.zeros((len(cells), 2 * size)), np.eye(len(cells))]
    )
    known = hidden & (np.isfinite(who.low) | np.isfinite(who.high))
    wide = np.hstack([matrix[known], np.zeros((int(known.sum()), 2 * size + len(cells)))])
    rest = search.block.upper - search.origin.unknowns
    bounds = [
        *zip(-search.origin.unknowns, np.where(np.isfinite(rest), rest, None), strict=True),
        *[(0, None)] * (2 * size),
        *((0, abs(way)) for way in distance),
    ]
    found = linprog(
        cost,
        A_ub=np.vstack([gains, wide, -wide]),
        b_ub=np.concatenate(
            [np.zeros(len(cells)), (who.high - value)[known], (value - who.low)[known]]
        ),
        A_eq=equal,
        b_eq=np.zeros(size),
        bounds=bounds,
    )
    return -float(found.fun)


@calm(60)
@given(searches())
def test_a_move_from_the_last_one_is_worth_as_much_as_one_sought_anew(drawn):
    search, steps, attacker = drawn
    who, moves = search.attackers[attacker], search.moves(attacker)
    for targets, more, way, reward in steps:
        search.hide(np.isin(np.arange(len(search.value)), [*targets, *more]))
        # Cells with the same unknowns are one cell to a repair: one of them is asked for.
        _, first = np.unique(search.block.matrix[targets].toarray(), axis=0, return_index=True)
        cells = np.sort(np.asarray(targets)[first])
        distance, gain = np.full(len(cells), way), np.full(len(cells), reward)
        change, cost = moves.cheapest(search.hidden, cells, distance, gain)
        moved = np.clip(change[cells] * np.sign(way), 0.0, abs(way))
        best = worth(search, who, search.hidden, cells, distance, gain)
        assert gain @ moved - cost >= best - 1e-5 * max(1.0, abs(best))
        assert gain @ moved - cost <= best + 1e-5 * max(1.0, abs(best))
