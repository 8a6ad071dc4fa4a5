"""The one connection that notebooks get: what is published and k-anonymous, read-only.

Belongs here: opening it, and closing what else DuckDB would open. Does not belong here: queries,
texts, drawing.

How it is closed. The tables of both zones are copied into one database file in the analysis
zone, which is opened read-only and removed at once: no other path is named to the connection,
files, network and extensions are switched off, and the settings are locked. Views over
Parquet with ``allowed_directories`` would be simpler, but DuckDB 2.0 grants *writing* with that
setting too (``COPY … TO``, ``ATTACH``), and a database attached read-only may be detached and
attached again for writing.

This closes SQL. Python code of a notebook runs with the rights of whoever started the process,
so a notebook server for several people belongs under an operating-system user of its own that
can read these two zones only.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import duckdb

ZONES = ("published", "analysis")
CLOSED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}
"""Extensions never come by themselves."""

MEMORY_LIMIT = "2GB"
_TABLE = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


def home_folder() -> Path:
    """The data folder: ``FOLKEPULS_HOME``, else ``data`` beside the code."""
    default = Path(__file__).resolve().parents[2] / "data"
    return Path(os.environ.get("FOLKEPULS_HOME") or default).expanduser().resolve()


def open_zones(home: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open the published and the analysis zone for SQL.

    Args:
        home: The data folder; that of ``FOLKEPULS_HOME`` when null.

    Returns:
        A read-only connection with the schemas ``published`` (tables of the current release) and
        ``analysis`` (k-anonymous microdata). A zone without content is a schema without tables.
        Close it when done.
    """
    home = home or home_folder()
    folder = home / "analysis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The open connection keeps the file it holds when the folder goes. With the folder gone,
    # the one path that DuckDB still allows, that of its own database, leads nowhere.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".notebook-") as name:
        snapshot = Path(name) / "zones.duckdb"
        _copy(home, snapshot)
        return _closed(snapshot)


def guard_default_connection() -> None:
    """Close DuckDB's default connection of this process in the same way.

    A SQL cell without an engine, and ``duckdb.sql``, use it; as it comes, it reads every file
    that the process may read. Calling this twice does no harm.
    """
    connection = duckdb.default_connection()
    ((is_open,),) = connection.sql("select current_setting('enable_external_access')").fetchall()
    if is_open:
        _lock(connection)


def tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and name of every table that the connection offers, sorted."""
    found = connection.sql(
        "select schema_name, table_name from duckdb_tables() "
        "where not internal and not temporary order by all"
    ).fetchall()
    return [(str(schema), str(table)) for schema, table in found]


def lacks(connection: duckdb.DuckDBPyConnection, *wanted: str) -> list[str]:
    """Those of some tables (``schema.table``) that are not there yet."""
    there = {f"{schema}.{table}" for schema, table in tables(connection)}
    return [name for name in wanted if name not in there]


def _copy(home: Path, snapshot: Path) -> None:
    builder = duckdb.connect(str(snapshot), config=dict(CLOSED))
    try:
        for zone in ZONES:
            builder.execute(f"create schema {zone}")
        current = home / "published" / "current"
        if current.exists():
            _copy_files(builder, "published", current.resolve().glob("*.parquet"))
        _copy_files(builder, "analysis", (home / "analysis" / "microdata").glob("*.parquet"))
    finally:
        builder.close()
    snapshot.chmod(0o600)


def _copy_files(builder: duckdb.DuckDBPyConnection, zone: str, files: Iterable[Path]) -> None:
    for path in sorted(files):
        if _TABLE.match(path.stem):
            builder.read_parquet(str(path)).create(f"{zone}.{path.stem}")


def _closed(snapshot: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(snapshot), read_only=True, config=dict(CLOSED))
    try:
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        # Without a folder for it, nothing is ever spilled to disk.
        connection.execute("set temp_directory = ''")
        _lock(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    for setting in CLOSED:
        if setting != "allow_community_extensions":
            connection.execute(f"set {setting} = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
