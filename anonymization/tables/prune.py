"""Showing secondary cells again where no interval becomes too narrow by it.

Here: the removal of redundant suppression, most valuable cells first, within a bounded number of
tests. Not here: what makes an interval wide enough (``attackers``, ``intervals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anonymization.tables.intervals import prove

if TYPE_CHECKING:
    from anonymization.tables.attackers import Attacker
    from anonymization.tables.intervals import Need, Polytope
    from anonymization.tables.matrix import Bools, Floats, Ints
    from anonymization.tables.secondary import Search

POOL = 400  # points kept per attacker


class Pool:
    """One attacker's polytope and points of it, of which each proves many intervals."""

    def __init__(self, search: Search, attacker: Attacker, loose: Bools) -> None:
        self._attacker, self._value = attacker, search.value
        self._polytope: Polytope = attacker.polytope(
            search.block, search.value, search.hidden, loose
        )
        self._points: list[Floats] = [search.value]
        need = attacker.need(search.value, search.value)
        self._record(need, attacker.targets(search.hidden))

    def _record(self, need: Need, targets: Ints) -> bool:
        """Prove the targets and keep the points that do; false if one is too narrow."""
        polytope, value = self._polytope, self._value
        narrow = prove(polytope, need, targets, first_only=True, keep=self._points)
        if len(self._points) > POOL:
            # The first point is the origin; of the others the newest fit the pattern best.
            self._points = [value, *self._points[len(self._points) - POOL :]]
        return not len(narrow)

    def pin(self, cells: Ints, shown: bool) -> None:
        """Show cells to the attacker, or hide them again."""
        for cell in cells:
            low, high = self._value[cell], self._value[cell]
            if not shown:
                low, high = self._attacker.low[cell], self._attacker.high[cell]
            self._polytope.pin(int(cell), low, high)

    def start(self, cells: Ints) -> Need:
        """Intervals proven by the points at which the cells keep their values."""
        points = np.asarray(self._points)
        same = np.abs(points[:, cells] - self._value[cells]).max(axis=1) <= 1e-6
        return self._attacker.need(points[same].min(axis=0), points[same].max(axis=0))

    def open_targets(self, need: Need, hidden: Bools) -> Ints:
        """Cells that the points do not prove."""
        targets = self._attacker.targets(hidden)
        return targets[~need.met()[targets]]

    def holds(self, need: Need, targets: Ints) -> bool:
        """Whether every target is wide enough with the cells pinned."""
        return self._record(need, targets)

    def keep_only(self, cells: Ints) -> None:
        """Drop points at which cells that are now shown have other values."""
        points = np.asarray(self._points)
        same = np.abs(points[:, cells] - self._value[cells]).max(axis=1) <= 1e-6
        self._points = [point for point, kept in zip(self._points, same, strict=True) if kept]


def _candidates(search: Search) -> list[Ints]:
    """Groups hidden for others' sake only, most valuable first, then by their first cell."""
    spare = search.hidden & ~search.fixed
    groups = np.unique(search.group[spare])
    members = [np.flatnonzero((search.group == group) & spare) for group in groups]
    return sorted(members, key=lambda cells: (-search.weight[cells].sum(), cells[0]))


def show_again(search: Search, tests: int) -> None:
    """Show secondary groups again, one by one, while all intervals stay wide enough.

    Args:
        search: A search whose pattern is safe; its ``hidden`` shrinks in place.
        tests: Most groups for which linear programmes are solved.
    """
    candidates = _candidates(search)
    loose = search.hidden & ~search.fixed
    pools = [Pool(search, attacker, loose) for attacker in search.attackers]
    for cells in candidates:
        trial = search.hidden.copy()
        trial[cells] = False
        starts = [pool.start(cells) for pool in pools]
        work = [p.open_targets(n, trial) for p, n in zip(pools, starts, strict=True)]
        if any(len(targets) for targets in work):
            if tests == 0:
                continue
            tests -= 1
        for pool in pools:
            pool.pin(cells, shown=True)
        if all(p.holds(n, t) for p, n, t in zip(pools, starts, work, strict=True)):
            search.hidden = trial
            for pool in pools:
                pool.keep_only(cells)
        else:
            for pool in pools:
                pool.pin(cells, shown=False)
