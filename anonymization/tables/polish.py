"""A closed pattern made smaller: parts of it are taken back and closed anew.

Here: a local search (destroy and repair, after Shaw, "Using constraint programming and local search
methods to solve vehicle routing problems", 1998): a few hidden cells that share sums are shown, the
closure mends what then tells with somewhat shaken ranks, what became needless is shown, and the new
pattern is kept unless it costs more. Not here: the conditions (``closure``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anonymization.tables.closure import Closure

SUMS = 3  # sums of a cell that are taken back with it, at most
CELLS = 12  # hidden cells of each of them
SHAKEN = 0.3
SAME = 1e-9


def _free(closure: Closure) -> list[int]:
    return [c for c in np.flatnonzero(closure.hidden).tolist() if not closure.stays[c]]


def thin(closure: Closure) -> None:
    """Show again what can be shown, the smallest values first."""
    closure.drop(sorted(_free(closure), key=lambda cell: (closure.value[cell], cell)))


def polish(closure: Closure, tries: int, rng: np.random.Generator) -> None:
    """Make the pattern cheaper where that is found within so many tries per hidden cell."""
    candidates = _free(closure)
    for _ in range(tries * len(candidates)):
        start = candidates[int(rng.random() * len(candidates))]
        if not closure.is_hidden(start):
            continue
        closure.log.clear()
        before = closure.cost
        _anew(closure, start, rng)
        if closure.cost > before + SAME:
            closure.undo()
            continue
        candidates += [cell for cell, hid in closure.log if hid and closure.is_hidden(cell)]
    closure.log.clear()


def _anew(closure: Closure, start: int, rng: np.random.Generator) -> None:
    """Show a cell and some around it, and close again."""
    sums = closure.sums_of[start]
    chosen = rng.permutation(len(sums))[: 1 + int(rng.random() * SUMS)]
    out = {start: None}
    for total in (sums[k] for k in chosen):
        hidden = [
            c for c in closure.members[total] if closure.is_hidden(c) and not closure.stays[c]
        ]
        out |= dict.fromkeys(hidden[:CELLS])
    for cell in out:
        closure.show(cell)
    touched = sorted({total for cell in out for total in closure.sums_of[cell]})
    cuts = sorted({cut for cell in out for cut in closure.cuts_of(cell)})
    closure.close(touched, cuts, lambda _: 1.0 + SHAKEN * (2.0 * rng.random() - 1.0))
    near = dict.fromkeys(c for total in touched for c in closure.members[total])
    beside = [c for c in near if closure.is_hidden(c) and not closure.stays[c]]
    closure.drop(beside[k] for k in rng.permutation(len(beside)))
