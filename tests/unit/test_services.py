"""Services that are started: on loopback alone, with a home of their own, calling nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import services
from pipelines.resources import QUIET
from pipelines.settings import Settings
from tests.support.command_line import call


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
