"""Check what lies in a zone: the journal after ingest, a release as written.

Belongs here: reading the files a check is about, slice by slice. Does not belong here: the
checks (``journal.py``, ``published.py``), and what a red one stops (``pipelines.assets``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import polars.selectors as cs

from pipelines.checks.contracts import (
    TableContract,
    journal_contracts,
    published_contracts,
    shape_of,
)
from pipelines.checks.journal import journal_suites, with_derived
from pipelines.checks.model import Check, CheckResult, Suite
from pipelines.checks.published import NEIGHBOURS, published_suites, with_rules
from pipelines.checks.results import write_results
from pipelines.checks.runner import combine, not_run, run_suite
from pipelines.ingest.parts import NO_ROWS, delivery_of
from pipelines.settings import Zones

SLICE = 500_000
"""Rows of one pandas frame; a table of 15 columns then takes about 300 MB."""

IN_FILE = "in_file"
"""Column that tells the rows of one file from those of another while keys are compared."""

SIGNED_TABLE = "release"


def check_journal(
    zones: Zones, run_id: str, tables: Iterable[str] | None = None
) -> list[CheckResult]:
    """Check the restricted journal tables and keep the verdicts for the stewards.

    Args:
        zones: Where the journal lies and where verdicts go.
        run_id: Identifies the run.
        tables: Tables to check; all of the catalogue when null.

    Returns:
        One result per check and table, over all delivered files of it. A table whose folder
        is missing has its checks in status ``error``.

    Raises:
        KeyError: A table is not in the catalogue.
    """
    contracts = journal_contracts()
    chosen = list(contracts) if tables is None else list(tables)
    results = [
        result
        for table in chosen
        for result in check_journal_table(zones.journal / table, table, contracts[table])
    ]
    return _kept(zones.steward, run_id, results, _latest_transaction(zones.journal, chosen))


def check_journal_table(folder: Path, table: str, contract: TableContract) -> list[CheckResult]:
    """Check one journal table, keys file by file and rows some hundred thousand at a time.

    Args:
        folder: Folder of its Parquet files.
        table: Name of the table.
        contract: Its columns, types, code sets and key.

    Returns:
        One result per check; counts are summed over the files, and a key is compared within
        one file only, since a later delivery rightly repeats the keys of an earlier one.
    """
    shape, content = journal_suites(table, contract)
    files = sorted(folder.glob("*.parquet"))
    if not files:
        return not_run(shape) + not_run(content)
    # Nearly all files have one shape: each different one is looked at once.
    found = {tuple(schema.items()): schema for schema in map(pl.read_parquet_schema, files)}
    shapes = (run_suite(shape_of(pl.Schema(schema)), shape) for schema in found.values())
    # The empty file that holds the shape has no rows to check, unless there is no other.
    filled = [path for path in files if delivery_of(path) != NO_ROWS] or files
    return combine(shapes) + combine(_content(filled, content))


def _content(files: list[Path], suite: Suite) -> Iterator[list[CheckResult]]:
    """Results of a suite: what is unique is looked at in each file, all else row by row."""
    by_row = tuple(check for check in suite.checks if check.kind != "unique")
    for check in suite.checks:
        if check.kind == "unique":
            yield from _unique_in_each(files, suite, check)
    for frame in _frames([_needed(path, by_row) for path in files], cut=True):
        yield run_suite(frame, _only(suite, by_row))


def _unique_in_each(files: list[Path], suite: Suite, check: Check) -> Iterator[list[CheckResult]]:
    """Results of one check of a key, which two files may share and two rows of one may not."""
    numbered = [
        _needed(path, [check]).with_columns(pl.lit(number, pl.UInt32).alias(IN_FILE))
        for number, path in enumerate(files)
    ]
    if len(check.columns) == 1:
        # As the library has it: a row without a key is unlike all others.
        numbered = [
            frame.drop_nulls(cs.by_name(*check.columns, require_all=False)) for frame in numbered
        ]
    within = replace(check, columns=(*check.columns, IN_FILE), about=check.named())
    for frame in _frames(numbered, cut=False):
        yield run_suite(frame, _only(suite, (within,)))


def _only(suite: Suite, checks: tuple[Check, ...]) -> Suite:
    return Suite(suite.name, suite.table, suite.stage, checks)


def _needed(path: Path, checks: Iterable[Check]) -> pl.LazyFrame:
    """The columns of a file that some checks read, those derived among them."""
    frame = with_derived(pl.scan_parquet(path))
    present = frame.collect_schema().names()
    wanted = dict.fromkeys(name for check in checks for name in check.reads())
    return frame.select([name for name in wanted if name in present])


def _frames(parts: list[pl.LazyFrame], *, cut: bool) -> Iterator[pl.DataFrame]:
    """Rows of some files, in frames of no more rows than a slice has.

    A suite costs a tenth of a second on however few rows: small files of one shape share a
    frame, and a large file is cut or, where it must not be, has a frame of its own.
    """
    shared: list[pl.LazyFrame] = []
    rows = 0
    for part in parts:
        height = part.select(pl.len()).collect().item()
        fits = rows + height <= SLICE
        if shared and not (fits and part.collect_schema() == shared[0].collect_schema()):
            yield pl.concat(shared).collect()
            shared, rows = [], 0
        if height > SLICE and cut:
            yield from (part.slice(at, SLICE).collect() for at in range(0, height, SLICE))
        else:
            shared.append(part)
            rows += height
    if shared:
        yield pl.concat(shared).collect()


def check_published(
    folder: Path, run_id: str, steward: Path | None = None, *, signed: bool = True
) -> list[CheckResult]:
    """Check the tables of a release as written.

    Args:
        folder: Folder of the release, with one Parquet file per table.
        run_id: Identifies the run.
        steward: Steward zone to keep the verdicts in; null keeps them nowhere.
        signed: It is a signed release; a candidate has no table ``release`` yet.

    Returns:
        One result per check. A table whose file is missing has its checks in status ``error``.
    """
    tables: dict[str, pl.DataFrame] = {}
    expected = [table for table in published_contracts() if signed or table != SIGNED_TABLE]
    for table in expected:
        path = folder / f"{table}.parquet"
        tables[table] = pl.read_parquet(path) if path.exists() else pl.DataFrame()
    results = _published_results(tables)
    if steward is None:
        return [result.model_copy(update={"run_id": run_id}) for result in results]
    release = tables.get(SIGNED_TABLE, pl.DataFrame())
    known = "transaction_time" in release.columns and release.height > 0
    checked_at = str(release.item(0, "transaction_time")) if known else ""
    return _kept(steward, run_id, results, checked_at)


def _published_results(tables: dict[str, pl.DataFrame]) -> list[CheckResult]:
    shapes = {
        table: run_suite(shape_of(frame.schema), published_suites(table)[0])
        for table, frame in tables.items()
    }
    sound = {name for name, found in shapes.items() if not any(r.is_blocking for r in found)}
    results: list[CheckResult] = []
    for table, found in shapes.items():
        content = published_suites(table)[1]
        # Rules need the agreed columns, of their own table and of those they compare with.
        is_ready = {table, *NEIGHBOURS.get(table, ())} <= sound
        results += found
        results += run_suite(with_rules(table, tables), content) if is_ready else not_run(content)
    return results


def _kept(
    steward: Path, run_id: str, results: list[CheckResult], checked_at: str
) -> list[CheckResult]:
    write_results(steward, run_id, results, checked_at)
    update = {"run_id": run_id, "checked_at": checked_at}
    return [result.model_copy(update=update) for result in results]


def _latest_transaction(journal: Path, tables: list[str]) -> str:
    """Transaction time of the latest delivery, ISO 8601; empty where there is none."""
    latest = ""
    for table in tables:
        for path in (journal / table).glob("*.parquet"):
            frame = pl.scan_parquet(path)
            if "transaction_time" in frame.collect_schema().names():
                moment = frame.select(pl.col("transaction_time").max()).collect().item()
                latest = max(latest, moment.isoformat() if moment is not None else "")
    return latest
