"""The tables of the analysis zone as assets, one for each microdata policy, and their checks.

Belongs here: reading what the microdata door takes, and reporting what came of it. Does not belong
here: how a table is made, measured and told about (``publication.microdata_tables``).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    multi_asset,
    multi_asset_check,
)

from pipelines.assets.doors import read_warehouse
from pipelines.assets.journal import OWNERS, WRITER
from pipelines.assets.measure import Measure
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.ingest.ledger import latest_transaction
from pipelines.publication.microdata_rules import MicrodataTable, microdata_tables
from pipelines.publication.microdata_tables import Restricted, sweep, verify, write_table
from pipelines.resources import FolkepulsResource, pseudonym_key, warehouse
from pipelines.settings import Zones

GROUP = "analysis"
HOLDS = "holds_to_its_policy_as_written"
LEGAL = ("legal", "use", "recipient", "agreement", "purpose", "policy", "release")
"""What Dagster's metadata say of every table, as the file itself does."""

POPULATION = "intermediate.int_register_population"
MEASURES = ("intermediate.int_measure_values", "intermediate.int_persons")
TRUTH = """
    select
        measured.measure_id,
        measured.service,
        measured.year,
        measured.municipality_code,
        measured.year - extract(year from persons.birth_date) as age,
        cast(sum(measured.value) as double) as value
    from intermediate.int_measure_values as measured
    inner join intermediate.int_persons as persons on measured.person_id = persons.person_id
    where measured.municipality_code is not null and list_contains(?, measured.measure_id)
    group by all
    order by all
"""


@cache
def declared() -> Mapping[str, MicrodataTable]:
    """The tables that the catalogue declares; its files are read once."""
    return microdata_tables(catalogue())


def key_of(table: MicrodataTable) -> AssetKey:
    """The asset of a table.

    Args:
        table: The table.
    """
    return AssetKey(["microdata", table.name])


def read_restricted(
    zones: Zones, entries: Catalogue, tables: Iterable[MicrodataTable]
) -> Mapping[str, Restricted]:
    """What the door reads, by the model that tables are made from.

    Args:
        zones: The zones.
        entries: The loaded catalogue.
        tables: The tables.
    """
    tables = list(tables)
    register = read_warehouse(zones, POPULATION).rename({"persons_end": "persons"})
    population = register if register["persons"].count() else None
    named = {name for table in tables for name in table.rules.indicators}
    with warehouse(zones) as connection:
        truth = connection.sql(TRUTH, params=[_measures(entries, named)]).pl()
    return {
        source: Restricted(read_warehouse(zones, source), population, truth)
        for source in sorted({table.rules.source for table in tables})
    }


def _measures(entries: Catalogue, named: Iterable[str]) -> list[str]:
    """Measures that the bias of some indicators is held against."""
    sides = [
        side
        for name in named
        for side in (entries.indicators[name].numerator, entries.indicators[name].denominator)
    ]
    return sorted({side.measure for side in sides})


def microdata_assets() -> list[AssetsDefinition]:
    """The tables of the analysis zone and the check of each, which stops the run when it is red."""
    tables = declared()

    @multi_asset(
        name="microdata",
        specs=[
            AssetSpec(
                key_of(table),
                deps=[
                    AssetKey(name.split("."))
                    for name in (table.rules.source, POPULATION, *MEASURES)
                ],
                description=table.entry.texts["en"].rule,
                group_name=GROUP,
                owners=OWNERS,
                kinds={"parquet"},
            )
            for table in tables.values()
        ],
        pool=WRITER,
    )
    def microdata(folkepuls: FolkepulsResource) -> Iterator[MaterializeResult[Any]]:
        """Make every table that the catalogue declares, each under pseudonyms of its own."""
        zones, entries = folkepuls.zones(), catalogue()
        settings = folkepuls.settings()
        release = latest_transaction(zones, settings.as_of)
        given = read_restricted(zones, entries, tables.values())
        sweep(zones, list(tables))
        for table in tables.values():
            measure = Measure()
            told = write_table(
                zones,
                table,
                given[table.rules.source],
                key=pseudonym_key(settings),
                release=release,
                entries=entries,
            )
            path = zones.microdata / f"{table.name}.parquet"
            figures = (
                {"made": False, "why": told["why"]}
                if not told["made"]
                else {
                    **measure.of(told["risk"]["records"], path),
                    "made": True,
                    "k": told["risk"]["k"],
                    "classes": told["risk"]["classes"],
                    "suppressed": told["suppressed"],
                    "years_left_out": len(told["years_left_out"]),
                    "loss": told["loss"],
                }
            )
            yield MaterializeResult(
                asset_key=key_of(table),
                metadata={**{name: told[name] for name in LEGAL}, **figures},
            )

    @multi_asset_check(
        name="microdata_checks",
        specs=[
            AssetCheckSpec(
                HOLDS,
                asset=key_of(table),
                blocking=True,
                description="The table is measured again from its bytes, and held to its policy.",
            )
            for table in tables.values()
        ],
        pool=WRITER,
    )
    def holds(folkepuls: FolkepulsResource) -> Iterator[AssetCheckResult]:
        yield from verdicts(folkepuls)

    return [microdata, holds]


def verdicts(folkepuls: FolkepulsResource) -> Iterator[AssetCheckResult]:
    """Every table as it lies in the analysis zone, held to its policy.

    Args:
        folkepuls: The zones and settings.
    """
    zones, settings = folkepuls.zones(), folkepuls.settings()
    release = latest_transaction(zones, settings.as_of)
    rows: dict[str, pl.DataFrame] = {}
    for table in declared().values():
        source = table.rules.source
        if source not in rows:
            rows[source] = read_warehouse(zones, source)
        given = Restricted(rows[source], None, pl.DataFrame()).of(table)
        found = verify(zones, table, given, release)
        yield AssetCheckResult(
            check_name=HOLDS,
            asset_key=key_of(table),
            passed=not found,
            metadata={"violations": len(found), "what": " ".join(found)},
        )
