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

from pipelines.catalogue.loader import HERE as CATALOGUE
from pipelines.catalogue.loader import read_yaml
from pipelines.catalogue.model import Strict

ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
PUBLISHED = CATALOGUE / "published_tables.yml"


class ColumnContract(Strict):
    """One column: its type, whether it may be empty, and which values it may hold."""

    type: ColumnType
    nullable: bool = False
    codes: tuple[str, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None


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
    """Contracts of the restricted journal tables, by table name."""
    return {}
