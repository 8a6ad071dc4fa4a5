"""What protecting a release did to each indicator: the cost, the narrowest interval, the proof.

Belongs here: counts and widths by indicator and year, from the door's search and the audit of the
written files. Does not belong here: a cell, a figure or an exact count; how many figures are
hidden and by which rule (``steward_report``). None of it may leave the stewards' zone.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from anonymization.tables import ProtectedSystem
from pipelines.publication.systems import AuditGroup

GRAIN = ("indicator_id", "period_start")
CELL = ("period_start", "cell_id")
TEXTS = ("title_nb", "title_nn", "title_en")
DIGITS = 6
"""Sums of person-years differ in their last bits."""


def protection(
    audits: Sequence[tuple[AuditGroup, ProtectedSystem]],
    audited: pl.DataFrame,
    indicators: pl.DataFrame,
) -> pl.DataFrame:
    """What was given up for an indicator in a year, and how well the rest is hidden.

    An indicator's cells are those that its figures publish, numerator and denominator, and those
    that follow from its group's figures although nobody publishes them.

    Args:
        audits: Each audit group with its protected system.
        audited: ``FileAudit.cells``.
        indicators: The published table of indicators, for titles and policies.

    Returns:
        One row per indicator and year: ``indicator_id``, ``title_nb``, ``title_nn``,
        ``title_en``, ``policy_id``, ``period``; ``cost`` (weight of the cells hidden to protect
        others, without those that go with an unsafe one), ``worth`` (weight of all its cells);
        ``attacked`` (hidden cells audited), ``narrowest`` (width that the first attacker's
        interval has at least, in units of the value; infinite where nothing bounds it) and
        ``width_required`` of that cell;
        ``second_attacked`` (cells that the second attacker can tell to be small) and
        ``second_values`` (whole values that stay possible for it at least); ``blocks`` (independent
        blocks with a hidden cell of it), ``proven`` (of them, those in which no safe pattern costs
        less); ``reason``, ``block_cells`` and ``gap`` (share of the cost that may be too much,
        null if unknown) of the largest one that is not proven.
    """
    members = pl.concat([_members(group) for group, _ in audits]).unique()
    cells = pl.concat([_cells(group, protected) for group, protected in audits])
    mine = members.join(cells, on=CELL)
    told = (
        mine.group_by(GRAIN)
        .agg(
            pl.col("weight").filter("given_up").sum().alias("cost"),
            pl.col("weight").filter("publishable").sum().alias("worth"),
        )
        .join(_widths(members, audited), on=GRAIN, how="left")
        .join(_proofs(mine, audits), on=GRAIN, how="left")
    )
    names = indicators.select("indicator_id", *TEXTS, "policy_id").unique("indicator_id")
    counts = ("attacked", "second_attacked", "blocks", "proven")
    return (
        told.join(names, on="indicator_id")
        .with_columns(
            pl.col(counts).fill_null(0).cast(pl.Int64),
            pl.col("cost", "worth", "narrowest", "width_required").round(DIGITS),
            period=pl.col("period_start").dt.year().cast(pl.String),
        )
        .select(
            "indicator_id",
            *TEXTS,
            "policy_id",
            "period",
            "cost",
            "worth",
            "attacked",
            "narrowest",
            "width_required",
            "second_attacked",
            "second_values",
            "blocks",
            "proven",
            "reason",
            "block_cells",
            "gap",
        )
        .sort("indicator_id", "period")
    )


def _members(group: AuditGroup) -> pl.DataFrame:
    """Which cells are whose: indicator_id, period_start, cell_id."""
    published = (
        group.figures.select("indicator_id", "numerator_cell", "denominator_cell")
        .unpivot(index="indicator_id", value_name="cell_id")
        .drop_nulls("cell_id")
        .select("indicator_id", "cell_id")
        .unique()
    )
    implied = group.system.cells.select("cell_id").join(published, on="cell_id", how="anti")
    names = pl.Series("indicator_id", group.indicator_ids, dtype=pl.String)
    return pl.concat([published, names.to_frame().join(implied, how="cross")]).select(
        "indicator_id", pl.lit(group.period_start).alias("period_start"), "cell_id"
    )


def _cells(group: AuditGroup, protected: ProtectedSystem) -> pl.DataFrame:
    """What the door decided, with what a cell is worth and the block it lies in."""
    known = protected.cells.join(
        group.system.cells.select("cell_id", "weight", "publishable", "group"), on="cell_id"
    )
    # A denominator that goes with an unsafe numerator protects nobody else.
    goes_along = (pl.col("reason") == "primary").fill_null(False).any().over("group")
    return known.with_columns(given_up=(pl.col("reason") == "secondary") & ~goes_along).select(
        pl.lit(group.period_start).alias("period_start"),
        "cell_id",
        "status",
        "given_up",
        "weight",
        "publishable",
        pl.lit(group.group_id).alias("group_id"),
        "block",
    )


def _widths(members: pl.DataFrame, audited: pl.DataFrame) -> pl.DataFrame:
    """How narrow the two attackers' intervals are at the narrowest."""
    width = pl.col("upper") - pl.col("lower")
    values = pl.col("second_upper") - pl.col("second_lower") + 1
    # Of two cells as narrow, the one of which more is asked.
    first = pl.struct(width=width, less=-pl.col("width_required"))
    return (
        members.join(audited, on=CELL)
        .group_by(GRAIN)
        .agg(
            pl.len().alias("attacked"),
            first.sort().first().alias("first"),
            values.count().alias("second_attacked"),
            values.filter(values.is_finite()).min().cast(pl.Int64).alias("second_values"),
        )
        .with_columns(
            narrowest=pl.col("first").struct.field("width"),
            width_required=-pl.col("first").struct.field("less"),
        )
        .drop("first")
    )


def _proofs(
    mine: pl.DataFrame, audits: Sequence[tuple[AuditGroup, ProtectedSystem]]
) -> pl.DataFrame:
    """In how many blocks with hidden cells the cost is proven to be the least, and why not."""
    blocks = pl.concat(
        protected.blocks.select(pl.lit(group.group_id).alias("group_id"), pl.all())
        for group, protected in audits
    )
    concerned = mine.filter(pl.col("status") == "suppressed").select(*GRAIN, "group_id", "block")
    is_open = pl.col("reason").is_not_null()
    gap = pl.when(pl.col("cost") > 0).then(1 - pl.col("least") / pl.col("cost"))
    return (
        concerned.unique()
        .join(blocks.with_columns(gap=gap.round(DIGITS)), on=["group_id", "block"])
        .sort("cells", "group_id", "block", descending=[True, False, False])
        .group_by(GRAIN, maintain_order=True)
        .agg(
            pl.len().alias("blocks"),
            (~is_open).sum().alias("proven"),
            pl.col("reason").filter(is_open).first(),
            pl.col("cells").filter(is_open).first().alias("block_cells"),
            pl.col("gap").filter(is_open).first(),
        )
    )
