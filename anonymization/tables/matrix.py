"""A linked system as sorted arrays and one sparse matrix.

Here: the numeric form that the engine works on, the prior range of a cell, and the split into
independent blocks. Not here: anything that depends on what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from anonymization.tables.links import Links, links

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anonymization.tables.system import LinkedSystem

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

SAME = 1e-6
LARGE = 5000  # cells from which on programmes over a block tell its cells through each other


@dataclass(frozen=True)
class Block:
    """Cells and unknowns that share no term with any other block, in order of their ids.

    Attributes:
        cell: Index of each row of ``matrix`` in the system's cells (sorted by ``cell_id``).
        matrix: Cells by unknowns, CSR, coefficients.
        upper: Public upper bound of each unknown; infinite where there is none.
        lowest, highest: Range of each cell by the public bounds of its unknowns and its own.
        most: Public upper bound of each cell; infinite where the unknowns' bounds say as much.
        links: How cells follow from each other; of large blocks only.
    """

    cell: Ints
    matrix: sparse.csr_matrix
    upper: Floats
    lowest: Floats
    highest: Floats
    most: Floats
    links: Links | None = None


def _merge_twins(terms: pl.DataFrame, variables: pl.DataFrame) -> pl.DataFrame:
    """Terms over ``unknown`` with ``upper``: variables that no cell tells apart become one.

    The merged unknown is the sum of its variables, so intervals of cells are unchanged.
    """
    profiles = (
        terms.sort("variable_id", "row")
        .group_by("variable_id", maintain_order=True)
        .agg(
            pl.concat_str("row", pl.lit(":"), "coefficient").str.join("|").alias("profile"),
        )
        .join(variables, on="variable_id", how="left")
        .with_columns(pl.col("upper_bound").fill_null(float("inf")))
    )
    merged = profiles.group_by("profile").agg(
        pl.col("variable_id").min(), pl.col("upper_bound").sum().alias("upper")
    )
    return terms.join(merged.select("variable_id", "upper"), on="variable_id").sort(
        "variable_id", "row"
    )


def blocks(system: LinkedSystem) -> list[Block]:
    """Independent blocks of a system, ordered by their first cell."""
    rows = system.cells.select("cell_id").with_row_index("row").cast({"row": pl.Int64})
    terms = _merge_twins(system.terms.join(rows, on="cell_id"), system.variables)
    unknowns = terms.select("variable_id", "upper").unique("variable_id").sort("variable_id")
    terms = terms.join(unknowns.with_row_index("column").drop("upper"), on="variable_id")
    matrix = sparse.csr_matrix(
        (
            terms["coefficient"].to_numpy(),
            (terms["row"].to_numpy(), terms["column"].cast(pl.Int64).to_numpy()),
        ),
        shape=(system.cells.height, unknowns.height),
    )
    upper = unknowns["upper"].to_numpy()
    most = system.cells["upper_bound"].fill_null(np.inf).to_numpy()
    incidence = matrix.copy()
    incidence.data = np.ones_like(incidence.data)
    # Cells of one group are hidden together, so they are judged together.
    _, group = np.unique(system.cells["group"].to_numpy(), return_inverse=True)
    ties = sparse.csr_matrix((np.ones(len(group)), (np.arange(len(group)), group)))
    links = sparse.hstack([incidence, ties])
    graph = sparse.bmat([[None, links], [links.T, None]])
    _, label = connected_components(graph, directed=False)
    of_cell, of_unknown = np.split(label, [matrix.shape[0]])
    of_unknown = of_unknown[: matrix.shape[1]]
    # A label's first appearance among the sorted cells orders the blocks.
    _, first = np.unique(of_cell, return_index=True)
    found = []
    for start in np.sort(first):
        cell = np.flatnonzero(of_cell == of_cell[start])
        unknown = np.flatnonzero(of_unknown == of_cell[start])
        part = matrix[cell][:, unknown].tocsr()
        part.sort_indices()
        bounds = upper[unknown], most[cell]
        found.append(_block(cell, part, *bounds, _links(part, system, cell)))
    return found


def _links(matrix: sparse.csr_matrix, system: LinkedSystem, cell: Ints) -> Links | None:
    if len(cell) <= LARGE:
        return None
    return links(matrix, system.cells["cell_id"][cell], system.sums)


def _block(
    cell: Ints, matrix: sparse.csr_matrix, upper: Floats, most: Floats, told: Links | None
) -> Block:
    lowest, highest = activity(matrix, np.zeros_like(upper), upper)
    most = np.where(most < highest - SAME, most, np.inf)
    return Block(cell, matrix, upper, lowest, np.minimum(highest, most), most, told)


def activity(matrix: sparse.csr_matrix, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Smallest and largest value of every row over the box of its unknowns."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    coefficient, column = matrix.data, matrix.indices
    positive = coefficient > 0
    least = coefficient * np.where(positive, lower[column], upper[column])
    most = coefficient * np.where(positive, upper[column], lower[column])
    size = matrix.shape[0]
    low: Floats = np.bincount(row, least, size).astype(np.float64)
    return low, np.bincount(row, most, size).astype(np.float64)
