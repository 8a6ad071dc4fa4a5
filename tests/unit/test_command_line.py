"""The command: what its parts say, how they end, how errors are told, and the pages it writes.

Belongs here: commands as they are typed. Does not belong here: what stands behind them
(``test_doctor``, ``test_demo_care``, ``test_services``), and whether the written pages are those in
``docs`` (``tests/contract/test_reference_docs``).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from anonymization.keys import KeyAccessError
from pipelines import cli
from pipelines.catalogue.loader import CatalogueError
from pipelines.cli import app, main
from pipelines.demo import DemoError
from pipelines.errors import SPOKEN, message_of
from pipelines.operations import RunError, RunReport
from pipelines.reference_docs import write_reference
from pipelines.settings import Settings
from tests.support.command_line import call

RELEASE = "20241231-0123456789"


def commands(group: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [before]
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, (*before, name))
    return found


ALL = commands(typer.main.get_command(app))


# The command


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "folkepuls")
def test_every_command_has_help_that_teaches(words: tuple[str, ...]) -> None:
    told = call(*words, "--help")
    assert told.exit_code == 0
    assert "Usage:" in told.output
    assert len(told.output.split()) > 12


def test_the_commands_are_those_of_the_texts() -> None:
    assert {words[0] for words in ALL if len(words) == 1} == {
        "demo",
        "synth",
        "ingest",
        "run",
        "release",
        "dashboard",
        "profiles",
        "dagster",
        "notebook",
        "doctor",
        "keys",
        "docs",
        "quarantine",
        "register",
        "catalogue",
        "explain",
        "flatten",
        "assess",
        "anonymize",
        "protect",
        "sources",
        "fhir-export",
    }


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["demo", "--scale", "2"],
        ["demo", "--years", "0"],
        ["dashboard", "--port", "80"],
        ["release", "approve"],
        ["ingest"],
        ["synth"],
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], settings: Settings) -> None:
    assert call(*words).exit_code == 2
    assert not settings.home.exists()


def candidate(settings: Settings, **changes: object) -> None:
    zones = settings.zones.create()
    (zones.releases / RELEASE).mkdir()
    origin = {"transaction_time": "2026-01-05T03:00:00+00:00"}
    (zones.releases / RELEASE / "origin.json").write_text(json.dumps(origin))
    content = {
        "release_id": RELEASE,
        "state": "candidate",
        "built": "2025-01-05",
        "cells_by_status": {"ok": 12, "suppressed": 3},
        "audit": {"ok": True, "hidden": 3},
        "blocking_checks": [],
        **changes,
    }
    (zones.steward / "releases" / f"{RELEASE}.json").write_text(json.dumps(content))


def test_a_candidate_is_shown_in_words_and_for_programs(settings: Settings) -> None:
    candidate(settings)
    told = call("release", "show")
    assert told.exit_code == 0
    assert RELEASE in told.output
    assert "suppressed" in told.output
    assert json.loads(call("release", "show", "--json").output)["release_id"] == RELEASE


def test_a_red_candidate_is_shown_as_red(settings: Settings) -> None:
    candidate(settings, audit={"ok": False, "hidden": 3}, blocking_checks=["publication.a"])
    told = call("release", "show").output
    assert "RED" in told
    assert "publication.a" in told


def test_a_candidate_without_a_decision_waits_with_3(settings: Settings) -> None:
    candidate(settings)
    told = call("release", "publish")
    assert told.exit_code == 3
    assert "waits for a steward" in told.output


def test_a_rejection_is_kept_and_nothing_is_published(settings: Settings) -> None:
    candidate(settings)
    told = call("release", "reject", "--name", "Kari Steward", "--reason", "Too early")
    assert told.exit_code == 0
    assert list(settings.zones.published.iterdir()) == []
    decided = json.loads((settings.zones.steward / "inbox" / f"{RELEASE}.json").read_text())
    assert (decided["decision"], decided["name"]) == ("reject", "Kari Steward")
    assert len(decided["decided_on"]) == 10


def test_a_key_is_made_once(settings: Settings) -> None:
    told = call("keys", "init")
    assert told.exit_code == 0
    assert settings.key_file.stat().st_mode & 0o777 == 0o600
    secret = json.loads(settings.key_file.read_text())["keys"][0]["secret"]
    assert secret not in told.output
    again = call("keys", "init")
    assert isinstance(again.exception, KeyAccessError)
    assert json.loads(settings.key_file.read_text())["keys"][0]["secret"] == secret


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (RunReport(0, 0, refined=False, release_id=RELEASE), "Nothing new since candidate"),
        (RunReport(0, 3, refined=True, release_id=RELEASE), "Took in 3 partitions"),
        (RunReport(2, 0, refined=True, release_id=RELEASE), "Swept 2 dead runs"),
        (
            RunReport(0, 1, refined=True, release_id=RELEASE, refused=("a/b: row_count: 1",)),
            "Refused: a/b: row_count: 1",
        ),
    ],
)
def test_a_run_says_what_it_did(
    report: RunReport, told: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.operations.run", lambda _: report)
    for words in (["run"], ["release", "build"]):
        ended = call(*words)
        assert ended.exit_code == 0
        assert told in ended.output


@pytest.mark.parametrize(("refused", "code"), [(0, 0), (2, 1)])
def test_a_refused_delivery_ends_with_1(
    refused: int, code: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.operations.take_in", lambda *_: refused)
    assert call("ingest", "somewhere").exit_code == code


def test_a_synthetic_extract_is_written_where_asked(settings: Settings, tmp_path: Path) -> None:
    told = call("synth", "--out", str(tmp_path / "out"), "--scale", "0.001", "--years", "1")
    assert told.exit_code == 0, told.output
    manifests = sorted((tmp_path / "out" / "synthetic").glob("*/manifest.json"))
    assert len(manifests) == 5
    assert not settings.zones.truth.exists()
    assert "folkepuls ingest" in told.output


# How errors are told


def start(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int:
    def fails() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    monkeypatch.setattr(os, "umask", lambda _: 0)
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code))


@pytest.mark.parametrize(
    "error", [RunError("Say [this]."), CatalogueError("a.yml: id"), DemoError("Elsewhere.")]
)
def test_a_known_error_is_a_message_and_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(monkeypatch, error) == 1
    told = capsys.readouterr()
    assert told.err.strip() == str(error)
    assert told.out == ""


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        start(monkeypatch, ZeroDivisionError("a defect"))


def test_every_spoken_error_exists_and_speaks() -> None:
    import importlib

    for module, name in SPOKEN:
        kind = getattr(importlib.import_module(module), name)
        assert message_of(kind("Do this.")) == "Do this."
    assert message_of(ValueError("Kari Nordkanari")) is None


# Reference pages


def test_reference_pages_are_written_for_everyone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        told = call("docs", "build", "--out", str(tmp_path / "pages"))
    finally:
        os.umask(before)
    assert told.exit_code == 0
    pages = sorted((tmp_path / "pages").iterdir())
    assert [page.name for page in pages] == [
        "anonymization.md",
        "commands.md",
        "epidemiology.md",
        "indicators.md",
        "models.md",
        "policies.md",
        "published-tables.md",
        "restricted-tables.md",
        "synthetic-region.md",
        "viewdefinitions.md",
    ]
    for page in pages:
        assert page.stat().st_mode & 0o777 == 0o644
        assert page.read_text(encoding="utf-8").startswith("<!-- Made by `folkepuls docs build`")
    assert (tmp_path / "pages").stat().st_mode & 0o777 == 0o755
    first = [page.read_bytes() for page in pages]
    assert [page.read_bytes() for page in write_reference(tmp_path / "pages", app)] != []
    assert [page.read_bytes() for page in pages] == first


def test_every_table_of_a_page_is_rectangular(tmp_path: Path) -> None:
    for page in write_reference(tmp_path, app):
        widths = [
            len(re.split(r"(?<!\\)\|", line))
            for line in page.read_text(encoding="utf-8").splitlines()
            if line.startswith("|")
        ]
        blocks = page.read_text(encoding="utf-8").split("\n\n")
        for block in blocks:
            rows = [line for line in block.splitlines() if line.startswith("|")]
            assert len({len(re.split(r"(?<!\\)\|", row)) for row in rows}) <= 1, page.name
        # Commands and the libraries are told in lists.
        assert widths or page.name in ("anonymization.md", "commands.md", "epidemiology.md")
