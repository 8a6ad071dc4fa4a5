"""Figures pooled over several years, for areas too small for one.

Belongs here: sums of years that know how many years they hold. Does not belong here: whether
one year or several are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import Column, check_positive, columns
from pipelines.epidemiology.intervals import wilson
from pipelines.epidemiology.rates import crude_rate
from pipelines.epidemiology.results import MISSING, Reason


@dataclass(frozen=True, slots=True)
class PooledEstimate:
    """A figure over several years.

    Attributes:
        value: The figure; None where refused.
        lower: Lower confidence limit.
        upper: Upper confidence limit.
        years_used: Years that the figure holds.
        years_missing: Years of the period that were not there.
        reason: Why there is no value, else None.
    """

    value: float | None
    lower: float | None
    upper: float | None
    years_used: int
    years_missing: int
    reason: Reason | None = None


def pooled_rate(
    counts: Column,
    populations: Column,
    multiplier: float = 1.0,
    confidence: float = 0.95,
    *,
    kind: Literal["rate", "proportion"] = "rate",
) -> PooledEstimate:
    """Rate (or proportion) over a period: the sum of its years' events over that of persons.

    Args:
        counts: Events per year; None for a year that is missing.
        populations: Person-years per year; None for a year that is missing.
        multiplier: Unit of the figure.
        confidence: Two-sided level.
        kind: ``rate`` or ``proportion``.

    Returns:
        The figure of the years that are there, with how many they are; refused where all are
        missing (``missing``) or nobody lived there (``no_population``).

    Raises:
        ValueError: If a number is negative or not finite, lengths differ, or events have no
            population.
    """
    if kind not in ("rate", "proportion"):
        msg = f"kind: expected 'rate' or 'proportion', got {kind!r}"
        raise ValueError(msg)
    check_positive("multiplier", multiplier)
    events, people = columns({"counts": counts, "populations": populations}, missing=True)
    there = ~np.isnan(events) & ~np.isnan(people)
    used, gone = int(there.sum()), int((~there).sum())
    if not used:
        return PooledEstimate(None, None, None, 0, gone, MISSING)
    total, lived = float(events[there].sum()), float(people[there].sum())
    if kind == "rate":
        found, unit = crude_rate(total, lived, multiplier, confidence), 1.0
    else:
        found, unit = wilson(total, lived, confidence), multiplier
    if found.value is None or found.lower is None or found.upper is None:
        return PooledEstimate(None, None, None, used, gone, found.reason)
    return PooledEstimate(found.value * unit, found.lower * unit, found.upper * unit, used, gone)


def pooled_frame(
    frame: pl.DataFrame, *, by: Sequence[str], year: str, years: int, names: Sequence[str]
) -> pl.DataFrame:
    """Sums over each period of ``years`` years.

    Periods end in every year of the frame that has ``years - 1`` years of the frame before
    it. They overlap: for a trend take every ``years``-th.

    Args:
        frame: One row per stratum and year (and band, if ``by`` names one); a year that was
            not reported has no row.
        by: Columns that name a stratum.
        year: Column of years.
        years: Length of a period.
        names: Columns to add up: events, person-years, sums of squares.

    Returns:
        One row per stratum and period: ``by``, year_from, year_to, the sums, years_used, and
        complete (whether no year is missing). Sorted.

    Raises:
        ValueError: If ``years`` is below 1, or a stratum has two rows for a year.
    """
    if years < 1:
        msg = f"years: expected a number of years, at least 1; got {years!r}"
        raise ValueError(msg)
    keys = list(by)
    twice = frame.height - frame.select(*keys, year).n_unique()
    if twice:
        msg = f"{year}: {twice} rows have the stratum and year of another"
        raise ValueError(msg)
    known = frame.drop_nulls([*names])
    first = pl.lit(frame[year].min()) + years - 1
    ends = known.join(pl.DataFrame({"_later": range(years)}), how="cross").with_columns(
        year_to=pl.col(year) + pl.col("_later")
    )
    return (
        ends.filter(pl.col("year_to") >= first, pl.col("year_to") <= frame[year].max())
        .group_by(*keys, "year_to")
        .agg(pl.col(list(names)).sum(), years_used=pl.col(year).n_unique().cast(pl.Int64))
        .select(
            *keys,
            (pl.col("year_to") - years + 1).alias("year_from"),
            "year_to",
            *names,
            "years_used",
            complete=pl.col("years_used") == years,
        )
        .sort(*keys, "year_to")
    )
