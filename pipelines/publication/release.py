"""A release as files: built as a candidate, signed by a steward, then published whole.

Belongs here: release ids, folders, manifests, signatures and the pointer to the current release.
Does not belong here: what the figures are and whether they may be shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.publication.ledger import enter, refuse_changed_counts
from pipelines.publication.standing import ReleaseError, State, refuse_red, set_state
from pipelines.settings import Zones, atomic_write

EXACT_FILE = "exact.parquet"


class Decision(BaseModel):
    """What a steward decided about a candidate."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    release_id: str = Field(pattern=r"^\d{8}-[0-9a-f]{10}$")
    decision: Literal["approve", "reject"]
    name: str = Field(min_length=2)
    reason: str = Field(min_length=2)
    decided_on: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a release's data come from.

    Attributes:
        data_from: First day of the data.
        data_to: Last day of the data.
        transaction_time: Latest transaction time of the manifests behind it, ISO 8601.
        synthetic: The figures are made up, and everything that shows them must say so.
    """

    data_from: date
    data_to: date
    transaction_time: str
    synthetic: bool


def content_id(tables: Mapping[str, pl.DataFrame], origin: Origin) -> str:
    """Release id: last day of the data, and a hash of content and origin; no clock in it.

    Args:
        tables: The release's tables, without any column that holds the id itself.
        origin: Where the data come from.
    """
    digest = hashlib.sha256(repr(origin).encode())
    for name in sorted(tables):
        digest.update(name.encode())
        digest.update(_canonical(tables[name]))
    return f"{origin.data_to:%Y%m%d}-{digest.hexdigest()[:10]}"


def _canonical(frame: pl.DataFrame) -> bytes:
    ordered = frame.select(sorted(frame.columns))
    return ordered.sort(ordered.columns).write_csv().encode()


def write_candidate(
    zones: Zones,
    tables: Mapping[str, pl.DataFrame],
    exact: pl.DataFrame,
    certificate: Mapping[str, Any],
    origin: Origin,
) -> str:
    """Write a candidate release into the restricted zone.

    Args:
        zones: The zones.
        tables: The published tables, ``indicator_values`` without ``release_id``.
        exact: Exact counts and ``is_shown`` per cell, for the ledger.
        certificate: What was protected, attacked and found; counts only.
        origin: Where the data come from.

    Returns:
        The release id. The same content gives the same id and the same files.

    Raises:
        LedgerError: The candidate would betray, or be betrayed by, an earlier release.
    """
    release_id = content_id(tables, origin)
    refuse_changed_counts(zones, exact, release_id)
    values = tables["indicator_values"].with_columns(release_id=pl.lit(release_id))
    folder = zones.releases / release_id
    with _whole_folder(folder) as building:
        for name, frame in {**tables, "indicator_values": values}.items():
            frame.write_parquet(building / f"{name}.parquet")
        exact.write_parquet(building / EXACT_FILE)
        _write_json(building / "certificate.json", {"release_id": release_id, **certificate})
        _write_json(building / "origin.json", _origin_json(origin))
    return release_id


def _origin_json(origin: Origin) -> dict[str, Any]:
    return {
        "data_from": origin.data_from.isoformat(),
        "data_to": origin.data_to.isoformat(),
        "transaction_time": origin.transaction_time,
        "synthetic": origin.synthetic,
    }


def candidates(zones: Zones) -> list[str]:
    """Release ids of all candidates, oldest data first."""
    # A folder with a dot is one that a killed run was building.
    return sorted(
        path.name
        for path in zones.releases.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def newest_candidate(zones: Zones) -> str:
    """Id of the candidate with the newest data; of several, the one made last.

    A candidate of what was known at a moment in the past, made today, is not the newest.

    Args:
        zones: The zones.

    Raises:
        ReleaseError: There is none.
    """
    names = candidates(zones)
    if not names:
        raise ReleaseError("There is no candidate. Run `folkepuls run` first.")
    return max(names, key=lambda name: _newness(zones.releases / name))


def _newness(folder: Path) -> tuple[datetime, int, str]:
    origin = json.loads((folder / "origin.json").read_text(encoding="utf-8"))
    known = datetime.fromisoformat(origin["transaction_time"])
    return known, folder.stat().st_mtime_ns, folder.name


def current_release(zones: Zones) -> str | None:
    """Id of the release that readers see, null when nothing is published."""
    pointer = zones.published / "current"
    return pointer.resolve().name if pointer.is_symlink() else None


def decide(zones: Zones, decision: Decision) -> None:
    """Leave a decision in the stewards' inbox, where publication looks for it.

    Args:
        zones: The zones.
        decision: The decision; the release it names must be a candidate.

    Raises:
        ReleaseError: There is no such candidate.
    """
    if decision.release_id not in candidates(zones):
        raise ReleaseError(
            f"No candidate {decision.release_id}: expected one of {candidates(zones) or 'none'}. "
            "Run `folkepuls release build` first."
        )
    with atomic_write(zones.steward / "inbox" / f"{decision.release_id}.json") as path:
        path.write_text(decision.model_dump_json(indent=2), encoding="utf-8")
    state: State = "approved" if decision.decision == "approve" else "rejected"
    set_state(zones, decision.release_id, state)


def awaiting_publication(zones: Zones) -> list[str]:
    """Approved candidates that are not published, in the order of their signatures.

    Args:
        zones: The zones.
    """
    signed = [(decision_on(zones, release), release) for release in candidates(zones)]
    approved = [
        (decision.decided_on, release)
        for decision, release in signed
        if decision is not None
        and decision.decision == "approve"
        and not (zones.published / release).is_dir()
    ]
    return [release for _, release in sorted(approved)]


def decision_on(zones: Zones, release_id: str) -> Decision | None:
    """The steward's decision on a candidate, null when there is none yet.

    Args:
        zones: The zones.
        release_id: The candidate.

    Raises:
        ReleaseError: The decision's file cannot be read as one.
    """
    path = zones.steward / "inbox" / f"{release_id}.json"
    if not path.is_file():
        return None
    try:
        return Decision.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        fields = ", ".join(str(e["loc"][0]) if e["loc"] else "file" for e in error.errors())
        raise ReleaseError(
            f"The decision on {release_id} is not valid (fields: {fields}). Decide again with "
            "`folkepuls release approve` or on the steward page."
        ) from None


def publish(zones: Zones, release_id: str, verify: Callable[[Path], None]) -> Path:
    """Publish an approved candidate and point readers to it.

    Args:
        zones: The zones.
        release_id: The candidate.
        verify: Looks at the finished folder, and raises if readers must not be pointed to it.

    Returns:
        The folder of the published release.

    Raises:
        ReleaseError: No candidate, no decision, a rejection, or a red audit or check.
        LedgerError: An earlier release and this one cannot stand beside each other.
    """
    source = zones.releases / release_id
    if not source.is_dir():
        raise ReleaseError(f"No candidate {release_id}. Run `folkepuls release build` first.")
    decision = decision_on(zones, release_id)
    if decision is None:
        raise ReleaseError(
            f"Release {release_id} waits for a steward. Look at it with `folkepuls release show` "
            "and sign it with `folkepuls release approve --name … --reason …`."
        )
    if decision.decision == "reject":
        raise ReleaseError(f"Release {release_id} was rejected: {decision.reason}")
    refuse_red(zones, release_id)
    exact = pl.read_parquet(source / EXACT_FILE)
    refuse_changed_counts(zones, exact, release_id)
    target = zones.published / release_id
    if not target.is_dir():
        with _whole_folder(target) as building:
            _fill(building, source, decision, current_release(zones))
            verify(building)
    enter(zones, exact, release_id)
    _point(zones.published / "current", release_id)
    set_state(zones, release_id, "published")
    return target


def _fill(building: Path, source: Path, decision: Decision, before: str | None) -> None:
    names = sorted(path.stem for path in source.glob("*.parquet") if path.name != EXACT_FILE)
    for name in names:
        shutil.copyfile(source / f"{name}.parquet", building / f"{name}.parquet")
    origin = json.loads((source / "origin.json").read_text(encoding="utf-8"))
    _release_table(decision, origin, before).write_parquet(building / "release.parquet")
    names.append("release")
    _write_duckdb(building, names)
    certificate = json.loads((source / "certificate.json").read_text(encoding="utf-8"))
    signature = {"name": decision.name, "reason": decision.reason, "on": decision.decided_on}
    _write_json(building / "certificate.json", {**certificate, "signed": signature})
    files = {
        path.name: {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(building.iterdir())
    }
    _write_json(
        building / "manifest.json",
        {"release_id": decision.release_id, **origin, "supersedes": before, "files": files},
    )


def _release_table(
    decision: Decision, origin: Mapping[str, Any], before: str | None
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "release_id": [decision.release_id],
            "data_from": [date.fromisoformat(origin["data_from"])],
            "data_to": [date.fromisoformat(origin["data_to"])],
            "transaction_time": [origin["transaction_time"]],
            "synthetic": [origin["synthetic"]],
            "signed_by": [decision.name],
            "signed_on": [decision.decided_on],
            "sign_reason": [decision.reason],
            "code_version": [version("folkepuls")],
            "supersedes": pl.Series([before], dtype=pl.String),
            "licence": ["CC BY 4.0"],
            "contact": [""],
        }
    )


def _write_duckdb(folder: Path, names: list[str]) -> None:
    connection = duckdb.connect(
        str(folder / "indicators.duckdb"),
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    try:
        for name in names:
            relation = connection.read_parquet(str(folder / f"{name}.parquet"))
            relation.create(name)
    finally:
        connection.close()


class _whole_folder:  # noqa: N801 - reads as a verb where it is used
    """Build a folder under another name and rename it when it is complete."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.building = target.with_name(f".{target.name}.building")

    def __enter__(self) -> Path:
        shutil.rmtree(self.building, ignore_errors=True)
        self.building.mkdir(mode=0o700, parents=True)
        return self.building

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is not None:
            shutil.rmtree(self.building, ignore_errors=True)
            return
        for path in self.building.iterdir():
            path.chmod(0o600)
            with path.open("rb") as written:
                os.fsync(written.fileno())
        shutil.rmtree(self.target, ignore_errors=True)
        self.building.rename(self.target)


def _point(pointer: Path, name: str) -> None:
    temporary = pointer.with_name(".current.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name)
    temporary.replace(pointer)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
