"""At full size the region has exactly the inhabitants of the reference file (issue 3, part 1)."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.settings import reference_dir
from pipelines.synthetic import SyntheticSettings
from pipelines.synthetic.days import Ints, first_day
from pipelines.synthetic.places import BORDER_DAY, Places, load_places
from pipelines.synthetic.population import Population, simulate
from pipelines.synthetic.spells import Spells


@pytest.fixture(scope="module")
def full() -> tuple[Places, Population, Spells]:
    places = load_places()
    population, spells = simulate(SyntheticSettings(scale=1, years=3), places)
    return places, population, spells


@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026])
def test_every_municipality_has_its_inhabitants(
    year: int, full: tuple[Places, Population, Spells]
) -> None:
    places, _, spells = full
    _, place = spells.residents(first_day(year))
    days = np.full(place.size, first_day(year), dtype=np.int64)
    counted = dict(places.code_at(place, days).value_counts().iter_rows())
    file = pl.read_csv(reference_dir() / "municipalities.csv", infer_schema=False)
    wanted = {
        code: int(inhabitants)
        for code, inhabitants in file.select(
            "municipality_code", f"population_{year}"
        ).drop_nulls().iter_rows()
    }  # fmt: skip
    if first_day(year) < BORDER_DAY:
        # The old municipality is held as its two halves, each rounded.
        assert abs(counted.pop("1507") - wanted.pop("1507")) <= 1
    assert counted == wanted


def test_the_age_bands_are_those_of_the_file(full: tuple[Places, Population, Spells]) -> None:
    places, population, spells = full
    person, place = spells.residents(first_day(2023))
    age = 2022 - _year(population.birth[person])
    band = np.searchsorted([18, 67, 80], age, side="right")
    counted = np.zeros(places.bands.shape, dtype=np.int64)
    np.add.at(counted, (place, band), 1)
    totals = places.bands.sum(axis=1, keepdims=True)
    wanted = places.bands / totals * counted.sum(axis=1, keepdims=True)
    assert (np.abs(counted - wanted) < 1).all()


def _year(days: Ints) -> Ints:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
