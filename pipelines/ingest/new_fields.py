"""Delivered fields that nobody has decided upon, told to stewards.

Belongs here: the list a steward page draws: names of fields, never what was in them. Does not
belong here: finding them (``drift``, ``verify_parquet``).
"""

from __future__ import annotations

import polars as pl

from pipelines.ingest.ledger import LedgerEntry
from pipelines.settings import Zones, atomic_write

SCHEMA = pl.Schema(dict.fromkeys(("source", "delivery", "entity", "file", "field"), pl.String()))


def write_new_fields(zones: Zones, entry: LedgerEntry) -> None:
    """Write the new fields of one delivery, ``steward/new_fields/<id>.parquet``.

    Args:
        zones: The zones.
        entry: The delivery. Without such fields no file is left.
    """
    rows = [
        (entry.source, entry.delivery, file.entity, file.name, field)
        for file in entry.files
        for field in file.unexpected_fields
    ]
    path = zones.steward / "new_fields" / f"{entry.id}.parquet"
    if not rows:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as temporary:
        pl.DataFrame(rows, schema=SCHEMA, orient="row").write_parquet(temporary)
