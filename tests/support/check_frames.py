"""Small tables that satisfy a contract, and twins that break every check of it.

Belongs here: rows made from contracts, without meaning. Does not belong here: anything
believable; a test of pages or of counting needs other data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from pipelines.checks.contracts import ColumnContract, TableContract
from pipelines.checks.model import Check

ROWS = 60
DAY = dt.date(2020, 6, 15)
MOMENT = dt.datetime(2025, 1, 5, 3, tzinfo=dt.UTC)
EXAMPLES = (
    "5001",
    "STO",
    "T90",
    "A10BA02",
    "2.16",
    "MIDT",
    "0-17",
    "partial_coverage",
    "a1",
    "fall",
)
DTYPES = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
}


def clean_frame(contract: TableContract) -> pl.DataFrame:
    """Rows that satisfy a contract; key columns that may be anything differ row by row."""
    columns = {}
    for name, column in contract.columns.items():
        values = [_value(column, row, name in contract.key) for row in range(ROWS)]
        columns[name] = pl.Series(name, values, dtype=DTYPES[column.type])
    return pl.DataFrame(columns)


def broken_frame(frame: pl.DataFrame, checks: Sequence[Check]) -> pl.DataFrame:
    """A twin in which one row breaks each check that single rows can break."""
    rows = frame.to_dicts()
    for position, check in enumerate(checks):
        row = rows[position % (ROWS - 2)]
        _break(row, check)
        if check.kind == "unique":
            for name in check.columns:
                rows[-1][name] = rows[-2][name]
    return pl.DataFrame(rows, schema=frame.schema)


def emptied_frame(frame: pl.DataFrame, checks: Sequence[Check]) -> pl.DataFrame:
    """A twin in which columns that should be filled are empty throughout."""
    names = {check.columns[0] for check in checks if check.text == "filled"}
    return frame.with_columns(
        pl.lit(None, dtype=frame.schema[name]).alias(name) for name in sorted(names)
    )


def _value(column: ColumnContract, row: int, is_key: bool) -> object:
    if column.type == "text":
        return _text(column, row, is_key)
    if column.type == "date":
        return DAY - dt.timedelta(days=row) if is_key else DAY
    if column.type == "timestamp":
        return MOMENT
    if column.type == "boolean":
        return True
    low = int(column.minimum or 0)
    return low + 1 if column.maximum is None else low


def _text(column: ColumnContract, row: int, is_key: bool) -> str:
    import re

    if column.codes:
        return column.codes[0]
    hexadecimal = f"{row:032x}"
    if not column.pattern:
        return hexadecimal if is_key else "text"
    fitting = [text for text in (hexadecimal, *EXAMPLES) if re.fullmatch(column.pattern, text)]
    return fitting[0]


def _break(row: dict[str, object], check: Check) -> None:
    if check.where is not None:
        row[check.where.column] = check.where.value
    if check.kind == "not_null" and check.text != "filled":
        row[check.columns[0]] = None
    elif check.kind == "null":
        row[check.columns[0]] = 1 if row[check.columns[0]] is None else row[check.columns[0]]
    elif check.kind in ("in_set", "regex"):
        row[check.columns[0]] = "§"
    elif check.kind == "not_in_set":
        row[check.columns[0]] = check.values[0]
    elif check.kind == "between" and check.columns != check.named():
        row[check.named()[0]] = DAY - dt.timedelta(days=366 * 150)
    elif check.kind == "between":
        row[check.columns[0]] = float(str(check.minimum)) - 1
    elif check.kind == "at_least" and check.text == "past":
        row[check.columns[1]] = MOMENT.date() + dt.timedelta(days=1)
    elif check.kind == "at_least":
        later, earlier = check.columns
        row[later] = DAY - dt.timedelta(days=1)
        row[earlier] = DAY
