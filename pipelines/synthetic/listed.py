"""Persons on the lists of offices that are live, and drawing their events of a year.

Belongs here: who is covered by a live office when, rates that repeat in persons and cluster in
offices. Does not belong here: which events (``claims``, ``measurements``, ``medication``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Floats, Ints, first_day, last_day, seasonal_days, year_of
from pipelines.synthetic.draws import curve
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.population import Population
from pipelines.synthetic.primary_care import Offices
from pipelines.synthetic.spells import Spells


@dataclass(frozen=True)
class Basis:
    """What every part of a whole region is drawn from."""

    settings: SyntheticSettings
    places: Places
    population: Population
    spells: Spells
    offices: Offices

    def age(self, year: int) -> Ints:
        """Age of all persons at the end of a year; negative before birth."""
        return year - year_of(self.population.birth)

    @cached_property
    def frailty(self) -> Floats:
        """A factor with mean 1 that all yearly rates of a person share: repeated events."""
        shape = par.FRAILTY_SHAPE
        size = self.population.birth.size
        return self.settings.rng("frailty of the listed").gamma(shape, 1 / shape, size)

    @cached_property
    def _office_of_spell(self) -> Ints:
        return self.offices.of(self.spells.person, self.spells.place)

    def listed(self, year: int) -> tuple[Ints, Ints]:
        """Persons on the list of an office that is live by the end of a year, and their ages."""
        spells = self.spells
        during = (spells.begin <= last_day(year)) & (spells.end > first_day(year))
        live = self.offices.live[self._office_of_spell] <= last_day(year)
        person = np.unique(spells.person[during & live])
        return person, self.age(year)[person]

    def residents(self, year: int, live: Ints) -> tuple[Ints, Ints]:
        """Persons who live, in a year, at a place that is live by its end, and their ages."""
        spells = self.spells
        during = (spells.begin <= last_day(year)) & (spells.end > first_day(year))
        person = np.unique(spells.person[during & (live[spells.place] <= last_day(year))])
        return person, self.age(year)[person]

    def at_office(self, person: Ints, days: Ints) -> Ints:
        """Office of each (person, day); -1 where none is live or the person lives elsewhere."""
        office = self.offices.of(person, self.spells.place_on(person, days))
        live = np.where(office >= 0, self.offices.live[np.maximum(office, 0)], FAR)
        return np.where(days >= live, office, -1)

    def events(
        self,
        rng: np.random.Generator,
        year: int,
        person: Ints,
        rate: Floats,
        season: par.Months = par.FLAT_SEASON,
    ) -> tuple[Ints, Ints, Ints]:
        """Events of listed persons in a year, at a live office.

        Args:
            rng: Random stream.
            year: Calendar year.
            person: Persons, ascending.
            rate: Expected events of each in a whole year.
            season: Relative rate by month.

        Returns:
            Person, day and office of each event, persons ascending.
        """
        counted = rng.poisson(rate)
        who = np.repeat(person, counted)
        days = seasonal_days(rng, year, who.size, season)
        office = self.at_office(who, days)
        kept = office >= 0
        return who[kept], days[kept], office[kept]

    def days_of(self, rng: np.random.Generator, year: int, size: int) -> Ints:
        """Days spread evenly over a year."""
        return first_day(year) + rng.integers(0, last_day(year) - first_day(year) + 1, size)

    def by_age(self, rate: par.Curve, age: Ints) -> Floats:
        """A rate by age; none before birth."""
        return np.where(age < 0, 0.0, curve(rate, age))
