"""One frequency table in, one protected table out.

Here: the door for a table that is base cells plus hierarchies. Not here: the audit of such a table
(``published``, ``verify``), linked tables (``engine``) and rates (``rates``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from anonymization.tables.audit_rounded import audit_rounded
from anonymization.tables.engine import protect_system
from anonymization.tables.errors import ProtectionError, TableError
from anonymization.tables.lattice import Dimensions, Lattice
from anonymization.tables.merged_cells import group_labels, shown_with
from anonymization.tables.merging import Members
from anonymization.tables.published import OPTIONAL, Table, table_of
from anonymization.tables.rounding import rounded_cells
from anonymization.tables.system import BLOCKS

if TYPE_CHECKING:
    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.system import LinkedSystem


@dataclass(frozen=True)
class Protected:
    """A protected table and what stewards may know about it.

    Attributes:
        table: One row per cell with all margins: a column per dimension, ``count`` (null when
            hidden), ``status`` (ok | suppressed). Where members are merged, groups are rows too,
            and for each dimension merged there are ``<dimension>_label`` (members' names of a
            group; null where the code is none) and ``<dimension>_shown_with`` (of a hidden cell:
            its code in the row of the smallest group that is shown; null where there is none).
        report: The same cells with ``status``, ``reason`` (primary | secondary | rounded) and
            ``rule``. Not for publication.
        audit: One row per hidden cell (of a rounded table: per base cell that may be small): a
            column per dimension and the columns of
            :func:`anonymization.tables.audit_system`. Not for publication.
        blocks: One row per independent block, as in
            :class:`anonymization.tables.ProtectedSystem`: whether no safe pattern hides less, and
            why not; none of a rounded table. Not for publication.
    """

    table: pl.DataFrame
    report: pl.DataFrame
    audit: pl.DataFrame
    blocks: pl.DataFrame


def protect(
    cells: pl.DataFrame,
    dimensions: Dimensions,
    policy: TablePolicy,
    members: Members | None = None,
) -> Protected:
    """Protect one table of counts with all its margins.

    Args:
        cells: One row per base cell: a column per dimension; ``count``; optional ``persons``
            (persons behind the count; default the count itself), ``denominator`` (persons in the
            group, public: an upper bound of the count, and the complement is protected too),
            ``providers`` (a margin takes the largest of its base cells, which never overstates),
            ``largest_share`` (makes the table one of magnitudes: the largest person's share of
            the count; null for a count of 0), ``weight`` (worth to planners; adds up in margins;
            by default every cell is worth the same), ``sensitive`` (of a theme with a higher
            threshold; a margin over such a cell is too). A combination that has no row is publicly
            empty: give zeros as rows.
        dimensions: Dimension → hierarchy (code → parent, or parents where a code lies in several
            groupings). An empty hierarchy, or one with several roots, gets one margin with the
            code ``total``; a frame of ``code`` and ``parent`` names every sum itself, which suits
            base cells that are added up differently from place to place.
        policy: What is unsafe, how wide is safe, and which dimensions' members are merged to groups
            that are shown where a member alone is not.
        members: Dimension merged by size → public facts about its codes, one row each: ``code``,
            ``size`` (such as inhabitants); optional ``within`` (groups do not cross it), ``x`` and
            ``y`` (where it lies), ``name`` (for labels).

    Raises:
        TableError: Columns, codes or counts are not as described.
        ProtectionError: No pattern satisfies the audit.
    """
    unknown = sorted(set(cells.columns) - {*dimensions, "count", *OPTIONAL})
    if unknown or "count" not in cells.columns:
        raise TableError(
            f"cells: expected {[*dimensions, 'count']} and optionally {list(OPTIONAL)}, got "
            f"unknown columns {unknown}"
            + ("." if "count" in cells.columns else " and no column count.")
        )
    whole = table_of(cells, dimensions, policy, members)
    lattice, system = whole.lattice, whole.system
    if policy.method == "round":
        return _rounded(cells, system, lattice, policy)
    result = protect_system(system, policy)
    named = lattice.keys.join(result.cells, on="cell_id", maintain_order="left")
    values = named.join(
        system.cells.select("cell_id", "value"), on="cell_id", maintain_order="left"
    )
    shown = pl.when(pl.col("status") == "ok").then(pl.col("value"))
    count = shown.cast(pl.Int64) if cells.schema["count"].is_integer() else shown
    table = values.select("cell_id", *dimensions, count.alias("count"), "status")
    if whole.groups:
        table = _with_groups_told(table, whole, members or {})
    return Protected(
        table=table.drop("cell_id"),
        report=named.drop("cell_id", "block"),
        audit=lattice.keys.join(result.audit, on="cell_id", maintain_order="left").drop("cell_id"),
        blocks=result.blocks,
    )


def _with_groups_told(table: pl.DataFrame, whole: Table, members: Members) -> pl.DataFrame:
    """The table with the group that each hidden cell is shown with, and what groups are called."""
    refers = shown_with(table, whole.lattice, whole.groups)
    told = table.join(refers, on="cell_id", how="left", maintain_order="left")
    for name, steps in whole.groups.items():
        facts = members.get(name)
        known = facts if facts is not None and "name" in facts.columns else None
        made = group_labels(steps, known).rename({"code": name, "label": f"{name}_label"})
        told = told.join(made, on=name, how="left", maintain_order="left")
    return told


def _rounded(
    cells: pl.DataFrame, system: LinkedSystem, lattice: Lattice, policy: TablePolicy
) -> Protected:
    names = [name for name in lattice.keys.columns if name != "cell_id"]
    given = [name for name in OPTIONAL if name in cells.columns and name != "weight"]
    if given or not cells.schema["count"].is_integer():
        raise TableError(
            f"policy.method: rounding is for whole counts of persons alone, got {given or 'shares'}"
            ". Suppress instead."
        )
    made = rounded_cells(system, policy)
    found = audit_rounded(made.select("cell_id", "published"), system.terms, policy)
    if failed := found.height - int(found["ok"].sum()):
        raise ProtectionError(f"{system.size}: {failed} rounded counts are too narrow.")
    named = lattice.keys.join(made, on="cell_id", maintain_order="left")
    # Nothing tells which cells were rounded: every one has the same status.
    changed = pl.col("value") != pl.col("published")
    return Protected(
        table=named.select(
            *names, pl.col("published").cast(pl.Int64).alias("count"), status=pl.lit("ok")
        ),
        report=named.select(
            *names,
            status=pl.lit("ok"),
            reason=pl.when(changed).then(pl.lit("rounded")),
            rule=pl.when(pl.col("value").is_between(1, policy.threshold - 1)).then(
                pl.lit("persons")
            ),
        ),
        audit=lattice.keys.join(found, on="cell_id", maintain_order="left").drop("cell_id"),
        blocks=pl.DataFrame(schema=BLOCKS),
    )
