"""Definitions as a release or another catalogue holds them.

Belongs here: reading them. Does not belong here: what a definition is and how two differ
(``catalogue.definition``).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.catalogue.definition import definition_text
from pipelines.catalogue.loader import Catalogue, CatalogueError, load
from pipelines.publication.release import current_release
from pipelines.settings import Zones

Definitions = dict[str, tuple[int, str]]


def definitions_of(catalogue: Catalogue) -> Definitions:
    """Version and definition of every indicator of a catalogue."""
    return {
        name: (entry.version, definition_text(entry))
        for name, entry in catalogue.indicators.items()
    }


def definitions_in(folder: Path | None, zones: Zones) -> Definitions:
    """Version and definition of every indicator of a folder.

    Args:
        folder: A catalogue folder or a release's folder; null: the current release.
        zones: The zones.

    Raises:
        CatalogueError: There is nothing of the kind, or a release that kept no definitions.
    """
    if folder is None:
        release_id = current_release(zones)
        if release_id is None:
            raise CatalogueError(
                "No release is published here: name a catalogue folder to compare with."
            )
        folder = zones.published / release_id
    table = folder / "indicators.parquet"
    if not table.is_file():
        return definitions_of(load(folder))
    kept = pl.read_parquet(table)
    if "counted_by" not in kept.columns:
        raise CatalogueError(f"{folder.name}: this release kept no definitions; name another.")
    rows = kept.select("indicator_id", "indicator_version", "counted_by").iter_rows()
    return {name: (version, text) for name, version, text in rows}
