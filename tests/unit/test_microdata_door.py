"""What the microdata door does around generalising: one row per person, new pseudonyms, order."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from anonymization.hierarchies import Hierarchy
from anonymization.keys import Key
from anonymization.microdata import NoSolutionError
from anonymization.microdata_door import Destination, Passed, pass_microdata_door
from anonymization.packing import ColumnError
from anonymization.policies import (
    MicrodataPolicy,
    PolicyError,
    QuasiIdentifier,
    SensitiveAttribute,
)
from anonymization.pseudonyms import Pseudonymiser
from anonymization.risk import assess

KEY = Key("k1", 1, bytes(range(32)))
HERE = Destination("r1", "analysts", "conditions")
POLICY = MicrodataPolicy(
    k=2,
    quasi_identifiers=(
        QuasiIdentifier("year"),
        QuasiIdentifier("age", Hierarchy.intervals([10], lower=0, upper=99)),
    ),
    sensitive=(SensitiveAttribute("ill"),),
    method="local",
)


def people(*years: int, ages: tuple[int, ...] = (31, 32, 33, 71, 72)) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"person_id": f"p{n}", "year": year, "age": age, "ill": n % 2 == 0, "name": "Kari"}
            for year in years
            for n, age in enumerate(ages)
        ]
    )


def passed(
    frame: pl.DataFrame | pl.LazyFrame,
    policy: MicrodataPolicy = POLICY,
    destination: Destination = HERE,
    key: Key = KEY,
) -> Passed:
    return pass_microdata_door(frame, policy, destination, key=key)


def test_the_table_by_example() -> None:
    made = passed(people(2024))
    assert made.table.columns == ["person_year_key", "year", "age", "ill"]
    assert sorted(made.table["age"]) == ["30-39"] * 3 + ["70-79"] * 2
    assert made.table["ill"].sum() == 3
    assert made.anonymized.suppressed == 0
    assert made.anonymized.table.is_empty()
    text = made.table.write_csv() + repr(made)
    assert not [secret for secret in ("Kari", "p0", "p4") if secret in text]


def test_pseudonyms_change_with_whatever_a_table_is_made_for() -> None:
    frame = people(2023, 2024)
    base = passed(frame).table
    assert base["person_year_key"].str.contains("^[0-9a-f]{32}$").all()
    assert base["person_year_key"].n_unique() == base.height, "no person is the same in two years"
    own = set(base["person_year_key"])
    for other in (
        replace(HERE, release="r2"),
        replace(HERE, recipient="others"),
        replace(HERE, table="contacts"),
        Destination("r1", "analysts:10", "conditions"),
    ):
        assert not own & set(passed(frame, destination=other).table["person_year_key"])
    assert not own & set(passed(frame, key=Key("k2", 2, bytes(32))).table["person_year_key"])


def test_no_two_destinations_share_a_purpose() -> None:
    apart = {
        Destination(*parts).purpose
        for parts in (("a", "b", "c"), ("a:1:b", "c", "d"), ("a", "1:b:1:c", "d"), ("ab", "c", "d"))
    }
    assert len(apart) == 4


@pytest.mark.parametrize("parts", [("", "a", "t"), ("r", "", "t"), ("r", "a", "")])
def test_a_destination_is_named_in_full(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="must all be named"):
        Destination(*parts)


def test_restricted_pseudonyms_cannot_be_joined() -> None:
    frame = people(2024)
    restricted = Pseudonymiser(KEY).column(frame["person_id"], domain="person")
    made = passed(frame.with_columns(restricted)).table
    assert not set(restricted) & set(made["person_year_key"])


def test_the_order_of_rows_tells_nothing() -> None:
    frame = people(2023, 2024)
    made = passed(frame).table
    assert passed(frame.reverse()).table.equals(made)
    assert passed(frame.lazy()).table.equals(made)
    assert made.equals(made.sort("person_year_key"))


def test_what_cannot_be_kept_is_left_out_within_the_limit() -> None:
    frame = people(2023, ages=(31, 32)).vstack(people(2024, ages=(40,)))
    with pytest.raises(NoSolutionError):
        passed(frame)
    made = passed(frame, replace(POLICY, suppression_limit=0.34))
    assert made.anonymized.suppressed == 1
    assert made.table["year"].unique().to_list() == [2023]
    nobody = passed(people(2024, ages=(40,)), replace(POLICY, suppression_limit=1.0))
    assert nobody.table.is_empty()
    assert nobody.table.columns == made.table.columns


def test_every_class_holds_in_every_year() -> None:
    made = passed(people(2022, 2023, 2024, ages=tuple(range(0, 99, 4))), replace(POLICY, k=3))
    report = assess(made.table, ["year", "age"], POLICY.sensitive)
    assert report.k is not None
    assert report.k >= 3
    assert report.l == {"ill": 2}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (people(2024).vstack(people(2024).head(1)), "1 of 6 rows repeat a person"),
        (people(2024).with_columns(age=pl.lit(None, pl.Int64)), "5 of 5 rows lack the person"),
        (people(2024).with_columns(person_id=pl.lit(None, pl.String)), "5 of 5 rows lack"),
    ],
)
def test_unfit_rows_are_refused_without_their_content(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        passed(frame)
    assert "31" not in str(refused.value)


def test_missing_columns_are_named() -> None:
    with pytest.raises(ColumnError, match="are needed: ill"):
        passed(people(2024).drop("ill"))


@pytest.mark.parametrize(
    "policy",
    [
        replace(POLICY, quasi_identifiers=POLICY.quasi_identifiers[1:]),
        replace(
            POLICY,
            quasi_identifiers=(
                QuasiIdentifier("year", Hierarchy.suppress()),
                *POLICY.quasi_identifiers[1:],
            ),
        ),
    ],
)
def test_years_must_not_be_merged(policy: MicrodataPolicy) -> None:
    with pytest.raises(PolicyError, match="years are never"):
        passed(people(2024), policy)


@pytest.mark.parametrize("name", ["person_id", "person_year_key"])
def test_the_restricted_pseudonym_is_not_to_be_shown(name: str) -> None:
    with pytest.raises(PolicyError, match="stays behind"):
        passed(people(2024), replace(POLICY, insensitive=(name,)))
