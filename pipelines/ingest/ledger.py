"""The ledger of deliveries: one JSON file each, written last, by which a delivery counts as taken in.

Belongs here: the entry's shape, reading and writing it, and clearing away what has no entry.
Does not belong here: the rows themselves (``restricted``), quarantined lines (``quarantine``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from pipelines.settings import Zones, atomic_write


class AccountingError(RuntimeError):
    """Delivered lines are not loaded and quarantined lines together: a fault of the program."""


class LedgerFile(BaseModel):
    """What became of one delivered file."""

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
    unexpected_fields: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> LedgerFile:
        accounted = self.loaded_rows + self.quarantined_rows
        by_reason = sum(self.quarantined_by_reason.values())
        nothing = self.state == "refused" and accounted == 0
        if by_reason != self.quarantined_rows or not (nothing or accounted == self.delivered_rows):
            raise AccountingError(
                f"{self.name}: delivered {self.delivered_rows} lines, loaded {self.loaded_rows}, "
                f"quarantined {self.quarantined_rows} ({by_reason} by reason). Nothing was "
                "committed; please report this."
            )
        return self


class LedgerEntry(BaseModel):
    """A delivery that has been taken in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    delivery: str
    delivering_organisation: str
    period_start: str
    period_end: str
    transaction_time: str
    kind: str
    content_sha256: str
    state: Literal["committed"] = "committed"
    files: tuple[LedgerFile, ...]
    tables: Mapping[str, int]
    unlisted_files: int = 0

    @property
    def id(self) -> str:
        """Name of the delivery's files."""
        return f"{self.source}__{self.delivery}"


def read_ledger(zones: Zones) -> dict[str, LedgerEntry]:
    """All entries by delivery id, in order of the ids."""
    entries = (
        LedgerEntry.model_validate_json(path.read_bytes())
        for path in sorted(zones.deliveries.glob("*.json"))
    )
    return {entry.id: entry for entry in entries}


def commit(zones: Zones, entry: LedgerEntry) -> None:
    """Write an entry; from here on the delivery counts as taken in."""
    with atomic_write(zones.deliveries / f"{entry.id}.json") as temporary:
        content = json.dumps(entry.model_dump(mode="json"), indent=1, ensure_ascii=False)
        temporary.write_text(content + "\n", encoding="utf-8")


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
    entered = {path.stem for path in zones.deliveries.glob("*.json")} | {"00_schema"}
    for folder in (zones.journal, zones.steward / "quarantine"):
        for path in folder.rglob("*.parquet"):
            if path.stem not in entered:
                path.unlink()
                removed += 1
    for folder in (zones.journal, zones.deliveries, zones.steward / "quarantine"):
        for path in folder.rglob(".*.tmp"):
            path.unlink()
            removed += 1
    return removed


