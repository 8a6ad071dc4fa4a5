"""One delivered file through the door: verify, parse, judge, pseudonymise.

Belongs here: the way of a single file up to its parts in the identified working folder.
Does not belong here: what concerns several files (``run``), the final tables (``restricted``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import polars as pl

from anonymization.pseudonym_door import pass_door
from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.sources import Source
from pipelines.clients.delivered_files import Delivery, DeliveryRefusedError, ManifestFile
from pipelines.ingest.columns import ROW
from pipelines.ingest.drift import check_filled, check_sample
from pipelines.ingest.limits import Limits
from pipelines.ingest.parse import BAD_SCHEMA, Judged, Parser, too_many
from pipelines.ingest.plan import EntityPlan, door_rules, plan_of
from pipelines.ingest.verify import VerifiedFile, verify

FILE = "_file"


@dataclass(frozen=True)
class Passed:
    """A file that went through the door.

    Attributes:
        position: Its place in the manifest.
        file: The manifest's entry.
        verified: The verified copy.
        frames: By table: ``_file``, ``_row`` and the table's columns, pseudonymised but not yet
            redacted: who is graded is known only when all files of the delivery are through.
        bad: Flawed lines: ``_row``, ``reason``, ``column``.
        unexpected_fields: Fields nobody has decided upon.
        seconds: Time it took.
    """

    position: int
    file: ManifestFile
    verified: VerifiedFile
    frames: dict[str, pl.DataFrame]
    bad: pl.DataFrame
    unexpected_fields: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Refused:
    """A file that did not."""

    position: int
    file: ManifestFile
    error: DeliveryRefusedError
    seconds: float


def pass_file(
    delivery: Delivery,
    file: ManifestFile,
    position: int,
    *,
    source: Source,
    pseudonymiser: Pseudonymiser,
    parser: Parser,
    work: Path,
    limits: Limits,
) -> Passed | Refused:
    """Take one file from the inbox through the door.

    Args:
        delivery: The delivery.
        file: The manifest's entry.
        position: Its place in the manifest.
        source: The source, for its rules of identity.
        pseudonymiser: Makes the pseudonyms.
        parser: This thread's parser.
        work: Folder in the identified zone, this file's own.
        limits: Limits of the ingest.

    Returns:
        The rows that passed, or why the file is refused.
    """
    begun = perf_counter()
    work.mkdir(mode=0o700, parents=True)
    try:
        plan = plan_of(file.entity)
        verified = verify(delivery, file, work / "verified", limits)
        unexpected = check_sample(verified.sample, plan)
        pieces = [
            _through_door(judged, plan, source, pseudonymiser)
            for judged in parser.parse(verified, plan)
        ]
        frames, bad = _joined(pieces, plan, position)
        _refuse_too_many(bad, file, limits)
        for table in plan.entity.tables:
            check_filled(table, frames[table.name], limits)
    except DeliveryRefusedError as error:
        return Refused(position, file, error, perf_counter() - begun)
    return Passed(position, file, verified, frames, bad, unexpected, perf_counter() - begun)


def _through_door(
    judged: Judged, plan: EntityPlan, source: Source, pseudonymiser: Pseudonymiser
) -> Judged:
    passed: dict[str, pl.DataFrame] = {}
    flaws = [judged.bad]
    for table in plan.entity.tables:
        if table.name not in judged.frames:
            continue
        rows = judged.frames[table.name]
        identity = source.identity
        result = pass_door(
            rows,
            # Redaction needs all files of the delivery; it is done when the tables are written.
            [replace(rule, reveals_location=False) for rule in door_rules(table)],
            pseudonymiser,
            identity.profile,
            regime=identity.check_digits,
            month_plus_40=identity.month_plus_40,
        )
        passed[table.name] = result.frame
        if result.rejected.height:
            flaws.append(
                rows.select(ROW)[result.rejected["row_index"]].with_columns(
                    ("identifier_" + result.rejected["reason"]).alias("reason"),
                    result.rejected["column"],
                )
            )
    bad = pl.concat(flaws).unique(ROW, keep="first", maintain_order=True)
    return Judged({name: _without(frame, bad) for name, frame in passed.items()}, bad)


def _without(frame: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    if bad.is_empty():
        return frame
    return frame.join(bad.select(ROW), on=ROW, how="anti", maintain_order="left")


def _joined(
    pieces: list[Judged], plan: EntityPlan, position: int
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    frames: dict[str, pl.DataFrame] = {}
    for table in plan.entity.tables:
        parts = [piece.frames[table.name] for piece in pieces if table.name in piece.frames]
        columns = [ROW, *(column.name for column in table.columns)]
        frame = (
            pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        )
        frames[table.name] = frame.with_columns(pl.lit(position, dtype=pl.Int64).alias(FILE))
    bad = pl.concat([pl.DataFrame(schema=BAD_SCHEMA), *(piece.bad for piece in pieces)])
    return frames, bad.sort(ROW)


def _refuse_too_many(bad: pl.DataFrame, file: ManifestFile, limits: Limits) -> None:
    tolerated = limits.tolerated(file.rows)
    if bad.height > tolerated:
        reasons = Counter((reason, column or "") for _, reason, column in bad.iter_rows())
        raise too_many(dict(reasons), tolerated, file.rows)
