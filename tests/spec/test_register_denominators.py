"""Public denominators by the population register, counted on the fingers, in the real models."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from tests.support.compiled_models import Dbt
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.warehouse import Warehouse

pytestmark = ignoring_library_warnings
METADATA = {"source": "spec", "delivery": "spec", "transaction_time": "2030-01-01T00:00:00Z"}
OLDEST = 92
"""The open group of this register."""


def counted(code: str, year: int, age: int, persons: int | None, sex: str = "female") -> Any:
    return {
        "municipality": code, "sex": sex, "age": age, "top_coded": age == OLDEST,
        "on_date": dt.date(year, 1, 1), "persons": persons, "status": None,
    }  # fmt: skip


REGISTER = [
    # Trondheim: of those who were 39 on 1 January two have left, or died.
    counted("5001", 2023, 38, 9),
    counted("5001", 2024, 39, 12),
    counted("5001", 2024, 40, 7),
    counted("5001", 2025, 40, 10),
    counted("5001", 2025, 39, 8),
    # Born in the year, and the oldest, who stay together.
    counted("5001", 2024, 0, 5),
    counted("5001", 2025, 0, 6),
    counted("5001", 2024, OLDEST - 1, 3),
    counted("5001", 2024, OLDEST, 2),
    counted("5001", 2025, OLDEST - 1, 1),
    counted("5001", 2025, OLDEST, 4),
    # Ålesund, divided in the night to 2024.
    counted("1507", 2023, 39, 20),
    counted("1508", 2024, 40, 15),
    counted("1580", 2024, 40, 4),
    # Not live.
    counted("1511", 2024, 39, 50),
    counted("1511", 2025, 40, 50),
]
AGES = (0, 39, 40, 41, OLDEST)


def whole(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, and nobody in every other cell of their municipality, day and sex."""
    keys = ("municipality", "on_date", "sex", "age")
    given = {tuple(row[key] for key in keys): row for row in rows}
    for code, on in {(row["municipality"], row["on_date"]) for row in rows}:
        for sex in ("female", "male"):
            for age in range(OLDEST + 1):
                given.setdefault((code, on, sex, age), counted(code, on.year, age, 0, sex))
    return list(given.values())


def person(key: str, *, graded: bool = False, born: int = 1984) -> dict[str, Any]:
    birth = dt.date(born, 5, 1)
    return {
        "patient_key": key,
        "sex": "female",
        "birth_date": birth,
        "is_graded": graded,
    } | METADATA


def lives(key: str, code: str) -> dict[str, Any]:
    since = dt.date(2020, 1, 1)
    return {"patient_key": key, "municipality_code": code, "valid_from": since} | METADATA


def nursed(key: str) -> dict[str, Any]:
    return {
        "patient_key": key, "episode_key": f"care-{key}", "status": "active",
        "service_type_code": "15", "start_on": dt.date(2022, 1, 1),
    } | METADATA  # fmt: skip


KNOWN = {"a": "5001", "b": "5001", "c": "1511", "moved in": "5001"}
"""Women of 40 in 2024, two in Trondheim who have home nursing and one where nothing is live; and
one of 41 in Trondheim, whom its register does not know yet."""


@pytest.fixture(scope="module")
def home(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A journal that knows four women; one more in Trondheim has a graded address."""
    one = Warehouse(tmp_path_factory.mktemp("home"), dbt)
    known = [person(key, born=1983 if key == "moved in" else 1984) for key in KNOWN]
    one.write_journal(
        {
            "patient": [*known, person("hidden", graded=True)],
            "residence": [lives(key, code) for key, code in KNOWN.items()],
            "care_episode": [nursed(key) for key in ("a", "b", "moved in", "hidden")],
        }
    )
    one.write_catalogue(range(2023, 2025), public_denominators="register")
    one.write_register(whole(REGISTER))
    one.write_single_year_strata()
    one.dbt("--quiet", "run", "--select", "tag:pre_strata", "tag:post_strata")
    return one


@pytest.fixture(scope="module")
def measured(home: Warehouse) -> dict[tuple[Any, ...], tuple[float | None, int | None]]:
    """Value and persons by measure, service, year, municipality and age, of women."""
    rows = home.table("intermediate.int_register_measures").filter(pl.col("sex") == "female")
    keys = ("measure_id", "service", "year", "municipality_code", "age")
    return {
        tuple(row[key] for key in keys): (row["value"], row["persons"])
        for row in rows.iter_rows(named=True)
    }


@pytest.mark.parametrize(
    ("year", "code", "age", "value"),
    [
        (2023, "5001", 39, 12.0),
        (2024, "5001", 40, 10.0),
        (2024, "5001", 0, 6.0),
        (2024, "5001", OLDEST, 4.0),
        # On 31 December 2023 there is 1507, the day after 1508 and 1580.
        (2023, "1507", 40, 19.0),
    ],
)
def test_residents_are_those_of_the_day_after(
    year: int, code: str, age: int, value: float, measured: dict[Any, Any]
) -> None:
    assert measured["residents", None, year, code, age] == (value, int(value))


def test_no_code_has_residents_before_or_after_it_is_valid(measured: dict[Any, Any]) -> None:
    found = {(key[2], key[3]) for key in measured if key[3] in {"1507", "1508", "1580"}}
    assert found == {(2023, "1507")}


@pytest.mark.parametrize(
    ("age", "value", "persons"),
    [
        # (12 who were 39 when the year began + 10 who are 40 when it ends) / 2. The twin, along
        # the age and not the cohort: (7 + 10) / 2.
        (40, 11.0, 12),
        (0, 3.0, 6),
        (OLDEST - 1, 0.5, 1),
        (OLDEST, 4.5, 5),
        (41, 3.5, 7),
    ],
)
def test_person_years_are_the_mean_of_both_ends_along_the_cohort(
    age: int, value: float, persons: int, measured: dict[Any, Any]
) -> None:
    assert measured["person_years", "hospital", 2024, "5001", age] == (value, persons)


def test_person_years_are_of_covered_days_alone(measured: dict[Any, Any]) -> None:
    """Ålesund went live on 28 April 2023: 248 of 365 days."""
    value, persons = measured["person_years", "municipal_care", 2023, "1507", 40]
    assert value == pytest.approx(248 / 365 * (20 + 19) / 2)
    assert persons == 20


def test_only_live_municipalities_have_live_residents(measured: dict[Any, Any]) -> None:
    live = {key[3] for key in measured if key[0] == "residents_live" and key[2] == 2024}
    assert "5001" in live
    assert "1511" not in live


def marts(home: Warehouse, indicator: str, year: int = 2024) -> dict[str, dict[str, Any]]:
    rows = home.table("marts.fct_indicator_counts").filter(
        pl.col("indicator_id") == indicator,
        pl.col("period_start").dt.year() == year,
        pl.col("age_from") == 40,
        pl.col("sex") == "female",
    )
    return {row["area_code"]: row for row in rows.iter_rows(named=True)}


def test_a_graded_person_is_in_the_registers_denominator_and_the_regions_numerator(
    home: Warehouse,
) -> None:
    found = marts(home, "home_nursing_users_per_1000")
    assert set(found) == {"5001", "MIDT"}
    place, region = found["5001"], found["MIDT"]
    assert (place["numerator"], place["denominator"]) == (2.0, 10.0)
    # The region is the sum of its covered municipalities: subtraction leaves nothing.
    assert (region["numerator"], region["denominator"]) == (3.0, 10.0)
    assert (place["denominator_persons"], place["complement_persons"]) == (10, 8)
    assert region["complement_persons"] == 7


def test_adoption_counts_both_sides_by_the_register(home: Warehouse) -> None:
    found = marts(home, "adoption_inhabitants_share")
    assert (found["5001"]["numerator"], found["5001"]["denominator"]) == (10.0, 10.0)
    assert (found["1511"]["numerator"], found["1511"]["denominator"]) == (0.0, 50.0)
    assert (found["MIDT"]["numerator"], found["MIDT"]["denominator"]) == (10.0, 60.0)
    assert found["MIDT"]["numerator_persons"] == 10


def test_protected_denominators_stay_the_journals(home: Warehouse) -> None:
    rows = home.table("marts.fct_indicator_counts").filter(
        pl.col("indicator_id") == "diabetes_type2_prevalence"
    )
    assert rows["denominator"].sum() <= len(KNOWN)


def test_the_regions_coverage_weighs_by_the_register(home: Warehouse) -> None:
    """The twin weighs by residents of the journal: three of four."""
    shares = home.table("marts.fct_coverage").filter(
        pl.col("indicator_id") == "home_nursing_users_per_1000",
        pl.col("area_code") == "MIDT",
        pl.col("period_start").dt.year() == 2024,
    )
    people = sum(row["persons"] for row in REGISTER if row["on_date"] == dt.date(2025, 1, 1))
    covered = people - 50
    assert shares["covered_share"].to_list() == pytest.approx([covered / people])


@pytest.mark.parametrize(
    ("county", "state", "share"), [("50", "full", 1.0), ("15", "not_covered", 0.0)]
)
def test_a_county_is_covered_as_far_as_its_municipalities_are(
    home: Warehouse, county: str, state: str, share: float
) -> None:
    """Those of 5001 are live, those of 1511 are not."""
    (row,) = home.table("marts.fct_coverage").filter(
        pl.col("indicator_id") == "home_nursing_users_per_1000",
        pl.col("area_level") == "county",
        pl.col("area_code") == county,
        pl.col("period_start").dt.year() == 2024,
    ).iter_rows(named=True)  # fmt: skip
    assert (row["coverage_state"], row["covered_share"]) == (state, share)


def test_more_than_are_registered_is_a_warning_with_counts(home: Warehouse) -> None:
    """Nobody of 41 is registered, and one is counted. With the journal's denominators, an error."""
    found = marts_of_all_ages(home)
    assert found.filter(pl.col("numerator") > pl.col("denominator")).height > 0
    home.dbt("--quiet", "test", "--select", "fct_indicator_counts")
    with pytest.raises(RuntimeError, match="numerator_within_denominator"):
        broken_in_the_journal(home)


def marts_of_all_ages(home: Warehouse) -> pl.DataFrame:
    return home.table("marts.fct_indicator_counts").filter(
        pl.col("indicator_id") == "home_nursing_users_per_1000"
    )


def broken_in_the_journal(home: Warehouse) -> None:
    """The same table, judged as if its denominators were the journal's."""
    home.write_catalogue(range(2023, 2025), public_denominators="journal")
    try:
        home.dbt("test", "--select", "fct_indicator_counts")
    finally:
        home.write_catalogue(range(2023, 2025), public_denominators="register")


def test_what_the_register_does_not_know_stops_the_models(home: Warehouse) -> None:
    """The twin, a sum that passes over it, is what the model would be without `is_known`."""
    unknown = [
        row | {"persons": None}
        if (row["municipality"], row["on_date"].year, row["age"]) == ("5001", 2025, 40)
        else row
        for row in whole(REGISTER)
    ]
    home.write_register(unknown)
    home.dbt("--quiet", "run", "--select", "int_register_population", "int_register_measures")
    rows = home.table("intermediate.int_register_measures").filter(
        pl.col("municipality_code") == "5001", pl.col("age") == 40, pl.col("year") == 2024
    )
    assert rows["value"].null_count() == rows.height > 0
    with pytest.raises(RuntimeError, match="register_gives_all_denominators"):
        home.dbt("test", "--select", "register_gives_all_denominators")
    home.write_catalogue(range(2023, 2025), public_denominators="journal")
    home.dbt("--quiet", "test", "--select", "register_gives_all_denominators")
