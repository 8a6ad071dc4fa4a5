"""Controlled rounding: it adds up, it stays near, and what it leaves open is enumerated."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.tables import TableError, TablePolicy, protect, protect_system, verify
from anonymization.tables.audit_rounded import could_be
from anonymization.tables.lattice import build_lattice
from anonymization.tables.published import table_system

FIVE = TablePolicy(method="round")
THREE = TablePolicy(method="round", rounding_base=3, protection_width=2)
DIMENSIONS = {"area": {"a": "north", "b": "north", "c": "south"}, "age": {}}


def cells(counts: list[int]) -> pl.DataFrame:
    places = [(area, age) for area in "abc" for age in ("0-49", "50+")]
    return pl.DataFrame(places, schema=["area", "age"], orient="row").with_columns(
        pl.Series("count", counts)
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 12), min_size=6, max_size=6), st.sampled_from([FIVE, THREE]))
def test_it_adds_up_stays_near_and_shows_no_small_count_as_it_is(counts, policy):
    given = cells(counts)
    table = protect(given, DIMENSIONS, policy).table
    told = {(row["area"], row["age"]): row["count"] for row in table.to_dicts()}
    base = dict(zip(zip(given["area"], given["age"], strict=True), counts, strict=True))
    for (area, age), count in base.items():
        published = told[(area, age)]
        if 1 <= count < policy.threshold:
            assert published % policy.rounding_base == 0
            assert abs(published - count) < policy.rounding_base
        else:
            assert published == count
    for age in ("0-49", "50+"):
        assert told[("north", age)] == told[("a", age)] + told[("b", age)]
        assert told[("total", age)] == told[("north", age)] + told[("c", age)]
    for area in ("a", "south", "total"):
        assert told[(area, "total")] == told[(area, "0-49")] + told[(area, "50+")]
    verdict = verify(table, given, DIMENSIONS, policy)
    assert verdict.ok
    assert verdict.determined == 0


@pytest.mark.parametrize("policy", [FIVE, THREE, TablePolicy(method="round", threshold=10)])
def test_what_a_reader_leaves_open_is_what_rounding_could_come_from(policy):
    """Every count from 0 to 30 and each multiple it may become, by enumeration."""
    behind: dict[int, set[int]] = {}
    base = policy.rounding_base
    for count in range(31):
        near = {count // base * base, -(-count // base) * base}
        for published in near if 1 <= count < policy.threshold else {count}:
            behind.setdefault(published, set()).add(count)
    low, high, several = could_be(np.array(list(behind), dtype=float), policy)
    assert low.tolist() == [min(counts) for counts in behind.values()]
    assert high.tolist() == [max(counts) for counts in behind.values()]
    assert several.tolist() == [len(counts) > 1 for counts in behind.values()]


def test_margins_stray_less_than_by_rounding_each_cell_to_its_nearest():
    rng = np.random.default_rng(3)
    frame = pl.DataFrame(
        {"area": [f"m{i}" for i in range(40)] * 3, "age": ["x"] * 40 + ["y"] * 40 + ["z"] * 40}
    ).with_columns(pl.Series("count", rng.poisson(1.6, 120)))
    table = protect(frame, {"area": {}, "age": {}}, FIVE).table
    total = table.filter(pl.col("area") == "total", pl.col("age") == "total")["count"].item()
    nearest = int((5 * (frame["count"] / 5).round()).sum())
    assert abs(total - frame["count"].sum()) <= 5 < abs(nearest - frame["count"].sum())


def test_the_audit_finds_a_count_that_was_left_and_a_margin_that_does_not_add_up():
    given = cells([2, 30, 4, 9, 20, 7])
    table = protect(given, DIMENSIONS, FIVE).table
    place = (pl.col("area") == "a") & (pl.col("age") == "0-49")
    with pytest.raises(TableError, match="margins that add up"):
        verify(
            table.with_columns(pl.when(place).then(2).otherwise("count").alias("count")),
            given,
            DIMENSIONS,
            FIVE,
        )
    system = table_system(given, list(DIMENSIONS), build_lattice(given, DIMENSIONS))
    exact = build_lattice(given, DIMENSIONS).keys.join(
        system.cells.select("cell_id", count=pl.col("value").cast(pl.Int64)), on="cell_id"
    )
    left = verify(exact, given, DIMENSIONS, FIVE)
    assert (left.recovered, left.misstated) == (2, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rounding_base": 3}, "leaves 2 units"),
        ({"rounding_base": 4}, "rounding_base"),
        ({"zeros": "hide"}, "no rule but the threshold"),
        ({"min_providers": 3}, "no rule but the threshold"),
    ],
)
def test_options_that_rounding_cannot_keep_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        TablePolicy(method="round", **options)


def test_what_rounding_cannot_do_is_refused():
    given = cells([2, 30, 4, 9, 20, 7])
    with pytest.raises(TableError, match="denominator"):
        protect(given.with_columns(denominator=50), DIMENSIONS, FIVE)
    system = table_system(given, list(DIMENSIONS), build_lattice(given, DIMENSIONS))
    with pytest.raises(TableError, match="suppress only"):
        protect_system(system, FIVE)
    with pytest.raises(RuntimeError, match="at most 1 by rounding"):
        protect(given, DIMENSIONS, FIVE.model_copy(update={"rounding_limit": 1}))
