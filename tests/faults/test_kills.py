"""kill -9 of a whole run at any moment, and the next run ends as if nothing had happened."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from pipelines.settings import Zones
from tests.support.compiled_models import Dbt
from tests.support.demo_run import REFINING, Demo, Resumed, kill, open_runs, parquet_hashes
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.undisturbed import undisturbed

pytestmark = ignoring_library_warnings

SIGNER = ("--name", "A Steward", "--reason", "Looked at and found well.")
KILLS = 10
SEED = 50


def release_of(zones: Zones) -> dict[str, str]:
    """The candidate's id and the hashes of its tables."""
    (folder,) = zones.releases.iterdir()
    return {"release_id": folder.name} | parquet_hashes(folder)


@pytest.fixture(scope="module")
def twin(resumed: Resumed, dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Zones:
    """What should have come of it: other steps of the same code, two threads, nothing killed."""
    return undisturbed(resumed.home.zones, tmp_path_factory.mktemp("twin"), dbt)


def test_killed_runs_end_like_an_undisturbed_one(resumed: Resumed, twin: Zones) -> None:
    assert resumed.ended.code == 0, resumed.ended.stderr
    assert release_of(resumed.home.zones) == release_of(twin)
    for zone in ("journal", "catalogue"):
        ours, theirs = (
            parquet_hashes(getattr(zones, zone)) for zones in (resumed.home.zones, twin)
        )
        assert ours == theirs
        assert len(ours) >= 7
    ours, theirs = (parquet_hashes(zones.restricted) for zones in (resumed.home.zones, twin))
    assert ours["strata_map.parquet"] == theirs["strata_map.parquet"]


def test_dead_runs_are_swept(resumed: Resumed) -> None:
    # The kills hit: Dagster took a run for running that was no more.
    assert sum(resumed.open_after_kill) >= 1
    assert open_runs(resumed.home) == 0
    assert resumed.home.run_states().get("FAILURE", 0) >= 1
    assert "dead runs" in resumed.ended.stdout


def test_nothing_half_done_is_left(resumed: Resumed) -> None:
    assert resumed.shown_after_kill == [[], []]
    zones = resumed.home.zones
    left = [
        path
        for path in zones.home.rglob("*")
        if path.suffix in {".tmp", ".wal"} or path.name.endswith(".building")
    ]
    assert left == []


def test_deliveries_are_taken_in_once(resumed: Resumed, twin: Zones) -> None:
    ours, theirs = (
        {path.name: path.read_bytes() for path in zones.deliveries.glob("*.json")}
        for zones in (resumed.home.zones, twin)
    )
    assert ours == theirs
    assert len(ours) == 10


@pytest.mark.usefixtures("dagster_loaded")
def test_a_killed_publication_shows_nothing(resumed: Resumed, dbt: Dbt, tmp_path: Path) -> None:
    home = resumed.home.copy_to(tmp_path, "restricted/releases", "steward/releases")
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
    (release_id,) = (path.name for path in home.zones.releases.iterdir())
    assert sorted(path.name for path in published.iterdir()) == [release_id, "current"]
    assert (published / "current").resolve().name == release_id


@pytest.mark.nightly
def test_ten_kills(demo: Demo, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    home = demo.home.copy_to(tmp_path, "identified/inbox", "restricted/register/synthetic")
    ingesting = KILLS // 2
    for kill_number in range(KILLS):
        marker, times = "done   journal", draw.randint(1, 2)
        if kill_number >= ingesting:
            marker, times = draw.choice([*REFINING, "dbt_post_strata"]), 1
        home.run_until("run", marker=marker, times=times, delay=draw.uniform(0.0, 1.0))
        assert list(home.zones.published.iterdir()) == []
    ended = home.run("run")
    assert ended.code == 0, ended.stderr
    assert release_of(home.zones) == release_of(demo.home.zones)
    assert open_runs(home) == 0
