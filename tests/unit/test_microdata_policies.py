"""Microdata policies: what is asked for is either done or refused by name."""

import pytest

from anonymization.policies import (
    MicrodataPolicy,
    NotSupportedError,
    PolicyError,
    QuasiIdentifier,
    SensitiveAttribute,
)

AGE = QuasiIdentifier("age")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("method", "local"),
        ("method", "partition"),
        ("loss", "coverage"),
        ("loss", "discernibility"),
        ("loss", "entropy"),
        ("loss", "aecs"),
        ("aggregate", "geometric"),
        ("seed", 7),
    ],
)
def test_what_is_not_built_yet_is_refused_by_name(option, value):
    with pytest.raises(NotSupportedError, match=rf"{option}={value!r} is not supported yet"):
        MicrodataPolicy(quasi_identifiers=[AGE], **{option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("diversity", "entropy"),
        ("diversity", "recursive"),
        ("c", 2.0),
        ("t", 0.2),
    ],
)
def test_models_that_are_not_built_yet_are_refused(option, value):
    with pytest.raises(NotSupportedError, match=f"'ill': {option}="):
        SensitiveAttribute("ill", **{option: value})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], method="magic"), "method"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], k=0), "k: expected 1"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], suppression_limit=1.1), "share"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], suppression_limit=-0.1), "share"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], suppression_limit=float("nan")), "share"),
        (lambda: MicrodataPolicy(quasi_identifiers=[]), "at least one"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE, AGE]), "only once"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], insensitive=["age"]), "only once"),
        (lambda: MicrodataPolicy(quasi_identifiers=[AGE], insensitive="ab"), "list"),
        (lambda: QuasiIdentifier("age", weight=0), "weight"),
        (lambda: QuasiIdentifier("age", weight=float("nan")), "weight"),
        (lambda: SensitiveAttribute("ill", l=0), "l of 1"),
        (lambda: SensitiveAttribute("ill", distance="ordered"), "distance"),
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
