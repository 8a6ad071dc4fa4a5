"""When work begins by the clock.

Belongs here: schedules. Does not belong here: work that begins because something arrived
(``sensors``).
"""

from __future__ import annotations

from dagster import DefaultScheduleStatus, ScheduleDefinition

from pipelines.jobs import refine_job

nightly_refine = ScheduleDefinition(
    name="nightly_refine",
    job=refine_job,
    cron_schedule="30 3 * * *",
    execution_timezone="Europe/Oslo",
    default_status=DefaultScheduleStatus.STOPPED,
    description="A release candidate of everything taken in, every night.",
)
