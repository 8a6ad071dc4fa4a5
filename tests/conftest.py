"""Homes that several kinds of tests look at: an empty one for each test, the others made once.

Belongs here: the empty home, fixtures whose making takes a minute, and the lock by which the
processes of one session share them. Does not belong here: what must hold of them.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings

from pipelines.settings import Zones
from pipelines.synthetic import Region, SyntheticSettings, generate_tables
from tests.support.compiled_models import Dbt, compile_models, compiled_models
from tests.support.demo_run import (
    DEMONSTRATION,
    REFINING,
    SCALE,
    SEED,
    Demo,
    Finished,
    Home,
    half_done,
    open_runs,
)
from tests.support.measured import import_all, is_measured, unmeasured

# The same examples in every run and no assertion on time; nightly tests ask for more of them.
settings.register_profile(
    "folkepuls", derandomize=True, deadline=None, database=None, max_examples=50
)
settings.load_profile("folkepuls")

KILL_SEED = 20251231
MAKES_THE_HOME = "golden/test_golden_release.py"
"""The file that makes the demonstration's home for the others: one process begins with it."""
SMALL = ("spec", "unit")
"""Folders of files that take seconds, all but those of one kind."""
LONG = "test_synthetic_"
"""How files begin that write a whole region, and take half a minute each."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[object]:
    """Load the tests unmeasured, and before that what is held to a floor, measured."""
    if Coverage.current() is not None and not session.config.pluginmanager.hasplugin("dsession"):
        import_all()
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Measure only where a floor is judged by it: the rest takes half the time so."""
    with nullcontext() if is_measured(item) else unmeasured():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that makes the home, end with those that look at it and the small.

    One of two processes then makes it, and the other does not wait for it; in the end there are
    small files enough to keep both at work to the last. Files are handed out in this order:
    ``--no-loadscope-reorder``.
    """
    looking = {item.path for item in items if "demo" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> int:
        if item.path.as_posix().endswith(MAKES_THE_HOME):
            return 0
        if item.path in looking:
            return 2
        small = item.path.parent.name in SMALL and not item.path.name.startswith(LONG)
        return 3 if small else 1

    items.sort(key=place)


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    """The zones of a home in which nothing has happened."""
    return Zones(tmp_path / "home").create()


def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Mapping[str, Any]]
) -> tuple[Path, dict[str, Any]]:
    """A folder that the first process of the session to ask for it makes, and what it noted."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, noted = base / f"shared-{name}", base / f"shared-{name}.json"
    with (base / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not noted.exists():
            # A second process need not try again what the first could not do.
            noted.write_text('{"failed": true}')
            noted.write_text(json.dumps(make(folder)))
    content = json.loads(noted.read_text())
    if content.get("failed"):
        pytest.fail(f"{folder.name} could not be made: see the first test that asked for it")
    return folder, content


def _make_dbt(folder: Path) -> dict[str, Any]:
    compile_models(folder)
    return {}


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """The parsed dbt project with all its models compiled; read-only."""
    folder, _ = made_once(tmp_path_factory, "dbt", _make_dbt)
    return compiled_models(folder)


@pytest.fixture(scope="session")
def dagster_loaded(dbt: Dbt) -> None:
    """What Dagster runs, in this process: ``Home.call`` need not parse dbt's project anew."""
    from pipelines.definitions import assembled
    from pipelines.resources import environment

    with environment({"FOLKEPULS_HOME": str(dbt.settings.home)}):
        assembled()


def _make_demo(folder: Path) -> dict[str, Any]:
    draw = random.Random(KILL_SEED)
    home = Home.under(folder)
    moments = [
        ("done   journal", draw.randint(1, 8), draw.uniform(0.0, 1.0)),
        (draw.choice(REFINING), 1, draw.uniform(0.0, 1.0)),
    ]
    still_open, shown = [], []
    for marker, times, delay in moments:
        home.run_until(*DEMONSTRATION, marker=marker, times=times, delay=delay, cut_off=True)
        still_open.append(open_runs(home))
        shown.append(sorted(path.name for path in home.zones.published.iterdir()))
    ended = home.run(*DEMONSTRATION, cut_off=True)
    assert ended.code == 0, ended.stderr
    return {
        "open_after_kill": still_open,
        "shown_after_kill": shown,
        "left_over": half_done(home),
        "ended": asdict(ended),
    }


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """``folkepuls demo``, small, killed twice before it went through.

    What came of it is held against the golden release, which nobody disturbed. The machine it ran
    on had no way to any other, where that can be had.
    """
    folder, noted = made_once(tmp_path_factory, "demo", _make_demo)
    ended = Finished(**noted.pop("ended"))
    return Demo(home=Home.at(folder), ended=ended, **noted)


@pytest.fixture(scope="session")
def region() -> Region:
    """The demonstration's persons and events, as they were before they were delivered."""
    return generate_tables(SyntheticSettings(scale=float(SCALE), seed=int(SEED)))
