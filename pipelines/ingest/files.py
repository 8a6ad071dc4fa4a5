"""One delivered file through the door: verify, parse, judge, pseudonymise.

Belongs here: the way of a single file up to its rows in the identified working folder.
Does not belong here: what concerns several files (``run``), the final tables (``restricted``).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import polars as pl

from anonymization.pseudonym_door import pass_door
from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.corrections import Correction
from pipelines.catalogue.sources import Source
from pipelines.clients.delivered_files import Delivery, DeliveryRefusedError, ManifestFile
from pipelines.ingest.columns import CORRECTED, ROW
from pipelines.ingest.drift import Filled, check_sample
from pipelines.ingest.heap import Heap
from pipelines.ingest.limits import Limits
from pipelines.ingest.parse import (
    BAD_SCHEMA,
    Judged,
    Parser,
    ParserRefusedError,
    too_many,
    without,
)
from pipelines.ingest.parts import lead
from pipelines.ingest.plan import (
    CsvPlan,
    LinesPlan,
    ParquetPlan,
    Plan,
    ResourcePlan,
    door_rules,
    plan_for,
)
from pipelines.ingest.repeated import KEY_SCHEMA, keys_of
from pipelines.ingest.tabular import header_of
from pipelines.ingest.verify import VerifiedFile, verify
from pipelines.ingest.verify_parquet import check_columns, verify_parquet

FILE = "_file"


@dataclass(frozen=True)
class Way:
    """What the files of one delivery have in common on their way.

    Attributes:
        delivery: The delivery.
        source: Its source.
        pseudonymiser: Makes the pseudonyms.
        corrections: Corrections in whose scope the delivery is.
        limits: Limits of the ingest.
        digits: Leading digits by which the heaps are cut.
    """

    delivery: Delivery
    source: Source
    pseudonymiser: Pseudonymiser
    corrections: tuple[Correction, ...]
    limits: Limits
    digits: int


@dataclass(frozen=True)
class Passed:
    """A file that went through the door.

    Attributes:
        position: Its place in the manifest.
        file: The manifest's entry.
        plan: How it was read.
        verified: The verified copy.
        heaps: By table: ``_file``, ``_row`` and the table's columns, pseudonymised but not yet
            redacted: who is graded is known only when all files of the delivery are through.
        bad: Flawed lines: ``_row``, ``reason``, ``column``.
        keys: Of the first table, as ``repeated`` wants them.
        corrected: Rows by correction, all corrections of the file's tables among them.
        unexpected_fields: Fields nobody has decided upon.
        lines: Lines counted on the other side of the door, repeated ones among them.
        seconds: Time it took.
    """

    position: int
    file: ManifestFile
    plan: Plan
    verified: VerifiedFile
    heaps: Mapping[str, Heap]
    bad: pl.DataFrame
    keys: pl.DataFrame
    corrected: Mapping[str, int]
    unexpected_fields: tuple[str, ...]
    lines: int
    seconds: float


@dataclass(frozen=True)
class Refused:
    """A file that did not."""

    position: int
    file: ManifestFile
    error: DeliveryRefusedError
    seconds: float


def pass_file(
    way: Way, file: ManifestFile, position: int, parser: Parser, work: Path
) -> Passed | Refused:
    """Take one file from the inbox through the door.

    Args:
        way: What the delivery's files have in common.
        file: The manifest's entry.
        position: Its place in the manifest.
        parser: This thread's parser.
        work: Folder in the identified zone, this file's own.

    Returns:
        The rows that passed, or why the file is refused.
    """
    begun = perf_counter()
    work.mkdir(mode=0o700, parents=True)
    try:
        verified, plan, unexpected = _verified(way, file, work / "verified")
        through = _Through(way, file, position, plan, work)
        try:
            through.take(parser.whole(verified, plan))
        except ParserRefusedError:
            through.forget()
            if not isinstance(plan, LinesPlan):
                raise DeliveryRefusedError("damaged_parquet", "its pages cannot be read") from None
            through.take(parser.pieces(verified, plan))
        return through.passed(verified, unexpected, perf_counter() - begun)
    except DeliveryRefusedError as error:
        shutil.rmtree(work)
        return Refused(position, file, error, perf_counter() - begun)


def copied_again(outcome: Passed, delivery: Delivery, limits: Limits) -> VerifiedFile:
    """A verified copy of a file that has passed, after the first was let go of.

    Raises:
        DeliveryRefusedError: The file in the inbox is another by now.
    """
    copy, file = outcome.verified.path, outcome.file
    if isinstance(outcome.plan, ParquetPlan):
        return verify_parquet(delivery, file, copy, limits, outcome.plan.delivered)[0]
    if isinstance(outcome.plan, CsvPlan) and outcome.plan.delivered.csv is not None:
        return verify(delivery, file, copy, limits, outcome.plan.delivered.csv.encoding)
    return verify(delivery, file, copy, limits)


def _verified(
    way: Way, file: ManifestFile, copy: Path
) -> tuple[VerifiedFile, Plan, tuple[str, ...]]:
    """The verified copy, how it is read, and the fields that nobody has decided upon."""
    if file.format == "parquet":
        delivered = way.source.tables[file.entity]
        verified, unexpected = verify_parquet(way.delivery, file, copy, way.limits, delivered)
        return verified, plan_for(way.source, file, (), way.corrections, way.limits), unexpected
    if file.format == "csv":
        delivered = way.source.tables[file.entity]
        form = delivered.csv
        if form is None:
            raise DeliveryRefusedError(
                "unexpected_entity", f"{file.entity} is not delivered as CSV"
            )
        verified = verify(way.delivery, file, copy, way.limits, form.encoding)
        header = header_of(verified.header, delivered)
        unexpected = check_columns(header, delivered)
        return verified, plan_for(way.source, file, header, way.corrections, way.limits), unexpected
    verified = verify(way.delivery, file, copy, way.limits)
    plan = plan_for(way.source, file, (), way.corrections, way.limits)
    if not isinstance(plan, ResourcePlan):
        raise TypeError(f"{file.name}: no plan for resources")
    return verified, plan, check_sample(verified.sample, plan)


@dataclass
class _Through:
    """Gathers what comes through the door of one file, and can begin anew."""

    way: Way
    file: ManifestFile
    position: int
    plan: Plan
    work: Path
    heaps: dict[str, Heap] = field(default_factory=dict)
    flaws: list[pl.DataFrame] = field(default_factory=list)
    keys: list[pl.DataFrame] = field(default_factory=list)
    corrected: Counter[str] = field(default_factory=Counter)
    filled: dict[str, Filled] = field(default_factory=dict)
    lines: int = 0

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.work / "rows", ignore_errors=True)
        self.heaps = {
            table.name: Heap(lead(table), self.way.digits, self.work / "rows" / table.name)
            for table in self.plan.tables
        }
        self.flaws, self.keys, self.corrected, self.lines = [], [], Counter(), 0
        self.filled = {table.name: Filled(table) for table in self.plan.tables}

    def take(self, pieces: Iterable[Judged]) -> None:
        """Let pieces through the door."""
        for judged in pieces:
            passed = through_door(judged, self.plan, self.way)
            self.flaws.append(passed.bad)
            _refuse_too_many(self.flaws, self.file, self.way.limits)
            for ids in passed.corrected[CORRECTED]:
                self.corrected.update(ids.split(" "))
            for table in self.plan.tables:
                if (rows := passed.frames.get(table.name)) is None:
                    continue
                self.filled[table.name].add(rows)
                placed = rows.with_columns(pl.lit(self.position, dtype=pl.Int64).alias(FILE))
                self.heaps[table.name].add(placed)
                if table is not self.plan.primary:
                    continue
                self.lines += placed[ROW].n_unique() if table.repeats else placed.height
                if not table.repeats and len(table.key) == 1:
                    self.keys.append(keys_of(placed, table))

    def passed(self, verified: VerifiedFile, unexpected: tuple[str, ...], seconds: float) -> Passed:
        """The file, when all its pieces are through."""
        bad = pl.concat([pl.DataFrame(schema=BAD_SCHEMA), *self.flaws]).sort(ROW)
        for filled in self.filled.values():
            filled.check(self.way.limits)
        if bad.is_empty():
            # Nothing will be asked of it, and identified data are kept no longer than that.
            verified.path.unlink()
        return Passed(
            self.position,
            self.file,
            self.plan,
            verified,
            self.heaps,
            bad,
            pl.concat([pl.DataFrame(schema=KEY_SCHEMA), *self.keys]),
            {each.id: self.corrected[each.id] for each in self.plan.corrections},
            unexpected,
            self.lines,
            seconds,
        )


def through_door(judged: Judged, plan: Plan, way: Way) -> Judged:
    """Let judged rows through the pseudonym door.

    Args:
        judged: The rows, identifiers still raw.
        plan: How they were read.
        way: Source and pseudonyms.

    Returns:
        The rows as pseudonyms; lines that the door refuses are among the bad ones, and none of
        their rows is left in any table.
    """
    passed: dict[str, pl.DataFrame] = {}
    flaws = [judged.bad]
    identity = way.source.identity
    for table in plan.tables:
        if table.name not in judged.frames:
            continue
        rows = judged.frames[table.name]
        result = pass_door(
            rows,
            # Redaction needs all files of the delivery; it is done when the tables are written.
            [replace(rule, reveals_location=False) for rule in door_rules(table)],
            way.pseudonymiser,
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
    frames = {name: without(frame, bad) for name, frame in passed.items()}
    return Judged(frames, bad, judged.corrected)


def _refuse_too_many(flaws: list[pl.DataFrame], file: ManifestFile, limits: Limits) -> None:
    tolerated = limits.tolerated(file.rows)
    if sum(frame.height for frame in flaws) > tolerated:
        reasons = Counter(
            (reason, column or "") for frame in flaws for _, reason, column in frame.iter_rows()
        )
        raise too_many(dict(reasons), tolerated, file.rows)
