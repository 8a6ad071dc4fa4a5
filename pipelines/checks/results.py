"""Where verdicts are kept, and what has changed since the run before.

Belongs here: the files ``steward/checks/<run_id>.parquet`` (what one run found) and
``steward/checks_state.parquet`` (how every check stands, whichever run saw it last). Does not
belong here: running checks and showing them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import polars as pl

from pipelines.checks.model import COLUMNS, CheckResult
from pipelines.settings import atomic_write

State = Literal["new", "persisting", "resolved", "passing"]
"""A red check is ``new`` or ``persisting``; a green one that was red is ``resolved``."""

_NUMBERS: dict[str, pl.DataType] = {
    "n": pl.Int64(),
    "unexpected_n": pl.Int64(),
    "threshold": pl.Float64(),
}
_TYPES: dict[str, pl.DataType] = {name: _NUMBERS.get(name, pl.String()) for name in COLUMNS}
_STATE_COLUMNS: dict[str, pl.DataType] = {"state": pl.String(), "previous_status": pl.String()}
SCHEMA = pl.Schema(_TYPES)
STATE_SCHEMA = pl.Schema(_TYPES | _STATE_COLUMNS)
IDENTITY = ["suite", "check_id"]
RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")


def write_results(
    steward: Path, run_id: str, results: Sequence[CheckResult], checked_at: str
) -> Path:
    """Keep the verdicts of a run.

    May be called several times for one run: checks written before stay, the same check is
    replaced. Writing the same verdicts again changes nothing.

    Args:
        steward: The steward zone.
        run_id: Identifies the run; becomes a file name.
        results: Verdicts, in any order.
        checked_at: ISO 8601 time of the data that was judged (not of the clock).

    Returns:
        The file written.

    Raises:
        ValueError: ``run_id`` cannot be a file name.
    """
    if not RUN_ID.match(run_id):
        raise ValueError("run_id: expected letters, digits, '.', '_' and '-', at most 128")
    rows = as_frame(
        result.model_copy(update={"run_id": run_id, "checked_at": checked_at}) for result in results
    )
    path = steward / "checks" / f"{run_id}.parquet"
    before = pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=SCHEMA)
    _write(_replace(before, rows), path)
    _write(_advance(read_state(steward), rows), state_path(steward))
    return path


def state_path(steward: Path) -> Path:
    """The file that says how every check stands."""
    return steward / "checks_state.parquet"


def read_state(steward: Path) -> pl.DataFrame:
    """How every check stands.

    Args:
        steward: The steward zone.

    Returns:
        One row per check (suite, check_id): the columns of its latest verdict, ``state``
        (``new``, ``persisting``, ``resolved``, ``passing``) and ``previous_status``, its status
        in the run before. No rows where no check was ever run.
    """
    path = state_path(steward)
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=STATE_SCHEMA)


def blocking_checks(results: Iterable[CheckResult]) -> list[str]:
    """Ids of the checks that stop something, sorted."""
    return sorted(result.check_id for result in results if result.is_blocking)


def as_frame(results: Iterable[CheckResult]) -> pl.DataFrame:
    """Verdicts as a frame in the columns of a results file, in order of suite and check."""
    rows = [result.model_dump() for result in results]
    return pl.DataFrame(rows, schema=SCHEMA).sort(IDENTITY)


def _replace(before: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    kept = before.join(rows, on=IDENTITY, how="anti")
    return pl.concat([kept, rows]).sort(IDENTITY)


def _advance(state: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """State after a run: suites that it did not run stay as they were.

    A run that is repeated is compared with the run before it, not with itself.
    """
    earlier = state.select(
        *IDENTITY,
        pl.col("run_id").alias("_run_id"),
        pl.col("status").alias("_status"),
        pl.col("previous_status").alias("_previous"),
    )
    repeated = pl.col("_run_id") == pl.col("run_id")
    previous = pl.when(repeated).then("_previous").otherwise("_status")
    was_red = pl.col("previous_status").is_not_null() & (pl.col("previous_status") != "pass")
    is_red = pl.col("status") != "pass"
    new = (
        rows.join(earlier, on=IDENTITY, how="left", nulls_equal=True)
        .with_columns(previous.alias("previous_status"))
        .with_columns(
            pl.when(is_red & was_red)
            .then(pl.lit("persisting"))
            .when(is_red)
            .then(pl.lit("new"))
            .when(was_red)
            .then(pl.lit("resolved"))
            .otherwise(pl.lit("passing"))
            .alias("state")
        )
        .select(STATE_SCHEMA.names())
    )
    # A suite is judged as a whole: a check that it no longer holds is forgotten with it.
    kept = state.join(new, on="suite", how="anti")
    return pl.concat([kept, new]).sort(IDENTITY)


def _write(frame: pl.DataFrame, path: Path) -> None:
    with atomic_write(path) as temporary:
        frame.write_parquet(temporary)
