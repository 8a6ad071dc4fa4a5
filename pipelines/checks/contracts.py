"""What a table must look like: its columns, types, keys and code sets.

Belongs here: the model of such a contract and reading the published ones. Does not belong
here: the checks that follow from it (``suites.py``) and contracts of dbt models.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, RootModel, model_validator

from pipelines.catalogue.entities import (
    METADATA_COLUMNS,
    PATTERNS,
    Column,
    Table,
    restricted_tables,
)
from pipelines.catalogue.loader import HERE as CATALOGUE
from pipelines.catalogue.loader import read_yaml
from pipelines.catalogue.model import Strict

ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
PSEUDONYM = "[0-9a-f]{32}"
"""Form of a pseudonym: 128 bits in hexadecimal digits."""

_RESTRICTED_TYPES: Mapping[str, ColumnType] = {
    "string": "text",
    "code": "text",
    "code_system": "text",
    "date": "date",
    "local_date": "date",
    "epoch_seconds": "integer",
    "boolean": "boolean",
    "decimal": "number",
    "timestamp_utc": "timestamp",
}
NO_TYPE = "untyped"
"""Type of a column that was written without a single value."""

PUBLISHED = CATALOGUE / "published_tables.yml"


class ColumnContract(Strict):
    """One column: its type, whether it may be empty, and which values it may hold.

    ``least_filled`` is the share of rows that should have a value, 0 where any may lack it.
    """

    type: ColumnType
    nullable: bool = False
    codes: tuple[str, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    least_filled: float = Field(default=0.0, ge=0, le=1)


class TableContract(Strict):
    """One table: its columns in order and the columns that identify a row.

    ``may_be_empty`` says whether a table without rows is in order.
    """

    columns: dict[str, ColumnContract] = Field(min_length=1)
    key: tuple[str, ...] = ()
    may_be_empty: bool = True

    @model_validator(mode="after")
    def _key_exists(self) -> TableContract:
        if unknown := [name for name in self.key if name not in self.columns]:
            raise ValueError(f"key names unknown columns {unknown}")
        return self


class PublishedTables(RootModel[dict[str, TableContract]]):
    """All published tables by name."""


@cache
def published_contracts(path: Path = PUBLISHED) -> Mapping[str, TableContract]:
    """Contracts of the published tables, by table name.

    Raises:
        CatalogueError: The file does not satisfy the model.
    """
    return read_yaml(path, PublishedTables).root


def column_type(dtype: pl.DataType) -> str:
    """Name of a Polars type in the words of a contract, its own name where there is none."""
    if dtype == pl.Null:
        return NO_TYPE
    if dtype == pl.String:
        return "text"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.Date:
        return "date"
    if isinstance(dtype, pl.Datetime):
        return "timestamp"
    if dtype.is_integer():
        return "integer"
    return "number" if dtype.is_float() else str(dtype)


def shape_of(schema: pl.Schema) -> pl.DataFrame:
    """The shape of a table as a frame that checks can be run on.

    Args:
        schema: Columns and types of the table.

    Returns:
        One row; each column of the table holds the name of its type.
    """
    return pl.DataFrame({name: [column_type(dtype)] for name, dtype in schema.items()})


@cache
def journal_contracts() -> Mapping[str, TableContract]:
    """Contracts of the restricted journal tables, by table name, as the entities have them.

    Raises:
        CatalogueError: An entity file is wrong.
    """
    return {name: _journal_contract(table) for name, table in restricted_tables().items()}


def _journal_contract(table: Table) -> TableContract:
    columns = {column.name: _journal_column(column) for column in table.columns}
    metadata = {
        name: ColumnContract(type=_RESTRICTED_TYPES[kind])
        for name, kind in METADATA_COLUMNS.items()
    }
    return TableContract(columns={**columns, **metadata}, key=table.key)


def _journal_column(column: Column) -> ColumnContract:
    pattern = PATTERNS[column.pattern] if column.pattern else ""
    if column.door == "pseudonym":
        pattern = PSEUDONYM
    low, high = column.range or (None, None)
    return ColumnContract(
        type=_RESTRICTED_TYPES[column.type],
        # What reveals a place is emptied for persons with a graded address.
        nullable=not column.required or column.reveals_location,
        codes=column.codes,
        pattern=f"^(?:{pattern})$" if pattern else "",
        minimum=low,
        maximum=high,
        least_filled=column.minimum_filled,
    )
