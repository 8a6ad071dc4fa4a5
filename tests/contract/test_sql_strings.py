"""SQL is not built from text, but where names that were checked are put into it.

A value reaches a query as a parameter. The modules below write *names* into SQL (columns, tables
and settings that the catalogue or a list of their own declares); whoever adds one says so here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dashboards", "pipelines", "anonymization")
ASKING = {"sql", "execute", "executemany", "query"}
BUILDERS = (
    "pipelines/ingest/",  # the compiler of ViewDefinitions and file layouts: names by name_sql
    "pipelines/publication/microdata_source.py",  # columns that the table's definition declares
    "dashboards/notebooks/connection.py",  # settings and zones of a fixed list, before it is locked
)
_WAIVED = re.compile(r"noqa:.*\bS608\b")


def built_from_text(source: str) -> Iterator[int]:
    """Lines where a query is put together where it is asked, or waived from ruff's own rule."""
    for line, text in enumerate(source.splitlines(), start=1):
        if _WAIVED.search(text):
            yield line
    if not any(f".{name}(" in source for name in ASKING):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            asked = node.args[0]
            if node.func.attr in ASKING and not _written_out(asked):
                yield node.lineno


def _written_out(asked: ast.expr) -> bool:
    """A literal, or the name of something that was made where ruff's rule saw it."""
    if isinstance(asked, ast.JoinedStr):
        return not any(isinstance(part, ast.FormattedValue) for part in asked.values)
    return isinstance(asked, (ast.Constant, ast.Name, ast.Subscript))


def test_only_the_named_modules_build_sql() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(BUILDERS)
        for line in built_from_text(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "broken",
    [
        "zones.sql(f\"select * from t where area = '{area}'\")",
        'zones.execute("select * from t where area = \'" + area + "\'")',
        "zones.execute(\"select * from t where area = '%s'\" % area)",
        "zones.sql(\"select * from t where area = '{}'\".format(area))",
        'query = f"select * from {t}"  # noqa: S608',
    ],
)
def test_a_query_built_from_text_would_be_noticed(broken: str) -> None:
    assert list(built_from_text(broken)) == [1]
    assert list(built_from_text('zones.sql("select * from t where area = ?", params=[a])')) == []
