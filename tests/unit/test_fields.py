"""Codes in the bits of words: what is written is read, and one column changes alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from anonymization.fields import Fields

SIZES = st.lists(st.integers(0, 2**40), min_size=1, max_size=12)


@given(SIZES, st.data())
def test_what_is_written_is_read_and_words_ascend_as_rows_do(
    sizes: list[int], data: st.DataObject
) -> None:
    rows = data.draw(st.integers(0, 12))
    columns = [
        data.draw(arrays.arrays(np.int64, rows, elements=st.integers(0, max(size - 1, 0))))
        for size in sizes
    ]
    fields = Fields.of(sizes)
    words = fields.written(columns)
    for index, column in enumerate(columns):
        assert fields.read(words, index).tolist() == column.tolist()
    assert all((word >= 0).all() for word in words)
    keys, below = fields.key(words)
    assert (keys < below).all()
    told = list(zip(*(column.tolist() for column in columns), strict=True))
    assert (
        sorted(range(rows), key=lambda row: told[row]) == np.argsort(keys, kind="stable").tolist()
    )


@given(st.lists(st.integers(1, 70), min_size=1, max_size=14), st.data())
def test_one_column_changes_alone(sizes: list[int], data: st.DataObject) -> None:
    columns = [np.arange(20) % size for size in sizes]
    fields = Fields.of(sizes)
    index = data.draw(st.integers(0, len(sizes) - 1))
    step = data.draw(
        arrays.arrays(np.int64, sizes[index], elements=st.integers(0, sizes[index] - 1))
    )
    changed = fields.changed(fields.written(columns), {index: step})
    for other, column in enumerate(columns):
        expected = step[column] if other == index else column
        assert fields.read(changed, other).tolist() == expected.tolist()
