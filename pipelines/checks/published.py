"""Checks of the published tables, on the files as written.

Belongs here: the rules of ``indicator_values`` and its neighbours that a reader relies on.
Does not belong here: the audit of disclosure (``anonymization``), which proves more than any
rule on single rows can; these are its plain second pair of eyes.

Rules that need more than one table are computed as a column of yes and no, then checked like
any other column, so that every verdict comes the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.checks.contracts import published_contracts
from pipelines.checks.model import Check, Kahn, Kind, Suite, Where
from pipelines.checks.suites import content_suite, shape_suite

BLOCKS = ("release",)
FULL_COVERAGE = 0.95
LEAST_COVERAGE = 0.80
"""Shares of covered person-time: from the first a cell is full, below the second not shown."""

PERCENT = 100
SHARE = "percent"
"""Unit of a part of a whole. A rate per hundred, such as occupancy, may pass a hundred."""
MONTHS = {"month": 1, "quarter": 3, "year": 12, "three_years": 36, "five_years": 60}
"""How long a period is."""

BORDERS_CHANGED = 2024
"""First year of the municipal borders called '2024'."""

WITHOUT_COUNTS = ("suppressed", "not_covered", "missing", "not_applicable", "merged")
"""Statuses under which a numerator would tell what the status hides."""

NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "indicator_values": ("indicators", "areas", "merged_groups"),
    "comparisons": ("indicator_values",),
}
"""Tables that the rules of a table compare it with."""

RULES: Mapping[str, tuple[str, tuple[str, ...], Kahn]] = {
    "rule_reason": ("reason", ("value_status", "status_reason"), "conformance"),
    "rule_whole_period": (
        "whole_period",
        ("period_type", "period_start", "period_end"),
        "conformance",
    ),
    "rule_border_set": ("border_set", ("border_set", "period_start"), "conformance"),
    "rule_small_numerator": ("small_numerator", ("numerator",), "plausibility"),
    "rule_small_complement": (
        "small_complement",
        ("numerator", "denominator"),
        "plausibility",
    ),
    "rule_small_denominator": ("small_denominator", ("denominator",), "plausibility"),
    "rule_percent": ("percent", ("value",), "plausibility"),
    "rule_agrees": ("agrees", ("value", "numerator", "denominator"), "plausibility"),
    "rule_covered": ("covered", ("covered_share",), "completeness"),
    "rule_partial_flag": ("partial_flag", ("covered_share", "quality_flags"), "completeness"),
    "rule_known_indicator": ("known_indicator", ("indicator_id",), "conformance"),
    "rule_known_area": ("known_area", ("area_code",), "conformance"),
}
"""Derived column → sentence, columns it is about, category."""

DENOMINATOR_STEP = 0.1
"""Denominators are published to a tenth of a person-year."""


def published_suites(table: str) -> tuple[Suite, Suite]:
    """The suites (shape, content) of one published table.

    Raises:
        KeyError: The table is not in ``published_tables.yml``.
    """
    contract = published_contracts()[table]
    extra = EXTRA.get(table, ())
    return (
        shape_suite(table, contract, "publication", BLOCKS),
        content_suite(table, contract, "publication", BLOCKS, extra),
    )


def with_rules(table: str, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """A published table with its derived columns of yes and no.

    Args:
        table: Name of the table.
        tables: All tables of the release, by name.

    Returns:
        The rows of the table; for ``indicator_values`` with one boolean per entry of ``RULES``,
        for ``comparisons`` with ``is_shown``; every other table as it is.
    """
    frame = tables[table]
    if table == "indicator_values":
        groups = tables["merged_groups"]["merged_group_id"]
        known = pl.concat([tables["areas"]["area_code"], groups])
        return _values_with_rules(frame, tables["indicators"], known.unique())
    if table == "comparisons":
        return _comparisons_with_status(frame, tables["indicator_values"])
    return frame


def _values_with_rules(
    values: pl.DataFrame, indicators: pl.DataFrame, known: pl.Series
) -> pl.DataFrame:
    facts = indicators.select(
        "indicator_id",
        "indicator_version",
        pl.col("threshold").alias("_threshold"),
        pl.col("public_denominator").alias("_public"),
        pl.col("multiplier").alias("_multiplier"),
        pl.col("unit").alias("_unit"),
        pl.col("decimals").alias("_decimals"),
        pl.col("coverage_service").alias("_service"),
    ).unique(["indicator_id", "indicator_version"])
    joined = values.join(facts, on=["indicator_id", "indicator_version"], how="left")
    rules = (
        _conformance_rules()
        + _small_count_rules()
        + _value_rules()
        + [
            pl.col("_multiplier").is_not_null().alias("rule_known_indicator"),
            pl.col("area_code").is_in(known.implode()).alias("rule_known_area"),
            (pl.col("value_status") == "ok").alias("is_shown"),
            (pl.col("value_status") == "merged").alias("is_merged"),
            pl.col("value_status").is_in(WITHOUT_COUNTS).alias("is_without_counts"),
        ]
    )
    return joined.with_columns(rules).drop("^_.*$")


def _conformance_rules() -> list[pl.Expr]:
    shown = pl.col("value_status") == "ok"
    start, last = pl.col("period_start"), pl.col("period_end").dt.year()
    months = pl.col("period_type").replace_strict(MONTHS, default=None, return_dtype=pl.Int64)
    # A quarter begins with January, April, July or October; a year, and more of them, with January.
    begins = (start.dt.month() - 1) % pl.min_horizontal(months, pl.lit(12)) == 0
    after = start.dt.offset_by(pl.format("{}mo", months))
    borders = pl.when(last < BORDERS_CHANGED).then(pl.lit("2020")).otherwise(pl.lit("2024"))
    return [
        (shown == pl.col("status_reason").is_null()).alias("rule_reason"),
        ((start.dt.day() == 1) & begins & (pl.col("period_end") == after.dt.offset_by("-1d")))
        .fill_null(value=False)
        .alias("rule_whole_period"),
        # A release whose history was cut has the borders of one year throughout.
        ((pl.col("border_set") == borders) | (pl.col("border_set").n_unique() == 1)).alias(
            "rule_border_set"
        ),
    ]


def _small_count_rules() -> list[pl.Expr]:
    """Thresholds are on persons; a count of anything below it stands for fewer persons still."""
    threshold = pl.col("_threshold")
    numerator, denominator = pl.col("numerator"), pl.col("denominator")
    complement = denominator - numerator

    def small(count: pl.Expr) -> pl.Expr:
        return ((count > 0) & (count < threshold)).fill_null(value=False)

    return [
        (~small(numerator)).alias("rule_small_numerator"),
        (~(small(complement) & (pl.col("_unit") == SHARE))).alias("rule_small_complement"),
        (~(small(denominator) & ~pl.col("_public"))).alias("rule_small_denominator"),
    ]


def _value_rules() -> list[pl.Expr]:
    shown = pl.col("value_status") == "ok"
    value, share = pl.col("value"), pl.col("covered_share")
    crude = shown & (pl.col("value_kind") == "crude")
    counted = pl.col("_multiplier") * pl.col("numerator") / pl.col("denominator")
    # The value was computed from the exact denominator, which is published to a tenth.
    of_denominator = counted * DENOMINATOR_STEP / 2 / pl.col("denominator")
    tolerance = (
        0.5 * pl.lit(10.0).pow(-pl.col("_decimals").cast(pl.Float64)) + of_denominator + 1e-6
    )
    is_share = (pl.col("_unit") == SHARE) & (pl.col("value_kind") != "indirect")
    is_measured = pl.col("_service") != "none"
    municipality = pl.col("area_level") == "municipality"
    return [
        _holds(shown & is_share, value.is_between(0, PERCENT)).alias("rule_percent"),
        _holds(crude & counted.is_finite(), (value - counted).abs() <= tolerance).alias(
            "rule_agrees"
        ),
        _holds(shown & municipality & is_measured, share >= LEAST_COVERAGE).alias("rule_covered"),
        _holds(
            shown & is_measured & (share < FULL_COVERAGE),
            pl.col("quality_flags").str.split(",").list.contains("partial_coverage"),
        ).alias("rule_partial_flag"),
    ]


def _holds(applies: pl.Expr, holds: pl.Expr) -> pl.Expr:
    """A rule where it applies, satisfied elsewhere; an unknown outcome is a breach."""
    applicable = applies.fill_null(value=False)
    return ~applicable | holds.fill_null(value=False)


def _comparisons_with_status(comparisons: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    key = ["indicator_id", "area_code", "period_type", "period_start", "sex", "age_group"]
    key.append("value_kind")
    shown = (
        values.filter((pl.col("value_status") == "ok") & (pl.col("breakdown") == "total"))
        .select(key)
        .unique()
        .with_columns(pl.lit(value=True).alias("is_shown"))
    )
    joined = comparisons.join(shown, on=key, how="left")
    return joined.with_columns(pl.col("is_shown").fill_null(value=False))


def _rule_checks() -> tuple[Check, ...]:
    return tuple(
        Check(
            check_id=f"indicator_values.{column}",
            kind="in_set",
            columns=(column,),
            text=text,
            category=category,
            values=(True,),
            blocks=BLOCKS,
            about=about,
        )
        for column, (text, about, category) in RULES.items()
    )


def _value_check(
    name: str, kind: Kind, columns: tuple[str, ...], text: str, where: Where | None = None
) -> Check:
    return Check(
        check_id=f"indicator_values.{name}",
        kind=kind,
        columns=columns,
        text=text,
        category="conformance",
        where=where,
        blocks=BLOCKS,
    )


def _value_checks() -> tuple[Check, ...]:
    shown, hidden = Where("is_shown", value=True), Where("is_shown", value=False)
    uncounted = Where("is_without_counts", value=True)
    merged = Where("is_merged", value=True)
    return (
        _value_check("value.hidden", "null", ("value",), "null_unless_ok", hidden),
        _value_check("lower_ci.hidden", "null", ("lower_ci",), "null_unless_ok", hidden),
        _value_check("upper_ci.hidden", "null", ("upper_ci",), "null_unless_ok", hidden),
        _value_check("value.shown", "not_null", ("value",), "value_when_ok", shown),
        _value_check("numerator.hidden", "null", ("numerator",), "count_hidden", uncounted),
        _value_check(
            "merged_group_id.told", "not_null", ("merged_group_id",), "group_told", merged
        ),
        _value_check("interval.lower", "at_least", ("value", "lower_ci"), "interval"),
        _value_check("interval.upper", "at_least", ("upper_ci", "value"), "interval"),
        _value_check("release_id.single", "single_value", ("release_id",), "single_release"),
    )


def _comparison_checks() -> tuple[Check, ...]:
    hidden = Where("is_shown", value=False)
    return (
        Check(
            check_id="comparisons.rank.hidden",
            kind="null",
            columns=("rank",),
            text="hidden_rank",
            category="conformance",
            where=hidden,
            blocks=BLOCKS,
        ),
        Check(
            check_id="comparisons.versus_region.hidden",
            kind="in_set",
            columns=("versus_region",),
            text="hidden_rank",
            category="conformance",
            values=("not_compared",),
            where=hidden,
            blocks=BLOCKS,
        ),
        Check(
            check_id="comparisons.rank.within",
            kind="at_least",
            columns=("rank_of", "rank"),
            text="rank_within",
            category="plausibility",
            blocks=BLOCKS,
        ),
    )


EXTRA: Mapping[str, tuple[Check, ...]] = {
    "indicator_values": (*_rule_checks(), *_value_checks()),
    "comparisons": _comparison_checks(),
}
