"""Small vectorised draws that every part uses.

Belongs here: curves, whole-number allocation, picking by group. Does not belong here: numbers
with a meaning (``parameters``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic.days import Bools, Floats, Ints
from pipelines.synthetic.parameters import Curve


def curve(knots: Curve, at: Ints | Floats) -> Floats:
    """Value of a piecewise linear curve; flat outside its knots."""
    ages, values = zip(*knots, strict=True)
    return np.asarray(np.interp(at, ages, values), dtype=np.float64)


def place_factors(rng: np.random.Generator, places: int, log_sd: float) -> Floats:
    """One factor with mean 1 by place, log-normal."""
    return np.exp(rng.normal(0.0, log_sd, places) - log_sd**2 / 2)


def largest_remainder(shares: Floats, totals: Ints) -> Ints:
    """Whole numbers in proportion to ``shares`` (rows) that sum to ``totals``."""
    exact = shares / shares.sum(axis=1, keepdims=True) * totals[:, None]
    whole = np.floor(exact).astype(np.int64)
    missing = totals - whole.sum(axis=1)
    rank = np.argsort(np.argsort(-(exact - whole), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(whole + (rank < missing[:, None]), dtype=np.int64)


def pick_by_group(group: Ints, key: Floats, wanted: Ints) -> Bools:
    """Mark, in each group, the ``wanted[group]`` members with the smallest key."""
    order = np.lexsort((key, group))
    sorted_group = group[order]
    starts = np.searchsorted(sorted_group, np.arange(wanted.size))
    rank = np.arange(group.size) - starts[sorted_group]
    marked = np.zeros(group.size, dtype=np.bool_)
    marked[order] = rank < wanted[sorted_group]
    return marked


def choose(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Draw indices in proportion to weights."""
    cumulative = np.cumsum(weights)
    drawn = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return np.asarray(np.minimum(drawn, weights.size - 1), dtype=np.int64)


def choose_in_rows(rng: np.random.Generator, weights: Floats, rows: Ints) -> Ints:
    """Draw one column for each element of ``rows`` in proportion to that row's weights."""
    cumulative = np.cumsum(weights, axis=1)
    level = rng.random(rows.size) * cumulative[rows, -1]
    return np.asarray((cumulative[rows] <= level[:, None]).sum(axis=1), dtype=np.int64)


def named(names: tuple[str, ...], index: Ints | Bools) -> pl.Series:
    """The name at each index; a boolean picks between two."""
    return pl.Series(names).gather(pl.Series(index).cast(pl.UInt32))


def coded(names: tuple[str, ...], index: Ints | Bools) -> pl.Series:
    """The name at each index, held as one small number a row."""
    levels = pl.Enum(names)
    return pl.Series(names, dtype=levels).gather(pl.Series(index).cast(pl.UInt32))


def identified(prefix: str, size: int, digits: int = 8) -> pl.Series:
    """Ids of consecutive rows: the prefix and a number with leading zeros."""
    numbers = pl.Series("id", np.arange(size)).cast(pl.String).str.zfill(digits)
    return numbers.to_frame().select(pl.concat_str(pl.lit(prefix), "id").alias("id")).to_series()


def logit_shift(share: float, shift: Floats) -> Floats:
    """A share moved by ``shift`` on the log-odds scale."""
    return np.asarray(1 / (1 + (1 - share) / share * np.exp(-shift)), dtype=np.float64)
