"""A table as it is published: its linear system, and what a reader can work out of it.

Here: the system over base cells and hierarchies, and the exact interval of every hidden cell. Not
here: how the table was protected (``protect``); a table from anywhere is read the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.audit import exact_intervals
from anonymization.tables.errors import TableError
from anonymization.tables.intervals import WHOLE, Polytope
from anonymization.tables.lattice import TOTAL, Dimensions, Lattice, build_lattice, cell_id, links
from anonymization.tables.matrix import blocks
from anonymization.tables.merged_cells import with_merged_cells
from anonymization.tables.merging import Members, merge_groups, with_groups
from anonymization.tables.system import LinkedSystem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anonymization.tables.matrix import Floats
    from anonymization.tables.policy import TablePolicy

OPTIONAL = ("persons", "denominator", "providers", "largest_share", "weight", "sensitive")


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
    if "sensitive" in has:
        # A sum over a sensitive theme is as sensitive as the theme.
        sums["sensitive"] = col("sensitive").any()
    if magnitude:
        largest = (col("largest_share") * col("count")).max()
        total = col("count").sum()
        sums["largest_share"] = pl.when(total > 0).then(largest / total)
    rows = joined.group_by("cell_id").agg(**sums)
    if "denominator" in has:
        rows = rows.with_columns(complement_persons=col("denominator_persons") - col("persons"))
    bound = col("denominator") if "denominator" in has and not magnitude else pl.lit(None)
    variables = base.select("variable_id", bound.cast(pl.Float64).alias("upper_bound"))
    return LinkedSystem(variables=variables, cells=rows, terms=lattice.terms, sums=lattice.sums)


@dataclass(frozen=True)
class Table:
    """A table as a linked system.

    Attributes:
        lattice: Every cell that is published, groups included.
        system: The cells, and what follows from them.
        groups: Dimension → groups that its members are merged to.
    """

    lattice: Lattice
    system: LinkedSystem
    groups: Mapping[str, pl.DataFrame]


def table_of(
    cells: pl.DataFrame,
    dimensions: Dimensions,
    policy: TablePolicy,
    members: Members | None = None,
) -> Table:
    """Everything that is published of some base cells under a policy, as one system.

    Args:
        cells: Base cells, as given to :func:`anonymization.tables.protect`.
        dimensions: Dimension → hierarchy.
        policy: Names series, and dimensions whose members are merged.
        members: Public facts about members that are merged by size.

    Raises:
        TableError: Something is not as described.
    """
    groups = merge_groups(cells, policy, members, list(dimensions))
    lattice = build_lattice(cells, with_groups(cells, dimensions, groups))
    system = with_series(table_system(cells, list(dimensions), lattice), lattice.keys, policy)
    if groups:
        system = with_merged_cells(system, lattice, groups, policy)
    return Table(lattice, system, groups)


def with_series(system: LinkedSystem, keys: pl.DataFrame, policy: TablePolicy) -> LinkedSystem:
    """The system with the series that its policy names: cells that differ in one dimension only.

    Raises:
        TableError: The policy asks for series and names no dimension of the table.
    """
    if policy.weak_series is None:
        return system
    along = policy.series
    if along is None or along not in keys.columns:
        raise TableError(
            "policy.series: expected a dimension of the table, which weak_series needs."
        )
    others = [name for name in keys.columns if name not in ("cell_id", along)]
    label = pl.concat_str(pl.lit(along), *others, separator="\x1f")
    named = keys.select("cell_id", series=pl.when(pl.col(along) != TOTAL).then(label))
    return replace(system, cells=system.cells.drop("series").join(named, on="cell_id", how="left"))


def audit(
    table: pl.DataFrame,
    dimensions: Dimensions,
    upper_bounds: pl.DataFrame | None = None,
    known: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """What a reader of a published table can work out about its hidden cells.

    Args:
        table: Cells as published, with their margins: a column per dimension and ``count``, null
            where hidden.
        dimensions: Dimension → hierarchy (code → parent), as in :func:`protect`.
        upper_bounds: Public bounds of base cells: a column per dimension and ``upper_bound``.
        known: What else the reader knows of hidden cells (a threshold, a contribution of one's
            own, a neighbour's guess): a column per dimension, ``lower`` and ``upper``, either of
            which may be null.

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
    least, most = _knowledge(system, names, known)
    lower, upper = np.zeros(len(value)), np.zeros(len(value))
    for block in blocks(system):
        out, own = hidden[block.cell], value[block.cell]
        polytope = Polytope(
            block.matrix,
            np.where(out, least[block.cell], own),
            np.where(out, most[block.cell], own),
            block.upper,
        )
        lower[block.cell], upper[block.cell] = exact_intervals(
            polytope, np.flatnonzero(out), len(out)
        )
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


def _knowledge(
    system: LinkedSystem, names: list[str], known: pl.DataFrame | None
) -> tuple[Floats, Floats]:
    """Lower and upper end of each cell that the reader knows beforehand; infinite if nothing."""
    size = system.cells.height
    if known is None:
        return np.full(size, -np.inf), np.full(size, np.inf)
    told = known.select(cell_id(names).alias("cell_id"), pl.col("lower", "upper").cast(pl.Float64))
    if strange := told.join(system.cells, on="cell_id", how="anti").height:
        raise TableError(f"known: expected cells of the table, got {strange} that are not.")
    joined = system.cells.select("cell_id").join(
        told, on="cell_id", how="left", maintain_order="left", validate="1:1"
    )
    lower: Floats = joined["lower"].fill_null(-np.inf).to_numpy()
    upper: Floats = joined["upper"].fill_null(np.inf).to_numpy()
    return lower, upper
