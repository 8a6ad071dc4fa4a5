"""Elements that FHIR R4 does not have: read as JSON, and of a type only where the view gives one.

Belongs here: what a path through them is, and making plain values of them. Does not belong here:
whether they are let in (``flatten --allow-unknown``; the ingest never does).

With no standard to say what repeats, such elements are always a list; what data has as one object
is a list of one.
"""

from __future__ import annotations

from pipelines.ingest.views.context import Context
from pipelines.ingest.views.syntax import FhirPathError
from pipelines.ingest.views.values import (
    UNTYPED,
    Compiled,
    Shape,
    bound_sql,
    literal_sql,
    name_sql,
)


def unknown_member(ctx: Context, target: Compiled, name: str) -> Compiled:
    """``target.name``, where the standard knows no such element.

    Args:
        ctx: The compilation; told that this is read.
        target: Elements, typed or not.
        name: JSON name.

    Raises:
        FhirPathError: The target is no element.
    """
    if target.shape is None:
        raise FhirPathError(f"{name}: not an element of a resource.")
    if target.type == UNTYPED:
        step = f" -> {literal_sql(f'$.{name_sql(name)}')}"
        shape = Shape(UNTYPED, path=f"{target.shape.path}.{name}", whole=True)
    else:
        step = f".{name_sql(name)}"
        shape = target.shape.child(name, UNTYPED, many=False)
    ctx.unknown.add(shape.shown)
    if not target.many:
        return Compiled(_items(ctx, f"{target.sql}{step}"), UNTYPED, True, shape)
    x = ctx.variable()
    sql = f"flatten(list_transform({target.sql}, lambda {x}: {_items(ctx, f'{x}{step}')}))"
    return Compiled(sql, UNTYPED, True, shape)


def typed(ctx: Context, value: Compiled, kind: str) -> Compiled:
    """A value of a plain type; itself unless it has none yet.

    Args:
        ctx: The compilation.
        value: The value.
        kind: FHIR type that it is to have.

    Raises:
        FhirPathError: No plain type is known for it.
    """
    if value.type != UNTYPED:
        return value
    if not ctx.model.is_primitive(kind):
        raise FhirPathError("an element that FHIR R4 does not have needs a plain type beside it.")
    x, wanted = ctx.variable(), ctx.model.sql_type(kind)
    one = f"({x} ->> '$')" if wanted == "VARCHAR" else f"CAST({x} AS {wanted})"
    if not value.many:
        return Compiled(bound_sql(value.sql, x, one), kind, shape=value.shape)
    return Compiled(f"list_transform({value.sql}, lambda {x}: {one})", kind, True, value.shape)


def typed_like(ctx: Context, value: Compiled, other: Compiled) -> Compiled:
    """A value of the type of what it meets; beside a whole number it may still be a broken one."""
    whole = ctx.model.is_primitive(other.type) and ctx.model.sql_type(other.type) == "BIGINT"
    return typed(ctx, value, "decimal" if whole else other.type)


def _items(ctx: Context, json_sql: str) -> str:
    j = ctx.variable()
    return bound_sql(
        json_sql,
        j,
        f"CASE WHEN coalesce(json_type({j}), 'NULL') = 'NULL' THEN [] "
        f"WHEN json_type({j}) = 'ARRAY' THEN CAST({j} AS JSON[]) ELSE [{j}] END",
    )
