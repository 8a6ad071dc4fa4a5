"""Persons, populations and missing values: the optimum equals the best of all nodes, tried on rows.

Belongs here: what is counted in persons, k-map, delta-presence, and missing values that match
nobody. Does not belong here: the models and losses themselves (``test_microdata_property``).
"""

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.hierarchies import Hierarchy
from anonymization.microdata import NoSolutionError, anonymize
from anonymization.policies import MicrodataPolicy, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess
from anonymization.verdict import violations
from tests.support import microdata_oracle as oracle

TABLES = (
    [("a", "N"), ("b", "N"), ("c", "S")],
    [("0", "low"), ("1", "low"), ("2", "high"), ("3", "high")],
)
NAMES = ("q0", "q1")


def values_of(index, *, missing):
    known = [row[0] for row in TABLES[index]]
    return st.sampled_from([*known, None] if missing else known)


SENSITIVE = (
    (),
    (SensitiveAttribute("ill", 2),),
    (SensitiveAttribute("ill", 1.5, "entropy", t=0.5),),
    (SensitiveAttribute("ill", 2, "recursive", c=2.0),),
)
DEMANDING = (
    (SensitiveAttribute("ill", 2, "entropy"),),
    (SensitiveAttribute("ill", 2, "recursive", c=1.5),),
    (SensitiveAttribute("ill", 1, t=0.1),),
)


@st.composite
def tasks(draw):
    rows = draw(st.integers(0, 16))
    lacking = [draw(st.booleans()) for _ in TABLES]
    frame = {
        name: draw(st.lists(values_of(n, missing=lacking[n]), min_size=rows, max_size=rows))
        for n, name in enumerate(NAMES)
    }
    frame["ill"] = draw(st.lists(st.sampled_from("xyz"), min_size=rows, max_size=rows))
    frame["who"] = draw(st.lists(st.integers(1, 9), min_size=rows, max_size=rows))
    keeps = draw(st.booleans())
    if keeps:
        frame["year"] = draw(st.lists(st.integers(1, 2), min_size=rows, max_size=rows))
    # A value that only the population lacks would be one more of the domain.
    lacking = [None in frame[name] for name in NAMES]
    people = draw(
        st.lists(
            st.tuples(
                *(values_of(n, missing=lacking[n]) for n in range(2)),
                *([st.integers(1, 2)] if keeps else []),
                st.integers(0, 12),
            ),
            max_size=8,
        )
    )
    missing = draw(st.sampled_from(["value", "unmatched"]))
    presence = draw(st.sampled_from([None, None, (0.0, 0.6), (0.1, 1.0)]))
    limit = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    quasi_identifiers = [
        QuasiIdentifier(
            name, Hierarchy.from_table(pl.DataFrame(table, schema=["0", "1"], orient="row"))
        )
        for name, table in zip(NAMES, TABLES, strict=True)
    ]
    policy = MicrodataPolicy(
        k=draw(st.integers(1 + (missing == "unmatched"), 4)),
        quasi_identifiers=[*quasi_identifiers, *([QuasiIdentifier("year")] if keeps else [])],
        sensitive=draw(st.sampled_from(SENSITIVE)),
        suppression_limit=0.0 if presence and presence[0] else limit,
        loss=draw(st.sampled_from(["ncp", "entropy", "discernibility", "aecs"])),
        person=draw(st.sampled_from([None, "who", "who"])),
        missing=missing,
        k_map=draw(st.sampled_from([None, 3, 6])),
        presence=presence,
    )
    names = [qi.name for qi in policy.quasi_identifiers]
    kinds = dict.fromkeys(names, pl.String) | ({"year": pl.Int64} if keeps else {})
    data = pl.DataFrame(frame, schema={**kinds, "ill": pl.String, "who": pl.Int64}, strict=False)
    population = pl.DataFrame(people, schema={**kinds, "persons": pl.Int64}, orient="row")
    return data, policy, population


@st.composite
def crowds(draw):
    """Few persons with many records each, who come again in the classes that are merged.

    What is asked is only just reached. Each person has the same illness in all records, so classes
    of one person each may be even where the two together are not, and the other way round.
    """
    ills = draw(st.lists(st.sampled_from("xy"), min_size=2, max_size=5))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, len(ills) - 1), st.sampled_from("ab"), st.sampled_from("02")),
            min_size=3,
            max_size=10,
        )
    )
    data = pl.DataFrame(
        [(q0, q1, ills[who], who) for who, q0, q1 in rows],
        schema={"q0": pl.String, "q1": pl.String, "ill": pl.String, "who": pl.Int64},
        orient="row",
    )
    sensitive = draw(st.sampled_from([*DEMANDING, ()]))
    policy = MicrodataPolicy(
        quasi_identifiers=[
            QuasiIdentifier(
                name, Hierarchy.from_table(pl.DataFrame(table, schema=["0", "1"], orient="row"))
            )
            for name, table in zip(NAMES, TABLES, strict=True)
        ],
        k=1,
        sensitive=sensitive,
        suppression_limit=draw(st.sampled_from([0.0, 0.0, 0.3])) if sensitive else 0.0,
        loss=draw(st.sampled_from(["ncp", "discernibility"])),
        person="who",
        presence=None if sensitive else draw(st.sampled_from([(0.1, 0.6), (0.5, 1.0)])),
    )
    present = data.select(NAMES).unique(maintain_order=True).rows()
    people = [(*row, draw(st.integers(2, 8))) for row in present]
    kinds = {"q0": pl.String, "q1": pl.String, "persons": pl.Int64}
    return data, policy, pl.DataFrame(people, schema=kinds, orient="row")


class Year(oracle.Column):
    """A column that is never generalised."""

    def __init__(self, values):
        super().__init__(values, [(1,), (2,)])
        self.height = 1
        self.domain = max(len(set(values)), 1)


def class_holds(policy, rows, ills, people, labels):
    """Of one class: its persons, what each has, its persons in the population, its labels."""
    persons = len({who for who, _ in rows})
    if policy.missing == "unmatched" and None in labels:
        return False
    if persons < policy.k or (policy.k_map or 0) > people:
        return False
    if policy.presence and persons > policy.presence[1] * people + 1e-9:
        return False
    if policy.presence and persons < policy.presence[0] * people - 1e-9:
        return False
    members = [ill for _, ill in set(rows)] if policy.person else [ill for _, ill in rows]
    for attribute in policy.sensitive:
        if attribute.diversity == "distinct" and len(set(members)) < attribute.l:
            return False
        if attribute.diversity == "entropy" and oracle.effective(members) < attribute.l - 1e-9:
            return False
        if attribute.c and not oracle.recursive(members, int(attribute.l)) < attribute.c:
            return False
        if attribute.t is not None and oracle.equal(members, ills) > attribute.t + 1e-9:
            return False
    return True


def best_node(data, policy, population):
    number, names = data.height, [qi.name for qi in policy.quasi_identifiers]
    columns = [
        oracle.Column(data[name].to_list(), table)
        for name, table in zip(NAMES, TABLES, strict=True)
    ]
    if len(names) > 2:
        columns.append(Year(data["year"].to_list()))
        columns[2].domain = len({*data["year"], *(population["year"] if asks(policy) else [])})
    ills = data["ill"].to_list()
    whos = data["who"].to_list() if policy.person else range(number)
    if policy.person:
        # Each person once, whatever the records.
        ills = [ill for _, ill in {*zip(whos, ills, strict=True)}]
    allowed = math.floor(Fraction(str(policy.suppression_limit)) * number)
    found = []
    for levels in product(*(range(column.height) for column in columns)):
        keys = list(zip(*(c.labels(n) for c, n in zip(columns, levels, strict=True)), strict=True))
        people = Counter()
        for *values, persons in population.rows():
            paths = zip(columns, values, levels, strict=True)
            people[tuple(c.paths[v][level] for c, v, level in paths)] += persons
        rows = oracle.classes_of(keys, list(zip(whos, data["ill"].to_list(), strict=True)))
        bad = {
            key
            for key, members in rows.items()
            if not class_holds(policy, members, ills, people[key], key)
        }
        gone = [key in bad for key in keys]
        empty = policy.presence and policy.presence[0] > 0
        if empty and any(n and key not in rows for key, n in people.items()):
            continue
        if sum(gone) <= allowed:
            loss = oracle.LOSSES[policy.loss, "mean"](columns, levels, keys, gone, policy.k)
            found.append((loss, levels))
    return found


def asks(policy):
    return policy.k_map is not None or policy.presence is not None


def measured(made, data, policy):
    names = [qi.name for qi in policy.quasi_identifiers]
    kept = data.with_row_index("row").filter(~pl.col("row").is_in(made.suppressed_rows.implode()))
    return assess(
        made.table.with_columns(kept["who"]),
        names,
        policy.sensitive,
        unit=policy.person,
        reference=data,
        population=made.population,
    )


def equals_brute_force(task):
    data, policy, people = task
    population = people if asks(policy) else None
    found = best_node(data, policy, people) if data.height else [(0.0, None)]
    local = replace(policy, method="local")
    if data.height and not found:
        for one in (policy, local):
            with pytest.raises(NoSolutionError):
                anonymize(data, one, population)
        return
    if not data.height and policy.presence:
        return
    made, finer = anonymize(data, policy, population), anonymize(data, local, population)
    least = min(loss for loss, _ in found)
    assert made.loss == pytest.approx(least, abs=1e-9)
    near = {levels for loss, levels in found if loss <= least + 1e-9}
    assert not data.height or tuple(made.levels.values()) in near
    assert finer.loss <= made.loss + 1e-12
    for one, asked in ((made, policy), (finer, local)):
        report = measured(one, data, asked)
        assert violations(report, asked) == []
        assert (report.k, report.classes) == (one.report.smallest_class, one.report.classes)
        assert report.k_map == one.report.smallest_in_population
        assert report.l == one.report.diversity
        assert one.suppressed == data.height - one.table.height == one.suppressed_rows.len()
        assert "who" not in one.table.columns


@settings(max_examples=25)
@given(tasks())
def test_no_node_is_better(task):
    equals_brute_force(task)


@settings(max_examples=60)
@given(crowds())
def test_no_node_is_better_where_persons_come_again(task):
    equals_brute_force(task)


@pytest.mark.nightly
@settings(max_examples=1500)
@given(st.one_of(tasks(), crowds()))
def test_no_node_is_better_in_many_tables(task):
    equals_brute_force(task)
