"""Typed settings, the zones on disk, and the one way to write a file into them.

Belongs here: where things lie and which switches exist. Does not belong here: what is
done with them. Read from the environment (prefix ``FOLKEPULS_``); nothing is read at import.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


PublicDenominators = Literal["register", "journal"]
"""Whose persons stand below public figures: the population register's, or those that the journal
knows (for a journal without a register beside it)."""

BorderSet = Literal["date", "2019", "2020", "2024"]
"""By which borders municipalities are counted: those of the date, or of one year throughout."""


def reference_dir() -> Path:
    """Folder of committed reference facts, each with its source in ``README.md`` there."""
    return ROOT / "data" / "reference"


def _default_key_file() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "folkepuls" / "keys.json"


class Zones:
    """The five zones and the engine's own state under one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.identified = home / "identified"
        self.inbox = self.identified / "inbox"
        self.quarantine = self.identified / "quarantine"
        self.outbox = self.identified / "outbox"
        self.exports = self.identified / "exports"
        self.truth = self.identified / "synthetic" / "truth"
        self.restricted = home / "restricted"
        self.journal = self.restricted / "journal"
        self.deliveries = self.restricted / "deliveries"
        self.catalogue = self.restricted / "catalogue"
        self.register = self.restricted / "register"
        self.releases = self.restricted / "releases"
        self.ledger = self.restricted / "ledger"
        self.warehouse = self.restricted / "restricted.duckdb"
        self.strata_map = self.restricted / "strata_map.parquet"
        self.analysis = home / "analysis"
        self.microdata = self.analysis / "microdata"
        self.steward = home / "steward"
        self.published = home / "published"
        self.state = home / "state"

    def folders(self) -> tuple[Path, ...]:
        """Every folder that ``create`` makes, outermost first."""
        return (
            self.home,
            self.identified,
            self.inbox,
            self.quarantine,
            self.restricted,
            self.journal,
            self.deliveries,
            self.catalogue,
            self.register,
            self.releases,
            self.ledger,
            self.restricted / "microdata",
            self.analysis,
            self.microdata,
            self.steward,
            self.steward / "checks",
            self.steward / "quarantine",
            self.steward / "new_fields",
            self.steward / "disclosure",
            self.steward / "microdata",
            self.steward / "releases",
            self.steward / "inbox",
            self.published,
            self.state,
            self.state / "dagster",
            self.state / "logs",
            self.state / "dbt",
        )

    def create(self) -> Zones:
        """Make all folders with mode 0700 and return self."""
        for folder in self.folders():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


class Settings(BaseSettings):
    """Settings from the environment; every field is ``FOLKEPULS_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="FOLKEPULS_", extra="ignore")

    home: Path = Field(default_factory=lambda: ROOT / "data")
    key_file: Path = Field(default_factory=_default_key_file)
    inbox_url: str | None = Field(
        default=None, description="fsspec URL of an inbox outside the identified zone"
    )
    profiles: Path | None = Field(
        default=None, description="Folder of source profiles; the home's profiles/ by default"
    )
    borders: Path | None = Field(
        default=None, description="GeoJSON of real municipality borders for the map"
    )
    population_register: Literal["synthetic", "ssb", "none"] = Field(
        default="synthetic",
        description="Whose population figures to use: those that a synthetic region has brought "
        "(none where there is no such region), those fetched from Statistics Norway, or none",
    )
    public_denominators: PublicDenominators = Field(
        default="register",
        description="Where public denominators come from: the population register, or the "
        "journal's own count, which beside the register tells of graded addresses",
    )
    border_set: BorderSet = Field(
        default="date",
        description="Municipality borders that history is cut to: those of the date, or those of "
        "2020 or 2024 throughout (2019: counted, not published)",
    )
    population_register_url: str = Field(
        default="https://data.ssb.no/api/pxwebapi/v2",
        description="Base address of the PxWebApi v2 that table 07459 is fetched from",
    )
    as_of: AwareDatetime | None = Field(
        default=None, description="Make a release as it could have been made at this moment"
    )
    threads: int = Field(default=2, ge=1, le=64)
    memory_limit: str = Field(default="2GB", pattern=r"^\d+(\.\d+)?(KB|MB|GB|TB)$")

    @property
    def profiles_folder(self) -> Path:
        """Where the site's source profiles are."""
        return (self.profiles or self.home / "profiles").expanduser().resolve()

    @property
    def zones(self) -> Zones:
        """The zones under ``home``; nothing is created by looking."""
        return Zones(self.home.expanduser().resolve())


class FolderError(RuntimeError):
    """A folder that somebody has named and that cannot be written to."""


def make_folder(folder: Path) -> None:
    """Make a folder before the work that it is for.

    Raises:
        FolderError: It cannot be made or written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
        problem = None if writable else "it cannot be written to"
    except OSError as error:
        problem = f"it cannot be made ({error.strerror})"
    if problem:
        raise FolderError(f"{folder}: {problem}. Name a folder that can be written to.")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file so that readers see all of it or nothing.

    Args:
        path: The final path. Its folder is made (0700) where it is missing.

    Yields:
        A temporary path in the same folder; what is written there is fsynced, set to 0600
        and renamed on success, and deleted on any error.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o600)
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
