"""Two readers of a release: what each knows of a hidden cell, and what neither may learn.

Here: knowledge and requirement per attacker, and the polytope each is left with. Not here: how
intervals are proven (``intervals``).

The first attacker knows that base values are ≥ 0, and that they and cells are within the public
bounds. The second also knows of hidden cells, which it can tell to be primary, that they lie from 1
to the threshold − 1. Both guess, and guess right, the cells that can be guessed; these are
protected from both as they are without a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from anonymization.tables.intervals import Need, Polytope

if TYPE_CHECKING:
    from anonymization.tables.matrix import Block, Bools, Floats, Ints
    from anonymization.tables.primary import Requirement


@dataclass(frozen=True)
class Attacker:
    """What one attacker knows of hidden cells, and how wide its intervals must stay.

    Attributes:
        name: ``first`` or ``second``.
        guesses: It knows the guessed cells' values.
        low, high: Known ends of a cell when it is hidden; infinite if nothing is known. Only of
            cells that must be hidden is more known than holds for everybody.
        width, reach_up, reach_down: Required of the interval.
        concerned: Cells that must be protected from this attacker when hidden.
        integer: Cells of which only whole values count.
    """

    name: str
    guesses: bool
    low: Floats
    high: Floats
    width: Floats
    reach_up: Floats
    reach_down: Floats
    concerned: Bools
    integer: Bools

    def targets(self, hidden: Bools) -> Ints:
        """Hidden cells that must be protected from this attacker."""
        return np.flatnonzero(hidden & self.concerned)

    def knows_no_less_than(self, other: Attacker) -> bool:
        """Whether all that this attacker holds possible the other one does too."""
        return self.name >= other.name and self.guesses >= other.guesses

    def need(self, low: Floats, high: Floats) -> Need:
        """Requirements, with intervals that start from points known to be feasible."""
        return Need(
            self.width, self.reach_up, self.reach_down, self.integer, low.copy(), high.copy()
        )

    def polytope(
        self,
        block: Block,
        value: Floats,
        hidden: Bools,
        loose: Bools | None = None,
        bounded: bool = True,
        near: bool = False,
    ) -> Polytope:
        """What this attacker is left with, computed from the values of shown cells only.

        Args:
            block: The block.
            value: The cells' values; those of hidden cells are not read.
            hidden: Cells that are not shown.
            loose: Hidden cells that may later be pinned to a value.
            bounded: Cut unknowns without any upper bound far above every requirement.
            near: Keep hidden cells within twice the widest requirement of their values, as whoever
                knows these may do to find points sooner.
        """
        shown = np.abs(np.where(hidden, 0.0, value))
        ask = np.maximum(self.width, np.where(np.isfinite(self.reach_up), self.reach_up, 0.0))
        reach = 10.0 * (shown.max(initial=0.0) + ask.max(initial=0.0)) + 1000.0
        far = 2.0 * ask.max(initial=0.0) if near else np.inf
        return Polytope(
            block.matrix,
            np.where(hidden, np.maximum(self.low, value - far), value),
            np.where(hidden, np.minimum(self.high, value + far), value),
            block.upper,
            reach if bounded else np.inf,
            loose,
            block.links,
        )


def attackers(required: Requirement) -> tuple[Attacker, ...]:
    """The first and the second attacker of a block, and each without a guess where that matters."""
    nobody = np.full(len(required.width), np.inf)
    known = np.isfinite(required.known_low) | np.isfinite(required.known_high)
    guess = np.isfinite(required.guess)
    first = Attacker(
        "first",
        False,
        -nobody,
        required.most,
        required.width,
        required.reach_up,
        required.reach_down,
        required.owed,
        required.integer,
    )
    second = Attacker(
        "second",
        False,
        required.known_low,
        np.minimum(required.known_high, required.most),
        known.astype(np.float64),
        -nobody,
        nobody,
        known,
        required.integer,
    )
    guessing = [_guessing(who, required.guess) for who in (first, second)]
    ignorant = [replace(who, concerned=who.concerned & guess) for who in (first, second)]
    return (*guessing, *(who for who in ignorant if who.concerned.any()))


def _guessing(who: Attacker, guess: Floats) -> Attacker:
    """The attacker with the guessed cells' values, which it learns nothing by finding out."""
    told = np.isfinite(guess)
    return replace(
        who,
        guesses=True,
        low=np.where(told, guess, who.low),
        high=np.where(told, guess, who.high),
        concerned=who.concerned & ~told,
    )
