"""Months of random small regions: their files tell nothing that is hidden, beside their years."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.catalogue.loader import catalogue
from pipelines.publication.build import Candidate, build
from pipelines.publication.reaudit import audit_files
from pipelines.settings import reference_dir
from tests.support.attacks import Cell
from tests.support.attacks_parts import knowledge_with_parts
from tests.support.month_marts import events, month_marts, with_standard

ANSWERED = catalogue().indicators["query_reply_within_one_working_day_share"]
READ = ANSWERED.model_copy(
    update={
        "id": "queries_read_share",
        "numerator": ANSWERED.numerator.model_copy(update={"measure": "queries_read"}),
    }
)
LIVE = {"5001": 1, "5006": 1, "5007": 2, "5014": 3, "5020": 8}
MEAN = {"5001": 30, "5006": 9, "5007": 2, "5014": 12, "5020": 7, None: 0.3}
CHOSEN = with_standard([ANSWERED, READ])
LEAST, WIDTH = 5, 3


def random_rows(seed: int) -> dict[str, list[tuple[str | None, int, int, int]]]:
    """Events by indicator: both are shares of the same queries."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[tuple[str | None, int, int, int]]] = {ANSWERED.id: [], READ.id: []}
    for area, mean in MEAN.items():
        for month in range(1, 13):
            whole = int(rng.poisson(mean))
            for indicator, share in ((ANSWERED.id, 0.6), (READ.id, 0.3)):
                rows[indicator].append((area, month, int(rng.binomial(whole, share)), whole))
    return rows


def made(rows: dict[str, list[tuple[str | None, int, int, int]]]) -> tuple[Candidate, object]:
    given_events = {name: events(own) for name, own in rows.items()}
    marts = month_marts([ANSWERED, READ], given_events, LIVE)
    return build(marts, CHOSEN, reference_dir(), range(2024, 2025)), marts


def truth(rows: dict[str, list[tuple[str | None, int, int, int]]]) -> dict[Cell, float]:
    """Every month of every municipality."""
    found: dict[Cell, float] = {}
    for spec in (ANSWERED, READ):
        for area, month, part, whole in rows[spec.id]:
            place = (str(area), f"2024-{month:02}", 0, 199)
            found[spec.numerator.measure, *place] = part
            found["queries", *place] = whole
            found[f"queries - {spec.numerator.measure}", *place] = whole - part
    return found


def told_too_well(
    values: pl.DataFrame, rows: dict[str, list[tuple[str | None, int, int, int]]]
) -> list[tuple[Cell, float, float]]:
    """Small hidden months whose interval is narrower than the policy asks."""
    by_month = pl.col("period_type") == "month"
    crude = values.filter(pl.col("value_kind") == "crude")
    own = crude.filter(pl.col("indicator_id") != with_standard([]).indicators.popitem()[0])
    (told,) = knowledge_with_parts(own.filter(~by_month), own.filter(by_month), [ANSWERED, READ])
    true, narrow = truth(rows), []
    small = [cell for cell in told.hidden if 0 < true.get(cell, 0) < LEAST]
    for cell in sorted(small)[::3]:
        low, high = told.interval(cell, {})
        assert low - 1e-6 <= true[cell] <= high + 1e-6, cell
        if high - low < WIDTH - 1e-6:
            narrow.append((cell, low, high))
    return narrow


@settings(max_examples=3)
@given(seed=st.integers(0, 10_000))
def test_small_months_stay_uncertain_and_the_files_pass_their_audit(seed: int) -> None:
    rows = random_rows(seed)
    candidate, marts = made(rows)
    values = candidate.tables["indicator_values"]
    assert told_too_well(values, rows) == []
    with TemporaryDirectory() as folder:
        for name, table in candidate.tables.items():
            table.write_parquet(Path(folder) / f"{name}.parquet")
        audit = audit_files(Path(folder), marts, CHOSEN)
    assert audit.ok
    assert audit.hidden > 0


def test_a_small_month_that_hides_alone_is_told_by_its_year() -> None:
    rows = random_rows(11)
    values = made(rows)[0].tables["indicator_values"]
    true = truth(rows)
    alone: set[tuple[str, str]] = set()
    opened = []
    for row in values.iter_rows(named=True):
        spec = ANSWERED if row["indicator_id"] == ANSWERED.id else READ
        cell = (spec.numerator.measure, row["area_code"], f"{row['period_start']:%Y-%m}", 0, 199)
        place = (spec.id, row["area_code"])
        if row["status_reason"] == "disclosure" and row["period_type"] == "month":
            if 0 < true.get(cell, 0) < LEAST and place not in alone:
                alone.add(place)
            elif cell in true:
                row |= {"numerator": float(true[cell]), "value_status": "ok", "status_reason": None}
        opened.append(row)
    narrow = told_too_well(pl.DataFrame(opened, schema=values.schema), rows)
    assert [cell for cell, low, high in narrow if low == high == true[cell]] != []


PLENTY = {
    share: [(area, month, part, 100) for area in LIVE for month in range(1, 13)]
    for share, part in ((ANSWERED.id, 60), (READ.id, 30))
}


def without(values: pl.DataFrame, months: dict[str, list[int]], *, year: bool) -> pl.DataFrame:
    """Some months of each share hidden in two municipalities, and their year too where told."""
    hidden = pl.lit(year) & (pl.col("period_type") == "year")
    for share, chosen in months.items():
        month = pl.col("period_start").dt.month().is_in(chosen)
        by_month = pl.col("period_type") == "month"
        hidden |= by_month & month & (pl.col("indicator_id") == share)
    mine = pl.col("indicator_id").is_in(list(months)) & pl.col("area_code").is_in(["5001", "5006"])
    there = pl.when(mine & hidden)
    return values.with_columns(
        there.then(None).otherwise("numerator").alias("numerator"),
        there.then(None).otherwise("denominator").alias("denominator"),
        there.then(pl.lit("suppressed")).otherwise("value_status").alias("value_status"),
    )


def test_a_years_denominator_that_only_months_tell_is_no_find_where_it_is_safe() -> None:
    candidate, marts = made(PLENTY)
    values = candidate.tables["indicator_values"]
    with TemporaryDirectory() as folder:
        for name, table in candidate.tables.items():
            table.write_parquet(Path(folder) / f"{name}.parquet")
        written = Path(folder) / "indicator_values.parquet"
        # Each month of queries is shown by one share or the other, so the year is their sum.
        pairs = {ANSWERED.id: [1, 2], READ.id: [3, 4]}
        without(values, pairs, year=True).write_parquet(written)
        assert audit_files(Path(folder), marts, CHOSEN).ok
        # The twin: a month that hides alone is its year less the others.
        without(values, {ANSWERED.id: [1], READ.id: [3]}, year=False).write_parquet(written)
        assert audit_files(Path(folder), marts, CHOSEN).determined > 0
