"""What the catalogue names and what dbt models make are the same things."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.assets.warehouse import CATALOGUE_TABLES
from pipelines.catalogue.entities import key_domains, load_entities, restricted_tables
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.tables import catalogue_tables
from pipelines.ingest.ledger import DELIVERY_TABLE
from pipelines.publication.microdata_bias import PUBLIC
from pipelines.publication.microdata_rules import microdata_tables
from pipelines.resources import DBT_FOLDER
from pipelines.settings import reference_dir
from tests.support.compiled_models import Dbt, layer
from tests.support.warehouse import Warehouse

MODELS = sorted((DBT_FOLDER / "models").rglob("*.sql"))


def macro_measures() -> list[str]:
    text = (DBT_FOLDER / "macros" / "measures.sql").read_text(encoding="utf-8")
    body = re.search(r"macro measures\(\).*?return\(\[(.*?)\]\)", text, re.DOTALL)
    assert body is not None, "macros/measures.sql: macro measures() returns no list"
    return re.findall(r"'([a-z0-9_]+)'", body.group(1))


def test_every_measure_an_indicator_names_is_in_the_macro() -> None:
    named = {
        side.measure
        for entry in catalogue().indicators.values()
        for side in (entry.numerator, entry.denominator)
    }
    assert named <= set(macro_measures())


def test_the_macro_lists_exactly_the_measure_models(dbt) -> None:
    listed = macro_measures()
    assert listed == sorted(set(listed))
    files = {path.stem for path in MODELS if path.parent.name == "measures"}
    assert {f"msr_{name}" for name in listed} == files
    together = dbt.models["int_measure_values"]["depends_on"]["nodes"]
    assert {node.rsplit(".", 1)[1] for node in together} >= files


def test_splits_are_carried_by_the_measures_of_the_indicators_that_name_them(dbt) -> None:
    text = (DBT_FOLDER / "macros" / "measures.sql").read_text(encoding="utf-8")
    body = re.search(r"macro split_measures\(\).*?return\(\{(.*?)\}\)", text, re.DOTALL)
    assert body is not None, "macros/measures.sql: macro split_measures() returns no mapping"
    carried = {
        split: set(re.findall(r"'([a-z0-9_]+)'", names))
        for split, names in re.findall(r"'([a-z_]+)': \[(.*?)\]", body.group(1), re.DOTALL)
    }
    named: dict[str, set[str]] = {}
    for entry in catalogue().indicators.values():
        for split in entry.breakdowns:
            named.setdefault(split, set()).update(
                {entry.numerator.measure, entry.denominator.measure}
            )
    assert carried == named
    assert set(carried) == set(catalogue().breakdowns)
    for split, measures in carried.items():
        for measure in measures:
            assert f"by_{split}" in dbt.models[f"msr_{measure}"]["columns"]


def test_measures_of_months_are_there_by_month() -> None:
    """Of dated events by `dated_measures`, on a date by `int_date_values`."""
    macros = (DBT_FOLDER / "macros" / "measures.sql").read_text(encoding="utf-8")
    body = re.search(r"macro dated_measures\(\).*?return\(\[(.*?)\]\)", macros, re.DOTALL)
    assert body is not None, "macros/measures.sql: macro dated_measures() returns no list"
    (file,) = [path for path in MODELS if path.stem == "int_date_values"]
    there = {
        "flow": set(re.findall(r"'([a-z0-9_]+)'", body.group(1))),
        "on_date": set(re.findall(r"'(\w+)' as measure_id", file.read_text(encoding="utf-8"))),
    }
    asked: dict[str, set[str]] = {"flow": set(), "on_date": set()}
    for entry in catalogue().indicators.values():
        if entry.part_of_year is not None:
            asked[entry.timing].add(entry.numerator.measure)
            if not entry.denominator.public:
                asked[entry.timing].add(entry.denominator.measure)
    assert there == asked


def test_code_sets_in_models_are_those_of_the_catalogue() -> None:
    used = {
        name
        for path in MODELS
        for name in re.findall(r"code_set(?:\(| = )\s*'(\w+)'", path.read_text(encoding="utf-8"))
    }
    named = {name for entry in catalogue().indicators.values() for name in entry.code_sets}
    assert used == named
    assert used


def test_parameters_in_models_are_those_of_the_catalogue() -> None:
    used = {
        name
        for path in MODELS
        for name in re.findall(r"parameter = '(\w+)'", path.read_text(encoding="utf-8"))
    }
    named = {name for entry in catalogue().indicators.values() for name in entry.parameters}
    assert used <= named


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_has_its_yaml_beside_it(path: Path, dbt) -> None:
    model = dbt.models[path.stem]
    assert path.with_suffix(".yml").is_file()
    assert Path(model["patch_path"].split("://")[1]).stem == path.stem
    assert model["description"].strip()
    assert model["config"]["meta"]["grain"].startswith("one row per ")
    assert model["config"]["group"] == "restricted"
    undescribed = [name for name, one in model["columns"].items() if not one["description"].strip()]
    assert undescribed == []


def test_every_yaml_stands_beside_its_model() -> None:
    lonely = [
        path.name
        for path in (DBT_FOLDER / "models").rglob("*.yml")
        if path.name != "sources.yml" and not path.with_suffix(".sql").is_file()
    ]
    assert lonely == []


def test_marts_have_enforced_contracts(dbt) -> None:
    promised = [m for m in dbt.models.values() if layer(m) == "marts"]
    assert len(promised) >= 3
    for model in promised:
        assert model["config"]["contract"]["enforced"], model["name"]
        untyped = [name for name, one in model["columns"].items() if not one["data_type"]]
        assert untyped == [], model["name"]


def test_every_model_is_tested(dbt) -> None:
    tested = {
        node
        for test in dbt.manifest["nodes"].values()
        if test["resource_type"] == "test"
        for node in test["depends_on"]["nodes"]
    }
    assert [m["name"] for m in dbt.models.values() if m["unique_id"] not in tested] == []


def test_no_persons_are_copied_into_test_results(dbt) -> None:
    """`store_failures` would write personal rows beside the warehouse."""
    storing = [
        node["name"]
        for node in dbt.manifest["nodes"].values()
        if node["resource_type"] == "test" and node["config"].get("store_failures")
    ]
    assert storing == []


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A home with everything that models read, and no rows in it."""
    home = Warehouse(tmp_path_factory.mktemp("empty"))
    home.write_journal({})
    home.write_catalogue(range(2024, 2025))
    home.write_single_year_strata()
    return home


@pytest.fixture(scope="module")
def described(dbt: Dbt, empty: Warehouse) -> dict[str, list[str]]:
    """Columns of every model, as DuckDB finds them on empty input."""
    columns: dict[str, list[str]] = {}
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("attach ':memory:' as restricted")
        connection.execute("use restricted")
        for name in dbt.in_order(dbt.models):
            model = dbt.models[name]
            connection.execute(f"create schema if not exists {model['database']}.{model['schema']}")
            # Tables: a view on views on views is bound anew down to the files, every time.
            sql = dbt.sql(name, empty.settings.home)
            connection.execute(f"create table {model['relation_name']} as {sql}")
            columns[name] = connection.table(model["relation_name"]).columns
    finally:
        connection.close()
    return columns


def test_documented_columns_are_those_of_the_model(dbt, described) -> None:
    wrong = {
        name: sorted(set(columns) ^ set(dbt.models[name]["columns"]))
        for name, columns in described.items()
        if set(columns) != set(dbt.models[name]["columns"])
    }
    assert wrong == {}
    assert described.keys() == dbt.models.keys()


def test_the_microdata_door_finds_its_columns(described) -> None:
    for table in microdata_tables(catalogue()).values():
        schema, model = table.rules.source.split(".")
        assert schema == "intermediate"
        needed = {"person_id", *table.policy.columns, *filter(None, [table.rules.only])}
        assert needed <= set(described[model]), table.name
    assert set(PUBLIC) <= set(described["int_register_population"])


def sources(dbt, name: str) -> set[str]:
    return {s["name"] for s in dbt.manifest["sources"].values() if s["source_name"] == name}


def test_journal_sources_are_the_entities_tables(dbt) -> None:
    assert sources(dbt, "journal") == {*restricted_tables(), DELIVERY_TABLE}
    prefix = "stg_journal__"
    staged = {name.removeprefix(prefix) for name in dbt.models if name.startswith(prefix)}
    # Tasks are two things: forms, and items of worklists; and messages went through or were
    # rejected. Deletions are taken off what is staged.
    assert staged == {*restricted_tables(), "worklist_item", "rejected_message"} - {"deletion"}


def stated(macro: str) -> dict[str, str]:
    """The pairs that a macro of the journal returns."""
    text = (DBT_FOLDER / "macros" / "journal.sql").read_text(encoding="utf-8")
    body = text.split(f"macro {macro}(")[1].split("endmacro")[0]
    return dict(re.findall(r"'(\w+)': '(\w+)'", body))


def test_versions_are_told_apart_by_the_tables_own_keys() -> None:
    own = {table.name: table.key for table in restricted_tables().values()}
    keys = stated("resource_keys")
    assert keys == {name: own[name][0] for name in stated("resource_type")}
    assert all(own[name] == (key,) for name, key in keys.items())


def test_deletions_find_every_kind_of_resource() -> None:
    named = stated("resource_type")
    entities = load_entities()
    primary = {entity.tables[0].name: entity.id for entity in entities.values()}
    assert named == {table: entity for table, entity in primary.items() if table != "deletion"}
    kinds = entities["Bundle"].tables[0].columns[0].codes
    # An office is known by its HER-id, which no deletion holds.
    assert set(kinds) == set(key_domains()) - {"Organization"}


def test_catalogue_sources_are_the_catalogues_tables(dbt) -> None:
    frames = catalogue_tables(catalogue(), reference_dir(), range(2023, 2026))
    assert sources(dbt, "catalogue") == set(frames) == set(CATALOGUE_TABLES)


def test_every_source_is_described(dbt) -> None:
    assert [s["name"] for s in dbt.manifest["sources"].values() if not s["description"]] == []


def test_the_parquet_schema_of_an_empty_journal_is_complete(empty: Warehouse) -> None:
    """Empty tables have all columns, so a source nobody delivers yet breaks no model."""
    for name, table in restricted_tables().items():
        frame = pl.read_parquet(empty.zones.journal / name / "*.parquet")
        assert {column.name for column in table.columns} <= set(frame.columns)


def test_what_runs_before_the_strata_reads_nothing_that_runs_after_them(dbt) -> None:
    """Two runs of dbt with the strata between them: an arrow back would split both in parts."""
    after = {name for name, model in dbt.models.items() if "post_strata" in model["tags"]}
    before = {name: model for name, model in dbt.models.items() if "pre_strata" in model["tags"]}
    assert after
    assert before
    for name, model in before.items():
        read = {node.rsplit(".", 1)[1] for node in model["depends_on"]["nodes"]}
        assert not read & after, name
