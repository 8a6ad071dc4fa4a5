"""When work begins by the clock.

Belongs here: schedules. Does not belong here: work that begins because something arrived
(``sensors``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    schedule,
)

from pipelines.catalogue.profiles import SourceProfile
from pipelines.jobs import refine_job, register_job
from pipelines.partitions import shards

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as ExportJob,
    )

nightly_refine = ScheduleDefinition(
    name="nightly_refine",
    job=refine_job,
    cron_schedule="30 3 * * *",
    execution_timezone="Europe/Oslo",
    default_status=DefaultScheduleStatus.STOPPED,
    description="A release candidate of everything taken in, every night.",
)

monthly_register = ScheduleDefinition(
    name="monthly_register",
    job=register_job,
    cron_schedule="0 2 1 * *",
    execution_timezone="Europe/Oslo",
    default_status=DefaultScheduleStatus.STOPPED,
    # Whoever starts this schedule asks for the network to be used.
    run_config={"ops": {"register__population": {"config": {"refresh": True}}}},
    description="The population register, fetched anew on the first of every month.",
)


def export_schedule(profile: SourceProfile, job: ExportJob) -> ScheduleDefinition:
    """All cohort shards of a source profile, when the profile says so.

    Args:
        profile: The profile.
        job: Its job.
    """

    @schedule(
        job=job,
        name=f"{job.name}_schedule",
        cron_schedule=profile.site.schedule,
        execution_timezone="Europe/Oslo",
        default_status=DefaultScheduleStatus.STOPPED,
        description=f"Every cohort shard of the profile {profile.name}.",
    )
    def orders(context: ScheduleEvaluationContext) -> Iterator[RunRequest]:
        when = context.scheduled_execution_time.isoformat()
        for partition in shards(profile).get_partition_keys():
            yield RunRequest(run_key=f"{partition} {when}", partition_key=partition)

    return orders
