"""kill -9 of a whole run at any moment, and the next run ends as if nothing had happened.

The demonstration that the other tests look at was killed so: that its release is the one of an
undisturbed run is for ``golden`` to say, and what kills may leave is looked at here. A publication
is killed in ``integration/test_demo_again``, which has loaded what it needs.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipelines.settings import Zones
from tests.support.demo_run import REFINING, Demo, open_runs, parquet_hashes
from tests.support.library_warnings import ignoring_library_warnings

pytestmark = ignoring_library_warnings

KILLS = 10
SEED = 50


def release_of(zones: Zones) -> dict[str, str]:
    """The candidate's id and the hashes of its tables."""
    (folder,) = zones.releases.iterdir()
    return {"release_id": folder.name} | parquet_hashes(folder)


def test_dead_runs_are_swept(demo: Demo) -> None:
    # The kills hit: Dagster took a run for running that was no more.
    assert sum(demo.open_after_kill) >= 1
    assert open_runs(demo.home) == 0
    assert demo.home.run_states().get("FAILURE", 0) >= 1


def test_nothing_half_done_is_shown_or_left(demo: Demo) -> None:
    assert demo.shown_after_kill == [[], []]
    assert demo.left_over == []


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
