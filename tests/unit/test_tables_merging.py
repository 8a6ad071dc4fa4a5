"""Groups in place of blanks: who is put together, what it shows, and what is refused."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from anonymization.tables import (
    TableError,
    TablePolicy,
    audit,
    merge_groups,
    protect,
    sized_groups,
    verify,
    window_groups,
    with_groups,
)

# Two small neighbours, a third further off, one that can stand alone beside each.
PLACES = pl.DataFrame(
    {
        "code": ["a", "b", "c", "d", "e"],
        "size": [2000, 4000, 5000, 5500, 90000],
        "x": [0.0, 1.0, 6.0, 2.0, 0.5],
        "y": [0.0, 0.0, 0.0, 0.0, 0.0],
        "name": ["Aa", "Bø", "Ca", "Da", "E"],
    }
)
BY_AREA = TablePolicy.from_mapping({"merge": {"area": {"minimum": [6000]}}})
CELLS = pl.DataFrame({"area": ["a", "b", "c", "d", "e"], "count": [3, 4, 12, 60, 500]})


def groups(frame: pl.DataFrame) -> set[str]:
    return set(frame["parent"])


def row(table: pl.DataFrame, area: str) -> dict[str, object]:
    return table.row(by_predicate=pl.col("area") == area, named=True)


def test_the_smallest_joins_its_nearest_like_until_the_size_is_reached():
    assert groups(sized_groups(PLACES, [6000])) == {"a + b", "c + d"}
    # Where places are not known, the smallest that is alike.
    assert groups(sized_groups(PLACES.select("code", "size"), [6000])) == {"a + b", "c + d"}
    # Nobody is put together with one of another size, however near.
    assert "e" not in set(sized_groups(PLACES, [6000])["code"])


def test_groups_of_groups_and_borders_that_none_crosses():
    steps = sized_groups(PLACES, [6000, 15000])
    assert steps.rows() == [
        ("a", "a + b"), ("a + b", "a + b + c + d"), ("b", "a + b"), ("c", "c + d"),
        ("c + d", "a + b + c + d"), ("d", "c + d"),
    ]  # fmt: skip
    apart = PLACES.with_columns(within=pl.Series(["n", "s", "n", "s", "n"]))
    assert groups(sized_groups(apart, [6000])) == {"a + c", "b + d"}


def test_on_a_line_only_neighbours_are_put_together():
    ages = pl.DataFrame(
        {"code": ["0-17", "18-66", "67-79", "80+"], "size": [9, 70, 4, 5], "x": [0, 18, 67, 80]}
    )
    assert groups(sized_groups(ages, [8])) == {"67-79 + 80+"}


def test_windows_are_the_same_whichever_years_there_are():
    years = ["2022", "2023", "2024", "2025", "2026"]
    assert groups(window_groups(years, 3)) == {"2022 + 2023 + 2024"}
    # A window that a later year completes would tell that year.
    assert groups(window_groups(years[:2], 3)) == set()
    with pytest.raises(TableError, match="whole numbers, got 1"):
        window_groups(["2022", "spring"], 2)


def test_members_that_fail_alone_are_shown_as_one():
    made = protect(CELLS, {"area": {}}, BY_AREA, {"area": PLACES})
    group = row(made.table, "a + b")
    assert (group["count"], group["status"], group["area_label"]) == (7, "ok", "Aa + Bø")
    for area in "ab":
        found = row(made.table, area)
        assert (found["count"], found["status"]) == (None, "suppressed")
        assert found["area_shown_with"] == "a + b"
    for area in "cde":
        assert row(made.table, area)["area_shown_with"] is None
        assert row(made.table, area)["count"] is not None
    # Beside the table without groups nothing else is hidden.
    plain = protect(CELLS, {"area": {}}, TablePolicy())
    assert set(plain.table.filter(pl.col("count").is_null())["area"]) == {"a", "b"}


def test_the_smallest_shown_group_of_several():
    policy = TablePolicy.from_mapping({"merge": {"area": {"minimum": [6000, 15000]}}})
    few = CELLS.with_columns(count=pl.Series([1, 2, 3, 60, 500]))
    made = protect(few, {"area": {}}, policy, {"area": PLACES})
    # Three persons in the small group; c + d is not shown, since d stands alone and c does not.
    assert {name: row(made.table, name)["count"] for name in ("a + b", "c + d")} == {
        "a + b": None, "c + d": None,
    }  # fmt: skip
    assert {row(made.table, area)["area_shown_with"] for area in "abc"} == {"a + b + c + d"}


def test_what_is_left_beside_members_shown_is_as_safe_as_a_group():
    # With d shown, b + c would be two units of which each learns the other's count.
    cells = CELLS.with_columns(
        count=pl.Series([50, 20, 20, 60, 500]), providers=pl.Series([9, 1, 1, 3, 9])
    )
    facts = PLACES.with_columns(size=pl.Series([90000, 4000, 5000, 9000, 90000]))
    options = {"merge": {"area": {"minimum": [11000], "providers": "differ"}}, "min_providers": 3}
    policy = TablePolicy.from_mapping(options)
    made = protect(cells, {"area": {}}, policy, {"area": facts})
    in_view = [row(made.table, name)["count"] is not None for name in ("d", "b + c + d")]
    assert not all(in_view)
    # A third unit among them, and the group may be shown.
    safe = protect(
        cells.with_columns(providers=pl.Series([9, 2, 1, 3, 9])), {"area": {}}, policy,
        {"area": facts},
    )  # fmt: skip
    assert [row(safe.table, name)["count"] for name in ("d", "b + c + d")] == [60, 100]
    assert row(safe.table, "b")["area_shown_with"] == "b + c + d"


def test_providers_are_added_only_where_they_are_known_to_differ():
    cells = CELLS.with_columns(
        count=pl.Series([20, 30, 12, 60, 500]), providers=pl.Series([2, 2, 5, 5, 9])
    )
    for said, count in (("differ", 50), ("may_be_shared", None)):
        options = {"merge": {"area": {"minimum": [6000], "providers": said}}, "min_providers": 3}
        made = protect(cells, {"area": {}}, TablePolicy.from_mapping(options), {"area": PLACES})
        assert row(made.table, "a + b")["count"] == count


def test_years_and_areas_together_and_a_hierarchy_with_one_root():
    years = ["2024", "2025"]
    cells = pl.DataFrame(
        [(area, year, n) for area, n in (("a", 1), ("b", 2), ("e", 80)) for year in years],
        schema=["area", "year", "count"], orient="row",
    )  # fmt: skip
    options = {"merge": {"area": {"minimum": [6000]}, "year": {"window": 2}}}
    dimensions = {"area": {"a": "no", "b": "no", "e": "no"}, "year": {}}
    facts = {"area": PLACES}
    policy = TablePolicy.from_mapping(options)
    made = protect(cells, dimensions, policy, facts)
    assert "total" not in made.table["area"]
    one = made.table.row(
        by_predicate=(pl.col("area") == "a") & (pl.col("year") == "2024"), named=True
    )
    assert (one["area_shown_with"], one["year_shown_with"]) == ("a + b", "2024 + 2025")
    assert verify(made.table, cells, dimensions, policy, facts).ok
    whole = with_groups(cells, dimensions, merge_groups(cells, policy, facts, list(dimensions)))
    told = audit(made.table.select("area", "year", "count"), whole)
    assert told.height == made.table["count"].null_count()
    assert (told["upper"] - told["lower"]).min() >= policy.protection_width


def test_the_order_of_rows_and_members_makes_no_difference():
    made = protect(CELLS, {"area": {}}, BY_AREA, {"area": PLACES})
    again = protect(CELLS.reverse(), {"area": {}}, BY_AREA, {"area": PLACES.reverse()})
    assert made.table.sort("area").equals(again.table.sort("area"))


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"minimum": [5], "window": 2}, {"minimum": [6, 5]}, {"minimum": [0]}, {"window": 1},
        {"minimum": [5], "by": "counts"}, {"minimum": [5], "providers": "perhaps"},
    ],
)  # fmt: skip
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(ValidationError):
        TablePolicy.from_mapping({"merge": {"area": rule}})


def test_rounding_merges_nothing():
    with pytest.raises(ValidationError, match="rounding hides nothing"):
        TablePolicy.from_mapping({"method": "round", "merge": {"area": {"window": 2}}})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "merged by size"),
        ({"area": PLACES.head(4)}, "1 without facts"),
        ({"area": PLACES.rename({"size": "people"})}, "expected the columns code"),
        ({"area": PLACES.with_columns(size=None)}, "no empty fields, got 5"),
        ({"area": pl.concat([PLACES, PLACES.head(1)])}, "1 repeated"),
        ({"area": PLACES.with_columns(size=-1)}, "got 5"),
    ],
)
def test_members_must_be_known(members, message):
    with pytest.raises(TableError, match=message):
        protect(CELLS, {"area": {}}, BY_AREA, members)


def test_dimensions_and_codes_must_be_free():
    by_year = TablePolicy.from_mapping({"merge": {"year": {"window": 2}}})
    with pytest.raises(TableError, match=r"dimensions of the table, got \['year'\]"):
        protect(CELLS, {"area": {}}, by_year)
    taken = {"area": dict.fromkeys("abcde", "a + b")}
    with pytest.raises(TableError, match="code of something else"):
        protect(CELLS, taken, BY_AREA, {"area": PLACES})
