"""What FHIR R4 says about elements: their type, and whether they repeat.

Belongs here: reading ``fhir_r4.json`` and answering "what is element E of type T".
Does not belong here: which elements leave the journal (``views/*.json``) and any SQL.

``fhir_r4.json`` holds every type of FHIR R4 (4.0.1, http://hl7.org/fhir/R4/, CC0), one a line, as
its published JSON schema gives them: ``X*`` is a list of X, a list under a name that ends in
``[x]`` holds the types of a choice. Asking for what it does not hold is an error, never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).resolve().parent / "fhir_r4.json"


class UnknownElementError(ValueError):
    """A type that FHIR R4 does not have, or an element that a type does not have."""


@dataclass(frozen=True)
class Element:
    """One element of a type.

    Attributes:
        types: Its FHIR type; several for a choice (``value[x]``).
        many: It repeats.
        choice: The JSON name ends in the type (``valueCoding``).
    """

    types: tuple[str, ...]
    many: bool = False
    choice: bool = False


class FhirModel(BaseModel):
    """Types and primitives of one FHIR release."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    primitives: Mapping[str, tuple[str, ...]]
    resources: tuple[str, ...]
    types: Mapping[str, Mapping[str, str | tuple[str, ...]]]

    @cached_property
    def _sql_types(self) -> Mapping[str, str]:
        return {name: sql for sql, names in self.primitives.items() for name in names}

    def is_primitive(self, name: str) -> bool:
        """Whether a type is a plain value in JSON."""
        return name in self._sql_types

    def sql_type(self, primitive: str) -> str:
        """DuckDB type that holds a primitive as it stands in JSON."""
        return self._sql_types[primitive]

    def elements(self, name: str) -> Mapping[str, str | tuple[str, ...]]:
        """Declared elements of a type, those of every resource included."""
        own = self.types.get(name)
        if own is None:
            raise UnknownElementError(f"FHIR R4 has no type {name!r}. Correct the name.")
        return own

    def element(self, type_name: str, name: str) -> Element:
        """One element of a type.

        Args:
            type_name: FHIR type, e.g. ``Patient`` or ``Encounter.hospitalization``.
            name: Element name without type suffix, e.g. ``value`` for ``value[x]``.

        Raises:
            UnknownElementError: The type has no such element.
        """
        if self.is_primitive(type_name):
            raise UnknownElementError(f"{type_name} is a plain value and has no element {name!r}.")
        elements = self.elements(type_name)
        if (choice := elements.get(f"{name}[x]")) is not None:
            return Element(tuple(choice), choice=True)
        declared = elements.get(name)
        if not isinstance(declared, str):
            raise UnknownElementError(
                f"FHIR R4 {type_name} has no element {name!r}. Correct the path."
            )
        return Element((declared.removesuffix("*"),), many=declared.endswith("*"))

    def json_names(self, type_name: str) -> frozenset[str]:
        """Every name a JSON object of this type may hold, by the standard."""
        names: set[str] = set()
        for name, types in self.elements(type_name).items():
            base = name.removesuffix("[x]")
            choice = base != name
            spelled = [base + k[0].upper() + k[1:] for k in types] if choice else [base]
            names.update(spelled, (f"_{each}" for each in spelled))
        return frozenset(names)


@cache
def fhir_r4() -> FhirModel:
    """The R4 model, read once."""
    return FhirModel.model_validate(json.loads(FILE.read_text(encoding="utf-8")))
