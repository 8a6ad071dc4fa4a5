"""Entity and source files: a wrong one is refused by file and key; and what each entity becomes."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.catalogue import entities as entities_module
from pipelines.catalogue.entities import load_entities, restricted_tables
from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.sources import load_sources
from pipelines.ingest.plan import resource_plan
from pipelines.settings import Zones
from tests.support.deliveries import (
    FOLKEPULS,
    MUNICIPALITY,
    coding,
    rows,
    take,
    write_delivery,
)


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    for name in ("entities", "views", "sources"):
        shutil.copytree(entities_module.HERE / name, tmp_path / name)
    return tmp_path


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def column(content: dict[str, Any], name: str = "status") -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in content["tables"][0]["columns"] if c["name"] == name)
    return found


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c.update(id="Encounters"), "id: expected Encounter"),
        (lambda c: c["texts"].pop("nn"), "texts are missing in ['nn']"),
        (lambda c: c["tables"][0]["grain"].pop("en"), "grain is missing"),
        (lambda c: c["tables"][0].update(key=["nothing"]), "unknown columns ['nothing']"),
        (lambda c: c["tables"][0].update(name="patient"), "is made in"),
        (lambda c: c["tables"][0].update(view="nowhere"), "views/nowhere.json"),
        (lambda c: c["tables"][0].update(view="patient"), "resource: expected Encounter"),
        (lambda c: c["tables"][0]["columns"].append(column(c)), "there twice"),
        (lambda c: c["tables"][0]["columns"].remove(column(c)), "leave the journal for no use"),
        (lambda c: c["tables"][0]["columns"].remove(column(c, "patient_key")), "patient_key"),
        (lambda c: column(c).update(source=["nothing"]), "has no columns ['nothing']"),
        (lambda c: column(c).update(codes=[]), "free text never passes"),
        (lambda c: column(c).update(pattern="anything"), "pattern must be one of"),
        (lambda c: column(c).update(door="pseudonym"), "a pseudonym needs a domain"),
        (lambda c: column(c)["texts"].pop("nb"), "texts are missing in ['nb']"),
        (lambda c: column(c).update(minimum_filled=2), "minimum_filled"),
    ],
)
def test_a_wrong_entity_file_is_refused_by_file_and_key(
    change: Callable[[dict[str, Any]], Any], named: str, catalogue: Path
) -> None:
    edit(catalogue / "entities" / "Encounter.yml", change)
    with pytest.raises(CatalogueError) as caught:
        load_entities(catalogue)
    assert named in str(caught.value)
    assert ".yml" in str(caught.value) or ".json" in str(caught.value)


def test_a_view_that_is_no_json_and_an_empty_catalogue(catalogue: Path, tmp_path: Path) -> None:
    (catalogue / "views" / "encounter.json").write_text("{")
    with pytest.raises(CatalogueError, match=r"encounter\.json"):
        load_entities(catalogue)
    with pytest.raises(CatalogueError, match="no entity files"):
        load_entities(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c.update(id="other"), "id: expected synthetic"),
        (lambda c: c["texts"].pop("en"), "texts are missing in ['en']"),
        (lambda c: c["identity"].update(profile="production"), "test profile"),
        (lambda c: c["governance"].pop("purpose"), "governance.purpose"),
        (lambda c: c["organisations"].update(x=["Spaceship"]), "unknown entities ['Spaceship']"),
    ],
)
def test_a_wrong_source_file_is_refused_by_file_and_key(
    change: Callable[[dict[str, Any]], Any], named: str, catalogue: Path
) -> None:
    edit(catalogue / "sources" / "synthetic.yml", change)
    with pytest.raises(CatalogueError) as caught:
        load_sources(catalogue)
    assert named in str(caught.value)
    assert "synthetic.yml" in str(caught.value)


def test_every_view_compiles_and_reads_no_narrative() -> None:
    for entity in load_entities().values():
        plan = resource_plan(entity.id)
        assert set(plan.queries) == {table.name for table in entity.tables}
        schema = json.dumps(plan.columns)
        for direct in ("text", "name", "telecom", "line", "postalCode", "city", "div", "note"):
            assert f'"{direct}\\"' not in schema
            assert direct not in plan.columns


def test_what_reveals_a_place_is_marked_wherever_there_is_a_patient() -> None:
    for table in restricted_tables().values():
        names = [c.name for c in table.columns]
        if "patient_key" not in names:
            continue
        for c in table.columns:
            telling = (
                "municipality_code",
                "municipality_of_stay",
                "hospital_code",
                "provider_key",
                "gp_office_key",
                "staff_key",
            )
            # The municipality of a worklist item; a form's is not taken (test_ingest_entities).
            without_patient = (table.name, c.name) == ("portal_form", "municipality_code")
            expected = (c.name in telling or c.borders is not None) and not without_patient
            assert c.reveals_location == expected, (table.name, c.name)


PERSON = {"reference": "Patient/pas-1"}
OWNER = {"identifier": {"system": MUNICIPALITY, "value": "5001"}}
OTHERS: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "innbyggertjeneste",
        "AuditEvent",
        {
            "type": {"code": "portal"},
            "recorded": "2024-12-31T23:30:00Z",
            "entity": [{"what": PERSON}],
        },
        "portal_session",
        {"session_on": dt.date(2025, 1, 1)},
    ),
    (
        "innbyggertjeneste",
        "Task",
        {
            "status": "completed",
            "for": PERSON,
            "authoredOn": "2024-03-01",
            "executionPeriod": {"end": "2024-03-02"},
            "restriction": {"period": {"end": "2024-03-09"}},
        },
        "portal_form",
        {
            "sent_on": dt.date(2024, 3, 1),
            "answered_on": dt.date(2024, 3, 2),
            "contact_on": dt.date(2024, 3, 9),
        },
    ),
    (
        "kommuner",
        "Communication",
        {
            "extension": [coding("municipality", "5001")],
            "status": "completed",
            "category": [{"coding": [{"code": "utskrivningsklar"}]}],
            "subject": PERSON,
            "encounter": {"reference": "Encounter/enk-1"},
            "sent": "1970-01-02T01:00:00.900+01:00",
        },
        "message",
        {"sent_on": dt.date(1970, 1, 2), "sent_sequence": 86_400, "municipality_code": "5001"},
    ),
    (
        "kommuner",
        "DocumentReference",
        {
            "extension": [
                {"url": FOLKEPULS + "municipal-service", "valueCode": "home_care"},
                {"url": FOLKEPULS + "device", "valueCode": "mobile"},
            ],
            "status": "current",
            "category": [{"coding": [{"code": "structured"}]}],
            "subject": PERSON,
            "date": "2024-06-01T00:30:00+02:00",
            "author": [{"reference": "PractitionerRole/ans-1"}],
            "custodian": OWNER,
            "description": "Kari Nordkanari",
            "context": {"period": {"start": "2024-05-31T23:59:00+02:00"}},
        },
        "journal_entry",
        {
            "service": "home_care",
            "form": "structured",
            "device": "mobile",
            "recorded_on": dt.date(2024, 6, 1),
            "event_on": dt.date(2024, 5, 31),
        },
    ),
    (
        "kommuner",
        "PractitionerRole",
        {
            "extension": [{"url": FOLKEPULS + "first-login", "valueDate": "2023-11-07"}],
            "period": {"start": "2013-02-15"},
            "organization": OWNER,
        },
        "staff",
        {
            "municipality_code": "5001",
            "employed_from": dt.date(2013, 2, 15),
            "employed_to": None,
            "first_login_on": dt.date(2023, 11, 7),
        },
    ),
    (
        "primaerhelse",
        "MedicationRequest",
        {
            "status": "completed",
            "medicationCodeableConcept": {
                "coding": [{"system": "http://www.whocc.no/atc", "code": "a10ba02"}]
            },
            "subject": PERSON,
            "authoredOn": "2024-12-28",
            "requester": {"identifier": {"value": "800015"}},
        },
        "prescription",
        {"atc_code": "A10BA02", "authored_on": dt.date(2024, 12, 28)},
    ),
    (
        "primaerhelse",
        "Organization",
        {
            "extension": [
                coding("municipality", "5001"),
                {"url": FOLKEPULS + "go-live", "valueDate": "2023-12-03"},
            ],
            "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.2", "value": "800015"}],
            "name": "Nordkanari legekontor",
        },
        "gp_office",
        {"municipality_code": "5001", "live_from": dt.date(2023, 12, 3)},
    ),
]


@pytest.mark.parametrize(
    ("organisation", "entity", "body", "table", "expected"), OTHERS, ids=[o[1] for o in OTHERS]
)
def test_what_becomes_of_the_other_entities(
    organisation: str,
    entity: str,
    body: dict[str, Any],
    table: str,
    expected: dict[str, Any],
    tmp_path: Path,
) -> None:
    zones = Zones(tmp_path).create()
    resource = {"resourceType": entity, "id": "x-1", **body}
    files = {f"{entity}-1.ndjson": [resource]}
    delivery = write_delivery(zones.inbox, "d1", files, organisation=organisation)
    (file,) = take(zones, delivery).files
    assert (file.loaded_rows, file.unexpected_fields) == (1, ()), file
    row = rows(zones, table).row(0, named=True)
    assert {name: row[name] for name in expected} == expected
    keys = [value for name, value in row.items() if name.endswith("_key") and value]
    assert all(len(value) == 32 for value in keys)
    assert "Nordkanari" not in str(row)


def test_another_kind_of_audit_event_is_quarantined(tmp_path: Path) -> None:
    zones = Zones(tmp_path).create()
    _, entity, body, _, _ = OTHERS[0]
    events = [{"resourceType": entity, "id": f"x-{n}", **body} for n in range(4)]
    events[1]["type"] = {"code": "rest"}
    events[2].pop("type")
    delivery = write_delivery(
        zones.inbox, "d1", {"AuditEvent-1.ndjson": events}, organisation="innbyggertjeneste"
    )
    (file,) = take(zones, delivery).files
    assert dict(file.quarantined) == {"code_not_allowed": 1, "missing_required": 1}
