"""The commands of the quarantine: lines go back to the source, and nothing else goes anywhere.

Belongs here: list, release and export as they are typed, and where what they write lies. Does not
belong here: what release does (``test_quarantine_release``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from anonymization.keys import create_key_file
from pipelines.catalogue.model import LANGUAGES
from pipelines.cli import app
from pipelines.ingest import Options, export_lines
from pipelines.ingest.errors import QuarantineError
from pipelines.resources import pseudonym_key
from pipelines.settings import Settings, Zones
from tests.support.delivered_tables import encounter_row, write_tables
from tests.support.deliveries import OTHER_KEY, encounter, line, take, tree, write_delivery
from tests.support.older_catalogue import without_code

CANARIES = ("Nordkanari", "fall hjemme", "finito", "pas-3", "enk-3")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("FOLKEPULS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLKEPULS_KEY_FILE", str(tmp_path / "keys" / "keys.json"))
    (tmp_path / "keys").mkdir(mode=0o700)
    create_key_file(tmp_path / "keys" / "keys.json")
    made = Settings()
    made.zones.create()
    return made


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["quarantine", *arguments])


def fill(settings: Settings) -> None:
    """Three deliveries with one line each that stays and one that passes later."""
    options = Options(quarantine_key=pseudonym_key(settings), threads=1)
    status = {3: "finito", 5: "in-progress"}
    stays = [encounter(n, n, status=status.get(n, "finished")) for n in range(20)]
    table = [encounter_row(n, n, Status=status.get(n, "finished")) for n in range(20)]
    inbox = settings.zones.inbox
    found = [
        write_delivery(inbox, "s1", {"Encounter-1.ndjson": [*stays, line(encounter(30))[:-9]]}),
        write_tables(inbox, "s2", {"EncounterFact-1.csv": table}),
        write_tables(inbox, "s3", {"EncounterFact-1.parquet": table}),
    ]
    with without_code("Encounter", "status", "in-progress"):
        for delivery in found:
            take(settings.zones, delivery, options=options, key=pseudonym_key(settings))


def holding(zones: Zones, secrets: tuple[str, ...]) -> set[str]:
    """Zones in whose files a secret stands, the inbox left out."""
    found = set()
    for path in zones.home.rglob("*"):
        if not path.is_file() or path.is_relative_to(zones.inbox):
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += str(pl.read_parquet(path).rows()).encode()
        if any(secret.encode() in data for secret in secrets):
            found.add(path.relative_to(zones.home).parts[0])
    return found


def test_an_empty_quarantine_says_so(settings: Settings) -> None:
    for command in ("list", "release", "export"):
        told = call(command)
        assert (told.exit_code, told.output.strip()) == (0, "Nothing is in quarantine.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_list_counts_by_reason_in_words(language: str, settings: Settings) -> None:
    from pipelines.catalogue.reasons import load_reasons

    fill(settings)
    told = call("list", "--language", language)
    assert told.exit_code == 0
    for name in ("synthetic__s1", "synthetic__s2", "synthetic__s3", "code_not_allowed"):
        assert name in told.output
    reason = load_reasons()["code_not_allowed"].text(language)  # type: ignore[arg-type]
    assert reason.split()[0] in told.output
    assert not [secret for secret in CANARIES if secret in told.output]


def test_export_writes_to_the_identified_zone_alone(settings: Settings) -> None:
    fill(settings)
    zones = settings.zones
    assert holding(zones, CANARIES) == set()
    told = call("export")
    assert told.exit_code == 0
    assert not [secret for secret in CANARIES if secret in told.output]
    assert holding(zones, CANARIES) == {"identified"}
    paths = sorted(zones.outbox.rglob("*.jsonl"))
    assert [path.parent.name for path in paths] == ["s1", "s2", "s3"]
    for path in paths:
        assert path.stat().st_mode & 0o777 == 0o600
        exported = [json.loads(each) for each in path.read_text("utf-8").splitlines()]
        first = exported[0]
        assert set(first) == {"line", "reason", "column", "texts", "delivered"}
        assert (first["reason"], first["column"]) == ("code_not_allowed", "status")
        assert set(first["texts"]) == set(LANGUAGES)
        assert "finito" in str(first["delivered"])
    numbers = [[json.loads(x)["line"] for x in p.read_text("utf-8").splitlines()] for p in paths]
    # Of CSV the header is line 1; of Parquet rows are counted.
    assert numbers == [[4, 6, 21], [5, 7], [4, 6]]
    row = json.loads(paths[2].read_text("utf-8").splitlines()[0])["delivered"]
    assert (row["EncounterEpicId"], row["Status"]) == ("enk-3", "finito")


def test_only_deliveries_that_are_named_are_exported(settings: Settings) -> None:
    fill(settings)
    assert call("export", "synthetic__s2").exit_code == 0
    assert [path.parent.name for path in settings.zones.outbox.rglob("*.jsonl")] == ["s2"]


@pytest.mark.parametrize("key", [None, OTHER_KEY])
def test_without_its_key_nothing_is_exported(key: Any, settings: Settings) -> None:
    fill(settings)
    before = tree(settings.zones.home)
    with pytest.raises(QuarantineError):
        export_lines(settings.zones, key)
    assert tree(settings.zones.home) == before


def test_release_tells_counts_and_takes_refused_files_along(settings: Settings) -> None:
    fill(settings)
    inbox = settings.zones.inbox
    refused = write_delivery(
        inbox, "s4", {"Encounter-1.ndjson": [encounter(40, status="in-progress")]}
    )
    with without_code("Encounter", "status", "in-progress"):
        take(settings.zones, refused, key=pseudonym_key(settings))
    told = call("release")
    assert told.exit_code == 0, told.output
    lines = [each.strip() for each in told.output.splitlines()]
    assert lines == [
        "synthetic__s1/Encounter-1.ndjson: 1 released, 2 left (broken_json 1, code_not_allowed 1)",
        "synthetic__s2/EncounterFact-1.csv: 1 released, 1 left (code_not_allowed 1)",
        "synthetic__s3/EncounterFact-1.parquet: 1 released, 1 left (code_not_allowed 1)",
        "synthetic__s4/Encounter-1.ndjson: 1 loaded, 0 in quarantine",
    ]
    assert holding(settings.zones, CANARIES) == set()
    again = call("release", "synthetic__s2")
    assert again.output.strip().endswith("0 released, 1 left (code_not_allowed 1)")


def test_an_unknown_delivery_is_told_without_a_traceback(settings: Settings) -> None:
    fill(settings)
    told = call("release", "synthetic__nowhere")
    assert told.exit_code != 0
