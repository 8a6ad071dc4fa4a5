"""What it takes to read one kind of file: how it is parsed, its tables, and the query of each.

Belongs here: putting catalogue, views, column rules and corrections together, once per kind.
Does not belong here: running any of it (``parse``), the form of delivered tables (``tabular``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from anonymization.pseudonym_door import ColumnRule
from pipelines.catalogue.corrections import Correction
from pipelines.catalogue.delivered_tables import DeliveredTable
from pipelines.catalogue.entities import Column, Entity, Table, key_domains, load_entities
from pipelines.catalogue.sources import Source
from pipelines.clients.delivered_files import ManifestFile
from pipelines.ingest.columns import ROW, TYPE, UNREADABLE, judged_sql
from pipelines.ingest.corrections import corrected_sql
from pipelines.ingest.limits import Limits
from pipelines.ingest.lines import flaw
from pipelines.ingest.tabular import csv_lines_sql, delivered_view_sql, parquet_rows_sql
from pipelines.ingest.views import (
    Shape,
    compile_view,
    literal_sql,
    merged_shape,
    name_sql,
    read_columns,
)

RESOURCES = "resources"
"""Name of the relation of parsed rows in the queries of a plan."""

Flaw = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """How one kind of file is read.

    Attributes:
        entity: Entity of what is in it.
        tables: Tables it fills; the first has a row for every line.
        queries: Judging query by table name, over ``RESOURCES``.
        corrections: Corrections of the tables.
        single: One table with one row per line: rows are numbered by their place.
    """

    entity: Entity
    tables: tuple[Table, ...]
    queries: Mapping[str, str]
    corrections: tuple[Correction, ...]
    single: bool

    @property
    def primary(self) -> Table:
        """The table with a row for every line."""
        return self.tables[0]


@dataclass(frozen=True)
class LinesPlan(Plan):
    """A file of lines that can be read, and read anew, in any stretch of them.

    Attributes:
        read_sql: SELECT that parses a file (parameter 1).
        flaw: What may be wrong with a line that the parser refuses, as far as it can be told.
    """

    read_sql: str
    flaw: Callable[[bytes], Flaw | None]


@dataclass(frozen=True)
class ResourcePlan(LinesPlan):
    """NDJSON of FHIR resources.

    Attributes:
        columns: Explicit read schema: DuckDB type by top-level element.
        shape: Elements that are read, as a tree.
        extensions: URLs of extensions that are read.
    """

    columns: Mapping[str, str]
    shape: Shape
    extensions: frozenset[str]


@dataclass(frozen=True)
class CsvPlan(LinesPlan):
    """CSV of one delivered table; the first line of the file holds the columns' names.

    Attributes:
        delivered: How it is written and read.
    """

    delivered: DeliveredTable


@dataclass(frozen=True)
class ParquetPlan(Plan):
    """Parquet of one delivered table.

    Attributes:
        delivered: How it is read.
        read_sql: SELECT that reads rows (parameters: path, first and last row number).
    """

    delivered: DeliveredTable
    read_sql: str


def plan_for(
    source: Source,
    file: ManifestFile,
    header: Sequence[str],
    corrections: tuple[Correction, ...],
    limits: Limits,
) -> Plan:
    """The plan of a delivered file.

    Args:
        source: The source, with its delivered tables.
        file: The manifest's entry.
        header: Names in the first line of a CSV file.
        corrections: Corrections in whose scope the delivery is.
        limits: Longest line.
    """
    if file.format == "ndjson":
        return resource_plan(file.entity, corrections, limits)
    delivered = source.tables[file.entity]
    return _table_plan(delivered, file.format, tuple(header), corrections, limits)


def resource_plan(
    entity_id: str,
    corrections: tuple[Correction, ...] = (),
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> ResourcePlan:
    """The plan of an entity's NDJSON; made once where nothing is corrected."""
    own = _of_tables(load_entities()[entity_id].tables, corrections)
    return _resource_plan(entity_id, own, limits) if own else _plain_plan(entity_id, limits)


@cache
def _plain_plan(entity_id: str, limits: Limits) -> ResourcePlan:
    return _resource_plan(entity_id, (), limits)


def _resource_plan(
    entity_id: str, corrections: tuple[Correction, ...], limits: Limits
) -> ResourcePlan:
    entity = load_entities()[entity_id]
    views = {table.name: compile_view(table.definition) for table in entity.tables}
    single = len(entity.tables) == 1 and not entity.tables[0].repeats
    carried = [TYPE] if single else [ROW, TYPE]
    queries = {
        table.name: _judged(
            table, views[table.name].sql(RESOURCES, keep=carried), carried, entity.id, corrections
        )
        for table in entity.tables
    }
    columns = read_columns(views.values())
    shape = merged_shape(views.values())
    return ResourcePlan(
        entity,
        entity.tables,
        queries,
        _of_tables(entity.tables, corrections),
        single,
        _resources_sql(columns, limits),
        lambda line: flaw(line, shape),
        columns,
        shape,
        frozenset().union(*(view.extensions for view in views.values())),
    )


def _table_plan(
    delivered: DeliveredTable,
    form: Literal["csv", "parquet"],
    header: tuple[str, ...],
    corrections: tuple[Correction, ...],
    limits: Limits,
) -> Plan:
    entity, table = _restricted(delivered.table)
    view = delivered_view_sql(delivered, table, form, RESOURCES)
    queries = {table.name: _judged(table, view, [UNREADABLE], entity.id, corrections)}
    own = _of_tables([table], corrections)
    if form == "parquet":
        read = parquet_rows_sql(delivered)
        return ParquetPlan(entity, (table,), queries, own, True, delivered, read)
    read, told = csv_lines_sql(delivered, header, limits)
    return CsvPlan(entity, (table,), queries, own, True, read, told, delivered)


def _restricted(name: str) -> tuple[Entity, Table]:
    return next(
        (entity, table)
        for entity in load_entities().values()
        for table in entity.tables
        if table.name == name
    )


def _judged(
    table: Table,
    view: str,
    carried: Sequence[str],
    resource: str,
    corrections: Sequence[Correction],
) -> str:
    own = _of_tables([table], corrections)
    if own:
        view = corrected_sql(view, own)
    return judged_sql(table, view, carried, resource, corrected=bool(own))


def _of_tables(
    tables: Sequence[Table], corrections: Sequence[Correction]
) -> tuple[Correction, ...]:
    names = {table.name for table in tables}
    return tuple(each for each in corrections if each.table in names)


def _resources_sql(columns: Mapping[str, str], limits: Limits) -> str:
    listed = ", ".join(
        f"{literal_sql(name)}: {literal_sql(kind)}" for name, kind in columns.items()
    )
    return (
        f"SELECT {name_sql('resourceType')} AS {TYPE}, * "  # noqa: S608
        f"FROM read_json(?, format = 'newline_delimited', columns = {{{listed}}}, "
        f"maximum_object_size = {limits.line_bytes}, compression = 'none')"
    )


def door_rules(table: Table) -> tuple[ColumnRule, ...]:
    """The table's columns as rules of the pseudonym door, the row number carried along."""
    return (ColumnRule(ROW, ROW), *(_rule(column) for column in table.columns))


def _rule(column: Column) -> ColumnRule:
    by = column.domain_by
    return ColumnRule(
        column.name,
        column.name,
        column.door,
        None if by else column.domain,
        identifier=column.national_identifier,
        reveals_location=column.reveals_location,
        required=column.required,
        domains=(by, key_domains()) if by else None,
    )
