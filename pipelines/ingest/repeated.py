"""Resources that come more than once in a delivery.

Belongs here: finding their lines across files, and leaving them out. Does not belong here: versions
of a resource in several deliveries; those are all kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.ingest.columns import ROW
from pipelines.ingest.files import FILE, Passed
from pipelines.ingest.parse import BAD_SCHEMA
from pipelines.ingest.plan import plan_of


def repeated_lines(passed: Sequence[Passed]) -> pl.DataFrame:
    """Lines that bring a resource of the delivery again; the first one counts.

    Args:
        passed: All files of the delivery that went through the door.

    Returns:
        One row per such line: ``_file``, ``_row``, ``reason``, ``column``.
    """
    found = [pl.DataFrame(schema={FILE: pl.Int64, **BAD_SCHEMA})]
    for entity_id in sorted({outcome.file.entity for outcome in passed}):
        table = plan_of(entity_id).primary
        key = table.key[0]
        lines = pl.concat(
            outcome.frames[table.name].select(FILE, pl.col(ROW).cast(pl.Int64), key)
            for outcome in passed
            if outcome.file.entity == entity_id
        )
        if lines[key].n_unique() == lines.height:
            continue
        again = lines.sort(FILE, ROW).filter(~pl.col(key).is_first_distinct())
        found.append(
            again.select(
                FILE, ROW, pl.lit("repeated_resource").alias("reason"), pl.lit(key).alias("column")
            )
        )
    return pl.concat(found)


def first_only(frame: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """The rows of a frame without those of repeated lines."""
    if repeated.is_empty():
        return frame
    return frame.with_columns(pl.col(ROW).cast(pl.Int64)).join(
        repeated.select(FILE, ROW), on=[FILE, ROW], how="anti", maintain_order="left"
    )
