"""A first pattern for a large table: no sum may give a hidden cell away by itself.

Here: a greedy closure. A sum with one hidden cell gives it away. So does a shown sum whose hidden
parts add up to less than a hidden part must be able to reach, or to the most or the least that a
reader knows they can be (two counts below five that make eight are four and four). Each such sum
hides one more of its cells: the one that opens the fewest sums beyond those it mends, then the
cheapest. Not here: what follows from several sums together (``large`` repairs that), and the
judgement (``audit``).
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from anonymization.tables.matrix import Bools, Floats, Ints

FAR = 1e9  # stands for no end, so that sums can be counted up and down


class Closure:
    """The sums of a system, and what is hidden in each of them.

    Args:
        sums: The system's sums.
        ids: Ids of all cells, sorted.
        value: Value of each cell.
        ask: What a hidden cell's interval must be able to span or reach.
        cost: What hiding each cell costs.
        known: What the second attacker knows of each cell when it is hidden, lower and upper end;
            infinite where nothing.
        may: Cells that may be hidden beside the unsafe ones.
        hidden: Cells that are hidden; grows in place.
    """

    def __init__(
        self,
        sums: pl.DataFrame,
        ids: pl.Series,
        value: Floats,
        ask: Floats,
        cost: Floats,
        known: tuple[Floats, Floats],
        may: Bools,
        hidden: Bools,
    ) -> None:
        where = ids.to_frame("part_id").with_row_index("part")
        whole = where.rename({"part_id": "whole_id", "part": "whole"})
        named = sums.join(where, on="part_id", maintain_order="left").join(
            whole, on="whole_id", maintain_order="left"
        )
        _, first, label = np.unique(named["sum_id"], return_index=True, return_inverse=True)
        self.whole: list[int] = named["whole"].to_numpy()[first].tolist()
        self.members: list[list[int]] = [[cell] for cell in self.whole]
        self.sums_of: list[list[int]] = [[] for _ in range(len(ids))]
        for cell, total in zip(named["part"].to_list(), label.tolist(), strict=True):
            self.members[total].append(cell)
        for total, cells in enumerate(self.members):
            for cell in cells:
                self.sums_of[cell].append(total)
        # Plain lists: the search below looks at single numbers, millions of times.
        self._cost, self._may = cost.tolist(), may.tolist()
        self._value, self._ask = np.abs(value).tolist(), ask.tolist()
        # How far a cell may fall and rise in the second attacker's eyes.
        self._fall = (np.abs(value) - np.maximum(known[0], 0.0)).tolist()
        self._rise = np.minimum(known[1] - value, FAR).tolist()
        self.hidden = hidden
        self._hidden: list[bool] = hidden.tolist()
        size = len(self.whole)
        self._count, self._needed = [0] * size, [0.0] * size
        self._room, self._falls, self._rises = [0.0] * size, [0.0] * size, [0.0] * size
        for cell in np.flatnonzero(hidden).tolist():
            self._enter(cell)

    def _enter(self, cell: int, by: int = 1) -> None:
        """Count a cell among the hidden ones of its sums, or no longer (by = −1)."""
        for total in self.sums_of[cell]:
            self._count[total] += by
            self._needed[total] = max(self._needed[total], self._ask[cell])
            if cell != self.whole[total]:
                self._room[total] += by * self._value[cell]
                self._falls[total] += by * self._fall[cell]
                self._rises[total] += by * self._rise[cell]

    def tells(self, total: int, less: int | None = None, more: int | None = None) -> bool:
        """Whether a sum alone gives a hidden cell away, with one cell less or more hidden."""
        whole = self.whole[total]
        count, open_whole = self._count[total], self._hidden[whole]
        room, falls, rises = self._room[total], self._falls[total], self._rises[total]
        for cell, by in ((less, -1), (more, 1)):
            if cell is None:
                continue
            count += by
            if cell == whole:
                open_whole = by > 0
            else:
                room += by * self._value[cell]
                falls += by * self._fall[cell]
                rises += by * self._rise[cell]
        if count < 2:
            return count == 1
        return not open_whole and (room < self._needed[total] or min(falls, rises) < 1.0)

    def _rank(self, cell: int) -> tuple[float, float, int]:
        opened = 0
        for total in self.sums_of[cell]:
            if self._count[total] == 0:
                opened += 1
            elif self.tells(total) and not self.tells(total, more=cell):
                opened -= 1
        # A zero moves one way only and lets little through.
        worth = self._cost[cell] * (1.0 if self._value[cell] else 3.0)
        return (opened * worth if opened > 0 else opened / worth, self._value[cell], cell)

    def close(self) -> Ints:
        """Hide cells until no sum tells anything by itself; the cells newly hidden.

        A sum of which nothing more may be hidden is left as it is: the repair deals with it.
        """
        heap = [(len(self.members[t]), t) for t in range(len(self.whole)) if self.tells(t)]
        heapify(heap)
        added: list[int] = []
        while heap:
            _, total = heappop(heap)
            if not self.tells(total):
                continue
            free = [c for c in self.members[total] if not self._hidden[c] and self._may[c]]
            if not free:
                continue
            cell = min(free, key=self._rank)
            self.hide(cell)
            added.append(cell)
            for other in self.sums_of[cell]:
                if self.tells(other):
                    heappush(heap, (len(self.members[other]), other))
        return np.asarray(added, dtype=np.int64)

    def could_show(self, cell: int) -> bool:
        """Whether no sum would tell anything by itself if this hidden cell were shown."""
        return not any(self.tells(total, less=cell) for total in self.sums_of[cell])

    def show(self, cell: int) -> None:
        """Show a cell again."""
        self._hidden[cell] = self.hidden[cell] = False
        self._enter(cell, -1)

    def hide(self, cell: int) -> None:
        """Hide a cell, unless it is hidden."""
        if not self._hidden[cell]:
            self._hidden[cell] = self.hidden[cell] = True
            self._enter(cell)
