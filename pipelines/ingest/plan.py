"""What it takes to read one entity: its views, its read schema, its queries.

Belongs here: putting catalogue, views and column rules together, once per entity.
Does not belong here: running any of it (``parse``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from anonymization.pseudonym_door import ColumnRule
from pipelines.catalogue.entities import Column, Entity, Table, load_entities
from pipelines.ingest.columns import ROW, judged_sql
from pipelines.ingest.fhirpath_sql import Shape, literal_sql, name_sql
from pipelines.ingest.limits import Limits
from pipelines.ingest.viewdefinition import compile_view, merged_shape, read_columns

RESOURCES = "resources"
"""Name of the relation of parsed resources in the queries of a plan."""


@dataclass(frozen=True)
class EntityPlan:
    """How one entity is read.

    Attributes:
        entity: The catalogue's entry.
        columns: Explicit read schema: DuckDB type by top-level element.
        queries: Judging query by table name, over ``RESOURCES``.
        shape: Elements that are read, as a tree.
        extensions: URLs of extensions that are read.
    """

    entity: Entity
    columns: Mapping[str, str]
    queries: Mapping[str, str]
    shape: Shape
    extensions: frozenset[str]

    @property
    def primary(self) -> Table:
        """The table with one row per resource."""
        return self.entity.tables[0]

    def read_sql(self, limits: Limits) -> str:
        """SELECT that parses a file (parameter 1) with the explicit schema, rows numbered."""
        columns = ", ".join(
            f"{literal_sql(name)}: {literal_sql(kind)}" for name, kind in self.columns.items()
        )
        return (
            f"SELECT row_number() OVER () AS {ROW}, {name_sql('resourceType')} AS _type, * "  # noqa: S608
            f"FROM read_json(?, format = 'newline_delimited', columns = {{{columns}}}, "
            f"maximum_object_size = {limits.line_bytes}, compression = ?)"
        )


@cache
def plan_of(entity_id: str) -> EntityPlan:
    """The plan of an entity of the catalogue."""
    entity = load_entities()[entity_id]
    views = {table.name: compile_view(table.definition) for table in entity.tables}
    queries = {
        table.name: judged_sql(
            table, views[table.name].sql(RESOURCES, keep=(ROW, "_type")), entity.id
        )
        for table in entity.tables
    }
    return EntityPlan(
        entity,
        read_columns(views.values()),
        queries,
        merged_shape(views.values()),
        frozenset().union(*(view.extensions for view in views.values())),
    )


def door_rules(table: Table) -> tuple[ColumnRule, ...]:
    """The table's columns as rules of the pseudonym door, the row number carried along."""
    return (ColumnRule(ROW, ROW), *(_rule(column) for column in table.columns))


def _rule(column: Column) -> ColumnRule:
    return ColumnRule(
        column.name,
        column.name,
        column.door,
        column.domain,
        identifier=column.national_identifier,
        reveals_location=column.reveals_location,
        required=column.required,
    )
