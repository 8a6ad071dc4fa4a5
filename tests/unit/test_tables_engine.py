"""The door as a whole: groups, cells never published, blocks, magnitudes, the refusal."""

from __future__ import annotations

import highspy
import numpy as np
import polars as pl
import pytest
from highspy import HighsModelStatus
from scipy import sparse

from anonymization.tables import (
    InconsistentTableError,
    LinkedSystem,
    ProtectionError,
    TableError,
    TablePolicy,
    audit_system,
    engine,
    protect_system,
    secondary,
)
from anonymization.tables.exact import least
from anonymization.tables.intervals import Polytope, kernel
from anonymization.tables.matrix import blocks
from anonymization.tables.secondary import Pattern
from anonymization.tables.solver import Programme
from tests.support.tables_reference import hidden_ids, intervals
from tests.support.tables_region import region_system

SECOND = ["cell_id", "second_lower", "second_upper"]


def line(values: dict[str, float], total: bool = True, **columns) -> LinkedSystem:
    """Some cells of one unknown each, and their total (last)."""
    names = list(values)
    cells = pl.DataFrame(
        {"cell_id": [*names, "t"], "value": [*values.values(), sum(values.values())]}
    ).with_columns(**({"persons": pl.col("value").cast(pl.Int64)} | columns))
    terms = pl.DataFrame(
        {"cell_id": [*names, *["t"] * len(names)], "variable_id": names * 2}
    ).with_columns(coefficient=pl.lit(1.0))
    if not total:
        cells, terms = (f.filter(pl.col("cell_id") != "t") for f in (cells, terms))
    return LinkedSystem(pl.DataFrame({"variable_id": names}), cells, terms)


def reasons(system: LinkedSystem, policy: TablePolicy | None = None) -> dict[str, str | None]:
    result = protect_system(system, policy or TablePolicy())
    assert result.audit["ok"].all()
    return dict(result.cells.select("cell_id", "reason").iter_rows())


def test_nothing_is_hidden_where_nothing_is_small():
    result = protect_system(line({"a": 50, "b": 60}), TablePolicy())
    assert result.cells["status"].unique().to_list() == ["ok"]
    assert result.audit.height == 0
    assert result.audit.columns == [
        "cell_id",
        "lower",
        "upper",
        "width_required",
        "ok",
        "determined",
        "second_lower",
        "second_upper",
    ]


def test_a_lone_small_count_hides_the_cheapest_other():
    assert reasons(line({"a": 3, "b": 60, "c": 70})) == {
        "a": "primary",
        "b": "secondary",
        "c": None,
        "t": None,
    }


def test_cells_of_one_group_are_hidden_together():
    groups = pl.Series("group", ["g", "h", "i", "g"])
    found = reasons(line({"a": 3, "b": 60, "c": 70}, group=groups))
    assert found["a"] == "primary"
    assert found["t"] == "secondary"


def test_a_small_rest_that_is_never_published_hides_a_published_cell():
    """Region minus municipalities is a rest of two persons: someone must give way."""
    publishable = pl.Series("publishable", [False, True, True, True])
    found = reasons(line({"rest": 2, "b": 60, "c": 70}, publishable=publishable))
    assert found["rest"] == "primary"
    assert list(found.values()).count("secondary") == 1


def test_a_large_rest_may_be_worked_out():
    publishable = pl.Series("publishable", [False, True, True, True])
    found = reasons(line({"rest": 20, "b": 60, "c": 70}, publishable=publishable))
    assert found == {"rest": "not_publishable", "b": None, "c": None, "t": None}


def test_small_complements_keep_their_width_below_the_public_bound():
    """28 of 30: the reader must hold it possible that 5 or more are without."""
    names = ["a", "b"]
    system = LinkedSystem(
        pl.DataFrame({"variable_id": names, "upper_bound": [30.0, 40.0]}),
        pl.DataFrame(
            {
                "cell_id": ["a", "b", "t"],
                "value": [28.0, 20.0, 48.0],
                "persons": [28, 20, 48],
                "complement_persons": [2, 20, 22],
                "denominator_persons": [30, 40, 70],
            }
        ),
        pl.DataFrame(
            {
                "cell_id": ["a", "b", "t", "t"],
                "variable_id": [*names, *names],
                "coefficient": [1.0] * 4,
            }
        ),
    )
    result = protect_system(system, TablePolicy())
    hidden = hidden_ids(result.cells)
    assert "a" in hidden
    assert len(hidden) == 2
    assert intervals(system, hidden)["a"][0] <= 25


def test_a_public_bound_caps_what_can_be_asked():
    """One of two persons: nothing wider than 0 to 2 exists, and that is what must remain."""
    names = ["a", "b", "c"]
    system = LinkedSystem(
        pl.DataFrame({"variable_id": names, "upper_bound": [2.0, 50.0, 60.0]}),
        pl.DataFrame(
            {
                "cell_id": [*names, "t"],
                "value": [1.0, 25.0, 30.0, 56.0],
                "persons": [1, 25, 30, 56],
                "complement_persons": [1, 25, 30, 56],
                "denominator_persons": [2, 50, 60, 112],
            }
        ),
        pl.DataFrame(
            {
                "cell_id": [*names, *["t"] * 3],
                "variable_id": names * 2,
                "coefficient": [1.0] * 6,
            }
        ),
    )
    audit = protect_system(system, TablePolicy()).audit
    first = audit.filter(pl.col("cell_id") == "a").to_dicts()[0]
    assert (first["lower"], first["upper"], first["width_required"]) == (0, 2, 2)
    assert first["ok"]


def two_ages_each(bounded: bool) -> LinkedSystem:
    """9 of 10 in a, 8 of 9 in b, over two ages that other places tell apart; 17 together.

    Either age may hold all of a place; both together are no more than there are, which the public
    knows where ``bounded``.
    """
    most = {"a": 10.0, "b": 9.0, "t": None} if bounded else dict.fromkeys("abt")
    parts = {"a": ["a1", "a2"], "b": ["b1", "b2"], "young": ["a1", "b1"]}
    terms = [*((whole, one) for whole, own in parts.items() for one in own)]
    terms += [("t", one) for one in (*parts["a"], *parts["b"])]
    cells = pl.DataFrame(
        [
            ("a", 9.0, 1, True, most["a"]),
            ("b", 8.0, 1, True, most["b"]),
            ("t", 17.0, None, True, None),
            ("young", 9.0, None, False, None),
        ],
        schema=["cell_id", "value", "complement_persons", "publishable", "upper_bound"],
        orient="row",
        infer_schema_length=None,
    )
    return LinkedSystem(
        pl.DataFrame(
            {"variable_id": ["a1", "a2", "b1", "b2"], "upper_bound": [10.0, 10.0, 9.0, 9.0]}
        ),
        cells,
        pl.DataFrame(terms, schema=["cell_id", "variable_id"], orient="row").with_columns(
            coefficient=pl.lit(1.0)
        ),
    )


@pytest.mark.parametrize(
    ("bounded", "least", "most", "safe"), [(True, 8, 10, False), (False, 0, 17, True)]
)
def test_what_is_known_of_a_sum_bounds_it_beyond_its_parts(bounded, least, most, safe):
    """Of 17 in view at most 9 are in b, so that at least 8 are in a: 1 or 2 of 10 are without."""
    system = two_ages_each(bounded)
    shown = system.cells.select(
        "cell_id", status=pl.when(pl.col("cell_id") == "t").then(pl.lit("ok"))
        .otherwise(pl.lit("suppressed")),
    )  # fmt: skip
    found = audit_system(system, shown, TablePolicy(), exact=True)
    row = found.filter(pl.col("cell_id") == "a").to_dicts()[0]
    assert (row["lower"], row["upper"], row["ok"]) == (least, most, safe)


def test_no_pattern_shows_what_bounds_of_sums_would_make_narrow():
    system = two_ages_each(bounded=True)
    result = protect_system(system, TablePolicy())
    assert hidden_ids(result.cells) == {"a", "b", "t", "young"}
    row = result.audit.filter(pl.col("cell_id") == "a").to_dicts()[0]
    assert row["upper"] == 10
    assert row["lower"] <= 5


def test_magnitudes_get_fifteen_per_cent_of_their_value():
    """A dominated cell of 1 000 days; its partner moves by 150 or it is no protection."""
    columns = {
        "magnitude": pl.lit(True),
        "integer": pl.lit(False),
        "largest_share": pl.Series([0.9, 0.1, 0.1, 0.4]),
        "persons": pl.lit(30),
    }
    system = line({"a": 1000.0, "b": 100.0, "c": 4000.0})
    system = LinkedSystem(system.variables, system.cells.with_columns(**columns), system.terms)
    result = protect_system(system, TablePolicy())
    audit = result.audit.filter(pl.col("cell_id") == "a").to_dicts()[0]
    assert audit["width_required"] == 150
    assert audit["upper"] - audit["lower"] >= 150
    # Hiding b alone, the cheapest in cells, would leave a range of 1 000 to 1 100.
    assert "c" in hidden_ids(result.cells) or "t" in hidden_ids(result.cells)


def test_counts_of_events_by_few_persons_are_hidden_too():
    """Nine stays of two persons: unsafe, and the second attacker only knows that it is not 0."""
    system = line({"a": 9, "b": 60, "c": 70}, persons=pl.Series([2, 40, 50, 92]))
    assert reasons(system)["a"] == "primary"


def test_unconnected_tables_are_blocks_of_their_own():
    system = line({"a": 3, "b": 60}, total=False)
    assert [block.cell.tolist() for block in blocks(system)] == [[0], [1]]
    tied = line({"a": 3, "b": 60}, total=False, group=pl.lit("g"))
    assert [block.cell.tolist() for block in blocks(tied)] == [[0, 1]]
    assert reasons(tied) == {"a": "primary", "b": "secondary"}


def test_unknowns_that_no_cell_tells_apart_are_one():
    system = LinkedSystem(
        pl.DataFrame({"variable_id": ["x", "y", "z"], "upper_bound": [2.0, 3.0, None]}),
        pl.DataFrame({"cell_id": ["a"], "value": [4.0]}),
        pl.DataFrame(
            {"cell_id": ["a"] * 3, "variable_id": ["x", "y", "z"], "coefficient": [1.0, 1.0, -1.0]}
        ),
    )
    (block,) = blocks(system)
    assert block.matrix.shape == (1, 2)
    assert block.upper.tolist() == [5.0, np.inf]
    assert (block.lowest[0], block.highest[0]) == (-np.inf, 5.0)


def test_the_audit_flags_unsafe_cells_in_full_view():
    system = line({"a": 3, "b": 60, "c": 70})
    shown = system.cells.select("cell_id", status=pl.lit("ok"))
    audit = audit_system(system, shown, TablePolicy())
    assert audit.to_dicts() == [
        {
            "cell_id": "a",
            "lower": 3.0,
            "upper": 3.0,
            "width_required": 3.0,
            "ok": False,
            "determined": True,
            "second_lower": 3.0,
            "second_upper": 3.0,
        }
    ]


def test_the_audit_tells_what_the_second_attacker_cannot_rule_out():
    system = line({"a": 3, "b": 60, "c": 70})
    audit = protect_system(system, TablePolicy()).audit
    ends = {name: (low, high) for name, low, high in audit[SECOND].iter_rows()}
    low, high = ends.pop("a")
    assert 1 <= low < high <= 4
    assert set(ends.values()) == {(None, None)}, "a secondary cell is not known to be small"


@pytest.mark.parametrize("reason", [None, "too_large", "rounds"])
def test_stewards_are_told_why_a_pattern_is_not_proven_least(monkeypatch, reason):
    system = line({"a": 3, "b": 60, "c": 70})
    if reason == "rounds":
        monkeypatch.setattr(
            secondary, "least", lambda search, enough: least(search, enough, rounds=0)
        )
    limit = 3 if reason == "too_large" else 4
    result = protect_system(system, TablePolicy(exact_cells=limit))
    proven = {None: 1.0, "rounds": 0.0, "too_large": None}[reason]
    assert result.blocks.rows() == [(0, 4, 2, 1.0, proven, reason)]
    assert result.cells["block"].to_list() == [0] * 4


def test_exact_audit_follows_intervals_to_their_ends():
    system = line({"a": 3, "b": 60, "c": 70})
    status = protect_system(system, TablePolicy()).cells
    audit = audit_system(system, status, TablePolicy(), exact=True)
    assert audit.select("cell_id", "lower", "upper").rows() == [("a", 0, 63), ("b", 0, 63)]
    alone = line({"a": 3, "b": 60}, total=False)
    status = protect_system(alone, TablePolicy()).cells
    audit = audit_system(alone, status, TablePolicy(), exact=True)
    assert audit.select("cell_id", "lower", "upper").rows() == [("a", 0, np.inf)]


def test_showing_again_never_hides_more():
    system = region_system(seed=5, municipalities=8, persons=6_000)
    found = {}
    for tests in (0, 1, 2000):
        cells = protect_system(system, TablePolicy(redundancy_tests=tests, exact_cells=0)).cells
        hidden = cells.join(system.cells, on="cell_id").filter(pl.col("reason") == "secondary")
        found[tests] = hidden["weight"].sum()
    assert found[0] >= found[1] >= found[2000]
    assert found[0] > found[2000]


def test_a_pattern_that_fails_the_audit_is_never_handed_out(monkeypatch):
    """The twin: with a search that hides small counts only, the door refuses."""
    monkeypatch.setattr(
        engine,
        "find_pattern",
        lambda block, cells, required, policy, sums: Pattern(required.unsafe, 0.0, None, None),
    )
    with pytest.raises(ProtectionError, match="1 of 1 hidden cells") as error:
        protect_system(line({"a": 3, "b": 60, "c": 70}), TablePolicy())
    assert "63" not in str(error.value)


def test_a_block_that_cannot_be_protected_is_refused(monkeypatch):
    """If nothing that may be hidden helps, the search says so instead of giving up silently."""

    def stuck(moves, hidden, cells, distance, reward):
        return np.zeros(len(hidden)), 0.0

    monkeypatch.setattr(secondary.Moves, "cheapest", stuck)
    with pytest.raises(ProtectionError, match="first attacker"):
        protect_system(line({"a": 3, "b": 60, "c": 70}), TablePolicy(exact_cells=0))


def programme(rows, ends, upper, **options) -> Programme:
    matrix = sparse.csr_matrix(np.array(rows, dtype=float))
    low, high = np.array(ends, dtype=float).T
    return Programme(
        matrix, low, high, np.zeros(matrix.shape[1]), np.array(upper, dtype=float), **options
    )


def test_a_solver_without_an_answer_is_an_error():
    stuck = programme([[1, 1]], [(1, 2)], [1, 1])
    stuck._solver.setOptionValue("simplex_iteration_limit", 0)
    stuck.set_cost(np.array([-1.0, -1.0]))
    with pytest.raises(TableError, match="expected an optimum"):
        stuck.minimise()


def test_programmes_without_solution_or_without_end():
    none = programme([[1, 1]], [(3, 3)], [1, 1])
    assert none.minimise() == (None, np.inf)
    with pytest.raises(InconsistentTableError):
        none.require()
    endless = programme([[1, -1]], [(0, 0)], [np.inf, np.inf])
    endless.set_cost(np.array([-1.0, 0.0]))
    assert endless.minimise() == (None, -np.inf)


def test_whole_number_programmes_stop_at_their_bound():
    """What was found by then is returned; where nothing was, nothing."""
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 1000, (5, 40))
    half = rows.sum(axis=1) / 2
    packed = programme(rows, [(0, end) for end in half], [4] * 40, whole_nodes=1)
    packed.set_cost(-rng.integers(1, 1000, 40).astype(float))
    point, cost = packed.minimise()
    assert packed._solver.getModelStatus() == HighsModelStatus.kSolutionLimit
    assert cost < 0
    assert np.abs(point - point.round()).max() < 1e-6
    exact = programme(rows, [(end, end) for end in rows.sum(axis=1)], [4] * 40, whole_nodes=0)
    exact.set_cost(rng.normal(size=40))
    assert exact.minimise() == (None, np.inf)


def test_contradictions_that_only_a_programme_sees_are_found():
    """Three cells of two unknowns each, whose sum is odd though each unknown lies in two."""
    matrix = sparse.csr_matrix(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float))
    value = np.array([10.0, 10.0, 10.0, 16.0])
    polytope = Polytope(matrix, value, value, np.full(3, np.inf))
    with pytest.raises(InconsistentTableError):
        polytope.extreme(np.array([1.0, 0, 0, 0]))
    with pytest.raises(InconsistentTableError):
        polytope.unknowns()


class Stumbling:
    """A solver that loses its footing on the first run."""

    def __init__(self, solver) -> None:
        self._solver, self.runs = solver, 0

    def run(self) -> None:
        self.runs += 1
        self._solver.run()

    def getModelStatus(self):
        lost = highspy.HighsModelStatus.kUnknown
        return lost if self.runs == 1 else self._solver.getModelStatus()

    def __getattr__(self, name: str):
        return getattr(self._solver, name)


def test_a_programme_that_loses_its_footing_is_solved_from_scratch():
    made = programme([[1, 1]], [(4, 4)], [3, 3])
    made._solver = Stumbling(made._solver)
    made.set_cost(np.array([1.0, 0.0]))
    point, cost = made.minimise()
    assert made._solver.runs == 2
    assert (point.tolist(), cost) == ([1.0, 3.0], 1.0)
    # And the next one starts warm again.
    made.set_cost(np.array([0.0, 1.0]))
    assert made.minimise()[1] == 1.0
    assert made._solver.runs == 3


def test_the_kernel_is_all_that_rows_map_to_nothing():
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = rng.integers(0, 2, (6, 9)).astype(float)
        rows[3] = rows[0] + rows[1]
        found = kernel(rows)
        assert found.shape[1] == 9 - np.linalg.matrix_rank(rows)
        assert np.linalg.matrix_rank(found) == found.shape[1]
        assert np.abs(rows @ found).max() < 1e-9


def test_the_last_digit_of_a_large_number_is_no_contradiction():
    """Kroner have more digits than nine decimals leave room for."""
    total = 39_198_135.1
    beside = float(np.nextafter(total, np.inf))
    assert beside - total > 1e-9
    for other, agree in ((beside, True), (total + 1.0, False)):
        both = programme([[1, 1], [1, 1]], [(total, total), (other, other)], [1e9, 1e9])
        point, _ = both.minimise()
        assert (point is not None) == agree
