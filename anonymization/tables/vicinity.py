"""The neighbourhood of a cell, in which narrow cells are repaired.

Here: a small part of a large table that moves while all the rest stays put. A point at which only a
neighbourhood has moved is a point of the whole, so what it proves is proven. Not here: in what
order and at what reward neighbourhoods are repaired (``closing``).
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from anonymization.tables.matrix import Block
from anonymization.tables.repair import Moves, Origin, distances

if TYPE_CHECKING:
    from scipy import sparse

    from anonymization.tables.matrix import Bools, Floats, Ints
    from anonymization.tables.secondary import Search

NEARBY = 1500  # unknowns of a neighbourhood
WHATEVER = 1e5  # a reward beyond any cost


class Locality:
    """One neighbourhood of a search, in which narrow cells are repaired.

    Args:
        search: The search.
        attacker: Index of the attacker.
        cell: The cell around which it lies.
    """

    def __init__(self, search: Search, attacker: int, cell: int) -> None:
        matrix = search.block.matrix
        self.columns = _around(matrix, search.by_column, cell, NEARBY)
        self._moving = search.by_column[:, self.columns].tocsr()
        size = np.diff(self._moving.indptr)
        self.rows = np.flatnonzero(size)
        self.inside: Bools = size == np.diff(matrix.indptr)
        self._search, self._attacker = search, attacker
        block = search.block
        part = Block(
            block.cell[self.rows],
            self._moving[self.rows],
            block.upper[self.columns],
            block.lowest[self.rows],
            block.highest[self.rows],
            block.most[self.rows],
        )
        origin = Origin(
            part,
            search.origin.unknowns[self.columns],
            search.value[self.rows],
            search.origin.price[self.rows],
        )
        who = search.attackers[attacker]
        names = ("low", "high", "width", "reach_up", "reach_down", "concerned", "integer")
        known = replace(who, **{name: getattr(who, name)[self.rows] for name in names})
        self._moves = Moves(origin, known)

    def repair(self, pending: Ints, reward: float, upwards: Bools) -> int:
        """Repair pending cells of this neighbourhood; the number of cells newly hidden."""
        change, _ = self._cheapest(pending, reward, upwards)
        return self._search.apply(self._attacker, change)

    def repair_alone(self, cell: int) -> int:
        """Repair one cell the cheaper way, whatever it costs; the number newly hidden."""
        ways = [self._cheapest(np.array([cell]), WHATEVER, np.array([up])) for up in (True, False)]
        # A move may leave the cell where it is: to the end where there is no room.
        moving = [way for way in ways if way[0][cell] != 0.0]
        change, _ = min(moving or ways, key=lambda way: way[1])
        return self._search.apply(self._attacker, change)

    def _cheapest(self, pending: Ints, reward: float, upwards: Bools) -> tuple[Floats, float]:
        """The move of this neighbourhood that is worth most, and the cost of what it opens."""
        search, rows = self._search, self.rows
        change = np.zeros(len(search.value))
        need = search.needs[self._attacker]
        up, down = distances(search.origin, need, pending)
        upwards = np.where(down <= 0, True, np.where(up <= 0, False, upwards))
        upwards |= np.isfinite(search.attackers[self._attacker].reach_up[pending]) & (up > 0)
        distance = np.where(upwards, up, -down)
        cells, distance = pending[distance != 0], distance[distance != 0]
        if not len(cells):
            return change, 0.0
        gain = reward * search.worth / search.ask[cells]
        change[rows], cost = self._moves.cheapest(
            search.hidden[rows], np.searchsorted(rows, cells), distance, gain
        )
        return change, cost


def _around(
    matrix: sparse.csr_matrix,
    by_column: sparse.csc_matrix,
    cell: int,
    limit: int,
) -> Ints:
    """Unknowns around a cell, those first that share the smallest sums with it.

    Args:
        matrix: Cells by unknowns.
        by_column: The same by column.
        cell: Where to start.
        limit: Enough unknowns; the last sum may bring some more.
    """
    size = np.diff(matrix.indptr)
    inside = np.zeros(matrix.shape[1], dtype=bool)
    seen = np.zeros(matrix.shape[0], dtype=bool)
    heap: list[tuple[int, int]] = []

    def enter(unknowns: Ints) -> int:
        fresh = unknowns[~inside[unknowns]]
        inside[fresh] = True
        for unknown in fresh:
            rows = by_column.indices[by_column.indptr[unknown] : by_column.indptr[unknown + 1]]
            rows = rows[(size[rows] > 1) & ~seen[rows]]
            seen[rows] = True
            for row in rows.tolist():
                heappush(heap, (int(size[row]), row))
        return len(fresh)

    count = enter(matrix.indices[matrix.indptr[cell] : matrix.indptr[cell + 1]][:limit])
    while heap and count < limit:
        _, row = heappop(heap)
        count += enter(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])
    return np.flatnonzero(inside)
