"""Intervals proven close by: a small part of a large table moves, and all the rest stays put.

Here: the neighbourhood of a cell, and the small programmes over it. A point at which only a
neighbourhood has moved is a point of the whole, so what it proves is proven; a cell that stays
narrow here may still be wide, and is left to whoever asked. Not here: which cells are hidden, or
why (it serves the audit and the search alike).
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from anonymization.tables.intervals import SETTLED, Need
from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from scipy import sparse

    from anonymization.tables.matrix import Bools, Floats, Ints

NEARBY = 700  # unknowns in a neighbourhood
TURNS = 40
GAIN = 0.02  # share of the open cells that a programme must settle to be worth another


def around(
    matrix: sparse.csr_matrix,
    by_column: sparse.csc_matrix,
    cell: int,
    told: Bools,
    free: Bools,
    limit: int,
) -> Ints:
    """Free unknowns around a cell, those first that share the smallest known sums with it.

    Args:
        matrix: Cells by unknowns.
        by_column: The same by column.
        cell: Where to start.
        told: Cells through which the neighbourhood grows.
        free: Unknowns that may be in it.
        limit: Enough unknowns; the last sum may bring some more.
    """
    size = np.diff(matrix.indptr)
    inside = np.zeros(matrix.shape[1], dtype=bool)
    seen = np.zeros(matrix.shape[0], dtype=bool)
    heap: list[tuple[int, int]] = []

    def enter(unknowns: Ints) -> int:
        fresh = unknowns[free[unknowns] & ~inside[unknowns]]
        inside[fresh] = True
        for unknown in fresh:
            rows = by_column.indices[by_column.indptr[unknown] : by_column.indptr[unknown + 1]]
            rows = rows[told[rows] & ~seen[rows]]
            seen[rows] = True
            for row in rows.tolist():
                heappush(heap, (int(size[row]), row))
        return len(fresh)

    count = enter(matrix.indices[matrix.indptr[cell] : matrix.indptr[cell + 1]][:limit])
    while heap and count < limit:
        _, row = heappop(heap)
        count += enter(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])
    return np.flatnonzero(inside)


class Ground:
    """What is known of the cells, and one point that agrees with it.

    Args:
        matrix: Cells by unknowns, CSR.
        row_lower: Known lower end of each cell; ``-inf`` if nothing is known.
        row_upper: Known upper end of each cell; ``inf`` if nothing is known.
        upper: Public upper bounds of the unknowns.
        unknowns: A value for each unknown that agrees with everything known.
    """

    def __init__(
        self,
        matrix: sparse.csr_matrix,
        row_lower: Floats,
        row_upper: Floats,
        upper: Floats,
        unknowns: Floats,
    ) -> None:
        self.matrix, self.unknowns = matrix, unknowns
        self.by_column = matrix.tocsc()
        self.value: Floats = matrix @ unknowns
        told = np.isfinite(row_lower) | np.isfinite(row_upper)
        size = np.diff(matrix.indptr)
        self._low, self._high = row_lower, row_upper
        self._lower, self._upper = np.zeros_like(upper), upper.copy()
        # What is known of a single unknown is a bound of it and needs no row.
        alone = np.flatnonzero((size == 1) & told)
        alone = alone[matrix.data[matrix.indptr[alone]] == 1.0]
        column = matrix.indices[matrix.indptr[alone]]
        np.maximum.at(self._lower, column, row_lower[alone])
        np.minimum.at(self._upper, column, row_upper[alone])
        self._told = told
        self._told[alone] = False
        self.free: Bools = self._upper - self._lower > SETTLED

    def neighbourhood(self, cell: int, limit: int) -> Ints:
        """Free unknowns around a cell."""
        return around(self.matrix, self.by_column, cell, self._told, self.free, limit)

    def part(self, columns: Ints, reach: float) -> Part:
        """A neighbourhood as a programme over moves of at most ``reach``."""
        moving = self.by_column[:, columns].tocsr()
        touched = np.diff(moving.indptr) > 0
        told = self._told & touched
        low, high = self._low - self.value, self._high - self.value
        rows = _distinct(moving, np.flatnonzero(told), low, high)
        programme = Programme(
            moving[rows],
            np.minimum(low[rows], 0.0),
            np.maximum(high[rows], 0.0),
            np.maximum(np.minimum(self._lower - self.unknowns, 0.0)[columns], -reach),
            np.minimum(np.maximum(self._upper - self.unknowns, 0.0)[columns], reach),
        )
        return Part(self, columns, moving, touched, programme)


def _distinct(moving: sparse.csr_matrix, rows: Ints, low: Floats, high: Floats) -> Ints:
    """Rows that differ in what they say of the moving unknowns."""
    first: dict[tuple[bytes, bytes, float, float], int] = {}
    for row in rows.tolist():
        span = slice(moving.indptr[row], moving.indptr[row + 1])
        key = (moving.indices[span].tobytes(), moving.data[span].tobytes(), low[row], high[row])
        first.setdefault(key, row)
    return np.fromiter(first.values(), dtype=np.int64, count=len(first))


@dataclass
class Part:
    """One neighbourhood of a ground."""

    ground: Ground
    columns: Ints
    moving: sparse.csr_matrix
    touched: Bools
    programme: Programme

    def look(self, need: Need, cells: Ints, sign: Floats | float) -> None:
        """Go as far as this part can in a direction, and take that point as witness."""
        direction = np.zeros(len(self.touched))
        direction[cells] = sign
        self.programme.set_cost(-(self.moving.T @ direction))
        need.witness(self.ground.value + self.moving @ self.programme.require())

    def alone(self, need: Need, cell: int) -> None:
        """Follow one cell both ways, as far as this part goes or until it is wide enough."""
        for sign in (1.0, -1.0):
            if not need.met()[cell]:
                self.look(need, np.array([cell]), sign)

    def settle(self, need: Need, targets: Ints) -> Ints:
        """Prove what shared programmes can prove here; the targets that stay open."""
        rng = np.random.default_rng(len(targets))
        pending = targets[self.touched[targets]]
        for turn in range(TURNS):
            pending = pending[~need.met()[pending]]
            if not len(pending):
                break
            sign: Floats = rng.choice((-1.0, 1.0), len(pending))
            sign = np.full(len(sign), 1.0 - 2.0 * turn) if turn < 2 else sign
            before = len(pending)
            self.look(need, pending, sign)
            pending = pending[~need.met()[pending]]
            if turn >= 3 and before - len(pending) <= GAIN * before:
                break
        return targets[~need.met()[targets]]


def reach_of(need: Need, value: Floats, targets: Ints) -> float:
    """How far unknowns must move for the widest of some requirements."""
    up = np.where(np.isfinite(need.reach_up), need.reach_up - value, 0.0)
    down = np.where(np.isfinite(need.reach_down), value - need.reach_down, 0.0)
    asked = np.maximum(need.width, np.maximum(up, down))[targets]
    return float(asked.max(initial=1.0)) + 1.0


def prove_nearby(
    ground: Ground, need: Need, targets: Ints, alone: bool = False, limit: int = NEARBY
) -> Ints:
    """Prove intervals neighbourhood by neighbourhood.

    Args:
        ground: What is known, and a point that agrees with it.
        need: Requirements of all cells; its intervals are widened in place.
        targets: Cells to be proven.
        alone: Follow single cells too where shared programmes do not settle them.
        limit: Unknowns in a neighbourhood.

    Returns:
        The targets that no neighbourhood proved, ascending.
    """
    reach = reach_of(need, ground.value, targets)
    need.witness(ground.value)
    tried = np.zeros(len(need.width), dtype=bool)
    pending = targets[~need.met()[targets]]
    while len(todo := pending[~tried[pending]]):
        columns = ground.neighbourhood(int(todo[0]), limit)
        tried[todo[0]] = True
        if not len(columns):
            continue
        part = ground.part(columns, reach)
        pending = part.settle(need, pending)
        inside = np.zeros(ground.matrix.shape[1], dtype=bool)
        inside[part.columns] = True
        within = ground.matrix @ (ground.free & ~inside).astype(np.float64) == 0
        if alone:
            for cell in pending[within[pending] & ~tried[pending]].tolist():
                part.alone(need, cell)
            pending = pending[~need.met()[pending]]
        tried |= within
    return pending
