"""A release candidate of a few indicators, made step by step in this process.

Belongs here: the pipeline's own steps in their order, without Dagster, dbt and a process of its
own, which take most of a small run's time. Does not belong here: what must come of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from anonymization.keys import Key
from pipelines.assets.doors import read_warehouse, strata_of
from pipelines.assets.release import POPULATION, denominator_source, read_marts
from pipelines.clients.population_register import chosen, lay_out
from pipelines.ingest import ingest_pending
from pipelines.ingest.ledger import delivered_years, origin_of
from pipelines.publication.build import build
from pipelines.publication.release import Origin, write_candidate
from pipelines.settings import Zones, reference_dir
from pipelines.synthetic import SyntheticSettings, generate_tables, write_extract, write_register
from tests.support.compiled_models import Dbt, QuickWarehouse
from tests.support.few_indicators import few

KEY = Key("tests", 1, bytes(range(32)))
"""The key of ``demo_run.KEY_FILE``."""
MARTS = (
    "marts.fct_indicator_counts",
    "marts.fct_flow_counts",
    "marts.fct_coverage",
    "marts.fct_month_counts",
    "marts.fct_month_coverage",
)
RESIDENTS = "intermediate.int_resident_counts"


def deliver(settings: SyntheticSettings, zones: Zones) -> None:
    """Put a region's deliveries and its population register into a home."""
    region = generate_tables(settings)
    write_extract(region, zones.inbox)
    write_register(region, zones.register / "synthetic")


def undisturbed(delivered: Zones, home: Path, dbt: Dbt) -> Zones:
    """Make the candidate of what was delivered elsewhere in a home of its own.

    Args:
        delivered: Where the deliveries and the population register lie.
        home: The new home.
        dbt: The parsed and compiled project.
    """
    made = QuickWarehouse(home, dbt)
    zones, entries = made.zones, few()
    shutil.copytree(delivered.inbox, zones.inbox, dirs_exist_ok=True)
    shutil.copytree(delivered.register / "synthetic", zones.register / "synthetic")
    ingest_pending(zones, KEY)
    origin, years = Origin(*origin_of(zones)), delivered_years(zones)
    settings = made.settings
    made.write_catalogue(years, entries, settings.public_denominators)
    lay_out(zones, chosen(zones, settings.population_register, synthetic_persons=True))
    made.run("staging", "intermediate")
    made.keep(RESIDENTS, POPULATION)
    strata_of(read_warehouse(zones, RESIDENTS), entries).drop("below_k").write_parquet(
        zones.strata_map
    )
    made.go_on("marts")
    made.keep(*MARTS)
    made.close()
    register = denominator_source(settings, synthetic_persons=origin.synthetic)
    inhabitants = read_warehouse(zones, POPULATION) if register is not None else None
    candidate = build(read_marts(zones), entries, reference_dir(), years, register, inhabitants)
    write_candidate(zones, candidate.tables, candidate.exact, candidate.certificate, origin)
    return zones
