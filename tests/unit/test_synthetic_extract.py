"""What is delivered: the same bytes each time, true manifests, every shape, canaries."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.synthetic import (
    Delivery,
    Region,
    SyntheticSettings,
    canaries,
    generate_tables,
    write_extract,
    write_truth,
)

OSLO = ZoneInfo("Europe/Oslo")
SETTINGS = SyntheticSettings(scale=0.01)


@pytest.fixture(scope="module")
def region() -> Region:
    return generate_tables(SETTINGS)


@pytest.fixture(scope="module")
def extract(
    region: Region, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Delivery]]:
    inbox = tmp_path_factory.mktemp("inbox")
    return inbox / "synthetic", write_extract(region, inbox)


@pytest.fixture(scope="module")
def resources(extract: tuple[Path, list[Delivery]]) -> dict[str, list[tuple[int, dict]]]:
    """Entity → (year of delivery, resource), in order of delivery."""
    found: dict[str, list[tuple[int, dict]]] = {}
    for folder in sorted(extract[0].iterdir(), key=lambda path: path.name[-4:]):
        for file in sorted(folder.glob("*.ndjson*")):
            entity = file.name.split("-")[0]
            read = [(int(folder.name[-4:]), json.loads(line)) for line in lines_of(file)]
            found.setdefault(entity, []).extend(read)
    return found


def lines_of(file: Path) -> Iterator[bytes]:
    content = file.read_bytes()
    content = gzip.decompress(content) if file.suffix == ".gz" else content
    assert content.endswith(b"\n")
    yield from content[:-1].split(b"\n")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_same_settings_same_bytes(extract: tuple[Path, list[Delivery]], tmp_path: Path) -> None:
    write_extract(generate_tables(SETTINGS), tmp_path)
    assert hashes(tmp_path / "synthetic") == hashes(extract[0])


def test_same_settings_same_truth(tmp_path: Path) -> None:
    settings = SyntheticSettings(scale=0.002, years=1)
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        write_truth(generate_tables(settings), folder)
    assert hashes(first) == hashes(second)
    assert set(hashes(first)) == {
        "indicator_truth.parquet",
        "indicator_truth_by_age.parquet",
        "indicator_truth_by_month.parquet",
        "indicator_truth_by_split.parquet",
        "phenomena.parquet",
    }


def test_writing_again_replaces(region: Region, extract: tuple[Path, list[Delivery]]) -> None:
    before = hashes(extract[0])
    write_extract(region, extract[0].parent)
    assert hashes(extract[0]) == before


def test_manifests_are_true(extract: tuple[Path, list[Delivery]]) -> None:
    folder, deliveries = extract
    organisations = {"personregister", "sykehus", "primaerhelse", "kommuner", "innbyggertjeneste"}
    assert {d.folder.name for d in deliveries} == {
        f"{name}-{year}" for name in organisations for year in (2023, 2024, 2025)
    }
    for delivery in deliveries:
        manifest = json.loads((delivery.folder / "manifest.json").read_text(encoding="utf-8"))
        year = int(delivery.folder.name[-4:])
        assert manifest["manifest_version"] == 1
        assert manifest["source"] == "synthetic"
        assert manifest["delivery"] == delivery.folder.name
        assert manifest["delivering_organisation"] == delivery.folder.name[:-5]
        assert manifest["kind"] == ("full" if year == 2023 else "delta")
        assert manifest["period_start"] == f"{year}-01-01"
        assert manifest["period_end"] == f"{year}-12-31"
        assert manifest["transaction_time"] == f"{year + 1}-01-05T03:00:00+00:00"
        present = {file.name for file in delivery.folder.iterdir()} - {"manifest.json"}
        assert {file["name"] for file in manifest["files"]} == present
        for file in manifest["files"]:
            path = delivery.folder / file["name"]
            content = path.read_bytes()
            assert file["bytes"] == len(content)
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
            assert file["rows"] == sum(1 for _ in lines_of(path))
            assert file["compression"] == ("gzip" if path.suffix == ".gz" else "none")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(delivery.folder.stat().st_mode) == 0o700
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_large_files_are_split(region: Region, tmp_path: Path) -> None:
    write_extract(region, tmp_path, file_bytes=2_000_000)
    files = sorted((tmp_path / "synthetic" / "personregister-2023").glob("Patient-*"))
    assert len(files) > 2
    assert all(file.stat().st_size < 2_500_000 for file in files)
    assert (
        sum(1 for file in files for _ in lines_of(file))
        == region.persons.filter(pl.col("known_from") == 2023).height
    )


EXTENSION = "https://folkepuls.no/fhir/"
MUNICIPALITY = "urn:oid:2.16.578.1.12.4.1.1.3402"


def at(resource: object, path: str) -> list:
    """All values at a path of keys; lists are gone through, ``[url]`` picks an extension."""
    found = [resource]
    for key in path.split("/"):
        inside = []
        for value in found:
            for item in value if isinstance(value, list) else [value]:
                if key.startswith("[") and str(item.get("url", "")).endswith(key[1:-1]):
                    inside.append(item)
                elif key in item:
                    inside.append(item[key])
        found = inside
    return [x for value in found for x in (value if isinstance(value, list) else [value])]


# entity → paths that every resource has; paths that some have and some have not
SHAPES = {
    "Patient": (
        ["identifier/system", "identifier/value", "name/family", "name/given", "telecom/value",
         "gender", "birthDate", "address/line", "address/postalCode", "address/city",
         "address/district", "address/period/start", "text/div",
         "address/_district/extension/[no-basis-municipalitycode]/valueCoding/code",
         "address/extension/[no-basis-address-official]/valueBoolean",
         "address/extension/[no-basis-propertyinformation]/extension/[cadastralUnitNumber]",
         "generalPractitioner/identifier/value"],
        ["deceasedDateTime", "meta/security/code", "address/period/end"],
    ),
    "Encounter": (
        ["status", "class/code", "priority/coding/code", "serviceType/coding/code",
         "subject/reference", "period/start", "serviceProvider/identifier/value", "text/div",
         "extension/[municipality-of-stay]/valueCoding/code"],
        ["period/end", "hospitalization/dischargeDisposition/coding/code"],
    ),
    "Condition": (
        ["code/coding/system", "code/coding/code", "recordedDate", "subject/reference",
         "verificationStatus/coding/code", "recorder/identifier/value", "note/text"], [],
    ),
    "EpisodeOfCare": (
        ["status", "type/coding/code", "patient/reference", "managingOrganization/identifier/value",
         "period/start", "extension/[service-unit]/valueString",
         "extension/[service-description-markdown]/valueMarkdown"],
        ["period/end", "extension/[weekly-extent-ratio]/valueRatio/numerator/value"],
    ),
    "Communication": (
        ["status", "category/coding/code", "subject/reference", "encounter/reference", "sent",
         "sender/identifier/value", "recipient/identifier/value", "payload/contentString",
         "extension/[municipality]/valueCoding/code"], [],
    ),
    "MedicationRequest": (
        ["status", "subject/reference", "medicationCodeableConcept/coding/code", "authoredOn",
         "requester/identifier/value", "dosageInstruction/text"], [],
    ),
    "DocumentReference": (
        ["status", "subject/reference", "author/reference", "date", "context/period/start",
         "category/coding/code", "extension/[municipal-service]/valueCode",
         "extension/[device]/valueCode", "custodian/identifier/value", "description"], [],
    ),
    "AuditEvent": (["type/code", "recorded", "entity/what/reference"], []),
    "Task": (
        ["status", "for/reference", "authoredOn", "restriction/period/end"],
        ["executionPeriod/end"],
    ),
    "PractitionerRole": (
        ["practitioner/identifier/value", "organization/identifier/value", "period/start"],
        ["period/end", "extension/[first-login]/valueDate"],
    ),
    "Organization": (
        ["identifier/value", "name", "extension/[municipality]/valueCoding/code"],
        ["extension/[go-live]/valueDate"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("entity", SHAPES)
def test_every_shape_of_the_contract_is_delivered(entity: str, resources: dict) -> None:
    always, sometimes = SHAPES[entity]
    rows = [row for _, row in resources[entity]]
    assert {row["resourceType"] for row in rows} == {entity}
    for path in ["id", *always]:
        assert all(at(row, path) for row in rows), path
    for path in sometimes:
        having = sum(bool(at(row, path)) for row in rows)
        assert 0 < having < len(rows), path
    assert not any("null" in json.dumps(row) for row in rows)


CODES = {
    # entity, path → values that must all occur
    ("Encounter", "status"): {"finished", "in-progress", "cancelled", "entered-in-error"},
    ("Encounter", "class/code"): {"IMP", "AMB", "EMER"},
    ("Encounter", "priority/coding/code"): {"EM", "EL"},
    ("Encounter", "serviceType/coding/code"): {"somatic", "psychiatry", "substance"},
    ("Encounter", "serviceProvider/identifier/value"): {"STO", "HMR", "HNT"},
    ("Condition", "verificationStatus/coding/code"): {"confirmed", "entered-in-error"},
    ("EpisodeOfCare", "status"): {"active", "finished"},
    ("Communication", "status"): {"completed", "entered-in-error"},
    ("MedicationRequest", "status"): {"active", "completed", "cancelled", "entered-in-error"},
    ("DocumentReference", "status"): {"current", "entered-in-error"},
    ("DocumentReference", "category/coding/code"): {"structured", "free-text"},
    ("DocumentReference", "extension/[device]/valueCode"): {"mobile", "workstation"},
    ("DocumentReference", "extension/[municipal-service]/valueCode"): {
        "home_care", "nursing_home", "emergency",
    },
    ("Task", "status"): {"completed", "requested", "cancelled", "entered-in-error"},
    ("Patient", "gender"): {"male", "female"},
    ("Patient", "meta/security/code"): {"R", "V"},
    ("Patient", "identifier/system"): {
        "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.2",
    },
    ("AuditEvent", "type/code"): {"portal"},
}  # fmt: skip


@pytest.mark.parametrize(("entity", "path"), CODES)
def test_every_code_occurs_and_no_other(entity: str, path: str, resources: dict) -> None:
    seen = {code for _, row in resources[entity] for code in at(row, path)}
    wanted = CODES[entity, path]
    if (entity, path) in {("EpisodeOfCare", "status"), ("Patient", "meta/security/code")}:
        # Rare ones may be missing in so small a region.
        assert seen <= {*wanted, "on-hold", "cancelled", "entered-in-error"}
        assert seen
    else:
        assert seen == wanted


def test_codes_come_written_in_more_than_one_way(resources: dict) -> None:
    written = {at(row, "code/coding/code")[0] for _, row in resources["Condition"]}
    assert any("." in code for code in written)
    assert "E119" in written
    assert len({at(row, "code/coding/system")[0] for _, row in resources["Condition"]}) == 4
    services = {at(row, "type/coding/code")[0] for _, row in resources["EpisodeOfCare"]}
    assert {"15", "21"} <= services
    assert any(code.startswith("0") for code in services)


def latest(resources: dict, entity: str) -> dict[str, dict]:
    return {row["id"]: row for _, row in resources[entity]}


def oslo_date(text: str) -> dt.date:
    return dt.datetime.fromisoformat(text).astimezone(OSLO).date()


def test_latest_versions_are_the_tables(region: Region, resources: dict) -> None:
    encounters = latest(resources, "Encounter")
    assert len(encounters) == region.encounters.height
    for row in region.encounters.sample(300, seed=1).iter_rows(named=True):
        sent = encounters[f"enk-{row['encounter']:08d}"]
        assert sent["status"] == row["status"]
        assert oslo_date(sent["period"]["start"]) == row["started_on"]
        end = sent["period"].get("end")
        assert (oslo_date(end) if end else None) == row["ended_on"]
        code = at(sent, "extension/[municipality-of-stay]/valueCoding/code")
        assert code == [row["municipality_of_stay"]]
    messages = latest(resources, "Communication")
    assert len(messages) == region.messages.height
    for row in region.messages.sample(300, seed=2).iter_rows(named=True):
        sent = dt.datetime.fromisoformat(messages[f"mld-{row['message']:08d}"]["sent"])
        assert sent.astimezone(OSLO).date() == row["sent_on"]
        assert int(sent.timestamp()) == row["sent_sequence"]
    episodes = latest(resources, "EpisodeOfCare")
    assert len(episodes) == region.care_episodes.height
    for row in region.care_episodes.iter_rows(named=True):
        sent = episodes[f"tje-{row['episode']:08d}"]
        assert sent["status"] == row["status"]
        assert at(sent, "managingOrganization/identifier/value") == [row["municipality_code"]]
        assert sent["period"].get("end") == (str(row["end_on"]) if row["end_on"] else None)
    conditions = latest(resources, "Condition")
    status = dict(
        region.conditions.select(
            pl.format("dia-{}", pl.col("condition").cast(pl.String).str.zfill(8)),
            "verification_status",
        ).iter_rows()
    )
    assert {
        key: at(row, "verificationStatus/coding/code")[0] for key, row in conditions.items()
    } == status
    forms = latest(resources, "Task")
    assert [
        forms[f"skj-{row['form']:08d}"].get("executionPeriod", {}).get("end")
        for row in region.portal_forms.iter_rows(named=True)
    ] == region.portal_forms["answered_on"].cast(pl.String).to_list()
    staff = latest(resources, "PractitionerRole")
    assert len(staff) == region.staff.height
    sessions = latest(resources, "AuditEvent")
    assert [
        oslo_date(sessions[f"okt-{number:08d}"]["recorded"])
        for number in range(region.portal_sessions.height)
    ] == region.portal_sessions["session_on"].to_list()


def test_patients_are_sent_again_as_they_change(region: Region, resources: dict) -> None:
    patients = latest(resources, "Patient")
    assert len(patients) == region.persons.height
    spells = region.residence.group_by("person").agg(
        pl.col("municipality_code"), pl.col("valid_from"), pl.col("valid_to")
    )
    joined = region.persons.join(spells, on="person")
    for row in joined.sample(400, seed=3).iter_rows(named=True):
        sent = patients[f"pas-{row['patient_number']:07d}"]
        codes = at(sent, "address/_district/extension/[code]/valueCoding/code")
        assert sorted(codes) == sorted(row["municipality_code"])
        starts = [D["period"]["start"] for D in sent["address"]]
        assert starts == [str(on) for on in sorted(row["valid_from"])]
        assert sent.get("deceasedDateTime") == (
            str(row["death_date"]) if row["death_date"] else None
        )
        assert bool(at(sent, "meta/security/code")) == (row["graded_from"] is not None)


def test_nothing_is_known_before_it_happens(resources: dict) -> None:
    for year, row in resources["Patient"]:
        ends = at(row, "address/period/end") + at(row, "address/period/start")
        assert all(int(day[:4]) <= year for day in ends)
        assert int(row.get("deceasedDateTime", "0000")[:4]) <= year
        codes = at(row, "address/_district/extension/[code]/valueCoding/code")
        assert year > 2023 or not {"1508", "1580"} & set(codes)
    for entity, paths in {
        "Encounter": ["period/start", "period/end"],
        "EpisodeOfCare": ["period/start", "period/end"],
        "Task": ["authoredOn", "executionPeriod/end"],
        "PractitionerRole": ["period/end", "extension/[first-login]/valueDate"],
        "Condition": ["recordedDate"],
        "Organization": ["extension/[go-live]/valueDate"],
    }.items():
        for year, row in resources[entity]:
            assert all(int(day[:4]) <= year for path in paths for day in at(row, path))


def test_canaries_are_in_the_extract(region: Region, extract: tuple[Path, list[Delivery]]) -> None:
    planted = canaries(region, 1000)
    assert sum(len(values) for values in planted.values()) == 1000
    assert all(len(set(values)) == len(values) for values in planted.values())
    texts = [
        b"\n".join(lines_of(file)).decode()
        for file in sorted(extract[0].glob("personregister-*/*.ndjson*"))
    ]
    everything = "\n".join(texts)
    missing = [kind for kind, values in planted.items() for v in values if v not in everything]
    assert missing == []
    with pytest.raises(ValueError, match="6 or more"):
        canaries(region, 3)


def test_progress_tells_every_step(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    settings = SyntheticSettings(scale=0.002, years=1, end_year=2024)
    region = generate_tables(settings, lambda step, rows, _: told.append((step, rows)))
    deliveries = write_extract(region, tmp_path, lambda step, rows, _: told.append((step, rows)))
    assert [step for step, _ in told][:2] == ["persons", "hospital stays"]
    assert {f.folder.name for f in deliveries} <= {step for step, _ in told}
    assert all(rows > 0 for _, rows in told)


def test_an_organisation_without_rows_delivers_nothing(tmp_path: Path) -> None:
    region = generate_tables(SyntheticSettings(scale=0.002, years=1, end_year=2021))
    deliveries = write_extract(region, tmp_path)
    assert {delivery.folder.name for delivery in deliveries} == {
        "personregister-2021",
        "primaerhelse-2021",
    }
    assert {path.name for path in (tmp_path / "synthetic").iterdir()} == {
        delivery.folder.name for delivery in deliveries
    }


def test_a_resource_that_misses_a_value_is_refused(region: Region, tmp_path: Path) -> None:
    broken = replace(
        region, staff=region.staff.with_columns(pl.lit(None, pl.String).alias("municipality_code"))
    )
    with pytest.raises(ValueError, match="miss a value"):
        write_extract(broken, tmp_path)
