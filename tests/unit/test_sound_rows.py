"""The dbt test of every model's grain and filled columns: what it finds, and how it is told."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from jinja2 import Environment

from pipelines.assets.warehouse import PROMISES, broken_promises
from pipelines.resources import DBT_FOLDER
from pipelines.settings import Zones

FILE = DBT_FOLDER / "tests" / "generic" / "sound_rows.sql"
ROWS = {
    "sound": "(1, 2023, 'x'), (1, 2024, 'x'), (2, 2023, null)",
    "two_of_a_null_grain": "(1, null, 'x'), (1, null, 'y')",
    "empty": "(null, 2023, 'x'), (null, 2024, null), (3, 2023, null)",
    "all": "(null, 2023, null), (null, 2023, 'x'), (null, 2023, 'x')",
    "no_rows": "(0, 0, '')",
}
GRAIN = "rows beyond the first of the same person_id, year"


def sql(model: str, **arguments: list[str]) -> str:
    """The test as dbt would write it: its block is a macro to Jinja."""
    text = FILE.read_text(encoding="utf-8")
    as_macro = text.replace("{% test", "{% macro").replace("endtest", "endmacro")
    return str(Environment().from_string(as_macro).module.sound_rows(model, **arguments))


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    made = Zones(tmp_path).create()
    with duckdb.connect(str(made.warehouse)) as connection:
        for name, rows in ROWS.items():
            connection.execute(f'create table "{name}" (person_id int, year int, value varchar)')
            connection.execute(f'insert into "{name}" values {rows}')
        connection.execute("delete from no_rows")
    return made


def found(zones: Zones, model: str, **arguments: list[str]) -> dict[str, int]:
    with duckdb.connect(str(zones.warehouse)) as connection:
        return dict(connection.sql(sql(f'"{model}"', **arguments)).fetchall())


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        ("sound", {}),
        ("no_rows", {}),
        ("two_of_a_null_grain", {GRAIN: 1, "rows without year": 2}),
        ("empty", {"rows without person_id": 2}),
        ("all", {GRAIN: 2, "rows without person_id": 3}),
    ],
)
def test_broken_promises_are_counted(zones: Zones, model: str, broken: dict[str, int]) -> None:
    both = found(zones, model, grain=["person_id", "year"], filled=["person_id", "year"])
    assert both == broken
    alone = found(zones, model, grain=["person_id", "year"])
    assert alone == {what: rows for what, rows in broken.items() if what == GRAIN}
    filled = found(zones, model, filled=["person_id", "year"])
    assert filled == {what: rows for what, rows in broken.items() if what != GRAIN}


def test_a_red_test_tells_columns_and_counts(zones: Zones, tmp_path: Path) -> None:
    promise = {"status": "fail", "compiled_code": sql('"all"', filled=["person_id", "value"])}
    results = [
        promise | {"unique_id": f"{PROMISES}all"},
        promise | {"unique_id": f"{PROMISES}green", "status": "pass"},
        # Other tests' failing rows may hold anything.
        promise | {"unique_id": "test.folkepuls.accepted_values_all"},
    ]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}))
    assert broken_promises(zones, tmp_path) == {
        f"{PROMISES}all": "3 rows without person_id; 1 rows without value"
    }
