"""Slope and relative index of inequality over groups ranked by a social measure.

Belongs here: the two indices and their intervals. Does not belong here: which measure ranks
the groups (sex and age do not), and any talk of causes.

Sources: Low A, Low A, Measuring the gap, Journal of Public Health 2004;26:388-395 · weights,
ranks and transformations as in PHEindicatormethods (UK Health Security Agency). That package
draws the intervals by simulation; where the index is a sum of normal figures they are computed
here instead: exactly for the slope, by Fieller's theorem for the ratio (Fieller EC, Journal of
the Royal Statistical Society B 1954;16:175-185).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit

from pipelines.epidemiology.inputs import Column, Floats, columns
from pipelines.epidemiology.intervals import normal_quantile
from pipelines.epidemiology.results import Reason

FEWEST_GROUPS = 5
DRAWS, BATCHES, SEED = 20_000, 10, 20130512

ValueKind = Literal["other", "rate", "proportion"]


@dataclass(frozen=True, slots=True)
class InequalityIndex:
    """An index with its interval; all but ``reason`` are None where refused.

    Attributes:
        value: The index.
        lower: Lower confidence limit.
        upper: Upper confidence limit.
        intercept: Fitted figure at the most disadvantaged end, in the multiplier's unit.
        reliability: Mean difference of the limits between repeated simulations; None where
            the limits are not simulated.
        reason: Why there is no index, else None.
    """

    value: float | None
    lower: float | None
    upper: float | None
    intercept: float | None = None
    reliability: float | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class _Fit:
    """The line over ranks: what it weighs each group's (transformed) figure by."""

    figures: Floats
    errors: Floats
    to_start: Floats
    to_slope: Floats
    back: Callable[[Floats], Floats]
    on_scale: bool

    @property
    def start(self) -> float:
        return float(self.to_start @ self._seen)

    @property
    def slope(self) -> float:
        return float(self.to_slope @ self._seen)

    @property
    def _seen(self) -> Floats:
        """The figures on the scale on which the line is drawn."""
        return self.figures if self.on_scale else self.back(self.figures)


def slope_index_of_inequality(
    values: Column,
    populations: Column,
    lowers: Column | None = None,
    uppers: Column | None = None,
    multiplier: float = 1.0,
    confidence: float = 0.95,
    *,
    standard_errors: Column | None = None,
    kind: ValueKind = "other",
    transform: bool = False,
) -> InequalityIndex:
    """Difference between the two ends of a social ranking, by a weighted line over ranks.

    Args:
        values: Figure of each group, from the most to the least disadvantaged: quintiles,
            deciles, or any five groups and more.
        populations: Persons per group.
        lowers: Lower 95 % limits of the figures.
        uppers: Upper 95 % limits of the figures.
        multiplier: Unit of the index; a negative one turns its sign.
        confidence: Two-sided level.
        standard_errors: Instead of limits: standard errors, on the log scale for a rate and
            on the logit scale for a proportion.
        kind: ``rate`` and ``proportion`` (between 0 and 1) have intervals that are symmetric
            on the log and the logit scale; ``other`` has a symmetric one.
        transform: Draw the line on that scale and turn the result back; recommended for rates
            and proportions, which seldom follow a straight line.

    Returns:
        Least minus most disadvantaged end; refused with fewer than five groups
        (``too_few_groups``), a group without population (``no_population``), a null
        (``missing``), or a figure that has no logarithm (``not_transformable``).

    Raises:
        ValueError: If a number is negative or not finite, lengths differ, an interval does not
            hold its figure, neither limits nor errors are given, or options contradict.
    """
    fit = _fit(values, populations, lowers, uppers, standard_errors, kind, transform, multiplier)
    if not isinstance(fit, _Fit):
        return InequalityIndex(None, None, None, reason=fit)
    z = normal_quantile(confidence)
    spread = z * float(np.sqrt(np.square(fit.to_slope * fit.errors).sum()))
    if fit.on_scale:
        ends = [_ends(fit, slope) for slope in (fit.slope, fit.slope - spread, fit.slope + spread)]
        value, lower, upper = (high - low for low, high in ends)
        start, reliability = ends[0][0], None
    else:
        slopes = _simulated(fit)[1]
        value = fit.slope
        lower, upper, wobble = _percentiles(slopes, confidence)
        start, reliability = fit.start, wobble * abs(multiplier)
    low, high = sorted((multiplier * lower, multiplier * upper))
    return InequalityIndex(value * multiplier, low, high, start * abs(multiplier), reliability)


def relative_index_of_inequality(
    values: Column,
    populations: Column,
    lowers: Column | None = None,
    uppers: Column | None = None,
    multiplier: float = 1.0,
    confidence: float = 0.95,
    *,
    standard_errors: Column | None = None,
    kind: ValueKind = "other",
    transform: bool = False,
) -> InequalityIndex:
    """Ratio of the two ends of a social ranking, (a + b) / a of the line over ranks.

    Args:
        values: Figure of each group, from the most to the least disadvantaged.
        populations: Persons per group.
        lowers: Lower 95 % limits of the figures.
        uppers: Upper 95 % limits of the figures.
        multiplier: Unit of the intercept; a negative one inverts the index.
        confidence: Two-sided level.
        standard_errors: Instead of limits: standard errors, on the log scale for a rate and
            on the logit scale for a proportion.
        kind: ``rate``, ``proportion`` or ``other``, as for the slope index.
        transform: Draw the line on the log or logit scale.

    Returns:
        Least divided by most disadvantaged end (1: no difference); refused as the slope
        index, and where the most disadvantaged end cannot be told from 0
        (``base_near_zero``).

    Raises:
        ValueError: As the slope index.
    """
    fit = _fit(values, populations, lowers, uppers, standard_errors, kind, transform, multiplier)
    if not isinstance(fit, _Fit):
        return InequalityIndex(None, None, None, reason=fit)
    ratio = _ratio(fit, confidence, kind)
    if ratio is None:
        return InequalityIndex(None, None, None, reason="base_near_zero")
    value, lower, upper, start, reliability = ratio
    if multiplier < 0.0:
        value, lower, upper = 1.0 / value, 1.0 / upper, 1.0 / lower
    return InequalityIndex(value, lower, upper, start * abs(multiplier), reliability)


def _ratio(
    fit: _Fit, confidence: float, kind: ValueKind
) -> tuple[float, float, float, float, float | None] | None:
    z = normal_quantile(confidence)
    if not fit.on_scale:
        starts, slopes = _simulated(fit)
        if fit.start <= 0.0 or np.any(starts <= 0.0):
            return None
        lower, upper, wobble = _percentiles((starts + slopes) / starts, confidence)
        return (fit.start + fit.slope) / fit.start, lower, upper, fit.start, wobble
    if kind == "other":
        limits = _fieller(fit, z)
        if limits is None:
            return None
        return (fit.start + fit.slope) / fit.start, *limits, fit.start, None
    spread = z * float(np.sqrt(np.square(fit.to_slope * fit.errors).sum()))
    ends = [_ends(fit, slope) for slope in (fit.slope, fit.slope - spread, fit.slope + spread)]
    value, lower, upper = (high / low for low, high in ends)
    return value, lower, upper, ends[0][0], None


def _fieller(fit: _Fit, z: float) -> tuple[float, float] | None:
    """Limits of end over start; None where the start cannot be told from 0."""
    variances = np.square(fit.errors)
    to_end = fit.to_start + fit.to_slope
    base = fit.start**2 - z**2 * float(np.square(fit.to_start) @ variances)
    if fit.start <= 0.0 or base <= 0.0:
        return None
    end = fit.start + fit.slope
    cross = fit.start * end - z**2 * float((fit.to_start * to_end) @ variances)
    top = end**2 - z**2 * float(np.square(to_end) @ variances)
    root = float(np.sqrt(max(cross**2 - base * top, 0.0)))
    return (cross - root) / base, (cross + root) / base


def _ends(fit: _Fit, slope: float) -> tuple[float, float]:
    """Both ends of a line of this slope through the middle of the fitted one."""
    middle = fit.start + fit.slope / 2.0
    low, high = fit.back(np.array([middle - slope / 2.0, middle + slope / 2.0]))
    return float(low), float(high)


def _simulated(fit: _Fit) -> tuple[Floats, Floats]:
    """Starts and slopes of lines through drawn figures: the same in every run."""
    draws = np.random.Generator(np.random.PCG64(SEED)).standard_normal((DRAWS, fit.figures.size))
    seen = fit.back(fit.figures + draws * fit.errors)
    return seen @ fit.to_start, seen @ fit.to_slope


def _percentiles(drawn: Floats, confidence: float) -> tuple[float, float, float]:
    """Limits, and their mean difference between the first and each other batch of draws."""
    levels = [0.5 - confidence / 2.0, 0.5 + confidence / 2.0]
    batches = np.quantile(drawn.reshape(BATCHES, -1), levels, axis=1)
    lower, upper = np.quantile(drawn, levels)
    wobble = np.abs(batches[:, 1:] - batches[:, :1]).mean()
    return float(lower), float(upper), float(wobble)


def _fit(
    values: Column,
    populations: Column,
    lowers: Column | None,
    uppers: Column | None,
    standard_errors: Column | None,
    kind: ValueKind,
    transform: bool,
    multiplier: float,
) -> _Fit | Reason:
    _check_options(lowers, uppers, standard_errors, kind, transform, multiplier)
    named: dict[str, Any] = {"values": values, "populations": populations}
    if standard_errors is None:
        named |= {"lowers": lowers, "uppers": uppers}
    else:
        named["standard_errors"] = standard_errors
    figures, people, *uncertainty = columns(named, missing=True)
    refusal = _refusal(figures, people, uncertainty)
    if refusal is not None:
        return refusal
    if kind == "proportion":
        _check_shares(figures, uncertainty if standard_errors is None else [])
    scale, back = _scale(kind)
    with np.errstate(divide="ignore"):
        seen = scale(figures)
        if standard_errors is None:
            errors = _errors(figures, uncertainty[0], uncertainty[1], scale)
        else:
            errors = uncertainty[0]
    if not np.all(np.isfinite(seen)) or not np.all(np.isfinite(errors)):
        return "not_transformable"
    share = people / people.sum()
    ranks = np.cumsum(share) - share / 2.0
    # Ranks weighted by population lie around one half.
    to_slope = share * (ranks - 0.5) / np.sum(share * np.square(ranks - 0.5))
    return _Fit(seen, errors, share - to_slope / 2.0, to_slope, back, transform or kind == "other")


def _check_options(
    lowers: Column | None,
    uppers: Column | None,
    standard_errors: Column | None,
    kind: str,
    transform: bool,
    multiplier: float,
) -> None:
    if kind not in ("other", "rate", "proportion"):
        msg = f"kind: expected 'other', 'rate' or 'proportion', got {kind!r}"
        raise ValueError(msg)
    if transform and kind == "other":
        msg = "transform: only rates and proportions have a scale to transform to; give kind"
        raise ValueError(msg)
    if standard_errors is None and (lowers is None or uppers is None):
        msg = "lowers, uppers: give both, or standard_errors"
        raise ValueError(msg)
    if not np.isfinite(multiplier) or multiplier == 0.0:
        msg = f"multiplier: expected a finite number other than 0, got {multiplier!r}"
        raise ValueError(msg)


def _refusal(figures: Floats, people: Floats, uncertainty: list[Floats]) -> Reason | None:
    if figures.size < FEWEST_GROUPS:
        return "too_few_groups"
    if np.any(np.isnan(np.sum([figures, people, *uncertainty], axis=0))):
        return "missing"
    return "no_population" if np.any(people == 0.0) else None


def _check_shares(figures: Floats, limits: list[Floats]) -> None:
    for name, shares in zip(("values", "lowers", "uppers"), (figures, *limits), strict=False):
        if np.any(shares > 1.0):
            msg = f"{name}: expected proportions between 0 and 1, not per cent"
            raise ValueError(msg)


def _scale(kind: ValueKind) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    if kind == "rate":
        return np.log, np.exp
    return (logit, expit) if kind == "proportion" else (np.positive, np.positive)


def _errors(
    figures: Floats, lowers: Floats, uppers: Floats, scale: Callable[[Floats], Floats]
) -> Floats:
    for name, wrong in (("lowers", lowers > figures), ("uppers", uppers < figures)):
        if np.any(wrong):
            msg = f"{name}: expected intervals that hold their figures"
            raise ValueError(msg)
    return (scale(uppers) - scale(lowers)) / (2.0 * normal_quantile(0.95))
