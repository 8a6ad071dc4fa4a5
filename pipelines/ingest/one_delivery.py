"""One delivery from the inbox to the ledger.

Belongs here: the order of its steps, and what makes it safe to be killed at any of them. Does not
belong here: any single step (the modules beside this one), several deliveries (``run``).

Order: working copies and rows in ``identified/``; tables into ``restricted/journal`` (each by
rename); earlier tables redacted; the list of graded persons; counts for stewards; the ledger entry
last. A run that dies before the entry has taken nothing in: its files have no entry and are
swept by the next one.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter

import polars as pl
import structlog

from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.entities import Table, load_entities
from pipelines.catalogue.sources import Source
from pipelines.clients.delivered_files import (
    Delivery,
    DeliveryRefusedError,
    Manifest,
    ManifestFile,
    unlisted_files,
)
from pipelines.ingest import graded, ledger, quarantine, restricted
from pipelines.ingest.columns import ROW
from pipelines.ingest.corrections import corrections_for
from pipelines.ingest.doors import Doors
from pipelines.ingest.errors import IngestError
from pipelines.ingest.files import FILE, Passed, Refused, Way, copied_again
from pipelines.ingest.heap import cuts, digits_for
from pipelines.ingest.inbox import admit, organisation_of, refusal
from pipelines.ingest.limits import Limits
from pipelines.ingest.new_fields import write_new_fields
from pipelines.ingest.parse import BAD_SCHEMA
from pipelines.ingest.raw_lines import raw_lines
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
        again: Take in anew what the ledger holds already.
    """

    threads: int = 2
    memory_limit_mib: int = 2048
    quarantine_key: Key | None = None
    limits: Limits = field(default_factory=Limits)
    progress: Progress | None = None
    again: bool = False


@dataclass(frozen=True)
class Started:
    """A delivery whose files are on their way.

    Attributes:
        finish: Waits for them and takes them in.
        rows: Rows they have.
    """

    finish: Callable[[], DeliveryResult]
    rows: int = 0


class OneDelivery:
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

    def start(self) -> Started:
        """Send the files on their way."""
        try:
            manifest, source, seen = admit(self._delivery, ledger.read_ledger(self._zones))
        except DeliveryRefusedError as error:
            return Started(partial(self._told, refusal(self._delivery, error)))
        if seen and not self._options.again:
            known = DeliveryResult(self._delivery.source, self._delivery.name, "seen_before")
            return Started(partial(self._told, known))
        organisation = organisation_of(manifest, source)
        limits = self._options.limits
        rows = sum(file.rows for file in manifest.files)
        way = Way(
            self._delivery,
            source,
            self._pseudonymiser,
            corrections_for(source, organisation, manifest.transaction_time),
            limits,
            digits_for(rows, limits.cut_rows) if rows > limits.rows_in_memory else 0,
        )
        names = frozenset(file.entity for file in manifest.files)
        sent = [
            self._sent(way, file, position, organisation, names)
            for position, file in enumerate(manifest.files)
        ]
        return Started(partial(self._finish, manifest, organisation, sent), rows)

    def _sent(
        self,
        way: Way,
        file: ManifestFile,
        position: int,
        organisation: str,
        names: frozenset[str],
    ) -> Future[Passed | Refused]:
        problem = _not_expected(file, way.source, organisation, names)
        if problem is not None:
            refused: Future[Passed | Refused] = Future()
            refused.set_result(Refused(position, file, problem, 0.0))
            return refused
        return self._doors.send(way, file, position, self._work / f"{position:05d}")

    def _finish(
        self, manifest: Manifest, organisation: str, sent: Sequence[Future[Passed | Refused]]
    ) -> DeliveryResult:
        outcomes = [each.result() for each in sent]
        # Only now: the deliveries ahead have been taken in while these files were on their way.
        others = sorted(ledger.read_ledger(self._zones).keys() - {self._delivery.id})
        passed = [outcome for outcome in outcomes if isinstance(outcome, Passed)]
        if lost := self._lost_again(outcomes):
            return self._told(lost)
        repeated = repeated_lines(passed)
        results = [self._file_result(outcome, repeated) for outcome in outcomes]
        tables, redactions = self._write(manifest, passed, repeated, others)
        entry = self._entry(manifest, organisation, results, tables)
        quarantine.write_counts(self._zones, entry)
        write_new_fields(self._zones, entry)
        ledger.commit(self._zones, entry)
        # Working copies are identified data, and are not kept longer than they are of use.
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
                unlisted_files=entry.unlisted_files,
            )
        )

    def _lost_again(self, outcomes: Sequence[Passed | Refused]) -> DeliveryResult | None:
        """A refusal, if a file that has been taken in before would not be any more."""
        known = ledger.read_ledger(self._zones).get(self._delivery.id)
        loaded = {file.name for file in known.files if file.state == "loaded"} if known else set()
        lost = [o for o in outcomes if isinstance(o, Refused) and o.file.name in loaded]
        if not lost:
            return None
        detail = (
            f"{len(lost)} files that have been taken in do not pass now ({lost[0].file.name}: "
            f"{lost[0].error.reason}). What was taken in stays as it is"
        )
        return DeliveryResult(
            self._delivery.source, self._delivery.name, "refused", "changed_after_commit", detail
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
            self._keep_lines(outcome, bad)
            result = FileResult(
                file.name,
                file.entity,
                "loaded",
                file.rows,
                loaded_rows=outcome.lines - again.height,
                quarantined=dict(sorted(Counter(bad["reason"]).items())),
                unexpected_fields=outcome.unexpected_fields,
                corrected=outcome.corrected,
                seconds=outcome.seconds,
                text_bytes=outcome.verified.text_bytes,
            )
        if self._options.progress:
            self._options.progress(self._delivery.id, result)
        return result

    def _keep_lines(self, outcome: Passed, bad: pl.DataFrame) -> None:
        verified = outcome.verified
        if bad.height and not verified.path.exists():
            # Without a flaw of its own the copy was let go of; what repeats needs it once more.
            try:
                verified = copied_again(outcome, self._delivery, self._options.limits)
            except DeliveryRefusedError as error:
                raise IngestError(
                    f"{self._delivery.id}/{outcome.file.name}: {error.reason}: {error.detail}. It "
                    "was changed while it was taken in; nothing was committed. Run again."
                ) from None
        # Without any, what an earlier attempt has kept is removed.
        lines = raw_lines(verified, bad, self._options.limits) if bad.height else ()
        quarantine.store_lines(
            self._zones,
            self._delivery.id,
            outcome.file.name,
            lines,
            self._options.quarantine_key,
        )

    def _write(
        self,
        manifest: Manifest,
        passed: Sequence[Passed],
        repeated: pl.DataFrame,
        others: Sequence[str],
    ) -> tuple[dict[str, int], int]:
        """Write this delivery's tables, redact the others'; rows by table, deliveries redacted."""
        before = graded.read_graded(self._zones)
        persons = _rows_of("patient", passed, ["patient_key", "person_id", "is_graded"])
        links = _rows_of("patient_link", passed, ["patient_key", "other_patient_key"])
        listed = graded.grown(self._zones, before, persons, links, others)
        keys = listed["patient_key"].unique().sort()
        tables = dict(sorted(_tables_of(passed).items()))
        write = partial(self._write_table, manifest, passed, repeated, keys)
        with ThreadPoolExecutor(self._options.threads, thread_name_prefix="write") as pool:
            rows = dict(zip(tables, pool.map(write, tables.values()), strict=True))
        newly = keys.filter(~keys.is_in(before["patient_key"].implode()))
        shorter = restricted.redact_committed(self._zones, others, newly)
        ledger.update_tables(self._zones, shorter)
        # Not before: to whoever runs again after a run that died, the same persons are new.
        graded.write_graded(self._zones, listed)
        return rows, len(others) if newly.len() else 0

    def _write_table(
        self,
        manifest: Manifest,
        passed: Sequence[Passed],
        repeated: pl.DataFrame,
        keys: pl.Series,
        table: Table,
    ) -> int:
        """Write one of this delivery's tables; rows."""
        heaps = [outcome.heaps[table.name] for outcome in passed if table.name in outcome.heaps]
        frames = (
            restricted.with_origin(
                first_only(cut, repeated).drop(FILE, ROW),
                manifest.source,
                manifest.delivery,
                manifest.transaction_time,
            )
            for cut in cuts(heaps)
        )
        expected = sum(heap.rows for heap in heaps)
        return restricted.write_table(self._zones, table, self._delivery.id, frames, keys, expected)

    def _entry(
        self,
        manifest: Manifest,
        organisation: str,
        results: Sequence[FileResult],
        tables: dict[str, int],
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
                corrected=dict(result.corrected),
            )
            for file, result in zip(manifest.files, results, strict=True)
        )
        return ledger.LedgerEntry(
            **manifest.model_dump(mode="json", exclude={"manifest_version", "files"}),
            organisation=organisation,
            content_sha256=manifest.content_sha256(),
            files=files,
            tables=dict(sorted(tables.items())),
            unlisted_files=len(unlisted_files(self._delivery, manifest)),
        )


def _not_expected(
    file: ManifestFile, source: Source, organisation: str, names: frozenset[str]
) -> DeliveryRefusedError | None:
    entity = source.entity_of(file.entity)
    is_table = file.entity in source.tables
    if entity not in load_entities() or is_table != (file.format != "ndjson"):
        return DeliveryRefusedError(
            "unknown_entity",
            f"{file.entity} as {file.format} is neither in catalogue/entities nor among the "
            f"tables of sources/{source.id}.yml",
        )
    if entity not in source.organisations[organisation]:
        return DeliveryRefusedError(
            "unexpected_entity", f"{file.entity} is not among what {organisation} delivers"
        )
    if is_table and (lacking := sorted(source.group_of(file.entity) - names)):
        return DeliveryRefusedError(
            "tables_apart",
            f"{file.entity} comes without {', '.join(lacking)}: together they say what one "
            "resource says, so they come together, be it without rows",
        )
    return None


def _tables_of(passed: Sequence[Passed]) -> dict[str, Table]:
    return {table.name: table for outcome in passed for table in outcome.plan.tables}


def _rows_of(table: str, passed: Sequence[Passed], columns: list[str]) -> pl.DataFrame:
    """Some columns of all rows of a table that may be large, a cut at a time."""
    heaps = [outcome.heaps[table] for outcome in passed if table in outcome.heaps]
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if "is_graded" in columns:
        empty = empty.cast({"is_graded": pl.Boolean})
    return pl.concat([empty, *(cut.select(columns) for cut in cuts(heaps, keep=True))])
