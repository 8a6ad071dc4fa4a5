"""Run one view by hand: from files of resources to one Parquet or CSV file.

Belongs here: how files are read for a view, and that what goes wrong is told without quoting data.
Does not belong here: what a view means (``definition``), deliveries and their doors.

Files are read as explicit structs, in one pass. Where that fails (a mixed file holds resources
whose elements have other kinds) or would lose digits that the view asks for, they are read line by
line as JSON: slower, and with the same result.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from pipelines.catalogue.fhir import fhir_r4
from pipelines.ingest.views.definition import (
    CompiledView,
    compile_view,
    read_columns,
    resource_shape,
)
from pipelines.ingest.views.functions import FUNCTIONS
from pipelines.ingest.views.offenders import first_offender
from pipelines.ingest.views.operators import operand
from pipelines.ingest.views.syntax import OPERATORS
from pipelines.ingest.views.values import MORE_THAN_ONE, literal_sql, name_sql
from pipelines.ingest.views.whole import struct_of_json_sql
from pipelines.settings import atomic_write

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of the longest resource that is read."""
SUBJECTS = frozenset((*FUNCTIONS, *map(operand, OPERATORS)))
"""What, besides a column, can turn out to have several values where one is asked for."""
_TYPE_IN_JSON = "j ->> '$.resourceType'"
_FORMATS = {".parquet": "FORMAT parquet, COMPRESSION zstd", ".csv": "FORMAT csv, HEADER"}
_SEVERAL = re.compile(rf": ([^:]+): {MORE_THAN_ONE}")


class FlattenError(ValueError):
    """A view cannot be run over these files; the message never quotes what is in them."""


@dataclass(frozen=True)
class Reading:
    """How a view reads its files.

    Attributes:
        columns: DuckDB type by top-level element.
        whole: Paths of elements that are read as JSON, because they have no fixed struct type.
        exact: Names of decimals that are read digit by digit.
    """

    columns: Mapping[str, str]
    whole: tuple[str, ...]
    exact: tuple[str, ...]

    @property
    def fast(self) -> bool:
        """Explicit structs do for everything."""
        return not self.whole and not self.exact


def flattenable(definition: Mapping[str, Any], allow_unknown: bool = False) -> CompiledView:
    """Compile a view to be run by hand.

    Args:
        definition: The parsed JSON.
        allow_unknown: Elements that FHIR R4 does not have are read as JSON instead of refused.

    Raises:
        ViewDefinitionError: It is not supported; names the element.
    """
    return compile_view(definition, exact_decimals=True, allow_unknown=allow_unknown)


def reading(view: CompiledView) -> Reading:
    """What a view reads, and how."""
    return Reading(read_columns([view]), view.whole, tuple(sorted(view.exact_names)))


def flatten(
    view: CompiledView, files: Sequence[Path], out: Path, threads: int, memory: str = "1GB"
) -> int:
    """Run a view over files of resources, one a line, and write its rows.

    Args:
        view: The view, from ``flattenable``.
        files: ndjson, as it is or compressed (``.gz``, ``.zst``); other resource types in them are
            passed over.
        out: ``.parquet`` or ``.csv``; written whole or not at all, readable by its owner alone.
        threads: How many DuckDB may use.
        memory: DuckDB's memory limit; what outgrows it is kept beside ``out`` for the while.

    Returns:
        Rows written.

    Raises:
        FlattenError: A file is missing or does not fit the view; names the file, the line and the
            element.
    """
    form = _form(view, out)
    paths = [_readable(file) for file in files]
    if not paths:
        raise FlattenError("No files were given. Name at least one .ndjson file.")
    with (
        atomic_write(out) as written,
        TemporaryDirectory(dir=out.parent) as spill,
        _connection(threads, memory, spill) as con,
    ):
        return _written(con, view, paths, f"{literal_sql(str(written))} ({form})")


def _written(con: duckdb.DuckDBPyConnection, view: CompiledView, paths: list[str], to: str) -> int:
    if not view.exact_names:
        try:
            return _copied(con, view.sql(_structs_sql(view)), paths, to)
        except _OUT_OF_MEANS:
            raise FlattenError(_NO_MEANS) from None
        except duckdb.Error as error:
            _refuse_several(view, error)
    try:
        return _copied(con, view.sql(_lines_sql(view)), paths, to)
    except _OUT_OF_MEANS:
        raise FlattenError(_NO_MEANS) from None
    except duckdb.Error as error:
        _refuse_several(view, error)
    raise FlattenError(first_offender(view, [Path(path) for path in paths], LONGEST_LINE))


# The message of these may quote a line; it ends here.
_OUT_OF_MEANS = (duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.IOException)
_NO_MEANS = (
    "The files could not be read or the result not written, for want of memory or of room on the "
    "disk. Make room, or run the view over fewer files at a time."
)


def _copied(con: duckdb.DuckDBPyConnection, query: str, paths: list[str], to: str) -> int:
    found = con.execute(f"COPY ({query}) TO {to}", [paths]).fetchone()
    return int(found[0]) if found else 0


def _refuse_several(view: CompiledView, error: duckdb.Error) -> None:
    """Several values where one was promised: the message names a column or function of the view."""
    found = _SEVERAL.search(str(error))
    columns = {column.name for column in view.columns}
    # Other messages quote the line, which may say anything.
    if found and (found[1] in columns or found[1] in SUBJECTS):
        raise FlattenError(
            f"View {view.name}: {found[1]}: {MORE_THAN_ONE} in some resource, where the view "
            "promises one. Take first(), or set collection to true."
        ) from None


def _structs_sql(view: CompiledView) -> str:
    columns = ", ".join(
        f"{literal_sql(name)}: {literal_sql(kind)}" for name, kind in read_columns([view]).items()
    )
    return (
        f"(SELECT * FROM read_json(?, format = 'newline_delimited', columns = {{{columns}}}, "  # noqa: S608
        f"maximum_object_size = {LONGEST_LINE}) "
        f"WHERE {_of_type(name_sql('resourceType'), view)})"
    )


def _lines_sql(view: CompiledView) -> str:
    line = _digits_kept("CAST(json AS VARCHAR)", view.exact_names)
    struct = struct_of_json_sql("j", resource_shape([view]), fhir_r4())
    return (
        f"(SELECT unnest(s) FROM (SELECT {struct} AS s FROM (SELECT CAST({line} AS JSON) AS j "  # noqa: S608
        f"FROM read_json_objects(?, format = 'newline_delimited', "
        f"maximum_object_size = {LONGEST_LINE})) "
        f"WHERE {_of_type(_TYPE_IN_JSON, view)}))"
    )


def _of_type(told: str, view: CompiledView) -> str:
    """Lines of the view's type; one that tells no type could be of any."""
    wanted = literal_sql(view.resource)
    untold = "error('a line without resourceType')"
    return f"CASE WHEN ({told}) IS NULL THEN {untold} ELSE ({told}) = {wanted} END"


def _digits_kept(line: str, names: Collection[str]) -> str:
    """Lines in which the numbers under some names are strings, so that no digit is lost."""
    if not names:
        return line
    # Within a string every quote has a backslash before it, so this can only be a key.
    number = rf'"({"|".join(sorted(names))})"\s*:\s*(-?[0-9][0-9.eE+-]*)'
    text = r'"\1":"\2"'
    return f"regexp_replace({line}, {literal_sql(number)}, {literal_sql(text)}, 'g')"


def _form(view: CompiledView, out: Path) -> str:
    form = _FORMATS.get(out.suffix.lower())
    if form is None:
        raise FlattenError(f"{out.name}: expected a name that ends in .parquet or .csv.")
    several = [column.name for column in view.columns if column.collection]
    if several and out.suffix.lower() == ".csv":
        raise FlattenError(
            f"{out.name}: column {several[0]} holds several values, which CSV cannot. Write "
            ".parquet."
        )
    return form


def _readable(file: Path) -> str:
    if not file.is_file():
        raise FlattenError(f"{file}: no such file.")
    if any(sign in str(file) for sign in "*?[]{}"):
        raise FlattenError(f"{file}: the name would be taken for a pattern. Rename the file.")
    return str(file)


def _connection(threads: int, memory: str, spill: str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": spill,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
