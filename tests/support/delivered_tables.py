"""The made-up resources of ``deliveries`` as rows of delivered tables, and files of such rows.

Belongs here: what a source would write as Parquet or CSV by the synthetic source's mapping, and a
source that declares another form. Does not belong here: expectations.

Columns that must not get through hold the same canaries as the resources' free text.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.catalogue import sources
from pipelines.catalogue.delivered_tables import CsvForm, DeliveredTable
from pipelines.clients.delivered_files import Delivery
from pipelines.ingest import FileResult
from pipelines.settings import Zones
from tests.support.deliveries import MUNICIPALITY, entry, national_number, take, write_delivery

Row = dict[str, Any]
_ARROW = {
    "text": pa.string(),
    "number": pa.float64(),
    "date": pa.date32(),
    "local_time": pa.timestamp("us"),
    "instant": pa.timestamp("us", "UTC"),
    "boolean": pa.bool_(),
}


def mapping(table: str) -> DeliveredTable:
    """How the synthetic source maps a table."""
    return sources.load_sources()["synthetic"].tables[table]


def encounter_row(n: int, person: int = 0, **changes: Any) -> Row:
    return {
        "EncounterEpicId": f"enk-{n}",
        "PatientEpicId": f"pas-{person}",
        "Status": "finished",
        "PatientClass": "IMP",
        "Priority": "EM",
        "ServiceType": "somatic",
        "AdmissionInstant": dt.datetime(2024, 3, 2, 0, 30),
        "DischargeInstant": dt.datetime(2024, 3, 9, 12, 0),
        "HospitalCode": "STO",
        "MunicipalityOfStay": "5001",
        "DischargeDisposition": "home",
        "NoteText": "Kari Nordkanari, fall hjemme på Åfjord",
        **changes,
    }


def observation_row(n: int, person: int = 0, **changes: Any) -> Row:
    return {
        "ObservationEpicId": f"obs-{n}",
        "PatientEpicId": f"pas-{person}",
        "Status": "final",
        "CodeSystem": "urn:oid:2.16.578.1.12.4.1.1.7280",
        "Code": "NPU27300",
        "Value": 48.0,
        "Systolic": None,
        "Diastolic": None,
        "ObservedInstant": dt.datetime(2024, 3, 1, 8, 10),
        "MunicipalityCode": None,
        "ProviderHerId": "80001",
        "NoteText": "Kari Nordkanari var fastende",
        **changes,
    }


def pressure_row(n: int, person: int = 0) -> Row:
    return observation_row(
        n,
        person,
        CodeSystem="http://loinc.org",
        Code="85354-9",
        Value=None,
        Systolic=142.0,
        Diastolic=81.5,
        MunicipalityCode="5001",
        ProviderHerId=None,
    )


def care_row(n: int, person: int = 0, **changes: Any) -> Row:
    return {
        "ServiceEpicId": f"tje-{n}",
        "PatientEpicId": f"pas-{person}",
        "Status": "active",
        "ServiceTypeCode": "02",
        "MunicipalityCode": "5001",
        "ServiceUnit": "5001-E1",
        "StartDate": dt.date(2024, 1, 1),
        "EndDate": None,
        "WeeklyHours": 7.5,
        "NoteText": "Nordkanari",
        **changes,
    }


def patient_row(n: int, **changes: Any) -> Row:
    return {
        "PatientEpicId": f"pas-{n}",
        "NationalNumber": national_number(n),
        "DNumber": None,
        "Sex": "female" if n % 2 else "male",
        "BirthDate": dt.date(1970, 5, 25),
        "DeathDate": None,
        "IsGraded": False,
        "GpHerId": "80001",
        "HelpNumber": None,
        "HasLocalNumber": False,
        "PatientName": "Kari Nordkanari",
        "AddressLine": "Storgata 17 B",
        **changes,
    }


def address_rows(n: int) -> list[Row]:
    moved = dt.date(2020, 6, 1)
    return [
        {
            "PatientEpicId": f"pas-{n}",
            "MunicipalityCode": code,
            "MunicipalitySystem": MUNICIPALITY,
            "ValidFrom": begun,
            "ValidTo": ended,
        }
        for code, begun, ended in (("5001", dt.date(2000, 1, 1), moved), ("5006", moved, None))
    ]


def link_row(n: int, other: int, kind: str) -> Row:
    return {
        "PatientEpicId": f"pas-{n}",
        "OtherPatientEpicId": f"pas-{other}",
        "LinkType": kind,
    }


def arrow_table(table: str, rows: Sequence[Row]) -> pa.Table:
    """Rows as a source would type them; columns that are not read are text."""
    readings = mapping(table).readings
    names = list(dict.fromkeys([*readings, *(name for row in rows for name in row)]))
    return pa.table(
        {
            name: pa.array([row.get(name) for row in rows], _ARROW[readings.get(name, "text")])
            for name in names
        }
    )


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **{"compression": "zstd", **options})
    return buffer.getvalue()


def field(value: Any, form: CsvForm) -> str:
    """One value as the declared form writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.strftime(form.time_format)
    if isinstance(value, dt.date):
        return value.strftime(form.date_format)
    if isinstance(value, float):
        return str(value).replace(".", form.decimal)
    text = str(value)
    special = any(sign in text for sign in (form.delimiter, '"', "\n", "\r"))
    return '"' + text.replace('"', '""') + '"' if special else text


def csv_lines(table: str, rows: Sequence[Row], form: CsvForm | None = None) -> list[str]:
    """Header and rows, without ends of lines."""
    form = form or mapping(table).csv
    assert form is not None
    names = list(dict.fromkeys([*mapping(table).readings, *(n for row in rows for n in row)]))
    lines = [form.delimiter.join(names)]
    return lines + [form.delimiter.join(field(row.get(n), form) for n in names) for row in rows]


def csv_bytes(table: str, rows: Sequence[Row], form: CsvForm | None = None) -> bytes:
    form = form or mapping(table).csv
    assert form is not None
    return "".join(f"{line}\r\n" for line in csv_lines(table, rows, form)).encode(form.encoding)


def write_tables(inbox: Path, name: str, files: Mapping[str, Any], **options: Any) -> Delivery:
    """Write a delivery of tables.

    ``files``: by file name its rows; or a pair of its bytes and the rows that the manifest states.
    """
    delivery = write_delivery(inbox, name, {}, **options, manifest=False)
    folder = Path(delivery.url)
    entries = []
    for file, given in files.items():
        data, rows = given if isinstance(given, tuple) else (_bytes(file, given), len(given))
        (folder / file).write_bytes(data)
        entries.append({**entry(file, data, rows), "format": _format(file)})
    spoil = options.pop("change", lambda manifest: None)

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"] = entries
        spoil(manifest)

    return write_delivery(inbox, name, {}, **options, change=change)


def arrival(
    zones: Zones, name: str, data: bytes, stated: int, true: bytes | None = None, **how: Any
) -> tuple[FileResult, pl.DataFrame]:
    """What became of one file in a delivery of its own, and the encounters that it brought.

    ``true``: the manifest is of these bytes, not of the file's.
    """
    number = len(list(zones.deliveries.glob("*.json")))
    delivery = write_tables(zones.inbox, f"d{number}", {name: (true or data, stated)})
    (Path(delivery.url) / name).write_bytes(data)
    (file,) = take(zones, delivery, **how).files
    path = zones.journal / "encounter" / f"{delivery.id}.parquet"
    loaded = pl.read_parquet(path) if path.exists() else pl.DataFrame()
    return file, loaded.drop("delivery", strict=False)


def declare(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[DeliveredTable], Mapping[str, Any]]
) -> None:
    """Let the synthetic source declare its tables in another way, for one test."""
    known = sources.load_sources()
    source = known["synthetic"]
    tables = {
        name: DeliveredTable.model_validate({**table.model_dump(), **change(table)})
        for name, table in source.tables.items()
    }
    changed = {**known, "synthetic": source.model_copy(update={"tables": tables})}
    monkeypatch.setattr(sources, "_load_sources", lambda folder: changed)


def declare_csv(monkeypatch: pytest.MonkeyPatch, **form: Any) -> CsvForm:
    """Let the synthetic source write its CSV in another form; gives that form."""
    plain = mapping("EncounterFact").csv
    assert plain is not None
    declared = CsvForm.model_validate({**plain.model_dump(), **form})
    declare(monkeypatch, lambda table: {"csv": declared.model_dump()})
    return declared


def _format(file: str) -> str:
    return file.removesuffix(".gz").rpartition(".")[2]


def _bytes(file: str, rows: Iterable[Row]) -> bytes:
    table = file.split("-")[0].split(".")[0]
    listed = list(rows)
    if file.endswith(".parquet"):
        return parquet_bytes(arrow_table(table, listed))
    data = csv_bytes(table, listed)
    return gzip.compress(data, 6, mtime=0) if file.endswith(".gz") else data
