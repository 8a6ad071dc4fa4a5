"""FHIRPath expressions as DuckDB SQL over structs of known types.

Belongs here: walking a syntax tree. Does not belong here: the grammar (``syntax``), what names,
operators and functions mean (``paths``, ``operators``, ``functions``), views (``rows``), files.

Every element that an expression touches is recorded in a tree of shapes. The tree becomes the
explicit struct type that the file is read with: what no expression names is never even parsed.
"""

from __future__ import annotations

from pipelines.catalogue.fhir import UnknownElementError
from pipelines.ingest.views.context import Context, UnknownPathError
from pipelines.ingest.views.functions import FUNCTIONS, Arguments
from pipelines.ingest.views.operators import combined
from pipelines.ingest.views.paths import at, member, settled
from pipelines.ingest.views.syntax import (
    Binary,
    Call,
    Constant,
    FhirPathError,
    Index,
    Member,
    Node,
    This,
    Value,
    parse,
)
from pipelines.ingest.views.values import Compiled, literal_sql

ROW_INDEX = "rowIndex"


class Expressions:
    """Compiles the expressions of one view.

    Args:
        ctx: The compilation.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._row_index = Compiled("0", "integer")

    def compile(self, text: str, focus: Compiled, row_index: str = "0") -> Compiled:
        """Compile an expression relative to a focus.

        Args:
            text: FHIRPath.
            focus: What a bare name starts from.
            row_index: SQL of ``%rowIndex``.

        Raises:
            FhirPathError: Unsupported or mistyped; names the construct.
        """
        self._row_index = Compiled(row_index, "integer")
        try:
            result = self._node(parse(text), focus)
            settled(result)
        except UnknownElementError as error:
            raise UnknownPathError(f"{text!r}: {error}") from error
        return result

    def _node(self, node: Node, focus: Compiled) -> Compiled:
        match node:
            case This():
                return focus
            case Value() | Constant():
                return self._literal(node)
            case Member(This(), name) if name == focus.type in self._ctx.model.resources:
                return focus
            case Member(target, name):
                return member(self._ctx, self._node(target, focus), name)
            case Index(target, position):
                return at(self._node(target, focus), self._position(position))
            case Call(target, name, _):
                if name not in FUNCTIONS:
                    raise FhirPathError(f"function {name}() is not supported.")
                given = Arguments(node, self._node)
                return FUNCTIONS[name](self._ctx, self._node(target, focus), given)
            case Binary(operator, left, right):
                return combined(
                    self._ctx, operator, self._node(left, focus), self._node(right, focus)
                )

    def _literal(self, node: Value | Constant) -> Compiled:
        if isinstance(node, Constant):
            if node.name == ROW_INDEX:
                return self._row_index
            node = self._constant(node.name)
        return Compiled(literal_sql(node.value), node.type)

    def _constant(self, name: str) -> Value:
        if name not in self._ctx.constants:
            raise FhirPathError(f"constant %{name} is not declared in the view.")
        return self._ctx.constants[name]

    def _position(self, node: Value | Constant) -> int:
        value = self._constant(node.name) if isinstance(node, Constant) else node
        if isinstance(value.value, bool) or not isinstance(value.value, int) or value.value < 0:
            raise FhirPathError("an index must be a whole number from 0 on.")
        return value.value
