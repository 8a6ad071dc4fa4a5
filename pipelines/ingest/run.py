"""Take deliveries in: the order of steps, and what makes it safe to be killed at any of them.

Belongs here: one delivery from inbox to ledger, and all that wait. Does not belong here: any single
step (the modules beside this one).

Order: working copies and parts in ``identified/``; tables into ``restricted/journal`` (each by
rename); earlier tables redacted; counts for stewards; the ledger entry last. A run that dies before
the entry has taken nothing in: its files have no entry and are swept by the next one.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter

import polars as pl
import structlog

from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.entities import load_entities
from pipelines.catalogue.sources import Source
from pipelines.clients.delivered_files import (
    Delivery,
    DeliveryRefusedError,
    Manifest,
    ManifestFile,
    unlisted_files,
)
from pipelines.ingest import ledger, quarantine, restricted
from pipelines.ingest.columns import ROW
from pipelines.ingest.errors import IngestBusyError
from pipelines.ingest.files import FILE, Passed, Refused, pass_file
from pipelines.ingest.inbox import admit, pending_deliveries, refusal, refused_deliveries
from pipelines.ingest.limits import Limits
from pipelines.ingest.parse import BAD_SCHEMA, Parser
from pipelines.ingest.plan import plan_of
from pipelines.ingest.result import DeliveryResult, FileResult, Progress
from pipelines.ingest.verify import received_sha256
from pipelines.settings import Zones

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Options:
    """How an ingest runs.

    Attributes:
        threads: Files taken through the door side by side.
        memory_limit_mib: DuckDB's memory for all of them together.
        quarantine_key: Seals quarantined lines.
        limits: What is put up with.
        progress: Called as each file is done.
    """

    threads: int = 2
    memory_limit_mib: int = 2048
    quarantine_key: Key | None = None
    limits: Limits = field(default_factory=Limits)
    progress: Progress | None = None


def ingest_pending(
    zones: Zones,
    key: Key,
    progress: Progress | None = None,
    *,
    options: Options | None = None,
    inbox: str | Path | None = None,
) -> list[DeliveryResult]:
    """Take in all that waits, deliveries with persons first.

    Args:
        zones: The zones.
        key: Key of the pseudonyms.
        progress: Called as each file is done.
        options: How to run.
        inbox: Another inbox than the zone's, e.g. an fsspec URL.

    Returns:
        One result per delivery in the order taken, then one per delivery refused unread.

    Raises:
        IngestBusyError: Another ingest is running.
    """
    taken = [
        ingest_delivery(each.folder, zones=zones, key=key, progress=progress, options=options)
        for each in pending_deliveries(zones, inbox)
    ]
    return taken + refused_deliveries(zones, inbox)


def ingest_delivery(
    delivery: Delivery,
    *,
    zones: Zones,
    key: Key,
    progress: Progress | None = None,
    options: Options | None = None,
) -> DeliveryResult:
    """Take one delivery in.

    Args:
        delivery: Its folder in an inbox.
        zones: The zones; made where they are missing.
        key: Key of the pseudonyms.
        progress: Called as each file is done.
        options: How to run.

    Returns:
        What became of it. A refusal is a result, not an exception.

    Raises:
        IngestBusyError: Another ingest is running.
        AccountingError: Lines got lost on the way: a fault of the program; nothing is committed.
    """
    options = options or Options()
    if progress is not None:
        options = replace(options, progress=progress)
    begun = perf_counter()
    zones.create()
    with _alone(zones):
        work = zones.identified / ".work"
        ledger.sweep(zones, work)
        restricted.ensure_schemas(zones)
        try:
            result = _Ingest(delivery, zones, key, options, work).run()
        except DeliveryRefusedError as error:
            result = refusal(delivery, error)
        finally:
            ledger.sweep(zones, work)
    result = replace(result, seconds=perf_counter() - begun)
    log.info(
        "delivery",
        delivery=delivery.id,
        state=result.state,
        reason=result.reason,
        loaded=sum(file.loaded_rows for file in result.files),
        quarantined=sum(file.quarantined_rows for file in result.files),
        refused_files=sum(file.state == "refused" for file in result.files),
    )
    return result


class _Ingest:
    """One delivery on its way; holds what all steps need."""

    def __init__(
        self, delivery: Delivery, zones: Zones, key: Key, options: Options, work: Path
    ) -> None:
        self._delivery = delivery
        self._zones = zones
        self._pseudonymiser = Pseudonymiser(key)
        self._options = options
        self._work = work

    def run(self) -> DeliveryResult:
        entries = ledger.read_ledger(self._zones)
        manifest, source, seen = admit(self._delivery, entries)
        if seen:
            return DeliveryResult(self._delivery.source, self._delivery.name, "seen_before")
        entries.pop(self._delivery.id, None)
        outcomes = self._through_door(manifest, source)
        passed = [outcome for outcome in outcomes if isinstance(outcome, Passed)]
        repeated = _repeated(passed)
        results = [self._file_result(outcome, repeated) for outcome in outcomes]
        tables, redactions = self._write(manifest, passed, repeated, set(entries))
        entry = self._entry(manifest, results, tables)
        quarantine.write_counts(self._zones, entry)
        ledger.commit(self._zones, entry)
        return DeliveryResult(
            entry.source,
            entry.delivery,
            "committed",
            files=tuple(results),
            tables=tables,
            redacted_deliveries=redactions,
        )

    def _through_door(self, manifest: Manifest, source: Source) -> list[Passed | Refused]:
        threads = max(1, min(self._options.threads, len(manifest.files)))
        memory = f"{max(256, self._options.memory_limit_mib // threads)}MiB"
        parsers: SimpleQueue[Parser] = SimpleQueue()
        for n in range(threads):
            parsers.put(Parser(self._work / f"parser-{n}", self._options.limits, memory))

        def one(position: int) -> Passed | Refused:
            file = manifest.files[position]
            problem = _not_expected(file, manifest, source)
            if problem is not None:
                return Refused(position, file, problem, 0.0)
            parser = parsers.get()
            try:
                return pass_file(
                    self._delivery,
                    file,
                    position,
                    source=source,
                    pseudonymiser=self._pseudonymiser,
                    parser=parser,
                    work=self._work / f"{position:05d}",
                    limits=self._options.limits,
                )
            finally:
                parsers.put(parser)

        try:
            with ThreadPoolExecutor(threads, thread_name_prefix="ingest") as pool:
                return list(pool.map(one, range(len(manifest.files))))
        finally:
            while not parsers.empty():
                parsers.get().close()

    def _file_result(self, outcome: Passed | Refused, repeated: pl.DataFrame) -> FileResult:
        file = outcome.file
        if isinstance(outcome, Refused):
            result = FileResult(
                file.name,
                file.entity,
                "refused",
                file.rows,
                reason=outcome.error.reason,
                detail=outcome.error.detail,
                seconds=outcome.seconds,
            )
        else:
            again = repeated.filter(pl.col(FILE) == outcome.position).select(BAD_SCHEMA.names())
            bad = pl.concat([outcome.bad, again])
            primary = outcome.frames[plan_of(file.entity).primary.name]
            if bad.height:
                self._keep_lines(outcome, bad)
            result = FileResult(
                file.name,
                file.entity,
                "loaded",
                file.rows,
                loaded_rows=_first_only(primary, repeated).height,
                quarantined=dict(sorted(Counter(bad["reason"]).items())),
                unexpected_fields=outcome.unexpected_fields,
                seconds=outcome.seconds,
                text_bytes=outcome.verified.text_bytes,
            )
        if self._options.progress:
            self._options.progress(self._delivery.id, result)
        return result

    def _keep_lines(self, outcome: Passed, bad: pl.DataFrame) -> None:
        quarantine.store_lines(
            self._zones,
            self._delivery.id,
            outcome.verified,
            bad,
            self._options.quarantine_key,
            self._options.limits,
        )

    def _write(
        self, manifest: Manifest, passed: Sequence[Passed], repeated: pl.DataFrame, others: set[str]
    ) -> tuple[dict[str, int], int]:
        """Write this delivery's tables, redact the others'; rows by table, deliveries redacted."""
        known_graded = restricted.graded_persons(self._zones, sorted(others))
        newly_graded = _graded_in(passed).filter(~_graded_in(passed).is_in(known_graded.implode()))
        graded = pl.concat([known_graded, newly_graded])
        rows: dict[str, int] = {}
        for entity_id in sorted({outcome.file.entity for outcome in passed}):
            for table in plan_of(entity_id).entity.tables:
                parts = [
                    _first_only(outcome.frames[table.name], repeated)
                    for outcome in passed
                    if outcome.file.entity == entity_id
                ]
                frame = (
                    pl.concat(parts, how="vertical_relaxed")
                    .drop(FILE, ROW)
                    .with_columns(
                        source=pl.lit(manifest.source),
                        delivery=pl.lit(manifest.delivery),
                        transaction_time=pl.lit(manifest.transaction_time).cast(
                            pl.Datetime("us", "UTC")
                        ),
                    )
                )
                rows[table.name] = restricted.write_table(
                    self._zones, table, self._delivery.id, frame, graded
                )
        shorter = restricted.redact_committed(self._zones, sorted(others), newly_graded)
        ledger.update_tables(self._zones, shorter)
        return rows, len(others) if newly_graded.len() else 0

    def _entry(
        self, manifest: Manifest, results: Sequence[FileResult], tables: dict[str, int]
    ) -> ledger.LedgerEntry:
        files = tuple(
            ledger.LedgerFile(
                name=file.name,
                entity=file.entity,
                sha256=file.sha256,
                bytes=file.bytes,
                delivered_rows=file.rows,
                loaded_rows=result.loaded_rows,
                quarantined_rows=result.quarantined_rows,
                quarantined_by_reason=dict(result.quarantined),
                state=result.state,
                refused_reason=result.reason,
                refused_detail=result.detail,
                received_sha256=(
                    received_sha256(self._delivery, file) if result.state == "refused" else None
                ),
                unexpected_fields=result.unexpected_fields,
            )
            for file, result in zip(manifest.files, results, strict=True)
        )
        return ledger.LedgerEntry(
            **manifest.model_dump(mode="json", exclude={"manifest_version", "files"}),
            content_sha256=manifest.content_sha256(),
            files=files,
            tables=dict(sorted(tables.items())),
            unlisted_files=len(unlisted_files(self._delivery, manifest)),
        )


@contextmanager
def _alone(zones: Zones) -> Iterator[None]:
    """Hold the ingest lock; the operating system frees it when the process dies."""
    descriptor = os.open(zones.restricted / ".ingest.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IngestBusyError(
                f"Another ingest is writing to {zones.restricted}. Wait until it is done, and run "
                "again: what it has taken in is not taken in twice."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _not_expected(
    file: ManifestFile, manifest: Manifest, source: Source
) -> DeliveryRefusedError | None:
    if file.entity not in load_entities():
        return DeliveryRefusedError(
            "unknown_entity", f"{file.entity} has no file in catalogue/entities"
        )
    if file.entity not in source.organisations[manifest.delivering_organisation]:
        return DeliveryRefusedError(
            "unexpected_entity",
            f"{file.entity} is not among what {manifest.delivering_organisation} delivers",
        )
    return None


def _graded_in(passed: Sequence[Passed]) -> pl.Series:
    keys = [
        outcome.frames["patient"].filter(pl.col("is_graded"))[restricted.SUBJECT]
        for outcome in passed
        if "patient" in outcome.frames and outcome.frames["patient"].height
    ]
    return pl.concat([pl.Series(restricted.SUBJECT, [], dtype=pl.String), *keys]).unique().sort()


def _repeated(passed: Sequence[Passed]) -> pl.DataFrame:
    """Lines that bring a resource of the delivery again, by file; the first one counts."""
    found = [pl.DataFrame(schema={FILE: pl.Int64, **BAD_SCHEMA})]
    for entity_id in sorted({outcome.file.entity for outcome in passed}):
        table = plan_of(entity_id).primary
        key = table.key[0]
        lines = pl.concat(
            outcome.frames[table.name].select(FILE, pl.col(ROW).cast(pl.Int64), key)
            for outcome in passed
            if outcome.file.entity == entity_id
        )
        if lines[key].n_unique() == lines.height:
            continue
        again = lines.sort(FILE, ROW).filter(~pl.col(key).is_first_distinct())
        found.append(
            again.select(
                FILE, ROW, pl.lit("repeated_resource").alias("reason"), pl.lit(key).alias("column")
            )
        )
    return pl.concat(found)


def _first_only(frame: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    if repeated.is_empty():
        return frame
    return frame.with_columns(pl.col(ROW).cast(pl.Int64)).join(
        repeated.select(FILE, ROW), on=[FILE, ROW], how="anti", maintain_order="left"
    )
