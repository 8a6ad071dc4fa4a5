"""The entities of a journal extract: what each column must be and what the door does with it.

Belongs here: the shape of ``entities/*.yml`` with the ViewDefinitions they name, and reading them.
Does not belong here: SQL, pseudonyms, deliveries. ``views/*.json`` say which elements leave the
journal; the entity file says what a value must be to pass and what it is called afterwards.
An unknown key is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import ascii_letters, digits
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from pipelines.catalogue.loader import CatalogueError, read_yaml
from pipelines.catalogue.model import LANGUAGES, Language

HERE = Path(__file__).resolve().parent
ColumnType = Literal[
    "string", "code", "code_system", "date", "local_date", "epoch_seconds", "boolean", "decimal"
]
Normalisation = Literal["upper", "no_dot", "no_leading_zeros", "reference_type", "reference_id"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,62}$")]

PATTERNS: Mapping[str, str] = {
    # http://hl7.org/fhir/R4/datatypes.html#id
    "fhir_id": r"[A-Za-z0-9.-]+",
    "provider_id": r"[A-Za-z0-9._-]+",
    "municipality": r"[0-9]{4}",
    "unit_code": r"[A-Z]{2,12}",
    # ICPC-2 (A01, -30) or ICD-10 without dot (E11, E119, F4522).
    "diagnosis": r"-[0-9]{2}|[A-Z][0-9]{2}[0-9A-Z]{0,4}",
    # One to five levels (A, A10, A10B, A10BA, A10BA02).
    "atc": r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?",
    # NLK (NPU27300, NOR05009), LOINC (85354-9) or one of our own.
    "observation": r"[A-Z]{3}[0-9]{5}|[0-9]{1,7}-[0-9]|nutrition_screening|fall|function_score"
    r"|health_check|breastfeeding",
}
"""Forms a value may have, as regular expressions for the whole value."""

ALPHABETS: Mapping[str, str] = {
    "fhir_id": f"{ascii_letters}{digits}.-",
    "provider_id": f"{ascii_letters}{digits}._-",
}
"""The characters of those forms that ask for nothing else."""

SUBJECT = "patient_key"
"""Column of the restricted tables that tells whom a row is about."""

LONGEST = 64
"""Characters that a value of any form may have at most."""

METADATA_COLUMNS: Mapping[str, str] = {
    "source": "string",
    "delivery": "string",
    "transaction_time": "timestamp_utc",
}
"""Columns that every restricted table carries after its own."""


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(Strict):
    """Title and description in one language."""

    title: str = Field(min_length=3)
    description: str = Field(min_length=10)


class SystemRule(Strict):
    """The code system that a code must come from, by ``code_system_aliases.csv``.

    Attributes:
        source: View columns with the system; the first with a value counts.
        expected: Names of systems that are allowed.
    """

    source: tuple[Name, ...] = Field(min_length=1)
    expected: tuple[Name, ...] = Field(min_length=1)


class Column(Strict):
    """One column of a restricted table.

    Attributes:
        name: Its name there.
        source: View columns it comes from; the first with a value counts.
        type: ``date`` (a full date), ``local_date`` (the day in Europe/Oslo of a time with offset,
            or a full date), ``epoch_seconds`` (whole seconds since 1970 of a time with offset),
            ``code_system`` (name of the system by its alias), ``decimal`` (double) and so on.
        door: ``keep`` or ``pseudonym``.
        domain: Domain of the pseudonym; or ``by:<column>``, where it depends on the type of
            resource that a column names: the domain of that type's own key.
        national_identifier: The value is a national identity number.
        required: A row without it is quarantined.
        required_unless: View column with whose value a row without it passes all the same.
        codes: Allowed codes.
        pattern: Form of the value, a key of ``PATTERNS``.
        normalise: What is done to a code before it is judged.
        range: Lowest and highest allowed value, inclusive.
        system: The code system it must come from.
        minimum_filled: Share of a file's rows that must have a value. Below it the file is
            refused: the source has renamed or emptied the element.
        reveals_location: Removed for persons whose address is graded.
        borders: The sources tell a municipality or a statistical tract; the value is the
            municipality that it lies in by the borders of this year, as ``borders.csv`` says. The
            first source that tells one counts, and there is none where no source does.
        texts: What the column is, per language.
    """

    name: Name
    source: tuple[Name, ...] = Field(min_length=1)
    type: ColumnType
    door: Literal["keep", "pseudonym"]
    domain: str | None = None
    national_identifier: bool = False
    required: bool = False
    required_unless: Name | None = None
    codes: tuple[str, ...] = ()
    pattern: str | None = None
    normalise: tuple[Normalisation, ...] = ()
    range: tuple[float, float] | None = None
    system: SystemRule | None = None
    minimum_filled: float = Field(default=0.0, ge=0, le=1)
    reveals_location: bool = False
    borders: Literal[2019, 2020, 2024] | None = None
    texts: Mapping[Language, str]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if missing := set(LANGUAGES) - set(self.texts):
            raise ValueError(f"{self.name}: texts are missing in {sorted(missing)}")
        if self.pattern is not None and self.pattern not in PATTERNS:
            raise ValueError(f"{self.name}: pattern must be one of {sorted(PATTERNS)}")
        if self.required_unless is not None and self.required:
            raise ValueError(f"{self.name}: required and required_unless exclude each other")
        if (self.door == "pseudonym") != (self.domain is not None):
            raise ValueError(f"{self.name}: a pseudonym needs a domain, and nothing else has one")
        # Free text would pass as a code of no list and no form.
        closed = self.codes or self.pattern or self.national_identifier
        if self.type in ("string", "code", "code_system") and not closed:
            raise ValueError(f"{self.name}: text needs codes or a pattern; free text never passes")
        return self

    @property
    def element_sources(self) -> tuple[str, ...]:
        """View columns that the column or its rules read."""
        unless = () if self.required_unless is None else (self.required_unless,)
        return self.source + (self.system.source if self.system else ()) + unless

    @property
    def domain_by(self) -> str | None:
        """Column that holds the resource type on which the domain depends."""
        domain = self.domain or ""
        return domain.removeprefix("by:") if domain.startswith("by:") else None


class Check(Strict):
    """A view column that is judged but not stored."""

    source: Name
    codes: tuple[str, ...] = Field(min_length=1)


class Table(Strict):
    """One restricted table made from the entity.

    Attributes:
        name: Name of the table.
        view: Name of the ViewDefinition in ``views/``.
        key: Columns that tell rows of one delivery apart.
        grain: What one row is, per language.
        columns: In the order of the table.
        checks: Judged but not stored.
        repeats: A line may bring several rows, and the same row may come again; it counts once.
        graded_rows: ``merge_spells`` joins the rows of a graded person into one from the first
            to the last date, since dates of moves tell where somebody has lived.
    """

    name: Name
    view: Name
    key: tuple[Name, ...] = Field(min_length=1)
    grain: Mapping[Language, str]
    columns: tuple[Column, ...] = Field(min_length=1)
    checks: tuple[Check, ...] = ()
    repeats: bool = False
    graded_rows: Literal["keep", "merge_spells"] = "keep"
    _definition: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def definition(self) -> Mapping[str, Any]:
        """The ViewDefinition, parsed."""
        return self._definition

    @property
    def view_columns(self) -> set[str]:
        """View columns that the table reads or judges."""
        read = {name for column in self.columns for name in column.element_sources}
        return read | {check.source for check in self.checks}

    @property
    def subject(self) -> str | None:
        """Column that tells whom a row is about, where it is about somebody."""
        return SUBJECT if any(column.name == SUBJECT for column in self.columns) else None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a column is there twice")
        if unknown := set(self.key) - set(names):
            raise ValueError(f"{self.name}: key names unknown columns {sorted(unknown)}")
        if unknown := {c.domain_by for c in self.columns if c.domain_by} - set(names):
            raise ValueError(f"{self.name}: a domain depends on unknown columns {sorted(unknown)}")
        if missing := set(LANGUAGES) - set(self.grain):
            raise ValueError(f"{self.name}: grain is missing in {sorted(missing)}")
        reveals = any(column.reveals_location for column in self.columns)
        if reveals and "patient_key" not in names:
            raise ValueError(f"{self.name}: what reveals location needs a patient_key")
        return self


class Entity(Strict):
    """One resource type of the extract.

    Attributes:
        id: FHIR resource type, and how its files are named.
        texts: Title and description, per language.
        dropped: Elements that are delivered and never taken, by decision. An element that is
            neither taken nor named here raises an alert.
        dropped_extensions: Likewise for extensions, by URL.
        tables: What is made of it; the first has one row per resource.
    """

    id: str = Field(pattern=r"^[A-Z][A-Za-z]{2,62}$")
    texts: Mapping[Language, Title]
    dropped: tuple[str, ...] = ()
    dropped_extensions: tuple[str, ...] = ()
    tables: tuple[Table, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if missing := set(LANGUAGES) - set(self.texts):
            raise ValueError(f"texts are missing in {sorted(missing)}")
        return self


def load_entities(folder: Path = HERE) -> Mapping[str, Entity]:
    """Read all entity files with their views.

    Args:
        folder: The catalogue's folder, with ``entities/`` and ``views/``.

    Returns:
        Entity by id, in the order of the ids.

    Raises:
        CatalogueError: A file is wrong, or two disagree; names file and key.
    """
    return _load_entities(folder)


@cache
def _load_entities(folder: Path) -> Mapping[str, Entity]:
    entities: dict[str, Entity] = {}
    tables: dict[str, str] = {}
    for path in sorted((folder / "entities").glob("*.yml")):
        entity = read_yaml(path, Entity)
        if entity.id != path.stem:
            raise CatalogueError(f"{path.name}: id: expected {path.stem}, got {entity.id}.")
        for table in entity.tables:
            if table.name in tables:
                raise CatalogueError(
                    f"{path.name}: table {table.name} is made in {tables[table.name]} already."
                )
            tables[table.name] = path.name
            _attach_view(table, entity, folder, path.name)
        entities[entity.id] = entity
    if not entities:
        raise CatalogueError(f"{folder / 'entities'}: no entity files. Restore the catalogue.")
    return entities


def key_domains(entities: Mapping[str, Entity] | None = None) -> Mapping[str, str]:
    """Domain of the pseudonyms that stand for a resource itself, by resource type.

    Types without a key of their own (what brings deletions) are left out.
    """
    domains: dict[str, str] = {}
    for entity in (entities or load_entities()).values():
        columns = {column.name: column for column in entity.tables[0].columns}
        key = columns[entity.tables[0].key[0]]
        if key.domain is not None and key.domain_by is None:
            domains[entity.id] = key.domain
    return domains


def restricted_tables(entities: Mapping[str, Entity] | None = None) -> Mapping[str, Table]:
    """Every restricted table by name."""
    found = (entities or load_entities()).values()
    return {table.name: table for entity in found for table in entity.tables}


def _attach_view(table: Table, entity: Entity, folder: Path, file: str) -> None:
    path = folder / "views" / f"{table.view}.json"
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogueError(
            f"{file}: {table.name}.view: views/{path.name} cannot be read as JSON ({error})."
        ) from error
    if definition.get("resource") != entity.id:
        raise CatalogueError(f"views/{path.name}: resource: expected {entity.id}.")
    named = set(re.findall(r'"name": "([a-z][a-z0-9_]*)"', json.dumps(definition["select"])))
    used = table.view_columns
    if missing := used - named:
        raise CatalogueError(
            f"{file}: {table.name}: views/{path.name} has no columns {sorted(missing)}."
        )
    if unused := named - used:
        raise CatalogueError(
            f"views/{path.name}: columns {sorted(unused)} leave the journal for no use. Remove "
            f"them, or name them in {file}."
        )
    table._definition = definition
