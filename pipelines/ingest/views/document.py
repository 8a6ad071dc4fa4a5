"""A ViewDefinition as it is written: its parts, checked one by one.

Belongs here: the shape of the JSON (https://sql-on-fhir.org/ig/, v2), what is known, and refusing
the rest by the path of the element. Does not belong here: what its expressions mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.ingest.views.syntax import Literal, Value

_INFORMATIVE = frozenset(
    (
        *("resourceType", "url", "identifier", "name", "title", "meta", "status", "experimental"),
        *("publisher", "contact", "description", "useContext", "copyright", "copyrightLabel"),
        *("fhirVersion", "profile", "date", "version", "versionAlgorithmString", "id", "text"),
        *("extension", "jurisdiction", "purpose", "implicitRules", "language"),
    )
)
_MEANINGFUL = frozenset(["resource", "constant", "select", "where"])
_EACH = ("forEach", "forEachOrNull", "repeat")
_SELECT = frozenset(["column", "select", "unionAll", *_EACH])
_COLUMN = frozenset(["name", "path", "type", "collection", "description", "tag"])
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_URI = "http://hl7.org/fhir/StructureDefinition/"
_SYSTEM = "http://hl7.org/fhirpath/System."
_SQL_TYPE = "ansi/type"
CONSTANTS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("boolean",), (bool,)),
    **dict.fromkeys(("integer", "integer64", "positiveInt", "unsignedInt"), (int,)),
    **dict.fromkeys(("decimal",), (int, float)),
    **dict.fromkeys(
        (
            *("base64Binary", "canonical", "code", "date", "dateTime", "id", "instant", "oid"),
            *("string", "time", "uri", "url", "uuid"),
        ),
        (str,),
    ),
}
"""Types of constants, and what each is in JSON."""
SQL_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "SMALLINT": "SMALLINT",
    "INT": "INTEGER",
    "INTEGER": "INTEGER",
    "BIGINT": "BIGINT",
    "REAL": "REAL",
    "FLOAT": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "CHARACTER VARYING": "VARCHAR",
    "VARCHAR": "VARCHAR",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
}
"""SQL types that a tag may ask for, and DuckDB's."""
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\((\d{1,2}), ?(\d{1,2})\)")


class ViewDefinitionError(ValueError):
    """A view that cannot be compiled; the message names the element."""


@dataclass(frozen=True)
class Column:
    """One column as it is written.

    Attributes:
        at: Its path in the view.
        name: Name.
        path: FHIRPath.
        type: FHIR type that was declared, if any.
        collection: It may hold several values.
        sql_type: DuckDB type that a tag asks for, if any.
    """

    at: str
    name: str
    path: str
    type: str | None
    collection: bool
    sql_type: str | None


@dataclass(frozen=True)
class Select:
    """One selection structure as it is written.

    Attributes:
        at: Its path in the view.
        columns: Columns.
        selects: Nested structures.
        unions: Structures whose rows are put after one another.
        each: ``forEach``, ``forEachOrNull``, ``repeat`` or none of them.
        paths: FHIRPath of that.
    """

    at: str
    columns: tuple[Column, ...]
    selects: tuple[Select, ...]
    unions: tuple[Select, ...]
    each: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A ViewDefinition as it is written.

    Attributes:
        title: Name to call it by.
        resource: FHIR type of the resources; not yet known to exist.
        constants: Constants by name.
        selects: Selection structures.
        where: Conditions: path in the view and FHIRPath.
    """

    title: str
    resource: str
    constants: Mapping[str, Value]
    selects: tuple[Select, ...]
    where: tuple[tuple[str, str], ...]

    def error(self, at: str, problem: str) -> ViewDefinitionError:
        """An error of this view that names the element."""
        return _error(self.title, at, problem)


def read_document(definition: Mapping[str, Any]) -> Document:
    """Check a parsed ViewDefinition.

    Args:
        definition: The parsed JSON.

    Raises:
        ViewDefinitionError: Something is missing, unknown or not supported; names the element.
    """
    if not isinstance(definition, Mapping):
        raise _error("view", "the file", "expected one JSON object")
    return _Reader(definition).document()


def _error(title: str, at: str, problem: str) -> ViewDefinitionError:
    return ViewDefinitionError(f"ViewDefinition {title}: {at}: {problem.rstrip('.')}.")


class _Reader:
    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._definition = definition
        self._title = str(definition.get("name") or definition.get("resource") or "view")

    def document(self) -> Document:
        self._object(self._definition, _INFORMATIVE | _MEANINGFUL, "")
        resource = self._definition.get("resource")
        if not isinstance(resource, str):
            raise self._error("resource", "expected the name of a FHIR resource type")
        return Document(
            self._title,
            resource,
            self._constants(),
            self._selects(self._definition, "select", ""),
            tuple(self._conditions()),
        )

    def _conditions(self) -> list[tuple[str, str]]:
        conditions = []
        for index, item in enumerate(self._list(self._definition, "where", "")):
            at = f"where[{index}]"
            item = self._object(item, frozenset(["path", "description"]), at)
            conditions.append((f"{at}.path", self._path(item.get("path"), f"{at}.path")))
        return conditions

    def _selects(self, holder: Mapping[str, Any], key: str, at: str) -> tuple[Select, ...]:
        return tuple(
            self._select(item, f"{at}.{key}[{index}]".lstrip("."))
            for index, item in enumerate(self._list(holder, key, at))
        )

    def _select(self, given: object, at: str) -> Select:
        select = self._object(given, _SELECT, at)
        each = [key for key in _EACH if key in select]
        if len(each) > 1:
            raise self._error(at, f"{' and '.join(each)} exclude each other")
        if "unionAll" in select and not self._list(select, "unionAll", at):
            raise self._error(f"{at}.unionAll", "expected at least one structure")
        return Select(
            at,
            tuple(
                self._column(item, f"{at}.column[{index}]")
                for index, item in enumerate(self._list(select, "column", at))
            ),
            self._selects(select, "select", at),
            self._selects(select, "unionAll", at),
            each[0] if each else "",
            self._paths(select, each[0], at) if each else (),
        )

    def _paths(self, select: Mapping[str, Any], key: str, at: str) -> tuple[str, ...]:
        if key != "repeat":
            return (self._path(select[key], f"{at}.{key}"),)
        paths = self._list(select, key, at)
        if not paths:
            raise self._error(f"{at}.{key}", "expected at least one path")
        return tuple(self._path(path, f"{at}.{key}[{i}]") for i, path in enumerate(paths))

    def _column(self, given: object, at: str) -> Column:
        column = self._object(given, _COLUMN, at)
        name = column.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self._error(f"{at}.name", "expected a name of letters, digits and underscores")
        collection = column.get("collection", False)
        if not isinstance(collection, bool):
            raise self._error(f"{at}.collection", "expected true or false")
        return Column(
            at,
            name,
            self._path(column.get("path"), f"{at}.path"),
            self._type(column, at),
            collection,
            self._sql_type(column, at),
        )

    def _type(self, column: Mapping[str, Any], at: str) -> str | None:
        declared = column.get("type")
        if declared is None:
            return None
        if not isinstance(declared, str) or not declared:
            raise self._error(f"{at}.type", "expected the name of a FHIR type")
        if declared.startswith(_SYSTEM):
            name = declared.removeprefix(_SYSTEM)
            return name[0].lower() + name[1:]
        return declared.removeprefix(_URI)

    def _sql_type(self, column: Mapping[str, Any], at: str) -> str | None:
        asked = None
        for index, given in enumerate(self._list(column, "tag", at)):
            tag = self._object(given, frozenset(["name", "value"]), f"{at}.tag[{index}]")
            if tag.get("name") != _SQL_TYPE:
                continue  # tags of other runners are none of ours, by the standard
            value = str(tag.get("value")).upper()
            exact = _DECIMAL.fullmatch(value)
            asked = f"DECIMAL({exact[1]},{exact[2]})" if exact else SQL_TYPES.get(value)
            if asked is None:
                known = ", ".join((*SQL_TYPES, "DECIMAL(p,s)"))
                raise self._error(f"{at}.tag[{index}].value", f"expected one of {known}")
        return asked

    def _constants(self) -> Mapping[str, Value]:
        constants: dict[str, Value] = {}
        for index, item in enumerate(self._list(self._definition, "constant", "")):
            at = f"constant[{index}]"
            keys = [key for key in item if key.startswith("value")] if item else []
            self._object(item, frozenset(["name", *keys]), at)
            name = item.get("name")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise self._error(f"{at}.name", "expected a name of letters, digits, underscores")
            if name in constants or name == "rowIndex":
                raise self._error(f"{at}.name", f"constant {name!r} is there already")
            if len(keys) != 1:
                raise self._error(at, "expected one value[x]")
            constants[name] = self._value(item[keys[0]], keys[0], at)
        return constants

    def _value(self, value: Literal, key: str, at: str) -> Value:
        kind = next((k for k in CONSTANTS if key == f"value{k[0].upper()}{k[1:]}"), None)
        if kind is None:
            raise self._error(f"{at}.{key}", "a constant cannot be of this type")
        expected = CONSTANTS[kind]
        if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
            raise self._error(f"{at}.{key}", f"expected a {kind}")
        if isinstance(value, str) and "\0" in value:
            raise self._error(f"{at}.{key}", "must not hold a NUL character")
        return Value(value, kind)

    def _path(self, path: object, at: str) -> str:
        if not isinstance(path, str):
            raise self._error(at, "expected a FHIRPath expression")
        return path

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
        return _error(self._title, at, problem)
