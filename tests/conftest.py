"""Homes that several kinds of tests look at, each made once in a session.

Belongs here: fixtures whose making takes a minute, and the lock by which the processes of one
session share them. Does not belong here: what must hold of them.
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

from pipelines.synthetic import Region, SyntheticSettings, generate_tables
from tests.support.compiled_models import Dbt, compile_models, compiled_models
from tests.support.demo_run import (
    REFINING,
    SCALE,
    SEED,
    Demo,
    Finished,
    Home,
    Resumed,
    open_runs,
)
from tests.support.few_indicators import PROGRAM
from tests.support.measured import import_all, is_measured, unmeasured
from tests.support.undisturbed import deliver

# The same examples in every run and no assertion on time; nightly tests ask for more of them.
settings.register_profile(
    "folkepuls", derandomize=True, deadline=None, database=None, max_examples=50
)
settings.load_profile("folkepuls")

KILL_SEED = 20251231
SMALL_REGION = SyntheticSettings(scale=0.005, years=2, seed=KILL_SEED)
"""The region whose runs are killed."""
MAKES_HOMES = ("golden/test_golden_release.py", "faults/test_kills.py")
"""The files that make the homes for the others, the dearest first: one process begins with each."""
SMALL = ("spec", "unit")
"""Folders of files that take seconds."""


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
    """Begin with the files that make the homes, end with those that look at them and the small.

    Each of two processes then makes one home, and neither waits for the other; in the end there
    are small files enough to keep both at work to the last. Files are handed out in this order:
    ``--no-loadscope-reorder``.
    """
    looking = {item.path for item in items if needs_a_home(item)}

    def place(item: pytest.Item) -> int:
        for first, name in enumerate(MAKES_HOMES):
            if item.path.as_posix().endswith(name):
                return first
        if item.path in looking:
            return len(MAKES_HOMES) + 1
        return len(MAKES_HOMES) + (2 if item.path.parent.name in SMALL else 0)

    items.sort(key=place)


def needs_a_home(item: pytest.Item) -> bool:
    """Whether a test looks at one of the homes that take minutes to make."""
    return not {"demo", "resumed"}.isdisjoint(getattr(item, "fixturenames", ()))


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
    ended = Home.under(folder).run(
        "demo", "--scale", SCALE, "--seed", SEED, "--no-serve", cut_off=True
    )
    assert ended.code == 0, ended.stderr
    return asdict(ended)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """``folkepuls demo``, small, on a machine without a way to any other where that can be had."""
    folder, noted = made_once(tmp_path_factory, "demo", _make_demo)
    return Demo(Home.at(folder), Finished(**noted))


@pytest.fixture(scope="session")
def region() -> Region:
    """The demonstration's persons and events, as they were before they were delivered."""
    return generate_tables(SyntheticSettings(scale=float(SCALE), seed=int(SEED)))


def _make_resumed(folder: Path) -> dict[str, Any]:
    draw = random.Random(KILL_SEED)
    home = Home.under(folder, PROGRAM)
    deliver(SMALL_REGION, home.zones.create())
    moments = [
        ("done   journal", draw.randint(1, 8), draw.uniform(0.0, 1.0)),
        (draw.choice(REFINING), 1, draw.uniform(0.0, 1.0)),
    ]
    still_open, shown = [], []
    for marker, times, delay in moments:
        home.run_until("run", marker=marker, times=times, delay=delay, threads=1)
        still_open.append(open_runs(home))
        shown.append(sorted(path.name for path in home.zones.published.iterdir()))
    ended = home.run("run", threads=1)
    return {
        "open_after_kill": still_open,
        "shown_after_kill": shown,
        "ended": asdict(ended),
    }


@pytest.fixture(scope="session")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """``folkepuls run`` on a small region with one thread, killed in ingest and after it."""
    folder, noted = made_once(tmp_path_factory, "resumed", _make_resumed)
    ended = Finished(**noted.pop("ended"))
    return Resumed(home=Home.at(folder, PROGRAM), ended=ended, **noted)
