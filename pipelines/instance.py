"""Dagster's own home: where runs are recorded, and the sweep of runs that died.

Belongs here: the instance's configuration and its housekeeping. Does not belong here: what runs.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from pipelines.resources import QUIET, environment
from pipelines.settings import Zones, atomic_write

PROCESS_TAG = "folkepuls/process"
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

CONFIGURATION = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
run_monitoring:
  enabled: true
  max_runtime_seconds: 14400
retention:
  schedule: {purge_after_days: 90}
  sensor: {purge_after_days: {skipped: 7, failure: 30, success: -1}}
"""


@contextmanager
def dagster_instance(zones: Zones) -> Iterator[DagsterInstance]:
    """The instance under ``state/dagster``, with telemetry off.

    Args:
        zones: The zones.
    """
    home = zones.state / "dagster"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_configuration(home)
    with environment({**QUIET, "DAGSTER_HOME": str(home)}), DagsterInstance.get() as instance:
        yield instance


def write_configuration(home: Path) -> None:
    """Write ``dagster.yaml`` where it is missing or another.

    Args:
        home: Dagster's home folder.
    """
    path = home / "dagster.yaml"
    if not path.is_file() or path.read_text() != CONFIGURATION:
        with atomic_write(path) as temporary:
            temporary.write_text(CONFIGURATION)


def process_tags() -> dict[str, str]:
    """Tags that say which process of which host a run lives in."""
    return {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"}


def sweep_dead_runs(instance: DagsterInstance) -> int:
    """Report as failed every unfinished run whose process on this host is gone.

    A run that was killed with its whole process tree stays "started" for good otherwise: the
    launcher cannot ask a process that is no more. Neither does anybody give back its place in
    the pool of writers, and the next run would wait for it without end.

    Args:
        instance: The Dagster instance.

    Returns:
        Number of runs reported as failed.
    """
    dead = [
        run
        for run in instance.get_runs(RunsFilter(statuses=UNFINISHED))
        if _is_dead(run.tags.get(PROCESS_TAG))
    ]
    for run in dead:
        # The place first: a sweep that is killed itself then finds the run again.
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        instance.report_run_failed(run, "The process of this run is gone; it was swept at start.")
    return len(dead)


def _is_dead(tag: str | None) -> bool:
    if tag is None:
        return False
    host, process, start = tag.split(":")
    return host == socket.gethostname() and _start_of(int(process)) != start


def _start_of(process: int) -> str:
    """Start time of a process in clock ticks since boot; empty when it is gone.

    A process number alone would not do: it is given to another process after a while.
    """
    try:
        # The name in parentheses may hold spaces; the start time is the 20th field after it.
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except FileNotFoundError:
        return ""
