"""Known source errors: corrected on the way in, counted, and guarded until the source mends them.

Belongs here: entries as a steward writes them, and what a delivery in and out of their scope gives.
Does not belong here: what is merely implausible (``test_checks_journal``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.catalogue import corrections, entities
from pipelines.catalogue.corrections import Correction, load_corrections
from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.sources import load_sources
from pipelines.ingest import Options
from pipelines.ingest.completeness import delivery_gaps
from pipelines.ingest.ledger import read_ledger
from pipelines.settings import Zones
from tests.support.delivered_tables import encounter_row, observation_row, write_tables
from tests.support.deliveries import encounter, observation, rows, take, write_delivery
from tests.support.empty_zones import empty_zones

ENTRY: dict[str, Any] = {
    "id": "hospital_status",
    "source": "synthetic",
    "provider": "sykehus",
    "table": "encounter",
    "texts": {"nb": "Feil status", "nn": "Feil status", "en": "Wrong status"},
    "status": "reported",
    "reported_on": "2024-01-15",
    "reference": "SAK-1",
    "where": {"status": ["finito", "fini"]},
    "set": {"status": "finished"},
    "among_rows": 10,
}
TIME = dt.datetime(2025, 1, 5, 3, tzinfo=dt.UTC)


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return empty_zones(tmp_path / "home")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these corrections be the catalogue's."""

    def declare(*entries: dict[str, Any]) -> None:
        made = {each["id"]: Correction.model_validate({**ENTRY, **each}) for each in entries}
        monkeypatch.setattr(corrections, "_load_corrections", lambda folder: made)

    return declare


def taken(zones: Zones, lines: list[Any], name: str = "d1", **options: Any) -> Any:
    file = f"{lines[0]['resourceType']}-1.ndjson"
    delivery = write_delivery(zones.inbox, name, {file: lines}, **options)
    (result,) = take(zones, delivery, options=Options(threads=1)).files
    return result


WRONG = [encounter(n, status=["finito", "fini", "finished"][n % 3]) for n in range(30)]


def test_a_value_is_corrected_and_counted(zones: Zones, known: Callable[..., None]) -> None:
    known(ENTRY)
    file = taken(zones, WRONG)
    assert (file.loaded_rows, file.quarantined_rows) == (30, 0)
    assert dict(file.corrected) == {"hospital_status": 20}
    assert rows(zones, "encounter")["status"].unique().to_list() == ["finished"]
    (entry,) = read_ledger(zones).values()
    assert dict(entry.files[0].corrected) == {"hospital_status": 20}
    assert "_corrected" not in rows(zones, "encounter").columns


def test_without_the_entry_the_same_delivery_is_refused(
    zones: Zones, known: Callable[..., None]
) -> None:
    """Twin."""
    known()
    file = taken(zones, WRONG)
    assert (file.reason, dict(file.corrected)) == ("too_many_bad_lines", {})


PRIORITY = {"id": "no_priority", "where": {"priority_code": [None]}, "set": {"priority_code": "EL"}}
CLEARED = {"id": "no_place", "where": {"hospital_code": ["STO"]}, "set": {"priority_code": None}}
FIRST = {"id": "a_first", "set": {"status": "cancelled"}, "where": {"status": ["finito"]}}
BOTH = {
    "id": "both",
    "where": {"status": ["finito"], "class_code": ["AMB"]},
    "set": {"status": "finished", "priority_code": "EL"},
}


@pytest.mark.parametrize(
    ("entries", "change", "column", "expected", "met"),
    [
        ([PRIORITY], {"priority": None}, "priority_code", "EL", {"no_priority": 12}),
        ([PRIORITY], {}, "priority_code", "EM", {"no_priority": 0}),
        ([CLEARED], {}, "priority_code", None, {"no_place": 12}),
        (
            [FIRST, ENTRY],
            {"status": "finito"},
            "status",
            "cancelled",
            {"a_first": 12, "hospital_status": 12},
        ),
        (
            [ENTRY, PRIORITY],
            {"status": "fini", "priority": None},
            "priority_code",
            "EL",
            {"hospital_status": 12, "no_priority": 12},
        ),
        (
            [BOTH],
            {"status": "finito", "class": {"code": "AMB"}},
            "priority_code",
            "EL",
            {"both": 12},
        ),
    ],
)
def test_what_corrections_do(
    entries: list[dict[str, Any]],
    change: dict[str, Any],
    column: str,
    expected: str | None,
    met: dict[str, int],
    zones: Zones,
    known: Callable[..., None],
) -> None:
    known(*entries)
    # Enough rows to be judged, too few for an emptied column to be taken for drift.
    file = taken(zones, [encounter(n, **change) for n in range(12)])
    assert (file.loaded_rows, dict(file.corrected)) == (12, met), file
    assert rows(zones, "encounter")[column].unique().to_list() == [expected]


def test_all_conditions_must_fit(zones: Zones, known: Callable[..., None]) -> None:
    known(BOTH)
    file = taken(zones, [encounter(0, status="finito"), encounter(1), encounter(2)])
    assert dict(file.quarantined) == {"code_not_allowed": 1}


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
@pytest.mark.parametrize(
    ("where", "given"), [({"value": [480.0]}, 480.0), ({"value": [480]}, 480.0)]
)
def test_numbers_are_corrected_in_every_form(
    form: str, where: dict[str, Any], given: float, zones: Zones, known: Callable[..., None]
) -> None:
    known({"id": "decimal_lost", "table": "observation", "where": where, "set": {"value": 48}})
    if form == "ndjson":
        lines = [observation(n, valueQuantity={"value": given}) for n in range(12)]
        file = taken(zones, lines)
    else:
        listed = [observation_row(n, Value=given) for n in range(12)]
        delivery = write_tables(zones.inbox, "d1", {f"ObservationFact-1.{form}": listed})
        (file,) = take(zones, delivery, options=Options(threads=1)).files
    assert dict(file.corrected) == {"decimal_lost": 12}, file.detail
    assert rows(zones, "observation")["value"].unique().to_list() == [48.0]


def test_a_value_that_cannot_be_read_is_not_saved_by_a_correction(
    zones: Zones, known: Callable[..., None]
) -> None:
    """An absent value is one thing, one that is there in another form another."""
    known({"id": "none", "table": "observation", "where": {"value": [None]}, "set": {"value": 48}})
    listed = [observation_row(n) for n in range(12)]
    listed[3]["Value"] = "48.0"
    delivery = write_tables(zones.inbox, "d1", {"ObservationFact-1.csv": listed})
    (file,) = take(zones, delivery, options=Options(threads=1)).files
    assert dict(file.quarantined) == {"unreadable_value": 1}


@pytest.mark.parametrize(
    ("change", "organisation", "time", "applied"),
    [
        ({}, "sykehus", TIME, True),
        ({"provider": "kommuner"}, "sykehus", TIME, False),
        ({"source": "helseplattformen"}, "sykehus", TIME, False),
        ({"known_from": "2025-01-05"}, "sykehus", TIME, True),
        ({"known_from": "2025-01-06"}, "sykehus", TIME, False),
        ({"status": "mended", "known_to": "2025-01-06"}, "sykehus", TIME, True),
        ({"status": "mended", "known_to": "2025-01-05"}, "sykehus", TIME, False),
        # By the day in UTC, as the entry says; the clock of the manifest may be another.
        (
            {"known_from": "2025-01-05"},
            "sykehus",
            dt.datetime(2025, 1, 5, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            False,
        ),
    ],
)
def test_only_deliveries_in_scope_are_corrected(
    change: dict[str, Any],
    organisation: str,
    time: dt.datetime,
    applied: bool,
    zones: Zones,
    known: Callable[..., None],
) -> None:
    known({**ENTRY, **change})
    file = taken(zones, WRONG, organisation=organisation, time=time)
    assert (file.reason is None) == applied
    assert dict(file.corrected) == ({"hospital_status": 20} if applied else {})


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        ({}, True),
        ({"among_rows": 13}, False),
        ({"status": "mended", "known_to": "2025-01-06"}, True),
        ({"status": "mended", "known_to": "2025-01-01"}, False),
        ({"known_from": "2026-01-01"}, False),
    ],
)
def test_a_needless_correction_stops_the_release_until_it_is_closed(
    change: dict[str, Any], gap: bool, zones: Zones, known: Callable[..., None]
) -> None:
    known({**ENTRY, **change})
    taken(zones, [encounter(n) for n in range(12)])
    told = [each for each in delivery_gaps(zones) if each.startswith("correction")]
    assert bool(told) == gap
    if gap:
        assert told[0].startswith(
            "correction hospital_status met 0 rows of synthetic__d1, expected"
        )
        assert "known_to" in told[0]


def test_closing_an_entry_afterwards_closes_its_gap(
    zones: Zones, known: Callable[..., None]
) -> None:
    known(ENTRY)
    taken(zones, [encounter(n) for n in range(12)])
    assert any(each.startswith("correction") for each in delivery_gaps(zones))
    known({**ENTRY, "status": "mended", "known_to": "2025-01-05"})
    assert not any(each.startswith("correction") for each in delivery_gaps(zones))


@pytest.mark.parametrize(("least", "gap"), [(20, False), (21, True)])
def test_fewer_than_expected_is_needless_too(
    least: int, gap: bool, zones: Zones, known: Callable[..., None]
) -> None:
    known({**ENTRY, "expect_at_least": least})
    taken(zones, WRONG)
    assert any(each.startswith("correction") for each in delivery_gaps(zones)) == gap


FILES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda e: e.update(colour="red"), "colour"),
    (lambda e: e.update(id="other"), "id: expected hospital_status"),
    (lambda e: e.update(id="Bad Id"), "id"),
    (lambda e: e.pop("reference"), "reference"),
    (lambda e: e.pop("reported_on"), "reported_on"),
    (lambda e: e.update(reported_on="i fjor"), "reported_on"),
    (lambda e: e.update(status="open"), "status"),
    (lambda e: e.update(status="mended"), "known_to"),
    (lambda e: e.update(known_to="2025-01-01"), "known_to"),
    (lambda e: e["texts"].pop("nn"), "texts are missing in ['nn']"),
    (lambda e: e.update(provider="apotek"), "provider"),
    (lambda e: e.update(source="nowhere"), "source"),
    (lambda e: e.update(table="person"), "table: person"),
    (lambda e: e.update(where={}), "where"),
    (lambda e: e.update(set={}), "set"),
    (lambda e: e["where"].update(colour=["red"]), "colour"),
    (lambda e: e["set"].update(patient_key="x"), "patient_key"),
    (lambda e: e["where"].update(status="finito"), "where.status"),
    (lambda e: e["set"].update(status=["finished"]), "set.status"),
    (lambda e: e["set"].update(status=1), "status: expected values of the column's type"),
    (lambda e: e["where"].update(status=[True]), "status: expected values of the column's type"),
    (
        lambda e: e.update(table="observation", where={"value": ["48"]}, set={"value": 4}),
        "value: expected values of the column's type, decimal",
    ),
    (lambda e: e.update(expect_at_least=0), "expect_at_least"),
    (lambda e: e.update(among_rows="many"), "among_rows"),
]


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an entry leans on is read once, from where it always is."""
    monkeypatch.setattr(corrections, "load_entities", lambda folder=None: entities.load_entities())
    monkeypatch.setattr(corrections, "load_sources", lambda folder: load_sources())


def written(folder: Path, text: str) -> None:
    (folder / "corrections").mkdir()
    (folder / "corrections" / "hospital_status.yml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("change", "named"), FILES)
def test_a_wrong_file_is_refused_by_file_and_key(
    change: Callable[[dict[str, Any]], Any], named: str, tmp_path: Path
) -> None:
    content = {**ENTRY, **{name: dict(ENTRY[name]) for name in ("texts", "where", "set")}}
    change(content)
    written(tmp_path, yaml.safe_dump(content, allow_unicode=True))
    with pytest.raises(CatalogueError) as caught:
        load_corrections(tmp_path)
    assert named in str(caught.value)
    assert "hospital_status.yml" in str(caught.value)


def test_a_right_file_is_read(tmp_path: Path) -> None:
    written(tmp_path, yaml.safe_dump(ENTRY, allow_unicode=True))
    assert load_corrections(tmp_path)["hospital_status"].expect_at_least == 1


def test_the_project_s_own_corrections_are_read() -> None:
    assert isinstance(load_corrections(), dict)


def test_rows_of_a_table_are_corrected_as_resources_are(
    tmp_path: Path, known: Callable[..., None]
) -> None:
    known(ENTRY)
    zones = empty_zones(tmp_path / "tables")
    listed = [encounter_row(n, Status=["finito", "fini", "finished"][n % 3]) for n in range(30)]
    delivery = write_tables(zones.inbox, "d1", {"EncounterFact-1.csv": listed})
    (file,) = take(zones, delivery, options=Options(threads=1)).files
    assert dict(file.corrected) == {"hospital_status": 20}
