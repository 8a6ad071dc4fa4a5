"""Measures of l-diversity and t-closeness on the worked examples of the literature.

Nine patients of Li, Li and Venkatasubramanian, "t-Closeness: Privacy Beyond k-Anonymity and
l-Diversity", ICDE 2007: tables 3 and 5, figure 1 and section 5. Recursive diversity:
Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam, "l-Diversity: Privacy Beyond k-Anonymity",
ACM TKDD 1(1), 2007, definition 4.2.
"""

import math

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.policies import SensitiveAttribute
from anonymization.risk import assess
from tests.support import microdata_oracle as oracle

SALARIES = [3, 4, 5, 6, 11, 8, 7, 9, 10]
DISEASES = [
    "gastric ulcer",
    "gastritis",
    "stomach cancer",
    "gastritis",
    "flu",
    "bronchitis",
    "bronchitis",
    "pneumonia",
    "stomach cancer",
]
TREE = Hierarchy.tree(
    {
        **dict.fromkeys(["flu", "pneumonia", "bronchitis"], "respiratory infections"),
        **dict.fromkeys(["pulmonary edema", "pulmonary embolism"], "vascular lung diseases"),
        **dict.fromkeys(["gastric ulcer", "stomach cancer", "gastritis"], "stomach diseases"),
        **dict.fromkeys(["colitis", "colon cancer"], "colon diseases"),
        "respiratory infections": "respiratory system",
        "vascular lung diseases": "respiratory system",
        "stomach diseases": "digestive system",
        "colon diseases": "digestive system",
        "respiratory system": "all",
        "digestive system": "all",
    }
)
SALARY = SensitiveAttribute("salary", distance="ordered")
DISEASE = SensitiveAttribute("disease", distance="hierarchical", hierarchy=TREE)


def patients(classes):
    return pl.DataFrame({"zip": classes, "salary": SALARIES, "disease": DISEASES})


def test_table_3_the_classes_of_three():
    # Section 5.1: {3k, 4k, 5k} is 0.375 from all salaries. {6k, 8k, 11k} is 0.167.
    report = assess(patients(["a", "a", "a", "b", "b", "b", "c", "c", "c"]), ["zip"], [SALARY])
    assert report.t["salary"] == pytest.approx(0.375, abs=1e-12)
    low = patients(["a"] * 9).filter(pl.col("salary").is_in([6, 8, 11]))
    whole = patients(["a"] * 9)
    other = assess(low, ["zip"], [SALARY], reference=whole)
    assert other.t["salary"] == pytest.approx(1 / 6, abs=1e-12)


def test_table_5_by_hand():
    report = assess(
        patients(["4767*", "4760*", "4767*", "4790*", "4790*", "4790*", "4760*", "4767*", "4760*"]),
        ["zip"],
        [SALARY, DISEASE],
    )
    assert (report.k, report.l) == (3, {"salary": 3, "disease": 3})
    # The paper names 0.167-closeness in salary.
    assert report.t["salary"] == pytest.approx(1 / 6, abs=1e-12)
    # Class 4790* (gastritis, flu, bronchitis), in ninths: gastritis +1, ulcer -1, cancer -2 under
    # stomach: 1 moves a third. Flu +2, bronchitis +1, pneumonia -1 under infections: 1 moves a
    # third. The 2 left cross the whole tree: (1/3 + 1/3 + 2) / 9.
    assert report.t["disease"] == pytest.approx(8 / 27, abs=1e-12)


def test_the_tree_and_its_top_are_one():
    # A second top, over all values already together, must not make distances look smaller.
    table = pl.DataFrame({"v": ["x", "y"], "one": ["all", "all"], "top": ["*", "*"]})
    frame = pl.DataFrame({"q": [1, 2], "s": ["x", "y"]})
    attribute = SensitiveAttribute(
        "s", distance="hierarchical", hierarchy=Hierarchy.from_table(table)
    )
    assert assess(frame, ["q"], [attribute]).t["s"] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "least", "bound"),
    [
        ([2, 1, 1], 2, 1.0),  # r1 / (r2 + r3)
        ([2, 1, 1], 3, 2.0),
        ([1, 1, 2], 3, 2.0),
        ([83, 3, 1], 2, 20.75),
        ([4], 2, math.inf),
        ([4, 4], 1, 0.5),
    ],
)
def test_recursive_diversity_begins_with_the_commonest_value(counts, least, bound):
    values = [f"v{index}" for index, count in enumerate(counts) for _ in range(count)]
    frame = pl.DataFrame({"q": [1] * len(values), "s": values})
    attribute = SensitiveAttribute("s", least, "recursive", c=1.0)
    assert assess(frame, ["q"], [attribute]).sensitive["s"].recursive == pytest.approx(bound)


def test_twin_recursive_diversity_from_the_rarest_promises_too_much():
    # A checker that begins with the rarest count calls (83, 3, 1) diverse at any c above 1/86.
    counts = sorted([83, 3, 1])
    assert counts[0] / sum(counts[1:]) < 1.0
    assert oracle.recursive(["a"] * 83 + ["b"] * 3 + ["c"], 2) == 20.75


def test_entropy_is_a_number_and_not_its_floor():
    # Class 1305* of figure 3: one heart, one viral, two cancer.
    frame = pl.DataFrame({"q": [1] * 4, "s": ["heart", "viral", "cancer", "cancer"]})
    measured = assess(frame, ["q"], ["s"]).sensitive["s"]
    assert measured.entropy == pytest.approx(2 * math.sqrt(2), abs=1e-12)
    assert measured.distinct == 3


def test_equal_distance_counts_what_a_class_lacks():
    frame = pl.DataFrame({"q": ["a", "a", "b", "b"], "s": ["x", "x", "y", "z"]})
    # Half of all are x, all of class a: 0.5 * (|1 - 1/2| + 1/4 + 1/4).
    assert assess(frame, ["q"], ["s"]).t["s"] == pytest.approx(0.5, abs=1e-12)
