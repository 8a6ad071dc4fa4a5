"""The sources of extracts: who delivers what, on what ground, by which rules of identity.

Belongs here: the shape of ``sources/*.yml`` and reading them. Does not belong here: how a source
is fetched (``pipelines.clients``) and what its resources hold (``entities``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipelines.catalogue.delivered_tables import DeliveredTable
from pipelines.catalogue.entities import HERE, Entity, Strict, Title, load_entities
from pipelines.catalogue.loader import CatalogueError, read_yaml
from pipelines.catalogue.model import LANGUAGES, Language

Cohort = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]


class Governance(Strict):
    """What the law asks to be settled before personal data are taken in.

    Null means that the region has not filled it in yet. GDPR articles 4, 5, 6, 9, 28, 30.

    Attributes:
        controller: Who decides purpose and means (art. 4 no. 7).
        processor: Who processes on the controller's behalf (art. 28).
        purpose: What the data are for (art. 5 no. 1 b).
        legal_basis: The provisions it rests on (art. 6, art. 9 and national law).
        retention_months: How long identified extracts are kept, in months.
        restricted_retention_months: How long pseudonymised rows are kept, in months.
        cohort: Whose data are delivered.
        contact: Whom to ask.
    """

    controller: str | None = Field(default=..., min_length=3)
    processor: str | None = Field(default=..., min_length=3)
    purpose: str | None = Field(default=..., min_length=10)
    legal_basis: str | None = Field(default=..., min_length=10)
    retention_months: int | None = Field(default=..., ge=0, le=1200)
    restricted_retention_months: int | None = Field(default=..., ge=0, le=1200)
    cohort: str | None = Field(default=..., min_length=10)
    contact: str | None = Field(default=..., min_length=3)


class Identity(Strict):
    """By which rules national identity numbers of the source are judged.

    Attributes:
        profile: ``test`` takes synthetic series only, ``production`` takes everything but them.
        check_digits: The rule of today or of 2032.
        month_plus_40: What a month raised by 40 means here.
    """

    profile: Literal["production", "test"]
    check_digits: Literal["before_2032", "from_2032"] = "before_2032"
    month_plus_40: Literal["refuse", "h_number", "synthetic_nav"] = "refuse"


class FormerName(Strict):
    """A number or name under which an organisation has delivered.

    Attributes:
        number: As its manifests had it.
        valid_from: First day of deliveries under it, by their transaction time; null: always.
        valid_to: Day after the last; null: still.
    """

    number: str = Field(pattern=r"^[a-z][a-z0-9_-]{1,62}$")
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


class Source(Strict):
    """One delivering system.

    Attributes:
        id: As the manifests name it.
        texts: Title and description, per language.
        identity: Rules of identity.
        synthetic: The persons do not exist.
        governance: What the law asks to be settled.
        organisations: Entities by delivering organisation.
        known_as: By organisation: other numbers it delivers or has delivered under. What is
            delivered under them is the same organisation's.
        cohorts: By organisation: the parts its persons are divided into, where it delivers them one
            by one. Together they are all its persons.
        tables: Delivered tables by name, where the source delivers Parquet or CSV.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]{2,62}$")
    texts: Mapping[Language, Title]
    identity: Identity
    synthetic: bool
    governance: Governance
    organisations: Mapping[str, tuple[str, ...]] = Field(min_length=1)
    known_as: Mapping[str, tuple[FormerName, ...]] = Field(default_factory=dict)
    cohorts: Mapping[str, tuple[Cohort, ...]] = Field(default_factory=dict)
    tables: Mapping[str, DeliveredTable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if unknown := set(self.known_as) - set(self.organisations):
            raise ValueError(f"known_as: {sorted(unknown)} are no organisations of the source")
        if unknown := set(self.cohorts) - set(self.organisations):
            raise ValueError(f"cohorts: {sorted(unknown)} are no organisations of the source")
        if twice := sorted(o for o, names in self.cohorts.items() if len({*names}) < len(names)):
            raise ValueError(f"cohorts: {twice} have one twice")
        numbers = [former.number for names in self.known_as.values() for former in names]
        if len({*numbers, *self.organisations}) != len(numbers) + len(self.organisations):
            raise ValueError("known_as: a number stands for two organisations")
        if missing := set(LANGUAGES) - set(self.texts):
            raise ValueError(f"texts are missing in {sorted(missing)}")
        if self.synthetic != (self.identity.profile == "test"):
            raise ValueError("a synthetic source has the test profile, and no other source has")
        return self

    def organisation(self, name: str, on: dt.date) -> str | None:
        """The organisation that delivers under a name or number on a day; null where none does."""
        if name in self.organisations:
            return name
        for organisation, names in self.known_as.items():
            for former in names:
                begun = former.valid_from is None or former.valid_from <= on
                ended = former.valid_to is not None and former.valid_to <= on
                if former.number == name and begun and not ended:
                    return organisation
        return None

    def entity_of(self, delivered: str) -> str:
        """Entity of a file: the delivered table's where it is one, else what the file names."""
        table = self.tables.get(delivered)
        return delivered if table is None else _entities_by_table()[table.table].id

    def group_of(self, delivered: str) -> frozenset[str]:
        """Delivered tables that fill the tables of the same entity; they come together."""
        entity = self.entity_of(delivered)
        return frozenset(name for name in self.tables if self.entity_of(name) == entity)

    def gaps(self) -> tuple[str, ...]:
        """Governance fields that nobody has filled in."""
        fields = self.governance.model_dump()
        return tuple(name for name, value in fields.items() if value is None)


def load_sources(folder: Path = HERE) -> Mapping[str, Source]:
    """Read all source files.

    Args:
        folder: The catalogue's folder, with ``sources/``.

    Returns:
        Source by id.

    Raises:
        CatalogueError: A file is wrong or names an unknown entity; names file and key.
    """
    return _load_sources(folder)


@cache
def _load_sources(folder: Path) -> Mapping[str, Source]:
    known = set(load_entities(folder))
    sources: dict[str, Source] = {}
    for path in sorted((folder / "sources").glob("*.yml")):
        source = read_yaml(path, Source)
        if source.id != path.stem:
            raise CatalogueError(f"{path.name}: id: expected {path.stem}, got {source.id}.")
        for organisation, entities in source.organisations.items():
            if unknown := set(entities) - known:
                raise CatalogueError(
                    f"{path.name}: organisations.{organisation}: unknown entities "
                    f"{sorted(unknown)}; expected some of {sorted(known)}."
                )
        _check_tables(source, path.name)
        sources[source.id] = source
    return sources


def _check_tables(source: Source, file: str) -> None:
    """Every view column of a restricted table is read from somewhere, and nothing else is."""
    by_table = _entities_by_table()
    for name, delivered in source.tables.items():
        entity = by_table.get(delivered.table)
        if entity is None:
            raise CatalogueError(
                f"{file}: tables.{name}.table: {delivered.table} is no restricted table."
            )
        if name in by_table or name in load_entities():
            raise CatalogueError(f"{file}: tables.{name}: is the name of an entity or table.")
        (table,) = (each for each in entity.tables if each.name == delivered.table)
        wanted, given = table.view_columns, set(delivered.columns)
        if wanted != given:
            raise CatalogueError(
                f"{file}: tables.{name}.columns: missing {sorted(wanted - given)}, not in the view "
                f"{sorted(given - wanted)}. Map every column of views/{table.view}.json once."
            )


@cache
def _entities_by_table() -> Mapping[str, Entity]:
    return {table.name: entity for entity in load_entities().values() for table in entity.tables}
