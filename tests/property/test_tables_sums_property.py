"""Sums that are read from a matrix: they hold, and they are those that a lattice names."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from anonymization.tables import sums as module
from anonymization.tables.lattice import build_lattice
from anonymization.tables.matrix import blocks
from anonymization.tables.published import table_system
from anonymization.tables.sums import sums_in


def told(frame: pl.DataFrame) -> set[tuple[str, frozenset[str]]]:
    """Each sum as its whole and its parts."""
    grouped = frame.group_by("sum_id", "whole_id").agg("part_id")
    return {(whole, frozenset(parts)) for _, whole, parts in grouped.iter_rows()}


def of_rows(rows: list[list[float]]) -> set[tuple[str, frozenset[str]]]:
    return told(
        sums_in(sparse.csr_matrix(np.array(rows)), pl.Series(list("abcdefgh")[: len(rows)]))
    )


@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_that_a_lattice_names(seed: int) -> None:
    """A hierarchy of two levels, one of three with codes of two parents, and a flat one."""
    rng = np.random.default_rng(seed)
    areas = {
        f"m{i}": ["north" if i < 4 else "south", "coast" if i % 2 else "inland"] for i in range(8)
    }
    ages = {"a0": "young", "a1": "young", "a2": "old", "a3": "old", "a4": "old"}
    keys = [(f"m{i}", f"a{j}", s) for i in range(8) for j in range(5) for s in "fm"]
    cells = pl.DataFrame(keys, schema=["area", "age", "sex"], orient="row").with_columns(
        count=pl.Series(rng.integers(0, 40, len(keys)))
    )
    dimensions = {"area": areas, "age": ages, "sex": {}}
    system = table_system(cells, list(dimensions), build_lattice(cells, dimensions))
    (block,) = blocks(system)
    ids = system.cells["cell_id"][block.cell]
    named, found = told(system.sums), told(sums_in(block.matrix, ids))
    # A total over regions of two kinds is named over both at once, which is no sum.
    assert found >= {one for one in named if "total\x1f" not in one[0][:6]}
    place = {name: row for row, name in enumerate(ids)}
    for whole, parts in found:
        added = sum(block.matrix[place[part]].toarray() for part in parts)
        assert (added == block.matrix[place[whole]].toarray()).all()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([[1, 1], [1, 0], [0, 1]], {("a", "bc")}, id="a margin"),
        pytest.param([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
                     {("a", "be"), ("b", "cd")}, id="the largest parts only"),
        pytest.param([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]],
                     {("a", "bc"), ("a", "de")}, id="in every way"),
        pytest.param([[1, 1], [1, 1], [1, 0], [0, 1]], {("a", "cd"), ("b", "a")}, id="twins"),
        pytest.param([[1, 1], [2, 0], [0, 1]], set(), id="counted twice"),
        pytest.param([[1, -1], [1, 0], [0, -1]], set(), id="a loss"),
        pytest.param([[1, 1, 1], [1, 1, 0], [0, 1, 1]], set(), id="no way"),
        pytest.param([[0, 0], [1, 0]], set(), id="a cell of nothing"),
    ],
)  # fmt: skip
def test_sums_of_small_matrices(rows: list[list[float]], expected: set[tuple[str, str]]) -> None:
    assert of_rows(rows) == {(whole, frozenset(parts)) for whole, parts in expected}


def test_the_ways_of_one_cell_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty cells of pairs that overlap: what they may make up is more than anybody waits for."""
    rng = np.random.default_rng(0)
    rows = np.zeros((41, 20))
    rows[0] = 1.0
    for row in rows[1:]:
        row[rng.choice(20, 2, replace=False)] = 1.0
    matrix = sparse.csr_matrix(rows)
    ids = pl.Series([f"c{i:02d}" for i in range(41)])
    assert 0 < len([one for one in told(sums_in(matrix, ids)) if one[0] == "c00"]) <= module.WAYS
    monkeypatch.setattr(module, "LOOKS", 1)
    assert not [one for one in told(sums_in(matrix, ids)) if one[0] == "c00"]
