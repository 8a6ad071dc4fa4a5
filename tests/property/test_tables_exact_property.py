"""The proven least pattern, held against every pattern there is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from anonymization.tables import TablePolicy, audit_system, protect_system
from anonymization.tables.lattice import build_lattice
from anonymization.tables.published import table_system
from tests.support.tables_reference import hidden_ids

POLICY = TablePolicy(minimum_denominator=0)


def table(seed: int, weighted: bool):
    rng = np.random.default_rng(seed)
    index = np.indices((2, 3)).reshape(2, -1)
    cells = pl.DataFrame(
        {
            "area": index[0].astype(str),
            "age": index[1].astype(str),
            "count": rng.choice([0, 2, 3, 7, 30], 6),
            "weight": rng.integers(1, 9, 6).astype(float) if weighted else np.ones(6),
        }
    )
    if not weighted:
        cells = cells.drop("weight")
    dimensions = {"area": {}, "age": {}}
    return table_system(cells, list(dimensions), build_lattice(cells, dimensions))


def status(system, hidden: set[str]) -> pl.DataFrame:
    told = pl.when(pl.col("cell_id").is_in(list(hidden))).then(pl.lit("suppressed"))
    return system.cells.select("cell_id", status=told.otherwise(pl.lit("ok")))


def cheapest_of_all(system, unsafe: set[str]) -> float:
    """By trying every pattern, cheapest first."""
    weight = dict(system.cells.select("cell_id", "weight").iter_rows())
    spare = sorted(set(weight) - unsafe)
    patterns = [more for size in range(len(spare) + 1) for more in combinations(spare, size)]
    for more in sorted(patterns, key=lambda cells: sum(weight[cell] for cell in cells)):
        if audit_system(system, status(system, unsafe | set(more)), POLICY)["ok"].all():
            return sum(weight[cell] for cell in more)
    raise AssertionError("no pattern is safe")


@pytest.mark.parametrize(("seed", "weighted"), [(s, w) for s in range(5) for w in (False, True)])
def test_no_pattern_is_cheaper_than_the_one_that_is_proven_least(seed: int, weighted: bool) -> None:
    system = table(seed, weighted)
    result = protect_system(system, POLICY)
    unsafe = set(result.cells.filter(pl.col("reason") == "primary")["cell_id"])
    found = result.blocks.row(0, named=True)
    assert found["reason"] is None
    weight = dict(system.cells.select("cell_id", "weight").iter_rows())
    hidden = hidden_ids(result.cells)
    assert sum(weight[cell] for cell in hidden - unsafe) == found["cost"]
    assert found["cost"] == pytest.approx(cheapest_of_all(system, unsafe))
