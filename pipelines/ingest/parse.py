"""Parse a verified file into judged rows, and single out the lines that cannot be.

Belongs here: running a plan's queries in DuckDB, a whole file first; when that fails, in pieces
until only the lines that the parser refuses are left over. Does not belong here: naming what may be
wrong (``lines``, ``tabular``), the door, writing.

The parser quotes what it refuses, so its messages end here: what goes on is a type and a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.clients.delivered_files import DeliveryRefusedError
from pipelines.ingest.columns import CORRECTED, REASON, ROW
from pipelines.ingest.errors import IngestError
from pipelines.ingest.limits import MIB, Limits
from pipelines.ingest.plan import RESOURCES, LinesPlan, ParquetPlan, Plan
from pipelines.ingest.spelling import misspelt
from pipelines.ingest.verify import VerifiedFile, read_lines

BAD_SCHEMA = pl.Schema({ROW: pl.Int64, "reason": pl.String, "column": pl.String})
CORRECTED_SCHEMA = pl.Schema({ROW: pl.Int64, CORRECTED: pl.String})
_PIECE_LINES = 20_000
_PIECE_BYTES = 32 * MIB
_SINGLED_OUT = 200
"""Suspect lines of a piece that are tried alone before the rest is halved."""
_BATCH = 131_072
# Not the line's fault; the message would quote the query, so it ends here too.
_OUT_OF_MEANS = (
    duckdb.OutOfMemoryException,
    duckdb.FatalException,
    duckdb.InterruptException,
)
_NO_MEANS = (
    "A delivered file could not be parsed for want of memory or by a fault of the program; nothing "
    "of its delivery was committed. Make room, or set FOLKEPULS_THREADS lower, and run again."
)


class ParserRefusedError(Exception):
    """The parser refused; deliberately without its message."""


@dataclass(frozen=True)
class Judged:
    """Rows of a stretch of a file.

    Attributes:
        frames: By table: ``_row`` (from 1 within the file, blank lines not counted) and the table's
            columns; pseudonyms still raw. Only rows of lines without a flaw.
        bad: One row per flawed line: ``_row``, ``reason``, ``column``.
        corrected: One row per row of a table that met corrections: ``_row``, ``_corrected``.
    """

    frames: dict[str, pl.DataFrame]
    bad: pl.DataFrame
    corrected: pl.DataFrame


class Parser:
    """One DuckDB connection that parses files of any kind, one at a time.

    It connects for the first file that gets as far: that takes longer than refusing one.

    Args:
        work: Folder in the identified zone, this parser's own, for pieces and for what outgrows
            memory.
        limits: Limits of the ingest.
        memory_limit: DuckDB's memory limit, e.g. ``1GB``.
    """

    def __init__(self, work: Path, limits: Limits, memory_limit: str) -> None:
        self._work = work
        self._limits = limits
        self._memory_limit = memory_limit
        work.mkdir(mode=0o700, parents=True, exist_ok=True)

    @cached_property
    def _con(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(
            config={
                "threads": 1,  # rows keep their order; files are parsed side by side instead
                "memory_limit": self._memory_limit,
                "temp_directory": str(self._work / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        con.execute("SET TimeZone = 'Europe/Oslo'")
        con.execute("SET enable_progress_bar = false")
        # Polars takes Arrow's string views as they are.
        con.execute("SET produce_arrow_string_view = true")
        con.execute("SET arrow_output_version = '1.5'")
        return con

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "_con" in vars(self):
            self._con.close()

    def whole(self, verified: VerifiedFile, plan: Plan) -> Iterator[Judged]:
        """Parse a file as it is.

        Args:
            verified: The file.
            plan: Its plan.

        Yields:
            Its rows, stretch by stretch.

        Raises:
            ParserRefusedError: Some line is refused; what was yielded before is void.
        """
        rows = verified.file.rows
        if rows == 0:
            return
        if verified.long_lines:
            raise ParserRefusedError
        if isinstance(plan, ParquetPlan):
            for first in range(0, rows, self._limits.stretch_rows):
                last = min(rows, first + self._limits.stretch_rows) - 1
                yield from self._run(
                    plan, [str(verified.path), first, last], last - first + 1, first
                )
        elif isinstance(plan, LinesPlan):
            yield from self._run(plan, [str(verified.path)], rows, 0)

    def pieces(self, verified: VerifiedFile, plan: LinesPlan) -> Iterator[Judged]:
        """Parse a file in pieces until only the lines that the parser refuses are left over.

        Args:
            verified: The file.
            plan: Its plan.

        Yields:
            Its rows, piece by piece.

        Raises:
            DeliveryRefusedError: ``too_many_bad_lines``: more are refused than tolerated; or
                ``wrong_row_count``: the manifest has counted blank lines.
        """
        tolerated = self._limits.tolerated(verified.file.rows)
        reasons: dict[tuple[str, str], int] = {}
        rows = 0
        for offset, lines in _pieces(verified, self._limits):
            rows += len(lines)
            for judged in self._piece(lines, plan, offset):
                for _, reason, column in judged.bad.iter_rows():
                    reasons[reason, column] = reasons.get((reason, column), 0) + 1
                # Only what the parser refuses counts here; the caller counts everything.
                if sum(reasons.values()) > tolerated:
                    raise too_many(reasons, tolerated, verified.file.rows)
                yield judged
        if rows != verified.file.rows:
            raise DeliveryRefusedError(
                "wrong_row_count",
                f"manifest says {verified.file.rows} rows, got {rows} lines that are not blank",
            )

    def lines(self, lines: Sequence[bytes], plan: LinesPlan) -> Iterator[Judged]:
        """Parse single lines, numbered from 1 in their order.

        Args:
            lines: The lines, whole and without their ends.
            plan: The plan of their file.
        """
        yield from self._piece([(line, True) for line in lines], plan, 0)

    def _piece(
        self, lines: Sequence[tuple[bytes, bool]], plan: LinesPlan, offset: int
    ) -> Iterator[Judged]:
        too_long = [index for index, (_, whole) in enumerate(lines) if not whole]
        for index in too_long:
            yield _refused(offset + index, "line_too_long", "")
        left_out = set(too_long)
        suspects = [
            index
            for index, (line, whole) in enumerate(lines)
            if whole and plan.flaw(line) is not None
        ][:_SINGLED_OUT]
        if len(suspects) < len(lines) - len(too_long):
            for index in suspects:
                yield from self._halves([(index, lines[index][0])], plan, offset)
            left_out.update(suspects)
        rest = [(i, line) for i, (line, _) in enumerate(lines) if i not in left_out]
        if rest:
            yield from self._halves(rest, plan, offset)

    def _halves(
        self, lines: Sequence[tuple[int, bytes]], plan: LinesPlan, offset: int
    ) -> Iterator[Judged]:
        with self._file_of(lines) as path:
            try:
                judged = list(self._run(plan, [str(path)], len(lines), 0))
            except ParserRefusedError:
                judged = None
        if judged is not None:
            numbers = [offset + index + 1 for index, _ in lines]
            yield from (_renumbered(each, numbers) for each in judged)
        elif len(lines) == 1:
            index, line = lines[0]
            reason, column = plan.flaw(line) or ("not_one_value", "")
            yield _refused(offset + index, reason, column)
        else:
            middle = len(lines) // 2
            yield from self._halves(lines[:middle], plan, offset)
            yield from self._halves(lines[middle:], plan, offset)

    @contextmanager
    def _file_of(self, lines: Sequence[tuple[int, bytes]]) -> Iterator[Path]:
        path = self._work / "piece"
        path.touch(0o600)
        path.write_bytes(b"\n".join(line for _, line in lines) + b"\n")
        try:
            yield path
        finally:
            path.unlink()

    def _run(
        self, plan: Plan, parameters: Sequence[object], rows: int, offset: int
    ) -> Iterator[Judged]:
        if not isinstance(plan, LinesPlan | ParquetPlan):
            raise TypeError(f"no way to read {type(plan).__name__}")
        if plan.single:
            yield from self._streamed(plan, plan.read_sql, parameters, rows, offset)
        else:
            yield self._joint(plan, plan.read_sql, parameters, rows)

    def _streamed(
        self, plan: Plan, read: str, parameters: Sequence[object], rows: int, offset: int
    ) -> Iterator[Judged]:
        """One row a line in the order of the lines: they are numbered as they come."""
        table = plan.primary.name
        seen = 0
        try:
            relation = self._con.sql(
                f"WITH {RESOURCES} AS ({read}) {plan.queries[table]}", params=parameters
            )
            batches = iter(relation.to_arrow_reader(_BATCH))
            while frame := _next_frame(batches, self._limits.stretch_rows):
                numbered = pl.int_range(1, pl.len() + 1, dtype=pl.Int64) + offset + seen
                (first,) = frame
                seen += first.height
                yield _judged(plan, {table: first.select(numbered.alias(ROW), pl.all())})
        except _OUT_OF_MEANS:
            raise IngestError(_NO_MEANS) from None
        except duckdb.Error:
            raise ParserRefusedError from None
        if seen != rows:
            raise ParserRefusedError

    def _joint(self, plan: Plan, read: str, parameters: Sequence[object], rows: int) -> Judged:
        """Several tables over the same lines: they are parsed once, and numbered by their place."""
        frames: dict[str, pl.DataFrame] = {}
        try:
            self._con.execute(f"CREATE OR REPLACE TEMP TABLE parsed AS {read}", parameters)
            numbered = f"SELECT rowid + 1 AS {ROW}, * FROM parsed"  # noqa: S608
            for table, query in plan.queries.items():
                relation = self._con.sql(f"WITH {RESOURCES} AS ({numbered}) {query}")
                frames[table] = relation.pl()
        except _OUT_OF_MEANS:
            raise IngestError(_NO_MEANS) from None
        except duckdb.Error:
            raise ParserRefusedError from None
        finally:
            self._con.execute("DROP TABLE IF EXISTS parsed")
        primary = frames[plan.primary.name]
        once = plan.primary.repeats or primary.height == rows
        if not once or primary[ROW].n_unique() != rows:
            raise ParserRefusedError
        return _judged(plan, frames)


def too_many(
    reasons: dict[tuple[str, str], int], tolerated: int, rows: int
) -> DeliveryRefusedError:
    """The refusal of a file with too many flawed lines; names the commonest reasons."""
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(
        f"{reason}{f' in {column}' if column else ''}: {count}"
        for (reason, column), count in ranked[:3]
    )
    return DeliveryRefusedError(
        "too_many_bad_lines",
        f"more than {tolerated} of {rows} lines are flawed, counted until then: {named}",
    )


def _next_frame(batches: Iterator[Any], rows: int) -> list[pl.DataFrame]:
    """The next batches as one frame of about ``rows`` rows, in a list; empty at the end."""
    found: list[pl.DataFrame] = []
    height = 0
    for batch in batches:
        frame = pl.DataFrame(batch)
        found.append(frame)
        height += frame.height
        if height >= rows:
            break
    return [pl.concat(found)] if height else []


def _judged(plan: Plan, frames: dict[str, pl.DataFrame]) -> Judged:
    flaws = [misspelt(frames[table.name], table) for table in plan.tables]
    corrections = []
    for frame in frames.values():
        if frame[REASON].null_count() < frame.height:
            flaws.append(frame.filter(pl.col(REASON).is_not_null()).select(ROW, REASON))
        if CORRECTED in frame.columns:
            corrections.append(frame.filter(pl.col(CORRECTED).is_not_null()).select(ROW, CORRECTED))
    bad = (
        pl.concat(flaws, how="vertical_relaxed")
        .sort(ROW, REASON)
        .unique(ROW, keep="first", maintain_order=True)
        .with_columns(pl.col(REASON).str.splitn("|", 2).struct.rename_fields(["reason", "column"]))
        .unnest(REASON)
        .cast(BAD_SCHEMA)
    )
    kept = {
        table: without(frame.drop(REASON, CORRECTED, strict=False), bad)
        for table, frame in frames.items()
    }
    corrected = pl.concat([pl.DataFrame(schema=CORRECTED_SCHEMA), *corrections])
    return Judged(kept, bad, corrected)


def without(frame: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """The rows of a frame that are not of flawed lines."""
    if bad.is_empty():
        return frame
    return frame.filter(~pl.col(ROW).is_in(bad[ROW].implode()))


def _renumbered(judged: Judged, rows: list[int]) -> Judged:
    numbers = pl.Series(ROW, rows, dtype=pl.Int64)

    def renumber(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(numbers.gather(frame[ROW] - 1).alias(ROW))

    frames = {name: renumber(frame) for name, frame in judged.frames.items()}
    return Judged(frames, renumber(judged.bad), renumber(judged.corrected))


def _refused(index: int, reason: str, column: str) -> Judged:
    bad = pl.DataFrame([(index + 1, reason, column)], schema=BAD_SCHEMA, orient="row")
    return Judged({}, bad, pl.DataFrame(schema=CORRECTED_SCHEMA))


def _pieces(
    verified: VerifiedFile, limits: Limits
) -> Iterator[tuple[int, list[tuple[bytes, bool]]]]:
    lines: list[tuple[bytes, bool]] = []
    size = offset = 0
    for _, line, whole in read_lines(verified, limits):
        lines.append((line, whole))
        size += len(line)
        if len(lines) == _PIECE_LINES or size >= _PIECE_BYTES:
            yield offset, lines
            offset += len(lines)
            lines, size = [], 0
    if lines:
        yield offset, lines
