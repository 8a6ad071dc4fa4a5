"""The optimum equals the best of all nodes, tried one by one on records, not on classes."""

from collections import Counter
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import anonymization.lattice as lattice
from anonymization.hierarchies import Hierarchy
from anonymization.lattice import LatticeTooLargeError, pack
from anonymization.microdata import NoSolutionError, anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess

HIERARCHIES = {
    "age": Hierarchy.intervals([2, 4]),
    "place": Hierarchy.tree({"p": "N", "q": "N", "r": "S", "N": "all", "S": "all"}),
    "sex": Hierarchy.suppress(),
    "year": None,
}
records = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 7)),
        st.sampled_from(["p", "q", "r"]),
        st.sampled_from(["f", "m"]),
        st.sampled_from([2023, 2024]),
        st.sampled_from(["ill", "well", None]),
    ),
    max_size=25,
)
options = st.tuples(
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]),
    st.sets(st.sampled_from(sorted(HIERARCHIES)), min_size=1),
    st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=4, max_size=4),
)
SCHEMA = {
    "age": pl.Int64,
    "place": pl.String,
    "sex": pl.String,
    "year": pl.Int64,
    "condition": pl.String,
}


def generalise(name, level, value, observed):
    """Label and penalty of one value, straight from the definitions."""
    top = {"age": 3, "place": 3, "sex": 1, "year": 99}[name]
    if level == 0:
        return value, 0.0
    domain = {"p", "q", "r"} if name == "place" else observed
    if level == top:
        return "*", (1.0 if len(domain) > 1 else 0.0)
    if name == "age":
        if value is None:
            return None, 0.0
        width = {1: 2, 2: 4}[level]
        together = [v for v in observed if v is not None and v // width == value // width]
        return (value // width,), (len(together) - 1) / max(len(domain) - 1, 1)
    if level == 2:  # the root, under which all places lie
        return "all", 1.0
    return {"p": "N", "q": "N", "r": "S"}[value], (0.5 if value in "pq" else 0.0)


def brute_force(frame, names, weights, k, least, limit):
    rows = frame.select(names).rows()
    conditions = frame["condition"].to_list()
    observed = {name: set(frame[name]) for name in names}
    heights = {"age": 3, "place": 3, "sex": 1, "year": 0}
    best = None
    for levels in product(*(range(heights[name] + 1) for name in names)):
        recoded, losses = [], []
        for row in rows:
            parts = [
                generalise(name, level, value, observed[name])
                for name, level, value in zip(names, levels, row, strict=True)
            ]
            recoded.append(tuple(label for label, _ in parts))
            losses.append(
                sum(w * p for w, (_, p) in zip(weights, parts, strict=True)) / sum(weights)
            )
        sizes = Counter(recoded)
        kinds = Counter(label for label, _ in set(zip(recoded, conditions, strict=True)))
        fails = [sizes[label] < k or kinds[label] < least for label in recoded]
        if sum(fails) <= int(limit * len(rows) + 1e-9):
            total = sum(1.0 if f else p for f, p in zip(fails, losses, strict=True))
            loss = total / len(rows) if rows else 0.0
            if best is None or loss < best[0] - 1e-9:
                best = (loss, sum(fails))
    return best


def run(rows, chosen):
    k, least, limit, names, weights = chosen
    names = sorted(names)
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    policy = MicrodataPolicy(
        k=k,
        quasi_identifiers=[
            QuasiIdentifier(name, HIERARCHIES[name], weight)
            for name, weight in zip(names, weights, strict=False)
        ],
        sensitive=[SensitiveAttribute("condition", l=least)],
        suppression_limit=limit,
    )
    return frame, names, weights[: len(names)], policy


@settings(derandomize=True, deadline=None, max_examples=150)
@given(records, options)
def test_no_node_is_better(rows, chosen):
    frame, names, weights, policy = run(rows, chosen)
    best = brute_force(
        frame, names, weights, policy.k, policy.sensitive[0].l, policy.suppression_limit
    )
    if best is None:
        with pytest.raises(NoSolutionError):
            anonymize(frame, policy)
        return
    made = anonymize(frame, policy)
    assert made.loss == pytest.approx(best[0], abs=1e-9)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(records, options, st.randoms(use_true_random=False))
def test_what_is_made_holds_and_does_not_depend_on_order(rows, chosen, shuffler):
    frame, names, _, policy = run(rows, chosen)
    try:
        made = anonymize(frame, policy)
    except NoSolutionError:
        return
    report = assess(made.table, names, ["condition"])
    assert made.table.height + made.suppressed == frame.height
    assert made.suppressed_rows.len() == made.suppressed
    if made.table.height:
        assert report.k >= policy.k
        assert report.l["condition"] >= policy.sensitive[0].l
        assert (report.k, report.classes) == (made.report.smallest_class, made.report.classes)
    else:
        assert made.report.smallest_class is None
    kept = frame.with_row_index("row").filter(~pl.col("row").is_in(made.suppressed_rows.implode()))
    assert made.table["condition"].equals(kept["condition"])
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    again = anonymize(pl.DataFrame(shuffled, schema=SCHEMA, orient="row"), policy)
    assert again.levels == made.levels
    assert again.table.sort(pl.all()).equals(made.table.sort(pl.all()))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(1, 40).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=5)
))  # fmt: skip
def test_packed_rows_are_equal_where_rows_are(columns):
    codes, number = pack([np.array(column, dtype=np.int64) for column in columns])
    rows = list(zip(*columns, strict=True))
    assert number == len(set(rows))
    assert len(set(zip(codes.tolist(), rows, strict=True))) == number
    assert set(codes.tolist()) == set(range(number))


def test_keys_wider_than_64_bits_do_not_run_over():
    # Five columns of 20 bits each; two rows differ only in the first, which 64 bits would lose.
    wide = 2**20 - 1
    columns = [np.array([0, 1, wide], dtype=np.int64)]
    columns += [np.array([5, 5, wide], dtype=np.int64) for _ in range(4)]
    codes, number = pack(columns)
    assert number == 3
    assert sorted(codes.tolist()) == [0, 1, 2]


def test_a_lattice_beyond_the_exact_search_is_refused(monkeypatch):
    monkeypatch.setattr(lattice, "MAXIMUM_NODES", 7)
    frame = pl.DataFrame({"a": [1], "b": [1], "c": [1]})
    policy = MicrodataPolicy(
        quasi_identifiers=[QuasiIdentifier(c, Hierarchy.suppress()) for c in "abc"], k=1
    )
    with pytest.raises(LatticeTooLargeError, match="8 nodes"):
        anonymize(frame, policy)


def test_a_hundred_thousand_and_more_records_are_counted_right():
    frame = pl.DataFrame({"a": ["x"] * 100_000 + ["y"] * 200_001})
    policy = MicrodataPolicy(quasi_identifiers=[QuasiIdentifier("a")], k=100_000)
    made = anonymize(frame, policy)
    assert (made.report.smallest_class, made.suppressed) == (100_000, 0)
