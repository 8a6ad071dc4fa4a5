"""A programme that falls into parts which share nothing, each solved only when it is asked.

Here: the split, and one solution put together from those of the parts. Where a table shows the
margins of a region, its regions are such parts: what is asked of one cell costs a small programme,
not one over the whole table. Not here: what rows and columns mean (``intervals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from anonymization.tables.matrix import Floats, Ints

SAME = 1e-9  # beside what a row adds up


class Parts:
    """Rows ``matrix·x = 0`` over a box; objectives come with each call.

    Args:
        matrix: Rows by unknowns.
        lower: Lower bounds of the unknowns.
        upper: Upper bounds of the unknowns, never below the lower ones; where both agree, an
            unknown does not move.
    """

    def __init__(self, matrix: sparse.csr_matrix, lower: Floats, upper: Floats) -> None:
        moving = np.flatnonzero(lower < upper)
        self._point = lower.copy()
        self._point[moving] = 0.0
        self._cost = np.zeros(len(lower))
        own, rest = matrix[:, moving], -(matrix @ self._point)
        moves = np.diff(own.indptr) > 0
        rounding = SAME * (1.0 + abs(matrix) @ np.abs(self._point))
        self._holds = bool((np.abs(rest) <= rounding)[~moves].all())
        own, rest = own[moves], rest[moves]
        self._parts: list[tuple[Ints, Programme]] = []
        for rows, columns in _apart(own):
            ends, box = rest[rows], moving[columns]
            programme = Programme(own[rows][:, columns], ends, ends, lower[box], upper[box])
            self._parts.append((box, programme))
        self._begun = [False] * len(self._parts)

    def set_cost(self, cost: Floats) -> None:
        """Replace the whole objective."""
        self._cost = cost

    def minimise(self) -> tuple[Floats | None, float]:
        """A cheapest solution as a ``Programme`` gives it; parts without a cost stay as they were.

        Raises:
            NoOptimumError: The solver stopped without an answer.
        """
        if not self._holds:
            return None, np.inf
        for place, (columns, programme) in enumerate(self._parts):
            own = self._cost[columns]
            if self._begun[place] and not own.any():
                continue
            programme.set_cost(own)
            point, cost = programme.minimise()
            if point is None:
                return None, cost
            self._point[columns], self._begun[place] = point, True
        return self._point.copy(), float(self._cost @ self._point)


def _apart(matrix: sparse.csr_matrix) -> list[tuple[Ints, Ints]]:
    """Rows and columns of each part."""
    graph = sparse.bmat([[None, matrix], [matrix.T, None]])
    count, label = connected_components(graph, directed=False)
    ends = np.arange(1, count)
    found = []
    for of in (label[: matrix.shape[0]], label[matrix.shape[0] :]):
        order = np.argsort(of, kind="stable")
        found.append(np.split(order, np.searchsorted(of[order], ends)))
    return list(zip(*found, strict=True))
