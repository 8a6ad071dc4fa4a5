"""The microdata door: rows about persons in one year become a table for one recipient.

Belongs here: what is done around ``anonymize`` so that a table may be handed on: one row per person
and year, new pseudonyms, an order that tells nothing. Does not belong here: generalising
(``anonymization.microdata``), reading and writing.

What protects a person in such a table:

* every class of equal quasi-identifiers holds at least k persons of one year, and what the policy
  asks of its sensitive attributes;
* pseudonyms are made for one release, recipient and table, and change from year to year: neither
  two releases, two recipients, two tables nor two years of a person can be joined by them. What is
  to be known of one person together has to be in one table, whose policy then counts all of it;
* rows are ordered by their pseudonyms, so their order tells nothing.

The table is k-anonymous, not anonymous: it stays personal data in law, for local use under
agreement, and is never a publication.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from anonymization.keys import Key
from anonymization.microdata import Anonymized, anonymize
from anonymization.packing import ColumnError
from anonymization.policies import MicrodataPolicy, PolicyError
from anonymization.pseudonyms import Pseudonymiser

ROW_KEY: Final = "person_year_key"
YEAR: Final = "year"


@dataclass(frozen=True)
class Destination:
    """Where a table goes, which is what its pseudonyms are made for.

    Attributes:
        release: Name of the release.
        recipient: Whom the table is for.
        table: Its name.
    """

    release: str
    recipient: str
    table: str

    def __post_init__(self) -> None:
        if not (self.release and self.recipient and self.table):
            raise ValueError("Destination: release, recipient and table must all be named.")

    @property
    def purpose(self) -> str:
        """The purpose of the pseudonyms: no two destinations have the same one."""
        # The lengths keep ("a", "b:c") and ("a:b", "c") apart.
        return ":".join(
            ["microdata", *(f"{len(p)}:{p}" for p in (self.release, self.recipient, self.table))]
        )


@dataclass(frozen=True)
class Passed:
    """What came through the door.

    Attributes:
        table: ``person_year_key`` (32 hexadecimal digits) and the columns that the policy names;
            one row per person and year, sorted by key.
        labels: Which label each value got: one row per combination of quasi-identifiers of the
            rows that stay, ``cell_<column>`` as it was and ``<column>`` as the table shows it.
            Restricted.
        anonymized: Levels, loss and evidence; its own table is empty.
    """

    table: pl.DataFrame = field(repr=False)
    labels: pl.DataFrame = field(repr=False)
    anonymized: Anonymized


def pass_microdata_door(
    frame: pl.DataFrame | pl.LazyFrame,
    policy: MicrodataPolicy,
    destination: Destination,
    *,
    key: Key,
    person: str = "person_id",
) -> Passed:
    """Make the table of one policy for one destination.

    Args:
        frame: One row per person and year: the person's restricted pseudonym, ``year`` and the
            columns of the policy. Every other column is dropped.
        policy: What the table must hold to. ``year`` is one of its quasi-identifiers and has no
            hierarchy: merged years would count a person as often as it has years.
        destination: Where the table goes.
        key: Secret key of the pseudonyms.
        person: Column of the restricted pseudonym.

    Returns:
        The table and what became of the rows.

    Raises:
        PolicyError: If years could be merged, or the person's pseudonym would be shown.
        ValueError: If a person has two rows in a year, or a row lacks person or quasi-identifier.
        ColumnError: If columns are missing.
        NoSolutionError: If more than the limit would have to be left out.
    """
    _check_policy(policy, person)
    wanted = [person, *policy.columns]
    present = frame.collect_schema().names()
    if missing := [name for name in wanted if name not in present]:
        raise ColumnError(f"The table lacks columns that are needed: {', '.join(missing)}.")
    data = frame.lazy().select(wanted).collect()
    names = [attribute.name for attribute in policy.quasi_identifiers]
    _check_rows(data, person, names)
    made = anonymize(data, replace(policy, insensitive=(*policy.insensitive, person)))
    table = _with_new_pseudonyms(made.table, person, Pseudonymiser(key, destination.purpose))
    return Passed(
        table=table.select(ROW_KEY, *policy.columns).sort(ROW_KEY),
        labels=_labels(data, made, names),
        anonymized=replace(made, table=made.table.clear()),
    )


def _labels(data: pl.DataFrame, made: Anonymized, names: list[str]) -> pl.DataFrame:
    rows = pl.int_range(pl.len())
    stays = data.select(pl.col(names).name.prefix("cell_")).filter(
        ~rows.is_in(made.suppressed_rows.implode())
    )
    return pl.concat([stays, made.table.select(names)], how="horizontal").unique()


def _check_policy(policy: MicrodataPolicy, person: str) -> None:
    years = [qi for qi in policy.quasi_identifiers if qi.name == YEAR]
    if not years or years[0].hierarchy is not None:
        raise PolicyError(
            f"quasi_identifiers: expected {YEAR!r} without a hierarchy, so that years are never "
            "merged and k counts persons."
        )
    if {person, ROW_KEY} & set(policy.columns):
        raise PolicyError(
            f"{person!r} and {ROW_KEY!r} are not the policy's to name: the restricted pseudonym "
            "stays behind, and the new one is made here."
        )


def _check_rows(data: pl.DataFrame, person: str, names: list[str]) -> None:
    unfit = data.filter(pl.any_horizontal(pl.col(person, *names).is_null())).height
    if unfit:
        raise ValueError(
            f"microdata door: {unfit} of {data.height} rows lack the person or a quasi-identifier. "
            "Leave them out where the rows are made, and count them there."
        )
    repeated = data.height - data.select(person, YEAR).n_unique()
    if repeated:
        raise ValueError(
            f"microdata door: {repeated} of {data.height} rows repeat a person within a year; k "
            "counts persons, so each person needs exactly one row per year."
        )


def _with_new_pseudonyms(
    table: pl.DataFrame, person: str, pseudonymiser: Pseudonymiser
) -> pl.DataFrame:
    parts = [
        part.with_columns(
            pseudonymiser.column(part[person], domain=f"person-year {year}").alias(ROW_KEY)
        )
        for (year,), part in table.partition_by(YEAR, as_dict=True).items()
    ]
    return pl.concat(parts) if parts else table.with_columns(pl.lit("").alias(ROW_KEY))
