"""The microdata door: strata that everything is counted by, and person-years for analysts.

Belongs here: reading what the door takes and writing what it gives. Does not belong here: how
k-anonymity is reached (``anonymization``).
"""

from pathlib import Path
from typing import Any

import polars as pl
from dagster import AssetKey, MaterializeResult, asset

from anonymization.partition import k_anonymous_strata
from anonymization.person_year_table import person_years, person_years_violations
from pipelines.assets.journal import OWNERS, WRITER
from pipelines.assets.measure import Measure
from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import OPEN_AGE
from pipelines.ingest.ledger import latest_transaction
from pipelines.resources import FolkepulsResource, pseudonym_key, warehouse
from pipelines.settings import Zones, atomic_write

FIVE_YEAR_BANDS = tuple(range(0, 100, 5))
RECIPIENT = "analysts"


def least_class(entries: Catalogue) -> int:
    """The k of strata and person-years: one policy, so that both doors agree.

    Args:
        entries: The loaded catalogue.

    Raises:
        ValueError: The policy's k is not a whole number of at least two.
    """
    k = entries.policies["person_years"].rules.get("k")
    if not isinstance(k, int) or k < 2:
        raise ValueError(f"policies/person_years.yml: rules.k: expected 2 or more, got {k!r}")
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
    entries = catalogue()
    strata = k_anonymous_strata(
        read_warehouse(zones, "intermediate.int_resident_counts"),
        least_class(entries),
        FIVE_YEAR_BANDS,
        entries.cuts(),
    )
    # Where a whole area and sex has fewer than k, its one stratum reaches past every age limit:
    # so it straddles each of them, and nothing is counted in it.
    marked = strata.with_columns(
        age_to=pl.when("below_k").then(OPEN_AGE + 1).otherwise("age_to").cast(pl.Int32)
    )
    with atomic_write(zones.strata_map) as path:
        marked.drop("below_k").write_parquet(path)
    return MaterializeResult(
        metadata={
            **measure.of(marked.height, zones.strata_map),
            "areas_and_sexes_below_k": int(strata["below_k"].sum()),
        }
    )


@asset(
    key=["doors", "person_years"],
    deps=[
        AssetKey(["intermediate", "int_person_year_attributes"]),
        AssetKey(["doors", "strata_map"]),
    ],
    group_name="doors",
    owners=OWNERS,
    kinds={"parquet"},
    pool=WRITER,
)
def person_year_microdata(folkepuls: FolkepulsResource) -> MaterializeResult[Any]:
    """The k-anonymous person-years, under pseudonyms of their own."""
    measure = Measure()
    zones = folkepuls.zones()
    entries = catalogue()
    result = person_years(
        read_warehouse(zones, "intermediate.int_person_year_attributes"),
        pl.read_parquet(zones.strata_map),
        key=pseudonym_key(folkepuls.settings()),
        release=latest_transaction(zones, folkepuls.settings().as_of),
        recipient=RECIPIENT,
        k=least_class(entries),
    )
    with atomic_write(zones.microdata / "person_years.parquet") as path:
        result.table.write_parquet(path)
        _hold(path, least_class(entries))
    return MaterializeResult(
        metadata={
            **measure.of(result.table.height, zones.microdata / "person_years.parquet"),
            "left_out_below_k": result.suppressed,
            "smallest_class": result.smallest_class or 0,
            "classes": result.classes,
        }
    )


def _hold(path: Path, k: int) -> None:
    """Measure the file before it gets its name, by nothing but its bytes.

    Raises:
        ValueError: The file does not hold to the policy; it is not published.
    """
    found = person_years_violations(pl.read_parquet(path), k)
    if found:
        raise ValueError(
            f"doors/person_years: what was written does not hold and is not published. "
            f"{' '.join(found)} This is a defect: keep the warehouse and tell the maintainers."
        )
