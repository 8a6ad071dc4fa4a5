"""Every measure of risk equals a slow count by other formulas."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.hierarchies import Hierarchy
from anonymization.policies import SensitiveAttribute
from anonymization.risk import assess
from tests.support import microdata_oracle as oracle

TREE = Hierarchy.tree(
    {"flu": "lung", "cough": "lung", "ulcer": "belly", "lung": "any", "belly": "any"}
)
PATHS = {
    "flu": ["flu", "lung", "any"],
    "cough": ["cough", "lung", "any"],
    "ulcer": ["ulcer", "belly", "any"],
}
PATHS_WITH_MISSING = {**{v: [*p, "*"] for v, p in PATHS.items()}, None: [None, None, None, "*"]}
SCHEMA = {"år-født": pl.Int64, "place": pl.String, "days": pl.Int64, "ill": pl.String}
SCHEMA |= {"person": pl.Int64}
QIS = ["år-født", "place"]
rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 3)),
        st.one_of(st.none(), st.sampled_from(["a", "ø"])),
        st.one_of(st.none(), st.integers(0, 9)),
        st.sampled_from(["flu", "cough", "ulcer", None]),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=30,
)


def frame_of(records):
    return pl.DataFrame(records, schema=SCHEMA, orient="row")


@settings(max_examples=50)
@given(rows, st.integers(1, 3), st.sampled_from([0.1, 0.25, 0.5]))
def test_measures_by_record(records, least, threshold):
    attributes = [
        SensitiveAttribute("days", least, "recursive", c=1.0, distance="ordered"),
        SensitiveAttribute("ill", distance="hierarchical", hierarchy=TREE),
    ]
    report = assess(frame_of(records), QIS, attributes, threshold=threshold)
    keys = [record[:2] for record in records]
    days, ill = ([record[at] for record in records] for at in (2, 3))
    by_days, by_ill = oracle.classes_of(keys, days), oracle.classes_of(keys, ill)
    sizes = [len(members) for members in by_days.values()]
    risks = [1 / len(by_days[key]) for key in keys]
    assert (report.k, report.classes, report.records) == (min(sizes), len(sizes), len(records))
    assert report.prosecutor_mean == pytest.approx(sum(risks) / len(risks))
    assert report.at_risk == pytest.approx(sum(r > threshold for r in risks) / len(risks))
    assert (report.uniques, report.prosecutor_max) == (sizes.count(1), max(risks))
    order = sorted(set(days), key=lambda v: -1 if v is None else v)
    paths = PATHS_WITH_MISSING if None in ill else PATHS
    for name, classes, far in (
        ("days", by_days.values(), lambda m: oracle.ordered(m, days, order)),
        ("ill", by_ill.values(), lambda m: oracle.hierarchical(m, ill, paths)),
    ):
        measured = report.sensitive[name]
        asked = least if name == "days" else 2
        assert measured.distinct == min(len(set(m)) for m in classes)
        assert measured.entropy == pytest.approx(min(oracle.effective(m) for m in classes))
        assert measured.recursive == pytest.approx(max(oracle.recursive(m, asked) for m in classes))
        assert measured.t == pytest.approx(max(far(m) for m in classes), abs=1e-12)
    plain = assess(frame_of(records), QIS, ["ill"])
    far = max(oracle.equal(m, ill) for m in by_ill.values())
    assert plain.t["ill"] == pytest.approx(far, abs=1e-12)


@settings(max_examples=30)
@given(rows)
def test_measures_by_person(records):
    report = assess(frame_of(records), QIS, ["ill"], unit="person")
    persons = sorted({(*record[:2], record[4]) for record in records}, key=repr)
    sizes = [len(m) for m in oracle.classes_of([p[:2] for p in persons], persons).values()]
    assert (report.k, report.records, report.uniques) == (min(sizes), sum(sizes), sizes.count(1))
    told = sorted({(*record[:2], record[3], record[4]) for record in records}, key=repr)
    ill = [each[2] for each in told]
    classes = oracle.classes_of([each[:2] for each in told], ill).values()
    measured = report.sensitive["ill"]
    assert measured.distinct == min(len(set(m)) for m in classes)
    assert measured.entropy == pytest.approx(min(oracle.effective(m) for m in classes))
    assert measured.t == pytest.approx(max(oracle.equal(m, ill) for m in classes), abs=1e-12)


@settings(max_examples=30)
@given(rows, rows)
def test_measures_against_others(records, others):
    population = frame_of(records + others).group_by(QIS).agg(persons=pl.len())
    report = assess(
        frame_of(records), QIS, ["ill"], population=population, reference=frame_of(others)
    )
    keys = [record[:2] for record in records]
    everybody = oracle.classes_of([r[:2] for r in records + others], records + others)
    risks = [1 / len(everybody[key]) for key in keys]
    assert report.k_map == min(len(everybody[key]) for key in keys)
    assert report.journalist_max == max(risks)
    assert report.journalist_mean == pytest.approx(sum(risks) / len(risks))
    whole = [record[3] for record in others]
    classes = oracle.classes_of(keys, [record[3] for record in records]).values()
    far = max(oracle.equal(m, whole) for m in classes)
    assert report.t["ill"] == pytest.approx(far, abs=1e-12)


def test_nothing_known_is_nothing_told():
    frame = pl.DataFrame({"q": [1, 1, 2], "s": [None, "x", None]})
    known = assess(frame, ["q"], ["s"], missing="unknown").sensitive["s"]
    assert (known.distinct, known.entropy, known.t) == (1, 1.0, 0.0)
    assert known.recursive == math.inf


def test_twin_rows_of_one_person_look_like_a_crowd():
    frame = pl.DataFrame({"place": ["a"] * 5, "person": [1] * 5})
    assert assess(frame, ["place"]).k == 5
    assert assess(frame, ["place"], unit="person").k == 1


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        (SensitiveAttribute("ill", distance="ordered"), "texts have no order of their own"),
        (
            SensitiveAttribute("ill", distance="ordered", order=["flu"]),
            "1 of 2 values are missing from its order",
        ),
        (
            SensitiveAttribute(
                "ill", distance="hierarchical", hierarchy=Hierarchy.tree({"flu": "any"})
            ),
            "does not cover 1 of 2",
        ),
    ],
)
def test_values_that_a_distance_cannot_place(attribute, said):
    frame = pl.DataFrame({"q": [1, 1], "ill": ["flu", "Hemmelig"]})
    with pytest.raises(ValueError, match=said) as refused:
        assess(frame, ["q"], [attribute])
    assert "Hemmelig" not in str(refused.value)


def test_texts_that_are_numbers_are_ordered_as_numbers():
    texts = pl.DataFrame({"q": [1, 1, 2, 2], "days": ["2", "9", "10", "11"]})
    ordered = SensitiveAttribute("days", distance="ordered")
    numbers = texts.with_columns(pl.col("days").cast(pl.Int64))
    assert assess(texts, ["q"], [ordered]).t == assess(numbers, ["q"], [ordered]).t


def test_a_reference_of_another_type_is_refused():
    frame = pl.DataFrame({"q": [1], "s": ["1"]})
    with pytest.raises(ValueError, match="'s' is String in the table and Int64 in the reference"):
        assess(frame, ["q"], ["s"], reference=pl.DataFrame({"s": [1]}))
    with pytest.raises(ValueError, match="the reference lacks the columns s"):
        assess(frame, ["q"], ["s"], reference=pl.DataFrame({"q": [1]}))
