"""What makes a figure, how two catalogues differ in it, and new files that wait to be filled in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from pipelines.catalogue.definition import Change, definition_text, differences
from pipelines.catalogue.loader import HERE, CatalogueError, catalogue, load
from pipelines.cli import app
from pipelines.definitions_kept import definitions_in, definitions_of
from pipelines.publication.reference_tables import indicators_table
from pipelines.settings import Zones

DIABETES = "diabetes_type2_prevalence"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("indicators", "policies"):
        shutil.copytree(HERE / name, tmp_path / name)
    shutil.copy(HERE / "breakdowns.yml", tmp_path)
    return tmp_path


def edit(folder: Path, change: Callable[[dict[str, Any]], object], name: str = DIABETES) -> None:
    path = folder / "indicators" / f"{name}.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def changes_of(folder: Path) -> list[Change]:
    return differences(definitions_of(catalogue()), definitions_of(load(folder)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c["parameters"].update(lookback_months=36), "changed"),
        (lambda c: c["code_sets"]["diabetes_diagnoses"].pop(), "changed"),
        (lambda c: c.update(policy="staff"), "changed"),
        (
            lambda c: c["parameters"].update(lookback_months=36) or c.update(version=2),
            "new_version",
        ),
        (lambda c: c.update(version=2), "new_version"),
        (lambda c: c["texts"]["nb"].update(why="En bedre forklaring av hvorfor."), None),
        (lambda c: c.update(number=99, comparable_to=[]), None),
    ],
)
def test_what_counts_is_a_definition_and_words_are_not(
    folder: Path, change: Callable[[dict[str, Any]], object], expected: str | None
) -> None:
    edit(folder, change)
    assert [c.kind for c in changes_of(folder)] == ([expected] if expected else [])


def test_a_change_names_the_key_and_both_values(folder: Path) -> None:
    edit(folder, lambda c: c["parameters"].update(lookback_months=36))
    (change,) = changes_of(folder)
    assert change.keys == (("parameters.lookback_months", "24", "36"),)


def test_what_came_and_went(folder: Path) -> None:
    path = folder / "indicators" / f"{DIABETES}.yml"
    text = path.read_text(encoding="utf-8").replace(f"id: {DIABETES}", "id: diabetes_other")
    path.unlink()
    path.with_name("diabetes_other.yml").write_text(text, encoding="utf-8")
    assert [(c.indicator_id, c.kind) for c in changes_of(folder)] == [
        ("diabetes_other", "added"),
        (DIABETES, "removed"),
    ]


def test_a_release_keeps_its_definitions(tmp_path: Path) -> None:
    indicators_table(catalogue()).write_parquet(tmp_path / "indicators.parquet")
    kept = definitions_in(tmp_path, Zones(tmp_path))
    assert kept == definitions_of(catalogue())
    assert kept[DIABETES] == (1, definition_text(catalogue().indicators[DIABETES]))


def test_a_release_that_kept_none_is_refused(tmp_path: Path) -> None:
    table = indicators_table(catalogue()).drop("counted_by")
    table.write_parquet(tmp_path / "indicators.parquet")
    with pytest.raises(CatalogueError, match="kept no definitions"):
        definitions_in(tmp_path, Zones(tmp_path))


def test_without_a_release_a_folder_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="No release is published here"):
        definitions_in(None, Zones(tmp_path))


def test_the_command_fails_where_the_version_was_forgotten(folder: Path) -> None:
    edit(folder, lambda c: c["parameters"].update(lookback_months=12))
    ended = CliRunner().invoke(app, ["catalogue", "diff", str(folder)])
    assert ended.exit_code == 1
    assert f"{DIABETES}: changed, and still version 1: give it version 2" in ended.stdout
    assert "parameters.lookback_months: 12 -> 24" in ended.stdout
    same = CliRunner().invoke(app, ["catalogue", "diff", str(HERE)])
    assert (same.exit_code, same.stdout.strip()) == (0, "No definition differs.")


def begin(folder: Path, *more: str) -> Any:
    (folder / "specs").mkdir(exist_ok=True)
    place = ["--catalogue", str(folder), "--specs", str(folder / "specs")]
    return CliRunner().invoke(app, ["catalogue", "new", "gout_prevalence", *place, *more])


def test_a_new_file_waits_until_every_text_is_written(folder: Path) -> None:
    ended = begin(folder, "--like", DIABETES, "--number", "90")
    assert ended.exit_code == 0, ended.output
    with pytest.raises(CatalogueError, match=r"gout_prevalence.yml: .*is still to be written"):
        load(folder)

    def write(content: dict[str, Any]) -> None:
        for language in ("nb", "nn", "en"):
            content["texts"][language] = yaml.safe_load(
                (HERE / "indicators" / f"{DIABETES}.yml").read_text(encoding="utf-8")
            )["texts"][language]

    edit(folder, write, "gout_prevalence")
    made = load(folder).indicators["gout_prevalence"]
    like = catalogue().indicators[DIABETES]
    assert (made.version, made.number, made.code_sets) == (1, 90, like.code_sets)
    assert like.key_figure
    assert not made.key_figure
    spec = yaml.safe_load((folder / "specs" / "gout_prevalence.yml").read_text(encoding="utf-8"))
    assert spec["indicator"] == "gout_prevalence"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--like", "no_such_thing", "--number", "90"), "expected one of"),
        (("--like", DIABETES, "--number", "90", "--specs", "/nowhere"), "expected a folder"),
    ],
)
def test_a_new_file_is_refused_with_what_to_do(
    folder: Path, options: tuple[str, ...], said: str
) -> None:
    ended = begin(folder, *options)
    assert isinstance(ended.exception, CatalogueError)
    assert said in str(ended.exception)


def test_a_file_that_is_there_is_left_as_it_is(folder: Path) -> None:
    begin(folder, "--like", DIABETES, "--number", "90")
    again = begin(folder, "--like", DIABETES, "--number", "91")
    assert "is there already" in str(again.exception)
    assert "number: 90" in (folder / "indicators" / "gout_prevalence.yml").read_text()


def test_definitions_are_published_as_declared() -> None:
    table = indicators_table(catalogue())
    assert table["counted_by"].null_count() == 0
    row = table.filter(pl.col("indicator_id") == DIABETES)["counted_by"].item()
    assert '"lookback_months": 24' in row
    assert "Diabetes" not in row
