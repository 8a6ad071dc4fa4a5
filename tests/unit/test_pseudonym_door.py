"""The pseudonym door: what passes, what is refused, and what it never tells."""

import datetime as dt

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.keys import Key
from anonymization.pseudonym_door import (
    ColumnRule,
    DoorContractError,
    arrow_door,
    pass_door,
    redact,
)
from anonymization.pseudonyms import Pseudonymiser

DOOR = Pseudonymiser(Key("k1", 1, bytes(range(32))))
TENOR, TENOR_D, REAL = "10915596784", "50846202355", "13097248022"
RULES = (
    ColumnRule("patient_key", "id", "pseudonym", "patient-reference", required=True),
    ColumnRule("person_id", "fnr", "pseudonym", "person", identifier=True),
    ColumnRule("sex", "gender", required=True),
    ColumnRule("municipality_code", "district", reveals_location=True),
    ColumnRule("provider_key", "her", "pseudonym", "provider", reveals_location=True),
)
RULE_SOURCES = [rule.source for rule in RULES]
ROWS = pl.DataFrame(
    {
        "id": ["a", "b", "c", None, "e", "f"],
        "fnr": [TENOR, REAL, "1", TENOR, None, TENOR_D],
        "gender": ["male", "male", "male", "male", "female", None],
        "district": ["5001", "5001", "5001", "5001", "5006", "5006"],
        "her": ["1", "2", "3", "4", "  ", "1"],
        "name": ["Kari Nordmann"] * 6,
        "narrative": ["fritekst"] * 6,
    }
)


def key_of(reference):
    column = pl.Series([reference], dtype=pl.String)
    return DOOR.column(column, domain="patient-reference")[0]


def test_the_door_by_example():
    result = pass_door(ROWS, RULES, DOOR, "test")
    assert result.rejected.rows() == [
        (1, "person_id", "not_synthetic_in_test"),
        (2, "person_id", "wrong_length"),
        (3, "patient_key", "missing"),
        (5, "sex", "missing"),
    ]
    assert result.rejected.schema == {
        "row_index": pl.UInt32,
        "column": pl.String,
        "reason": pl.String,
    }
    kept = result.frame
    assert kept.columns == [rule.name for rule in RULES]
    assert kept["patient_key"].to_list() == [key_of("a"), key_of("e")]
    assert kept["municipality_code"].to_list() == ["5001", "5006"]
    # Missing where it may be: null, not a pseudonym of nothing.
    assert kept["person_id"].is_null().to_list() == [False, True]
    assert kept["provider_key"].is_null().to_list() == [False, True]


def test_nothing_unnamed_and_no_identifier_passes():
    result = pass_door(ROWS, RULES, DOOR, "test")
    written = result.frame.write_csv() + result.rejected.write_csv()
    for secret in ("Kari", "fritekst", TENOR, TENOR_D, REAL):
        assert secret not in written


def test_an_identifier_is_brought_to_canonical_form_first():
    rules = [ColumnRule("person_id", "fnr", "pseudonym", "person", identifier=True)]
    spaced = pl.DataFrame({"fnr": [TENOR, f" {TENOR[:6]} {TENOR[6:]}"]})
    assert pass_door(spaced, rules, DOOR, "test").frame["person_id"].n_unique() == 1


def test_a_required_identifier_must_be_there():
    rules = [ColumnRule("person_id", "fnr", "pseudonym", "person", identifier=True, required=True)]
    rows = pl.DataFrame({"fnr": [None, " ", TENOR]})
    assert pass_door(rows, rules, DOOR, "test").rejected["reason"].to_list() == ["missing"] * 2


def test_the_first_rule_that_refuses_is_told_and_a_row_only_once():
    rows = pl.DataFrame(
        [(None, "x", None, None, None)], schema=dict.fromkeys(RULE_SOURCES, pl.String), orient="row"
    )
    assert pass_door(rows, RULES, DOOR, "test").rejected.rows() == [(0, "patient_key", "missing")]


def test_options_of_the_validator_reach_it():
    rules = [ColumnRule("person_id", "fnr", "pseudonym", "person", identifier=True)]
    rows = pl.DataFrame({"fnr": ["30108299939", "13527248013"]})
    strict = pass_door(rows, rules, DOOR, "production")
    assert strict.rejected["reason"].to_list() == ["wrong_first_check_digit", "ambiguous_series"]
    lenient = pass_door(
        rows, rules, DOOR, "production", regime="from_2032", month_plus_40="h_number"
    )
    assert lenient.rejected.is_empty()


def test_a_graded_address_loses_its_location():
    graded = pl.Series([key_of("a"), key_of("elsewhere")])
    frame = pass_door(ROWS, RULES, DOOR, "test", graded).frame
    assert frame["municipality_code"].to_list() == [None, "5006"]
    assert frame["provider_key"].to_list() == [None, None]
    assert frame["sex"].to_list() == ["male", "female"]


def test_an_unknown_subject_loses_its_location_too():
    rules = [ColumnRule("patient_key", "id", "pseudonym", "patient-reference"), RULES[3]]
    frame = pass_door(ROWS, rules, DOOR, "test").frame
    assert frame["municipality_code"].null_count() == 1
    assert frame.filter(pl.col("patient_key").is_null())["municipality_code"].to_list() == [None]


def test_retroactive_redaction_is_that_of_the_door():
    before = pass_door(ROWS, RULES, DOOR, "test").frame
    graded = pl.Series([key_of("e"), None])
    after = pass_door(ROWS, RULES, DOOR, "test", graded).frame
    assert redact(before, graded, RULES).equals(after)
    assert redact(after, graded, RULES).equals(after)
    assert redact(before.lazy(), graded, RULES).collect().equals(after)


def test_redaction_by_another_subject_column():
    rules = [ColumnRule("who", "id", "pseudonym", "patient-reference"), RULES[3]]
    graded = pl.Series([key_of("a")])
    frame = pass_door(ROWS.head(1), rules, DOOR, "test", graded, subject="who").frame
    assert frame["municipality_code"].to_list() == [None]


def test_tables_that_reveal_no_location_are_left_alone():
    rules = [ColumnRule("workplace", "district")]
    frame = pass_door(ROWS, rules, DOOR, "test", pl.Series(["x"])).frame
    assert frame["workplace"].to_list() == ROWS["district"].to_list()


def test_no_rows_give_no_rows_of_the_same_columns():
    result = pass_door(ROWS.clear(), RULES, DOOR, "test")
    full = pass_door(ROWS, RULES, DOOR, "test")
    assert result.frame.schema == full.frame.schema
    assert result.rejected.schema == full.rejected.schema
    assert result.frame.is_empty()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"action": "hash"}, "keep or pseudonym"),
        ({"action": "pseudonym"}, "needs one domain"),
        ({"identifier": True}, "never kept"),
        ({"domain": "person"}, "never kept"),
    ],
)
def test_contradictory_rules_are_refused(arguments, said):
    with pytest.raises(DoorContractError, match=said):
        ColumnRule("c", "s", **arguments)


NESTED = pl.DataFrame(
    {
        "s": [{"text": "fritekst"}],
        "l": [["fritekst"]],
        "n": [10915596784],
        "b": [b"fritekst"],
        "id": ["a"],
    }
)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([], "at least one"),
        ([ColumnRule("c", "id"), ColumnRule("c", "n")], "only once"),
        ([ColumnRule("c", "absent")], "'absent'"),
        ([ColumnRule("c", "s")], "only plain values"),
        ([ColumnRule("c", "l")], "only plain values"),
        ([ColumnRule("c", "b")], "only plain values"),
        ([ColumnRule("c", "n", "pseudonym", "person")], "must be strings"),
        ([ColumnRule("c", "id", reveals_location=True)], "patient_key"),
    ],
)
def test_rules_that_do_not_fit_are_refused(rules, said):
    with pytest.raises(DoorContractError, match=said) as refused:
        pass_door(NESTED, rules, DOOR, "test")
    assert "fritekst" not in str(refused.value)
    assert TENOR not in str(refused.value)


def test_kept_values_keep_their_type():
    rows = pl.DataFrame({"on": [dt.date(2024, 1, 1)], "hours": [1.5], "open": [True]})
    rules = [ColumnRule(name, name) for name in rows.columns]
    assert pass_door(rows, rules, DOOR, "test").frame.equals(rows)


def batches(frame, size):
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches(max_chunksize=size)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_arrow_batches_pass_as_frames_do(size):
    graded = pl.Series([key_of("a")])
    whole = pass_door(ROWS, RULES, DOOR, "test", graded)
    for emit, expected in (("accepted", whole.frame), ("rejected", whole.rejected)):
        through = arrow_door(RULES, DOOR, "test", graded, emit=emit)
        passed = list(through(iter(batches(ROWS, size))))
        assert all(isinstance(batch, pa.RecordBatch) for batch in passed)
        assert pl.DataFrame(pa.Table.from_batches(passed)).equals(expected)


def test_arrow_door_refuses_unknown_options():
    with pytest.raises(ValueError, match="accepted or rejected"):
        arrow_door(RULES, DOOR, "test", emit="both")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "", None]),
            st.sampled_from([TENOR, TENOR_D, REAL, "x", None]),
            st.sampled_from(["male", None]),
        ),
        max_size=12,
    ),
    st.sets(st.sampled_from(["a", "b"])),
)
def test_every_row_is_accepted_or_refused_and_no_graded_one_is_placed(rows, graded):
    frame = pl.DataFrame(
        rows, schema={"id": pl.String, "fnr": pl.String, "gender": pl.String}, orient="row"
    ).with_columns(district=pl.lit("5001"), her=pl.lit("1"))
    keys = pl.Series([key_of(reference) for reference in sorted(graded)], dtype=pl.String)
    result = pass_door(frame, RULES, DOOR, "test", keys)
    assert result.frame.height + result.rejected.height == frame.height
    assert result.rejected["row_index"].is_unique().all()
    expected = [
        index
        for index, (reference, fnr, sex) in enumerate(rows)
        if not reference or fnr in (REAL, "x") or sex is None
    ]
    assert result.rejected["row_index"].to_list() == expected
    placed = result.frame.filter(pl.col("municipality_code").is_not_null())
    assert not set(placed["patient_key"]) & set(keys)
