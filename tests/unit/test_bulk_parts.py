"""Parts of the bulk client that ask nobody: waits, manifests, orders, inflating, contents."""

from __future__ import annotations

import datetime as dt
import gzip
import math
import re
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.clients.bulk.contents import contents_of, repeated, without_lines
from pipelines.clients.bulk.errors import ExportError, place, plain_code
from pipelines.clients.bulk.inflate import plain
from pipelines.clients.bulk.kickoff import order_for
from pipelines.clients.bulk.manifest import joined, parse_page
from pipelines.clients.bulk.parsed import ids_of, outcomes_in
from pipelines.clients.bulk.session import AgainError
from pipelines.clients.bulk.usual import hashes, usual_ids
from pipelines.clients.bulk.waits import backoff, clamped, retry_after_seconds
from pipelines.settings import ROOT
from tests.support.bulk_server.answers import lines, outcome
from tests.support.bulk_server.homes import profile
from tests.support.bulk_server.server import resource

NOW = dt.datetime(2025, 3, 3, 9, 0, tzinfo=dt.UTC)
EPOCH = int(NOW.timestamp())
FROM = "https://fhir.example.org/status/1"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("7s", 7),
        ("7 seconds", 7),
        ("1500ms", 1.5),
        ("1500 MS", 1.5),
        ("-7", None),
        ("+7", None),
        ("soon", None),
        ("7 minutes", None),
        ("1e5", None),
        ("nan", None),
        ("inf", None),
        ("٧", None),
        ("86400", 86400),
        ("999999999", 999999999),
        (str(EPOCH + 30), 30),
        (str(EPOCH - 30), 0),
        (str((EPOCH + 30) * 1000), 30),
        (f"{EPOCH + 30}.5", 30.5),
        ("9" * 20, 1e17),
        ("9" * 21, None),
        (format_datetime(NOW + dt.timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - dt.timedelta(seconds=90), usegmt=True), 0),
        ("Mon, 03 Mar 2025 10:01:00 +0100", 60),
        ("Mon, 03 Mar 2025 09:01:00 -0000", 60),
        ("Monday, 03-Mar-25 09:01:00 GMT", 60),
        ("2025-03-03T09:01:00Z", 60),
        ("2025-03-03T10:01:00+01:00", 60),
        ("2025-03-03T09:01:00", None),
        ("Mon, 32 Mar 2025 09:01:00 GMT", None),
        ("Mon, 03 Mar 99999 09:01:00 GMT", None),
    ],
)
def test_a_wait_is_read_in_whatever_unit(value: str | None, seconds: float | None) -> None:
    found = retry_after_seconds(value, NOW)
    assert found == (None if seconds is None else pytest.approx(seconds, rel=0.1))


@pytest.mark.parametrize(
    ("asked", "wait"),
    [(None, 8), (0, 1), (0.2, 1), (7, 7), (1e12, 300), (math.inf, 8), (math.nan, 8)],
)
def test_a_wait_is_clamped(asked: float | None, wait: float) -> None:
    assert clamped(asked, 8, 1, 300) == wait


def test_waits_grow_and_stop_growing() -> None:
    assert [backoff(tried) for tried in range(10)] == [1, 1, 2, 4, 8, 16, 32, 64, 64, 64]


def manifest(**changes: Any) -> dict[str, Any]:
    usual = {
        "transactionTime": "2025-03-03T08:00:00Z",
        "request": "https://fhir.example.org/fhir/$export",
        "requiresAccessToken": True,
        "output": [{"type": "Encounter", "url": "https://fhir.example.org/f/1", "count": 3}],
        "error": [],
    }
    merged = usual | changes
    return {name: value for name, value in merged.items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "uses"),
    [
        pytest.param({}, ["output"], id="STU1"),
        pytest.param({"output": []}, [], id="nothing"),
        pytest.param({"error": ...}, ["output"], id="no error list"),
        pytest.param(
            {"deleted": [{"type": "Bundle", "url": "/f/2"}]}, ["output", "deleted"], id="STU2"
        ),
        pytest.param(
            {"error": [{"type": "OperationOutcome", "url": "/f/3"}]}, ["output", "outcome"], id="e"
        ),
        pytest.param({"error": [{"url": "/f/3"}]}, ["output", "outcome"], id="no type"),
        pytest.param(
            {"request": ..., "error": ..., "outcome": [{"type": "OperationOutcome", "url": "/o"}]},
            ["output", "outcome"],
            id="STU4",
        ),
        pytest.param({"extension": {"x": 1}, "link": []}, ["output"], id="extension"),
        pytest.param({"outputFormat": "x", "manifestType": "y"}, ["output"], id="STU4 fields"),
        pytest.param(
            {"output": [{"type": "Encounter", "url": "../f/1", "count": "3"}]}, ["output"], id="rel"
        ),
        pytest.param({"requiresAccessToken": ...}, ["output"], id="no requiresAccessToken"),
    ],
)
def test_every_form_of_a_manifest_is_read(changes: dict[str, Any], uses: list[str]) -> None:
    page = parse_page(manifest(**changes), FROM)
    assert [file.use for file in page.files] == uses
    assert page.transaction_time == dt.datetime(2025, 3, 3, 8, tzinfo=dt.UTC)
    assert all(file.url.startswith("https://fhir.example.org/") for file in page.files)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ("x", "JSON object"),
        (outcome(), "OperationOutcome"),
        (manifest(output=...), "output"),
        (manifest(output={}), "output"),
        (manifest(output=[None]), r"output\[0\].url"),
        (manifest(output=[{"type": "Encounter"}]), r"output\[0\].url"),
        (manifest(output=[{"type": "Encounter", "url": 7}]), r"output\[0\].url"),
        (manifest(output=[{"type": "../x", "url": "/f"}]), r"output\[0\].type"),
        (manifest(output=[{"url": "/f"}]), r"output\[0\].type"),
        (manifest(output=[{"type": "Encounter", "url": "/f", "count": -1}]), "count"),
        (manifest(output=[{"type": "Encounter", "url": "/f", "count": 1.5}]), "count"),
        (manifest(output=[{"type": "Encounter", "url": "/f", "count": True}]), "count"),
        (manifest(output=[{"type": "Encounter", "url": "/f", "count": 10**30}]), "count"),
        (manifest(output=[{"type": "Encounter", "url": "http://[", "count": 1}]), "addresses"),
        (manifest(transactionTime=...), "transactionTime"),
        (manifest(transactionTime=7), "transactionTime"),
        (manifest(transactionTime="yesterday"), "transactionTime"),
        (manifest(transactionTime="2025-03-03"), "transactionTime"),
        (manifest(transactionTime="2025-03-03T08:00:00"), "transactionTime"),
        (manifest(transactionTime="0001-01-01T00:00:00+05:00"), "transactionTime"),
        (manifest(requiresAccessToken="yes"), "requiresAccessToken"),
        (manifest(error={}), "list error"),
        (manifest(deleted="x"), "list deleted"),
        (manifest(link=[{"relation": "next"}]), "link.url"),
        (manifest(outputOrganizedBy="Patient"), "organised"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(content: object, named: str) -> None:
    with pytest.raises(ExportError, match=named) as caught:
        parse_page(content, FROM)
    assert caught.value.reason == "manifest_invalid"
    assert caught.value.closes_job


@pytest.mark.parametrize(
    "changes",
    [
        {"transactionTime": "2025-03-03T08:00:01Z"},
        {"requiresAccessToken": False},
        {},
    ],
)
def test_pages_that_contradict_each_other_are_refused(changes: dict[str, Any]) -> None:
    first, second = parse_page(manifest(), FROM), parse_page(manifest(**changes), FROM)
    with pytest.raises(ExportError, match="manifest_invalid"):
        joined([first, second])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:secret@h.example:8443/a/b?token=x#y", "https://h.example:8443/a/b"),
        ("https://h.example/a\x1b[31mb", "https://h.example/a?[31mb"),
        ("http://[", "an address that cannot be read"),
        ("https://h.example/" + "a" * 500, "https://h.example/" + "a" * 99 + "..."),
    ],
)
def test_an_address_is_told_without_secrets(url: str, told: str) -> None:
    assert place(url) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("not-found", "not-found"),
        ("Kari Nordkanari", "other"),
        (None, "other"),
        ("x" * 99, "other"),
    ],
)
def test_a_code_from_outside_is_told_only_if_it_is_one(value: object, told: str) -> None:
    assert plain_code(value) == told


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 7, 100, 10**6])
@pytest.mark.parametrize(
    "wire",
    [
        lambda text: text,
        gzip.compress,
        lambda text: gzip.compress(gzip.compress(text)),
        lambda text: gzip.compress(text[:50]) + gzip.compress(text[50:]),
    ],
)
def test_what_comes_is_made_plain(wire: Any, size: int) -> None:
    text = lines([resource("Encounter", n) for n in range(40)])
    assert b"".join(plain(pieces(wire(text), size))) == text


def test_gzip_cut_anywhere_is_noticed() -> None:
    whole = gzip.compress(lines([resource("Encounter", n) for n in range(10)]))
    for cut in range(2, len(whole)):
        with pytest.raises(AgainError):
            b"".join(plain(pieces(whole[:cut], 64)))


@pytest.mark.parametrize("content", [b"", b"\x1f", b"{"])
def test_very_little_is_plain(content: bytes) -> None:
    assert b"".join(plain(iter([content] if content else []))) == content


def written(folder: Path, content: bytes, name: str = "x") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"", 0),
        (b"\n\n", 0),
        (b'{"resourceType":"Encounter","id":"1"}', 1),
        (
            b'{"resourceType":"Encounter","id":"1"}\r\n\r\n{"resourceType":"Encounter","id":"2"}\n',
            2,
        ),
        (b'{"id":"1","contained":[{"resourceType":"Patient"}],"resourceType":"Encounter"}\n', 1),
    ],
)
def test_lines_are_counted(content: bytes, rows: int, tmp_path: Path) -> None:
    assert contents_of(written(tmp_path, content), "Encounter").rows == rows


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "not_ndjson"),
        (b'{"resourceType":"Encounter","id":"1"', "not_ndjson"),
        (b'[{"resourceType":"Encounter","id":"1"}]', "not_ndjson"),
        (b'{"resourceType":"Encounter","id":"1"}{"resourceType":"Encounter"}', "not_ndjson"),
        (b'{"resourceType":"Encounter","id":"\xff"}', "not_ndjson"),
        (b'"resourceType"', "not_ndjson"),
        (b"7", "not_ndjson"),
        (b"{}", "wrong_type"),
        (b'{"resourceType":"Patient","id":"1"}', "wrong_type"),
        (b'{"resourceType":"Encounter"}', "missing_id"),
    ],
)
def test_lines_that_cannot_be_used(content: bytes, reason: str, tmp_path: Path) -> None:
    good = b'{"resourceType":"Encounter","id":"7"}\n'
    with pytest.raises(AgainError) as caught:
        contents_of(written(tmp_path, good + content), "Encounter")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "line",
    [
        b'{"resourceType":"Encounter","id":"%s","n":1}' % (b"a" * 64),
        b'{ "resourceType" : "Encounter" , "id" : "A.-9" }',
        b'{"resourceType":"Encounter","id":"1"}',
        '{"resourceType":"Encounter","id":"1","n":"Tromsø } {"}'.encode(),
    ],
)
def test_a_usual_line_is_looked_at_as_a_parsed_one(line: bytes) -> None:
    both = line + b"\n" + line
    found = usual_ids(both, "Encounter")
    parsed = hashes(ids_of(both, "Encounter")[0])
    assert (found is None) == (b"} {" in line)
    assert parsed.size == 2
    assert found is None or found.tolist() == parsed.tolist()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'{"resourceType":"Encounter","id":""}',
        b'{"resourceType":"Encounter","id":"%s"}' % (b"a" * 65),
        b'{"resourceType":"Encounter","id":"a_b"}',
        b'{"resourceType":"Encounter","id":"1"x}',
        b'{"resourceType":"Encounter","id":"1"',
        b'{"resourceType":"Encounter","id":"1',
        b'{"resourceType":"Encounter","id":"1"}\r',
        b'{"resourceType":"Encounter","id":"1"}{}',
        b'{"resourceType":"Encounter", "id":"1"}',
        b'{"resourceType":"Patient","id":"1"}',
        b'{"resourceType":"Encounter","id":"1","n":"\xff"}',
    ],
)
def test_an_unusual_line_is_left_to_be_parsed(line: bytes) -> None:
    usual = b'{"resourceType":"Encounter","id":"7"}\n'
    assert usual_ids(usual + line + b"\n" + usual, "Encounter") is None


def of_encounters(*paths: Path) -> tuple[list[Any], int]:
    return repeated([(path, contents_of(path, "Encounter")) for path in paths])


def test_repeats_are_found_across_files_and_taken_out(tmp_path: Path) -> None:
    first = [resource("Encounter", n) for n in (1, 2, 2, 3)]
    second = [resource("Encounter", n) for n in (4, 3, 5)]
    paths = [written(tmp_path, lines(each), str(at)) for at, each in enumerate((first, second))]
    again, conflicts = of_encounters(*paths)
    assert [list(each) for each in again] == [[2], [1]]
    assert conflicts == 0
    without_lines(paths[0], again[0], tmp_path / "once")
    assert (tmp_path / "once").read_bytes() == lines([resource("Encounter", n) for n in (1, 2, 3)])


def test_a_file_of_many_stretches_is_one_file(tmp_path: Path, monkeypatch: Any) -> None:
    """Cut anywhere between lines, with repeats far from each other."""
    resources = [resource("Encounter", n) for n in range(200)]
    path = written(tmp_path, lines([*resources, resources[0]]) + b"\n")
    whole = contents_of(path, "Encounter")
    monkeypatch.setattr("pipelines.clients.bulk.contents._STRETCH", 700)
    monkeypatch.setattr("pipelines.clients.bulk.contents._CHUNK", 300)
    cut = contents_of(path, "Encounter")
    assert whole.rows == cut.rows == 201
    assert whole.ids == cut.ids
    assert [list(each) for each in of_encounters(path)[0]] == [[200]]


def test_a_line_longer_than_any_resource_is_not_held(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("pipelines.clients.bulk.contents._STRETCH", 700)
    monkeypatch.setattr("pipelines.clients.bulk.contents._LONGEST_LINE", 1000)
    monkeypatch.setattr("pipelines.clients.bulk.contents._CHUNK", 300)
    one = resource("Encounter", 1, note=[{"text": "x" * 2000}])
    with pytest.raises(AgainError) as caught:
        contents_of(written(tmp_path, lines([one])), "Encounter")
    assert caught.value.reason == "not_ndjson"


def test_the_same_id_with_other_content_is_a_conflict(tmp_path: Path) -> None:
    both = [resource("Encounter", 1), resource("Encounter", 1, status="planned")]
    assert of_encounters(written(tmp_path, lines(both)))[1] == 1


@pytest.mark.parametrize(
    ("issues", "failures"),
    [
        ([("information", "informational")], 0),
        ([("warning", "business-rule")], 0),
        ([("warning", "suppressed")], 1),
        ([("error", "processing"), ("information", "informational")], 1),
        ([("fatal", "exception")], 1),
        ([("kari", "processing")], 1),
        ([(None, None)], 1),
    ],
)
def test_outcomes_are_weighed(issues: list[Any], failures: int, tmp_path: Path) -> None:
    resources = [outcome(code, severity) for severity, code in issues]
    found = outcomes_in([written(tmp_path, lines(resources)), written(tmp_path, b"", "empty")])
    assert sum(found.failures.values()) == failures
    assert sum(found.remarks.values()) == len(issues) - failures


def test_an_outcome_without_issues_is_no_reassurance(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"resourceType":"OperationOutcome"}\n')
    assert outcomes_in([path]).failures == {"other other": 1}


SINCE = dt.datetime(2025, 3, 1, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))


@pytest.mark.parametrize(
    ("site", "path"),
    [
        ({}, "/Group/g1/$export"),
        ({"groups": []}, "/Patient/$export"),
        ({"groups": [], "level": "system"}, "/$export"),
    ],
)
def test_an_order_by_level(site: dict[str, Any], path: str, tmp_path: Path) -> None:
    chosen = profile(tmp_path, "https://fhir.example.org", **site)
    shard = chosen.site.groups[0] if chosen.site.groups else None
    order = order_for(chosen, shard, SINCE)
    assert order.url == f"https://fhir.example.org/fhir{path}"
    assert ("_since", "2025-03-01T11:30:00.000Z") in order.parameters


@pytest.mark.parametrize(
    ("kind", "wanted"), [("epic", "category=a%2Cb"), ("smart-reference", "category=a,b")]
)
def test_a_comma_in_a_filter_is_quoted_where_it_must_be(
    kind: str, wanted: str, tmp_path: Path
) -> None:
    chosen = profile(
        tmp_path, "https://h.example", extends=kind, filters=["Observation?category=a,b"]
    )
    order = order_for(chosen, chosen.site.groups[0], None)
    assert dict(order.parameters)["_typeFilter"] == f"Observation?{wanted}"


@pytest.mark.parametrize(
    "site",
    [{"extends": "epic"}, {"server": {"no_since": ["Encounter"]}}, {"server": {"since": False}}],
)
def test_changes_are_not_asked_for_where_they_are_not_told(
    site: dict[str, Any], tmp_path: Path
) -> None:
    chosen = profile(tmp_path, "https://h.example", **site)
    with pytest.raises(ExportError, match="since_unsupported"):
        order_for(chosen, chosen.site.groups[0], SINCE)


def test_every_reason_is_explained() -> None:
    """Each reason in the code stands in the page for those who meet it."""
    code = "".join(path.read_text() for path in (ROOT / "pipelines/clients/bulk").glob("*.py"))
    raised = set(re.findall(r'(?:Error|super\(\).__init__)\(\s*"([a-z0-9_]+)"', code))
    page = (ROOT / "docs/how-to/fetch-from-a-fhir-server.md").read_text()
    told = set(re.findall(r"`([a-z0-9_]+)`", page))
    internal = {"stopped"}
    assert len(raised) > 30
    assert raised - internal - told == set()
