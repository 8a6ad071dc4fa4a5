"""Resources, the lock, what counts as nothing to do, and what stewards are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anonymization.keys import KeyAccessError, create_key_file
from pipelines import operations
from pipelines.operations import (
    RunError,
    input_fingerprint,
    one_at_a_time,
    refined_release,
    remember_refined,
    run,
)
from pipelines.resources import (
    QUIET,
    dbt_environment,
    dbt_fingerprint,
    environment,
    key_provider,
    pseudonym_key,
    warehouse,
)
from pipelines.settings import ROOT, Settings, Zones

RELEASE = "20241231-0123456789"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("FOLKEPULS_")]:
        monkeypatch.delenv(name)
    made = Settings(home=tmp_path / "home", key_file=tmp_path / "keys" / "keys.json")
    made.zones.create()
    return made


@pytest.fixture
def zones(settings: Settings) -> Zones:
    return settings.zones


# Resources


def test_the_environment_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_A", "before")
    monkeypatch.delenv("FOLKEPULS_B", raising=False)

    def fails() -> None:
        with environment({"FOLKEPULS_A": "now", "FOLKEPULS_B": "now"}):
            assert os.environ["FOLKEPULS_A"] == os.environ["FOLKEPULS_B"] == "now"
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fails()
    assert os.environ["FOLKEPULS_A"] == "before"
    assert "FOLKEPULS_B" not in os.environ


def test_the_fingerprint_follows_the_models_and_nothing_else(tmp_path: Path) -> None:
    model = tmp_path / "models" / "a.sql"
    model.parent.mkdir()
    model.write_text("select 1")
    first = dbt_fingerprint(tmp_path)
    assert dbt_fingerprint(tmp_path) == first
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "compiled.sql").write_text("select 1")
    (tmp_path / "models" / "notes.txt").write_text("x")
    assert dbt_fingerprint(tmp_path) == first
    model.write_text("select 2")
    second = dbt_fingerprint(tmp_path)
    model.rename(model.with_name("b.sql"))
    third = dbt_fingerprint(tmp_path)
    (tmp_path / "models" / "b.yml").write_text("version: 2")
    assert len({first, second, third, dbt_fingerprint(tmp_path)}) == 4


def test_dbt_works_inside_the_home_and_keeps_silent(settings: Settings) -> None:
    told = dbt_environment(settings)
    assert told.items() >= QUIET.items()
    assert told["FOLKEPULS_HOME"] == str(settings.zones.home)
    for name in ("DBT_TARGET_PATH", "DBT_LOG_PATH"):
        assert Path(told[name]).is_relative_to(settings.zones.state)
    assert told["DBT_LOG_LEVEL_FILE"] == "none"


def test_the_key_comes_from_the_environment_before_the_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonymization.keys import ENVIRONMENT_VARIABLE, EnvironmentKeyProvider, FileKeyProvider

    assert isinstance(key_provider(settings), FileKeyProvider)
    with pytest.raises(KeyAccessError, match="folkepuls keys init"):
        pseudonym_key(settings)
    key = create_key_file(settings.key_file)
    assert pseudonym_key(settings) == key
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, f"vault:3:{'ab' * 32}")
    assert isinstance(key_provider(settings), EnvironmentKeyProvider)
    assert pseudonym_key(settings).id == "vault"


def test_a_key_beside_what_it_protects_is_refused(settings: Settings) -> None:
    inside = settings.model_copy(update={"key_file": settings.zones.home / "keys.json"})
    create_key_file(inside.key_file)
    with pytest.raises(KeyAccessError, match="lies inside"):
        pseudonym_key(inside)


def test_the_warehouse_is_read_only_and_closed(zones: Zones) -> None:
    import duckdb

    writer = duckdb.connect(str(zones.warehouse))
    writer.execute("create table t as select 1 as n")
    writer.close()
    with (
        warehouse(zones) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("create table u as select 1 as n")
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("select 1")


# The lock


def test_a_second_run_is_refused_and_may_come_later(zones: Zones) -> None:
    with one_at_a_time(zones):
        with (
            pytest.raises(RunError, match="Another run is under way") as caught,
            one_at_a_time(zones),
        ):
            pass
        assert str(zones.home) in str(caught.value)
    with one_at_a_time(zones):
        pass


def test_homes_do_not_wait_for_each_other(zones: Zones, tmp_path: Path) -> None:
    with one_at_a_time(zones), one_at_a_time(Zones(tmp_path / "other").create()):
        pass


def test_a_killed_run_holds_no_lock(zones: Zones) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipelines.operations import one_at_a_time\n"
        "from pipelines.settings import Zones\n"
        "with one_at_a_time(Zones(Path(sys.argv[1]))):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(zones.home)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    with one_at_a_time(zones):
        pass


# What counts as nothing to do


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code that a candidate is made by: one file."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1")
    monkeypatch.setattr(operations, "CODE_FOLDERS", (folder,))
    return folder


def test_a_candidate_is_remembered_until_something_changes(zones: Zones, code: Path) -> None:
    assert refined_release(zones) is None
    (zones.releases / RELEASE).mkdir()
    remember_refined(zones, RELEASE, input_fingerprint(zones))
    assert refined_release(zones) == RELEASE
    before = input_fingerprint(zones)
    (zones.deliveries / "synthetic__a.json").write_text("{}")
    assert refined_release(zones) is None
    assert input_fingerprint(zones) != before


@pytest.mark.parametrize("name", ["b.py", "m.sql", "i.yml", "v.json", "f.csv"])
def test_new_code_catalogue_and_facts_are_something_new(
    name: str, zones: Zones, code: Path
) -> None:
    before = input_fingerprint(zones)
    (code / name).write_text("x")
    assert input_fingerprint(zones) != before


def test_what_is_no_input_changes_nothing(zones: Zones, code: Path) -> None:
    before = input_fingerprint(zones)
    (code / "readme.md").write_text("x")
    (code / "target").mkdir()
    (code / "target" / "made.sql").write_text("x")
    (zones.state / "other.json").write_text("{}")
    assert input_fingerprint(zones) == before


def test_a_candidate_that_is_gone_is_made_again(zones: Zones, code: Path) -> None:
    (zones.releases / RELEASE).mkdir()
    remember_refined(zones, RELEASE, input_fingerprint(zones))
    (zones.releases / RELEASE).rmdir()
    assert refined_release(zones) is None


def test_a_run_with_nothing_new_loads_no_dagster(settings: Settings) -> None:
    create_key_file(settings.key_file)
    (settings.zones.releases / RELEASE).mkdir()
    remember_refined(settings.zones, RELEASE, input_fingerprint(settings.zones))
    script = (
        "import sys\n"
        "from pipelines.operations import run\n"
        "from pipelines.settings import Settings\n"
        "report = run(Settings())\n"
        "assert not report.refined, report\n"
        "assert 'dagster_dbt' not in sys.modules and 'pipelines.definitions' not in sys.modules\n"
        "print(report.release_id)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "FOLKEPULS_HOME": str(settings.home),
            "FOLKEPULS_KEY_FILE": str(settings.key_file),
        },
    )
    assert told.stdout.strip() == RELEASE


def test_a_run_without_a_key_is_refused_before_anything(settings: Settings) -> None:
    with pytest.raises(KeyAccessError, match="folkepuls keys init"):
        run(settings)
    assert not (settings.zones.state / "run.lock").exists()
