"""The ledger of deliveries: one JSON file each, written last, by which a delivery counts as in.

Belongs here: the entry's shape, reading and writing it, and clearing away what has no entry.
Does not belong here: the rows themselves (``restricted``), quarantined lines (``quarantine``).
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.catalogue.entities import load_entities
from pipelines.catalogue.sources import load_sources
from pipelines.ingest.errors import AccountingError, IngestError
from pipelines.ingest.parts import NO_ROWS, delivery_of, part_path
from pipelines.settings import Zones, atomic_write

REPEATED = "repeated_resource"
"""Reason of a line that brings a resource of its delivery again; the first one was taken in."""
DELIVERY_TABLE = "delivery"
"""Restricted table of the deliveries themselves: which is full, and what it was known to bring."""


class LedgerFile(BaseModel):
    """What became of one delivered file.

    ``corrected`` counts rows by correction, those of every correction in scope, be it 0.
    ``received_sha256`` is set for refused files: the hash of what lay in the inbox, by which a
    file that is sent again whole is told from the same damaged one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    entity: str
    sha256: str
    bytes: int
    delivered_rows: int
    loaded_rows: int
    quarantined_rows: int
    quarantined_by_reason: Mapping[str, int]
    state: Literal["loaded", "refused"]
    refused_reason: str | None = None
    refused_detail: str | None = None
    received_sha256: str | None = None
    unexpected_fields: tuple[str, ...] = ()
    corrected: Mapping[str, int] = Field(default_factory=dict)

    @property
    def lacks_rows(self) -> bool:
        """Something that was delivered in it has not been taken in, nor has a twin of it."""
        return self.state == "refused" or bool(set(self.quarantined_by_reason) - {REPEATED})

    @model_validator(mode="after")
    def _adds_up(self) -> LedgerFile:
        accounted = self.loaded_rows + self.quarantined_rows
        by_reason = sum(self.quarantined_by_reason.values())
        nothing = self.state == "refused" and accounted == 0
        all_of_it = self.state == "loaded" and accounted == self.delivered_rows
        if by_reason != self.quarantined_rows or not (nothing or all_of_it):
            raise AccountingError(
                f"{self.name}: delivered {self.delivered_rows} lines, loaded {self.loaded_rows}, "
                f"quarantined {self.quarantined_rows} ({by_reason} by reason). Nothing was "
                "committed; please report this."
            )
        return self


DELIVERY_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "delivery": pl.String(),
        "organisation": pl.String(),
        "cohort": pl.String(),
        "table_name": pl.String(),
        "kind": pl.String(),
        "is_complete": pl.Boolean(),
        "transaction_time": pl.Datetime("us", "UTC"),
    }
)
"""Columns of ``journal/delivery``: one row per delivery and table it has brought."""


class LedgerEntry(BaseModel):
    """A delivery that has been taken in.

    ``delivering_organisation`` is as the manifest has it, ``organisation`` whom that stands for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    delivery: str
    delivering_organisation: str
    organisation: str
    period_start: str
    period_end: str
    transaction_time: str
    kind: str
    cohort: str | None = None
    content_sha256: str
    state: Literal["committed"] = "committed"
    files: tuple[LedgerFile, ...]
    tables: Mapping[str, int]
    unlisted_files: int = 0

    @property
    def id(self) -> str:
        """Name of the delivery's files."""
        return f"{self.source}__{self.delivery}"

    @property
    def known_at(self) -> dt.datetime:
        """State of the source that it shows."""
        return dt.datetime.fromisoformat(self.transaction_time)

    def delivery_rows(self) -> pl.DataFrame:
        """What it says about the tables it has brought; columns of ``DELIVERY_SCHEMA``.

        A delivery of a table is complete when none of its files was refused and none of their
        lines is in quarantine (but for what came twice): only then does what is absent from a full
        one count as gone.
        """
        lacking = {table for file in self.files if file.lacks_rows for table in self._fills(file)}
        rows = [
            (
                self.source,
                self.delivery,
                self.organisation,
                self.cohort,
                table,
                self.kind,
                table not in lacking,
                self.known_at,
            )
            for table in sorted(self.tables)
        ]
        return pl.DataFrame(rows, schema=DELIVERY_SCHEMA, orient="row")

    def _fills(self, file: LedgerFile) -> tuple[str, ...]:
        """Restricted tables that a file fills."""
        source = load_sources().get(self.source)
        delivered = source.tables.get(file.entity) if source else None
        if delivered is not None:
            return (delivered.table,)
        entity = load_entities().get(file.entity)
        return tuple(table.name for table in entity.tables) if entity else ()


class DataOrigin(NamedTuple):
    """Where loaded data come from.

    Attributes:
        data_from: First day the deliveries are about.
        data_to: Last day.
        transaction_time: Latest transaction time, ISO 8601 in UTC.
        synthetic: Some of the persons do not exist.
    """

    data_from: dt.date
    data_to: dt.date
    transaction_time: str
    synthetic: bool


def read_ledger(zones: Zones) -> dict[str, LedgerEntry]:
    """All entries by delivery id, in order of the ids."""
    entries = (
        LedgerEntry.model_validate_json(path.read_bytes())
        for path in sorted(zones.deliveries.glob("*.json"))
    )
    return {entry.id: entry for entry in entries}


def delivered_years(zones: Zones, as_of: dt.datetime | None = None) -> range:
    """Calendar years that the loaded deliveries are about, from the first to the last.

    Args:
        zones: The zones.
        as_of: Only what was known then counts: deliveries with this transaction time or earlier.

    Returns:
        A range of years; empty when nothing has been loaded.
    """
    days = [(entry.period_start, entry.period_end) for entry in _loaded(zones, as_of)]
    if not days:
        return range(0)
    return range(int(min(days)[0][:4]), max(int(end[:4]) for _, end in days) + 1)


def latest_transaction(zones: Zones, as_of: dt.datetime | None = None) -> str:
    """The latest transaction time of the loaded deliveries (ISO 8601, UTC).

    Args:
        zones: The zones.
        as_of: Only what was known then counts.

    Raises:
        IngestError: Nothing has been loaded.
    """
    return origin_of(zones, as_of).transaction_time


def origin_of(zones: Zones, as_of: dt.datetime | None = None) -> DataOrigin:
    """Where all that has been loaded comes from.

    Args:
        zones: The zones.
        as_of: Only what was known then counts.

    Raises:
        IngestError: Nothing has been loaded.
    """
    entries = _loaded(zones, as_of)
    if not entries:
        raise IngestError(
            f"Nothing has been taken in: {zones.deliveries} has no entry with loaded rows. Put a "
            f"delivery into {zones.inbox} and ingest it."
        )
    sources = load_sources()
    times = [entry.known_at for entry in entries]
    return DataOrigin(
        min(dt.date.fromisoformat(entry.period_start) for entry in entries),
        max(dt.date.fromisoformat(entry.period_end) for entry in entries),
        max(times).astimezone(dt.UTC).isoformat(),
        # One made-up source among real ones must mark the whole.
        any(entry.source not in sources or sources[entry.source].synthetic for entry in entries),
    )


def _loaded(zones: Zones, as_of: dt.datetime | None) -> list[LedgerEntry]:
    return [
        entry
        for entry in read_ledger(zones).values()
        if sum(entry.tables.values()) and (as_of is None or entry.known_at <= as_of)
    ]


def ensure_delivery_schema(zones: Zones) -> None:
    """Write a file without rows for the table of deliveries, so that its glob always matches."""
    path = part_path(zones, DELIVERY_TABLE, NO_ROWS)
    if path.exists() and pl.read_parquet_schema(path) == DELIVERY_SCHEMA:
        return
    # Of a zone written before a column was added, everything follows from the entries.
    for entry in read_ledger(zones).values():
        _write_delivery_rows(zones, entry)
    with atomic_write(path) as temporary:
        pl.DataFrame(schema=DELIVERY_SCHEMA).write_parquet(temporary)


def commit(zones: Zones, entry: LedgerEntry) -> None:
    """Write an entry; from here on the delivery counts as taken in."""
    _write_delivery_rows(zones, entry)
    with atomic_write(zones.deliveries / f"{entry.id}.json") as temporary:
        content = json.dumps(entry.model_dump(mode="json"), indent=1, ensure_ascii=False)
        temporary.write_text(content + "\n", encoding="utf-8")


def _write_delivery_rows(zones: Zones, entry: LedgerEntry) -> None:
    with atomic_write(zones.journal / DELIVERY_TABLE / f"{entry.id}.parquet") as temporary:
        entry.delivery_rows().write_parquet(temporary)


def update_tables(zones: Zones, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Correct the row counts of entries whose files a redaction has made shorter."""
    entries = read_ledger(zones)
    for delivery_id, tables in counts.items():
        entry = entries[delivery_id]
        changed = entry.model_copy(update={"tables": {**entry.tables, **tables}})
        if changed != entry:
            commit(zones, changed)


def sweep(zones: Zones, work: Path) -> int:
    """Clear away what killed runs have left: working copies, half-written and unentered files.

    Args:
        zones: The zones.
        work: The working folder.

    Returns:
        Number of files and folders removed.
    """
    removed = 0
    if work.exists():
        shutil.rmtree(work)
        removed += 1
    entered = {path.stem for path in zones.deliveries.glob("*.json")} | {NO_ROWS}
    counted = (zones.steward / "quarantine", zones.steward / "new_fields")
    for folder in (zones.journal, *counted):
        for path in folder.rglob("*.parquet"):
            if delivery_of(path) not in entered:
                path.unlink()
                removed += 1
    for folder in (zones.journal, zones.deliveries, *counted):
        for path in folder.rglob(".*.tmp"):
            path.unlink()
            removed += 1
    return removed
