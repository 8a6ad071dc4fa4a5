"""ViewDefinitions against their expected rows, by both ways of reading; and what is refused.

The files in ``viewdefinitions/`` are for a reader of the standard; this runs them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.ingest.views import CompiledView, ViewDefinitionError
from pipelines.ingest.views.flatten import FlattenError, flatten, flattenable, reading
from pipelines.ingest.views.standard import constructs

FOLDER = Path(__file__).parent / "viewdefinitions"
TOPICS = {
    path.stem: yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    for path in sorted(FOLDER.glob("*.yml"))
}


class _Plain(yaml.SafeLoader):
    """YAML whose dates stay the text that they are in JSON."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _number(text: str) -> str:
    """JSON numbers as they are written in the YAML, so that their digits survive."""
    return re.sub(r'"@(-?[0-9.]+(?:e[0-9]+)?)"', r"\1", text)


def _decimals(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return f"@{node.value}"


class _Written(_Plain):
    """YAML whose decimals are kept as written, marked to become numbers again in JSON."""


_Written.add_constructor("tag:yaml.org,2002:float", _decimals)

CASES = [
    pytest.param(topic, index, id=f"{topic}: {case['title']}")
    for topic in TOPICS
    for index, case in enumerate(TOPICS[topic]["cases"])
]
WITH_ROWS = [case for case in CASES if "rows" in TOPICS[case.values[0]]["cases"][case.values[1]]]


@cache
def _topic(name: str, loader: type[yaml.SafeLoader]) -> dict[str, Any]:
    return yaml.load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"), loader)


def _view(case: dict[str, Any]) -> dict[str, Any]:
    column = {"select": [{"column": [{"name": "a", "path": case.get("path")}]}]}
    return {"resource": case.get("resource", "Patient"), **case.get("view", column)}


def _compiled(topic: str, case: dict[str, Any]) -> CompiledView:
    return flattenable(_view(case), allow_unknown=bool(TOPICS[topic].get("allow_unknown")))


def _lines(topic: str) -> list[str]:
    resources = _topic(topic, _Written)["resources"]
    return [_number(json.dumps(resource, ensure_ascii=False)) for resource in resources]


def _rows(view: CompiledView, lines: list[str], folder: Path) -> tuple[list[str], list[Any]]:
    file, out = folder / "resources.ndjson", folder / "rows.parquet"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    flatten(view, [file], out, threads=1)
    frame = pl.read_parquet(out)
    return frame.columns, frame.rows()


def _sorted(rows: list[Any]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize(("topic", "index"), CASES)
def test_a_view_gives_what_the_standard_says(topic: str, index: int, tmp_path: Path) -> None:
    case = _topic(topic, _Plain)["cases"][index]
    if "refused" in case:
        with pytest.raises(ViewDefinitionError) as caught:
            _compiled(topic, case)
        assert case["refused"] in str(caught.value)
        return
    view = _compiled(topic, case)
    lines = _lines(topic)
    if "stops" in case:
        with pytest.raises(FlattenError) as stopped:
            _rows(view, lines, tmp_path)
        assert case["stops"] in str(stopped.value)
        return
    expected = [tuple(row) if "view" in case else (row,) for row in case["rows"]]
    columns, rows = _rows(view, lines, tmp_path)
    assert columns == case.get("columns", columns)
    assert _sorted([_as_json(row) for row in rows]) == _sorted(expected)


def _as_json(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.isoformat() if hasattr(value, "isoformat") else value for value in row)


@pytest.mark.parametrize(("topic", "index"), WITH_ROWS)
def test_read_line_by_line_it_gives_the_same(topic: str, index: int, tmp_path: Path) -> None:
    view = _compiled(topic, _topic(topic, _Plain)["cases"][index])
    # A resource of another type, no element of which is of the kind that this one's are.
    spoiler = {name: 7 for name in reading(view).columns} | {"resourceType": "Basic"}
    of_type = [line for line in _lines(topic) if f'"{view.resource}"' in line]
    plain = _rows(view, of_type, tmp_path)
    spoiled = _rows(view, [*of_type, json.dumps(spoiler)], tmp_path)
    assert plain[0] == spoiled[0]
    assert _sorted(plain[1]) == _sorted(spoiled[1])


def test_every_supported_construct_has_a_case() -> None:
    named = {name for topic in TOPICS.values() for case in topic["cases"] for name in case["of"]}
    listed = {each.name: each.refusal for each in constructs()}
    assert named <= set(listed)
    assert {name for name, refusal in listed.items() if not refusal} - named == set()


@pytest.mark.parametrize("name", [each.name for each in constructs() if each.refusal])
def test_what_is_refused_names_the_element(name: str) -> None:
    refusal = next(each.refusal for each in constructs() if each.name == name)
    assert re.match(r"(resource|select|where|constant)(\[\d+\])?(\.\w+(\[\d+\])?)*: ", refusal)


@pytest.mark.parametrize("part", ["structure", "functions", "expressions"])
def test_the_list_holds_supported_and_refused(part: str) -> None:
    answers = {bool(each.refusal) for each in constructs() if each.part == part}
    assert answers == ({False} if part == "structure" else {True, False})
