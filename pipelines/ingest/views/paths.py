"""Paths: from elements to their elements.

Belongs here: what a name, an index, ``where``, ``ofType`` and ``extension`` take, and that it is
recorded as read. Does not belong here: functions that compute (``functions``), operators.
"""

from __future__ import annotations

from dataclasses import replace

from pipelines.catalogue.fhir import UnknownElementError
from pipelines.ingest.views.context import Context
from pipelines.ingest.views.syntax import FhirPathError
from pipelines.ingest.views.untyped import unknown_member
from pipelines.ingest.views.values import (
    ANY_RESOURCE,
    UNTYPED,
    Compiled,
    Shape,
    literal_sql,
    name_sql,
)


def member(ctx: Context, target: Compiled, name: str) -> Compiled:
    """``target.name``.

    Args:
        ctx: The compilation.
        target: Elements.
        name: Element without type suffix, e.g. ``value`` for ``value[x]``.

    Raises:
        FhirPathError: There is no such element.
        UnknownElementError: Likewise, by the standard.
    """
    settled(target)
    if ctx.model.is_primitive(target.type):
        return _of_primitive(ctx, target, name)
    if target.type == UNTYPED:
        return unknown_member(ctx, target, name)
    target = ctx.enter(target)
    try:
        element = ctx.model.element(target.type, name)
    except UnknownElementError:
        if not ctx.allow_unknown:
            raise
        return unknown_member(ctx, target, name)
    if element.choice:
        return replace(target, choice=name)
    return _navigate(ctx, target, name, element.types[0], element.many)


def _navigate(ctx: Context, target: Compiled, name: str, type_name: str, many: bool) -> Compiled:
    if target.shape is None:
        raise FhirPathError(f"{name}: not an element of a resource.")
    shape = target.shape.child(name, type_name, many)
    parent = target if ctx.model.is_primitive(type_name) else None
    if not target.many:
        sql = f"{target.sql}.{name_sql(name)}"
        return Compiled(sql, type_name, many, shape, parent=parent, json_name=name)
    items, steps = target.items or target.sql, (*target.steps, name)
    x = target.variable or ctx.variable()
    path = ".".join([x, *map(name_sql, steps)])
    if many:
        source = items
        if target.condition:
            source = f"list_filter({items}, lambda {x}: {target.condition})"
        sql = f"flatten(list_transform({source}, lambda {x}: {path}))"
        return Compiled(sql, type_name, True, shape, None, parent, name)
    asked = f"{target.condition} AND " if target.condition else ""
    kept = f"list_filter({items}, lambda {x}: {asked}{path} IS NOT NULL)"
    sql = f"list_transform({kept}, lambda {x}: {path})"
    return Compiled(
        sql, type_name, True, shape, None, parent, name,
        items, steps, x, target.condition, kept,
    )  # fmt: skip


def _of_primitive(ctx: Context, target: Compiled, name: str) -> Compiled:
    """``district.extension``: what a plain value carries stands under ``_district``."""
    if name != "extension" or target.parent is None:
        raise FhirPathError(f"{name}: a {target.type} has no such element.")
    if target.shape is not None and target.shape.many:
        raise FhirPathError(f"{target.json_name}.extension: not supported on repeated values.")
    carrier = _navigate(ctx, target.parent, f"_{target.json_name}", "Element", many=False)
    return _navigate(ctx, carrier, "extension", "Extension", many=True)


def at(target: Compiled, position: int) -> Compiled:
    """``target[position]``, from 0."""
    settled(target)
    if target.many:
        return replace(target, sql=target.at(position), many=False)
    return target if position == 0 else replace(target, sql="NULL")


def filtered(target: Compiled, item: Compiled, condition: str) -> Compiled:
    """``target.where(…)``.

    Args:
        target: What is filtered.
        item: The item that the condition was compiled over; ``target`` itself where there is one.
        condition: A boolean in SQL.
    """
    if not target.many:
        return replace(target, sql=f"(CASE WHEN {condition} THEN {target.sql} END)")
    x = item.sql
    asked = f"coalesce({condition}, false)"
    sql = f"list_filter({target.sql}, lambda {x}: {asked})"
    return replace(
        target, sql=sql, items=target.sql, steps=(), variable=x, condition=asked, kept=""
    )


def item_of(ctx: Context, target: Compiled) -> Compiled:
    """What ``$this`` is in ``target.where(…)``."""
    settled(target)
    return replace(target, sql=ctx.variable(), many=False, parent=None) if target.many else target


def of_type(ctx: Context, target: Compiled, kind: str) -> Compiled:
    """``target.ofType(kind)``, after a choice or an element that holds any resource.

    Args:
        ctx: The compilation.
        target: The choice, or resources.
        kind: FHIR type.

    Raises:
        FhirPathError: It cannot be of that type, or has one type only.
    """
    if target.choice is None and target.type == ANY_RESOURCE:
        return _resources_of_type(ctx, target, kind)
    if target.choice is None:
        if target.type == kind:
            return target
        raise FhirPathError(f"ofType({kind}): only after an element of several types.")
    return _choice(ctx, target, target.choice, kind)


def choices(ctx: Context, target: Compiled) -> list[Compiled]:
    """A choice as each of the types that it may be of."""
    name = str(target.choice)
    kinds = ctx.model.element(target.type, name).types
    return [_choice(ctx, target, name, kind) for kind in kinds]


def _choice(ctx: Context, target: Compiled, choice: str, kind: str) -> Compiled:
    if kind not in ctx.model.element(target.type, choice).types:
        raise FhirPathError(f"ofType({kind}): {choice} cannot be of that type.")
    name = choice + kind[0].upper() + kind[1:]
    return _navigate(ctx, replace(target, choice=None), name, kind, many=False)


def _resources_of_type(ctx: Context, target: Compiled, kind: str) -> Compiled:
    if kind not in ctx.model.resources or target.shape is None:
        raise FhirPathError(f"ofType({kind}): expected a type of resource.")
    item = item_of(ctx, target)
    asked = f"{item.sql} ->> '$.resourceType' = {literal_sql(kind)}"
    found = filtered(target, item, asked)
    shape = Shape(kind, path=f"{target.shape.path}!{kind}", whole=True, kept=ctx.kept)
    return Compiled(found.sql, kind, target.many, shape)


def settled(value: Compiled) -> None:
    """Refuse a choice whose type was not given.

    Raises:
        FhirPathError: It is one.
    """
    if value.choice:
        raise FhirPathError(f"{value.choice} needs ofType(<type>) to be read.")
