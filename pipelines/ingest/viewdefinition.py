"""The name under which the ingest knows ViewDefinitions; they live in ``views``.

Belongs here: nothing but the door. Does not belong here: anything that could stand in ``views``.
"""

from pipelines.ingest.views import (
    CompiledView,
    ViewColumn,
    ViewDefinitionError,
    compile_view,
    merged_shape,
    read_columns,
)

__all__ = [
    "CompiledView",
    "ViewColumn",
    "ViewDefinitionError",
    "compile_view",
    "merged_shape",
    "read_columns",
]
