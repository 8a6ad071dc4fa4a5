"""What each delivered FHIR R4 resource looks like.

Belongs here: templates and the addresses of systems and extensions. Does not belong here: which
rows go into which delivery (``extract``), how columns are made (``resources``).

Shapes follow FHIR R4 and the Norwegian base profiles no-basis 2.2.2; what neither defines lies
under ``https://folkepuls.no/fhir/``.
"""

from __future__ import annotations

from typing import Final

from pipelines.synthetic.json_lines import Maybe, Raw, Text

OWN: Final = "https://folkepuls.no/fhir/"
NO_BASIS: Final = "http://hl7.no/fhir/StructureDefinition/"
FNR: Final = "urn:oid:2.16.578.1.12.4.1.4.1"
D_NUMBER: Final = "urn:oid:2.16.578.1.12.4.1.4.2"
HPR: Final = "urn:oid:2.16.578.1.12.4.1.4.4"
HER: Final = "urn:oid:2.16.578.1.12.4.1.2"
MUNICIPALITY: Final = "urn:oid:2.16.578.1.12.4.1.1.3402"
MUNICIPALITY_ALIAS: Final = "https://register.geonorge.no/sosi-kodelister/kommunenummer"
ICD10: Final = "urn:oid:2.16.578.1.12.4.1.1.7110"
ICD10_ALIAS: Final = "http://hl7.org/fhir/sid/icd-10-no"
ICPC2: Final = "urn:oid:2.16.578.1.12.4.1.1.7170"
ICPC2_ALIAS: Final = "http://hl7.org/fhir/sid/icpc-2"
ATC: Final = "http://www.whocc.no/atc"
IPLOS: Final = "urn:oid:2.16.578.1.12.4.1.1.9151"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_PRIORITY: Final = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
DISPOSITION: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
AUDIT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"


def _coding(system: object, code: object) -> dict[str, object]:
    return {"system": system, "code": code}


def _concept(system: object, code: object) -> dict[str, object]:
    return {"coding": [_coding(system, code)]}


def _identifier(system: object, value: object) -> dict[str, object]:
    return {"identifier": {"system": system, "value": value}}


def _extension(url: str, kind: str, value: object) -> dict[str, object]:
    return {"url": url, f"value{kind}": value}


def _narrative(column: str) -> dict[str, object]:
    return {"status": "generated", "div": Text(column, free=True)}


_PATIENT = {"reference": Text("patient_reference")}

ADDRESS: Final[dict[str, object]] = {
    "extension": [
        _extension(f"{NO_BASIS}no-basis-address-official", "Boolean", True),
        {
            "url": f"{NO_BASIS}no-basis-propertyinformation",
            "extension": [
                _extension(
                    "municipality", "Coding", _coding(Text("system"), Text("municipality_code"))
                ),
                _extension("cadastralUnitNumber", "Integer", Raw("farm")),
                _extension("propertyUnitNumber", "Integer", Raw("unit")),
            ],
        },
    ],
    "use": "home",
    "line": [Text("line")],
    "city": Text("district"),
    "district": Text("district"),
    "_district": {
        "extension": [
            _extension(
                f"{NO_BASIS}no-basis-municipalitycode",
                "Coding",
                _coding(Text("system"), Text("municipality_code")),
            )
        ]
    },
    "postalCode": Text("postal_code"),
    "period": {"start": Text("valid_from"), "end": Maybe("valid_to", Text("valid_to"))},
}

PATIENT: Final[dict[str, object]] = {
    "resourceType": "Patient",
    "id": Text("id"),
    "meta": Maybe(
        "confidentiality", {"security": [_coding(CONFIDENTIALITY, Text("confidentiality"))]}
    ),
    "text": _narrative("text"),
    "identifier": [{"use": "official", "system": Text("number_system"), "value": Text("number")}],
    "name": [{"use": "official", "family": Text("family"), "given": [Text("given")]}],
    "telecom": [{"system": "phone", "value": Text("phone")}],
    "gender": Text("sex"),
    "birthDate": Text("birth_date"),
    "deceasedDateTime": Maybe("death_date", Text("death_date")),
    "address": Raw("addresses"),
    "generalPractitioner": [_identifier(HER, Text("her_id"))],
}

ENCOUNTER: Final[dict[str, object]] = {
    "resourceType": "Encounter",
    "id": Text("id"),
    "text": _narrative("text"),
    "extension": [
        _extension(
            f"{OWN}municipality-of-stay",
            "Coding",
            _coding(MUNICIPALITY, Text("municipality_of_stay")),
        )
    ],
    "status": Text("status"),
    "class": _coding(ACT_CODE, Text("class_code")),
    "serviceType": _concept(f"{OWN}service-type", Text("service_type")),
    "priority": _concept(ACT_PRIORITY, Text("priority_code")),
    "subject": _PATIENT,
    "period": {"start": Text("start"), "end": Maybe("end", Text("end"))},
    "hospitalization": Maybe(
        "end", {"dischargeDisposition": _concept(DISPOSITION, Text("discharge_disposition"))}
    ),
    "serviceProvider": _identifier(f"{OWN}hospital", Text("hospital_code")),
}

CONDITION: Final[dict[str, object]] = {
    "resourceType": "Condition",
    "id": Text("id"),
    "verificationStatus": _concept(VERIFICATION, Text("verification_status")),
    "code": _concept(Text("system"), Text("written_code")),
    "subject": _PATIENT,
    "recordedDate": Text("recorded_on"),
    "recorder": _identifier(HER, Text("her_id")),
    "note": [{"text": Text("text", free=True)}],
}

_WEEKLY_EXTENT: Final = _extension(
    f"{OWN}weekly-extent-ratio",
    "Ratio",
    {
        "numerator": {"value": Raw("weekly_hours"), "unit": "h"},
        "denominator": {"value": 1, "unit": "wk"},
    },
)


def episode_of_care(*, granted: bool) -> dict[str, object]:
    """Template of EpisodeOfCare, with weekly hours where some are granted."""
    extent: list[object] = [_WEEKLY_EXTENT] if granted else []
    return {
        "resourceType": "EpisodeOfCare",
        "id": Text("id"),
        "extension": [
            _extension(f"{OWN}service-unit", "String", Text("unit")),
            _extension(f"{OWN}service-description-markdown", "Markdown", Text("text", free=True)),
            *extent,
        ],
        "status": Text("status"),
        "type": [_concept(IPLOS, Text("written_code"))],
        "patient": _PATIENT,
        "managingOrganization": _identifier(MUNICIPALITY, Text("municipality_code")),
        "period": {"start": Text("start_on"), "end": Maybe("end_on", Text("end_on"))},
    }


COMMUNICATION: Final[dict[str, object]] = {
    "resourceType": "Communication",
    "id": Text("id"),
    "extension": [
        _extension(f"{OWN}municipality", "Coding", _coding(MUNICIPALITY, Text("municipality_code")))
    ],
    "status": Text("status"),
    "category": [_concept(f"{OWN}plo-message", Text("message_type"))],
    "subject": _PATIENT,
    "encounter": {"reference": Text("encounter_reference")},
    "sent": Text("sent"),
    "recipient": [_identifier(Text("recipient_system"), Text("recipient"))],
    "sender": _identifier(Text("sender_system"), Text("sender")),
    "payload": [{"contentString": Text("text", free=True)}],
}

MEDICATION_REQUEST: Final[dict[str, object]] = {
    "resourceType": "MedicationRequest",
    "id": Text("id"),
    "status": Text("status"),
    "intent": "order",
    "medicationCodeableConcept": _concept(ATC, Text("atc_code")),
    "subject": _PATIENT,
    "authoredOn": Text("authored_on"),
    "requester": _identifier(HER, Text("her_id")),
    "dosageInstruction": [{"text": Text("text", free=True)}],
}

DOCUMENT_REFERENCE: Final[dict[str, object]] = {
    "resourceType": "DocumentReference",
    "id": Text("id"),
    "extension": [
        _extension(f"{OWN}municipal-service", "Code", Text("service")),
        _extension(f"{OWN}device", "Code", Text("device")),
    ],
    "status": Text("status"),
    "category": [_concept(f"{OWN}documentation-form", Text("form"))],
    "subject": _PATIENT,
    "date": Text("recorded"),
    "author": [{"reference": Text("author_reference")}],
    "custodian": _identifier(MUNICIPALITY, Text("municipality_code")),
    "description": Text("text", free=True),
    "context": {"period": {"start": Text("event")}},
}

AUDIT_EVENT: Final[dict[str, object]] = {
    "resourceType": "AuditEvent",
    "id": Text("id"),
    "type": _coding(AUDIT_TYPE, "portal"),
    "recorded": Text("recorded"),
    "entity": [{"what": _PATIENT}],
}

TASK: Final[dict[str, object]] = {
    "resourceType": "Task",
    "id": Text("id"),
    "status": Text("status"),
    "intent": "order",
    "code": _concept(f"{OWN}task", "questionnaire"),
    "description": Text("text", free=True),
    "for": _PATIENT,
    "executionPeriod": Maybe("answered_on", {"end": Text("answered_on")}),
    "authoredOn": Text("sent_on"),
    "restriction": {"period": {"end": Text("contact_on")}},
}

PRACTITIONER_ROLE: Final[dict[str, object]] = {
    "resourceType": "PractitionerRole",
    "id": Text("id"),
    "extension": Maybe(
        "first_login_on", [_extension(f"{OWN}first-login", "Date", Text("first_login_on"))]
    ),
    "period": {"start": Text("employed_from"), "end": Maybe("employed_to", Text("employed_to"))},
    "practitioner": _identifier(HPR, Text("hpr")),
    "organization": _identifier(MUNICIPALITY, Text("municipality_code")),
}

_GO_LIVE: Final = _extension(f"{OWN}go-live", "Date", Text("live_from"))


def organization(*, live: bool) -> dict[str, object]:
    """Template of Organization, with the go-live of an office that has joined."""
    go_live: list[object] = [_GO_LIVE] if live else []
    return {
        "resourceType": "Organization",
        "id": Text("id"),
        "extension": [
            _extension(
                f"{OWN}municipality", "Coding", _coding(MUNICIPALITY, Text("municipality_code"))
            ),
            *go_live,
        ],
        "identifier": [{"system": HER, "value": Text("her_id")}],
        "name": Text("name"),
    }
