"""Partition of ages by example, each small enough to be checked by eye."""

import numpy as np
import polars as pl
import pytest

from anonymization.partition import (
    STRATA_SCHEMA,
    NoPartitionError,
    k_anonymous_strata,
    optimal_partition,
)

EXAMPLES = [
    # what, counts (periods x bands), k, cuts, starts, crossed, loss
    ("nothing to merge", [[5, 5, 5]], 5, [], (0, 1, 2), 0, 0.0),
    # 3 + 9 persons lose 1 of 2 leaves, 20 lose none: 12 / 32 / 2
    ("the smaller neighbour is taken", [[9, 3, 20]], 5, [], (0, 2), 0, 0.1875),
    ("an empty band is merged", [[9, 0, 8]], 5, [], (0, 1), 0, 8 / 17 / 2),
    ("every period counts", [[9, 9], [9, 4]], 5, [], (0,), 0, 1.0),
    ("k = 1 still merges what is empty", [[1, 0, 2]], 1, [], (0, 2), 0, 1 / 3 / 2),
    # The cut before band 1 sends band 1 to its larger neighbour.
    ("a cut is kept", [[9, 3, 20]], 5, [1], (0, 1), 0, 23 / 32 / 2),
    # Two cuts around a band that is too small: one of them must go, at the lesser loss.
    ("a cut is crossed if there is no other way", [[9, 3, 20]], 5, [1, 2], (0, 2), 1, 0.1875),
    # Crossing one cut beats any loss: all of 1..3 merged rather than the cut before 1.
    ("cuts come before loss", [[5, 4, 0, 900]], 5, [1], (0, 1), 0, 904 * 2 / 909 / 3),
    ("equal losses are decided by the first borders", [[6, 3, 6]], 5, [], (0, 1), 0, 9 / 15 / 2),
    ("one band", [[7]], 5, [], (0,), 0, 0.0),
    ("no persons asked for by no period", np.zeros((0, 2)), 5, [], (0, 1), 0, 0.0),
]


@pytest.mark.parametrize(
    ("counts", "k", "cuts", "starts", "crossed", "loss"),
    [example[1:] for example in EXAMPLES],
    ids=[example[0] for example in EXAMPLES],
)
def test_examples(counts, k, cuts, starts, crossed, loss):
    best = optimal_partition(np.array(counts, dtype=np.int64), k, cuts=cuts)
    assert (best.starts, best.crossed) == (starts, crossed)
    assert best.loss == pytest.approx(loss, abs=1e-15)


def test_wide_bands_cost_more_to_join():
    # Three persons in a band of one year join the narrow neighbour, though it holds more persons.
    counts = np.array([[30, 3, 20]])
    assert optimal_partition(counts, 5, leaves=[2, 1, 20]).starts == (0, 2)
    assert optimal_partition(counts, 5).starts == (0, 1)


@pytest.mark.parametrize(
    ("counts", "options", "said"),
    [
        ([[1, 2]], {"k": 0}, "k: expected 1"),
        ([[1, -2]], {"k": 1}, "no negative"),
        ([1, 2], {"k": 1}, "periods x bands"),
        (np.zeros((1, 0)), {"k": 1}, "periods x bands"),
        ([[1, 2]], {"k": 1, "leaves": [1]}, "2 numbers"),
        ([[1, 2]], {"k": 1, "leaves": [1, 0]}, "1 or more"),
        ([[1, 2]], {"k": 1, "cuts": [2]}, "from 0 to 1"),
    ],
)
def test_misfits_are_refused(counts, options, said):
    with pytest.raises(ValueError, match=said):
        optimal_partition(np.array(counts, dtype=np.int64), **options)


def test_too_few_persons_have_no_partition():
    with pytest.raises(NoPartitionError, match="Fewer than 5 persons"):
        optimal_partition(np.array([[9, 9], [2, 2]]), 5)


COLUMNS = ["area_level", "area_code", "sex", "year", "age", "residents"]


def counts_of(*rows):
    return pl.DataFrame(
        [("municipality", *row) for row in rows],
        schema=dict(
            zip(
                COLUMNS,
                [pl.String, pl.String, pl.String, pl.Int32, pl.Int32, pl.UInt32],
                strict=True,
            )
        ),
        orient="row",
    )


def strata_of(rows, k=5, bounds=(0, 5, 10, 15), cuts=(8,)):
    return k_anonymous_strata(counts_of(*rows), k, bounds, cuts)


def test_bands_are_cut_at_declared_cuts_and_the_last_is_open():
    rows = [("5001", "female", 2024, age, 5) for age in (0, 5, 8, 10, 15)]
    got = strata_of(rows)
    assert got.schema == STRATA_SCHEMA
    assert got.select("age_from", "age_to", "below_k").rows() == [
        (0, 4, False),
        (5, 7, False),
        (8, 9, False),
        (10, 14, False),
        (15, 199, False),
    ]


def test_one_partition_serves_all_years():
    rows = [("5001", "female", year, age, 5) for year in (2023, 2024) for age in (0, 5, 8, 10, 15)]
    rows[4] = ("5001", "female", 2023, 15, 4)
    assert strata_of(rows)["age_from"].to_list() == [0, 5, 8, 10]


def test_a_year_without_a_row_is_a_year_without_residents_of_that_sex():
    rows = [("5001", "female", 2023, age, 9) for age in (0, 5, 8, 10, 15)]
    rows += [("5001", "male", 2023, 0, 9), ("5001", "male", 2024, 0, 9)]
    got = strata_of(rows)
    # In 2024 the municipality has residents, and none of them is female.
    assert got.filter(sex="female").select("age_from", "age_to", "below_k").rows() == [
        (0, 199, True)
    ]
    assert got.filter(sex="male")["below_k"].to_list() == [False]


def test_a_municipality_is_not_held_to_years_in_which_it_did_not_exist():
    rows = [("1507", "female", 2023, age, 9) for age in (0, 5)]
    rows += [("1508", "female", 2024, age, 9) for age in (0, 5)]
    got = strata_of(rows, cuts=())
    assert got.select("area_code", "age_from", "age_to", "below_k").rows() == [
        ("1507", 0, 4, False),
        ("1507", 5, 199, False),
        ("1508", 0, 4, False),
        ("1508", 5, 199, False),
    ]


def test_fewer_than_k_residents_are_one_flagged_stratum():
    rows = [("5001", "female", 2023, 0, 4), ("5001", "male", 2023, 0, 0)]
    assert strata_of(rows).select("sex", "age_from", "age_to", "below_k").rows() == [
        ("female", 0, 199, True),
        ("male", 0, 199, True),
    ]


def test_an_area_that_nobody_lives_in_is_flagged():
    assert strata_of([("5001", "female", 2023, 0, 0)])["below_k"].to_list() == [True]


def test_no_counts_give_no_strata():
    assert strata_of([]).is_empty()
    assert strata_of([]).schema == STRATA_SCHEMA


def test_a_single_open_band():
    got = strata_of([("5001", "female", 2023, 50, 7)], bounds=(0,), cuts=())
    assert got.select("age_from", "age_to", "below_k").rows() == [(0, 199, False)]


@pytest.mark.parametrize(
    ("bounds", "cuts"), [([], [0]), ([5, 10], []), ([0, 5], [-1]), ([0, 300], [])]
)
def test_bands_must_cover_all_ages(bounds, cuts):
    with pytest.raises(ValueError, match="band_lower_bounds"):
        strata_of([("5001", "female", 2023, 0, 9)], bounds=bounds, cuts=cuts)


@pytest.mark.parametrize(
    "row",
    [
        ("5001", "female", 2023, -1, 9),
        ("5001", "female", 2023, 200, 9),
        ("5001", None, 2023, 5, 9),
        ("5001", "female", 2023, 5, None),
    ],
)
def test_unfit_counts_are_refused(row):
    with pytest.raises(ValueError, match="1 of 2 rows"):
        strata_of([row, ("5001", "female", 2023, 0, 9)])


def test_negative_counts_and_missing_columns_are_refused():
    good = counts_of(("5001", "female", 2023, 0, 9))
    with pytest.raises(ValueError, match="negative"):
        k_anonymous_strata(good.with_columns(residents=pl.lit(-1)), 5, [0], [])
    with pytest.raises(ValueError, match="columns missing: sex, age"):
        k_anonymous_strata(good.drop("sex", "age"), 5, [0], [])
