"""Partitions, the instance and its sweep, lines of progress."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    DagsterInstance,
    DagsterRunStatus,
    MaterializeResult,
    asset,
    job,
    op,
)
from rich.console import Console

from pipelines.instance import (
    CONFIGURATION,
    PROCESS_TAG,
    dagster_instance,
    process_tags,
    sweep_dead_runs,
    write_configuration,
)
from pipelines.partitions import delivery_key, register
from pipelines.progress import ProgressHandler
from pipelines.settings import Zones
from tests.support.library_warnings import ignoring_library_warnings

pytestmark = ignoring_library_warnings
SECRET = "Kari Nordkanari, fall hjemme"


@op
def nothing() -> None:
    """A step that does nothing."""


@job
def idle() -> None:
    nothing()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as one:
        yield one


def dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def run_with(instance: DagsterInstance, tag: str | None, status: DagsterRunStatus) -> str:
    tags = {PROCESS_TAG: tag} if tag else {}
    return instance.create_run_for_job(idle, status=status, tags=tags).run_id


def test_a_partition_is_an_organisation_and_a_period(instance: DagsterInstance) -> None:
    key = register(instance, "kommuner", "2024-01-01")
    assert key == delivery_key("kommuner", "2024-01-01")
    assert key.keys_by_dimension == {"organisation": "kommuner", "period": "2024-01-01"}
    register(instance, "kommuner", "2025-01-01")
    register(instance, "kommuner", "2025-01-01")
    assert instance.get_dynamic_partitions("delivering_organisation") == ["kommuner"]
    assert sorted(instance.get_dynamic_partitions("delivery_period")) == [
        "2024-01-01",
        "2025-01-01",
    ]


@pytest.mark.parametrize(
    "status", [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED]
)
def test_an_unfinished_run_of_a_dead_process_is_swept(
    status: DagsterRunStatus, instance: DagsterInstance
) -> None:
    dead = run_with(instance, f"{socket.gethostname()}:{dead_process()}:12345", status)
    assert sweep_dead_runs(instance) == 1
    run = instance.get_run_by_id(dead)
    assert run is not None
    assert run.status == DagsterRunStatus.FAILURE
    assert sweep_dead_runs(instance) == 0


def test_a_process_number_that_was_given_away_is_another_process(
    instance: DagsterInstance,
) -> None:
    run_with(instance, f"{socket.gethostname()}:{os.getpid()}:1", DagsterRunStatus.STARTED)
    assert sweep_dead_runs(instance) == 1


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("own", DagsterRunStatus.STARTED),
        (None, DagsterRunStatus.STARTED),
        (f"another-host:{2**22 + 1}:1", DagsterRunStatus.STARTED),
        (f"{socket.gethostname()}:{2**22 + 1}:1", DagsterRunStatus.SUCCESS),
        (f"{socket.gethostname()}:{2**22 + 1}:1", DagsterRunStatus.FAILURE),
    ],
    ids=["live", "untagged", "another_host", "succeeded", "failed"],
)
def test_other_runs_are_left_alone(
    tag: str | None, status: DagsterRunStatus, instance: DagsterInstance
) -> None:
    left = run_with(instance, process_tags()[PROCESS_TAG] if tag == "own" else tag, status)
    assert sweep_dead_runs(instance) == 0
    run = instance.get_run_by_id(left)
    assert run is not None
    assert run.status == status


def test_the_configuration_is_written_once_and_mended(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    path = tmp_path / "dagster.yaml"
    first = path.stat().st_mtime_ns
    write_configuration(tmp_path)
    assert path.stat().st_mtime_ns == first
    path.write_text("telemetry: {enabled: true}\n")
    write_configuration(tmp_path)
    assert path.read_text() == CONFIGURATION
    assert path.stat().st_mode & 0o077 == 0
    content = yaml.safe_load(CONFIGURATION)
    assert content["telemetry"] == {"enabled": False}
    assert content["concurrency"]["pools"]["default_limit"] == 1


def test_the_instance_lies_in_the_zones_and_keeps_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/before")
    zones = Zones(tmp_path).create()
    with dagster_instance(zones) as one:
        assert one.root_directory == str(zones.state / "dagster")
        assert one.telemetry_enabled is False
        assert os.environ["DAGSTER_HOME"] == one.root_directory
        assert os.environ["DAGSTER_DISABLE_TELEMETRY"]
    assert os.environ["DAGSTER_HOME"] == "/before"


@asset(check_specs=[AssetCheckSpec("sound", asset="counted")])
def counted() -> Iterator[Any]:
    yield MaterializeResult(metadata={"dagster/row_count": 12345, "note": SECRET})
    yield AssetCheckResult(passed=False, metadata={"note": SECRET})


@asset
def broken() -> None:
    raise ValueError(SECRET)


def lines_of(*assets: Any) -> list[str]:
    """What a person at a terminal sees of a run."""
    import logging

    said = io.StringIO()
    handler = ProgressHandler(Console(file=said, width=120, highlight=False))
    sink = logging.Logger("progress", level=logging.DEBUG)
    sink.addHandler(handler)

    from dagster import InitLoggerContext, logger

    @logger
    def progress(_: InitLoggerContext) -> logging.Logger:
        return sink

    from dagster import Definitions, define_asset_job, in_process_executor

    definitions = Definitions(
        assets=list(assets),
        jobs=[define_asset_job("all", selection="*", executor_def=in_process_executor)],
        loggers={"progress": progress},
    )
    with DagsterInstance.ephemeral() as one:
        definitions.resolve_job_def("all").execute_in_process(
            instance=one,
            raise_on_error=False,
            run_config={"loggers": {"progress": {}}},
        )
    return said.getvalue().splitlines()


def test_a_step_is_one_line_with_rows_and_seconds() -> None:
    (line,) = lines_of(counted)
    words = line.split()
    assert words[:4] == ["done", "counted", "12", "345"]
    assert words[4] == "rows"
    assert words[6] == "s"
    assert float(words[5]) >= 0
    assert "1 checks red" in line


def test_a_failed_step_says_so_and_nothing_of_its_error() -> None:
    (line,) = lines_of(broken)
    assert line.split() == ["failed", "broken"]


def test_no_message_and_no_metadata_is_passed_on() -> None:
    told = "\n".join(lines_of(counted, broken))
    assert "Nordkanari" not in told
    assert len(told.splitlines()) == 2


def test_records_of_others_are_left_alone() -> None:
    import logging

    said = io.StringIO()
    handler = ProgressHandler(Console(file=said))
    handler.emit(logging.LogRecord("x", logging.INFO, "f", 1, SECRET, None, None))
    assert said.getvalue() == ""
