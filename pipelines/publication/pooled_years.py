"""Figures of several years together, in the shape that figures of years have.

Belongs here: which indicator × area × period of several years there is, its exact counts and
whether they may be told at all, and their values. Does not belong here: equations and protection
(``system_pooled``). Periods of several years are of all sexes and ages of an indicator together,
crude and indirectly standardised (``docs/decisions/0028-pooled-years-beside-single-ones.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    AREA,
    COUNTIES,
    COUNTS,
    FIGURE,
    NOT_COVERED,
    PERIOD,
    REGION,
    TOTAL,
    Marts,
    published_bands,
)
from pipelines.publication.rates import finished
from pipelines.publication.standards import Standards, standard_strata
from pipelines.publication.unrounded import (
    CRUDE,
    INDIRECT,
    crude_values,
    indirect_values,
    kind_table,
)


def with_pooled_years(specs: Sequence[Indicator]) -> list[Indicator]:
    """The indicators that are published over several years too."""
    return [spec for spec in specs if spec.pooled_years is not None]


def pooled_figures(marts: Marts, specs: Sequence[Indicator], counted: pl.DataFrame) -> pl.DataFrame:
    """Every figure of several years with its exact counts.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        counted: ``figures.figures(marts, specs)``.

    Returns:
        Rows and columns as of ``figures.figures``, one per indicator, area and period that the
        coverage lists. Exact where every year of the period is.
    """
    chosen = with_pooled_years(specs)
    if not chosen or marts.pooled_coverage.is_empty():
        return counted.clear()
    coverage = marts.pooled_coverage.select(
        pl.col("indicator_id", *AREA, "coverage_state").cast(pl.String),
        pl.col(*PERIOD).cast(pl.Date),
        pl.col("covered_share").cast(pl.Float64),
    )
    bands = published_bands(chosen).filter(pl.col("age_group") == TOTAL).drop("counting")
    counts = marts.pooled_counts.select(
        pl.col("indicator_id", *AREA).cast(pl.String),
        pl.col(*PERIOD).cast(pl.Date),
        *(pl.col(name).cast(counted.schema[name]) for name in COUNTS if name != "providers"),
        pl.lit(None, dtype=counted.schema["providers"]).alias("providers"),
    )
    keys = bands.join(coverage, on="indicator_id").with_columns(
        sex=pl.lit(TOTAL), known=pl.lit(value=True)
    )
    exact = pl.col("whole").fill_null(value=False) & (pl.col("coverage_state") != NOT_COVERED)
    joined = (
        keys.join(_whole(counted, keys), on=["indicator_id", *AREA, *PERIOD], how="left")
        .with_columns(exact=exact)
        .join(counts, on=["indicator_id", *AREA, *PERIOD], how="left")
    )
    # No row of the mart is a count of nothing, not an unknown one.
    numbers = [
        pl.when("exact").then(pl.col(name).fill_null(0)).alias(name)
        for name in COUNTS
        if name != "providers"
    ]
    return joined.with_columns(numbers).select(counted.columns).sort(FIGURE)


def _whole(counted: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Whether every year of an area's period has exact counts."""
    years = counted.filter(pl.col("sex") == TOTAL, pl.col("age_group") == TOTAL).select(
        "indicator_id", *AREA, year=pl.col("period_start").dt.year(), whole="exact"
    )
    first, last = pl.col("period_start").dt.year(), pl.col("period_end").dt.year()
    periods = keys.select("indicator_id", *AREA, *PERIOD)
    return (
        periods.join(years, on=["indicator_id", *AREA])
        .filter(pl.col("year").is_between(first, last))
        .group_by("indicator_id", *AREA, *PERIOD)
        .agg(pl.col("whole").all() & (pl.len() == (last - first).first() + 1))
    )


def pooled_values(
    pooled: pl.DataFrame,
    specs: Sequence[Indicator],
    shown: pl.DataFrame,
    release_id: str,
    strata: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of ``indicator_values`` over several years: the crude and the indirect value.

    Args:
        pooled: ``pooled_figures``.
        specs: Indicators to publish.
        shown: Verdict per figure: the keys of ``figures.FIGURE`` and shown (boolean).
        release_id: The release.
        strata: ``pooled_strata``.

    Returns:
        Rows as of ``rates.indicator_values``.
    """
    # Over several years the same person may count more than once, of whatever is counted.
    chosen = [spec.model_copy(update={"repeat_events": True}) for spec in with_pooled_years(specs)]
    exact = pooled.filter("exact")
    values = [crude_values(exact, chosen)]
    if not strata.is_empty():
        # A county has no figure over several years.
        values.append(indirect_values(exact, strata, chosen, pl.DataFrame(schema=COUNTIES)))
    told = kind_table(chosen).filter(pl.col("value_kind").is_in([CRUDE, INDIRECT]))
    kinds = told.join(pooled.select("indicator_id").unique(), on="indicator_id", how="semi")
    computed = pl.concat(values).join(kinds, on=["indicator_id", "value_kind"], how="semi")
    return finished(pooled, computed, chosen, kinds, shown, None, release_id)


def pooled_strata(
    pooled: pl.DataFrame,
    counted: pl.DataFrame,
    marts: Marts,
    standards: Standards,
    specs: Sequence[Indicator],
) -> pl.DataFrame:
    """The strata behind every exact figure of several years.

    A municipality's are its years' added up. The region's hold the municipalities of the period
    alone, where a year of it holds all that are covered in the year.

    Args:
        pooled: ``pooled_figures``.
        counted: ``figures.figures(marts, specs)``.
        marts: The marts.
        standards: The standard populations.
        specs: Indicators to publish.

    Returns:
        Rows and columns as of ``standards.standard_strata``.
    """
    ids = [spec.id for spec in with_pooled_years(specs) if INDIRECT in spec.value_kinds]
    years = counted.filter(pl.col("indicator_id").is_in(ids), pl.col("sex") == TOTAL)
    if pooled.is_empty() or marts.pooled_strata.is_empty():
        return standard_strata(years.clear(), marts, standards)
    periods = pooled.filter("exact").select("indicator_id", *AREA, first="period_start",
                                            last="period_end")  # fmt: skip
    of_years = standard_strata(years, marts, standards)
    within = (pl.col("period_start") >= pl.col("first")) & (pl.col("period_end") <= pl.col("last"))
    key = [*(name for name in FIGURE if name not in PERIOD), *PERIOD, "base", "age_from", "age_to"]
    summed = (
        of_years.join(periods, on=["indicator_id", *AREA])
        .filter(within)
        .with_columns(period_start="first", period_end="last")
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("numerator", "denominator", "numerator_sq", "numerator_persons").sum(),
            pl.exclude(*key, "first", "last", "numerator", "denominator", "numerator_sq",
                       "numerator_persons").first(),
        )
    )  # fmt: skip
    whole = marts.pooled_strata.select(
        pl.col("indicator_id", "sex").cast(pl.String),
        pl.col("age_from", "age_to").cast(pl.Int64),
        pl.col(*PERIOD).cast(pl.Date),
        pl.col("numerator", "denominator").cast(pl.Float64).name.suffix("_whole"),
        area_level=pl.lit(REGION),
    ).rename({"sex": "base"})
    of_region = pl.col("area_level") == REGION
    joined = summed.join(
        whole,
        on=["indicator_id", "area_level", *PERIOD, "base", "age_from", "age_to"],
        how="left",
    )
    return joined.with_columns(
        pl.when(of_region).then(pl.col(f"{name}_whole").fill_null(0.0)).otherwise(name).alias(name)
        for name in ("numerator", "denominator")
    ).select(of_years.columns)
