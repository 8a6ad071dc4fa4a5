"""What each further delivered FHIR R4 resource of a whole region looks like.

Belongs here: templates of observations, procedures, vaccinations, decisions, beds, reservations,
counts at go-live, claims, worklist items, deletions. Does not belong here: the first entities
(``fhir``).
"""

from __future__ import annotations

from typing import Final

from pipelines.synthetic.fhir import (
    ATC,
    HER,
    IPLOS,
    MUNICIPALITY,
    OWN,
    PATIENT_REFERENCE,
    TEMPLATES,
    Template,
    coding,
    concept,
    extension,
    identifier,
)
from pipelines.synthetic.json_lines import Maybe, Raw, Text

NLK: Final = "urn:oid:2.16.578.1.12.4.1.1.7280"
LOINC: Final = "http://loinc.org"
_NOTE: Final = [{"text": Text("text", free=True)}]
_HERE: Final = extension(
    f"{OWN}municipality", "Coding", coding(MUNICIPALITY, Text("municipality_code"))
)


def _component(code: str, column: str) -> Template:
    return {
        "code": concept(LOINC, code),
        "valueQuantity": {"value": Raw(column), "unit": "mmHg"},
    }


OBSERVATION: Final[Template] = {
    "resourceType": "Observation",
    "id": Text("id"),
    "extension": Maybe("municipality_code", [_HERE]),
    "status": Text("status"),
    "code": concept(Text("system"), Text("code")),
    "subject": PATIENT_REFERENCE,
    "effectiveDateTime": Text("observed"),
    "performer": Maybe("her_id", [identifier(HER, Text("her_id"))]),
    "valueQuantity": Maybe("value", {"value": Raw("value")}),
    "note": _NOTE,
    "component": Maybe(
        "systolic", [_component("8480-6", "systolic"), _component("8462-4", "diastolic")]
    ),
}

PROCEDURE: Final[Template] = {
    "resourceType": "Procedure",
    "id": Text("id"),
    "extension": [_HERE],
    "status": Text("status"),
    "code": concept(f"{OWN}procedure", Text("code")),
    "subject": PATIENT_REFERENCE,
    "performedDateTime": Text("performed"),
    "note": _NOTE,
}

IMMUNIZATION: Final[Template] = {
    "resourceType": "Immunization",
    "id": Text("id"),
    "status": Text("status"),
    "vaccineCode": concept(ATC, Text("vaccine_code")),
    "patient": PATIENT_REFERENCE,
    "occurrenceDateTime": Text("given_on"),
    "note": _NOTE,
    "protocolApplied": [{"doseNumberPositiveInt": Raw("dose_number")}],
}

SERVICE_REQUEST: Final[Template] = {
    "resourceType": "ServiceRequest",
    "id": Text("id"),
    "extension": [_HERE],
    "status": Text("status"),
    "intent": "order",
    "code": concept(IPLOS, Text("service_type_code")),
    "subject": PATIENT_REFERENCE,
    "occurrencePeriod": Maybe("first_service_on", {"start": Text("first_service_on")}),
    "authoredOn": Text("decided_on"),
    "note": _NOTE,
}

LOCATION: Final[Template] = {
    "resourceType": "Location",
    "id": Text("id"),
    "extension": [
        _HERE,
        extension(f"{OWN}beds", "Integer", Raw("beds")),
        extension(
            f"{OWN}valid",
            "Period",
            {"start": Text("valid_from"), "end": Maybe("valid_to", Text("valid_to"))},
        ),
    ],
    "identifier": [{"system": f"{OWN}service-unit", "value": Text("unit")}],
    "status": "active",
}

CONSENT: Final[Template] = {
    "resourceType": "Consent",
    "id": Text("id"),
    "status": Text("status"),
    "patient": PATIENT_REFERENCE,
    "provision": {
        "type": "deny",
        "period": {"start": Text("valid_from"), "end": Maybe("valid_to", Text("valid_to"))},
        "purpose": [coding(f"{OWN}purpose", Text("purpose"))],
    },
}

MEASURE_REPORT: Final[Template] = {
    "resourceType": "MeasureReport",
    "id": Text("id"),
    "extension": [
        _HERE,
        extension(f"{OWN}measure", "Code", Text("measure")),
        extension(f"{OWN}received", "Integer", Raw("received")),
        extension(f"{OWN}confirmed", "Integer", Raw("confirmed")),
    ],
    "status": "complete",
    "date": Text("counted_on"),
}

CLAIM: Final[Template] = {
    "resourceType": "Claim",
    "id": Text("id"),
    "extension": Maybe("municipality_code", [_HERE]),
    "status": Text("status"),
    "type": concept(f"{OWN}claim-service", Text("service")),
    "subType": concept(f"{OWN}contact-type", Text("contact_type")),
    "use": "claim",
    "patient": PATIENT_REFERENCE,
    "created": Text("billed_on"),
    "provider": identifier(HER, Text("her_id")),
    "item": [{"productOrService": {"text": Text("text", free=True)}}],
}

WORKLIST_ITEM: Final[Template] = {
    "resourceType": "Task",
    "id": Text("id"),
    "extension": [extension(f"{OWN}municipal-service", "Code", Text("service")), _HERE],
    "status": Text("status"),
    "intent": "order",
    "code": concept(f"{OWN}task-kind", "worklist_item"),
    "executionPeriod": Maybe("answered_on", {"end": Text("answered_on")}),
    "authoredOn": Text("sent_on"),
    "restriction": {"period": {"end": Text("contact_on")}},
}

BUNDLE: Final[Template] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": Raw("entries"),
}

DELETION: Final[Template] = {"request": {"method": "DELETE", "url": Text("url")}}

ALL_TEMPLATES: Final = {
    **TEMPLATES,
    "observation": OBSERVATION,
    "procedure": PROCEDURE,
    "immunization": IMMUNIZATION,
    "service_request": SERVICE_REQUEST,
    "location": LOCATION,
    "consent": CONSENT,
    "measure_report": MEASURE_REPORT,
    "claim": CLAIM,
    "worklist_item": WORKLIST_ITEM,
    "deletion": BUNDLE,
}
