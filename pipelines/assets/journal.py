"""The pseudonym door, as assets: what the inbox holds, and the restricted journal tables.

Belongs here: handing deliveries of one partition to the ingest and reporting counts. Does not
belong here: anything the ingest does.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Failure,
    MaterializeResult,
    MultiPartitionKey,
    multi_asset,
)

from pipelines.catalogue.entities import restricted_tables
from pipelines.catalogue.profiles import SourceProfile
from pipelines.catalogue.sources import load_sources
from pipelines.ingest import DeliveryResult, Options, ingest_delivery, pending_deliveries
from pipelines.ingest.ledger import DELIVERY_TABLE
from pipelines.partitions import deliveries, export_key
from pipelines.resources import FolkepulsResource, key_provider
from pipelines.settings import Settings

OWNERS = ["team:folkepuls"]
WRITER = "restricted_writer"
"""Pool of one: the restricted zone takes a single writing process."""

TABLES: Mapping[str, str] = {
    **{name: table.grain["en"] for name, table in restricted_tables().items()},
    DELIVERY_TABLE: "One row per delivery and table it has brought",
}
"""Restricted tables and what one row of each is."""


def inbox(profiles: Sequence[SourceProfile]) -> list[AssetSpec]:
    """The inbox of each source, as something Dagster knows of and does not make.

    Args:
        profiles: Source profiles, whose exports come into it.
    """
    return [
        AssetSpec(
            ["inbox", source.id],
            deps=[export_key(each) for each in profiles if each.site.source == source.id],
            description=source.texts["en"].description,
            group_name="identified",
            owners=OWNERS,
        )
        for source in load_sources().values()
    ]


@multi_asset(
    specs=[
        AssetSpec(
            ["journal", name],
            deps=[AssetKey(["inbox", source]) for source in load_sources()],
            description=grain,
            group_name="journal",
            owners=OWNERS,
            kinds={"parquet"},
            # An organisation brings the tables it has, not all there are.
            skippable=True,
        )
        for name, grain in TABLES.items()
    ],
    partitions_def=deliveries,
    pool=WRITER,
)
def journal(
    context: AssetExecutionContext, folkepuls: FolkepulsResource
) -> Iterator[MaterializeResult[Any]]:
    """Take in what one organisation delivered about one period."""
    key = context.partition_key
    if not isinstance(key, MultiPartitionKey):
        raise Failure(f"expected a partition of organisation and period, got {key!r}")
    wanted = (key.keys_by_dimension["organisation"], key.keys_by_dimension["period"])
    zones, settings = folkepuls.zones(), folkepuls.settings()
    results = [
        ingest_delivery(
            waiting.folder,
            zones=zones,
            key=key_provider(settings).current(),
            options=ingest_options(settings),
        )
        for waiting in pending_deliveries(zones, settings.inbox_url)
        if (waiting.delivering_organisation, waiting.period_start.isoformat()) == wanted
    ]
    rows = Counter[str]()
    for result in results:
        rows.update(result.tables)
        rows[DELIVERY_TABLE] += len(result.tables)
    for name in sorted(rows):
        yield MaterializeResult(
            asset_key=["journal", name],
            metadata={"dagster/row_count": rows[name], **_accounts(results)},
        )


def ingest_options(settings: Settings) -> Options:
    """How the ingest runs under these settings; lines in quarantine are sealed with the key.

    Args:
        settings: Settings of this process.
    """
    return Options(threads=settings.threads, quarantine_key=key_provider(settings).current())


def _accounts(results: list[DeliveryResult]) -> dict[str, int | float]:
    files = [file for result in results for file in result.files]
    return {
        "seconds": round(sum(result.seconds for result in results), 2),
        "bytes": sum(file.text_bytes for file in files),
        "deliveries": len(results),
        "deliveries_refused": sum(result.state == "refused" for result in results),
        "files_refused": sum(file.state == "refused" for file in files),
        "fields_unexpected": sum(len(file.unexpected_fields) for file in files),
        "lines_loaded": sum(file.loaded_rows for file in files),
        "lines_quarantined": sum(file.quarantined_rows for file in files),
    }
