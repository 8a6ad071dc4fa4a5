"""The truth by value of a split, of indicators that are published by service, device and the like.

Belongs here: counting the measures of years (``truth_definitions``) over the events of one value.
Does not belong here: the measures themselves. No step of the pipeline may read it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.model import Region
from pipelines.synthetic.truth_coverage import load_coverage
from pipelines.synthetic.truth_definition import Measure
from pipelines.synthetic.truth_definitions import DEFINITIONS
from pipelines.synthetic.truth_months import REGION_CODE
from pipelines.synthetic.truth_persons import World

UNKNOWN = "unknown"
_KEY = ["area_level", "area_code", "year"]


@dataclass(frozen=True)
class Split:
    """Which events of an indicator are divided, and by which of their columns."""

    indicator_id: str
    breakdown: str
    column: str


SPLITS = (
    Split("documented_same_day_share", "device", "device"),
    Split("documented_same_day_share", "service", "service"),
    Split("structured_documentation_share", "service", "service"),
)
"""All are of journal entries."""


def split_truth(region: Region, totals: pl.DataFrame) -> pl.DataFrame:
    """Exact figures by value of a split, from a region's tables alone.

    Args:
        region: The region.
        totals: ``indicator_truth``'s totals, for which places are covered in which years.

    Returns:
        indicator_id, area_level, area_code, breakdown, breakdown_value, year, numerator,
        denominator: covered places and years, every value that some event has; in order of the
        keys.
    """
    world = states.world(region, load_coverage())
    covered = totals.filter(
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
        pl.col("coverage_state") != "not_covered",
    )
    parts = [
        _of_value(world, split, value, covered.filter(pl.col("indicator_id") == split.indicator_id))
        for split in SPLITS
        for value in world.region.journal_entries[split.column].unique().to_list()
    ]
    return pl.concat(parts).sort(pl.exclude("numerator", "denominator"))


def _of_value(world: World, split: Split, value: str | None, covered: pl.DataFrame) -> pl.DataFrame:
    entries = world.region.journal_entries.filter(pl.col(split.column).eq_missing(pl.lit(value)))
    some = replace(world, region=replace(world.region, journal_entries=entries))
    definition = DEFINITIONS[split.indicator_id]
    places = covered.select(_KEY)
    for side in ("numerator", "denominator"):
        measure: Measure = getattr(definition, side)
        places = places.join(_summed(measure(some), places, side), on=_KEY, how="left")
    return places.select(
        pl.lit(split.indicator_id).alias("indicator_id"),
        *_KEY[:2],
        pl.lit(split.breakdown).alias("breakdown"),
        pl.lit(UNKNOWN if value is None else value).alias("breakdown_value"),
        "year",
        pl.col("numerator", "denominator").fill_null(0.0),
    )


def _summed(rows: pl.DataFrame, places: pl.DataFrame, side: str) -> pl.DataFrame:
    """Sums by covered municipality, and of the region: graded persons are in the region's."""
    here = rows.rename({"municipality_code": "area_code"}).with_columns(
        pl.col("year").cast(pl.Int32), area_level=pl.lit("municipality")
    )
    local = here.join(places, on=_KEY, how="semi")
    unplaced = here.filter(pl.col("area_code").is_null())
    whole = pl.concat([local, unplaced]).with_columns(
        area_level=pl.lit("region"), area_code=pl.lit(REGION_CODE)
    )
    return (
        pl.concat([local, whole])
        .group_by(_KEY)
        .agg(pl.col("value").sum().cast(pl.Float64).alias(side))
    )
