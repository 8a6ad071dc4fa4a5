"""When work begins by the clock.

Belongs here: schedules. Does not belong here: work that begins because something arrived
(``sensors``).
"""

from __future__ import annotations

from dagster import DefaultScheduleStatus, ScheduleDefinition

from pipelines.jobs import refine_job, register_job

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
