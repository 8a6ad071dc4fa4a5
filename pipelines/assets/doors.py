"""The strata that everything is counted by, and reading the restricted warehouse.

Belongs here: reading what the door takes and writing what it gives. Does not belong here: how
k-anonymity is reached (``anonymization``), the tables for analysts (``microdata``).
"""

from typing import Any

import polars as pl
from dagster import AssetKey, MaterializeResult, asset

from anonymization.partition import k_anonymous_strata
from pipelines.assets.journal import OWNERS, WRITER
from pipelines.assets.measure import Measure
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import OPEN_AGE
from pipelines.resources import FolkepulsResource, warehouse
from pipelines.settings import Zones, atomic_write

FIVE_YEAR_BANDS = tuple(range(0, 100, 5))


def least_class(entries: Catalogue) -> int:
    """The k of the strata.

    Args:
        entries: The loaded catalogue.

    Raises:
        ValueError: The policy's k is not a whole number of at least two.
    """
    k = entries.policies["strata"].rules.get("k")
    if not isinstance(k, int) or k < 2:
        raise ValueError(f"policies/strata.yml: rules.k: expected 2 or more, got {k!r}")
    return k


def read_warehouse(zones: Zones, table: str) -> pl.DataFrame:
    """One table of the restricted warehouse.

    Args:
        zones: The zones.
        table: Schema and name, as in ``marts.fct_coverage``; never from outside the code.
    """
    schema, name = table.split(".")
    with warehouse(zones) as connection:
        frame: pl.DataFrame = connection.table(f"{schema}.{name}").pl()
    # The order in which threads happened to write must not decide what a solver meets first.
    return frame.sort(pl.all())


def strata_of(residents: pl.DataFrame, entries: Catalogue) -> pl.DataFrame:
    """Age bands by area and sex, none with fewer than k residents at the end of any year.

    Args:
        residents: Residents by area, sex, age and year: ``intermediate.int_resident_counts``.
        entries: The loaded catalogue: its k, and the ages at which indicators are cut.

    Returns:
        One row per area, sex and band; ``below_k`` marks those where no band reaches k.
    """
    strata = k_anonymous_strata(residents, least_class(entries), FIVE_YEAR_BANDS, entries.cuts())
    # Where a whole area and sex has fewer than k, its one stratum reaches past every age limit:
    # so it straddles each of them, and nothing is counted in it.
    return strata.with_columns(
        age_to=pl.when("below_k").then(OPEN_AGE + 1).otherwise("age_to").cast(pl.Int32)
    )


@asset(
    key=["doors", "strata_map"],
    deps=[AssetKey(["intermediate", "int_resident_counts"])],
    group_name="doors",
    owners=OWNERS,
    kinds={"parquet"},
    pool=WRITER,
)
def strata_map(folkepuls: FolkepulsResource) -> MaterializeResult[Any]:
    """Age bands by area and sex, none with fewer than k residents at the end of any year."""
    measure = Measure()
    zones = folkepuls.zones()
    strata = strata_of(read_warehouse(zones, "intermediate.int_resident_counts"), catalogue())
    with atomic_write(zones.strata_map) as path:
        strata.drop("below_k").write_parquet(path)
    return MaterializeResult(
        metadata={
            **measure.of(strata.height, zones.strata_map),
            "areas_and_sexes_below_k": int(strata["below_k"].sum()),
        }
    )
