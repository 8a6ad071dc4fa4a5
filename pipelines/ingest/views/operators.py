"""Operators: equality, order, arithmetic, logic.

Belongs here: what each operator of the subset means in SQL, and which operands may meet. Does not
belong here: how dates compare (``temporal``), the grammar.

An operand that must be one value and turns out to be several is an error of the running query; an
empty one makes the result empty, which is SQL's null.
"""

from __future__ import annotations

from pipelines.ingest.views.context import Context
from pipelines.ingest.views.paths import settled
from pipelines.ingest.views.syntax import FhirPathError
from pipelines.ingest.views.temporal import MOMENTS, TIME, compared_sql
from pipelines.ingest.views.untyped import typed, typed_like
from pipelines.ingest.views.values import Compiled, list_sql, single_sql

_NUMBERS = frozenset(("BIGINT", "DOUBLE"))
_DECIMAL_PLACES = 8
"""FHIRPath's decimals go as far; binary floating point shows its dust only further out."""


def combined(ctx: Context, operator: str, left: Compiled, right: Compiled) -> Compiled:
    """``left operator right``.

    Args:
        ctx: The compilation.
        operator: One of ``syntax.OPERATORS``.
        left: Left operand.
        right: Right operand.

    Raises:
        FhirPathError: The operands cannot meet; names the operator and their types.
    """
    if operator in ("and", "or"):
        # SQL's three-valued logic is FHIRPath's.
        sides = (typed(ctx, side, "boolean") for side in (left, right))
        a, b = (boolean_sql(side, operand(operator)) for side in sides)
        return Compiled(f"({a} {operator} {b})", "boolean")
    left, right = typed_like(ctx, left, right), typed_like(ctx, right, left)
    for side in (left, right):
        settled(side)
        if not ctx.model.is_primitive(side.type):
            raise FhirPathError(f"{operator}: a {side.type} cannot be compared as a whole.")
    left, right = ctx.number(left), ctx.number(right)
    if operator in ("=", "!="):
        return _equality(ctx, operator, left, right)
    if operator in ("<", ">", "<=", ">="):
        return _order(ctx, operator, left, right)
    return _arithmetic(ctx, operator, left, right)


def boolean_sql(value: Compiled, subject: str) -> str:
    """A value as the one boolean it must be.

    Args:
        value: The value.
        subject: What needs it.

    Raises:
        FhirPathError: It is of another type.
    """
    settled(value)
    if value.type != "boolean":
        raise FhirPathError(f"{subject}: expected one boolean, got {value.type}.")
    return single_sql(value, subject)


def _equality(ctx: Context, operator: str, left: Compiled, right: Compiled) -> Compiled:
    if _timely(left, right):
        return _temporal(ctx, operator, left, right)
    kinds = {ctx.model.sql_type(side.type) for side in (left, right)}
    if len(kinds) > 1 and kinds != _NUMBERS:
        raise FhirPathError(
            f"{operator}: a {left.type} is never equal to a {right.type}. Compare like types."
        )
    sign = "=" if operator == "=" else "<>"
    if not left.many and not right.many:
        return Compiled(f"({left.sql} {sign} {right.sql})", "boolean")
    a, b = (list_sql(side) for side in (left, right))
    # Empty on either side gives empty, not false.
    known = f"coalesce(len({a}), 0) > 0 AND coalesce(len({b}), 0) > 0"
    return Compiled(f"(CASE WHEN {known} THEN ({a} {sign} {b}) END)", "boolean")


def _order(ctx: Context, operator: str, left: Compiled, right: Compiled) -> Compiled:
    if _timely(left, right):
        return _temporal(ctx, operator, left, right)
    kinds = {ctx.model.sql_type(side.type) for side in (left, right)}
    if not _texts(kinds, left, right) and not kinds <= _NUMBERS:
        raise FhirPathError(
            f"operator {operator!r}: a {left.type} cannot be compared with a {right.type}. "
            "Compare like types; dates are written @2020-01-31."
        )
    a, b = _sides(operator, left, right)
    return Compiled(f"({a} {operator} {b})", "boolean")


def _texts(kinds: set[str], left: Compiled, right: Compiled) -> bool:
    return kinds == {"VARCHAR"} and not {left.type, right.type} & {*MOMENTS, TIME}


def _timely(left: Compiled, right: Compiled) -> bool:
    both = {left.type, right.type}
    return both <= MOMENTS or both == {TIME}


def _temporal(ctx: Context, operator: str, left: Compiled, right: Compiled) -> Compiled:
    a, b = _sides(operator, left, right)
    names = ctx.variable(), ctx.variable()
    return Compiled(compared_sql(operator, a, b, left.type == TIME, names), "boolean")


def _arithmetic(ctx: Context, operator: str, left: Compiled, right: Compiled) -> Compiled:
    kinds = {ctx.model.sql_type(side.type) for side in (left, right)}
    if operator == "+" and _texts(kinds, left, right):
        a, b = _sides(operator, left, right)
        return Compiled(f"({a} || {b})", "string")
    if not kinds <= _NUMBERS:
        raise FhirPathError(
            f"operator {operator!r}: expected numbers, got {left.type} and {right.type}."
        )
    a, b = _sides(operator, left, right)
    if operator == "/":
        return _decimal(f"CAST({a} AS DOUBLE) / nullif({b}, 0)")
    if kinds == {"BIGINT"}:
        return Compiled(f"(CAST({a} AS BIGINT) {operator} CAST({b} AS BIGINT))", "integer")
    return _decimal(f"CAST({a} AS DOUBLE) {operator} CAST({b} AS DOUBLE)")


def _decimal(sql: str) -> Compiled:
    return Compiled(f"round({sql}, {_DECIMAL_PLACES})", "decimal")


def operand(operator: str) -> str:
    """What an error of a running query calls an operand."""
    return f"an operand of {operator}"


def _sides(operator: str, left: Compiled, right: Compiled) -> tuple[str, str]:
    subject = operand(operator)
    return single_sql(left, subject), single_sql(right, subject)
