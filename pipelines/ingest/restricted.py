"""The journal tables of the restricted zone: writing them, and redacting what is there already.

Belongs here: the rows of a table and delivery as Parquet in canonical order, and the removal of
location for persons whose address turns out to be graded. Does not belong here: who is graded
(``graded``), the rule of what reveals location (entity files, ``anonymization.pseudonym_door``),
the names of the files (``parts``) and their form (``sorted_parquet``), reading for analysis.

A file's bytes follow from its rows alone: sorted by the person and the key, fixed row groups, no
clock. So the same deliveries give the same zone in whatever order they came.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from anonymization.pseudonym_door import redact
from pipelines.catalogue.entities import SUBJECT, Table, restricted_tables
from pipelines.ingest.columns import table_schema
from pipelines.ingest.parts import (
    NO_ROWS,
    cut_frames,
    digits_wanted,
    lead,
    part_path,
    part_paths,
    paths_with,
)
from pipelines.ingest.plan import door_rules
from pipelines.ingest.sorted_parquet import (
    read_groups,
    row_groups_with,
    without_rows,
    write_sorted,
)
from pipelines.settings import Zones, atomic_write


def ensure_schemas(zones: Zones) -> None:
    """Write a file without rows for every table, so that globs always match.

    Args:
        zones: The zones; the journal's folders are made.
    """
    for name, table in restricted_tables().items():
        path = part_path(zones, name, NO_ROWS)
        content = without_rows(tuple(table_schema(table).items()), table.key[0])
        if not path.exists() or path.read_bytes() != content:
            with atomic_write(path) as temporary:
                temporary.write_bytes(content)


def write_table(
    zones: Zones,
    table: Table,
    delivery_id: str,
    cuts: Iterable[pl.DataFrame],
    graded: pl.Series,
    expected: int,
) -> int:
    """Write the rows of one table and delivery.

    Args:
        zones: The zones.
        table: The table.
        delivery_id: The delivery; names the files.
        cuts: Rows that passed the door, metadata columns included: any order within a cut; whose
            they are, or else their key, grows from cut to cut.
        graded: Pseudonyms of all persons known to have a graded address.
        expected: How many rows there will be, about; decides into how many files they are cut.

    Returns:
        Number of rows written.
    """
    there = part_paths(zones, table.name, delivery_id)
    digits = digits_wanted(table, expected, there)
    finals = (canonical(redacted(rows, table, graded), table) for rows in cuts)
    rows, written = 0, set[Path]()
    for name, frames in cut_frames(finals, lead(table), digits):
        path = part_path(zones, table.name, delivery_id, name)
        rows += write_sorted(frames, table_schema(table), table.key[0], path)
        written.add(path)
    for path in there:
        if path not in written:
            path.unlink()
    return rows


def add_rows(
    zones: Zones, table: Table, delivery_id: str, rows: pl.DataFrame, graded: pl.Series
) -> int:
    """Add rows to the files of a table and delivery; rows that are there already stay as they are.

    Args:
        zones: The zones.
        table: The table.
        delivery_id: The delivery; a file is made where there is none.
        rows: Rows that passed the door, metadata columns included.
        graded: Pseudonyms of all persons known to have a graded address.

    Returns:
        Number of rows there are.
    """
    there = part_paths(zones, table.name, delivery_id)
    schema, first = table_schema(table), lead(table)
    added = redacted(rows, table, graded).select(schema.names()).cast(schema)
    added = added.sort(first, nulls_last=True)
    digits = digits_wanted(table, added.height, there)
    for name, frames in cut_frames([added], first, digits):
        path = part_path(zones, table.name, delivery_id, name)
        before = _whole_leads(path, first) if path.exists() else iter(())
        merged = (
            canonical(redacted(cut, table, graded), table)
            for cut in _merged(before, pl.concat(frames), first)
        )
        write_sorted(merged, schema, table.key[0], path)
    return _rows_in(part_paths(zones, table.name, delivery_id))


def with_origin(
    rows: pl.DataFrame, source: str, delivery: str, transaction_time: dt.datetime
) -> pl.DataFrame:
    """Rows with the metadata columns that every restricted table carries."""
    return rows.with_columns(
        source=pl.lit(source),
        delivery=pl.lit(delivery),
        transaction_time=pl.lit(transaction_time).cast(pl.Datetime("us", "UTC")),
    )


def canonical(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Columns and rows in the one order that a file may have."""
    schema = table_schema(table)
    typed = rows.select(schema.names()).cast(schema)
    if table.repeats:
        typed = typed.unique()
    by = list(dict.fromkeys([lead(table), *table.key]))
    # On strings as random as pseudonyms one thread takes half the time that several do.
    ordered = typed.sort(by, nulls_last=True, multithreaded=False)
    alike = ordered.select(
        pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in by).any()
    ).item()
    # Where the key does not tell rows apart, all columns do.
    rest = [name for name in schema.names() if name not in by]
    return ordered.sort([*by, *rest], nulls_last=True) if alike else ordered


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
    if table.subject is None or not _reveals(table):
        return rows
    hidden = redact(rows, graded, door_rules(table), subject=table.subject)
    if table.graded_rows == "keep":
        return hidden
    is_graded = pl.col(table.subject).is_in(graded.implode())
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
    persons = newly_graded.sort()
    for delivery_id in delivery_ids:
        for name, table in restricted_tables().items():
            paths = part_paths(zones, name, delivery_id) if _reveals(table) else []
            for path in paths_with(paths, persons):
                _redact_file(path, table, persons)
            if paths and table.graded_rows != "keep":
                counts.setdefault(delivery_id, {})[name] = _rows_in(paths)
    return counts


def _redact_file(path: Path, table: Table, graded: pl.Series) -> None:
    """Write a file anew if it holds rows of graded persons; only their row groups are looked at."""
    concerned = row_groups_with(path, SUBJECT, graded)
    is_theirs = pl.col(SUBJECT).is_in(graded.implode())
    subjects = read_groups(path, concerned, [SUBJECT])
    if not any(group.filter(is_theirs).height for group in subjects):
        return
    after = (
        canonical(redacted(rows, table, graded), table) for rows in _whole_leads(path, SUBJECT)
    )
    write_sorted(after, table_schema(table), table.key[0], path)


def _whole_leads(path: Path, lead: str) -> Iterator[pl.DataFrame]:
    """A file's rows a few at a time, never parting those with one value in the first column."""
    left = pl.DataFrame()
    for group in read_groups(path):
        left = pl.concat([left, group]) if left.height else group
        last = left[lead][-1]
        ready = left.filter(pl.col(lead).ne_missing(pl.lit(last, dtype=pl.String)))
        left = left[ready.height :]
        if ready.height:
            yield ready
    if left.height:
        yield left


def _merged(
    there: Iterator[pl.DataFrame], added: pl.DataFrame, lead: str
) -> Iterator[pl.DataFrame]:
    """Two runs of rows, both sorted by ``lead``, as one run; what is there is not added again."""
    for cut in there:
        last = cut[lead][-1]
        before = pl.col(lead) <= pl.lit(last, dtype=pl.String)
        ready = added.filter(before.fill_null(value=last is None))
        added = added[ready.height :]
        new = ready.join(cut, on=ready.columns, how="anti", nulls_equal=True)
        yield pl.concat([cut, new])
    if added.height:
        yield added


def _rows_in(paths: Iterable[Path]) -> int:
    return sum(pq.read_metadata(path).num_rows for path in paths)


def _reveals(table: Table) -> bool:
    return any(column.reveals_location for column in table.columns)
