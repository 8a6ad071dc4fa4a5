"""``folkepuls synth``: formats, what is refused and how that is told, and how far it has come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.synthetic import SyntheticSettings, generate_tables, steps, write_extract

SMALL = ("--scale", "0.001", "--years", "1")


def synth(out: Path, *more: str) -> Any:
    return CliRunner().invoke(app, ["synth", "--out", str(out), *SMALL, *more])


@pytest.mark.parametrize(
    ("form", "kind", "one"),
    [
        ("fhir", "ndjson", "Claim-0001.ndjson.gz"),
        ("tables", "parquet", "ClaimFact-0001.parquet"),
        ("csv", "csv", "ClaimFact-0001.csv.gz"),
    ],
)
def test_each_format_is_written(form: str, kind: str, one: str, tmp_path: Path) -> None:
    told = synth(tmp_path / "out", "--format", form, "--life")
    assert told.exit_code == 0, told.output
    folder = tmp_path / "out" / "synthetic" / "primaerhelse-2025"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {file["format"] for file in manifest["files"]} == {kind}
    assert (folder / one).is_file()
    assert "folkepuls ingest" in told.output


def test_the_first_entities_alone(tmp_path: Path) -> None:
    assert synth(tmp_path / "out", "--first").exit_code == 0
    entities = {
        file.name.split("-")[0] for file in (tmp_path / "out").glob("synthetic/*/*.ndjson*")
    }
    assert "Observation" not in entities
    assert "Encounter" in entities


def test_the_truth_is_written_where_asked(tmp_path: Path) -> None:
    assert synth(tmp_path / "out", "--truth", str(tmp_path / "truth")).exit_code == 0
    assert {path.name for path in (tmp_path / "truth").iterdir()} == {
        "indicator_truth.parquet",
        "indicator_truth_by_age.parquet",
        "indicator_truth_by_month.parquet",
        "indicator_truth_by_split.parquet",
        "phenomena.parquet",
    }


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--format", "xml"], "'fhir', 'tables', 'csv'"),
        (["--first", "--life"], "leave --first out"),
        (["--first", "--format", "csv"], "leave --first out"),
        (["--seed", "-1"], "--seed"),
        (["--years", "9"], "--years"),
        (["--scale", "2"], "--scale"),
    ],
)
def test_wrong_options_are_refused_in_words(more: list[str], said: str, tmp_path: Path) -> None:
    told = synth(tmp_path / "out", *more)
    assert told.exit_code == 2
    assert said in " ".join(told.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_answers_beside_the_questions_are_refused(tmp_path: Path) -> None:
    told = synth(tmp_path / "out", "--truth", str(tmp_path / "out" / "truth"))
    assert told.exit_code == 2
    assert "elsewhere" in told.output


@pytest.mark.parametrize("whole", [False, True])
def test_progress_is_told_as_often_as_announced(whole: bool, tmp_path: Path) -> None:
    settings = SyntheticSettings(scale=0.001, years=2, whole=whole)
    told: list[str] = []
    region = generate_tables(settings, lambda step, rows, seconds: told.append(step))
    write_extract(region, tmp_path, lambda step, rows, seconds: told.append(step))
    assert len(told) == steps(settings)
