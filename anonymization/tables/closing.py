"""Secondary suppression from the sums: hide what tells by itself, then repair what stays narrow.

Here: a closure over single sums, made smaller and closed again under the cuts of narrow cells
(``closure``, ``polish``, ``cuts``), and then repairs of what stays narrow, each by a programme
over one neighbourhood, at a slowly rising reward. Between repairs the whole block is looked at:
what one of them opens makes many others needless. Not here: which sums hold (``sums``), the search
that knows of intervals only (``secondary``) and the judgement of the result (``audit``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.closure import Closure
from anonymization.tables.cuts import Separation
from anonymization.tables.polish import polish, thin
from anonymization.tables.vicinity import Locality

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Ints
    from anonymization.tables.secondary import Search

TRIES = 8  # of the local search per hidden cell, each time
ROUNDS = 4  # of cuts
REWARDS = (0.5, 1.0, 2.0, 4.0)
REPEATS = 6


def _closure(search: Search, sums: pl.DataFrame, ids: pl.Series) -> Closure:
    """The sums around a search's pattern."""
    who, second = search.attackers[0], search.attackers[1]
    reach = np.where(np.isfinite(who.reach_up), who.reach_up, 0.0)
    return Closure(
        sums,
        ids,
        search.value,
        np.where(who.concerned, np.maximum(who.width, reach), 0.0),
        search.weight,
        (second.low, second.high),
        search.publishable,
        search.hidden,
    )


def _close(search: Search, closure: Closure) -> None:
    """Hide until no sum tells anything by itself, groups of cells together."""
    while len(added := closure.close()):
        before = search.hidden.copy()
        search.hide(_mask(search, added))
        for cell in np.flatnonzero(search.hidden & ~before).tolist():
            closure.hide(cell)


def _mask(search: Search, cells: Ints) -> Bools:
    found = np.zeros(len(search.hidden), dtype=bool)
    found[cells] = True
    return found


def _refine(search: Search, closure: Closure, rng: np.random.Generator) -> None:
    """Make a closed pattern smaller, and close it again under the cuts of its narrow cells."""
    for turn in range(ROUNDS + 1):
        thin(closure)
        polish(closure, TRIES, rng)
        search.begin(closure.hidden)
        if turn == ROUNDS:
            return
        found = 0
        for attacker in _order(search):
            open_cells = search.narrow(attacker, search.unmet(attacker))
            found += Separation(search, attacker, closure).separate(
                search.needs[attacker], open_cells
            )
        if not found:
            return
        closure.close()


def _order(search: Search) -> list[int]:
    """Who knows most first: what it holds possible, the others do too."""
    who = search.attackers
    return sorted(range(len(who)), key=lambda k: (who[k].guesses, who[k].name), reverse=True)


def _repair_once(search: Search, attacker: int, pending: Ints, reward: float) -> int:
    """Repair narrow cells neighbourhood by neighbourhood; the number of cells newly hidden."""
    rng = np.random.default_rng(attacker)
    done = np.zeros(len(search.hidden), dtype=bool)
    fresh = 0
    while len(todo := pending[~done[pending]]):
        place = Locality(search, attacker, int(todo[0]))
        mine = pending[place.inside[pending] | (pending == todo[0])]
        fresh += place.repair(mine, reward, rng.random(len(mine)) < 0.5)
        done |= place.inside
        done[todo[0]] = True
        pending = np.intersect1d(pending, search.unmet(attacker))
    return fresh


def _repair(search: Search) -> None:
    """Repair until all but what no neighbourhood repairs is wide enough."""
    for reward in REWARDS:
        # At each reward narrow cells are followed to their ends once, then only until all are.
        narrow: dict[int, Ints] = {}
        for _ in range(REPEATS):
            fresh = 0
            for attacker in _order(search):
                narrow[attacker] = search.narrow(attacker, narrow.get(attacker))
                fresh += _repair_once(search, attacker, narrow[attacker], reward)
            if not any(len(cells) for cells in narrow.values()):
                return
            if not fresh:
                break
    for attacker in _order(search):
        for cell in search.narrow(attacker).tolist():
            if not search.needs[attacker].met()[cell]:
                Locality(search, attacker, cell).repair_alone(cell)


def nearly_safe(search: Search, sums: pl.DataFrame, ids: pl.Series, seed: int = 0) -> None:
    """Hide what makes all but few cells wide enough; the search over the whole does the rest.

    Args:
        search: A search whose unsafe cells are hidden; its pattern grows in place.
        sums: Cells that add up to another; those of other blocks are passed over.
        ids: Ids of the block's cells.
        seed: Of the local search.
    """
    own = sums.filter(pl.col("whole_id").is_in(ids.implode()))
    if own.height:
        closure = _closure(search, own, ids)
        _close(search, closure)
        # Cells that are hidden together would have to be shown together.
        if len(np.unique(search.group)) == len(search.group):
            _refine(search, closure, np.random.default_rng(seed))
    _repair(search)
