"""The size that is published: a region of 67 municipalities, attacked from outside.

Numbers of cells are recorded so that a change of the search shows its price.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from anonymization.tables import TablePolicy, audit_system, primary_rules, protect_system
from tests.support.tables_reference import dense, hidden_ids
from tests.support.tables_region import region_system

POLICY = TablePolicy()

# public denominator, rate → cells, unsafe cells, most weight that may be hidden beside them
RECORDED = [
    (True, 1.0, 1242, 324, 235),
    # The same with few cases, where more is unsafe.
    pytest.param(True, 0.1, 1242, 687, 280, marks=pytest.mark.nightly),
    (False, 1.0, 3726, 661, 960),
]


@pytest.mark.parametrize(("public", "rate", "cells", "unsafe", "price"), RECORDED)
def test_region_of_67_municipalities(public, rate, cells, unsafe, price):
    system = region_system(rate=rate, public_denominator=public)
    result = protect_system(system, POLICY)
    assert system.cells.height == cells
    rules = primary_rules(system, POLICY)
    assert rules["rule"].count() == unsafe
    assert result.audit["ok"].all()
    assert not result.audit["determined"].any()
    told = result.cells.join(system.cells, on="cell_id")
    assert told.filter(pl.col("reason") == "secondary")["weight"].sum() <= price
    # The region's own figures carry most weight and none of them is lost.
    region = told.filter(pl.col("cell_id").str.contains("region"), pl.col("publishable"))
    assert region["status"].unique().to_list() == ["ok"]


@pytest.mark.parametrize("public", [True, False])
def test_whole_numbers_leave_as_much_room_as_the_audit_says(public):
    """The narrowest intervals of a release, by branch and bound over whole persons."""
    system = region_system(
        seed=7, municipalities=12, persons=9_000, rate=0.3, public_denominator=public
    )
    cells = protect_system(system, POLICY).cells
    told = audit_system(system, cells, POLICY, exact=True)
    matrix, names, _ = dense(system)
    value = system.cells["value"].to_numpy()
    shown = ~np.isin(names, list(hidden_ids(cells)))
    agreed = LinearConstraint(matrix[shown], value[shown], value[shown])
    upper = system.variables["upper_bound"].fill_null(5_000).to_numpy()
    narrowest = told.with_columns(width=pl.col("upper") - pl.col("lower")).sort("width", "cell_id")
    for row in narrowest.head(25).to_dicts():
        line = matrix[names.index(row["cell_id"])]
        ends = [
            milp(
                s * line,
                constraints=agreed,
                bounds=Bounds(0, upper),
                integrality=np.ones_like(line),
            )
            for s in (1, -1)
        ]
        assert -ends[1].fun - ends[0].fun >= row["width_required"] - 1e-6
