"""Medians beside means, where enough persons stand on both sides of the middle.

Belongs here: which median may be shown, and its rows of ``indicator_values``. Does not belong here:
counting (``fct_medians``) and whether the mean may be shown (the table door decides).

A median is some person's own amount, or lies between two persons'. It is no sum: nothing can be
subtracted from it, but of few persons it tells one. So it is told only beside a mean that is shown,
where at least ``LEAST`` persons have at most as much and at least ``LEAST`` at least as much, and
rounded to the step that its indicator names (``docs/decisions/0029-medians-of-many.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import AREA, SUMMED, TOTAL
from pipelines.publication.unrounded import CRUDE

MEDIAN = "median"
LEAST = 10
"""Persons on either side of a median: the ten units that the ESSnet's guidelines ask of a cell
(Brandt et al., Guidelines for the checking of output based on microdata research, 2010), for each
of the two cells that a percentile divides persons into."""

_NUMBERS = ("numerator", "denominator", "lower_ci", "upper_ci")


def is_safe(persons_at_most: pl.Expr, persons_at_least: pl.Expr) -> pl.Expr:
    """Whether a median may be told by those on its two sides; false where they are unknown."""
    return ((persons_at_most >= LEAST) & (persons_at_least >= LEAST)).fill_null(value=False)


def median_values(
    medians: pl.DataFrame, specs: Sequence[Indicator], values: pl.DataFrame
) -> pl.DataFrame:
    """Rows of ``indicator_values`` with medians.

    Args:
        medians: ``fct_medians``.
        specs: Indicators to publish.
        values: ``indicator_values`` of the years.

    Returns:
        One row per total of an area and year, of the indicators that have a median. Where the
        mean is not shown it has the mean's status; a median itself carries no counts.
    """
    steps = pl.DataFrame(
        [(spec.id, spec.median.step) for spec in specs if spec.median is not None],
        schema={"indicator_id": pl.String, "step": pl.Float64},
        orient="row",
    )
    totals = values.join(steps, on="indicator_id").filter(
        pl.col("value_kind") == CRUDE,
        ~pl.col("area_level").is_in(SUMMED),
        pl.col("sex") == TOTAL,
        pl.col("age_group") == TOTAL,
    )
    if totals.is_empty() or medians.is_empty():
        return totals.select(values.columns).clear()
    middle = medians.select(
        pl.col("indicator_id", *AREA).cast(pl.String),
        pl.col("period_start").cast(pl.Date),
        "median",
        "persons_at_most",
        "persons_at_least",
    )
    joined = totals.join(middle, on=["indicator_id", *AREA, "period_start"], how="left")
    mean = pl.col("value_status") == "ok"
    told = mean & is_safe(pl.col("persons_at_most"), pl.col("persons_at_least"))
    step = pl.col("step")
    rounded = (pl.col("median") / step).round(mode="half_away_from_zero") * step
    partial = pl.col("quality_flags").str.contains("partial_coverage", literal=True)
    return joined.with_columns(
        value_kind=pl.lit(MEDIAN),
        value=pl.when(told).then(rounded),
        value_status=pl.when(mean & ~told).then(pl.lit("suppressed")).otherwise("value_status"),
        status_reason=pl.when(mean & ~told).then(pl.lit("disclosure")).otherwise("status_reason"),
        quality_flags=pl.when(partial).then(pl.lit("partial_coverage")).otherwise(pl.lit("")),
        **{name: pl.lit(None, dtype=pl.Float64) for name in _NUMBERS},
    ).select(values.columns)
