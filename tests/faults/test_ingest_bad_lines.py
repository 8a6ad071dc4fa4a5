"""Bad lines in delivered files: quarantined one by one, and a file refused when there are many.

Belongs here: lines that cannot be read, values that are not allowed, and fields that have drifted.
Does not belong here: damaged bytes (``test_ingest_damaged_files``) and wrong manifests
(``test_ingest_manifests``). Each protection has a twin that shows the test is not blind.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import structlog

from pipelines.catalogue.reasons import load_reasons
from pipelines.ingest import Options, quarantine_counts
from pipelines.ingest.quarantine import open_lines
from pipelines.settings import Zones
from tests.support.bad_lines import BAD_LINES, FILE, with_bad
from tests.support.deliveries import (
    KEY,
    condition,
    encounter,
    episode,
    line,
    rows,
    take,
    write_delivery,
)


@pytest.mark.parametrize("kind", BAD_LINES)
def test_one_bad_line_is_quarantined_and_the_rest_loaded(
    kind: str, zones: Zones, capfd: pytest.CaptureFixture[str]
) -> None:
    bad, reason, column = BAD_LINES[kind]
    delivery = write_delivery(zones.inbox, "d1", {FILE: with_bad(bad, 200)})
    with structlog.testing.capture_logs() as logs:
        result = take(zones, delivery, options=Options(quarantine_key=KEY))
    (file,) = result.files
    assert (result.state, file.state) == ("committed", "loaded"), file.detail
    assert (file.loaded_rows, dict(file.quarantined)) == (200, {reason: 1})
    assert rows(zones, "encounter").height == 200
    sealed = zones.quarantine / delivery.id / f"{FILE}.jsonl.sealed"
    (kept,) = open_lines(sealed, KEY)
    assert (kept.line, kept.reason, kept.column) == (4_321 % 201 + 1, reason, column)
    assert b"Nordkanari" not in sealed.read_bytes()
    counts = quarantine_counts(zones)
    assert counts.row(0) == ("synthetic", "d1", "Encounter", FILE, reason, 1)
    assert reason in load_reasons()
    told = str(logs) + str(result) + "".join(capfd.readouterr())
    for secret in ("Nordkanari", "finito", "1=1", "enk-9999", "badet"):
        assert secret not in told


@pytest.mark.nightly  # the same, one kind at a time, is in every run
def test_one_bad_line_of_each_kind_in_ten_thousand_each(zones: Zones) -> None:
    kinds = ["broken", "nul", "latin1", "duplicate key", "20 MB field"]
    lines: list[Any] = [encounter(n, n % 100) for n in range(50_000)]
    for n, kind in enumerate(kinds):
        lines.insert(n * 10_000 + 77, BAD_LINES[kind][0])
    result = take(zones, write_delivery(zones.inbox, "d1", {FILE: lines}))
    (file,) = result.files
    assert (file.delivered_rows, file.loaded_rows, file.quarantined_rows) == (50_005, 50_000, 5)
    assert set(file.quarantined) == {BAD_LINES[kind][1] for kind in kinds}


def test_the_parser_alone_would_have_lost_such_a_line(tmp_path: Path) -> None:
    """Twin: told to ignore errors, the parser makes a row of nulls of it, and counts it."""
    path = tmp_path / "x.ndjson"
    path.write_bytes(line(encounter(1)) + b"\n" + BAD_LINES["broken"][0] + b"\n")
    with duckdb.connect() as con:
        found = con.sql(
            "SELECT id FROM read_json(?, format='newline_delimited', ignore_errors=true, "
            "columns={id: 'VARCHAR'})",
            params=[str(path)],
        ).fetchall()
    assert (None,) in found


@pytest.mark.parametrize(
    ("good", "bad", "state"), [(11_000, 11, "loaded"), (11_000, 12, "refused")]
)
def test_past_one_in_a_thousand_the_file_is_refused(
    good: int, bad: int, state: str, zones: Zones
) -> None:
    lines: list[Any] = [encounter(n) for n in range(good - bad)]
    lines += [line(encounter(good + n, status="finito")) for n in range(bad)]
    other = [condition(n) for n in range(3)]
    delivery = write_delivery(zones.inbox, "d1", {FILE: lines, "Condition-1.ndjson": other})
    result = take(zones, delivery)
    first, second = result.files
    assert (first.state, second.state, second.loaded_rows) == (state, "loaded", 3)
    assert rows(zones, "encounter").height == (good - bad if state == "loaded" else 0)
    if state == "refused":
        assert first.reason == "too_many_bad_lines"
        assert "code_not_allowed in status: 12" in (first.detail or "")
        assert quarantine_counts(zones)["rows"].to_list() == [good]


@pytest.mark.parametrize(
    ("total", "bad", "state"),
    [
        (30, 10, "loaded"),
        (30, 11, "refused"),
        (3, 1, "loaded"),
        (3, 2, "refused"),
        (1, 1, "refused"),
    ],
)
def test_small_files_may_have_ten_but_never_more_than_half(
    total: int, bad: int, state: str, zones: Zones
) -> None:
    lines: list[Any] = [encounter(n) for n in range(total - bad)] + [b"{"] * bad
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: lines})).files
    assert file.state == state


def test_a_file_of_rubbish_is_refused_soon(zones: Zones) -> None:
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: [b"{"] * 30_000})).files
    assert (file.state, file.reason) == ("refused", "too_many_bad_lines")
    assert "broken_json: 31" in (file.detail or "")


@pytest.mark.parametrize(
    ("change", "reason", "named"),
    [
        (lambda r: r.update(newField=1), None, "newField"),
        (lambda r: r["period"].update(zone="x"), None, "period.zone"),
        (lambda r: r["extension"].append({"url": "http://new/ext"}), None, "http://new/ext"),
        (lambda r: r.update({"Kari Nordkanari": 1}), None, "other"),
        (lambda r: r.update(subjekt=r.pop("subject")), "field_renamed", "subject"),
        (lambda r: r["period"].update(ende=r["period"].pop("end")), "field_renamed", "period.end"),
        (lambda r: r.pop("serviceProvider"), "too_many_bad_lines", "hospital_code"),
        (lambda r: r.update(extension=[]), "column_emptied", "encounter.municipality_of_stay"),
        (lambda r: r.update(status=7), "type_changed", "status"),
        (lambda r: r["class"].update(code=True), "type_changed", "class.code"),
        (lambda r: r.update(subject=r["subject"]["reference"]), "too_many_bad_lines", "subject"),
        (lambda r: r.update(status="avsluttet"), "too_many_bad_lines", "status"),
        (lambda r: r.update(priority=[r["priority"]]), "too_many_bad_lines", "priority"),
    ],
)
def test_drift_is_told_or_refused_by_the_name_of_the_column(
    change: Callable[[dict[str, Any]], None], reason: str | None, named: str, zones: Zones
) -> None:
    resources = [encounter(n) for n in range(300)]
    for resource in resources:
        change(resource)
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: resources})).files
    assert file.reason == reason
    if reason is None:
        assert (file.state, file.loaded_rows) == ("loaded", 300)
        assert any(named in field for field in file.unexpected_fields)
        assert "Nordkanari" not in str(file)
        told = pl.read_parquet(zones.steward / "new_fields" / "synthetic__d1.parquet")
        assert any(named in field for field in told["field"])
        assert "newField" not in rows(zones, "encounter").columns
    else:
        assert named in (file.detail or "")
        assert rows(zones, "encounter").height == 0


def test_a_changed_unit_is_out_of_range(zones: Zones) -> None:
    minutes = [episode(n) for n in range(40)]
    for resource in minutes:
        resource["extension"][1]["valueRatio"]["numerator"]["value"] = 450.5
    delivery = write_delivery(
        zones.inbox, "d1", {"EpisodeOfCare-1.ndjson": minutes}, organisation="kommuner"
    )
    (file,) = take(zones, delivery).files
    assert file.reason == "too_many_bad_lines"
    assert "value_out_of_range in weekly_hours" in (file.detail or "")


@pytest.mark.parametrize("codec", ["latin-1", "cp865"])
def test_other_encodings_are_quarantined_never_guessed(codec: str, zones: Zones) -> None:
    bad = [line(encounter(n)).replace(b"fall", "på".encode(codec)) for n in range(20)]
    (file,) = take(zones, write_delivery(zones.inbox, "d1", {FILE: bad})).files
    assert file.reason == "too_many_bad_lines"
    assert "not_utf8" in (file.detail or "")
