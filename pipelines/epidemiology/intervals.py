"""Confidence limits of a proportion and of a count, for one number or for whole columns.

Belongs here: intervals that need nothing but the count (and the denominator). Does not
belong here: rates and standardisation, which build on these.

Sources: Wilson EB, JASA 1927;22:209-212 · Byar's approximation as in Breslow NE, Day NE,
Statistical Methods in Cancer Research II, IARC 1987, p. 69 · exact limits by the chi-square
relation, Garwood F, Biometrika 1936;28:437-442. Exact limits below ten events, Byar's from
ten, as in the public-health practice that the published examples in ``tests/spec`` follow.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from scipy.special import chdtri, ndtri

from pipelines.epidemiology.inputs import (
    Column,
    Floats,
    as_floats,
    check_not_negative,
    columns,
    is_one,
)
from pipelines.epidemiology.results import (
    MISSING,
    NO_POPULATION,
    Estimate,
    Estimates,
    estimates,
    first_reason,
)

BYAR_FROM = 10.0


def normal_quantile(confidence: float) -> float:
    """Two-sided standard normal quantile (1.959964 for 0.95).

    Raises:
        ValueError: If ``confidence`` is not strictly between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        msg = f"confidence: expected a share between 0 and 1, such as 0.95; got {confidence}"
        raise ValueError(msg)
    return float(ndtri(0.5 + confidence / 2.0))


def _check_counts(name: str, values: Floats) -> None:
    check_not_negative(name, values)
    if np.any(np.isinf(values)):
        msg = f"{name}: expected finite numbers; {int(np.isinf(values).sum())} are not"
        raise ValueError(msg)


def chi2_quantile(probability: float, degrees: Floats) -> Floats:
    """Quantile of the chi-square distribution; 0 where the degrees of freedom are 0."""
    safe = np.where(degrees > 0.0, degrees, 1.0)
    return np.where(degrees > 0.0, chdtri(safe, 1.0 - probability), 0.0)


def exact_poisson_limits(counts: Column, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Exact (Garwood) limits of Poisson counts.

    Args:
        counts: Events, at least 0.
        confidence: Two-sided level.

    Returns:
        Arrays of lower and upper limits, in events.

    Raises:
        ValueError: If a count is negative or the confidence is no share.
    """
    normal_quantile(confidence)
    events = as_floats(counts)
    _check_counts("counts", events)
    tail = (1.0 - confidence) / 2.0
    lower = chi2_quantile(tail, 2.0 * events) / 2.0
    upper = chi2_quantile(1.0 - tail, 2.0 * events + 2.0) / 2.0
    return lower, upper


def byar_limits(counts: Column, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Byar's approximate limits of Poisson counts; the lower limit of 0 is 0.

    Args:
        counts: Events, at least 0.
        confidence: Two-sided level.

    Returns:
        Arrays of lower and upper limits, in events.

    Raises:
        ValueError: If a count is negative or the confidence is no share.
    """
    z = normal_quantile(confidence)
    events = as_floats(counts)
    _check_counts("counts", events)
    safe = np.where(events > 0.0, events, 1.0)
    lower = safe * (1.0 - 1.0 / (9.0 * safe) - z / (3.0 * np.sqrt(safe))) ** 3
    more = events + 1.0
    upper = more * (1.0 - 1.0 / (9.0 * more) + z / (3.0 * np.sqrt(more))) ** 3
    return np.where(events > 0.0, np.maximum(lower, 0.0), 0.0), upper


def poisson_limits(counts: Column, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of Poisson counts: exact below ten events, Byar's from ten.

    Args:
        counts: Events, at least 0; NaN gives NaN.
        confidence: Two-sided level.

    Returns:
        Arrays of lower and upper limits, in events.

    Raises:
        ValueError: If a count is negative or the confidence is no share.
    """
    events = as_floats(counts)
    exact = exact_poisson_limits(events, confidence)
    byar = byar_limits(events, confidence)
    few = events < BYAR_FROM
    lower, upper = np.where(few, exact[0], byar[0]), np.where(few, exact[1], byar[1])
    unknown = np.isnan(events)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def wilson_limits(
    numerators: Column, denominators: Column, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Wilson score limits of proportions; NaN where the denominator is 0.

    Args:
        numerators: Persons (or units) with the property.
        denominators: All persons (or units).
        confidence: Two-sided level.

    Returns:
        Arrays of lower and upper limits, as shares between 0 and 1.

    Raises:
        ValueError: If a numerator is negative or larger than its denominator.
    """
    z = normal_quantile(confidence)
    events, totals = as_floats(numerators), as_floats(denominators)
    _check_counts("numerators", events)
    _check_counts("denominators", totals)
    if np.any(events > totals):
        larger = int(np.sum(events > totals))
        msg = (
            "numerators: a part of its denominator was expected; "
            f"{larger} of {events.size} are larger: use a rate instead of a proportion"
        )
        raise ValueError(msg)
    size = np.where(totals > 0.0, totals, np.nan)
    share = events / size
    spread = z * np.sqrt(z**2 + 4.0 * events * (1.0 - share))
    lower = (2.0 * events + z**2 - spread) / (2.0 * (size + z**2))
    upper = (2.0 * events + z**2 + spread) / (2.0 * (size + z**2))
    # Rounding may push the limits of 0 and of all a hair over the estimate itself.
    return np.clip(np.minimum(lower, share), 0.0, 1.0), np.clip(np.maximum(upper, share), 0.0, 1.0)


@overload
def wilson(numerator: float, denominator: float, confidence: float = 0.95) -> Estimate: ...


@overload
def wilson(
    numerator: Column, denominator: Column | float, confidence: float = 0.95
) -> Estimates: ...


def wilson(
    numerator: Column | float, denominator: Column | float, confidence: float = 0.95
) -> Estimate | Estimates:
    """Proportion with its Wilson score interval.

    Args:
        numerator: Persons (or units) with the property: one number or a column.
        denominator: All persons (or units): one number or a column.
        confidence: Two-sided level.

    Returns:
        Share between 0 and 1 with limits, or a column of them; refused where the denominator
        is 0 (``no_population``) or a number is null (``missing``).

    Raises:
        ValueError: If a number is negative or not finite, or a numerator is larger than its
            denominator.
    """
    named = {"numerator": numerator, "denominator": denominator}
    events, totals = columns(named, missing=True)
    lower, upper = wilson_limits(events, totals, confidence)
    unknown = np.isnan(events) | np.isnan(totals)
    reason = first_reason(events.size, {MISSING: unknown, NO_POPULATION: totals == 0.0})
    share = events / np.where(totals > 0.0, totals, np.nan)
    found = estimates(share, lower, upper, reason)
    return found[0] if is_one(numerator) and is_one(denominator) else found


@overload
def poisson(count: float, confidence: float = 0.95) -> Estimate: ...


@overload
def poisson(count: Column, confidence: float = 0.95) -> Estimates: ...


def poisson(count: Column | float, confidence: float = 0.95) -> Estimate | Estimates:
    """Count with its Poisson interval: exact below ten events, Byar's from ten.

    Args:
        count: Events, at least 0: one number or a column.
        confidence: Two-sided level.

    Returns:
        The count and its limits, in events, or a column of them; refused (``missing``) where
        the count is null.

    Raises:
        ValueError: If a count is negative or not finite, or the confidence is no share.
    """
    (events,) = columns({"count": count}, missing=True)
    lower, upper = poisson_limits(events, confidence)
    reason = first_reason(events.size, {MISSING: np.isnan(events)})
    found = estimates(events, lower, upper, reason)
    return found[0] if is_one(count) else found
