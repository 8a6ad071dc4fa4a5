"""Each rule of the indicators' definitions, as a case that can be counted by hand.

A case is a few rows and what the measure must then count: {(year, municipality): value}; None is
a person with a graded address, who has no municipality.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipelines.synthetic import truth_events as events
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.truth import indicator_truth
from pipelines.synthetic.truth_coverage import load_coverage
from tests.support.mini_region import mini_region

D = dt.date


def counted(measure, **tables) -> dict[tuple[int, str | None], float]:
    rows = measure(states.world(mini_region(**tables), load_coverage()))
    summed = rows.group_by("year", "municipality_code").agg(pl.col("value").sum())
    return {(year, code): value for year, code, value in summed.iter_rows()}


def stay(start: dt.date, end: dt.date | None, **more) -> dict:
    return {"started_on": start, "ended_on": end, **more}


def notice(on: dt.date, kind: str = "utskrivningsklar", **more) -> dict:
    return {"sent_on": on, "message_type": kind, **more}


WITHDRAWN = "avmelding-utskrivningsklar"
MARCH = stay(D(2024, 3, 1), D(2024, 3, 10))
GRADED = [{"person": 0, "graded_from": 2025}]

WAITING = {
    "from notice to discharge": ([MARCH], [notice(D(2024, 3, 6))], {(2024, "5001"): 4}),
    "taken the same day": ([MARCH], [notice(D(2024, 3, 10))], {(2024, "5001"): 0}),
    "no notice": ([MARCH], [], {}),
    "withdrawn for good": (
        [MARCH], [notice(D(2024, 3, 6)), notice(D(2024, 3, 7), WITHDRAWN)], {},
    ),
    "withdrawn and renewed": (
        [MARCH],
        [notice(D(2024, 3, 4)), notice(D(2024, 3, 5), WITHDRAWN), notice(D(2024, 3, 8))],
        {(2024, "5001"): 2},
    ),
    "order is by time, not by arrival": (
        [MARCH],
        [notice(D(2024, 3, 8), sent_sequence=9), notice(D(2024, 3, 5), WITHDRAWN, sent_sequence=1)],
        {(2024, "5001"): 2},
    ),
    "renewed on the same day": (
        [MARCH],
        [notice(D(2024, 3, 6)), notice(D(2024, 3, 6), WITHDRAWN), notice(D(2024, 3, 6))],
        {(2024, "5001"): 4},
    ),
    "notice in error": ([MARCH], [notice(D(2024, 3, 6), status="entered-in-error")], {}),
    "notice after discharge": ([MARCH], [notice(D(2024, 3, 11))], {}),
    "withdrawal after discharge changes nothing": (
        [MARCH], [notice(D(2024, 3, 6)), notice(D(2024, 3, 11), WITHDRAWN)], {(2024, "5001"): 4},
    ),
    "the year is that of discharge": (
        [stay(D(2023, 12, 20), D(2024, 1, 4))], [notice(D(2023, 12, 30))], {(2024, "5001"): 5},
    ),
    "municipality of stay, not of residence": (
        [MARCH | {"municipality_of_stay": "5059"}], [notice(D(2024, 3, 6))], {(2024, "5059"): 4},
    ),
    "hospital not covered for the municipality": (
        [MARCH | {"municipality_of_stay": "1508"}], [notice(D(2024, 3, 6))], {},
    ),
    "hospital covered later in the year": (
        [stay(D(2024, 5, 1), D(2024, 5, 9), municipality_of_stay="1508")],
        [notice(D(2024, 5, 7))], {(2024, "1508"): 2},
    ),
    "unfinished": (
        [stay(D(2025, 12, 1), None, status="in-progress")], [notice(D(2025, 12, 5))], {},
    ),
    "cancelled": ([MARCH | {"status": "cancelled"}], [notice(D(2024, 3, 6))], {}),
    "outpatient": ([MARCH | {"class_code": "AMB"}], [notice(D(2024, 3, 6))], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", WAITING)
def test_waiting_days(case: str) -> None:
    encounters, messages, expected = WAITING[case]
    assert counted(events.waiting_days, encounters=encounters, messages=messages) == expected
    same_day = {key: 1 for key, days in expected.items() if days == 0}
    assert counted(events.same_day_episodes, encounters=encounters, messages=messages) == same_day
    ready = dict.fromkeys(expected, 1)
    assert counted(events.ready_episodes, encounters=encounters, messages=messages) == ready


def test_a_graded_person_waits_in_no_municipality_and_on_every_day() -> None:
    encounters = [MARCH | {"municipality_of_stay": "3430"}]
    messages = [notice(D(2024, 3, 6))]
    tables = {"persons": GRADED, "encounters": encounters, "messages": messages}
    assert counted(events.waiting_days, **tables) == {(2024, None): 4}
    assert counted(events.bed_days, **tables) == {(2024, None): 9}


READMISSIONS = {
    # further stays after the discharge of 10 March: index discharges, readmissions
    "none": ([], 1, 0),
    "after one day": ([stay(D(2024, 3, 11), D(2024, 3, 12))], 2, 1),
    "after thirty days": ([stay(D(2024, 4, 9), D(2024, 4, 10))], 2, 1),
    "after thirty-one days": ([stay(D(2024, 4, 10), D(2024, 4, 11))], 2, 0),
    "planned": ([stay(D(2024, 3, 20), D(2024, 3, 21), priority_code="EL")], 2, 0),
    "psychiatry comes back too": (
        [stay(D(2024, 3, 20), D(2024, 3, 21), service_type="psychiatry")], 1, 1,
    ),
    "transfer: the later stay is the index": ([stay(D(2024, 3, 10), D(2024, 3, 14))], 1, 0),
    "transfer and then back": (
        [stay(D(2024, 3, 10), D(2024, 3, 14)), stay(D(2024, 3, 30), D(2024, 3, 31))], 2, 1,
    ),
    "a cancelled stay is none": (
        [stay(D(2024, 3, 20), D(2024, 3, 21), status="cancelled")], 1, 0,
    ),
    "one index, two returns: counted once for each index": (
        [stay(D(2024, 3, 20), D(2024, 3, 21)), stay(D(2024, 4, 1), D(2024, 4, 2))], 3, 2,
    ),
    "still in hospital": ([stay(D(2024, 3, 20), None, status="in-progress")], 1, 1),
    "outpatient": ([stay(D(2024, 3, 20), D(2024, 3, 20), class_code="AMB")], 1, 0),
}  # fmt: skip


@pytest.mark.parametrize("case", READMISSIONS)
def test_readmissions(case: str) -> None:
    more, index, back = READMISSIONS[case]
    tables = {"encounters": [MARCH, *more]}
    assert counted(events.index_discharges, **tables) == {(2024, "5001"): index}
    expected = {(2024, "5001"): back} if back else {}
    assert counted(events.readmissions_30d, **tables) == expected


@pytest.mark.parametrize(
    ("change", "index"),
    [
        ({"ended_on": D(2024, 12, 1)}, 1),
        ({"ended_on": D(2024, 12, 2)}, 0),
        ({"discharge_disposition": "exp"}, 0),
        ({"service_type": "psychiatry"}, 0),
        ({"priority_code": "EL"}, 1),
    ],
)
def test_index_discharges(change: dict, index: int) -> None:
    expected = {(2024, "5001"): index} if index else {}
    assert counted(events.index_discharges, encounters=[MARCH | change]) == expected


def test_residence_decides_where_an_emergency_counts() -> None:
    residence = [
        {"person": 0, "municipality_code": "5059", "valid_to": D(2024, 3, 5)},
        {"person": 0, "municipality_code": "5001", "valid_from": D(2024, 3, 5)},
    ]
    tables = {"encounters": [MARCH], "residence": residence}
    assert counted(events.emergency_stays, **tables) == {(2024, "5059"): 1}
    assert counted(events.index_discharges, **tables) == {(2024, "5001"): 1}


def test_emergencies_need_coverage_and_life_in_the_region() -> None:
    gone = [{"person": 0, "valid_to": D(2024, 2, 1)}]
    assert counted(events.emergency_stays, encounters=[MARCH], residence=gone) == {}
    os = [{"person": 0, "municipality_code": "3430"}]
    assert counted(events.emergency_stays, encounters=[MARCH], residence=os) == {}
    planned = [MARCH | {"priority_code": "EL"}]
    assert counted(events.emergency_stays, encounters=planned) == {}


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


FORMS = {
    "in time": ({}, 1, 1),
    "on the day of the contact": ({"answered_on": D(2024, 2, 10)}, 1, 1),
    "too late": ({"answered_on": D(2024, 2, 11)}, 1, 0),
    "never": ({"answered_on": None, "status": "requested"}, 1, 0),
    "cancelled": ({"status": "cancelled"}, 0, 0),
    "in error": ({"status": "entered-in-error"}, 0, 0),
}


@pytest.mark.parametrize("case", FORMS)
def test_portal_forms(case: str) -> None:
    change, sent, answered = FORMS[case]
    tables = {"portal_forms": [{"person": 0, **change}]}
    key = (2024, "5001")
    assert counted(events.portal_forms_sent, **tables) == ({key: 1} if sent else {})
    assert counted(events.portal_forms_answered, **tables) == ({key: 1} if answered else {})


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


def test_entries_and_staff() -> None:
    staff = [
        {"staff": 0},
        {"staff": 1, "first_login_on": None},
        {"staff": 2, "employed_to": D(2024, 12, 31)},
        {"staff": 3, "first_login_on": D(2025, 1, 1)},
        {"staff": 4, "municipality_code": "5059"},
    ]
    entries = [
        {},
        {"form": "free-text"},
        {"status": "entered-in-error"},
        {"recorded_on": D(2022, 12, 31)},
        {"municipality_code": "5059"},
    ]
    tables = {"staff": staff, "journal_entries": [{"person": 0, **row} for row in entries]}
    assert counted(events.journal_entries, **tables) == {(2024, "5001"): 2}
    assert counted(lambda w: events.journal_entries(w, "structured"), **tables) == {
        (2024, "5001"): 1
    }
    assert counted(events.staff, **tables) == {
        (2023, "5001"): 4,
        (2024, "5001"): 3,
        (2025, "5001"): 3,
    }
    assert counted(lambda w: events.staff(w, active=True), **tables) == {
        (2023, "5001"): 2,
        (2024, "5001"): 1,
        (2025, "5001"): 2,
    }


def truth_of(indicator_id: str, **tables) -> dict[tuple, tuple]:
    truth, _ = indicator_truth(mini_region(**tables))
    rows = truth.filter(pl.col("indicator_id") == indicator_id, pl.col("sex") == "total")
    return {
        (area, group, year): figures
        for area, group, year, *figures in rows.select(
            "area_code", "age_group", "year", "numerator", "denominator", "value", "coverage_state"
        ).iter_rows()
    }


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


def test_a_denominator_that_is_not_public_holds_graded_persons() -> None:
    persons = [{"person": 0}, {"person": 1, "graded_from": 2025}]
    truth = truth_of("diabetes_type2_prevalence", persons=persons)
    assert truth["5001", "total", 2024][:2] == [0, 1]
    assert truth["MIDT", "total", 2024][:2] == [0, 2]


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
