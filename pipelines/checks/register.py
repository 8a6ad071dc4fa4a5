"""Does the journal know as many residents as the population register?

Belongs here: the comparison and how far the two may be apart. Does not belong here: the two counts
(``dbt_project``, ``int_register_comparison``).

The verdict is a number of places, never which and never by how much: what is missing from a
municipality are mostly persons with a graded address.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipelines.checks.model import Check, CheckResult, Suite
from pipelines.checks.results import write_results
from pipelines.checks.runner import run_suite

TABLE = "register_comparison"
LARGEST = 2
"""Per cent by which the two may differ. Graded addresses and reservations are about half of one."""
FEWEST = 10
"""Persons by which they may differ in any case: a family in a municipality of 400 is 1 per cent."""

SUITE = Suite(
    f"restricted.{TABLE}",
    TABLE,
    "restricted",
    (
        Check(
            check_id=f"{TABLE}.residents.agree",
            kind="between",
            columns=("deviation",),
            text="residents_agree",
            category="plausibility",
            minimum=0,
            maximum=LARGEST,
            severity="warn",
            about=("residents",),
        ),
    ),
)


def deviations(compared: pl.DataFrame) -> pl.DataFrame:
    """How far the journal is from the register.

    Args:
        compared: ``journal_residents`` and ``register_persons`` by place and day; the latter null
            where the register gives no number.

    Returns:
        One row per place and day that can be compared: ``deviation`` in per cent of the
        register's persons, 0 where no more than ``FEWEST`` persons are too many or too few.
    """
    apart = (pl.col("journal_residents") - pl.col("register_persons")).abs()
    share = 100 * apart / pl.max_horizontal("register_persons", pl.lit(1))
    return compared.drop_nulls("register_persons").select(
        pl.when(apart > FEWEST).then(share).otherwise(0.0).cast(pl.Float64).alias("deviation")
    )


def check_register(
    compared: pl.DataFrame, steward: Path, run_id: str, checked_at: str
) -> list[CheckResult]:
    """Compare the two, and keep the verdict for the stewards.

    Args:
        compared: As for ``deviations``.
        steward: The steward zone.
        run_id: Identifies the run.
        checked_at: ISO 8601 time of the data that was judged.

    Returns:
        One result; ``n`` counts places and days, ``unexpected_n`` those that deviate.
    """
    results = run_suite(deviations(compared), SUITE)
    write_results(steward, run_id, results, checked_at)
    update = {"run_id": run_id, "checked_at": checked_at}
    return [result.model_copy(update=update) for result in results]
