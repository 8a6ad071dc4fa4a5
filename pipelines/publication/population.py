"""The table ``population``: inhabitants by municipality, sex and age, from the public register.

Belongs here: what of the register is published beside the indicators. Does not belong here: where
the register comes from (``clients.population_register``) and person-time below rates
(``dbt_project``). The counts are public facts before they come here; nothing is hidden.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from pipelines.publication.figures import MUNICIPALITY, REGION
from pipelines.publication.reference_tables import REGION as REGION_CODE

BAND: Final = 5
"""Years of age in a group."""
OPEN: Final = 95
"""Age from which on all are one group."""
SCHEMA: Final = {
    "area_level": pl.String,
    "area_code": pl.String,
    "on_date": pl.Date,
    "sex": pl.String,
    "age_from": pl.Int64,
    "age_group": pl.String,
    "value": pl.Int64,
    "value_status": pl.String,
}


def population_table(register: pl.DataFrame | None) -> pl.DataFrame:
    """Inhabitants on the last day of each year.

    Args:
        register: ``int_register_population``: year, municipality_code, sex, age (years) and
            persons_end (persons; null where the register does not tell). None where public
            denominators are counted in the journal: what it counts is not public.

    Returns:
        One row per area, 31 December, sex (female | male) and group of five years of age: age_from,
        age_group (``0-4`` … ``95+``), value (persons; null where some part is not known) and
        value_status (ok | missing). The region is the sum of its municipalities. Empty without a
        register.
    """
    if register is None:
        return pl.DataFrame(schema=SCHEMA)
    first = (pl.col("age") // BAND * BAND).clip(upper_bound=OPEN).cast(pl.Int64)
    towns = register.select(
        pl.lit(MUNICIPALITY).alias("area_level"),
        pl.col("municipality_code").alias("area_code"),
        pl.date(pl.col("year"), 12, 31).alias("on_date"),
        "sex",
        first.alias("age_from"),
        pl.col("persons_end").cast(pl.Int64),
    )
    whole = towns.with_columns(area_level=pl.lit(REGION), area_code=pl.lit(REGION_CODE))
    keys = ["area_level", "area_code", "on_date", "sex", "age_from"]
    # A sum of cells of which one is not known is not known.
    known = pl.when(pl.col("persons_end").null_count() == 0).then(pl.col("persons_end").sum())
    age = pl.when(pl.col("age_from") == OPEN).then(pl.format("{}+", "age_from"))
    return (
        pl.concat([towns, whole])
        .group_by(keys)
        .agg(value=known)
        .with_columns(
            age_group=age.otherwise(pl.format("{}-{}", "age_from", pl.col("age_from") + BAND - 1)),
            value_status=pl.when(pl.col("value").is_null())
            .then(pl.lit("missing"))
            .otherwise(pl.lit("ok")),
        )
        .select(list(SCHEMA))
        .sort(keys)
    )
