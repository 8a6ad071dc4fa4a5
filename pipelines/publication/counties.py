"""What the region and its counties together tell of municipalities beyond the counties.

Belongs here: which county gives way where a municipality beyond all of them would be told. Does not
belong here: the counties' sums (``figures``) and their terms (``system_cells``).

The region less its counties is what it holds of other counties' municipalities, and of nobody's
place. To the audit the latter is anybody's guess; but it is nothing nearly everywhere, and a reader
may well guess that. So region and all counties are in view together only where every
municipality beyond them is.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from anonymization.tables import LinkedSystem
from pipelines.publication.reference_tables import REGION as REGION_CODE

_LIKE = ("quantity", "sex", "low", "high")


def giving_way(
    system: LinkedSystem,
    statuses: pl.DataFrame,
    counties: pl.DataFrame,
    unsafe: pl.Series | None = None,
) -> pl.Series:
    """Cells of the smaller county wherever region and counties tell what lies beyond them.

    Args:
        system: A year's system.
        statuses: What is in view of it: ``cell_id``, ``status`` (ok | suppressed).
        counties: One row per municipality of a county: area_code, county_code.
        unsafe: ``cell_id`` of what must not be told beyond the counties; by default all that is
            hidden there. A figure may be lacking in the files for its denominator's sake alone.

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
    codes = counties["county_code"].unique().implode()
    place = pl.col("area").str.contains(r"^\d{4}$")
    beyond = place & ~pl.col("area").is_in(counties["area_code"].implode())
    county = pl.col("area").is_in(codes)
    hidden = ~pl.col("seen")
    if unsafe is not None:
        hidden = hidden & pl.col("cell_id").is_in(unsafe.implode())
    told = cells.group_by(_LIKE).agg(
        region=(pl.col("seen") & (pl.col("area") == REGION_CODE)).any(),
        sums=county.any() & pl.col("seen").filter(county).all(),
        lone=(beyond & hidden).any(),
    )
    open_ = told.filter("region", "sums", "lone")
    least = (
        cells.filter(county)
        .join(open_, on=list(_LIKE), how="semi")
        .sort("value", "area")
        .unique(_LIKE, keep="first", maintain_order=True)
    )
    grouped = system.cells.filter(pl.col("group").is_in(least["group"].implode()))
    return grouped["cell_id"]


def withheld(system: LinkedSystem, cells: pl.Series) -> LinkedSystem:
    """The system, some cells of which are never published."""
    kept = pl.col("publishable") & ~pl.col("cell_id").is_in(cells.implode())
    return replace(system, cells=system.cells.with_columns(publishable=kept))


def owing_nothing(
    system: LinkedSystem, statuses: pl.DataFrame, counties: pl.DataFrame
) -> LinkedSystem:
    """The system, its hidden counties bare sums: who finds one out has found no municipality."""
    hidden = statuses.filter(pl.col("status") != "ok")["cell_id"]
    area = pl.col("cell_id").str.split("|").list.get(1, null_on_oob=True)
    sums = system.cells.filter(
        pl.col("cell_id").is_in(hidden.implode()),
        area.is_in(counties["county_code"].unique().implode()),
    )
    return withheld(system, sums["cell_id"])
