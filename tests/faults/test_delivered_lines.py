"""Odd lines of CSV, and texts that other programs would take for formulas.

Belongs here: what becomes of one line among good ones. Does not belong here: damaged bytes
(``test_delivered_damage``), values that cannot be read (``test_delivered_encodings``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines.catalogue.reasons import load_reasons
from pipelines.ingest import Options, export_lines
from pipelines.ingest.limits import Limits
from pipelines.ingest.quarantine import open_lines
from pipelines.settings import Zones
from tests.support.delivered_tables import csv_lines, encounter_row, write_tables
from tests.support.deliveries import KEY, rows, take
from tests.support.empty_zones import empty_zones

FILE = "EncounterFact-1.csv"
GOOD = 40
AT = 17
Change = Callable[[str], str]

ODD: dict[str, tuple[Change, list[str]]] = {
    # One line becomes this; the reasons of the lines that it is then.
    "quoted newline": (
        lambda s: s.replace("finished", '"fini\nshed"'),
        ["broken_csv", "wrong_field_count"],
    ),
    "quoted newline in a text nobody reads": (
        lambda s: s.replace("Kari", '"Kari\n'),
        ["broken_csv", "wrong_field_count"],
    ),
    "quote never closed": (lambda s: s.replace("finished", '"finished'), ["broken_csv"]),
    "quote inside": (lambda s: s.replace("finished", 'fin"ished'), ["code_not_allowed"]),
    "text after a quote": (lambda s: s.replace("finished", '"finished"x'), ["broken_csv"]),
    "too many fields": (lambda s: s + ";x", ["wrong_field_count"]),
    "too few fields": (lambda s: s.rpartition(";")[0], ["wrong_field_count"]),
    "another delimiter": (lambda s: s.replace(";", ","), ["wrong_field_count"]),
    "nul": (lambda s: s.replace("finished", "fini\0shed"), ["code_not_allowed"]),
    "nothing but delimiters": (lambda s: ";" * s.count(";"), ["missing_required"]),
    "a code that is none": (lambda s: s.replace("finished", "ferdig"), ["code_not_allowed"]),
    "hostile id": (lambda s: s.replace("enk-17", "' or 1=1"), ["invalid_identifier"]),
    "formula as a code": (
        lambda s: s.replace("finished", "=cmd|'/c calc'!A1"),
        ["code_not_allowed"],
    ),
    "formula as an id": (lambda s: s.replace("enk-17", "+17"), ["invalid_identifier"]),
}


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return empty_zones(tmp_path / "home")


def with_odd(change: Change) -> bytes:
    lines = csv_lines("EncounterFact", [encounter_row(n) for n in range(GOOD)])
    lines[AT + 1] = change(lines[AT + 1])
    return "".join(f"{each}\n" for each in lines).encode("windows-1252")


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_line_is_quarantined_alone_by_its_number(kind: str, zones: Zones) -> None:
    change, reasons = ODD[kind]
    files = {FILE: (with_odd(change), GOOD - 1 + len(reasons))}
    (file,) = take(zones, write_tables(zones.inbox, "d1", files)).files
    assert (file.state, file.loaded_rows) == ("loaded", GOOD - 1), file.detail
    kept = list(open_lines(zones.quarantine / "synthetic__d1" / f"{FILE}.jsonl"))
    assert [each.reason for each in kept] == reasons
    assert set(reasons) <= set(load_reasons())
    # The header is line 1.
    assert [each.line for each in kept] == [AT + 2 + n for n in range(len(reasons))]
    assert all(each.header.startswith(b"EncounterEpicId;") for each in kept)
    assert rows(zones, "encounter").height == GOOD - 1


def test_several_odd_lines_far_apart_take_no_neighbour_along(zones: Zones) -> None:
    """A quote that is opened in one line and closed in a later one swallows what is between."""
    lines = csv_lines("EncounterFact", [encounter_row(n) for n in range(GOOD)])
    lines[5] = lines[5].replace("finished", '"finished')
    lines[25] = lines[25].replace("finished", 'finished"')
    data = "".join(f"{each}\n" for each in lines).encode("windows-1252")
    (file,) = take(zones, write_tables(zones.inbox, "d1", {FILE: (data, GOOD)})).files
    assert file.loaded_rows == GOOD - 2
    kept = open_lines(zones.quarantine / "synthetic__d1" / f"{FILE}.jsonl")
    assert [each.line for each in kept] == [6, 26]


def test_unasked_the_parser_would_have_swallowed_the_lines_between(tmp_path: Path) -> None:
    """Twin: a quote in one line and one in another make one row of all the lines between."""
    path = tmp_path / "x.csv"
    path.write_text('a;b\n1;"x\n2;y\n3;z"\n4;w\n')
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT a FROM read_csv(?, delim=';', header=true, quote='\"', all_varchar=true)",
            [str(path)],
        ).fetchall()
    assert found == [("1",), ("4",)]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_either_end_of_line_and_none_at_the_end_of_the_file(
    ending: str, last: str, zones: Zones
) -> None:
    lines = csv_lines("EncounterFact", [encounter_row(n) for n in range(9)])
    text = ending.join(lines) + (ending if last else "")
    files = {FILE: (text.encode("windows-1252"), 9)}
    (file,) = take(zones, write_tables(zones.inbox, "d1", files)).files
    assert (file.loaded_rows, file.quarantined_rows) == (9, 0)


@pytest.mark.parametrize("stated", [8, 9, 10, 11])
@pytest.mark.parametrize("ending", [".csv", ".ndjson"])
def test_blank_lines_are_no_rows_whatever_the_manifest_counts(
    stated: int, ending: str, zones: Zones
) -> None:
    from tests.support.deliveries import encounter, line

    if ending == ".csv":
        lines = csv_lines("EncounterFact", [encounter_row(n) for n in range(9)])
        name = FILE
    else:
        lines = [line(encounter(n)).decode() for n in range(9)]
        name = "Encounter-1.ndjson"
    lines[3:3] = [""]
    data = "".join(f"{each}\n" for each in lines).encode("windows-1252" if name == FILE else "utf8")
    (file,) = take(zones, write_tables(zones.inbox, "d1", {name: (data, stated)})).files
    if stated == 9:
        assert (file.loaded_rows, file.quarantined_rows) == (9, 0)
    else:
        assert (file.state, file.reason) == ("refused", "wrong_row_count")


def test_no_rows_at_all_and_nothing_at_all(zones: Zones) -> None:
    (header,) = csv_lines("EncounterFact", [])
    data = f"{header}\n".encode()
    (file,) = take(zones, write_tables(zones.inbox, "d1", {FILE: (data, 0)})).files
    assert (file.state, file.loaded_rows) == ("loaded", 0)
    (file,) = take(zones, write_tables(zones.inbox, "d2", {FILE: (b"", 0)})).files
    assert file.reason == "column_missing"


def test_what_looks_like_a_formula_is_neither_run_nor_changed(zones: Zones) -> None:
    """Back to the source goes what came, as JSON: no program takes it for a formula there."""
    formulas = ["=HYPERLINK(1)", "@SUM(A1)", "-2+3", "+1", "\tx", "=1+1"]
    given = [encounter_row(n, NoteText=text) for n, text in enumerate(formulas)]
    given += [encounter_row(10 + n, Status=text) for n, text in enumerate(formulas[:5])]
    options = Options(quarantine_key=KEY)
    delivery = write_tables(zones.inbox, "d1", {FILE: given})
    (file,) = take(zones, delivery, options=options).files
    assert (file.loaded_rows, dict(file.quarantined)) == (6, {"code_not_allowed": 5})
    ((path, count),) = export_lines(zones, KEY)
    assert count == 5
    assert all(each.startswith("{") for each in path.read_text().splitlines())


def test_a_line_past_the_limit_is_left_out_and_its_beginning_kept(zones: Zones) -> None:
    given = [encounter_row(n) for n in range(20)]
    given[4]["NoteText"] = "x" * 20_000_000
    (file,) = take(zones, write_tables(zones.inbox, "d1", {FILE: given})).files
    assert (file.loaded_rows, dict(file.quarantined)) == (19, {"line_too_long": 1})
    (kept,) = open_lines(zones.quarantine / "synthetic__d1" / f"{FILE}.jsonl")
    assert (kept.line, kept.whole, len(kept.raw)) == (6, False, 64 * 1024)


def test_pieces_of_a_large_file_keep_their_line_numbers(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import parse

    monkeypatch.setattr(parse, "_PIECE_LINES", 7)
    monkeypatch.setattr(parse, "_SINGLED_OUT", 1)
    lines = csv_lines("EncounterFact", [encounter_row(n) for n in range(60)])
    for at in (4, 5, 6, 32, 60):
        lines[at] += ";more"
    data = "".join(f"{each}\n" for each in lines).encode("windows-1252")
    options = Options(limits=Limits(stretch_rows=13))
    delivery = write_tables(zones.inbox, "d1", {FILE: (data, 60)})
    (file,) = take(zones, delivery, options=options).files
    assert (file.loaded_rows, dict(file.quarantined)) == (55, {"wrong_field_count": 5})
    kept = open_lines(zones.quarantine / "synthetic__d1" / f"{FILE}.jsonl")
    assert [each.line for each in kept] == [5, 6, 7, 33, 61]
