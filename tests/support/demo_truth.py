"""The truth that the synthetic region was written with, by the labels that are published.

Belongs here: reading it from a home. Does not belong here: comparing. Tests alone may read it.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.settings import Zones


def truth_of(zones: Zones, specs: Iterable[Indicator]) -> pl.DataFrame:
    """Exact figures by indicator, area, sex, age group and year.

    Where an indicator has one age group, its figure is published as the total and as that group;
    the truth holds the total.
    """
    totals = pl.read_parquet(zones.truth / "indicator_truth.parquet")
    only = [
        (spec.id, bands[0][2])
        for spec in specs
        if spec.counting == "strata" and len(bands := spec.age_bands()) == 1
    ]
    labels = pl.DataFrame(only, schema=["indicator_id", "label"], orient="row")
    groups = totals.filter(pl.col("age_group") == "total").join(labels, on="indicator_id")
    renamed = groups.with_columns(age_group=pl.col("label")).select(totals.columns)
    return pl.concat([totals, renamed])


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
