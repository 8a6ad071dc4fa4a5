"""Properties of the table door, held against oracles that share no code with it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from anonymization.tables import (
    LinkedSystem,
    TablePolicy,
    audit_system,
    primary_rules,
    protect_system,
)
from anonymization.tables.lattice import build_lattice
from tests.support.tables_reference import enumerate_cells, hidden_ids, intervals
from tests.support.tables_region import region_system

CALM = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
# A hidden zero is as unsafe as a small count here: every cell has a group of unknown size.
POLICY = TablePolicy(minimum_denominator=0)


def table(counts: np.ndarray) -> LinkedSystem:
    """A full table with all margins, from an array of any dimension."""
    axes = [f"d{i}" for i in range(counts.ndim)]
    codes = np.indices(counts.shape).reshape(counts.ndim, -1)
    base = pl.DataFrame({axis: codes[i].astype(str) for i, axis in enumerate(axes)})
    lattice = build_lattice(base, {axis: {} for axis in axes})
    values = base.select(
        pl.concat_str(axes, separator="\x1f").alias("variable_id"),
        pl.Series("count", counts.ravel().astype(float)),
    )
    cells = (
        lattice.terms.join(values, on="variable_id")
        .group_by("cell_id")
        .agg(pl.col("count").sum().alias("value"))
        .with_columns(persons=pl.col("value").cast(pl.Int64))
    )
    return LinkedSystem(lattice.terms.select("variable_id").unique(), cells, lattice.terms)


def status(system: LinkedSystem, hidden: set[str]) -> pl.DataFrame:
    return system.cells.select(
        "cell_id",
        status=pl.when(pl.col("cell_id").is_in(list(hidden)))
        .then(pl.lit("suppressed"))
        .otherwise(pl.lit("ok")),
    )


@st.composite
def arrays(draw, shapes=((2, 3), (3, 3), (3, 4), (2, 2, 2), (2, 3, 2)), most=30):
    shape = draw(st.sampled_from(shapes))
    size = int(np.prod(shape))
    count = st.one_of(st.integers(0, 6), st.integers(0, most))
    return np.array(draw(st.lists(count, min_size=size, max_size=size))).reshape(shape)


@st.composite
def linked(draw):
    """Numerator and complement over a table of groups; their sum, the denominator, is a cell."""
    rows, columns = draw(st.sampled_from(((2, 2), (2, 3), (3, 3))))
    size = rows * columns
    small = st.lists(st.integers(0, 12), min_size=size, max_size=size)
    n, c = np.array(draw(small)), np.array(draw(small))
    public = draw(st.booleans())
    base = pl.DataFrame(
        {
            "a": np.repeat(np.arange(rows), columns).astype(str),
            "b": np.tile(np.arange(columns), rows).astype(str),
        }
    )
    lattice = build_lattice(base, {"a": {}, "b": {}})
    counts = base.select(
        variable_id=pl.concat_str("a", "b", separator="\x1f"), n=pl.Series(n), c=pl.Series(c)
    ).with_columns(d=pl.col("n") + pl.col("c"))
    sums = (
        lattice.terms.join(counts, on="variable_id")
        .group_by("cell_id")
        .agg(pl.col("n", "c", "d").sum())
    )
    parts = ("n",) if public else ("n", "c", "d")
    cells = pl.concat(
        sums.select(
            cell_id=pl.lit(f"{part}:") + pl.col("cell_id"),
            value=pl.col(part).cast(pl.Float64),
            persons=pl.col(part),
            complement_persons=pl.col("c") if part == "n" else pl.lit(None, pl.Int64),
            denominator_persons="d",
            publishable=pl.lit(part != "c"),
            group=pl.lit("c:" if part == "c" else "") + pl.col("cell_id"),
        )
        for part in parts
    )
    over = {"n": ("n",), "c": ("c",), "d": ("n", "c")}
    terms = pl.concat(
        lattice.terms.select(
            cell_id=pl.lit(f"{part}:") + pl.col("cell_id"),
            variable_id=pl.lit(f"{unknown}:") + pl.col("variable_id"),
            coefficient="coefficient",
        )
        for part in parts
        for unknown in over[part]
    )
    bound = pl.col("d").cast(pl.Float64) if public else pl.lit(None, pl.Float64)
    variables = pl.concat(
        counts.select(variable_id=pl.lit(f"{u}:") + pl.col("variable_id"), upper_bound=bound)
        for u in (("n",) if public else ("n", "c"))
    )
    return LinkedSystem(variables, cells, terms)


@CALM
@given(arrays(), st.randoms(use_true_random=False))
def test_exact_audit_agrees_with_the_reference(counts, random):
    """Whatever is hidden: the same intervals as one scipy programme per cell."""
    system = table(counts)
    ids = system.cells["cell_id"].to_list()
    hidden = {cell for cell in ids if random.random() < 0.5}
    told = audit_system(system, status(system, hidden), TablePolicy(threshold=1), exact=True)
    reference = intervals(system, hidden)
    assert told["cell_id"].to_list() == sorted(hidden)
    for cell, low, high in told.select("cell_id", "lower", "upper").iter_rows():
        expected = reference[cell]
        assert low == np.ceil(expected[0] - 1e-6)
        assert high == (np.inf if np.isinf(expected[1]) else np.floor(expected[1] + 1e-6))


@CALM
@given(arrays(shapes=((2, 3), (3, 3)), most=6), st.randoms(use_true_random=False))
def test_two_way_intervals_are_those_of_all_whole_solutions(counts, random):
    """Two-way tables have whole vertices, so enumeration and programmes must agree exactly."""
    system = table(counts)
    inner = [cell for cell in system.cells["cell_id"].to_list() if "total" not in cell]
    hidden = {cell for cell in inner if random.random() < 0.6}
    assume(0 < len(hidden) <= 12)
    told = audit_system(system, status(system, hidden), TablePolicy(threshold=1), exact=True)
    solutions = enumerate_cells(system, hidden)
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    for row in told.to_dicts():
        values = solutions[row["cell_id"]]
        assert (row["lower"], row["upper"]) == (min(values), max(values))
        assert value[row["cell_id"]] in values
        assert row["determined"] == (len(values) == 1)


@CALM
@given(arrays(shapes=((3, 3), (4, 4), (5, 4)), most=40), st.randoms(use_true_random=False))
def test_a_positive_cell_is_determined_exactly_if_it_is_a_bridge(counts, random):
    """Gusfield 1988: hidden cells as edges between their row and their column."""
    counts = counts + 1
    system = table(counts)
    rows, columns = counts.shape
    edges = [(i, j) for i in range(rows) for j in range(columns) if random.random() < 0.4]
    assume(edges)

    def parts(kept):
        graph = sparse.csr_matrix(
            (np.ones(len(kept)), ([i for i, _ in kept], [rows + j for _, j in kept])),
            shape=(rows + columns, rows + columns),
        )
        return connected_components(graph, directed=False)[0]

    bridges = {e for e in edges if parts([o for o in edges if o != e]) > parts(edges)}
    hidden = {f"{i}\x1f{j}" for i, j in edges}
    told = audit_system(system, status(system, hidden), TablePolicy(threshold=1))
    known = set(told.filter("determined")["cell_id"].to_list())
    assert known == {f"{i}\x1f{j}" for i, j in bridges}


@CALM
@given(arrays())
def test_protected_tables_withstand_the_reference_attack(counts):
    system = table(counts)
    result = protect_system(system, POLICY)
    hidden = hidden_ids(result.cells)
    unsafe = set(
        system.cells.filter(pl.col("persons").is_between(1, POLICY.threshold - 1))["cell_id"]
    )
    assert unsafe <= hidden
    reference = intervals(system, hidden)
    value = dict(system.cells.select("cell_id", "value").iter_rows())
    for cell, (low, high) in reference.items():
        assert low - 1e-6 <= value[cell] <= high + 1e-6
        assert np.floor(high + 1e-6) - np.ceil(low - 1e-6) >= POLICY.protection_width
        if cell in unsafe:
            assert high >= POLICY.threshold - 1e-6


@settings(CALM, max_examples=15)
@given(arrays(shapes=((2, 3), (3, 3)), most=6))
def test_protected_two_way_tables_leave_enough_whole_solutions(counts):
    system = table(counts)
    hidden = hidden_ids(protect_system(system, POLICY).cells)
    inner = [cell for cell in hidden if "total" not in cell]
    assume(hidden and len(inner) == len(hidden) and len(hidden) <= 12)
    for values in enumerate_cells(system, hidden).values():
        assert max(values) - min(values) >= POLICY.protection_width


@CALM
@given(linked())
def test_numerator_denominator_and_complement_together(system):
    """All three rules hold at once, and no difference of two of them gives the third away."""
    policy = TablePolicy()
    rules = primary_rules(system, policy)
    result = protect_system(system, policy)
    hidden = hidden_ids(result.cells)
    never = set(system.cells.filter(~pl.col("publishable"))["cell_id"])
    unsafe = set(rules.filter(pl.col("rule").is_not_null())["cell_id"])
    assert unsafe <= hidden
    reference = intervals(system, hidden)
    free = intervals(system, set(system.cells["cell_id"]))
    for cell, (low, high) in reference.items():
        if cell in never - unsafe:
            continue
        room = free[cell][1] - free[cell][0]
        wide = np.floor(high + 1e-6) - np.ceil(low - 1e-6)
        assert wide >= min(policy.protection_width, room)
    # Cells of one figure are hidden together.
    groups = system.cells.filter("publishable").join(result.cells, on="cell_id")
    assert groups.group_by("group").agg(pl.col("status").n_unique())["status"].max() == 1


@CALM
@given(arrays(shapes=((2, 3), (3, 4), (2, 2, 2)), most=9))
def test_the_second_attacker_determines_no_innermost_small_count(counts):
    """A reader who knows 1 to 4 of each small count that no other small count lies in."""
    system = table(counts)
    hidden = hidden_ids(protect_system(system, POLICY).cells)
    small = system.cells.filter(pl.col("persons").is_between(1, 4))["cell_id"].to_list()
    of = {
        cell: set(part["variable_id"])
        for (cell,), part in system.terms.partition_by("cell_id", as_dict=True).items()
    }
    innermost = [c for c in small if not any(of[o] < of[c] for o in small)]
    assume(innermost)
    reference = intervals(system, hidden, dict.fromkeys(innermost, (1.0, 4.0)))
    for cell in innermost:
        low, high = reference[cell]
        assert np.floor(high + 1e-6) - np.ceil(low - 1e-6) >= 1


@CALM
@given(linked(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(system, random):
    seed = random.randrange(1000)
    shuffled = LinkedSystem(
        system.variables.sample(fraction=1, shuffle=True, seed=seed),
        system.cells.sample(fraction=1, shuffle=True, seed=seed + 1),
        system.terms.sample(fraction=1, shuffle=True, seed=seed + 2),
    )
    first, second = protect_system(system, TablePolicy()), protect_system(shuffled, TablePolicy())
    assert first.cells.equals(second.cells)
    assert first.audit.equals(second.audit)


@pytest.mark.parametrize("shape", [(20, 8), (60, 8)])
def test_twin_without_secondary_suppression_the_attack_succeeds(shape):
    """Only 1 to 4 hidden and all margins shown: the same audit must find cells known exactly."""
    rng = np.random.default_rng(11)
    system = table(rng.poisson(rng.gamma(1.0, 12.0, shape)))
    small = set(system.cells.filter(pl.col("persons").is_between(1, 4))["cell_id"])
    naive = audit_system(system, status(system, small), POLICY)
    assert naive["determined"].sum() > 0
    assert not naive["ok"].all()
    assert protect_system(system, POLICY).audit["ok"].all()


def test_twin_on_a_linked_region():
    """Hiding small figures alone gives away others by difference, and the audit says so."""
    system = region_system(seed=3, municipalities=12, persons=15_000)
    rules = primary_rules(system, TablePolicy())
    small = set(rules.filter(pl.col("rule").is_not_null())["cell_id"])
    never = set(system.cells.filter(~pl.col("publishable"))["cell_id"])
    naive = audit_system(system, status(system, small | never), TablePolicy())
    assert naive["determined"].sum() > 10
    assert not naive["ok"].all()
