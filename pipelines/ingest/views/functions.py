"""Functions of FHIRPath and those that SQL on FHIR adds.

Belongs here: what each supported function means, in one table. Does not belong here: navigation
itself (``paths``), operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pipelines.ingest.views.context import Context
from pipelines.ingest.views.operators import boolean_sql
from pipelines.ingest.views.paths import (
    at,
    choices,
    filtered,
    item_of,
    member,
    of_type,
    settled,
)
from pipelines.ingest.views.syntax import Binary, Call, FhirPathError, Member, Node, This, Value
from pipelines.ingest.views.temporal import (
    MOMENTS,
    TIME,
    boundary_sql,
    decimal_boundary_sql,
)
from pipelines.ingest.views.untyped import typed
from pipelines.ingest.views.values import (
    Compiled,
    count_sql,
    exists_sql,
    literal_sql,
    single_sql,
)

Evaluate = Callable[[Node, Compiled], Compiled]


@dataclass(frozen=True)
class Arguments:
    """A call: the function's name, its arguments, and how to compile them over a focus."""

    call: Call
    evaluate: Evaluate

    def one(self) -> Node:
        """The only argument."""
        if len(self.call.arguments) != 1:
            raise FhirPathError(f"{self.call.name}() takes one argument.")
        return self.call.arguments[0]

    def none(self) -> None:
        """Refuse arguments."""
        if self.call.arguments:
            raise FhirPathError(f"{self.call.name}() takes no argument.")


def where(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    """``where(criteria)``."""
    criteria = given.one()
    item = item_of(ctx, target)
    met = typed(ctx, given.evaluate(criteria, item), "boolean")
    return filtered(target, item, boolean_sql(met, "where"))


def _exists(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    if target.choice:
        if given.call.arguments:
            settled(target)
        any_of = " OR ".join(exists_sql(kind) for kind in choices(ctx, target))
        return Compiled(f"({any_of})", "boolean")
    if given.call.arguments:
        target = where(ctx, target, given)
    return Compiled(exists_sql(target), "boolean")


def _empty(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    given.none()
    return Compiled(f"(NOT {_exists(ctx, target, given).sql})", "boolean")


def _not(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    given.none()
    return Compiled(f"(NOT {boolean_sql(typed(ctx, target, 'boolean'), 'not')})", "boolean")


def _first(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    given.none()
    return at(target, 0)


def _extension(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    extensions = member(ctx, target, "extension")
    item = item_of(ctx, extensions)
    url = Binary("=", Member(This(), "url"), given.one())
    return filtered(extensions, item, boolean_sql(given.evaluate(url, item), "extension"))


def _of_type(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    kind = given.one()
    if not (isinstance(kind, Member) and isinstance(kind.target, This)):
        raise FhirPathError("ofType() takes the name of a type.")
    return of_type(ctx, target, kind.name)


def _join(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    arguments = given.call.arguments
    separator = arguments[0] if arguments else Value("", "string")
    if len(arguments) > 1 or not isinstance(separator, Value) or separator.type != "string":
        raise FhirPathError("join() takes one literal separator.")
    settled(target)
    target = typed(ctx, target, "string")
    plain = ctx.model.is_primitive(target.type)
    if not plain or ctx.model.sql_type(target.type) != "VARCHAR":
        raise FhirPathError(f"join(): expected strings, got {target.type}.")
    if not target.many:
        return Compiled(f"coalesce({target.sql}, '')", "string")
    joined = f"array_to_string({target.sql}, {literal_sql(separator.value)})"
    filled = f"CASE WHEN {count_sql(target)} > 0 THEN {joined} ELSE '' END"
    return Compiled(f"({filled})", "string")


def _resource_key(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    given.none()
    if target.type not in ctx.model.resources:
        raise FhirPathError("getResourceKey() is only for a resource.")
    return member(ctx, target, "id")


def _reference_key(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    if target.type != "Reference":
        raise FhirPathError("getReferenceKey() is only for a reference.")
    arguments = given.call.arguments
    kind = arguments[0] if arguments else Member(This(), "[A-Za-z]+")
    if len(arguments) > 1 or not isinstance(kind, Member):
        raise FhirPathError("getReferenceKey() takes the name of a resource type.")
    reference = member(ctx, target, "reference")
    # Relative or absolute, with or without a version; a contained "#x" has no key.
    pattern = rf"^(?:.*/)?{kind.name}/([A-Za-z0-9.-]+)(?:/_history/[A-Za-z0-9.-]+)?$"
    if not reference.many:
        return replace(reference, sql=_key(reference.sql, kind.name, pattern), parent=None)
    x, y = ctx.variable(), ctx.variable()
    keys = f"list_transform({reference.sql}, lambda {x}: {_key(x, kind.name, pattern)})"
    sql = f"list_filter({keys}, lambda {y}: {y} IS NOT NULL)"
    return Compiled(sql, reference.type, True, reference.shape)


def _key(sql: str, kind: str, pattern: str) -> str:
    prefix = literal_sql(f"{kind}/")
    rest = f"substr({sql}, {len(kind) + 2})"
    # Nearly every reference is plainly Type/id; the pattern is there for the others.
    plain = f"starts_with({sql}, {prefix}) AND NOT contains({rest}, '/')"
    matched = f"regexp_extract({sql}, {literal_sql(pattern)}, 1)"
    return f"nullif(CASE WHEN {plain} THEN {rest} ELSE {matched} END, '')"


def _low_boundary(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    return _boundary(ctx, target, given, high=False)


def _high_boundary(ctx: Context, target: Compiled, given: Arguments) -> Compiled:
    return _boundary(ctx, target, given, high=True)


def _boundary(ctx: Context, target: Compiled, given: Arguments, high: bool) -> Compiled:
    name = given.call.name
    if given.call.arguments:
        raise FhirPathError(f"{name}() with a precision is not supported.")
    settled(target)
    if target.type == "Period":
        target = member(ctx, target, "end" if high else "start")
    if target.type == "decimal":
        if not ctx.exact_decimals:
            raise FhirPathError(f"{name}() of a decimal is not supported by this reader.")
        ctx.read_whole(target)
        sql = decimal_boundary_sql(single_sql(target, name), high, ctx.variable())
        return Compiled(sql, "decimal")
    if target.type not in (*MOMENTS, TIME):
        raise FhirPathError(f"{name}() is for a date, dateTime, time, decimal or Period.")
    sql = boundary_sql(single_sql(target, name), target.type, high, ctx.variable())
    return Compiled(sql, target.type)


FUNCTIONS: Mapping[str, Callable[[Context, Compiled, Arguments], Compiled]] = {
    "where": where,
    "exists": _exists,
    "empty": _empty,
    "not": _not,
    "first": _first,
    "extension": _extension,
    "ofType": _of_type,
    "join": _join,
    "getResourceKey": _resource_key,
    "getReferenceKey": _reference_key,
    "lowBoundary": _low_boundary,
    "highBoundary": _high_boundary,
}
