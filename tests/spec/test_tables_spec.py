"""Worked examples of cell suppression whose answers are known from elsewhere or by hand."""

from __future__ import annotations

import polars as pl
import pytest

from anonymization.tables import TablePolicy, audit, protect
from anonymization.tables.rates import byar_limits

FLAT = {"row": {}, "column": {}}


def grid(rows: dict[str, list[int | None]], columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(r, c, v) for r, values in rows.items() for c, v in zip(columns, values, strict=True)],
        schema={"row": pl.String, "column": pl.String, "count": pl.Int64},
        orient="row",
    )


def found(frame: pl.DataFrame, names: tuple[str, ...] = ("row", "column")) -> dict:
    return {tuple(r[n] for n in names): (r["lower"], r["upper"]) for r in frame.to_dicts()}


def test_investment_of_enterprises_by_activity_and_region():
    """Fischetti and Salazar, Models and algorithms for optimizing cell suppression in tabular
    data with linear constraints, JASA 95 (2000), first figure: the attacker's range is 5 to 30."""
    table = grid(
        {
            "I": [20, 50, 10, 80],
            "II": [None, 19, None, 49],
            "III": [None, 32, None, 61],
            "total": [45, 101, 44, 190],
        },
        ["A", "B", "C", "total"],
    )
    assert found(audit(table, FLAT)) == {
        ("II", "A"): (0, 25),
        ("II", "C"): (5, 30),
        ("III", "A"): (0, 25),
        ("III", "C"): (4, 29),
    }


def test_two_hidden_cells_in_every_line_and_one_is_known_exactly():
    """A cell that alone joins two groups of hidden cells is a difference of their margins
    (a bridge: Gusfield, A graph theoretic approach to statistical data security, SIAM Journal on
    Computing 17, 1988)."""
    table = grid(
        {
            "1": [None, None, 10, 10, 40],
            "2": [None, None, None, 10, 47],
            "3": [10, 10, None, None, 40],
            "4": [10, 10, None, None, 40],
            "total": [40, 40, 47, 40, 167],
        },
        ["a", "b", "c", "d", "total"],
    )
    # Columns a and b hold 80 − 40 = 40 hidden, row 1 holds 20 of them, so row 2 holds 20 of
    # its 37 hidden in a and b, and the bridge (2, c) is 17.
    intervals = found(audit(table, FLAT))
    assert intervals[("2", "c")] == (17, 17)
    assert all(high > low for cell, (low, high) in intervals.items() if cell != ("2", "c"))


def test_own_bounds_narrow_the_interval():
    table = grid({"1": [None, None, 6], "total": [None, None, 6]}, ["a", "b", "total"])
    bounds = pl.DataFrame({"row": ["1", "1"], "column": ["a", "b"], "upper_bound": [4.0, 5.0]})
    assert found(audit(table, FLAT, bounds)) == {
        ("1", "a"): (1, 4),
        ("1", "b"): (2, 5),
        ("total", "a"): (1, 4),
        ("total", "b"): (2, 5),
    }


def test_what_a_reader_knows_beforehand_narrows_the_interval():
    """Whoever is one of the five knows that there is at least one, and the threshold the rest."""
    table = grid({"1": [None, None, 6], "total": [None, None, 6]}, ["a", "b", "total"])
    known = pl.DataFrame(
        {"row": ["1", "1"], "column": ["a", "b"], "lower": [1, 1], "upper": [4, None]}
    )
    told = found(audit(table, FLAT, known=known))
    assert told[("1", "a")] == (1, 4)
    assert told[("1", "b")] == (2, 5)
    with pytest.raises(ValueError, match="1 that are not"):
        audit(table, FLAT, known=known.head(1).with_columns(row=pl.lit("9")))


def test_nothing_published_bounds_nothing():
    table = grid({"1": [None, None], "total": [None, None]}, ["a", "total"])
    assert set(found(audit(table, FLAT)).values()) == {(0, float("inf"))}


def test_one_small_count_costs_three_more_in_a_two_way_table():
    """A hidden count needs a second one in its row and in its column, and those a fourth."""
    cells = grid({"1": [2, 30, 40], "2": [11, 12, 13], "3": [50, 60, 70]}, ["a", "b", "c"])
    result = protect(cells, FLAT, TablePolicy())
    reasons = result.report["reason"].value_counts().filter(pl.col("reason").is_not_null())
    assert dict(reasons.iter_rows()) == {"primary": 1, "secondary": 3}
    shown = result.table.filter(pl.col("status") == "ok")
    assert shown["count"].null_count() == 0
    assert result.table.filter(pl.col("status") != "ok")["count"].null_count() == 4
    # The table says whether a cell is hidden, never why.
    assert result.table.columns == ["row", "column", "count", "status"]


def test_the_cheapest_partner_is_chosen():
    cells = pl.DataFrame({"area": list("abcd"), "count": [3, 20, 30, 40]})
    weighted = cells.with_columns(pl.Series("weight", [1.0, 9.0, 2.0, 9.0]))
    result = protect(weighted, {"area": {}}, TablePolicy())
    assert result.table.filter(pl.col("count").is_null())["area"].to_list() == ["a", "c"]


def test_hierarchy_over_three_levels():
    """Hidden at the bottom, a count must be protected on every level above."""
    parents = {"k1": "r1", "k2": "r1", "k3": "r2", "k4": "r2", "r1": "all", "r2": "all"}
    cells = pl.DataFrame({"area": ["k1", "k2", "k3", "k4"], "count": [2, 50, 60, 70]})
    result = protect(cells, {"area": parents}, TablePolicy())
    shown = dict(result.table.select("area", "count").iter_rows())
    assert shown == {
        "k1": None,
        "k2": None,
        "k3": 60,
        "k4": 70,
        "r1": 52,
        "r2": 130,
        "all": 182,
    }


def test_byar_limits_published():
    """Public Health England's technical guide (2018): 65 events, 50.163188 to 82.849139."""
    assert byar_limits(65) == pytest.approx((50.163188, 82.849139), abs=1e-6)
