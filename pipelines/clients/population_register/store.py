"""The register as it lies in the restricted zone, with where it comes from.

Belongs here: files of the register, and choosing between registers. Does not belong here: making
one (``fetch``, ``pipelines.synthetic.register``).

``restricted/register/ssb`` and ``…/synthetic`` hold a register each; the one that the configuration
has chosen is laid out as ``register/population.parquet``, which dbt reads. A register is written
under a name of its own first and counts from the moment its ``provenance.json`` names it: whatever
is killed, the old one or the new one is there, whole.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pipelines.clients.population_register.errors import RegisterError
from pipelines.clients.population_register.query import Coding
from pipelines.clients.population_register.table import KEY, SCHEMA
from pipelines.settings import Zones, atomic_write

PROVENANCE = "provenance.json"
CHOSEN = "population.parquet"
Publisher = Literal["ssb", "synthetic"]
Choice = Literal["synthetic", "ssb", "none"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Reply(_Strict):
    """One reply that a register was made of: what was asked for, and its bytes' fingerprint."""

    query: dict[str, str]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Provenance(_Strict):
    """Where a register comes from.

    ``updated`` is the publisher's last change and ``retrieved_at`` when it was fetched (both UTC);
    a register that was made up has neither. ``url`` holds no query.
    """

    publisher: Publisher
    synthetic: bool
    source: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    table: str | None
    url: str | None
    updated: AwareDatetime | None
    retrieved_at: AwareDatetime | None
    coding: Coding
    replies: tuple[Reply, ...]
    file: str = ""
    sha256: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Register:
    """A register and where it comes from."""

    frame: pl.DataFrame
    provenance: Provenance


def keep(folder: Path, register: Register) -> Register:
    """Write a register, in the place of the one before.

    Args:
        folder: Its folder, such as ``Zones.register / "ssb"``.
        register: The rows of ``SCHEMA`` in any order, and where they come from.

    Returns:
        The register as it lies there: sorted by its key, its file named in the provenance.

    Raises:
        RegisterError: The rows are not of ``SCHEMA``, or two share a key.
    """
    frame = _judged(register.frame)
    _sweep(folder)
    building = folder / "building.parquet"
    with atomic_write(building) as path:
        frame.write_parquet(path, compression="zstd", statistics=True)
    digest = hashlib.sha256(building.read_bytes()).hexdigest()
    name = f"population-{digest[:16]}.parquet"
    building.replace(folder / name)
    provenance = register.provenance.model_copy(
        update={"file": name, "sha256": digest, "rows": frame.height}
    )
    with atomic_write(folder / PROVENANCE) as path:
        content = json.dumps(provenance.model_dump(mode="json"), indent=1, ensure_ascii=False)
        path.write_text(content + "\n", encoding="utf-8")
    for old in folder.glob("population-*.parquet"):
        if old.name != name:
            old.unlink()
    return Register(frame, provenance)


def _sweep(folder: Path) -> None:
    """Clear away what a killed writer of this folder has left."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def _judged(frame: pl.DataFrame) -> pl.DataFrame:
    if frame.schema != SCHEMA:
        raise RegisterError(f"register: expected the columns {', '.join(SCHEMA)}, got others.")
    if twice := frame.height - frame.select(KEY).n_unique():
        raise RegisterError(
            f"register: expected one row a key, got {twice} more. Nothing was kept."
        )
    return frame.sort(KEY)


def kept(folder: Path) -> Register | None:
    """Read a register; no network is asked.

    Args:
        folder: Its folder.

    Returns:
        The register, null where none was ever written.

    Raises:
        RegisterError: What lies there is not what was written.
    """
    path = folder / PROVENANCE
    if not path.is_file():
        return None
    try:
        provenance = Provenance.model_validate_json(path.read_bytes())
    except ValidationError:
        raise _damaged(folder, "its provenance cannot be read") from None
    file = folder / Path(provenance.file).name
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != provenance.sha256:
        raise _damaged(folder, "its rows are not those that were written")
    frame = pl.read_parquet(file)
    if frame.schema != SCHEMA:
        raise _damaged(folder, "its columns are those of another version")
    return Register(frame, provenance)


def _damaged(folder: Path, what: str) -> RegisterError:
    return RegisterError(
        f"register {folder.name}: {what}. Remove the folder {folder} and make the register anew: "
        "`folkepuls register fetch`."
    )


def chosen(zones: Zones, choice: Choice, *, synthetic_persons: bool | None) -> Register | None:
    """The register that the configuration has chosen.

    Args:
        zones: The zones.
        choice: ``ssb``, ``synthetic`` or ``none``.
        synthetic_persons: Some of the persons taken in do not exist; null where nobody was.

    Returns:
        The register; null for ``none``, and for ``synthetic`` where no region has brought one.

    Raises:
        RegisterError: There is no fetched register, a made-up register stands beside real persons,
            or what lies there is damaged.
    """
    if choice == "none":
        return None
    register = kept(zones.register / choice)
    if register is None and choice == "ssb":
        raise RegisterError(
            "population_register: expected a register fetched from Statistics Norway, got none. "
            "Fetch it with `folkepuls register fetch`, or set FOLKEPULS_POPULATION_REGISTER=none."
        )
    if register is not None and register.provenance.synthetic and synthetic_persons is False:
        raise RegisterError(
            "population_register: a made-up register may not stand beside real persons. Set "
            "FOLKEPULS_POPULATION_REGISTER to ssb or none."
        )
    return register


def lay_out(zones: Zones, register: Register | None) -> Path:
    """Write the chosen register where dbt reads it; without one, its columns and no rows.

    Args:
        zones: The zones.
        register: The chosen one.

    Returns:
        The file.
    """
    _sweep(zones.register)
    path = zones.register / CHOSEN
    frame = register.frame if register is not None else pl.DataFrame(schema=SCHEMA)
    with atomic_write(path) as temporary:
        frame.write_parquet(temporary)
    return path


def totals(register: Register) -> pl.DataFrame:
    """A register by year: on_date, municipalities, persons, and cells without a number."""
    return (
        register.frame.group_by("on_date")
        .agg(
            pl.col("municipality").n_unique().alias("municipalities"),
            pl.col("persons").sum(),
            pl.col("persons").null_count().alias("unknown"),
        )
        .sort("on_date")
    )


def updated_text(moment: dt.datetime | None) -> str:
    """A day for people, ``unknown`` where there is none."""
    return moment.date().isoformat() if moment else "unknown"
