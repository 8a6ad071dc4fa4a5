"""Marts of entries by year, month, service and device, from single ones by plain grouping.

Belongs here: invented entries and the marts that follow from them. Does not belong here:
expectations, and any code of the project that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import Marts
from tests.support.month_marts import END, START, YEAR, base_marts

STRUCTURED = catalogue().indicators["structured_documentation_share"]
SAME_DAY = catalogue().indicators["documented_same_day_share"]
MARKS = {STRUCTURED.id: "structured", SAME_DAY.id: "same_day"}

Row = tuple[str | None, str, str | None, int, int, int, int]
"""Area (null: graded), service, device, entries, those structured, those of the same day, staff."""


def entries(rows: Sequence[Row]) -> pl.DataFrame:
    """One row per entry: its marks are the first ones, its staff take turns, so do months."""
    made = [
        (area, service, device, n < structured, n < same_day, f"{area}-{service}-{n % staff}",
         n % 12 + 1)
        for area, service, device, whole, structured, same_day, staff in rows
        for n in range(whole)
    ]  # fmt: skip
    schema = {"area_code": pl.String, "service": pl.String, "device": pl.String,
              "structured": pl.Boolean, "same_day": pl.Boolean, "staff": pl.String,
              "month": pl.Int64}  # fmt: skip
    return pl.DataFrame(made, schema=schema, orient="row").with_row_index("person")


def split_marts(given: pl.DataFrame, chosen: Sequence[Indicator] = (STRUCTURED, SAME_DAY)) -> Marts:
    """Marts of one year in which everybody is covered; every entry is about another person."""
    whole, months, values, areas = [], [], [], []
    named = [(code, "municipality") for code in given["area_code"].drop_nulls().unique().sort()]
    for spec in chosen:
        whole.append(_counted(given, spec, []))
        months.append(_counted(given, spec, ["month"]))
        values += [
            _counted(given.with_columns(breakdown=pl.lit(name),
                                        breakdown_value=pl.col(name).fill_null("unknown")),
                     spec, ["breakdown", "breakdown_value"])
            for name in spec.breakdowns
        ]  # fmt: skip
        areas += [(spec.id, level, code) for code, level in [*named, ("MIDT", "region")]]
    covered = pl.DataFrame(areas, schema=["indicator_id", "area_level", "area_code"], orient="row")
    covered = covered.with_columns(
        covered_share=pl.lit(1.0), coverage_state=pl.lit("full"),
        period_start=pl.lit(START), period_end=pl.lit(END),
    )  # fmt: skip
    base = base_marts()
    dates = [pl.date(YEAR, "month", 1).alias("period_start"),
             pl.date(YEAR, "month", 1).dt.month_end().alias("period_end")]  # fmt: skip
    every = pl.DataFrame({"month": range(1, 13)}, schema={"month": pl.Int64})
    by_month = covered.drop("period_start", "period_end").join(every, how="cross")
    # Areas beyond those of the base have the strata of one of its small ones.
    beyond = set(given["area_code"].drop_nulls()) - set(base.strata_map["area_code"])
    small = base.strata_map.filter(pl.col("area_code") == "5014")
    strata = [
        base.strata_map,
        *(small.with_columns(area_code=pl.lit(code)) for code in sorted(beyond)),
    ]
    return replace(
        base,
        strata_map=pl.concat(strata),
        flow_counts=_of_year(pl.concat(whole)),
        breakdown_counts=_of_year(pl.concat(values)),
        coverage=pl.concat([base.coverage, covered.select(base.coverage.columns)]),
        month_counts=pl.concat(months).with_columns(dates).drop("month"),
        month_coverage=by_month.with_columns(dates).drop("month"),
    )


def _of_year(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(period_start=pl.lit(START), period_end=pl.lit(END))


def _counted(given: pl.DataFrame, spec: Indicator, keys: list[str]) -> pl.DataFrame:
    local = given.filter(pl.col("area_code").is_not_null()).with_columns(
        area_level=pl.lit("municipality")
    )
    region = given.with_columns(area_code=pl.lit("MIDT"), area_level=pl.lit("region"))
    mark = pl.col(MARKS[spec.id])
    part, whole = mark.sum().cast(pl.Float64), pl.len().cast(pl.Float64)
    return (
        pl.concat([local, region])
        .group_by("area_level", "area_code", *keys)
        .agg(
            part.alias("numerator"),
            whole.alias("denominator"),
            part.alias("numerator_sq"),
            mark.max().cast(pl.Float64).alias("numerator_max"),
            pl.lit(1.0).alias("denominator_max"),
            mark.sum().cast(pl.Int64).alias("numerator_persons"),
            pl.len().cast(pl.Int64).alias("denominator_persons"),
            (~mark).sum().cast(pl.Int64).alias("complement_persons"),
            pl.col("staff").n_unique().cast(pl.Int64).alias("providers"),
        )
        .with_columns(indicator_id=pl.lit(spec.id))
    )
