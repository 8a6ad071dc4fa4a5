"""Exact derivability, held against the rank of dense matrices."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from anonymization.tables import TableError
from anonymization.tables.kernel import derivable
from anonymization.tables.lattice import build_lattice

AREAS = {f"m{i}": f"r{i % 2}" for i in range(5)}


def cube():
    index = np.indices((5, 3, 2)).reshape(3, -1)
    cells = pl.DataFrame(
        {name: index[i].astype(str) for i, name in enumerate(("area", "age", "sex"))}
    ).with_columns(area=pl.lit("m") + pl.col("area"))
    return build_lattice(cells, {"area": AREAS, "age": {}, "sex": {}})


def by_rank(lattice, hidden: set[str]) -> set[str]:
    """A hidden cell is known if its row lies in the span of the shown cells' rows."""
    ids = lattice.keys["cell_id"].to_list()
    unknowns = lattice.terms["variable_id"].unique().sort().to_list()
    dense = np.zeros((len(ids), len(unknowns)))
    for cell, unknown in lattice.terms.select("cell_id", "variable_id").iter_rows():
        dense[ids.index(cell), unknowns.index(unknown)] = 1
    shown = dense[[i for i, cell in enumerate(ids) if cell not in hidden]]
    rank = np.linalg.matrix_rank(shown)
    return {
        cell
        for i, cell in enumerate(ids)
        if cell in hidden and np.linalg.matrix_rank(np.vstack([shown, dense[i]])) == rank
    }


@pytest.mark.parametrize("seed", range(12))
def test_one_solve_finds_what_the_rank_finds(seed: int) -> None:
    lattice = cube()
    ids = lattice.keys["cell_id"].to_list()
    rng = np.random.default_rng(seed)
    hidden = {cell for cell in ids if rng.random() < (0.25, 0.5, 0.7)[seed % 3]}
    status = lattice.keys.select(
        "cell_id",
        status=pl.when(pl.col("cell_id").is_in(list(hidden)))
        .then(pl.lit("suppressed"))
        .otherwise(pl.lit("ok")),
    )
    expected = by_rank(lattice, hidden)
    assert set(derivable(lattice.sums, status)["cell_id"]) == expected
    # The cube is dense enough for both verdicts to be seen.
    assert seed % 3 == 2 or expected


def test_nothing_hidden_and_a_status_that_is_missing() -> None:
    lattice = cube()
    status = lattice.keys.select("cell_id", status=pl.lit("ok"))
    assert derivable(lattice.sums, status).height == 0
    with pytest.raises(TableError, match="terms without"):
        derivable(lattice.sums, status.head(10))
