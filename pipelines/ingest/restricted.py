"""The journal tables of the restricted zone: writing them, and redacting what is there already.

Belongs here: one Parquet file per table and delivery, in canonical order, and the removal of
location for persons whose address turns out to be graded. Does not belong here: the rule of what
reveals location (entity files, ``anonymization.pseudonym_door``), reading for analysis.

A file's bytes follow from its rows alone: all columns sorted, fixed row groups, no clock. So the
same deliveries give the same zone in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from anonymization.pseudonym_door import redact
from pipelines.catalogue.entities import Table, restricted_tables
from pipelines.ingest.columns import table_schema
from pipelines.ingest.plan import door_rules
from pipelines.settings import Zones, atomic_write

SUBJECT = "patient_key"
_ROW_GROUP = 131_072


def table_path(zones: Zones, table: str, delivery_id: str) -> Path:
    """Where the rows of one delivery and table lie."""
    return zones.journal / table / f"{delivery_id}.parquet"


def ensure_schemas(zones: Zones) -> None:
    """Write ``00_schema.parquet`` (no rows) for every table, so that globs always match.

    Args:
        zones: The zones; the journal's folders are made.
    """
    for name, table in restricted_tables().items():
        path = zones.journal / name / "00_schema.parquet"
        schema = table_schema(table)
        if not path.exists() or pl.read_parquet_schema(path) != schema:
            _write(pl.DataFrame(schema=schema), path)


def write_table(
    zones: Zones, table: Table, delivery_id: str, rows: pl.DataFrame, graded: pl.Series
) -> int:
    """Write the rows of one table and delivery.

    Args:
        zones: The zones.
        table: The table.
        delivery_id: Name of the file.
        rows: Rows that passed the door, metadata columns included.
        graded: Pseudonyms of all persons known to have a graded address.

    Returns:
        Number of rows written.
    """
    final = canonical(redacted(rows, table, graded), table)
    _write(final, table_path(zones, table.name, delivery_id))
    return final.height


def canonical(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Columns and rows in the one order that a file may have."""
    schema = table_schema(table)
    typed = rows.select(schema.names()).cast(schema)
    unique = typed.select(table.key).n_unique() == typed.height
    # Where the key tells rows apart, sorting by it alone is the same order at a fraction.
    by = table.key if unique else schema.names()
    # On strings as random as pseudonyms one thread takes half the time that several do.
    return typed.sort(by, nulls_last=True, multithreaded=False)


def redacted(rows: pl.DataFrame, table: Table, graded: pl.Series) -> pl.DataFrame:
    """Remove what tells where graded persons live, by the door's own rule.

    Args:
        rows: Rows of the table.
        table: The table.
        graded: Pseudonyms of the persons.

    Returns:
        The rows; where the table says so, a graded person's spells are merged into one, since the
        dates of moves tell where somebody has lived as well as the places do.
    """
    if SUBJECT not in rows.columns or not _reveals(table):
        return rows
    hidden = redact(rows, graded, door_rules(table), subject=SUBJECT)
    if table.graded_rows == "keep":
        return hidden
    is_graded = pl.col(SUBJECT).is_in(graded.implode())
    merged = (
        hidden.filter(is_graded)
        .group_by([n for n in hidden.columns if n not in ("valid_from", "valid_to")])
        .agg(
            pl.col("valid_from").min(),
            # One spell without an end keeps the whole without an end.
            pl.when(pl.col("valid_to").is_null().any())
            .then(None)
            .otherwise(pl.col("valid_to").max())
            .alias("valid_to"),
        )
    )
    return pl.concat([hidden.filter(~is_graded), merged.select(hidden.columns)])


def graded_persons(zones: Zones, delivery_ids: Iterable[str]) -> pl.Series:
    """Pseudonyms of persons graded in any version that one of the deliveries holds."""
    paths = [table_path(zones, "patient", each) for each in delivery_ids]
    frames = [
        pl.scan_parquet(path).filter(pl.col("is_graded")).select(SUBJECT)
        for path in paths
        if path.exists()
    ]
    if not frames:
        return pl.Series(SUBJECT, [], dtype=pl.String)
    return pl.concat(frames).collect().get_column(SUBJECT).unique().sort()


def redact_committed(
    zones: Zones, delivery_ids: Iterable[str], newly_graded: pl.Series
) -> Mapping[str, Mapping[str, int]]:
    """Redact persons in files that were written before their grading was known.

    Args:
        zones: The zones.
        delivery_ids: Deliveries whose files are gone through.
        newly_graded: Pseudonyms of the persons. Doing it twice changes nothing.

    Returns:
        Rows per table, by delivery, of every delivery with a table whose rows may be merged.
    """
    counts: dict[str, dict[str, int]] = {}
    if newly_graded.is_empty():
        return counts
    for delivery_id in delivery_ids:
        for name, table in restricted_tables().items():
            path = table_path(zones, name, delivery_id)
            if not _reveals(table) or not path.exists():
                continue
            _redact_file(path, table, newly_graded)
            if table.graded_rows != "keep":
                counts.setdefault(delivery_id, {})[name] = pq.read_metadata(path).num_rows
    return counts


def _redact_file(path: Path, table: Table, graded: pl.Series) -> None:
    concerned = pl.col(SUBJECT).is_in(graded.implode())
    if pl.scan_parquet(path).filter(concerned).head(1).collect().is_empty():
        return
    before = pl.read_parquet(path)
    after = canonical(redacted(before, table, graded), table)
    if not after.equals(before):
        _write(after, path)


def _reveals(table: Table) -> bool:
    return any(column.reveals_location for column in table.columns)


def _write(frame: pl.DataFrame, path: Path) -> None:
    with atomic_write(path) as temporary:
        frame.write_parquet(
            temporary,
            compression="zstd",
            compression_level=1,  # pseudonyms are noise: a higher level costs and saves nothing
            statistics=True,
            row_group_size=_ROW_GROUP,
        )
