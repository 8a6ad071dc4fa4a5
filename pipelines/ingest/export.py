"""Quarantined lines written out for the source to mend.

Belongs here: the files that go back, with each line's number, reason and text. Does not belong
here: keeping the lines (``quarantine``), sending anything: the source fetches the files by the way
its deliveries come.

The files hold what was delivered, so they lie in the identified zone, readable by the owner alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from anonymization.keys import Key
from pipelines.catalogue.model import LANGUAGES
from pipelines.catalogue.reasons import load_reasons
from pipelines.ingest import quarantine
from pipelines.ingest.errors import QuarantineError
from pipelines.ingest.ledger import LedgerEntry, read_ledger
from pipelines.ingest.quarantine import QuarantinedLine
from pipelines.ingest.raw_lines import as_parquet
from pipelines.settings import Zones, atomic_write


def export_lines(
    zones: Zones, key: Key | None, delivery_ids: Sequence[str] = ()
) -> list[tuple[Path, int]]:
    """Write the quarantined lines of deliveries to ``identified/outbox/<source>/<delivery>/``.

    Args:
        zones: The zones.
        key: Opens what is sealed.
        delivery_ids: Deliveries (``source__delivery``); all when none are named.

    Returns:
        The files written, each with its number of lines. A line of a file holds ``line`` (number
        in the delivered file), ``reason``, ``column``, ``texts`` (of the reason, per language) and
        ``delivered`` (the line, or the row's values by column).

    Raises:
        QuarantineError: Lines cannot be opened with the key, or a delivery is not known.
    """
    written = []
    entries = read_ledger(zones)
    if unknown := sorted(set(delivery_ids) - set(entries)):
        raise QuarantineError(
            f"No delivery {unknown[0]} has been taken in; expected source__delivery, as "
            "`folkepuls quarantine list` names them."
        )
    for delivery_id, entry in entries.items():
        if delivery_ids and delivery_id not in delivery_ids:
            continue
        for name, path in quarantine.stored_files(zones, delivery_id).items():
            lines = list(quarantine.open_lines(path, key))
            target = exported(zones, entry, name)
            with atomic_write(target) as temporary:
                temporary.write_text("".join(_line(each) + "\n" for each in lines), "utf-8")
            written.append((target, len(lines)))
    return written


def exported(zones: Zones, entry: LedgerEntry, file: str) -> Path:
    """Where the lines of a delivered file are written out; they are removed on release."""
    return zones.outbox / entry.source / entry.delivery / f"{file}.quarantine.jsonl"


def _line(line: QuarantinedLine) -> str:
    reason = load_reasons()[line.reason]
    return json.dumps(
        {
            "line": line.line,
            "reason": line.reason,
            "column": line.column,
            "texts": {language: reason.text(language) for language in LANGUAGES},
            "delivered": _delivered(line),
        },
        ensure_ascii=False,
        default=str,
    )


def _delivered(line: QuarantinedLine) -> object:
    # An Arrow stream begins with this mark, and no line of text does.
    if line.raw.startswith(b"\xff\xff\xff\xff"):
        return as_parquet([line]).to_pylist()[0]
    return line.raw.decode("utf-8", errors="backslashreplace")
