"""Every line of a delivered file is counted once, and is told of by its own number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.clients.delivered_files import Delivery
from pipelines.ingest import Limits, Options, parse
from pipelines.ingest.errors import AccountingError
from pipelines.ingest.ledger import LedgerFile
from pipelines.ingest.quarantine import open_lines
from pipelines.settings import Zones
from tests.support.deliveries import (
    condition,
    encounter,
    entry,
    line,
    pseudonym,
    rows,
    take,
    write_delivery,
)


def write_raw(delivery: Delivery, name: str, data: bytes, count: int) -> None:
    """Write one file of a delivery as it is, with a manifest that is true of it."""
    folder = Path(delivery.url)
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    kept = [file for file in manifest["files"] if file["name"] != name]
    manifest["files"] = [*kept, entry(name, data, count)]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_an_empty_file_and_one_without_a_last_line_end(zones: Zones) -> None:
    delivery = write_delivery(
        zones.inbox, "d1", {"Encounter-1.ndjson": [], "Condition-1.ndjson": [condition(1)]}
    )
    folder = Path(delivery.url)
    text = (folder / "Condition-1.ndjson").read_bytes() + b"\n  \n\n\n\r\n" + line(condition(2))
    write_raw(delivery, "Condition-1.ndjson", text, 2)
    result = take(zones, delivery)
    assert [f.loaded_rows for f in result.files] == [0, 2], result
    assert result.tables == {"condition": 2, "encounter": 0}


def test_line_numbers_count_blank_lines(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {"Condition-1.ndjson": []})
    good = [line(condition(n)) for n in range(4)]
    text = good[0] + b"\n\n\n" + b"{oops\n" + b"\n" + b"\n".join(good[1:]) + b"\n"
    write_raw(delivery, "Condition-1.ndjson", text, 5)
    (file,) = take(zones, delivery).files
    assert dict(file.quarantined) == {"broken_json": 1}
    (kept,) = open_lines(zones.quarantine / delivery.id / "Condition-1.ndjson.jsonl")
    assert kept.line == 4


def test_a_file_that_does_not_add_up_is_a_fault(zones: Zones) -> None:
    with pytest.raises(AccountingError, match="delivered 3 lines, loaded 1, quarantined 1"):
        LedgerFile(
            name="x",
            entity="Encounter",
            sha256="0" * 64,
            bytes=1,
            delivered_rows=3,
            loaded_rows=1,
            quarantined_rows=1,
            quarantined_by_reason={"broken_json": 1},
            state="loaded",
        )


def test_pieces_of_a_large_file_keep_their_line_numbers(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "_PIECE_LINES", 7)
    monkeypatch.setattr(parse, "_SINGLED_OUT", 1)
    lines: list[Any] = [encounter(n) for n in range(60)]
    for at in (3, 4, 5, 31, 59):
        lines[at] = b"{"
    delivery = write_delivery(zones.inbox, "d1", {"Encounter-1.ndjson.gz": lines})
    (file,) = take(zones, delivery, options=Options(limits=Limits(sample_lines=0))).files
    assert (file.loaded_rows, dict(file.quarantined)) == (55, {"broken_json": 5})
    kept = open_lines(zones.quarantine / delivery.id / "Encounter-1.ndjson.gz.jsonl")
    assert [each.line for each in kept] == [4, 5, 6, 32, 60]
    expected = {pseudonym("encounter", f"enk-{n}") for n in range(60)} - {
        pseudonym("encounter", f"enk-{n}") for n in (3, 4, 5, 31, 59)
    }
    assert set(rows(zones, "encounter")["encounter_key"]) == expected
