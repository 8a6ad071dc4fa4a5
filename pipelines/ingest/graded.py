"""Who has a graded address: the persons, and all resources that are about them.

Belongs here: the list of their pseudonyms, and how it grows with a delivery. Does not belong here:
removing anything (``restricted``).

A person may be known to the journal by several resources: linked ones, and ones with the same
national number. Graded is the person, so all of them are, whichever said so and whenever it came.
The list follows from the deliveries alone, whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from pipelines.catalogue.entities import SUBJECT
from pipelines.ingest.parts import part_paths
from pipelines.settings import Zones, atomic_write

_PERSON = "person_id"
_OTHER = "other_patient_key"
LINK_SCHEMA = pl.Schema({SUBJECT: pl.String(), _OTHER: pl.String()})
_SCHEMA = pl.Schema({SUBJECT: pl.String(), _PERSON: pl.String()})


def read_graded(zones: Zones) -> pl.DataFrame:
    """The list as it stands: ``patient_key`` and ``person_id`` (null where there is no number)."""
    path = _path(zones)
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=_SCHEMA)


def write_graded(zones: Zones, listed: pl.DataFrame) -> None:
    """Write the list, where it has changed."""
    if listed.equals(read_graded(zones)):
        return
    with atomic_write(_path(zones)) as temporary:
        listed.write_parquet(temporary, compression="zstd")


def grown(
    zones: Zones,
    listed: pl.DataFrame,
    patients: pl.DataFrame,
    links: pl.DataFrame,
    others: Iterable[str],
) -> pl.DataFrame:
    """The list with what a delivery adds.

    Args:
        zones: The zones.
        listed: The list so far.
        patients: The delivery's persons: ``patient_key``, ``person_id``, ``is_graded``.
        links: The delivery's links: ``patient_key``, ``other_patient_key``.
        others: Deliveries taken in already, whose persons and links count too.

    Returns:
        The list, sorted. The others' files are read only where somebody or a number is added.
    """
    own, links = patients.select(SUBJECT, _PERSON), links.select(SUBJECT, _OTHER)
    known = _closed(listed, own, links, patients.filter(pl.col("is_graded"))[SUBJECT])
    paths = list(others)
    # Not the height alone: a number that becomes known takes the place of a row without one.
    while not known.equals(listed):
        listed = known
        keys, persons = known[SUBJECT].implode(), known[_PERSON].drop_nulls().implode()
        alike = pl.col(SUBJECT).is_in(keys) | pl.col(_PERSON).is_in(persons)
        linked = pl.col(SUBJECT).is_in(keys) | pl.col(_OTHER).is_in(keys)
        theirs = _of(zones, "patient", paths, [SUBJECT, _PERSON], alike)
        their_links = _of(zones, "patient_link", paths, [SUBJECT, _OTHER], linked)
        known = _closed(
            known,
            pl.concat([own, *theirs]),
            pl.concat([links, *their_links]),
            pl.Series(SUBJECT, [], dtype=pl.String),
        )
    return known


def _closed(
    listed: pl.DataFrame, patients: pl.DataFrame, links: pl.DataFrame, graded: pl.Series
) -> pl.DataFrame:
    """The list with the persons named and everybody who is one with somebody on it."""
    keys = pl.concat([listed[SUBJECT], graded]).unique()
    before = -1
    persons = listed[_PERSON].drop_nulls()
    while keys.len() > before:
        before = keys.len()
        is_theirs = pl.col(SUBJECT).is_in(keys.implode())
        found = patients.filter(is_theirs | pl.col(_PERSON).is_in(persons.implode()))
        persons = pl.concat([persons, found[_PERSON].drop_nulls()]).unique()
        is_other = pl.col(_OTHER).is_in(keys.implode())
        ends = links.filter(is_theirs | is_other)
        keys = pl.concat([keys, found[SUBJECT], ends[SUBJECT], ends[_OTHER]]).unique()
    numbered = pl.concat([listed, patients.filter(pl.col(SUBJECT).is_in(keys.implode()))])
    bare = keys.to_frame(SUBJECT).join(numbered, on=SUBJECT, how="anti")
    whole = pl.concat([numbered, bare.with_columns(pl.lit(None, pl.String).alias(_PERSON))])
    # A number that is known makes the row without one needless, whichever came first.
    needless = pl.col(_PERSON).is_null() & pl.col(_PERSON).is_not_null().any().over(SUBJECT)
    return whole.unique().filter(~needless).sort(SUBJECT, _PERSON, nulls_last=True)


def _of(
    zones: Zones, table: str, deliveries: Iterable[str], columns: list[str], rows: pl.Expr
) -> Iterator[pl.DataFrame]:
    for delivery in deliveries:
        for path in part_paths(zones, table, delivery):
            yield pl.scan_parquet(path).select(columns).filter(rows).collect()


def _path(zones: Zones) -> Path:
    return zones.restricted / "graded.parquet"
