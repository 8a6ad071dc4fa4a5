"""Which hidden cells follow exactly from the shown ones, for cubes of any size.

Here: one least-squares solve. The values that hidden cells may take differ by a vector that every
published sum maps to nothing; a cell in which no such vector moves is a fixed combination of
published cells. A random vector, projected on that space, moves every other cell almost surely. Not
here: how far a cell can move (``audit``): a cell that moves may still be narrow, since counts are
whole and not negative.

The projection is found with LSMR (Fong and Saunders, "LSMR: an iterative algorithm for sparse
least-squares problems", SIAM Journal on Scientific Computing 33, 2011).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.linalg import lsmr

from anonymization.tables.errors import NoOptimumError, TableError

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Floats

STILL = 1e-7  # what moves less, of a random vector with components of size 1, does not move
EXACT = 1e-12
TURNS = 20_000


def derivable(sums: pl.DataFrame, status: pl.DataFrame) -> pl.DataFrame:
    """Hidden cells that a reader can compute.

    Args:
        sums: What adds up to what: ``sum_id``, ``whole_id``, ``part_id``, as of
            :class:`anonymization.tables.LinkedSystem`. It must name every sum that is published.
        status: One row per cell: ``cell_id``, ``status`` (ok | suppressed).

    Returns:
        ``cell_id`` of the hidden cells that follow exactly, ordered.

    Raises:
        TableError: A sum has a cell without status.
        NoOptimumError: The solve did not converge.
    """
    hidden = (
        status.filter(pl.col("status") == "suppressed")
        .select("cell_id")
        .sort("cell_id")
        .with_row_index("column")
    )
    steps = pl.concat(
        [
            sums.select("sum_id", cell_id="part_id", sign=pl.lit(1.0)),
            sums.select("sum_id", cell_id="whole_id", sign=pl.lit(-1.0)).unique(),
        ]
    )
    if lost := steps.join(status, on="cell_id", how="anti").height:
        raise TableError(f"status.cell_id: expected a status per cell, got {lost} terms without.")
    terms = steps.join(hidden, on="cell_id").with_columns(
        row=pl.col("sum_id").rank("dense").cast(pl.Int64) - 1
    )
    if hidden.height == 0:
        return hidden.select("cell_id")
    shape = (terms["row"].n_unique(), hidden.height)
    matrix = sparse.csr_matrix((terms["sign"], (terms["row"], terms["column"])), shape=shape)
    return hidden.filter(pl.Series(_still(matrix))).select("cell_id")


def _still(matrix: sparse.csr_matrix) -> Bools:
    """Unknowns that no vector of the kernel moves."""
    start: Floats = np.random.default_rng(0).standard_normal(matrix.shape[1])
    # A line that is all of what is hidden in a sum weighs as much as a short one.
    scale = 1.0 / np.sqrt(np.maximum(np.diff(matrix.indptr), 1))
    rows = sparse.diags(scale) @ matrix
    part, stop, *_ = lsmr(rows.T.tocsr(), start, atol=EXACT, btol=EXACT, conlim=0, maxiter=TURNS)
    if stop == 7:
        raise NoOptimumError(f"kernel: expected convergence, got none in {TURNS} turns.")
    moved = start - rows.T @ part
    found: Bools = np.abs(moved) < STILL
    return found
