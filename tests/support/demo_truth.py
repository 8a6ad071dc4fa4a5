"""The truth that the synthetic region was written with, by the labels that are published.

Belongs here: reading it from a home. Does not belong here: comparing. Tests alone may read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.settings import Zones

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"
COUNTIES = (
    pl.read_csv(REFERENCE / "municipalities.csv", infer_schema=False)
    .filter(pl.col("county_code").is_in(["15", "50"]))
    .select("county_code", area_code="municipality_code")
)
"""The municipalities of Møre og Romsdal and Trøndelag."""


def truth_of(zones: Zones, specs: Iterable[Indicator]) -> pl.DataFrame:
    """Exact figures by indicator, area, sex, age group and year.

    Where an indicator has one age group, its figure is published as the total and as that group;
    the truth holds the total.
    """
    specs = list(specs)
    truth = pl.read_parquet(zones.truth / "indicator_truth.parquet")
    totals = _with_counties(zones, truth, {spec.id: float(spec.multiplier) for spec in specs})
    only = [
        (spec.id, bands[0][2])
        for spec in specs
        if spec.counting == "strata" and len(bands := spec.age_bands()) == 1
    ]
    labels = pl.DataFrame(only, schema=["indicator_id", "label"], orient="row")
    groups = totals.filter(pl.col("age_group") == "total").join(labels, on="indicator_id")
    renamed = groups.with_columns(age_group=pl.col("label")).select(totals.columns)
    return pl.concat([totals, renamed])


def _with_counties(
    zones: Zones, truth: pl.DataFrame, multipliers: Mapping[str, float]
) -> pl.DataFrame:
    """The truth, counties' totals too: what the truth has of their covered municipalities.

    Those of which the release says that their ages are merged with others are left out.
    """
    values = pl.read_parquet(zones.published / "current" / "indicator_values.parquet")
    coarse = values.filter(pl.col("status_reason") == "age_groups_merged").select(
        "indicator_id", "area_code", "sex", "age_group", year=pl.col("period_start").dt.year()
    )
    local = truth.filter(
        pl.col("area_level") == "municipality",
        pl.col("coverage_state") != "not_covered",
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
    ).join(COUNTIES, on="area_code")
    local = local.join(coarse, on=coarse.columns, how="anti")
    keys = ["indicator_id", "sex", "age_group", "year"]
    sums = local.group_by(*keys, area_code="county_code").agg(
        pl.col("numerator", "denominator", "numerator_persons").sum(),
        area_level=pl.lit("county"),
    )
    of_one = pl.col("indicator_id").replace_strict(multipliers, default=None)
    per = of_one * pl.col("numerator") / pl.col("denominator")
    return pl.concat([truth, sums.with_columns(value=per)], how="diagonal_relaxed").select(
        truth.columns
    )


def truth_by_month(zones: Zones) -> pl.DataFrame:
    """Exact figures by month, all sexes and ages together; keyed as figures are."""
    truth = pl.read_parquet(zones.truth / "indicator_truth_by_month.parquet")
    return truth.rename({"month": "period_start"})


def truth_by_split(zones: Zones) -> pl.DataFrame:
    """Exact figures by value of a split, all sexes and ages together; keyed as figures are."""
    truth = pl.read_parquet(zones.truth / "indicator_truth_by_split.parquet")
    return truth.with_columns(period_start=pl.date(pl.col("year"), 1, 1)).drop("year")


def truth_by_age(zones: Zones) -> pl.DataFrame:
    """Exact figures by single year of age."""
    return pl.read_parquet(zones.truth / "indicator_truth_by_age.parquet")
