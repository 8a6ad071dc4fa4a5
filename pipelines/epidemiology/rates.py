"""Crude rates and proportions with intervals, also where one person counts repeatedly.

Belongs here: one numerator over one denominator. Does not belong here: standardisation.

Sources: limits of the count divided by the denominator (Breslow & Day 1987, ch. 2) ·
repeat events: the variance of a sum over persons is estimated by the sum of squares of the
persons' numbers (Stukel TA et al., Statistics in Medicine 1994;13:1781-1791), entered into
Dobson's shifted and scaled limits (Dobson AJ et al., Statistics in Medicine 1991;10:457-462) ·
proportions of events: Wilson's limits of the effective size, which is the size over the design
effect (Rao JNK, Scott AJ, Biometrics 1992;48:577-585).
"""

from __future__ import annotations

from typing import overload

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import (
    Column,
    Floats,
    as_floats,
    check_not_negative,
    check_positive,
    columns,
    frame_floats,
    is_one,
)
from pipelines.epidemiology.intervals import poisson_limits, wilson_limits
from pipelines.epidemiology.results import (
    MISSING,
    NO_POPULATION,
    Estimate,
    Estimates,
    estimates,
    first_reason,
)

ESTIMATE_COLUMNS = ("value", "lower", "upper", "reason")


def _scaled_limits(
    counts: Floats, variances: Floats | None, confidence: float
) -> tuple[Floats, Floats]:
    """Limits of counts, widened where their variance is larger than Poisson's."""
    lower, upper = poisson_limits(counts, confidence)
    if variances is None:
        return lower, upper
    # Without an event nothing is known of repetition: plain Poisson limits.
    ratio = np.where(counts > 0.0, variances, 1.0) / np.where(counts > 0.0, counts, 1.0)
    scale = np.sqrt(ratio)
    return np.maximum(counts + scale * (lower - counts), 0.0), counts + scale * (upper - counts)


def with_estimates(
    frame: pl.DataFrame, value: Floats, lower: Floats, upper: Floats, reason: pl.Series
) -> pl.DataFrame:
    """Append value, lower, upper and reason; NaN becomes null, never a number."""
    return frame.with_columns(
        pl.Series("value", value).fill_nan(None),
        pl.Series("lower", lower).fill_nan(None),
        pl.Series("upper", upper).fill_nan(None),
        reason.alias("reason"),
    )


def _no_population(denominators: Floats) -> pl.Series:
    missing = pl.Series("reason", denominators == 0.0)
    return pl.select(
        pl.when(missing).then(pl.lit(NO_POPULATION, dtype=pl.String)).alias("reason")
    ).to_series()


def _check_events_have_population(counts: Floats, populations: Floats) -> None:
    check_not_negative("populations", populations)
    stray = int(np.sum((counts > 0.0) & ~(populations > 0.0)))
    if stray:
        msg = (
            f"populations: {stray} of {counts.size} are not positive though they have events; "
            "numerator and denominator must come from the same coverage"
        )
        raise ValueError(msg)


@overload
def crude_rate(
    count: float, population: float, multiplier: float = 1.0, confidence: float = 0.95
) -> Estimate: ...


@overload
def crude_rate(
    count: Column, population: Column | float, multiplier: float = 1.0, confidence: float = 0.95
) -> Estimates: ...


def crude_rate(
    count: Column | float,
    population: Column | float,
    multiplier: float = 1.0,
    confidence: float = 0.95,
) -> Estimate | Estimates:
    """Events per ``multiplier`` of population with exact or Byar's interval.

    Args:
        count: Events: one number or a column.
        population: Persons or person-years: one number or a column.
        multiplier: Unit of the rate, such as 1000.
        confidence: Two-sided level.

    Returns:
        Rate and limits, or a column of them; refused where there is neither event nor
        population (``no_population``) or a number is null (``missing``).

    Raises:
        ValueError: If there are events without population, or a number is negative or not
            finite.
    """
    return repeat_event_rate(count, None, population, multiplier, confidence)  # type: ignore[arg-type]


@overload
def repeat_event_rate(
    count: float,
    sum_of_squares: float | None,
    population: float,
    multiplier: float = 1.0,
    confidence: float = 0.95,
) -> Estimate: ...


@overload
def repeat_event_rate(
    count: Column,
    sum_of_squares: Column | None,
    population: Column | float,
    multiplier: float = 1.0,
    confidence: float = 0.95,
) -> Estimates: ...


def repeat_event_rate(
    count: Column | float,
    sum_of_squares: Column | float | None,
    population: Column | float,
    multiplier: float = 1.0,
    confidence: float = 0.95,
) -> Estimate | Estimates:
    """Crude rate of events that the same person may have several times.

    Args:
        count: Events (or days): one number or a column.
        sum_of_squares: Sum over persons of the square of the person's events; None for
            events that happen once.
        population: Persons or person-years: one number or a column.
        multiplier: Unit of the rate.
        confidence: Two-sided level.

    Returns:
        Rate and limits, the lower one never below 0, or a column of them; refused where there
        is neither event nor population (``no_population``) or a number is null (``missing``).

    Raises:
        ValueError: If there are events without population, or a number is negative or not
            finite.
    """
    check_positive("multiplier", multiplier)
    named = {"count": count, "population": population}
    if sum_of_squares is not None:
        named["sum_of_squares"] = sum_of_squares
    events, people, *squares = columns(named, missing=True)
    unknown = np.isnan(np.sum([events, people, *squares], axis=0))
    _check_events_have_population(np.where(unknown, 0.0, events), people)
    lower, upper = _scaled_limits(events, squares[0] if squares else None, confidence)
    unit = multiplier / np.where(people > 0.0, people, np.nan)
    reason = first_reason(events.size, {MISSING: unknown, NO_POPULATION: people == 0.0})
    found = estimates(events * unit, lower * unit, upper * unit, reason)
    return found[0] if all(is_one(values) for values in named.values()) else found


def crude_rate_frame(
    frame: pl.DataFrame,
    *,
    count: str = "numerator",
    population: str = "denominator",
    multiplier: str | float = 1.0,
    sum_of_squares: str | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """`crude_rate` (or `repeat_event_rate`) of every row.

    Args:
        frame: One row per rate.
        count: Column of events.
        population: Column of persons or person-years.
        multiplier: Unit of the rate, or the column that holds it.
        sum_of_squares: Column of Σ k² over persons; None for events that happen once.
        confidence: Two-sided level.

    Returns:
        The frame with value, lower, upper (null where refused or where the count is null)
        and reason appended.

    Raises:
        ValueError: If a row has events without population, or a negative number.
    """
    counts, populations = frame_floats(frame, count), frame_floats(frame, population)
    _check_events_have_population(counts, populations)
    variances = None if sum_of_squares is None else frame_floats(frame, sum_of_squares)
    lower, upper = _scaled_limits(counts, variances, confidence)
    unit = _multipliers(frame, multiplier) / np.where(populations > 0.0, populations, np.nan)
    reason = _no_population(populations)
    return with_estimates(frame, counts * unit, lower * unit, upper * unit, reason)


def proportion_frame(
    frame: pl.DataFrame,
    *,
    numerator: str = "numerator",
    denominator: str = "denominator",
    multiplier: str | float = 1.0,
    sum_of_squares: str | None = None,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Proportion with its Wilson interval in every row, times the multiplier.

    Args:
        frame: One row per proportion.
        numerator: Column of persons (or units) with the property.
        denominator: Column of all persons (or units).
        multiplier: 100 for per cent, or the column that holds it.
        sum_of_squares: Column of Σ k² over persons with k units in the numerator, where a person
            may have several; None where each counts once. Units of one person tell less than units
            of many: the limits are those of as many units as tell as much.
        confidence: Two-sided level.

    Returns:
        The frame with value, lower, upper (null where refused) and reason appended.

    Raises:
        ValueError: If a numerator is negative or larger than its denominator.
    """
    events, totals = frame_floats(frame, numerator), frame_floats(frame, denominator)
    tells = 1.0 / _design_effects(events, frame, sum_of_squares)
    lower, upper = wilson_limits(events * tells, totals * tells, confidence)
    unit = _multipliers(frame, multiplier)
    share = events / np.where(totals > 0.0, totals, np.nan)
    return with_estimates(frame, share * unit, lower * unit, upper * unit, _no_population(totals))


def _design_effects(events: Floats, frame: pl.DataFrame, sum_of_squares: str | None) -> Floats:
    """How many times as large the variance is as if each unit were another person's."""
    if sum_of_squares is None:
        return np.ones_like(events)
    squares = frame_floats(frame, sum_of_squares)
    # Without a unit in the numerator nothing is known of repetition.
    known = events > 0.0
    return np.where(known, squares, 1.0) / np.where(known, events, 1.0)


def _multipliers(frame: pl.DataFrame, multiplier: str | float) -> Floats:
    values: Column = frame[multiplier] if isinstance(multiplier, str) else [multiplier]
    return as_floats(values)
