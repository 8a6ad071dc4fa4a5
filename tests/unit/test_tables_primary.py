"""The policy's rules, one cell a line."""

from __future__ import annotations

import polars as pl
import pytest

from anonymization.tables import LinkedSystem, TableError, TablePolicy, primary_rules, protect

# options of the policy, what is known of the cell, the rule it breaks
RULES = [
    ({}, {"persons": 1}, "persons"),
    ({}, {"persons": 4}, "persons"),
    ({}, {"persons": 5}, None),
    ({}, {"persons": None}, None),
    ({"threshold": 10}, {"persons": 9}, "persons"),
    ({"threshold": 10}, {"persons": 10}, None),
    ({"threshold": 1}, {"persons": 1}, None),
    ({}, {"persons": 30, "complement_persons": 4, "denominator_persons": 34}, "complement"),
    ({}, {"persons": 30, "complement_persons": 5, "denominator_persons": 35}, None),
    ({}, {"persons": 0, "denominator_persons": 4, "complement_persons": 4}, "complement"),
    ({}, {"persons": 0, "denominator_persons": 4}, "denominator"),
    ({}, {"persons": 0, "denominator_persons": 0}, None),
    # Zeros and full groups: only where there are many, and where the policy says so.
    ({}, {"persons": 0}, None),
    ({}, {"persons": 0, "denominator_persons": 19}, "zero"),
    ({}, {"persons": 0, "denominator_persons": 20}, None),
    ({"zeros": "hide"}, {"persons": 0}, "zero"),
    ({"zeros": "hide"}, {"persons": 0, "denominator_persons": 500}, "zero"),
    ({"zeros": "hide"}, {"persons": 0, "denominator_persons": 0}, None),
    ({"minimum_denominator": 0}, {"persons": 0, "denominator_persons": 6}, None),
    ({}, {"persons": 19, "complement_persons": 0, "denominator_persons": 19}, "full_group"),
    ({}, {"persons": 20, "complement_persons": 0, "denominator_persons": 20}, None),
    (
        {"full_groups": "hide"},
        {"persons": 90, "complement_persons": 0, "denominator_persons": 90},
        "full_group",
    ),
    # Contributors: patients behind the figure, and providers.
    ({"min_contributors": 10}, {"persons": 6, "denominator_persons": 9}, "contributors"),
    ({"min_contributors": 10}, {"persons": 6, "denominator_persons": 10}, None),
    ({"min_contributors": 10}, {"persons": 9}, "contributors"),
    ({"min_providers": 3}, {"persons": 50, "providers": 2}, "providers"),
    ({"min_providers": 3}, {"persons": 50, "providers": 3}, None),
    ({"min_providers": 3}, {"persons": 0, "providers": 0}, None),
    # Sensitive themes have a threshold of their own.
    ({"sensitive_threshold": 10}, {"persons": 9, "sensitive": True}, "persons"),
    ({"sensitive_threshold": 10}, {"persons": 10, "sensitive": True}, None),
    ({"sensitive_threshold": 10}, {"persons": 9, "sensitive": False}, None),
    (
        {"sensitive_threshold": 10},
        {"persons": 90, "complement_persons": 9, "denominator_persons": 99, "sensitive": True},
        "complement",
    ),
    # Dominance, for magnitudes only.
    ({}, {"persons": 9, "magnitude": True, "largest_share": 0.86}, "dominance"),
    ({}, {"persons": 9, "magnitude": True, "largest_share": 0.85}, None),
    ({"dominance": 0.5}, {"persons": 9, "magnitude": True, "largest_share": 0.6}, "dominance"),
    ({}, {"persons": 9, "magnitude": False, "largest_share": 0.99}, None),
    ({}, {"persons": 2, "magnitude": True, "largest_share": 0.99}, "persons"),
    ({}, {"persons": 0, "value": 0.0, "magnitude": True}, None),
]


def one(**known) -> LinkedSystem:
    cell = {"cell_id": ["a"], "value": [50.0]} | {key: [value] for key, value in known.items()}
    return LinkedSystem(
        pl.DataFrame({"variable_id": ["x"]}),
        pl.DataFrame(cell),
        pl.DataFrame({"cell_id": ["a"], "variable_id": ["x"], "coefficient": [1.0]}),
    )


@pytest.mark.parametrize(("options", "known", "rule"), RULES)
def test_rule(options, known, rule):
    found = primary_rules(one(**known), TablePolicy.from_mapping(options))
    assert found["rule"].to_list() == [rule]
    if rule:
        assert found[rule].to_list() == [True]


def test_a_policy_for_public_facts_hides_nothing():
    policy = TablePolicy(threshold=1, minimum_denominator=0)
    for persons in range(6):
        cell = one(persons=persons, complement_persons=5 - persons, denominator_persons=5)
        assert primary_rules(cell, policy)["rule"].to_list() == [None]


def test_what_the_policy_needs_must_be_filled():
    with pytest.raises(TableError, match=r"cells\.providers"):
        primary_rules(one(persons=9), TablePolicy(min_providers=3))
    with pytest.raises(TableError, match=r"cells\.largest_share"):
        primary_rules(one(persons=9, magnitude=True), TablePolicy())
    # A cell that is never published has no provider of its own.
    rest = one(persons=9, publishable=False)
    assert primary_rules(rest, TablePolicy(min_providers=3))["rule"].to_list() == [None]


def test_sensitive_cells_need_a_threshold_for_them():
    with pytest.raises(TableError, match="sensitive_threshold"):
        primary_rules(one(persons=9, sensitive=True), TablePolicy())
    with pytest.raises(ValueError, match="must not lie below"):
        TablePolicy(sensitive_threshold=4)


def test_a_series_that_is_mostly_unsafe_is_hidden_whole():
    years = pl.DataFrame(
        {
            "area": ["a"] * 3 + ["b"] * 3,
            "year": ["2023", "2024", "2025"] * 2,
            "count": [3, 40, 4, 3, 50, 60],
        }
    )
    policy = TablePolicy(weak_series=0.5, series="year")
    told = protect(years, {"area": {}, "year": {}}, policy)
    rule = {(r["area"], r["year"]): r["rule"] for r in told.report.to_dicts()}
    assert [rule[("a", year)] for year in ("2023", "2024", "2025")] == [
        "persons",
        "weak_series",
        "persons",
    ]
    # Two of three were unsafe in a, one of three in b; the total over all years is no point.
    assert [rule[("b", year)] for year in ("2023", "2024", "2025")] == ["persons", None, None]
    assert rule[("a", "total")] is None
    assert told.audit["ok"].all()
    with pytest.raises(TableError, match=r"policy\.series"):
        protect(years, {"area": {}, "year": {}}, TablePolicy(weak_series=0.5))


def test_a_sum_over_a_sensitive_theme_is_sensitive():
    cells = pl.DataFrame(
        {
            "theme": ["x", "y", "z"],
            "count": [7, 60, 70],
            "sensitive": [True, False, False],
        }
    )
    told = protect(cells, {"theme": {}}, TablePolicy(sensitive_threshold=10))
    assert told.report.filter(pl.col("theme") == "x")["rule"].to_list() == ["persons"]
    low = told.audit.filter(pl.col("theme") == "x")
    assert low["upper"].item() >= 10
