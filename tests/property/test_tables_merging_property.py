"""Merged groups on random tables: nothing more is learnt, and a group is as safe as any cell.

Four tables are protected in one call and attacked one by one by an oracle that shares no code
with the door: 40 of them in CI, 4 000 in the nightly lane.
"""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.tables import TablePolicy, protect, protect_system
from anonymization.tables.published import Table, table_of
from tests.support.tables_reference import calm, hidden_ids, recovered, together

PLAIN = TablePolicy(minimum_denominator=0, redundancy_tests=20)
MERGED = TablePolicy.from_mapping(
    {**PLAIN.model_dump(exclude={"merge"}), "merge": {"area": {"minimum": [40, 90]}}}
)
SMALL = 5


@st.composite
def tables(draw) -> tuple[pl.DataFrame, pl.DataFrame]:
    areas = "abcde"[: draw(st.integers(2, 5))]
    ages = range(draw(st.integers(1, 2)))
    keys = [(area, age) for area in areas for age in ages]
    count = st.one_of(st.integers(0, 4), st.integers(0, 9), st.integers(5, 30))
    counts = draw(st.lists(count, min_size=len(keys), max_size=len(keys)))
    sizes = draw(st.lists(st.integers(1, 60), min_size=len(areas), max_size=len(areas)))
    cells = pl.DataFrame(
        [(area, str(age), n) for (area, age), n in zip(keys, counts, strict=True)],
        schema=["area", "age", "count"], orient="row",
    )  # fmt: skip
    return cells, pl.DataFrame({"code": list(areas), "size": sizes})


def whole(table: tuple[pl.DataFrame, pl.DataFrame]) -> Table:
    return table_of(table[0], {"area": {}, "age": {}}, MERGED, {"area": table[1]})


def left_over(table: Table, hidden: set[str]) -> pl.DataFrame:
    """What is left of each shown group beside its shown parts."""
    parts = table.groups["area"].rename({"code": "area", "parent": "group"})
    values = table.lattice.keys.join(table.system.cells.select("cell_id", "value"), on="cell_id")
    shown = values.filter(~pl.col("cell_id").is_in(list(hidden)))
    left = values.join(shown, on="cell_id", how="anti").join(parts, on="area")
    sums = left.group_by("group", "age").agg(pl.col("value").sum())
    return sums.join(shown, left_on=["group", "age"], right_on=["area", "age"], how="semi")


def hold(given: list[tuple[pl.DataFrame, pl.DataFrame]]) -> None:
    made = [whole(one) for one in given]
    result = protect_system(together([one.system for one in made]), MERGED)
    assert result.audit["ok"].all()
    hidden = hidden_ids(result.cells)
    for i, table in enumerate(made):
        own = {cell.removeprefix(f"{i}|") for cell in hidden if cell.startswith(f"{i}|")}
        cells = table.system.cells
        unsafe = set(cells.filter(pl.col("persons").is_between(1, SMALL - 1))["cell_id"])
        assert unsafe <= own
        # What is left over and safe itself owes nobody anything.
        owing = unsafe | set(table.lattice.keys["cell_id"])
        assert not recovered(table.system, own) & owing
        assert left_over(table, own).filter(pl.col("value").is_between(1, SMALL - 1)).is_empty()


four = st.lists(tables(), min_size=4, max_size=4)


@calm(10)
@given(four)
def test_nothing_hidden_is_recovered_beside_groups(given):
    hold(given)


@pytest.mark.nightly
@calm(1_000)
@given(four)
def test_nothing_hidden_is_recovered_beside_groups_of_four_thousand_tables(given):
    hold(given)


@calm(4)
@given(tables())
def test_groups_take_no_figure_from_anybody(table):
    cells, members = table
    dimensions = {"area": {}, "age": {}}
    made = protect(cells, dimensions, MERGED, {"area": members}).table
    plain = protect(cells, dimensions, PLAIN).table
    own = made.filter(pl.col("area_label").is_null())
    assert own.height == plain.height
    assert own["count"].null_count() <= plain["count"].null_count()
