"""Release from quarantine: lines that are judged anew after a fix, and taken in where they pass.

Belongs here: judging the kept lines of a delivery by the catalogue as it is now, adding what passes
to the delivery's tables, and the accounts of it. Does not belong here: lines that the source itself
has mended; those come as a new delivery.

What passes now is added to the tables of the delivery that brought it, as if it had passed then:
the restricted zone is the one that the mended catalogue would have made at once. A run that dies
midway is finished by running it again, since a row that is there already is not added twice.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from anonymization.keys import Key
from anonymization.pseudonyms import Pseudonymiser
from pipelines.catalogue.sources import load_sources
from pipelines.clients.delivered_files import Delivery, ManifestFile
from pipelines.ingest import graded, ledger, quarantine, restricted
from pipelines.ingest.columns import ROW
from pipelines.ingest.corrections import corrections_for
from pipelines.ingest.errors import QuarantineError
from pipelines.ingest.export import exported
from pipelines.ingest.files import Way, through_door
from pipelines.ingest.ledger import LedgerEntry, LedgerFile
from pipelines.ingest.one_delivery import Options
from pipelines.ingest.parse import Judged, Parser
from pipelines.ingest.parts import part_paths
from pipelines.ingest.plan import LinesPlan, Plan, plan_for
from pipelines.ingest.quarantine import QuarantinedLine
from pipelines.ingest.raw_lines import as_parquet
from pipelines.ingest.run import alone
from pipelines.ingest.tabular import header_of
from pipelines.ingest.verify import VerifiedFile
from pipelines.settings import Zones

_KEPT_ANYHOW = frozenset({ledger.REPEATED, "line_too_long"})
"""Reasons that no change of the catalogue removes."""


@dataclass(frozen=True)
class Released:
    """What became of one file's lines in quarantine.

    Attributes:
        delivery: Id of the delivery.
        file: Name of the delivered file.
        released: Lines taken in.
        left: Lines by reason that stay, by the reason they have now.
    """

    delivery: str
    file: str
    released: int
    left: Mapping[str, int]


def release_lines(
    zones: Zones, key: Key, delivery_ids: Sequence[str] = (), *, options: Options | None = None
) -> list[Released]:
    """Judge quarantined lines anew and take in those that pass.

    Args:
        zones: The zones.
        key: Key of the pseudonyms.
        delivery_ids: Deliveries (``source__delivery``); all when none are named.
        options: How to run; its quarantine key opens what is sealed.

    Returns:
        One result per file with lines in quarantine, in order of delivery and file.

    Raises:
        IngestBusyError: An ingest is running.
        QuarantineError: Lines cannot be opened with the key, or a delivery is not known.
    """
    options = options or Options()
    work = zones.identified / ".work"
    results: list[Released] = []
    with alone(zones):
        ledger.sweep(zones, work)
        entries = ledger.read_ledger(zones)
        if unknown := sorted(set(delivery_ids) - set(entries)):
            raise QuarantineError(
                f"No delivery {unknown[0]} has been taken in; expected source__delivery, as "
                "`folkepuls quarantine list` names them."
            )
        try:
            for delivery_id in delivery_ids or sorted(entries):
                results += _OneRelease(zones, key, options, work, entries[delivery_id]).released()
        finally:
            ledger.sweep(zones, work)
    return results


class _OneRelease:
    """The quarantined lines of one delivery."""

    def __init__(
        self, zones: Zones, key: Key, options: Options, work: Path, entry: LedgerEntry
    ) -> None:
        self._zones = zones
        self._options = options
        self._work = work
        self._entry = entry
        source = load_sources()[entry.source]
        self._way = Way(
            Delivery(entry.source, entry.delivery, str(zones.inbox)),
            source,
            Pseudonymiser(key),
            corrections_for(source, entry.organisation, entry.known_at),
            options.limits,
            0,
        )

    def released(self) -> list[Released]:
        files = {file.name: file for file in self._entry.files}
        results = []
        for name, path in quarantine.stored_files(self._zones, self._entry.id).items():
            lines = list(quarantine.open_lines(path, self._options.quarantine_key))
            if name in files and files[name].state == "loaded" and lines:
                results.append(self._file(files[name], lines))
        return results

    def _file(self, file: LedgerFile, lines: list[QuarantinedLine]) -> Released:
        fixed = [not line.whole or line.reason in _KEPT_ANYHOW for line in lines]
        tried = [line for line, stays in zip(lines, fixed, strict=True) if not stays]
        stays = [line for line, stays in zip(lines, fixed, strict=True) if stays]
        passed = 0
        met: Counter[str] = Counter()
        if tried:
            plan, judged = self._judged(file, tried)
            again = self._again(plan, judged)
            bad = pl.concat([judged.bad, again]).unique(ROW, keep="first").sort(ROW)
            numbers = set(bad[ROW])
            good = {
                name: frame.filter(~pl.col(ROW).is_in(bad[ROW].implode()))
                for name, frame in judged.frames.items()
            }
            passed = len(tried) - len(numbers)
            for row, ids in judged.corrected.iter_rows():
                met.update(ids.split(" ") if row not in numbers else ())
            if passed:
                self._add(plan, good)
            stays += [
                replace(tried[row - 1], reason=reason, column=column or "")
                for row, reason, column in bad.iter_rows()
            ]
        self._account(file, sorted(stays, key=lambda line: line.line), met)
        return Released(
            self._entry.id, file.name, passed, dict(Counter(line.reason for line in stays))
        )

    def _judged(self, file: LedgerFile, lines: list[QuarantinedLine]) -> tuple[Plan, Judged]:
        """The lines judged by the catalogue of now; ``_row`` is their place in the list."""
        listed = _manifest_file(file, len(lines))
        source, limits = self._way.source, self._options.limits
        header: tuple[str, ...] = ()
        if listed.format == "csv":
            header = header_of(lines[0].header, source.tables[file.entity])
        plan = plan_for(source, listed, header, self._way.corrections, limits)
        parser = Parser(self._work / "parser", limits, "512MiB")
        try:
            if isinstance(plan, LinesPlan):
                pieces = list(parser.lines([line.raw for line in lines], plan))
            else:
                copy = self._work / "released.parquet"
                copy.touch(0o600)
                pq.write_table(as_parquet(lines), copy)
                pieces = list(parser.whole(VerifiedFile(copy, listed, copy.stat().st_size), plan))
        finally:
            parser.close()
            shutil.rmtree(self._work)
        return plan, _joined([through_door(piece, plan, self._way) for piece in pieces])

    def _again(self, plan: Plan, judged: Judged) -> pl.DataFrame:
        """Lines whose resource the delivery has brought already, and those that repeat each other.

        The version that was taken in counts: it came in the same delivery. A row that is there just
        so was added by a release that died before its accounts.
        """
        table = plan.primary
        empty = judged.bad.clear()
        rows = judged.frames.get(table.name)
        if rows is None or table.repeats or len(table.key) != 1:
            return empty
        (key,) = table.key
        # What a grading removes may be gone there by now.
        same = [column.name for column in table.columns if not column.reveals_location]
        present = pl.col(key).is_in(rows[key].implode())
        paths = part_paths(self._zones, table.name, self._entry.id)
        there = pl.concat(
            [
                rows.clear().select(same),
                *(pl.scan_parquet(path).select(same).filter(present).collect() for path in paths),
            ]
        )
        added = rows.join(there, on=same, how="semi", nulls_equal=True)[ROW]
        another = pl.col(key).is_in(there[key].implode()) & ~pl.col(ROW).is_in(added.implode())
        repeated = another | ~pl.col(key).is_first_distinct()
        return (
            rows.sort(ROW)
            .filter(repeated)
            .select(ROW, pl.lit(ledger.REPEATED).alias("reason"), pl.lit(key).alias("column"))
        )

    def _add(self, plan: Plan, good: Mapping[str, pl.DataFrame]) -> None:
        """Add rows to the delivery's tables; who turns out to be graded is redacted everywhere."""
        others = sorted(ledger.read_ledger(self._zones))
        before = graded.read_graded(self._zones)
        listed = before
        if "patient" in good:
            links = good.get("patient_link", pl.DataFrame(schema=graded.LINK_SCHEMA))
            listed = graded.grown(self._zones, before, good["patient"], links, others)
        keys = listed["patient_key"].unique().sort()
        counts = {}
        for table in plan.tables:
            rows = restricted.with_origin(
                good[table.name].drop(ROW),
                self._entry.source,
                self._entry.delivery,
                self._entry.known_at.astimezone(dt.UTC),
            )
            counts[table.name] = restricted.add_rows(self._zones, table, self._entry.id, rows, keys)
        newly = keys.filter(~keys.is_in(before["patient_key"].implode()))
        ledger.update_tables(self._zones, restricted.redact_committed(self._zones, others, newly))
        graded.write_graded(self._zones, listed)
        ledger.update_tables(self._zones, {self._entry.id: counts})

    def _account(
        self, file: LedgerFile, left: list[QuarantinedLine], met: Mapping[str, int]
    ) -> None:
        entry = ledger.read_ledger(self._zones)[self._entry.id]
        reasons = dict(sorted(Counter(line.reason for line in left).items()))
        changed = LedgerFile(
            **{
                **file.model_dump(),
                # Not what was loaded and what passed: a run that died may have counted it already.
                "loaded_rows": file.delivered_rows - len(left),
                "quarantined_rows": len(left),
                "quarantined_by_reason": reasons,
                "corrected": {
                    name: file.corrected.get(name, 0) + met.get(name, 0)
                    for name in sorted({*file.corrected, *met})
                },
            }
        )
        files = tuple(changed if each.name == file.name else each for each in entry.files)
        self._entry = entry.model_copy(update={"files": files})
        quarantine.write_counts(self._zones, self._entry)
        ledger.commit(self._zones, self._entry)
        quarantine.store_lines(self._zones, entry.id, file.name, left, self._options.quarantine_key)
        # What was written out for the source is no longer what is kept.
        exported(self._zones, entry, file.name).unlink(missing_ok=True)


def _manifest_file(file: LedgerFile, rows: int) -> ManifestFile:
    packed = file.name.endswith(".gz")
    return ManifestFile.model_validate(
        {
            "name": file.name,
            "entity": file.entity,
            "format": file.name.removesuffix(".gz").rpartition(".")[2],
            "compression": "gzip" if packed else "none",
            "rows": rows,
            "bytes": file.bytes,
            "sha256": file.sha256,
        }
    )


def _joined(pieces: list[Judged]) -> Judged:
    names = {name for piece in pieces for name in piece.frames}
    frames = {
        name: pl.concat(piece.frames[name] for piece in pieces if name in piece.frames)
        for name in sorted(names)
    }
    bad = pl.concat(piece.bad for piece in pieces)
    return Judged(frames, bad, pl.concat(piece.corrected for piece in pieces))
