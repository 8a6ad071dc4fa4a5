"""Columns of a view judged and typed, as SQL.

Belongs here: how each rule of an entity file becomes an expression, and the reason code when a
value breaks it. Does not belong here: which elements the view reads (``views``), national
identity numbers (the pseudonym door judges them).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import polars as pl

from pipelines.catalogue.entities import (
    ALPHABETS,
    LONGEST,
    METADATA_COLUMNS,
    PATTERNS,
    Column,
    Table,
)
from pipelines.ingest.views import literal_sql, name_sql
from pipelines.settings import reference_dir

ROW = "_row"
TYPE = "_type"
UNREADABLE = "_unreadable"
REASON = "_reason"
CORRECTED = "_corrected"
# A time to the minute at least, with its offset.
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.{5,}(Z|[+-][0-9]{2}:[0-9]{2})"
# How nearly all of them are written: told at a third of the cost. That there are digits in the gaps
# is seen when it is converted.
_USUAL_TIME = "____-__-__T__:__:__+__:__"
# The end of an address: type and id. One of a single version is not one of the resource.
_RESOURCE = r"^(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]+)$"
_POLARS: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "code": pl.String(),
    "code_system": pl.String(),
    "date": pl.Date(),
    "local_date": pl.Date(),
    "epoch_seconds": pl.Int64(),
    "boolean": pl.Boolean(),
    "decimal": pl.Float64(),
    "timestamp_utc": pl.Datetime("us", "UTC"),
}


def table_schema(table: Table) -> pl.Schema:
    """Columns and types of a restricted table, in order."""
    own = {column.name: _POLARS[column.type] for column in table.columns}
    return pl.Schema(own | {name: _POLARS[kind] for name, kind in METADATA_COLUMNS.items()})


@cache
def system_names() -> Mapping[str, str]:
    """Short name of a code system by every address it is known under."""
    path = reference_dir() / "code_system_aliases.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["alias"]: row["system"] for row in csv.DictReader(file)}


def judged_sql(
    table: Table, view_sql: str, carried: Sequence[str], resource: str, corrected: bool = False
) -> str:
    """The query that types and judges the rows of a view.

    Args:
        table: The restricted table.
        view_sql: The view's query.
        carried: Columns that the view's query carries beside its own: ``_row`` (number of the
            line, where a line may bring several rows or none), ``_type`` (resource type),
            ``_unreadable`` (view column whose delivered value cannot be read).
        resource: Expected resource type.
        corrected: The view's query tells in ``_corrected`` which corrections a row has met.

    Returns:
        SQL with ``_row`` where it is carried, the table's columns (pseudonyms still raw),
        ``_corrected`` where there are corrections, and ``_reason``: null, or ``reason|column`` of
        the first rule that a row breaks.
    """
    along = [*carried, *([CORRECTED] if corrected else [])]
    raw = ", ".join(
        along
        + [f"{_raw(column)} AS {name_sql(column.name)}" for column in table.columns]
        + [f"{_system(c)} AS {name_sql(f'{c.name}_system')}" for c in table.columns if c.system]
        + [
            f"{name_sql(c.required_unless)} AS {name_sql(f'{c.name}_unless')}"
            for c in table.columns
            if c.required_unless
        ]
        + [
            f"{name_sql(check.source)} AS {name_sql(f'{check.source}_check')}"
            for check in table.checks
        ]
    )
    # Typed once, beside the raw value: the rules ask for both.
    typed = ", ".join(
        f"{_typed(column)} AS {_final(column)}" for column in table.columns if _is_converted(column)
    )
    kept = [name for name in along if name in (ROW, CORRECTED)]
    final = ", ".join(
        kept + [f"{_final(column)} AS {name_sql(column.name)}" for column in table.columns]
    )
    broken = " ".join(_broken(table, carried, resource))
    # Names and literals come from the catalogue and are quoted.
    return (
        f"SELECT {final}, CASE {broken} END AS {REASON} "  # noqa: S608
        f"FROM (SELECT *{', ' if typed else ''}{typed} FROM (SELECT {raw} FROM ({view_sql})))"
    )


def _broken(table: Table, carried: Sequence[str], resource: str) -> Iterator[str]:
    """One WHEN per way in which a row can break the table's rules, in their order."""
    if TYPE in carried:
        yield f"WHEN {TYPE} IS DISTINCT FROM {literal_sql(resource)} THEN 'wrong_resource_type|'"
    if UNREADABLE in carried:
        yield f"WHEN {UNREADABLE} IS NOT NULL THEN 'unreadable_value|' || {UNREADABLE}"
    for check in table.checks:
        value = name_sql(f"{check.source}_check")
        allowed = ", ".join(map(literal_sql, check.codes))
        missing, wrong = f"missing_required|{check.source}", f"code_not_allowed|{check.source}"
        yield f"WHEN {value} IS NULL THEN {literal_sql(missing)}"
        yield f"WHEN {value} NOT IN ({allowed}) THEN {literal_sql(wrong)}"
    for column in table.columns:
        for condition, reason in _rules(column):
            yield f"WHEN {condition} THEN {literal_sql(f'{reason}|{column.name}')}"


def _is_converted(column: Column) -> bool:
    return column.type in ("date", "local_date", "epoch_seconds")


def _final(column: Column) -> str:
    """Name of the typed value in the inner query."""
    return name_sql(f"{column.name}__typed" if _is_converted(column) else column.name)


def _raw(column: Column) -> str:
    """First source with a value, empty strings being none, normalised."""
    if column.type in ("boolean", "decimal"):
        return _first([name_sql(name) for name in column.source])
    if column.borders is not None:
        return _first([_within(name_sql(name), column.borders) for name in column.source])
    sql = _first([f"nullif({name_sql(name)}, '')" for name in column.source])
    for step in column.normalise:
        match step:
            case "upper":
                sql = f"upper({sql})"
            case "no_dot":
                sql = f"replace({sql}, '.', '')"
            case "no_leading_zeros":
                sql = f"ltrim({sql}, '0')"
            case "reference_type":
                sql = f"nullif(regexp_extract({sql}, '{_RESOURCE}', 1), '')"
            case "reference_id":
                sql = f"nullif(regexp_extract({sql}, '{_RESOURCE}', 2), '')"
    return _named_system(sql) if column.type == "code_system" else sql


def _within(value: str, borders: int) -> str:
    """The municipality that a code of a municipality or a tract lies in, by a year's borders."""
    known = prefixes(borders)
    pairs = ", ".join(
        f"{literal_sql(prefix)}: {literal_sql(code)}" for prefix, code in known.items()
    )
    lengths = sorted({len(prefix) for prefix in known}, reverse=True)
    return _first(
        [f"map_extract_value(MAP {{{pairs}}}, left({value}, {length}))" for length in lengths]
    )


@cache
def prefixes(borders: int) -> Mapping[str, str]:
    """Municipality by the borders of a year, by the first digits of a municipality or a tract."""
    path = reference_dir() / "borders.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["prefix"], row[f"municipality_{borders}"]) for row in csv.DictReader(file)]
    return {prefix: code for prefix, code in rows if code}


def _system(column: Column) -> str:
    names = column.system.source if column.system else ()
    return _first([name_sql(name) for name in names])


def _first(sources: list[str]) -> str:
    return sources[0] if len(sources) == 1 else f"coalesce({', '.join(sources)})"


def _named_system(sql: str) -> str:
    cases = " ".join(
        f"WHEN {literal_sql(alias)} THEN {literal_sql(name)}"
        for alias, name in system_names().items()
    )
    # An unknown address is kept apart from none at all.
    return f"CASE {sql} {cases} ELSE CASE WHEN {sql} IS NOT NULL THEN '?' END END"


def _typed(column: Column) -> str:
    value = name_sql(column.name)
    # The session's time zone is Europe/Oslo.
    day, time = f"TRY_CAST({value} AS DATE)", f"TRY_CAST({value} AS TIMESTAMPTZ)"
    if column.type == "epoch_seconds":
        return f"CAST(floor(epoch({time})) AS BIGINT)"
    if column.type == "date":
        return day
    return f"CASE WHEN length({value}) = 10 THEN {day} ELSE CAST({time} AS DATE) END"


def _rules(column: Column) -> list[tuple[str, str]]:
    """Conditions that break the column's rules; an absent value breaks only ``required``."""
    value = name_sql(column.name)
    rules: list[tuple[str, str]] = []
    if column.required:
        rules.append((f"{value} IS NULL", "missing_required"))
    if column.required_unless:
        unless = name_sql(f"{column.name}_unless")
        rules.append((f"{value} IS NULL AND NOT coalesce({unless}, false)", "missing_required"))
    if column.system:
        system = name_sql(f"{column.name}_system")
        allowed = ", ".join(
            literal_sql(alias)
            for alias, name in system_names().items()
            if name in column.system.expected
        )
        unknown = f"coalesce({system}, '') NOT IN ({allowed})"
        rules.append((f"{value} IS NOT NULL AND {unknown}", "unknown_code_system"))
    if column.codes:
        allowed = ", ".join(map(literal_sql, column.codes))
        reason = "unknown_code_system" if column.type == "code_system" else "code_not_allowed"
        rules.append((f"{value} NOT IN ({allowed})", reason))
    if column.pattern and column.pattern not in ALPHABETS:  # those: see ``spelling``
        form = literal_sql(PATTERNS[column.pattern])
        misfit = f"length({value}) > {LONGEST} OR NOT regexp_full_match({value}, {form})"
        rules.append((misfit, misfit_reason(column)))
    if _is_converted(column):
        well_formed = f"coalesce({_well_formed(column)}, false)"
        rules.append((f"{value} IS NOT NULL AND NOT {well_formed}", "invalid_date"))
    if column.range:
        low, high = column.range
        rules.append((f"NOT ({value} BETWEEN {low!r} AND {high!r})", "value_out_of_range"))
    return rules


def misfit_reason(column: Column) -> str:
    """Reason code of a value that does not have the column's form."""
    return "invalid_identifier" if column.door == "pseudonym" else "code_not_allowed"


def _well_formed(column: Column) -> str:
    """A full date; or a time to the minute at least, with its offset, where times are meant."""
    value = name_sql(column.name)
    time = (
        f"CASE WHEN {value} LIKE {literal_sql(_USUAL_TIME)} THEN true "
        f"ELSE regexp_full_match({value}, {literal_sql(_TIME)}) END"
    )
    oldest = "-5364662400" if column.type == "epoch_seconds" else "DATE '1800-01-01'"
    form = {
        "date": f"length({value}) = 10",
        "local_date": f"CASE WHEN length({value}) = 10 THEN true ELSE {time} END",
        "epoch_seconds": time,
    }[column.type]
    return f"{form} AND {_final(column)} >= {oldest}"
