"""Where areas lie in a funnel, and the curve of a funnel by numbers of events.

Belongs here: the judgement of areas beside an average, and the sizes at which so many events
just touch the limits. Does not belong here: limits for areas of given sizes (``funnels``).

Source: Public Health England, Technical guide: funnel plots for proportions, ratios and rates.
An area is outside where its own interval (Wilson's for a proportion, exact or Byar's of the
count for a rate or a ratio) does not hold the average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from pipelines.epidemiology.funnels import ALARM_LEVEL, WARNING_LEVEL, FunnelKind, funnel_limits
from pipelines.epidemiology.inputs import (
    Column,
    Flags,
    Floats,
    check_positive,
    checked,
    columns,
)
from pipelines.epidemiology.intervals import exact_poisson_limits, poisson_limits

FunnelPlace = Literal["low_998", "low_95", "inside", "high_95", "high_998"]


@dataclass(frozen=True, slots=True)
class FunnelCurve:
    """Sizes at which a number of events just touches the limits, and the figures there.

    Attributes:
        events: Numbers of events.
        lower_size_95: Denominator at which so many events touch the lower limit at 95 %.
        lower_95: The figure there.
        upper_size_95: Denominator at which they touch the upper limit at 95 %.
        upper_95: The figure there.
        lower_size_998: As ``lower_size_95``, at 99.8 %.
        lower_998: The figure there.
        upper_size_998: As ``upper_size_95``, at 99.8 %.
        upper_998: The figure there.
    """

    events: Floats
    lower_size_95: Floats
    lower_95: Floats
    upper_size_95: Floats
    upper_95: Floats
    lower_size_998: Floats
    lower_998: Floats
    upper_size_998: Floats
    upper_998: Floats

    def to_frame(self) -> pl.DataFrame:
        """One row per number of events."""
        return pl.DataFrame({name: getattr(self, name) for name in self.__slots__})


def funnel_curve(average: float, events: Column, multiplier: float = 1.0) -> FunnelCurve:
    """Points of a rate's or a ratio's funnel, by exact limits of the number of events.

    Args:
        average: Average figure in the multiplier's unit (for a ratio: the multiplier).
        events: Numbers of events to draw points for, above 0.
        multiplier: Unit of the figure.

    Returns:
        Sizes (person-years, or expected counts for a ratio) and figures per number of events.

    Raises:
        ValueError: If a number is not above 0 and finite.
    """
    check_positive("average", average)
    check_positive("multiplier", multiplier)
    counts = checked("events", events)
    if np.any(counts <= 0.0):
        msg = "events: expected numbers above 0"
        raise ValueError(msg)
    points: list[Floats] = []
    for level in (WARNING_LEVEL, ALARM_LEVEL):
        few, many = exact_poisson_limits(counts, level)
        for size in (many * multiplier / average, few * multiplier / average):
            points += [size, multiplier * counts / size]
    return FunnelCurve(counts, *points)


def funnel_places(
    numerators: Column,
    denominators: Column,
    kind: FunnelKind,
    average: float | None = None,
) -> list[FunnelPlace | None]:
    """Where areas lie in their common funnel.

    Args:
        numerators: Events (or persons with the property) per area.
        denominators: Persons or person-years; for a directly standardised rate its effective
            denominator multiplier · events / rate; for a ratio the expected counts.
        kind: ``proportion``, ``rate`` or ``ratio``.
        average: Average per unit of denominator; by default 1 for a ratio, else the sum of
            the numerators divided by that of the denominators.

    Returns:
        Place of each area; None where a number is null or the denominator is 0.

    Raises:
        ValueError: If a number is negative or not finite, lengths differ, or there is no
            denominator at all.
    """
    named: dict[str, Any] = {"numerators": numerators, "denominators": denominators}
    events, sizes = columns(named, missing=True)
    known = ~np.isnan(events) & (sizes > 0.0)
    if not known.any():
        msg = "denominators: expected at least one area with a positive denominator"
        raise ValueError(msg)
    if average is None:
        average = 1.0 if kind == "ratio" else float(events[known].sum() / sizes[known].sum())
    places = np.full(events.size, "inside", dtype=object)
    places[~known] = None
    for level, name in ((WARNING_LEVEL, "95"), (ALARM_LEVEL, "998")):
        low, high = _outside(events, sizes, kind, average, level)
        places[known & low] = f"low_{name}"
        places[known & high] = f"high_{name}"
    return list(places.tolist())


def _outside(
    events: Floats, sizes: Floats, kind: FunnelKind, average: float, level: float
) -> tuple[Flags, Flags]:
    """Which areas are below and above what is expected by chance at this level."""
    size = np.where(sizes > 0.0, sizes, np.nan)
    if kind == "proportion":
        limits = funnel_limits(average, size, kind)
        low = limits.lower_95 if level == WARNING_LEVEL else limits.lower_998
        high = limits.upper_95 if level == WARNING_LEVEL else limits.upper_998
        return events / size < low, events / size > high
    lower, upper = poisson_limits(events, level)
    return upper / size < average, lower / size > average
