"""The standards that figures are adjusted to, and each area's own bands with their weights.

Belongs here: which population is the standard, and its weights over the bands that an area has.
Does not belong here: the rates (``rates``) and the method (``pipelines.epidemiology``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.catalogue.model import OPEN_AGE, Indicator
from pipelines.epidemiology import merged_weights, read_standard_population
from pipelines.publication.figures import (
    AREA,
    FIGURE,
    PERIOD,
    REGION,
    TOTAL,
    Marts,
    partition,
    stratum_rows,
)

SEXES = ("female", "male")
ESP2013_FILE = "european_standard_population_2013.csv"
COARSE_MERGE = 3.0
"""Bands of the region that an area's band may hold on average (over the standard's persons)
before its age adjustment is called coarse: three five-year bands are fifteen years of age."""


@dataclass(frozen=True)
class Standards:
    """Standard populations by value kind.

    Args:
        esp2013: European Standard Population 2013: age_from, age_to, weight; used for both
            sexes alike.
        region: The region's own structure: sex, age_from, age_to, weight (persons).
    """

    esp2013: pl.DataFrame
    region: pl.DataFrame

    @classmethod
    def of(cls, marts: Marts, specs: Sequence[Indicator], reference: Path) -> Standards:
        """The standards of a release.

        Args:
            marts: The marts.
            specs: Indicators to publish.
            reference: Folder of the reference facts.
        """
        return cls(
            read_standard_population(reference / ESP2013_FILE), region_standard(marts, specs)
        )


def region_standard(marts: Marts, specs: Sequence[Indicator]) -> pl.DataFrame:
    """The region's population by sex and age in the last period, one standard for all figures.

    Taken from the public denominator on a date of an indicator over all ages, so that periods
    and indicators are adjusted to the same people.

    Args:
        marts: The marts.
        specs: Indicators to publish.

    Returns:
        One row per sex and band of the region: sex, age_from, age_to, weight.

    Raises:
        ValueError: If no indicator has such a denominator, or the region has no rows of it.
    """
    sources = [
        spec.id
        for spec in sorted(specs, key=lambda spec: (spec.timing != "on_date", spec.id))
        if spec.denominator.public
        and spec.counting == "strata"
        and spec.ages.min == 0
        and spec.age_max == OPEN_AGE
    ]
    rows = stratum_rows(marts).filter(
        pl.col("area_level") == REGION, pl.col("indicator_id").is_in(sources[:1])
    )
    if rows.is_empty():
        msg = (
            "region standard: expected an indicator over all ages with a public denominator and "
            f"rows of the region; got {sources[:1] or 'no such indicator'}"
        )
        raise ValueError(msg)
    latest = rows.filter(pl.col("period_start") == pl.col("period_start").max())
    return latest.select("sex", "age_from", "age_to", weight="denominator").sort("sex", "age_from")


def weighted_bands(marts: Marts, standards: Standards) -> pl.DataFrame:
    """The bands of every area with the weight of each standard.

    Returns:
        One row per area, sex and band: age_from, age_to, direct_esp2013 and direct_region
        (weights), merged (bands of the region that the band holds).
    """
    bands = partition(marts).filter(pl.col("sex") != TOTAL)
    region_starts = bands.filter(pl.col("area_level") == REGION).select("sex", start="age_from")
    merged = (
        bands.join(region_starts, on="sex", how="left")
        .group_by(*AREA, "sex", "age_from", "age_to")
        .agg(merged=pl.col("start").is_between(pl.col("age_from"), pl.col("age_to")).sum())
    )
    per_sex = []
    for sex in SEXES:
        own = merged.filter(pl.col("sex") == sex)
        region = standards.region.filter(pl.col("sex") == sex)
        per_sex.append(
            own.with_columns(
                merged_weights(standards.esp2013, own).alias("direct_esp2013"),
                merged_weights(region, own).alias("direct_region"),
            )
        )
    return pl.concat(per_sex).with_columns(pl.col("merged").cast(pl.Float64).clip(lower_bound=1.0))


def standard_strata(counted: pl.DataFrame, marts: Marts, standards: Standards) -> pl.DataFrame:
    """The strata behind every exact figure over all ages, with weights.

    Args:
        counted: ``figures.figures`` of the release.
        marts: The marts.
        standards: The standard populations.

    Returns:
        One row per figure, base sex and band: the keys of ``figures.FIGURE``, base,
        age_from, age_to, numerator, denominator, numerator_sq, numerator_persons (0 without
        contributions) and the columns of ``weighted_bands``.
    """
    totals = counted.filter(
        pl.col("exact"), pl.col("age_group") == TOTAL, pl.col("numerator_sq").is_not_null()
    )
    base = pl.DataFrame({"sex": [*SEXES, TOTAL, TOTAL], "base": [*SEXES, *SEXES]})
    bands = weighted_bands(marts, standards).rename({"sex": "base"})
    inside = (pl.col("age_from") >= pl.col("low")) & (pl.col("age_to") <= pl.col("high"))
    strata = (
        totals.select(*FIGURE, "low", "high")
        .join(base, on="sex")
        .join(bands, on=[*AREA, "base"])
        .filter(inside)
        .drop("low", "high")
    )
    counts = stratum_rows(marts).select(
        "indicator_id",
        *AREA,
        *PERIOD,
        "age_from",
        "age_to",
        "numerator",
        "denominator",
        "numerator_sq",
        "numerator_persons",
        base="sex",
    )
    keys = ["indicator_id", *AREA, *PERIOD, "base", "age_from", "age_to"]
    return strata.join(counts, on=keys, how="left").with_columns(
        pl.col("numerator", "denominator", "numerator_sq").fill_null(0.0),
        pl.col("numerator_persons").fill_null(0),
    )
