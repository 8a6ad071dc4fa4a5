"""Rows: from selection structures to layers and columns.

Belongs here: what ``select``, ``column``, ``forEach``, ``forEachOrNull``, ``repeat``, ``unionAll``
and ``where`` mean. Does not belong here: the SQL of a layer (``layers``), expressions, files.

Siblings multiply because each unnests the rows of the one before. A branch of a ``unionAll`` and
what lies under an empty ``forEachOrNull`` are conditions: where they do not hold, the layers within
let the row pass and the columns are null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.ingest.views.context import Context, UnknownPathError
from pipelines.ingest.views.document import Column, Document, Select, ViewDefinitionError
from pipelines.ingest.views.expressions import ROW_INDEX, Expressions
from pipelines.ingest.views.layers import Layer, Walk, branches
from pipelines.ingest.views.operators import boolean_sql
from pipelines.ingest.views.syntax import FhirPathError
from pipelines.ingest.views.temporal import MOMENTS, TIME
from pipelines.ingest.views.untyped import typed
from pipelines.ingest.views.values import (
    UNTYPED,
    Compiled,
    list_sql,
    name_sql,
    single_sql,
)


@dataclass(frozen=True)
class ViewColumn:
    """One output column: its name and the FHIR type of its values."""

    name: str
    type: str
    collection: bool


@dataclass(frozen=True)
class _Output:
    column: ViewColumn
    sql: str
    at: str


@dataclass(frozen=True)
class _Scope:
    """Where a structure stands: its element, when it applies, what numbers its rows."""

    focus: Compiled
    applies: str = ""
    layer: Layer | None = None

    def row_index(self) -> str:
        return self.layer.index() if self.layer else "0"


class Rows:
    """Compiles the structures of one view.

    Args:
        document: The view.
        ctx: The compilation.
        root: The resource.
    """

    def __init__(self, document: Document, ctx: Context, root: Compiled) -> None:
        self._document = document
        self._ctx = ctx
        self._root = root
        self._expressions = Expressions(ctx)
        self.layers: list[Layer] = []
        outputs: list[_Output] = []
        for select in document.selects:
            outputs += self._select(select, _Scope(root), outputs)
        if not outputs:
            raise document.error("select", "expected at least one column")
        self.columns = tuple(output.column for output in outputs)
        self.select = tuple(f"{o.sql} AS {name_sql(o.column.name)}" for o in outputs)

    def conditions(self) -> list[str]:
        """SQL of what must be true of a resource."""
        conditions: list[str] = []
        for at, path in self._document.where:
            value = typed(self._ctx, self._compile(path, _Scope(self._root), at), "boolean")
            try:
                conditions.append(f"coalesce({boolean_sql(value, 'where')}, false)")
            except FhirPathError as error:
                raise self._error(at, str(error).removeprefix("where: ")) from error
        return conditions

    def _select(self, select: Select, scope: _Scope, before: Sequence[_Output]) -> list[_Output]:
        if select.each == "repeat":
            scope = self._walked(select, scope)
        elif select.each:
            scope = self._unnested(select, scope)
        outputs: list[_Output] = []
        for column in select.columns:
            outputs.append(self._column(column, scope, [*before, *outputs]))
        for nested in select.selects:
            outputs += self._select(nested, scope, [*before, *outputs])
        if select.unions:
            outputs += self._union(select, scope, [*before, *outputs])
        return outputs

    def _unnested(self, select: Select, scope: _Scope) -> _Scope:
        at, or_null = f"{select.at}.{select.each}", select.each == "forEachOrNull"
        items = self._compile(select.paths[0], scope, at)
        sql = items.sql
        if not items.many:
            sql = f"(CASE WHEN {items.sql} IS NULL THEN [] ELSE [{items.sql}] END)"
        layer = Layer(len(self.layers) + 1, sql, scope.applies, or_null)
        self.layers.append(layer)
        item = Compiled(layer.item, items.type, shape=items.shape)
        if items.whole and not self._ctx.model.is_primitive(items.type):
            item = self._ctx.enter(item)
        applies = f"{layer.item} IS NOT NULL" if or_null else scope.applies
        return _Scope(item, applies, layer)

    def _walked(self, select: Select, scope: _Scope) -> _Scope:
        at, number = f"{select.at}.repeat", len(self.layers) + 1
        starts = self._lists(select, scope, at)
        kind = next((each.type for each in starts if each.type != UNTYPED), UNTYPED)
        starts = [_taken_for(each, kind) for each in starts]
        layer = Walk(number, "", scope.applies)
        self.layers.append(layer)
        struct = f"~{number}"
        layer.items = self._entered(starts, struct)
        node = replace(self._ctx.enter(starts[0], struct), sql=layer.item, many=False)
        steps = [_taken_for(each, kind) for each in self._lists(select, _Scope(node), at)]
        wrong = {step.type for step in (*starts, *steps)} - {kind}
        if wrong:
            raise self._error(at, f"leads to elements of several types: {kind}, {min(wrong)}")
        layer.deeper = self._entered(steps, struct)
        return _Scope(node, scope.applies, layer)

    def _lists(self, select: Select, scope: _Scope, at: str) -> list[Compiled]:
        """What the paths of a ``repeat`` lead to, of those that the element has."""
        found: list[Compiled] = []
        unknown: ViewDefinitionError | None = None
        for index, path in enumerate(select.paths):
            try:
                value = self._compile(path, scope, f"{at}[{index}]")
                self._ctx.read_whole(value)
            except ViewDefinitionError as error:
                # "answer.item" leads from an item to items, but not from the resource.
                if not isinstance(error.__cause__, UnknownPathError):
                    raise
                unknown = error
                continue
            except FhirPathError as error:
                raise self._error(f"{at}[{index}]", str(error)) from error
            found.append(value)
        if not found and unknown is not None:
            raise unknown
        return found

    def _entered(self, lists: Sequence[Compiled], struct: str) -> str:
        entered = [list_sql(self._ctx.enter(each, struct)) for each in lists]
        return entered[0] if len(entered) == 1 else f"list_concat({', '.join(entered)})"

    def _union(self, select: Select, scope: _Scope, before: Sequence[_Output]) -> list[_Output]:
        layer = branches(len(self.layers) + 1, len(select.unions), scope.applies)
        self.layers.append(layer)
        found = [
            self._select(each, replace(scope, applies=layer.branch(position)), before)
            for position, each in enumerate(select.unions, start=1)
        ]
        first = found[0]
        for union, outputs in zip(select.unions, found, strict=True):
            self._same_columns(union, first, outputs)
        return [
            replace(
                first[place],
                sql=f"(CASE {layer.item} "
                + " ".join(f"WHEN {n} THEN {o[place].sql}" for n, o in enumerate(found, start=1))
                + " END)",
            )
            for place in range(len(first))
        ]

    def _same_columns(
        self, union: Select, first: Sequence[_Output], other: Sequence[_Output]
    ) -> None:
        names = [[output.column.name for output in outputs] for outputs in (first, other)]
        if names[0] != names[1]:
            raise self._error(
                union.at, f"expected the columns of the first, {names[0]}, got {names[1]}"
            )
        for a, b in zip(first, other, strict=True):
            kinds = [(self._kind(o.column.type), o.column.collection) for o in (a, b)]
            if kinds[0] != kinds[1]:
                raise self._error(
                    b.at, f"expected {a.column.type} as in the first, got {b.column.type}"
                )

    def _column(self, given: Column, scope: _Scope, before: Sequence[_Output]) -> _Output:
        if any(output.column.name == given.name for output in before):
            raise self._error(f"{given.at}.name", f"column {given.name!r} is there already")
        at = f"{given.at}.path"
        value = self._ctx.number(self._compile(given.path, scope, at))
        if value.type == UNTYPED and self._ctx.model.is_primitive(given.type or ""):
            value = typed(self._ctx, value, str(given.type))
        if not self._ctx.model.is_primitive(value.type):
            value = self._object(given, value)
        kind = self._declared(given, value)
        sql = _output(value, given.name, given.collection)
        if wanted := given.sql_type or self._made_sql_type(value, kind):
            sql = f"CAST({sql} AS {wanted}{'[]' if given.collection else ''})"
        # A path into an element that is not there is null by itself.
        computed = value.shape is None or given.collection
        if scope.applies and computed and given.path.strip() != f"%{ROW_INDEX}":
            sql = f"(CASE WHEN {scope.applies} THEN {sql} END)"
        return _Output(ViewColumn(given.name, kind, given.collection), sql, given.at)

    def _made_sql_type(self, value: Compiled, kind: str) -> str | None:
        """What to cast to, where the SQL is not of the type that the values have in a file."""
        if not self._ctx.model.is_primitive(value.type):
            return "VARCHAR"  # JSON is text, in Parquet too
        made = value.shape is None and value.type in ("integer", "decimal")
        widened = value.type == "integer" and kind == "decimal"
        return self._ctx.model.sql_type(kind) if made or widened else None

    def _object(self, given: Column, value: Compiled) -> Compiled:
        """An element with parts as a column: its JSON, where the view says that it wants that."""
        at = f"{given.at}.path"
        if given.type is None:
            what = "an unknown element" if value.type == UNTYPED else f"a {value.type}"
            raise self._error(at, f"a column holds plain values, not {what}; or say type")
        try:
            self._ctx.read_whole(value)
        except FhirPathError as error:
            raise self._error(at, str(error)) from error
        return value

    def _declared(self, given: Column, value: Compiled) -> str:
        if given.type is None:
            return value.type
        if value.type == UNTYPED:
            return given.type
        kinds = self._kind(given.type), self._kind(value.type)
        if kinds[0] != kinds[1] and kinds != ("decimal", "integer"):
            raise self._error(f"{given.at}.type", f"{given.type}: the path gives a {value.type}")
        return given.type

    def _kind(self, name: str) -> str:
        """Types that stand for one another: ``code`` and ``string``, ``date`` and ``dateTime``."""
        if name in MOMENTS or not self._ctx.model.is_primitive(name):
            return "moment" if name in MOMENTS else name
        kinds = {"VARCHAR": "string", "BIGINT": "integer", "DOUBLE": "decimal"}
        return name if name == TIME else kinds.get(self._ctx.model.sql_type(name), name)

    def _compile(self, path: str, scope: _Scope, at: str) -> Compiled:
        index = scope.row_index() if f"%{ROW_INDEX}" in path else "0"
        try:
            return self._expressions.compile(path, scope.focus, index)
        except FhirPathError as error:
            raise self._error(at, str(error)) from error

    def _error(self, at: str, problem: str) -> ViewDefinitionError:
        return self._document.error(at, problem)


def _taken_for(value: Compiled, kind: str) -> Compiled:
    """What the standard does not have, among what it has: of the same type, if at all."""
    return replace(value, type=kind) if value.type == UNTYPED else value


def _output(value: Compiled, name: str, collection: bool) -> str:
    return f"coalesce({list_sql(value)}, [])" if collection else single_sql(value, name)
