"""Delivered Parquet and CSV as rows of a view, as SQL.

Belongs here: reading a delivered table with the explicit columns of its mapping, and turning each
column into the text, number or truth value that the view of a FHIR resource would give. Does not
belong here: the mapping's shape (``catalogue/delivered_tables``), judging rows (``columns``).

Dates and times become text in ISO 8601, so that one set of rules judges both kinds of delivery. A
value that is there and cannot be read as declared is told by its column, never taken for absent.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import Literal

from pipelines.catalogue.delivered_tables import CsvForm, DeliveredColumn, DeliveredTable, Reading
from pipelines.catalogue.entities import Table
from pipelines.clients.delivered_files import DeliveryRefusedError
from pipelines.ingest.columns import UNREADABLE
from pipelines.ingest.limits import Limits
from pipelines.ingest.lines import flaw_of_bytes
from pipelines.ingest.views import literal_sql, name_sql

Form = Literal["csv", "parquet"]
_SQL_TYPES = {"boolean": "BOOLEAN", "decimal": "DOUBLE"}
PARQUET_TYPES: dict[Reading, tuple[str, ...]] = {
    "text": ("string", "large_string", "dictionary"),
    "number": ("double", "float", "int", "uint", "decimal"),
    "date": ("date32",),
    "local_time": ("timestamp",),
    "instant": ("timestamp",),
    "boolean": ("bool",),
}
"""Arrow types that a Parquet column may have, by how it is read."""


def delivered_view_sql(delivered: DeliveredTable, table: Table, form: Form, source: str) -> str:
    """A view's columns out of a delivered table.

    Args:
        delivered: The mapping.
        table: Restricted table that it fills.
        form: How the table is delivered.
        source: Relation with the delivered columns under their own names.

    Returns:
        SQL that gives every view column, and ``_unreadable``: name of the first one whose
        delivered value is there and cannot be read as declared, or null.
    """
    outputs, unreadable = [], []
    types = {name: column.type for column in table.columns for name in column.source}
    types |= {c.required_unless: "boolean" for c in table.columns if c.required_unless}
    for name, one in delivered.columns.items():
        value, broken = _read(one, delivered, form)
        if one.constant is not None and types.get(name) in _SQL_TYPES:
            value = f"CAST({value} AS {_SQL_TYPES[types[name]]})"
        outputs.append(f"{value} AS {name_sql(name)}")
        if broken is not None:
            unreadable.append(f"WHEN {broken} THEN {literal_sql(name)}")
    told = f"CASE {' '.join(unreadable)} END" if unreadable else "CAST(NULL AS VARCHAR)"
    # Names and literals come from the catalogue and are quoted.
    return f"SELECT {', '.join(outputs)}, {told} AS {UNREADABLE} FROM {source}"  # noqa: S608


def parquet_rows_sql(delivered: DeliveredTable) -> str:
    """SELECT of a stretch of rows (parameters: path, first and last row, from 0)."""
    columns = ", ".join(name_sql(name) for name in delivered.readings)
    return (
        f"SELECT {columns} FROM read_parquet(?, file_row_number = true) "  # noqa: S608
        "WHERE file_row_number BETWEEN ? AND ?"
    )


def csv_lines_sql(
    delivered: DeliveredTable, header: Sequence[str], limits: Limits
) -> tuple[str, Callable[[bytes], tuple[str, str] | None]]:
    """How the lines of a CSV file are parsed, and what may be wrong with one that is refused.

    Args:
        delivered: The mapping.
        header: Names in the file's first line, in order.
        limits: Longest line.

    Returns:
        SELECT over a file without its header (parameter 1), every column as text; and a function
        from a line to the reason why the parser may refuse it.
    """
    form = _form(delivered)
    columns = ", ".join(f"{literal_sql(name)}: 'VARCHAR'" for name in header)
    nulls = ", ".join(map(literal_sql, ["", *form.null_values]))
    read = (
        f"SELECT * FROM read_csv(?, auto_detect = false, header = false, "  # noqa: S608
        f"columns = {{{columns}}}, delim = {literal_sql(form.delimiter)}, quote = '\"', "
        f"escape = '\"', nullstr = [{nulls}], strict_mode = true, parallel = false, "
        f"max_line_size = {limits.line_bytes}, compression = 'none')"
    )

    def flaw(line: bytes) -> tuple[str, str] | None:
        if reason := flaw_of_bytes(line):
            return reason, ""
        text = line.decode("utf-8")
        try:
            fields = next(csv.reader([text], delimiter=form.delimiter, strict=True))
        except (csv.Error, StopIteration):
            return "broken_csv", ""
        return None if len(fields) == len(header) else ("wrong_field_count", "")

    return read, flaw


def header_of(line: bytes, delivered: DeliveredTable) -> tuple[str, ...]:
    """Column names in the first line of a CSV file.

    Raises:
        DeliveryRefusedError: ``wrong_header``: the line cannot be read as names.
    """
    delimiter = _form(delivered).delimiter
    try:
        return tuple(next(csv.reader([line.decode("utf-8")], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        raise DeliveryRefusedError(
            "wrong_header", "its first line cannot be read as column names"
        ) from None


def _form(delivered: DeliveredTable) -> CsvForm:
    if delivered.csv is None:
        raise ValueError(f"{delivered.table}: the mapping declares no csv.")
    return delivered.csv


def _read(one: DeliveredColumn, delivered: DeliveredTable, form: Form) -> tuple[str, str | None]:
    """The value as the view has it, and the condition that it is there and cannot be read."""
    if one.column is None:
        return literal_sql(one.constant or ""), None
    raw = name_sql(one.column)
    if one.codes:
        known = " ".join(
            f"WHEN {literal_sql(k)} THEN {literal_sql(v)}" for k, v in one.codes.items()
        )
        raw = f"CASE CAST({raw} AS VARCHAR) {known} ELSE CAST({raw} AS VARCHAR) END"
    value = _parquet(raw, one.read) if form == "parquet" else _csv(raw, one.read, _form(delivered))
    if one.read == "local_time":
        value = _instant(value, delivered)
    if one.read == "text" or (form == "parquet" and one.read not in ("local_time", "boolean")):
        return value, None
    return value, f"{raw} IS NOT NULL AND ({value}) IS NULL"


def _parquet(raw: str, read: Reading) -> str:
    match read:
        case "number":
            return f"CAST({raw} AS DOUBLE)"
        case "boolean":
            return f"TRY_CAST({raw} AS BOOLEAN)"
        case "local_time":
            return raw
        case "instant":
            return _utc(raw)
    return f"CAST({raw} AS VARCHAR)"


def _csv(raw: str, read: Reading, form: CsvForm) -> str:
    match read:
        case "number":
            plain = f"CASE WHEN contains({raw}, '.') THEN NULL ELSE replace({raw}, ',', '.') END"
            return f"TRY_CAST({plain if form.decimal == ',' else raw} AS DOUBLE)"
        case "boolean":
            return f"TRY_CAST({raw} AS BOOLEAN)"
        case "date":
            return f"strftime(try_strptime({raw}, {literal_sql(form.date_format)}), '%Y-%m-%d')"
        case "local_time":
            return f"try_strptime({raw}, {literal_sql(form.time_format)})"
    return raw


def _utc(instant: str) -> str:
    return f"strftime(timezone('UTC', {instant}), '%Y-%m-%dT%H:%M:%SZ')"


def _instant(local: str, delivered: DeliveredTable) -> str:
    """A local clock time as the instant it means, in UTC; null where there is none, or two.

    In spring an hour of the clock does not exist; in autumn one exists twice.
    """
    zone = literal_sql(delivered.time_zone or "")
    at = f"timezone({zone}, {local})"
    exists = f"timezone({zone}, {at}) = {local}"
    earlier = f"timezone({zone}, {at} - INTERVAL 1 HOUR) = {local}"
    later = f"timezone({zone}, {at} + INTERVAL 1 HOUR) = {local}"
    match delivered.ambiguous_time:
        case "earlier":
            chosen = f"CASE WHEN {earlier} THEN {at} - INTERVAL 1 HOUR ELSE {at} END"
        case "later":
            chosen = f"CASE WHEN {later} THEN {at} + INTERVAL 1 HOUR ELSE {at} END"
        case "refuse":
            chosen = f"CASE WHEN NOT ({earlier}) AND NOT ({later}) THEN {at} END"
    return f"CASE WHEN {exists} THEN {_utc(chosen)} END"
