"""Each rule about stays, messages, forms and entries, as a case that can be counted by hand.

A case is a few rows and what the measure must then count.
"""

from __future__ import annotations

import datetime as dt

import pytest

from pipelines.synthetic import truth_events as events
from tests.support.mini_region import counted, notice, stay

D = dt.date


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
