"""The truth by value of a split, of indicators that are published by service, device and the like.

Belongs here: counting the measures of years (``truth_definitions``) over the events of one value.
Does not belong here: the measures themselves. No step of the pipeline may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace

import polars as pl

from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.model import Region
from pipelines.synthetic.truth_coverage import load_coverage
from pipelines.synthetic.truth_definition import Definition, Measure
from pipelines.synthetic.truth_definitions import DEFINITIONS
from pipelines.synthetic.truth_months import REGION_CODE
from pipelines.synthetic.truth_persons import World

UNKNOWN = "unknown"
_KEY = ["area_level", "area_code", "year"]


@dataclass(frozen=True)
class Split:
    """Which events of an indicator are divided: their table and column, and what its codes mean."""

    indicator_id: str
    breakdown: str
    table: str
    column: str
    names: Mapping[str, str] = field(default_factory=dict)


_HOME_SERVICES = {"1": "practical_help", "2": "training", "15": "home_nursing"}
SPLITS = (
    Split("decision_to_first_visit_within_7_days_share", "home_service", "care_decisions",
          "service_type_code", _HOME_SERVICES),
    Split("documented_same_day_share", "device", "journal_entries", "device"),
    Split("documented_same_day_share", "service", "journal_entries", "service"),
    Split("early_notice_by_next_day_share", "ward_group", "encounters", "service_type"),
    Split("overdue_worklist_items_share", "service", "worklists", "service"),
    Split("structured_documentation_share", "service", "journal_entries", "service"),
)  # fmt: skip


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
        _of_value(world, split, own, covered.filter(pl.col("indicator_id") == split.indicator_id))
        for split in SPLITS
        for own in _by_value(_table(world.region, split), split)
    ]
    return pl.concat(parts).sort(pl.exclude("numerator", "denominator"))


def _by_value(rows: pl.DataFrame, split: Split) -> list[pl.DataFrame]:
    """The rows of each code that an indicator counts."""
    named = rows.with_columns(pl.col(split.column).cast(pl.String))
    if split.names:
        named = named.filter(pl.col(split.column).is_in(list(split.names)))
    return named.partition_by(split.column, maintain_order=True)


def _table(region: Region, split: Split) -> pl.DataFrame:
    """The table; without rows where a region that is not whole lacks it."""
    if hasattr(region, split.table):
        return getattr(region, split.table)  # type: ignore[no-any-return]
    return region.more.get(split.table, pl.DataFrame(schema={split.column: pl.String}))


def _with(region: Region, split: Split, rows: pl.DataFrame) -> Region:
    kept = copy(region)
    if hasattr(region, split.table):
        setattr(kept, split.table, rows)
    else:
        kept.more = {**region.more, split.table: rows}
    return kept


def _of_value(world: World, split: Split, own: pl.DataFrame, covered: pl.DataFrame) -> pl.DataFrame:
    value = own[split.column][0]
    some = replace(world, region=_with(world.region, split, own))
    definition = DEFINITIONS[split.indicator_id]
    places = covered.select(_KEY)
    for side in ("numerator", "denominator"):
        measure: Measure = getattr(definition, side)
        rows = _of_age(measure(some), world, definition)
        places = places.join(_summed(rows, places, side), on=_KEY, how="left")
    return places.select(
        pl.lit(split.indicator_id).alias("indicator_id"),
        *_KEY[:2],
        pl.lit(split.breakdown).alias("breakdown"),
        pl.lit(UNKNOWN if value is None else split.names.get(value, value)).alias(
            "breakdown_value"
        ),
        "year",
        pl.col("numerator", "denominator").fill_null(0.0),
    )


def _of_age(rows: pl.DataFrame, world: World, definition: Definition) -> pl.DataFrame:
    if not definition.groups:
        return rows
    age = pl.col("year") - pl.col("birth_year")
    return rows.join(world.persons, on="person").filter(
        age.is_between(min(definition.groups), definition.oldest)
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
