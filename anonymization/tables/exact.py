"""The least that must be hidden in a small block, proven to be the least.

Here: a whole-number programme over which groups of cells to hide, whose rows are learnt. A pattern
that leaves some cell too narrow shows, by the dual values of the two programmes that follow the
cell to its ends, which shown cells stop it: unless enough of these are hidden, the cell stays
narrow whatever else is. Each such row holds for every safe pattern, so the cheapest pattern under
all rows is the cheapest safe one if it is safe (after Fischetti and Salazar, "Solving the cell
suppression problem on tabular data with linear constraints", Management Science 47, 2001). Not
here: the search in blocks of any size (``secondary``) and the judgement of the result (``audit``).

Hiding more never narrows an interval, for what the second attacker knows is of cells that are
always hidden. The rows rest on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from anonymization.tables.intervals import WHOLE
from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from anonymization.tables.attackers import Attacker
    from anonymization.tables.intervals import Need
    from anonymization.tables.matrix import Bools, Floats, Ints
    from anonymization.tables.secondary import Search

ROUNDS = 25  # whole-number programmes per block
STEPS = 20_000  # of the simplex in all of them; what took more was never proven
NODES = 500  # branch-and-bound nodes of each
ROUGH = 0.1  # gap that is left open until a pattern is safe
POOL = 300  # points kept per attacker
FEW = 4  # so few cells are faster followed one by one
GAIN = 0.04  # share of open cells that shared programmes must settle to be worth others
STALE = 5  # narrow cells in a row that teach nothing new end a round
FAR = 1e12  # stands for no end
STOPS = 1e-7  # a smaller dual value is the solver's rounding
SAME = 1e-6


@dataclass(frozen=True)
class Optimum:
    """What is known of the cheapest safe pattern of a block.

    Attributes:
        hidden: The last pattern that was proposed.
        cost: Weight of what it hides beside the cells that must be hidden; infinite if it is not
            safe.
        bound: No safe pattern costs less.
        reason: What ended the search if it is not proven: ``rounds`` (so many programmes, or
            so many steps, taught too little; or enough was known) or ``nodes`` (a programme reached
            its bound of branch-and-bound nodes).
    """

    hidden: Bools
    cost: float
    bound: float
    reason: str

    @property
    def proven(self) -> bool:
        """Whether no safe pattern is cheaper."""
        return self.cost <= self.bound + SAME


class _Reader:
    """What one attacker can work out of changing patterns of a block.

    Points at which newly shown cells keep their values prove intervals of the next pattern too.
    """

    def __init__(self, search: Search, attacker: Attacker) -> None:
        self._attacker, self._value, self._block = attacker, search.value, search.block
        block = search.block
        self._turned = block.matrix.T
        ask = np.where(np.isfinite(attacker.reach_up), attacker.reach_up, attacker.width)
        reach = 10.0 * (np.abs(search.value).max(initial=0.0) + ask.max(initial=0.0)) + 1000.0
        self._hidden = search.hidden
        self._top = np.where(np.isfinite(block.upper), block.upper, reach)
        self._sums = _pairs(block.matrix)
        self._points: list[Floats] = [search.value]
        self._rises = np.where(np.isfinite(block.highest), block.highest - search.value, FAR)
        self._falls = search.value - block.lowest

    def teach(self, hidden: Bools, master: _Master) -> bool:
        """Look at a pattern; what makes it unsafe becomes rows. Whether anything does."""
        self._take(hidden)
        points = np.asarray(self._points)
        need = self._attacker.need(points.min(axis=0), points.max(axis=0))
        pending = self._together(need, self._attacker.targets(hidden))
        taught, stale = False, 0
        for cell in pending.tolist():
            if stale >= STALE:
                break
            if not need.met()[cell]:
                known = master.size
                up, above = self._follow(need, cell, 1.0)
                down, below = self._follow(need, cell, -1.0)
                taught |= not need.met()[cell]
                self._learn(need, cell, (up, down), (above, below), master)
                stale = 0 if master.size > known or need.met()[cell] else stale + 1
        self._points = [self._value, *self._points[1:][-POOL:]]
        return taught

    def _take(self, hidden: Bools) -> None:
        """Turn to another pattern."""
        self._hidden = hidden
        low = np.where(hidden, self._attacker.low, self._value)
        high = np.where(hidden, self._attacker.high, self._value)
        told = np.isfinite(low) | np.isfinite(high)
        whole, one, other = self._sums
        told[whole[~(hidden[whole] | hidden[one] | hidden[other])]] = False
        self._rows = np.flatnonzero(told)
        self._programme = Programme(
            self._block.matrix[self._rows],
            low[self._rows],
            high[self._rows],
            np.zeros_like(self._top),
            self._top,
        )
        shown = ~hidden
        still = np.abs(np.asarray(self._points)[:, shown] - self._value[shown]) <= SAME
        self._points = [p for p, kept in zip(self._points, still.all(axis=1), strict=True) if kept]

    def _look(self, need: Need, cells: Ints, sign: Floats | float) -> Floats:
        """Cells' values where some of them are as far as possible in a direction."""
        direction = np.zeros(len(self._value))
        direction[cells] = sign
        self._programme.set_cost(-(self._turned @ direction))
        values: Floats = self._block.matrix @ self._programme.require()
        need.witness(values)
        self._points.append(values)
        return values

    def _together(self, need: Need, targets: Ints) -> Ints:
        """Prove what shared programmes prove; the targets that stay open."""
        rng = np.random.default_rng(len(targets))
        pending = targets[~need.met()[targets]]
        before = np.inf
        while FEW < len(pending) < before - GAIN * len(pending):
            before = len(pending)
            sign = rng.choice((-1.0, 1.0), len(pending))
            for way in (sign, -sign):
                self._look(need, pending, way)
            pending = pending[~need.met()[pending]]
        return pending

    def _follow(self, need: Need, cell: int, sign: float) -> tuple[float, Floats]:
        """How far a cell can move up (sign 1) or down (−1), and what holds it back.

        Returns:
            The distance, and per shown cell by how much at most it grows if that is hidden too.
        """
        reached = self._look(need, np.array([cell]), sign)
        dual = np.zeros(len(self._value))
        dual[self._rows] = self._programme.duals()
        dual = np.where(self._hidden | (np.abs(dual) <= STOPS), 0.0, dual)
        gain = np.maximum(-dual, 0.0) * self._rises + np.maximum(dual, 0.0) * self._falls
        return sign * float(reached[cell] - self._value[cell]), gain

    def _learn(
        self,
        need: Need,
        cell: int,
        moved: tuple[float, float],
        gain: tuple[Floats, Floats],
        master: _Master,
    ) -> None:
        """The rows that a cell teaches which is followed to both ends and is too narrow."""
        (up, down), (above, below) = moved, gain
        low, high = (float(end[cell]) for end in need.ends())
        value = float(self._value[cell])
        if high - low < need.width[cell] - WHOLE:
            master.learn(cell, above + below, need.width[cell] - up - down)
        if high < need.reach_up[cell] - WHOLE:
            master.learn(cell, above, need.reach_up[cell] - value - up)
        if low > need.reach_down[cell] + WHOLE:
            master.learn(cell, below, value - down - need.reach_down[cell])


def _pairs(matrix: sparse.csr_matrix) -> Ints:
    """Cells that are the sum of two others: whole, one part, the other."""
    # A random number per unknown: whose sums agree have, all but surely, the same unknowns.
    marks = np.random.default_rng(0).integers(1, 1 << 40, matrix.shape[1])
    sums = (matrix @ marks.astype(np.float64)).astype(np.int64)
    place = {int(mark): cell for cell, mark in enumerate(sums)}
    shared = (matrix @ matrix.T).tocoo()
    size = np.asarray(matrix.sum(axis=1)).ravel()
    inside = (shared.data == size[shared.col]) & (size[shared.row] > size[shared.col])
    found = []
    for whole, part in zip(shared.row[inside].tolist(), shared.col[inside].tolist(), strict=True):
        other = place.get(int(sums[whole] - sums[part]))
        if other is not None and part < other:
            found.append((whole, part, other))
    return np.array(found, dtype=np.int64).reshape(-1, 3).T


class _Master:
    """Which groups to hide, by all rows learnt so far."""

    def __init__(self, search: Search) -> None:
        self._spare, self._fixed, self._group = ~search.fixed, search.fixed, search.group
        groups = np.unique(search.group[self._spare])
        self._size = len(groups)
        self._place = np.full(int(search.group.max(initial=0)) + 1, self._size)
        self._place[groups] = np.arange(self._size)
        self._cost = self._by_group(search.weight)
        self._rows: dict[bytes, tuple[Floats, float]] = {}
        self.steps = 0

    @property
    def size(self) -> int:
        """Rows learnt so far."""
        return len(self._rows)

    def _by_group(self, of_cell: Floats) -> Floats:
        """Sums over the cells that each group hides."""
        place = self._place[self._group[self._spare]]
        return np.bincount(place, of_cell[self._spare], self._size).astype(np.float64)

    def cost(self, hidden: Bools) -> float:
        """Weight of what a pattern hides beside the cells that must be hidden."""
        return float(self._cost[np.unique(self._place[self._group[hidden & self._spare]])].sum())

    def learn(self, cell: int, gain: Floats, lacking: float) -> None:
        """A hidden cell is narrow unless others are hidden that make up for what it lacks."""
        whole = self._by_group(gain)
        row: Floats = (whole > 0).astype(np.float64)
        if lacking > SAME:
            row = np.minimum(whole / lacking, 1.0)
        asked = 1.0
        if self._spare[cell]:
            row[self._place[self._group[cell]]] -= 1.0
            asked = 0.0
        self._rows[row.tobytes()] = (row, asked)

    def cheapest(self, gap: float) -> tuple[Bools | None, float]:
        """A pattern within a share of the cheapest under all rows, and what none costs less."""
        rows = [row for row, _ in self._rows.values()]
        asked = np.array([low for _, low in self._rows.values()])
        programme = Programme(
            sparse.csr_matrix(np.array(rows).reshape(len(rows), len(self._cost))),
            asked,
            np.full(len(rows), np.inf),
            np.zeros(len(self._cost)),
            np.ones(len(self._cost)),
            whole_nodes=NODES,
        )
        programme.allow_gap(gap)
        programme.set_cost(self._cost)
        chosen, _ = programme.minimise()
        self.steps += programme.steps
        if chosen is None:
            return None, programme.bound
        hidden = self._fixed.copy()
        hidden[self._spare] = (chosen > 0.5)[self._place[self._group[self._spare]]]
        return hidden, programme.bound


def least(search: Search, enough: float = np.inf, rounds: int = ROUNDS) -> Optimum:
    """The cheapest safe pattern of a block.

    Args:
        search: A search whose unsafe cells are hidden.
        enough: What a safe pattern that is known costs: the search ends when none can cost less.
        rounds: Whole-number programmes to spend.
    """
    master = _Master(search)
    readers = [_Reader(search, attacker) for attacker in search.attackers]
    pattern, bound, gap = search.fixed, 0.0, ROUGH
    for _ in range(rounds):
        # Every reader looks, so that each round learns as much as it can.
        if not any([reader.teach(pattern, master) for reader in readers]):
            found = Optimum(pattern, master.cost(pattern), bound, "nodes")
            if found.proven or gap == 0.0:
                return found
            gap = 0.0
        cheapest, bound = master.cheapest(gap)
        if cheapest is None:
            return Optimum(pattern, np.inf, bound, "nodes")
        pattern = cheapest
        if bound >= enough - SAME or master.steps > STEPS:
            break
    return Optimum(pattern, np.inf, bound, "rounds")
