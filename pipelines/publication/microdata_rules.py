"""The tables of the analysis zone, as the catalogue's policies declare them.

Belongs here: the form of a microdata policy's rules, and what must hold between them. Does not
belong here: the part that every microdata policy has, by hand or not (``microdata_policy``), and
making the tables (``microdata_tables``).

One file in ``catalogue/policies`` of kind ``microdata`` is one table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from anonymization.policies import MicrodataPolicy
from pipelines.catalogue.loader import HERE, Catalogue, CatalogueError, validated
from pipelines.catalogue.model import Identifier, Language, Policy, every_language
from pipelines.publication.microdata_policy import MicrodataPolicyFile, policy_of

FOLDER = HERE / "policies"
LEAST_K = 5
"""Whatever a file says, no class of the analysis zone is smaller."""


class MicrodataRules(MicrodataPolicyFile):
    """The rules of one table: everything of a microdata policy, and where from and what for.

    Attributes:
        source: The dbt model that it is made from, ``schema.name``: a row per person and year.
        recipient: Whom it is for; pseudonyms are made for the recipient.
        agreement: Under which agreement they have it, in three languages.
        purpose: The one thing it may be used for, in three languages.
        only: A column of the source that must be true of a row; the table is of those.
        indicators: Indicators that could be computed from it, each with the column that is counted
            or added up for it. The bias that they would get is measured.
        titles: What each sensitive attribute is called, in three languages.
    """

    source: str = Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
    recipient: Identifier
    agreement: dict[Language, Annotated[str, Field(min_length=10)]]
    purpose: dict[Language, Annotated[str, Field(min_length=10)]]
    only: Identifier | None = None
    indicators: dict[Identifier, Identifier] = Field(default_factory=dict)
    titles: dict[Identifier, dict[Language, str]] = Field(default_factory=dict)

    @field_validator("titles")
    @classmethod
    def _titled_in_every_language(
        cls, titles: dict[Identifier, dict[Language, str]]
    ) -> dict[Identifier, dict[Language, str]]:
        return {name: dict(every_language(texts)) for name, texts in titles.items()}

    @field_validator("agreement", "purpose")
    @classmethod
    def _every_language(cls, texts: dict[Language, str]) -> dict[Language, str]:
        return dict(every_language(texts))


@dataclass(frozen=True)
class MicrodataTable:
    """One table of the analysis zone.

    Attributes:
        entry: The catalogue's policy: id, version, owner, texts.
        rules: Its rules as written.
        policy: What the table must hold to.
    """

    entry: Policy
    rules: MicrodataRules
    policy: MicrodataPolicy

    @property
    def name(self) -> str:
        """The policy's id is the table's name."""
        return self.entry.id

    @property
    def version(self) -> str:
        """The name with the policy's version."""
        return f"{self.name} version {self.entry.version}"

    @property
    def quasi_identifiers(self) -> list[str]:
        """Columns by which somebody could recognise a person."""
        return [attribute.name for attribute in self.policy.quasi_identifiers]

    @property
    def kept_columns(self) -> frozenset[str]:
        """Columns whose values stay as they are."""
        sensitive = (attribute.name for attribute in self.policy.sensitive)
        return frozenset((*sensitive, *self.policy.insensitive))


def microdata_tables(entries: Catalogue, folder: Path = FOLDER) -> Mapping[str, MicrodataTable]:
    """All tables that the catalogue declares, by name.

    Args:
        entries: The loaded catalogue.
        folder: Where the policies lie, and the files of their hierarchies.

    Raises:
        CatalogueError: A file's rules are wrong, or two tables contradict each other.
        PolicyError: A policy contradicts itself.
        HierarchyError: A hierarchy is none.
    """
    tables = {
        entry.id: _table(entry, entries, folder)
        for entry in entries.policies.values()
        if entry.kind == "microdata"
    }
    _check_together(tables)
    return tables


def _table(entry: Policy, entries: Catalogue, folder: Path) -> MicrodataTable:
    path = folder / f"{entry.id}.yml"
    rules = validated(path, entry.rules, MicrodataRules)
    if rules.k < LEAST_K:
        raise CatalogueError(f"{path.name}: rules.k: expected {LEAST_K} or more, got {rules.k}.")
    table = MicrodataTable(entry, rules, policy_of(rules, folder))
    sensitive = {attribute.name for attribute in table.policy.sensitive}
    if wrong := sorted(sensitive ^ set(rules.titles)):
        raise CatalogueError(
            f"{path.name}: rules.titles: expected one for each sensitive attribute and no more; "
            f"look at {wrong}."
        )
    if unknown := sorted(set(rules.indicators) - set(entries.indicators)):
        raise CatalogueError(f"{path.name}: rules.indicators: there are none called {unknown}.")
    if generalised := sorted(set(rules.indicators.values()) - table.kept_columns):
        raise CatalogueError(
            f"{path.name}: rules.indicators: expected columns that are kept as they are, got "
            f"{generalised}."
        )
    return table


def _check_together(tables: Mapping[str, MicrodataTable]) -> None:
    """A sensitive column is in one table of a recipient only, and never a quasi-identifier there.

    Pseudonyms join no two tables, but quasi-identifiers do: who knows a person's class in two
    tables that group persons differently knows that the value lies in what both classes hold, which
    may be one value (a composition attack, Ganta et al. 2008). Of two attributes that share
    no table nothing can be intersected.
    """
    shown = Counter(
        (table.rules.recipient, column)
        for table in tables.values()
        for column in table.policy.columns
    )
    for table in tables.values():
        recipient = table.rules.recipient
        repeated = sorted(name for name in table.kept_columns if shown[recipient, name] > 1)
        if repeated:
            raise CatalogueError(
                f"{table.name}.yml: rules: {', '.join(repeated)} is in another table for "
                f"{table.rules.recipient!r} as well. What one recipient should see of a person "
                "together belongs into one table; see decision 0018."
            )
