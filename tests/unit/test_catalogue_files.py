"""Files of the catalogue that would do harm: bombs, tags, wrong kinds; refused by key (B09).

Belongs here: what any catalogue file may be, and the mapping of delivered tables. Does not belong
here: rules of one kind of file (``test_ingest_catalogue``, ``test_corrections``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import yaml

from pipelines.catalogue import corrections, entities, sources
from pipelines.catalogue.corrections import load_corrections
from pipelines.catalogue.entities import load_entities
from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.sources import load_sources

BOMB = (
    "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "where: *i\ntexts: *i\ntables: *i\nset: *i\n"
)
DOCUMENTS = {
    "bomb of aliases": BOMB,
    "bomb inside a key that is read": BOMB + "organisations: {sykehus: *i}\nid: synthetic\n",
    "code": "id: !!python/object/apply:os.system ['touch harm']\n",
    "object": "!!python/name:os.system\n",
    "nested 5 000 deep": "id: " + "[" * 5_000 + "]" * 5_000,
    "unclosed": "id: {a: [\n",
    "tabs": "id:\t- x\n\t- y\n",
    "nothing": "",
    "text": "just text\n",
    "list": "- id: x\n",
    "two documents": "id: a\n---\nid: b\n",
    "number for a name": "1: 2\n",
    "unknown keys": "id: x\ncolour: red\n",
}
PLACES = {
    "sources/synthetic.yml": load_sources,
    "corrections/hospital_status.yml": load_corrections,
    "entities/Encounter.yml": load_entities,
}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own; what a file leans on is read once, from where it always is."""
    for name in ("entities", "views", "sources"):
        shutil.copytree(entities.HERE / name, tmp_path / name)
    (tmp_path / "corrections").mkdir()
    for module in (sources, corrections):
        monkeypatch.setattr(module, "load_entities", lambda folder=None: load_entities())
    monkeypatch.setattr(corrections, "load_sources", lambda folder: load_sources())
    return tmp_path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_harmful_file_is_refused_by_its_name(
    kind: str, place: str, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(catalogue)
    (catalogue / place).write_text(DOCUMENTS[kind], encoding="utf-8")
    begun = perf_counter()
    with pytest.raises(CatalogueError) as caught:
        PLACES[place](catalogue)
    assert perf_counter() - begun < 5
    assert place.rpartition("/")[2] in str(caught.value)
    assert len(str(caught.value)) < 20_000
    assert not (catalogue / "harm").exists()


def test_bytes_that_are_no_utf8(catalogue: Path) -> None:
    (catalogue / "corrections" / "x.yml").write_bytes(b"id: \xe6\n")
    with pytest.raises(CatalogueError, match=r"x\.yml"):
        load_corrections(catalogue)


def table(content: dict[str, Any], name: str = "EncounterFact") -> dict[str, Any]:
    found: dict[str, Any] = content["tables"][name]
    return found


WRONG: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda c: table(c).update(colour="red"), "tables.EncounterFact.colour"),
    (lambda c: table(c).update(table="person"), "tables.EncounterFact.table"),
    (lambda c: c["tables"].update(Encounter=table(c)), "tables.Encounter"),
    (lambda c: table(c)["columns"].pop("status"), "missing ['status']"),
    (lambda c: table(c)["columns"].update(xx={"column": "X"}), "not in the view ['xx']"),
    (lambda c: table(c)["columns"]["status"].update(constant="x"), "either a delivered column"),
    (lambda c: table(c)["columns"]["status"].pop("column"), "either a delivered column"),
    (lambda c: table(c)["columns"]["status"].update(read="guess"), "status.read"),
    (lambda c: table(c)["columns"]["status"].update(read="date", codes={"a": "b"}), "codes go"),
    (lambda c: table(c)["columns"]["priority_code"].update(column="AdmissionInstant"), "two ways"),
    (lambda c: table(c).update(dropped=["Status"]), "both read and dropped"),
    (lambda c: table(c).pop("time_zone"), "declare time_zone"),
    (lambda c: table(c).update(time_zone=1), "time_zone"),
    (lambda c: table(c).update(ambiguous_time="guess"), "ambiguous_time"),
    (lambda c: table(c)["csv"].update(encoding="latin-7"), "csv.encoding"),
    (lambda c: table(c)["csv"].update(delimiter="::"), "csv.delimiter"),
    (lambda c: table(c)["csv"].update(decimal="'"), "csv.decimal"),
    (lambda c: table(c)["csv"].update(date_format="dd.mm"), "csv.date_format"),
    (lambda c: table(c)["csv"].update(null_values="NULL"), "csv.null_values"),
    (lambda c: c.update(known_as={"apotek": [{"number": "org-1"}]}), "known_as: ['apotek']"),
    (lambda c: c["known_as"].update(sykehus=[{"number": "org-923456789"}]), "two organisations"),
    (lambda c: c["known_as"].update(sykehus=[{"number": "kommuner"}]), "two organisations"),
    (lambda c: c["known_as"].update(sykehus=[{"number": "Org 1"}]), "number"),
    (lambda c: c["known_as"]["kommuner"][0].update(valid_from="soon"), "valid_from"),
]


@pytest.mark.parametrize(("change", "named"), WRONG)
def test_a_wrong_mapping_is_refused_by_its_key(
    change: Callable[[dict[str, Any]], Any], named: str, catalogue: Path
) -> None:
    path = catalogue / "sources" / "synthetic.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # What several tables share in the file is each table's own here.
    content["tables"] = {
        name: {key: dict(v) if isinstance(v, dict) else v for key, v in each.items()}
        for name, each in content["tables"].items()
    }
    change(content)
    text = yaml.safe_dump(content, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        load_sources(catalogue)
    assert named in str(caught.value)
    assert "synthetic.yml" in str(caught.value)


def test_a_time_zone_that_there_is_not(catalogue: Path) -> None:
    path = catalogue / "sources" / "synthetic.yml"
    text = path.read_text(encoding="utf-8").replace("Europe/Oslo", "Europe/Nidaros")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"synthetic\.yml"):
        load_sources(catalogue)
