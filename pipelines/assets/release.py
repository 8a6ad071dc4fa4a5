"""The table door and the release, as assets.

Belongs here: reading the marts, handing them to publication, and reporting counts. Does not
belong here: protection, rates or files (``publication``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    MaterializeResult,
    asset,
)

from pipelines.assets.doors import read_warehouse
from pipelines.assets.journal import OWNERS, WRITER
from pipelines.assets.measure import Measure
from pipelines.assets.quality import verdict
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.tables import county_members
from pipelines.checks.run import check_published
from pipelines.clients.population_register import Provenance, chosen
from pipelines.ingest.ledger import delivered_years, origin_of
from pipelines.publication.build import build
from pipelines.publication.figures import Marts
from pipelines.publication.reaudit import audit_files
from pipelines.publication.release import (
    Origin,
    awaiting_publication,
    publish,
    write_candidate,
)
from pipelines.publication.standing import ReleaseError
from pipelines.publication.steward_report import write_steward_report
from pipelines.resources import FolkepulsResource
from pipelines.settings import Settings, Zones, reference_dir

CANDIDATE = AssetKey(["release", "candidate"])
POPULATION = "intermediate.int_register_population"


def read_marts(zones: Zones) -> Marts:
    """The exact counts that publication starts from.

    Args:
        zones: The zones.
    """
    # Person-years are added in the order in which threads finish: their last bits are chance, and
    # must not decide a verdict that hangs by a hair.
    exact = cs.float().round(9)
    return Marts(
        indicator_counts=read_warehouse(zones, "marts.fct_indicator_counts").with_columns(exact),
        flow_counts=read_warehouse(zones, "marts.fct_flow_counts").with_columns(exact),
        coverage=read_warehouse(zones, "marts.fct_coverage"),
        strata_map=pl.read_parquet(zones.strata_map),
        month_counts=read_warehouse(zones, "marts.fct_month_counts").with_columns(exact),
        month_coverage=read_warehouse(zones, "marts.fct_month_coverage"),
        breakdown_counts=read_warehouse(zones, "marts.fct_breakdown_counts").with_columns(exact),
        pooled_counts=read_warehouse(zones, "marts.fct_pooled_counts").with_columns(exact),
        pooled_coverage=read_warehouse(zones, "marts.fct_pooled_coverage"),
        pooled_strata=read_warehouse(zones, "marts.fct_pooled_strata").with_columns(exact),
        medians=read_warehouse(zones, "marts.fct_medians").with_columns(exact),
        counties=county_members(reference_dir()).rename({"municipality_code": "area_code"}),
    )


def denominator_source(settings: Settings, *, synthetic_persons: bool) -> Provenance | None:
    """Where the register below public figures comes from, null where the journal counts.

    Args:
        settings: Settings of this process.
        synthetic_persons: Some of the persons taken in do not exist.
    """
    if settings.public_denominators == "journal":
        return None
    choice = settings.population_register
    register = chosen(settings.zones, choice, synthetic_persons=synthetic_persons)
    return register.provenance if register is not None else None


@asset(
    key=CANDIDATE,
    deps=[
        AssetKey(["marts", "fct_indicator_counts"]),
        AssetKey(["marts", "fct_flow_counts"]),
        AssetKey(["marts", "fct_coverage"]),
        AssetKey(["marts", "fct_month_counts"]),
        AssetKey(["marts", "fct_month_coverage"]),
        AssetKey(["marts", "fct_breakdown_counts"]),
        AssetKey(["marts", "fct_pooled_counts"]),
        AssetKey(["marts", "fct_pooled_coverage"]),
        AssetKey(["marts", "fct_pooled_strata"]),
        AssetKey(["marts", "fct_medians"]),
        AssetKey(["doors", "strata_map"]),
        AssetKey(POPULATION.split(".")),
    ],
    check_specs=[
        AssetCheckSpec(
            "published_tables_keep_their_contract",
            asset=CANDIDATE,
            blocking=True,
            description="Great Expectations on the candidate as written.",
        ),
        AssetCheckSpec(
            "nothing_hidden_can_be_recovered",
            asset=CANDIDATE,
            blocking=True,
            description="The disclosure audit again, on the candidate's files.",
        ),
    ],
    group_name="release",
    owners=OWNERS,
    kinds={"parquet"},
    pool=WRITER,
)
def release_candidate(
    context: AssetExecutionContext, folkepuls: FolkepulsResource
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Protect the exact counts, compute what may be shown, and write the candidate."""
    measure, zones = Measure(), folkepuls.zones()
    marts, entries = read_marts(zones), catalogue()
    settings = folkepuls.settings()
    as_of = settings.as_of
    origin = Origin(*origin_of(zones, as_of))
    register = denominator_source(settings, synthetic_persons=origin.synthetic)
    years = delivered_years(zones, as_of)
    inhabitants = read_warehouse(zones, POPULATION) if register is not None else None
    candidate = build(
        marts, entries, reference_dir(), years, register, inhabitants, settings.border_set
    )
    release_id = write_candidate(
        zones, candidate.tables, candidate.exact, candidate.certificate, origin
    )
    folder = zones.releases / release_id
    results = check_published(folder, context.run_id, zones.steward, signed=False)
    audit = audit_files(folder, marts, entries)
    blocking = [f"{check.suite}.{check.check_id}" for check in results if check.is_blocking]
    write_steward_report(zones, release_id, candidate, blocking, audit, marts, origin)
    values = candidate.tables["indicator_values"]
    statuses = dict(values.group_by("value_status").len().sort("value_status").iter_rows())
    yield MaterializeResult(
        asset_key=CANDIDATE,
        metadata={
            "release_id": release_id,
            **measure.of(values.height, *folder.glob("*.parquet")),
            **{f"figures_{status}": count for status, count in statuses.items()},
        },
    )
    yield verdict(results, "published_tables_keep_their_contract", CANDIDATE)
    yield AssetCheckResult(
        check_name="nothing_hidden_can_be_recovered",
        asset_key=CANDIDATE,
        passed=audit.ok,
        metadata={"cells_hidden": audit.hidden, "cells_recovered": audit.recovered},
    )


def verified(folder: Path) -> None:
    """Hold a finished release to the contract of published tables, signature included.

    Args:
        folder: Folder of the release.

    Raises:
        ReleaseError: A check that blocks is red; names the checks.
    """
    results = check_published(folder, folder.name)
    red = sorted(f"{check.suite}.{check.check_id}" for check in results if check.is_blocking)
    if red:
        raise ReleaseError(
            f"The finished release breaks its contract: {', '.join(red)}. Nothing was published."
        )


@asset(
    key=["release", "published"],
    deps=[CANDIDATE],
    group_name="published",
    owners=OWNERS,
    kinds={"parquet", "duckdb"},
)
def published_release(folkepuls: FolkepulsResource) -> MaterializeResult[Any]:
    """Publish every approved candidate that is not published yet."""
    zones = folkepuls.zones()
    waiting = awaiting_publication(zones)
    for release_id in waiting:
        publish(zones, release_id, verified)
    return MaterializeResult(metadata={"releases": len(waiting)})
