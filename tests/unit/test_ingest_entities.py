"""The entities that later indicators need: what a good resource becomes, and what refuses a line.

Belongs here: one good resource of each entity, one case per rule that can refuse a line, and
canaries in whatever is left behind. Does not belong here: the entity files themselves, and the
entities that were there from the beginning (``test_ingest_catalogue``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.entities import load_entities
from pipelines.settings import Zones
from tests.support.deliveries import (
    FOLKEPULS,
    HER,
    KEY,
    bed_capacity,
    blood_pressure,
    care_decision,
    claim,
    coding,
    concept,
    condition,
    immunization,
    migration_count,
    observation,
    patient,
    procedure,
    reservation,
    rows,
    take,
    worklist_item,
    write_delivery,
)

D = dt.date
Make = Callable[..., dict[str, Any]]
MORE = [{"valueString": "Nordkanari"}, {"text": "Nordkanari"}]


def message(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Communication",
        "id": f"mel-{n}",
        "extension": [coding("municipality", "5001")],
        "status": "completed",
        "category": [{"coding": [{"code": "svar-foresporsel"}]}],
        "subject": {"reference": f"Patient/pas-{person}"},
        "inResponseTo": [{"reference": "Communication/mel-0"}],
        "sent": "2024-03-01T08:00:00+01:00",
        "payload": [{"contentString": "Hilsen Nordkanari"}],
        **changes,
    }


def form(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    """A form as it always came, which states no kind; with a municipality that must not pass."""
    stated = {
        "code": concept(FOLKEPULS + "task", "questionnaire"),
        "for": {"reference": f"Patient/pas-{person}"},
    }
    return worklist_item(n, **{**stated, **changes})


def employment(n: int, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "PractitionerRole",
        "id": f"ans-{n}",
        "extension": [{"url": FOLKEPULS + "trained-on", "valueDate": "2023-10-02"}],
        "period": {"start": "2013-02-15"},
        "organization": {
            "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.1.3402", "value": "5001"}
        },
        "practitioner": {"display": "Nordkanari"},
        **changes,
    }


DELIVERERS = {
    observation: "sykehus",
    blood_pressure: "kommuner",
    procedure: "kommuner",
    immunization: "primaerhelse",
    care_decision: "kommuner",
    bed_capacity: "kommuner",
    reservation: "innbyggertjeneste",
    migration_count: "kommuner",
    claim: "primaerhelse",
    condition: "sykehus",
    message: "kommuner",
    worklist_item: "kommuner",
    form: "innbyggertjeneste",
    employment: "kommuner",
}
GOOD: list[tuple[Make, str, dict[str, Any]]] = [
    (
        observation,
        "observation",
        {
            "status": "final",
            "code": "NPU27300",
            "value": 48.0,
            "systolic": None,
            "observed_on": D(2024, 3, 1),
            "municipality_code": None,
        },
    ),
    (
        blood_pressure,
        "observation",
        {
            "code": "85354-9",
            "value": None,
            "systolic": 142.0,
            "diastolic": 81.5,
            "municipality_code": "5001",
            "provider_key": None,
        },
    ),
    (
        procedure,
        "procedure",
        {
            "code": "medication_review",
            "performed_on": D(2024, 3, 1),
            "municipality_code": "5001",
        },
    ),
    (
        immunization,
        "immunization",
        {"vaccine_code": "J07BD52", "dose_number": 2.0, "given_on": D(2024, 3, 1)},
    ),
    (
        care_decision,
        "care_decision",
        {
            "service_type_code": "15",
            "municipality_code": "5001",
            "decided_on": D(2024, 3, 1),
            "first_service_on": D(2024, 3, 9),
        },
    ),
    (
        bed_capacity,
        "bed_capacity",
        {
            "municipality_code": "5001",
            "beds": 24.0,
            "valid_from": D(2022, 1, 1),
            "valid_to": D(2024, 7, 1),
        },
    ),
    (
        reservation,
        "reservation",
        {"purpose": "planning", "valid_from": D(2023, 5, 1), "valid_to": None},
    ),
    (
        migration_count,
        "migration_count",
        {
            "municipality_code": "5001",
            "measure": "service_users",
            "received": 1204.0,
            "confirmed": 1198.0,
            "counted_on": D(2023, 11, 5),
        },
    ),
    (
        claim,
        "claim",
        {
            "service": "gp",
            "contact_type": "consultation",
            "billed_on": D(2024, 3, 1),
            "municipality_code": None,
        },
    ),
    (condition, "condition", {"code": "E119", "encounter_key": None}),
    (message, "message", {"message_type": "svar-foresporsel", "encounter_key": None}),
    (
        worklist_item,
        "portal_form",
        {
            "task_kind": "worklist_item",
            "patient_key": None,
            "municipality_code": "5001",
            "sent_on": D(2024, 3, 1),
            "answered_on": D(2024, 3, 4),
            "due_on": D(2024, 3, 8),
        },
    ),
    # What a form says of a municipality stays behind: it would tell where somebody lives.
    (form, "portal_form", {"task_kind": "form", "municipality_code": None}),
    (employment, "staff", {"trained_on": D(2023, 10, 2), "first_login_on": None}),
]


def pseudonym(domain: str, value: str) -> str:
    return str(Pseudonymiser(KEY).column(pl.Series([value]), domain=domain)[0])


def delivered(zones: Zones, make: Make, *resources: dict[str, Any]) -> Any:
    """The account of one file with these resources."""
    name = f"{resources[0]['resourceType']}-1.ndjson"
    delivery = write_delivery(zones.inbox, "d1", {name: resources}, organisation=DELIVERERS[make])
    (file,) = take(zones, delivery).files
    return file


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones(tmp_path).create()


@pytest.mark.parametrize(("make", "table", "expected"), GOOD, ids=[g[0].__name__ for g in GOOD])
def test_what_becomes_of_a_good_resource(
    make: Make, table: str, expected: dict[str, Any], zones: Zones
) -> None:
    file = delivered(zones, make, make(1))
    assert (file.loaded_rows, file.unexpected_fields) == (1, ()), file
    row = rows(zones, table).row(0, named=True)
    assert {name: row[name] for name in expected} == expected
    keys = [value for name, value in row.items() if name.endswith("_key") and value]
    assert keys
    assert all(len(value) == 32 for value in keys)
    assert "Nordkanari" not in str(row)


@pytest.mark.parametrize("make", DELIVERERS, ids=[make.__name__ for make in DELIVERERS])
def test_whatever_is_dropped_stays_behind(make: Make, zones: Zones) -> None:
    """A canary in every element that the catalogue leaves, of whatever shape it comes in."""
    good = make(1)
    dropped = load_entities()[good["resourceType"]].dropped
    for number, name in enumerate(dropped):
        good.setdefault(name, ["Nordkanari", {"text": "Nordkanari"}, MORE][number % 3])
    file = delivered(zones, make, good)
    assert (file.loaded_rows, file.unexpected_fields) == (1, ()), file
    for folder in (zones.restricted, zones.steward):
        for path in folder.rglob("*"):
            assert not path.is_file() or b"Nordkanari" not in path.read_bytes(), path.name


ELSEWHERE = concept("http://elsewhere.example/codes", "fall")
REFUSED: list[tuple[Make, dict[str, Any], str]] = [
    (observation, {"status": "registered"}, "code_not_allowed"),
    (observation, {"code": {"text": "HbA1c"}}, "missing_required"),
    (observation, {"code": ELSEWHERE}, "unknown_code_system"),
    (observation, {"code": concept("http://loinc.org", "HbA1c, Kari")}, "code_not_allowed"),
    (observation, {"effectiveDateTime": "2024-03"}, "invalid_date"),
    (observation, {"effectiveDateTime": None}, "missing_required"),
    (observation, {"valueQuantity": {"value": 1e9}}, "value_out_of_range"),
    (observation, {"subject": {"display": "Kari"}}, "missing_required"),
    (observation, {"extension": [coding("municipality", "x")]}, "code_not_allowed"),
    (procedure, {"status": "preparation"}, "code_not_allowed"),
    (procedure, {"code": concept(FOLKEPULS + "procedure", "surgery")}, "code_not_allowed"),
    (procedure, {"code": ELSEWHERE}, "unknown_code_system"),
    (procedure, {"extension": []}, "missing_required"),
    (procedure, {"performedDateTime": None}, "missing_required"),
    (immunization, {"status": "planned"}, "code_not_allowed"),
    (immunization, {"vaccineCode": {"text": "MMR"}}, "missing_required"),
    (immunization, {"vaccineCode": ELSEWHERE}, "unknown_code_system"),
    (immunization, {"protocolApplied": [{"doseNumberPositiveInt": 0}]}, "value_out_of_range"),
    (immunization, {"occurrenceDateTime": "2024-02-30"}, "invalid_date"),
    (immunization, {"patient": None}, "missing_required"),
    (care_decision, {"status": "draft"}, "code_not_allowed"),
    (care_decision, {"intent": "proposal"}, "code_not_allowed"),
    (care_decision, {"intent": None}, "missing_required"),
    (care_decision, {"code": ELSEWHERE}, "unknown_code_system"),
    (
        care_decision,
        {"code": concept("urn:oid:2.16.578.1.12.4.1.1.9151", "12")},
        "code_not_allowed",
    ),
    (care_decision, {"authoredOn": None}, "missing_required"),
    (care_decision, {"extension": []}, "missing_required"),
    (bed_capacity, {"identifier": []}, "missing_required"),
    (bed_capacity, {"extension": []}, "missing_required"),
    (
        bed_capacity,
        {"identifier": [{"system": FOLKEPULS + "service-unit", "value": "a unit"}]},
        "invalid_identifier",
    ),
    (reservation, {"status": "draft"}, "code_not_allowed"),
    (reservation, {"provision": {"type": "permit"}}, "code_not_allowed"),
    (reservation, {"provision": {"type": "deny"}}, "missing_required"),
    (migration_count, {"status": "pending"}, "code_not_allowed"),
    (migration_count, {"extension": []}, "missing_required"),
    (migration_count, {"date": None}, "missing_required"),
    (claim, {"status": "draft"}, "code_not_allowed"),
    (claim, {"use": "preauthorization"}, "code_not_allowed"),
    (claim, {"type": ELSEWHERE}, "unknown_code_system"),
    (claim, {"subType": concept(FOLKEPULS + "contact-type", "fax")}, "code_not_allowed"),
    (claim, {"created": None}, "missing_required"),
    (
        claim,
        {"provider": {"identifier": {"system": "urn:other", "value": "80001"}}},
        "unknown_code_system",
    ),
    (condition, {"encounter": {"reference": "Encounter/" + "x" * 65}}, "invalid_identifier"),
    (message, {"status": "preparation"}, "code_not_allowed"),
    (message, {"category": [{"coding": [{"code": "avviksmelding"}]}]}, "code_not_allowed"),
    (message, {"inResponseTo": [{"reference": "Communication/a b"}]}, "invalid_identifier"),
    (form, {"for": None}, "missing_required"),
    (form, {"for": {"display": "Kari"}}, "missing_required"),
    (form, {"code": concept(FOLKEPULS + "task-kind", "errand")}, "code_not_allowed"),
    (worklist_item, {"restriction": {"period": {"end": "soon"}}}, "invalid_date"),
    (worklist_item, {"extension": [coding("municipality", "50")]}, "code_not_allowed"),
    (
        employment,
        {"extension": [{"url": FOLKEPULS + "trained-on", "valueDate": "2023"}]},
        "invalid_date",
    ),
]


@pytest.mark.parametrize(
    ("make", "change", "reason"),
    REFUSED,
    ids=[f"{r[0].__name__}-{n}" for n, r in enumerate(REFUSED)],
)
def test_what_refuses_a_line(make: Make, change: dict[str, Any], reason: str, zones: Zones) -> None:
    file = delivered(zones, make, make(1), make(2, **change))
    assert (file.loaded_rows, dict(file.quarantined)) == (1, {reason: 1})


def extended(make: Make, **values: dict[str, Any]) -> dict[str, Any]:
    """A resource whose extensions of the given names hold something else."""
    whole = make(2)
    for one in whole["extension"]:
        name = one["url"].removeprefix(FOLKEPULS)
        if name in values:
            one.clear()
            one.update({"url": FOLKEPULS + name, **values[name]})
    return whole


@pytest.mark.parametrize(
    ("make", "values", "reason"),
    [
        (bed_capacity, {"beds": {"valueInteger": -1}}, "value_out_of_range"),
        (bed_capacity, {"valid": {"valuePeriod": {"end": "2024-07-01"}}}, "missing_required"),
        (migration_count, {"measure": {"valueCode": "cars"}}, "code_not_allowed"),
        (migration_count, {"received": {"valueInteger": -1}}, "value_out_of_range"),
        (migration_count, {"confirmed": {}}, "missing_required"),
    ],
)
def test_what_refuses_a_line_for_an_extension(
    make: Make, values: dict[str, Any], reason: str, zones: Zones
) -> None:
    file = delivered(zones, make, make(1), extended(make, **values))
    assert (file.loaded_rows, dict(file.quarantined)) == (1, {reason: 1})


def test_a_second_purpose_is_not_lost_in_silence(zones: Zones) -> None:
    both = reservation(2)
    both["provision"]["purpose"].append({"system": FOLKEPULS + "purpose", "code": "research"})
    file = delivered(zones, reservation, reservation(1), both)
    assert (file.loaded_rows, dict(file.quarantined)) == (1, {"not_one_value": 1})


def test_keys_lead_to_the_rows_they_are_about(zones: Zones) -> None:
    stay = {"encounter": {"reference": "Encounter/enk-7"}, "recorder": None}
    delivered(zones, condition, condition(1, **stay))
    (found,) = rows(zones, "condition").iter_rows(named=True)
    assert found["encounter_key"] == pseudonym("encounter", "enk-7")
    assert found["provider_key"] is None


def test_an_answer_leads_to_the_message_it_answers(zones: Zones) -> None:
    question = message(
        0, category=[{"coding": [{"code": "foresporsel"}]}], inResponseTo=None, status="not-done"
    )
    delivered(zones, message, question, message(1))
    asked, answered = sorted(
        rows(zones, "message").iter_rows(named=True), key=lambda row: row["message_type"]
    )
    assert asked["status"] == "not-done"
    assert answered["answers_message_key"] == asked["message_key"]


def test_beds_lead_to_the_unit_that_gives_services(zones: Zones) -> None:
    """A unit may have several spells of capacity, each of them a resource."""
    delivered(zones, bed_capacity, bed_capacity(1), bed_capacity(2))
    found = rows(zones, "bed_capacity")
    assert found["location_key"].unique().to_list() == [pseudonym("provider", "5001-E1")]
    assert found["capacity_key"].n_unique() == 2


def test_only_an_office_is_taken_for_who_measured(zones: Zones) -> None:
    nurse = {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "1234567"}}
    office = {"identifier": {"system": HER, "value": "80001"}}
    delivered(zones, observation, observation(1, performer=[nurse, office]))
    (key,) = rows(zones, "observation")["provider_key"]
    assert key == pseudonym("provider", "80001")


def test_a_worklist_item_with_a_patient_has_no_place(zones: Zones) -> None:
    delivered(zones, worklist_item, worklist_item(1, **{"for": {"reference": "Patient/pas-1"}}))
    (row,) = rows(zones, "portal_form").iter_rows(named=True)
    assert row["task_kind"] == "worklist_item"
    assert row["municipality_code"] is None


@pytest.mark.parametrize(
    "make",
    [blood_pressure, observation, procedure, care_decision, claim],
    ids=lambda make: make.__name__,
)
def test_a_graded_person_loses_the_place(make: Make, zones: Zones) -> None:
    graded = {"Patient-1.ndjson": [patient(1, graded="V"), patient(2)]}
    take(zones, write_delivery(zones.inbox, "p", graded, organisation="personregister"))
    delivered(zones, make, make(1, 1), make(2, 2))
    (table,) = load_entities()[make(1)["resourceType"]].tables
    places = [column.name for column in table.columns if column.reveals_location]
    found = rows(zones, table.name)
    theirs = found.filter(pl.col("patient_key") == pseudonym("patient-reference", "pas-1"))
    others = found.filter(pl.col("patient_key") != pseudonym("patient-reference", "pas-1"))
    assert theirs.select(places).row(0) == (None,) * len(places)
    assert any(others.select(places).row(0))
