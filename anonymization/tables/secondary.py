"""Secondary suppression: what must be hidden beside the unsafe cells, at the least loss.

Here: the search for a pattern in one block, which ways are tried, and the cheaper one. One begins
with what single sums tell (``closing``). The other knows of intervals only: all narrow cells are
repaired together at a slowly rising reward, what is left one by one, and then hidden cells are
shown again where nobody learns from it. Every cell that is hidden must be protected too, so
repairing all of them from the start hides ever more. So it takes two steps: a pattern that protects
the small counts alone, made as small as it gets, is completed to what the policy asks. Not here:
the judgement of the result, which is the audit's alone (``audit``).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anonymization.tables.attackers import Attacker, attackers
from anonymization.tables.closing import nearly_safe
from anonymization.tables.errors import ProtectionError
from anonymization.tables.exact import SAME, least
from anonymization.tables.intervals import Need, Polytope, prove
from anonymization.tables.matrix import LARGE
from anonymization.tables.prune import show_again
from anonymization.tables.repair import Moves, Origin, distances
from anonymization.tables.sums import sums_in

if TYPE_CHECKING:
    import polars as pl

    from anonymization.tables.matrix import Block, Bools, Floats, Ints
    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.primary import Requirement

REWARDS = tuple(0.2 * 1.5**step for step in range(9))
COMPARED = 1000  # cells up to which other ways are tried too: beyond, they were rarely cheaper
REPEATS = 12
FEW = 500  # cells up to which a closed pattern that is not proven is drawn again
DRAWS = 2
TIE = 1e-3


@dataclass(frozen=True)
class Pattern:
    """What is hidden in a block, and how far that is from the least.

    Attributes:
        hidden: Whether each cell of the block is hidden.
        cost: Weight of what is hidden beside the cells that must be.
        least: No safe pattern costs less; null where that was not sought.
        reason: Why the cost is not proven to be the least (too_large | magnitudes | rounds |
            nodes); null where it is.
    """

    hidden: Bools
    cost: float
    least: float | None
    reason: str | None


def _agreed(block: Block, value: Floats) -> Floats:
    """A value for every unknown that agrees with all cells."""
    matrix = block.matrix
    alone = np.flatnonzero(np.diff(matrix.indptr) == 1)
    alone = alone[matrix.data[matrix.indptr[alone]] == 1.0]
    found = np.full(matrix.shape[1], np.nan)
    found[matrix.indices[matrix.indptr[alone]]] = value[alone]
    off = np.abs(matrix @ found - value).max(initial=0.0)
    if not np.isnan(found).any() and off <= 1e-6 and (found <= block.upper + 1e-6).all():
        return found
    reach = np.abs(value).max() + 1.0
    return Polytope(matrix, value, value, block.upper, reach).unknowns()


class Search:
    """The state of one block's search.

    Args:
        block: The block.
        cells: The system's cells.
        required: Requirements of the block's cells.
    """

    def __init__(self, block: Block, cells: pl.DataFrame, required: Requirement) -> None:
        cells = cells[block.cell]
        value = cells["value"].to_numpy()
        publishable = cells["publishable"].to_numpy()
        weight = cells["weight"].to_numpy()
        _, self.group = np.unique(cells["group"].to_numpy(), return_inverse=True)
        self.block, self.value, self.publishable = block, value, publishable
        self.weight = weight
        self.worth = float(np.median(weight))
        self.ask = np.maximum(required.width, 1.0)
        # Of cells that are worth the same, the first by id gives way.
        tie = 1.0 + TIE * np.arange(len(value)) / len(value)
        self.by_column = block.matrix.tocsc()
        self.origin = Origin(block, _agreed(block, value), value, weight * tie / self.ask)
        self.attackers: tuple[Attacker, ...] = attackers(required)
        self.needs: tuple[Need, ...] = tuple(a.need(value, value) for a in self.attackers)
        self._moves: dict[int, Moves] = {}
        self.hidden = ~publishable
        self.hide(required.unsafe)
        self.fixed = self.hidden.copy()

    @property
    def cost(self) -> float:
        """Weight of what is hidden beside the cells that must be."""
        return float(self.weight[self.hidden & ~self.fixed].sum())

    def fork(self) -> Search:
        """A search of its own, from the present pattern on, of which nothing is proven yet."""
        found = copy(self)
        found.begin(self.hidden)
        return found

    def hide(self, cells: Bools) -> int:
        """Hide the groups of some cells; the number of cells newly hidden."""
        opened = np.isin(self.group, self.group[cells & ~(self.hidden & ~self.publishable)])
        opened |= np.isin(self.group, self.group[cells & ~self.publishable])
        opened &= ~self.hidden
        self.hidden |= opened
        return int(opened.sum())

    def moves(self, attacker: int) -> Moves:
        """The repairs against one attacker; forks share them, for each says what it hides."""
        if attacker not in self._moves:
            self._moves[attacker] = Moves(self.origin, self.attackers[attacker])
        return self._moves[attacker]

    def unmet(self, attacker: int) -> Ints:
        """Hidden cells whose interval is not proven yet."""
        targets = self.attackers[attacker].targets(self.hidden)
        return targets[~self.needs[attacker].met()[targets]]

    def begin(self, hidden: Bools) -> None:
        """Turn to another pattern, of which nothing is proven yet."""
        self.hidden = hidden.copy()
        self.needs = tuple(a.need(self.value, self.value) for a in self.attackers)

    def narrow(self, attacker: int, given_up: Ints | None = None) -> Ints:
        """Hidden cells whose interval is too narrow; the others are proven.

        Args:
            attacker: Index of the attacker.
            given_up: Cells that are taken to be narrow unless shared programmes prove them.
        """
        left = self._left_to(attacker)
        return prove(left, self.needs[attacker], self.unmet(attacker), given_up)

    def _left_to(self, attacker: int) -> Polytope:
        near = self.block.links is not None
        return self.attackers[attacker].polytope(self.block, self.value, self.hidden, near=near)

    def apply(self, attacker: int, change: Floats) -> int:
        """Take a move as witness and hide what it moves."""
        who = self.attackers[attacker]
        for other, need in zip(self.attackers, self.needs, strict=True):
            if who.knows_no_less_than(other):
                need.witness(self.value + change)
        return self.hide((change != 0) & ~self.hidden)


def _together(search: Search, attacker: int) -> None:
    """Repair all cells at once, the cheapest gains first."""
    rng = np.random.default_rng(attacker)
    for reward in REWARDS:
        for _ in range(REPEATS):
            cells = search.unmet(attacker)
            up, down = distances(search.origin, search.needs[attacker], cells)
            upwards = rng.random(len(cells)) < 0.5
            upwards = np.where(down <= 0, True, np.where(up <= 0, False, upwards))
            # A count that must reach the threshold has to rise; a complement has to fall.
            upwards |= np.isfinite(search.attackers[attacker].reach_up[cells]) & (up > 0)
            distance = np.where(upwards, up, -down)
            cells, distance = cells[distance != 0], distance[distance != 0]
            if len(cells) == 0:
                return
            gain = reward * search.worth / search.ask[cells]
            change, _ = search.moves(attacker).cheapest(search.hidden, cells, distance, gain)
            if not search.apply(attacker, change):
                break


def _alone(search: Search, attacker: int, cell: int) -> None:
    """Repair one cell, whatever it costs.

    Raises:
        ProtectionError: The cell stays too narrow even with everything around it hidden.
    """
    cells, need = np.array([cell]), search.needs[attacker]
    reward = np.array([2.0 * search.origin.price.sum() + 1.0])
    found: list[tuple[float, Floats]] = []
    up, down = distances(search.origin, need, cells)
    for distance in (up, -down):
        if distance[0] == 0:
            continue
        change, cost = search.moves(attacker).cheapest(search.hidden, cells, distance, reward)
        reached = np.abs(change[cell] - distance[0]) <= 1e-6
        if reached and cost == 0:
            # The other way cannot be cheaper.
            search.apply(attacker, change)
            if need.met()[cell]:
                return
        found.append((cost if reached else np.inf, change))
    found.sort(key=lambda option: option[0])
    for _, change in found:
        search.apply(attacker, change)
        if need.met()[cell]:
            return
    raise ProtectionError(
        f"a block of {len(search.value)} cells: expected a pattern that the audit accepts, but a "
        f"hidden cell stays too narrow for the {search.attackers[attacker].name} attacker. "
        "Publish less of this table, merge groups, or relax its policy."
    )


def find_pattern(
    block: Block,
    cells: pl.DataFrame,
    required: Requirement,
    policy: TablePolicy,
    sums: pl.DataFrame,
) -> Pattern:
    """Hidden cells of one block: the unsafe ones, those never published, and their protection.

    Args:
        block: The block.
        cells: The system's cells.
        required: Requirements of the block's cells.
        policy: Bounds the effort spent on showing cells again.
        sums: The system's sums, where it names them.

    Raises:
        ProtectionError: No pattern is safe.
        InconsistentTableError: The cells contradict each other or the public bounds.
    """
    begun = Search(block, cells, required)
    if not (begun.hidden & required.owed).any():
        return Pattern(begun.hidden, 0.0, 0.0, None)
    size, ids = block.matrix.shape[0], cells["cell_id"][block.cell]
    if size > LARGE:
        nearly_safe(begun, sums, ids)
        _finish(begun)
        return Pattern(begun.hidden, begun.cost, None, "too_large")
    own = sums_in(block.matrix, ids)
    best = _closed(begun, own, ids, policy)
    near, bound, reason = begun.fork(), 0.0, _not_exact(size, cells[block.cell], policy)
    sought = reason is None
    if sought:
        found = least(begun, best.cost)
        if found.proven:
            return Pattern(found.hidden, found.cost, found.bound, None)
        # Near the least, though not safe yet: the repairs go on from there.
        near.hidden, bound, reason = found.hidden.copy(), max(found.bound, 0.0), found.reason
    if best.cost > bound + SAME and (sought or not _closes_well(begun, cells[block.cell])):
        small = Search(block, cells, required.of_unsafe())
        draws = range(1, DRAWS if size <= FEW else 1)
        ways = [_closed(begun, own, ids, policy, draw) for draw in draws]
        ways = [_cheapest(near, small, policy, bound), best, *ways]
        best = min(ways, key=lambda pattern: pattern.cost)
    if not sought:
        return Pattern(best.hidden, best.cost, None, reason)
    return Pattern(best.hidden, best.cost, bound, reason if best.cost > bound + SAME else None)


def _closed(
    search: Search, sums: pl.DataFrame, ids: pl.Series, policy: TablePolicy, draw: int = 0
) -> Search:
    """A safe pattern that begins with what single sums tell."""
    found = search.fork()
    nearly_safe(found, sums, ids, draw)
    _complete(found, policy)
    return found


def _closes_well(search: Search, cells: pl.DataFrame) -> bool:
    """Whether no other search is worth its time: in many counts that are hidden one by one."""
    alone = len(np.unique(search.group)) == len(search.group)
    return len(search.value) > COMPARED and alone and not cells["magnitude"].any()


def _cheapest(search: Search, small: Search, policy: TablePolicy, bound: float) -> Search:
    """The cheaper of two safe patterns: in one step, or with the small counts first.

    Args:
        search: The search so far.
        small: The same for what the unsafe cells alone ask.
        policy: Bounds the effort spent on showing cells again.
        bound: No safe pattern costs less, so one that costs as much ends the search.

    Raises:
        ProtectionError: No pattern is safe.
    """
    small.hidden |= search.hidden
    _complete(small, policy)
    staged = search.fork()
    staged.hidden |= small.hidden
    _complete(staged, policy)
    if len(search.value) > COMPARED or staged.cost <= bound + SAME:
        return staged
    _complete(search, policy)
    return min(search, staged, key=lambda found: found.cost)


def _complete(search: Search, policy: TablePolicy) -> None:
    _finish(search)
    show_again(search, policy.redundancy_tests)


def _not_exact(size: int, cells: pl.DataFrame, policy: TablePolicy) -> str | None:
    """Why the least pattern of a block is not sought; null if it is."""
    if size > policy.exact_cells:
        return "too_large"
    # Repairs move a magnitude by its whole width one way, which is more than is asked.
    return "magnitudes" if cells["magnitude"].any() else None


def _finish(search: Search) -> None:
    """Repair until every interval is proven over the whole block.

    Raises:
        ProtectionError: No pattern is safe.
    """
    while any(len(search.unmet(a)) for a in range(len(search.attackers))):
        for attacker in range(len(search.attackers)):
            if len(search.narrow(attacker)):
                _together(search, attacker)
            for cell in search.narrow(attacker):
                if not search.needs[attacker].met()[cell]:
                    _alone(search, attacker, int(cell))
