"""Which definitions of an indicator the published releases have followed, and since when.

Belongs here: walking from a release to those it took the place of, as far as they are kept. Does
not belong here: figures of earlier releases (``profiles.changes``), words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from dashboards.data_access import Release
from dashboards.kept import kept


@dataclass(frozen=True)
class Edition:
    """One version of a definition, in releases that follow upon each other.

    Attributes:
        version: Its number.
        releases: Rows of the ``release`` table that follow it, newest first.
        indicator: The newest of these releases' row of ``indicators``.
    """

    version: int
    releases: tuple[Mapping[str, Any], ...]
    indicator: Mapping[str, Any]


@kept(most=16)
def _line(release: Release) -> tuple[tuple[Mapping[str, Any], pl.DataFrame], ...]:
    """The release and those before it, newest first: facts and newest version of indicators."""
    return tuple(_walk(release.folder))


def _walk(folder: Path) -> Iterator[tuple[Mapping[str, Any], pl.DataFrame]]:
    seen: set[Path] = set()
    while folder not in seen and (folder / "release.parquet").is_file():
        seen.add(folder)
        facts = pl.read_parquet(folder / "release.parquet").row(0, named=True)
        indicators = pl.read_parquet(folder / "indicators.parquet").sort("indicator_version")
        yield facts, indicators.unique("indicator_id", keep="last", maintain_order=True)
        if not facts["supersedes"]:
            return
        folder = folder.parent / str(facts["supersedes"])


def editions(release: Release, indicator_id: str) -> list[Edition]:
    """The definitions of an indicator in this release and those before it, newest first.

    A release that lacks the indicator ends an edition: what comes back is told anew.
    """

    def version(known: tuple[Mapping[str, Any], Mapping[str, Any] | None]) -> int | None:
        return None if known[1] is None else int(known[1]["indicator_version"])

    followed = [(facts, _row(indicators, indicator_id)) for facts, indicators in _line(release)]
    found = []
    for number, group in groupby(followed, key=version):
        members = list(group)
        newest = members[0][1]
        if number is not None and newest is not None:
            found.append(Edition(number, tuple(facts for facts, _row in members), newest))
    return found


def _row(indicators: pl.DataFrame, indicator_id: str) -> dict[str, Any] | None:
    found = indicators.filter(pl.col("indicator_id") == indicator_id)
    return found.row(0, named=True) if found.height else None


def not_kept(release: Release) -> str | None:
    """The release that the oldest one kept took the place of, where it is gone."""
    oldest = _line(release)[-1][0]
    named = oldest["supersedes"]
    known = {facts["release_id"] for facts, _indicators in _line(release)}
    return str(named) if named and named not in known else None
