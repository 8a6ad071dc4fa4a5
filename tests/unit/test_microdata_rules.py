"""The tables that the catalogue declares, and which files are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from anonymization.policies import PolicyError
from pipelines.catalogue.loader import HERE, CatalogueError, catalogue, load
from pipelines.catalogue.tables import read_reference
from pipelines.publication.microdata_rules import microdata_tables
from pipelines.settings import reference_dir

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("indicators", "policies"):
        shutil.copytree(HERE / name, tmp_path / name)
    shutil.copy(HERE / "breakdowns.yml", tmp_path)
    return tmp_path


def edited(folder: Path, name: str, change: Change) -> None:
    path = folder / "policies" / f"{name}.yml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content["rules"])
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    microdata_tables(load(folder), folder / "policies")


def test_the_catalogue_declares_five_tables() -> None:
    tables = microdata_tables(catalogue())
    assert sorted(tables) == [
        "chronic_conditions",
        "contacts",
        "demography",
        "need_level",
        "service_use",
    ]
    for table in tables.values():
        assert table.policy.k >= 5
        assert table.quasi_identifiers[:4] == ["year", "municipality_code", "sex", "age"]


def test_hierarchies_cover_every_municipality_and_age() -> None:
    (table,) = [t for t in microdata_tables(catalogue()).values() if t.name == "demography"]
    laid = {qi.name: qi.hierarchy for qi in table.policy.quasi_identifiers}
    codes = read_reference(reference_dir(), "municipalities").select(
        "municipality_code", county=pl.format("county {}", "county_code")
    )
    levels = laid["municipality_code"].levels(codes["municipality_code"])
    assert levels.labels["1"].to_list() == codes["county"].to_list()
    ages = laid["age"].levels(pl.Series("age", range(106)))
    assert ages.domain == 106
    assert ages.height == 4
    # No indicator's groups are straddled by the labels of the second level.
    assert ages.labels["2"].unique(maintain_order=True).to_list() == [
        "0-17",
        "18-44",
        "45-66",
        "67-79",
        "80+",
    ]


def test_a_copy_of_a_file_is_one_more_table(folder: Path) -> None:
    path = folder / "policies" / "demography.yml"
    text = path.read_text(encoding="utf-8").replace("id: demography", "id: for_others")
    (folder / "policies" / "for_others.yml").write_text(text, encoding="utf-8")
    assert "for_others" in microdata_tables(load(folder), folder / "policies")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("contacts", lambda r: r.update(k=4), "contacts.yml: rules.k: expected 5 or more"),
        ("contacts", lambda r: r.update(kk=4), "contacts.yml: kk: "),
        ("contacts", lambda r: r.pop("agreement"), "contacts.yml: agreement: "),
        ("contacts", lambda r: r.pop("purpose"), "contacts.yml: purpose: "),
        ("contacts", lambda r: r.update(purpose="any"), "contacts.yml: purpose: "),
        ("contacts", lambda r: r.update(recipient=""), "contacts.yml: recipient: "),
        ("contacts", lambda r: r.update(source="x; drop"), "contacts.yml: source: "),
        ("contacts", lambda r: r["titles"].pop("gp_contacts"), "look at ['gp_contacts']"),
        ("contacts", lambda r: r["titles"]["gp_contacts"].pop("nn"), "contacts.yml: titles"),
        ("contacts", lambda r: r.update(indicators={"nothing": "gp_contacts"}), "none called"),
        (
            "contacts",
            lambda r: r.update(indicators={"emergency_admissions_per_1000": "age"}),
            "kept as they are, got ['age']",
        ),
        (
            "contacts",
            lambda r: (
                r["sensitive"].append({"name": "need_level"}),
                r["titles"].update(need_level=r["titles"]["gp_contacts"]),
            ),
            "need_level is in another table for 'analysts' as well",
        ),
        (
            "demography",
            lambda r: r.update(insensitive=["long_stay"]),
            "long_stay is in another table",
        ),
        (
            "demography",
            lambda r: r["quasi_identifiers"].append({"name": "diabetes", "hierarchy": "suppress"}),
            "diabetes is in another table",
        ),
    ],
)
def test_a_wrong_table_is_refused(name: str, change: Change, told: str, folder: Path) -> None:
    with pytest.raises(CatalogueError) as refused:
        edited(folder, name, change)
    assert told in str(refused.value)


def test_another_recipient_may_have_what_the_first_has(folder: Path) -> None:
    path = folder / "policies" / "contacts.yml"
    text = path.read_text(encoding="utf-8").replace("id: contacts", "id: for_others")
    (folder / "policies" / "for_others.yml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match="belongs into one table"):
        microdata_tables(load(folder), folder / "policies")
    edited(folder, "for_others", lambda r: r.update(recipient="others"))


def test_a_policy_that_contradicts_itself_is_refused(folder: Path) -> None:
    with pytest.raises(PolicyError, match="geometric"):
        edited(folder, "contacts", lambda r: r.update(aggregate="geometric"))
