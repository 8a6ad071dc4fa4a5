"""FHIRPath expressions as DuckDB SQL over structs of known types.

Belongs here: what each supported construct means in SQL, and which JSON elements an expression
touches. Does not belong here: the grammar (``fhirpath``), views (``viewdefinition``), files.

Every element that an expression touches is recorded in a tree of shapes. The tree becomes the
explicit struct type that the file is read with: what no expression names is never even parsed.
FHIRPath collections become either a plain value (null is empty) or a list (``many``), decided by
the standard's cardinalities, not by looking at data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from pipelines.catalogue.fhir import FhirModel, UnknownElementError
from pipelines.ingest.fhirpath import (
    Binary,
    Call,
    Constant,
    FhirPathError,
    Index,
    Literal,
    Member,
    Node,
    This,
    Value,
    parse,
)


@dataclass
class Shape:
    """The elements of one JSON object that some expression reads."""

    type: str
    many: bool = False
    children: dict[str, Shape] = field(default_factory=dict)

    def child(self, name: str, type_name: str, many: bool) -> Shape:
        """The shape under a JSON name, made on first use."""
        return self.children.setdefault(name, Shape(type_name, many))

    def sql(self, model: FhirModel) -> str:
        """DuckDB type of the element, e.g. ``STRUCT("code" VARCHAR)[]``."""
        if model.is_primitive(self.type):
            base = model.sql_type(self.type)
        elif self.children:
            fields = ", ".join(f"{name_sql(n)} {c.sql(model)}" for n, c in self.children.items())
            base = f"STRUCT({fields})"
        else:
            base = "JSON"  # only asked whether it exists
        return f"{base}[]" if self.many else base


@dataclass(frozen=True)
class Compiled:
    """An expression in SQL.

    Attributes:
        sql: The SQL text.
        type: FHIR type of the value or of the members of the list.
        many: The SQL is a list.
        shape: Where its elements are recorded; none for results of comparisons and literals.
        choice: Set between ``value`` and ``ofType``: the base name still to be completed.
        parent: For a plain value: where it came from, to reach its extensions.
        json_name: Its name there.
        items: For a list of elements of another list: that list.
        steps: The names that lead from its items to these, so that one pass takes them all.
        variable: Name of an item in ``condition``.
        condition: What ``where`` asks of an item; one pass filters and takes.
        kept: The items with a value behind ``steps``, of which ``sql`` takes the values.
    """

    sql: str
    type: str
    many: bool = False
    shape: Shape | None = None
    choice: str | None = None
    parent: Compiled | None = None
    json_name: str = ""
    items: str = ""
    steps: tuple[str, ...] = ()
    variable: str = ""
    condition: str = ""
    kept: str = ""

    def at(self, position: int) -> str:
        """One member of the list, from 0; taken from the items where no list need be made."""
        if not self.kept:
            return f"{self.sql}[{position + 1}]"
        return ".".join([f"({self.kept})[{position + 1}]", *map(name_sql, self.steps)])


def name_sql(name: str) -> str:
    """A quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'


def literal_sql(value: Literal) -> str:
    """A literal in SQL; strings are quoted, never interpolated raw."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


class Compiler:
    """Compiles expressions over one model with one set of constants."""

    def __init__(self, model: FhirModel, constants: Mapping[str, Literal]) -> None:
        self._model = model
        self._constants = constants
        self._variables = (f"x{n}" for n in count(1))
        self._functions: dict[str, Callable[[Compiled, Call], Compiled]] = {
            "where": self._where,
            "exists": self._exists,
            "empty": self._empty,
            "not": self._not,
            "first": self._first,
            "extension": self._extension,
            "ofType": self._of_type,
            "join": self._join,
            "getResourceKey": self._resource_key,
            "getReferenceKey": self._reference_key,
        }

    def compile(self, text: str, focus: Compiled) -> Compiled:
        """Compile an expression relative to a focus.

        Args:
            text: FHIRPath.
            focus: What a bare name starts from.

        Raises:
            FhirPathError: Unsupported or mistyped; names the construct.
        """
        try:
            result = self._node(parse(text), focus)
        except UnknownElementError as error:
            raise FhirPathError(f"{text!r}: {error}") from error
        if result.choice:
            raise FhirPathError(f"{text!r}: {result.choice} needs ofType(<type>) to be read.")
        return result

    def _node(self, node: Node, focus: Compiled) -> Compiled:
        match node:
            case This():
                return focus
            case Value(value):
                return self._literal(value)
            case Constant(name):
                return self._constant(name)
            case Member(target, name):
                return self._member(self._node(target, focus), name)
            case Index(target, position):
                return self._at(self._node(target, focus), position)
            case Call(target, name, _):
                if name not in self._functions:
                    raise FhirPathError(f"function {name}() is not supported.")
                return self._functions[name](self._node(target, focus), node)
            case Binary(operator, left, right):
                combine = self._equality if operator in ("=", "!=") else self._logic
                return combine(operator, self._node(left, focus), self._node(right, focus))

    def _constant(self, name: str) -> Compiled:
        if name not in self._constants:
            raise FhirPathError(f"constant %{name} is not declared in the view.")
        return self._literal(self._constants[name])

    def _logic(self, operator: str, left: Compiled, right: Compiled) -> Compiled:
        # SQL's three-valued logic is FHIRPath's.
        sides = [self._boolean(side, operator) for side in (left, right)]
        return Compiled(f"({sides[0]} {operator} {sides[1]})", "boolean")

    @staticmethod
    def _literal(value: Literal) -> Compiled:
        kinds = {bool: "boolean", str: "string", int: "integer", float: "decimal"}
        return Compiled(literal_sql(value), kinds[type(value)])

    def _member(self, target: Compiled, name: str) -> Compiled:
        self._settled(target)
        if self._model.is_primitive(target.type):
            return self._of_primitive(target, name)
        element = self._model.element(target.type, name)
        if element.choice:
            return replace(target, choice=name)
        return self._navigate(target, name, element.types[0], element.many)

    def _navigate(self, target: Compiled, name: str, type_name: str, many: bool) -> Compiled:
        if target.shape is None:
            raise FhirPathError(f"{name}: not an element of a resource.")
        shape = target.shape.child(name, type_name, many)
        parent = target if self._model.is_primitive(type_name) else None
        if not target.many:
            sql = f"{target.sql}.{name_sql(name)}"
            return Compiled(sql, type_name, many, shape, parent=parent, json_name=name)
        items, steps = target.items or target.sql, (*target.steps, name)
        x = target.variable or next(self._variables)
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

    def _of_primitive(self, target: Compiled, name: str) -> Compiled:
        """``district.extension``: what a plain value carries stands under ``_district``."""
        if name != "extension" or target.parent is None:
            raise FhirPathError(f"{name}: a {target.type} has no such element.")
        if target.shape is not None and target.shape.many:
            raise FhirPathError(f"{target.json_name}.extension: not supported on repeated values.")
        carrier = self._navigate(target.parent, f"_{target.json_name}", "Element", many=False)
        return self._navigate(carrier, "extension", "Extension", many=True)

    def _at(self, target: Compiled, position: int) -> Compiled:
        self._settled(target)
        if target.many:
            return replace(target, sql=target.at(position), many=False)
        return target if position == 0 else replace(target, sql="NULL")

    def _where(self, target: Compiled, call: Call) -> Compiled:
        self._settled(target)
        condition = self._argument(call)
        if not target.many:
            kept = self._boolean(self._node(condition, target), "where")
            return replace(target, sql=f"(CASE WHEN {kept} THEN {target.sql} END)")
        x = next(self._variables)
        item = replace(target, sql=x, many=False, parent=None)
        asked = f"coalesce({self._boolean(self._node(condition, item), 'where')}, false)"
        sql = f"list_filter({target.sql}, lambda {x}: {asked})"
        return replace(
            target, sql=sql, items=target.sql, steps=(), variable=x, condition=asked, kept=""
        )

    def _exists(self, target: Compiled, call: Call) -> Compiled:
        if call.arguments:
            target = self._where(target, call)
        self._settled(target)
        sql = f"coalesce(len({target.sql}), 0) > 0" if target.many else f"{target.sql} IS NOT NULL"
        return Compiled(f"({sql})", "boolean")

    def _empty(self, target: Compiled, call: Call) -> Compiled:
        self._no_arguments(call)
        return Compiled(f"(NOT {self._exists(target, call).sql})", "boolean")

    def _not(self, target: Compiled, call: Call) -> Compiled:
        self._no_arguments(call)
        return Compiled(f"(NOT {self._boolean(target, 'not')})", "boolean")

    def _first(self, target: Compiled, call: Call) -> Compiled:
        self._no_arguments(call)
        return self._at(target, 0)

    def _extension(self, target: Compiled, call: Call) -> Compiled:
        url = self._argument(call)
        where = Call(This(), "where", (Binary("=", Member(This(), "url"), url),))
        return self._where(self._member(target, "extension"), where)

    def _of_type(self, target: Compiled, call: Call) -> Compiled:
        kind = self._argument(call)
        if not (isinstance(kind, Member) and isinstance(kind.target, This)):
            raise FhirPathError("ofType() takes the name of a type.")
        if target.choice is None:
            raise FhirPathError(f"ofType({kind.name}): only after an element of several types.")
        if kind.name not in self._model.element(target.type, target.choice).types:
            raise FhirPathError(f"ofType({kind.name}): {target.choice} cannot be of that type.")
        name = target.choice + kind.name[0].upper() + kind.name[1:]
        return self._navigate(replace(target, choice=None), name, kind.name, many=False)

    def _join(self, target: Compiled, call: Call) -> Compiled:
        separator = call.arguments[0] if call.arguments else Value("")
        if len(call.arguments) > 1 or not isinstance(separator, Value):
            raise FhirPathError("join() takes one literal separator.")
        self._settled(target)
        if not target.many:
            return target
        joined = f"array_to_string({target.sql}, {literal_sql(separator.value)})"
        filled = f"CASE WHEN coalesce(len({target.sql}), 0) > 0 THEN {joined} END"
        return Compiled(f"({filled})", "string")

    def _resource_key(self, target: Compiled, call: Call) -> Compiled:
        self._no_arguments(call)
        if target.type not in self._model.resources:
            raise FhirPathError("getResourceKey() is only for a resource.")
        return self._member(target, "id")

    def _reference_key(self, target: Compiled, call: Call) -> Compiled:
        if target.type != "Reference":
            raise FhirPathError("getReferenceKey() is only for a reference.")
        kind = call.arguments[0] if call.arguments else Member(This(), "[A-Za-z]+")
        if len(call.arguments) > 1 or not isinstance(kind, Member):
            raise FhirPathError("getReferenceKey() takes the name of a resource type.")
        reference = self._member(target, "reference")
        # Relative or absolute, with or without a version; a contained "#x" has no key.
        pattern = rf"^(?:.*/)?{kind.name}/([A-Za-z0-9.-]+)(?:/_history/[A-Za-z0-9.-]+)?$"
        if not reference.many:
            return replace(reference, sql=_key(reference.sql, kind.name, pattern), parent=None)
        x = next(self._variables)
        keys = f"list_transform({reference.sql}, lambda {x}: {_key(x, kind.name, pattern)})"
        sql = _without_nulls(keys, next(self._variables))
        return Compiled(sql, reference.type, True, reference.shape)

    def _equality(self, operator: str, left: Compiled, right: Compiled) -> Compiled:
        self._comparable(operator, left, right)
        if not left.many and not right.many:
            return Compiled(
                f"({left.sql} {'=' if operator == '=' else '<>'} {right.sql})", "boolean"
            )
        a, b = (side.sql if side.many else _as_list(side.sql) for side in (left, right))
        equal = f"({a} = {b})" if operator == "=" else f"({a} <> {b})"
        # Empty on either side gives empty, not false.
        known = f"coalesce(len({a}), 0) > 0 AND coalesce(len({b}), 0) > 0"
        return Compiled(f"(CASE WHEN {known} THEN {equal} END)", "boolean")

    def _comparable(self, operator: str, left: Compiled, right: Compiled) -> None:
        for side in (left, right):
            self._settled(side)
            if not self._model.is_primitive(side.type):
                raise FhirPathError(f"{operator}: a {side.type} cannot be compared as a whole.")
        kinds = {self._model.sql_type(side.type) for side in (left, right)}
        if len(kinds) > 1 and kinds != {"BIGINT", "DOUBLE"}:
            raise FhirPathError(
                f"{operator}: a {left.type} is never equal to a {right.type}. Compare like types."
            )

    def _boolean(self, value: Compiled, where: str) -> str:
        self._settled(value)
        if value.type != "boolean" or value.many:
            raise FhirPathError(f"{where}: expected one boolean, got {value.type}.")
        return value.sql

    @staticmethod
    def _settled(value: Compiled) -> None:
        if value.choice:
            raise FhirPathError(f"{value.choice} needs ofType(<type>) to be read.")

    @staticmethod
    def _argument(call: Call) -> Node:
        if len(call.arguments) != 1:
            raise FhirPathError(f"{call.name}() takes one argument.")
        return call.arguments[0]

    @staticmethod
    def _no_arguments(call: Call) -> None:
        if call.arguments:
            raise FhirPathError(f"{call.name}() takes no argument.")


def _without_nulls(sql: str, variable: str) -> str:
    return f"list_filter({sql}, lambda {variable}: {variable} IS NOT NULL)"


def _as_list(sql: str) -> str:
    return f"(CASE WHEN {sql} IS NOT NULL THEN [{sql}] END)"


def _key(sql: str, kind: str, pattern: str) -> str:
    prefix = literal_sql(f"{kind}/")
    rest = f"substr({sql}, {len(kind) + 2})"
    # Nearly every reference is plainly Type/id; the pattern is there for the others.
    plain = f"starts_with({sql}, {prefix}) AND NOT contains({rest}, '/')"
    matched = f"regexp_extract({sql}, {literal_sql(pattern)}, 1)"
    return f"nullif(CASE WHEN {plain} THEN {rest} ELSE {matched} END, '')"
