"""The doctor: what is well, what is wrong, and what would mend it."""

from __future__ import annotations

import pytest

from anonymization.keys import create_key_file
from pipelines import doctor
from pipelines.catalogue.loader import CatalogueError
from pipelines.doctor import Finding, examine
from pipelines.settings import Settings
from tests.support.command_line import call


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
