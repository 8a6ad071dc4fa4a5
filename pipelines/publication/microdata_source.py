"""Tables in files, however large, ready to be counted.

Belongs here: reading tables, and counting by DuckDB, which spills to a folder what outgrows its
memory. Does not belong here: what is done with the counts (``anonymization``), writing
(``microdata_files``).

CSV columns are read as text, so that codes keep their leading zeros. A CSV file is read once, as a
stream into Parquet in the folder where large tables spill to: it is counted several times, and
parsing its text each time would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import polars as pl

from anonymization.grouping import COUNT

FORMATS: Final = (".parquet", ".csv")
MEMORY: Final = "300MB"


class MicrodataFileError(ValueError):
    """A file cannot be read, or what was written does not hold to its policy."""


@contextmanager
def opened(path: Path, separator: str = ",", spill: Path | None = None) -> Iterator[TableFile]:
    """Open a table so that it can be counted.

    Args:
        path: A .parquet or .csv file.
        separator: Between the fields of a CSV file.
        spill: Folder for what outgrows memory, in a zone that may hold the table; the file's own by
            default. What is put there is removed at the end.

    Yields:
        The table.

    Raises:
        MicrodataFileError: If it cannot be read, or nothing can be put in the folder.
    """
    check_format(path)
    own = spill or path.parent
    try:
        folder = TemporaryDirectory(dir=own, prefix=".spill-")
    except OSError:
        raise MicrodataFileError(
            f"{own}: nothing can be put there, and a large table may need room beside memory. Name "
            "a folder that may hold the table by --spill."
        ) from None
    with folder as name:
        room = Path(name)
        rows = path if path.suffix == ".parquet" else _as_parquet(path, separator, room)
        with closing(TableFile(path, rows, room)) as source:
            yield source


def check_format(path: Path) -> None:
    """Refuse a file by its name.

    Args:
        path: The file.

    Raises:
        MicrodataFileError: If its name does not end as one of the formats does.
    """
    if path.suffix not in FORMATS:
        raise MicrodataFileError(
            f"{path.name}: expected a name that ends in {' or '.join(FORMATS)}."
        )


def read_table(path: Path, separator: str = ",") -> pl.DataFrame:
    """Read a table.

    Args:
        path: A .parquet or .csv file.
        separator: Between the fields of a CSV file.

    Returns:
        The table; columns of a CSV file are text.

    Raises:
        MicrodataFileError: If it cannot be read.
    """
    check_format(path)
    try:
        return scanned(path, path.suffix, separator).collect()
    except (OSError, pl.exceptions.PolarsError):
        raise _unreadable(path, separator) from None


def scanned(path: Path, form: str, separator: str) -> pl.LazyFrame:
    """The rows of a table whose name does not tell its format yet; nothing is read here.

    Args:
        path: The file.
        form: Its format, as its name will end.
        separator: Between the fields of a CSV file.
    """
    if form == ".parquet":
        return pl.scan_parquet(path)
    return pl.scan_csv(path, separator=separator, infer_schema=False)


def _check_headings(path: Path, separator: str) -> None:
    """Two columns of one name would become one of another name, unseen."""
    first = pl.scan_csv(
        path, separator=separator, infer_schema=False, has_header=False, n_rows=1
    ).collect()
    names = [name for name in first.row(0) if name is not None] if first.height else []
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MicrodataFileError(
            f"{path.name}: has two columns called {', '.join(map(repr, twice))}. Rename one."
        )


def _as_parquet(path: Path, separator: str, room: Path) -> Path:
    made = room / "rows.parquet"
    try:
        _check_headings(path, separator)
        scanned(path, ".csv", separator).sink_parquet(made)
    except (OSError, pl.exceptions.PolarsError):
        raise _unreadable(path, separator) from None
    return made


def _unreadable(path: Path, separator: str) -> MicrodataFileError:
    # Without the cause, which may repeat a line of the file.
    asked = "Is it there, and whole?"
    if path.suffix == ".csv":
        asked = (
            f"Is it there, whole, in UTF-8, is {separator!r} what separates fields, and is there "
            "room where large tables spill to?"
        )
    return MicrodataFileError(f"{path.name}: cannot be read as {path.suffix[1:]}. {asked}")


def read_population(
    path: Path, separator: str = ",", schema: Mapping[str, pl.DataType] | None = None
) -> pl.DataFrame:
    """Read a public population.

    Args:
        path: A .parquet or .csv file with a column ``persons``.
        separator: Between the fields of a CSV file.
        schema: Types that columns of the same names are to have.

    Returns:
        The table, with whole numbers of persons.

    Raises:
        MicrodataFileError: If it cannot be read, or ``persons`` is missing or holds anything else,
            or a column does not fit its type.
    """
    people = read_table(path, separator)
    if "persons" not in people.columns:
        raise MicrodataFileError(f"{path.name}: lacks the column persons. Add the counts.")
    persons = people["persons"].cast(pl.Int64, strict=False)
    unfit = persons.null_count() + int((persons < 0).sum())
    if unfit:
        raise MicrodataFileError(
            f"{path.name}: persons holds no whole number in {unfit} of {people.height} rows. Mend "
            "them."
        )
    known = {name: kind for name, kind in (schema or {}).items() if name in people.columns}
    typed = people.with_columns(pl.col(n).cast(k, strict=False) for n, k in known.items())
    for name in known:
        lost = typed[name].null_count() - people[name].null_count()
        if name != "persons" and lost:
            raise MicrodataFileError(
                f"{path.name}: {lost} values of column {name!r} are no {known[name]}, as they are "
                "in the table. Mend them."
            )
    return typed.with_columns(persons)


class TableFile:
    """A table in a file; see ``anonymization.grouping.Source``.

    Args:
        path: The file.
        parquet: Its rows as Parquet: the file itself, where it is that.
        spill: Folder for what outgrows memory.

    Raises:
        MicrodataFileError: If it cannot be read.
    """

    def __init__(self, path: Path, parquet: Path, spill: Path) -> None:
        self.name, self.form = path.name, path.suffix
        self._parquet = parquet
        try:
            self.schema = self.rows.collect_schema()
        except (OSError, pl.exceptions.PolarsError):
            raise _unreadable(path, ",") from None
        self._connection = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "temp_directory": str(spill),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        self._connection.execute("SET enable_progress_bar = false")
        # The file is counted a few times at most; keeping it beside the counts is not worth it.
        self._connection.execute("SET enable_external_file_cache = false")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def rows(self) -> pl.LazyFrame:
        """Its rows, in their order."""
        return pl.scan_parquet(self._parquet)

    @cached_property
    def records(self) -> int:
        """Number of its rows."""
        return int(self.rows.select(pl.len()).collect().item())

    def counted(self, columns: Sequence[str], unit: str | None = None) -> pl.DataFrame:
        """Distinct combinations of columns; see ``anonymization.grouping.Source``."""
        by = [f'{_quoted(name)} AS "{n}"' for n, name in enumerate(columns)]
        count = "count(*)"
        if unit is not None:
            # Rows without a unit are one unit together.
            own = _quoted(unit)
            count = f"count(DISTINCT {own}) + max(({own} IS NULL)::INTEGER)"
        selected = ", ".join([*by, f"coalesce({count}, 0)::BIGINT AS {COUNT}"])
        query = f"SELECT {selected} FROM read_parquet($1) {'GROUP BY ALL' if by else ''}"  # noqa: S608
        kinds = {str(n): self.schema[name] for n, name in enumerate(columns)}
        try:
            counted: pl.DataFrame = self._connection.sql(query, params=[str(self._parquet)]).pl()
            return counted.with_columns(pl.col(n).cast(kind) for n, kind in kinds.items())
        except (duckdb.Error, pl.exceptions.PolarsError):
            # The cause may repeat values.
            raise MicrodataFileError(
                f"{self.name}: cannot be counted by {', '.join(columns) or 'its rows'}. Is it "
                "whole, and is there room where large tables spill to (--spill)?"
            ) from None

    def lacking(self, column: str) -> int:
        """Number of rows without a value in a column."""
        return int(self.rows.select(pl.col(column).null_count()).collect().item())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
