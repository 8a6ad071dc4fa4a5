"""Programmes that fall into parts: each is solved when asked, and what is told must hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from anonymization.tables.parts import Parts

# Two sums that share nothing: a = b + c, and d = e.
TWO = sparse.csr_matrix([[-1.0, 1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, -1.0, 1.0]])


def test_a_part_that_is_not_asked_stays_where_it_was() -> None:
    parts = Parts(TWO, np.zeros(5), np.full(5, 9.0))
    parts.set_cost(np.array([-1.0, 0.0, 0.0, -1.0, 0.0]))
    first, cost = parts.minimise()
    assert cost == -18.0
    parts.set_cost(np.array([1.0, 0.0, 0.0, 0.0, 0.0]))
    second, cost = parts.minimise()
    assert cost == 0.0
    assert first is not None
    assert second is not None
    assert second.tolist() == [0.0, 0.0, 0.0, 9.0, 9.0]
    assert first.tolist()[3:] == [9.0, 9.0]


@pytest.mark.parametrize(
    ("lower", "upper", "cost", "expected"),
    [
        pytest.param([3, 0, 2, 4, 4], [3, 9, 2, 4, 4], [0, -1, 0, 0, 0], -1.0, id="what is told"),
        pytest.param([3, 1, 2, 4, 4], [3, 1, 2, 4, 4], [1, 1, 1, 1, 1], 14.0, id="nothing moves"),
        pytest.param([3, 0, 9, 4, 4], [3, 9, 9, 4, 4], [0, 1, 0, 0, 0], np.inf, id="too much"),
        pytest.param([3, 1, 2, 4, 5], [3, 9, 9, 4, 5], [0, 1, 0, 0, 0], np.inf, id="contradiction"),
        pytest.param([0, 0, 0, 0, 0], [9, 9, 9, np.inf, np.inf], [0, 0, 0, -1, 0], -np.inf,
                     id="no end"),
    ],
)  # fmt: skip
def test_what_parts_find(
    lower: list[float], upper: list[float], cost: list[float], expected: float
) -> None:
    parts = Parts(TWO, np.array(lower, dtype=float), np.array(upper, dtype=float))
    parts.set_cost(np.array(cost, dtype=float))
    point, least = parts.minimise()
    assert least == expected
    assert (point is not None) == np.isfinite(expected)
