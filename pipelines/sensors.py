"""When work begins because something arrived.

Belongs here: sensors. Does not belong here: taking the delivery in (``assets.journal``).
"""

from __future__ import annotations

from collections.abc import Iterator

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from pipelines.ingest import pending_deliveries
from pipelines.jobs import ingest_job, publish_job
from pipelines.partitions import register
from pipelines.publication.release import awaiting_publication
from pipelines.settings import Settings


@sensor(
    job=ingest_job,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.STOPPED,
    description="One run per organisation and period with a delivery not yet taken in.",
)
def inbox_sensor(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
    """Look into the inbox; the run key holds the names of the deliveries, so none starts twice."""
    settings = Settings()
    zones = settings.zones.create()
    waiting: dict[tuple[str, str], list[str]] = {}
    for delivery in pending_deliveries(zones, settings.inbox_url):
        key = (delivery.delivering_organisation, delivery.period_start.isoformat())
        waiting.setdefault(key, []).append(delivery.delivery)
    if not waiting:
        yield SkipReason("The inbox holds nothing that is not taken in.")
    for (organisation, period), names in sorted(waiting.items()):
        partition = register(context.instance, organisation, period)
        yield RunRequest(
            run_key=" ".join([organisation, period, *sorted(names)]), partition_key=partition
        )


@sensor(
    job=publish_job,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.STOPPED,
    description="Publishes a candidate once a steward has approved it.",
)
def signature_sensor() -> Iterator[RunRequest | SkipReason]:
    """Look for approved candidates that are not published."""
    zones = Settings().zones.create()
    approved = awaiting_publication(zones)
    if not approved:
        yield SkipReason("No approved candidate waits.")
    for release in approved:
        yield RunRequest(run_key=release)
