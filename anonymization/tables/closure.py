"""A first pattern: nothing that is known to tell may tell.

Here: a greedy closure of two kinds of conditions. A sum with one hidden cell gives it away. So does
a shown sum whose hidden parts add up to less than a hidden part must be able to reach, or to the
most or the least that a reader knows they can be (two counts below five that make eight are four
and four). And a cut (``cuts``) says of which cells enough must be hidden for another one to
be wide enough. Whatever tells hides one more of its cells: the one that opens the fewest sums
beyond those it mends, then the cheapest. Not here: how the pattern is made smaller (``polish``),
what follows from several sums together (``closing``), and the judgement (``audit``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from anonymization.tables.matrix import Bools, Floats, Ints

FAR = 1e9  # stands for no end, so that sums can be counted up and down
ENOUGH = 1.0 - 1e-7


def even(_: int) -> float:
    """Every cell is worth what it costs."""
    return 1.0


class Closure:
    """The sums of a system, what is hidden in each of them, and the cuts found.

    Args:
        sums: The system's sums.
        ids: Ids of all cells, sorted.
        value: Value of each cell.
        ask: What a hidden cell's interval must be able to span or reach; 0 where it may be found
            out.
        cost: What hiding each cell costs.
        known: What the second attacker knows of each cell when it is hidden, lower and upper end;
            infinite where nothing.
        may: Cells that may be hidden beside the unsafe ones.
        hidden: Cells that are hidden and stay so.

    Attributes:
        cost: What is hidden beside these.
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
        # Plain lists: the search looks at single numbers, millions of times.
        self._cost, self._may = cost.tolist(), may.tolist()
        self.value, self._ask = np.abs(value).tolist(), ask.tolist()
        self._most = float(ask.max(initial=0.0))
        # How far a cell may fall and rise in the second attacker's eyes.
        self._fall = (np.abs(value) - np.maximum(known[0], 0.0)).tolist()
        self._rise = np.minimum(known[1] - value, FAR).tolist()
        self._hidden: list[bool] = [False] * len(ids)
        self.stays: list[bool] = hidden.tolist()
        self.cost = 0.0
        size = len(self.whole)
        self._count = [0] * size
        self._room, self._falls, self._rises = [0.0] * size, [0.0] * size, [0.0] * size
        self._cuts: list[list[int]] = []
        self._target: list[int] = []
        self._level: list[float] = []
        self._known: set[tuple[int, bytes, bytes]] = set()
        self._shares: list[list[tuple[int, float]]] = [[] for _ in range(len(ids))]
        self._asks: dict[int, list[int]] = {}
        self.log: list[tuple[int, bool]] = []
        for cell in np.flatnonzero(hidden).tolist():
            self._set(cell, True)

    @property
    def hidden(self) -> Bools:
        """Cells that are hidden."""
        return np.asarray(self._hidden)

    def is_hidden(self, cell: int) -> bool:
        """Whether a cell is hidden."""
        return self._hidden[cell]

    def _count_in(self, cell: int, total: int, by: int) -> None:
        """Count a cell among the hidden ones of a sum, or no longer (by = −1)."""
        self._count[total] += by
        if cell != self.whole[total]:
            self._room[total] += by * self.value[cell]
            self._falls[total] += by * self._fall[cell]
            self._rises[total] += by * self._rise[cell]

    def _set(self, cell: int, hide: bool) -> None:
        by = 1 if hide else -1
        self._hidden[cell] = hide
        if not self.stays[cell]:
            self.cost += by * self._cost[cell]
        for total in self.sums_of[cell]:
            self._count_in(cell, total, by)
        for cut, share in self._shares[cell]:
            self._level[cut] += by * share

    def hide(self, cell: int) -> None:
        """Hide a cell, unless it is hidden."""
        if not self._hidden[cell]:
            self._set(cell, True)
            self.log.append((cell, True))

    def show(self, cell: int) -> None:
        """Show a hidden cell again."""
        self._set(cell, False)
        self.log.append((cell, False))

    def undo(self) -> None:
        """Take back what the log holds."""
        while self.log:
            cell, hid = self.log.pop()
            self._set(cell, not hid)

    def tells(self, total: int) -> bool:
        """Whether a sum alone gives a hidden cell away."""
        count, hidden = self._count[total], self._hidden
        if not count or (count > 1 and hidden[self.whole[total]]):
            return False
        alone = count == 1 or min(self._falls[total], self._rises[total]) < 1.0
        room = 0.0 if alone else self._room[total]
        if room >= self._most:
            return False
        asked: float = max(self._ask[c] for c in self.members[total] if hidden[c])
        return room < asked

    def add_cut(self, target: int, cells: Ints, shares: Floats) -> bool:
        """Add a cut; whether it is a new one.

        Args:
            target: While this cell is hidden,
            cells: of these cells as many must be hidden
            shares: that their shares add up to one.
        """
        key = (-1 if self.stays[target] else target, cells.tobytes(), shares.round(5).tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        cut = len(self._level)
        self._cuts.append(cells.tolist())
        self._target.append(target)
        self._level.append(float(shares @ self.hidden[cells]))
        for cell, share in zip(cells.tolist(), shares.tolist(), strict=True):
            self._shares[cell].append((cut, share))
        if not self.stays[target]:
            self._asks.setdefault(target, []).append(cut)
        return True

    def _fails(self, cut: int) -> bool:
        return self._level[cut] < ENOUGH and self._hidden[self._target[cut]]

    def _rank(self, cell: int, worth: float) -> tuple[float, float, int]:
        opened = 0.0
        for total in self.sums_of[cell]:
            if self._count[total] == 0:
                opened += 1.0
            elif self.tells(total):
                self._hidden[cell] = True
                self._count_in(cell, total, 1)
                opened -= not self.tells(total)
                self._hidden[cell] = False
                self._count_in(cell, total, -1)
        for cut, share in self._shares[cell]:
            if self._fails(cut):
                opened -= min(share, 1.0 - self._level[cut])
        # A zero moves one way only and lets little through.
        worth *= self._cost[cell] * (1.0 if self.value[cell] else 3.0)
        return (opened * worth if opened > 0 else opened / worth, self.value[cell], cell)

    def close(
        self,
        sums: Iterable[int] | None = None,
        cuts: Iterable[int] | None = None,
        worth: Callable[[int], float] = even,
    ) -> Ints:
        """Hide cells until nothing tells; the cells newly hidden.

        What has nothing left that may be hidden is left as it is: the repair deals with it.

        Args:
            sums: Sums to begin with; by default all.
            cuts: Cuts to begin with; by default all.
            worth: A factor of each cell's cost.
        """
        start = range(len(self.whole)) if sums is None else sums
        given = range(len(self._level)) if cuts is None else cuts
        heap = [(len(self.members[t]), False, t) for t in start if self.tells(t)]
        heap += [(len(self._cuts[t]), True, t) for t in given if self._fails(t)]
        heapify(heap)
        added: list[int] = []
        while heap:
            _, is_cut, place = heappop(heap)
            if not (self._fails(place) if is_cut else self.tells(place)):
                continue
            cells = self._cuts[place] if is_cut else self.members[place]
            free = [c for c in cells if not self._hidden[c] and self._may[c]]
            if not free:
                continue
            cell = min(free, key=lambda c: self._rank(c, worth(c)))
            self.hide(cell)
            added.append(cell)
            for other in self.sums_of[cell]:
                if self.tells(other):
                    heappush(heap, (len(self.members[other]), False, other))
            for cut in [*self._asks.get(cell, ()), *([place] if is_cut else ())]:
                if self._fails(cut):
                    heappush(heap, (len(self._cuts[cut]), True, cut))
        return np.asarray(added, dtype=np.int64)

    def cuts_of(self, cell: int) -> list[int]:
        """Cuts in which a cell has a share."""
        return [cut for cut, _ in self._shares[cell]]

    def could_show(self, cell: int) -> bool:
        """Whether nothing would tell if this hidden cell were shown."""
        if self.stays[cell]:
            return False
        for cut, share in self._shares[cell]:
            target = self._target[cut]
            if self._level[cut] - share < ENOUGH and self._hidden[target] and target != cell:
                return False
        self._hidden[cell] = False
        telling = False
        for total in self.sums_of[cell]:
            self._count_in(cell, total, -1)
            telling = telling or self.tells(total)
        for total in self.sums_of[cell]:
            self._count_in(cell, total, 1)
        self._hidden[cell] = True
        return not telling

    def drop(self, cells: Iterable[int]) -> None:
        """Show again, in this order, what can be shown."""
        for cell in cells:
            if self._hidden[cell] and self.could_show(cell):
                self.show(cell)
