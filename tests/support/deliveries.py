"""Small deliveries of made-up resources for tests of ingest.

Belongs here: resources as a source would send them, and deliveries written to an inbox with an
honest manifest, so that a test can then break exactly one thing.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from anonymization.identifiers import complete_check_digits
from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser
from pipelines.clients.delivered_files import Delivery
from pipelines.ingest import DeliveryResult, ingest_delivery
from pipelines.settings import Zones

KEY = Key("test-key", 1, bytes(range(32)))
OTHER_KEY = Key("other-key", 1, bytes(range(1, 33)))
FOLKEPULS = "https://folkepuls.no/fhir/"
NO_BASIS = "http://hl7.no/fhir/StructureDefinition/"
MUNICIPALITY = "urn:oid:2.16.578.1.12.4.1.1.3402"
HER = "urn:oid:2.16.578.1.12.4.1.2"

_NUMBERS = complete_check_digits(
    pl.Series(
        [
            f"{day:02d}85{year}{number:03d}"
            for number in range(10, 40)
            for day in range(1, 29)
            for year in (50, 70, 90)
        ]
    )
).drop_nulls()


def national_number(n: int) -> str:
    """The n-th of some valid synthetic national numbers (born in May, month + 80)."""
    return str(_NUMBERS[n])


def coding(extension: str, code: str) -> dict[str, Any]:
    return {"url": FOLKEPULS + extension, "valueCoding": {"system": MUNICIPALITY, "code": code}}


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def address(code: str, start: str, end: str | None = None) -> dict[str, Any]:
    period = {"start": start} | ({"end": end} if end else {})
    return {
        "extension": [{"url": NO_BASIS + "no-basis-address-official", "valueBoolean": True}],
        "line": ["Storgata 17 B"],
        "city": "Kanariheim",
        "postalCode": "7012",
        "district": "Trondheim",
        "_district": {
            "extension": [
                {
                    "url": NO_BASIS + "no-basis-municipalitycode",
                    "valueCoding": {"system": MUNICIPALITY, "code": code},
                }
            ]
        },
        "period": period,
    }


def patient(n: int, *, graded: str | None = None, **changes: Any) -> dict[str, Any]:
    security = {
        "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "code": graded,
    }
    return {
        "resourceType": "Patient",
        "id": f"pas-{n}",
        **({"meta": {"security": [security]}} if graded else {}),
        "text": {"status": "generated", "div": "<div>Kari Nordkanari, hjelpetrengende</div>"},
        "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": national_number(n)}],
        "name": [{"family": "Nordkanari", "given": ["Kari"]}],
        "gender": "female" if n % 2 else "male",
        "birthDate": "1970-05-25",
        "address": [address("5001", "2000-01-01", "2020-06-01"), address("5006", "2020-06-01")],
        "generalPractitioner": [
            {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.2", "value": "80001"}}
        ],
        **changes,
    }


def encounter(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": f"enk-{n}",
        "text": {"status": "generated", "div": "<div>Kari Nordkanari, fall hjemme</div>"},
        "extension": [coding("municipality-of-stay", "5001")],
        "status": "finished",
        "class": {"code": "IMP"},
        "priority": {"coding": [{"code": "EM"}]},
        "serviceType": {"coding": [{"code": "somatic"}]},
        "subject": {"reference": f"Patient/pas-{person}"},
        "period": {"start": "2024-03-01T23:30:00Z", "end": "2024-03-09T12:00:00+01:00"},
        "hospitalization": {"dischargeDisposition": {"coding": [{"code": "home"}]}},
        "serviceProvider": {"identifier": {"system": FOLKEPULS + "hospital", "value": "STO"}},
        **changes,
    }


def condition(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"dia-{n}",
        "subject": {"reference": f"Patient/pas-{person}"},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-no", "code": "e11.9"}]},
        "recordedDate": "2024-02-29",
        "recorder": {"identifier": {"value": "80001"}},
        "note": [{"text": "Kari Nordkanari ringte"}],
        **changes,
    }


def episode(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    hours = {"numerator": {"value": 7.5, "unit": "h"}, "denominator": {"value": 1, "unit": "wk"}}
    return {
        "resourceType": "EpisodeOfCare",
        "id": f"tje-{n}",
        "extension": [
            {"url": FOLKEPULS + "service-unit", "valueString": "5001-E1"},
            {"url": FOLKEPULS + "weekly-extent-ratio", "valueRatio": hours},
            {"url": FOLKEPULS + "service-description-markdown", "valueMarkdown": "Nordkanari"},
        ],
        "status": "active",
        "type": [{"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9151", "code": "02"}]}],
        "patient": {"reference": f"Patient/pas-{person}"},
        "managingOrganization": {"identifier": {"system": MUNICIPALITY, "value": "5001"}},
        "period": {"start": "2024-01-01"},
        **changes,
    }


def observation(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"obs-{n}",
        "status": "final",
        "code": concept("urn:oid:2.16.578.1.12.4.1.1.7280", "NPU27300"),
        "subject": {"reference": f"Patient/pas-{person}"},
        "effectiveDateTime": "2024-03-01T08:10:00+01:00",
        "valueQuantity": {"value": 48, "unit": "mmol/mol"},
        "performer": [{"identifier": {"system": HER, "value": "80001"}}],
        "note": [{"text": "Kari Nordkanari var fastende"}],
        **changes,
    }


def blood_pressure(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    """An observation by a municipality, with two components and no value."""
    parts = [
        {"code": concept("http://loinc.org", code), "valueQuantity": {"value": value}}
        for code, value in (("8480-6", 142), ("8462-4", 81.5))
    ]
    measured = {
        "code": concept("http://loinc.org", "85354-9"),
        "component": parts,
        "extension": [coding("municipality", "5001")],
        **changes,
    }
    whole = observation(n, person, **measured)
    del whole["valueQuantity"], whole["performer"]
    return whole


def procedure(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "id": f"pro-{n}",
        "extension": [coding("municipality", "5001")],
        "status": "completed",
        "code": concept(FOLKEPULS + "procedure", "medication_review"),
        "subject": {"reference": f"Patient/pas-{person}"},
        "performedDateTime": "2024-03-01T10:00:00+01:00",
        "note": [{"text": "Nordkanari bruker for mye"}],
        **changes,
    }


def immunization(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Immunization",
        "id": f"vak-{n}",
        "status": "completed",
        "vaccineCode": concept("http://www.whocc.no/atc", "j07bd52"),
        "patient": {"reference": f"Patient/pas-{person}"},
        "occurrenceDateTime": "2024-03-01",
        "protocolApplied": [{"doseNumberPositiveInt": 2}],
        "lotNumber": "Nordkanari-7",
        "note": [{"text": "Mor til Nordkanari var med"}],
        **changes,
    }


def care_decision(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": f"ved-{n}",
        "extension": [coding("municipality", "5001")],
        "status": "active",
        "intent": "order",
        "code": concept("urn:oid:2.16.578.1.12.4.1.1.9151", "015"),
        "subject": {"reference": f"Patient/pas-{person}"},
        "authoredOn": "2024-03-01",
        "occurrencePeriod": {"start": "2024-03-09"},
        "note": [{"text": "Kari Nordkanari bor alene"}],
        **changes,
    }


def bed_capacity(n: int, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Location",
        "id": f"plass-{n}",
        "extension": [
            coding("municipality", "5001"),
            {"url": FOLKEPULS + "beds", "valueInteger": 24},
            {
                "url": FOLKEPULS + "valid",
                "valuePeriod": {"start": "2022-01-01", "end": "2024-07-01"},
            },
        ],
        "identifier": [{"system": FOLKEPULS + "service-unit", "value": "5001-E1"}],
        "status": "active",
        "name": "Nordkanari bo- og mestringssenter",
        **changes,
    }


def reservation(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": f"res-{n}",
        "status": "active",
        "patient": {"reference": f"Patient/pas-{person}"},
        "performer": [{"display": "Nordkanari"}],
        "provision": {
            "type": "deny",
            "period": {"start": "2023-05-01"},
            "purpose": [{"system": FOLKEPULS + "purpose", "code": "planning"}],
        },
        **changes,
    }


def migration_count(n: int, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "MeasureReport",
        "id": f"tell-{n}",
        "extension": [
            coding("municipality", "5001"),
            {"url": FOLKEPULS + "measure", "valueCode": "service_users"},
            {"url": FOLKEPULS + "received", "valueInteger": 1204},
            {"url": FOLKEPULS + "confirmed", "valueInteger": 1198},
        ],
        "status": "complete",
        "type": "summary",
        "measure": FOLKEPULS + "measure/service_users",
        "date": "2023-11-05",
        "reporter": {"display": "Nordkanari kommune"},
        **changes,
    }


def claim(n: int, person: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Claim",
        "id": f"krav-{n}",
        "status": "active",
        "use": "claim",
        "type": concept(FOLKEPULS + "claim-service", "gp"),
        "subType": concept(FOLKEPULS + "contact-type", "consultation"),
        "patient": {"reference": f"Patient/pas-{person}"},
        "created": "2024-03-01",
        "provider": {"identifier": {"system": HER, "value": "80001"}},
        "item": [{"sequence": 1, "productOrService": {"text": "Samtale med Nordkanari"}}],
        **changes,
    }


def worklist_item(n: int, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": f"opp-{n}",
        "extension": [coding("municipality", "5001")],
        "status": "completed",
        "code": concept(FOLKEPULS + "task-kind", "worklist_item"),
        "description": "Ring Nordkanari",
        "authoredOn": "2024-03-01",
        "executionPeriod": {"end": "2024-03-04"},
        "restriction": {"period": {"end": "2024-03-08"}},
        **changes,
    }


def line(resource: Mapping[str, Any]) -> bytes:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()


def content(lines: Iterable[Mapping[str, Any] | bytes]) -> bytes:
    return b"".join((x if isinstance(x, bytes) else line(x)) + b"\n" for x in lines)


def pack(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def entry(name: str, data: bytes, rows: int) -> dict[str, Any]:
    return {
        "name": name,
        "entity": name.split("-")[0].split(".")[0],
        "format": "ndjson",
        "compression": "gzip" if name.endswith(".gz") else "none",
        "rows": rows,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def write_delivery(
    inbox: Path,
    name: str,
    files: Mapping[str, Iterable[Mapping[str, Any] | bytes]],
    *,
    organisation: str = "sykehus",
    source: str = "synthetic",
    time: dt.datetime = dt.datetime(2025, 1, 5, 3, tzinfo=dt.UTC),
    kind: str = "full",
    change: Callable[[dict[str, Any]], None] = lambda manifest: None,
    manifest: bool = True,
) -> Delivery:
    """Write a delivery; ``change`` may spoil the manifest before it is written."""
    folder = inbox / source / name
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for file, lines in files.items():
        listed = list(lines)
        data = content(listed)
        data = pack(data) if file.endswith(".gz") else data
        (folder / file).write_bytes(data)
        entries.append(entry(file, data, len(listed)))
    stated = {
        "manifest_version": 1,
        "source": source,
        "delivery": name,
        "delivering_organisation": organisation,
        "period_start": "2024-01-01",
        "period_end": "2024-12-31",
        "transaction_time": time.isoformat(),
        "kind": kind,
        "files": entries,
    }
    change(stated)
    if manifest:
        (folder / "manifest.json").write_text(json.dumps(stated))
    return Delivery(source, name, str(folder))


def take(zones: Zones, delivery: Delivery, **options: Any) -> DeliveryResult:
    return ingest_delivery(delivery, zones=zones, key=options.pop("key", KEY), **options)


def pseudonym(domain: str, identifier: str, key: Key = KEY) -> str:
    """What the key makes of an identifier in the restricted zone."""
    made: str = Pseudonymiser(key).column(pl.Series([identifier]), domain=domain)[0]
    return made


def rows(zones: Zones, table: str) -> pl.DataFrame:
    """All rows of a restricted table."""
    return pl.read_parquet(sorted((zones.journal / table).glob("*.parquet")))


def tree(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, hidden ones left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
