"""Microdata policies: what is asked for is either done or refused by name."""

import re

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy, HierarchyError
from anonymization.lattice import LatticeTooLargeError
from anonymization.microdata import anonymize
from anonymization.packing import ColumnError
from anonymization.policies import (
    MicrodataPolicy,
    NotSupportedError,
    PolicyError,
    QuasiIdentifier,
    SensitiveAttribute,
)
from anonymization.risk import assess

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


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: QuasiIdentifier("a", "suppress"), "hierarchy: expected a Hierarchy, got str"),
        (lambda: QuasiIdentifier("a", weight="2"), "weight: expected a number, got str"),
        (lambda: SensitiveAttribute("s", l=None), "l: expected a number, got NoneType"),
        (lambda: SensitiveAttribute("s", t="0.2"), "t: expected a number, got str"),
        (
            lambda: MicrodataPolicy([AGE], suppression_limit="x"),
            "suppression_limit: expected a num",
        ),
        (lambda: MicrodataPolicy([AGE], k_map="2"), "k_map: expected a whole number"),
        (lambda: MicrodataPolicy([AGE], k_map=2.5), "k_map: expected a whole number"),
        (lambda: MicrodataPolicy([AGE], presence=0.5), "Expected a list, got float"),
        (lambda: MicrodataPolicy([AGE], presence=("a", 1)), "presence: expected a number, got str"),
    ],
)
def test_values_of_another_kind_are_refused(make, said):
    with pytest.raises(PolicyError, match=re.escape(said)):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Hierarchy.intervals([2.5, 5.0]), "widths: expected whole numbers, got float"),
        (lambda: Hierarchy.intervals(5), "widths: expected a list, got int"),
        (lambda: Hierarchy.intervals(["5"]), "widths: expected whole numbers, got str"),
        (lambda: Hierarchy.intervals([5], lower=0.5, upper=9), "lower, upper: expected whole num"),
        (lambda: Hierarchy.prefix(3), "prefix: expected a list, got int"),
        (lambda: Hierarchy.from_table({"a": ["x"]}), "from_table: expected a Polars frame"),
    ],
)
def test_hierarchies_of_another_kind_are_refused(make, said):
    with pytest.raises(HierarchyError, match=re.escape(said)):
        make()


def test_tables_of_another_kind_are_refused():
    policy = MicrodataPolicy([AGE])
    frame = pl.DataFrame({"age": [1]})
    with pytest.raises(ColumnError, match="expected a Polars frame, got dict"):
        anonymize({"age": [1]}, policy)
    with pytest.raises(PolicyError, match="expected a MicrodataPolicy, got dict"):
        anonymize(frame, {"k": 2})
    many = pl.DataFrame({f"q{n}": [1] for n in range(80)})
    with pytest.raises(LatticeTooLargeError, match="80 quasi-identifiers are more than the 64"):
        anonymize(many, MicrodataPolicy([QuasiIdentifier(name) for name in many.columns], k=1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quasi_identifiers": "age"}, "quasi_identifiers: expected a list of columns"),
        ({"sensitive": "ill"}, "sensitive: expected a list of columns"),
        ({"threshold": 7}, "threshold: expected a risk from 0 to 1, got 7"),
        ({"population": {"age": [1], "persons": [-5]}}, "whole numbers of 0 or more"),
        ({"population": {"age": [1], "persons": [5.9]}}, "whole numbers of 0 or more, got Float64"),
        ({"population": {"age": [1], "persons": ["5"]}}, "whole numbers of 0 or more, got String"),
    ],
)
def test_assess_checks_what_it_is_given(options, said):
    given = {"quasi_identifiers": ["age"], "sensitive": ["ill"], **options}
    if "population" in given:
        given["population"] = pl.DataFrame(given["population"]).lazy()
    with pytest.raises(ValueError, match=re.escape(said)):
        assess(pl.DataFrame({"age": [1], "ill": ["x"]}), **given)
