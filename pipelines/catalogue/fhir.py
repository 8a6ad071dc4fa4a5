"""What FHIR R4 says about elements: their type, and whether they repeat.

Belongs here: reading ``fhir_r4.yml`` and answering "what is element E of type T".
Does not belong here: which elements leave the journal (``views/*.json``) and any SQL.
Elements that deliveries never need are left out of the file; asking for one is an error, never a
guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipelines.catalogue.loader import parse_yaml

FILE = Path(__file__).resolve().parent / "fhir_r4.yml"


class UnknownElementError(ValueError):
    """An element that the type does not have, as far as ``fhir_r4.yml`` goes."""


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

    def is_primitive(self, name: str) -> bool:
        """Whether a type is a plain value in JSON."""
        return any(name in names for names in self.primitives.values())

    def sql_type(self, primitive: str) -> str:
        """DuckDB type that holds a primitive as it stands in JSON."""
        return next(sql for sql, names in self.primitives.items() if primitive in names)

    def elements(self, name: str) -> Mapping[str, str | tuple[str, ...]]:
        """Declared elements of a type, those of every resource included."""
        own = self.types.get(name)
        if own is None:
            raise UnknownElementError(f"FHIR R4 type {name!r} is not in {FILE.name}. Add it there.")
        base = self.types["Resource"] if name in self.resources else {}
        return {"id": "string", "extension": "Extension*", **base, **own}

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
                f"FHIR R4 {type_name} has no element {name!r} in {FILE.name}. Correct the path, or "
                "add the element if the standard has it."
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
    return FhirModel.model_validate(parse_yaml(FILE))
