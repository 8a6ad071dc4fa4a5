"""The cheapest cells to hide so that narrow intervals become wide enough.

Here: a linear programme over moves of the base values away from a solution that agrees with every
cell. A move that leaves the shown cells as they are is free; a shown cell that moves costs its
price per unit; a narrow cell that moves earns a reward. What moves in the best solution is to be
hidden, and the moved values are a witness for every hidden cell (after the linear-programming
heuristic of Kelly, Golden and Assad, "Cell suppression: disclosure protection for sensitive
tabular data", Networks 22, 1992). Not here: in what order and at what reward cells are repaired
(``secondary``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from anonymization.tables.attackers import Attacker
    from anonymization.tables.intervals import Need
    from anonymization.tables.matrix import Block, Bools, Floats, Ints

MOVED = 1e-6


@dataclass(frozen=True)
class Origin:
    """A solution that agrees with every cell: where moves start.

    Attributes:
        block: The block.
        unknowns: Value of each unknown.
        value: Value of each cell.
        price: Cost of moving a shown cell by one unit.
    """

    block: Block
    unknowns: Floats
    value: Floats
    price: Floats


def distances(origin: Origin, need: Need, cells: Ints) -> tuple[Floats, Floats]:
    """How far up, or else down, each cell must move for its interval to suffice.

    Distances end where the public bounds do: what is lacking then comes from the other side.
    """
    low, high = need.ends()
    value, block = origin.value, origin.block
    up = np.maximum(low + need.width, need.reach_up) - value
    down = value - np.minimum(high - need.width, need.reach_down)
    up = np.where(need.integer, np.ceil(up - MOVED), up)
    down = np.where(need.integer, np.ceil(down - MOVED), down)
    up = np.clip(up, 0.0, np.maximum(block.highest - value, 0.0))
    down = np.clip(down, 0.0, np.maximum(value - block.lowest, 0.0))
    return up[cells], down[cells]


class Moves:
    """The cheapest moves of one block for one attacker, each sought from where the last one ended.

    The programme has, for every cell that differs from others in its unknowns, a column for its
    way up and one for its way down. What is hidden, and what is to move, are their bounds and
    costs only, so that one programme serves a whole search.

    Args:
        origin: Where moves start, and what they cost.
        attacker: What is known of hidden cells holds after the move too.
    """

    def __init__(self, origin: Origin, attacker: Attacker) -> None:
        matrix = origin.block.matrix
        self._origin = origin
        first, self._row = _distinct(matrix)
        self._size = len(first)
        self._low, self._high = np.full(self._size, -np.inf), np.full(self._size, np.inf)
        # The origin is possible, whatever rounding says.
        np.maximum.at(self._low, self._row, np.minimum(attacker.low - origin.value, 0.0))
        np.minimum.at(self._high, self._row, np.maximum(attacker.high - origin.value, 0.0))
        step = sparse.eye_array(self._size, format="csc")
        sums = sparse.hstack([matrix[first].tocsc(), -step, step], format="csc")
        room = np.maximum(origin.block.upper - origin.unknowns, 0.0)
        self._box = (np.minimum(-origin.unknowns, 0.0), room)
        self._begun = False
        none, ever = np.zeros(self._size), np.full(2 * self._size, np.inf)
        self._programme = Programme(
            sums,
            none,
            none,
            np.concatenate([self._box[0], -ever]),
            np.concatenate([self._box[1], ever]),
            presolve=True,
        )

    def cheapest(
        self, hidden: Bools, cells: Ints, distance: Floats, reward: Floats
    ) -> tuple[Floats, float]:
        """The move of all base values that is worth most.

        Args:
            hidden: Cells that move for free.
            cells: Hidden cells that are to move; of several with the same unknowns the first.
            distance: How far each of them is to move, up (> 0) or down (< 0), not the other way.
            reward: Gain per unit of such a move, up to the distance.

        Returns:
            The change of every cell, and the cost of the shown cells that move.
        """
        price = np.bincount(
            self._row, np.where(hidden, 0.0, self._origin.price), self._size
        ).astype(np.float64)
        low, high, shown = self._low, self._high, price > 0
        lower = np.stack([np.where(shown, 0.0, low), np.zeros(self._size)])
        upper = np.stack([high, np.where(shown, -low, 0.0)])
        cost = np.stack([price, price])
        rows, first = np.unique(self._row[cells], return_index=True)
        down = (distance[first] < 0).astype(np.int64)
        room = np.where(down, -low[rows], high[rows])
        asked = np.minimum(np.abs(distance[first]), room)
        # The way that is rewarded ends where the reward does; the other goes on from there.
        lower[down, rows], upper[down, rows] = 0.0, asked
        lower[1 - down, rows], upper[1 - down, rows] = asked - room, 0.0
        cost[down, rows] -= reward[first]
        cost[1 - down, rows] *= -1
        self._programme.set_columns(
            np.concatenate([self._box[0], lower.ravel()]),
            np.concatenate([self._box[1], upper.ravel()]),
        )
        self._programme.set_cost(np.concatenate([np.zeros(len(self._box[0])), cost.ravel()]))
        self._programme.go_on(near=self._begun and len(cells) == 1)
        self._begun = True
        moves = self._programme.require()[: len(self._box[0])]
        change: Floats = self._origin.block.matrix @ moves
        change = np.where(np.abs(change) > MOVED, change, 0.0)
        return change, float(np.abs(change[~hidden]) @ self._origin.price[~hidden])


def _distinct(matrix: sparse.csr_matrix) -> tuple[Ints, Ints]:
    """The first of all rows that are the same, and for each row which of those it is."""
    place: dict[tuple[bytes, bytes], int] = {}
    first: list[int] = []
    found = []
    for row in range(matrix.shape[0]):
        span = slice(matrix.indptr[row], matrix.indptr[row + 1])
        key = (matrix.indices[span].tobytes(), matrix.data[span].tobytes())
        if key not in place:
            place[key] = len(first)
            first.append(row)
        found.append(place[key])
    return np.asarray(first, dtype=np.int64), np.asarray(found, dtype=np.int64)
