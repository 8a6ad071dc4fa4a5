"""Into which files the rows of one table and delivery are cut, and which of them hold a person.

Belongs here: the names of the files and the cutting of sorted frames. Does not belong here: what
is in the files (``restricted``), their form (``sorted_parquet``).

A large table is cut by the leading digits of the pseudonym of the person its rows are about. So
what concerns few persons (a grading, a line released from quarantine) is written anew in files of
a bounded size, however much the delivery has brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import polars as pl

from pipelines.catalogue.entities import Table
from pipelines.ingest.heap import digits_for
from pipelines.settings import Zones

PART_ROWS = 1 << 18
"""Rows that a file has about, at most."""
NO_ROWS = "~schema"
"""Stands for a delivery where a table's file has its columns and no rows. It sorts last: DuckDB
takes the first file of a glob for the measure of them all, and plans joins by it."""
_NOBODY = "none"
"""Stands for the digits where rows are about nobody that is known."""


def lead(table: Table) -> str:
    """Column by which a table is sorted first: whom its rows are about, or else their own key."""
    return table.subject or table.key[0]


def part_path(zones: Zones, table: str, delivery_id: str, digits: str = "") -> Path:
    """Where rows of one delivery and table lie.

    Args:
        zones: The zones.
        table: Name of the table.
        delivery_id: The delivery.
        digits: Leading digits of the persons; empty: the table is not cut.
    """
    name = f"{delivery_id}.{digits}.parquet" if digits else f"{delivery_id}.parquet"
    return zones.journal / table / name


def part_paths(zones: Zones, table: str, delivery_id: str) -> list[Path]:
    """All files of one delivery and table that there are."""
    folder = zones.journal / table
    whole = [path for path in [part_path(zones, table, delivery_id)] if path.exists()]
    return whole + sorted(folder.glob(f"{delivery_id}.*.parquet"))


def delivery_of(path: Path) -> str:
    """The delivery a file's rows are of."""
    return path.name.partition(".")[0]


def paths_with(paths: Iterable[Path], persons: pl.Series) -> list[Path]:
    """Files that may hold rows of some persons.

    Args:
        paths: Files of one table.
        persons: Their pseudonyms.
    """
    listed = list(paths)
    digits = [_digits_of(path) for path in listed]
    longest = max(map(len, digits), default=0)
    # One length in a table and delivery, so a file is theirs or it is not.
    theirs = {n: set(persons.drop_nulls().str.slice(0, n).unique()) for n in range(1, longest + 1)}
    return [p for p, d in zip(listed, digits, strict=True) if not d or d in theirs[len(d)]]


def digits_wanted(table: Table, rows: int, there: Iterable[Path]) -> int:
    """Digits to cut a table by: as it is cut already, or so that no file grows too large.

    Args:
        table: The table; one whose rows are about nobody is not cut.
        rows: Rows there will be, or somewhat fewer.
        there: Files of the table and delivery that there are.
    """
    found = [d for d in map(_digits_of, there) if d != _NOBODY]
    if found:
        return len(found[0])
    return digits_for(rows, PART_ROWS) if table.subject else 0


def cut_frames(
    frames: Iterable[pl.DataFrame], by: str, digits: int
) -> Iterator[tuple[str, Iterator[pl.DataFrame]]]:
    """Sorted frames by the file they belong in.

    Args:
        frames: Frames that follow on one another, sorted by ``by``, nulls last.
        by: Column of pseudonyms.
        digits: Leading digits to cut by; 0: everything is one file.

    Yields:
        Digits and the frames of one file; to be used up before the next.
    """
    if not digits:
        yield "", iter(frames)
        return
    for name, group in groupby(_named(frames, by, digits), key=lambda each: each[0]):
        yield name, (frame for _, frame in group)


def _named(
    frames: Iterable[pl.DataFrame], by: str, digits: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    cut = pl.col(by).str.slice(0, digits).fill_null(_NOBODY).alias("_cut")
    for frame in frames:
        parts = frame.with_columns(cut).partition_by(
            "_cut", include_key=False, as_dict=True, maintain_order=True
        )
        for (name,), part in parts.items():
            yield str(name), part


def _digits_of(path: Path) -> str:
    """Leading digits in a file's name; empty where the table is not cut."""
    rest = path.name.split(".")[1:-1]
    return rest[0] if rest else ""
