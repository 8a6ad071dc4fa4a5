"""One table in, one out: columns, hierarchies, and what is refused."""

from __future__ import annotations

import polars as pl
import pytest

from anonymization.tables import TableError, TablePolicy, audit, protect

CELLS = pl.DataFrame({"area": ["a", "b", "c"], "count": [2, 30, 40]})
FLAT = {"area": {}}


def hidden(result) -> set[str]:
    return set(result.table.filter(pl.col("count").is_null())["area"])


def test_every_cell_comes_back_with_margins_and_a_status():
    result = protect(CELLS, FLAT, TablePolicy())
    assert result.table.columns == ["area", "count", "status"]
    assert result.table["area"].sort().to_list() == ["a", "b", "c", "total"]
    assert result.report.columns == ["area", "status", "reason", "rule"]
    assert result.audit["area"].to_list() == sorted(hidden(result))
    assert result.audit["ok"].all()


def test_persons_count_where_events_are_published():
    cells = CELLS.with_columns(pl.Series("count", [9, 30, 40]), pl.Series("persons", [2, 20, 30]))
    assert "a" in hidden(protect(cells, FLAT, TablePolicy()))
    assert hidden(protect(cells.drop("persons"), FLAT, TablePolicy())) == set()


def test_a_public_denominator_protects_the_complement():
    cells = CELLS.with_columns(
        pl.Series("count", [28, 30, 40]), pl.Series("denominator", [30, 90, 90])
    )
    assert "a" in hidden(protect(cells, FLAT, TablePolicy()))


def test_providers_and_weights():
    cells = CELLS.with_columns(
        pl.Series("count", [20, 30, 40]),
        pl.Series("providers", [2, 4, 5]),
        pl.Series("weight", [1.0, 9.0, 2.0]),
    )
    assert hidden(protect(cells, FLAT, TablePolicy(min_providers=3))) == {"a", "c"}


def test_magnitudes_with_a_dominant_person():
    cells = pl.DataFrame(
        {
            "area": ["a", "b", "c"],
            "count": [1000.0, 2000.5, 0.0],
            "persons": [9, 30, 0],
            "largest_share": [0.9, 0.1, None],
        }
    )
    result = protect(cells, FLAT, TablePolicy())
    assert "a" in hidden(result)
    assert result.table.schema["count"] == pl.Float64
    with pytest.raises(TableError, match="needs a column persons"):
        protect(cells.drop("persons"), FLAT, TablePolicy())


def test_a_hierarchy_with_several_roots_gets_one_total():
    parents = {"a": "north", "b": "north", "c": "south"}
    table = protect(CELLS, {"area": parents}, TablePolicy()).table
    assert set(table["area"]) == {"a", "b", "c", "north", "south", "total"}


def test_codes_in_two_groupings_are_summed_in_both():
    parents = {"a": ["north", "coast"], "b": "north", "c": ["south", "coast"]}
    result = protect(CELLS, {"area": parents}, TablePolicy())
    table = dict(result.table.select("area", "count").iter_rows())
    assert set(table) == {"a", "b", "c", "north", "south", "coast", "total"}
    assert table["a"] is None
    assert result.audit["ok"].all()
    shown = audit(result.table, {"area": parents})
    assert (shown["upper"] - shown["lower"]).min() >= 3


def test_explicit_sums_get_no_total():
    sums = pl.DataFrame({"code": ["a", "b", "c"], "parent": ["x", "x", "y"]})
    table = protect(CELLS, {"area": sums}, TablePolicy()).table
    assert set(table["area"]) == {"a", "b", "c", "x", "y"}
    with pytest.raises(TableError, match="columns code and parent"):
        protect(CELLS, {"area": sums.rename({"parent": "above"})}, TablePolicy())
    with pytest.raises(TableError, match="no empty codes, got 1"):
        protect(
            CELLS, {"area": sums.with_columns(parent=pl.Series(["x", None, "y"]))}, TablePolicy()
        )


@pytest.mark.parametrize(
    ("cells", "dimensions", "message"),
    [
        (CELLS.rename({"count": "n"}), FLAT, "no column count"),
        (CELLS.with_columns(colour=pl.lit("red")), FLAT, "colour"),
        (CELLS.select("count"), {}, "a column per dimension"),
        (CELLS, {"place": {}}, "unknown columns"),
        (CELLS, {"area": {}, "sex": {}}, "missing: \\['sex'\\]"),
        (CELLS.with_columns(area=pl.lit(None, pl.String)), FLAT, "3 nulls"),
        (pl.concat([CELLS, CELLS]), FLAT, "3 repeated"),
        (CELLS, {"area": {"a": "b", "b": "x"}}, "lowest codes"),
        (CELLS, {"area": {"a": "x", "x": "y", "y": "x"}}, "circle"),
        (
            CELLS.with_columns(area=pl.lit("total") + pl.col("area").str.slice(1)).head(1),
            FLAT,
            "kept for the margin",
        ),
    ],
)
def test_malformed_tables_are_refused(cells, dimensions, message):
    with pytest.raises(TableError, match=message):
        protect(cells, dimensions, TablePolicy())


def test_the_audit_of_a_table_wants_all_margins_and_no_more():
    table = protect(CELLS, FLAT, TablePolicy()).table
    with pytest.raises(TableError, match="1 missing"):
        audit(table.filter(pl.col("area") != "total"), FLAT)
    strange = pl.concat([table, table.with_columns(area=pl.lit("north")).head(1)])
    with pytest.raises(TableError, match="1 that no hierarchy"):
        audit(strange, {"area": {"a": "total", "b": "total", "c": "total", "z": "north"}})


def test_magnitudes_are_audited_without_rounding():
    table = pl.DataFrame({"area": ["a", "b", "total"], "count": [None, None, 2.5]})
    assert audit(table, FLAT).rows() == [("a", 0.0, 2.5), ("b", 0.0, 2.5)]
