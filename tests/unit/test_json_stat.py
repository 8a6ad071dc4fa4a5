"""JSON-stat 2 as the standard writes it: every form of values, statuses and codes, and refusals."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clients.json_stat import MOST_CELLS, JsonStatError, read_dataset, read_structure


def dataset(**changes: Any) -> dict[str, Any]:
    """Two places by three years, row-major."""
    return {
        "version": "2.0",
        "class": "dataset",
        "label": "Folketal",
        "source": "Statistisk sentralbyrå",
        "updated": "2026-02-24T07:00:00+01:00",
        "id": ["Region", "Tid"],
        "size": [2, 3],
        "dimension": {
            "Region": {
                "label": "region",
                "category": {
                    "index": {"5001": 0, "1505": 1},
                    "label": {"5001": "Trondheim", "1505": "Kristiansund"},
                },
            },
            "Tid": {"category": {"index": ["2023", "2024", "2025"]}},
        },
        "role": {"time": ["Tid"], "geo": ["Region"]},
        "value": [1, 2, 3, 4, 5, 6],
    } | changes


def rows(**changes: Any) -> list[tuple[Any, ...]]:
    return read_dataset(json.dumps(dataset(**changes)).encode()).cells.rows()


PLACES = list(itertools.product(("5001", "1505"), ("2023", "2024", "2025")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
        ([1, None, 0, 4.5, 5, 6], [1, None, 0, 4.5, 5, 6]),
        ([None] * 6, [None] * 6),
        ({"5": 6, "0": 1}, [1, None, None, None, None, 6]),
        ({"2": None}, [None] * 6),
        ({}, [None] * 6),
    ],
)
def test_values_dense_and_sparse(value: object, expected: list[float | None]) -> None:
    assert [row[:2] for row in rows(value=value)] == PLACES
    assert [row[2] for row in rows(value=value)] == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, [None] * 6),
        ("..", [".."] * 6),
        ({"1": ":", "4": "."}, [None, ":", None, None, ".", None]),
        ({}, [None] * 6),
        (["..", None, None, None, None, ":"], ["..", None, None, None, None, ":"]),
    ],
)
def test_statuses_of_every_form(status: object, expected: list[str | None]) -> None:
    assert [row[3] for row in rows(status=status)] == expected


def test_what_a_dataset_says_of_itself() -> None:
    structure = read_structure(json.dumps(dataset(value=None)).encode())
    assert structure.label == "Folketal"
    assert structure.source == "Statistisk sentralbyrå"
    assert structure.updated == dt.datetime(2026, 2, 24, 6, tzinfo=dt.UTC)
    assert structure.roles == {"time": ("Tid",), "geo": ("Region",)}
    assert structure.dimensions["Region"].labels["5001"] == "Trondheim"
    assert structure.dimensions["Tid"].codes == ("2023", "2024", "2025")


def dimension(**category: Any) -> dict[str, Any]:
    return {
        "id": ["D"],
        "size": [2],
        "dimension": {"D": {"category": category}},
        "role": None,
        "value": [1, 2],
    }


@pytest.mark.parametrize(
    ("index", "codes"),
    [(["b", "a"], ["b", "a"]), ({"a": 1, "b": 0}, ["b", "a"]), ({"a": 0, "b": 1}, ["a", "b"])],
)
def test_codes_stand_by_their_places(index: object, codes: list[str]) -> None:
    assert [row[0] for row in rows(**dimension(index=index))] == codes


def test_one_category_needs_no_index() -> None:
    one = dimension(label={"a": "A"}) | {"size": [1], "value": [7]}
    assert rows(**one) == [("a", 7.0, None)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "1.0"}, "JSON-stat 2.0"),
        ({"class": "collection"}, "JSON-stat 2.0"),
        ({"id": []}, "id: expected"),
        ({"id": ["Region", "Region"]}, "id: expected"),
        ({"id": ["Region", "Tid", "Alder"]}, "size: expected one number for each of 3"),
        ({"id": ["Region", "År"]}, "dimension.År.category"),
        ({"size": [3, 2]}, "Region: expected as many categories"),
        ({"size": [2, True]}, "Tid: expected as many categories"),
        ({"size": [2]}, "size: expected one number"),
        ({"value": [1, 2, 3]}, "expected 6 values by size, got 3"),
        ({"value": [1] * 7}, "expected 6 values by size, got 7"),
        ({"value": "1"}, "value: expected a list"),
        ({"value": None}, "value: expected a list"),
        ({"value": [1, 2, 3, 4, 5, "6"]}, "value: expected numbers"),
        ({"value": [1, 2, 3, 4, 5, False]}, "value: expected numbers"),
        ({"value": [1, 2, 3, 4, 5, [6]]}, "value: expected numbers"),
        ({"value": [1, 2, 3, 4, 5, 10**400]}, "value: expected numbers of ordinary size"),
        ({"value": {"6": 1}}, "value: expected positions below 6"),
        ({"value": {"-1": 1}}, "value: expected positions as whole numbers"),
        ({"value": {"01": 1}}, "value: expected positions as whole numbers"),
        ({"value": {"1e0": 1}}, "value: expected positions as whole numbers"),
        ({"value": {"99999999999": 1}}, "value: expected positions as whole numbers"),
        ({"status": [".."]}, "status: expected a text, 6 of them"),
        ({"status": 1}, "status: expected a text"),
        ({"status": {"0": 1}}, "status: expected texts"),
        ({"status": {"6": ".."}}, "status: expected positions below 6"),
        ({"role": {"time": ["År"]}}, "role.time: expected names of dimensions"),
        ({"role": ["Tid"]}, "role: expected an object"),
        ({"updated": "yesterday"}, "updated: expected a point in time"),
        ({"dimension": []}, "dimension: expected an object"),
        (dimension(index={"a": 0, "b": 2}), "expected each position from 0 once"),
        (dimension(index={"a": 0, "b": 0}), "expected each position from 0 once"),
        (dimension(index={"a": 0, "b": "1"}), "a whole number for each code"),
        (dimension(index=["a", "a"]), "different codes"),
        (dimension(index=["a", 1]), "different codes"),
        (dimension(), "different codes"),
        (dimension(index=["a", "b"], label={"c": "C"}), "names of known codes"),
        (dimension(index=["a", "b"], label={"a": 1}), "names by code"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(JsonStatError, match=said):
        rows(**changes)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"null", b"[1]", b'{"a": 1, "a": 2}'])
def test_what_is_no_dataset_is_refused(text: bytes) -> None:
    with pytest.raises(JsonStatError):
        read_dataset(text)


def test_a_dimension_may_not_be_called_as_a_column_of_ours() -> None:
    one = {"id": ["value"], "size": [1], "dimension": {"value": {"category": {"index": ["a"]}}}}
    with pytest.raises(JsonStatError, match="beside value and status"):
        rows(**one, role=None, value=[1])


def test_sizes_decide_no_memory() -> None:
    codes = [str(number) for number in range(2000)]
    one = {"category": {"index": codes}}
    wide = {"id": list("AB"), "size": [2000] * 2, "dimension": dict.fromkeys("AB", one)}
    with pytest.raises(JsonStatError, match=f"at most {MOST_CELLS} cells, got 4000000"):
        rows(**wide, role=None, value={})


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4).flatmap(
        lambda sizes: st.tuples(
            st.just(sizes),
            st.lists(
                st.none() | st.integers(0, 10**6) | st.floats(-1e9, 1e9),
                min_size=math.prod(sizes),
                max_size=math.prod(sizes),
            ),
        )
    )
)
def test_dense_and_sparse_are_one_and_each_value_stands_at_its_codes(
    made: tuple[list[int], list[float | None]],
) -> None:
    sizes, values = made
    names = [f"d{number}" for number in range(len(sizes))]
    codes = [
        [f"{name}{place}" for place in range(size)] for name, size in zip(names, sizes, strict=True)
    ]
    described = {
        name: {"category": {"index": {code: place for place, code in reversed(list(enumerate(c)))}}}
        for name, c in zip(names, codes, strict=True)
    }
    one = {"id": names, "size": sizes, "dimension": described, "role": None}
    dense = rows(**one, value=values)
    expected = [(*place, value, None) for place, value in
                zip(itertools.product(*codes), values, strict=True)]  # fmt: skip
    assert dense == expected
    known = {str(place): value for place, value in enumerate(values) if value is not None}
    assert rows(**one, value=known) == expected
