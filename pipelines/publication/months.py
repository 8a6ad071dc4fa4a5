"""Figures by month or quarter, in the shape that figures of years have.

Below, a month is a part of a year, of whichever of the two lengths its indicator is published by.
Belongs here: which indicator × area × month there is, its exact counts and whether they may be
told at all, and their values. Does not belong here: equations and protection
(``system_parts``). Months are of all sexes and ages of an indicator together
(``docs/decisions/0025-months-beside-their-year.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    AREA,
    COUNT_TYPES,
    COUNTS,
    FIGURE,
    MUNICIPALITY,
    NOT_COVERED,
    PERIOD,
    STRADDLES,
    TOTAL,
    Marts,
    partition,
    published_bands,
)
from pipelines.publication.rates import finished
from pipelines.publication.unrounded import CRUDE, crude_values

MONTH, YEAR = "month", "year"


def with_months(specs: Sequence[Indicator]) -> list[Indicator]:
    """The indicators that are published by month or quarter too."""
    return [spec for spec in specs if spec.part_of_year is not None]


def month_figures(marts: Marts, specs: Sequence[Indicator]) -> pl.DataFrame:
    """Every figure by month with its exact counts.

    Args:
        marts: The marts.
        specs: Indicators to publish.

    Returns:
        Rows and columns as of ``figures.figures``, one per indicator, area and month that the
        coverage lists, and ``counted``: the area's persons of the month are in the equations. Of a
        municipality whose year is covered they are in every month of a flow: what its uncovered
        months hold is the year less the others.
    """
    chosen = with_months(specs)
    if not chosen or marts.month_coverage.is_empty():
        return _none()
    keys = _keys(marts, chosen)
    counts = marts.month_counts.select(
        pl.col("indicator_id", *AREA).cast(pl.String),
        pl.col(*PERIOD).cast(pl.Date),
        *(pl.col(name).cast(COUNT_TYPES[name]) for name in COUNTS),
    )
    joined = keys.join(counts, on=["indicator_id", *AREA, *PERIOD], how="left")
    # No row of the mart is a count of nothing, not an unknown one; who provides is told by
    # indicator.
    told = pl.col("providers").is_not_null().any().over("indicator_id")
    zeros = [
        pl.when("counted").then(pl.col(name).fill_null(0)).alias(name)
        for name in COUNTS
        if name != "providers"
    ]
    providers = pl.when(pl.col("counted") & told).then(pl.col("providers").fill_null(0))
    return joined.with_columns(*zeros, providers=providers).sort(FIGURE)


def _none() -> pl.DataFrame:
    text = ("indicator_id", *AREA, "sex", "age_group", "coverage_state")
    yes = ("known", "exact", "counted")
    return pl.DataFrame(
        schema={
            **dict.fromkeys(text, pl.String),
            **dict.fromkeys(PERIOD, pl.Date),
            **dict.fromkeys(("low", "high"), pl.Int64),
            "covered_share": pl.Float64,
            **dict.fromkeys(yes, pl.Boolean),
            **COUNT_TYPES,
        }
    )


def _keys(marts: Marts, chosen: Sequence[Indicator]) -> pl.DataFrame:
    bands = published_bands(chosen).filter(pl.col("age_group") == TOTAL)
    coverage = marts.month_coverage.select(
        pl.col("indicator_id", *AREA, "coverage_state").cast(pl.String),
        pl.col(*PERIOD).cast(pl.Date),
        pl.col("covered_share").cast(pl.Float64),
    )
    in_year = marts.coverage.select(
        pl.col("indicator_id", *AREA).cast(pl.String),
        year=pl.col("period_start").dt.year(),
        in_year=pl.col("coverage_state") != NOT_COVERED,
    )
    known = pl.DataFrame(
        [
            (spec.id, year.first if year else 0, year.last if year else 9999, spec.timing == "flow")
            for spec in chosen
            for year in (spec.known_years,)
        ],
        schema={
            "indicator_id": pl.String,
            "first": pl.Int64,
            "last": pl.Int64,
            "flow": pl.Boolean,
        },
        orient="row",
    )
    keys = (
        bands.join(coverage, on="indicator_id")
        .with_columns(sex=pl.lit(TOTAL), year=pl.col("period_start").dt.year())
        .join(in_year, on=["indicator_id", *AREA, "year"], how="left")
        .join(known, on="indicator_id")
        .join(_straddled(marts, bands), on=["indicator_id", *AREA], how="left")
    )
    covered = pl.col("coverage_state") != NOT_COVERED
    whole = pl.col("straddled").is_null() & pl.col("year").is_between("first", "last")
    # What is counted on a date is in no sum of other dates.
    summed = pl.col("flow") & pl.col("in_year") & (pl.col("area_level") == MUNICIPALITY)
    return keys.with_columns(
        known=pl.col("year").is_between("first", "last"),
        exact=covered & whole,
        counted=whole & (covered | summed),
    ).drop("counting", "year", "in_year", "first", "last", "flow", "straddled")


def _straddled(marts: Marts, bands: pl.DataFrame) -> pl.DataFrame:
    """Areas whose strata do not give an indicator's ages exactly, as in its yearly figures.

    Of flows too: the one stratum of an area with fewer than k persons straddles every age. In the
    year nothing of it is counted but in the region's rest, and so it must be in the months.
    """
    strata = partition(marts).filter(pl.col("sex") != TOTAL)
    return (
        bands.join(strata, how="cross")
        .filter(STRADDLES)
        .select("indicator_id", *AREA)
        .unique()
        .with_columns(straddled=pl.lit(value=True))
    )


def month_values(
    months: pl.DataFrame, specs: Sequence[Indicator], shown: pl.DataFrame, release_id: str
) -> pl.DataFrame:
    """Rows of ``indicator_values`` by month: the crude value alone.

    Args:
        months: ``month_figures``.
        specs: Indicators to publish.
        shown: Verdict per figure: the keys of ``figures.FIGURE`` and shown (boolean).
        release_id: The release.

    Returns:
        Rows as of ``rates.indicator_values``.
    """
    chosen = with_months(specs)
    values = crude_values(months.filter("exact"), chosen)
    kinds = months.select("indicator_id").unique().with_columns(value_kind=pl.lit(CRUDE))
    return finished(months.drop("counted"), values, chosen, kinds, shown, None, release_id)
