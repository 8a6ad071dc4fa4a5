"""One frequency table in, one protected table out.

Here: the door for a table that is base cells plus hierarchies, and the audit of such a table as
published. Not here: linked tables (``engine``) and rates (``rates``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.audit import exact_intervals
from anonymization.tables.engine import protect_system
from anonymization.tables.errors import TableError
from anonymization.tables.intervals import WHOLE, Polytope
from anonymization.tables.lattice import TOTAL, Dimensions, Lattice, build_lattice, cell_id, links
from anonymization.tables.matrix import blocks
from anonymization.tables.system import LinkedSystem

if TYPE_CHECKING:
    from anonymization.tables.policy import TablePolicy

OPTIONAL = ("persons", "denominator", "providers", "largest_share", "weight")


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


def table_system(cells: pl.DataFrame, names: list[str], lattice: Lattice) -> LinkedSystem:
    """The linked system of a table: its base cells are the unknowns, its cells their sums."""
    has = set(cells.columns)
    base = cells.select(
        cell_id(names).alias("variable_id"), "count", *[c for c in OPTIONAL if c in has]
    )
    joined = lattice.terms.join(base, on="variable_id")
    col = pl.col
    magnitude = "largest_share" in has
    sums = {
        "value": col("count").sum().cast(pl.Float64),
        "persons": col("persons" if "persons" in has else "count").sum(),
        "weight": col("weight").sum() if "weight" in has else pl.lit(1.0),
        "magnitude": pl.lit(magnitude),
        "integer": pl.lit(cells.schema["count"].is_integer()),
    }
    if "persons" not in has and magnitude:
        raise TableError("cells: a magnitude needs a column persons beside largest_share.")
    if "denominator" in has:
        sums["denominator_persons"] = col("denominator").sum()
    if "providers" in has:
        sums["providers"] = col("providers").max()
    if magnitude:
        largest = (col("largest_share") * col("count")).max()
        total = col("count").sum()
        sums["largest_share"] = pl.when(total > 0).then(largest / total)
    rows = joined.group_by("cell_id").agg(**sums)
    if "denominator" in has:
        rows = rows.with_columns(complement_persons=col("denominator_persons") - col("persons"))
    bound = col("denominator") if "denominator" in has and not magnitude else pl.lit(None)
    variables = base.select("variable_id", bound.cast(pl.Float64).alias("upper_bound"))
    return LinkedSystem(variables=variables, cells=rows, terms=lattice.terms)


def audit(
    table: pl.DataFrame, dimensions: Dimensions, upper_bounds: pl.DataFrame | None = None
) -> pl.DataFrame:
    """What a reader of a published table can work out about its hidden cells.

    Args:
        table: Cells as published, with their margins: a column per dimension and ``count``, null
            where hidden.
        dimensions: Dimension → hierarchy (code → parent), as in :func:`protect`.
        upper_bounds: Public bounds of base cells: a column per dimension and ``upper_bound``.

    Returns:
        One row per hidden cell: a column per dimension, ``lower`` and ``upper``, the exact ends
        of its feasible interval (whole numbers where counts are; infinite if nothing bounds it).

    Raises:
        TableError: The table lacks a margin or holds one that the hierarchies do not.
        InconsistentTableError: The shown cells contradict each other or the bounds.
    """
    names = list(dimensions)
    keyed = table.with_columns(cell_id(names).alias("cell_id"))
    sums = {n: [*links(n, dimensions[n])["parent"].unique(), TOTAL] for n in names}
    leaf = [~pl.col(n).cast(pl.String).is_in(sums[n]) for n in names]
    lattice = build_lattice(keyed.filter(pl.all_horizontal(leaf)), dimensions)
    cells = lattice.keys.select("cell_id").join(
        keyed.select("cell_id", "count"), on="cell_id", how="left"
    )
    extra = keyed.join(lattice.keys, on="cell_id", how="anti").height
    absent = lattice.keys.join(keyed, on="cell_id", how="anti").height
    if extra or absent:
        raise TableError(
            f"table: expected each base cell and its margins once, got {absent} missing and "
            f"{extra} that no hierarchy leads to."
        )
    whole = table.schema["count"].is_integer()
    variables = lattice.terms.select("variable_id").unique()
    if upper_bounds is not None:
        bounds = upper_bounds.select(cell_id(names).alias("variable_id"), "upper_bound")
        variables = variables.join(bounds, on="variable_id", how="left")
    system = LinkedSystem(
        variables=variables,
        # A hidden value is never read: any number stands in for it.
        cells=cells.select("cell_id", pl.col("count").fill_null(0).alias("value"), integer=whole),
        terms=lattice.terms,
    )
    hidden = cells.sort("cell_id")["count"].is_null().to_numpy()
    value = system.cells["value"].to_numpy()
    lower, upper = np.zeros(len(value)), np.zeros(len(value))
    for block in blocks(system):
        out, own = hidden[block.cell], value[block.cell]
        polytope = Polytope(
            block.matrix, np.where(out, -np.inf, own), np.where(out, np.inf, own), block.upper
        )
        lower[block.cell], upper[block.cell] = exact_intervals(polytope, out)
    if whole:
        lower, upper = np.ceil(lower - WHOLE) + 0.0, np.floor(upper + WHOLE) + 0.0
    return (
        system.cells.select("cell_id")
        .with_columns(pl.Series("lower", lower), pl.Series("upper", upper))
        .filter(pl.Series(hidden))
        .join(lattice.keys, on="cell_id")
        .select(*names, "lower", "upper")
        .sort(names)
    )
