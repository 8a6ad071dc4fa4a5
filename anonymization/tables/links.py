"""Cells told through each other: a total as the sum of its parts, not of its base values.

Here: which of a system's sums hold in its matrix, and for each cell the one by which it is told.
A programme over a large table is many times smaller in this form, and says the same: a sum is used
only after it was checked against the matrix, so whoever reads it need not trust who named it. Not
here: what is known of the cells (``intervals``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Ints

SAME = 1e-9


@dataclass(frozen=True)
class Links:
    """How each cell of a block follows from unknowns and from smaller cells.

    Attributes:
        column: Per cell, its column among unknowns and cells: the unknown that it is, or its own
            behind all unknowns.
        told: Cells with a row in ``rows``: all that are not a single unknown.
        rows: One row per told cell over unknowns and cells, CSR: what its parts' columns add up
            to.
    """

    column: Ints
    told: Ints
    rows: sparse.csr_matrix


def links(matrix: sparse.csr_matrix, ids: pl.Series, sums: pl.DataFrame) -> Links:
    """Tell every cell by its smallest sum.

    Args:
        matrix: Cells by unknowns.
        ids: Ids of the cells.
        sums: Named sums: ``sum_id``, ``whole_id``, ``part_id``. Those that do not hold in the
            matrix are passed over; a cell without any is told by its unknowns.
    """
    cells, unknowns = matrix.shape
    size = np.diff(matrix.indptr)
    single = (size == 1) & (np.asarray(matrix.sum(axis=1)).ravel() == 1.0)
    column = unknowns + np.arange(cells)
    alone = np.flatnonzero(single)
    column[alone] = matrix.indices[matrix.indptr[alone]]
    whole, parts = _holding(matrix, ids, sums, size)
    told = np.flatnonzero(~single)
    chosen = np.full(cells, -1)
    # Of several sums the one with the fewest parts: the last to be written.
    order = np.argsort(-np.diff(parts.indptr), kind="stable")
    chosen[whole[order]] = order
    by_sum = chosen[told] >= 0
    place = sparse.csr_matrix(
        (np.ones(cells), (np.arange(cells), column)), shape=(cells, unknowns + cells)
    )
    direct = sparse.hstack(
        [matrix[told[~by_sum]], sparse.csr_matrix((int((~by_sum).sum()), cells))], format="csr"
    )
    stacked = sparse.vstack([parts[chosen[told[by_sum]]] @ place, direct], format="csr")
    back = np.argsort(np.concatenate([np.flatnonzero(by_sum), np.flatnonzero(~by_sum)]))
    return Links(column, told, stacked[back].tocsr())


def _holding(
    matrix: sparse.csr_matrix, ids: pl.Series, sums: pl.DataFrame, size: Ints
) -> tuple[Ints, sparse.csr_matrix]:
    """Sums that hold in the matrix and lead to smaller cells: the whole of each, and its parts."""
    where = ids.to_frame("part_id").with_row_index("part")
    named = sums.join(where, on="part_id").join(
        where.rename({"part_id": "whole_id", "part": "whole"}), on="whole_id"
    )
    complete = named.join(sums.group_by("sum_id").len(), on="sum_id").filter(
        pl.len().over("sum_id") == pl.col("len")
    )
    _, first, label = np.unique(complete["sum_id"], return_index=True, return_inverse=True)
    whole = complete["whole"].cast(pl.Int64).to_numpy()[first]
    part = complete["part"].cast(pl.Int64).to_numpy()
    parts = sparse.csr_matrix(
        (np.ones(len(part)), (label, part)), shape=(len(whole), matrix.shape[0])
    )
    off = abs(parts @ matrix - matrix[whole]).max(axis=1).toarray().ravel()
    largest = sparse.csr_matrix(parts.multiply(size[None, :])).max(axis=1).toarray().ravel()
    holds: Bools = (off <= SAME) & (largest < size[whole])
    return whole[holds], parts[np.flatnonzero(holds)].tocsr()
