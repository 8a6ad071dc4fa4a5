"""Every national number the validator judges, a slow reading of the rules judges alike."""

import calendar

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.identifiers import classify, complete_check_digits

FIRST = [3, 7, 6, 1, 8, 9, 4, 5, 2]
SECOND = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]


def weighted(digits, weights):
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def completed(nine, wanted_remainder=0):
    """Both check digits, the first one leaving the wanted remainder; none if there are none."""
    first = (wanted_remainder - weighted(nine, FIRST)) % 11
    second = -weighted(nine + str(first)[0], SECOND) % 11
    return None if first == 10 or second == 10 else f"{nine}{first}{second}"


def years(individual, yy):
    """Birth years an individual number may stand for, from the published table."""
    table = [(0, 499, 0, 99, 1900), (500, 749, 54, 99, 1800), (500, 999, 0, 39, 2000)]
    table.append((900, 999, 40, 99, 1900))
    return [
        century + yy
        for low, high, first, last, century in table
        if low <= individual <= high and first <= yy <= last
    ]


def possible(day, month, candidates):
    return any(day <= calendar.monthrange(year, month)[1] for year in candidates)


parts = st.tuples(
    st.integers(1, 31),
    st.integers(1, 12),
    st.integers(0, 99),
    st.integers(0, 999),
    st.sampled_from([0, 40]),
    st.sampled_from([0, 40, 65, 80]),
)


def nine_of(day, month, yy, individual, d, raised):
    return f"{day + d:02d}{month + raised:02d}{yy:02d}{individual:03d}"


@settings(max_examples=100)
@given(parts, st.integers(0, 10))
def test_judgement_is_that_of_the_rules(part, remainder):
    day, month, yy, individual, d, raised = part
    number = completed(nine_of(*part), remainder)
    if number is None:
        return
    for regime, tolerated in (("before_2032", {0}), ("from_2032", {0, 1, 2, 3})):
        candidates = years(individual, yy) if regime == "before_2032" else [2000 + yy]
        good = possible(day, month, candidates) and remainder in tolerated
        row = classify(
            pl.Series([number]), "test", regime=regime, month_plus_40="synthetic_nav"
        ).row(0, named=True)
        assert (row["kind"] is not None) == good
        assert (row["reason"] is None) == (good and raised > 0)
        if good:
            assert ("d_number" in row["kind"]) == (d == 40)
            assert row["canonical"] == number


@settings(max_examples=60)
@given(st.lists(parts.filter(lambda part: part[5] in (65, 80)), min_size=1, max_size=30))
def test_completion_is_that_of_the_rules(series):
    nine = [nine_of(*part) for part in series]
    assert complete_check_digits(pl.Series(nine)).to_list() == [completed(text) for text in nine]


@settings(max_examples=60)
@given(parts, st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_found_before_2032(part, place, step):
    number = completed(nine_of(*part))
    if number is None:
        return
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    assert classify(pl.Series([wrong]), "production")["kind"].to_list() == [None]


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.text(max_size=14)), max_size=20))
def test_any_text_is_judged_row_by_row(texts):
    column = pl.Series(texts, dtype=pl.String)
    together = classify(column)
    assert together.height == len(texts)
    assert together.filter(pl.col("kind").is_null() & pl.col("reason").is_null()).is_empty()
    apart = [classify(pl.Series([text], dtype=pl.String)) for text in texts]
    assert not apart or together.equals(pl.concat(apart))
