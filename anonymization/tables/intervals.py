"""Feasible intervals of hidden cells, given everything that is published.

Here: the polytope a reader is left with, and intervals proven by points of it. Not here: which
cells are hidden and why. A point of the polytope is a witness for every cell at once, so few
linear programmes prove many intervals; only cells that stay narrow get programmes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from anonymization.tables.bounds import propagate
from anonymization.tables.errors import InconsistentTableError
from anonymization.tables.parts import Parts
from anonymization.tables.solver import CONTRADICTION, Programme

if TYPE_CHECKING:
    from anonymization.tables.links import Links
    from anonymization.tables.matrix import Bools, Floats, Ints

SETTLED = 1e-9  # an unknown with less room than this is taken as known
WHOLE = 1e-5  # distance within which a solver's value counts as the whole number beside it
ROUNDS = 400
SUSPECTS = 3  # cells that are looked at before all others when one failure decides
FEW = 4  # so few cells are faster done one by one
GAIN = 0.04  # share of pending cells that a shared programme must settle to be worth another


class Polytope:
    """Base values that agree with what is known of the cells.

    Args:
        matrix: Cells by unknowns, CSR.
        row_lower: Known lower end of each cell; ``-inf`` if nothing is known.
        row_upper: Known upper end of each cell; ``inf`` if nothing is known.
        upper: Public upper bounds of the unknowns; infinite where there is none.
        reach: Unknowns without any upper bound are cut here, far above every requirement, so
            that programmes stay bounded; infinite leaves them free.
        loose: Cells that may later be pinned to a value.
        links: How cells follow from each other, by which the programme is told; not with ``loose``.

    Raises:
        InconsistentTableError: No base values agree with what is known.
    """

    def __init__(
        self,
        matrix: sparse.csr_matrix,
        row_lower: Floats,
        row_upper: Floats,
        upper: Floats,
        reach: float = np.inf,
        loose: Bools | None = None,
        links: Links | None = None,
    ) -> None:
        told = np.isfinite(row_lower) | np.isfinite(row_upper)
        rows = np.flatnonzero(told)
        low, high = propagate(
            matrix[rows], row_lower[rows], row_upper[rows], np.zeros_like(upper), upper
        )
        free = high - low > SETTLED
        self._base = np.where(free, 0.0, low)
        self._free = np.flatnonzero(free)
        self._known = matrix @ self._base
        self._moving = matrix[:, self._free].tocsr()
        self._turned = self._moving.T
        moves = np.diff(self._moving.indptr) > 0
        self._refuse_contradiction(told & ~moves, row_lower, row_upper)
        self._exact = np.flatnonzero(moves & (row_lower == row_upper))
        box = np.where(np.isfinite(high), high, low + reach)[self._free]
        self._asked: Programme | Parts
        self._size = len(self._free)
        if links is not None and loose is None:
            self._tell(links, moves, (row_lower, row_upper), (low[self._free], box))
            return
        kept = np.flatnonzero(moves & (told if loose is None else told | loose))
        self._row = {int(cell): row for row, cell in enumerate(kept)}
        known = self._known[kept]
        self.programme = Programme(
            self._moving[kept],
            row_lower[kept] - known,
            row_upper[kept] - known,
            low[self._free],
            box,
        )
        self._asked = self.programme

    def _tell(
        self,
        links: Links,
        moves: Bools,
        rows: tuple[Floats, Floats],
        free: tuple[Floats, Floats],
    ) -> None:
        """The programme with a column for every moving cell, its moves the sum of its parts'."""
        told = moves[links.told]
        cells = links.told[told]
        columns = np.concatenate([self._free, links.column[cells]])
        own = sparse.eye_array(len(cells), format="csr")
        parts = links.rows[np.flatnonzero(told)][:, columns]
        empty = sparse.csr_matrix((len(cells), self._size))
        known = self._known[cells]
        self._asked = Parts(
            (parts - sparse.hstack([empty, own])).tocsr(),
            np.concatenate([free[0], rows[0][cells] - known]),
            np.concatenate([free[1], rows[1][cells] - known]),
        )
        # A direction of cells as a cost of columns.
        place = np.full(links.rows.shape[1], -1)
        place[columns] = np.arange(len(columns))
        moving = np.flatnonzero(moves)
        at = place[links.column[moving]]
        self._turned = sparse.csr_matrix(
            (np.ones(len(moving)), (at, moving)), shape=(len(columns), len(moves))
        )

    def _refuse_contradiction(self, rows: Bools, low: Floats, high: Floats) -> None:
        known = self._known[rows]
        slack = 1e-6 * np.maximum(1.0, np.abs(known))
        if ((known < low[rows] - slack) | (known > high[rows] + slack)).any():
            raise InconsistentTableError(CONTRADICTION)

    def freedom(self) -> Floats:
        """How cells move, bounds aside, along directions that keep what is known exactly.

        Returns:
            Cells by independent directions; the directions span all moves.
        """
        found: Floats = self._moving @ kernel(self._moving[self._exact].toarray())
        return found

    def pin(self, cell: int, low: float, high: float) -> None:
        """Set what is known of a loose cell (a cell that cannot move stays as it is)."""
        if cell in self._row:
            known = self._known[cell]
            self.programme.set_row(self._row[cell], low - known, high - known)

    def unknowns(self) -> Floats:
        """One solution: a value for every unknown."""
        found = self._base.copy()
        found[self._free] = self.programme.require()[: self._size]
        return found

    def extreme(self, direction: Floats) -> tuple[Floats | None, float]:
        """Cells' values where ``direction``·cells is largest, and that largest value.

        Returns:
            ``(None, inf)`` if it has no upper end.

        Raises:
            InconsistentTableError: No base values agree with what is known.
        """
        self._asked.set_cost(-(self._turned @ direction))
        point, cost = self._asked.minimise()
        if point is None and cost == np.inf:
            raise InconsistentTableError(CONTRADICTION)
        if point is None:
            return None, np.inf
        return self._known + self._moving @ point[: self._size], float(
            direction @ self._known - cost
        )


def kernel(rows: Floats) -> Floats:
    """Independent vectors that rows map to nothing, as columns, by elimination.

    Without LAPACK, whose threads cost more than they bring at this size.
    """
    rows, count, pivots = rows.copy(), 0, []
    for column in range(rows.shape[1]):
        if count == len(rows):
            break
        place = count + int(np.abs(rows[count:, column]).argmax())
        if abs(rows[place, column]) <= SETTLED:
            continue
        rows[[count, place]] = rows[[place, count]]
        rows[count] /= rows[count, column]
        others = np.flatnonzero(rows[:, column])
        others = others[others != count]
        rows[others] -= np.multiply.outer(rows[others, column], rows[count])
        pivots.append(column)
        count += 1
    free = np.setdiff1d(np.arange(rows.shape[1]), pivots)
    found = np.zeros((rows.shape[1], len(free)))
    found[pivots] = -rows[:count, free]
    found[free, np.arange(len(free))] = 1.0
    return found


@dataclass
class Need:
    """What is asked of the interval of each cell, and the intervals proven so far.

    ``low`` and ``high`` only ever widen, point by point.
    """

    width: Floats
    reach_up: Floats
    reach_down: Floats
    integer: Bools
    low: Floats
    high: Floats

    def witness(self, values: Floats) -> None:
        """Widen the intervals by one more feasible point."""
        np.minimum(self.low, values, out=self.low)
        np.maximum(self.high, values, out=self.high)

    def ends(self) -> tuple[Floats, Floats]:
        """Interval ends, whole numbers where only those count."""
        # Adding 0 turns the negative zero of rounding into zero.
        low = np.where(self.integer, np.ceil(self.low - WHOLE), self.low) + 0.0
        return low, np.where(self.integer, np.floor(self.high + WHOLE), self.high) + 0.0

    def met(self) -> Bools:
        """Cells whose interval is proven to be as wide as asked."""
        low, high = self.ends()
        found: Bools = (
            (high - low >= self.width - WHOLE)
            & (high >= self.reach_up - WHOLE)
            & (low <= self.reach_down + WHOLE)
        )
        return found


class _Proof:
    """Targets that are still open while points of one polytope come in."""

    def __init__(
        self, polytope: Polytope, need: Need, targets: Ints, keep: list[Floats] | None = None
    ) -> None:
        self._polytope, self._need, self._keep = polytope, need, keep
        self._direction = np.zeros(len(need.width))
        self.pending = targets[~need.met()[targets]]

    def _look(self, cells: Ints, sign: Floats | float) -> None:
        """Go as far as possible in a direction, and take that point as witness."""
        self._direction[cells] = sign
        values, _ = self._polytope.extreme(self._direction)
        self._direction[cells] = 0.0
        if values is not None:
            self._need.witness(values)
            if self._keep is not None:
                self._keep.append(values)

    def _drop_met(self) -> int:
        """Forget the targets that are proven by now; how many those are."""
        left = self.pending[~self._need.met()[self.pending]]
        settled = len(self.pending) - len(left)
        self.pending = left
        return settled

    def together(self) -> None:
        """Shared programmes, while each settles enough cells to be worth it."""
        rng = np.random.default_rng(len(self.pending))
        for turn in range(ROUNDS):
            if len(self.pending) < FEW:
                return
            # Two plain rounds, then random directions among the cells that are still open.
            sign: Floats = rng.choice((-1.0, 1.0), len(self.pending))
            sign = np.full(len(sign), 1.0 - 2.0 * turn) if turn < 2 else sign
            self._look(self.pending, sign)
            if self._drop_met() <= GAIN * len(self.pending) and turn >= 2:
                return

    def alone(self, cell: int) -> bool:
        """Follow one cell to both ends; whether its interval is wide enough."""
        for sign in (1.0, -1.0):
            if self._need.met()[cell]:
                return True
            self._look(np.array([cell]), sign)
        return bool(self._need.met()[cell])

    def suspects(self) -> Ints:
        """The open cells whose proven interval is narrowest beside what they need."""
        low, high = self._need.ends()
        wide = (high - low)[self.pending] / np.maximum(self._need.width[self.pending], 1.0)
        return self.pending[np.argsort(wide, kind="stable")[:SUSPECTS]]


def prove(polytope: Polytope, need: Need, targets: Ints, given_up: Ints | None = None) -> Ints:
    """Prove the intervals of the targets, or find those that are too narrow.

    Args:
        polytope: What the reader is left with.
        need: Requirements of all cells; its intervals are widened in place.
        targets: Cells to be proven.
        given_up: Targets that are not followed alone where shared programmes do not prove them.

    Returns:
        The targets that are too narrow, ascending. Their interval in ``need`` is exact, but for
        those given up.
    """
    proof = _Proof(polytope, need, targets)
    proof.together()
    left = np.zeros(len(need.width), dtype=bool)
    if given_up is not None:
        left[given_up] = True
    narrow = [int(cell) for cell in proof.pending if left[cell] or not proof.alone(int(cell))]
    # What was found of one of them may have proven another that was given up.
    found = np.asarray(narrow, dtype=np.int64)
    return found if given_up is None else found[~need.met()[found]]


def holds(polytope: Polytope, need: Need, targets: Ints, keep: list[Floats]) -> bool:
    """Whether all targets are wide enough; stops at the first that is not.

    Args:
        polytope: What the reader is left with.
        need: Requirements of all cells; its intervals are widened in place.
        targets: Cells to be proven.
        keep: Feasible points that are found are appended here.
    """
    proof = _Proof(polytope, need, targets, keep)
    if not all(proof.alone(int(cell)) for cell in proof.suspects()):
        return False
    proof.together()
    return all(proof.alone(int(cell)) for cell in proof.pending)
