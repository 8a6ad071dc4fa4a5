"""Files that would exhaust the machine: bombs, giants of every kind (B04, B08).

Belongs here: shapes that are judged within a time and a memory. Does not belong here: damaged bytes
(``test_delivered_damage``).
"""

from __future__ import annotations

import gzip
import resource
from collections.abc import Callable
from time import process_time

import pyarrow as pa
import pytest

from pipelines.ingest import Options
from pipelines.ingest.limits import Limits
from pipelines.settings import Zones
from tests.support.delivered_tables import (
    arrival,
    arrow_table,
    csv_bytes,
    encounter_row,
    parquet_bytes,
)
from tests.support.deliveries import content, line, observation, rows
from tests.support.empty_zones import empty_zones

ROWS = [encounter_row(n, n % 7) for n in range(60)]
CSV = csv_bytes("EncounterFact", ROWS)


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Zones:
    """One for all: each case is a delivery of its own name."""
    return empty_zones(tmp_path_factory.mktemp("giants") / "home")


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def wide(count: int) -> pa.Table:
    table = arrow_table("EncounterFact", ROWS[:3])
    more = {f"Extra{n}": pa.array(["x"] * 3) for n in range(count)}
    return pa.table({**dict(zip(table.column_names, table.columns, strict=True)), **more})


def constant_rows(count: int) -> bytes:
    """Rows of one value each: a few kilobytes, however many."""
    table = arrow_table("EncounterFact", ROWS[:1])
    alike = pa.table(
        {
            n: pa.repeat(table.column(n)[0].as_py(), count).cast(table.schema.field(n).type)
            if table.column(n)[0].as_py() is not None
            else pa.nulls(count, table.schema.field(n).type)
            for n in table.column_names
        }
    )
    return parquet_bytes(alike, row_group_size=count)


def long_text() -> bytes:
    table = arrow_table("EncounterFact", [encounter_row(n, NoteText="") for n in range(3)])
    at = table.column_names.index("NoteText")
    return parquet_bytes(table.set_column(at, "NoteText", pa.array(["x" * 90_000_000] * 3)))


def zeros() -> bytes:
    return gzip.compress(CSV + bytes(200 * 1024 * 1024), 9, mtime=0)


GIANTS: dict[str, tuple[str, Callable[[], bytes], int, set[str | None]]] = {
    "gzip bomb": ("EncounterFact-1.csv.gz", zeros, 60, {"decompression_bomb"}),
    "parquet bomb": ("EncounterFact-1.parquet", long_text, 3, {"decompression_bomb"}),
    "8 million rows of one value": (
        "EncounterFact-1.parquet",
        lambda: constant_rows(8_000_000),
        8_000_000,
        {"decompression_bomb"},
    ),
    "10 000 columns of CSV": (
        "EncounterFact-1.csv",
        lambda: b"".join(
            each + b";" + b";".join(b"E%d" % n for n in range(10_000)) + b"\r\n"
            for each in CSV.split(b"\r\n")[:4]
        ),
        3,
        {None, "wrong_header"},
    ),
    "10 000 columns of Parquet": (
        "EncounterFact-1.parquet",
        lambda: parquet_bytes(wide(10_000)),
        3,
        {None},
    ),
    "one name of 3 MB": (
        "EncounterFact-1.csv",
        lambda: b"N" * 3_000_000 + b";" + CSV,
        60,
        {"wrong_header"},
    ),
    "a header that does not end": (
        "EncounterFact-1.csv",
        lambda: b"N;" * 3_000_000,
        0,
        {"wrong_header"},
    ),
    "a header of a million names": (
        "EncounterFact-1.csv",
        lambda: b"N;" * 1_000_000 + CSV,
        60,
        {"wrong_header"},
    ),
    "a header with a quote that does not end": (
        "EncounterFact-1.csv",
        lambda: b'"' + CSV,
        60,
        {"wrong_header"},
    ),
}


@pytest.mark.parametrize("kind", GIANTS)
def test_giants_are_judged_soon_and_in_little_memory(kind: str, zones: Zones) -> None:
    name, make, stated, reasons = GIANTS[kind]
    data = make()
    before = peak_mib()
    begun = process_time()
    file, _ = arrival(zones, name, data, stated, options=Options(threads=1))
    seconds = process_time() - begun
    assert file.reason in reasons, file.detail
    # B04 asks for 2 s on a core of its own, B08 for 5 s of bombs.
    assert seconds < 6
    assert peak_mib() - before < 300


def test_without_the_cap_on_unpacking_a_bomb_is_read(zones: Zones) -> None:
    """Twin: nothing in the form stops it."""
    limits = Limits(ratio=1e9, line_bytes=400_000_000)
    options = Options(threads=1, limits=limits)
    file, _ = arrival(zones, "EncounterFact-1.parquet", long_text(), 3, options=options)
    assert (file.state, file.loaded_rows, file.text_bytes > 80_000_000) == ("loaded", 3, True)


def test_what_the_journal_holds_is_only_what_was_whole(zones: Zones) -> None:
    found = rows(zones, "encounter")
    assert "Nordkanari" not in str(found.head(500).rows())


def with_value(number: str) -> bytes:
    return line(observation(7)).replace(b'"value":48', f'"value":{number}'.encode())


NESTED = b'{"a":' * 1000 + b"1" + b"}" * 1000
LINES: dict[str, tuple[bytes, str | None]] = {
    "1e400": (with_value("1e400"), "value_out_of_range"),
    "23 digits": (with_value("12345678901234567890123"), "value_out_of_range"),
    "5 000 digits": (with_value("1" * 5_000), "value_out_of_range"),
    "nested 1 000 deep, in what is dropped": (
        line(observation(7)).replace(b'"note":[', b'"note":[' + NESTED + b",", 1),
        None,
    ),
    "nested 1 000 deep, in what is read": (
        line(observation(7)).replace(b'"value":48', b'"value":' + NESTED, 1),
        "nested_too_deep",
    ),
    "nested 100 000 deep": (
        line(observation(7)).replace(b'"value":48', b'"value":' + b"[" * 100_000, 1),
        "nested_too_deep",
    ),
}


@pytest.mark.parametrize("kind", LINES)
def test_one_giant_line_among_good_ones(kind: str, zones: Zones) -> None:
    giant, reason = LINES[kind]
    data = content([*(observation(n) for n in range(20, 40)), giant])
    begun = process_time()
    file, _ = arrival(zones, "Observation-1.ndjson", data, 21, options=Options(threads=1))
    assert process_time() - begun < 6
    assert file.state == "loaded", file.detail
    assert dict(file.quarantined) == ({} if reason is None else {reason: 1})
