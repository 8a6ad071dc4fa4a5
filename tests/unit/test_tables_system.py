"""What the table door refuses: options, columns, ids and numbers that make no system."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from anonymization.tables import (
    InconsistentTableError,
    LinkedSystem,
    TableError,
    TablePolicy,
    audit_system,
    protect_system,
)

VARIABLES = {"variable_id": ["x", "y"], "upper_bound": [10.0, None]}
CELLS = {"cell_id": ["a", "b", "t"], "value": [3.0, 9.0, 12.0], "persons": [3, 9, 12]}
TERMS = {
    "cell_id": ["a", "b", "t", "t"],
    "variable_id": ["x", "y", "x", "y"],
    "coefficient": [1.0] * 4,
}


def system(variables=None, cells=None, terms=None) -> LinkedSystem:
    return LinkedSystem(
        pl.DataFrame(VARIABLES | (variables or {}), strict=False),
        pl.DataFrame(CELLS | (cells or {}), strict=False),
        pl.DataFrame(TERMS | (terms or {}), strict=False),
    )


def test_defaults_are_filled_and_rows_sorted():
    built = LinkedSystem(
        pl.DataFrame({"variable_id": ["y", "x"]}),
        pl.DataFrame({"cell_id": ["b", "a"], "value": [9, 3]}),
        pl.DataFrame(TERMS).filter(pl.col("cell_id") != "t").reverse(),
    )
    assert built.cells.to_dicts()[0] == {
        "cell_id": "a",
        "value": 3.0,
        "persons": None,
        "complement_persons": None,
        "denominator_persons": None,
        "providers": None,
        "largest_share": None,
        "weight": 1.0,
        "publishable": True,
        "group": "a",
        "magnitude": False,
        "integer": True,
        "upper_bound": None,
        "sensitive": False,
        "series": None,
        "guessed": False,
        "owed": True,
    }
    assert built.variables["variable_id"].to_list() == ["x", "y"]
    assert built.size == "2 cells over 2 unknowns, 2 terms"


REFUSED = [
    ({"variables": {"upper_bound": [-1.0, None]}}, "variables.upper_bound"),
    ({"variables": {"upper_bound": [float("inf"), None]}}, "variables.upper_bound"),
    ({"variables": {"variable_id": ["x", "x"]}}, "variables: expected unique"),
    ({"variables": {"variable_id": ["x", None]}}, "variables.variable_id"),
    ({"variables": {"variable_id": ["x", "z"]}}, "terms.variable_id"),
    ({"variables": {"bound": [1.0, 2.0]}}, "unknown: ['bound']"),
    ({"cells": {"value": [3.0, float("nan"), 12.0]}}, "cells.value"),
    ({"cells": {"upper_bound": [2.9, None, None]}}, "cells.upper_bound"),
    ({"cells": {"upper_bound": [None, None, float("inf")]}}, "cells.upper_bound"),
    ({"cells": {"value": [3.0, None, 12.0]}}, "cells.value"),
    ({"cells": {"value": ["three", "9", "12"]}}, "cannot be read"),
    ({"cells": {"value": [3.0, 8.5, 11.5]}}, "cells.integer"),
    ({"cells": {"weight": [1.0, 0.0, 1.0]}}, "cells.weight"),
    ({"cells": {"largest_share": [0.5, 1.5, None]}}, "cells.largest_share"),
    ({"cells": {"persons": [3, -9, 12]}}, "cells.persons"),
    ({"cells": {"providers": [3, -9, 12]}}, "cells.providers"),
    ({"cells": {"cell_id": ["a", "a", "t"]}}, "cells: expected unique"),
    ({"cells": {"cell_id": ["a", "c", "t"]}}, "terms.cell_id"),
    ({"terms": {"coefficient": [1.0, 0.0, 1.0, 1.0]}}, "terms.coefficient"),
    ({"terms": {"variable_id": ["x", "y", "x", "x"]}}, "terms: expected unique"),
    ({"terms": {"cell_id": ["a", "a", "t", "t"]}}, "1 cells without"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_malformed_systems_are_refused(change, message):
    with pytest.raises(TableError) as error:
        system(**change)
    assert message in str(error.value)


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match="missing: \\['coefficient'\\]"):
        LinkedSystem(
            pl.DataFrame(VARIABLES), pl.DataFrame(CELLS), pl.DataFrame(TERMS).drop("coefficient")
        )


def test_errors_never_quote_values():
    with pytest.raises(TableError) as error:
        system(cells={"value": ["secret77", "9", "12"]})
    assert "secret77" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    "options",
    [
        {"treshold": 5},
        {"threshold": 0},
        {"threshold": "few"},
        {"protection_width": 0},
        {"protection_width": float("inf")},
        {"dominance": 0},
        {"dominance": 1.2},
        {"zeros": "maybe"},
        {"min_providers": 0},
        {"suppress": False},
    ],
)
def test_unknown_or_impossible_options_are_refused(options):
    with pytest.raises(ValidationError):
        TablePolicy.from_mapping(options)


def test_a_policy_is_frozen_and_has_the_stated_defaults():
    policy = TablePolicy.from_mapping({"threshold": 10})
    assert (policy.threshold, policy.protection_width, policy.dominance) == (10, 3, 0.85)
    assert (policy.zeros, policy.minimum_denominator) == ("show", 20)
    with pytest.raises(ValidationError):
        policy.threshold = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"cells": {"value": [3.0, 9.0, 13.0]}},
        {"cells": {"value": [11.0, 9.0, 20.0]}},
        {"cells": {"value": [-1.0, 9.0, 8.0]}},
    ],
)
def test_cells_that_contradict_each_other_or_the_bounds_are_refused(change):
    with pytest.raises(InconsistentTableError):
        protect_system(system(**change), TablePolicy())


def test_contradictions_between_shown_cells_are_refused_by_the_audit():
    """Nothing else than the shown cells is looked at, and it takes two of them to contradict."""
    wrong = system(cells={"value": [3.0, 9.0, 2.0]})
    hidden = pl.DataFrame({"cell_id": ["a", "b", "t"], "status": ["suppressed", "ok", "ok"]})
    with pytest.raises(InconsistentTableError):
        audit_system(wrong, hidden, TablePolicy())


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"cell_id": ["a", "b"], "status": ["ok", "ok"]}, "got 1 without"),
        ({"cell_id": ["a", "b", "t"], "status": ["ok", "ok", "merged"]}, "got 1 without"),
        ({"cell_id": ["a", "b", "t", "t"], "status": ["ok"] * 4}, "repeated"),
    ],
)
def test_statuses_must_fit_the_cells(status, message):
    with pytest.raises(TableError, match=message):
        audit_system(system(), pl.DataFrame(status), TablePolicy())
