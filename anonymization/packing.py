"""Columns as whole numbers, and several columns as one.

Belongs here: coding a column densely, joining codes into one key that is equal where the rows are,
however many bits that takes. Does not belong here: what is counted by the keys.

A missing value has a code of its own, like any other value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Codes = NDArray[np.int64]

# Keys stay below this, so that one more digit is noticed before 64 bits run over.
_WIDTH: Final = 2**62


class ColumnError(ValueError):
    """A column is missing, or not fit for what is asked of it."""


@dataclass(frozen=True)
class Coded:
    """A column as numbers.

    Attributes:
        codes: For each row the position of its value in ``values``.
        values: The distinct values, ascending, a missing one first.
    """

    codes: Codes
    values: pl.Series

    @property
    def digit(self) -> tuple[Codes, int]:
        """The codes and how many there are, as ``packed`` takes them."""
        return self.codes, self.values.len()


def coded(values: pl.Series) -> Coded:
    """Number the distinct values of a column in ascending order.

    Args:
        values: A column of numbers, texts, dates, categories or truth values.

    Returns:
        The codes and the values they stand for. They depend on the values alone, not on the order
        of the rows.

    Raises:
        ColumnError: If the values are lists or structs.
    """
    if values.dtype.is_nested():
        raise ColumnError(
            f"Column {values.name!r}: expected single values, got {values.dtype}. Take the parts "
            "out into columns of their own."
        )
    if values.dtype == pl.Categorical:
        # Categories are ordered by when they were first seen anywhere; texts are not.
        values = values.cast(pl.String)
    distinct = values.unique().sort()
    return Coded(positions(values, distinct), distinct)


def positions(values: pl.Series, distinct: pl.Series) -> Codes:
    """Find values among distinct ones.

    Args:
        values: A column.
        distinct: Its distinct values or more, ascending, a missing one first.

    Returns:
        For each value its position.

    Raises:
        ColumnError: If a value is not among them. Names the column, not the value.
    """
    if values.dtype == pl.Categorical:
        values = values.cast(pl.String)
    places = _places(values, distinct)
    unknown = int((places < 0).sum())
    if unknown:
        raise ColumnError(
            f"Column {values.name!r}: {unknown} of {values.len()} values were not there when the "
            "table was first read. Was it changed meanwhile? Start again."
        )
    return places


def whole_numbers(values: pl.Series) -> pl.Series:
    """What a column holds as whole numbers, whichever way they are written.

    Args:
        values: Numbers or texts: 5, 5.0 (which is what whole numbers become beside missing ones in
            some libraries), "5" and "05" are the same number.

    Returns:
        64-bit whole numbers; none where the value is none, or no whole number (a fraction, NaN,
        another text).
    """
    kind = values.dtype
    if kind.is_integer():
        return values.cast(pl.Int64, strict=False)
    if kind.is_float() or kind.is_decimal():
        return _whole_floats(values.cast(pl.Float64))
    if kind not in (pl.String, pl.Categorical, pl.Enum):
        return pl.Series(values.name, [None] * values.len(), dtype=pl.Int64)
    texts = values.cast(pl.String)
    numbers = texts.cast(pl.Int64, strict=False)
    return numbers.zip_with(
        numbers.is_not_null(), _whole_floats(texts.cast(pl.Float64, strict=False))
    )


def _whole_floats(values: pl.Series) -> pl.Series:
    value = pl.col(values.name)
    is_whole = value.is_finite() & (value == value.floor())
    whole = pl.when(is_whole).then(value).cast(pl.Int64, strict=False)
    return values.to_frame().select(whole.alias(values.name)).to_series()


def _places(values: pl.Series, distinct: pl.Series) -> Codes:
    missing = int(distinct.null_count() > 0)
    lacking = 0 if missing else -1
    if values.dtype == pl.String:
        found = values.cast(pl.Enum(distinct.drop_nulls()), strict=False)
        places = found.to_physical().cast(pl.Int64)
        # Every pass over a long column that is not needed is left out.
        places = places + missing if missing else places
        if not found.null_count():
            return places.to_numpy()
        unknown = places.fill_null(-1).to_numpy()
        if not missing or not values.null_count():
            return unknown
        return np.where(values.is_null().to_numpy(), 0, unknown).astype(np.int64)
    plain, known = _whole(values), _whole(distinct)
    if plain is None or known is None or not _is_narrow(known, values.len()):
        return _joined(values, distinct)
    least, span = known.min(), _span(known)
    place = np.full(span + 1, -1, dtype=np.int64)
    offsets = (known.drop_nulls() - least).to_numpy()
    place[offsets] = np.arange(offsets.size) + missing
    # The last place takes what is outside, and what is missing.
    asked = (plain - least).fill_null(span).to_numpy()
    found_at = place[np.where((asked < 0) | (asked > span), span, asked)]
    if not values.null_count():
        return np.asarray(found_at, dtype=np.int64)
    return np.where(values.is_null().to_numpy(), lacking, found_at).astype(np.int64)


def _whole(values: pl.Series) -> pl.Series | None:
    """The values as 64-bit whole numbers, or none where that would lose something."""
    if values.dtype == pl.Boolean:
        return values.cast(pl.Int64)
    physical = values.to_physical()
    narrow = physical.dtype.is_integer() and physical.dtype not in (pl.UInt64, pl.Int128)
    return physical.cast(pl.Int64) if narrow and values.dtype != pl.Decimal else None


def _span(known: pl.Series) -> int:
    least, most = known.min(), known.max()
    if not isinstance(least, int) or not isinstance(most, int):
        return 0
    return most - least + 1


def _is_narrow(known: pl.Series, rows: int) -> bool:
    return 0 < _span(known) <= max(2**16, 4 * rows)


def _joined(values: pl.Series, distinct: pl.Series) -> Codes:
    places = distinct.alias("value").to_frame().with_row_index("place")
    joined = (
        values.alias("value")
        .to_frame()
        .join(places, on="value", how="left", nulls_equal=True, maintain_order="left")
    )
    return joined["place"].cast(pl.Int64).fill_null(-1).to_numpy()


class Keys:
    """Distinct rows of codes, and where each row of a larger table is among them.

    Unlike ``packed``, which numbers what it is given, this finds rows that come later.

    Attributes:
        keys: One key for each of the distinct rows.
    """

    def __init__(self, digits: Sequence[tuple[Codes, int]]) -> None:
        self._bases = [base for _, base in digits]
        self._known: dict[int, Codes] = {}
        key, size = digits[0]
        for index, (column, base) in enumerate(digits[1:], start=1):
            if size * base > _WIDTH:
                self._known[index] = np.unique(key)
                key = np.searchsorted(self._known[index], key)
                size = self._known[index].size
            key, size = key * base + column, size * max(base, 1)
        self.keys = key
        self._order = np.argsort(key, kind="stable")
        self._ascending = key[self._order]

    def key(self, columns: Sequence[Codes]) -> Codes:
        """Key of each row.

        Args:
            columns: Codes, column by column.

        Raises:
            ColumnError: If a row is not one of the distinct ones, as far as its key tells.
        """
        key = columns[0]
        for index, column in enumerate(columns[1:], start=1):
            known = self._known.get(index)
            if known is not None:
                key = _found(known, key)
            key = key * self._bases[index] + column
        return key

    def place(self, columns: Sequence[Codes]) -> Codes:
        """Which of the distinct rows each row is.

        Args:
            columns: Codes, column by column.

        Raises:
            ColumnError: If a row is none of them.
        """
        # Rows come some at a time: a table to join with would be hashed anew for each of them.
        return self._order[_found(self._ascending, self.key(columns))]


def _found(known: Codes, keys: Codes) -> Codes:
    """Places of keys among ascending ones."""
    places = np.searchsorted(known, keys)
    if known.size:
        places = np.minimum(places, known.size - 1)
    unknown = int((known[places] != keys).sum()) if known.size else keys.size
    if unknown:
        raise ColumnError(
            f"{unknown} of {keys.size} rows were not there when the table was first read. Was it "
            "changed meanwhile? Start again."
        )
    return places.astype(np.int64)


def packed(digits: Sequence[tuple[Codes, int]]) -> tuple[Codes, int]:
    """Join code columns into one key per row.

    Codes are joined digit by digit; before the key would outgrow 64 bits it is numbered anew, so
    there may be any number of columns.

    Args:
        digits: Codes from 0, with a number that all of them are below; at least one column.

    Returns:
        Keys that are equal exactly where the rows are, and a number that all of them are below.
    """
    key, size = digits[0]
    for column, base in digits[1:]:
        if size * base > _WIDTH:
            key, size = dense(key)
        key, size = key * base + column, size * max(base, 1)
    return key, size


def dense(keys: Codes) -> tuple[Codes, int]:
    """Number keys anew without gaps.

    Args:
        keys: Any keys.

    Returns:
        Numbers from 0 in the order of the keys, and how many there are.
    """
    again = coded(pl.Series(keys))
    return again.codes, again.values.len()
