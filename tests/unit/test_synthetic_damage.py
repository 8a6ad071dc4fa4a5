"""Planted damage is where it says it is, and nowhere else."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from pipelines.synthetic import SyntheticSettings, generate_tables, write_extract
from tests.support.damage import FILE_KINDS, KINDS, LINE_KINDS, plant_damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inbox = tmp_path_factory.mktemp("inbox")
    region = generate_tables(SyntheticSettings(scale=0.002, years=1))
    write_extract(region, inbox)
    return inbox / "synthetic" / "kommuner-2025"


@pytest.fixture
def delivery(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / sound.name))


def lines(file: Path) -> list[bytes]:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).split(b"\n")


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def is_true(folder: Path, listed: dict) -> bool:
    content = (folder / listed["name"]).read_bytes()
    return len(content) == listed["bytes"] and (
        hashlib.sha256(content).hexdigest() == listed["sha256"]
    )


@pytest.mark.parametrize("kind", LINE_KINDS)
@pytest.mark.parametrize("entity", ["EpisodeOfCare", "PractitionerRole"])
def test_one_line_is_damaged_and_the_manifest_stays_true(
    kind: str, entity: str, sound: Path, delivery: Path
) -> None:
    damage = plant_damage(delivery, kind, entity=entity, line=3, oversize=5000)
    before, after = lines(sound / damage.file), lines(delivery / damage.file)
    differing = [n for n, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b]
    assert differing == [3]
    assert all(is_true(delivery, listed) for listed in manifest(delivery)["files"])


@pytest.mark.parametrize(
    ("kind", "true"),
    [
        ("truncated_gzip", True),
        ("flipped_bit", False),
        ("wrong_count", True),
        ("unknown_entity", True),
    ],
)
def test_files(kind: str, true: bool, sound: Path, delivery: Path) -> None:
    damage = plant_damage(delivery, kind)
    listed = next(f for f in manifest(delivery)["files"] if f["name"] == damage.file)
    assert is_true(delivery, listed) is true
    if kind == "truncated_gzip":
        with pytest.raises(EOFError):
            gzip.decompress((delivery / damage.file).read_bytes())
    elif kind == "wrong_count":
        assert listed["rows"] == len(lines(delivery / damage.file))
    elif kind == "unknown_entity":
        assert listed["entity"] == "Spaceship"
        assert damage.file.startswith("Spaceship")


def test_delivery_and_refusals(delivery: Path) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        plant_damage(delivery, "coffee")
    with pytest.raises(ValueError, match="no file of Patient"):
        plant_damage(delivery, "nul", entity="Patient")
    with pytest.raises(ValueError, match="expected a line"):
        plant_damage(delivery, "nul", line=10**9)
    assert plant_damage(delivery, "missing_manifest").level == "delivery"
    assert not (delivery / "manifest.json").exists()
    assert set(KINDS) == {*LINE_KINDS, *FILE_KINDS, "missing_manifest"}
