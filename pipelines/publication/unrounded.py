"""Values of every figure before anything is hidden or rounded. Restricted.

Belongs here: which method gives which value kind, over the figures' exact counts. Does not
belong here: what may be shown and with how many decimals (``rates``).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.epidemiology import (
    crude_rate_frame,
    directly_standardised_frame,
    indirectly_standardised_frame,
    proportion_frame,
)
from pipelines.publication.figures import (
    COUNTY,
    FIGURE,
    MUNICIPALITY,
    PERIOD,
    REGION,
    TOTAL,
    Marts,
    figures,
)
from pipelines.publication.standards import COARSE_MERGE, Standards, standard_strata

CRUDE, INDIRECT = "crude", "indirect"
DIRECT = ("direct_esp2013", "direct_region")
EXCEEDS = (
    pl.col("public")
    & (pl.col("numerator") > 0)
    & pl.when(pl.col("kind") == "proportion")
    .then(pl.col("numerator") > pl.col("denominator") + 1e-9)
    .otherwise(pl.col("denominator") <= 0)
).fill_null(value=False)
"""More persons are counted than the register has inhabitants: they have moved in, and are not
registered yet. No share and no rate follows from such counts."""

VALUES = (*FIGURE, "value_kind", "value", "lower", "upper", "reason", "coarse_age")


def spec_table(specs: Sequence[Indicator]) -> pl.DataFrame:
    """What the rates need to know of each indicator.

    Returns:
        One row per indicator: indicator_id, version, kind, repeats (a person may count more
        than once), multiplier, decimals, unit, service, public, full_count.
    """
    schema = {
        "indicator_id": pl.String,
        "version": pl.Int64,
        "kind": pl.String,
        "repeats": pl.Boolean,
        "multiplier": pl.Float64,
        "decimals": pl.Int64,
        "unit": pl.String,
        "service": pl.String,
        "public": pl.Boolean,
        "full_count": pl.Boolean,
    }
    rows = [
        (
            spec.id,
            spec.version,
            spec.kind,
            spec.repeat_events or spec.magnitude,
            float(spec.multiplier),
            spec.decimals,
            spec.unit,
            spec.coverage.service,
            spec.denominator.public,
            spec.full_count,
        )
        for spec in specs
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def kind_table(specs: Sequence[Indicator]) -> pl.DataFrame:
    """Value kinds of each indicator: indicator_id, value_kind."""
    rows = [(spec.id, kind) for spec in specs for kind in spec.value_kinds]
    schema = {"indicator_id": pl.String, "value_kind": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def unrounded_values(
    marts: Marts,
    specs: Sequence[Indicator],
    standards: Standards,
    counted: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every value that the exact figures have, unrounded and unprotected.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        standards: The standard populations.
        counted: ``figures.figures(marts, specs)``, if it is there already.

    Returns:
        One row per exact figure and value kind of its indicator (standardised kinds over all
        ages only): value, lower, upper in the indicator's unit, reason (too_few_events,
        no_population; then all three are null), coarse_age (boolean). Figures, and directly
        standardised values over a stratum, that ``EXCEEDS`` is true of have no row.
    """
    known = figures(marts, specs) if counted is None else counted
    table = spec_table(specs)
    exact = known.filter("exact").join(table, on="indicator_id")
    strata = standard_strata(known, marts, standards).join(table, on="indicator_id")
    frames = [_crude(exact)]
    if not strata.is_empty():
        frames += [_direct(strata, kind) for kind in DIRECT]
        frames.append(_indirect(exact, strata, marts.counties))
    values = pl.concat([frame.select(VALUES) for frame in frames])
    return values.join(kind_table(specs), on=["indicator_id", "value_kind"], how="semi").sort(
        *FIGURE, "value_kind"
    )


def crude_values(exact: pl.DataFrame, specs: Sequence[Indicator]) -> pl.DataFrame:
    """Crude values of figures of any length of period: ``VALUES`` of those that have one.

    Args:
        exact: Figures with exact counts, as of ``figures.figures``.
        specs: Their indicators.
    """
    return _crude(exact.join(spec_table(specs), on="indicator_id")).select(VALUES)


def indirect_values(
    exact: pl.DataFrame, strata: pl.DataFrame, specs: Sequence[Indicator], counties: pl.DataFrame
) -> pl.DataFrame:
    """Indirectly standardised values of figures of any length of period: ``VALUES``.

    Args:
        exact: Figures with exact counts, as of ``figures.figures``, the region's among them.
        strata: The strata behind them, as of ``standards.standard_strata``.
        specs: Their indicators.
        counties: Municipalities of the counties (``figures.COUNTIES``).
    """
    table = spec_table(specs)
    known, behind = (frame.join(table, on="indicator_id") for frame in (exact, strata))
    return _indirect(known.filter(~EXCEEDS), behind, counties).select(VALUES)


def _variance() -> pl.Expr:
    """Variance of the count: Σ k² where a person may count repeatedly, else Poisson's."""
    repeated = pl.when(pl.col("repeats")).then(pl.col("numerator_sq"))
    return pl.coalesce(repeated, pl.col("numerator"))


def _crude(exact: pl.DataFrame) -> pl.DataFrame:
    sound = exact.filter(~EXCEEDS).with_columns(variance=_variance())
    shares = sound.filter(pl.col("kind") == "proportion")
    rates = sound.filter(pl.col("kind") == "rate")
    both = [
        proportion_frame(shares, multiplier="multiplier", sum_of_squares="variance"),
        crude_rate_frame(rates, multiplier="multiplier", sum_of_squares="variance"),
    ]
    return pl.concat(
        [frame.select(*FIGURE, "value", "lower", "upper", "reason") for frame in both]
    ).with_columns(value_kind=pl.lit(CRUDE), coarse_age=pl.lit(False))


def _scaled(values: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Values per person times the multiplier; a share's limits never pass 100 per cent."""
    unit = pl.col("multiplier")
    most = pl.when(pl.col("kind") == "proportion").then(pl.max_horizontal("value", pl.lit(1.0)))
    return values.join(table, on="indicator_id").with_columns(
        value=pl.col("value") * unit,
        lower=pl.col("lower") * unit,
        upper=pl.min_horizontal("upper", most) * unit,
    )


def _direct(strata: pl.DataFrame, kind: str) -> pl.DataFrame:
    table = strata.select("indicator_id", "multiplier", "kind").unique()
    strata = _without_lonely_events(strata)
    coarse = strata.group_by(FIGURE).agg(
        coarse_age=(pl.col("merged") * pl.col(kind)).sum() / pl.col(kind).sum() > COARSE_MERGE
    )
    rates = directly_standardised_frame(
        strata.with_columns(variance=_variance()), by=FIGURE, weight=kind, variance="variance"
    )
    scaled = _scaled(rates, table).join(coarse, on=list(FIGURE))
    return scaled.with_columns(value_kind=pl.lit(kind))


def _without_lonely_events(strata: pl.DataFrame) -> pl.DataFrame:
    """Families of strata but those with events where the register has nobody to have them."""
    lonely = (pl.col("numerator") > 0) & (pl.col("denominator") <= 0) & pl.col("public")
    return strata.filter(~lonely.any().over(FIGURE))


def _indirect(exact: pl.DataFrame, strata: pl.DataFrame, counties: pl.DataFrame) -> pl.DataFrame:
    table = strata.select("indicator_id", "multiplier", "kind").unique()
    key = ["indicator_id", *PERIOD, "sex"]
    reference = exact.filter(
        pl.col("area_level") == REGION, pl.col("age_group") == TOTAL, pl.col("denominator") > 0
    ).select(*key, reference_rate=pl.col("numerator") / pl.col("denominator"))
    totals = (
        exact.filter(pl.col("age_group") == TOTAL)
        .with_columns(variance=_variance())
        .join(_with_counties(_expected(strata), counties), on=list(FIGURE))
        .join(reference, on=key)
        .select(*FIGURE, "variance", "expected", "reference_rate", observed="numerator")
    )
    ratios = indirectly_standardised_frame(totals, variance="variance")
    return _scaled(ratios, table).with_columns(
        value_kind=pl.lit(INDIRECT), coarse_age=pl.lit(False)
    )


def _with_counties(expected: pl.DataFrame, counties: pl.DataFrame) -> pl.DataFrame:
    """Expected events, those of counties too: the sum of their municipalities'."""
    local = expected.filter(pl.col("area_level") == MUNICIPALITY).join(counties, on="area_code")
    summed = (
        local.with_columns(area_level=pl.lit(COUNTY), area_code="county_code")
        .group_by(FIGURE)
        .agg(pl.col("expected").sum())
    )
    return pl.concat([expected, summed.select(expected.columns)])


def _expected(strata: pl.DataFrame) -> pl.DataFrame:
    """Events expected at the region's rates, over the bands common to area and region."""
    key = ["indicator_id", *PERIOD, "sex", "base"]
    region = strata.filter(pl.col("area_level") == REGION)
    region_edges = region.select(*key, "age_from", shared=pl.lit(True))
    blocks = (
        strata.join(region_edges, on=[*key, "age_from"], how="left")
        .with_columns(
            edge=pl.when(pl.col("shared")).then(pl.col("age_from")),
        )
        .sort(*FIGURE, "base", "age_from")
        .with_columns(block=pl.col("edge").forward_fill().over(*FIGURE, "base"))
        .group_by(*FIGURE, "base", "block")
        .agg(pl.col("denominator").sum())
    )
    starts = blocks.select(*key, "area_code", "block").unique()
    parts = (
        region.select(*key, "age_from", events="numerator", people="denominator")
        .join(starts, on=key)
        .filter(pl.col("block") <= pl.col("age_from"))
        .group_by(*key, "area_code", "age_from", "events", "people")
        .agg(block=pl.col("block").max())
        .group_by(*key, "area_code", "block")
        .agg(pl.col("events").sum(), pl.col("people").sum())
    )
    rate = pl.when(pl.col("people") > 0).then(pl.col("events") / pl.col("people")).otherwise(0.0)
    joined = blocks.join(parts, on=[*key, "area_code", "block"], how="left")
    return joined.group_by(FIGURE).agg(expected=(pl.col("denominator") * rate).sum())
