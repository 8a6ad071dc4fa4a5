"""Parquet files of the restricted zone: written in one order and in one form.

Belongs here: turning sorted frames, however they are cut, into the same bytes, and reading such a
file back a few rows at a time. Does not belong here: which rows (``restricted``).

Row groups are filled to the same size across the frames given, so a file's bytes follow from its
rows alone. Rows of one person lie together, and the statistics of a row group tell whose it holds.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.settings import atomic_write

_ROW_GROUP = 131_072


def write_sorted(frames: Iterable[pl.DataFrame], schema: pl.Schema, unique: str, path: Path) -> int:
    """Write frames that follow on one another.

    Args:
        frames: Frames with the columns of ``schema``, sorted, each after the last.
        schema: Columns and types of the file.
        unique: Column with (nearly) as many values as rows; no dictionary is tried for it.
        path: The file; written elsewhere and renamed.

    Returns:
        Number of rows.
    """
    with atomic_write(path) as temporary:
        return _write(frames, schema, unique, temporary)


@cache
def without_rows(schema: tuple[tuple[str, pl.DataType], ...], unique: str) -> bytes:
    """The content of a file of no rows.

    Args:
        schema: As for ``write_sorted``, as pairs of column and type.
        unique: As for ``write_sorted``.
    """
    sink = io.BytesIO()
    _write([], pl.Schema(schema), unique, sink)
    return sink.getvalue()


def _write(
    frames: Iterable[pl.DataFrame], schema: pl.Schema, unique: str, sink: Path | io.BytesIO
) -> int:
    arrow = _arrow(pl.DataFrame(schema=schema)).schema
    rows = 0
    with pq.ParquetWriter(
        sink,
        arrow,
        compression="zstd",
        compression_level=1,  # pseudonyms are noise: a higher level costs and saves nothing
        use_dictionary=[name for name in schema if name != unique],
        store_schema=False,  # the types of Parquet say it all
    ) as writer:
        for group in _groups(frames, schema):
            rows += group.height
            writer.write_table(_arrow(group), row_group_size=_ROW_GROUP)
    return rows


def row_groups_with(path: Path, column: str, values: pl.Series) -> list[int]:
    """Row groups of a file whose statistics do not rule out that they hold one of some values.

    Args:
        path: A file that ``write_sorted`` wrote.
        column: A column of text.
        values: The values, sorted.
    """
    with pq.ParquetFile(path) as file:
        found = []
        position = file.schema_arrow.get_field_index(column)
        for number in range(file.num_row_groups):
            statistics = file.metadata.row_group(number).column(position).statistics
            if statistics is None or not statistics.has_min_max:
                found.append(number)
                continue
            low = values.search_sorted(statistics.min, side="left")
            high = values.search_sorted(statistics.max, side="right")
            if high > low:
                found.append(number)
        return found


def read_groups(
    path: Path, groups: Iterable[int] | None = None, columns: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Read row groups one by one; all of them, with all columns, when none are named."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups) if groups is None else groups:
            yield pl.DataFrame(file.read_row_group(number, columns=columns))


def _arrow(frame: pl.DataFrame) -> pa.Table:
    """The same rows for Arrow, whose views of strings are Polars's own and cost no copy."""
    return frame.to_arrow(compat_level=pl.CompatLevel.newest())


def _groups(frames: Iterable[pl.DataFrame], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """The same rows in frames of the size of a row group; the last may be smaller."""
    left = pl.DataFrame(schema=schema)
    for frame in frames:
        left = pl.concat([left, frame]) if left.height else frame
        whole = left.height - left.height % _ROW_GROUP
        for start in range(0, whole, _ROW_GROUP):
            yield left[start : start + _ROW_GROUP]
        left = left[whole:]
    if left.height:
        yield left
