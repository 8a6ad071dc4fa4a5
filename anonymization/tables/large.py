"""Secondary suppression in blocks too large for programmes over the whole.

Here: a closure over single sums (``closure``), proofs neighbourhood by neighbourhood
(``vicinity``), and repairs of what stays narrow by programmes over one neighbourhood each. Not
here: the search in small blocks (``secondary``) and the judgement of the result (``audit``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.closure import Closure
from anonymization.tables.matrix import Block
from anonymization.tables.repair import Moves, Origin, distances
from anonymization.tables.vicinity import Ground, around, prove_nearby

if TYPE_CHECKING:
    from anonymization.tables.attackers import Attacker
    from anonymization.tables.matrix import Bools, Ints
    from anonymization.tables.secondary import Search

REWARDS = (0.5, 1.5, 4.5)
REPEATS = 6
ROUNDS = 2
REPAIRED = 500  # unknowns of a neighbourhood in which cells are repaired together
ALONE = 2000  # unknowns of the neighbourhood of a cell that is repaired alone
WHATEVER = 1e5  # a reward beyond any cost


def ground(search: Search, attacker: Attacker) -> Ground:
    """What one attacker knows of the present pattern, around the true values."""
    return Ground(
        search.block.matrix,
        np.where(search.hidden, attacker.low, search.value),
        np.where(search.hidden, attacker.high, search.value),
        search.block.upper,
        search.origin.unknowns,
    )


def _close(search: Search, sums: pl.DataFrame, ids: pl.Series) -> None:
    """Hide until no sum tells anything by itself."""
    who = search.attackers[0]
    second = search.attackers[1]
    reach = np.where(np.isfinite(who.reach_up), who.reach_up, 0.0)
    closure = Closure(
        sums,
        ids,
        search.value,
        np.maximum(who.width, reach),
        search.weight,
        (second.low, second.high),
        search.publishable,
        search.hidden,
    )
    while len(added := closure.close()):
        # Cells of one group are hidden together.
        before = search.hidden.copy()
        search.hide(_mask(search, added))
        together = np.flatnonzero(search.hidden & ~before)
        search.hidden[together] = False
        for cell in together.tolist():
            closure.hide(cell)
        if not len(together):
            break


def _mask(search: Search, cells: Ints) -> Bools:
    found = np.zeros(len(search.hidden), dtype=bool)
    found[cells] = True
    return found


class Locality:
    """One neighbourhood of a search, in which narrow cells are repaired.

    Args:
        search: The search.
        attacker: Index of the attacker.
        cell: The cell around which it lies.
        limit: Unknowns that it is to have.
    """

    def __init__(self, search: Search, attacker: int, cell: int, limit: int) -> None:
        matrix = search.block.matrix
        every = np.ones(matrix.shape[1], dtype=bool)
        told = np.diff(matrix.indptr) > 1
        self.columns = around(matrix, search.by_column, cell, told, every, limit)
        self._moving = search.by_column[:, self.columns].tocsr()
        size = np.diff(self._moving.indptr)
        self.rows = np.flatnonzero(size)
        self.inside: Bools = size == np.diff(matrix.indptr)
        self._search, self._attacker = search, attacker
        block = search.block
        part = Block(
            block.cell[self.rows],
            self._moving[self.rows],
            block.upper[self.columns],
            block.lowest[self.rows],
            block.highest[self.rows],
            block.most[self.rows],
        )
        origin = Origin(
            part,
            search.origin.unknowns[self.columns],
            search.value[self.rows],
            search.origin.price[self.rows],
        )
        who = search.attackers[attacker]
        names = ("low", "high", "width", "reach_up", "reach_down", "concerned", "integer")
        known = replace(who, **{name: getattr(who, name)[self.rows] for name in names})
        self._moves = Moves(origin, known)

    def repair(self, pending: Ints, reward: float, upwards: Bools) -> int:
        """Repair pending cells of this neighbourhood; the number of cells newly hidden."""
        search, rows = self._search, self.rows
        need = search.needs[self._attacker]
        up, down = distances(search.origin, need, pending)
        upwards = np.where(down <= 0, True, np.where(up <= 0, False, upwards))
        upwards |= np.isfinite(search.attackers[self._attacker].reach_up[pending]) & (up > 0)
        distance = np.where(upwards, up, -down)
        cells, distance = pending[distance != 0], distance[distance != 0]
        if not len(cells):
            return 0
        gain = reward * search.worth / search.ask[cells]
        change = np.zeros(len(search.value))
        change[rows], _ = self._moves.cheapest(
            search.hidden[rows], np.searchsorted(rows, cells), distance, gain
        )
        return search.apply(self._attacker, change)


def _repair_all(search: Search, attacker: int) -> Ints:
    """Repair narrow cells neighbourhood by neighbourhood; those that stay narrow."""
    who, need = search.attackers[attacker], search.needs[attacker]
    prove_nearby(ground(search, who), need, search.unmet(attacker))
    pending = search.unmet(attacker)
    rng = np.random.default_rng(attacker)
    done = np.zeros(len(search.hidden), dtype=bool)
    while len(todo := pending[~done[pending]]):
        place = Locality(search, attacker, int(todo[0]), REPAIRED)
        for reward in REWARDS:
            for _ in range(REPEATS):
                mine = pending[place.inside[pending] | (pending == todo[0])]
                if not len(mine):
                    break
                fresh = place.repair(mine, reward, rng.random(len(mine)) < 0.5)
                pending = search.unmet(attacker)
                if not fresh:
                    break
        done |= place.inside
        done[todo[0]] = True
    return search.unmet(attacker)


def _repair_alone(search: Search, attacker: int) -> None:
    """Repair each cell that is still narrow, whatever it costs, if its surroundings allow it."""
    for cell in search.unmet(attacker).tolist():
        place = Locality(search, attacker, cell, ALONE)
        for upwards in (True, False):
            if not search.needs[attacker].met()[cell]:
                place.repair(np.array([cell]), WHATEVER, np.array([upwards]))


def nearly_safe(search: Search, sums: pl.DataFrame, ids: pl.Series) -> None:
    """Hide what makes all but few cells wide enough; the search over the whole does the rest.

    Args:
        search: A search whose unsafe cells are hidden; its pattern grows in place.
        sums: The system's sums; empty if none are named.
        ids: Ids of the block's cells.
    """
    own = sums.filter(pl.col("whole_id").is_in(ids.implode()))
    if own.height:
        _close(search, own, ids)
    # Who knows most first: what it holds possible, the others do too.
    order = sorted(
        range(len(search.attackers)),
        key=lambda k: (search.attackers[k].guesses, search.attackers[k].name),
        reverse=True,
    )
    for _ in range(ROUNDS):
        for attacker in order:
            _repair_all(search, attacker)
        if not any(len(search.unmet(attacker)) for attacker in order):
            return
    for attacker in order:
        _repair_alone(search, attacker)
