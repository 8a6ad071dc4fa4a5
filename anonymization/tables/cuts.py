"""Cuts: of which cells enough must be hidden for a narrow one to be wide.

Here: the programme over the sums near a cell that follows it to its ends, and the cut that its dual
values separate (after Fischetti and Salazar, "Solving the cell suppression problem on tabular data
with linear constraints", Management Science 47, 2001). Of a large table a programme reads some
hundred sums only. It leaves a reader more room than there is, so a cut holds for every pattern; a
cell that is narrow for reasons further away gives none. Not here: how cuts are kept (``closure``).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from anonymization.tables.intervals import WHOLE
from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from anonymization.tables.attackers import Attacker
    from anonymization.tables.closure import Closure
    from anonymization.tables.intervals import Need
    from anonymization.tables.matrix import Bools, Floats, Ints
    from anonymization.tables.secondary import Search

NEAR = 250  # sums in a programme
FAR = 1e4  # stands for no end
STOPS = 1e-7  # a smaller dual value is the solver's rounding
SHORT = 1e-6


class Separation:
    """Cuts of one attacker's narrow cells, for a closure.

    Args:
        search: The search.
        attacker: Index of the attacker.
        closure: Where cuts go; its sums are those that programmes read.
    """

    def __init__(self, search: Search, attacker: int, closure: Closure) -> None:
        who: Attacker = search.attackers[attacker]
        block = search.block
        self._closure, self._who, self._value = closure, who, search.value
        self._hidden: Bools = closure.hidden
        self._stays = np.asarray(closure.stays)
        size = [len(cells) for cells in closure.members]
        sign = np.ones(sum(size))
        starts = np.cumsum([0, *size])
        sign[starts[:-1]] = -1.0  # the whole comes first
        members = np.concatenate([np.asarray(cells) for cells in closure.members])
        shape = (len(size), len(search.value))
        self._sums = sparse.csr_matrix((sign, members, starts), shape=shape)
        low = np.maximum(who.low, block.lowest)
        high = np.minimum(np.minimum(who.high, block.highest), search.value + FAR)
        self._rises, self._falls = high - search.value, search.value - low

    def separate(self, need: Need, cells: Ints) -> int:
        """Add the cuts of narrow cells; how many were new.

        Args:
            need: What is asked of them.
            cells: Cells that are not proven to be wide enough.
        """
        return sum(self._separate(need, cell) for cell in cells.tolist())

    def _near(self, cell: int) -> Ints:
        """The smallest sums that hidden cells lead to from a cell."""
        closure = self._closure
        seen: set[int] = set()
        entered = {cell}
        heap: list[tuple[int, int]] = []

        def enter(one: int) -> None:
            for total in closure.sums_of[one]:
                if total not in seen:
                    seen.add(total)
                    heappush(heap, (len(closure.members[total]), total))

        enter(cell)
        found: list[int] = []
        while heap and len(found) < NEAR:
            _, total = heappop(heap)
            found.append(total)
            for other in closure.members[total]:
                if other not in entered and closure.is_hidden(other):
                    entered.add(other)
                    enter(other)
        return np.asarray(found, dtype=np.int64)

    def _separate(self, need: Need, cell: int) -> int:
        sums = self._near(cell)
        if not len(sums):  # no sum is named that it is in
            return 0
        value, width = float(self._value[cell]), float(need.width[cell])
        reach = float(need.reach_up[cell])
        up = max(width, reach - value) if np.isfinite(reach) else width
        near = _Near(self, self._sums[sums], cell)
        up_way = near.follow(1.0, min(up, self._rises[cell]))
        down_way = near.follow(-1.0, min(width, self._falls[cell]))
        found = 0
        if value + up_way[0] < reach - WHOLE:
            found += self._cut(near.cells, cell, up_way[1], reach - value)
        if up_way[0] + down_way[0] < width - WHOLE:
            # What the cell's own end stops is as far as it goes, whatever is hidden.
            ends = (moved for moved, gain in (up_way, down_way) if not gain.any())
            found += self._cut(near.cells, cell, up_way[1] + down_way[1], width - sum(ends))
        return found

    def _cut(self, cells: Ints, target: int, gain: Floats, asked: float) -> int:
        """A cut: hidden cells may add so much, those that stay hidden do. Whether it is new."""
        stays = self._stays[cells]
        lacking = asked - float(gain[stays].sum())
        if lacking <= SHORT:
            return 0
        share = np.where(stays | (cells == target), 0.0, np.minimum(gain / lacking, 1.0))
        if float(share @ self._hidden[cells]) >= 1.0 - SHORT:
            return 0
        told = share > STOPS
        return int(self._closure.add_cut(target, cells[told], share[told]))


class _Near:
    """The programme over some sums, in which hidden cells move and shown ones do not."""

    def __init__(self, separation: Separation, sums: sparse.csr_matrix, cell: int) -> None:
        self.cells = np.unique(sums.indices)
        self._sums = sums[:, self.cells].tocsr()
        self._place = int(np.searchsorted(self.cells, cell))
        moves = separation._hidden[self.cells]
        self._rises, self._falls = separation._rises[self.cells], separation._falls[self.cells]
        self._upper = np.where(moves, self._rises, 0.0)
        self._lower = np.where(moves, -self._falls, 0.0)
        none = np.zeros(sums.shape[0])
        self._programme = Programme(self._sums, none, none, self._lower, self._upper)

    def follow(self, sign: float, enough: float) -> tuple[float, Floats]:
        """How far the cell moves up (sign 1) or down (−1), and what each cell may add to that."""
        place, nothing = self._place, np.zeros(len(self.cells))
        if enough <= 0:
            return 0.0, nothing
        cost = nothing.copy()
        cost[place] = -sign
        self._programme.set_cost(cost)
        ends = (0.0, enough) if sign > 0 else (-enough, 0.0)
        self._programme.set_column(place, *ends)
        moved = sign * float(self._programme.require()[place])
        self._programme.set_column(place, self._lower[place], self._upper[place])
        weight = self._sums.T @ self._programme.duals()
        weight[place] += sign
        weight[np.abs(weight) <= STOPS] = 0.0
        own, weight[place] = sign * weight[place], 0.0
        if own > 1.0 - SHORT:  # the cell's own end is what stops it
            return moved, nothing
        gain = np.maximum(weight, 0.0) * self._rises - np.minimum(weight, 0.0) * self._falls
        return moved, gain / (1.0 - own)
