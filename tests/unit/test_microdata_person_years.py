"""The person-year table for analysts: what it holds, and what it does not tell."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.keys import Key
from anonymization.microdata import NoSolutionError
from anonymization.partition import k_anonymous_strata
from anonymization.person_year_table import (
    PERSON_YEAR_QUASI_IDENTIFIERS,
    person_years,
    person_years_violations,
)
from anonymization.policies import SensitiveAttribute
from anonymization.risk import assess

KEY = Key("k1", 1, bytes(range(32)))
ATTRIBUTES = (SensitiveAttribute("diabetes"), SensitiveAttribute("emergency_stays"))
STRATA = pl.DataFrame(
    [
        ("municipality", "5001", "female", 0, 17),
        ("municipality", "5001", "female", 18, 199),
        ("municipality", "5006", "female", 0, 199),
        ("region", "MIDT", "female", 0, 4),
    ],
    schema=["area_level", "area_code", "sex", "age_from", "age_to"],
    orient="row",
)
SCHEMA = {
    "person_id": pl.String,
    "year": pl.Int32,
    "municipality_code": pl.String,
    "sex": pl.String,
    "age": pl.Int64,
    "diabetes": pl.Boolean,
    "emergency_stays": pl.String,
}


def frame_of(rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def town(code="5001", year=2024, ages=(3, 17, 18, 40, 90), start=0, diabetes=(True, False)):
    return [
        (f"p{start + i}", year, code, "female", age, diabetes[i % len(diabetes)], str(i % 2))
        for i, age in enumerate(ages)
    ]


def make(rows, **options):
    settings_ = {
        "key": KEY,
        "release": "r1",
        "recipient": "analysts",
        "k": 2,
        "sensitive": ATTRIBUTES,
        "suppression_limit": 0.0,
    }
    return person_years(frame_of(rows), STRATA, **(settings_ | options))


def test_the_table_by_example():
    made = make(town())
    assert made.table.columns == [
        "person_year_key",
        "year",
        "municipality_code",
        "sex",
        "age_from",
        "age_to",
        "diabetes",
        "diabetes_status",
        "emergency_stays",
        "emergency_stays_status",
    ]
    assert made.table.select(PERSON_YEAR_QUASI_IDENTIFIERS).rows() == (
        [(2024, "5001", "female", 0, 17)] * 2 + [(2024, "5001", "female", 18, 199)] * 3
    )
    assert made.table["diabetes"].sum() == 3
    assert set(made.table["diabetes_status"]) == {"ok"}
    assert (made.person_years, made.suppressed, made.without_municipality) == (5, 0, 0)
    assert (made.classes, made.smallest_class) == (2, 2)
    assert made.table.schema["diabetes"] == pl.Boolean


def test_an_end_beyond_the_open_one_is_the_open_end():
    marked = STRATA.with_columns(age_to=pl.col("age_to").replace({199: 200}))
    got = person_years(
        frame_of(town()), marked, key=KEY, release="r", recipient="a", k=2, sensitive=ATTRIBUTES
    )
    assert got.table["age_to"].unique().sort().to_list() == [17, 199]


def test_nothing_else_passes():
    frame = frame_of(town()).with_columns(name=pl.lit("Kari"), patient_key=pl.lit("deadbeef"))
    made = person_years(
        frame.lazy(), STRATA, key=KEY, release="r", recipient="a", k=2, sensitive=ATTRIBUTES
    )
    text = made.table.write_csv()
    for secret in ("Kari", "deadbeef", "p0", "p4"):
        assert secret not in text
    assert "0-17" not in repr(made)


def test_classes_below_k_are_left_out_within_the_limit():
    rows = town() + town("5006", ages=(50,), start=10)
    with pytest.raises(NoSolutionError):
        make(rows)
    made = make(rows, suppression_limit=0.2)
    assert made.suppressed == 1
    assert set(made.table["municipality_code"]) == {"5001"}


def test_years_are_never_merged_to_reach_k():
    rows = town("5006", 2023, (50,), 10) + town("5006", 2024, (51,), 11)
    made = make(rows, suppression_limit=1.0)
    assert (made.suppressed, made.smallest_class) == (2, None)
    assert made.table.is_empty()
    assert made.table.schema["person_year_key"] == pl.String


def test_persons_without_a_municipality_are_left_out_and_counted():
    rows = town()
    rows.append(("graded", 2024, None, "female", 30, True, "0"))
    made = make(rows)
    assert made.without_municipality == 1
    assert made.table.height == 5
    assert made.table["municipality_code"].null_count() == 0


@pytest.mark.parametrize(
    ("values", "shown", "statuses"),
    [
        ([True, False], [False, True], {"ok"}),
        ([False, False], [None, None], {"suppressed"}),
        ([True, None], [None, None], {"suppressed"}),  # the one known value would be told
        ([None, None], [None, None], {"suppressed"}),
    ],
)
def test_an_attribute_is_removed_where_a_class_is_uniform(values, shown, statuses):
    made = make(town("5006", ages=(50, 60), diabetes=values))
    assert sorted(made.table["diabetes"], key=str) == sorted(shown, key=str)
    assert set(made.table["diabetes_status"]) == statuses
    assert made.suppressed_values["diabetes"] == (0 if statuses == {"ok"} else 2)
    # The other attribute is judged by itself.
    assert set(made.table["emergency_stays_status"]) == {"ok"}


def test_missing_is_told_from_suppressed():
    made = make(town("5006", ages=(50, 60, 70), diabetes=(True, False, None)))
    got = made.table.select("diabetes", "diabetes_status").rows()
    assert sorted(got, key=str) == [(False, "ok"), (None, "missing"), (True, "ok")]


def test_pseudonyms_change_with_release_recipient_year_and_key():
    rows = town() + town(year=2025)
    base = make(rows).table
    assert base["person_year_key"].str.contains("^[0-9a-f]{32}$").all()
    assert base["person_year_key"].n_unique() == 10  # no person is the same in both years
    keys = set(base["person_year_key"])
    for other in (
        {"release": "r2"},
        {"recipient": "others"},
        {"key": Key("k2", 2, bytes(32))},
        {"release": "r1:analysts", "recipient": "x"},
    ):
        assert not keys & set(make(rows, **other).table["person_year_key"])
    assert make(rows[::-1]).table.equals(base)


def test_where_the_release_ends_and_the_recipient_begins_matters():
    one = make(town(), release="a", recipient="b:c").table["person_year_key"]
    other = make(town(), release="a:b", recipient="c").table["person_year_key"]
    assert not set(one) & set(other)


def test_restricted_pseudonyms_cannot_be_joined():
    from anonymization.pseudonyms import Pseudonymiser

    persons = pl.Series([row[0] for row in town()])
    restricted = Pseudonymiser(KEY).column(persons, domain="person")
    rows = [(key, *row[1:]) for key, row in zip(restricted, town(), strict=True)]
    assert not set(restricted) & set(make(rows).table["person_year_key"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*town(), town()[0]], "1 rows repeat a person"),
        ([*town(), ("q", 2024, "5001", None, 4, True, "0")], "1 of 6 rows lack"),
        ([*town(), ("q", 2024, "5001", "female", None, True, "0")], "1 of 6 rows lack"),
        ([*town(), ("q", None, "5001", "female", 4, True, "0")], "1 of 6 rows lack"),
        ([*town(), (None, 2024, "5001", "female", 4, True, "0")], "1 of 6 rows lack"),
        ([*town(), ("q", 2024, "9999", "female", 4, True, "0")], "1 of 6 person-years fall in no"),
        ([*town(), ("q", 2024, "5001", "male", 4, True, "0")], "1 of 6 person-years fall in no"),
        ([*town(), ("q", 2024, "5001", "female", 250, True, "0")], "1 of 6 person-years fall in"),
    ],
)
def test_unfit_person_years_are_refused_without_their_content(rows, said):
    with pytest.raises(ValueError, match=said) as refused:
        make(rows)
    assert "9999" not in str(refused.value)


def test_columns_release_and_recipient_must_be_there():
    with pytest.raises(ValueError, match="columns missing: long_stay"):
        make(town(), sensitive=(SensitiveAttribute("long_stay"),))
    for name in ("release", "recipient"):
        with pytest.raises(ValueError, match="must be named"):
            make(town(), **{name: ""})


person = st.tuples(
    st.sampled_from(["5001", "5006", None]),
    st.sampled_from(["female", "male"]),
    st.integers(0, 99),
    st.sampled_from([True, False, None]),
    st.sampled_from(["0", "1-2", "3+"]),
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([2023, 2024]), person), max_size=80), st.integers(1, 4))
def test_every_class_holds_k_persons_and_l_values(people, k):
    rows = [(f"p{i}", year, *fields) for i, (year, fields) in enumerate(people)]
    frame = frame_of(rows)
    counts = (
        frame.drop_nulls("municipality_code")
        .group_by(pl.col("municipality_code").alias("area_code"), "sex", "year", "age")
        .agg(residents=pl.len())
        .with_columns(area_level=pl.lit("municipality"))
    )
    strata = k_anonymous_strata(counts, k, [0, 20, 40, 60, 80], [18])
    made = person_years(
        frame, strata, key=KEY, release="r", recipient="a", k=k, sensitive=ATTRIBUTES,
        suppression_limit=1.0,
    )  # fmt: skip
    assert made.table.height + made.suppressed + made.without_municipality == len(people)
    report = assess(
        made.table,
        PERSON_YEAR_QUASI_IDENTIFIERS,
        ["diabetes", "emergency_stays"],
        missing="unknown",
    )
    if made.table.height:
        assert report.k >= k
        assert all(value is None or value >= 2 for value in report.l.values())
    # Only groups that are below k as a whole are ever left out.
    if not strata["below_k"].any():
        assert made.suppressed == 0


def test_a_finished_table_holds_and_one_planted_row_is_found():
    table = make(town() + town("5006", start=10)).table
    assert person_years_violations(table, 2, ATTRIBUTES) == []
    stranger = table.head(1).with_columns(pl.lit("9999").alias("municipality_code"))
    found = person_years_violations(pl.concat([table, stranger]), 2, ATTRIBUTES)
    assert any("smallest class holds 1, fewer than k=2" in sentence for sentence in found)
    assert any("'diabetes'" in sentence for sentence in found)
    assert person_years_violations(table.clear(), 2, ATTRIBUTES) == []


def test_a_class_that_shows_one_value_only_is_found():
    table = make(town()).table
    one = table.with_columns(pl.lit(True).alias("diabetes"))
    (sentence,) = person_years_violations(one, 2, ATTRIBUTES)
    assert "'diabetes': some class has distinct diversity 1, below l=2" in sentence
