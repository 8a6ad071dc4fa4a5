"""A release as files: built, signed, published whole, and never half.

Does not belong here: what may not be published (``test_release_refused``), and what an earlier
release forbids (``test_release_ledger``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import signal
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.publication.release import (
    Origin,
    candidates,
    content_id,
    current_release,
    decide,
    newest_candidate,
    publish,
)
from pipelines.settings import ROOT, Zones
from tests.support.release_candidates import (
    ORIGIN,
    candidate,
    decision,
    published,
    tables,
    unchecked,
)


def test_from_candidate_to_current(zones: Zones) -> None:
    release = candidate(zones)
    assert candidates(zones) == [release]
    assert newest_candidate(zones) == release
    assert current_release(zones) is None
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    assert folder == zones.published / release
    assert current_release(zones) == release
    assert sorted(path.name for path in folder.iterdir()) == [
        "areas.parquet",
        "certificate.json",
        "indicator_values.parquet",
        "indicators.duckdb",
        "manifest.json",
        "release.parquet",
    ]
    assert published(zones) == [release, "current"]


def test_exact_counts_stay_in_the_restricted_zone(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    assert (zones.releases / release / "exact.parquet").is_file()
    assert not (folder / "exact.parquet").exists()
    connection = duckdb.connect(str(folder / "indicators.duckdb"), read_only=True)
    try:
        names = [row[0] for row in connection.sql("show tables").fetchall()]
    finally:
        connection.close()
    assert names == ["areas", "indicator_values", "release"]


def test_the_manifest_has_the_hash_of_every_file(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    others = {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert manifest["files"].keys() == others
    for name, told in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert told == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["release_id"] == release
    assert manifest["synthetic"] is True


def test_the_signature_is_in_the_release_and_made_by_no_clock(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    row = pl.read_parquet(folder / "release.parquet").row(0, named=True)
    assert row["signed_by"] == "Kari Steward"
    assert row["signed_on"] == "2025-01-10"
    assert row["supersedes"] is None
    certificate = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
    assert certificate["signed"]["name"] == "Kari Steward"


def test_files_are_their_owners_alone(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    for folder in (zones.releases / release, publish(zones, release, unchecked)):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_later_release_supersedes_and_the_old_one_stays(zones: Zones) -> None:
    first = candidate(zones)
    decide(zones, decision(first))
    publish(zones, first, unchecked)
    later = Origin(ORIGIN.data_from, date(2025, 12, 31), "2026-01-05T03:00:00+00:00", True)
    second = candidate(zones, origin=later)
    decide(zones, decision(second))
    folder = publish(zones, second, unchecked)
    assert current_release(zones) == second
    assert published(zones) == sorted([first, second, "current"])
    assert pl.read_parquet(folder / "release.parquet")["supersedes"].to_list() == [first]


def test_the_pointer_is_relative_so_that_the_zone_can_be_moved(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    publish(zones, release, unchecked)
    assert (zones.published / "current").readlink() == Path(release)


def test_publishing_twice_is_publishing_once(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert publish(zones, release, unchecked) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_same_content_has_the_same_id_and_files(zones: Zones, tmp_path: Path) -> None:
    first = candidate(zones)
    other = Zones(tmp_path / "other").create()
    assert candidate(other) == first
    assert candidate(zones) == first
    for path in (zones.releases / first).iterdir():
        assert (other.releases / first / path.name).read_bytes() == path.read_bytes()
    assert first.startswith("20241231-")


def test_order_of_rows_and_columns_is_no_content() -> None:
    turned = {
        name: frame.reverse().select(reversed(frame.columns)) for name, frame in tables().items()
    }
    assert content_id(turned, ORIGIN) == content_id(tables(), ORIGIN)


@pytest.mark.parametrize(
    "origin",
    [
        dataclasses.replace(ORIGIN, synthetic=False),
        dataclasses.replace(ORIGIN, transaction_time="2025-01-06T03:00:00+00:00"),
    ],
)
def test_another_origin_or_value_is_another_release(origin: Origin) -> None:
    assert content_id(tables(), origin) != content_id(tables(), ORIGIN)
    assert content_id(tables(13.0), ORIGIN) != content_id(tables(), ORIGIN)


def test_a_killed_building_leaves_nothing_to_see(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipelines.publication.release import publish\n"
        "from pipelines.settings import Zones\n"
        "publish(Zones(Path(sys.argv[1])), sys.argv[2],"
        " lambda folder: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(zones.home), release], cwd=ROOT, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert [name for name in published(zones) if not name.startswith(".")] == []
    assert current_release(zones) is None
    assert list(zones.ledger.iterdir()) == []
    publish(zones, release, unchecked)
    assert published(zones) == [release, "current"]


def test_a_half_built_candidate_is_no_candidate(zones: Zones) -> None:
    (zones.releases / ".20241231-0123456789.building").mkdir()
    assert candidates(zones) == []
