"""Lines, Parquet and CSV say the same, and the mapping covers what the views ask for."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import yaml

from pipelines.catalogue.loader import HERE as CATALOGUE
from pipelines.synthetic import (
    FORMATS,
    Region,
    SyntheticSettings,
    generate_tables,
    mapping,
    write_extract,
)
from pipelines.synthetic import parameters as par
from pipelines.synthetic.star_columns import CSV, unmapped
from tests.support.delivered_lines import Resource, deliveries, extension

SETTINGS = SyntheticSettings(scale=0.004, whole=True, life=True)
OSLO = ZoneInfo("Europe/Oslo")
# Columns that no view may ask for, by table where the name is not enough.
IDENTIFYING = {
    "PatientName", "Phone", "AddressLine", "PostalCode", "City", "CadastralUnit", "NoteText",
    "DoseText", "ClinicName", "HprNumber",
}  # fmt: skip


@pytest.fixture(scope="module")
def region() -> Region:
    return generate_tables(SETTINGS)


@pytest.fixture(scope="module")
def written(region: Region, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    inbox = tmp_path_factory.mktemp("inbox")
    for form in FORMATS:
        write_extract(region, inbox / form, form=form)
    return {form: inbox / form / "synthetic" for form in FORMATS}


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def again() -> Region:
    """The region, made a second time."""
    return generate_tables(SETTINGS)


@pytest.mark.parametrize("form", FORMATS)
def test_same_settings_same_bytes(
    form: Any, again: Region, written: dict[str, Path], tmp_path: Path
) -> None:
    write_extract(again, tmp_path, form=form)
    assert hashes(tmp_path / "synthetic") == hashes(written[form])


@pytest.mark.parametrize("form", FORMATS)
def test_manifests_are_true(form: str, written: dict[str, Path]) -> None:
    kinds = {"fhir": "ndjson", "tables": "parquet", "csv": "csv"}
    for folder in written[form].iterdir():
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert {file["name"] for file in manifest["files"]} == {
            path.name for path in folder.iterdir() if path.name != "manifest.json"
        }
        for file in manifest["files"]:
            content = (folder / file["name"]).read_bytes()
            assert file["format"] == kinds[form]
            assert file["bytes"] == len(content)
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
            assert file["name"].startswith(f"{file['entity']}-")
            if form == "tables":
                assert pl.read_parquet_schema(folder / file["name"])
                assert (
                    pl.scan_parquet(folder / file["name"]).select(pl.len()).collect().item()
                    == (file["rows"])
                )


def parquet(folder: Path) -> dict[str, pl.DataFrame]:
    parts: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for file in sorted(folder.glob("*/*.parquet"), key=lambda path: (path.parent.name[-4:], path)):
        parts[file.name.split("-")[0]].append(pl.read_parquet(file))
    return {name: pl.concat(frames) for name, frames in parts.items()}


def csv(folder: Path) -> dict[str, list[dict[str, str]]]:
    import csv as reader

    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for file in sorted(folder.glob("*/*.csv*"), key=lambda path: (path.parent.name[-4:], path)):
        content = file.read_bytes()
        content = gzip.decompress(content) if file.suffix == ".gz" else content
        text = io.StringIO(content.decode("windows-1252"), newline="")
        rows[file.name.split("-")[0]] += list(reader.DictReader(text, delimiter=";"))
    return rows


def norwegian(value: object) -> str:
    """A value as a Norwegian office writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.strftime("%d.%m.%Y %H:%M:%S")
    if isinstance(value, dt.date):
        return value.strftime("%d.%m.%Y")
    if isinstance(value, float):
        return repr(value).replace(".", ",")
    # One line a row: a line break inside a text becomes a space.
    return str(value).replace("\n", " ")


def test_text_says_what_parquet_says(written: dict[str, Path]) -> None:
    tables, texts = parquet(written["tables"]), csv(written["csv"])
    assert set(tables) == set(texts)
    for name, frame in tables.items():
        assert frame.height == len(texts[name]), name
        for row, text in zip(frame.head(400).iter_rows(named=True), texts[name][:400], strict=True):
            assert {k: norwegian(v) for k, v in row.items()} == text


def test_text_is_in_the_declared_encoding(written: dict[str, Path]) -> None:
    (file,) = written["csv"].glob("personregister-2023/PatientDim-0001.csv")
    content = file.read_bytes()
    assert "ø".encode("windows-1252") in content
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    weekly = [row["WeeklyHours"] for row in csv(written["csv"])["CareServiceFact"]]
    assert any("," in hours for hours in weekly)
    assert not any("." in hours for hours in weekly)


def local(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text).astimezone(OSLO).replace(tzinfo=None) if text else None


def date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def coding(value: Any) -> Any:
    return value["coding"][0]["code"] if value else None


SAME = {
    # entity, table, id column: column of the table → what the resource says
    ("Encounter", "EncounterFact", "EncounterEpicId"): {
        "Status": lambda r: r["status"],
        "AdmissionInstant": lambda r: local(r["period"]["start"]),
        "DischargeInstant": lambda r: local(r["period"].get("end")),
        "DischargeDisposition": lambda r: coding(
            r.get("hospitalization", {}).get("dischargeDisposition")
        ),
        "PatientEpicId": lambda r: r["subject"]["reference"].removeprefix("Patient/"),
    },
    ("Communication", "MessageFact", "MessageEpicId"): {
        "SentInstant": lambda r: local(r["sent"]),
        "MunicipalityCode": lambda r: extension(r, "municipality")["code"],
        "AnswersMessageEpicId": lambda r: r["inResponseTo"][0]["reference"].split("/")[1]
        if "inResponseTo" in r else None,
    },
    ("Condition", "DiagnosisFact", "DiagnosisEpicId"): {
        "DiagnosisCode": lambda r: coding(r["code"]),
        "CodeSystem": lambda r: r["code"]["coding"][0]["system"],
        "RecordedDate": lambda r: date(r["recordedDate"]),
        "ProviderHerId": lambda r: r.get("recorder", {}).get("identifier", {}).get("value"),
    },
    ("Observation", "ObservationFact", "ObservationEpicId"): {
        "Code": lambda r: coding(r["code"]),
        "Value": lambda r: r.get("valueQuantity", {}).get("value"),
        "Systolic": lambda r: r["component"][0]["valueQuantity"]["value"]
        if "component" in r else None,
        "ObservedInstant": lambda r: local(r["effectiveDateTime"]),
        "NoteText": lambda r: r["note"][0]["text"],
    },
    ("DocumentReference", "NoteFact", "NoteEpicId"): {
        "RecordedInstant": lambda r: local(r["date"]),
        "EventInstant": lambda r: local(r["context"]["period"]["start"]),
        "Form": lambda r: coding(r["category"][0]),
    },
    ("AuditEvent", "PortalAccessFact", "AccessEpicId"): {
        "RecordedInstant": lambda r: local(r["recorded"]),
    },
    ("EpisodeOfCare", "CareServiceFact", "ServiceEpicId"): {
        "ServiceTypeCode": lambda r: coding(r["type"][0]),
        "EndDate": lambda r: date(r["period"].get("end")),
    },
    ("Patient", "PatientDim", "PatientEpicId"): {
        "IsGraded": lambda r: "security" in r.get("meta", {}),
        "DeathDate": lambda r: date(r.get("deceasedDateTime")),
        "Sex": lambda r: r["gender"],
    },
    ("Claim", "ClaimFact", "ClaimEpicId"): {
        "ContactType": lambda r: coding(r["subType"]),
        "BilledDate": lambda r: date(r["created"]),
    },
    ("Location", "BedCapacityDim", "CapacityEpicId"): {
        "Beds": lambda r: extension(r, "beds"),
        "ValidTo": lambda r: date(extension(r, "valid").get("end")),
    },
    ("Consent", "ReservationFact", "ReservationEpicId"): {
        "Purpose": lambda r: r["provision"]["purpose"][0]["code"],
        "ValidTo": lambda r: date(r["provision"]["period"].get("end")),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def lines(written: dict[str, Path]) -> dict[str, list[tuple[int, Resource]]]:
    return deliveries(written["fhir"])


@pytest.fixture(scope="module")
def tables(written: dict[str, Path]) -> dict[str, pl.DataFrame]:
    return parquet(written["tables"])


@pytest.mark.parametrize("names", SAME, ids=lambda names: names[1])
def test_tables_say_what_lines_say(
    names: tuple[str, str, str],
    lines: dict[str, list[tuple[int, Resource]]],
    tables: dict[str, pl.DataFrame],
) -> None:
    entity, table, key = names
    frame, columns = tables[table], SAME[names]
    said = [(r["id"], *(read(r) for read in columns.values())) for _, r in lines[entity]]
    assert sorted(frame.select(key, *columns).rows(), key=str) == sorted(said, key=str)


def test_addresses_are_a_table(
    lines: dict[str, list[tuple[int, Resource]]], tables: dict[str, pl.DataFrame]
) -> None:
    said = sorted(
        (r["id"], a["_district"]["extension"][0]["valueCoding"]["code"],
         dt.date.fromisoformat(a["period"]["start"]))
        for _, r in lines["Patient"] for a in r["address"]
    )  # fmt: skip
    columns = ("PatientEpicId", "MunicipalityCode", "ValidFrom")
    assert sorted(tables["AddressBridge"].select(columns).rows()) == said


def test_deletions_and_links_are_tables(
    lines: dict[str, list[tuple[int, Resource]]], tables: dict[str, pl.DataFrame]
) -> None:
    urls = [e["request"]["url"] for _, r in lines["Bundle"] for e in r["entry"]]
    assert sorted(tables["DeletionFact"]["ResourceUrl"]) == sorted(urls)
    said = [
        (r["id"], link["other"]["reference"].removeprefix("Patient/"), link["type"])
        for _, r in lines["Patient"] for link in r.get("link", [])
    ]  # fmt: skip
    assert sorted(tables["PatientLinkBridge"].rows()) == sorted(said)
    assert said


SOURCE = yaml.safe_load((CATALOGUE / "sources" / "synthetic.yml").read_text(encoding="utf-8"))


def test_the_catalogue_reads_what_is_written() -> None:
    said = {
        name: {"table": entry["table"], "columns": entry["columns"]}
        for name, entry in SOURCE["tables"].items()
    }
    assert said == mapping()
    for entry in SOURCE["tables"].values():
        assert entry["csv"] == CSV
        assert set(entry["dropped"]) >= unmapped() == IDENTIFYING | {"ClinicEpicId"}


def test_the_municipalities_are_known_by_their_number() -> None:
    (known,) = SOURCE["known_as"]["kommuner"]
    assert known["number"] == par.ORGANISATION_NUMBER


def test_delivered_columns_have_the_types_they_are_read_as(
    tables: dict[str, pl.DataFrame],
) -> None:
    wanted = {
        "text": (pl.String,), "number": (pl.Float64, pl.Int64), "date": (pl.Date,),
        "local_time": (pl.Datetime("us"),), "boolean": (pl.Boolean,),
    }  # fmt: skip
    for name, entry in mapping().items():
        for one in entry["columns"].values():
            if "column" in one:
                kinds = wanted[one.get("read", "text")]
                assert tables[name].schema[one["column"]] in kinds, (name, one)


def test_identifying_columns_are_filled(tables: dict[str, pl.DataFrame]) -> None:
    filled = {
        column
        for frame in tables.values()
        for column in set(frame.columns) & IDENTIFYING
        if frame[column].null_count() < frame.height
    }
    assert filled == IDENTIFYING
