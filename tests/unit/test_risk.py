"""Risk of a finished table, by definitions worked by hand."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.risk import assess

# Classes of 1, 2 and 4 records, the last with a missing quasi-identifier.
TABLE = pl.DataFrame(
    {
        "place": ["a", "b", "b", None, None, None, None],
        "sex": ["f"] * 7,
        "ill": ["x", "x", "y", "x", "x", None, None],
        "person": ["1", "2", "2", "3", "4", "5", "6"],
    }
)
QIS = ["place", "sex"]


def test_measures_by_hand():
    report = assess(TABLE, QIS, ["ill"])
    assert (report.records, report.classes, report.k) == (7, 3, 1)
    assert report.l == {"ill": 1}
    assert report.prosecutor_max == 1.0
    assert report.prosecutor_mean == report.marketer == 3 / 7
    assert (report.uniques, report.uniqueness) == (1, 1 / 7)
    assert report.class_sizes.rows() == [(1, 1, 1), (2, 1, 2), (4, 1, 4)]
    # Above one in five: all. Above a quarter: the classes of one and two.
    assert report.at_risk == 1.0
    assert assess(TABLE, QIS, threshold=0.25).at_risk == 3 / 7
    assert assess(TABLE, QIS, threshold=0.5).at_risk == 1 / 7
    assert (report.k_map, report.journalist_max) == (None, None)


def test_the_mean_of_record_risks_is_the_marketer_risk():
    mean = TABLE.select((1 / pl.len().over(QIS)).mean()).item()
    assert assess(TABLE, QIS).prosecutor_mean == pytest.approx(mean, abs=1e-15)


def test_persons_are_counted_not_rows():
    report = assess(TABLE, QIS, unit="person")
    assert report.class_sizes.rows() == [(1, 2, 2), (4, 1, 4)]
    assert (report.records, report.uniques) == (6, 2)


def test_missing_sensitive_values():
    last = TABLE.filter(pl.col("place").is_null())
    assert assess(last, QIS, ["ill"]).l == {"ill": 2}
    assert assess(last, QIS, ["ill"], missing="unknown").l == {"ill": 1}
    # Nothing known, nothing to learn; but as a value of its own it is the only one.
    unknown = last.with_columns(ill=pl.lit(None, dtype=pl.String))
    assert assess(unknown, QIS, ["ill"], missing="unknown").l == {"ill": None}
    assert assess(unknown, QIS, ["ill"]).l == {"ill": 1}
    mixed = pl.concat([unknown, TABLE.filter(pl.col("place") == "b")])
    assert assess(mixed, QIS, ["ill"], missing="unknown").l == {"ill": 2}


def test_risk_against_a_population():
    population = pl.DataFrame(
        {
            "place": ["a", "a", "b", None, "elsewhere"],
            "sex": ["f"] * 5,
            "persons": [3, 4, 20, 30, 1],
        }
    )
    report = assess(TABLE, QIS, population=population)
    # Class a: 3 + 4; what nobody in the table has does not count.
    assert (report.k_map, report.journalist_max) == (7, 1 / 7)
    absent = population.filter(pl.col("place") != "a")
    report = assess(TABLE, QIS, population=absent)
    assert (report.k_map, report.journalist_max) == (0, None)


def test_an_empty_table_has_no_risk_and_no_measure():
    report = assess(TABLE.clear().lazy(), QIS, ["ill"])
    assert (report.records, report.classes, report.uniques) == (0, 0, 0)
    assert report.k is report.prosecutor_max is report.marketer is report.at_risk is None
    assert report.l == {"ill": None}
    assert report.class_sizes.is_empty()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"quasi_identifiers": []}, "at least one"),
        ({"quasi_identifiers": ["place", "age"]}, "lacks the columns age"),
        ({"quasi_identifiers": QIS, "sensitive": ["need"]}, "lacks the columns need"),
        ({"quasi_identifiers": QIS, "unit": "who"}, "lacks the columns who"),
        ({"quasi_identifiers": QIS, "missing": "skip"}, "value or unknown"),
        (
            {"quasi_identifiers": QIS, "population": pl.DataFrame({"place": ["a"]})},
            "population lacks the columns sex, persons",
        ),
    ],
)
def test_misuse_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        assess(TABLE, **arguments)


def test_a_report_shows_no_values():
    assert "'x'" not in repr(assess(TABLE, QIS, ["ill"]))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 3), st.sampled_from("xyz")),
        min_size=1,
        max_size=40,
    )
)
def test_measures_are_those_of_a_slow_count(rows):
    report = assess(
        pl.DataFrame(rows, schema=["place", "age", "ill"], orient="row"), ["place", "age"], ["ill"]
    )
    classes = {}
    for place, age, ill in rows:
        classes.setdefault((place, age), []).append(ill)
    sizes = [len(members) for members in classes.values()]
    assert (report.k, report.classes, report.records) == (min(sizes), len(sizes), len(rows))
    assert report.l["ill"] == min(len(set(members)) for members in classes.values())
    assert report.uniques == sizes.count(1)
    assert report.class_sizes.select(pl.col("classes").sum()).item() == len(sizes)
    assert report.class_sizes.select(pl.col("records").sum()).item() == len(rows)
