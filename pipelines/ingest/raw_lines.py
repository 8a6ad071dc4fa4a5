"""The raw lines or rows of a verified file, by their numbers: what quarantine keeps.

Belongs here: finding them in the private copy. Does not belong here: sealing them
(``quarantine``), deciding on them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.limits import Limits
from pipelines.ingest.quarantine import QuarantinedLine
from pipelines.ingest.verify import VerifiedFile, read_lines


def raw_lines(
    verified: VerifiedFile, bad: pl.DataFrame, limits: Limits
) -> Iterator[QuarantinedLine]:
    """The flawed lines of a file.

    Args:
        verified: The file.
        bad: ``_row``, ``reason``, ``column`` of the lines.
        limits: Longest line.
    """
    wanted = {row: (reason, column or "") for row, reason, column in bad.iter_rows()}
    if verified.file.format == "parquet":
        yield from _parquet_rows(verified, wanted)
        return
    for row, (number, line, whole) in enumerate(read_lines(verified, limits), start=1):
        if row in wanted:
            reason, column = wanted[row]
            yield QuarantinedLine(number, reason, column, line, verified.header, whole)


def as_parquet(lines: list[QuarantinedLine]) -> pa.Table:
    """Rows of a Parquet file put together again."""
    rows = (pa.ipc.open_stream(io.BytesIO(line.raw)).read_all() for line in lines)
    return pa.concat_tables(rows, promote_options="default")


def _parquet_rows(
    verified: VerifiedFile, wanted: dict[int, tuple[str, str]]
) -> Iterator[QuarantinedLine]:
    with pq.ParquetFile(verified.path) as file:
        first = 1
        for number in range(file.num_row_groups):
            size = file.metadata.row_group(number).num_rows
            inside = [row for row in sorted(wanted) if first <= row < first + size]
            if inside:
                group = _group(file, number)
                for row in inside:
                    reason, column = wanted[row]
                    raw = _stream(group.slice(row - first, 1))
                    yield QuarantinedLine(row, reason, column, raw)
            first += size


def _group(file: pq.ParquetFile, number: int) -> pa.Table:
    """A row group; where a column that nobody reads is damaged, all the others."""
    try:
        return file.read_row_group(number)
    except (pa.ArrowException, OSError):
        whole = {}
        for name in file.schema_arrow.names:
            with suppress(pa.ArrowException, OSError):
                whole[name] = file.read_row_group(number, columns=[name]).column(0)
        return pa.table(whole)


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
