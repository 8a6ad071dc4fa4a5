"""Lines, Parquet and CSV of one region are taken in to the same restricted zone, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from anonymization.keys import Key
from pipelines.ingest import ingest_pending
from pipelines.settings import Zones
from pipelines.synthetic import (
    FORMATS,
    Format,
    Region,
    SyntheticSettings,
    generate_tables,
    write_extract,
)


@pytest.fixture(scope="module")
def region() -> Region:
    return generate_tables(SyntheticSettings(scale=0.003, years=2, whole=True, life=True))


def restricted(region: Region, form: Format, home: Path) -> dict[str, str]:
    """Hash of each file of the journal in the restricted zone, after taking a region in."""
    zones = Zones(home).create()
    write_extract(region, zones.inbox, form=form)
    results = ingest_pending(zones, Key("test", 1, bytes(range(32))))
    assert {result.state for result in results} == {"committed"}
    assert not [f for result in results for f in result.files if f.quarantined_rows]
    return {
        str(file.relative_to(zones.journal)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in zones.journal.rglob("*.parquet")
    }


def test_each_format_says_the_same(region: Region, tmp_path: Path) -> None:
    first, *others = (restricted(region, form, tmp_path / form) for form in FORMATS)
    assert len(first) > 80
    assert all(other == first for other in others)
