"""What each delivered FHIR R4 resource looks like.

Belongs here: templates and the addresses of systems and extensions. Does not belong here: which
rows go into which delivery (``extract``), how columns are made (``resources``).

Shapes follow FHIR R4 and the Norwegian base profiles no-basis 2.2.2; what neither defines lies
under ``https://folkepuls.no/fhir/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipelines.synthetic.json_lines import Maybe, Present, Raw, Text

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


Template = dict[str, object]


def coding(system: object, code: object) -> dict[str, object]:
    """A Coding."""
    return {"system": system, "code": code}


def concept(system: object, code: object) -> dict[str, object]:
    """A CodeableConcept with one coding."""
    return {"coding": [coding(system, code)]}


def identifier(system: object, value: object) -> dict[str, object]:
    """A reference by identifier."""
    return {"identifier": {"system": system, "value": value}}


def extension(url: str, kind: str, value: object) -> dict[str, object]:
    """An extension with its value."""
    return {"url": url, f"value{kind}": value}


def _narrative(column: str) -> dict[str, object]:
    return {"status": "generated", "div": Text(column, free=True)}


PATIENT_REFERENCE = {"reference": Text("patient_reference")}

ADDRESS: Final[dict[str, object]] = {
    "extension": [
        extension(f"{NO_BASIS}no-basis-address-official", "Boolean", True),
        # FHIR's own extension for a census tract (iso21090-ADXP-censusTract) goes with a line.
        extension(f"{OWN}tract", "String", Text("tract")),
        {
            "url": f"{NO_BASIS}no-basis-propertyinformation",
            "extension": [
                extension(
                    "municipality", "Coding", coding(Text("system"), Text("municipality_code"))
                ),
                extension("cadastralUnitNumber", "Integer", Raw("farm")),
                extension("propertyUnitNumber", "Integer", Raw("unit")),
            ],
        },
    ],
    "use": "home",
    "line": [Text("line")],
    "city": Text("district"),
    "district": Text("district"),
    "_district": {
        "extension": [
            extension(
                f"{NO_BASIS}no-basis-municipalitycode",
                "Coding",
                coding(Text("system"), Text("municipality_code")),
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
        "confidentiality", {"security": [coding(CONFIDENTIALITY, Text("confidentiality"))]}
    ),
    "text": _narrative("text"),
    "identifier": [
        {
            "use": "official",
            "system": Text("number_system"),
            "value": Text("number"),
            "assigner": Maybe("assigner", {"display": Text("assigner")}),
        }
    ],
    "name": [{"use": "official", "family": Text("family"), "given": [Text("given")]}],
    "telecom": [{"system": "phone", "value": Text("phone")}],
    "gender": Text("sex"),
    "birthDate": Text("birth_date"),
    "deceasedDateTime": Maybe("death_date", Text("death_date")),
    "address": Raw("addresses"),
    "generalPractitioner": [identifier(HER, Text("her_id"))],
    "link": Maybe(
        "other_reference",
        [{"other": {"reference": Text("other_reference")}, "type": Text("link_type")}],
    ),
}

ENCOUNTER: Final[dict[str, object]] = {
    "resourceType": "Encounter",
    "id": Text("id"),
    "text": _narrative("text"),
    "extension": [
        extension(
            f"{OWN}municipality-of-stay",
            "Coding",
            coding(MUNICIPALITY, Text("municipality_of_stay")),
        )
    ],
    "status": Text("status"),
    "class": coding(ACT_CODE, Text("class_code")),
    "serviceType": concept(f"{OWN}service-type", Text("service_type")),
    "priority": concept(ACT_PRIORITY, Text("priority_code")),
    "subject": PATIENT_REFERENCE,
    "period": {"start": Text("start"), "end": Maybe("end", Text("end"))},
    "hospitalization": Maybe(
        "end", {"dischargeDisposition": concept(DISPOSITION, Text("discharge_disposition"))}
    ),
    "serviceProvider": identifier(f"{OWN}hospital", Text("hospital_code")),
}

CONDITION: Final[dict[str, object]] = {
    "resourceType": "Condition",
    "id": Text("id"),
    "verificationStatus": concept(VERIFICATION, Text("verification_status")),
    "code": concept(Text("system"), Text("written_code")),
    "subject": PATIENT_REFERENCE,
    "encounter": Maybe("encounter_reference", {"reference": Text("encounter_reference")}),
    "recordedDate": Text("recorded_on"),
    "recorder": Maybe("her_id", identifier(HER, Text("her_id"))),
    "note": [{"text": Text("text", free=True)}],
}

_WEEKLY_EXTENT: Final = extension(
    f"{OWN}weekly-extent-ratio",
    "Ratio",
    {
        "numerator": {"value": Raw("weekly_hours"), "unit": "h"},
        "denominator": {"value": 1, "unit": "wk"},
    },
)


def episode_of_care(granted: bool) -> dict[str, object]:
    """Template of EpisodeOfCare, with weekly hours where some are granted."""
    extent: list[object] = [_WEEKLY_EXTENT] if granted else []
    return {
        "resourceType": "EpisodeOfCare",
        "id": Text("id"),
        "extension": [
            extension(f"{OWN}service-unit", "String", Text("unit")),
            extension(f"{OWN}service-description-markdown", "Markdown", Text("text", free=True)),
            *extent,
        ],
        "status": Text("status"),
        "type": [concept(IPLOS, Text("written_code"))],
        "patient": PATIENT_REFERENCE,
        "managingOrganization": identifier(MUNICIPALITY, Text("municipality_code")),
        "period": {"start": Text("start_on"), "end": Maybe("end_on", Text("end_on"))},
    }


COMMUNICATION: Final[dict[str, object]] = {
    "resourceType": "Communication",
    "id": Text("id"),
    "extension": [
        extension(f"{OWN}municipality", "Coding", coding(MUNICIPALITY, Text("municipality_code")))
    ],
    "status": Text("status"),
    "category": [concept(f"{OWN}plo-message", Text("message_type"))],
    "subject": PATIENT_REFERENCE,
    "encounter": Maybe("encounter_reference", {"reference": Text("encounter_reference")}),
    "inResponseTo": Maybe("answers_reference", [{"reference": Text("answers_reference")}]),
    "sent": Text("sent"),
    "recipient": [identifier(Text("recipient_system"), Text("recipient"))],
    "sender": identifier(Text("sender_system"), Text("sender")),
    "payload": [{"contentString": Text("text", free=True)}],
}

MEDICATION_REQUEST: Final[dict[str, object]] = {
    "resourceType": "MedicationRequest",
    "id": Text("id"),
    "status": Text("status"),
    "intent": "order",
    "medicationCodeableConcept": concept(ATC, Text("atc_code")),
    "subject": PATIENT_REFERENCE,
    "authoredOn": Text("authored_on"),
    "requester": identifier(HER, Text("her_id")),
    "dosageInstruction": [{"text": Text("text", free=True)}],
}

DOCUMENT_REFERENCE: Final[dict[str, object]] = {
    "resourceType": "DocumentReference",
    "id": Text("id"),
    "extension": [
        extension(f"{OWN}municipal-service", "Code", Text("service")),
        extension(f"{OWN}device", "Code", Text("device")),
    ],
    "status": Text("status"),
    "category": [concept(f"{OWN}documentation-form", Text("form"))],
    "subject": PATIENT_REFERENCE,
    "date": Text("recorded"),
    "author": [{"reference": Text("author_reference")}],
    "custodian": identifier(MUNICIPALITY, Text("municipality_code")),
    "description": Text("text", free=True),
    "context": {"period": {"start": Text("event")}},
}

AUDIT_EVENT: Final[dict[str, object]] = {
    "resourceType": "AuditEvent",
    "id": Text("id"),
    "type": coding(AUDIT_TYPE, "portal"),
    "recorded": Text("recorded"),
    "entity": [{"what": PATIENT_REFERENCE}],
}

TASK: Final[dict[str, object]] = {
    "resourceType": "Task",
    "id": Text("id"),
    "status": Text("status"),
    "intent": "order",
    "code": concept(f"{OWN}task", "questionnaire"),
    "description": Text("text", free=True),
    "for": PATIENT_REFERENCE,
    "executionPeriod": Maybe("answered_on", {"end": Text("answered_on")}),
    "authoredOn": Text("sent_on"),
    "restriction": {"period": {"end": Text("contact_on")}},
}

_FIRST_LOGIN: Final = extension(f"{OWN}first-login", "Date", Text("first_login_on"))
_TRAINED: Final = extension(f"{OWN}trained-on", "Date", Text("trained_on"))

PRACTITIONER_ROLE: Final[dict[str, object]] = {
    "resourceType": "PractitionerRole",
    "id": Text("id"),
    "extension": Maybe(
        "known", Present((Maybe("first_login_on", _FIRST_LOGIN), Maybe("trained_on", _TRAINED)))
    ),
    "period": {"start": Text("employed_from"), "end": Maybe("employed_to", Text("employed_to"))},
    "practitioner": identifier(HPR, Text("hpr")),
    "organization": identifier(MUNICIPALITY, Text("municipality_code")),
}

_GO_LIVE: Final = extension(f"{OWN}go-live", "Date", Text("live_from"))


def organization(live: bool) -> dict[str, object]:
    """Template of Organization, with the go-live of an office that has joined."""
    go_live: list[object] = [_GO_LIVE] if live else []
    return {
        "resourceType": "Organization",
        "id": Text("id"),
        "extension": [
            extension(
                f"{OWN}municipality", "Coding", coding(MUNICIPALITY, Text("municipality_code"))
            ),
            *go_live,
        ],
        "identifier": [{"system": HER, "value": Text("her_id")}],
        "name": Text("name"),
    }


TEMPLATES: Final[Mapping[str, Template | tuple[str, Callable[[bool], Template]]]] = {
    "patient": PATIENT,
    "encounter": ENCOUNTER,
    "condition": CONDITION,
    "medication_request": MEDICATION_REQUEST,
    "organization": ("live_from", organization),
    "episode_of_care": ("weekly_hours", episode_of_care),
    "communication": COMMUNICATION,
    "document_reference": DOCUMENT_REFERENCE,
    "practitioner_role": PRACTITIONER_ROLE,
    "audit_event": AUDIT_EVENT,
    "task": TASK,
}
"""By shape: a template, or a column and what makes one from whether it is filled."""
