"""Delivered files whose bytes are cut, flipped or overblown: refused, and never half loaded.

Each protection has a twin that shows the test is not blind: what happens without it. The same of
delivered tables is in ``test_delivered_damage``.
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

from pipelines.ingest import Limits, Options
from pipelines.settings import Zones
from tests.support.bad_lines import FILE
from tests.support.deliveries import encounter, entry, line, pack, rows, take, write_delivery


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
