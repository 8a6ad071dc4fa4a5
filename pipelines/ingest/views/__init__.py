"""ViewDefinitions (SQL on FHIR v2) on DuckDB.

Belongs here: checking a ViewDefinition, compiling it to one query with an explicit read schema,
running one by hand. Does not belong here: what the ingest does with the rows. The way of a view:
``document`` (its JSON) → ``rows`` (structures, with ``layers``) → ``expressions`` (with ``syntax``,
``paths``, ``operators``, ``functions``, ``temporal``) → ``definition`` (the query); ``values`` is
what they all speak in, and ``flatten`` runs it by hand.
"""

from pipelines.ingest.views.definition import (
    CompiledView,
    compile_view,
    merged_shape,
    read_columns,
)
from pipelines.ingest.views.document import ViewDefinitionError
from pipelines.ingest.views.rows import ViewColumn
from pipelines.ingest.views.values import Shape, literal_sql, name_sql

__all__ = [
    "CompiledView",
    "Shape",
    "ViewColumn",
    "ViewDefinitionError",
    "compile_view",
    "literal_sql",
    "merged_shape",
    "name_sql",
    "read_columns",
]
