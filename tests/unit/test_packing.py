"""Columns as numbers: equal where the values are, whatever their type and number."""

from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.packing import coded, packed

COLUMNS = [
    pl.Series("c", ["ø", None, "a", "ø"]),
    pl.Series("c", ["b", "a"], dtype=pl.Enum(["b", "a"])),
    pl.Series("c", ["b", "a", None], dtype=pl.Categorical),
    pl.Series("c", [3, None, -2, 3]),
    pl.Series("c", [3, -2, 3], dtype=pl.Int8),
    pl.Series("c", [2**63 - 1, -(2**63), 0, None]),
    pl.Series("c", [2**64 - 1, 0], dtype=pl.UInt64),
    pl.Series("c", [10**12, 0, 10**12]),
    pl.Series("c", [True, None, False]),
    pl.Series("c", [1.5, float("nan"), None, float("nan"), -1.0]),
    pl.Series("c", [0.0, -0.0]),
    pl.Series("c", [date(2024, 2, 29), None, date(1900, 1, 1)]),
    pl.Series("c", [Decimal("1.10"), Decimal("1.1"), Decimal("2")]),
    pl.Series("c", [None, None]),
    pl.Series("c", [], dtype=pl.String),
    pl.Series("c", [], dtype=pl.Int64),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda c: f"{c.dtype}-{c.len()}")
def test_codes_stand_for_their_values(column):
    made = coded(column)
    back = made.values.gather(pl.Series(made.codes, dtype=pl.Int64))
    same = column.cast(made.values.dtype)
    assert back.equals(same, null_equal=True) or same.dtype.is_float()
    assert made.values.len() == column.n_unique()
    assert sorted(set(made.codes.tolist())) == list(range(made.values.len()))
    # Zero and minus zero are one value, as they are for a reader.
    assert len({str(v) for v in back.to_list()}) == len(set(made.codes.tolist()))


def test_codes_ascend_with_values_and_do_not_depend_on_rows():
    assert coded(pl.Series(["b", None, "a"])).codes.tolist() == [2, 0, 1]
    assert coded(pl.Series(["a", "b", None])).codes.tolist() == [1, 2, 0]
    assert coded(pl.Series([7, None, -1])).codes.tolist() == [2, 0, 1]


def test_lists_are_refused_by_their_column():
    with pytest.raises(ValueError, match=r"Column 'codes': expected single values"):
        coded(pl.Series("codes", [[1], [2]]))


@settings(max_examples=40)
@given(st.integers(1, 40).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=5)
))  # fmt: skip
def test_packed_rows_are_equal_where_rows_are(columns):
    keys, size = packed([(np.array(column, dtype=np.int64), 4) for column in columns])
    rows = list(zip(*columns, strict=True))
    assert len(set(keys.tolist())) == len(set(rows))
    assert len(set(zip(keys.tolist(), rows, strict=True))) == len(set(rows))
    assert 0 <= keys.min() <= keys.max() < size


WIDE = 2**20
FAR = [np.array([0, 1, WIDE - 1], dtype=np.int64)]
FAR += [np.array([5, 5, WIDE - 1], dtype=np.int64) for _ in range(4)]


def test_keys_wider_than_64_bits_do_not_run_over():
    # Five columns of 20 bits each; two rows differ only in the first, which 64 bits would lose.
    keys, _ = packed([(column, WIDE) for column in FAR])
    assert len(set(keys.tolist())) == 3


def test_twin_keys_that_are_only_joined_lose_the_first_column():
    key = np.zeros(3, dtype=np.int64)
    for column in FAR:
        key = key * WIDE + column
    assert len(set(key.tolist())) == 2
