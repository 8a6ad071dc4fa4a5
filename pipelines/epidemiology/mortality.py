"""Life expectancy from an abridged life table.

Belongs here: the life table and its refusals. Does not belong here: where deaths come from.

Sources: Chiang CL, The Life Table and its Construction, 1968 · variance of the open band:
Silcocks PBS, Jenner DA, Reza R, Journal of Epidemiology and Community Health 2001;55:38-43 ·
refusals: Toson B, Baker A, National Statistics Methodological Series 33, 2003; Eayres DP,
Williams ES, Journal of Epidemiology and Community Health 2004;58:243-249.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import (
    Column,
    Flags,
    Floats,
    check_not_negative,
    columns,
    stacked,
)
from pipelines.epidemiology.intervals import normal_quantile
from pipelines.epidemiology.rates import with_estimates
from pipelines.epidemiology.results import (
    Estimates,
    Objects,
    Reason,
    estimates,
    first_reason,
    unrefused,
)

LIFE_TABLE_AGES = (0, 1, *range(5, 95, 5))
"""First age of each of the twenty bands; the last one is open."""
SMALLEST_POPULATION = 5_000
WIDEST_INTERVAL = 20.0
RADIX = 100_000.0

_BANDS = len(LIFE_TABLE_AGES)
_LIVED = np.array([0.1, *[0.5] * (_BANDS - 1)])
"""Share of a band that those live on average who die in it."""


@dataclass(frozen=True, slots=True)
class LifeExpectancy:
    """Years that are left at one age, and at every age of the table.

    Attributes:
        value: Years left at the age asked for; None where refused.
        lower: Lower confidence limit, in years.
        upper: Upper confidence limit, in years.
        reason: Why there is no value, else None.
        ages: First age of each band.
        by_age: The same at every age of the table.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: Reason | None
    ages: tuple[int, ...]
    by_age: Estimates

    def to_frame(self) -> pl.DataFrame:
        """One row per age: age, value, lower, upper, reason."""
        return pl.DataFrame(pl.Series("age", self.ages, dtype=pl.Int64)).hstack(
            self.by_age.to_frame()
        )


def life_expectancy(
    deaths: Column,
    populations: Column,
    ages: Sequence[int | str] = LIFE_TABLE_AGES,
    confidence: float = 0.95,
    *,
    at: int = 0,
) -> LifeExpectancy:
    """Life expectancy by Chiang's method with Silcocks' variance.

    Args:
        deaths: Deaths per band.
        populations: Persons or person-years per band.
        ages: First age of each band, or labels that begin with it ("1-4", "90+"), in any
            order: 0, 1, 5, 10 … 85, and 90 and over.
        confidence: Two-sided level.
        at: Age at which to give the value; it begins a band.

    Returns:
        Years left. Refused as a whole for other bands (``other_age_bands``), a null
        (``missing``), a band without population (``no_population``) or with more deaths than
        persons (``deaths_above_population``), 5 000 persons or fewer (``small_population``),
        and no death in the last band (``no_deaths_at_the_end``); at single ages where the
        95 % interval is wider than 20 years (``wide_interval``) or nobody reaches the age
        (``no_survivors``).

    Raises:
        ValueError: If a number is negative or not finite, lengths differ, or ``at`` begins no
            band.
    """
    if at not in LIFE_TABLE_AGES:
        msg = f"at: expected the first age of a band ({', '.join(map(str, LIFE_TABLE_AGES))})"
        raise ValueError(msg)
    died, people = columns({"deaths": deaths, "populations": populations}, missing=True)
    starts = np.array([_first_age(age) for age in ages])
    if starts.size != died.size:
        msg = f"ages: expected {died.size}, one for each band of deaths; got {starts.size}"
        raise ValueError(msg)
    if tuple(sorted(starts.tolist())) != LIFE_TABLE_AGES:
        return _all_refused("other_age_bands")
    order = np.argsort(starts)
    table = _LifeTables(died[order].reshape(1, -1), people[order].reshape(1, -1))
    spread = normal_quantile(confidence) * table.error[0]
    rows = estimates(
        table.years[0], table.years[0] - spread, table.years[0] + spread, table.reasons[0]
    )
    one = rows[LIFE_TABLE_AGES.index(at)]
    return LifeExpectancy(one.value, one.lower, one.upper, one.reason, LIFE_TABLE_AGES, rows)


def _first_age(age: int | str) -> int:
    found = re.match(r"\s*(\d+)", str(age))
    if found is None:
        msg = "ages: expected first ages, or labels that begin with one, such as '1-4'"
        raise ValueError(msg)
    return int(found[1])


def _all_refused(reason: Reason) -> LifeExpectancy:
    none = (None,) * _BANDS
    rows = Estimates(none, none, none, (reason,) * _BANDS)
    return LifeExpectancy(None, None, None, reason, LIFE_TABLE_AGES, rows)


class _LifeTables:
    """Life tables of several populations (rows) over the twenty bands (columns)."""

    def __init__(self, deaths: Floats, people: Floats) -> None:
        whole = first_reason(
            len(deaths),
            {
                "missing": np.any(np.isnan(deaths + people), axis=1),
                "no_population": np.any(people == 0.0, axis=1),
                "deaths_above_population": np.any(deaths > people, axis=1),
                "small_population": people.sum(axis=1) <= SMALLEST_POPULATION,
                "no_deaths_at_the_end": deaths[:, -1] == 0.0,
            },
        )
        sound = unrefused(whole)[:, None]
        # Where nothing is asked for, any possible population keeps the arithmetic quiet.
        deaths, people = np.where(sound, deaths, 1.0), np.where(sound, people, 100.0)
        self.years, self.error, alive = _years_left(deaths, people)
        wide = 2.0 * normal_quantile(0.95) * self.error > WIDEST_INTERVAL
        each = first_reason(
            alive.size, {"no_survivors": ~alive.ravel(), "wide_interval": wide.ravel()}
        )
        self.reasons: Objects = np.where(sound, each.reshape(alive.shape), whole[:, None])


def _years_left(deaths: Floats, people: Floats) -> tuple[Floats, Floats, Flags]:
    """Years left and their standard error at the beginning of each band, and who reaches it."""
    rate = deaths / people
    width = np.array([*np.diff(LIFE_TABLE_AGES), 0.0])
    gone = np.minimum(width * rate / (1.0 + width * rate * (1.0 - _LIVED)), 1.0)
    gone[:, :-1] = np.where(rate * width * _LIVED >= 1.0, 1.0, gone)[:, :-1]
    gone[:, -1] = 1.0
    reach = RADIX * np.cumprod(np.hstack([np.ones((len(rate), 1)), 1.0 - gone[:, :-1]]), axis=1)
    after = np.hstack([reach[:, 1:], np.zeros((len(rate), 1))])
    lived = width * (after + _LIVED * (reach - after))
    lived[:, -1] = reach[:, -1] / rate[:, -1]
    alive: Flags = np.asarray(reach > 0.0)
    some = np.where(alive, reach, 1.0)
    years = np.where(alive, _from_here(lived) / some, 0.0)
    next_years = np.hstack([years[:, 1:], np.zeros((len(rate), 1))])
    variance = np.square(gone) * (1.0 - gone) / np.where(deaths > 0.0, deaths, 1.0)
    parts = variance * np.square(reach * ((1.0 - _LIVED) * width + next_years))
    parts[:, -1] = np.square(reach[:, -1]) / (deaths[:, -1] * np.square(rate[:, -1]))
    return years, np.sqrt(_from_here(parts)) / some, alive


def _from_here(numbers: Floats) -> Floats:
    """Sums from each band to the last."""
    return np.cumsum(numbers[:, ::-1], axis=1)[:, ::-1]


def life_expectancy_frame(
    bands: pl.DataFrame,
    *,
    by: Sequence[str],
    age: str = "age_from",
    deaths: str = "deaths",
    population: str = "population",
    at: int = 0,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """`life_expectancy` of every stratum.

    Args:
        bands: One row per stratum and band.
        by: Columns that name a stratum.
        age: Column of the bands' first ages (whole numbers).
        deaths: Column of deaths.
        population: Column of persons or person-years.
        at: Age at which to give the value; it begins a band.
        confidence: Two-sided level.

    Returns:
        One row per stratum: ``by``, value, lower, upper (years; null where refused), reason.
        Sorted by ``by``.

    Raises:
        ValueError: If a number is negative or not finite, or ``at`` begins no band.
    """
    if at not in LIFE_TABLE_AGES:
        msg = f"at: expected the first age of a band ({', '.join(map(str, LIFE_TABLE_AGES))})"
        raise ValueError(msg)
    names = (deaths, population, age)
    strata, (died, people, starts) = stacked(bands, by, age, names, last=_BANDS + 1)
    check_not_negative(deaths, died)
    check_not_negative(population, people)
    other = ~np.all(starts[:, :_BANDS] == LIFE_TABLE_AGES, axis=1) | ~np.isnan(starts[:, _BANDS])
    table = _LifeTables(
        np.where(other[:, None], 1.0, died[:, :_BANDS]),
        np.where(other[:, None], 1e4, people[:, :_BANDS]),
    )
    place = LIFE_TABLE_AGES.index(at)
    reasons = np.where(other, "other_age_bands", table.reasons[:, place])
    value = np.where(unrefused(reasons), table.years[:, place], np.nan)
    spread = normal_quantile(confidence) * table.error[:, place]
    told = pl.Series("reason", reasons.tolist(), dtype=pl.String)
    return with_estimates(strata, value, value - spread, value + spread, told)
