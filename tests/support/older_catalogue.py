"""The catalogue as it was before a fix: a code that it did not know yet.

Belongs here: making it count, and putting the real one back. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.catalogue import entities
from pipelines.ingest import plan


@contextmanager
def without_code(entity_id: str, column: str, code: str) -> Iterator[None]:
    """For a while, a code is none of those that the column of an entity's first table may have."""
    real = entities._load_entities
    known = real(entities.HERE)
    entity = known[entity_id]
    table = entity.tables[0]
    columns = tuple(
        one.model_copy(update={"codes": tuple(c for c in one.codes if c != code)})
        if one.name == column
        else one
        for one in table.columns
    )
    older = table.model_copy(update={"columns": columns})
    changed = entity.model_copy(update={"tables": (older, *entity.tables[1:])})
    try:
        entities._load_entities = lambda folder: {**known, entity_id: changed}  # type: ignore[assignment]
        _forget_plans()
        yield
    finally:
        entities._load_entities = real
        _forget_plans()


def _forget_plans() -> None:
    plan._plain_plan.cache_clear()
