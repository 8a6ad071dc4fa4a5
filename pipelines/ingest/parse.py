"""Parse a verified file into judged rows, and single out the lines that cannot be.

Belongs here: running a plan's queries in DuckDB, whole file first; when that fails, in pieces until
only the lines that the parser refuses are left over. Does not belong here: naming what may be wrong
(``lines``), the door, writing.

The parser quotes what it refuses, so its messages end here: what goes on is a type and a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.clients.delivered_files import DeliveryRefusedError
from pipelines.ingest.columns import REASON, ROW
from pipelines.ingest.limits import MIB, Limits
from pipelines.ingest.lines import flaw
from pipelines.ingest.plan import RESOURCES, EntityPlan
from pipelines.ingest.verify import VerifiedFile, read_lines

BAD_SCHEMA = pl.Schema({ROW: pl.Int64, "reason": pl.String, "column": pl.String})
_PIECE_LINES = 20_000
_PIECE_BYTES = 32 * MIB
_SINGLED_OUT = 200
"""Suspect lines of a piece that are tried alone before the rest is halved."""


class _ParserError(Exception):
    """The parser refused; deliberately without its message."""


@dataclass(frozen=True)
class Judged:
    """Rows of a stretch of a file.

    Attributes:
        frames: By table: ``_row`` (from 1 within the file, blank lines not counted) and the table's
            columns; pseudonyms still raw. Only rows of lines without a flaw.
        bad: One row per flawed line: ``_row``, ``reason``, ``column``.
    """

    frames: dict[str, pl.DataFrame]
    bad: pl.DataFrame


class Parser:
    """One DuckDB connection that parses files of any entity, one at a time.

    Args:
        work: Folder in the identified zone, this parser's own, for pieces and for what outgrows
            memory.
        limits: Limits of the ingest.
        memory_limit: DuckDB's memory limit, e.g. ``1GB``.
    """

    def __init__(self, work: Path, limits: Limits, memory_limit: str) -> None:
        self._work = work
        self._limits = limits
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._con = duckdb.connect(
            config={
                "threads": 1,  # rows keep their order; files are parsed side by side instead
                "memory_limit": memory_limit,
                "temp_directory": str(work / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        self._con.execute("SET TimeZone = 'Europe/Oslo'")

    def close(self) -> None:
        """Close the connection."""
        self._con.close()

    def parse(self, verified: VerifiedFile, plan: EntityPlan) -> Iterator[Judged]:
        """Parse a file.

        Args:
            verified: The file.
            plan: The plan of its entity.

        Yields:
            Its rows: all at once, or piece by piece when some line is refused.

        Raises:
            DeliveryRefusedError: ``too_many_bad_lines``: more are refused than tolerated.
        """
        rows = verified.file.rows
        if rows == 0:
            return
        if not verified.long_lines:
            try:
                yield self._run(verified.path, plan, rows, verified.file.compression)
            except _ParserError:
                pass
            else:
                return
        yield from self._in_pieces(verified, plan)

    def _in_pieces(self, verified: VerifiedFile, plan: EntityPlan) -> Iterator[Judged]:
        tolerated = self._limits.tolerated(verified.file.rows)
        reasons: dict[tuple[str, str], int] = {}
        for offset, lines in _pieces(verified, self._limits):
            for judged in self._piece(lines, plan, offset):
                for _, reason, column in judged.bad.iter_rows():
                    reasons[reason, column] = reasons.get((reason, column), 0) + 1
                # Only what the parser refuses counts here; the caller counts everything.
                if sum(reasons.values()) > tolerated:
                    raise too_many(reasons, tolerated, verified.file.rows)
                yield judged

    def _piece(
        self, lines: Sequence[tuple[bytes, bool]], plan: EntityPlan, offset: int
    ) -> Iterator[Judged]:
        too_long = [index for index, (_, whole) in enumerate(lines) if not whole]
        for index in too_long:
            yield _refused(offset + index, "line_too_long", "")
        left_out = set(too_long)
        suspects = [
            index
            for index, (line, whole) in enumerate(lines)
            if whole and flaw(line, plan.shape) is not None
        ][:_SINGLED_OUT]
        if len(suspects) < len(lines) - len(too_long):
            for index in suspects:
                yield from self._halves([(index, lines[index][0])], plan, offset)
            left_out.update(suspects)
        rest = [(i, line) for i, (line, _) in enumerate(lines) if i not in left_out]
        if rest:
            yield from self._halves(rest, plan, offset)

    def _halves(
        self, lines: Sequence[tuple[int, bytes]], plan: EntityPlan, offset: int
    ) -> Iterator[Judged]:
        with self._file_of(lines) as path:
            try:
                judged = self._run(path, plan, len(lines), "none")
            except _ParserError:
                judged = None
        if judged is not None:
            yield _renumbered(judged, [offset + index + 1 for index, _ in lines])
        elif len(lines) == 1:
            index, line = lines[0]
            reason, column = flaw(line, plan.shape) or ("not_one_value", "")
            yield _refused(offset + index, reason, column)
        else:
            middle = len(lines) // 2
            yield from self._halves(lines[:middle], plan, offset)
            yield from self._halves(lines[middle:], plan, offset)

    @contextmanager
    def _file_of(self, lines: Sequence[tuple[int, bytes]]) -> Iterator[Path]:
        path = self._work / "piece.ndjson"
        path.touch(0o600)
        path.write_bytes(b"\n".join(line for _, line in lines) + b"\n")
        try:
            yield path
        finally:
            path.unlink()

    def _run(self, path: Path, plan: EntityPlan, rows: int, compression: str) -> Judged:
        frames: dict[str, pl.DataFrame] = {}
        parameters = [str(path), compression]
        single = len(plan.queries) == 1
        read = plan.read_sql(self._limits)
        try:
            if not single:
                self._con.execute(f"CREATE OR REPLACE TEMP TABLE {RESOURCES} AS {read}", parameters)
            for table, query in plan.queries.items():
                sql = f"WITH {RESOURCES} AS ({read}) {query}" if single else query
                relation = self._con.sql(sql, params=parameters if single else None)
                frames[table] = relation.pl()
        except duckdb.Error:
            raise _ParserError from None
        finally:
            if not single:
                self._con.execute(f"DROP TABLE IF EXISTS {RESOURCES}")
        primary = frames[plan.primary.name]
        if primary.height != rows or primary[ROW].n_unique() != rows:
            raise _ParserError
        return _judged(frames)


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


def _judged(frames: dict[str, pl.DataFrame]) -> Judged:
    flaws = [
        frame.filter(pl.col(REASON).is_not_null()).select(ROW, REASON) for frame in frames.values()
    ]
    bad = (
        pl.concat(flaws)
        .sort(ROW, REASON)
        .unique(ROW, keep="first", maintain_order=True)
        .with_columns(pl.col(REASON).str.splitn("|", 2).struct.rename_fields(["reason", "column"]))
        .unnest(REASON)
        .cast(BAD_SCHEMA)
    )
    kept = {
        table: frame.drop(REASON).join(bad.select(ROW), on=ROW, how="anti", maintain_order="left")
        if bad.height
        else frame.drop(REASON)
        for table, frame in frames.items()
    }
    return Judged(kept, bad)


def _renumbered(judged: Judged, rows: list[int]) -> Judged:
    numbers = pl.DataFrame(
        {ROW: range(1, len(rows) + 1), "_to": rows}, schema={ROW: pl.Int64, "_to": pl.Int64}
    )

    def renumber(frame: pl.DataFrame) -> pl.DataFrame:
        joined = frame.join(numbers, on=ROW, how="left", maintain_order="left")
        return joined.with_columns(pl.col("_to").alias(ROW)).drop("_to")

    return Judged({name: renumber(f) for name, f in judged.frames.items()}, renumber(judged.bad))


def _refused(index: int, reason: str, column: str) -> Judged:
    return Judged({}, pl.DataFrame([(index + 1, reason, column)], schema=BAD_SCHEMA, orient="row"))


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
