"""Counties beside their municipalities: which may be shown, without one figure lost for them.

Belongs here: which counties' cells tell nothing beside a year that is protected already. Does not
belong here: the counties' sums (``figures``) and their terms (``system_cells``).
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
        if audit["ok"].all():
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
