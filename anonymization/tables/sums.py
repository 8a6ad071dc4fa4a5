"""Which cells of a block add up to another one, read from its matrix.

Here: the ways in which a cell is the sum of the largest cells inside it. What builds a system need
not name them, and tables whose margins come from no hierarchy (merged groups, a rest, counts with
their complements) have them too. Not here: the sums of blocks too large for this, which are named
with their system (``lattice``), and what follows from sums (``closure``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.system import SUMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy import sparse

    from anonymization.tables.matrix import Ints

WAYS = 12  # in which one cell is a sum, at most
LOOKS = 400  # at what may cover the rest of a cell, for each cell


def sums_in(matrix: sparse.csr_matrix, ids: pl.Series) -> pl.DataFrame:
    """The sums between cells that add unknowns up, each of them once.

    Args:
        matrix: Cells by unknowns.
        ids: Ids of the cells.

    Returns:
        One row per part: ``sum_id``, ``whole_id``, ``part_id``. Of cells with the same unknowns all
        but the first are the sum of the first alone, and no part of any other.
    """
    names = ids.to_list()
    rows = [
        (f"{names[whole]}|{way}", names[whole], names[part])
        for whole, ways in _ways(matrix)
        for way, parts in enumerate(ways)
        for part in parts
    ]
    return pl.DataFrame(rows, schema=SUMS, orient="row")


def _ways(matrix: sparse.csr_matrix) -> Iterator[tuple[int, list[list[int]]]]:
    """Every cell that is a sum, with its parts in each way."""
    size = np.diff(matrix.indptr)
    plain = size == np.asarray((matrix == 1.0).sum(axis=1)).ravel()
    plain &= size > 0
    held = [int.from_bytes(bits.tobytes()) for bits in np.packbits(matrix.toarray() != 0.0, axis=1)]
    first: dict[int, int] = {}
    for cell in np.flatnonzero(plain).tolist():
        first.setdefault(held[cell], cell)
    shared = (matrix != 0.0).astype(np.int64)
    shared = (shared @ shared.T).tocsr()
    for cell in np.flatnonzero(plain).tolist():
        if first[held[cell]] != cell:
            yield cell, [[first[held[cell]]]]
            continue
        span = slice(shared.indptr[cell], shared.indptr[cell + 1])
        near: Ints = shared.indices[span]
        inside = near[(shared.data[span] == size[near]) & (size[near] < size[cell]) & plain[near]]
        largest = _largest(inside[np.lexsort((inside, -size[inside]))].tolist(), held, first)
        if ways := list(_covers(held[cell], [(held[part], part) for part in largest])):
            yield cell, ways


def _largest(inside: list[int], held: list[int], first: dict[int, int]) -> list[int]:
    """Of cells in order of their size those that are in none before them."""
    found: list[int] = []
    for cell in inside:
        if first[held[cell]] == cell and not any(held[cell] & ~held[one] == 0 for one in found):
            found.append(cell)
    return found


def _covers(whole: int, parts: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Parts that share nothing and make up the whole, in every way within the bounds."""
    waiting: list[tuple[int, list[int]]] = [(whole, [])]
    found = 0
    for _ in range(LOOKS):
        if not waiting or found == WAYS:
            return
        left, chosen = waiting.pop()
        if not left:
            found += 1
            yield chosen
            continue
        lowest = left & -left
        waiting += [
            (left & ~unknowns, [*chosen, part])
            for unknowns, part in parts
            if unknowns & lowest and unknowns & ~left == 0
        ]
