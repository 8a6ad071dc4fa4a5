"""Settings, zones, and the one way a file is written."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.settings import ROOT, Settings, Zones, atomic_write, reference_dir


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FOLKEPULS_")]:
        monkeypatch.delenv(name)


def test_a_file_is_written_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.json"
    with atomic_write(target) as temporary:
        assert temporary.parent == target.parent
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert mode(target) == 0o600
    assert mode(target.parent) == 0o700
    assert names(target.parent) == ["file.json"]


def test_a_file_that_is_there_is_replaced_only_when_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o644)
    with atomic_write(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert mode(target) == 0o600


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def fails() -> None:
        with atomic_write(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fails()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_killed_process_leaves_no_file_under_the_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; "
        "from pipelines.settings import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as path:\n"
        "    path.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")], cwd=ROOT, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "file").exists()
    assert all(name.startswith(".file.") and name.endswith(".tmp") for name in names(tmp_path))


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "file"
    with atomic_write(target) as first, atomic_write(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"


def test_looking_at_zones_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert Settings(home=home).zones.home == home
    assert not home.exists()


def test_zones_are_made_for_their_owner_alone_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        zones = Zones(tmp_path / "home").create()
    finally:
        os.umask(before)
    assert {mode(folder) for folder in zones.folders()} == {0o700}
    assert zones.create().home == zones.home


def test_zones_lie_where_the_architecture_says(tmp_path: Path) -> None:
    zones = Zones(tmp_path)
    where = {
        "inbox": "identified/inbox",
        "quarantine": "identified/quarantine",
        "truth": "identified/synthetic/truth",
        "journal": "restricted/journal",
        "deliveries": "restricted/deliveries",
        "warehouse": "restricted/restricted.duckdb",
        "strata_map": "restricted/strata_map.parquet",
        "microdata": "analysis/microdata",
        "published": "published",
        "state": "state",
    }
    for name, path in where.items():
        assert getattr(zones, name) == tmp_path / path


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", "/somewhere/else")
    monkeypatch.setenv("FOLKEPULS_THREADS", "4")
    settings = Settings()
    assert settings.home == Path("/somewhere/else")
    assert settings.threads == 4
    assert settings.memory_limit == "2GB"


def test_without_an_environment_the_zones_are_the_projects_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = Settings()
    assert settings.home == ROOT / "data"
    assert settings.key_file == tmp_path / "folkepuls" / "keys.json"
    assert not settings.key_file.is_relative_to(ROOT)
    assert reference_dir() == ROOT / "data" / "reference"


@pytest.mark.parametrize(
    ("name", "value"),
    [("THREADS", "0"), ("THREADS", "65"), ("MEMORY_LIMIT", "much"), ("MEMORY_LIMIT", "2 GB; drop")],
)
def test_a_setting_out_of_bounds_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FOLKEPULS_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()
