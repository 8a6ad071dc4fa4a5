"""What the stewards' process may read and write: the steward zone, and nothing else.

Belongs here: reading verdicts and counts under ``steward/`` and leaving a decision in
``steward/inbox/``. Does not belong here: words, drawing, any other zone.

Pages write every count through ``banded``: a steward needs to know that a check is red or a
cell hidden, not that it is about two persons.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

BAND = 5
"""Counts from 1 up to, but not including, this are shown as "<5"."""

Decision = Literal["approve", "reject"]
DECISIONS: tuple[Decision, ...] = ("approve", "reject")
RELEASE_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
LONGEST_NAME = 80
LONGEST_REASON = 1000
SHORTEST_REASON = 10

_ELEVEN_DIGITS = re.compile(r"(?:\d[\s.\-\u00a0\u202f]*){10}\d")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")

_CHECKS = pl.Schema(
    {
        "run_id": pl.String(),
        "checked_at": pl.String(),
        "suite": pl.String(),
        "check_id": pl.String(),
        "stage": pl.String(),
        "table_name": pl.String(),
        "column_name": pl.String(),
        "kahn_category": pl.String(),
        "area_code": pl.String(),
        "period": pl.String(),
        "severity": pl.String(),
        "n": pl.Int64(),
        "unexpected_n": pl.Int64(),
        "threshold": pl.Float64(),
        "status": pl.String(),
        "blocks": pl.String(),
        "text_nb": pl.String(),
        "text_nn": pl.String(),
        "text_en": pl.String(),
        "state": pl.String(),
    }
)
_QUARANTINE = pl.Schema(
    {
        "source": pl.String(),
        "delivery": pl.String(),
        "entity": pl.String(),
        "file": pl.String(),
        "reason": pl.String(),
        "rows": pl.Int64(),
    }
)
_NEW_FIELDS = pl.Schema(
    dict.fromkeys(("source", "delivery", "entity", "file", "field"), pl.String())
)
_DISCLOSURE = pl.Schema(
    {
        "release_id": pl.String(),
        "indicator_id": pl.String(),
        "period": pl.String(),
        "area_level": pl.String(),
        "status": pl.String(),
        "reason": pl.String(),
        "rule": pl.String(),
        "cells": pl.Int64(),
    }
)
_PROTECTION = pl.Schema(
    {
        "indicator_id": pl.String(),
        "title_nb": pl.String(),
        "title_nn": pl.String(),
        "title_en": pl.String(),
        "policy_id": pl.String(),
        "period": pl.String(),
        "cost": pl.Float64(),
        "worth": pl.Float64(),
        "attacked": pl.Int64(),
        "narrowest": pl.Float64(),
        "width_required": pl.Float64(),
        "second_attacked": pl.Int64(),
        "second_values": pl.Int64(),
        "blocks": pl.Int64(),
        "proven": pl.Int64(),
        "reason": pl.String(),
        "block_cells": pl.Int64(),
        "gap": pl.Float64(),
    }
)


class RefusedDecisionError(ValueError):
    """A decision that must not be kept; ``code`` names why, for the page to put into words."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Decision refused: {code}.")
        self.code = code


@dataclass(frozen=True)
class StewardZone:
    """The steward zone of one installation.

    Attributes:
        folder: The folder ``steward`` under ``FOLKEPULS_HOME``.
    """

    folder: Path

    @classmethod
    def of(cls, home: Path) -> StewardZone:
        """The steward zone under a data folder."""
        return cls(home.expanduser().resolve() / "steward")

    def checks(self) -> pl.DataFrame:
        """How every check stands: one row per check, red and blocking ones first."""
        path = self.folder / "checks_state.parquet"
        frame = _read([path] if path.exists() else [], _CHECKS)
        is_green = (pl.col("status") == "pass").alias("_green")
        order = pl.col("state").replace_strict(
            {"new": 0, "persisting": 1, "resolved": 2}, default=3, return_dtype=pl.Int64
        )
        return (
            frame.with_columns(is_green, order.alias("_order"))
            .sort("_green", "severity", "_order", "suite", "check_id")
            .drop("_green", "_order")
        )

    def quarantine(self) -> pl.DataFrame:
        """Rows held back: one row per delivery, entity and reason."""
        frame = _read(sorted((self.folder / "quarantine").glob("*.parquet")), _QUARANTINE)
        keys = ["source", "delivery", "entity", "reason"]
        return (
            frame.group_by(keys)
            .agg(pl.col("rows").sum(), pl.col("file").n_unique().alias("files"))
            .filter(pl.col("rows") > 0)
            .sort(keys)
        )

    def new_fields(self) -> pl.DataFrame:
        """Fields nobody has decided upon: one row per source, entity and field.

        Returns:
            ``source``, ``entity``, ``field``, and ``deliveries``: how many it has come in.
        """
        frame = _read(sorted((self.folder / "new_fields").glob("*.parquet")), _NEW_FIELDS)
        keys = ["source", "entity", "field"]
        return frame.group_by(keys).agg(deliveries=pl.col("delivery").n_unique()).sort(keys)

    def disclosure(self, release_id: str) -> pl.DataFrame:
        """Figures of a release: one row per indicator, period, level, status, reason and rule."""
        path = self.folder / "disclosure" / f"{_checked_id(release_id)}.parquet"
        # Releases that were made before rules were told have none.
        frame = _read([path] if path.exists() else [], _DISCLOSURE, absent=("rule",))
        return frame.sort(pl.exclude("cells"), nulls_last=True)

    def protection(self, release_id: str) -> pl.DataFrame:
        """What protection did to a release: one row per indicator and period.

        Returns:
            Titles, cost and worth by weight, widths for both attackers and how far the pattern is
            proven to be the least; no rows for releases that were made before it was told.
        """
        path = self.folder / "protection" / f"{_checked_id(release_id)}.parquet"
        frame = _read([path] if path.exists() else [], _PROTECTION)
        return frame.sort("indicator_id", "period")

    def microdata(self) -> list[dict[str, Any]]:
        """What is told of each table of the analysis zone, by name."""
        return [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((self.folder / "microdata").glob("*.json"))
        ]

    def releases(self) -> list[dict[str, Any]]:
        """All release records, candidates first, then the latest built first."""
        records = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((self.folder / "releases").glob("*.json"))
        ]
        records.sort(key=lambda record: str(record.get("built", "")), reverse=True)
        return sorted(records, key=lambda record: record.get("state") != "candidate")

    def is_synthetic(self) -> bool:
        """Whether any release here is made of figures about persons who do not exist."""
        return any(record.get("synthetic") is True for record in self.releases())

    def decision(self, release_id: str) -> dict[str, Any] | None:
        """The decision that waits for the pipeline, if one was left."""
        path = self.folder / "inbox" / f"{_checked_id(release_id)}.json"
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def decide(self, release_id: str, decision: Decision, name: str, reason: str) -> Path:
        """Leave a decision for the pipeline to pick up.

        Args:
            release_id: The release candidate.
            decision: ``approve`` or ``reject``.
            name: Who decides, as signed on the release.
            reason: Why, in words that may be published.

        Returns:
            The file written.

        Raises:
            RefusedDecisionError: The release is not a candidate, the name or the reason is missing,
                too long, or looks like personal data; or the audit or a check forbids approval.
        """
        record = self._candidate(release_id)
        name, reason = name.strip(), reason.strip()
        _check_words(decision, name, reason)
        if decision == "approve" and not is_approvable(record):
            raise RefusedDecisionError("blocked")
        path = self.folder / "inbox" / f"{release_id}.json"
        content = {
            "release_id": release_id,
            "decision": decision,
            "name": name,
            "reason": reason,
        }
        _write_json(path, content)
        return path

    def _candidate(self, release_id: str) -> dict[str, Any]:
        _checked_id(release_id)
        for record in self.releases():
            if record.get("release_id") == release_id and record.get("state") == "candidate":
                return record
        raise RefusedDecisionError("not_a_candidate")


def home_folder() -> Path:
    """The data folder: ``FOLKEPULS_HOME``, else ``data`` beside the code."""
    default = Path(__file__).resolve().parent.parent / "data"
    return Path(os.environ.get("FOLKEPULS_HOME") or default)


def is_approvable(record: Mapping[str, Any]) -> bool:
    """Whether nothing stands against a release: its audit passed and no check blocks it."""
    audit = record.get("audit") or {}
    return audit.get("ok") is True and not record.get("blocking_checks")


def banded(count: int) -> str | int:
    """A count as it may be shown: ``<5`` from 1 to 4, else itself."""
    return f"<{BAND}" if 0 < count < BAND else count


def looks_personal(text: str) -> bool:
    """Whether a text holds what a published reason must not: eleven digits or an address.

    Eleven digits are looked for with spaces, dots and hyphens between them too, since that is
    how national numbers are written by hand.
    """
    return bool(_ELEVEN_DIGITS.search(text) or _EMAIL.search(text))


def _check_words(decision: str, name: str, reason: str) -> None:
    if decision not in DECISIONS:
        raise RefusedDecisionError("unknown_decision")
    if not name:
        raise RefusedDecisionError("name_missing")
    if len(reason) < SHORTEST_REASON:
        raise RefusedDecisionError("reason_missing")
    if len(name) > LONGEST_NAME or len(reason) > LONGEST_REASON:
        raise RefusedDecisionError("too_long")
    if looks_personal(name) or looks_personal(reason):
        raise RefusedDecisionError("personal")


def _checked_id(release_id: str) -> str:
    if not RELEASE_ID.match(release_id):
        raise RefusedDecisionError("not_a_candidate")
    return release_id


def _read(paths: list[Path], schema: pl.Schema, absent: tuple[str, ...] = ()) -> pl.DataFrame:
    """Files of one kind in one frame; with none of them, its columns without rows.

    Columns in ``absent`` may be missing from a file, and are null then.
    """
    if not paths:
        return pl.DataFrame(schema=schema)
    return pl.concat(_columns(pl.read_parquet(path), schema, absent) for path in paths)


def _columns(frame: pl.DataFrame, schema: pl.Schema, absent: tuple[str, ...]) -> pl.DataFrame:
    lacking = [pl.lit(None).alias(name) for name in absent if name not in frame.columns]
    return frame.with_columns(lacking).select(list(schema)).cast(schema)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Write so that the pipeline reads all of a decision or none of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(content, out, ensure_ascii=False, indent=2)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
