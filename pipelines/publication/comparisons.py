"""The table ``comparisons``: rank, the region beside, and funnel limits, from shown values.

Belongs here: comparison of published values with each other. Does not belong here: exact
counts: everything is computed from what a reader sees, so that it tells nothing more. An
interval apart from the region's value is a difference, never a cause.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.epidemiology import FunnelKind, funnel_frame, poisson_limits, versus_reference
from pipelines.publication.area_groups import PEERS
from pipelines.publication.figures import MUNICIPALITY, REGION
from pipelines.publication.unrounded import CRUDE, DIRECT, spec_table

KEY = (
    "indicator_id",
    "area_code",
    "period_type",
    "period_start",
    "sex",
    "age_group",
    "value_kind",
)
COLUMNS = (
    *KEY,
    "rank",
    "rank_of",
    "versus_region",
    "region_value",
    "funnel_lower_95",
    "funnel_upper_95",
    "funnel_lower_998",
    "funnel_upper_998",
    "peer_group",
    "peer_count",
    "peer_median",
)
FIGURES_ALIKE = ("indicator_id", "period_type", "period_start", "sex", "age_group")
ALIKE = (*FIGURES_ALIKE, "value_kind")
FUNNEL = ("funnel_lower_95", "funnel_upper_95", "funnel_lower_998", "funnel_upper_998")
COARSE_FLAG = "coarse_age"
LEAST_PEERS = 3
"""Of fewer shown values a median is no more than one of them."""
MOST_HIDDEN = 0.25
"""Share of a group's figures that may be hidden beside a median of the shown ones: what is hidden
are small counts above zero, so of the zeros that are left in view the median would be zero."""


def comparisons(
    values: pl.DataFrame, specs: Sequence[Indicator], groups: pl.DataFrame
) -> pl.DataFrame:
    """Compare the municipalities of a release.

    Args:
        values: ``indicator_values``.
        specs: Its indicators.
        groups: ``area_groups``.

    Returns:
        One row per municipality and figure (``KEY``), sorted by it: rank (1 is the highest
        value; equal values share the better rank; null without value or where the age
        adjustment is coarse), rank_of (areas ranked), versus_region (higher | lower | similar
        | not_compared, from the area's interval), region_value, funnel limits in the
        indicator's unit (null where area or region has no value; widened by the region's
        dispersion where a person may count more than once), peer_group (the municipality's group
        of kind ``area_groups.PEERS``), peer_count (its members with a shown value, the municipality
        itself among them), peer_median (of those values; null below ``LEAST_PEERS``, and where
        more than ``MOST_HIDDEN`` of the group's figures are hidden).
    """
    totals = values.filter(pl.col("breakdown") == "total")
    region = totals.filter(pl.col("area_level") == REGION, pl.col("value_status") == "ok")
    areas = (
        totals.filter(pl.col("area_level") == MUNICIPALITY)
        .join(region.select(*ALIKE, region_value="value"), on=list(ALIKE), how="left")
        .join(dispersion(region), on=list(FIGURES_ALIKE), how="left")
        .join(spec_table(specs).rename({"unit": "_unit"}), on="indicator_id")
        .with_columns(versus_region=versus_reference("lower_ci", "upper_ci", "region_value"))
    )
    areas = _with_peers(areas, groups)
    return _with_funnel(_with_rank(areas)).select(COLUMNS).sort(KEY)


def _with_rank(areas: pl.DataFrame) -> pl.DataFrame:
    coarse = pl.col("quality_flags").str.split(",").list.contains(COARSE_FLAG)
    ranked = pl.when((pl.col("value_status") == "ok") & ~coarse).then(pl.col("value"))
    return areas.with_columns(_ranked=ranked).with_columns(
        rank=pl.col("_ranked").rank("min", descending=True).over(ALIKE).cast(pl.Int32),
        rank_of=pl.col("_ranked").count().over(ALIKE).cast(pl.Int32),
    )


def _with_peers(areas: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    of_kind = groups.filter(pl.col("group_kind") == PEERS)
    grouped = areas.join(
        of_kind.select("area_code", peer_group="group_id"), on="area_code", how="left"
    )
    shown = pl.when(pl.col("value_status") == "ok").then(pl.col("value"))
    alike = [*ALIKE, "peer_group"]
    count = shown.count().over(alike).cast(pl.Int32)
    hidden = (pl.col("value_status") == "suppressed").sum().over(alike)
    enough = (count >= LEAST_PEERS) & (hidden <= MOST_HIDDEN * (count + hidden))
    return grouped.with_columns(
        peer_count=pl.when(pl.col("peer_group").is_not_null()).then(count),
        peer_median=pl.when(pl.col("peer_group").is_not_null() & enough).then(
            shown.median().over(alike)
        ),
    )


def dispersion(region: pl.DataFrame) -> pl.DataFrame:
    """How much wider than Poisson's the region's published crude interval is (at least 1).

    Args:
        region: Rows of ``indicator_values`` of the region, shown.

    Returns:
        One row per crude figure of the region: ``FIGURES_ALIKE`` and _spread, the root of the
        variance ratio.
    """
    crude = region.filter(pl.col("value_kind") == CRUDE)
    low, high = poisson_limits(crude["numerator"])
    plain = pl.Series("_plain", high - low)
    unit = pl.col("value") / pl.col("numerator")
    width = (pl.col("upper_ci") - pl.col("lower_ci")) / unit
    return crude.with_columns(plain).select(
        *FIGURES_ALIKE,
        _spread=pl.when(pl.col("numerator") > 0)
        .then((width / pl.col("_plain")).clip(lower_bound=1.0))
        .otherwise(1.0),
    )


def _with_funnel(areas: pl.DataFrame) -> pl.DataFrame:
    """Limits around the region's value for an area of this size.

    A standardised rate enters by its effective denominator, multiplier · events / rate.
    """
    effective = (
        pl.when(pl.col("value_kind") == CRUDE)
        .then(pl.col("denominator"))
        .when(pl.col("value") > 0)
        .then(pl.col("multiplier") * pl.col("numerator") / pl.col("value"))
    )
    sized = areas.with_columns(_size=effective, _row=pl.int_range(pl.len()))
    normal = (pl.col("kind") == "proportion") & ~pl.col("value_kind").is_in(DIRECT)
    compared = sized.filter(pl.col("region_value").is_not_null())
    limits = pl.concat(
        [
            _limits(compared.filter(normal), "proportion"),
            _limits(compared.filter(~normal), "rate"),
        ]
    )
    # A person who counts repeatedly makes areas vary more than single events would.
    spread = pl.when(pl.col("repeats")).then(pl.col("_spread")).otherwise(1.0)
    centre = pl.col("region_value")
    widened = [
        (centre + spread * (pl.col(name) - centre)).clip(lower_bound=0.0).alias(name)
        for name in FUNNEL
    ]
    return sized.join(limits, on="_row", how="left").with_columns(widened)


def _limits(areas: pl.DataFrame, kind: FunnelKind) -> pl.DataFrame:
    framed = funnel_frame(
        areas, average="region_value", denominator="_size", kind=kind, multiplier="multiplier"
    )
    return framed.select("_row", *FUNNEL)
