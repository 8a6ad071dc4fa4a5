"""A second, plain reading of what an attacker can work out: the oracle of the table tests.

It shares no code with the door: dense matrices, one scipy programme per cell and direction, and
for small tables plain enumeration of whole numbers.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import HealthCheck, settings
from scipy import sparse
from scipy.optimize import linprog

from anonymization.tables import LinkedSystem

WIDE = 3


def calm(examples: int) -> settings:
    """So many examples of tables that take long to draw, which is no failing of a test."""
    return settings(max_examples=examples, suppress_health_check=list(HealthCheck))


def dense(system: LinkedSystem) -> tuple[np.ndarray, list[str], list[str]]:
    """Cells by variables as a plain array, and both lists of ids."""
    cells = system.cells["cell_id"].to_list()
    names = system.variables["variable_id"].to_list()
    matrix = np.zeros((len(cells), len(names)))
    for cell, variable, coefficient in system.terms.iter_rows():
        matrix[cells.index(cell), names.index(variable)] = coefficient
    return matrix, cells, names


def intervals(
    system: LinkedSystem, hidden: set[str], known: dict[str, tuple[float, float]] | None = None
) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of every hidden cell, two programmes each."""
    matrix, cells, _ = dense(system)
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    shown = [i for i, cell in enumerate(cells) if cell not in hidden]
    bounds = [(0, None if b is None else b) for b in system.variables["upper_bound"].to_list()]
    options = {"bounds": bounds, "method": "highs"}
    if shown:
        options |= {"A_eq": matrix[shown], "b_eq": [value[cells[i]] for i in shown]}
    if known:
        rows = [cells.index(cell) for cell in known]
        low, high = np.array(list(known.values())).T
        options |= {
            "A_ub": np.vstack([matrix[rows], -matrix[rows]]),
            "b_ub": np.concatenate([high, -low]),
        }
    found = {}
    for cell in sorted(hidden):
        row = matrix[cells.index(cell)]
        low, high = linprog(row, **options), linprog(-row, **options)
        assert low.status == 0
        assert high.status in (0, 3)
        found[cell] = (low.fun, np.inf if high.status == 3 else -high.fun)
    return found


def interval_ends(
    system: LinkedSystem, hidden: set[str], far: float = 1000.0
) -> dict[str, tuple[float, float]]:
    """The same as :func:`intervals` by one programme: a copy of the table per cell and end.

    Unknowns end at ``far``, so that nothing is unbounded.
    """
    matrix, cells, names = dense(system)
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    shown = [i for i, cell in enumerate(cells) if cell not in hidden]
    order = sorted(hidden)
    ends = [matrix[cells.index(cell)] * sign for cell in order for sign in (1, -1)]
    if not ends:
        return {}
    known = sparse.block_diag([sparse.csr_matrix(matrix[shown])] * len(ends))
    found = linprog(
        np.concatenate(ends),
        A_eq=known,
        b_eq=np.tile([value[cells[i]] for i in shown], len(ends)),
        bounds=(0, far),
        method="highs",
    )
    assert found.status == 0
    points = found.x.reshape(len(ends), len(names))
    reached = (points * np.abs(ends)).sum(axis=1)
    return {cell: (reached[2 * i], reached[2 * i + 1]) for i, cell in enumerate(order)}


def enumerate_cells(system: LinkedSystem, hidden: set[str]) -> dict[str, set[float]]:
    """Every value that each hidden cell takes over all whole solutions.

    Depth first over the variables; only for tables of counts in which every variable lies in a
    shown cell (so that there are finitely many solutions).
    """
    matrix, cells, names = dense(system)
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    shown = [i for i, cell in enumerate(cells) if cell not in hidden]
    rows, rest = matrix[shown], np.array([value[cells[i]] for i in shown])
    assert (matrix >= 0).all()
    assert (rows.sum(axis=0) > 0).all()
    last = [max(np.flatnonzero(row)) for row in rows]
    found: dict[str, set[float]] = {cell: set() for cell in hidden}
    outside = matrix[[cells.index(cell) for cell in sorted(hidden)]]

    def visit(index: int, rest: np.ndarray, chosen: list[int]) -> None:
        if index == len(names):
            for cell, total in zip(sorted(hidden), outside @ chosen, strict=True):
                found[cell].add(float(total))
            return
        column = rows[:, index]
        most = int(rest[column > 0].min())
        for count in range(most + 1):
            left = rest - count * column
            ends = [i for i, j in enumerate(last) if j == index]
            if all(left[i] == 0 for i in ends):
                visit(index + 1, left, [*chosen, count])

    visit(0, rest, [])
    return found


def hidden_ids(status: pl.DataFrame) -> set[str]:
    """Ids of the hidden cells of a status frame."""
    return set(status.filter(pl.col("status") != "ok")["cell_id"].to_list())


def recovered(system: LinkedSystem, hidden: set[str]) -> set[str]:
    """Hidden cells that a reader narrows below three units."""
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    inner = system.variables["variable_id"].to_list()
    covered = system.terms.filter(~pl.col("cell_id").is_in(list(hidden)))["variable_id"]
    few = sum(cell in hidden for cell in inner) <= 5 and covered.n_unique() == len(inner)
    if few and max(value[cell] for cell in inner) <= 9:
        ends = {c: (min(v), max(v)) for c, v in enumerate_cells(system, hidden).items()}
    else:
        ends = interval_ends(system, hidden)
    wide = {c: np.floor(high + 1e-6) - np.ceil(low - 1e-6) for c, (low, high) in ends.items()}
    return {cell for cell, width in wide.items() if width < WIDE}


def together(systems: list[LinkedSystem]) -> LinkedSystem:
    """One system of tables that share nothing; ids get the number of their table."""

    def numbered(name: str, *ids: str) -> pl.DataFrame:
        return pl.concat(
            getattr(system, name).with_columns(
                pl.concat_str(pl.lit(f"{i}|"), key).alias(key) for key in ids
            )
            for i, system in enumerate(systems)
        )

    return LinkedSystem(
        numbered("variables", "variable_id"),
        numbered("cells", "cell_id", "group"),
        numbered("terms", "cell_id", "variable_id"),
        numbered("sums", "sum_id", "whole_id", "part_id"),
    )
