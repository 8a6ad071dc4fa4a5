"""Hierarchies: what each kind makes of values, and what none of them accepts."""

import io
from datetime import date

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy, HierarchyError, exact_levels

TREE = {"I21": "I20-I25", "I25": "I20-I25", "I20-I25": "I", "E11": "E", "I": "all", "E": "all"}
CASES = [
    # hierarchy, values, labels per level from 1, leaves per level from 0, domain
    (
        Hierarchy.intervals([5, 10]),
        [0, 4, 5, 12, None],
        [["0-4", "0-4", "5-9", "10-14", None], ["0-9", "0-9", "0-9", "10-19", None], ["*"] * 5],
        [[1] * 5, [2, 2, 1, 1, 1], [3, 3, 3, 1, 1], [5] * 5],
        5,
    ),
    (
        Hierarchy.intervals([5], lower=18, upper=27),
        [18, 27],
        [["18-22", "23-27"], ["*", "*"]],
        [[1, 1], [5, 5], [10, 10]],
        10,
    ),
    (
        Hierarchy.intervals([10]),
        [-1, 1],
        [["-10--1", "0-9"], ["*", "*"]],
        [[1, 1], [1, 1], [2, 2]],
        2,
    ),
    (
        Hierarchy.prefix([3, 2]),
        ["5001", "5006", "1508", None],
        [["500*", "500*", "150*", None], ["50*", "50*", "15*", None], ["*"] * 4],
        [[1] * 4, [2, 2, 1, 1], [2, 2, 1, 1], [4] * 4],
        4,
    ),
    (  # dates by month, then year
        Hierarchy.prefix([7, 4]),
        [date(2024, 1, 31), date(2024, 2, 1)],
        [["2024-01*", "2024-02*"], ["2024*", "2024*"], ["*", "*"]],
        [[1, 1], [1, 1], [2, 2], [2, 2]],
        2,
    ),
    (
        Hierarchy.from_table(pl.DataFrame({"v": ["2024-01-31", "0.5"], "g": ["day", "half"]})),
        [date(2024, 1, 31)],
        [["day"], ["*"]],
        [[1], [1], [2]],
        2,
    ),
    (Hierarchy.suppress(), ["a", "b"], [["*", "*"]], [[1, 1], [2, 2]], 2),
    (
        Hierarchy.tree(TREE),
        ["I21", "E11"],
        [["I20-I25", "E11"], ["I", "E"], ["all", "all"]],
        [[1, 1], [2, 1], [2, 1], [3, 3]],
        3,
    ),
    (  # a missing value is not of the tree
        Hierarchy.tree(TREE),
        ["I21", None],
        [["I20-I25", None], ["I", None], ["all", None], ["*", "*"]],
        [[1, 1], [2, 1], [2, 1], [3, 1], [4, 4]],
        4,
    ),
    (  # whole numbers as floats, which is what they become beside missing ones
        Hierarchy.intervals([5], lower=0, upper=9),
        [1.0, 7.0, None],
        [["0-4", "5-9", None], ["*"] * 3],
        [[1] * 3, [5, 5, 1], [11] * 3],
        11,
    ),
    (  # texts of whole numbers
        Hierarchy.intervals([5], lower=0, upper=9),
        ["05", "7.0", "3"],
        [["5-9", "5-9", "0-4"], ["*"] * 3],
        [[1] * 3, [5] * 3, [10] * 3],
        10,
    ),
    (
        Hierarchy.from_table(pl.DataFrame({"age": ["1", "2"], "all": ["Norge", "Norge"]})),
        [2.0, 1.0],
        [["Norge", "Norge"]],
        [[1, 1], [2, 2]],
        2,
    ),
    (
        Hierarchy.from_table(pl.DataFrame({"v": [0.5, 1.0], "g": ["half", "one"]})),
        [1.0, 0.5],
        [["one", "half"], ["*", "*"]],
        [[1, 1], [1, 1], [2, 2]],
        2,
    ),
    (
        Hierarchy.from_table(pl.DataFrame({"age": [1, 2, 3], "half": ["a", "a", "b"]})),
        [3, 1],
        [["b", "a"], ["*", "*"]],
        [[1, 1], [1, 2], [3, 3]],
        3,
    ),
    (
        Hierarchy.from_table(pl.DataFrame({"v": ["x", "y"], "top": ["*", "*"]})),
        ["y"],
        [["*"]],
        [[1], [2]],
        2,
    ),
    (  # one column alone: the value or everything
        Hierarchy.from_table(pl.DataFrame({"v": ["*"]})),
        ["*"],
        [["*"]],
        [[1], [1]],
        1,
    ),
    (  # a table may say what becomes of a missing value
        Hierarchy.from_table(pl.DataFrame({"v": ["x", None], "g": ["known", "unknown"]})),
        [None, "x"],
        [["unknown", "known"], ["*", "*"]],
        [[1, 1], [1, 1], [2, 2]],
        2,
    ),
]


@pytest.mark.parametrize(("hierarchy", "values", "labels", "leaves", "domain"), CASES)
def test_levels(hierarchy, values, labels, leaves, domain):
    column = pl.Series("c", values)
    levels = hierarchy.levels(column)
    assert levels.labels["0"].to_list() == values
    assert levels.labels["0"].dtype == column.dtype
    assert [levels.labels[c].to_list() for c in levels.labels.columns[1:]] == labels
    assert [levels.leaves[c].to_list() for c in levels.leaves.columns] == leaves
    assert (levels.domain, levels.height) == (domain, len(labels))


def test_values_are_taken_once():
    levels = Hierarchy.suppress().levels(pl.Series(["a", "b", "a", None, None]))
    assert levels.labels["0"].to_list() == ["a", "b", None]


def test_what_is_no_whole_number_is_told_as_such():
    ages = pl.Series("age", [1.0, 2.5, float("nan"), None])
    with pytest.raises(HierarchyError, match="'age': 2 of 4 distinct values are no whole numbers"):
        Hierarchy.intervals([5], lower=0, upper=9).levels(ages)


def test_the_hierarchy_file_of_arx_is_read_as_it_is():
    file = io.StringIO("34;30-39;*\n36;30-39;*\n41;40-49;*\n")
    table = pl.read_csv(file, separator=";", has_header=False, infer_schema=False)
    levels = Hierarchy.from_table(table).levels(pl.Series("age", [41, 34]))
    assert levels.labels.rows() == [(41, "40-49", "*"), (34, "30-39", "*")]


@pytest.mark.parametrize(
    ("hierarchy", "values"),
    [
        (Hierarchy.intervals([5], lower=0, upper=9), [3, 10]),
        (Hierarchy.intervals([5]), [1.0, 1.5]),
        (Hierarchy.intervals([5]), ["4", "four"]),
        (Hierarchy.intervals([5]), [4.0, float("nan")]),
        (Hierarchy.intervals([5]), [date(1970, 1, 5), date(1970, 1, 6)]),
        (Hierarchy.from_table(pl.DataFrame({"v": ["1"]})), [1.0, 1.5]),
        (Hierarchy.from_table(pl.DataFrame({"v": ["a"]})), ["a", "Hemmelig"]),
        (Hierarchy.tree(TREE), ["I21", "I"]),
    ],
)
def test_an_uncovered_value_is_told_by_its_column_alone(hierarchy, values):
    with pytest.raises(HierarchyError, match=r"Column 'secret': .* of 2 distinct") as refused:
        hierarchy.levels(pl.Series("secret", values))
    assert str(values[1]) not in str(refused.value).replace("of 2", "").replace("cover 1", "")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Hierarchy.intervals([]), "ascending widths"),
        (lambda: Hierarchy.intervals([0, 5]), "ascending widths"),
        (lambda: Hierarchy.intervals([5, 12]), "multiple"),
        (lambda: Hierarchy.intervals([10, 5]), "ascending"),
        (lambda: Hierarchy.intervals([5], lower=1), "both"),
        (lambda: Hierarchy.intervals([5], upper=1), "both"),
        (lambda: Hierarchy.intervals([5], lower=5, upper=1), "greater"),
        (lambda: Hierarchy.prefix([2, 3]), "descending"),
        (lambda: Hierarchy.prefix([2, 0]), "1 or more"),
        (lambda: Hierarchy.from_table(pl.DataFrame()), "some rows"),
        (lambda: Hierarchy.from_table(pl.DataFrame({"v": []})), "some rows"),
        (lambda: Hierarchy.from_table(pl.DataFrame({"v": ["a", "a"]})), "more than once"),
        (
            lambda: Hierarchy.from_table(
                pl.DataFrame({"v": ["a", "b"], "g": ["x", "x"], "h": ["y", "z"]})
            ),
            "on level 1 have different labels on level 2",
        ),
        (lambda: Hierarchy.tree({}), "some node"),
        (lambda: Hierarchy.tree({"a": "b", "b": "a"}), "ancestors"),
        (lambda: Hierarchy.tree({"x": "a", "a": "b", "b": "a"}), "ancestors"),
    ],
)
def test_what_is_no_hierarchy_is_refused(make, said):
    with pytest.raises(HierarchyError, match=said):
        make()


def test_exact_levels_have_one_level():
    levels = exact_levels(pl.Series([2023, 2024, None, 2023]))
    assert (levels.height, levels.domain) == (0, 3)
    assert levels.leaves["0"].to_list() == [1, 1, 1]


def test_no_values_have_no_rows():
    empty = pl.Series("c", [], dtype=pl.String)
    for hierarchy in (Hierarchy.suppress(), Hierarchy.intervals([5]), Hierarchy.tree(TREE)):
        assert hierarchy.levels(empty).labels.is_empty()
