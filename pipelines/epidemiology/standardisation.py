"""Direct and indirect standardisation over bands, for one area or for thousands.

Belongs here: the two methods and their intervals. Does not belong here: which bands an
area has, which standard applies, and whether the result may be shown.

Sources: direct rate with Dobson's limits (Dobson AJ et al., Statistics in Medicine
1991;10:457-462), no value below ten events; repeat events by Σ k² per band (Stukel TA et
al., Statistics in Medicine 1994;13:1781-1791); indirect by Breslow & Day 1987, ch. 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import (
    Column,
    Floats,
    as_floats,
    check_not_negative,
    check_positive,
    checked,
    frame_floats,
    is_one,
)
from pipelines.epidemiology.intervals import poisson_limits
from pipelines.epidemiology.rates import with_estimates
from pipelines.epidemiology.results import (
    MINIMUM_EVENTS,
    NO_POPULATION,
    TOO_FEW_EVENTS,
    Estimate,
    IndirectEstimate,
    estimates,
    first_reason,
)


def directly_standardised_rate(
    counts: Column,
    populations: Column,
    weights: Column,
    multiplier: float = 1.0,
    confidence: float = 0.95,
    *,
    persons_by_events: Mapping[int, Column] | None = None,
    variances: Column | None = None,
) -> Estimate:
    """Directly standardised rate with Dobson's interval.

    Args:
        counts: Events per band.
        populations: Persons or person-years per band.
        weights: Standard population per band, any scale.
        multiplier: Unit of the rate.
        confidence: Two-sided level.
        persons_by_events: For events that repeat: number of events → persons per band who
            had exactly so many.
        variances: Instead of ``persons_by_events``: Σ k² over the persons of each band.

    Returns:
        Rate and limits; refused (``too_few_events``) below ten events.

    Raises:
        ValueError: If a number is negative, missing or not finite, lengths differ, a band has
            events but no population, the weights do not add up to a positive number, or
            persons_by_events disagrees with counts.
    """
    check_positive("multiplier", multiplier)
    events, people = checked("counts", counts), checked("populations", populations)
    standard = checked("weights", weights)
    spread = _variances(events, persons_by_events, variances)
    lengths = {len(column) for column in (events, people, standard, spread)}
    if len(lengths) != 1 or not events.size:
        msg = f"bands: expected columns of one length; got lengths {sorted(lengths)}"
        raise ValueError(msg)
    stray = int(np.sum((events > 0.0) & (people == 0.0)))
    if stray:
        msg = f"populations: {stray} of {events.size} bands have events but no population"
        raise ValueError(msg)
    if not standard.sum() > 0.0:
        msg = "weights: expected weights that add up to a positive number"
        raise ValueError(msg)
    per_person = np.where(people > 0.0, standard, 0.0) / np.where(people > 0.0, people, 1.0)
    total, rate, variance, weight = np.reshape(
        [events.sum(), per_person @ events, np.square(per_person) @ spread, standard.sum()], (4, 1)
    )
    value, lower, upper = _dobson(total, rate, variance, weight, confidence)
    reason = first_reason(1, {TOO_FEW_EVENTS: total < MINIMUM_EVENTS})
    return estimates(multiplier * value, multiplier * lower, multiplier * upper, reason)[0]


def _variances(
    events: Floats, persons_by_events: Mapping[int, Column] | None, variances: Column | None
) -> Floats:
    if persons_by_events is None:
        return events if variances is None else checked("variances", variances)
    if variances is not None:
        msg = "give persons_by_events or variances, not both"
        raise ValueError(msg)
    persons = {k: checked("persons_by_events", one) for k, one in persons_by_events.items()}
    if {column.size for column in persons.values()} != {events.size}:
        msg = f"persons_by_events: expected {events.size} bands for every number of events"
        raise ValueError(msg)
    total = np.sum([k * column for k, column in persons.items()], axis=0)
    if not np.allclose(total, events):
        msg = "persons_by_events: number of events times persons does not add up to counts"
        raise ValueError(msg)
    return np.asarray(np.sum([k**2 * column for k, column in persons.items()], axis=0))


def directly_standardised_frame(
    bands: pl.DataFrame,
    *,
    by: Sequence[str],
    weight: str,
    count: str = "numerator",
    population: str = "denominator",
    variance: str | None = None,
    multiplier: float = 1.0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """`directly_standardised_rate` of every group of bands.

    A band without events counts 0 whatever its population.

    Args:
        bands: One row per group and band.
        by: Columns that name a group.
        weight: Column of standard weights.
        count: Column of events.
        population: Column of persons or person-years.
        variance: Column of Σ k² over persons; None for events that happen once.
        multiplier: Unit of the rate.
        confidence: Two-sided level.

    Returns:
        One row per group: ``by``, events, population, value, lower, upper (in the
        multiplier's unit; null where refused), reason. Sorted by ``by``.

    Raises:
        ValueError: If a band has events but no population, a group has no weight, or a number
            is negative or not finite.
    """
    for name in (count, population, weight, *([variance] if variance else [])):
        check_not_negative(name, frame_floats(bands, name))
    stray = bands.filter((pl.col(count) > 0) & (pl.col(population) <= 0)).height
    if stray:
        msg = f"bands: {stray} of {bands.height} have events but no population"
        raise ValueError(msg)
    spread = pl.col(variance or count)
    inhabited = pl.when(pl.col(population) > 0)
    per_person = inhabited.then(pl.col(weight) / pl.col(population)).otherwise(0.0)
    groups = (
        bands.group_by(list(by))
        .agg(
            events=pl.col(count).sum().cast(pl.Float64),
            population=pl.col(population).sum().cast(pl.Float64),
            _weight=pl.col(weight).sum().cast(pl.Float64),
            _rate=(per_person * pl.col(count)).sum(),
            _variance=(per_person**2 * spread).sum(),
        )
        .sort(list(by))
    )
    if groups.filter(pl.col("_weight") <= 0).height:
        msg = f"{weight}: the weights of a group must add up to a positive number"
        raise ValueError(msg)
    return _with_dobson(groups, multiplier, confidence).drop("_weight", "_rate", "_variance")


def _with_dobson(groups: pl.DataFrame, multiplier: float, confidence: float) -> pl.DataFrame:
    names = ("events", "_rate", "_variance", "_weight")
    events, rate, variance, weight = (as_floats(groups[name]) for name in names)
    value, lower, upper = _dobson(events, rate, variance, weight, confidence)
    reason = groups.select(
        pl.when(pl.col("events") < MINIMUM_EVENTS).then(pl.lit(TOO_FEW_EVENTS, dtype=pl.String))
    ).to_series()
    return with_estimates(
        groups, multiplier * value, multiplier * lower, multiplier * upper, reason
    )


def _dobson(
    events: Floats, rate: Floats, variance: Floats, weight: Floats, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Rates and limits from sums over the weighted bands; NaN with too few events."""
    enough = events >= MINIMUM_EVENTS
    value = np.where(enough, rate / weight, np.nan)
    scale = np.sqrt(variance) / weight / np.sqrt(np.where(enough, events, 1.0))
    low, high = poisson_limits(events, confidence)
    return (
        value,
        np.maximum(value + scale * (low - events), 0.0),
        value + scale * (high - events),
    )


def indirectly_standardised(
    counts: Column | float,
    populations: Column,
    reference_counts: Column,
    reference_populations: Column,
    multiplier: float = 1.0,
    confidence: float = 0.95,
    *,
    result: Literal["rate", "ratio"] = "rate",
) -> IndirectEstimate:
    """Indirectly standardised rate (or ratio) against a reference.

    Args:
        counts: Events per band, or their total: the bands of the events are not needed.
        populations: Persons or person-years per band.
        reference_counts: Events of the reference per band.
        reference_populations: Population of the reference per band.
        multiplier: Unit of the rate, or 100 for a ratio in per cent.
        confidence: Two-sided level.
        result: ``rate`` = (observed / expected) · crude rate of the reference;
            ``ratio`` = observed / expected.

    Returns:
        The figure with limits of the observed count divided by the expected; refused
        (``no_population``) where nothing is expected.

    Raises:
        ValueError: If a number is negative, missing or not finite, lengths differ, or a band of
            the reference has no population.
    """
    if result not in ("rate", "ratio"):
        msg = f"result: expected 'rate' or 'ratio', got {result!r}"
        raise ValueError(msg)
    check_positive("multiplier", multiplier)
    own, people = checked("counts", counts), checked("populations", populations)
    events = checked("reference_counts", reference_counts)
    reference = checked("reference_populations", reference_populations)
    bands = {people.size, events.size, reference.size}
    if len(bands) != 1 or not (is_one(counts) or own.size in bands):
        msg = "bands: counts, populations and the reference's columns must have one length"
        raise ValueError(msg)
    if np.any((reference <= 0.0) & (people > 0.0)):
        msg = "reference_populations: every band with population needs a reference population"
        raise ValueError(msg)
    rates = events / np.where(reference > 0.0, reference, 1.0)
    observed = float(own.sum())
    crude = float(events.sum() / reference.sum()) if reference.sum() > 0.0 else 0.0
    frame = pl.DataFrame(
        {
            "observed": [observed],
            "expected": [float(people @ rates)],
            "reference_rate": [1.0 if result == "ratio" else crude],
        }
    )
    row = indirectly_standardised_frame(frame, multiplier=multiplier, confidence=confidence).row(
        0, named=True
    )
    return IndirectEstimate(
        row["value"],
        row["lower"],
        row["upper"],
        observed=observed,
        expected=row["expected"],
        reason=row["reason"],
        reference_rate=multiplier * crude,
    )


def indirectly_standardised_frame(
    frame: pl.DataFrame,
    *,
    observed: str = "observed",
    expected: str = "expected",
    reference_rate: str = "reference_rate",
    variance: str | None = None,
    multiplier: float = 1.0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Indirectly standardised rate of every row.

    Args:
        frame: One row per area.
        observed: Column of events observed.
        expected: Column of events expected.
        reference_rate: Column of the reference's crude rate per person or person-year.
        variance: Column of Σ k² over persons; None for events that happen once.
        multiplier: Unit of the rate.
        confidence: Two-sided level.

    Returns:
        The frame with value, lower, upper (null where nothing is expected) and reason.

    Raises:
        ValueError: If a count is negative.
    """
    events, awaited = frame_floats(frame, observed), frame_floats(frame, expected)
    low, high = poisson_limits(events, confidence)
    if variance is not None:
        some = np.where(events > 0.0, events, 1.0)
        ratio = np.sqrt(np.where(events > 0.0, as_floats(frame[variance]), 1.0) / some)
        low, high = (
            np.maximum(events + ratio * (low - events), 0.0),
            events + ratio * (high - events),
        )
    unit = multiplier * as_floats(frame[reference_rate]) / np.where(awaited > 0.0, awaited, np.nan)
    reason = frame.select(
        pl.when(~(pl.col(expected) > 0)).then(pl.lit(NO_POPULATION, dtype=pl.String))
    ).to_series()
    return with_estimates(frame, events * unit, low * unit, high * unit, reason)
