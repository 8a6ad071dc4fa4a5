"""A thousand planted strings: nowhere but in the identified zone, after the whole demonstration."""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.synthetic import Region, canaries
from tests.support.demo_run import Demo, Home
from tests.support.leaks import Searcher

PLANTED = 1000


@pytest.fixture(scope="module")
def planted(region: Region) -> dict[str, list[str]]:
    return canaries(region, PLANTED)


@pytest.fixture(scope="module")
def searcher(planted: dict[str, list[str]]) -> Searcher:
    return Searcher(planted)


def outside_identified(home: Home) -> Iterator[Path]:
    """Every file that the run left, but for the identified zone and the key."""
    for folder in (home.path, home.said):
        for path in sorted(folder.rglob("*")):
            if (
                path.is_file()
                and not path.is_symlink()
                and home.zones.identified not in path.parents
            ):
                yield path


def test_canaries_were_delivered(
    demo: Demo, planted: dict[str, list[str]], searcher: Searcher
) -> None:
    assert sum(map(len, planted.values())) == PLANTED
    # What is known of persons holds them all; looking into every file takes half a minute.
    delivered = demo.home.zones.inbox.glob("*/personregister-2023/*.ndjson*")
    found = set().union(*searcher.leaks(delivered).values())
    assert found == set(planted)


def test_no_canary_outside_the_identified_zone(demo: Demo, searcher: Searcher) -> None:
    files = list(outside_identified(demo.home))
    suffixes = {path.suffix for path in files}
    # The kinds of files that the pipeline is known to leave were all looked into.
    assert {".parquet", ".duckdb", ".db", ".json", ".log", ".sql", ".msgpack", ".err"} <= suffixes
    assert {path.name for path in files} >= {"stdout", "stderr", "restricted.duckdb"}
    assert searcher.leaks(files) == {}


def _parquet(path: Path, text: str) -> None:
    pl.DataFrame({"n": range(2000), "note": [text] * 2000}).write_parquet(path, compression="zstd")


def _number_column(path: Path, text: str) -> None:
    pl.DataFrame({"n": [int(text)] * 100}).write_parquet(path)


def _duckdb(path: Path, text: str) -> None:
    connection = duckdb.connect(str(path))
    connection.execute("create schema s")
    connection.execute("create table s.t as select ? || '' as note from range(5000)", [text])
    connection.close()


def _sqlite(path: Path, text: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table event (body blob)")
    connection.execute("insert into event values (?)", [zlib.compress(text.encode() * 50)])
    connection.commit()
    connection.close()


def _text(path: Path, text: str) -> None:
    path.write_text(f'{{"event": "x", "detail": "{text}"}}\n', encoding="utf-8")


def _pickle(path: Path, text: str) -> None:
    path.write_bytes(pickle.dumps({"x": [text]}))


def _gzip(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


def _digest(name: str, text: str) -> str:
    return hashlib.new(name, text.encode()).hexdigest()


LEAKS: list[tuple[str, str, Callable[[Path, str], None], Callable[[str], str]]] = [
    ("journal.parquet", "family_name", _parquet, str),
    ("numbers.parquet", "national_number", _number_column, str),
    ("hashed.parquet", "national_number", _parquet, lambda n: _digest("sha256", n)),
    ("cut.parquet", "patient_id", _parquet, lambda n: _digest("md5", n)),
    ("restricted.duckdb", "free_text", _duckdb, str),
    ("runs.db", "address_line", _sqlite, str),
    ("folkepuls.jsonl", "family_name", _text, str.upper),
    ("escaped.json", "address_line", _text, lambda t: json.dumps(t)[1:-1]),
    ("stderr", "national_number", _text, lambda n: f"{n[:6]} {n[6:]}"),
    ("stdout", "phone", _text, lambda t: t.removeprefix("+47 ")),
    ("graph.gpickle", "free_text", _pickle, str),
    ("spill.gz", "phone", _gzip, str),
    ("compiled.sql", "patient_id", _text, str),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "write", "changed"), LEAKS, ids=[leak[0] for leak in LEAKS]
)
def test_a_leak_in_any_kind_of_file_is_found(
    name: str,
    kind: str,
    write: Callable[[Path, str], None],
    changed: Callable[[str], str],
    planted: dict[str, list[str]],
    searcher: Searcher,
    tmp_path: Path,
) -> None:
    canary = next(text for text in planted[kind] if kind != "address_line" or not text.isascii())
    write(tmp_path / name, "0" if write is _number_column else "nothing of note")
    assert searcher.leaks([tmp_path / name]) == {}
    (tmp_path / name).unlink()
    write(tmp_path / name, changed(canary))
    assert kind in searcher.leaks([tmp_path / name])[str(tmp_path / name)]


def test_a_leak_in_a_file_name_is_found(
    planted: dict[str, list[str]], searcher: Searcher, tmp_path: Path
) -> None:
    path = tmp_path / f"{planted['patient_id'][0]}.json"
    path.write_text("{}")
    assert searcher.leaks([path]) == {str(path): {"patient_id"}}


# What tells where a person is, in whatever table of the restricted zone it stands.
PLACES = ("municipality", "hospital", "provider", "gp_office")


def located(tables: dict[str, pl.DataFrame], graded: set[str]) -> dict[str, int]:
    """Rows of graded persons in which something tells a place, by table and column."""
    found = {}
    for table, frame in tables.items():
        who = [name for name in ("patient_key", "person_id") if name in frame.columns]
        where = [name for name in frame.columns if any(place in name for place in PLACES)]
        for key in who:
            for column in where:
                rows = frame.filter(pl.col(key).is_in(list(graded)), pl.col(column).is_not_null())
                if rows.height:
                    found[f"{table}.{column}"] = rows.height
    return found


def restricted_tables(home: Home) -> dict[str, pl.DataFrame]:
    """Every table of the restricted zone: files, and what the models made of them."""
    zones = home.zones
    tables = {
        folder.name: pl.read_parquet(sorted(folder.glob("*.parquet")))
        for folder in sorted(zones.journal.iterdir())
    }
    connection = duckdb.connect(str(zones.warehouse), read_only=True)
    try:
        names = connection.sql("select table_schema, table_name from information_schema.tables")
        for schema, name in names.fetchall():
            tables[f"{schema}.{name}"] = connection.table(f"{schema}.{name}").pl()
    finally:
        connection.close()
    return tables


def test_graded_persons_are_nowhere(demo: Demo, region: Region) -> None:
    tables = restricted_tables(demo.home)
    patients = tables["patient"].filter("is_graded")
    graded = set(patients["patient_key"]) | set(patients["person_id"])
    expected = region.persons.filter(pl.col("graded_from").is_not_null()).height
    assert patients["person_id"].n_unique() == expected > 0
    assert located(tables, graded) == {}
    # The test can see: others have places, in most of the tables.
    others = set(tables["patient"].filter(~pl.col("is_graded"))["patient_key"].head(500))
    assert len(located(tables, others)) > 5


def test_files_are_their_owners_alone(demo: Demo) -> None:
    paths = [demo.home.path, *demo.home.path.rglob("*")]
    wrong = {
        str(path.relative_to(demo.home.path)): oct(path.stat().st_mode & 0o777)
        for path in paths
        if not path.is_symlink()
        and path.stat().st_mode & 0o777 != (0o700 if path.is_dir() else 0o600)
    }
    assert wrong == {}
    assert len(paths) > 200
