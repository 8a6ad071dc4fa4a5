"""The partition equals the best of all partitions of each group, tried one by one on records."""

from itertools import combinations, pairwise, product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.microdata import NoSolutionError, anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess
from anonymization.verdict import violations
from tests.support import microdata_oracle as oracle

AGES = range(6)


@st.composite
def tasks(draw):
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from("ab"),
                st.sampled_from([1, 2]),
                st.one_of(st.none(), *[st.sampled_from(AGES)] * 6),
                st.sampled_from("xyz"),
            ),
            max_size=26,
        )
    )
    frame = pl.DataFrame(
        rows,
        schema={"place": pl.String, "year": pl.Int64, "age": pl.Int64, "ill": pl.String},
        orient="row",
    )
    attribute = SensitiveAttribute(
        "ill",
        draw(st.integers(1, 2)),
        draw(st.sampled_from(["distinct", "entropy"])),
        t=draw(st.sampled_from([None, 0.2, 0.5])),
    )
    missing = draw(st.sampled_from(["value", "unmatched"]))
    policy = MicrodataPolicy(
        k=draw(st.integers(1 + (missing == "unmatched"), 4)),
        quasi_identifiers=[QuasiIdentifier(name) for name in ("place", "year", "age")],
        sensitive=[attribute] if draw(st.booleans()) else [],
        insensitive=[],
        suppression_limit=1.0,
        loss=draw(st.sampled_from(["ncp", "discernibility", "aecs"])),
        method="partition",
        ordered="age",
        periods=draw(st.sampled_from(["year", None])),
        missing=missing,
        k_map=draw(st.sampled_from([None, 3])),
    )
    return frame, policy


def holds(policy, members, whole, people):
    ills = [row[3] for row in members]
    if len(members) < policy.k or people < (policy.k_map or 0):
        return False
    for attribute in policy.sensitive:
        if len(set(ills)) < attribute.l:
            return False
        if attribute.diversity == "entropy" and oracle.effective(ills) < attribute.l - 1e-9:
            return False
        if attribute.t is not None and oracle.equal(ills, whole) > attribute.t + 1e-9:
            return False
    return True


def group_of(row, policy):
    return row[0] if policy.periods else row[:2]


def choices(policy, members, whole, people, bands):
    """Every partition of a group that holds in every period: its classes of records."""
    years = sorted({row[1] for row in members})
    for number in range(bands):
        for inner in combinations(range(1, bands), number):
            borders = [0, *inner, bands]
            classes = [
                [r for r in members if r[1] == year and low <= r[2] < high]
                for year in years
                for low, high in pairwise(borders)
            ]
            crowd = [
                sum(n for (y, a), n in people.items() if y == year and low <= a < high)
                for year in years
                for low, high in pairwise(borders)
            ]
            if all(holds(policy, c, whole, n) for c, n in zip(classes, crowd, strict=True)):
                widths = [high - low for _ in years for low, high in pairwise(borders)]
                yield list(zip(classes, widths, strict=True))


def least_loss(frame, policy, population):
    rows, whole = frame.rows(), frame["ill"].to_list()
    observed = sorted({row[2] for row in rows if row[2] is not None})
    if policy.k_map is not None:
        observed = list(AGES)
    # Bands are the values observed.
    rows = [(*r[:2], None if r[2] is None else observed.index(r[2]), r[3]) for r in rows]
    kept = []
    for key in {group_of(row, policy) for row in rows}:
        members = [r for r in rows if group_of(r, policy) == key and r[2] is not None]
        people = {
            (y, observed.index(a)): n
            for p, y, a, n in population
            if a in observed and group_of((p, y), policy) == key
        }
        found = list(choices(policy, members, whole, people, len(observed))) if members else []
        # Loss adds up over groups, so each may take its own best.
        kept += min(found, key=lambda c: loss(policy, rows, c, len(observed) + 1), default=[])
        lacking = [r for r in rows if group_of(r, policy) == key and r[2] is None]
        for year in {r[1] for r in lacking}:
            alone = [r for r in lacking if r[1] == year]
            crowd = sum(n for p, y, a, n in population if a is None and (p, y) == alone[0][:2])
            fine = policy.missing == "value" and holds(policy, alone, whole, crowd)
            kept += [(alone, 1)] if fine else []
    lacking = policy.k_map is not None or any(row[2] is None for row in rows)
    return loss(policy, rows, kept, len(observed) + lacking)


def loss(policy, rows, classes, domain):
    if not rows:
        return 0.0
    stay = sum(len(c) for c, _ in classes)
    if policy.loss == "aecs":
        return len(rows) / policy.k / max(len(classes), 1)
    gone = len(rows) - stay
    if policy.loss == "discernibility":
        return (sum(len(c) ** 2 for c, _ in classes) + gone * len(rows)) / len(rows) ** 2
    age = sum(len(c) * (w - 1) / max(domain - 1, 1) for c, w in classes) + gone
    return (age + 2 * gone) / 3 / len(rows)


def equals_brute_force(task):
    frame, policy = task
    population = [
        (p, y, a, (3 * i) % 5) for i, (p, y, a) in enumerate(product("ab", [1, 2], [*AGES, None]))
    ]
    given_population = None
    if policy.k_map is not None:
        given_population = pl.DataFrame(
            population, schema=["place", "year", "age", "persons"], orient="row"
        )
    made = anonymize(frame, policy, given_population)
    assert made.loss == pytest.approx(least_loss(frame, policy, population), abs=1e-9)
    assert made.suppressed == frame.height - made.table.height == made.suppressed_rows.len()
    report = assess(
        made.table,
        ["place", "year", "age"],
        policy.sensitive,
        reference=frame,
        population=made.population,
    )
    assert violations(report, policy) == []
    assert (report.k, report.classes) == (made.report.smallest_class, made.report.classes)
    limited = made.suppressed / frame.height / 2 if frame.height else 0.0
    if made.suppressed:
        with pytest.raises(NoSolutionError, match=f"It takes {made.suppressed}"):
            anonymize(
                frame,
                MicrodataPolicy(**{**vars(policy), "suppression_limit": limited}),
                given_population,
            )


@settings(max_examples=30)
@given(tasks())
def test_no_partition_is_better(task):
    equals_brute_force(task)


@pytest.mark.nightly
@settings(max_examples=1000)
@given(tasks())
def test_no_partition_is_better_in_many_tables(task):
    equals_brute_force(task)
