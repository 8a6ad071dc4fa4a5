"""The tables of the analysis zone, made by Dagster from a small warehouse, and a planted row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from dagster import AssetSelection, DagsterError, materialize

from anonymization.risk import assess
from pipelines.assets.microdata import HOLDS, declared, key_of, microdata_assets
from pipelines.ingest.ledger import LedgerEntry
from pipelines.publication.microdata_files import as_json
from pipelines.publication.microdata_tables import sweep
from pipelines.resources import FolkepulsResource, environment
from pipelines.settings import Settings, Zones
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.steward_zone import write_zone

pytestmark = ignoring_library_warnings
SIZE = 3000
DRAWN = "chronic_conditions"
KEY_FILE = '{"version": 1, "keys": [{"id": "tests", "epoch": 1, "secret": "' + "0f" * 32 + '"}]}\n'


def person_years() -> pl.DataFrame:
    draw = np.random.default_rng(5)
    age = draw.integers(0, 99, SIZE)
    return pl.DataFrame(
        {
            "person_id": [f"{n // 2:032x}" for n in range(SIZE)],
            "year": pl.Series([2023 + n % 2 for n in range(SIZE)], dtype=pl.Int32),
            "municipality_code": draw.choice(["5001", "5006", "1505"], SIZE, p=[0.7, 0.2, 0.1]),
            "sex": draw.choice(["female", "male"], SIZE),
            "age": pl.Series(age, dtype=pl.Int32),
            "gp_covered": draw.random(SIZE) < 0.8,
            "diabetes": draw.random(SIZE) < 0.15,
            "asthma": draw.random(SIZE) < 0.1,
            "copd": draw.random(SIZE) < 0.05,
            "dementia": draw.random(SIZE) < 0.05,
            "home_nursing": draw.random(SIZE) < 0.3,
            "long_stay": (draw.random(SIZE) < 0.3) & (age > 80),
            "portal_active": draw.random(SIZE) < 0.3,
            "emergency_stays": pl.Series(draw.integers(0, 4, SIZE), dtype=pl.Int32),
            "gp_contacts": pl.Series(draw.integers(0, 7, SIZE), dtype=pl.Int32),
            "out_of_hours_contacts": pl.Series(draw.integers(0, 4, SIZE), dtype=pl.Int32),
            "need_level": pl.Series(draw.integers(0, 6, SIZE), dtype=pl.Int32),
        }
    )


def write_home(folder: Path) -> Settings:
    settings = Settings(home=folder / "home", key_file=folder / "keys.json")
    zones = settings.zones.create()
    settings.key_file.touch(mode=0o600)
    settings.key_file.write_text(KEY_FILE)
    entry = LedgerEntry(
        source="synthetic", delivery="d", delivering_organisation="o", organisation="o",
        period_start="2023-01-01", period_end="2024-12-31",
        transaction_time="2025-01-15T00:00:00+00:00", kind="full", content_sha256="0" * 64,
        files=(), tables={"patient": 1},
    )  # fmt: skip
    (zones.deliveries / "synthetic__d.json").write_text(entry.model_dump_json())
    people = person_years()
    with duckdb.connect(str(zones.warehouse)) as con:
        con.execute("create schema intermediate")
        con.register("people", people.to_arrow())
        con.execute("create table intermediate.int_person_year_attributes as from people")
        con.execute(
            "create table intermediate.int_persons as select distinct person_id, "
            "date '1950-01-01' as birth_date from people"
        )
        con.execute(
            "create table intermediate.int_measure_values as select 'home_nursing_users' as "
            "measure_id, null::varchar as service, person_id, year, municipality_code, "
            "1.0 as value from people where home_nursing union all "
            "select 'diabetes_t2', null, person_id, year, municipality_code, 1.0 from people "
            "where diabetes and gp_covered union all "
            "select 'gp_residents', null, person_id, year, municipality_code, 1.0 from people "
            "where gp_covered"
        )
        con.execute(
            "create table intermediate.int_register_population as select year, municipality_code, "
            "sex, age, count(*) as persons_begin, count(*) as persons_end from people group by all"
        )
    return settings


def run(settings: Settings, selection: AssetSelection | None = None) -> dict[str, bool]:
    """Make and check, or what is selected; each table's verdict."""
    known = {"FOLKEPULS_HOME": str(settings.home), "FOLKEPULS_KEY_FILE": str(settings.key_file)}
    with environment(known):
        done = materialize(
            microdata_assets(),
            resources={"folkepuls": FolkepulsResource()},
            selection=selection,
            raise_on_error=False,
        )
    return {
        one.asset_key.path[-1]: one.passed
        for one in done.get_asset_check_evaluations()
        if one.check_name == HOLDS
    }


CHECKS = AssetSelection.all_asset_checks()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = write_home(tmp_path_factory.mktemp("microdata"))
    assert run(settings) == dict.fromkeys(declared(), True)
    return settings


@pytest.fixture
def copy(home: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(home.home, tmp_path / "home")
    return Settings(home=tmp_path / "home", key_file=home.key_file)


def tables(zones: Zones) -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in sorted(zones.microdata.glob("*.parquet"))}


def test_every_file_says_that_it_is_personal_data(home: Settings) -> None:
    assert set(tables(home.zones)) == set(declared())
    for name, table in declared().items():
        path = home.zones.microdata / f"{name}.parquet"
        said = pl.read_parquet_metadata(path)
        told = json.loads(path.with_suffix(".json").read_text())
        terms = {"agreement": table.rules.agreement["en"], "purpose": table.rules.purpose["en"]}
        for field, text in {**terms, "recipient": table.rules.recipient}.items():
            assert said[f"folkepuls.{field}"] == told[field] == text
        assert "personal data in law" in said["folkepuls.legal"] == told["legal"]
        assert "local use only" in said["folkepuls.use"] == told["use"]
        assert said["folkepuls.release"] == "2025-01-15T00:00:00+00:00"
        assert path.stat().st_mode & 0o777 == 0o600


def test_no_pseudonym_is_in_two_tables_or_in_the_restricted_zone(home: Settings) -> None:
    keys = [set(frame["person_year_key"]) for frame in tables(home.zones).values()]
    everywhere = set().union(*keys)
    assert len(everywhere) == sum(map(len, keys))
    assert not everywhere & set(person_years()["person_id"])


def test_the_exact_bias_stays_behind(home: Settings) -> None:
    zones = home.zones
    exact = json.loads((zones.steward / "microdata" / "service_use.json").read_text())
    told = json.loads((zones.microdata / "service_use.json").read_text())
    nursing = {one["indicator_id"]: one for one in exact["bias"]}["home_nursing_users_per_1000"]
    assert isinstance(nursing["region"], float)
    assert (zones.restricted / "microdata" / "service_use.bias.parquet").is_file()
    assert {one["region"] for one in told["bias"]} <= {"<1 %", "1-5 %", ">5 %", None}
    assert {one["typical"] for one in told["bias"]} <= {"<1 %", "1-5 %", ">5 %", None}
    assert all(set(one) == {"indicator_id", "region", "typical"} for one in told["bias"])
    assert exact["population"]["k_map"] >= exact["risk"]["k"] >= 5
    assert exact["sha256"] == told["sha256"]


def test_nothing_that_analysts_are_told_rests_on_rows_left_out(home: Settings) -> None:
    """What a table's rows and its sidecar give together is what the rows give alone."""
    zones = home.zones
    for name in declared():
        exact = json.loads((zones.steward / "microdata" / f"{name}.json").read_text())
        told = json.loads((zones.microdata / f"{name}.json").read_text())
        assert "loss" in exact
        assert not {"loss", "why"} & set(told)
        assert set(told["certificate"]) == {"nodes", "checked"}
        for held in told["risk"]["sensitive"].values():
            assert "t" not in held
        names = list(exact["risk"]["sensitive"])
        by = exact["quasi_identifiers"]
        alone = as_json(assess(pl.read_parquet(zones.microdata / f"{name}.parquet"), by, names))
        for one in names:
            for measure in ("distinct", "entropy"):
                assert told["risk"]["sensitive"][one][measure] == pytest.approx(
                    alone["sensitive"][one][measure]
                )


def test_the_stewards_page_finds_what_it_draws(home: Settings, tmp_path: Path) -> None:
    drawn = json.loads((write_zone(tmp_path) / "microdata" / f"{DRAWN}.json").read_text())
    told = json.loads((home.zones.steward / "microdata" / f"{DRAWN}.json").read_text())
    assert drawn.keys() <= told.keys()
    for part in ("risk", "population", "titles"):
        assert drawn[part].keys() <= told[part].keys()
    assert drawn["bias"][0].keys() <= told["bias"][0].keys()
    assert (
        drawn["risk"]["sensitive"]["diabetes"].keys()
        <= told["risk"]["sensitive"]["diabetes"].keys()
    )


def test_making_again_makes_the_same_bytes(home: Settings, copy: Settings) -> None:
    before = {path.name: path.read_bytes() for path in home.zones.microdata.iterdir()}
    assert all(run(copy).values())
    assert {path.name: path.read_bytes() for path in copy.zones.microdata.iterdir()} == before


def plant(settings: Settings, name: str, frame: pl.DataFrame) -> None:
    """Put another table in the place of one, with the metadata that it must have."""
    path = settings.zones.microdata / f"{name}.parquet"
    said = {k: v for k, v in pl.read_parquet_metadata(path).items() if k.startswith("folkepuls.")}
    frame.write_parquet(path, metadata=said)


def stranger(frame: pl.DataFrame) -> pl.DataFrame:
    """One more row, of which no other has the municipality."""
    return frame.head(1).with_columns(
        municipality_code=pl.lit("5007"), person_year_key=pl.lit("f" * 32)
    )


def test_one_planted_row_stops_the_run(copy: Settings) -> None:
    frame = tables(copy.zones)["contacts"]
    plant(copy, "contacts", pl.concat([frame, stranger(frame)]))
    found = run(copy, CHECKS)
    assert found.pop("contacts") is False
    assert found == dict.fromkeys(found, True)
    assert set(found) == set(declared()) - {"contacts"}
    known = {"FOLKEPULS_HOME": str(copy.home), "FOLKEPULS_KEY_FILE": str(copy.key_file)}
    with environment(known), pytest.raises(DagsterError, match=HOLDS):
        materialize(
            microdata_assets(), resources={"folkepuls": FolkepulsResource()}, selection=CHECKS
        )


@pytest.mark.parametrize("column", ["diabetes"])
def test_a_class_of_one_value_is_found(column: str, copy: Settings) -> None:
    frame = tables(copy.zones)["chronic_conditions"]
    plant(copy, "chronic_conditions", frame.with_columns(pl.lit(True).alias(column)))
    assert run(copy, CHECKS)["chronic_conditions"] is False


def test_a_file_that_does_not_say_what_it_is_is_found(copy: Settings) -> None:
    path = copy.zones.microdata / "demography.parquet"
    pl.read_parquet(path).write_parquet(path)
    assert run(copy, CHECKS)["demography"] is False


def test_a_column_too_many_is_found(copy: Settings) -> None:
    frame = tables(copy.zones)["demography"]
    plant(copy, "demography", frame.with_columns(person_id=pl.lit("x")))
    assert run(copy, CHECKS)["demography"] is False


def test_a_file_that_its_sidecar_does_not_tell_of_is_found(copy: Settings) -> None:
    plant(copy, "demography", tables(copy.zones)["demography"].reverse())
    assert run(copy, CHECKS)["demography"] is False


def changed(settings: Settings, sql: str) -> None:
    with duckdb.connect(str(settings.zones.warehouse)) as con:
        con.execute(f"update intermediate.int_person_year_attributes set {sql}")


def told_of(settings: Settings, zone: str, name: str) -> dict[str, object]:
    text = (settings.home / zone / "microdata" / f"{name}.json").read_text()
    found: dict[str, object] = json.loads(text)
    return found


def test_a_year_in_which_nothing_was_recorded_is_left_out_and_told(copy: Settings) -> None:
    changed(copy, "need_level = 0 where year = 2023")
    assert all(run(copy).values())
    made = tables(copy.zones)
    assert made["need_level"]["year"].unique().to_list() == [2024]
    assert made["contacts"]["year"].n_unique() == 2
    assert told_of(copy, "steward", "need_level")["years_left_out"] == [2023]
    assert told_of(copy, "steward", "contacts")["years_left_out"] == []


def test_a_table_that_cannot_be_made_is_not_there_and_told(copy: Settings) -> None:
    changed(copy, "out_of_hours_contacts = 0")
    assert all(run(copy).values())
    assert set(tables(copy.zones)) == set(declared()) - {"contacts"}
    assert not (copy.zones.restricted / "microdata" / "contacts.bias.parquet").exists()
    assert told_of(copy, "steward", "contacts")["made"] is False
    analysts = told_of(copy, "analysis", "contacts")
    assert analysts["made"] is False
    assert "why" not in analysts
    # What lies there all the same is found.
    shutil.copy(
        copy.zones.microdata / "demography.parquet", copy.zones.microdata / "contacts.parquet"
    )
    assert run(copy, CHECKS)["contacts"] is False


def test_a_table_for_which_nothing_holds_is_not_there_and_told(copy: Settings) -> None:
    """Three values are there, but hardly anybody has the two others: not even ``*`` is mixed."""
    changed(copy, "gp_contacts = case when age < 3 then 1 + age % 2 else 0 end")
    assert all(run(copy).values())
    assert "contacts" not in tables(copy.zones)
    assert "No generalisation" in str(told_of(copy, "steward", "contacts")["why"])


def test_tables_that_nobody_declares_any_more_are_removed(copy: Settings) -> None:
    zones = copy.zones
    for path in (
        zones.microdata / "person_years.parquet",
        zones.steward / "microdata" / "person_years.json",
        zones.restricted / "microdata" / "person_years.bias.parquet",
        zones.analysis / "analysis.duckdb",
    ):
        path.write_bytes(b"old")
    sweep(zones, list(declared()))
    left = {path.name.split(".")[0] for path in zones.microdata.iterdir()}
    assert left == set(declared())
    assert not (zones.analysis / "analysis.duckdb").exists()


def test_assets_tell_what_the_law_says_of_them(home: Settings) -> None:
    (made, _) = microdata_assets()
    assert made.keys == {key_of(table) for table in declared().values()}
    assert all("personal data" in made.descriptions_by_key[key] for key in made.keys)
