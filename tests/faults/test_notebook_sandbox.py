"""What a notebook's SQL may not do: files, network, other databases, settings, writing.

Each way out is tried on the connection that notebooks get. The same statements are tried on a
connection as DuckDB gives it, where enough of them must succeed: else the test would be blind.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dashboards.notebooks.connection import lacks, open_zones, tables
from tests.support.analysis_zone import write_analysis
from tests.support.published_release import write_release

SECRET = "13889012345"
VECTORS = {
    "read_text": "from read_text('{home}/restricted/rows.csv')",
    "read_csv": "from read_csv('{home}/restricted/rows.csv')",
    "read_csv_bare": "from '{home}/restricted/rows.csv'",
    "read_blob": "from read_blob('{home}/restricted/rows.csv')",
    "read_json": "from read_json('{home}/restricted/rows.json')",
    "read_parquet": "from read_parquet('{home}/restricted/rows.parquet')",
    "own_parquet": "from read_parquet('{home}/analysis/microdata/demography.parquet')",
    "parquet_metadata": "from parquet_metadata('{home}/restricted/rows.parquet')",
    "dots": "from read_text('{home}/analysis/../restricted/rows.csv')",
    "symlink": "from read_text('{home}/analysis/microdata/way_out.csv')",
    "home_folder": "from read_text('~/.config/folkepuls/keys.json')",
    "relative": "from read_text('rows.csv')",
    "proc": "from read_text('/proc/self/environ')",
    "passwd": "from read_csv('/etc/passwd', sep = ':', header = false)",
    "file_url": "from read_text('file://{home}/restricted/rows.csv')",
    "glob": "from glob('{home}/restricted/*')",
    "sniff": "from sniff_csv('{home}/restricted/rows.csv')",
    "attach": "attach '{home}/restricted/restricted.duckdb' as other",
    "attach_read_only": "attach '{home}/restricted/restricted.duckdb' as other (read_only)",
    "attach_new": "attach '{home}/analysis/new.duckdb' as other",
    "attach_memory": "attach ':memory:' as other",
    "attach_itself": "attach '{itself}' as other",
    "attach_sqlite": "attach '{home}/restricted/rows.db' as other (type sqlite)",
    "detach_and_attach": "detach zones; attach '{itself}' as again",
    "use_database": "use '{home}/restricted/restricted.duckdb'",
    "copy_csv": "copy analysis.demography to '{home}/out.csv'",
    "copy_parquet": "copy analysis.demography to '{home}/analysis/out.parquet'",
    "copy_over_release": "copy (select 1) to '{home}/published/current/areas.parquet'",
    "copy_over_itself": "copy analysis.demography to '{itself}'",
    "copy_as_wal": "copy analysis.demography to '{itself}.wal'",
    "copy_folder": "copy analysis.demography to '{itself}' (format parquet, partition_by (year))",
    "copy_stdout": "copy analysis.demography to '/dev/stdout'",
    "export": "export database '{home}/out'",
    "import": "import database '{home}/restricted'",
    "http": "from read_text('http://127.0.0.1:9/x')",
    "https": "from read_parquet('https://127.0.0.1:9/x.parquet')",
    "s3": "from read_parquet('s3://bucket/x.parquet')",
    "install": "install httpfs",
    "load": "load httpfs",
    "load_path": "load '{home}/restricted/rows.csv'",
    "set_external": "set enable_external_access = true",
    "set_directories": "set allowed_directories = ['/']",
    "set_paths": "set allowed_paths = ['/etc/passwd']",
    "set_lock": "set lock_configuration = false",
    "reset_lock": "reset lock_configuration",
    "set_temp": "set temp_directory = '{home}'",
    "set_memory": "set memory_limit = '64GB'",
    "set_log": "set logging_storage = 'file'",
    "pragma": "pragma enable_external_access = true",
    "python_variable": "from stolen",
    "create_table": "create table analysis.mine as select 1 as x",
    "create_schema": "create schema mine",
    "insert": "insert into analysis.demography select * from analysis.demography",
    "update": "update published.indicator_values set value = 1",
    "delete": "delete from published.indicator_values",
    "drop": "drop table analysis.demography",
    "secret": "create persistent secret s (type s3, key_id 'x', secret 'y')",
    "two_statements": "select 1; set lock_configuration = false",
    "profile": "pragma profiling_output = '{home}/out.json'",
    "getenv": "select getenv('HOME')",
}  # fmt: skip
OPEN_BY_DEFAULT = ("read_text", "read_csv_bare", "glob", "symlink", "dots", "attach_memory",
                   "copy_csv", "set_memory", "create_schema", "attach_new")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    write_analysis(folder)
    restricted = folder / "restricted"
    restricted.mkdir()
    (restricted / "rows.csv").write_text(f"person\n{SECRET}\n")
    (restricted / "rows.json").write_text(f'{{"person": "{SECRET}"}}')
    with duckdb.connect(str(restricted / "restricted.duckdb")) as con:
        con.execute("create table person as select ? as person", [SECRET])
        con.sql("from person").write_parquet(str(restricted / "rows.parquet"))
    (folder / "analysis" / "microdata" / "way_out.csv").symlink_to(restricted / "rows.csv")
    return folder


@pytest.fixture(scope="module")
def zones(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_zones(home)
    yield connection
    connection.close()


def statement(vector: str, home: Path, connection: duckdb.DuckDBPyConnection) -> str:
    ((itself,),) = connection.sql(
        "select path from duckdb_databases() where not internal"
    ).fetchall()
    return VECTORS[vector].format(home=home, itself=itself)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("vector", sorted(VECTORS))
def test_no_way_out(
    vector: str, home: Path, zones: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    stolen = zones.sql("select 1 as x").pl()
    before = files(home)
    with pytest.raises(duckdb.Error) as refused:
        zones.execute(statement(vector, home, zones)).fetchall()
    assert SECRET not in str(refused.value)
    assert files(home) == before
    assert stolen.height == 1


def test_there_are_at_least_forty_vectors() -> None:
    assert len(VECTORS) >= 40


@pytest.mark.parametrize("vector", OPEN_BY_DEFAULT)
def test_the_same_statement_succeeds_where_nothing_is_closed(vector: str, home: Path) -> None:
    before = set(files(home))
    with duckdb.connect() as plain:
        plain.execute("create schema analysis")
        plain.execute("create table analysis.demography as select 1 as x")
        plain.execute(VECTORS[vector].format(home=home, itself=home / "x")).fetchall()
    for made in set(files(home)) - before:
        (home / made).unlink()


def test_what_is_meant_to_be_read_is_read(zones: duckdb.DuckDBPyConnection) -> None:
    there = tables(zones)
    assert ("published", "indicator_values") in there
    assert ("analysis", "demography") in there
    assert ("analysis", "chronic_conditions") in there
    assert lacks(zones, "analysis.demography", "analysis.absent") == ["analysis.absent"]
    ((rows,),) = zones.sql("select count(*) from analysis.demography").fetchall()
    assert rows > 0
    zones.execute("set variable chosen = ?", ["5001"])
    zones.execute("create temp table mine as select getvariable('chosen') as area")
    assert zones.sql("from mine").fetchall() == [("5001",)]


def test_a_stem_that_is_no_table_name_is_left_out(home: Path) -> None:
    odd = home / "analysis" / "microdata" / "x; drop table y.parquet"
    odd.write_bytes((home / "restricted" / "rows.parquet").read_bytes())
    try:
        connection = open_zones(home)
        assert {schema for schema, _ in tables(connection)} == {"published", "analysis"}
        assert all(table.isidentifier() for _, table in tables(connection))
        connection.close()
    finally:
        odd.unlink()


def test_nothing_is_left_behind_and_tables_stay_free(
    home: Path, zones: duckdb.DuckDBPyConnection
) -> None:
    assert not list((home / "analysis").glob(".notebook*"))
    # Another process may write a table while a notebook is open.
    table = home / "analysis" / "microdata" / "demography.parquet"
    before = table.read_bytes()
    table.write_bytes(b"")
    assert zones.sql("select count(*) > 0 from analysis.demography").fetchall() == [(True,)]
    table.write_bytes(before)


@pytest.mark.parametrize("guarded", [True, False])
def test_default_connection_of_the_process(home: Path, guarded: bool) -> None:
    guard = "guard_default_connection(); guard_default_connection()\n" if guarded else ""
    code = (
        "import duckdb, sys\n"
        "from dashboards.notebooks.connection import guard_default_connection\n"
        f"{guard}"
        "try:\n"
        "    duckdb.sql(f\"from read_text('{sys.argv[1]}')\").fetchall()\n"
        "except duckdb.PermissionException:\n"
        "    sys.exit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home / "restricted" / "rows.csv")],
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert done.returncode == (3 if guarded else 0)
