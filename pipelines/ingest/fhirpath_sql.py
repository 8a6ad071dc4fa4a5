"""The name under which the ingest knows shapes and SQL quoting; they live in ``views``.

Belongs here: nothing but the door. Does not belong here: anything that could stand in ``views``.
"""

from pipelines.ingest.views import Shape, literal_sql, name_sql

__all__ = ["Shape", "literal_sql", "name_sql"]
