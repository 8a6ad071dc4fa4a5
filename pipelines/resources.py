"""What the assets work with: the settings, the pseudonym key and dbt.

Belongs here: opening things that live outside the code. Does not belong here: what is done
with them. Heavy libraries are imported inside functions, so that a run with nothing to do
stays light.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from dagster import ConfigurableResource

from anonymization.keys import (
    ENVIRONMENT_VARIABLE,
    EnvironmentKeyProvider,
    FileKeyProvider,
    Key,
    KeyProvider,
)
from pipelines.settings import ROOT, Settings, Zones

if TYPE_CHECKING:
    from dagster_dbt import DbtProject

DBT_FOLDER = ROOT / "dbt_project"

QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "MARIMO_SKIP_UPDATE_CHECK": "1",
}
"""Switches that keep every dependency from calling home."""


class FolkepulsResource(ConfigurableResource):  # type: ignore[type-arg]
    """The zones as Dagster assets see them; read from the environment when used."""

    def settings(self) -> Settings:
        """Settings of this process."""
        return Settings()

    def zones(self) -> Zones:
        """The zones, with their folders made."""
        return Settings().zones.create()


def key_provider(settings: Settings) -> KeyProvider:
    """Where the pseudonym key comes from: the environment when it is set there, else the file.

    Args:
        settings: Settings of this process. The key file may lie neither in the repository nor in
            the zones it protects.
    """
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return EnvironmentKeyProvider()
    return FileKeyProvider(settings.key_file, forbidden_root=forbidden_root(settings))


def forbidden_root(settings: Settings) -> Path:
    """The folder that must not hold the key file: the repository, or else the zones.

    Args:
        settings: Settings of this process.
    """
    in_repository = settings.key_file.expanduser().resolve().is_relative_to(ROOT)
    return ROOT if in_repository else settings.zones.home


def pseudonym_key(settings: Settings) -> Key:
    """The pseudonym key in force.

    Args:
        settings: Settings of this process.

    Raises:
        KeyAccessError: There is no key, or others may read it; says how to make one.
    """
    return key_provider(settings).current()


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment that dbt reads its paths and limits from.

    Args:
        settings: Settings of this process.
    """
    zones = settings.zones
    return {
        **QUIET,
        "FOLKEPULS_HOME": str(zones.home),
        "FOLKEPULS_THREADS": str(settings.threads),
        "FOLKEPULS_MEMORY_LIMIT": settings.memory_limit,
        "FOLKEPULS_AS_OF": known_until(settings).isoformat(sep=" "),
        "DBT_PROFILES_DIR": str(DBT_FOLDER),
        "DBT_TARGET_PATH": str(zones.state / "dbt" / "target"),
        "DBT_LOG_PATH": str(zones.state / "logs" / "dbt"),
        # What dbt says goes to whoever called it; a second copy in a file would be one too many.
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_PARTIAL_PARSE": "true",
    }


def known_until(settings: Settings) -> dt.datetime:
    """The moment whose knowledge counts (UTC); without one, the end of time.

    Args:
        settings: Settings of this process.
    """
    return (settings.as_of or dt.datetime(9999, 12, 31, tzinfo=dt.UTC)).astimezone(dt.UTC)


def dbt_fingerprint(folder: Path = DBT_FOLDER) -> str:
    """SHA-256 over the dbt project's own files, by path and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".sql", ".yml"} and "target" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def prepared_dbt_project(settings: Settings) -> DbtProject:
    """The dbt project with a manifest that fits its files and this home.

    The manifest is parsed once and again whenever a model changes; it lies under ``state``,
    never in the source tree.

    Args:
        settings: Settings of this process.

    Raises:
        RuntimeError: dbt could not parse the project.
    """
    from dagster_dbt import DbtProject

    zones = settings.zones.create()
    target = zones.state / "dbt" / "target"
    stamp = target / "fingerprint"
    wanted = f"{dbt_fingerprint()} {zones.home}"
    manifest = target / "manifest.json"
    if not (manifest.is_file() and stamp.is_file() and stamp.read_text() == wanted):
        _parse(settings, target)
        stamp.write_text(wanted)
    return DbtProject(project_dir=DBT_FOLDER, target_path=target, profiles_dir=DBT_FOLDER)


def _parse(settings: Settings, target: Path) -> None:
    from dbt.cli.main import dbtRunner

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700, parents=True)
    with environment(dbt_environment(settings)):
        result = dbtRunner().invoke(["--quiet", "parse", "--project-dir", str(DBT_FOLDER)])
    if not result.success:
        raise RuntimeError(
            f"dbt could not parse {DBT_FOLDER}: expected a manifest, got an error. "
            "What it said stands above."
        ) from result.exception


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the length of a block.

    Args:
        values: Variables to set; what they were before comes back afterwards.
    """
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def warehouse(zones: Zones) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the restricted warehouse, closed at the end of the block.

    Args:
        zones: The zones.
    """
    with opened(zones.warehouse) as connection:
        connection.execute("set temp_directory = ?", [str(zones.restricted / ".spill")])
        yield connection


@contextmanager
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to a DuckDB file, closed at the end of the block.

    Args:
        file: The database file.
    """
    connection = duckdb.connect(
        str(file),
        read_only=True,
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    try:
        connection.execute("SET enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def table_sizes(file: Path, tables: Sequence[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Rows of some tables of a DuckDB file; those that are views there are left out.

    Args:
        file: The database file.
        tables: Schema and name of each.

    Returns:
        Schema, name and rows of each table.
    """
    with opened(file) as connection:
        found = connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables() order by all"
        ).fetchall()
    wanted = set(tables)
    return [(schema, name, rows) for schema, name, rows in found if (schema, name) in wanted]
