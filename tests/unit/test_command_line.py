"""The command, the doctor, the demonstration's care, services and how errors are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from anonymization.keys import KeyAccessError, create_key_file
from pipelines import cli, demo, doctor, services
from pipelines.catalogue.loader import CatalogueError
from pipelines.cli import app, main
from pipelines.demo import DemoError, make_demo
from pipelines.doctor import Finding, examine
from pipelines.errors import SPOKEN, message_of
from pipelines.operations import RunError, RunReport
from pipelines.reference_docs import write_reference
from pipelines.resources import QUIET
from pipelines.settings import Settings
from pipelines.synthetic import SyntheticSettings

RELEASE = "20241231-0123456789"
REGION = SyntheticSettings(scale=0.001, years=1, seed=1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own, in the environment as well."""
    for name in [name for name in os.environ if name.startswith("FOLKEPULS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLKEPULS_KEY_FILE", str(tmp_path / "keys" / "keys.json"))
    return Settings()


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


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


# The doctor


def found(settings: Settings, subject: str) -> Finding:
    (one,) = [finding for finding in examine(settings) if finding.subject == subject]
    return one


def test_a_new_installation_lacks_a_key_and_says_how_to_make_one(settings: Settings) -> None:
    assert found(settings, "pseudonym key").verdict == "wrong"
    assert "folkepuls keys init" in found(settings, "pseudonym key").text
    assert found(settings, "zones").verdict == "note"
    assert not settings.home.exists()
    told = call("doctor")
    assert told.exit_code == 1


def test_what_is_well_is_well(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 0)
    create_key_file(settings.key_file)
    settings.zones.create()
    assert [finding for finding in examine(settings) if finding.verdict == "wrong"] == []
    assert call("doctor").exit_code == 0
    assert found(settings, "pseudonym key").verdict == "ok"
    assert found(settings, "catalogue").verdict == "ok"
    assert found(settings, "duckdb").verdict == "ok"


def test_a_zone_that_others_may_enter_is_wrong(settings: Settings) -> None:
    zones = settings.zones.create()
    zones.restricted.chmod(0o750)
    finding = found(settings, "restricted")
    assert finding.verdict == "wrong"
    assert "0750" in finding.text
    assert finding.mend == f"chmod 700 {zones.restricted}"


def test_a_file_that_others_may_read_is_wrong(settings: Settings) -> None:
    zones = settings.zones.create()
    assert found(settings, "files").verdict == "ok"
    loose = zones.steward / "checks" / "run.parquet"
    loose.touch()
    loose.chmod(0o644)
    finding = found(settings, "files")
    assert finding.verdict == "wrong"
    assert "1 files" in finding.text
    assert "chmod" in finding.mend


def test_a_key_that_others_may_read_is_wrong(settings: Settings) -> None:
    create_key_file(settings.key_file)
    settings.key_file.chmod(0o644)
    finding = found(settings, "pseudonym key")
    assert finding.verdict == "wrong"
    assert "chmod 600" in finding.text


def test_a_source_with_gaps_is_noted_and_wrong_once_it_delivers(settings: Settings) -> None:
    subject = "source helseplattformen"
    assert found(settings, subject).verdict == "note"
    assert found(settings, "source synthetic").verdict == "ok"
    (settings.zones.create().inbox / "helseplattformen").mkdir()
    finding = found(settings, subject)
    assert finding.verdict == "wrong"
    assert "legal_basis" in finding.text
    assert "helseplattformen.yml" in finding.mend


def test_too_little_room_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 10**18)
    assert found(settings, "disk").verdict == "wrong"


def test_another_version_than_the_locked_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.0.1")
    finding = found(settings, "polars")
    assert finding.verdict == "wrong"
    assert finding.mend == "Run `make install`."


def test_a_wrong_catalogue_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise CatalogueError("a.yml: id: wrong")

    monkeypatch.setattr(doctor, "catalogue", fails)
    assert found(settings, "catalogue") == Finding(
        "wrong", "catalogue", "a.yml: id: wrong", "Mend the file that is named."
    )


def test_an_encrypted_volume_is_seen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_device_of", lambda _: "/dev/mapper/data")
    assert found(settings, "encryption at rest").verdict == "ok"
    monkeypatch.setattr(doctor, "_device_of", lambda _: "/dev/sda1")
    assert found(settings, "encryption at rest").verdict == "note"


# The demonstration's care


class StoppedError(Exception):
    """The demonstration got as far as the test wants."""


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


@pytest.fixture
def _no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def region(_: object, to: Path, *rest: object, **more: object) -> None:
        (to / "synthetic" / "kommuner-2025").mkdir(parents=True)

    def stop(_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(demo, "write_region", region)
    monkeypatch.setattr(demo, "run", stop)


@pytest.mark.parametrize("where", ["inbox", "deliveries"])
@pytest.mark.usefixtures("_no_run")
def test_the_demonstration_keeps_out_of_other_data(
    where: str, settings: Settings, console: Console
) -> None:
    folder = getattr(settings.zones.create(), where)
    (folder / "helseplattformen").mkdir()
    with pytest.raises(DemoError, match="did not make"):
        make_demo(settings, REGION, console)
    assert (folder / "helseplattformen").is_dir()
    assert not (settings.zones.state / "demo.json").exists()
    assert not settings.key_file.exists()


@pytest.mark.usefixtures("_no_run")
def test_the_same_settings_keep_what_is_there(settings: Settings, console: Console) -> None:
    for _ in range(2):
        with pytest.raises(StoppedError):
            make_demo(settings, REGION, console)
        (settings.zones.published / "kept").mkdir(exist_ok=True)
    assert (settings.zones.inbox / "synthetic" / "kommuner-2025").is_dir()
    assert (settings.zones.published / "kept").is_dir()
    assert settings.key_file.is_file()


@pytest.mark.usefixtures("_no_run")
def test_other_settings_wipe_the_demonstrations_own_zones_alone(
    settings: Settings, console: Console
) -> None:
    with pytest.raises(StoppedError):
        make_demo(settings, REGION, console)
    zones = settings.zones
    own = [zones.journal, zones.published, zones.analysis, zones.steward / "checks"]
    for folder in own:
        (folder / "old").touch()
    (zones.home / "reference").mkdir()
    (zones.home / "reference" / "facts.csv").touch()
    key = settings.key_file.read_bytes()
    with pytest.raises(StoppedError):
        make_demo(settings, SyntheticSettings(scale=0.001, years=1, seed=2), console)
    assert [folder for folder in own if (folder / "old").exists()] == []
    assert (zones.home / "reference" / "facts.csv").is_file()
    assert settings.key_file.read_bytes() == key
    assert json.loads((zones.state / "demo.json").read_text())["seed"] == 2


# Services


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def record(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        calls.append({"command": command, **how})
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(services.subprocess, "run", record)
    return calls


@pytest.mark.parametrize(
    ("words", "port", "program"),
    [
        (["dashboard"], 8501, "app.py"),
        (["dashboard", "--steward"], 8501, "steward.py"),
        (["dagster", "--port", "3333"], 3333, "pipelines.definitions"),
        (["notebook"], 2718, "dashboards.notebooks"),
    ],
)
def test_services_listen_on_loopback_alone_and_call_nobody(
    words: list[str], port: int, program: str, settings: Settings, started: list[dict[str, Any]]
) -> None:
    ended = call(*words)
    assert ended.exit_code == 7
    assert f"http://127.0.0.1:{port}" in ended.output
    (one,) = started
    command = " ".join(one["command"])
    assert program in command
    assert str(port) in command
    assert "127.0.0.1" in command or program == "dashboards.notebooks"
    assert "0.0.0.0" not in command
    assert one["env"].items() >= QUIET.items()
    assert one["env"]["FOLKEPULS_HOME"] == str(settings.zones.home)
    assert Path(one["command"][0]).parent == Path(sys.executable).parent


def test_the_notebook_server_is_told_to_listen_on_loopback() -> None:
    from dashboards.notebooks import server

    command = server(2718)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "2718"
    assert "--skip-update-check" in command


def test_dagster_gets_its_home_with_its_configuration(
    settings: Settings, started: list[dict[str, Any]]
) -> None:
    call("dagster")
    home = Path(started[0]["env"]["DAGSTER_HOME"])
    assert home == settings.zones.state / "dagster"
    assert "enabled: false" in (home / "dagster.yaml").read_text()


def test_stopping_a_service_is_no_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(services.subprocess, "run", interrupted)
    assert call("dashboard").exit_code == 0


# Reference pages


def test_reference_pages_are_written_for_everyone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        told = CliRunner().invoke(app, ["docs", "build", "--out", str(tmp_path / "pages")])
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
    import re

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
