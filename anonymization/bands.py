"""The ordered attribute of a partition as bands, and the words for what lies between two borders.

Belongs here: reading bands from a hierarchy or from the values, and labelling intervals of them.
Does not belong here: which borders a partition takes (``intervals``, ``partition``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl

from anonymization.hierarchies import TOP, Hierarchy, HierarchyError
from anonymization.packing import Codes, ColumnError, whole_numbers

MAXIMUM_BANDS: Final = 1_000


@dataclass(frozen=True)
class Bands:
    """The ordered attribute as bands.

    Attributes:
        name: Column.
        of_value: Band of each distinct value; -1 of a missing one.
        leaves: Values of the domain below each border.
        lows: Least value of each band.
        highs: Greatest value of each band.
        is_closed: Whether the domain's ends are known, not just observed.
    """

    name: str
    of_value: Codes
    leaves: Codes
    lows: Sequence[Any]
    highs: Sequence[Any]
    is_closed: bool

    @property
    def number(self) -> int:
        """Number of bands."""
        return len(self.lows)

    @property
    def domain(self) -> int:
        """Values of the domain; a missing one is one more where it occurs."""
        return int(self.leaves[-1]) + int((self.of_value < 0).any())

    def leaves_between(self, below: Codes, above: Codes) -> Codes:
        """Values of the domain between two borders."""
        return np.asarray(self.leaves[above] - self.leaves[below], dtype=np.int64)

    def labels(self, below: Codes, above: Codes) -> tuple[pl.Series, Codes]:
        """Intervals in words, and which of them lies between each two borders."""
        keys, places = np.unique(below * (self.number + 1) + above, return_inverse=True)
        texts = [self._label(*divmod(int(key), self.number + 1)) for key in keys]
        shown = [text for text in texts if text is not None]
        if len(set(shown)) != len(shown):
            raise ColumnError(
                f"Column {self.name!r}: some value reads like an interval of others. Rename its "
                "values; / is between the ends of intervals, and * stands for all."
            )
        return pl.Series("label", texts, dtype=pl.String), places.astype(np.int64)

    def _label(self, below: int, above: int) -> str | None:
        if below == above:
            return None
        low, high = self.lows[below], self.highs[above - 1]
        if below == 0 and above == self.number:
            return TOP
        # The least and the greatest value observed belong to somebody: such ends stay open.
        if not self.is_closed and below == 0:
            return f"<{self.lows[above]}"
        if not self.is_closed and above == self.number:
            return f"{low}+"
        return f"{low}" if low == high else f"{low}{'-' if isinstance(low, int) else '/'}{high}"


def bands_of(values: pl.Series, hierarchy: Hierarchy | None) -> Bands:
    """Lay bands over an ordered attribute.

    Args:
        values: Its distinct values, ascending, a missing one first; named as the column.
        hierarchy: Intervals that are to be the bands; each value is one by default.

    Raises:
        ColumnError: If the values have no order, or there are too many bands.
        HierarchyError: If the bands do not cover the values.
    """
    known = values.drop_nulls()
    closed = hierarchy.bands() if hierarchy is not None else None
    if isinstance(known.dtype, pl.Enum) and closed is None:
        lows: list[Any] = known.dtype.categories.to_list()
        bands = known.to_physical().cast(pl.Int64).to_numpy()
        return _bands(values, bands, [1] * len(lows), (lows, lows), is_closed=True)
    numbers = _numbers(values.name, known)
    observed = numbers.to_list()
    if closed is None:
        # Texts such as 05 and 5 are the same number.
        ordered = sorted(set(observed))
        bands = np.unique(numbers.to_physical().to_numpy(), return_inverse=True)[1]
        step: Any = timedelta(days=1) if isinstance(known.dtype, pl.Date) else 1
        highs = [*(following - step for _, following in pairwise(ordered)), *ordered[-1:]]
        return _bands(values, bands, [1] * len(ordered), (ordered, highs), is_closed=False)
    width, lower, upper = closed
    if isinstance(known.dtype, pl.Date):
        raise ColumnError(
            f"Column {values.name!r}: intervals of whole numbers do not fit dates. Leave the "
            "hierarchy out."
        )
    outside = [n for n in observed if lower is not None and upper is not None]
    outside = [n for n in outside if not lower <= n <= upper]
    if outside:
        raise HierarchyError(
            f"Column {values.name!r}: the hierarchy does not cover {len(outside)} of "
            f"{len(observed)} distinct values. Add them, or mend the column."
        )
    origin = lower if lower is not None else min(observed, default=0) // width * width
    last = upper if upper is not None else max(observed, default=0)
    starts = list(range(origin, last + 1, width))
    places = (numbers.cast(pl.Int64).to_numpy() - origin) // width
    ends = [min(low + width - 1, last if upper is not None else low + width - 1) for low in starts]
    leaves = [high - low + 1 for low, high in zip(starts, ends, strict=True)]
    if upper is None:
        # Without limits the domain is the values observed.
        leaves = np.bincount(places, minlength=len(starts)).tolist()
    return _bands(values, places, leaves, (starts, ends), is_closed=upper is not None)


def _bands(
    values: pl.Series,
    known: Codes,
    leaves: Sequence[int],
    ends: tuple[Sequence[Any], Sequence[Any]],
    *,
    is_closed: bool,
) -> Bands:
    if len(leaves) > MAXIMUM_BANDS:
        raise ColumnError(
            f"Column {values.name!r}: {len(leaves)} bands are more than a partition is built for, "
            f"{MAXIMUM_BANDS}. Give it intervals as a hierarchy."
        )
    missing = [-1] * values.null_count()
    of_value = np.concatenate([np.array(missing, dtype=np.int64), known.astype(np.int64)])
    below = np.concatenate([[0], np.cumsum(np.array(leaves, dtype=np.int64))]).astype(np.int64)
    return Bands(values.name, of_value, below, *ends, is_closed=is_closed)


def _numbers(name: str, known: pl.Series) -> pl.Series:
    """Dates as they are, whole numbers however they are written."""
    if known.dtype == pl.Date:
        return known
    if not (known.dtype.is_integer() or known.dtype.is_float() or known.dtype == pl.String):
        raise ColumnError(
            f"Column {name!r}: has no order that a partition needs. Give whole numbers, dates or "
            "an enumeration."
        )
    numbers = whole_numbers(known)
    if numbers.null_count():
        raise ColumnError(
            f"Column {name!r}: {numbers.null_count()} of {known.len()} distinct values are no "
            "whole numbers, so the column has no order that a partition needs. Give whole numbers, "
            "dates or an enumeration."
        )
    return numbers
