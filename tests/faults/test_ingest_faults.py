"""Damaged, wrong and hostile deliveries: refused or quarantined, told clearly, leaking nothing.

Each protection has a twin that shows the test is not blind: what happens without it.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import structlog

from anonymization.keys import Key
from pipelines.catalogue.reasons import load_reasons
from pipelines.ingest import Limits, Options, ingest_delivery, quarantine_counts
from pipelines.ingest.ledger import read_ledger
from pipelines.ingest.quarantine import QuarantineError, open_lines
from pipelines.settings import Zones
from tests.support.deliveries import (
    KEY,
    OTHER_KEY,
    address,
    condition,
    encounter,
    entry,
    episode,
    line,
    national_number,
    pack,
    patient,
    rows,
    take,
    tree,
    write_delivery,
)

FILE = "Encounter-1.ndjson.gz"


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones(tmp_path / "home").create()


def spoiled(**changes: Any) -> bytes:
    return line(encounter(9_999, **changes))


def without(field: str) -> bytes:
    resource = encounter(9_999)
    del resource[field]
    return line(resource)


BAD_LINES: dict[str, tuple[bytes, str, str]] = {
    "broken": (line(encounter(1))[:-7], "broken_json", ""),
    "text after": (line(encounter(1)) + b" x", "broken_json", ""),
    "nul": (spoiled().replace(b"STO", b"S\0O"), "nul_byte", ""),
    "latin1": (spoiled().replace(b"fall hjemme", b"fall p\xe5 badet"), "not_utf8", ""),
    "duplicate key": (b'{"status":"finished",' + spoiled()[1:], "duplicate_key", "status"),
    "duplicate key inside": (
        spoiled().replace(b'"class":{"code"', b'"class":{"code":"AMB","code"'),
        "duplicate_key",
        "class.code",
    ),
    "20 MB field": (spoiled(text={"div": "x" * 20_000_000}), "line_too_long", ""),
    "not an object": (b"[1]", "wrong_kind", ""),
    "text for an object": (spoiled(period="2024"), "wrong_kind", "period"),
    "object for a list": (
        spoiled(serviceType={"coding": {"code": "somatic"}}),
        "wrong_kind",
        "serviceType.coding",
    ),
    "text inside a list": (spoiled(extension=["x"]), "wrong_kind", "extension"),
    "two values": (spoiled(extension=encounter(1)["extension"] * 2), "not_one_value", ""),
    "another resource": (spoiled(resourceType="Patient"), "wrong_resource_type", ""),
    "null": (b"null", "wrong_resource_type", ""),
    "no subject": (without("subject"), "missing_required", "patient_key"),
    "no id": (without("id"), "missing_required", "encounter_key"),
    "unknown code": (spoiled(status="finito"), "code_not_allowed", "status"),
    "free text as code": (
        spoiled(serviceProvider={"identifier": {"value": "Kari Nordkanari"}}),
        "code_not_allowed",
        "hospital_code",
    ),
    "unknown system": (
        spoiled(
            extension=[
                {
                    "url": "https://folkepuls.no/fhir/municipality-of-stay",
                    "valueCoding": {"system": "http://x", "code": "5001"},
                }
            ]
        ),
        "unknown_code_system",
        "municipality_of_stay",
    ),
    "no such day": (
        spoiled(period={"start": "2023-02-29", "end": "2023-03-01"}),
        "invalid_date",
        "started_on",
    ),
    "no time zone": (
        spoiled(period={"start": "2023-02-27T10:00:00", "end": "2023-03-01"}),
        "invalid_date",
        "started_on",
    ),
    "not a date": (spoiled(period={"start": "i fjor"}), "invalid_date", "started_on"),
    "hostile id": (spoiled(id="x' or 1=1"), "invalid_identifier", "encounter_key"),
}


def with_bad(bad: bytes, good: int = 10_000) -> list[Any]:
    lines: list[Any] = [encounter(n, n % 100) for n in range(good)]
    lines.insert(4_321 % (good + 1), bad)
    return lines


@pytest.mark.parametrize("kind", BAD_LINES)
def test_one_bad_line_is_quarantined_and_the_rest_loaded(
    kind: str, zones: Zones, capfd: pytest.CaptureFixture[str]
) -> None:
    bad, reason, column = BAD_LINES[kind]
    delivery = write_delivery(zones.inbox, "d1", {FILE: with_bad(bad, 200)})
    with structlog.testing.capture_logs() as logs:
        result = take(zones, delivery, options=Options(quarantine_key=KEY))
    (file,) = result.files
    assert (result.state, file.state) == ("committed", "loaded"), file.detail
    assert (file.loaded_rows, dict(file.quarantined)) == (200, {reason: 1})
    assert rows(zones, "encounter").height == 200
    sealed = zones.quarantine / delivery.id / f"{FILE}.jsonl.sealed"
    (kept,) = open_lines(sealed, KEY)
    assert (kept.line, kept.reason, kept.column) == (4_321 % 201 + 1, reason, column)
    assert b"Nordkanari" not in sealed.read_bytes()
    counts = quarantine_counts(zones)
    assert counts.row(0) == ("synthetic", "d1", "Encounter", FILE, reason, 1)
    assert reason in load_reasons()
    told = str(logs) + str(result) + "".join(capfd.readouterr())
    for secret in ("Nordkanari", "finito", "1=1", "enk-9999", "badet"):
        assert secret not in told


@pytest.mark.nightly  # the same, one kind at a time, is in every run
def test_one_bad_line_of_each_kind_in_ten_thousand_each(zones: Zones) -> None:
    kinds = ["broken", "nul", "latin1", "duplicate key", "20 MB field"]
    lines: list[Any] = [encounter(n, n % 100) for n in range(50_000)]
    for n, kind in enumerate(kinds):
        lines.insert(n * 10_000 + 77, BAD_LINES[kind][0])
    result = take(zones, write_delivery(zones.inbox, "d1", {FILE: lines}))
    (file,) = result.files
    assert (file.delivered_rows, file.loaded_rows, file.quarantined_rows) == (50_005, 50_000, 5)
    assert set(file.quarantined) == {BAD_LINES[kind][1] for kind in kinds}


def test_the_parser_alone_would_have_lost_such_a_line(tmp_path: Path) -> None:
    """Twin: told to ignore errors, the parser makes a row of nulls of it, and counts it."""
    path = tmp_path / "x.ndjson"
    path.write_bytes(line(encounter(1)) + b"\n" + BAD_LINES["broken"][0] + b"\n")
    with duckdb.connect() as con:
        found = con.sql(
            "SELECT id FROM read_json(?, format='newline_delimited', ignore_errors=true, "
            "columns={id: 'VARCHAR'})",
            params=[str(path)],
        ).fetchall()
    assert (None,) in found


@pytest.mark.parametrize(
    ("good", "bad", "state"), [(11_000, 11, "loaded"), (11_000, 12, "refused")]
)
def test_past_one_in_a_thousand_the_file_is_refused(
    good: int, bad: int, state: str, zones: Zones
) -> None:
    lines: list[Any] = [encounter(n) for n in range(good - bad)]
    lines += [line(encounter(good + n, status="finito")) for n in range(bad)]
    other = [condition(n) for n in range(3)]
    delivery = write_delivery(zones.inbox, "d1", {FILE: lines, "Condition-1.ndjson": other})
    result = take(zones, delivery)
    first, second = result.files
    assert (first.state, second.state, second.loaded_rows) == (state, "loaded", 3)
    assert rows(zones, "encounter").height == (good - bad if state == "loaded" else 0)
    if state == "refused":
        assert first.reason == "too_many_bad_lines"
        assert "code_not_allowed in status: 12" in (first.detail or "")
        assert quarantine_counts(zones)["rows"].to_list() == [good]


@pytest.mark.parametrize(
    ("total", "bad", "state"),
    [
        (30, 10, "loaded"),
        (30, 11, "refused"),
        (3, 1, "loaded"),
        (3, 2, "refused"),
        (1, 1, "refused"),
    ],
)
def test_small_files_may_have_ten_but_never_more_than_half(
    total: int, bad: int, state: str, zones: Zones
) -> None:
    lines: list[Any] = [encounter(n) for n in range(total - bad)] + [b"{"] * bad
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: lines})).files
    assert file.state == state


def test_a_file_of_rubbish_is_refused_soon(zones: Zones) -> None:
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: [b"{"] * 30_000})).files
    assert (file.state, file.reason) == ("refused", "too_many_bad_lines")
    assert "broken_json: 31" in (file.detail or "")


def damage(delivery: Any, change: Callable[[bytes], bytes], honest: bool = False) -> None:
    """Change the file's bytes; ``honest`` lets the manifest state the changed bytes."""
    folder = Path(delivery.url)
    path = folder / FILE
    data = change(path.read_bytes())
    path.write_bytes(data)
    if honest:
        manifest = json.loads((folder / "manifest.json").read_text())
        for position, file in enumerate(manifest["files"]):
            if file["name"] == FILE:
                manifest["files"][position] = entry(FILE, data, file["rows"])
        (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("honest", [False, True])
def test_truncated_at_fifty_points_nothing_is_loaded(honest: bool, zones: Zones) -> None:
    lines = [encounter(n) for n in range(60)]
    whole = pack(b"".join(line(x) + b"\n" for x in lines))
    seed = random.Random(6)
    for n, point in enumerate(seed.sample(range(len(whole)), 50)):
        delivery = write_delivery(zones.inbox, f"d{n}", {FILE: lines})
        damage(delivery, lambda data, point=point: data[:point], honest)  # type: ignore[misc]
        (file,) = take(zones, delivery).files
        assert file.state == "refused", point
        expected = {"truncated_gzip", "damaged_gzip"} if honest else {"wrong_size"}
        assert file.reason in expected
    assert rows(zones, "encounter").height == 0


def test_no_flipped_bit_passes(zones: Zones) -> None:
    lines = [encounter(n) for n in range(40)]
    delivery = write_delivery(zones.inbox, "d1", {FILE: lines})
    original = (Path(delivery.url) / FILE).read_bytes()
    seed = random.Random(7)
    for _ in range(60):
        at, bit = seed.randrange(len(original)), seed.randrange(8)
        flipped = bytearray(original)
        flipped[at] ^= 1 << bit
        damage(delivery, lambda _, flipped=flipped: bytes(flipped))  # type: ignore[misc]
        (file,) = take(zones, delivery).files
        assert (file.state, file.reason) == ("refused", "wrong_hash")
    damage(delivery, lambda _: original)
    # The same manifest, and now the bytes it speaks of.
    assert take(zones, delivery).files[0].state == "loaded"
    assert take(zones, delivery).state == "seen_before"


def test_a_flipped_bit_that_the_sender_hashed_never_loads_other_rows(zones: Zones) -> None:
    """The hash cannot help when the file was damaged before it was hashed; the checksum can."""
    lines = [encounter(n) for n in range(40)]
    truth = None
    seed = random.Random(8)
    for n in range(40):
        delivery = write_delivery(zones.inbox, f"d{n}", {FILE: lines})
        original = (Path(delivery.url) / FILE).read_bytes()
        flipped = bytearray(original)
        if n:
            flipped[seed.randrange(len(original))] ^= 1 << seed.randrange(8)
        changed = bytes(flipped)
        damage(delivery, lambda _, changed=changed: changed, honest=True)  # type: ignore[misc]
        (file,) = take(zones, delivery).files
        if file.state == "loaded":
            path = zones.journal / "encounter" / f"{delivery.id}.parquet"
            loaded = pl.read_parquet(path).drop("delivery")
            truth = loaded if truth is None else truth
            assert loaded.equals(truth)
        else:
            assert file.reason in ("damaged_gzip", "truncated_gzip")


def test_the_parser_reads_a_file_with_a_wrong_checksum_as_good(tmp_path: Path) -> None:
    """Twin: without verification a zeroed checksum is not noticed."""
    path = tmp_path / FILE
    data = bytearray(pack(line(encounter(1)) + b"\n"))
    data[-8:-4] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(bytes(data))
    with duckdb.connect() as con:
        read = con.sql(
            "SELECT count(*) FROM read_json(?, format='newline_delimited', "
            "columns={id: 'VARCHAR'})",
            params=[str(path)],
        ).fetchall()
    assert read == [(1,)]


def test_bytes_after_the_end_and_several_members(zones: Zones) -> None:
    lines = [encounter(n) for n in range(4)]
    halves = [pack(b"".join(line(x) + b"\n" for x in part)) for part in (lines[:2], lines[2:])]
    delivery = write_delivery(zones.inbox, "d1", {FILE: lines})
    damage(delivery, lambda _: halves[0] + halves[1], honest=True)
    assert take(zones, delivery).files[0].loaded_rows == 4
    delivery = write_delivery(zones.inbox, "d2", {FILE: lines})
    damage(delivery, lambda data: data + b"bytes that are no member", honest=True)
    assert take(zones, delivery).files[0].reason == "damaged_gzip"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.update(rows=99), "wrong_row_count"),
        (lambda f: f.update(rows=2), "wrong_row_count"),
        (lambda f: f.update(bytes=f["bytes"] + 1), "wrong_size"),
        (lambda f: f.update(bytes=f["bytes"] - 1), "wrong_size"),
        (lambda f: f.update(sha256="0" * 64), "wrong_hash"),
        (lambda f: f.update(name="Encounter-9.ndjson.gz"), "file_missing"),
        (
            lambda f: f.update(entity="Device", name="Device-1.ndjson.gz"),
            "unknown_entity",
        ),
        (lambda f: f.update(entity="Task", name="Task-1.ndjson.gz"), "unexpected_entity"),
    ],
)
def test_one_wrong_file_is_refused_and_the_others_loaded(
    change: Callable[[dict[str, Any]], None], reason: str, zones: Zones
) -> None:
    delivery = write_delivery(
        zones.inbox,
        "d1",
        {FILE: [encounter(n) for n in range(3)], "Condition-1.ndjson": [condition(1)]},
        change=lambda manifest: change(manifest["files"][0]),
    )
    first, second = take(zones, delivery).files
    assert (first.state, first.reason, first.loaded_rows) == ("refused", reason, 0)
    assert (second.state, second.loaded_rows) == ("loaded", 1)
    assert first.detail
    (known,) = read_ledger(zones).values()
    assert known.files[0].refused_reason == reason
    assert known.tables == {"condition": 1}


@pytest.mark.parametrize(
    ("change", "reason", "named"),
    [
        (lambda m: m.update(kind="partial"), "manifest_invalid", "kind"),
        (lambda m: m.update(delivering_organisation="apotek"), "unknown_organisation", "apotek"),
        (lambda m: m.update(cohort="nord"), "unknown_cohort", "nord"),
        (
            lambda m: m.update(transaction_time="2062-01-01T00:00:00+00:00"),
            "transaction_time_ahead",
            "2062",
        ),
    ],
)
def test_a_delivery_that_may_not_come_in(
    change: Callable[[dict[str, Any]], None], reason: str, named: str, zones: Zones
) -> None:
    result = take(zones, write_delivery(zones.inbox, "d1", {FILE: [encounter(1)]}, change=change))
    assert (result.state, result.reason) == ("refused", reason)
    assert named in (result.detail or "")
    assert not read_ledger(zones)


def test_missing_manifest_unknown_source_and_unfilled_governance(zones: Zones) -> None:
    files = {FILE: [encounter(1)]}
    missing = take(zones, write_delivery(zones.inbox, "d1", files, manifest=False))
    unknown = take(zones, write_delivery(zones.inbox, "d1", files, source="elsewhere"))
    unfilled = take(zones, write_delivery(zones.inbox, "d1", files, source="helseplattformen"))
    assert [r.reason for r in (missing, unknown, unfilled)] == [
        "manifest_missing",
        "unknown_source",
        "governance_missing",
    ]
    assert "legal_basis" in (unfilled.detail or "")
    assert {missing.reason, unknown.reason, unfilled.reason} <= set(load_reasons())


@pytest.mark.parametrize(
    ("change", "reason", "named"),
    [
        (lambda r: r.update(newField=1), None, "newField"),
        (lambda r: r["period"].update(zone="x"), None, "period.zone"),
        (lambda r: r["extension"].append({"url": "http://new/ext"}), None, "http://new/ext"),
        (lambda r: r.update({"Kari Nordkanari": 1}), None, "other"),
        (lambda r: r.update(subjekt=r.pop("subject")), "field_renamed", "subject"),
        (lambda r: r["period"].update(ende=r["period"].pop("end")), "field_renamed", "period.end"),
        (lambda r: r.pop("serviceProvider"), "too_many_bad_lines", "hospital_code"),
        (lambda r: r.update(extension=[]), "column_emptied", "encounter.municipality_of_stay"),
        (lambda r: r.update(status=7), "type_changed", "status"),
        (lambda r: r["class"].update(code=True), "type_changed", "class.code"),
        (lambda r: r.update(subject=r["subject"]["reference"]), "too_many_bad_lines", "subject"),
        (lambda r: r.update(status="avsluttet"), "too_many_bad_lines", "status"),
        (lambda r: r.update(priority=[r["priority"]]), "too_many_bad_lines", "priority"),
    ],
)
def test_drift_is_told_or_refused_by_the_name_of_the_column(
    change: Callable[[dict[str, Any]], None], reason: str | None, named: str, zones: Zones
) -> None:
    resources = [encounter(n) for n in range(300)]
    for resource in resources:
        change(resource)
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: resources})).files
    assert file.reason == reason
    if reason is None:
        assert (file.state, file.loaded_rows) == ("loaded", 300)
        assert any(named in field for field in file.unexpected_fields)
        assert "Nordkanari" not in str(file)
        told = pl.read_parquet(zones.steward / "new_fields" / "synthetic__d1.parquet")
        assert any(named in field for field in told["field"])
        assert "newField" not in rows(zones, "encounter").columns
    else:
        assert named in (file.detail or "")
        assert rows(zones, "encounter").height == 0


def test_a_changed_unit_is_out_of_range(zones: Zones) -> None:
    minutes = [episode(n) for n in range(40)]
    for resource in minutes:
        resource["extension"][1]["valueRatio"]["numerator"]["value"] = 450.5
    delivery = write_delivery(
        zones.inbox, "d1", {"EpisodeOfCare-1.ndjson": minutes}, organisation="kommuner"
    )
    (file,) = take(zones, delivery).files
    assert file.reason == "too_many_bad_lines"
    assert "value_out_of_range in weekly_hours" in (file.detail or "")


@pytest.mark.parametrize(
    "encode",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"),
    ],
)
def test_a_byte_order_mark_is_refused(encode: Callable[[bytes], bytes], zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: [encounter(n) for n in range(3)]})
    damage(delivery, lambda data: pack(encode(gzip.decompress(data))), honest=True)
    (file,) = take(zones, delivery).files
    assert file.state == "refused"
    assert file.reason in ("wrong_encoding", "wrong_row_count")


@pytest.mark.parametrize("codec", ["latin-1", "cp865"])
def test_other_encodings_are_quarantined_never_guessed(codec: str, zones: Zones) -> None:
    bad = [line(encounter(n)).replace(b"fall", "på".encode(codec)) for n in range(20)]
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: bad})).files
    assert file.reason == "too_many_bad_lines"
    assert "not_utf8" in (file.detail or "")


def bomb(mebibytes: int) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as stream:
        for _ in range(mebibytes):
            stream.write(bytes(1024 * 1024))
    return buffer.getvalue()


def test_a_bomb_is_stopped_by_its_ratio_and_by_size(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: [encounter(1)]})
    damage(delivery, lambda _: bomb(300), honest=True)
    assert take(zones, delivery).files[0].reason == "decompression_bomb"
    delivery = write_delivery(zones.inbox, "d2", {FILE: [encounter(n) for n in range(100)]})
    small = Options(limits=Limits(file_bytes=10_000))
    assert take(zones, delivery, options=small).files[0].reason == "decompression_bomb"


def test_a_bomb_would_have_unpacked_to_all_of_it() -> None:
    """Twin: nothing in the format itself stops it."""
    assert len(zlib.decompress(bomb(50), wbits=31)) == 50 * 1024 * 1024


def test_the_same_bytes_twice_change_nothing(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: [encounter(n) for n in range(5)]})
    assert take(zones, delivery).state == "committed"
    before = tree(zones.home)
    assert take(zones, delivery).state == "seen_before"
    assert tree(zones.home) == before


def test_a_resource_again_in_the_delivery_counts_once(zones: Zones) -> None:
    files = {FILE: [encounter(1), encounter(2), encounter(1)], "Encounter-2.ndjson": [encounter(2)]}
    first, second = take(zones, write_delivery(zones.inbox, "d1", files)).files
    assert (first.loaded_rows, dict(first.quarantined)) == (2, {"repeated_resource": 1})
    assert (second.loaded_rows, dict(second.quarantined)) == (0, {"repeated_resource": 1})
    assert rows(zones, "encounter").height == 2


def test_loaded_files_may_not_change_but_refused_ones_may_be_mended(zones: Zones) -> None:
    files = {FILE: [encounter(1)], "Condition-1.ndjson": [condition(1)]}
    delivery = write_delivery(
        zones.inbox, "d1", files, change=lambda m: m["files"][0].update(sha256="0" * 64)
    )
    assert [f.state for f in take(zones, delivery).files] == ["refused", "loaded"]
    mended = take(zones, write_delivery(zones.inbox, "d1", files))
    assert [f.state for f in mended.files] == ["loaded", "loaded"]
    changed = write_delivery(zones.inbox, "d1", {**files, FILE: [encounter(2)]})
    assert take(zones, changed).reason == "changed_after_commit"
    assert rows(zones, "encounter").height == 1


CANARIES = ["Nordkanari", "Storgata 17 B", "Kanariheim", "fall hjemme", "ringte", "hjelpetrengende"]


def hostile_deliveries(zones: Zones) -> list[Any]:
    broken = [
        patient(0),
        patient(1, graded="V"),
        patient(2, birthDate="Nordkanari"),
        patient(3, gender="Storgata 17 B"),
        patient(
            4, identifier=[{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13097248022"}]
        ),
        patient(5, address=[address("Nordkanari", "2020-01-01")]),
        line(patient(6))[:-9],
        *[patient(n) for n in range(7, 30)],
    ]
    encounters = [encounter(n, n % 5) for n in range(60)] + [x for x, _, _ in BAD_LINES.values()][
        :6
    ]
    return [
        write_delivery(
            zones.inbox, "p1", {"Patient-1.ndjson": broken}, organisation="personregister"
        ),
        write_delivery(
            zones.inbox,
            "s1",
            {FILE: encounters, "Condition-1.ndjson": [condition(n) for n in range(9)]},
        ),
    ]


def found_in(folder: Path, secrets: list[str]) -> set[str]:
    """Secrets that stand in some file below a folder, as plain or as base64 bytes."""
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    parquet = "".join(str(pl.read_parquet(path).rows()) for path in folder.rglob("*.parquet"))
    return {s for s in secrets if s.encode() in everything or s in parquet}


def test_no_canary_leaves_the_identified_zone(
    zones: Zones, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = CANARIES + [national_number(n) for n in range(30)] + ["13097248022"]
    secrets += [f"pas-{n}" for n in range(30)]
    with structlog.testing.capture_logs() as logs:
        results = [
            ingest_delivery(d, zones=zones, key=KEY, options=Options(quarantine_key=KEY))
            for d in hostile_deliveries(zones)
        ]
    assert all(r.state == "committed" for r in results)
    assert sum(f.quarantined_rows for r in results for f in r.files) >= 8
    for zone in (zones.restricted, zones.steward, zones.state, zones.published, zones.analysis):
        assert found_in(zone, secrets) == set()
    assert found_in(zones.quarantine, secrets) == set()
    told = str(logs) + str(results) + "".join(capfd.readouterr())
    assert [s for s in secrets if s in told] == []


def test_the_search_for_canaries_finds_one_that_leaks(zones: Zones) -> None:
    """Twin: a leak is found in Parquet and in plain files."""
    pl.DataFrame({"a": ["Kari Nordkanari"]}).write_parquet(zones.journal / "leak.parquet")
    (zones.state / "leak.log").write_text("i Kanariheim")
    assert found_in(zones.restricted, CANARIES) == {"Nordkanari"}
    assert found_in(zones.state, CANARIES) == {"Kanariheim"}


def test_sealed_lines_open_with_their_key_alone_and_in_their_place(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: with_bad(BAD_LINES["broken"][0], 20)})
    take(zones, delivery, options=Options(quarantine_key=KEY))
    sealed = zones.quarantine / delivery.id / f"{FILE}.jsonl.sealed"
    assert sealed.stat().st_mode & 0o777 == 0o600
    moved = zones.quarantine / "elsewhere" / sealed.name
    moved.parent.mkdir()
    moved.write_bytes(sealed.read_bytes())
    for path, key in ((sealed, OTHER_KEY), (moved, KEY), (sealed, None)):
        with pytest.raises(QuarantineError) as caught:
            list(open_lines(path, key))
        assert "Nordkanari" not in str(caught.value)


def test_without_a_key_lines_lie_open_to_the_owner_alone(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: with_bad(BAD_LINES["broken"][0], 20)})
    take(zones, delivery)
    path = zones.quarantine / delivery.id / f"{FILE}.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert next(iter(open_lines(path))).reason == "broken_json"


def test_another_key_gives_other_pseudonyms(tmp_path: Path) -> None:
    keys = []
    for name, key in (("a", KEY), ("b", OTHER_KEY), ("c", Key("again", 2, KEY.secret))):
        home = Zones(tmp_path / name).create()
        take(home, write_delivery(home.inbox, "d1", {FILE: [encounter(1)]}), key=key)
        keys.append(rows(home, "encounter")["patient_key"][0])
    assert keys[0] == keys[2] != keys[1]
