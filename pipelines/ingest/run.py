"""Take deliveries in: the order of steps, and what makes it safe to be killed at any of them.

Belongs here: one delivery from inbox to ledger, and all that wait. Does not belong here: any single
step (the modules beside this one).

Order: working copies and parts in ``identified/``; tables into ``restricted/journal`` (each by
rename); earlier tables redacted; counts for stewards; the ledger entry last. A run that dies before
the entry has taken nothing in: its files have no entry and are swept by the next one.

Most deliveries have one large file, which leaves a processor idle. So the files of the next one are
on their way while those of one are waited for and its tables written. Commits keep their order.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
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
from pipelines.ingest.doors import Doors, open_doors
from pipelines.ingest.errors import IngestBusyError
from pipelines.ingest.files import FILE, Passed, Refused
from pipelines.ingest.inbox import admit, pending_deliveries, refusal, refused_deliveries
from pipelines.ingest.limits import Limits
from pipelines.ingest.parse import BAD_SCHEMA
from pipelines.ingest.plan import plan_of
from pipelines.ingest.repeated import first_only, repeated_lines
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
    folders = [each.folder for each in pending_deliveries(zones, inbox)]
    taken = _take_in(folders, zones, key, _with_progress(options, progress)) if folders else []
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
    (result,) = _take_in([delivery], zones, key, _with_progress(options, progress))
    return result


def _with_progress(options: Options | None, progress: Progress | None) -> Options:
    options = options or Options()
    return options if progress is None else replace(options, progress=progress)


def _take_in(
    deliveries: Sequence[Delivery], zones: Zones, key: Key, options: Options
) -> list[DeliveryResult]:
    zones.create()
    work = zones.identified / ".work"
    with _alone(zones):
        ledger.sweep(zones, work)
        restricted.ensure_schemas(zones)
        try:
            with open_doors(
                work, options.threads, options.memory_limit_mib, options.limits
            ) as doors:
                return list(
                    _one_ahead(
                        _Ingest(each, zones, key, options, work / each.id, doors)
                        for each in deliveries
                    )
                )
        finally:
            ledger.sweep(zones, work)


def _one_ahead(ingests: Iterable[_Ingest]) -> Iterator[DeliveryResult]:
    """Finish one after the other, each started before the one ahead of it is finished."""
    finish: Callable[[], DeliveryResult] | None = None
    for ingest in ingests:
        following = ingest.start()
        if finish is not None:
            yield finish()
        finish = following
    if finish is not None:
        yield finish()


class _Ingest:
    """One delivery on its way; holds what all steps need."""

    def __init__(
        self,
        delivery: Delivery,
        zones: Zones,
        key: Key,
        options: Options,
        work: Path,
        doors: Doors,
    ) -> None:
        self._delivery = delivery
        self._zones = zones
        self._pseudonymiser = Pseudonymiser(key)
        self._options = options
        self._work = work
        self._doors = doors
        self._begun = perf_counter()

    def start(self) -> Callable[[], DeliveryResult]:
        """Send the files on their way; what is returned waits for them and takes them in."""
        try:
            manifest, source, seen = admit(self._delivery, ledger.read_ledger(self._zones))
        except DeliveryRefusedError as error:
            return partial(self._told, refusal(self._delivery, error))
        if seen:
            known = DeliveryResult(self._delivery.source, self._delivery.name, "seen_before")
            return partial(self._told, known)
        outcomes = [
            self._sent(file, position, manifest, source)
            for position, file in enumerate(manifest.files)
        ]
        return partial(self._finish, manifest, outcomes)

    def _sent(
        self, file: ManifestFile, position: int, manifest: Manifest, source: Source
    ) -> Future[Passed | Refused]:
        problem = _not_expected(file, manifest, source)
        if problem is not None:
            refused: Future[Passed | Refused] = Future()
            refused.set_result(Refused(position, file, problem, 0.0))
            return refused
        return self._doors.send(
            self._delivery,
            file,
            position,
            source=source,
            pseudonymiser=self._pseudonymiser,
            work=self._work / f"{position:05d}",
        )

    def _finish(
        self, manifest: Manifest, sent: Sequence[Future[Passed | Refused]]
    ) -> DeliveryResult:
        outcomes = [each.result() for each in sent]
        # Only now: the deliveries ahead have been taken in while these files were on their way.
        others = ledger.read_ledger(self._zones).keys() - {self._delivery.id}
        passed = [outcome for outcome in outcomes if isinstance(outcome, Passed)]
        repeated = repeated_lines(passed)
        results = [self._file_result(outcome, repeated) for outcome in outcomes]
        tables, redactions = self._write(manifest, passed, repeated, others)
        entry = self._entry(manifest, results, tables)
        quarantine.write_counts(self._zones, entry)
        ledger.commit(self._zones, entry)
        # Verified copies are identified data, and are not kept longer than they are of use.
        if self._work.exists():
            shutil.rmtree(self._work)
        return self._told(
            DeliveryResult(
                entry.source,
                entry.delivery,
                "committed",
                files=tuple(results),
                tables=tables,
                redacted_deliveries=redactions,
            )
        )

    def _told(self, result: DeliveryResult) -> DeliveryResult:
        log.info(
            "delivery",
            delivery=self._delivery.id,
            state=result.state,
            reason=result.reason,
            loaded=sum(file.loaded_rows for file in result.files),
            quarantined=sum(file.quarantined_rows for file in result.files),
            refused_files=sum(file.state == "refused" for file in result.files),
        )
        return replace(result, seconds=perf_counter() - self._begun)

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
                loaded_rows=first_only(primary, repeated).height,
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
                    first_only(outcome.frames[table.name], repeated)
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
