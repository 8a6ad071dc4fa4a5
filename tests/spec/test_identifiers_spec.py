"""National numbers: what is accepted, as what, and why not.

The eleven-digit examples are generated numbers from the public test suite of NAV's fnrvalidator
(github.com/navikt/fnrvalidator, MIT), those of the 2032 rule included.
"""

import polars as pl
import pytest

from anonymization.identifiers import KINDS, REASONS, classify, complete_check_digits

TODAY = [
    # identifier, profile, kind, reason
    ("13097248022", "production", "fodselsnummer", None),
    ("29029648784", "production", "fodselsnummer", None),  # leap year 1996
    ("29020075838", "production", "fodselsnummer", None),  # leap year 2000
    ("15021951940", "production", "fodselsnummer", None),  # a check digit of 11, written 0
    ("53097248016", "production", "d_number", None),
    ("10915596784", "test", "synthetic_tenor", None),
    ("50846202355", "test", "synthetic_tenor_d_number", None),
    ("68467038838", "test", "synthetic_nav_d_number", None),
    # Each profile refuses the other's numbers.
    ("10915596784", "production", "synthetic_tenor", "synthetic_in_production"),
    ("50846202355", "production", "synthetic_tenor_d_number", "synthetic_in_production"),
    ("68467038838", "production", "synthetic_nav_d_number", "synthetic_in_production"),
    ("13097248022", "test", "fodselsnummer", "not_synthetic_in_test"),
    ("53097248016", "test", "d_number", "not_synthetic_in_test"),
    # An H-number looks like one of NAV's synthetic persons: neither profile takes it unasked.
    ("13527248013", "production", "h_number_or_synthetic_nav", "ambiguous_series"),
    ("13527248013", "test", "h_number_or_synthetic_nav", "ambiguous_series"),
    # Form.
    ("130972 48022", "production", "fodselsnummer", None),
    (" 13097248022\u00a0", "production", "fodselsnummer", None),
    (None, "production", None, "missing"),
    ("", "production", None, "missing"),
    ("   ", "production", None, "missing"),
    ("1309724802A", "production", None, "not_digits"),
    ("1309724802\u0662", "production", None, "not_digits"),  # an Arabic-Indic two
    ("-3097248022", "production", None, "not_digits"),
    ("3097248022", "production", None, "lost_leading_zero"),
    ("309724802", "production", None, "wrong_length"),
    ("130972480221", "production", None, "wrong_length"),
    # Content.
    ("29020112345", "production", None, "impossible_date"),  # no leap year 2001
    ("32127248022", "production", None, "impossible_date"),
    ("13137248022", "production", None, "impossible_date"),
    ("00017248022", "production", None, "impossible_date"),
    ("31047248022", "production", None, "impossible_date"),  # April has 30 days
    ("13536548022", "production", None, "impossible_date"),  # month 53 is no raised month
    ("13094550022", "production", None, "impossible_individual_number"),  # 500 with year 45
    ("13095350022", "production", None, "impossible_individual_number"),  # 500 with year 53
    ("13095450022", "production", None, "wrong_first_check_digit"),  # 500 with year 54: of 1854
    ("13097289922", "production", None, "impossible_individual_number"),  # 899 with year 72
    ("13097248032", "production", None, "wrong_first_check_digit"),
    ("13097248023", "production", None, "wrong_second_check_digit"),
    ("30108299939", "production", None, "wrong_first_check_digit"),  # of the 2032 rule only
    ("02013299997", "production", "fodselsnummer", None),  # valid under both rules
]

FROM_2032 = [
    ("02013299997", "fodselsnummer", None),
    ("30108299920", "fodselsnummer", None),  # remainder 0
    ("30108299939", "fodselsnummer", None),  # remainder 1, same birth date and individual number
    ("70108299914", "d_number", None),
    ("13097248022", "fodselsnummer", None),  # what was valid stays valid
    ("02013299987", None, "wrong_first_check_digit"),
    ("02013299996", None, "wrong_second_check_digit"),
]


@pytest.mark.parametrize(("identifier", "profile", "kind", "reason"), TODAY)
def test_classification_before_2032(identifier, profile, kind, reason):
    row = classify(pl.Series([identifier], dtype=pl.String), profile).row(0, named=True)
    assert (row["kind"], row["reason"]) == (kind, reason)


@pytest.mark.parametrize(("identifier", "kind", "reason"), FROM_2032)
def test_classification_from_2032(identifier, kind, reason):
    row = classify(pl.Series([identifier]), regime="from_2032").row(0, named=True)
    assert (row["kind"], row["reason"]) == (kind, reason)


@pytest.mark.parametrize(
    ("meaning", "profile", "kind", "reason"),
    [
        ("h_number", "production", "h_number", None),
        ("h_number", "test", "h_number", "not_synthetic_in_test"),
        ("synthetic_nav", "test", "synthetic_nav", None),
        ("synthetic_nav", "production", "synthetic_nav", "synthetic_in_production"),
    ],
)
def test_a_source_may_say_what_a_month_raised_by_40_means(meaning, profile, kind, reason):
    row = classify(pl.Series(["13527248013"]), profile, month_plus_40=meaning).row(0, named=True)
    assert (row["kind"], row["reason"]) == (kind, reason)


# FH-numbers hold no date. Check digits worked by hand for 8 00000000 and 9 12345678:
# 8*3=24, 24 mod 11 = 2 -> k1 = 9; 8*5 + 9*2 = 58, 58 mod 11 = 3 -> k2 = 8.
# 9*3+1*7+2*6+3*1+4*8+5*9+6*4+7*5+8*2 = 201, mod 11 = 3 -> k1 = 8;
# 9*5+1*4+2*3+3*2+4*7+5*6+6*5+7*4+8*3+8*2 = 217, mod 11 = 8 -> k2 = 3.
@pytest.mark.parametrize("identifier", ["80000000098", "91234567883"])
@pytest.mark.parametrize("regime", ["before_2032", "from_2032"])
def test_fh_numbers_need_no_date(identifier, regime):
    row = classify(pl.Series([identifier]), regime=regime).row(0, named=True)
    assert (row["kind"], row["reason"]) == ("fh_number", None)


def test_fh_numbers_keep_the_old_check_digit():
    # k1 = 0 leaves 24 mod 11 = 2, which 2032 would let pass; k2 = 4 since 8*5 + 4 = 44.
    row = classify(pl.Series(["80000000004"]), regime="from_2032").row(0, named=True)
    assert row["reason"] == "wrong_first_check_digit"


@pytest.mark.parametrize(
    ("nine", "eleven"),
    [("109155967", "10915596784"), ("508462023", "50846202355"), (None, None)],
)
def test_check_digits_are_completed(nine, eleven):
    completed = complete_check_digits(pl.Series("n", [nine], dtype=pl.String))
    assert completed.to_list() == [eleven]
    assert completed.name == "n"


def test_nine_digits_without_check_digits_give_null():
    # A weighted sum that leaves one asks for the digit ten: about one in eleven, twice.
    nine = pl.Series([f"018190{number:03d}" for number in range(100)])
    completed = complete_check_digits(nine)
    assert 0 < completed.null_count() < 40
    assert set(classify(completed.drop_nulls(), "test")["kind"]) == {"synthetic_tenor"}


@pytest.mark.parametrize("nine", ["130972480", "135272480", "80000000", "8000000000", "80000000x"])
def test_numbers_of_real_series_are_not_made(nine):
    with pytest.raises(ValueError, match="1 of 2 values") as refused:
        complete_check_digits(pl.Series(["109155967", nine]))
    assert nine not in str(refused.value)


@pytest.mark.parametrize(
    "options", [{"profile": "demo"}, {"regime": "2032"}, {"month_plus_40": "any"}]
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        classify(pl.Series(["13097248022"]), **options)


def test_expressions_give_what_series_give():
    numbers = pl.Series("n", [row[0] for row in TODAY], dtype=pl.String)
    by_expression = (
        numbers.to_frame().lazy().select(classify(pl.col("n"), "test")).collect().unnest("n")
    )
    assert by_expression.equals(classify(numbers, "test"))


def test_every_kind_and_reason_is_declared():
    numbers = pl.Series([row[0] for row in TODAY], dtype=pl.String)
    for profile in ("production", "test"):
        judged = classify(numbers, profile)
        assert set(judged["kind"].drop_nulls()) <= set(KINDS)
        assert set(judged["reason"].drop_nulls()) <= set(REASONS)


def test_an_empty_column_is_an_empty_answer():
    judged = classify(pl.Series([], dtype=pl.String))
    assert judged.schema == {"canonical": pl.String, "kind": pl.String, "reason": pl.String}
    assert judged.is_empty()
