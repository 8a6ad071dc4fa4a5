"""Microdata policies: what is asked for is either done or refused by name."""

import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.policies import (
    MicrodataPolicy,
    NotSupportedError,
    PolicyError,
    QuasiIdentifier,
    SensitiveAttribute,
)

AGE = QuasiIdentifier("age")


TREE = Hierarchy.tree({"a": "all"})


@pytest.mark.parametrize(
    ("option", "value"),
    [("seed", 7)],
)
def test_what_is_not_built_yet_is_refused_by_name(option, value):
    with pytest.raises(NotSupportedError, match=rf"{option}={value!r} is not supported yet"):
        MicrodataPolicy(quasi_identifiers=[AGE], **{option: value})


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "ncp"},
        {"loss": "coverage"},
        {"loss": "coverage", "aggregate": "geometric"},
        {"loss": "entropy"},
        {"loss": "discernibility"},
        {"loss": "aecs"},
        {"suppression_limit": 1.0, "k": 1},
        {"method": "local"},
    ],
)
def test_policies_that_can_be_asked_for(options):
    MicrodataPolicy(quasi_identifiers=[AGE], **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"l": 1},
        {"l": 2.5, "diversity": "entropy"},
        {"l": 3, "diversity": "recursive", "c": 0.5},
        {"t": 0.0},
        {"t": 1.0, "distance": "ordered"},
        {"t": 0.2, "distance": "ordered", "order": ["low", "high"]},
        {"t": 0.2, "distance": "hierarchical", "hierarchy": TREE},
    ],
)
def test_sensitive_attributes_that_can_be_asked_for(options):
    attribute = SensitiveAttribute("ill", **options)
    assert attribute.order in (None, ("low", "high"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"l": 0}, "l of 1"),
        ({"l": float("nan")}, "l of 1"),
        ({"l": float("inf"), "diversity": "entropy"}, "l of 1"),
        ({"l": 2.5}, "whole number as l of distinct"),
        ({"l": 2.5, "diversity": "recursive", "c": 1.0}, "whole number as l of recursive"),
        ({"diversity": "rich"}, "diversity: expected one of distinct, entropy, recursive"),
        ({"diversity": "recursive"}, "give c with recursive"),
        ({"c": 2.0}, "only with it"),
        ({"diversity": "recursive", "c": 0.0}, "c above 0"),
        ({"t": 1.1}, "t from 0 to 1"),
        ({"t": float("nan")}, "t from 0 to 1"),
        ({"distance": "near"}, "distance: expected one of equal, ordered, hierarchical"),
        ({"distance": "hierarchical"}, "give a hierarchy"),
        ({"hierarchy": TREE}, "only with it"),
        ({"order": ["a"]}, "only with the ordered"),
        ({"order": ["a", "a"], "distance": "ordered"}, "each value once"),
        ({"order": [], "distance": "ordered"}, "each value once"),
        ({"order": "ab", "distance": "ordered"}, "list"),
    ],
)
def test_sensitive_attributes_that_contradict_themselves(options, said):
    with pytest.raises(PolicyError, match=said):
        SensitiveAttribute("ill", **options)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], method="magic"), "method"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], loss="regret"), "loss: expected one"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], aggregate="max"), "aggregate: expected"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], aggregate="geometric"), "coverage"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], k=0), "k: expected a whole number"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], k=2.5), "k: expected a whole number"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], k=True), "k: expected a whole number"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], suppression_limit=1.1), "share"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], suppression_limit=-0.1), "share"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], suppression_limit=float("nan")), "share"),
        (lambda: MicrodataPolicy(quasi_identifiers=[]), "at least one"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE, AGE]), "only once"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], insensitive=["age"]), "only once"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], insensitive="ab"), "list"),
        (lambda: QuasiIdentifier("age", weight=0), "weight"),
        (lambda: QuasiIdentifier("age", weight=float("nan")), "weight"),
        (lambda: QuasiIdentifier("age", weight=float("inf")), "weight"),
    ],
)
def test_contradictions_are_refused(make, said):
    with pytest.raises(PolicyError, match=said):
        make()


def test_lists_are_kept_as_tuples_and_columns_in_order():
    policy = MicrodataPolicy(
        quasi_identifiers=[AGE], sensitive=[SensitiveAttribute("ill")], insensitive=["row"]
    )
    assert policy.columns == ("age", "ill", "row")
    assert hash(policy) == hash(policy)


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("quasi_identifiers", {"quasi_identifiers": ["x"]}),
        ("sensitive", {"quasi_identifiers": [QuasiIdentifier("x")], "sensitive": ["y"]}),
        ("insensitive", {"quasi_identifiers": [QuasiIdentifier("x")], "insensitive": [1]}),
    ],
)
def test_a_name_where_more_is_expected_is_refused(option, given):
    with pytest.raises(PolicyError, match=f"{option}: expected each to be a "):
        MicrodataPolicy(**given)
