"""Empirical-Bayes figures of small areas, and how far they are off.

Belongs here: figures drawn to the common mean by as much as they are uncertain, the
probability that an area exceeds a reference, and the check by hiding parts of large areas.
Does not belong here: which figure is shown; the crude one always stands beside.

Sources: Marshall RJ, Mapping disease and mortality rates using empirical Bayes estimators,
Applied Statistics 1991;40:283-294 (rates) · Martuzzi M, Elliott P, Empirical Bayes estimation
of small area prevalence of non-rare conditions, Statistics in Medicine 1996;15:1867-1873
(proportions). Their moments give a gamma and a beta distribution of the areas; intervals and
exceedance are the areas' posterior ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy.special import betainc, betaincinv, gammaincc, gammaincinv, gammaln

from pipelines.epidemiology.inputs import Column, Floats, check_positive, columns
from pipelines.epidemiology.intervals import normal_quantile
from pipelines.epidemiology.results import shown

ShrinkageKind = Literal["rate", "proportion"]


@dataclass(frozen=True, slots=True)
class ShrunkenEstimates:
    """Figures of areas drawn to their common mean, one entry per area.

    Attributes:
        value: Shrunken figure.
        lower: Lower limit of its posterior interval.
        upper: Upper limit of its posterior interval.
        crude: The figure as it is; None without denominator.
        weight: Share of the crude figure in the shrunken one, 0 to 1.
        exceedance: Probability that the area's true figure is above the reference.
        mean: Common mean of the areas.
        strength: Denominator that the common mean counts for; infinite where areas differ by
            no more than chance.
    """

    value: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    crude: tuple[float | None, ...]
    weight: tuple[float, ...]
    exceedance: tuple[float, ...]
    mean: float
    strength: float

    def to_frame(self) -> pl.DataFrame:
        """One row per area: value, lower, upper, crude, weight, exceedance."""
        names = ("value", "lower", "upper", "crude", "weight", "exceedance")
        return pl.DataFrame(
            [pl.Series(name, getattr(self, name), dtype=pl.Float64) for name in names]
        )


@dataclass(frozen=True, slots=True)
class ShrinkageError:
    """How far figures from hidden parts of large areas are from those of the whole.

    Attributes:
        value: Mean absolute error of the shrunken figures, in the multiplier's unit.
        crude: Mean absolute error of the crude figures of the same parts.
        areas: How many large areas were hidden in turn.
    """

    value: float
    crude: float
    areas: int


def empirical_bayes(
    counts: Column,
    denominators: Column,
    multiplier: float = 1.0,
    confidence: float = 0.95,
    *,
    kind: ShrinkageKind = "rate",
    reference: float | None = None,
) -> ShrunkenEstimates:
    """Figures drawn to the mean of all areas, the more the smaller the area.

    Args:
        counts: Events (or persons with the property) per area.
        denominators: Person-years or persons per area; expected counts for a ratio.
        multiplier: Unit of the figures.
        confidence: Two-sided level.
        kind: ``rate`` (and ratio) or ``proportion``.
        reference: Figure that the exceedance is told of, in the multiplier's unit; by default
            the mean.

    Returns:
        One entry per area. Where areas differ by no more than chance, all get the mean and
        its own interval.

    Raises:
        ValueError: If a number is negative, missing or not finite, lengths differ, an area has
            events but no denominator, or a proportion is above 1.
    """
    check_positive("multiplier", multiplier)
    events, sizes = _areas(counts, denominators, kind)
    if reference is not None and not (np.isfinite(reference) and reference >= 0.0):
        msg = f"reference: expected a finite number that is not negative, got {reference!r}"
        raise ValueError(msg)
    mean, strength = _prior(events, sizes, kind)
    weight = _weights(sizes, strength)
    crude = events / np.where(sizes > 0.0, sizes, np.nan)
    value = mean + weight * (np.where(sizes > 0.0, crude, mean) - mean)
    if np.isinf(strength):
        # Nothing tells the areas apart: each has the common figure, known as well as that is.
        seen, lived = np.full_like(events, events.sum()), np.full_like(sizes, sizes.sum())
        shape, rest = seen + 0.5, lived + (0.0 if kind == "rate" else 1.0)
    else:
        shape, rest = events + mean * strength, sizes + strength
    threshold = mean if reference is None else reference / multiplier
    lower, upper, above = _posterior(shape, rest, kind, confidence, threshold)
    return ShrunkenEstimates(
        tuple((value * multiplier).tolist()),
        tuple((np.minimum(lower, value) * multiplier).tolist()),
        tuple((np.maximum(upper, value) * multiplier).tolist()),
        shown(crude * multiplier, sizes > 0.0),
        tuple(weight.tolist()),
        tuple(above.tolist()),
        mean * multiplier,
        strength,
    )


def _areas(counts: Column, denominators: Column, kind: str) -> tuple[Floats, Floats]:
    if kind not in ("rate", "proportion"):
        msg = f"kind: expected 'rate' or 'proportion', got {kind!r}"
        raise ValueError(msg)
    named: dict[str, Any] = {"counts": counts, "denominators": denominators}
    events, sizes = columns(named)
    if np.any((events > 0.0) & (sizes == 0.0)):
        msg = "denominators: an area has events but no denominator"
        raise ValueError(msg)
    if not sizes.sum() > 0.0:
        msg = "denominators: expected at least one area with a positive denominator"
        raise ValueError(msg)
    if kind == "proportion" and np.any(events > sizes):
        msg = "counts: a part of its denominator was expected; use kind 'rate'"
        raise ValueError(msg)
    return events, sizes


def _prior(events: Floats, sizes: Floats, kind: ShrinkageKind) -> tuple[float, float]:
    """Mean of the areas, and the denominator that it counts for, by moments."""
    some = sizes > 0.0
    size = sizes[some]
    mean = float(events.sum() / size.sum())
    apart = float((size * np.square(events[some] / size - mean)).sum() / size.sum())
    if kind == "rate":
        between = apart - mean / size.mean()
        return mean, mean / between if between > 0.0 else np.inf
    chance = mean * (1.0 - mean)
    top = size.mean() * apart - chance
    likeness = top / ((size.mean() - 1.0) * chance) if chance > 0.0 and size.mean() > 1.0 else 0.0
    # Persons of an area are at most all alike.
    return mean, (1.0 - min(likeness, 1.0)) / min(likeness, 1.0) if likeness > 0.0 else np.inf


def _weights(sizes: Floats, strength: float) -> Floats:
    if np.isinf(strength):
        return np.zeros_like(sizes)
    return np.where(sizes > 0.0, sizes / np.where(sizes > 0.0, sizes + strength, 1.0), 0.0)


def _posterior(
    shape: Floats, rest: Floats, kind: ShrinkageKind, confidence: float, threshold: float
) -> tuple[Floats, Floats, Floats]:
    """Limits of each area's gamma or beta distribution, and what of it is above a figure."""
    normal_quantile(confidence)
    tail = 0.5 - confidence / 2.0
    if kind == "rate":
        lower, upper = gammaincinv(shape, tail) / rest, gammaincinv(shape, 1.0 - tail) / rest
        return lower, upper, gammaincc(shape, threshold * rest)
    other = np.maximum(rest - shape, 1e-9)
    some = np.maximum(shape, 1e-9)
    lower, upper = betaincinv(some, other, tail), betaincinv(some, other, 1.0 - tail)
    return lower, upper, 1.0 - betainc(some, other, min(threshold, 1.0))


def shrinkage_error(
    counts: Column,
    denominators: Column,
    subsample: float,
    multiplier: float = 1.0,
    *,
    kind: ShrinkageKind = "rate",
    large: float | None = None,
) -> ShrinkageError:
    """How far off small areas are, told from parts of large ones.

    Each large area in turn is left out when the common mean is found, and cut down to a part
    of it; the figure of the whole is the truth. The error is the expected one over all parts
    of that size (binomial for events, hypergeometric for persons), so nothing is drawn.

    Args:
        counts: Events (or persons with the property) per area.
        denominators: Person-years or persons per area.
        subsample: Denominator of a part, the size of the small areas that are asked about.
        multiplier: Unit of the errors.
        kind: ``rate`` or ``proportion``.
        large: Denominator from which an area is large; by default ten parts.

    Returns:
        Mean absolute errors over the large areas.

    Raises:
        ValueError: If a number is negative, missing or not finite, no area is large, or only
            one area is given.
    """
    check_positive("subsample", subsample)
    check_positive("multiplier", multiplier)
    events, sizes = _areas(counts, denominators, kind)
    least = max(subsample, 10.0 * subsample if large is None else large)
    hidden = np.flatnonzero(sizes >= least)
    if not hidden.size or (sizes > 0.0).sum() < 2:
        msg = f"denominators: expected two areas and one of {least:g} or more; none is as large"
        raise ValueError(msg)
    errors = [_error_of_parts(events, sizes, int(area), subsample, kind) for area in hidden]
    shrunken, crude = np.mean(errors, axis=0) * multiplier
    return ShrinkageError(float(shrunken), float(crude), int(hidden.size))


def _error_of_parts(
    events: Floats, sizes: Floats, area: int, subsample: float, kind: ShrinkageKind
) -> tuple[float, float]:
    mean, strength = _prior(np.delete(events, area), np.delete(sizes, area), kind)
    weight = float(_weights(np.array([subsample]), strength)[0])
    seen, chance = _parts(float(events[area]), float(sizes[area]), subsample, kind)
    truth, crude = events[area] / sizes[area], seen / subsample
    shrunken = mean + weight * (crude - mean)
    return float(chance @ np.abs(shrunken - truth)), float(chance @ np.abs(crude - truth))


def _parts(
    events: float, size: float, subsample: float, kind: ShrinkageKind
) -> tuple[Floats, Floats]:
    """Numbers of events that a part may have, and their probabilities."""
    share = subsample / size
    spread = 12.0 * np.sqrt(events * share) + 12.0
    least = max(0.0, np.floor(events * share - spread))
    most = min(events, np.ceil(events * share + spread))
    if kind == "proportion":
        least, most = max(least, subsample - (size - events)), min(most, subsample)
    seen = np.arange(np.ceil(least), np.floor(most) + 1.0)
    logs = _log_choose(events, seen)
    if kind == "proportion":
        logs = logs + _log_choose(size - events, subsample - seen)
    elif share < 1.0:
        logs = logs + seen * np.log(share) + (events - seen) * np.log1p(-share)
    chance = np.exp(logs - logs.max()) if share < 1.0 else (seen == most).astype(np.float64)
    return seen, chance / chance.sum()


def _log_choose(total: float, chosen: Floats) -> Floats:
    return np.asarray(gammaln(total + 1.0) - gammaln(chosen + 1.0) - gammaln(total - chosen + 1.0))
