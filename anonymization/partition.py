"""Optimal contiguous partition of one ordered attribute inside fixed groups.

Belongs here: merging neighbouring bands (of age) until every part holds at least k persons in
every period, at the least possible loss, and the k-anonymous strata made that way.

Does not belong here: recoding of persons' rows and what else parts must hold
(``anonymization.intervals``, which takes the best borders from here).

The optimum is exact. The number of parts and their borders are free, loss and crossed cuts are
sums over parts, so the best partition of what follows a border does not depend on what precedes
it, and dynamic programming over the borders finds it (Bellman's principle; Hansen and Mukherjee
2003 do the same for microaggregation). All sums are of integers, so equal solutions are really
equal and the tie-break decides, not rounding.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

OPEN_END: Final = 199
"""Upper age of a stratum without one, in whole years."""

_COUNT_COLUMNS: Final = ("area_level", "area_code", "sex", "year", "age", "residents")
_GROUP: Final = ("area_level", "area_code", "sex")
STRATA_SCHEMA: Final = pl.Schema(
    {
        "area_level": pl.String,
        "area_code": pl.String,
        "sex": pl.String,
        "age_from": pl.Int32,
        "age_to": pl.Int32,
        "below_k": pl.Boolean,
    }
)


class NoPartitionError(ValueError):
    """All bands together hold fewer than k persons in some period."""


@dataclass(frozen=True)
class Partition:
    """The best partition of ordered bands.

    Attributes:
        starts: Index of the first band of each part, ascending; the first is 0.
        crossed: Number of declared cuts that fall inside a part.
        loss: Normalised certainty penalty: mean over persons and periods of
            (leaves of the part - 1) / (leaves of all bands - 1); 0 when nothing is merged beyond
            single leaves, 1 when everything is.
    """

    starts: tuple[int, ...]
    crossed: int
    loss: float


def optimal_partition(
    counts: NDArray[np.int64],
    k: int,
    *,
    leaves: Sequence[int] | None = None,
    cuts: Collection[int] = (),
) -> Partition:
    """Merge neighbouring bands so that every part holds k persons in every period.

    Among all such partitions the one with the fewest declared cuts crossed is taken; among those
    the one of the least loss, weighted by persons; then the one whose borders come first.

    A part that is empty in some period does not hold k persons in it: an empty band is merged
    like any other, because a part that nobody is in tells as much as one with a single person.

    Args:
        counts: Persons, periods x bands.
        k: Least number of persons of a part in each period.
        leaves: Number of values (years of age) in each band; 1 each when not given.
        cuts: Bands (by index) whose lower border should stay a border; named twice, it weighs
            double.

    Returns:
        The best partition.

    Raises:
        NoPartitionError: If even all bands together do not hold k persons in every period.
        ValueError: If the arguments do not fit each other.
    """
    periods, bands = _check_shape(counts, k, leaves, cuts)
    widths = np.ones(bands, dtype=np.int64) if leaves is None else np.asarray(leaves, np.int64)
    declared = np.zeros(bands, dtype=np.int64)
    np.add.at(declared, list(cuts), 1)
    persons, width, cut = _cumulative(counts), _cumulative(widths), _cumulative(declared)
    parts = _between(persons)
    # The cut at a part's own start is kept, so only those after it are crossed.
    inside = cut[None, :] - np.append(cut[1:], cut[-1:])[:, None]
    borders = best_borders(
        parts.min(axis=0, initial=k) >= k, inside, parts.sum(axis=0) * (_between(width) - 1)
    )
    if borders is None:
        raise NoPartitionError(
            f"Fewer than {k} persons in some of {periods} periods over all {bands} bands: no "
            "partition is k-anonymous. Merge the group with another."
        )
    starts = borders[:-1]
    crossed = sum(c not in starts and c != 0 for c in set(cuts))
    return Partition(starts, crossed, _loss(counts, widths, borders))


def k_anonymous_strata(
    counts: pl.DataFrame,
    k: int,
    band_lower_bounds: Sequence[int],
    cuts: Collection[int],
) -> pl.DataFrame:
    """Make the age strata of each area and sex: the finest that hold k residents in every year.

    Bands are the given ones, cut also at the declared cuts. One partition serves all years, so
    figures of different years can be set side by side. An area is judged in the years in which it
    has residents at all: a municipality that ended or began within the window is not held to the
    years in which it did not exist.

    Args:
        counts: Residents on 31 December by ``area_level``, ``area_code``, ``sex``, ``year`` and
            single year of ``age``; absent rows are zero. ``residents`` in persons.
        k: Least number of residents of a stratum in each year.
        band_lower_bounds: Lower ages of the bands, the first 0; the last band has no upper end.
        cuts: Ages at which some indicator begins, ends or divides, once for each of them, so that
            the cut fewest need is crossed first; crossed only if there is no
            other way.

    Returns:
        One row per stratum: ``area_level``, ``area_code``, ``sex``, ``age_from``, ``age_to``
        (years, inclusive; 199 stands for no upper end), ``below_k`` (the whole area and sex holds
        fewer than k residents in some year: its single stratum is not k-anonymous and nothing may
        be counted in it). Sorted.

    Raises:
        ValueError: If columns are missing, ages or counts are missing or negative, k is below 1,
            or the bands do not begin at 0.
    """
    bounds = _bounds(band_lower_bounds, cuts)
    _check_counts(counts)
    banded = _banded(counts, bounds)
    leaves = _years(bounds)
    cut_bands = [bounds.index(cut) for cut in cuts]
    rows: list[tuple[str, str, str, int, int, bool]] = []
    # One turn per area and sex, over a small matrix: never over persons.
    for group in banded.partition_by(_GROUP, maintain_order=True):
        level, code, sex = group.select(_GROUP).row(0)
        matrix = group.select(f"band_{band}" for band in range(len(bounds))).to_numpy()
        try:
            starts = optimal_partition(matrix, k, leaves=leaves, cuts=cut_bands).starts
        except NoPartitionError:
            rows.append((level, code, sex, 0, OPEN_END, True))
            continue
        froms = [bounds[start] for start in starts]
        tos = [upper - 1 for upper in froms[1:]] + [OPEN_END]
        rows += [(level, code, sex, a, b, False) for a, b in zip(froms, tos, strict=True)]
    return pl.DataFrame(rows, schema=STRATA_SCHEMA, orient="row").sort(*_GROUP, "age_from")


def _check_shape(
    counts: NDArray[np.int64], k: int, leaves: Sequence[int] | None, cuts: Collection[int]
) -> tuple[int, int]:
    if counts.ndim != 2 or counts.shape[1] == 0:
        raise ValueError(f"counts: expected periods x bands, got the shape {counts.shape}.")
    periods, bands = counts.shape
    if k < 1:
        raise ValueError(f"k: expected 1 or more, got {k}.")
    if counts.size and counts.min() < 0:
        raise ValueError("counts: expected no negative numbers of persons.")
    if leaves is not None and (len(leaves) != bands or min(leaves) < 1):
        raise ValueError(f"leaves: expected {bands} numbers of 1 or more.")
    if any(not 0 <= cut < bands for cut in cuts):
        raise ValueError(f"cuts: expected indices of bands from 0 to {bands - 1}.")
    return periods, bands


def _cumulative(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums over the bands before each border, so that any part's sum is one subtraction."""
    zero = np.zeros((*values.shape[:-1], 1), dtype=np.int64)
    return np.concatenate([zero, np.cumsum(values, axis=-1, dtype=np.int64)], axis=-1)


def _between(cumulative: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums between any two borders: by the first and then the second of them."""
    return np.asarray(cumulative[..., None, :] - cumulative[..., :, None], dtype=np.int64)


def best_borders(
    holds: NDArray[np.bool_], first: NDArray[np.int64], then: NDArray[np.int64]
) -> tuple[int, ...] | None:
    """Borders of the best partition into parts that hold.

    Args:
        holds: By a part's border below and border above, whether it holds.
        first: What each part costs, added up over parts.
        then: What decides between partitions of the same cost; likewise.

    Returns:
        The borders, from 0 to the number of bands; of equal ones those that come first. None when
        no partition holds.
    """
    bands = holds.shape[0] - 1
    # The price of the best partition of the bands from a border on; only where there is one.
    best, rest = np.zeros(bands + 1, dtype=np.int64), np.zeros(bands + 1, dtype=np.int64)
    reached = np.zeros(bands + 1, dtype=np.bool_)
    reached[bands] = True
    following = np.full(bands + 1, bands, dtype=np.int64)
    for start in reversed(range(bands)):
        ends = start + 1 + np.flatnonzero(holds[start, start + 1 :] & reached[start + 1 :])
        if ends.size == 0:
            continue
        price, tie = first[start, ends] + best[ends], then[start, ends] + rest[ends]
        least = np.lexsort((ends, tie, price))[0]
        best[start], rest[start], following[start] = price[least], tie[least], ends[least]
        reached[start] = True
    if not reached[0]:
        return None
    borders = [0]
    while borders[-1] < bands:
        borders.append(int(following[borders[-1]]))
    return tuple(borders)


def _loss(counts: NDArray[np.int64], widths: NDArray[np.int64], borders: tuple[int, ...]) -> float:
    persons, domain = int(counts.sum()), int(widths.sum())
    if persons == 0 or domain == 1:
        return 0.0
    spent = sum(
        int(counts[:, start:end].sum()) * (int(widths[start:end].sum()) - 1)
        for start, end in pairwise(borders)
    )
    return spent / (persons * (domain - 1))


def _bounds(band_lower_bounds: Sequence[int], cuts: Collection[int]) -> list[int]:
    bounds = sorted({*band_lower_bounds, *cuts})
    if not band_lower_bounds or bounds[0] != 0 or bounds[-1] > OPEN_END:
        raise ValueError(
            f"band_lower_bounds: expected ages from 0 to {OPEN_END}, the first 0; got "
            f"{list(band_lower_bounds)} with cuts {sorted(cuts)}."
        )
    return bounds


def _years(bounds: list[int]) -> list[int]:
    """Years of age in each band; the open one counts as wide as the one before it."""
    closed = [upper - lower for lower, upper in pairwise(bounds)]
    return [*closed, closed[-1] if closed else 1]


def _check_counts(counts: pl.DataFrame) -> None:
    missing = [name for name in _COUNT_COLUMNS if name not in counts.columns]
    if missing:
        raise ValueError(f"counts: columns missing: {', '.join(missing)}.")
    unfit = counts.filter(
        pl.any_horizontal(pl.col(_COUNT_COLUMNS).is_null())
        | ~pl.col("age").is_between(0, OPEN_END)
        | (pl.col("residents") < 0)
    ).height
    if unfit:
        raise ValueError(
            f"counts: {unfit} of {counts.height} rows have an empty field, an age outside 0 to "
            f"{OPEN_END} or a negative number of residents."
        )


def _banded(counts: pl.DataFrame, bounds: list[int]) -> pl.DataFrame:
    """One row per area, sex and year in which the area has residents; one column per band."""
    area = _GROUP[:2]
    lived_in = (
        counts.group_by(*area, "year")
        .agg(pl.col("residents").sum())
        .filter(pl.col("residents") > 0)
    ).select(*area, "year")
    bands = [
        pl.col("residents")
        .filter(pl.col("age").is_between(lower, upper - 1))
        .sum()
        .cast(pl.Int64)
        .alias(f"band_{band}")
        for band, (lower, upper) in enumerate(pairwise([*bounds, OPEN_END + 1]))
    ]
    by_sex = counts.group_by(*_GROUP, "year").agg(bands)
    # A sex without a row in a year in which the area had residents is a zero, not an absence.
    frame = counts.select(_GROUP).unique().join(lived_in, on=area, how="left")
    return (
        frame.join(by_sex, on=[*_GROUP, "year"], how="left", nulls_equal=True)
        .with_columns(pl.col("^band_.*$").fill_null(0))
        .sort(*_GROUP, "year")
    )
