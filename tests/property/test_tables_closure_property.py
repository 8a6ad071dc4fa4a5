"""The closure of large tables: what it keeps safe, the cuts of narrow cells, how it gets smaller.

The oracle of a cut is many patterns of small tables, judged by programmes of SciPy.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from scipy.optimize import linprog

from anonymization.tables import TablePolicy, matrix, primary_rules
from anonymization.tables.closing import _closure
from anonymization.tables.closure import Closure
from anonymization.tables.cuts import Separation
from anonymization.tables.intervals import Need
from anonymization.tables.lattice import build_lattice
from anonymization.tables.links import Links, links
from anonymization.tables.matrix import blocks
from anonymization.tables.polish import polish, thin
from anonymization.tables.primary import requirement
from anonymization.tables.published import table_system
from anonymization.tables.secondary import Search

POLICY = TablePolicy(minimum_denominator=0)
WIDE = TablePolicy(minimum_denominator=0, protection_width=9)  # wider than small cells can fall


def searching(
    seed: int, areas: int, ages: int, monkeypatch: pytest.MonkeyPatch, policy: TablePolicy = POLICY
) -> tuple:
    """A search of a table of areas by ages in two regions, its closure and its system."""
    monkeypatch.setattr(matrix, "LARGE", 0)
    rng = np.random.default_rng(seed)
    keys = [(f"m{i}", f"a{j}") for i in range(areas) for j in range(ages)]
    cells = pl.DataFrame(keys, schema=["area", "age"], orient="row").with_columns(
        count=pl.Series(rng.poisson(rng.lognormal(1.2, 1.0, len(keys))))
    )
    dimensions = {"area": {f"m{i}": f"r{i % 2}" for i in range(areas)}, "age": {}}
    system = table_system(cells, list(dimensions), build_lattice(cells, dimensions))
    block = max(blocks(system), key=lambda one: len(one.cell))
    rules = primary_rules(system, policy)
    search = Search(block, system.cells, requirement(block, system.cells, rules, policy))
    closure = _closure(search, system.sums, system.cells["cell_id"][block.cell])
    return search, closure, system


def ends(search: Search, attacker: int, hidden: np.ndarray, cell: int) -> tuple[float, float]:
    """What a reader cannot rule out of a cell, by the base values alone."""
    who, block = search.attackers[attacker], search.block
    low = np.where(hidden, np.maximum(who.low, 0.0), search.value)
    high = np.where(hidden, np.minimum(who.high, 1e5), search.value)
    dense = block.matrix.toarray()
    found = []
    for sign in (1.0, -1.0):
        solved = linprog(
            sign * dense[cell],
            A_ub=np.vstack([dense, -dense]),
            b_ub=np.concatenate([high, -low]),
            bounds=(0, 1e5),
        )
        found.append(sign * solved.fun)
    return np.ceil(found[0] - 1e-6), np.floor(found[1] + 1e-6)


def wide(need: Need, cell: int, low: float, high: float) -> bool:
    """Whether an interval is as wide as is asked of it."""
    return high - low >= need.width[cell] and high >= need.reach_up[cell]


def gives_away(search: Search, hidden: np.ndarray, whole: int, parts: list[int]) -> bool:
    """Whether one sum by itself tells a reader more of a hidden cell than the policy allows."""
    first, second = search.attackers
    inside = [part for part in parts if hidden[part]]
    if len(inside) + hidden[whole] == 1:
        return True
    if hidden[whole] or not inside:
        return False
    total = search.value[inside].sum()
    least = sum(max(second.low[part], 0.0) for part in inside)
    asked = max(max(first.width[part], first.reach_up[part]) for part in inside)
    return total < asked or total - least < 1 or second.high[inside].sum() - total < 1


def told_down(found: Links, cells: int, unknowns: int) -> np.ndarray:
    """Every cell by unknowns, its links followed down."""
    down: dict[int, np.ndarray] = {column: row for column, row in enumerate(np.eye(unknowns))}
    waiting = dict(zip(found.told.tolist(), found.rows.toarray(), strict=True))
    while waiting:
        ready = [c for c, row in waiting.items() if set(np.flatnonzero(row)) <= set(down)]
        assert ready
        for cell in ready:
            row = waiting.pop(cell)
            parts = [row[column] * down[column] for column in np.flatnonzero(row)]
            down[unknowns + cell] = np.sum([np.zeros(unknowns), *parts], axis=0)
    return np.array([down[column] for column in found.column.tolist()]).reshape(cells, unknowns)


SIGNED = [[1, 0, 0], [0, -1, 0], [0, 0, 2], [1, -1, 0], [1, -1, 2], [0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("named", [True, False])
def test_links_say_what_the_matrix_says(named: bool) -> None:
    """Of coefficients other than one too: a loss, a double count, a cell of nothing, a twin."""
    ids = pl.Series(list("abcdefg"))
    sums = pl.DataFrame(
        {
            "sum_id": ["d", "d", "e", "e", "e2", "e2", "e2"],
            "whole_id": ["d", "d", "e", "e", "e", "e", "e"],
            "part_id": ["a", "b", "d", "c", "a", "b", "c"],
        }
    )
    dense = np.array(SIGNED, dtype=np.float64)
    found = links(sparse.csr_matrix(dense), ids, sums if named else sums.clear())
    assert (told_down(found, *dense.shape) == dense).all()
    assert set(found.told) == {1, 2, 3, 4, 5}
    assert (found.rows[:, dense.shape[1] :].nnz > 0) == named


@pytest.mark.parametrize("seed", range(3))
def test_links_of_a_table_say_what_its_matrix_says(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, _, _ = searching(seed, 6, 4, monkeypatch)
    found, block = search.block.links, search.block
    assert found is not None
    assert (told_down(found, *block.matrix.shape) == block.matrix.toarray()).all()


@pytest.mark.parametrize("seed", range(8))
def test_programmes_through_sums_find_the_same_ends(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, closure, _ = searching(seed, 5, 3, monkeypatch)
    closure.close()
    hidden = closure.hidden
    who = search.attackers[seed % 2]
    assert search.block.links is not None
    polytope = who.polytope(search.block, search.value, hidden)
    for cell in np.flatnonzero(hidden):
        direction = np.zeros(len(hidden))
        direction[cell] = 1.0
        high, low = polytope.extreme(direction)[1], -polytope.extreme(-direction)[1]
        least, most = ends(search, seed % 2, hidden, int(cell))
        assert np.ceil(low - 1e-6) == least
        assert min(np.floor(high + 1e-6), 1000) == min(most, 1000)


def test_sums_that_do_not_hold_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads a block need not trust who named its sums."""
    search, _, system = searching(1, 5, 3, monkeypatch)
    block, ids = search.block, system.cells["cell_id"][search.block.cell]
    sound = links(block.matrix, ids, system.sums)
    direct = links(block.matrix, ids, system.sums.clear())
    # A part of every sum is named as another cell.
    swapped = dict(zip(ids.to_list(), ids.shift(1, fill_value=ids[-1]).to_list(), strict=True))
    wrong = system.sums.with_columns(pl.col("part_id").replace(swapped))
    told = links(block.matrix, ids, wrong)
    unknowns = block.matrix.shape[1]
    assert direct.rows[:, unknowns:].nnz == 0
    assert sound.rows.nnz < direct.rows.nnz
    held = told.rows[:, unknowns:].nnz
    assert held == 0
    assert (told.rows[:, :unknowns] != direct.rows[:, :unknowns]).nnz == 0


@pytest.mark.parametrize("policy", [POLICY, WIDE])
def test_a_cut_holds_in_every_pattern_in_which_its_cell_is_wide(
    policy: TablePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    cuts = judged = 0
    for seed in range(12):
        search, closure, _ = searching(seed, 4, 3, monkeypatch, policy)
        closure.close()
        search.begin(closure.hidden)
        attacker = seed % 2
        need = search.needs[attacker]
        found = Separation(search, attacker, closure).separate(need, search.narrow(attacker))
        cuts += found
        for _ in range(40 if found else 0):
            hidden = search.fixed | (rng.random(len(search.fixed)) < rng.uniform(0.2, 0.7))
            for cut in range(found):
                target = closure._target[cut]
                if hidden[target] and wide(need, target, *ends(search, attacker, hidden, target)):
                    judged += 1
                    shares = {c: dict(closure._shares[c])[cut] for c in closure._cuts[cut]}
                    assert sum(shares[c] for c in shares if hidden[c]) >= 1.0 - 1e-6
    assert cuts > 10
    assert judged > 100


@pytest.mark.parametrize("seed", range(6))
def test_a_polished_pattern_costs_no_more_and_tells_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for _ in range(2):
        search, closure, _ = searching(seed, 12, 6, monkeypatch)
        closure.close()
        closed = closure.cost
        thin(closure)
        thinned = closure.cost
        polish(closure, 8, np.random.default_rng(0))
        assert closure.cost <= thinned <= closed
        hidden = closure.hidden
        assert closure.cost == search.weight[hidden & ~search.fixed].sum()
        assert hidden[search.fixed].all()
        for whole, *parts in closure.members:
            assert not gives_away(search, hidden, whole, parts)
        found.append(hidden)
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize("ask", [0.0, 3.0])
def test_what_may_be_found_out_hides_nothing(ask: float) -> None:
    """A hidden cell that is not owed an interval: a loss of which only its parts must stay safe."""
    sums = pl.DataFrame({"sum_id": ["t", "t"], "whole_id": ["t", "t"], "part_id": ["a", "b"]})
    value, free = np.array([2.0, 60.0, 62.0]), np.full(3, np.inf)
    hidden = np.array([True, False, False])
    closure = Closure(
        sums,
        pl.Series(["a", "b", "t"]),
        value,
        np.array([ask, 3.0, 3.0]),
        np.ones(3),
        (-free, free),
        ~hidden,
        hidden,
    )
    assert len(closure.close()) == (0 if ask == 0 else 1)
