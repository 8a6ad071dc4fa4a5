"""Large blocks are searched part by part; here small ones are, so that an oracle can judge."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from anonymization.tables import TablePolicy, matrix, protect, protect_system, secondary
from anonymization.tables.lattice import build_lattice
from anonymization.tables.published import table_system
from anonymization.tables.secondary import Search
from tests.support.tables_reference import hidden_ids, intervals

AREAS = {f"m{i}": f"r{i % 2}" for i in range(6)}
# Small as they are here, the least pattern would be found at once.
POLICY = TablePolicy(minimum_denominator=0, exact_cells=0)


def table(seed: int, ages: int = 3):
    rng = np.random.default_rng(seed)
    index = np.indices((6, ages, 2)).reshape(3, -1)
    cells = pl.DataFrame(
        {
            "area": [f"m{i}" for i in index[0]],
            "age": [f"a{i}" for i in index[1]],
            "sex": [f"s{i}" for i in index[2]],
            "count": rng.poisson(rng.lognormal(2, 1, index.shape[1])),
        }
    )
    dimensions = {"area": AREAS, "age": {}, "sex": {}}
    return table_system(cells, list(dimensions), build_lattice(cells, dimensions))


@pytest.fixture
def part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secondary, "LARGE", 0)
    monkeypatch.setattr(matrix, "LARGE", 0)


@pytest.mark.parametrize("seed", range(4))
def test_large_blocks_withstand_the_reference_attack(seed: int, part_by_part: None) -> None:
    system = table(seed)
    result = protect_system(system, POLICY)
    hidden = hidden_ids(result.cells)
    small = set(system.cells.filter(pl.col("persons").is_between(1, 4))["cell_id"])
    assert small
    assert small <= hidden
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    for cell, (low, high) in intervals(system, hidden).items():
        assert low - 1e-6 <= value[cell] <= high + 1e-6
        assert np.floor(high + 1e-6) - np.ceil(low - 1e-6) >= 3
        assert cell not in small or high >= 5 - 1e-6


def test_the_named_sums_only_speed_up(part_by_part: None) -> None:
    """Without them the repairs alone find a safe pattern, and the audit accepts both."""
    system = table(1)
    bare = type(system)(system.variables, system.cells, system.terms)
    assert bare.sums.height == 0
    assert protect_system(bare, POLICY).audit["ok"].all()


@pytest.mark.parametrize("seed", range(3))
def test_some_named_sums_do_no_harm(seed: int, part_by_part: None) -> None:
    """Cells that are in no named sum give no cuts and are protected all the same."""
    system = table(seed)
    some = system.sums.filter(pl.col("sum_id").rank("dense") % 6 == 0)
    partly = type(system)(system.variables, system.cells, system.terms, some)
    assert 0 < partly.sums.height < system.sums.height
    assert protect_system(partly, POLICY).audit["ok"].all()


def test_the_pattern_is_the_same_every_time(part_by_part: None) -> None:
    first, second = (protect_system(table(2), POLICY).cells for _ in range(2))
    assert first.equals(second)


def costs(ages: int = 3, **ways: object) -> list[float]:
    """What is hidden in some tables, with parts of the search replaced."""
    tables = [table(seed, ages) for seed in range(6)]
    with pytest.MonkeyPatch.context() as patch:
        for name, way in ways.items():
            patch.setattr(secondary, name, way)
        return [protect_system(one, POLICY).blocks["cost"].sum() for one in tables]


def everything(search: Search, *_: object) -> Search:
    """A pattern that any other is cheaper than."""
    found = search.fork()
    found.hide(search.publishable)
    return found


def in_one_step(search: Search, _: Search, policy: TablePolicy, bound: float) -> Search:
    secondary._complete(search, policy)
    return search


def test_the_cheapest_way_is_kept() -> None:
    kept, repaired = costs(DRAWS=1), costs(_closed=everything)
    alone = costs(_closed=everything, _cheapest=in_one_step)
    closed = costs(_closes_well=lambda *_: True)
    # Two steps never cost more than one.
    assert all(two <= one for two, one in zip(repaired, alone, strict=True))
    assert sum(repaired) < sum(alone)
    assert kept == [min(pair) for pair in zip(repaired, closed, strict=True)]
    assert sum(kept) < sum(repaired)


def test_more_draws_never_cost_more() -> None:
    two, one = costs(8), costs(8, DRAWS=1)
    assert all(more <= less for more, less in zip(two, one, strict=True))
    assert sum(two) < sum(one)


def weighted(seed: int) -> float:
    """What is hidden in a sparse table whose cells are worth different amounts."""
    rng = np.random.default_rng(seed)
    keys = [(f"m{i}", f"a{j}") for i in range(12) for j in range(4)]
    cells = pl.DataFrame(keys, schema=["area", "age"], orient="row").with_columns(
        count=pl.Series(rng.poisson(rng.lognormal(1.0, 1.6, len(keys)))),
        weight=pl.Series(rng.integers(1, 30, len(keys)).astype(float)),
    )
    dimensions = {"area": {f"m{i}": f"r{i % 3}" for i in range(12)}, "age": {}}
    return float(protect(cells, dimensions, TablePolicy()).blocks["cost"].sum())


def test_a_closed_pattern_never_cuts_the_search_for_the_least_short() -> None:
    kept = [weighted(seed) for seed in range(6)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secondary, "_closed", everything)
        without = [weighted(seed) for seed in range(6)]
    assert all(one <= other for one, other in zip(kept, without, strict=True))
    assert min(kept) > 0
