"""Known errors of the sources, corrected on the way in until the source mends them.

Belongs here: the shape of ``corrections/*.yml`` and reading them. Does not belong here: applying
them (``pipelines.ingest.corrections``), what is merely implausible (``pipelines.checks``).

A correction is an entry that somebody answers for: whose error it is, who has told them, and what
is done meanwhile. It guards itself: a delivery in its scope that no longer has the error stops the
next release until the entry is closed, so that no correction outlives its reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pipelines.catalogue.entities import HERE, Entity, Name, Strict, load_entities
from pipelines.catalogue.loader import CatalogueError, read_yaml
from pipelines.catalogue.model import LANGUAGES, Language
from pipelines.catalogue.sources import load_sources

Value = bool | int | float | str | None


class Correction(Strict):
    """One known error.

    Attributes:
        id: Name of the entry and its file.
        source: Source that delivers it.
        provider: Delivering organisation whose error it is.
        table: Restricted table it concerns.
        texts: What is wrong and what is done, per language.
        status: How far the matter has come with the provider.
        reported_on: Day on which the provider was told.
        reference: Where the matter is followed.
        where: View columns and the delivered values by which the error is known; all must fit. A
            null fits an absent value.
        set: View columns and the values they get.
        known_from: First transaction time (UTC day) in scope; null: from the beginning.
        known_to: Day after the last in scope: filled in when the source has mended it.
        expect_at_least: Rows of a delivery in scope that must have the error; fewer mean that it
            has been mended.
        among_rows: Rows that a delivery must have for their absence to mean anything.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,62}$")
    source: str
    provider: str
    table: Name
    texts: Mapping[Language, str]
    status: Literal["reported", "acknowledged", "rejected", "mended"]
    reported_on: dt.date
    reference: str = Field(min_length=3)
    where: Mapping[Name, tuple[Value, ...]] = Field(min_length=1)
    set: Mapping[Name, Value] = Field(min_length=1)
    known_from: dt.date | None = None
    known_to: dt.date | None = None
    expect_at_least: int = Field(default=1, ge=1)
    among_rows: int = Field(default=1000, ge=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if missing := set(LANGUAGES) - set(self.texts):
            raise ValueError(f"texts are missing in {sorted(missing)}")
        if (self.status == "mended") != (self.known_to is not None):
            raise ValueError("status mended goes with known_to, and known_to with nothing else")
        return self

    def __hash__(self) -> int:
        # Mappings have no hash of their own; plans are kept by what they were made from.
        return hash(self.id)

    def in_scope(self, source: str, provider: str, transaction_time: dt.datetime) -> bool:
        """Whether a delivery is one of those that have the error."""
        on = transaction_time.astimezone(dt.UTC).date()
        begun = self.known_from is None or self.known_from <= on
        ended = self.known_to is not None and self.known_to <= on
        return (self.source, self.provider) == (source, provider) and begun and not ended


def load_corrections(folder: Path = HERE) -> Mapping[str, Correction]:
    """Read all correction files.

    Args:
        folder: The catalogue's folder, with ``corrections/``; it may be empty.

    Returns:
        Correction by id, in the order of the ids.

    Raises:
        CatalogueError: A file is wrong or names what is not there; names file and key.
    """
    return _load_corrections(folder)


@cache
def _load_corrections(folder: Path) -> Mapping[str, Correction]:
    found: dict[str, Correction] = {}
    for path in sorted((folder / "corrections").glob("*.yml")):
        correction = read_yaml(path, Correction)
        if correction.id != path.stem:
            raise CatalogueError(f"{path.name}: id: expected {path.stem}, got {correction.id}.")
        _check(correction, path.name, folder)
        found[correction.id] = correction
    return found


def _check(correction: Correction, file: str, folder: Path) -> None:
    source = load_sources(folder).get(correction.source)
    if source is None or correction.provider not in source.organisations:
        raise CatalogueError(
            f"{file}: source, provider: {correction.provider} of {correction.source} is not in "
            "sources/."
        )
    entity = _entity_of(correction.table, folder)
    if entity is None:
        raise CatalogueError(f"{file}: table: {correction.table} is no restricted table.")
    (table,) = (each for each in entity.tables if each.name == correction.table)
    if unknown := (set(correction.where) | set(correction.set)) - table.view_columns:
        raise CatalogueError(
            f"{file}: where, set: {sorted(unknown)} are no columns of views/{table.view}.json."
        )
    kinds = {name: column.type for column in table.columns for name in column.source}
    kinds |= {c.required_unless: "boolean" for c in table.columns if c.required_unless}
    given = {name: (*values,) for name, values in correction.where.items()}
    for name, value in correction.set.items():
        given[name] = (*given.get(name, ()), value)
    for name, values in given.items():
        kind = kinds.get(name, "string")
        if not all(_fits(value, kind) for value in values):
            raise CatalogueError(
                f"{file}: where, set: {name}: expected values of the column's type, {kind}."
            )


def _fits(value: Value, kind: str) -> bool:
    if value is None:
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "decimal":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _entity_of(table: str, folder: Path) -> Entity | None:
    entities = load_entities(folder).values()
    return next((e for e in entities if any(t.name == table for t in e.tables)), None)
