"""Persons, populations and missing values, worked by hand."""

from dataclasses import replace

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.microdata import NoSolutionError, anonymize
from anonymization.packing import ColumnError
from anonymization.policies import MicrodataPolicy, PolicyError, QuasiIdentifier, SensitiveAttribute
from anonymization.risk import assess
from anonymization.verdict import violations

PLACES = Hierarchy.tree({"a": "N", "b": "N", "c": "S", "d": "S", "N": "*", "S": "*"})
VISITS = pl.DataFrame(
    {"place": ["a", "a", "a", "b", "c", "c"], "who": [1, 1, 1, 2, 3, 4], "row": range(6)}
)
POPULATION = pl.DataFrame({"place": ["a", "b", "c", "d"], "persons": [9, 1, 4, 4]})


def policy(k=2, **options):
    return MicrodataPolicy(
        **{"k": k, "quasi_identifiers": [QuasiIdentifier("place", PLACES)], **options}
    )


def test_rows_of_one_person_are_no_crowd():
    # Three rows in a, one person.
    assert anonymize(VISITS, policy(suppression_limit=0.2)).levels == {"place": 0}
    made = anonymize(VISITS, policy(person="who"))
    assert made.levels == {"place": 1}
    assert (made.report.records, made.report.persons) == (6, 4)
    assert made.report.smallest_class == 2
    assert made.table.columns == ["place"]
    assert "who" in made.report.dropped_columns
    local = anonymize(VISITS, policy(person="who", method="local"))
    assert local.table["place"].to_list() == ["N"] * 4 + ["c"] * 2


def test_twin_a_person_in_two_places_counts_once_where_they_are_merged():
    moved = VISITS.with_columns(who=pl.Series([1, 1, 1, 1, 3, 4]))
    with pytest.raises(NoSolutionError):
        anonymize(moved, policy(k=4, person="who"))
    made = anonymize(moved, policy(k=2, person="who"))
    # N would hold one person, and so do a and b.
    assert made.levels == {"place": 2}
    assert made.report.smallest_class == 3


@pytest.mark.parametrize("limit", [0.0, 0.5])
@pytest.mark.parametrize(
    "asked",
    [
        {"sensitive": [SensitiveAttribute("ill", 2, "entropy")]},
        {"sensitive": [SensitiveAttribute("ill", 2, "recursive", c=1.5)]},
        # Of three persons one has a: each year is a sixth away.
        {"sensitive": [SensitiveAttribute("ill", 1, t=0.17)]},
        {"presence": (0.5, 1.0)},
    ],
)
def test_even_years_are_not_judged_by_both_together(asked, limit):
    # Persons 1 and 2, then 1 and 3: two halves of one with a and one with b each. Together a has
    # one person and b two, and three of eight are fewer than half.
    years = pl.DataFrame(
        {"x": ["A"] * 4, "year": [1, 1, 2, 2], "who": [1, 2, 1, 3], "ill": ["a", "b", "a", "b"]}
    )
    both = [QuasiIdentifier(name, Hierarchy.suppress()) for name in ("x", "year")]
    people = pl.DataFrame({"x": ["A", "A"], "year": [1, 2], "persons": [4, 4]})
    rules = policy(quasi_identifiers=both, person="who", **asked)
    if "presence" not in asked:
        rules = replace(rules, suppression_limit=limit)
    made = anonymize(years, rules, people if rules.presence else None)
    assert (made.levels, made.loss, made.suppressed) == ({"x": 0, "year": 0}, 0.0, 0)


def test_suppression_counts_records():
    made = anonymize(VISITS, policy(person="who", suppression_limit=0.7))
    assert (made.levels, made.suppressed) == ({"place": 1}, 0)
    alone = VISITS.filter(pl.col("place") != "b")
    with pytest.raises(NoSolutionError, match="at most 2 records"):
        anonymize(
            alone,
            policy(
                k=3,
                person="who",
                suppression_limit=0.5,
                quasi_identifiers=[QuasiIdentifier("place")],
            ),
        )


def test_k_map_asks_for_a_crowd_outside_the_table():
    # One person of b is in the table and in the population: b alone is too few, N is ten.
    made = anonymize(VISITS, policy(k=1, k_map=4), POPULATION)
    assert made.levels == {"place": 1}
    assert made.report.smallest_in_population == 8
    assert made.population.rows() == [("N", 10), ("S", 8)]
    local = anonymize(VISITS, policy(k=1, k_map=4, method="local"), POPULATION)
    # c has four; whom a has not, stays with b.
    assert local.table["place"].to_list() == ["N"] * 4 + ["c"] * 2
    assert local.population.rows() == [("N", 10), ("S", 4), ("c", 4)]
    suppressed = anonymize(VISITS, policy(k=1, k_map=4, suppression_limit=0.2), POPULATION)
    assert (suppressed.levels, suppressed.suppressed) == ({"place": 0}, 1)
    report = assess(suppressed.table, ["place"], population=suppressed.population)
    assert (report.k_map, violations(report, policy(k=1, k_map=4))) == (4, [])
    assert violations(report, policy(k=1, k_map=5)) == [
        "The smallest class holds 4 of the population, fewer than k_map=5."
    ]
    with pytest.raises(ValueError, match="Assess the table with the population"):
        violations(assess(suppressed.table, ["place"]), policy(k=1, k_map=5))


def test_presence_bounds_the_share_of_the_population():
    persons = policy(k=1, person="who", presence=(0.1, 0.5))
    made = anonymize(VISITS, persons, POPULATION)
    # b has one of one and d none of four; N has two of ten and S two of eight.
    assert made.levels == {"place": 1}
    report = assess(
        made.table.with_columns(VISITS["who"]), ["place"], unit="who", population=made.population
    )
    assert (report.presence_min, report.presence_max) == (0.2, 0.25)
    assert violations(report, persons) == []
    assert violations(report, policy(k=1, presence=(0.0, 0.2))) == [
        "The table has from 0.2 to 0.25 of the population in a class, not from 0 to 0.2."
    ]
    with pytest.raises(NoSolutionError):
        anonymize(VISITS, policy(k=1, person="who", presence=(0.0, 0.1)), POPULATION)


def test_who_is_not_in_the_population_has_no_crowd_there():
    with pytest.raises(NoSolutionError):
        anonymize(
            VISITS,
            policy(k=1, k_map=2, quasi_identifiers=[QuasiIdentifier("place")]),
            POPULATION.head(2),
        )
    report = assess(VISITS, ["place"], population=POPULATION.head(2))
    assert (report.k_map, report.presence_max) == (0, None)
    assert violations(report, policy(k=1, presence=(0.0, 1.0))) == [
        "Some class does not occur in the population."
    ]


def test_a_missing_value_matches_others_or_nobody():
    frame = pl.DataFrame({"place": [None, None, "a", "a"]})
    assert anonymize(frame, policy()).levels == {"place": 0}
    made = anonymize(frame, policy(missing="unmatched"))
    assert made.levels == {"place": 2}
    assert made.report.missing == "unmatched"
    some = anonymize(frame, policy(missing="unmatched", suppression_limit=0.5))
    assert (some.levels, some.suppressed_rows.to_list()) == ({"place": 0}, [0, 1])
    report = assess(frame, ["place"])
    assert report.incomplete == 2
    assert violations(report, policy(missing="unmatched")) == [
        "2 records lack a quasi-identifier, and match nobody."
    ]
    local = anonymize(
        pl.concat([frame, pl.DataFrame({"place": ["b"] * 3})]),
        policy(missing="unmatched", method="local"),
    )
    assert local.table["place"].to_list() == ["*"] * 2 + ["a"] * 2 + ["b"] * 3


def test_a_hierarchy_that_names_missing_values_contradicts_unmatched():
    named = Hierarchy.from_table(pl.DataFrame({"v": ["a", None], "g": ["known", "unknown"]}))
    frame = pl.DataFrame({"place": ["a", "a", None, None]})
    chosen = {"quasi_identifiers": [QuasiIdentifier("place", named)]}
    assert anonymize(frame, policy(**chosen)).levels == {"place": 0}
    with pytest.raises(PolicyError, match="says what a missing value becomes"):
        anonymize(frame, policy(missing="unmatched", **chosen))


@pytest.mark.parametrize(
    ("options", "population", "said"),
    [
        ({"k_map": 5}, None, "need the population"),
        ({"presence": (0, 0.5)}, None, "need the population"),
        ({}, POPULATION, "asks for no k_map or presence"),
        ({"k_map": 5}, POPULATION.select("place"), "lacks the columns persons"),
        ({"k_map": 5}, POPULATION.with_columns(place=1), "Give both the same type"),
        ({"k_map": 5}, POPULATION.with_columns(persons=-1), "whole numbers of 0 or more"),
        ({"k_map": 5}, POPULATION.with_columns(persons=0.5), "whole numbers of 0 or more"),
    ],
)
def test_a_population_is_given_exactly_where_it_is_asked_for(options, population, said):
    with pytest.raises((PolicyError, ColumnError), match=said):
        anonymize(VISITS, policy(**options), population)


def test_a_record_without_a_person_is_an_error():
    with pytest.raises(ColumnError, match="1 of 6 records have no person"):
        anonymize(VISITS.with_columns(who=pl.Series([1, None, 1, 2, 3, 4])), policy(person="who"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"person": "place"}, "named only once"),
        ({"person": "who", "insensitive": ["who"]}, "named only once"),
        ({"missing": "wildcard"}, "missing: expected one of value, unmatched"),
        ({"missing": "unmatched", "k": 1}, "asks for nothing"),
        ({"k_map": 0}, "k_map"),
        ({"presence": (0.5, 0.2)}, "presence"),
        ({"presence": (0.0, 0.0)}, "presence"),
        ({"presence": (0.1,)}, "presence"),
        ({"presence": (0.1, 1.0), "suppression_limit": 0.1}, "allows no suppression"),
    ],
)
def test_options_that_contradict_one_another_are_refused(options, said):
    with pytest.raises(PolicyError, match=said):
        policy(**options)


@pytest.mark.parametrize("method", ["global", "local"])
def test_closeness_counts_a_person_once(method):
    # By rows eight of eleven have a; by persons one of four.
    many = pl.DataFrame({"x": ["A"] * 11, "who": [1] * 8 + [2, 3, 4], "ill": ["a"] * 8 + ["b"] * 3})
    rules = policy(
        quasi_identifiers=[QuasiIdentifier("x", Hierarchy.suppress())],
        person="who",
        method=method,
        sensitive=[SensitiveAttribute("ill", 2, t=0.0)],
    )
    assert anonymize(many, rules).suppressed == 0
    assert assess(many, ["x"], ["ill"], unit="who", reference=many).t == {"ill": 0.0}


def test_hierarchies_may_be_deeper_than_a_byte_counts():
    codes = pl.DataFrame({"code": [f"{n:02d}" + "0" * 148 for n in range(4)] * 2})
    deep = policy(
        quasi_identifiers=[QuasiIdentifier("code", Hierarchy.prefix(list(range(140, 0, -1))))],
        method="local",
    )
    assert anonymize(codes, deep).report.smallest_class == 2


def test_what_is_tied_is_not_searched_on():
    alike = pl.DataFrame({f"q{n}": ["A"] * 6 for n in range(10)})
    rules = policy(
        quasi_identifiers=[QuasiIdentifier(name, Hierarchy.suppress()) for name in alike.columns]
    )
    made = anonymize(alike, rules)
    assert set(made.levels.values()) == {0}
    assert made.report.evidence.checked < 5
