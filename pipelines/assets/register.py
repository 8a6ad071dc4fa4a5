"""The population register and what it says of the journal, as assets.

Belongs here: laying out the register that the configuration has chosen, and the steward's
comparison. Does not belong here: fetching and keeping (``clients.population_register``), the check
itself (``checks.register``).
"""

from collections.abc import Iterator
from typing import Any

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    Config,
    MaterializeResult,
    asset,
)
from pydantic import Field

from pipelines.assets.doors import read_warehouse
from pipelines.assets.journal import OWNERS, WRITER
from pipelines.assets.measure import Measure
from pipelines.assets.quality import verdict
from pipelines.checks.denominators import require_denominators
from pipelines.checks.register import check_register
from pipelines.clients.population_register import (
    Register,
    chosen,
    fetch_register,
    keep,
    kept,
    lay_out,
    updated_text,
)
from pipelines.ingest.ledger import delivered_years, latest_transaction, origin_of
from pipelines.resources import FolkepulsResource
from pipelines.settings import Settings, Zones, reference_dir

POPULATION = AssetKey(["register", "population"])
COMPARED = AssetKey(["quality", "register"])
AGREES = "journal_agrees_with_the_register"


class RegisterConfig(Config):
    """How the register is brought up."""

    refresh: bool = Field(
        default=False,
        description="Fetch it from Statistics Norway first, where that register is configured.",
    )


@asset(
    key=POPULATION,
    group_name="register",
    owners=OWNERS,
    kinds={"parquet"},
    pool=WRITER,
)
def population(config: RegisterConfig, folkepuls: FolkepulsResource) -> MaterializeResult[Any]:
    """Residents by municipality, sex and age on 1 January, of the register that is configured."""
    measure, settings, zones = Measure(), folkepuls.settings(), folkepuls.zones()
    if config.refresh and settings.population_register == "ssb":
        _refresh(settings, zones)
    choice, synthetic_persons = settings.population_register, _synthetic_persons(zones)
    register = chosen(zones, choice, synthetic_persons=synthetic_persons)
    if settings.public_denominators == "register":
        require_denominators(
            register,
            delivered_years(zones, settings.as_of),
            reference_dir(),
            choice=choice,
            synthetic_persons=synthetic_persons,
            border_set=settings.border_set,
        )
    path = lay_out(zones, register)
    rows = register.frame.height if register is not None else 0
    return MaterializeResult(metadata={**measure.of(rows, path), **_facts(register)})


def _refresh(settings: Settings, zones: Zones) -> None:
    """Fetch anew, with the coding of the register that is replaced."""
    folder = zones.register / "ssb"
    before = kept(folder)
    coding = before.provenance.coding if before is not None else "plain"
    fetched = fetch_register(
        settings.population_register_url,
        reference_dir(),
        coding=coding,
        border_set=settings.border_set,
    )
    keep(folder, fetched)


def _synthetic_persons(zones: Zones) -> bool | None:
    return origin_of(zones).synthetic if delivered_years(zones) else None


def _facts(register: Register | None) -> dict[str, str | int]:
    if register is None:
        return {"register": "none"}
    origin = register.provenance
    return {
        "register": origin.publisher,
        "source": origin.source,
        "licence": origin.licence,
        "updated": updated_text(origin.updated),
        "retrieved": updated_text(origin.retrieved_at),
        "municipalities": register.frame["municipality"].n_unique(),
        "years": register.frame["on_date"].n_unique(),
        "cells_without_a_number": register.frame["persons"].null_count(),
    }


@asset(
    key=COMPARED,
    deps=[AssetKey(["intermediate", "int_register_comparison"])],
    check_specs=[
        AssetCheckSpec(
            AGREES,
            asset=COMPARED,
            description="Residents by the journal and by the register differ by 2 % at most.",
        )
    ],
    group_name="quality",
    owners=OWNERS,
    kinds={"great_expectations"},
    pool=WRITER,
)
def register_quality(
    context: AssetExecutionContext, folkepuls: FolkepulsResource
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Compare the journal's residents with the register's; tells how many places deviate."""
    measure, zones = Measure(), folkepuls.zones()
    compared: pl.DataFrame = read_warehouse(zones, "intermediate.int_register_comparison")
    moment = latest_transaction(zones, folkepuls.settings().as_of)
    results = check_register(compared, zones.steward, context.run_id, moment)
    yield MaterializeResult(asset_key=COMPARED, metadata=measure.of(compared.height))
    yield verdict(results, AGREES, COMPARED)
