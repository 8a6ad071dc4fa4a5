"""The delivered tables of a star extract: their columns, and which view column each one fills.

Belongs here: names, how each is read, and the mapping that the source's catalogue entry repeats.
Does not belong here: how the columns are made (``star``), which rows a delivery holds
(``selection``).

The names are like those of a data warehouse that a journal's supplier would deliver. Columns
without view are there because such tables hold them: they identify, and must not get through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipelines.synthetic import fhir

TEXT, NUMBER, DATE, LOCAL_TIME, BOOLEAN = "text", "number", "date", "local_time", "boolean"


@dataclass(frozen=True)
class Column:
    """One delivered column.

    Attributes:
        name: As delivered.
        source: Column of the prepared rows.
        views: View columns that it fills; none where it may not leave the journal.
        read: How it is read: text, number, date, local_time or boolean.
    """

    name: str
    source: str
    views: tuple[str, ...] = ()
    read: str = TEXT


@dataclass(frozen=True)
class Table:
    """One delivered table: the restricted table it fills, its columns, and constants by view."""

    name: str
    restricted: str
    columns: tuple[Column, ...]
    constants: Mapping[str, str]


def _column(name: str, source: str, *views: str, read: str = TEXT) -> Column:
    return Column(name, source, views, read)


def _patient() -> Column:
    return _column("PatientEpicId", "patient_id", "patient_id")


_NAME: Final = (_column("PatientName", "full_name"), _column("Phone", "phone"))
_NOTE: Final = _column("NoteText", "text")
_HERE: Final = _column("MunicipalityCode", "municipality_code", "municipality_code")
_MUNICIPALITY: Final = {"municipality_system": fhir.MUNICIPALITY}
_STATUS: Final = _column("Status", "status", "status")

TABLES: Final[dict[str, Table]] = {
    "patient": Table(
        "PatientDim", "patient",
        (
            _patient(), *_NAME,
            _column("NationalNumber", "national_number", "national_number"),
            _column("DNumber", "d_number_text", "d_number"),
            _column("HelpNumber", "help_number", "help_number"),
            _column("HasLocalNumber", "has_local_number", "local_number", read=BOOLEAN),
            _column("Sex", "sex", "gender"),
            _column("BirthDate", "birth_date", "birth_date", read=DATE),
            _column("DeathDate", "death_date", "deceased", read=DATE),
            _column("IsGraded", "is_graded", "is_graded", read=BOOLEAN),
            _column("GpHerId", "her_id", "gp_office"),
        ),
        {"gp_office_system": fhir.HER},
    ),
    "residence": Table(
        "AddressBridge", "residence",
        (
            _patient(),
            _column("AddressLine", "line"), _column("PostalCode", "postal_code"),
            _column("City", "district"), _column("CadastralUnit", "cadastral"),
            _column("MunicipalityCode", "municipality_code",
                    "district_municipality", "property_municipality"),
            _column("MunicipalitySystem", "system", "district_system", "property_system"),
            _column("Grunnkrets", "tract", "tract"),
            _column("ValidFrom", "valid_from", "valid_from", read=DATE),
            _column("ValidTo", "valid_to", "valid_to", read=DATE),
        ),
        {},
    ),
    "encounter": Table(
        "EncounterFact", "encounter",
        (
            _column("EncounterEpicId", "id", "encounter_id"), _patient(), *_NAME, _STATUS,
            _column("PatientClass", "class_code", "class_code"),
            _column("Priority", "priority_code", "priority_code"),
            _column("ServiceType", "service_type", "service_type"),
            _column("AdmissionInstant", "start_at", "period_start", read=LOCAL_TIME),
            _column("DischargeInstant", "end_at", "period_end", read=LOCAL_TIME),
            _column("HospitalCode", "hospital_code", "hospital_code"),
            _column("MunicipalityOfStay", "municipality_of_stay", "municipality_of_stay"),
            _column("DischargeDisposition", "disposition", "discharge_disposition"), _NOTE,
        ),
        _MUNICIPALITY,
    ),
    "condition": Table(
        "DiagnosisFact", "condition",
        (
            _column("DiagnosisEpicId", "id", "condition_id"), _patient(), *_NAME,
            _column("CodeSystem", "system", "code_system"),
            _column("DiagnosisCode", "written_code", "code"),
            _column("RecordedDate", "recorded_on", "recorded", read=DATE),
            _column("VerificationStatus", "verification_status", "verification_status"),
            _column("ProviderHerId", "her_id", "provider"),
            _column("EncounterEpicId", "encounter_id", "encounter_id"), _NOTE,
        ),
        {},
    ),
    "medication_request": Table(
        "MedicationOrderFact", "prescription",
        (
            _column("OrderEpicId", "id", "prescription_id"), _patient(), *_NAME, _STATUS,
            _column("AtcCode", "atc_code", "atc_code"),
            _column("OrderedDate", "authored_on", "authored", read=DATE),
            _column("ProviderHerId", "her_id", "provider"), _column("DoseText", "text"),
        ),
        {"atc_system": fhir.ATC},
    ),
    "organization": Table(
        "ClinicDim", "gp_office",
        (
            _column("ClinicEpicId", "id"), _column("HerId", "her_id", "her_id"),
            _column("ClinicName", "name"), _HERE,
            _column("GoLiveDate", "live_from", "live_from", read=DATE),
        ),
        _MUNICIPALITY,
    ),
    "episode_of_care": Table(
        "CareServiceFact", "care_episode",
        (
            _column("ServiceEpicId", "id", "episode_id"), _patient(), *_NAME, _STATUS,
            _column("ServiceTypeCode", "written_code", "service_type_code"), _HERE,
            _column("ServiceUnit", "unit", "provider"),
            _column("StartDate", "start_on", "start", read=DATE),
            _column("EndDate", "end_on", "end", read=DATE),
            _column("WeeklyHours", "weekly_hours", "weekly_hours", read=NUMBER), _NOTE,
        ),
        {**_MUNICIPALITY, "service_type_system": fhir.IPLOS},
    ),
    "communication": Table(
        "MessageFact", "message",
        (
            _column("MessageEpicId", "id", "message_id"), _patient(), *_NAME,
            _column("EncounterEpicId", "encounter_id", "encounter_id"), _STATUS,
            _column("MessageType", "message_type", "message_type"),
            _column("SentInstant", "sent_at", "sent", read=LOCAL_TIME), _HERE,
            _column("AnswersMessageEpicId", "answers_id", "answers_message_id"), _NOTE,
        ),
        _MUNICIPALITY,
    ),
    "document_reference": Table(
        "NoteFact", "journal_entry",
        (
            _column("NoteEpicId", "id", "entry_id"), _patient(), *_NAME,
            _column("StaffEpicId", "staff_id", "staff_id"), _STATUS, _HERE,
            _column("Service", "service", "service"), _column("Form", "form", "form"),
            _column("Device", "device", "device"),
            _column("RecordedInstant", "recorded_at", "recorded", read=LOCAL_TIME),
            _column("EventInstant", "event_at", "event", read=LOCAL_TIME), _NOTE,
        ),
        _MUNICIPALITY,
    ),
    "audit_event": Table(
        "PortalAccessFact", "portal_session",
        (
            _column("AccessEpicId", "id", "session_id"), _patient(), *_NAME,
            _column("EventType", "event_type", "event_type"),
            _column("RecordedInstant", "recorded_at", "recorded", read=LOCAL_TIME),
        ),
        {},
    ),
    "task": Table(
        "TaskFact", "portal_form",
        (
            _column("TaskEpicId", "id", "form_id"), _patient(), *_NAME, _STATUS,
            _column("SentDate", "sent_on", "sent", read=DATE),
            _column("AnsweredDate", "answered_on", "answered", read=DATE),
            _column("ContactDate", "contact_on", "contact", read=DATE),
            _column("TaskKind", "task_kind", "task_kind"),
            _column("Service", "service", "service"), _HERE, _NOTE,
        ),
        {**_MUNICIPALITY, "default_kind": "form", "has_whom_it_needs": "true"},
    ),
    "observation": Table(
        "ObservationFact", "observation",
        (
            _column("ObservationEpicId", "id", "observation_id"), _patient(), *_NAME, _STATUS,
            _column("CodeSystem", "system", "code_system"), _column("Code", "code", "code"),
            _column("Value", "value", "value", read=NUMBER),
            _column("Systolic", "systolic", "systolic", read=NUMBER),
            _column("Diastolic", "diastolic", "diastolic", read=NUMBER),
            _column("ObservedInstant", "observed_at", "observed", read=LOCAL_TIME), _HERE,
            _column("ProviderHerId", "her_id", "provider"), _NOTE,
        ),
        _MUNICIPALITY,
    ),
    "procedure": Table(
        "ProcedureFact", "procedure",
        (
            _column("ProcedureEpicId", "id", "procedure_id"), _patient(), *_NAME, _STATUS,
            _column("ProcedureCode", "code", "code"),
            _column("PerformedInstant", "performed_at", "performed", read=LOCAL_TIME), _HERE,
            _NOTE,
        ),
        {**_MUNICIPALITY, "code_system": f"{fhir.OWN}procedure"},
    ),
    "immunization": Table(
        "ImmunizationFact", "immunization",
        (
            _column("ImmunizationEpicId", "id", "immunization_id"), _patient(), *_NAME, _STATUS,
            _column("VaccineAtcCode", "vaccine_code", "vaccine_code"),
            _column("DoseNumber", "dose_number", "dose_number", read=NUMBER),
            _column("GivenDate", "given_on", "given", read=DATE), _NOTE,
        ),
        {"vaccine_system": fhir.ATC},
    ),
    "service_request": Table(
        "ServiceOrderFact", "care_decision",
        (
            _column("OrderEpicId", "id", "decision_id"), _patient(), *_NAME, _STATUS,
            _column("ServiceTypeCode", "service_type_code", "service_type_code"), _HERE,
            _column("DecidedDate", "decided_on", "decided", read=DATE),
            _column("FirstServiceDate", "first_service_on", "first_service", read=DATE), _NOTE,
        ),
        {**_MUNICIPALITY, "service_type_system": fhir.IPLOS, "intent": "order"},
    ),
    "location": Table(
        "BedCapacityDim", "bed_capacity",
        (
            _column("CapacityEpicId", "id", "capacity_id"), _column("UnitId", "unit", "unit"),
            _HERE, _column("Beds", "beds", "beds", read=NUMBER),
            _column("ValidFrom", "valid_from", "valid_from", read=DATE),
            _column("ValidTo", "valid_to", "valid_to", read=DATE),
        ),
        _MUNICIPALITY,
    ),
    "consent": Table(
        "ReservationFact", "reservation",
        (
            _column("ReservationEpicId", "id", "reservation_id"), _patient(), *_NAME, _STATUS,
            _column("Purpose", "purpose", "purpose"),
            _column("ValidFrom", "valid_from", "valid_from", read=DATE),
            _column("ValidTo", "valid_to", "valid_to", read=DATE),
        ),
        {"provision_type": "deny", "purpose_system": f"{fhir.OWN}purpose"},
    ),
    "measure_report": Table(
        "MigrationCountFact", "migration_count",
        (
            _column("ReportEpicId", "id", "report_id"), _HERE,
            _column("Measure", "measure", "measure"),
            _column("Received", "received", "received", read=NUMBER),
            _column("Confirmed", "confirmed", "confirmed", read=NUMBER),
            _column("CountedDate", "counted_on", "counted", read=DATE),
        ),
        {**_MUNICIPALITY, "status": "complete"},
    ),
    "claim": Table(
        "ClaimFact", "claim",
        (
            _column("ClaimEpicId", "id", "claim_id"), _patient(), *_NAME, _STATUS,
            _column("Service", "service", "service"),
            _column("ContactType", "contact_type", "contact_type"),
            _column("BilledDate", "billed_on", "billed", read=DATE),
            _column("ProviderHerId", "her_id", "provider"), _HERE, _NOTE,
        ),
        {
            **_MUNICIPALITY, "use": "claim", "service_system": f"{fhir.OWN}claim-service",
            "contact_type_system": f"{fhir.OWN}contact-type", "provider_system": fhir.HER,
        },
    ),
    "practitioner_role": Table(
        "EmploymentDim", "staff",
        (
            _column("StaffEpicId", "id", "staff_id"), _column("HprNumber", "hpr"), _HERE,
            _column("EmployedFrom", "employed_from", "employed_from", read=DATE),
            _column("EmployedTo", "employed_to", "employed_to", read=DATE),
            _column("FirstLoginDate", "first_login_on", "first_login", read=DATE),
            _column("TrainedDate", "trained_on", "trained", read=DATE),
        ),
        _MUNICIPALITY,
    ),
    "patient_link": Table(
        "PatientLinkBridge", "patient_link",
        (
            _patient(), _column("OtherPatientEpicId", "other_id", "other_patient_id"),
            _column("LinkType", "link_type", "link_type"),
        ),
        {},
    ),
    "deletion": Table(
        "DeletionFact", "deletion",
        (
            _column("ResourceUrl", "url", "url"),
        ),
        {"method": "DELETE", "bundle_type": "transaction"},
    ),
}  # fmt: skip
"""By shape: the name of the method that prepares rows for either format."""

CSV: Final[dict[str, object]] = {
    "encoding": "windows-1252",
    "delimiter": ";",
    "decimal": ",",
    "date_format": "%d.%m.%Y",
    "time_format": "%d.%m.%Y %H:%M:%S",
}


def table_of(shape: str) -> Table:
    """The delivered table of a shape."""
    return TABLES[_WITH.get(shape, shape)]


# Shapes that stand in the table of another.
_WITH: Final = {
    "worklist_item": "task",
    "second_patient": "patient",
    "second_residence": "residence",
    "second_link": "patient_link",
}


def mapping() -> dict[str, dict[str, Any]]:
    """What each delivered column becomes, as the ``tables`` of the source's catalogue entry say it.

    Returns:
        By delivered table: ``table`` (the restricted one) and ``columns`` by view column.
    """
    return {
        table.name: {
            "table": table.restricted,
            "columns": {
                view: {"column": column.name}
                | ({} if column.read == TEXT else {"read": column.read})
                for column in table.columns
                for view in column.views
            }
            | {view: {"constant": value} for view, value in table.constants.items()},
        }
        for table in TABLES.values()
    }


def unmapped() -> set[str]:
    """Delivered columns that fill no view column."""
    return {
        column.name for table in TABLES.values() for column in table.columns if not column.views
    }
