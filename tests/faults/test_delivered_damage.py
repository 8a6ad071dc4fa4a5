"""Damaged, cut, overblown and hostile files of delivered tables (B04, B08, F06, F07).

Belongs here: bytes that are not what was sent, and shapes that would exhaust the machine. Does not
belong here: odd lines in whole files (``test_delivered_lines``).
"""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.ingest import quarantine
from pipelines.ingest.ledger import read_ledger
from pipelines.ingest.raw_lines import as_parquet
from pipelines.settings import Zones
from tests.support.delivered_tables import (
    arrival,
    arrow_table,
    csv_bytes,
    encounter_row,
    parquet_bytes,
)
from tests.support.deliveries import content, encounter, pack
from tests.support.empty_zones import empty_zones

ROWS = [encounter_row(n, n % 7) for n in range(60)]
CSV = csv_bytes("EncounterFact", ROWS)
WHOLE: dict[str, bytes] = {
    "Encounter-1.ndjson.gz": pack(content(encounter(n, n % 7) for n in range(60))),
    "EncounterFact-1.csv": CSV,
    "EncounterFact-1.csv.gz": gzip.compress(CSV, 6, mtime=0),
    "EncounterFact-1.parquet": parquet_bytes(arrow_table("EncounterFact", ROWS)),
}
CUT = {"truncated_gzip", "damaged_gzip", "damaged_parquet", "wrong_row_count", "column_missing"}


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    """One for all cases of a test: each is a delivery of its own name."""
    return empty_zones(tmp_path / "home")


def newest(zones: Zones) -> str:
    """Id of the delivery that came last."""
    return max(read_ledger(zones), key=lambda name: int(name.rpartition("d")[2]))


def flipped(data: bytes, seed: random.Random) -> bytes:
    changed = bytearray(data)
    changed[seed.randrange(len(data))] ^= 1 << seed.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
def test_truncated_nothing_is_loaded(name: str, zones: Zones) -> None:
    """25 points of each form, 100 in all; half of them hashed by the sender as they are."""
    seed = random.Random(name)
    whole = WHOLE[name]
    for n, point in enumerate(seed.sample(range(len(whole) - 60), 25)):
        honest = n % 2 == 0
        file, loaded = arrival(zones, name, whole[:point], 60, true=None if honest else whole)
        assert (file.state, loaded.height) == ("refused", 0), point
        assert file.reason in (CUT if honest else {"wrong_size"}), file.reason


def silently_different(
    zones: Zones, name: str, flips: int, honest: bool
) -> tuple[int, dict[str, int]]:
    """How many of so many flipped bits gave other rows without a word; and what refused others."""
    seed = random.Random(f"{name}{honest}")
    _, truth = arrival(zones, name, WHOLE[name], 60)
    assert truth.height == 60
    different, reasons = 0, {"": 0}
    for _ in range(flips):
        data = flipped(WHOLE[name], seed)
        file, loaded = arrival(zones, name, data, 60, true=None if honest else WHOLE[name])
        reasons[file.reason or ""] = reasons.get(file.reason or "", 0) + 1
        quiet = file.state == "loaded" and not file.quarantined and not file.unexpected_fields
        different += quiet and not loaded.equals(truth)
    return different, reasons


@pytest.mark.parametrize("name", WHOLE)
def test_no_flipped_bit_passes(name: str, zones: Zones) -> None:
    assert silently_different(zones, name, 15, honest=False) == (0, {"": 0, "wrong_hash": 15})


@pytest.mark.nightly
@pytest.mark.parametrize("name", WHOLE)
def test_no_flipped_bit_of_a_thousand_passes(name: str, zones: Zones) -> None:
    different, reasons = silently_different(zones, name, 250, honest=False)
    assert (different, reasons["wrong_hash"]) == (0, 250)


@pytest.mark.parametrize("name", ["Encounter-1.ndjson.gz", "EncounterFact-1.csv.gz"])
def test_the_checksum_inside_finds_what_was_hashed_damaged(name: str, zones: Zones) -> None:
    different, reasons = silently_different(zones, name, 20, honest=True)
    assert different == 0
    assert set(reasons) <= {"", "damaged_gzip", "truncated_gzip"}


@pytest.mark.parametrize("name", ["EncounterFact-1.csv", "EncounterFact-1.parquet"])
def test_whatever_was_hashed_damaged_never_ends_the_run(name: str, zones: Zones) -> None:
    _, reasons = silently_different(zones, name, 15, honest=True)
    assert sum(reasons.values()) == 15


@pytest.mark.parametrize("name", ["EncounterFact-1.csv", "EncounterFact-1.parquet"])
def test_hashed_damaged_a_form_without_a_checksum_gives_other_rows(name: str, zones: Zones) -> None:
    """Twin: the manifest's hash is what protects; a sender that hashes damage signs for it."""
    plain = parquet_bytes(arrow_table("EncounterFact", ROWS), compression="none")
    whole = CSV if name.endswith(".csv") else plain
    _, truth = arrival(zones, name, whole, 60)
    damaged = whole.replace(b"STO", b"SUO")
    assert arrival(zones, name, damaged, 60, true=whole)[0].reason == "wrong_hash"
    file, loaded = arrival(zones, name, damaged, 60)
    assert (file.state, file.quarantined_rows, loaded.equals(truth)) == ("loaded", 0, False)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("stated", [59, 61])
def test_a_wrong_row_count(name: str, stated: int, zones: Zones) -> None:
    file, loaded = arrival(zones, name, WHOLE[name], stated)
    assert (file.reason, loaded.height) == ("wrong_row_count", 0)


def test_a_column_that_nobody_reads_may_be_damaged_without_ending_the_run(zones: Zones) -> None:
    """A bad row's raw values are kept, all of them; here some cannot be read."""
    given = [encounter_row(n, NoteText=f"Nordkanari {n}" * 40) for n in range(60)]
    given[7]["Status"] = "ferdig"
    data = bytearray(parquet_bytes(arrow_table("EncounterFact", given), use_dictionary=False))
    with pq.ParquetFile(io.BytesIO(bytes(data))) as file:
        place = file.schema_arrow.get_field_index("NoteText")
        column = file.metadata.row_group(0).column(place)
    first = column.data_page_offset
    for at in range(first, first + column.total_compressed_size):
        data[at] ^= 0xFF
    result, loaded = arrival(zones, "EncounterFact-1.parquet", bytes(data), 60)
    assert (dict(result.quarantined), loaded.height) == ({"code_not_allowed": 1}, 59)
    (kept,) = quarantine.open_lines(
        next(iter(quarantine.stored_files(zones, newest(zones)).values()))
    )
    assert as_parquet([kept]).to_pylist()[0]["EncounterEpicId"] == "enk-7"
    assert "NoteText" not in as_parquet([kept]).column_names
