"""Showing secondary cells again where no interval becomes too narrow by it.

Here: the removal of redundant suppression, most valuable cells first, within a bounded number of
tests. Not here: what makes an interval wide enough (``attackers``, ``intervals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anonymization.tables.intervals import WHOLE, holds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anonymization.tables.attackers import Attacker
    from anonymization.tables.intervals import Polytope
    from anonymization.tables.matrix import Bools, Floats, Ints
    from anonymization.tables.secondary import Search

POOL = 300  # points kept per attacker
STILL = 1e-9  # squared length of a move that is none
MIXTURES = 1  # mixtures per point on the longer side
EXACT = 1e-6


def _mix(points: Floats, away: Floats) -> Floats:
    """Mixtures of a point above and a point below, at which the cell keeps its value."""
    above, below = np.flatnonzero(away > EXACT), np.flatnonzero(away < -EXACT)
    if not len(above) or not len(below):
        return points[:0]
    turns = np.arange(MIXTURES * max(len(above), len(below)))
    # Strides that drift apart meet ever new pairs.
    up, down = above[turns % len(above)], below[(turns + turns // len(below)) % len(below)]
    share = (away[up] / (away[up] - away[down]))[:, None]
    mixed: Floats = share * points[down] + (1 - share) * points[up]
    return mixed


class Pool:
    """One attacker's polytope and points of it, of which each proves many intervals."""

    def __init__(self, search: Search, attacker: Attacker, loose: Bools) -> None:
        self._attacker, self._value = attacker, search.value
        self._polytope: Polytope = attacker.polytope(
            search.block, search.value, search.hidden, loose
        )
        self._points: list[Floats] = [search.value]
        need = attacker.need(search.value, search.value)
        holds(self._polytope, need, attacker.targets(search.hidden), self._points)
        self._before = self._polytope.programme.solved

    @property
    def solved(self) -> int:
        """Linear programmes spent on tests so far."""
        return self._polytope.programme.solved - self._before

    def freedom(self, search: Search) -> Freedom:
        """In which directions cells can move, for attackers that guess as this one does."""
        return Freedom(search, self._polytope)

    def pin(self, cells: Ints, shown: bool) -> None:
        """Show cells to the attacker, or hide them again."""
        for cell in cells:
            low, high = self._value[cell], self._value[cell]
            if not shown:
                low, high = self._attacker.low[cell], self._attacker.high[cell]
            self._polytope.pin(int(cell), low, high)

    def allows(self, cells: Ints, hidden: Bools) -> bool:
        """Whether the cells may be shown with those still hidden staying wide enough.

        If so, they are shown to the attacker from now on.
        """
        # Points, and mixtures of points, at which the cells keep their values.
        points = np.asarray(self._points)
        for cell in cells:
            away = points[:, cell] - self._value[cell]
            points = np.concatenate([points[np.abs(away) <= EXACT], _mix(points, away)])
        need = self._attacker.need(points.min(axis=0), points.max(axis=0))
        self.pin(cells, shown=True)
        found: list[Floats] = []
        if not holds(self._polytope, need, self._attacker.targets(hidden), found):
            # Points that keep the cells' values fit the present pattern too.
            self._points = [self._value, *[*self._points[1:], *found][-POOL:]]
            return False
        self._points = [self._value, *[*points[1:], *found][-POOL:]]
        return True


class Freedom:
    """The directions in which cells can still move, bounds aside.

    A cell without direction follows exactly from what is shown: no programme is needed to see
    that it is too narrow.
    """

    def __init__(self, search: Search, polytope: Polytope) -> None:
        self._moves = polytope.freedom()
        # What is exact to those who guess says nothing of the others.
        self._attackers = [who for who in search.attackers if who.guesses]

    def _lost(self, cells: Ints) -> Iterator[tuple[Floats, Floats]]:
        """Orthogonal directions that are lost when cells are shown, and all cells' parts in them.

        Without BLAS, whose threads cost more than they bring at this size.
        """
        gone: list[Floats] = []
        for cell in cells:
            along = self._moves[cell].copy()
            for other in gone:
                along -= np.einsum("j,j", along, other) * other
            if (length := float(np.einsum("j,j", along, along))) > STILL:
                gone.append(along / length**0.5)
                yield gone[-1], np.einsum("ij,j->i", self._moves, gone[-1])

    def betrayed(self, cells: Ints, hidden: Bools) -> bool:
        """Whether some hidden cell follows exactly if the cells are shown."""
        left = np.einsum("ij,ij->i", self._moves, self._moves)
        for _, part in self._lost(cells):
            left -= part**2
        exact = hidden & (left <= STILL)
        return any((exact & who.concerned & (who.width > WHOLE)).any() for who in self._attackers)

    def show(self, cells: Ints) -> None:
        """Show cells from now on."""
        for direction, part in list(self._lost(cells)):
            self._moves -= np.multiply.outer(part, direction)


def _candidates(search: Search) -> list[Ints]:
    """Groups hidden for others' sake only, most valuable first, then by their first cell."""
    spare = search.hidden & ~search.fixed
    groups = np.unique(search.group[spare])
    members = [np.flatnonzero((search.group == group) & spare) for group in groups]
    return sorted(members, key=lambda cells: (-search.weight[cells].sum(), cells[0]))


def show_again(search: Search, programmes: int) -> None:
    """Show secondary groups again, one by one, while all intervals stay wide enough.

    Args:
        search: A search whose pattern is safe; its ``hidden`` shrinks in place.
        programmes: Linear programmes to spend; the test that exceeds them is the last one.
    """
    candidates = _candidates(search)
    if not candidates or programmes == 0:
        return
    loose = search.hidden & ~search.fixed
    pools = [Pool(search, attacker, loose) for attacker in search.attackers]
    freedom = pools[0].freedom(search)
    for cells in candidates:
        if sum(pool.solved for pool in pools) > programmes:
            return
        trial = search.hidden.copy()
        trial[cells] = False
        if freedom.betrayed(cells, trial):
            continue
        if all(pool.allows(cells, trial) for pool in pools):
            search.hidden = trial
            freedom.show(cells)
        else:
            for pool in pools:
                pool.pin(cells, shown=False)
