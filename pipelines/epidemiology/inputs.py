"""What callers hand in, as arrays of numbers that have been looked at.

Belongs here: one number, a plain sequence or a Polars series as an array, and the refusal of
what is no number. Does not belong here: what a particular method asks of its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Column = Sequence[float | None] | npt.NDArray[np.float64] | pl.Series
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def as_floats(values: Column) -> Floats:
    """Plain sequence or Polars series as a float array; a null becomes NaN."""
    if isinstance(values, pl.Series):
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.asarray(values, dtype=np.float64)


def is_one(value: object) -> bool:
    """Whether this is a single number (None: one that is not known), not a column of them."""
    return value is None or isinstance(value, Real)


def checked(name: str, values: Any, *, missing: bool = False, signed: bool = False) -> Floats:  # noqa: ANN401
    """An argument as an array of finite numbers.

    Args:
        name: The argument's name, for the message.
        values: One number, a sequence of numbers, or a Polars series.
        missing: Whether a null (None) may stand for a number that is not known.
        signed: Whether numbers below 0 may be among them.

    Returns:
        One-dimensional array; NaN where a null stands.

    Raises:
        ValueError: If something is no number, not finite, negative, or missing where it may not.
    """
    series = _series(name, [values] if is_one(values) else values)
    nulls = series.null_count()
    if nulls and not missing:
        msg = f"{name}: {nulls} of {len(series)} are missing; give every number (0 where none is)"
        raise ValueError(msg)
    known = series.drop_nulls().to_numpy()
    check_finite(name, known)
    if not signed:
        check_not_negative(name, known)
    return series.fill_null(float("nan")).to_numpy()


def _series(name: str, values: Any) -> pl.Series:  # noqa: ANN401
    msg = f"{name}: expected numbers, one or a column of them"
    if isinstance(values, str | bytes):
        raise ValueError(msg)
    try:
        if isinstance(values, pl.Series | np.ndarray):
            series = pl.Series(name, values)
            if not (series.dtype.is_numeric() or series.dtype == pl.Null):
                raise ValueError(msg)
            return series.cast(pl.Float64)
        return pl.Series(name, list(values), dtype=pl.Float64)
    except TypeError:
        raise ValueError(msg) from None


def check_finite(name: str, values: Floats) -> None:
    """Refuse infinities and numbers that are none.

    Raises:
        ValueError: If there is one.
    """
    strange = int(np.sum(~np.isfinite(values)))
    if strange:
        msg = f"{name}: expected finite numbers; {strange} of {values.size} are not"
        raise ValueError(msg)


def check_not_negative(name: str, values: Floats) -> None:
    """Refuse numbers below 0 (NaN, for what is not known, passes).

    Raises:
        ValueError: If there is one.
    """
    negative = int(np.sum(values < 0.0))
    if negative:
        msg = f"{name}: expected numbers that are not negative; {negative} of {values.size} are"
        raise ValueError(msg)


def check_positive(name: str, value: float) -> None:
    """Refuse a unit that is not a finite number above 0.

    Raises:
        ValueError: If it is not.
    """
    if not (is_one(value) and value is not None and np.isfinite(value) and value > 0.0):
        msg = f"{name}: expected a number above 0, such as 1000; got {value!r}"
        raise ValueError(msg)


def columns(named: Mapping[str, Any], *, missing: bool = False) -> list[Floats]:
    """Several arguments as arrays of one length; single numbers go with every row.

    Args:
        named: The arguments by name.
        missing: Whether nulls may be among them.

    Returns:
        Arrays in the order of ``named``.

    Raises:
        ValueError: If something is no number, or the columns differ in length.
    """
    arrays = {name: checked(name, values, missing=missing) for name, values in named.items()}
    lengths = {name: array.size for name, array in arrays.items() if not is_one(named[name])}
    if len(set(lengths.values())) > 1:
        msg = f"{', '.join(lengths)}: expected columns of one length; got {list(lengths.values())}"
        raise ValueError(msg)
    size = next(iter(lengths.values()), 1)
    return [array if array.size == size else np.full(size, array[0]) for array in arrays.values()]


def frame_floats(frame: pl.DataFrame, name: str) -> Floats:
    """A column of a frame as floats; null becomes NaN.

    Raises:
        ValueError: If a number is not finite.
    """
    values = frame[name].cast(pl.Float64)
    check_finite(name, values.drop_nulls().to_numpy())
    return values.fill_null(float("nan")).to_numpy()


def matrix(name: str, values: Any) -> Floats:  # noqa: ANN401
    """A table of numbers (rows of equal length, or a single row) that are not negative.

    Args:
        name: The argument's name, for the message.
        values: One row, or a sequence of rows.

    Returns:
        Two-dimensional array.

    Raises:
        ValueError: If rows differ in length or a number is missing, not finite or negative.
    """
    rows = list(values)
    if not rows or is_one(rows[0]):
        rows = [values]
    arrays = [checked(name, row) for row in rows]
    if len({array.size for array in arrays}) != 1:
        msg = f"{name}: expected rows of one length; got {sorted({a.size for a in arrays})}"
        raise ValueError(msg)
    return np.vstack(arrays)


def stacked(
    frame: pl.DataFrame, by: Sequence[str], order: str, names: Sequence[str], *, last: int
) -> tuple[pl.DataFrame, list[Floats]]:
    """The last rows of every stratum side by side.

    Args:
        frame: One row per stratum and position.
        by: Columns that name a stratum.
        order: Column that orders a stratum's rows.
        names: Columns of numbers.
        last: How many rows to take.

    Returns:
        One row per stratum (``by``, sorted), and per name an array of strata × ``last``, NaN
        where a stratum has fewer rows, at the end, or a number is null.

    Raises:
        ValueError: If a number is not finite.
    """
    for name in names:
        frame_floats(frame, name)
    keys = list(by)
    groups = (
        frame.sort(*keys, order)
        .group_by(keys, maintain_order=True)
        .agg(pl.col(name).cast(pl.Float64).tail(last) for name in names)
    )
    places = list(range(last))
    filled = groups.select(pl.col(names).list.gather(places, null_on_oob=True))
    arrays = [
        as_floats(filled[name].explode()).reshape(groups.height, last)
        if groups.height
        else np.empty((0, last))
        for name in names
    ]
    return groups.select(keys), arrays
