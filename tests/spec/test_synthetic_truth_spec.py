"""Each rule about persons, person-time, areas and coverage, as a case counted by hand.

A case is a few rows and what the measure must then count.
"""

from __future__ import annotations

import datetime as dt

import pytest

from pipelines.synthetic import truth_persons as states
from tests.support.mini_region import counted, stay, truth_of

D = dt.date


CARE = {
    "runs": ({}, [2023, 2024, 2025]),
    "begins on the last day": ({"start_on": D(2024, 12, 31)}, [2024, 2025]),
    "ends on the last day": ({"status": "finished", "end_on": D(2024, 12, 31)}, [2023]),
    "ends the day after": ({"status": "finished", "end_on": D(2025, 1, 1)}, [2023, 2024]),
    "on hold": ({"status": "on-hold"}, []),
    "cancelled": ({"status": "cancelled"}, []),
    "in error": ({"status": "entered-in-error"}, []),
    "another service": ({"service_type_code": "1"}, []),
}


@pytest.mark.parametrize("case", CARE)
def test_users_of_care(case: str) -> None:
    change, years = CARE[case]
    rows = counted(
        lambda world: states.care_users(world, "15"), care_episodes=[{"person": 0, **change}]
    )
    assert rows == {(year, "5001"): 1 for year in years}


def test_long_stay_counts_from_eighty_by_age_reached_in_the_year() -> None:
    rows = counted(
        lambda world: states.care_users(world, "21", least_age=80),
        persons=[{"person": 0, "birth_date": D(1944, 12, 31)}],
        care_episodes=[{"person": 0, "service_type_code": "21"}] * 2,
    )
    assert rows == {(2024, "5001"): 1, (2025, "5001"): 1}


def drugs(*rows: tuple[str, dt.date]) -> list[dict]:
    return [{"person": 0, "atc_code": atc, "authored_on": on} for atc, on in rows]


MAY, JUNE = D(2024, 5, 1), D(2024, 6, 1)
DIABETES = {
    "T90": ([{}], [], True),
    "E11 with a further digit": ([{"code_system": "icd10", "code": "E1165"}], [], True),
    "T90 in error": ([{"verification_status": "entered-in-error"}], [], False),
    "type 1": ([{"code_system": "icd10", "code": "E109"}, {"code": "T89"}], [], False),
    "the same letters in the other system": ([{"code_system": "icd10", "code": "T90"}], [], False),
    "metformin twice": ([], drugs(("A10BA02", MAY), ("A10BA02", JUNE)), True),
    "metformin once": ([], drugs(("A10BA02", MAY)), False),
    "two drugs on one day": ([], drugs(("A10BA02", MAY), ("A10BB12", MAY)), False),
    "for weight": ([], drugs(("A10BJ06", MAY), ("A10BJ06", JUNE)), False),
    "for the heart": ([], drugs(("A10BK01", MAY), ("A10BK01", JUNE)), False),
    "weight drug and metformin": ([], drugs(("A10BJ06", MAY), ("A10BA02", JUNE)), True),
    "insulin": ([], drugs(("A10AB05", MAY), ("A10AB05", JUNE)), False),
    "metformin in pregnancy": (
        [{"code_system": "icd10", "code": "O244"}],
        drugs(("A10BA02", MAY), ("A10BA02", JUNE)), False,
    ),
    "W85": ([{"code": "W85"}], drugs(("A10BA02", MAY), ("A10BA02", JUNE)), False),
    "polycystic ovaries": (
        [{"code_system": "icd10", "code": "E282"}],
        drugs(("A10BA02", MAY), ("A10BA02", JUNE)), False,
    ),
    "pregnancy does not undo a diagnosis": ([{"code": "W85"}, {}], [], True),
    "cancelled prescription": (
        [], [*drugs(("A10BA02", MAY)), drugs(("A10BA02", JUNE))[0] | {"status": "cancelled"}],
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DIABETES)
def test_diabetes(case: str) -> None:
    conditions, prescriptions, ill = DIABETES[case]
    rows = counted(
        states.diabetes_t2,
        conditions=[{"person": 0, **row} for row in conditions],
        prescriptions=prescriptions,
    )
    assert rows == ({(2024, "5001"): 1, (2025, "5001"): 1} if ill else {})


@pytest.mark.parametrize(
    ("on", "years"),
    [
        (D(2021, 12, 31), []),
        (D(2022, 1, 1), [2023]),
        (D(2022, 12, 31), [2023]),
        (D(2023, 1, 1), [2023, 2024]),
        (D(2023, 12, 31), [2023, 2024]),
        (D(2024, 1, 1), [2024, 2025]),
    ],
)
def test_look_back_is_open_below_and_closed_above(on: dt.date, years: list[int]) -> None:
    rows = counted(states.diabetes_t2, conditions=[{"person": 0, "recorded_on": on}])
    assert rows == {(year, "5001"): 1 for year in years}


@pytest.mark.parametrize(
    ("live", "years"),
    [(D(2022, 12, 31), [2023, 2024, 2025]), (D(2023, 1, 1), [2024, 2025]), (None, [])],
)
def test_wash_in_of_an_office(live: dt.date | None, years: list[int]) -> None:
    rows = counted(states.gp_residents, gp_offices=[{"office": 0, "live_from": live}])
    assert rows == {(year, "5001"): 1 for year in years}


def test_portal_activity_is_of_residents_at_the_end_of_the_year() -> None:
    tables = {"portal_sessions": [{"person": 0}, {"person": 0}]}
    assert counted(states.portal_active, **tables) == {(2024, "5001"): 1}
    dead = [{"person": 0, "death_date": D(2024, 12, 31)}]
    assert counted(states.portal_active, persons=dead, **tables) == {}


def test_person_time_is_covered_days_within_life() -> None:
    persons = [
        {"person": 0, "death_date": D(2024, 1, 11)},
        {"person": 1, "birth_date": D(2025, 12, 31)},
        {"person": 2, "graded_from": 2024},
    ]
    residence = [
        {"person": 0},
        {"person": 1, "municipality_code": "1508", "valid_from": D(2025, 12, 31)},
        {"person": 2, "municipality_code": "3430"},
    ]
    rows = counted(
        lambda world: states.person_days(world, "hospital"), persons=persons, residence=residence
    )
    assert rows == {
        (2023, "5001"): 365,
        (2024, "5001"): 10,
        (2025, "1508"): 1,
        (2023, None): 365,
        (2024, None): 366,
        (2025, None): 365,
    }


def test_person_years_are_days_over_the_days_of_the_year() -> None:
    tables = {
        "persons": [{"person": 0, "death_date": D(2024, 1, 11)}, {"person": 1}],
        "residence": [{"person": 0}, {"person": 1}],
        "encounters": [stay(D(2024, 1, 5), D(2024, 1, 6)), stay(D(2024, 1, 8), D(2024, 1, 9))],
    }
    truth = truth_of("emergency_admissions_per_1000", **tables)
    assert truth["5001", "total", 2024] == [2, 376 / 366, 2 / (376 / 366) * 1000, "full"]


def test_a_region_sums_covered_municipalities_and_graded_persons() -> None:
    persons = [
        {"person": 0},
        {"person": 1},
        {"person": 2, "graded_from": 2025},
        {"person": 3, "birth_date": D(2000, 1, 1)},
    ]
    residence = [
        {"person": 0},
        {"person": 1, "municipality_code": "5059"},
        {"person": 2, "municipality_code": "5059"},
        {"person": 3},
    ]
    episodes = [{"person": person} for person in (0, 1, 2)]
    truth = truth_of(
        "home_nursing_users_per_1000", persons=persons, residence=residence, care_episodes=episodes
    )
    assert truth["5001", "total", 2024] == [1, 2, 500, "full"]
    assert truth["5001", "67-79", 2024] == [1, 1, 1000, "full"]
    assert truth["5001", "18-44", 2024] == [0, 1, 0, "full"]
    assert truth["5001", "0-17", 2024] == [0, 0, None, "full"]
    assert truth["5059", "total", 2024] == [None, None, None, "not_covered"]
    # 5059 is not live; the graded person's service counts in the region alone, and the public
    # population does not hold the graded person.
    assert truth["MIDT", "total", 2024][:3] == [2, 2, 1000]


def test_a_graded_person_has_no_office_to_be_covered_by() -> None:
    persons = [{"person": 0}, {"person": 1, "graded_from": 2025}]
    truth = truth_of("diabetes_type2_prevalence", persons=persons)
    assert truth["5001", "total", 2024][:2] == [0, 1]
    assert truth["MIDT", "total", 2024][:2] == [0, 1]


def test_shares_of_coverage_and_the_mean_hospital_share() -> None:
    persons = [{"person": number} for number in range(4)]
    codes = ["1508", "5025", "5054", "3430"]
    residence = [{"person": number, "municipality_code": code} for number, code in enumerate(codes)]
    truth = truth_of("emergency_admissions_per_1000", persons=persons, residence=residence)
    states_of = {key: figures[-1] for key, figures in truth.items() if key[1] == "total"}
    # Ålesund's hospital goes live on 27 April 2024; Røros has 13 % of its stays outside the
    # region; Indre Fosen passes 95 % when the hospital in the north joins; Os never is covered.
    assert states_of["1508", "total", 2024] == "not_covered"
    assert states_of["1508", "total", 2025] == "full"
    assert states_of["5025", "total", 2025] == "flagged"
    assert states_of["5054", "total", 2024] == "flagged"
    assert states_of["5054", "total", 2025] == "full"
    assert states_of["3430", "total", 2025] == "not_covered"
