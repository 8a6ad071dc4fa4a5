"""``folkepuls sources`` and ``folkepuls fhir-export``: what is printed, and the exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.catalogue.sources import load_sources
from pipelines.cli import app
from pipelines.clients.bulk import Options, examine
from pipelines.clients.bulk.clock import Clock
from tests.support.bulk_server.answers import Answer, html, say
from tests.support.bulk_server.clock import FakeClock
from tests.support.bulk_server.homes import auth, profile, public_keys, site, write_profile
from tests.support.bulk_server.server import Asked, BulkServer, serving

QUICK = {"first_poll_seconds": 0, "shortest_wait_seconds": 0.01, "longest_wait_seconds": 0.05}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLKEPULS_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "profiles").mkdir()
    listed = {"cohorts": {"sykehus": ("trondheim-1", "trondheim-2")}}
    source = load_sources()["synthetic"].model_copy(update=listed)
    known = {**load_sources(), "synthetic": source}
    monkeypatch.setattr("pipelines.catalogue.profiles.load_sources", lambda: known)
    return tmp_path


@pytest.fixture
def server() -> Iterator[BulkServer]:
    served = BulkServer(Clock(), keys=public_keys(), polls=1)
    with serving(served):
        yield served


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def written(home: Path, server: BulkServer, name: str = "st-olav", **changes: Any) -> None:
    content = site(server.base, **{"auth": auth(home), "budgets": QUICK, **changes})
    write_profile(home / "profiles", content, name)


def test_nothing_is_configured_at_first(home: Path) -> None:
    code, text = invoke("sources", "list")
    assert code == 0
    assert "No profile in" in text
    assert "epic" in text
    assert "smart-reference" in text


def test_what_is_configured_is_listed_and_what_is_wrong_is_told(
    home: Path, server: BulkServer
) -> None:
    written(home, server)
    assert invoke("sources", "list")[0] == 0
    (home / "profiles" / "broken.yml").write_text("extends: epic\n")
    code, text = invoke("sources", "list")
    assert code == 1
    assert "trondheim-1" in text
    assert "broken.yml: " in text


def test_a_server_that_can_is_found_able(home: Path, server: BulkServer) -> None:
    written(home, server)
    code, text = invoke("sources", "check", "st-olav")
    assert code == 0, text
    for told in ("FHIR: version 4.0.1", "group trondheim-1: 12 patients", "token: granted"):
        assert told in text
    assert server.count("kickoff") == server.count("file") == 0


def test_an_export_by_hand(home: Path, server: BulkServer) -> None:
    written(home, server)
    code, text = invoke("fhir-export", "--profile", "st-olav")
    assert code == 0, text
    assert "Encounter 50, Condition 25, Observation 40" in text
    assert (home / "home" / "state" / "logs" / "folkepuls.jsonl").read_text().count("export") >= 1
    server.change_manifest = lambda stated: {**stated, "transactionTime": "2025-03-03T09:00:00Z"}
    code, text = invoke("fhir-export", "--profile", "st-olav", "--since")
    assert code == 0, text
    assert "delta" in text


def test_a_server_still_at_work_is_no_failure(home: Path, server: BulkServer) -> None:
    server.polls = 10**6
    written(home, server)
    code, text = invoke("fhir-export", "--profile", "st-olav", "--patience", "0.001")
    assert code == 3, text
    assert "still at work" in text


def test_a_shard_that_fails_does_not_stop_the_others(home: Path, server: BulkServer) -> None:
    def script(asked: Asked) -> Answer | None:
        return say(403) if "/Group/g1/$export" in asked.path else None

    server.script = script
    groups = [{"name": "trondheim-1", "id": "g1"}, {"name": "trondheim-2", "id": "g2"}]
    written(home, server, groups=groups)
    code, text = invoke("fhir-export", "--profile", "st-olav")
    assert code == 1
    assert "trondheim-1: kickoff_refused" in text
    assert "trondheim-2-" in text
    code, _ = invoke("fhir-export", "--profile", "st-olav", "--group", "trondheim-2")
    assert code == 0


def _changed(kind: str, change: Any) -> Any:
    def script(asked: Asked) -> Answer | None:
        if asked.kind != kind:
            return None
        content = asked.server.usual(asked)
        import json

        stated = json.loads(content.bytes)
        change(stated)
        return say(200, stated)

    return script


@pytest.mark.parametrize(
    ("site_changes", "script", "verdict", "told"),
    [
        ({}, _changed("metadata", lambda m: m.update(fhirVersion="5.0.0")), "wrong", "5.0.0"),
        ({}, _changed("metadata", lambda m: m.update(rest=[])), "wrong", "types: Encounter"),
        ({}, lambda a: html() if a.kind == "metadata" else None, "wrong", "CapabilityStatement"),
        ({}, lambda a: say(404) if a.kind == "group" else None, "wrong", "expected a Group"),
        ({}, lambda a: say(403) if a.kind == "group" else None, "note", "may not be read"),
        ({}, lambda a: say(404) if a.kind == "discovery" else None, "wrong", "discovery_failed"),
        (
            {},
            _changed(
                "discovery",
                lambda m: m.update(token_endpoint_auth_signing_alg_values_supported=["RS384"]),
            ),
            "wrong",
            "expected ES384",
        ),
        ({}, _changed("discovery", lambda m: m.pop("grant_types_supported")), "note", "not stated"),
        (
            {},
            _changed("discovery", lambda m: m.update(scopes_supported=["system/*.read"])),
            "note",
            "ends in .rs",
        ),
        (
            {},
            lambda a: say(400, {"error": "invalid_client"}) if a.kind == "token" else None,
            "wrong",
            "authorisation_refused",
        ),
        ({"server": {"largest_group": 5}}, None, "wrong", "12 patients; at this kind of server"),
        ({"extends": "epic"}, None, "note", "always in full"),
        ({"extends": "epic"}, None, "note", "one export per client and group"),
        ({"server": {"no_since": ["Condition"]}}, None, "note", "Condition know no time"),
        ({"source": "helseplattformen"}, None, "wrong", "governance"),
        ({"auth": None}, None, "note", "open test server"),
    ],
)
def test_what_will_not_work_is_told_before_anything_is_exported(
    site_changes: dict[str, Any], script: Any, verdict: str, told: str, tmp_path: Path
) -> None:
    server = BulkServer(FakeClock(), keys=public_keys(), script=script)
    with serving(server) as base:
        chosen = profile(tmp_path, base, **{"auth": auth(tmp_path), **site_changes})
        answers = examine(chosen, Options(clock=server.clock))
    matching = [a for a in answers if told in f"{a.subject}: {a.text}"]
    assert matching, [f"{a.verdict} {a.subject}: {a.text}" for a in answers]
    assert {a.verdict for a in matching} == {verdict}
    assert server.count("kickoff") == 0


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    answers = examine(profile(tmp_path, "http://127.0.0.1:9"), Options(clock=clock))
    assert any(a.verdict == "wrong" and "unreachable" in a.text for a in answers)
    assert clock.monotonic() <= 30 * 60
