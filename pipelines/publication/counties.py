"""Counties beside their municipalities: which may be shown, without one figure lost for them.

Belongs here: which counties' cells tell nothing beside a year that is protected already, and which
give way where a municipality beyond all of them would be told. Does not belong here: the counties'
sums (``figures``) and their terms (``system_cells``).

The region less the counties in view is what it holds of other municipalities, and of nobody's
place. To the audit the latter is anybody's guess; but it is nothing nearly everywhere, and a reader
may well guess that. So region and all counties are in view together only where every municipality
beyond them is, and some of them only where they leave more than one hidden municipality, or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from anonymization.tables import (
    LinkedSystem,
    ProtectedSystem,
    TablePolicy,
    audit_system,
    protect_system,
)
from pipelines.publication.reference_tables import REGION as REGION_CODE

_LIKE = ("quantity", "sex", "low", "high")


def giving_way(
    system: LinkedSystem,
    statuses: pl.DataFrame,
    counties: pl.DataFrame,
    unsafe: pl.Series | None = None,
) -> pl.Series:
    """Cells of the smallest county in view wherever region and counties tell what they leave.

    Args:
        system: A year's system.
        statuses: What is in view of it: ``cell_id``, ``status`` (ok | suppressed).
        counties: One row per municipality of a county: area_code, county_code.
        unsafe: ``cell_id`` of what must not be told; by default all that is hidden. In the files
            a figure may be lacking for its denominator's sake alone.

    Returns:
        ``cell_id`` of counties' cells, and of those that are hidden together with them.
    """
    names = ("quantity", "area", "sex", "low", "high")
    part = pl.col("cell_id").str.split("|")
    cells = (
        system.cells.select("cell_id", "value", "group", part=part)
        .filter(pl.col("part").list.len() == len(names))
        .with_columns(pl.col("part").list.get(k).alias(name) for k, name in enumerate(names))
        .join(statuses.select("cell_id", seen=pl.col("status") == "ok"), on="cell_id")
    )
    county = pl.col("area").is_in(counties["county_code"].unique().implode())
    shown = cells.filter(county, "seen").select(
        *_LIKE, county_code="area", summed=pl.lit(value=True)
    )
    placed = cells.join(counties.rename({"area_code": "area"}), on="area", how="left").join(
        shown, on=[*_LIKE, "county_code"], how="left"
    )
    left = pl.col("area").str.contains(r"^\d{4}$") & ~pl.col("seen") & pl.col("summed").is_null()
    wanted = left if unsafe is None else left & pl.col("cell_id").is_in(unsafe.implode())
    told = placed.group_by(_LIKE).agg(
        region=(pl.col("seen") & (pl.col("area") == REGION_CODE)).any(),
        some=(county & pl.col("seen")).any(),
        every=pl.col("seen").filter(county).all(),
        left=left.sum(),
        wanted=wanted.any(),
    )
    alone = pl.col("every") | (pl.col("left") == 1)
    least = (
        cells.filter(county, "seen")
        .join(told.filter("region", "some", "wanted", alone), on=list(_LIKE), how="semi")
        .sort("value", "area")
        .unique(_LIKE, keep="first", maintain_order=True)
    )
    grouped = system.cells.filter(pl.col("group").is_in(least["group"].implode()))
    return grouped["cell_id"]


def protect_beside(
    system: LinkedSystem, policy: TablePolicy, counties: pl.DataFrame
) -> tuple[ProtectedSystem, LinkedSystem]:
    """Protect a system as if there were no counties, and show of them what tells nothing.

    Args:
        system: A year's system.
        policy: Its policy.
        counties: One row per municipality of a county: area_code, county_code.

    Returns:
        What may be shown, and the system, its counties owing nothing where they are hidden.

    Raises:
        ProtectionError: No pattern is safe.
    """
    sums = _county_cells(system, counties)
    bare = withheld(system, sums["cell_id"])
    made = protect_system(bare, policy)
    wished = sums.filter("publishable")
    if wished.is_empty():
        return made, bare
    for tried in _tries(wished):
        beside = _shown(made.cells, tried)
        audit = audit_system(bare, beside, policy)
        if audit["ok"].all() and giving_way(bare, beside, counties).is_empty():
            made = replace(made, cells=beside, audit=audit)
            if tried.equals(wished["cell_id"]):
                break
    return made, bare


def _tries(wished: pl.DataFrame) -> Iterator[pl.Series]:
    """All counties' cells at once, then those of one figure after another, the largest first."""
    yield wished["cell_id"]
    ordered = wished.sort("value", "cell_id", descending=[True, False])
    for group in ordered["group"].unique(maintain_order=True):
        yield wished.filter(pl.col("group") == group)["cell_id"]


def _shown(cells: pl.DataFrame, chosen: pl.Series) -> pl.DataFrame:
    """Protected cells, some more of them in view."""
    now = pl.col("cell_id").is_in(chosen.implode())
    return cells.with_columns(
        status=pl.when(now).then(pl.lit("ok")).otherwise("status"),
        reason=pl.when(~now).then("reason"),
    )


def _county_cells(system: LinkedSystem, counties: pl.DataFrame) -> pl.DataFrame:
    area = pl.col("cell_id").str.split("|").list.get(1, null_on_oob=True)
    return system.cells.filter(area.is_in(counties["county_code"].unique().implode()))


def withheld(system: LinkedSystem, cells: pl.Series) -> LinkedSystem:
    """The system, some cells of which are never published."""
    kept = pl.col("publishable") & ~pl.col("cell_id").is_in(cells.implode())
    return replace(system, cells=system.cells.with_columns(publishable=kept))


def owing_nothing(
    system: LinkedSystem, statuses: pl.DataFrame, counties: pl.DataFrame
) -> LinkedSystem:
    """The system, its hidden counties bare sums: who finds one out has found no municipality."""
    hidden = statuses.filter(pl.col("status") != "ok")["cell_id"]
    sums = _county_cells(system, counties).filter(pl.col("cell_id").is_in(hidden.implode()))
    return withheld(system, sums["cell_id"])
