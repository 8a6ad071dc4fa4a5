"""Bound propagation: what follows from each published equation taken alone.

Here: a box around every solution, cheap and never too small. Not here: what follows from several
equations together (``solver``, ``intervals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

    from anonymization.tables.matrix import Floats

ROUNDS = 60
TOLERANCE = 1e-9


def _others(term: Floats, row: Floats, size: int) -> Floats:
    """Per term: the sum of the row's other terms; infinite if another one is."""
    infinite = ~np.isfinite(term)
    finite = np.where(infinite, 0.0, term)
    count = np.bincount(row, infinite, size)[row] - infinite
    rest = np.bincount(row, finite, size)[row] - finite
    sign = np.sign(term[infinite][0]) if infinite.any() else 1.0
    return np.where(count > 0.5, sign * np.inf, rest)


def propagate(
    matrix: sparse.csr_matrix,
    row_lower: Floats,
    row_upper: Floats,
    lower: Floats,
    upper: Floats,
) -> tuple[Floats, Floats]:
    """Tighten a box by the rows ``row_lower ≤ matrix·x ≤ row_upper`` until nothing moves.

    Args:
        matrix: Rows by unknowns, CSR.
        row_lower: Lower end of each row.
        row_upper: Upper end of each row.
        lower: Lower bounds of the unknowns, finite.
        upper: Upper bounds of the unknowns, may be infinite.

    Returns:
        Bounds that hold for every solution.
    """
    size = matrix.shape[0]
    row = np.repeat(np.arange(size), np.diff(matrix.indptr))
    column, coefficient = matrix.indices, matrix.data
    positive = coefficient > 0
    for _ in range(ROUNDS):
        least = coefficient * np.where(positive, lower[column], upper[column])
        most = coefficient * np.where(positive, upper[column], lower[column])
        top = (row_upper[row] - _others(least, row, size)) / coefficient
        bottom = (row_lower[row] - _others(most, row, size)) / coefficient
        new_lower, new_upper = lower.copy(), upper.copy()
        np.maximum.at(new_lower, column, np.where(positive, bottom, top))
        np.minimum.at(new_upper, column, np.where(positive, top, bottom))
        # Rounding must never turn a box inside out.
        new_upper = np.maximum(new_upper, new_lower)
        gain = np.abs(new_lower - lower).max(initial=0.0)
        closed = np.isinf(upper) & np.isfinite(new_upper)
        finite = np.isfinite(upper)
        gain = max(gain, np.abs(new_upper[finite] - upper[finite]).max(initial=0.0))
        lower, upper = new_lower, new_upper
        if gain <= TOLERANCE and not closed.any():
            break
    return lower, upper
