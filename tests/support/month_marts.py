"""Marts of dated events, counted by month and year from single events by plain grouping.

Belongs here: invented events and the marts that follow from them. Does not belong here:
expectations, and any code of the project that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache

import polars as pl

from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import Marts
from tests.support.publication_marts import small_region, specs

YEAR = 2024
START, END = date(YEAR, 1, 1), date(YEAR, 12, 31)
LATEST_OF_A_YEAR = 3
"""Whoever goes live in this month or before is covered for enough of the year."""

(STANDARD,) = specs("home_nursing_users_per_1000")
STANDARD = STANDARD.model_copy(update={"value_kinds": ("crude",), "headline_kind": "crude"})
"""The region's standard population is taken from it; its own figures are not what is tested."""


def events(rows: Sequence[tuple[str | None, int, int, int]]) -> pl.DataFrame:
    """Events from counts: area (null: graded), month, events with a mark, events.

    Every event is a person of its own.

    Returns:
        One row per event: area_code, month, person, part (marked: 1.0, else 0.0).
    """
    made = [
        (area, month, float(n < marked))
        for area, month, marked, whole in rows
        for n in range(whole)
    ]
    frame = pl.DataFrame(
        made, schema={"area_code": pl.String, "month": pl.Int64, "part": pl.Float64}, orient="row"
    )
    return frame.with_row_index("person").with_columns(pl.col("person").cast(pl.Int64))


def month_marts(
    chosen: Sequence[Indicator], given: Mapping[str, pl.DataFrame], live: Mapping[str, int]
) -> Marts:
    """Marts of one year of flows.

    Args:
        chosen: The indicators.
        given: Events by indicator, as of ``events``.
        live: The month from which each municipality is covered whole. What it has in the month
            before counts in its year, if its year is covered.
    """
    in_year = {area for area, month in live.items() if month <= LATEST_OF_A_YEAR}
    months, years, covered, of_year = [], [], [], []
    for spec in chosen:
        own = given[spec.id]
        placed = pl.col("area_code").is_not_null()
        begun = pl.col("area_code").replace_strict(live, default=0, return_dtype=pl.Int64)
        counted = own.filter(pl.col("month") >= begun - 1)
        # The days before a month that is whole are in the year alone.
        kept = counted.filter(
            ~placed | pl.col("area_code").is_in(list(in_year)) | (pl.col("month") >= begun)
        )
        region = kept.filter(~placed | (pl.col("month") >= begun))
        yearly = counted.filter(~placed | pl.col("area_code").is_in(list(in_year)))
        months += [
            _counts(kept.filter(placed), spec.id, "municipality", ["area_code", "month"]),
            _counts(_whole(region), spec.id, "region", ["area_code", "month"]),
        ]
        years += [
            _counts(yearly.filter(placed), spec.id, "municipality", ["area_code"]),
            _counts(_whole(yearly), spec.id, "region", ["area_code"]),
        ]
        covered += [
            (spec.id, *_area(area), date(YEAR, month, 1), month >= first)
            for area, first in [*live.items(), ("MIDT", min(live.values()))]
            for month in range(1, 13)
        ]
        of_year += [
            (spec.id, *_area(area), START, area in in_year or area == "MIDT")
            for area in [*live, "MIDT"]
        ]
    by_month = pl.concat(months).with_columns(
        period_start=pl.date(YEAR, pl.col("month"), 1),
        period_end=pl.date(YEAR, pl.col("month"), 1).dt.month_end(),
    )
    flows = pl.concat(years).with_columns(
        period_start=pl.lit(START), period_end=pl.lit(END),
    )  # fmt: skip
    base = base_marts()
    return Marts(
        indicator_counts=base.indicator_counts,
        flow_counts=flows,
        coverage=pl.concat([base.coverage, _coverage(of_year, pl.lit(END))]),
        strata_map=base.strata_map,
        month_counts=by_month.drop("month"),
        month_coverage=_coverage(covered, pl.col("period_start").dt.month_end()),
    )


@cache
def base_marts() -> Marts:
    """Marts of the standard population alone."""
    whole = small_region(chosen=[STANDARD]).marts
    return replace(whole, flow_counts=whole.flow_counts.clear())


def with_standard(chosen: Sequence[Indicator]) -> Catalogue:
    """A catalogue of some indicators and the one that the standard population needs."""
    named = {spec.id: spec for spec in (*chosen, STANDARD)}
    return Catalogue(named, catalogue().policies)


def _area(code: str) -> tuple[str, str]:
    return ("region" if code == "MIDT" else "municipality", code)


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(area_code=pl.lit("MIDT"))


def _coverage(rows: Sequence[tuple[object, ...]], end: pl.Expr) -> pl.DataFrame:
    columns = ["indicator_id", "area_level", "area_code", "period_start", "covered"]
    return (
        pl.DataFrame(rows, schema=columns, orient="row")
        .with_columns(
            period_end=end,
            covered_share=pl.col("covered").cast(pl.Float64),
            coverage_state=pl.when("covered").then(pl.lit("full")).otherwise(pl.lit("not_covered")),
        )
        .drop("covered")
    )


def _counts(rows: pl.DataFrame, indicator: str, level: str, keys: list[str]) -> pl.DataFrame:
    """Every event is a person's only one, so that events are persons."""
    part, whole = pl.col("part").sum(), pl.len().cast(pl.Float64)
    return (
        rows.group_by(keys)
        .agg(
            part.alias("numerator"),
            whole.alias("denominator"),
            part.alias("numerator_sq"),
            pl.col("part").max().alias("numerator_max"),
            pl.lit(1.0).alias("denominator_max"),
            part.cast(pl.Int64).alias("numerator_persons"),
            pl.len().cast(pl.Int64).alias("denominator_persons"),
            (whole - part).cast(pl.Int64).alias("complement_persons"),
            pl.lit(None, pl.Int64).alias("providers"),
        )
        .with_columns(indicator_id=pl.lit(indicator), area_level=pl.lit(level))
    )
