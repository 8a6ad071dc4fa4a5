"""The sources of extracts: who delivers what, on what ground, by which rules of identity.

Belongs here: the shape of ``sources/*.yml`` and reading them. Does not belong here: how a source
is fetched (``pipelines.clients``) and what its resources hold (``entities``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pipelines.catalogue.entities import HERE, Strict, Title, load_entities
from pipelines.catalogue.loader import CatalogueError, read_yaml
from pipelines.catalogue.model import LANGUAGES, Language


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


class Source(Strict):
    """One delivering system.

    Attributes:
        id: As the manifests name it.
        texts: Title and description, per language.
        identity: Rules of identity.
        synthetic: The persons do not exist.
        governance: What the law asks to be settled.
        organisations: Entities by delivering organisation.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]{2,62}$")
    texts: Mapping[Language, Title]
    identity: Identity
    synthetic: bool
    governance: Governance
    organisations: Mapping[str, tuple[str, ...]] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if missing := set(LANGUAGES) - set(self.texts):
            raise ValueError(f"texts are missing in {sorted(missing)}")
        if self.synthetic != (self.identity.profile == "test"):
            raise ValueError("a synthetic source has the test profile, and no other source has")
        return self

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
        sources[source.id] = source
    return sources
