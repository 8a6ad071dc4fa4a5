"""Delivered tables: the same rows as FHIR, Parquet and CSV are the same zone, byte for byte.

Belongs here: that the form of a delivery leaves no trace, and that what a form declares is held to.
Does not belong here: damaged files (``test_delivered_damage``), odd lines of CSV
(``test_delivered_lines``), local clock times (``test_local_times``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.ingest import FileResult, Options
from pipelines.ingest.limits import Limits
from pipelines.settings import Zones
from tests.support.delivered_tables import (
    Row,
    address_rows,
    arrow_table,
    care_row,
    csv_bytes,
    declare,
    encounter_row,
    link_row,
    observation_row,
    parquet_bytes,
    patient_row,
    pressure_row,
    write_tables,
)
from tests.support.deliveries import (
    blood_pressure,
    encounter,
    episode,
    observation,
    patient,
    rows,
    take,
    tree,
    write_delivery,
)
from tests.support.empty_zones import empty_zones

PERSONS = range(12)
LINKED = {"link": [{"other": {"reference": "Patient/pas-1"}, "type": "replaced-by"}]}
DEAD = {"deceasedDateTime": "2024-05-02"}
RESOURCES: dict[str, dict[str, Any]] = {
    "personregister": {
        "Patient-1.ndjson": [
            patient(0, **LINKED),
            patient(1, graded="V"),
            patient(2, **DEAD),
            *(patient(n) for n in PERSONS[3:]),
        ]
    },
    "sykehus": {
        "Encounter-1.ndjson": [encounter(n, n % 12) for n in range(40)],
        "Observation-1.ndjson": [observation(n, n % 12) for n in range(20)]
        + [blood_pressure(n, n % 12) for n in range(20, 40)],
    },
    "kommuner": {"EpisodeOfCare-1.ndjson": [episode(n, n % 12) for n in range(30)]},
}
TABLES: dict[str, dict[str, list[Row]]] = {
    "personregister": {
        "PatientDim-0001": [
            patient_row(0),
            patient_row(1, IsGraded=True),
            patient_row(2, DeathDate=dt.date(2024, 5, 2)),
            *(patient_row(n) for n in PERSONS[3:]),
        ],
        "AddressBridge-0001": [row for n in PERSONS for row in address_rows(n)],
        "PatientLinkBridge-0001": [link_row(0, 1, "replaced-by")],
    },
    "sykehus": {
        "EncounterFact-0001": [encounter_row(n, n % 12) for n in range(40)],
        "ObservationFact-0001": [observation_row(n, n % 12) for n in range(20)]
        + [pressure_row(n, n % 12) for n in range(20, 40)],
    },
    "kommuner": {"CareServiceFact-0001": [care_row(n, n % 12) for n in range(30)]},
}
NONE_TO_SPILL = Options()
SPILLED = Options(limits=Limits(rows_in_memory=5, cut_rows=3, stretch_rows=7))


def taken(home: Path, ending: str, options: Options = NONE_TO_SPILL) -> dict[str, str]:
    """The journal after the same three deliveries in one form."""
    zones = empty_zones(home / "home")
    for organisation in RESOURCES:
        if ending == ".ndjson":
            delivery = write_delivery(
                zones.inbox, organisation, RESOURCES[organisation], organisation=organisation
            )
        else:
            files = {f"{name}{ending}": given for name, given in TABLES[organisation].items()}
            delivery = write_tables(zones.inbox, organisation, files, organisation=organisation)
        for file in take(zones, delivery, options=options).files:
            assert (file.state, file.quarantined_rows) == ("loaded", 0), (file, file.detail)
            assert file.unexpected_fields == ()
    return tree(zones.journal)


@pytest.fixture(scope="module")
def of_resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return taken(tmp_path_factory.mktemp("fhir"), ".ndjson")


@pytest.mark.parametrize("options", [NONE_TO_SPILL, SPILLED], ids=["memory", "spilled"])
@pytest.mark.parametrize("ending", [".parquet", ".csv", ".csv.gz"])
def test_every_form_gives_the_same_bytes(
    ending: str, options: Options, tmp_path: Path, of_resources: dict[str, str]
) -> None:
    assert taken(tmp_path, ending, options) == of_resources
    everything = b"".join(
        p.read_bytes() for p in (tmp_path / "home" / "restricted").rglob("*.parquet")
    )
    assert b"Nordkanari" not in everything


def test_a_day_read_in_another_time_zone_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_resources: dict[str, str]
) -> None:
    """Twin: the comparison is not blind to a wrong clock."""
    declare(monkeypatch, lambda table: {"time_zone": "Pacific/Auckland"})
    assert taken(tmp_path, ".parquet") != of_resources


def one_file(zones: Zones, name: str, given: Any, **options: Any) -> FileResult:
    delivery = write_tables(zones.inbox, "d1", {name: given})
    (file,) = take(zones, delivery, **options).files
    return file


def renamed(table: pa.Table, old: str, new: str) -> pa.Table:
    return table.rename_columns([new if name == old else name for name in table.column_names])


def retyped(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


ROWS = [encounter_row(n) for n in range(300)]
NAIVE = [dt.datetime(2024, 3, 1, 8)] * 300
DRIFT: dict[str, tuple[Callable[[pa.Table], pa.Table], str | None, str]] = {
    "added": (lambda t: t.append_column("NewColumn", [["x"] * 300]), None, "NewColumn"),
    "added, named like a person": (
        lambda t: t.append_column("Kari Nordkanari 01017012345", [["x"] * 300]),
        None,
        "other",
    ),
    "renamed": (lambda t: renamed(t, "Status", "State"), "column_missing", "Status"),
    "renamed in case alone": (lambda t: renamed(t, "Status", "status"), "column_missing", "Status"),
    "missing": (lambda t: t.drop_columns("HospitalCode"), "column_missing", "HospitalCode"),
    "twice": (
        lambda t: t.append_column("Status", t.column("Status")),
        "wrong_header",
        "Status",
    ),
    "text became a number": (
        lambda t: retyped(t, "MunicipalityOfStay", pa.array([5001] * 300)),
        "type_changed",
        "MunicipalityOfStay",
    ),
    "time became text": (
        lambda t: retyped(t, "AdmissionInstant", pa.array(["2024-03-01 08:00:00"] * 300)),
        "type_changed",
        "AdmissionInstant",
    ),
    "local time became an instant": (
        lambda t: retyped(t, "AdmissionInstant", pa.array(NAIVE, pa.timestamp("us", "UTC"))),
        "type_changed",
        "AdmissionInstant",
    ),
    "time became a day": (
        lambda t: retyped(t, "AdmissionInstant", pa.array([d.date() for d in NAIVE])),
        "type_changed",
        "AdmissionInstant",
    ),
    "code set extended": (
        lambda t: retyped(t, "Status", pa.array(["finished", "avsluttet"] * 150)),
        "too_many_bad_lines",
        "code_not_allowed in status: 150",
    ),
    "emptied": (
        lambda t: retyped(t, "MunicipalityOfStay", pa.array([None] * 300, pa.string())),
        "column_emptied",
        "municipality_of_stay",
    ),
}


@pytest.mark.parametrize("kind", DRIFT)
def test_drift_is_told_or_refused_by_the_name_of_the_column(kind: str, tmp_path: Path) -> None:
    change, reason, named = DRIFT[kind]
    zones = empty_zones(tmp_path / "home")
    data = parquet_bytes(change(arrow_table("EncounterFact", ROWS)))
    file = one_file(zones, "EncounterFact-1.parquet", (data, 300))
    assert file.reason == reason, file.detail
    assert "Nordkanari" not in str(file)
    if reason is None:
        assert (file.state, file.loaded_rows, file.unexpected_fields) == ("loaded", 300, (named,))
        assert "NewColumn" not in rows(zones, "encounter").columns
    else:
        assert named in (file.detail or "")
        assert rows(zones, "encounter").height == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Status", "State", "column_missing"),
        ("Status", "Priority", "wrong_header"),
        ("NoteText", "NewNote", None),
    ],
)
def test_drift_of_a_csv_header(old: str, new: str, reason: str | None, tmp_path: Path) -> None:
    data = csv_bytes("EncounterFact", ROWS[:9]).replace(old.encode(), new.encode(), 1)
    file = one_file(empty_zones(tmp_path / "home"), "EncounterFact-1.csv", (data, 9))
    assert file.reason == reason
    assert (old in (file.detail or "")) == (reason == "column_missing")
    assert file.unexpected_fields == (("NewNote",) if reason is None else ())


def test_columns_in_another_order_are_the_same_rows(tmp_path: Path) -> None:
    trees = []
    for name, turn in (("a", 1), ("b", -1)):
        zones = empty_zones(tmp_path / name)
        table = arrow_table("EncounterFact", ROWS)
        data = parquet_bytes(table.select(table.column_names[::turn]))
        assert one_file(zones, "EncounterFact-1.parquet", (data, 300)).loaded_rows == 300
        trees.append(tree(zones.journal))
    assert trees[0] == trees[1]


def test_without_the_check_a_missing_column_would_be_read_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twin: unless columns are held to the mapping, a renamed one stops the run, untold."""
    from pipelines.ingest import files

    monkeypatch.setattr(files, "check_columns", lambda names, delivered: ())
    data = csv_bytes("EncounterFact", ROWS[:9]).replace(b"Status", b"State", 1)
    file = one_file(empty_zones(tmp_path / "home"), "EncounterFact-1.csv", (data, 9))
    assert "Status" not in (file.detail or "")


@pytest.mark.parametrize("alone", ["PatientDim", "AddressBridge"])
def test_tables_about_the_same_come_together(alone: str, tmp_path: Path) -> None:
    """An address without its person would be overlooked, a person without an address be nowhere."""
    zones = empty_zones(tmp_path / "home")
    given = {"PatientDim": [patient_row(0)], "AddressBridge": address_rows(0)}[alone]
    files = {f"{alone}-1.parquet": given}
    delivery = write_tables(zones.inbox, "d1", files, organisation="personregister")
    (file,) = take(zones, delivery).files
    assert (file.state, file.reason) == ("refused", "tables_apart")
    assert "PatientLinkBridge" in (file.detail or "")
