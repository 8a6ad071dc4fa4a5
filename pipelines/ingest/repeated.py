"""Resources that come more than once in a delivery.

Belongs here: finding their lines across files, and leaving them out. Does not belong here: versions
of a resource in several deliveries; those are all kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from pipelines.catalogue.entities import Table
from pipelines.ingest.columns import ROW
from pipelines.ingest.heap import cuts
from pipelines.ingest.ledger import REPEATED
from pipelines.ingest.parse import BAD_SCHEMA

if TYPE_CHECKING:
    from pipelines.ingest.files import Passed

_FILE = "_file"
_HEAD = "_head"
KEY_SCHEMA = pl.Schema({_FILE: pl.Int64, ROW: pl.Int64, _HEAD: pl.UInt64})


def keys_of(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Half of each row's key, as a number: what it takes to know that no two are the same.

    Args:
        rows: Rows of the table with ``_file`` and ``_row``; the key is a pseudonym.
        table: The table.

    Returns:
        One row per row: ``_file``, ``_row``, ``_head`` (first 64 of 128 bits).
    """
    head = pl.col(table.key[0]).str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
    return rows.select(_FILE, ROW, head.alias(_HEAD)).cast(KEY_SCHEMA)


def repeated_lines(passed: Sequence[Passed]) -> pl.DataFrame:
    """Lines that bring a resource of the delivery again; the first one counts.

    Args:
        passed: All files of the delivery that went through the door.

    Returns:
        One row per such line: ``_file``, ``_row``, ``reason``, ``column``.
    """
    found = [pl.DataFrame(schema={_FILE: pl.Int64, **BAD_SCHEMA})]
    for name in sorted({outcome.plan.primary.name for outcome in passed}):
        theirs = [outcome for outcome in passed if outcome.plan.primary.name == name]
        table = theirs[0].plan.primary
        heads = pl.concat([outcome.keys[_HEAD] for outcome in theirs])
        if heads.n_unique() == heads.len():
            continue
        found.append(_again(theirs, table, heads.filter(heads.is_duplicated()).unique()))
    return pl.concat(found)


def _again(passed: Sequence[Passed], table: Table, heads: pl.Series) -> pl.DataFrame:
    """Of the rows whose keys begin alike, those whose whole key has come before."""
    key = table.key[0]
    alike = pl.concat(
        rows.filter(keys_of(rows, table)[_HEAD].is_in(heads.implode())).select(_FILE, ROW, key)
        for rows in cuts([outcome.heaps[table.name] for outcome in passed], keep=True)
    )
    return (
        alike.sort(_FILE, ROW)
        .filter(~pl.col(key).is_first_distinct())
        .with_columns(pl.lit(REPEATED).alias("reason"), pl.lit(key).alias("column"))
        .drop(key)
    )


def first_only(frame: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """The rows of a frame without those of repeated lines."""
    if repeated.is_empty():
        return frame
    return frame.join(
        repeated.select(_FILE, ROW), on=[_FILE, ROW], how="anti", maintain_order="left"
    )
