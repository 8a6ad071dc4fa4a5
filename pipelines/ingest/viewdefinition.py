"""ViewDefinitions (SQL on FHIR v2) compiled to DuckDB SQL.

Belongs here: the shape of a ViewDefinition, and the query and the explicit read schema that follow
from it. Does not belong here: FHIRPath itself (``fhirpath``, ``fhirpath_sql``), what a column's
values must be (the entity files), running anything.

Standard: https://sql-on-fhir.org/ig/ v2. Supported here: column, select, forEach, forEachOrNull,
where, constant, collection. A construct outside that is an error that names its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.catalogue.fhir import FhirModel, fhir_r4
from pipelines.ingest.fhirpath import FhirPathError, Literal
from pipelines.ingest.fhirpath_sql import Compiled, Compiler, Shape, name_sql

_INFORMATIVE = frozenset(
    (
        *("resourceType", "url", "identifier", "name", "title", "meta", "status", "experimental"),
        *("publisher", "contact", "description", "useContext", "copyright", "fhirVersion"),
        *("profile", "date", "version", "id", "text", "extension"),
    )
)
_MEANINGFUL = frozenset(["resource", "constant", "select", "where"])
_SELECT = frozenset(["column", "select", "forEach", "forEachOrNull"])
_COLUMN = frozenset(["name", "path", "type", "collection", "description", "tag"])
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
ROW = "r"
"""Alias of the resource's row in the generated SQL."""


class ViewDefinitionError(ValueError):
    """A view that cannot be compiled; the message names the element."""


@dataclass(frozen=True)
class ViewColumn:
    """One output column: its name and the FHIR type of its values."""

    name: str
    type: str
    collection: bool


@dataclass(frozen=True)
class CompiledView:
    """A view as SQL.

    Attributes:
        name: Name of the view.
        resource: FHIR type it reads.
        columns: Output columns in order.
        shape: Elements it reads.
        extensions: URLs of the extensions it reads, at any depth.
    """

    name: str
    resource: str
    columns: tuple[ViewColumn, ...]
    shape: Shape
    extensions: frozenset[str]
    _select: tuple[str, ...] = field(repr=False)
    _where: str = field(repr=False)
    _layers: tuple[str, ...] = field(repr=False)

    def sql(self, source: str, keep: Sequence[str] = ()) -> str:
        """The query over a relation that has the view's elements as columns.

        Args:
            source: A FROM item, e.g. ``read_json(...)`` or a table name.
            keep: Further columns of the source to carry along, before the view's own.
        """
        # Every name and literal in it was quoted when the view was compiled.
        inner = f"SELECT * FROM {source} AS {ROW}{self._where}"  # noqa: S608
        for layer in self._layers:
            inner = f"SELECT *, {layer} FROM ({inner}) AS {ROW}"  # noqa: S608
        kept = [f"{ROW}.{name_sql(name)}" for name in keep]
        return f"SELECT {', '.join([*kept, *self._select])} FROM ({inner}) AS {ROW}"  # noqa: S608


def read_columns(views: Iterable[CompiledView], model: FhirModel | None = None) -> dict[str, str]:
    """The explicit schema to read a file with, so that all the views can run over it.

    Args:
        views: Views of one resource type.
        model: FHIR model; R4 by default.

    Returns:
        DuckDB type by top-level element, ``resourceType`` and ``id`` always among them.
    """
    model = model or fhir_r4()
    root = Shape("Resource")
    root.child("resourceType", "code", many=False)
    root.child("id", "id", many=False)
    for view in views:
        _merge(root, view.shape)
    return {name: child.sql(model) for name, child in root.children.items()}


def merged_shape(views: Iterable[CompiledView]) -> Shape:
    """All the elements that some of the views read, as one tree."""
    views = tuple(views)
    root = Shape(views[0].resource)
    for view in views:
        _merge(root, view.shape)
    return root


def compile_view(definition: Mapping[str, Any], model: FhirModel | None = None) -> CompiledView:
    """Compile a ViewDefinition.

    Args:
        definition: The parsed JSON.
        model: FHIR model; R4 by default.

    Returns:
        The compiled view.

    Raises:
        ViewDefinitionError: Something is missing, unknown or not supported; names the element.
    """
    return _ViewCompiler(definition, model or fhir_r4()).compiled()


class _ViewCompiler:
    def __init__(self, definition: Mapping[str, Any], model: FhirModel) -> None:
        self._definition = definition
        self._model = model
        self._title = str(definition.get("name") or definition.get("resource") or "view")
        self._columns: list[ViewColumn] = []
        self._select: list[str] = []
        self._layers: list[str] = []
        self._object(definition, _INFORMATIVE | _MEANINGFUL, "")
        self._compiler = Compiler(model, self._constants())

    def compiled(self) -> CompiledView:
        resource = self._definition.get("resource")
        if resource not in self._model.resources:
            raise self._error("resource", f"expected one of {sorted(self._model.resources)}")
        shape = Shape(str(resource))
        root = Compiled(ROW, str(resource), shape=shape)
        where = self._conditions(root)
        for index, select in enumerate(self._list(self._definition, "select", "")):
            self._one_select(select, root, f"select[{index}]")
        if not self._columns:
            raise self._error("select", "expected at least one column")
        return CompiledView(
            self._title,
            str(resource),
            tuple(self._columns),
            shape,
            self._extensions(),
            tuple(self._select),
            where,
            tuple(self._layers),
        )

    def _extensions(self) -> frozenset[str]:
        texts = str(self._definition["select"]), *map(str, self._constants().values())
        return frozenset(url for text in texts for url in re.findall(r"https?://[^\s'\"]+", text))

    def _conditions(self, root: Compiled) -> str:
        conditions: list[str] = []
        for index, item in enumerate(self._list(self._definition, "where", "")):
            at = f"where[{index}]"
            item = self._object(item, frozenset(["path", "description"]), at)
            value = self._path(item, root, at)
            if value.type != "boolean" or value.many:
                raise self._error(f"{at}.path", f"expected one boolean, got {value.type}")
            conditions.append(f"coalesce({value.sql}, false)")
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _one_select(self, given: object, focus: Compiled, at: str) -> None:
        select = self._object(given, _SELECT, at)
        if "forEach" in select and "forEachOrNull" in select:
            raise self._error(at, "forEach and forEachOrNull exclude each other")
        for key in ("forEach", "forEachOrNull"):
            if key in select:
                focus = self._unnested(select[key], focus, f"{at}.{key}", key == "forEachOrNull")
        for index, column in enumerate(self._list(select, "column", at)):
            self._one_column(column, focus, f"{at}.column[{index}]")
        for index, nested in enumerate(self._list(select, "select", at)):
            self._one_select(nested, focus, f"{at}.select[{index}]")

    def _unnested(self, path: object, focus: Compiled, at: str, or_null: bool) -> Compiled:
        items = self._compile(path, focus, at)
        sql = items.sql if items.many else f"[{items.sql}]"
        if not items.many:
            sql = f"(CASE WHEN {items.sql} IS NULL THEN [] ELSE {sql} END)"
        if or_null:
            sql = f"(CASE WHEN coalesce(len({sql}), 0) > 0 THEN {sql} ELSE [NULL] END)"
        name = name_sql(f"__each_{len(self._layers) + 1}")
        self._layers.append(f"unnest({sql}) AS {name}")
        return Compiled(f"{ROW}.{name}", items.type, shape=items.shape)

    def _one_column(self, given: object, focus: Compiled, at: str) -> None:
        column = self._object(given, _COLUMN, at)
        name = column.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self._error(f"{at}.name", "expected a name of letters, digits and underscores")
        if name in {known.name for known in self._columns}:
            raise self._error(f"{at}.name", f"column {name!r} is there already")
        value = self._path(column, focus, at)
        if not self._model.is_primitive(value.type):
            raise self._error(f"{at}.path", f"a column holds plain values, not a {value.type}")
        collection = column.get("collection", False) is True
        self._columns.append(ViewColumn(name, value.type, collection))
        self._select.append(f"{_output(value, name, collection)} AS {name_sql(name)}")

    def _path(self, item: Mapping[str, Any], focus: Compiled, at: str) -> Compiled:
        return self._compile(item.get("path"), focus, f"{at}.path")

    def _compile(self, path: object, focus: Compiled, at: str) -> Compiled:
        if not isinstance(path, str):
            raise self._error(at, "expected a FHIRPath expression")
        try:
            return self._compiler.compile(path, focus)
        except FhirPathError as error:
            raise self._error(at, str(error)) from error

    def _constants(self) -> dict[str, Literal]:
        constants: dict[str, Literal] = {}
        for index, item in enumerate(self._list(self._definition, "constant", "")):
            at = f"constant[{index}]"
            values = [key for key in item if key.startswith("value")]
            self._object(item, frozenset(["name", *values]), at)
            if len(values) != 1 or not isinstance(item[values[0]], str | int | float):
                raise self._error(at, "expected one plain value[x]")
            constants[str(item.get("name"))] = item[values[0]]
        return constants

    def _list(self, holder: Mapping[str, Any], key: str, at: str) -> list[Any]:
        value = holder.get(key, [])
        if not isinstance(value, list):
            raise self._error(f"{at}.{key}".lstrip("."), "expected a list")
        return value

    def _object(self, holder: object, known: frozenset[str], at: str) -> Mapping[str, Any]:
        if not isinstance(holder, Mapping):
            raise self._error(at, "expected an object")
        for key in holder:
            if key not in known:
                raise self._error(f"{at}.{key}".lstrip("."), "is not supported")
        return holder

    def _error(self, at: str, problem: str) -> ViewDefinitionError:
        return ViewDefinitionError(f"ViewDefinition {self._title}: {at}: {problem}.")


def _output(value: Compiled, name: str, collection: bool) -> str:
    if collection and not value.many:
        return f"(CASE WHEN {value.sql} IS NOT NULL THEN [{value.sql}] END)"
    if collection:
        return value.sql
    if not value.many:
        return value.sql
    # More than one value in a column that is declared single is an error by the standard.
    return (
        f"(CASE WHEN len({value.kept or value.sql}) > 1 THEN error('{name}: more than one value') "
        f"ELSE {value.at(0)} END)"
    )


def _merge(into: Shape, other: Shape) -> None:
    for name, child in other.children.items():
        _merge(into.child(name, child.type, child.many), child)
