"""What all expressions of one view share while it is compiled.

Belongs here: the model, the constants, fresh names, and what is read whole. Does not belong here:
what any construct means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from pipelines.catalogue.fhir import FhirModel
from pipelines.ingest.views.syntax import FhirPathError, Value
from pipelines.ingest.views.values import UNTYPED, Compiled, Shape, bound_sql
from pipelines.ingest.views.whole import struct_of_json_sql


class UnknownPathError(FhirPathError):
    """The expression names an element that the type does not have."""


class ReadWholeError(Exception):
    """An element must be read whole that was not: the view is to be compiled anew, with its path.

    Attributes:
        path: Path of the element's shape.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Context:
    """One compilation.

    Args:
        model: FHIR model.
        constants: The view's constants by name.
        kept: Paths of elements that are read whole.
        exact_decimals: Decimals may be read as text, digits as they are written.
        allow_unknown: Elements that the model does not have may be read, as JSON.
    """

    def __init__(
        self,
        model: FhirModel,
        constants: Mapping[str, Value],
        kept: frozenset[str] = frozenset(),
        exact_decimals: bool = False,
        allow_unknown: bool = False,
    ) -> None:
        self.model = model
        self.constants = constants
        self.kept = kept
        self.exact_decimals = exact_decimals
        self.allow_unknown = allow_unknown
        self.unknown: set[str] = set()
        self._variables = (f"x{n}" for n in count(1))
        self._entered: dict[str, tuple[int, Shape]] = {}

    def variable(self) -> str:
        """A name that no other lambda has."""
        return next(self._variables)

    def read_whole(self, value: Compiled) -> None:
        """Have an element read as it stands: an object as JSON, a decimal as text.

        Args:
            value: The element.

        Raises:
            FhirPathError: It is not an element.
            ReadWholeError: Its type is laid down by what was compiled before.
        """
        shape = value.shape
        if shape is None:
            raise FhirPathError("expected elements of a resource, not a computed value.")
        if shape.whole:
            return
        if shape.children or self.model.is_primitive(shape.type):
            raise ReadWholeError(shape.path)
        shape.whole = True

    def enter(self, value: Compiled, at: str = "") -> Compiled:
        """The struct, or structs, behind a value; itself unless it was read whole.

        Args:
            value: The value.
            at: Name of the struct type; values of one name share it.
        """
        plain = value.type == UNTYPED or self.model.is_primitive(value.type)
        if not value.whole or value.shape is None or plain:
            return value
        path = at or f"{value.shape.path}!{'' if value.type == value.shape.type else value.type}"
        number, shape = self._entered.setdefault(
            path, (len(self._entered) + 1, Shape(value.type, path=path, kept=self.kept))
        )
        name, body = f"w{number}", _mark(number)
        many = f"list_transform({value.sql}, lambda {name}: {body})"
        sql = many if value.many else bound_sql(value.sql, name, body)
        return Compiled(sql, value.type, value.many, shape)

    def number(self, value: Compiled) -> Compiled:
        """A decimal that was read as text, as a number; anything else as it is."""
        if not value.whole or value.type != "decimal":
            return value
        sql = f"CAST({value.sql} AS DOUBLE{'[]' if value.many else ''})"
        return replace(value, sql=sql, shape=None, items="", steps=(), kept="")

    def entered_shapes(self) -> tuple[Shape, ...]:
        """The elements that are read of what was read whole."""
        return tuple(shape for _, shape in self._entered.values())

    def settled(self, sql: str) -> str:
        """SQL with the structs in it written out; only now is known what they must hold."""
        for number, shape in self._entered.values():
            if _mark(number) in sql:
                sql = sql.replace(
                    _mark(number), struct_of_json_sql(f"w{number}", shape, self.model)
                )
        return sql


def _mark(number: int) -> str:
    # No literal holds a NUL, so no literal is taken for a mark.
    return f"\0{number}\0"
