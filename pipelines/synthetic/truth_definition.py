"""What the truth needs to know of an indicator.

Belongs here: the shape of a definition and the age groups that follow from it. Does not belong
here: any indicator's definition (``truth_definitions`` and the modules of its themes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipelines.synthetic.truth_persons import World

OPEN_AGE = 199
Measure = Callable[[World], pl.DataFrame]
ALL_AGES, ADULTS = (0, 18, 45, 67, 80), (18, 45, 67, 80)
FROM_16 = (16, 45, 67, 80)


@dataclass(frozen=True)
class Definition:
    """One indicator: measures, published age groups (lower bounds; empty: a flow), coverage.

    ``on_date`` indicators are covered on 31 December or not at all; the others by the share of
    the year's resident days. ``person_time``: the denominator is measured in days and counted in
    person-years. ``public``: the denominator is the public population: that of the register, or
    the journal's own count, which leaves graded persons out. ``oldest``: greatest age.
    ``wash_in_months``: how long a municipality must have been live on 31 December.
    """

    numerator: Measure
    denominator: Measure
    multiplier: int
    groups: tuple[int, ...]
    service: str
    on_date: bool = False
    person_time: bool = False
    public: bool = False
    oldest: int = OPEN_AGE
    wash_in_months: int = 0


def age_groups(definition: Definition) -> list[tuple[str, int, int]]:
    """Label, least and greatest age of ``total`` and of each published group."""
    low = min(definition.groups, default=0)
    groups = [("total", low, definition.oldest)]
    if len(definition.groups) > 1:
        ends = [*(after - 1 for after in definition.groups[1:]), definition.oldest]
        for start, end in zip(definition.groups, ends, strict=True):
            label = f"{start}+" if end == OPEN_AGE else f"{start}-{end}"
            groups.append((label, start, end))
    return groups
