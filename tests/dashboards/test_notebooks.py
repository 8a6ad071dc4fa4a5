"""The worked examples run, headless, on fixture data and on nothing; words and settings hold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from string import Formatter
from urllib.error import URLError
from urllib.request import urlopen

import polars as pl
import pytest
from babel.messages.pofile import read_po

from dashboards.notebooks import LOOPBACK, command, examples, prepare, server
from dashboards.notebooks.__main__ import main
from dashboards.notebooks.columns import MEANINGS, meaning
from dashboards.notebooks.connection import open_zones
from dashboards.notebooks.guide import (
    dictionary,
    indicator_choices,
    indicator_dictionary,
    label,
    missing,
    synthetic_warning,
    years,
)
from dashboards.text import LANGUAGES, LOCALE_FOLDER
from pipelines.checks.contracts import published_contracts
from pipelines.epidemiology.intervals import wilson_limits
from tests.support.analysis_zone import chronic_conditions, write_analysis
from tests.support.browser import free_port
from tests.support.published_release import write_release

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [path.stem for path in examples()]
PREVALENCE = "prevalence.parquet"
"""The table that the example on diabetes counts, as it leaves it."""
CALL = re.compile(r'\b(?:tr|_)\(\s*((?:"[^"]*"\s*)+)')


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    write_analysis(folder)
    return folder


def marimo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "FOLKEPULS_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


SHOW = """
import html, json, runpy, sys
from pathlib import Path
shown = {}
for path in map(Path, sys.argv[2:]):
    outputs, names = runpy.run_path(str(path))["app"].run()
    texts = [getattr(output, "text", "") for output in outputs]
    shown[path.stem] = html.unescape(html.unescape("\\n".join(texts)))
    if "prevalence" in names:
        names["prevalence"].write_parquet(sys.argv[1])
print(json.dumps(shown))
"""


def shown(home: Path) -> dict[str, str]:
    """What each example shows, run from its start to its end, one after the other."""
    folder = prepare(home)
    paths = [str(folder / f"{name}.py") for name in NOTEBOOKS]
    done = marimo(home, "-c", SHOW, str(home / PREVALENCE), *paths)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def full(home: Path) -> dict[str, str]:
    return shown(home)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return shown(tmp_path_factory.mktemp("empty"))


def test_there_are_three_worked_examples() -> None:
    assert NOTEBOOKS == ["compare_municipalities", "diabetes_by_age", "hidden_cells"]


@pytest.mark.parametrize(
    "name",
    ["hidden_cells", *(pytest.param(name, marks=pytest.mark.nightly) for name in NOTEBOOKS[:2])],
)
def test_example_runs_as_a_script(name: str, home: Path) -> None:
    """One of them: that each runs is seen where it shows its figures."""
    done = marimo(home, str(prepare(home) / f"{name}.py"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr


def test_a_broken_example_would_be_noticed(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "hidden_cells.py"
    text = (prepare(home) / broken.name).read_text().replace("getvariable('year')", "absent")
    broken.write_text(text)
    assert marimo(home, str(broken)).returncode != 0


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_example_shows_its_figures(name: str, full: dict[str, str]) -> None:
    text = full[name]
    assert "Syntetiske tall – ikke til planlegging" in text
    assert "Ingenting å vise" not in text
    assert "Dataordbok" in text


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_empty_zone_says_what_to_run(name: str, empty: dict[str, str]) -> None:
    text = empty[name]
    assert "Ingenting å vise ennå" in text
    assert "folkepuls run" in text
    assert "Dataordbok" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_missing_tables_are_named(language: str, tmp_path: Path) -> None:
    connection = open_zones(tmp_path)
    try:
        text = missing(connection, language, "analysis.demography")
        assert "`analysis.demography`" in text
        assert "folkepuls run" in text
        assert "local" in label(connection, "en")
        assert synthetic_warning(connection, language) == ""
    finally:
        connection.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_dictionary_explains_every_column(language: str, home: Path) -> None:
    connection = open_zones(home)
    try:
        frame = dictionary(connection, language)
        catalogue = indicator_dictionary(connection, language)
        assert missing(connection, language, "published.areas") == ""
        assert synthetic_warning(connection, language)
        assert years(connection) == ["2025", "2024", "2023"]
        assert years(connection, "analysis") == ["2025", "2024"]
        choices = indicator_choices(connection, language, "direct_region")
    finally:
        connection.close()
    unexplained = frame.filter(pl.col("meaning") == "")
    assert unexplained["column"].to_list() == []
    assert catalogue["title"].null_count() == 0
    assert set(choices.values()) <= set(catalogue["indicator_id"])


def test_every_published_column_has_a_meaning() -> None:
    columns = {name for table in published_contracts().values() for name in table.columns}
    assert {name for name in columns if not meaning(name)} == set()
    assert meaning("never_heard_of") == ""


@pytest.mark.usefixtures("full")
def test_diabetes_example_counts_as_it_says(home: Path) -> None:
    """The example's figures against the fixture counted in another way."""
    found = pl.read_parquet(home / PREVALENCE)
    people = chronic_conditions().filter(pl.col("year") == 2025)
    oldest = people.filter(pl.col("age") == "80+")
    with_diabetes = int(oldest["diabetes"].sum())
    row = found.filter(pl.col("age_band") == "80+").row(0, named=True)
    assert (row["person_years"], row["with_diabetes"]) == (oldest.height, with_diabetes)
    lower, upper = wilson_limits([with_diabetes], [oldest.height])
    assert row["per_cent"] == pytest.approx(100 * with_diabetes / oldest.height)
    assert (row["lower"], row["upper"]) == pytest.approx((100 * lower[0], 100 * upper[0]))
    assert found["age_band"].to_list() == ["0-17", "18-44", "45-66", "67-79", "80+"]
    straddling = people.filter(pl.col("age") == "0-66").height
    assert found["person_years"].sum() == people.height - straddling


def test_server_stays_on_this_machine() -> None:
    arguments = server(8123)
    assert arguments[arguments.index("--host") + 1] == LOOPBACK == "127.0.0.1"
    assert {"--token", "--skip-update-check", "--no-sandbox", "--headless"} <= set(arguments)


def test_changed_notebooks_are_kept_and_settings_are_not(tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    changed = folder / "hidden_cells.py"
    changed.write_text("# mine")
    (folder / "pyproject.toml").write_text("")
    assert prepare(tmp_path) == folder
    assert changed.read_text() == "# mine"
    assert (folder / "compare_municipalities.py").stat().st_mode & 0o777 == 0o600
    settings = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["marimo"]
    assert settings["server"]["disable_file_downloads"] is True
    assert settings["sharing"] == {"html": False, "wasm": False, "molab": False}
    assert settings["ai"]["enabled"] is False


@pytest.mark.parametrize("arguments", [[], ["home"], ["home", "x"], ["home", "1", "more"]])
def test_start_asks_for_folder_and_port(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="expected the data folder and a port"):
        main(arguments)


def test_notebook_server_starts_in_its_folder_and_serves(home: Path) -> None:
    port = free_port()
    address = f"http://{LOOPBACK}:{port}/health"
    with subprocess.Popen(
        command(home, port),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            assert healthy(address)
            assert Path(f"/proc/{process.pid}/cwd").resolve() == prepare(home)
        finally:
            process.terminate()


def healthy(address: str) -> bool:
    for _ in range(300):
        try:
            with urlopen(address, timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    return False


@pytest.mark.parametrize("language", ["nb", "nn"])
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "notebooks.po").open("rb") as source:
        catalogue = read_po(source, locale=language, abort_invalid=True)
    translated = {message.id: message.string for message in catalogue if message.id}
    files = [*examples(), *(ROOT / "dashboards" / "notebooks").glob("*.py")]
    used = set(MEANINGS.values())
    for file in files:
        for parts in CALL.findall(file.read_text(encoding="utf-8")):
            used.add("".join(re.findall(r'"([^"]*)"', parts)))
    assert set(translated) == used
    for message, text in translated.items():
        assert text, message
        fields = [{f for _, f, _, _ in Formatter().parse(t) if f} for t in (message, text)]
        assert fields[0] == fields[1], message


def test_examples_are_sound_for_the_notebook_editor() -> None:
    paths = [str(path) for path in examples()]
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
