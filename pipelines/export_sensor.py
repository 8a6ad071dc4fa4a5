"""Going on with exports that are not done: when, and when not any more.

Belongs here: the sensor of a source profile and its back-off. Does not belong here: the export
(``assets.exports``), when one begins (``schedules``).

What is waited for is kept in two places that outlive every process: the client's job (when the
server wants to be asked again), and Dagster's runs (how often it has failed since it last worked).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRecord,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from pipelines.catalogue.profiles import SourceProfile
from pipelines.clients.bulk.state import Job, JobFolder
from pipelines.instance import UNFINISHED
from pipelines.partitions import shard_of, shards
from pipelines.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as ExportJob,
    )

MOST_FAILURES = 6
"""Failures in a row after which a person has to look."""
_FIRST_PAUSE = dt.timedelta(minutes=1)
_LONGEST_PAUSE = dt.timedelta(hours=4)
PARTITION_TAG = "dagster/partition"


@dataclass(frozen=True)
class Standing:
    """How it stands with one cohort shard.

    Attributes:
        job: The client's job under way; null where there is none.
        running: A run of it is waiting or at work.
        failures: Runs in a row that have failed, up to now.
        last_end: When the last run ended; null where none has.
    """

    job: Job | None
    running: bool
    failures: int
    last_end: dt.datetime | None


@dataclass(frozen=True)
class Next:
    """What to do about a shard: go on at once, at some time, or not at all, and why."""

    at: dt.datetime | None
    why: str


def next_step(standing: Standing, now: dt.datetime) -> Next:
    """When a shard is to be gone on with.

    Args:
        standing: How it stands.
        now: The time.

    Returns:
        A time (past: at once), or none, with the reason.
    """
    if standing.running:
        return Next(None, "a run of it is under way")
    if standing.failures >= MOST_FAILURES:
        return Next(None, f"failed {standing.failures} times in a row; look at its runs, then "
                    "start one by hand")  # fmt: skip
    if standing.failures:
        pause = min(_FIRST_PAUSE * 2 ** (standing.failures - 1), _LONGEST_PAUSE)
        at = (standing.last_end or now) + pause
        return Next(at, f"failed {standing.failures} times in a row; tried again")
    if standing.job is None:
        return Next(None, "nothing is under way")
    at = standing.job.not_before or now
    return Next(at, standing.job.said or "the server is at work")


def export_sensor(profile: SourceProfile, job: ExportJob) -> SensorDefinition:
    """The sensor of a source profile.

    Args:
        profile: The profile.
        job: Its job.
    """

    @sensor(
        job=job,
        name=f"{job.name}_sensor",
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.STOPPED,
        description="Goes on with exports that the server was still at work on, or that failed.",
    )
    def going_on(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        now = dt.datetime.now(dt.UTC)
        waiting = []
        for partition in shards(profile).get_partition_keys():
            step = next_step(standing_of(profile, partition, context.instance, job.name), now)
            if step.at is not None and step.at <= now:
                # Without a run key: a shard that runs already is not asked for again.
                yield RunRequest(partition_key=partition)
            else:
                when = "" if step.at is None else f", at {step.at:%Y-%m-%d %H:%M:%S} UTC"
                waiting.append(f"{partition}: {step.why}{when}")
        if waiting:
            yield SkipReason("; ".join(waiting))

    return going_on


def standing_of(
    profile: SourceProfile, partition: str, instance: DagsterInstance, job_name: str
) -> Standing:
    """How it stands with one shard, by the client's state and Dagster's runs.

    Args:
        profile: The profile.
        partition: The shard's partition.
        instance: Where the runs are recorded.
        job_name: Name of the profile's job.

    Raises:
        ExportError: The client's state cannot be read.
    """
    shard = profile.shard(shard_of(profile, partition))
    records = instance.get_run_records(
        RunsFilter(job_name=job_name, tags={PARTITION_TAG: partition}), limit=MOST_FAILURES + 1
    )
    return Standing(
        JobFolder(Settings().zones, profile, shard).job(),
        any(record.dagster_run.status in UNFINISHED for record in records),
        _failures(records),
        _ended(records),
    )


def _failures(records: Sequence[RunRecord]) -> int:
    """Failed runs since the last that did not fail; newest first."""
    for number, record in enumerate(records):
        if record.dagster_run.status != DagsterRunStatus.FAILURE:
            return number
    return len(records)


def _ended(records: Sequence[RunRecord]) -> dt.datetime | None:
    ends = [record.end_time for record in records if record.end_time is not None]
    return dt.datetime.fromtimestamp(max(ends), dt.UTC) if ends else None
