"""Fetch the population register from Statistics Norway, whole or not at all.

Belongs here: the order of the calls. Does not belong here: what the table means (``table``), how it
is cut (``query``) and kept (``store``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from pipelines.clients.json_stat import (
    JsonStatError,
    Structure,
    read_dataset,
    read_structure,
)
from pipelines.clients.population_register.errors import RegisterError
from pipelines.clients.population_register.pace import Clock
from pipelines.clients.population_register.places import FIRST_YEAR, codes_by_year
from pipelines.clients.population_register.query import Coding, Query, plan
from pipelines.clients.population_register.store import Provenance, Register, Reply
from pipelines.clients.population_register.table import (
    REGION,
    SUMMED,
    TABLE,
    Meaning,
    canonical,
    meaning,
)
from pipelines.clients.population_register.web import PxWeb
from pipelines.settings import BorderSet

LICENCE = "CC BY 4.0"
_SAME_LICENCE = "creativecommons.org/licenses/by/4.0"
SOURCE = "Statistisk sentralbyrå"
DATA = f"tables/{TABLE}/data"


def fetch_register(
    url: str,
    reference: Path,
    years: Iterable[int] | None = None,
    coding: Coding = "plain",
    clock: Clock | None = None,
    border_set: BorderSet = "date",
) -> Register:
    """Fetch the region's population on 1 January, by municipality, sex and year of age.

    Args:
        url: Base address of a PxWebApi v2.
        reference: Folder of the reference CSV files, which say whose codes are valid when.
        years: Calendar years; every one that the table has from 2020 on when null.
        coding: How municipalities are asked for.
        clock: The time; this machine's when null.
        border_set: By which borders municipalities are asked for.

    Returns:
        Rows of ``table.SCHEMA``, not yet kept, and where they come from.

    Raises:
        RegisterError: The address may not be asked, the server refused or failed, or a reply is
            not whole or not as expected. Nothing is kept of a fetch that fails.
    """
    clock = clock or Clock()
    with PxWeb(url, clock) as web:
        limits = web.limits()
        known = meaning(_structure(web, f"tables/{TABLE}/metadata"))
        wanted = tuple(years) if years is not None else _every_year(known)
        summed = _summed(web, known) if coding == "summed" else frozenset[str]()
        codes = codes_by_year(reference, wanted, border_set)
        queries = plan(known, codes, coding, summed, limits.cells)
        parts, replies = [], []
        for query in queries:
            content = web.content(DATA, query.body())
            parts.append(_part(content, query, known))
            digest = hashlib.sha256(content).hexdigest()
            replies.append(Reply(query=query.told(), sha256=digest, bytes=len(content)))
        provenance = Provenance(
            publisher="ssb",
            synthetic=False,
            source=known.structure.source or SOURCE,
            licence=_licence(limits.licence),
            table=TABLE,
            url=f"{web.url}/{DATA}",
            updated=known.structure.updated,
            retrieved_at=clock.now(),
            coding=coding,
            replies=tuple(replies),
        )
    return Register(pl.concat(parts), provenance)


def _licence(told: str) -> str:
    """The licence in brief; as the server names it where it has become another."""
    return LICENCE if not told or _SAME_LICENCE in told else told


def _every_year(known: Meaning) -> tuple[int, ...]:
    return tuple(year for year in known.years if year >= FIRST_YEAR)


def _structure(web: PxWeb, path: str) -> Structure:
    try:
        return read_structure(web.content(path))
    except JsonStatError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: JsonStatError) -> RegisterError:
    return RegisterError(f"{path}: {error}. Nothing was kept; try again later.")


def _summed(web: PxWeb, known: Meaning) -> frozenset[str]:
    """Codes of the codelist that sums what municipalities were put together from."""
    values = web.document(f"codelists/{SUMMED}").get("values") if known.has_summed else None
    codes = (
        [one.get("code") for one in values if isinstance(one, dict)]
        if (isinstance(values, list))
        else []
    )
    texts = frozenset(code for code in codes if isinstance(code, str))
    if not texts:
        raise RegisterError(
            f"table {TABLE}: {REGION}: expected a codelist {SUMMED} with codes, got none. Fetch "
            "with --plain."
        )
    return texts


def _part(content: bytes, query: Query, known: Meaning) -> pl.DataFrame:
    try:
        dataset = read_dataset(content)
    except JsonStatError as error:
        raise _unreadable(DATA, error) from None
    if dataset.structure.updated != known.structure.updated:
        raise RegisterError(
            f"table {TABLE}: it was changed while it was fetched. Nothing was kept; fetch it again."
        )
    query.judge(dataset.structure)
    return canonical(dataset, known)
