"""The table ``like_for_like``: two years compared over the municipalities that are live in both.

Belongs here: sums over municipalities whose figures a reader sees in both years. Does not belong
here: exact counts. Everything is added up from published counts, so that it tells nothing that they
do not, and the disclosure audit need not know of it.

A region that grows by a wave of go-lives changes for that reason alone. Here both years stand for
the same municipalities, and a change is not theirs who joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.epidemiology import crude_rate_frame, proportion_frame
from pipelines.publication.comparisons import LEAST_PEERS, dispersion
from pipelines.publication.figures import MUNICIPALITY, REGION, TOTAL
from pipelines.publication.rates import rounded
from pipelines.publication.unrounded import CRUDE, spec_table

KEY = ("indicator_id", "earlier_start", "period_start")
FIGURES = ("numerator", "denominator", "value", "lower_ci", "upper_ci")
COLUMNS = (
    *KEY,
    "areas_live",
    "areas",
    "area_codes",
    *(f"earlier_{name}" for name in FIGURES),
    *FIGURES,
    "change",
)
_SCHEMA = {
    "indicator_id": pl.String,
    **dict.fromkeys(KEY[1:], pl.Date),
    **dict.fromkeys(("areas_live", "areas"), pl.Int32),
    "area_codes": pl.String,
    **dict.fromkeys((*(f"earlier_{name}" for name in FIGURES), *FIGURES), pl.Float64),
    "change": pl.String,
}


def like_for_like(values: pl.DataFrame, specs: Sequence[Indicator]) -> pl.DataFrame:
    """Compare every two years of a release over the municipalities that both have.

    Args:
        values: ``indicator_values``; of it the crude figures of municipalities by year, all sexes
            and ages together.
        specs: Its indicators.

    Returns:
        One row per indicator and two years, sorted: areas_live (municipalities covered in both),
        areas (those of them whose figures are shown in both) and area_codes (joined by ``+``), the
        sums of their counts with value and 95 % limits in the indicator's unit, of the earlier year
        and of the later, and change (higher | lower | similar: whether the intervals are apart;
        not_compared without them). No sums and no comparison of fewer than ``LEAST_PEERS``
        municipalities. Limits are widened by the region's dispersion where a person may count more
        than once, and null there where the region's figure is not shown.
    """
    yearly = values.filter(
        pl.col("period_type") == "year",
        pl.col("value_kind") == CRUDE,
        *(pl.col(name) == TOTAL for name in ("sex", "age_group", "breakdown")),
    )
    pairs = _pairs(yearly.filter(pl.col("area_level") == MUNICIPALITY))
    spread = _spread(yearly.filter(pl.col("area_level") == REGION, pl.col("value_status") == "ok"))
    table = spec_table(specs)
    for prefix, start in (("earlier_", "earlier_start"), ("", "period_start")):
        sides = pairs.select(
            *KEY, numerator=f"{prefix}numerator", denominator=f"{prefix}denominator"
        ).drop_nulls()
        known = sides.join(table, on="indicator_id").join(
            spread,
            left_on=["indicator_id", start],
            right_on=["indicator_id", "period_start"],
            how="left",
        )
        named = {name: f"{prefix}{name}" for name in FIGURES[2:]}
        pairs = pairs.join(_estimated(known).rename(named), on=list(KEY), how="left")
    return (
        pairs.with_columns(change=_change())
        .select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
        .sort(KEY)
    )


def _pairs(local: pl.DataFrame) -> pl.DataFrame:
    """Every two years of an indicator: who is live in both, who is shown, and the sums of those."""
    live = local.filter(~pl.col("value_status").is_in(("not_covered", "not_applicable")))
    own = live.select(
        "indicator_id",
        "area_code",
        "period_start",
        "numerator",
        "denominator",
        shown=pl.col("value_status") == "ok",
    )
    earlier = own.rename(
        {name: f"earlier_{name}" for name in ("numerator", "denominator", "shown")}
        | {"period_start": "earlier_start"}
    )
    both = own.join(earlier, on=["indicator_id", "area_code"]).filter(
        pl.col("earlier_start") < pl.col("period_start")
    )
    counts = ("earlier_numerator", "earlier_denominator", "numerator", "denominator")
    seen = pl.col("shown") & pl.col("earlier_shown")
    enough = seen.sum() >= LEAST_PEERS
    return both.group_by(KEY).agg(
        pl.len().alias("areas_live"),
        seen.sum().alias("areas"),
        pl.col("area_code").filter(seen).sort().str.join("+").alias("area_codes"),
        *(pl.when(enough).then(pl.col(name).filter(seen).sum()).alias(name) for name in counts),
    )


def _spread(region: pl.DataFrame) -> pl.DataFrame:
    return dispersion(region).select("indicator_id", "period_start", spread="_spread")


def _estimated(known: pl.DataFrame) -> pl.DataFrame:
    """Value and limits of sums, rounded as published."""
    spread = pl.when("repeats").then("spread").otherwise(1.0)
    # Each count may have been rounded by itself.
    most = pl.when(pl.col("kind") == "proportion").then("denominator")
    known = known.with_columns(pl.min_horizontal("numerator", most))
    sized = known.with_columns(
        variance=pl.col("numerator") * spread.fill_null(1.0) ** 2, is_sized=spread.is_not_null()
    )
    framed = [
        frame(
            sized.filter(pl.col("kind") == kind), multiplier="multiplier", sum_of_squares="variance"
        )
        for kind, frame in (("proportion", proportion_frame), ("rate", crude_rate_frame))
    ]
    limits = {"lower_ci": "lower", "upper_ci": "upper"}
    return pl.concat(framed).select(
        *KEY,
        rounded("value"),
        *(pl.when("is_sized").then(rounded(old)).alias(new) for new, old in limits.items()),
    )


def _change() -> pl.Expr:
    apart = ["earlier_lower_ci", "earlier_upper_ci", "lower_ci", "upper_ci"]
    return (
        pl.when(pl.any_horizontal(pl.col(apart).is_null()))
        .then(pl.lit("not_compared"))
        .when(pl.col("lower_ci") > pl.col("earlier_upper_ci"))
        .then(pl.lit("higher"))
        .when(pl.col("upper_ci") < pl.col("earlier_lower_ci"))
        .then(pl.lit("lower"))
        .otherwise(pl.lit("similar"))
    )
