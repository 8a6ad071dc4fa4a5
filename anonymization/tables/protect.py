"""One frequency table in, one protected table out.

Here: the door for a table that is base cells plus hierarchies. Not here: the audit of such a table
(``published``, ``verify``), linked tables (``engine``) and rates (``rates``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from anonymization.tables.engine import protect_system
from anonymization.tables.errors import TableError
from anonymization.tables.lattice import Dimensions, build_lattice
from anonymization.tables.published import OPTIONAL, table_system

if TYPE_CHECKING:
    from anonymization.tables.policy import TablePolicy


@dataclass(frozen=True)
class Protected:
    """A protected table and what stewards may know about it.

    Attributes:
        table: One row per cell with all margins: a column per dimension, ``count`` (null when
            hidden), ``status`` (ok | suppressed).
        report: The same cells with ``status``, ``reason`` and ``rule``. Not for publication.
        audit: One row per hidden cell: a column per dimension and the columns of
            :func:`anonymization.tables.audit_system`. Not for publication.
    """

    table: pl.DataFrame
    report: pl.DataFrame
    audit: pl.DataFrame


def protect(cells: pl.DataFrame, dimensions: Dimensions, policy: TablePolicy) -> Protected:
    """Protect one table of counts with all its margins.

    Args:
        cells: One row per base cell: a column per dimension; ``count``; optional ``persons``
            (persons behind the count; default the count itself), ``denominator`` (persons in the
            group, public: an upper bound of the count, and the complement is protected too),
            ``providers`` (a margin takes the largest of its base cells, which never overstates),
            ``largest_share`` (makes the table one of magnitudes: the largest person's share of
            the count; null for a count of 0), ``weight`` (worth to planners; adds up in margins;
            by default every cell is worth the same). A combination that has no row is publicly
            empty: give zeros as rows.
        dimensions: Dimension → hierarchy (code → parent, or parents where a code lies in several
            groupings). An empty hierarchy, or one with several roots, gets one margin with the
            code ``total``; a frame of ``code`` and ``parent`` names every sum itself, which suits
            base cells that are added up differently from place to place.
        policy: What is unsafe, and how wide is safe.

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
    lattice = build_lattice(cells, dimensions)
    system = table_system(cells, list(dimensions), lattice)
    result = protect_system(system, policy)
    named = lattice.keys.join(result.cells, on="cell_id", maintain_order="left")
    values = named.join(
        system.cells.select("cell_id", "value"), on="cell_id", maintain_order="left"
    )
    shown = pl.when(pl.col("status") == "ok").then(pl.col("value"))
    whole = cells.schema["count"].is_integer()
    count = shown.cast(pl.Int64) if whole else shown
    return Protected(
        table=values.select(*dimensions, count.alias("count"), "status"),
        report=named.drop("cell_id"),
        audit=lattice.keys.join(result.audit, on="cell_id", maintain_order="left").drop("cell_id"),
    )
