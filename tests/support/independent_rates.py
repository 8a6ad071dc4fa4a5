"""Standardised rates in plain numpy, straight from the truth by single years of age.

Belongs here: an independent computation to hold published methods against. Does not belong here:
anything imported from the code under test; methods are written from their definitions (direct:
Σ wᵢ·eᵢ/nᵢ / Σ wᵢ; indirect: observed / expected at the region's rates, times the region's rate).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

AGES = 200
LEAST_EVENTS = 10
SEXES = {"total": ("female", "male"), "female": ("female",), "male": ("male",)}
Bands = Sequence[tuple[int, int]]


def european_standard(reference: Path) -> np.ndarray:
    """Persons of the European standard by single year of age, its open band at its first year."""
    weights = np.zeros(AGES)
    with (reference / "european_standard_population_2013.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        low, high = int(row["age_from"]), int(row["age_to"])
        last = low if row is rows[-1] else high
        weights[low : last + 1] = float(row["weight"]) / (last - low + 1)
    return weights


@dataclass(frozen=True)
class ByAge:
    """Truth by single year of age, as arrays, and every area's bands.

    Attributes:
        counts: Events and population (two rows of ``AGES``) by indicator, area, sex and year.
        bands: Bands by area and sex, both ends inclusive.
    """

    counts: dict[tuple[str, str, str, int], np.ndarray]
    bands: dict[tuple[str, str], list[tuple[int, int]]]

    @classmethod
    def of(cls, truth: pl.DataFrame, strata: pl.DataFrame) -> ByAge:
        """Arrays of the truth by age and of the map of strata."""
        counts: dict[tuple[str, str, str, int], np.ndarray] = {}
        columns = ("indicator_id", "area_code", "sex", "year", "age", "numerator", "denominator")
        for indicator, area, sex, year, age, events, people in truth.select(columns).iter_rows():
            array = counts.setdefault((indicator, area, sex, year), np.zeros((2, AGES)))
            array[:, age] += (events, people)
        bands: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for area, sex, low, high in strata.select(
            "area_code", "sex", "age_from", "age_to"
        ).iter_rows():
            bands.setdefault((area, sex), []).append((low, high))
        return cls(counts, {key: sorted(value) for key, value in bands.items()})

    def together(self, years: Sequence[int]) -> ByAge:
        """Years added up as the year 0: areas that have all of them, and the region of those."""
        found: dict[tuple[str, str, str, int], np.ndarray] = {}
        places = {key[:3] for key in self.counts}
        nothing = np.zeros((2, AGES))
        for indicator, area, sex in places:
            own = [self.counts.get((indicator, area, sex, year)) for year in years]
            if area == "MIDT" or any(counts is None for counts in own):
                # What is not in every year of a municipality is not in the region either.
                sign = 1 if area == "MIDT" else -1
                region = found.setdefault((indicator, "MIDT", sex, 0), np.zeros((2, AGES)))
                region += sign * np.sum([nothing if one is None else one for one in own], axis=0)
            else:
                found[indicator, area, sex, 0] = np.sum(own, axis=0)
        return ByAge(found, self.bands)

    def inside(self, area: str, sex: str, low: int) -> list[tuple[int, int]]:
        """An area's bands from an age on."""
        return [(first, last) for first, last in self.bands[area, sex] if first >= low]

    def sums(self, indicator: str, area: str, sex: str, year: int, bands: Bands) -> np.ndarray:
        """Events and population by band: two rows."""
        counts = self.counts.get((indicator, area, sex, year), np.zeros((2, AGES)))
        return np.array([counts[:, low : high + 1].sum(axis=1) for low, high in bands]).T

    def region_standard(self, indicator: str, year: int) -> dict[str, np.ndarray]:
        """The region's population by sex and single year, even within the region's bands."""
        standard = {}
        for sex in SEXES["total"]:
            bands = self.bands["MIDT", sex]
            _, people = self.sums(indicator, "MIDT", sex, year, bands)
            weights = np.zeros(AGES)
            for (low, high), number in zip(bands, people, strict=True):
                last = low if (low, high) == bands[-1] else high
                weights[low : last + 1] = number / (last - low + 1)
            standard[sex] = weights
        return standard

    def direct(
        self,
        key: tuple[str, str, str, int],
        low: int,
        standard: dict[str, np.ndarray],
    ) -> float | None:
        """Directly standardised rate per person; null below ten events."""
        indicator, area, sex, year = key
        rate = weight = events = 0.0
        for base in SEXES[sex]:
            bands = self.inside(area, base, low)
            number, people = self.sums(indicator, area, base, year, bands)
            weights = np.array([standard[base][first : last + 1].sum() for first, last in bands])
            lived = people > 0
            rate += float((weights[lived] * number[lived] / people[lived]).sum())
            weight += float(weights.sum())
            events += float(number.sum())
        return rate / weight if events >= LEAST_EVENTS else None

    def indirect(
        self, key: tuple[str, str, str, int], low: int, places: Sequence[str] = ()
    ) -> float | None:
        """Indirectly standardised rate per person; null where nothing is expected.

        Of a county observed and expected are those of its places together.
        """
        indicator, area, sex, year = key
        expected = observed = region_events = region_people = 0.0
        for base in SEXES[sex]:
            region = self.inside("MIDT", base, low)
            whole = self.sums(indicator, "MIDT", base, year, region).sum(axis=1)
            region_events, region_people = region_events + whole[0], region_people + whole[1]
            for place in places or (area,):
                own = self.inside(place, base, low)
                # Bands that both have: a new one begins where one begins in both.
                starts = sorted({first for first, _ in own} & {first for first, _ in region})
                ends = [start - 1 for start in starts[1:]] + [AGES - 1]
                common = list(zip(starts, ends, strict=True))
                number, people = self.sums(indicator, place, base, year, common)
                events, population = self.sums(indicator, "MIDT", base, year, common)
                lived = population > 0
                expected += float((people[lived] * events[lived] / population[lived]).sum())
                observed += float(number.sum())
        return observed / expected * region_events / region_people if expected > 0 else None
