"""Controlled rounding: small counts become multiples of a base, and every margin adds up.

Here: which base cells are rounded, and which way each goes so that margins stray least. Base cells
of 1 to the threshold − 1 go to one of the two multiples beside them (a multiple may stay); all
others, and nothing, stay as they are; margins are sums of what is published. So no margin tells
more than its base cells do. Not here: what a reader can make of it (``audit_rounded``).

The way each goes is found by steepest descent from a rounding to the nearest multiple. That only
small inner cells are rounded is the idea of Langsrud and Heldal, "An algorithm for small count
rounding of tabular data" (Privacy in Statistical Databases, 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.errors import ProtectionError
from anonymization.tables.matrix import blocks

if TYPE_CHECKING:
    from scipy import sparse

    from anonymization.tables.matrix import Floats
    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.system import LinkedSystem

TURNS_PER_CELL = 4


def round_counts(
    counts: Floats, matrix: sparse.csr_matrix, weight: Floats, policy: TablePolicy
) -> Floats:
    """Round small base counts so that all sums stray little.

    Args:
        counts: Base counts, whole.
        matrix: Published cells by base cells.
        weight: Worth of each published cell to planners.
        policy: Base, threshold and the largest deviation allowed.

    Returns:
        Base counts as published.

    Raises:
        ProtectionError: Some cell strays further than the policy allows.
    """
    base = float(policy.rounding_base)
    small = np.flatnonzero((counts >= 1) & (counts < policy.threshold) & (counts % base != 0))
    below = np.floor(counts[small] / base) * base
    up = counts[small] - below > base / 2
    part = matrix[:, small].tocsc()
    worth = part.T.multiply(weight).tocsr()
    steps = np.asarray(part.multiply(part).T @ weight).ravel() * base**2
    off: Floats = part @ (below + base * up - counts[small])
    slope = worth @ off
    for _ in range(TURNS_PER_CELL * len(small)):
        change = np.where(up, -base, base)
        gain = 2.0 * change * slope + steps
        best = int(np.argmin(gain))
        if gain[best] >= -1e-9:
            break
        rows = slice(part.indptr[best], part.indptr[best + 1])
        moved = part.indices[rows]
        off[moved] += change[best] * part.data[rows]
        slope += worth[:, moved] @ (change[best] * part.data[rows])
        up[best] = not up[best]
    worst = float(np.abs(off).max(initial=0.0))
    if worst > policy.rounding_limit:
        raise ProtectionError(
            f"a table of {matrix.shape[0]} cells: expected deviations of at most "
            f"{policy.rounding_limit} by rounding, got one of {worst:.0f}. Raise rounding_limit, "
            "or suppress."
        )
    found = counts.copy()
    found[small] = below + base * up
    return found


def rounded_cells(system: LinkedSystem, policy: TablePolicy) -> pl.DataFrame:
    """Round a system in which every unknown is a cell of its own.

    Args:
        system: The system of one table of counts.
        policy: Base, threshold and the largest deviation allowed.

    Returns:
        One row per cell in order: ``cell_id``, ``value``, ``published``.

    Raises:
        ProtectionError: Some cell strays further than the policy allows.
    """
    value = system.cells["value"].to_numpy()
    weight = system.cells["weight"].to_numpy()
    published = np.zeros(len(value))
    for block in blocks(system):
        alone = np.flatnonzero(np.diff(block.matrix.indptr) == 1)
        counts = np.zeros(block.matrix.shape[1])
        counts[block.matrix.indices[block.matrix.indptr[alone]]] = value[block.cell[alone]]
        told = round_counts(counts, block.matrix, weight[block.cell], policy)
        published[block.cell] = block.matrix @ told
    return system.cells.select("cell_id", "value", pl.Series("published", published))
