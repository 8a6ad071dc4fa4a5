"""What a rounded, directly standardised rate and its limits say of the strata beneath it.

Here: one rate as arrays, the exact test whether strata round to the published numbers, and the
linear form that programmes can use. Not here: the search for other strata that fit as well
(``rate_strata``), and the computation of rates for publication.

The rate and its limits are those of Dobson, Kuulasmaa, Eberle and Scherer, "Confidence intervals
for weighted sums of Poisson parameters", Statistics in Medicine 10, 1991, with Byar's limits of
the total count (Breslow and Day, "Statistical methods in cancer research" II, IARC 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Floats

Z = 1.959963984540054  # 97.5 % point of the normal distribution
SLACK = 1e-9


def byar_limits(events: float) -> tuple[float, float]:
    """Byar's 95 % limits of a count."""
    more = events + 1
    lower = events * (1 - 1 / (9 * events) - Z / (3 * events**0.5)) ** 3
    return lower, more * (1 - 1 / (9 * more) + Z / (3 * more**0.5)) ** 3


@dataclass(frozen=True)
class RateLine:
    """One published rate over the strata of its family.

    Attributes:
        rate: What one event of each stratum adds to the rate; 0 outside the figure.
        value: The rate as published.
        half: Half a unit of its last digit.
        limits: Per published limit: the limit, and its distance from the rate in standard errors.
        linear: The limits follow from the strata. Not so where persons count more than once: then
            the variance is larger than the strata tell, and limits bound it from above only.
    """

    rate: Floats
    value: float
    half: float
    limits: tuple[tuple[float, float], ...]
    linear: bool

    def fits(self, strata: Floats) -> Bools:
        """Whether strata (last axis) round to the published numbers."""
        rates = np.einsum("...s,s->...", strata, self.rate)
        good: Bools = np.abs(rates - self.value) <= self.half
        if self.limits:
            squares = np.einsum("...s,s->...", strata, self.rate**2)
            root = np.sqrt(np.maximum(squares, 0.0))
        for limit, factor in self.limits:
            miss = rates + factor * root - limit
            good &= (np.abs(miss) if self.linear else miss * np.sign(factor)) <= self.half
        return good

    def rows(self, truth: Floats) -> tuple[Floats, Floats, Floats]:
        """The published numbers as linear functions of the strata, and the ends of each.

        The square root in the limits is replaced by its tangent at the true variance; over the
        little that rounding leaves open the two differ by far less than the last digit.
        """
        root = float(truth @ self.rate**2) ** 0.5
        rows, low, high = [self.rate], [self.value - self.half], [self.value + self.half]
        for limit, factor in self.limits:
            rows.append(self.rate + factor / (2 * root) * self.rate**2)
            at = limit - factor * root / 2
            low.append(at - self.half if self.linear or factor < 0 else -np.inf)
            high.append(at + self.half if self.linear or factor > 0 else np.inf)
        return np.vstack(rows), np.array(low), np.array(high)


def rate_line(
    share: Floats, persons: Floats, truth: Floats, numbers: dict[str, float | None]
) -> RateLine | None:
    """A published rate as a line over its family's strata.

    Args:
        share: Multiplier × weight of each stratum / sum of the weights; 0 outside the figure.
        persons: Denominator of each stratum.
        truth: Events of each stratum.
        numbers: ``value``, ``lower``, ``upper`` (or null) as published, and ``decimals``.

    Returns:
        The line; null if the strata do not round to the value.
    """
    events = float(truth[share > 0].sum())
    ends = zip((numbers["lower"], numbers["upper"]), byar_limits(max(events, 1.0)), strict=True)
    limits = tuple(
        (limit, (count - events) / events**0.5)
        for limit, count in ends
        if limit is not None and events > 0
    )
    rate = np.divide(share, persons, out=np.zeros_like(share), where=persons > 0)
    half = 0.5 * 10.0 ** -float(numbers["decimals"] or 0) + SLACK
    for linear in (True, False):
        line = RateLine(rate, float(numbers["value"] or 0.0), half, limits, linear)
        if line.fits(truth):
            return line
    return None
