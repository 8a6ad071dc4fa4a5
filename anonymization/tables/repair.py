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


def cheapest_move(
    origin: Origin,
    attacker: Attacker,
    hidden: Bools,
    cells: Ints,
    distance: Floats,
    reward: Floats,
) -> tuple[Floats, float]:
    """The move of all base values that is worth most.

    Args:
        origin: Where moves start, and what they cost.
        attacker: What is known of hidden cells holds after the move too.
        hidden: Cells that move for free.
        cells: Cells that are to move.
        distance: How far each of them is to move, up (> 0) or down (< 0).
        reward: Gain per unit of such a move, up to the distance.

    Returns:
        The change of every cell, and the cost of the shown cells that move.
    """
    moves = cheapest_moves(origin, attacker, hidden, cells, distance, reward)
    change: Floats = origin.block.matrix @ moves
    change = np.where(np.abs(change) > MOVED, change, 0.0)
    shown = ~hidden
    return change, float(np.abs(change[shown]) @ origin.price[shown])


def cheapest_moves(
    origin: Origin,
    attacker: Attacker,
    hidden: Bools,
    cells: Ints,
    distance: Floats,
    reward: Floats,
) -> Floats:
    """The same as a move of every unknown."""
    matrix, value = origin.block.matrix, origin.value
    unknowns, count = matrix.shape[1], len(cells)
    shown = np.flatnonzero(~hidden)
    known = np.flatnonzero(hidden & (np.isfinite(attacker.low) | np.isfinite(attacker.high)))
    rows = _rows(matrix, shown, known, cells, np.sign(distance))
    none, ever = np.zeros(len(shown)), np.full(count, np.inf)
    programme = Programme(
        rows,
        np.concatenate([none, (attacker.low - value)[known], np.zeros(count)]),
        np.concatenate([none, (attacker.high - value)[known], ever]),
        np.concatenate([-origin.unknowns, none, none, np.zeros(count)]),
        np.concatenate(
            [
                origin.block.upper - origin.unknowns,
                np.full(2 * len(shown), np.inf),
                np.abs(distance),
            ]
        ),
        presolve=True,
    )
    price = origin.price[shown]
    programme.set_cost(np.concatenate([np.zeros(unknowns), price, price, -reward]))
    return programme.require()[:unknowns]


def _rows(
    matrix: sparse.csr_matrix, shown: Ints, known: Ints, cells: Ints, sign: Floats
) -> sparse.csc_matrix:
    """Rows of the programme: cells that cost, cells that are bounded, cells that are to move.

    A cell that costs has two columns of its own, for its way up and its way down; one that is to
    move has one, its gain. Written down column by column: stacking such blocks takes longer than
    solving the programme.
    """
    part = matrix[np.concatenate([shown, known, cells])]
    part.data[part.indptr[len(shown) + len(known)] :] *= np.repeat(
        sign, np.diff(matrix.indptr)[cells]
    )
    part = part.tocsc()
    up, gain = np.arange(len(shown)), len(shown) + len(known) + np.arange(len(cells))
    own = np.concatenate([up, up, gain])
    size = 2 * len(shown) + len(cells)
    value = np.where(np.arange(size) < len(shown), -1.0, 1.0)
    value[2 * len(shown) :] = -1.0
    return sparse.csc_matrix(
        (
            np.concatenate([part.data, value]),
            np.concatenate([part.indices, own]),
            np.concatenate([part.indptr, part.indptr[-1] + 1 + np.arange(size)]),
        ),
        shape=(part.shape[0], part.shape[1] + size),
    )
