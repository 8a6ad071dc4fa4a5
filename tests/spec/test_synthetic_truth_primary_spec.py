"""The truth's measures of primary care and medicines at their borders, counted on the fingers."""

from __future__ import annotations

import datetime as dt

import pytest

from pipelines.synthetic import truth_primary as truth
from tests.support.mini_region import counted

D = dt.date
TEN = (
    "C10AA05", "C09AA05", "C08CA01", "C07AB02", "B01AC06",
    "A02BC05", "N02BE01", "H03AA01", "R03AC02", "N06AX11",
)  # fmt: skip


def diagnosis(code: str, on: dt.date, system: str = "icpc2", **more: object) -> dict[str, object]:
    return {"code": code, "code_system": system, "recorded_on": on, **more}


def drug(atc: str, on: dt.date, **more: object) -> dict[str, object]:
    return {"atc_code": atc, "authored_on": on, **more}


@pytest.mark.parametrize(
    ("tenth", "status", "is_counted"),
    [
        (D(2024, 9, 3), "completed", True),
        (D(2024, 9, 2), "completed", False),
        (D(2024, 12, 31), "active", True),
        (D(2025, 1, 1), "completed", False),
        (D(2024, 12, 1), "cancelled", False),
    ],
)
def test_the_tenth_drug_is_in_the_last_120_days(
    tenth: dt.date, status: str, is_counted: bool
) -> None:
    drugs = [drug(atc, D(2024, 11, 1)) for atc in TEN[:9]] + [drug(TEN[9], tenth, status=status)]
    found = counted(truth.polypharmacy, prescriptions=drugs)
    assert found == ({(2024, "5001"): 1} if is_counted else {})


def test_dementia_counts_for_two_years() -> None:
    found = counted(truth.dementia, conditions=[diagnosis("G309", D(2023, 1, 1), "icd10")])
    assert found == {(2023, "5001"): 1, (2024, "5001"): 1}
    assert counted(truth.dementia, prescriptions=[drug("N06DX01", D(2024, 12, 31))]) == {
        (2024, "5001"): 1,
        (2025, "5001"): 1,
    }
    assert counted(truth.dementia, conditions=[diagnosis("P20", D(2024, 5, 1))]) == {}


@pytest.mark.parametrize(("atc", "is_counted"), [("N05AX08", True), ("N05AN01", False)])
def test_lithium_is_no_antipsychotic(atc: str, is_counted: bool) -> None:
    found = counted(
        truth.dementia_antipsychotics,
        conditions=[diagnosis("P70", D(2024, 5, 1))],
        prescriptions=[drug(atc, D(2024, 3, 1))],
    )
    assert found == ({(2024, "5001"): 1} if is_counted else {})


@pytest.mark.parametrize(
    ("code", "mental", "muscles"),
    [
        ("P01", True, False), ("P29", True, False), ("P30", False, False), ("P69", False, False),
        ("P70", True, False), ("P99", True, False), ("L01", False, True), ("L54", False, False),
        ("L71", False, True), ("L72", False, False), ("L81", False, False), ("L82", False, True),
        ("L95", False, True), ("L96", False, False), ("L97", False, True), ("K86", False, False),
    ],
)  # fmt: skip
def test_chapters_without_process_codes_and_injuries(
    code: str, mental: bool, muscles: bool
) -> None:
    rows = [diagnosis(code, D(2024, 5, 1)), diagnosis(code, D(2024, 6, 1))]
    yes = {(2024, "5001"): 1}
    assert counted(truth.mental_diagnoses, conditions=rows) == (yes if mental else {})
    assert counted(truth.musculoskeletal_diagnoses, conditions=rows) == (yes if muscles else {})


def test_an_antibiotic_belongs_to_the_airways_on_the_day_of_their_diagnosis() -> None:
    day, after = D(2024, 3, 1), D(2024, 3, 2)
    given = {
        "conditions": [diagnosis("R76", day), diagnosis("R05", day), diagnosis("R95", after)],
        "prescriptions": [drug("J01CE02", day), drug("J01AA02", day), drug("J01CE02", after)],
    }
    assert counted(truth.airway_antibiotics, **given) == {(2024, "5001"): 2}
    assert counted(truth.airway_narrow_penicillins, **given) == {(2024, "5001"): 1}


@pytest.mark.parametrize(
    ("days", "is_counted"),
    [
        ([D(2024, 3, 31), D(2024, 4, 1), D(2024, 7, 1)], True),
        ([D(2024, 4, 1), D(2024, 6, 30), D(2024, 7, 1), D(2024, 9, 30)], False),
        ([D(2023, 12, 31), D(2024, 4, 1), D(2024, 7, 1)], False),
    ],
)
def test_long_term_is_three_quarters_of_one_year(days: list[dt.date], is_counted: bool) -> None:
    found = counted(truth.long_term_opioids, prescriptions=[drug("N02AA05", day) for day in days])
    assert found == ({(2024, "5001"): 1} if is_counted else {})


def test_clonazepam_is_not_among_the_benzodiazepines() -> None:
    for atc, is_counted in (("N05CF01", True), ("N03AE01", False)):
        found = counted(truth.benzodiazepines, prescriptions=[drug(atc, D(2024, 12, 31))])
        assert found == ({(2024, "5001"): 1} if is_counted else {}), atc
