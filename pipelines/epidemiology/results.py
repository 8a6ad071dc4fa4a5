"""Named results of the scalar functions, and the reasons for which a method refuses.

Belongs here: the shape of an answer. Does not belong here: how it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["too_few_events", "no_population"]

TOO_FEW_EVENTS: Reason = "too_few_events"
NO_POPULATION: Reason = "no_population"

MINIMUM_EVENTS = 10
"""Fewest events for which a directly standardised rate is given (Dobson et al. 1991
take the events as approximately Poisson; official practice draws the line at ten)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; all three are None exactly where ``reason`` is set."""

    value: float | None
    lower: float | None
    upper: float | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class IndirectEstimate:
    """An indirectly standardised figure with what it was made of.

    Attributes:
        value: Rate in the multiplier's unit, or ratio times the multiplier.
        lower: Lower confidence limit, same unit.
        upper: Upper confidence limit, same unit.
        observed: Events observed.
        expected: Events expected from the reference's band-specific rates.
        reason: Why there is no value, else None.
    """

    value: float | None
    lower: float | None
    upper: float | None
    observed: float
    expected: float
    reason: Reason | None = None


def refused(reason: Reason) -> Estimate:
    """The answer of a method that does not apply, with its reason."""
    return Estimate(None, None, None, reason)
