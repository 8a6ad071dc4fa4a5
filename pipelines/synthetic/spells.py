"""Where each person lives on a day, looked up for millions of events at once.

Belongs here: the residence spells as sorted arrays and the search in them. Does not belong
here: how persons move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.days import FAR, Bools, Ints

_WIDTH = 1 << 20


@dataclass(frozen=True)
class Spells:
    """Residence spells [begin, end), sorted by person and begin, cut at the person's death.

    ``drawn_end`` is the end before that cut (``FAR`` where open): what a register says, in which
    the last address of a dead person stays open.
    """

    person: Ints
    begin: Ints
    end: Ints
    drawn_end: Ints
    place: Ints

    @classmethod
    def build(cls, person: Ints, begin: Ints, end: Ints, place: Ints, death: Ints) -> Spells:
        """Sort spells and cut them at death.

        Args:
            person: Person index of each spell.
            begin: First day, inclusive.
            end: Day after the last, ``FAR`` where open.
            place: Place index.
            death: Day of death by person (``FAR`` while alive).
        """
        order = np.lexsort((begin, person))
        person, begin, end, place = person[order], begin[order], end[order], place[order]
        return cls(person, begin, np.minimum(end, death[person]), end, place)

    def find(self, person: Ints, days: Ints) -> Ints:
        """Row of the spell that holds each (person, day); -1 where there is none."""
        row = np.searchsorted(self.person * _WIDTH + self.begin, person * _WIDTH + days, "right")
        row = row - 1
        safe = np.maximum(row, 0)
        inside = (row >= 0) & (self.person[safe] == person) & (days < self.end[safe])
        return np.where(inside, row, -1)

    def place_on(self, person: Ints, days: Ints) -> Ints:
        """Place of each (person, day); -1 where the person is not resident or not alive."""
        row = self.find(person, days)
        return np.where(row >= 0, self.place[np.maximum(row, 0)], -1)

    def end_of(self, person: Ints, days: Ints) -> Ints:
        """End of the spell that holds each (person, day); the day itself where there is none."""
        row = self.find(person, days)
        return np.where(row >= 0, self.end[np.maximum(row, 0)], days)

    def residents(self, on: int) -> tuple[Ints, Ints]:
        """Persons and their places on a day."""
        held = (self.begin <= on) & (self.end > on)
        return self.person[held], self.place[held]


def without_overlap(person: Ints, begin: Ints, end: Ints) -> Bools:
    """Which intervals to keep so that no two of a person overlap or touch.

    Args:
        person: Person of each interval, in any order.
        begin: First day.
        end: Last day, inclusive (``FAR`` where open).

    Returns:
        True for an interval that begins after every earlier interval of the person has ended.
    """
    order = np.lexsort((end, begin, person))
    sorted_person, sorted_begin = person[order], begin[order]
    sorted_end = np.minimum(end[order], FAR)
    # A running maximum that starts afresh with each person: a person's block lies above the last.
    block = np.cumsum(np.r_[0, np.diff(sorted_person) != 0]) * (2 * FAR)
    reach = np.maximum.accumulate(sorted_end + block)
    before = np.r_[-FAR, reach[:-1]]
    keep = np.empty(person.shape, dtype=np.bool_)
    keep[order] = sorted_begin + block > before
    return keep
