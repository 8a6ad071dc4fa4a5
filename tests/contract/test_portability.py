"""Models stay within the SQL that DuckDB and Spark share, so that the engine can be changed.

Run alone as a lint: ``python -m pytest tests/contract/test_portability.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

EXCEPTIONS = Path(__file__).with_name("portability_exceptions.yml")


def findings(sql: str) -> set[str]:
    """Constructs of a DuckDB statement that Spark does not take, even when translated."""
    from sqlglot import ErrorLevel, ParseError, UnsupportedError, exp, parse_one, transpile

    try:
        tree = parse_one(sql, read="duckdb")
        (spark,) = transpile(sql, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
        translated = parse_one(spark, read="spark")
    except UnsupportedError as error:
        return {f"unsupported: {error}"}
    except ParseError:
        return {"not parsed"}
    return {*_unknown(tree, exp), *_unknown(translated, exp), *_engine_bound(tree, exp)}


def _unknown(tree, exp) -> Iterator[str]:
    """Functions that sqlglot knows in neither dialect: it hands them on as they are."""
    for function in tree.find_all(exp.Anonymous):
        yield function.name.lower()


def _engine_bound(tree, exp) -> Iterator[str]:
    """Constructs that a translation keeps and Spark refuses or reads otherwise."""
    kinds = {
        exp.Pivot: "pivot",
        exp.JSONExtract: "json arrow",
        exp.JSONExtractScalar: "json arrow",
        exp.Lambda: "lambda",
        exp.Quantile: "quantile",
        exp.PercentileCont: "quantile",
        exp.TableSample: "sample",
        exp.Comprehension: "comprehension",
    }
    for kind, name in kinds.items():
        if tree.find(kind) is not None:
            yield name
    if any("ASOF" in (join.method, join.side, join.kind) for join in tree.find_all(exp.Join)):
        yield "asof join"


def exceptions() -> dict[str, set[str]]:
    entries = yaml.safe_load(EXCEPTIONS.read_text(encoding="utf-8"))
    for entry in entries:
        assert entry.keys() == {"construct", "models", "reason"}, entry
        assert len(entry["reason"]) > 30, f"{entry['construct']}: say why"
    named = {entry["construct"]: set(entry["models"]) for entry in entries}
    assert len(named) == len(entries), "a construct is listed twice"
    return named


def test_every_compiled_model_is_portable_or_excepted_with_a_reason(dbt) -> None:
    found = {name: findings(model["compiled_code"]) for name, model in dbt.models.items()}
    excepted = exceptions()
    unexcused = {
        name: sorted(
            construct for construct in constructs if name not in excepted.get(construct, ())
        )
        for name, constructs in found.items()
    }
    assert {name: constructs for name, constructs in unexcused.items() if constructs} == {}
    stale = {
        construct: sorted(name for name in models if construct not in found.get(name, ()))
        for construct, models in excepted.items()
    }
    assert {construct: models for construct, models in stale.items() if models} == {}


@pytest.mark.parametrize(
    ("sql", "construct"),
    [
        ("select * from a asof join b on a.x >= b.x", "asof join"),
        ("pivot t on year using sum(n)", "pivot"),
        ("select quantile_cont(x, 0.5) from t", "quantile"),
        ("select payload -> '$.a' from t", "json arrow"),
        ("select list_transform(xs, x -> x + 1) from t", "lambda"),
        ("select [x + 1 for x in xs] from t", "comprehension"),
        ("select * from t using sample 10%", "sample"),
        ("select made_up_function(x) from t", "made_up_function"),
        ("select from where", "not parsed"),
    ],
)
def test_the_lint_finds_what_spark_does_not_take(sql: str, construct: str) -> None:
    assert construct in findings(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select a, count(*) filter (where b) from t group by all",
        "select * from t qualify row_number() over (partition by a order by b desc) = 1",
        "select date_diff('day', a, b) from t",
        "select arg_max(a, b) from t",
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 3) "
        "select i from n",
        "select extract(year from a), greatest(a, b), coalesce(a, b), starts_with(a, 'E') from t",
    ],
)
def test_the_lint_lets_shared_sql_pass(sql: str) -> None:
    assert findings(sql) == set()
