"""Doing it again: nothing new, the same from elsewhere, and no release that betrays the first."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import time
from pathlib import Path

import polars as pl
import pytest

from pipelines.publication.ledger import LedgerError
from pipelines.publication.release import EXACT_FILE, Origin, write_candidate
from tests.support.compiled_models import Dbt
from tests.support.demo_run import Demo, Home, kill, parquet_hashes
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.small_candidate import undecided_candidate

pytestmark = ignoring_library_warnings
NOTHING_NEW_SECONDS = 30
SIGNER = ("--name", "A Steward", "--reason", "Looked at and found well.")
WAITS = 3


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def current(home: Home) -> str | None:
    pointer = home.zones.published / "current"
    return pointer.resolve().name if pointer.is_symlink() else None


def test_running_again_does_nothing(demo: Demo) -> None:
    zones = demo.home.zones
    before = bytes_of(zones.published), bytes_of(zones.restricted), demo.home.run_states()
    again = demo.home.run("run")
    assert again.code == 0, again.stderr
    assert "Nothing new" in again.stdout
    assert again.cpu < NOTHING_NEW_SECONDS
    after = bytes_of(zones.published), bytes_of(zones.restricted), demo.home.run_states()
    assert after == before


@pytest.mark.nightly
def test_another_home_is_the_same(demo: Demo, tmp_path: Path) -> None:
    """Another folder, and one thread in place of two: the same Parquet, of all indicators."""
    home = demo.home.copy_to(tmp_path, "identified/inbox", "restricted/register/synthetic")
    ended = home.run("run", threads=1)
    assert ended.code == 0, ended.stderr
    one, other = demo.home.zones, home.zones
    for zone in ("releases", "journal", "catalogue"):
        ours, theirs = (parquet_hashes(getattr(zones, zone)) for zones in (one, other))
        assert ours == theirs
        assert len(ours) >= 7
    assert parquet_hashes(one.analysis) == parquet_hashes(other.analysis) != {}
    assert parquet_hashes(one.steward / "disclosure") == parquet_hashes(
        other.steward / "disclosure"
    )
    ours, theirs = (parquet_hashes(path.restricted) for path in (one, other))
    assert ours["strata_map.parquet"] == theirs["strata_map.parquet"]


def test_a_changed_row_is_another_hash(demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(demo.home.zones.catalogue, tmp_path / "catalogue")
    before = parquet_hashes(tmp_path / "catalogue")
    path = tmp_path / "catalogue" / "hospital_shares.parquet"
    frame = pl.read_parquet(path)
    frame.reverse().select(reversed(frame.columns)).write_parquet(path)
    assert parquet_hashes(tmp_path / "catalogue") == before
    frame.head(-1).write_parquet(path)
    assert parquet_hashes(tmp_path / "catalogue") != before


@pytest.fixture
def undecided(tmp_path: Path) -> Home:
    """A home with a candidate that nobody has decided on."""
    home = Home.under(tmp_path)
    undecided_candidate(home.zones)
    return home


@pytest.mark.usefixtures("dagster_loaded")
def test_a_release_waits_until_it_is_signed(undecided: Home) -> None:
    waiting = undecided.call("release", "publish")
    assert waiting.code == WAITS
    assert current(undecided) is None
    rejected = undecided.call("release", "reject", *SIGNER)
    assert rejected.code == 0, rejected.stderr
    refused = undecided.call("release", "publish")
    assert refused.code == 1
    assert "rejected" in refused.stderr
    assert current(undecided) is None
    assert list(undecided.zones.published.iterdir()) == []
    approved = undecided.call("release", "approve", *SIGNER)
    assert approved.code == 0, approved.stderr
    (candidate,) = undecided.zones.releases.iterdir()
    assert current(undecided) == candidate.name
    shown = parquet_hashes((undecided.zones.published / "current").resolve())
    # The signature has come to it; the figures are the same, and exact counts stay behind.
    assert shown.pop("release.parquet")
    looked_at = parquet_hashes(candidate)
    assert looked_at.pop(EXACT_FILE)
    assert shown == looked_at
    assert "Traceback" not in refused.stderr


@pytest.mark.usefixtures("dagster_loaded")
def test_a_killed_publication_shows_nothing(undecided: Home, dbt: Dbt) -> None:
    home = undecided
    (release_id,) = (path.name for path in home.zones.releases.iterdir())
    home.lend(dbt)
    published = home.zones.published
    process = home.start("release", "approve", *SIGNER)
    deadline = time.monotonic() + 120
    while not any(published.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.001)
    kill(process)
    # Whatever was there at that moment, readers were pointed to nothing or to all of it.
    begun = [path.name for path in published.iterdir()]
    assert begun
    visible = [name for name in begun if not name.startswith(".")]
    assert all((published / name / "manifest.json").is_file() for name in visible)
    finished = home.call("release", "approve", *SIGNER)
    assert finished.code == 0, finished.stderr
    assert sorted(path.name for path in published.iterdir()) == [release_id, "current"]
    assert (published / "current").resolve().name == release_id


def changed_by(exact: pl.DataFrame, column: str) -> pl.DataFrame:
    first = pl.int_range(pl.len()) == 0
    new = ~pl.col(column) if column == "is_shown" else pl.col(column) + 1
    return exact.with_columns(pl.when(first).then(new).otherwise(column).alias(column))


@pytest.fixture
def published(demo: Demo, tmp_path: Path) -> Home:
    """A copy of the home with its published release, to try a second one on."""
    parts = ("restricted/releases", "restricted/ledger", "steward/releases", "steward/inbox")
    return demo.home.copy_to(tmp_path, *parts, "published")


def second_candidate(home: Home, column: str | None) -> str:
    """A candidate beside the published one, as if a count had changed since."""
    first = current(home)
    assert first is not None
    second = first[:-10] + "0123456789"
    folder = home.zones.releases / second
    shutil.copytree(home.zones.releases / first, folder)
    if column is not None:
        exact = pl.read_parquet(folder / EXACT_FILE)
        changed_by(exact, column).write_parquet(folder / EXACT_FILE)
    summary = json.loads((home.zones.steward / "releases" / f"{first}.json").read_text())
    summary |= {"release_id": second, "state": "candidate"}
    (home.zones.steward / "releases" / f"{second}.json").write_text(json.dumps(summary))
    return second


@pytest.mark.usefixtures("dagster_loaded")
@pytest.mark.parametrize("column", ["numerator", "is_shown"])
def test_a_second_release_with_a_changed_count_is_refused(published: Home, column: str) -> None:
    first, before = current(published), bytes_of(published.zones.published)
    second = second_candidate(published, column)
    refused = published.call("release", "approve", second, *SIGNER)
    assert refused.code == 1
    assert f"Release {second} is refused: 1 of" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert current(published) == first
    assert bytes_of(published.zones.published) == before


@pytest.mark.usefixtures("dagster_loaded")
def test_a_second_release_that_changes_nothing_is_published(published: Home) -> None:
    first = current(published)
    second = second_candidate(published, None)
    approved = published.call("release", "approve", second, *SIGNER)
    assert approved.code == 0, approved.stderr
    assert current(published) == second
    assert {first, second} <= {path.name for path in published.zones.published.iterdir()}


def test_no_candidate_is_written_with_a_changed_count(published: Home) -> None:
    zones, first = published.zones, current(published)
    assert first is not None
    folder = zones.releases / first
    tables = {
        path.stem: pl.read_parquet(path)
        for path in folder.glob("*.parquet")
        if path.name != EXACT_FILE
    }
    tables["indicator_values"] = tables["indicator_values"].drop("release_id")
    last = dt.date(2025, 12, 31)
    other = Origin(dt.date(2023, 1, 1), last, "2030-01-01T00:00:00+00:00", synthetic=True)
    exact = changed_by(pl.read_parquet(folder / EXACT_FILE), "denominator")
    with pytest.raises(LedgerError, match="1 of"):
        write_candidate(zones, tables, exact, {}, other)
    assert [path.name for path in zones.releases.iterdir()] == [first]
