"""Years together of random small places: the files pass the audit, and no small year is told.

Belongs here: that what is published of several years is safe whatever was counted. Does not belong
here: single cases (``tests/spec/test_publication_pooled_spec.py``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.publication.build import build
from pipelines.publication.reaudit import audit_files
from pipelines.settings import reference_dir
from tests.support.attacks_pooled import TOGETHER, knowledge_with_periods
from tests.support.pooled_marts import USERS, YEARS, Spells, pooled_marts

AREAS = ("5001", "5006", "5007", "5014", "5020", "5025")
CHOSEN = Catalogue({USERS.id: USERS}, catalogue().policies)
WIDTH = 3.0
LEAST = 5


def spells(seed: int) -> Spells:
    """Places with few or many users, some of whom stay for all years."""
    rng = np.random.default_rng(seed)
    found: list[tuple[str | None, tuple[int, ...], int]] = []
    for area in (*AREAS, None):
        size = float(rng.choice([1.0, 2.0, 4.0, 15.0]))
        found.append((area, YEARS, int(rng.poisson(size))))
        found += [(area, (year,), int(rng.poisson(size))) for year in YEARS]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_no_small_year_is_told(seed: int, tmp_path: Path) -> None:
    given = spells(seed)
    live = {"5025": 2024} if seed % 2 else {}
    marts = pooled_marts(given, dict.fromkeys(AREAS, 3000), live)
    made = build(marts, CHOSEN, reference_dir(), range(YEARS[0], YEARS[-1] + 1))
    for name, table in made.tables.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    assert audit_files(tmp_path, marts, CHOSEN).ok
    values = made.tables["indicator_values"]
    pooled = pl.col("period_type") == "three_years"
    (told,) = knowledge_with_periods(values.filter(~pooled), values.filter(pooled), [USERS])
    counted = {
        (USERS.numerator.measure, area, f"{year} total", 0, 199): sum(
            count for place, when, count in given if place == area and year in when
        )
        for area in AREAS
        for year in YEARS
    }
    for cell, number in told.solved().items():
        assert cell[2] == TOGETHER or not 0 < number < LEAST, cell
    for cell, true in counted.items():
        if cell in told.hidden and 0 < true < LEAST:
            low, high = told.interval(cell, {})
            assert low - 1e-6 <= true <= high + 1e-6
            assert high - low > WIDTH - 1e-6, cell
