"""Exports as Dagster has them: partitions, waiting, failing, going on, and the back-off.

Belongs here: what the asset, the sensor and the schedule of a profile do. Does not belong here:
what the client does (``tests/faults/test_bulk_*``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
    materialize,
)

from pipelines import export_sensor
from pipelines.assets import exports
from pipelines.catalogue.profiles import SourceProfile
from pipelines.catalogue.sources import load_sources
from pipelines.clients.bulk.clock import Clock
from pipelines.clients.bulk.state import Job
from pipelines.clients.delivered_files import find_deliveries
from pipelines.definitions import assembled
from pipelines.export_sensor import MOST_FAILURES, Standing, next_step, standing_of
from pipelines.jobs import export_job
from pipelines.resources import FolkepulsResource
from pipelines.schedules import export_schedule
from tests.support.bulk_server.answers import say
from tests.support.bulk_server.homes import profile, site, write_profile
from tests.support.bulk_server.server import Asked, BulkServer, serving
from tests.support.library_warnings import ignoring_library_warnings

pytestmark = ignoring_library_warnings
SHARD = "trondheim-1"
KEY = AssetKey(["export", "test"])
JOB = "export_test"
NOW = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)


@dataclass
class World:
    """A server, a profile of it, and an instance that notes what runs."""

    server: BulkServer
    profile: SourceProfile
    instance: DagsterInstance
    inbox: Path

    def run(self) -> ExecuteInProcessResult:
        return materialize(
            [exports.export_asset(self.profile)],
            partition_key=SHARD,
            instance=self.instance,
            resources={"folkepuls": FolkepulsResource()},
            raise_on_error=False,
        )

    def tick(self) -> list[RunRequest | SkipReason]:
        context = build_sensor_context(instance=self.instance)
        found = export_sensor.export_sensor(self.profile, export_job(self.profile)).evaluate_tick(
            context
        )
        skipped = [SkipReason(found.skip_message)] if found.skip_message else []
        return [*(found.run_requests or []), *skipped]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "home"))
    listed(monkeypatch, SHARD)
    server = BulkServer(Clock(), polls=0)
    with serving(server) as base, DagsterInstance.ephemeral() as instance:
        chosen = profile(tmp_path, base, budgets={"first_poll_seconds": 0, "read_seconds": 2})
        yield World(server, chosen, instance, tmp_path / "home" / "identified" / "inbox")


def listed(monkeypatch: pytest.MonkeyPatch, *cohorts: str) -> None:
    """The source's file names these cohorts."""
    source = load_sources()["synthetic"].model_copy(update={"cohorts": {"sykehus": cohorts}})
    everywhere = {**load_sources(), "synthetic": source}
    monkeypatch.setattr("pipelines.catalogue.profiles.load_sources", lambda: everywhere)


def at_work(asked: Asked) -> Any:
    headers = {"Retry_After": "90", "X_Progress": "50% done"}
    return say(202, **headers) if asked.kind == "status" else None


def test_a_shard_becomes_a_delivery_and_tells_its_counts(world: World) -> None:
    ended = world.run()
    assert ended.success
    (event,) = ended.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert event.partition == SHARD
    assert metadata["dagster/row_count"].value == 115
    assert metadata["rows"].value == {"Encounter": 50, "Condition": 25, "Observation": 40}
    (delivery,) = find_deliveries(world.inbox)
    assert metadata["delivery"].value == delivery.name


def test_a_server_at_work_is_waited_for_by_the_sensor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.0)
    world.server.script = at_work
    ended = world.run()
    assert ended.success
    assert ended.get_asset_materialization_events() == []
    (noted,) = ended.get_asset_observation_events()
    observed = noted.asset_observation_data.asset_observation
    assert (observed.partition, observed.metadata["state"].value) == (SHARD, "waiting")
    assert "50% done" in observed.metadata["server_says"].value
    assert find_deliveries(world.inbox) == []
    (skipped,) = world.tick()
    assert isinstance(skipped, SkipReason)
    assert "50% done" in skipped.skip_message
    # The server is ready; another process goes on with the same job.
    world.server.script = lambda asked: None
    standing = standing_of(world.profile, SHARD, world.instance, JOB)
    assert standing.job is not None
    assert standing.job.not_before is not None
    later = standing.job.not_before + dt.timedelta(seconds=1)
    assert next_step(standing, later).at == standing.job.not_before
    kickoffs = world.server.count("kickoff")
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 600.0)
    monkeypatch.setattr("pipelines.clients.bulk.clock.Clock.now", lambda _: later)
    assert world.run().success
    assert world.server.count("kickoff") == kickoffs
    assert len(find_deliveries(world.inbox)) == 1


def test_a_doubtful_export_is_a_failed_run_with_the_reason(world: World) -> None:
    world.server.files.pop("e1")
    world.server.files.pop("e2")
    ended = world.run()
    assert not ended.success
    (failed,) = [event for event in ended.all_events if event.is_step_failure]
    assert failed.step_failure_data.user_failure_data is not None
    assert failed.step_failure_data.user_failure_data.metadata["reason"].value == "nothing_of_type"
    assert find_deliveries(world.inbox) == []


def test_a_cohort_that_nobody_listed_is_not_exported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, "another")
    ended = world.run()
    assert not ended.success
    assert world.server.asked == []


def test_a_failed_run_is_tried_again_later_and_not_for_ever() -> None:
    def failed(times: int) -> dt.timedelta | None:
        step = next_step(Standing(None, False, times, NOW), NOW)
        return None if step.at is None else step.at - NOW

    minute = dt.timedelta(minutes=1)
    assert [failed(n) for n in (1, 2, 3, 5)] == [minute, 2 * minute, 4 * minute, 16 * minute]
    assert failed(MOST_FAILURES) is None


def test_the_failures_are_counted_from_dagsters_own_records(world: World) -> None:
    world.server.script = lambda asked: say(500) if asked.kind == "kickoff" else None
    world.profile = world.profile.model_copy(
        update={"budgets": world.profile.budgets.model_copy(update={"tries": 1})}
    )
    for _ in range(2):
        run_of_job(world)
    standing = standing_of(world.profile, SHARD, world.instance, JOB)
    assert (standing.failures, standing.job, standing.running) == (2, None, False)


def run_of_job(world: World) -> None:
    definitions = Definitions(
        assets=[exports.export_asset(world.profile)],
        jobs=[export_job(world.profile)],
        resources={"folkepuls": FolkepulsResource()},
    )
    job = definitions.resolve_job_def(JOB)
    job.execute_in_process(partition_key=SHARD, instance=world.instance, raise_on_error=False)


RULES: dict[str, tuple[Standing, bool]] = {
    "nothing under way": (Standing(None, False, 0, None), False),
    "a run of it is under way": (Standing(None, True, 1, NOW), False),
    "left by a process that is gone": (
        Standing(Job(order="o", began=NOW, since=None, status_url="u"), False, 0, NOW),
        True,
    ),
    "the server wants to be asked later": (
        Standing(
            Job(
                order="o",
                began=NOW,
                since=None,
                status_url="u",
                not_before=NOW + dt.timedelta(hours=1),
            ),
            False,
            0,
            NOW,
        ),
        False,
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_shard_is_gone_on_with_when_it_makes_sense(rule: str) -> None:
    standing, at_once = RULES[rule]
    step = next_step(standing, NOW)
    assert (step.at is not None and step.at <= NOW) is at_once


def test_all_shards_are_ordered_by_the_clock(world: World) -> None:
    job = export_job(world.profile)
    made = export_schedule(world.profile, job)
    definitions = Definitions(
        assets=[exports.export_asset(world.profile)],
        schedules=[made],
        jobs=[job],
        resources={"folkepuls": FolkepulsResource()},
    )
    context = build_schedule_context(
        scheduled_execution_time=NOW, repository_def=definitions.get_repository_def()
    )
    ordered = made.evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in ordered] == [SHARD]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    folder = tmp_path / "profiles"
    folder.mkdir()
    monkeypatch.setenv("FOLKEPULS_PROFILES", str(folder))

    def build(concurrency: str) -> Any:
        content = site("http://127.0.0.1:9", server={"concurrency": concurrency})
        write_profile(folder, content)
        return assembled.__wrapped__()

    return build


@pytest.mark.parametrize(
    ("concurrency", "pooled"), [("free", False), ("one_per_group", True), ("one_per_client", True)]
)
def test_a_profile_of_the_site_is_all_it_takes(
    concurrency: str, pooled: bool, built: Callable[[str], Any]
) -> None:
    definitions = built(concurrency)
    repository = definitions.get_repository_def()
    assert repository.has_job(JOB)
    assert repository.has_schedule_def(f"{JOB}_schedule")
    assert repository.has_sensor_def(f"{JOB}_sensor")
    graph = repository.asset_graph
    assert KEY in graph.get(AssetKey(["inbox", "synthetic"])).parent_keys
    refined = definitions.resolve_job_def("refine").asset_layer.selected_asset_keys
    assert KEY not in refined
    (node,) = [each for each in definitions.assets or [] if getattr(each, "keys", set()) == {KEY}]
    assert bool(node.op.pool) is pooled
