"""Splits of random small regions: their files tell nothing hidden, beside years and months."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.publication.build import Candidate, build
from pipelines.publication.figures import Marts
from pipelines.publication.reaudit import audit_files
from pipelines.settings import reference_dir
from tests.support.attacks import Cell
from tests.support.attacks_parts import knowledge_with_parts, part_of
from tests.support.month_marts import STANDARD, with_standard
from tests.support.split_marts import MARKS, SAME_DAY, STRUCTURED, Row, entries, split_marts

MEAN = {"5001": 60, "5006": 20, "5007": 4, "5014": 30, "5020": 11, None: 2}
SPECS = [STRUCTURED, SAME_DAY]
CHOSEN = with_standard(SPECS)
LEAST, WIDTH = 5, 3


def random_entries(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for area, mean in MEAN.items():
        for service in ("home_care", "nursing_home", "emergency"):
            for device in ("mobile", "workstation"):
                whole = int(rng.poisson(mean))
                structured, same_day = (int(rng.binomial(whole, part)) for part in (0.5, 0.9))
                rows.append((area, service, device, whole, structured, same_day, 5))
    return entries(rows)


def made(given_entries: pl.DataFrame) -> tuple[Candidate, Marts]:
    marts = split_marts(given_entries)
    return build(marts, CHOSEN, reference_dir(), range(2024, 2025)), marts


def truth(given_entries: pl.DataFrame) -> dict[Cell, float]:
    """Every value of every municipality."""
    found: dict[Cell, float] = {}
    for spec in SPECS:
        for name in spec.breakdowns:
            counts = given_entries.drop_nulls("area_code").group_by("area_code", name).agg(
                part=pl.col(MARKS[spec.id]).sum(), whole=pl.len()
            )  # fmt: skip
            for area, value, part, whole in counts.iter_rows():
                place = (area, f"{name}={value}", 0, 199)
                measure, among = spec.numerator.measure, spec.denominator.measure
                found[measure, *place], found[among, *place] = part, whole
                found[f"{among} - {measure}", *place] = whole - part
    return found


def told_too_well(
    values: pl.DataFrame, given_entries: pl.DataFrame
) -> list[tuple[Cell, float, float]]:
    """Small hidden values whose interval is narrower than the policy asks."""
    own = values.filter(pl.col("value_kind") == "crude", pl.col("indicator_id") != STANDARD.id)
    whole = (pl.col("period_type") == "year") & (pl.col("breakdown") == "total")
    (told,) = knowledge_with_parts(own.filter(whole), own.filter(~whole), SPECS)
    true, narrow = truth(given_entries), []
    small = [cell for cell in told.hidden if 0 < true.get(cell, 0) < LEAST]
    for cell in sorted(small)[::2]:
        low, high = told.interval(cell, {})
        assert low - 1e-6 <= true[cell] <= high + 1e-6, cell
        if high - low < WIDTH - 1e-6:
            narrow.append((cell, low, high))
    return narrow


@settings(max_examples=2)
@given(seed=st.integers(0, 10_000))
def test_small_values_stay_uncertain_and_the_files_pass_their_audit(seed: int) -> None:
    random = random_entries(seed)
    candidate, marts = made(random)
    assert told_too_well(candidate.tables["indicator_values"], random) == []
    with TemporaryDirectory() as folder:
        for name, table in candidate.tables.items():
            table.write_parquet(Path(folder) / f"{name}.parquet")
        audit = audit_files(Path(folder), marts, CHOSEN)
    assert audit.ok
    assert audit.hidden > 0


def test_a_small_value_that_hides_alone_is_told_by_its_year() -> None:
    random = random_entries(11)
    values, true = made(random)[0].tables["indicator_values"], truth(random)
    measures = {spec.id: spec.numerator.measure for spec in SPECS}
    alone: set[tuple[str, ...]] = set()
    opened = []
    for row in values.iter_rows(named=True):
        place = (row["indicator_id"], row["area_code"], row["breakdown"])
        if row["status_reason"] == "disclosure" and row["breakdown"] != "total":
            cell = (measures[row["indicator_id"]], row["area_code"], part_of(row), 0, 199)
            if 0 < true.get(cell, 0) < LEAST and place not in alone:
                alone.add(place)
            elif cell in true:
                row |= {"numerator": float(true[cell]), "value_status": "ok", "status_reason": None}
        opened.append(row)
    narrow = told_too_well(pl.DataFrame(opened, schema=values.schema), random)
    assert [cell for cell, low, high in narrow if low == high == true[cell]] != []
