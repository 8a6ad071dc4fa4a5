"""The partition equals the best of all partitions, tried one by one."""

from itertools import combinations, pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.partition import OPEN_END, k_anonymous_strata, optimal_partition

problems = st.integers(1, 7).flatmap(
    lambda bands: st.tuples(
        st.integers(1, 3).flatmap(
            lambda periods: st.lists(
                st.lists(st.integers(0, 9), min_size=bands, max_size=bands),
                min_size=periods,
                max_size=periods,
            )
        ),
        st.integers(1, 8),
        st.lists(st.integers(1, 6), min_size=bands, max_size=bands),
        st.sets(st.integers(0, bands - 1)),
    )
)


def price(counts, leaves, cuts, starts):
    """Cuts crossed, leaves lost, borders: the order of preference."""
    borders = [*starts, counts.shape[1]]
    crossed = len([cut for cut in cuts if cut not in starts])
    lost = sum(int(counts[:, a:b].sum()) * (sum(leaves[a:b]) - 1) for a, b in pairwise(borders))
    return crossed, lost, starts


def all_partitions(bands):
    for number in range(bands):
        for inner in combinations(range(1, bands), number):
            yield (0, *inner)


@settings(max_examples=100)
@given(problems)
def test_no_partition_is_better(problem):
    rows, k, leaves, cuts = problem
    counts = np.array(rows, dtype=np.int64)
    cuts = cuts - {0}
    feasible = [
        starts
        for starts in all_partitions(counts.shape[1])
        if all(counts[:, a:b].sum(axis=1).min() >= k for a, b in pairwise([*starts, None]))
    ]
    if not feasible:
        assert counts.sum(axis=1).min() < k
        return
    best = min(price(counts, leaves, cuts, starts) for starts in feasible)
    got = optimal_partition(counts, k, leaves=leaves, cuts=cuts)
    assert price(counts, leaves, cuts, got.starts) == best
    assert got.crossed == best[0]
    domain = sum(leaves) - 1
    expected = best[1] / (counts.sum() * domain) if counts.sum() and domain else 0.0
    assert abs(got.loss - expected) < 1e-12


strata_rows = st.lists(
    st.tuples(
        st.sampled_from(["5001", "5006"]),
        st.sampled_from(["female", "male"]),
        st.sampled_from([2023, 2024]),
        st.integers(0, 30),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=40)
@given(strata_rows, st.integers(1, 6), st.randoms(use_true_random=False))
def test_strata_cover_every_age_once_and_hold_k(rows, k, shuffler):
    schema = ["area_code", "sex", "year", "age", "residents"]
    counts = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        area_level=pl.lit("municipality")
    )
    strata = k_anonymous_strata(counts, k, [0, 5, 10, 20], [8])
    shuffler.shuffle(rows)
    again = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        area_level=pl.lit("municipality")
    )
    assert k_anonymous_strata(again, k, [0, 5, 10, 20], [8]).equals(strata)
    lived_in = {(area, year) for area, _, year, _, residents in rows if residents}
    for (area, sex), group in strata.group_by("area_code", "sex"):
        borders = group.sort("age_from").select("age_from", "age_to").rows()
        assert borders[0][0] == 0
        assert borders[-1][1] == OPEN_END
        assert all(a[1] + 1 == b[0] for a, b in pairwise(borders))
        held = [
            sum(r[4] for r in rows if r[:3] == (area, sex, year) and low <= r[3] <= high)
            for low, high in borders
            for (place, year) in lived_in
            if place == area
        ]
        assert group["below_k"].any() == (min(held, default=0) < k)
        assert not group["below_k"].any() or len(borders) == 1
