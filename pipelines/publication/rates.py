"""The table ``indicator_values``: every figure with its status, rounded, null unless shown.

Belongs here: the status of each row, rounding, flags. Does not belong here: how values are
computed (``unrounded``) and which cells are hidden (the table door's verdicts come in).

A value is shown only where the door shows every cell that it publishes. Reason codes say the
same for cells hidden for themselves and for cells hidden to protect others.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    AREA,
    COUNTY,
    FIGURE,
    NOT_COVERED,
    TOTAL,
    Marts,
    figures,
)
from pipelines.publication.standards import Standards
from pipelines.publication.unrounded import (
    CRUDE,
    DIRECT,
    EXCEEDS,
    kind_table,
    spec_table,
    unrounded_values,
)

COLUMNS = (
    "indicator_id",
    "indicator_version",
    "area_level",
    "area_code",
    "border_set",
    "sex",
    "age_group",
    "breakdown",
    "breakdown_value",
    "period_type",
    "period_start",
    "period_end",
    "value_kind",
    "numerator",
    "denominator",
    "value",
    "lower_ci",
    "upper_ci",
    "unit",
    "value_status",
    "status_reason",
    "merged_group_id",
    "quality_flags",
    "covered_share",
    "release_id",
)
CELL = (
    "indicator_id",
    "indicator_version",
    "area_code",
    "border_set",
    "sex",
    "age_group",
    "breakdown",
    "breakdown_value",
    "period_type",
    "period_start",
)
"""What a count is about, whichever values are computed from it."""

KEY = (*CELL, "value_kind")
NEW_BORDERS_FROM = 2024
SMALL_NUMERATOR = 20
"""Events below which a shown figure is flagged as resting on few."""

DENOMINATOR_DECIMALS = 1
"""Person-years are published to a tenth: more would tell single moves by the day."""

SHARE_DECIMALS = 2
GP_SHARE_DECIMALS = 1
"""A covered share of persons by their GP's office gives away the number of those persons,
which is protected; a tenth leaves it open."""

POOLED_TYPES = {3: "three_years", 5: "five_years"}
"""What periods of several years are called, by their number of years."""

MUNICIPAL_SERVICES = ("municipal_care", "portal", "documentation")


def indicator_values(
    marts: Marts,
    specs: Sequence[Indicator],
    standards: Standards,
    *,
    shown: pl.DataFrame,
    publishable: pl.DataFrame,
    release_id: str,
    counted: pl.DataFrame | None = None,
    values: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Build ``indicator_values`` from exact counts and the table door's verdicts.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        standards: The standard populations.
        shown: Verdict per figure: the keys of ``figures.FIGURE`` and shown (boolean). A figure
            without verdict is hidden.
        publishable: Verdict per directly standardised value: the keys of ``figures.FIGURE``,
            value_kind, publishable (boolean). A value without verdict is hidden.
        release_id: The release.
        counted: ``figures.figures(marts, specs)``, if it is there already.
        values: ``unrounded_values(...)``, if it is there already.

    Returns:
        The contract's columns, one row per ``KEY``, sorted by it; numerator, denominator,
        value and limits null unless value_status is ``ok``.

    Raises:
        ValueError: If the marts contradict themselves (see ``figures`` and ``unrounded``).
    """
    known = figures(marts, specs) if counted is None else counted
    computed = unrounded_values(marts, specs, standards, known) if values is None else values
    return finished(known, computed, specs, kind_table(specs), shown, publishable, release_id)


def finished(
    known: pl.DataFrame,
    computed: pl.DataFrame,
    specs: Sequence[Indicator],
    kinds: pl.DataFrame,
    shown: pl.DataFrame,
    publishable: pl.DataFrame | None,
    release_id: str,
) -> pl.DataFrame:
    """Rows of ``indicator_values`` from figures of any length of period and their values.

    Args:
        known: Figures with exact counts, as of ``figures.figures``.
        computed: Their values, as of ``unrounded_values``.
        specs: Indicators to publish.
        kinds: The value kinds of each: indicator_id, value_kind.
        shown: Verdict per figure.
        publishable: Verdict per directly standardised value; null where there is none.
        release_id: The release.

    Returns:
        As ``indicator_values``.
    """
    if publishable is None:
        none = shown.clear().select(*FIGURE)
        publishable = none.with_columns(
            value_kind=pl.lit(None, dtype=pl.String), publishable=pl.lit(None, dtype=pl.Boolean)
        )
    judged = _judged(known, computed, specs, kinds, shown, publishable)
    return _as_contract(_masked(judged), release_id)


def _judged(
    known: pl.DataFrame,
    computed: pl.DataFrame,
    specs: Sequence[Indicator],
    kinds: pl.DataFrame,
    shown: pl.DataFrame,
    publishable: pl.DataFrame,
) -> pl.DataFrame:
    """Every row with its inputs, value_status and status_reason."""
    rows = known.join(kinds, on="indicator_id").filter(
        (pl.col("value_kind") == CRUDE) | (pl.col("age_group") == TOTAL),
        # A county has no strata of its own to be weighted.
        (pl.col("area_level") != COUNTY) | ~pl.col("value_kind").is_in(DIRECT),
    )
    joined = (
        rows.join(spec_table(specs), on="indicator_id")
        .join(computed, on=[*FIGURE, "value_kind"], how="left")
        .join(shown.select(*FIGURE, "shown"), on=list(FIGURE), how="left")
        .join(
            publishable.select(*FIGURE, "value_kind", "publishable"),
            on=[*FIGURE, "value_kind"],
            how="left",
        )
    )
    direct, county = pl.col("value_kind").is_in(DIRECT), pl.col("area_level") == COUNTY
    # Standardised, a share may pass all through strata that do.
    passes = direct & (pl.col("kind") == "proportion") & (pl.col("value") > pl.col("multiplier"))
    safe = ~direct | pl.col("publishable").fill_null(False)
    status = _first_of(
        (pl.col("coverage_state") == NOT_COVERED, "not_covered", _not_covered_reason()),
        (~pl.col("known"), "missing", pl.lit("year_not_computed")),
        (~pl.col("exact") & county, "not_covered", pl.lit("few_of_county")),
        (~pl.col("exact"), "suppressed", pl.lit("age_groups_merged")),
        (~pl.col("shown").fill_null(False), "suppressed", pl.lit("disclosure")),
        (EXCEEDS | (passes & pl.col("public")), "missing", pl.lit("exceeds_register")),
        (pl.col("denominator") <= 0, "missing", pl.lit("no_data")),
        (pl.col("reason") == "too_few_events", "unreliable", pl.lit("too_few_events")),
        (pl.col("value").is_null(), "missing", pl.lit("no_data")),
        (~safe, "suppressed", pl.lit("disclosure")),
    )
    return joined.with_columns(status)


def _not_covered_reason() -> pl.Expr:
    own, county = pl.col("service").is_in(MUNICIPAL_SERVICES), pl.col("area_level") == COUNTY
    several = pl.col("period_end").dt.year() > pl.col("period_start").dt.year()
    return (
        pl.when(several)
        .then(pl.lit("years_not_covered"))
        .when(county & (pl.col("covered_share") > 0))
        .then(pl.lit("few_of_county"))
        .when(own & ~county)
        .then(pl.lit("municipality_not_live"))
        .otherwise(pl.lit("service_not_covered"))
    )


def _first_of(*cases: tuple[pl.Expr, str, pl.Expr]) -> list[pl.Expr]:
    """Status and reason of the first case that holds, else ok and null."""
    status, reason = pl.lit("ok"), pl.lit(None, dtype=pl.String)
    for holds, name, why in reversed(cases):
        known = holds.fill_null(False)
        status = pl.when(known).then(pl.lit(name)).otherwise(status)
        reason = pl.when(known).then(why).otherwise(reason)
    return [status.alias("value_status"), reason.alias("status_reason")]


def _masked(judged: pl.DataFrame) -> pl.DataFrame:
    """Rounded numbers, null unless ok, and the flags."""
    ok = pl.col("value_status") == "ok"
    # A full count has no chance in it: no interval, and few is just what it is.
    sampled = ok & ~pl.col("full_count")
    numbers = [
        pl.when(ok).then(rounded("value")).alias("value"),
        pl.when(sampled).then(rounded("lower")).alias("lower_ci"),
        pl.when(sampled).then(rounded("upper")).alias("upper_ci"),
    ]
    flags = {
        "partial_coverage": pl.col("coverage_state") == "flagged",
        "coarse_age": ok & pl.col("coarse_age"),
        "small_numerator": sampled & (pl.col("numerator") < SMALL_NUMERATOR),
    }
    named = [pl.when(holds.fill_null(False)).then(pl.lit(name)) for name, holds in flags.items()]
    gp = pl.col("service") == "gp"
    return judged.with_columns(
        *numbers,
        quality_flags=pl.concat_str(named, separator=",", ignore_nulls=True),
        numerator=pl.when(ok).then(pl.col("numerator")),
        denominator=pl.when(ok).then(pl.col("denominator").round(DENOMINATOR_DECIMALS)),
        covered_share=pl.when(gp)
        .then(pl.col("covered_share").round(GP_SHARE_DECIMALS))
        .otherwise(pl.col("covered_share").round(SHARE_DECIMALS)),
    )


def rounded(column: str) -> pl.Expr:
    """A column as published: half away from zero at the number of ``decimals`` of its row."""
    scale = pl.lit(10.0).pow(pl.col("decimals"))
    return (pl.col(column) * scale).round(mode="half_away_from_zero") / scale


def period_type() -> pl.Expr:
    """How long a period is: ``month``, ``quarter``, ``year``, ``three_years`` or ``five_years``."""
    start, end = pl.col("period_start").dt, pl.col("period_end").dt
    months = 12 * (end.year() - start.year()) + end.month() - start.month() + 1
    return months.cast(pl.Int64).replace_strict(
        {1: "month", 3: "quarter", 12: "year", **{12 * n: name for n, name in POOLED_TYPES.items()}}
    )


def _as_contract(rows: pl.DataFrame, release_id: str) -> pl.DataFrame:
    # The municipalities of a period are those of its last day.
    new = pl.col("period_end").dt.year() >= NEW_BORDERS_FROM
    return rows.select(
        "indicator_id",
        pl.col("version").cast(pl.Int32).alias("indicator_version"),
        *AREA,
        pl.when(new).then(pl.lit("2024")).otherwise(pl.lit("2020")).alias("border_set"),
        "sex",
        "age_group",
        pl.lit(TOTAL).alias("breakdown"),
        pl.lit(TOTAL).alias("breakdown_value"),
        period_type().alias("period_type"),
        "period_start",
        "period_end",
        "value_kind",
        "numerator",
        "denominator",
        "value",
        "lower_ci",
        "upper_ci",
        "unit",
        "value_status",
        "status_reason",
        pl.lit(None, dtype=pl.String).alias("merged_group_id"),
        "quality_flags",
        "covered_share",
        pl.lit(release_id).alias("release_id"),
    ).sort(KEY)
