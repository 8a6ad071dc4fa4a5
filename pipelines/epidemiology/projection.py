"""Need in coming years, from present use and a population projection, with its back-test.

Belongs here: scenarios of use, the need they give, its interval, and how far such a projection
would have been off. Does not belong here: the population projection, and which scenario is
believed.

Sources: need as the sum over age and sex of present use times projected population; healthier
ageing as in the European Commission's Ageing Reports (constant use shifted by half of the gain
in remaining life expectancy) · interval: Dobson's limits of a weighted sum of events (Dobson
AJ et al., Statistics in Medicine 1991;10:457-462), widened by the projection's own error.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from pipelines.epidemiology.inputs import Column, Floats, check_positive, checked, matrix
from pipelines.epidemiology.intervals import normal_quantile, poisson_limits
from pipelines.epidemiology.results import (
    MINIMUM_EVENTS,
    TOO_FEW_EVENTS,
    Estimates,
    Objects,
    estimates,
    first_reason,
    unrefused,
)


class Scenario(Protocol):
    """What use will be in each coming year, as shares of the bands' present rates."""

    def mixing(self, years: int, bands: int) -> Floats:
        """Weights of the present rates (last axis) in each year's and band's rate."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantUse:
    """Each age uses what it uses now."""

    def mixing(self, years: int, bands: int) -> Floats:
        """The present rates themselves."""
        return np.broadcast_to(np.eye(bands), (years, bands, bands))


@dataclass(frozen=True, slots=True)
class HealthierAgeing:
    """Those who will live longer use what somewhat younger people use now.

    Attributes:
        ages: First age of each band, ascending, for one sex after the other if both are given.
        gains: Gain in remaining life expectancy since now, in years: one per projected year.
        share: Share of the gain that is spent in better health.
    """

    ages: Column
    gains: Column
    share: float = 0.5

    def mixing(self, years: int, bands: int) -> Floats:
        """Rates at an age younger by the shift, read between the bands' middles."""
        starts, gained = checked("ages", self.ages), checked("gains", self.gains)
        if starts.size != bands or gained.size != years:
            msg = f"ages, gains: expected {bands} ages and {years} gains"
            raise ValueError(msg)
        if not 0.0 <= self.share <= 1.0:
            msg = f"share: expected a share between 0 and 1, got {self.share!r}"
            raise ValueError(msg)
        mixed = np.zeros((years, bands, bands))
        for block in _runs(starts):
            mixed[:, block, block] = _shifted(starts[block], self.share * gained)
        return mixed


def _runs(starts: Floats) -> list[slice]:
    """Stretches of ascending ages: one for each sex."""
    cuts = [0, *(np.flatnonzero(np.diff(starts) <= 0.0) + 1).tolist(), starts.size]
    return [slice(low, high) for low, high in pairwise(cuts)]


def _shifted(starts: Floats, shifts: Floats) -> Floats:
    if starts.size == 1:
        return np.ones((shifts.size, 1, 1))
    widths = np.append(np.diff(starts), np.diff(starts)[-1])
    middles = starts + widths / 2.0
    younger = np.clip(middles[None, :] - shifts[:, None], middles[0], middles[-1])
    below = np.clip(np.searchsorted(middles, younger, side="right") - 1, 0, starts.size - 2)
    part = (younger - middles[below]) / (middles[below + 1] - middles[below])
    every = np.eye(starts.size)
    return every[below] * (1.0 - part)[..., None] + every[below + 1] * part[..., None]


@dataclass(frozen=True, slots=True)
class MovedShare:
    """A share of the service is given as another service instead.

    Attributes:
        share: Share that leaves this service.
        base: What use would be without the move.
    """

    share: float
    base: Scenario = ConstantUse()

    def mixing(self, years: int, bands: int) -> Floats:
        """What is left of the base's use."""
        if not 0.0 <= self.share <= 1.0:
            msg = f"share: expected a share between 0 and 1, got {self.share!r}"
            raise ValueError(msg)
        return (1.0 - self.share) * self.base.mixing(years, bands)


def projected_need(
    counts: Column,
    populations: Column,
    projected_populations: Any,  # noqa: ANN401
    confidence: float = 0.95,
    *,
    scenario: Scenario = ConstantUse(),
    projected_errors: Any = None,  # noqa: ANN401
) -> Estimates:
    """Users (or hours, or days) needed in each coming year.

    Args:
        counts: Present use per band of age and sex.
        populations: Present persons per band.
        projected_populations: Projected persons: one row of bands per coming year.
        confidence: Two-sided level.
        scenario: What becomes of use at each age.
        projected_errors: Standard errors of the projected persons, in the same shape; a
            year's bands are taken to be wrong together. None leaves the projection's
            uncertainty out.

    Returns:
        One entry per coming year, in the unit of ``counts``, with limits that hold the
        uncertainty of present use and of the projection; refused (``too_few_events``) below
        ten events.

    Raises:
        ValueError: If a number is negative, missing or not finite, shapes differ, a band has
            use but no population, or a scenario does not fit the bands.
    """
    use, rates_to_need, coming, rates = _weights(
        counts, populations, projected_populations, scenario
    )
    need = rates_to_need @ use
    total = use.sum()
    low, high = poisson_limits([total], confidence)
    spread = np.sqrt(np.square(rates_to_need) @ use / max(total, 1.0))
    wrong = np.zeros_like(need)
    if projected_errors is not None:
        errors = matrix("projected_errors", projected_errors)
        if errors.shape != coming.shape:
            msg = f"projected_errors: expected the shape {coming.shape}, got {errors.shape}"
            raise ValueError(msg)
        wrong = normal_quantile(confidence) * (errors * rates).sum(axis=1)
    lower = need - np.hypot(spread * (total - low[0]), wrong)
    upper = need + np.hypot(spread * (high[0] - total), wrong)
    few = np.full(need.size, total < MINIMUM_EVENTS)
    reason = first_reason(need.size, {TOO_FEW_EVENTS: few})
    return estimates(need, np.maximum(lower, 0.0), upper, reason)


def _weights(
    counts: Column,
    populations: Column,
    projected: Any,  # noqa: ANN401
    scenario: Scenario,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Use now, what each unit of it counts for in each year, coming persons, and their rates."""
    use, people = checked("counts", counts), checked("populations", populations)
    coming = matrix("projected_populations", projected)
    if not use.size == people.size == coming.shape[1]:
        msg = "projected_populations: counts, populations and its rows must have one length"
        raise ValueError(msg)
    if np.any((use > 0.0) & (people == 0.0)):
        msg = "populations: a band has use but no population"
        raise ValueError(msg)
    per_person = np.where(people > 0.0, 1.0, 0.0) / np.where(people > 0.0, people, 1.0)
    mixing = scenario.mixing(len(coming), use.size)
    rates = mixing @ (per_person * use)
    return use, np.einsum("yb,ybc->yc", coming, mixing) * per_person, coming, rates


def moved_need(
    source: Estimates, target: Estimates, share: float, exchange: float = 1.0
) -> tuple[Estimates, Estimates]:
    """Needs of two services when a share of the one is given as the other.

    Args:
        source: Need of the service that gives, per year.
        target: Need of the service that takes over, per year.
        share: Share of the source that moves.
        exchange: Units of the target that replace one unit of the source.

    Returns:
        Both needs after the move; the two are taken as independent. Years in which either is
        refused stay refused.

    Raises:
        ValueError: If the share is not between 0 and 1, the exchange is not above 0, or the
            years differ.
    """
    if not 0.0 <= share <= 1.0:
        msg = f"share: expected a share between 0 and 1, got {share!r}"
        raise ValueError(msg)
    check_positive("exchange", exchange)
    if len(source) != len(target):
        msg = f"target: expected the {len(source)} years of source, got {len(target)}"
        raise ValueError(msg)
    given = [np.array(column, dtype=np.float64) for column in _limits(source)]
    taken = [np.array(column, dtype=np.float64) for column in _limits(target)]
    left = [(1.0 - share) * column for column in given]
    kept = estimates(left[0], left[1], left[2], _reasons(source))
    moved = share * exchange
    value = taken[0] + moved * given[0]
    lower = value - np.hypot(taken[0] - taken[1], moved * (given[0] - given[1]))
    upper = value + np.hypot(taken[2] - taken[0], moved * (given[2] - given[0]))
    both = np.where(unrefused(_reasons(target)), _reasons(source), _reasons(target))
    return kept, estimates(value, lower, upper, both)


def _limits(rows: Estimates) -> tuple[Any, Any, Any]:
    return rows.value, rows.lower, rows.upper


def _reasons(rows: Estimates) -> Objects:
    return np.array(rows.reason, dtype=object)
