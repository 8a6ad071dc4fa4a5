"""The truth of several years together, from that of single ones.

Belongs here: adding up. Does not belong here: comparing. Tests alone may read it.
"""

from __future__ import annotations

import polars as pl

from pipelines.catalogue.loader import catalogue

KEY = ["indicator_id", "area_code"]
COUNTS = ["numerator", "denominator"]
REST = "rest"
"""Stands for who is in the region and in no municipality."""
YEARS = 3
"""The years that the tests' regions hold: longer periods have no figures there yet."""


def pooled_ids() -> list[str]:
    """The indicators that are published over ``YEARS`` years together too."""
    return [one.id for one in catalogue().indicators.values() if one.pooled_years == YEARS]


def covered_years(truth: pl.DataFrame) -> pl.DataFrame:
    """Totals of covered years, and what is nobody's.

    Args:
        truth: ``indicator_truth``.

    Returns:
        indicator_id, area_code (``rest`` too), year, numerator, denominator.
    """
    totals = truth.filter(
        pl.col("indicator_id").is_in(pooled_ids()),
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
        pl.col("coverage_state") != "not_covered",
    )
    signed = totals.with_columns(
        pl.when(pl.col("area_code") == "MIDT").then(pl.col(COUNTS)).otherwise(-pl.col(COUNTS))
    )
    rest = signed.group_by("indicator_id", "year").agg(pl.col(COUNTS).sum())
    named = rest.with_columns(area_code=pl.lit(REST))
    columns = [*KEY, "year", *COUNTS]
    return pl.concat([totals.select(columns), named.select(columns)])


def added_up(years: pl.DataFrame) -> pl.DataFrame:
    """All years of areas that are covered in each; the region holds those, and the rest.

    Args:
        years: ``covered_years``.

    Returns:
        indicator_id, area_code, numerator, denominator.
    """
    sums = years.group_by(KEY).agg(pl.col(COUNTS).sum(), pl.len())
    local = sums.filter(pl.col("len") == years["year"].n_unique(), pl.col("area_code") != "MIDT")
    whole = local.group_by("indicator_id").agg(pl.col(COUNTS).sum())
    region = whole.with_columns(area_code=pl.lit("MIDT"))
    places = local.filter(pl.col("area_code") != REST).drop("len")
    return pl.concat([places, region.select(places.columns)])
