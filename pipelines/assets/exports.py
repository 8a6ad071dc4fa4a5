"""Exports from FHIR servers, as assets: one per source profile, with its cohort shards.

Belongs here: handing one shard to the Bulk Data client and reporting what became of it. Does not
belong here: anything the client does, when it is asked (``schedules``, ``sensors``).

A server may be at work for hours. A run waits for it no longer than a while, notes how far it has
come and ends; the job is kept, and the sensor goes on with it when the server wants to be asked
again. A partial or doubtful export is a failed run with the reason, and never a delivery.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    Config,
    Failure,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)
from pydantic import Field

from pipelines.assets.journal import OWNERS
from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.profiles import SourceProfile, refuse_unknown_cohorts
from pipelines.clients.bulk import Event, Exported, ExportError, NotReadyError, Options, run_export
from pipelines.partitions import export_key, shard_of, shards
from pipelines.resources import FolkepulsResource

GROUP = "exports"
PATIENCE_SECONDS = 600.0
"""How long one run waits for a server before it ends and leaves the rest to the sensor."""


class ExportConfig(Config):
    """How one shard is exported."""

    since_last: bool = Field(
        default=False,
        description="Only what has changed since the last export, where the server knows.",
    )
    accept_drop: bool = Field(
        default=False,
        description="Somebody has looked at an export with far fewer resources, and it is right.",
    )


def export_asset(profile: SourceProfile) -> AssetsDefinition:
    """The asset of one profile, partitioned by cohort shard.

    Args:
        profile: The profile.
    """
    key = export_key(profile)

    @multi_asset(
        name=f"export_{key.path[-1]}",
        specs=[
            AssetSpec(
                key,
                description=f"Deliveries of {profile.site.source} exported from "
                f"{profile.base_origin} ({profile.kind}).",
                group_name=GROUP,
                owners=OWNERS,
                kinds={"fhir"},
                # The server may still be at work.
                skippable=True,
            )
        ],
        partitions_def=shards(profile),
        pool=_pool(profile),
    )
    def export(
        context: AssetExecutionContext, config: ExportConfig, folkepuls: FolkepulsResource
    ) -> Iterator[MaterializeResult[Any]]:
        """Order, wait, fetch, verify, and put the delivery into the inbox."""
        options = Options(
            patience_seconds=PATIENCE_SECONDS,
            accept_drop=config.accept_drop,
            progress=_told_to(context.log.info),
        )
        shard = shard_of(profile, context.partition_key)
        try:
            refuse_unknown_cohorts(profile, [shard])
            exported = run_export(
                profile,
                folkepuls.zones(),
                shard=shard,
                since_last=config.since_last,
                options=options,
            )
        except NotReadyError as error:
            context.log_event(_waiting(key, context.partition_key, error))
        except CatalogueError as error:
            raise Failure(
                description=str(error), metadata={"reason": "unknown_cohort"}, allow_retries=False
            ) from None
        except ExportError as error:
            raise Failure(
                description=str(error), metadata={"reason": error.reason}, allow_retries=False
            ) from None
        else:
            yield MaterializeResult(asset_key=key, metadata=_facts(exported))

    return export


def _pool(profile: SourceProfile) -> str | None:
    """Pool of one, where a server takes one export of a client at a time."""
    if profile.server.concurrency == "free":
        return None
    client = profile.site.auth.client_id if profile.site.auth is not None else "anonymous"
    place = f"{profile.base_origin}_{client}"
    return "export_" + "".join(each if each.isalnum() else "_" for each in place)


def _told_to(say: Callable[[str], None]) -> Callable[[Event], None]:
    """What happens, as lines of the run's log; not of every piece of a file."""

    def tell(event: Event) -> None:
        if event.step == "waiting":
            said = event.said or "the server is at work"
            say(f"waiting: {said}; asking again in {event.wait_seconds:.0f} s")
        elif event.step == "fetching":
            say(f"fetching {event.files} files")
        elif event.step != "fetched":
            say(event.step)
        elif event.whole:
            say(f"fetched a file of {event.rows} lines")

    return tell


def _waiting(key: AssetKey, partition: str, error: NotReadyError) -> AssetObservation:
    again = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=error.wait_seconds)
    return AssetObservation(
        key,
        partition=partition,
        description="The server is still at work; the job is kept.",
        metadata={
            "state": "waiting",
            "server_says": error.said,
            "ask_again": MetadataValue.timestamp(again),
        },
    )


def _facts(exported: Exported) -> dict[str, Any]:
    return {
        "dagster/row_count": sum(exported.rows.values()),
        "delivery": exported.delivery.name,
        "new": exported.new,
        "kind": exported.kind,
        "transaction_time": MetadataValue.timestamp(exported.transaction_time),
        "rows": dict(exported.rows),
        "repeated_lines_left_out": exported.dropped,
        "server_remarks": dict(exported.remarks),
        "deleted_at_server": str(exported.deleted_at_server),
    }
