"""Encodings, decimal signs and forms of dates: as declared, or refused; never guessed (B03).

Belongs here: what a CSV form declares of characters and values. Does not belong here: local clock
times (``test_local_times``), the shape of lines (``test_delivered_lines``).
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalogue import sources
from pipelines.catalogue.delivered_tables import DeliveredTable
from pipelines.ingest import FileResult, text
from pipelines.ingest.quarantine import open_lines
from pipelines.settings import Zones
from tests.support.delivered_tables import (
    Row,
    care_row,
    csv_bytes,
    csv_lines,
    declare,
    declare_csv,
    encounter_row,
    mapping,
    write_tables,
)
from tests.support.deliveries import rows, take
from tests.support.empty_zones import empty_zones

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-1", "cp865"]
NAMES = {"Status": "Tilstand_på_Åfjord", "Priority": "Hastegrad_æøå_ÆØÅ"}
CODES = {"Øyeblikkelig hjelp": "EM", "Planlagt på Røros": "EL", "Ærend i Snåase": "EL"}
FILE = "EncounterFact-1.csv"


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return empty_zones(tmp_path / "home")


def one(zones: Zones, name: str, data: bytes, stated: int, **options: Any) -> FileResult:
    delivery = write_tables(zones.inbox, "d1", {name: (data, stated)}, **options)
    (file,) = take(zones, delivery).files
    return file


def norwegian(table: DeliveredTable) -> dict[str, Any]:
    """Two columns with Norwegian names, one of them with Norwegian codes."""
    columns = table.model_dump()["columns"]
    for column in columns.values():
        column["column"] = NAMES.get(column["column"], column["column"])
    if "priority_code" in columns:
        columns["priority_code"]["codes"] = CODES
    return {"columns": columns}


def norwegian_rows() -> list[Row]:
    made = [encounter_row(n, Priority=code) for n, code in enumerate(CODES)]
    return [{NAMES.get(name, name): value for name, value in row.items()} for row in made]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_declared_encoding_is_read_whole(
    encoding: str, zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_csv(monkeypatch, encoding=encoding)
    declare(monkeypatch, norwegian)
    data = csv_bytes("EncounterFact", norwegian_rows())
    file = one(zones, FILE, data, 3)
    assert (file.loaded_rows, file.unexpected_fields) == (3, ()), file.detail
    found = rows(zones, "encounter")
    assert sorted(found["priority_code"]) == ["EL", "EL", "EM"]


def test_header_names_match_in_whatever_form_their_letters_are_composed(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_csv(monkeypatch, encoding="utf-8")
    declare(monkeypatch, norwegian)
    header, *rest = csv_lines("EncounterFact", norwegian_rows())
    text = "\n".join([unicodedata.normalize("NFD", header), *rest]) + "\n"
    assert unicodedata.normalize("NFD", header) != header
    assert one(zones, FILE, text.encode(), 3).loaded_rows == 3


OFTEN = {"utf-8", "utf-16", "windows-1252"}
WRONGLY = [
    pytest.param(
        declared,
        written,
        # What is met most at every change, all the others at night.
        marks=() if declared in OFTEN and written in OFTEN else pytest.mark.nightly,
    )
    for declared in ENCODINGS
    for written in ENCODINGS
    if declared != written and (declared, written) != ("utf-8-sig", "utf-8")
]


@pytest.mark.parametrize(("declared", "written"), WRONGLY)
def test_another_encoding_than_the_declared_is_never_guessed(
    declared: str, written: str, zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letters of names and codes come out right or not at all; 3 lines tolerate 1."""
    form = declare_csv(monkeypatch, encoding=declared)
    declare(monkeypatch, norwegian)
    lines = csv_lines("EncounterFact", norwegian_rows(), form)
    data = "".join(f"{each}\r\n" for each in lines).encode(written)
    alike = data == "".join(f"{each}\r\n" for each in lines).encode(declared)
    file = one(zones, FILE, data, 3)
    if alike:
        # Our letters are the same bytes in both.
        assert {declared, written} == {"windows-1252", "iso-8859-1"}
        assert file.loaded_rows == 3
        return
    assert file.state == "refused"
    assert file.reason in ("wrong_encoding", "column_missing", "wrong_row_count", "wrong_header")
    assert "Åfjord" not in str(file.detail) or file.reason == "column_missing"


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_that_is_not_declared(
    mark: bytes, zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_csv(monkeypatch, encoding="utf-8")
    data = mark + csv_bytes("EncounterFact", [encounter_row(n) for n in range(3)])
    assert one(zones, FILE, data, 3).reason == "wrong_encoding"


def test_bytes_that_are_no_letters_of_the_encoding(zones: Zones) -> None:
    """0x81 is no letter of Windows-1252, wherever in the file it stands."""
    data = csv_bytes("EncounterFact", [encounter_row(n) for n in range(3)])
    for place in (b"Status", b"Kari", b"\r\n"):
        spoilt = data.replace(place, b"\x81" + place, 1)
        assert one(zones, FILE, spoilt, 3).reason == "wrong_encoding"


def test_a_header_that_is_no_utf8_refuses_the_file(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_csv(monkeypatch, encoding="utf-8")
    data = csv_bytes("EncounterFact", [encounter_row(n) for n in range(3)])
    assert one(zones, FILE, b"\xe6" + data, 3).reason == "wrong_encoding"


def test_a_line_that_is_no_utf8_is_quarantined_alone(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_csv(monkeypatch, encoding="utf-8")
    lines = csv_bytes("EncounterFact", [encounter_row(n) for n in range(20)]).split(b"\r\n")
    lines[7] = lines[7].replace(b"finished", b"p\xe5")
    file = one(zones, FILE, b"\r\n".join(lines), 20)
    assert (file.loaded_rows, dict(file.quarantined)) == (19, {"not_utf8": 1})
    (kept,) = open_lines(zones.quarantine / "synthetic__d1" / f"{FILE}.jsonl")
    assert kept.line == 8


def test_a_guess_would_have_loaded_other_letters(zones: Zones) -> None:
    """Twin: one byte is a letter in every 8-bit encoding, and not the same."""
    letters = {b"\xe6".decode(each) for each in ("windows-1252", "cp865", "iso-8859-5")}
    assert len(letters) == 3


HOURS = [
    # decimal sign declared, text delivered, value or reason
    (",", "7,5", 7.5),
    (",", "7", 7.0),
    (",", "7.5", "unreadable_value"),
    (",", "1.000,5", "unreadable_value"),
    (",", "1 000,5", "unreadable_value"),
    (",", "sju", "unreadable_value"),
    (",", "1e400", "value_out_of_range"),
    (",", "nan", None),
    (",", "inf", None),
    (",", "12345678901234567890123", "value_out_of_range"),
    (".", "7.5", 7.5),
    (".", "7,5", "unreadable_value"),
    (".", "1,000.5", "unreadable_value"),
    (".", "0x10", "unreadable_value"),
    (",", "", None),
]


@pytest.mark.parametrize(("decimal", "text", "expected"), HOURS)
def test_numbers_are_read_by_their_declared_sign(
    decimal: str,
    text: str,
    expected: float | str | None,
    zones: Zones,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declare_csv(monkeypatch, decimal=decimal)
    given = [care_row(n, WeeklyHours=None) for n in range(3)] + [care_row(3, WeeklyHours="@")]
    data = csv_bytes("CareServiceFact", given).replace(b"@", text.encode())
    file = one(zones, "CareServiceFact-1.csv", data, 4, organisation="kommuner")
    if isinstance(expected, str):
        assert dict(file.quarantined) == {expected: 1}, file
        kept = open_lines(zones.quarantine / "synthetic__d1" / "CareServiceFact-1.csv.jsonl")
        assert [(each.line, each.column) for each in kept] == [(5, "weekly_hours")]
        return
    found = rows(zones, "care_episode")["weekly_hours"].drop_nulls().to_list()
    if text in ("nan", "inf"):
        # No number of hours, however it is spelt.
        assert file.quarantined_rows == 1
        assert found == []
        return
    assert found == ([] if expected is None else [expected])


def test_the_other_sign_in_every_line_refuses_the_file_by_the_column(zones: Zones) -> None:
    data = csv_bytes("CareServiceFact", [care_row(n) for n in range(50)]).replace(b"7,5", b"7.5")
    file = one(zones, "CareServiceFact-1.csv", data, 50, organisation="kommuner")
    assert file.reason == "too_many_bad_lines"
    assert "unreadable_value in weekly_hours: 50" in (file.detail or "")


DAYS = [
    ("01.01.2024", None),
    ("29.02.2024", None),
    ("2024-01-01", "unreadable_value"),
    ("01.13.2024", "unreadable_value"),
    ("29.02.2023", "unreadable_value"),
    ("01/01/2024", "unreadable_value"),
    ("01.01.24", "invalid_date"),
    ("i fjor", "unreadable_value"),
    ("31.12.1799", "invalid_date"),
]


@pytest.mark.parametrize(("text", "reason"), DAYS)
def test_days_are_read_in_their_declared_form(text: str, reason: str | None, zones: Zones) -> None:
    data = csv_bytes("CareServiceFact", [care_row(0), care_row(1), care_row(2)])
    data = data.replace(b"01.01.2024", text.encode(), 1)
    file = one(zones, "CareServiceFact-1.csv", data, 3, organisation="kommuner")
    assert dict(file.quarantined) == ({} if reason is None else {reason: 1})
    if reason:
        (kept,) = open_lines(zones.quarantine / "synthetic__d1" / "CareServiceFact-1.csv.jsonl")
        assert kept.line == 2
        assert kept.column in ("start", "start_on")


def test_without_the_check_an_unreadable_value_would_be_taken_for_none(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twin: reading alone makes nothing of it, and the row is loaded with an empty column."""
    from pipelines.ingest import tabular

    read = tabular._read
    monkeypatch.setattr(tabular, "_read", lambda *args: (read(*args)[0], None))
    declare(monkeypatch, lambda table: {"dropped": [*table.dropped, "Unread"]})
    data = csv_bytes("CareServiceFact", [care_row(n) for n in range(3)]).replace(b"7,5", b"7.5")
    file = one(zones, "CareServiceFact-1.csv", data, 3, organisation="kommuner")
    assert (file.loaded_rows, file.quarantined_rows) == (3, 0)
    assert rows(zones, "care_episode")["weekly_hours"].null_count() == 3


def test_what_stands_for_no_value_is_declared(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_csv(monkeypatch, null_values=["NULL", "-"])
    given = [encounter_row(0, Priority="NULL"), encounter_row(1, Priority="-"), encounter_row(2)]
    assert one(zones, FILE, csv_bytes("EncounterFact", given), 3).loaded_rows == 3
    assert rows(zones, "encounter").filter(pl.col("priority_code").is_null()).height == 2


def test_what_is_not_declared_to_stand_for_no_value_is_a_wrong_code(zones: Zones) -> None:
    given = [encounter_row(0, Priority="NULL"), encounter_row(1), encounter_row(2)]
    file = one(zones, FILE, csv_bytes("EncounterFact", given), 3)
    assert dict(file.quarantined) == {"code_not_allowed": 1}


def test_every_mapped_table_declares_how_it_is_written() -> None:
    for name in sources.load_sources()["synthetic"].tables:
        assert mapping(name).csv is not None
        assert mapping(name).time_zone == "Europe/Oslo"


def declared_as_single_byte(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """UTF-8 where nothing but a name, which is dropped, has letters beyond ASCII."""
    form = declare_csv(monkeypatch, encoding="windows-1252")
    listed = [encounter_row(n, PatientName="Kåre Ødegård") for n in range(3)]
    lines = csv_lines("EncounterFact", listed, form)
    return "".join(f"{each}\r\n" for each in lines).encode()


def test_utf_8_in_a_file_declared_as_single_byte_is_refused(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To Windows-1252 every byte of it is a letter, so nothing else would tell."""
    file = one(zones, FILE, declared_as_single_byte(monkeypatch), 3)
    assert (file.state, file.reason) == ("refused", "wrong_encoding")


def test_without_a_look_for_utf_8_its_letters_would_come_out_wrong(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twin: the file is loaded, each such letter as two others."""
    monkeypatch.setattr(text, "_SINGLE_BYTE", ())
    assert one(zones, FILE, declared_as_single_byte(monkeypatch), 3).loaded_rows == 3
