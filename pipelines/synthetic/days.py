"""Days as whole numbers since 1970-01-01, and how to turn them into dates.

Belongs here: arithmetic on days and local clock time. Does not belong here: what happens on them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FAR = 2**30
"""Stands for "no end" among day numbers."""

_EPOCH = dt.date(1970, 1, 1)


def day(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return (date - _EPOCH).days


def date_of(number: int) -> dt.date:
    """The date of a day number."""
    return _EPOCH + dt.timedelta(days=number)


def first_day(year: int) -> int:
    """Day number of 1 January."""
    return day(dt.date(year, 1, 1))


def last_day(year: int) -> int:
    """Day number of 31 December."""
    return day(dt.date(year, 12, 31))


def year_of(days: npt.NDArray[Any]) -> Ints:
    """Calendar year of each day number."""
    years = np.asarray(days, dtype=np.int64).astype("datetime64[D]").astype("datetime64[Y]")
    return np.asarray(years.astype(np.int64) + 1970)


def date_series(name: str, days: npt.NDArray[Any]) -> pl.Series:
    """Day numbers as dates; ``FAR`` and later become null."""
    numbers = pl.Series(name, np.asarray(days, dtype=np.int64))
    return numbers.to_frame().select(
        pl.when(pl.col(name) < FAR).then(pl.col(name)).cast(pl.Int32).cast(pl.Date)
    )[name]


def seasonal_days(
    rng: np.random.Generator, year: int, size: int, month_weights: tuple[float, ...]
) -> Ints:
    """Draw days of a calendar year.

    Args:
        rng: Random stream.
        year: The calendar year.
        size: How many days to draw.
        month_weights: Relative rate per day in each of twelve months.

    Returns:
        Day numbers.
    """
    start, days = first_day(year), last_day(year) - first_day(year) + 1
    dates = np.arange(start, start + days).astype("datetime64[D]")
    months = dates.astype("datetime64[M]").astype(np.int64) % 12
    weights = np.asarray(month_weights)[months]
    cumulative = np.cumsum(weights) / weights.sum()
    drawn = np.searchsorted(cumulative, rng.random(size), side="right")
    return np.asarray(start + np.minimum(drawn, days - 1), dtype=np.int64)


def summer_offset(days: Ints) -> Ints:
    """Hours that Oslo is ahead of UTC on a day (1 or 2), by the European Union's summer time.

    The hours of the two changing nights are not told apart: no event is placed in them.
    """
    years = year_of(days)
    result = np.ones(days.shape, dtype=np.int64)
    for year in np.unique(years):
        begin, end = (_last_sunday(int(year), month) for month in (3, 10))
        summer = (years == year) & (days >= begin) & (days < end)
        result[summer] = 2
    return result


def off_changing_hours(days: Ints, minutes: Ints) -> Ints:
    """Move what falls in the first three hours of a night when the clock changes past them."""
    changing = np.zeros(days.shape, dtype=np.bool_)
    for year in np.unique(year_of(days)):
        for month in (3, 10):
            changing |= days == _last_sunday(int(year), month)
    return np.where(changing & (minutes < 180), minutes + 180, minutes)


def _last_sunday(year: int, month: int) -> int:
    end = dt.date(year, month, 31)
    return day(end) - (end.weekday() + 1) % 7
