"""What an expression is in SQL, and the elements that expressions read.

Belongs here: the one representation of values (typed structs and lists of them), the tree of
elements from which the read schema follows, quoting. Does not belong here: what FHIRPath makes
of them (``expressions`` and its neighbours), files.

A FHIRPath collection is either a plain value (null is empty) or a list (``many``), decided by the
standard's cardinalities, not by looking at data. What has no fixed struct type (recursive elements,
resources within resources) is read *whole*, as JSON, and becomes a struct where it is entered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipelines.catalogue.fhir import FhirModel
from pipelines.ingest.views.syntax import Literal

ANY_RESOURCE = "Resource"
"""Type of an element that holds a resource of whatever type."""
UNTYPED = "?"
"""Type of an element that the standard does not have."""


@dataclass
class Shape:
    """The elements of one JSON object that some expression reads.

    Attributes:
        type: FHIR type.
        many: It is a list.
        children: Its elements by JSON name.
        path: Where it stands in the resource.
        whole: Read as it stands: JSON for an object, text for a decimal.
        kept: Paths of elements that are to be read whole.
    """

    type: str
    many: bool = False
    children: dict[str, Shape] = field(default_factory=dict)
    path: str = ""
    whole: bool = False
    kept: frozenset[str] = frozenset()

    def child(self, name: str, type_name: str, many: bool) -> Shape:
        """The shape under a JSON name, made on first use."""
        if name not in self.children:
            path = f"{self.path}.{name}".lstrip(".")
            whole = type_name in (ANY_RESOURCE, UNTYPED) or path in self.kept
            self.children[name] = Shape(type_name, many, {}, path, whole, self.kept)
        return self.children[name]

    @property
    def shown(self) -> str:
        """Its path as a person would write it."""
        return re.sub(r"^~\d+|![A-Za-z]*", "", self.path).lstrip(".") or self.type

    def sql(self, model: FhirModel) -> str:
        """DuckDB type of the element, e.g. ``STRUCT("code" VARCHAR)[]``."""
        if model.is_primitive(self.type):
            base = "VARCHAR" if self.whole else model.sql_type(self.type)
        elif self.children and not self.whole:
            fields = ", ".join(f"{name_sql(n)} {c.sql(model)}" for n, c in self.children.items())
            base = f"STRUCT({fields})"
        else:
            base = "JSON"  # only asked whether it exists, or read whole
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

    @property
    def whole(self) -> bool:
        """Its SQL is JSON, or the text of a decimal."""
        return self.shape is not None and self.shape.whole


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


def list_sql(value: Compiled) -> str:
    """A value as a list; null where it is empty."""
    if value.many:
        return value.sql
    return f"(CASE WHEN {value.sql} IS NOT NULL THEN [{value.sql}] END)"


def count_sql(value: Compiled) -> str:
    """How many members a list has."""
    return f"coalesce(len({value.sql}), 0)"


def exists_sql(value: Compiled) -> str:
    """Whether there is anything."""
    return f"({count_sql(value)} > 0)" if value.many else f"({value.sql} IS NOT NULL)"


MORE_THAN_ONE = "more than one value"
"""How the message of a query ends when a single value was promised and several came."""


def single_sql(value: Compiled, subject: str) -> str:
    """The one value; an error of the running query when there are more.

    Args:
        value: What was compiled.
        subject: What the error names; never data.
    """
    if not value.many:
        return value.sql
    message = literal_sql(f"{subject}: {MORE_THAN_ONE}")
    return (
        f"(CASE WHEN len({value.kept or value.sql}) > 1 THEN error({message}) "
        f"ELSE {value.at(0)} END)"
    )


def bound_sql(sql: str, variable: str, body: str) -> str:
    """``body`` with ``sql`` worked out once and called ``variable``."""
    return f"(list_transform([{sql}], lambda {variable}: {body})[1])"
