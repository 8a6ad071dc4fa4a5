"""Persons and where they live: births, deaths, moves, in proportion to the real population.

Belongs here: the yearly simulation of residence. Does not belong here: names and numbers
(``identities``), services.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Bools, Ints, first_day, seasonal_days, year_of
from pipelines.synthetic.draws import choose, curve, largest_remainder, pick_by_group
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.spells import Spells

FEMALE, MALE = 0, 1
HISTORY_BEGINS = first_day(2018)
_MAY_HAVE_MOVED = first_day(2020)
"""Who was born later has one address when the window begins."""
_LAST_MOVE_DAY = 355


@dataclass
class Population:
    """Persons by index, as they stand while the years pass.

    ``birth`` and ``death`` are day numbers, ``sex`` is 0 female, 1 male; ``place`` is where the
    person lives now (-1: dead or gone), since ``since``.
    """

    birth: Ints
    sex: Ints
    death: Ints
    place: Ints
    since: Ints
    closed: list[tuple[Ints, Ints, Ints, Ints]] = field(default_factory=list)

    def add(self, birth: Ints, sex: Ints, place: Ints, since: Ints) -> None:
        """Append persons who now live at ``place``."""
        self.birth = np.concatenate([self.birth, birth])
        self.sex = np.concatenate([self.sex, sex])
        self.death = np.concatenate([self.death, np.full(birth.size, FAR, dtype=np.int64)])
        self.place = np.concatenate([self.place, place])
        self.since = np.concatenate([self.since, since])

    def close(self, persons: Ints, on: Ints) -> None:
        """End the present spells of ``persons`` on the given days (exclusive)."""
        self.closed.append((persons, self.since[persons], on, self.place[persons]))

    def spells(self) -> Spells:
        """All spells, the present ones open."""
        present = np.flatnonzero(self.place >= 0)
        self.close(present, np.full(present.size, FAR, dtype=np.int64))
        person, begin, end, place = (
            np.concatenate(part) for part in zip(*self.closed, strict=True)
        )
        return Spells.build(person, begin, end, place, self.death)


def simulate(settings: SyntheticSettings, places: Places) -> tuple[Population, Spells]:
    """Live through the window year by year.

    On 1 January of each year every place has ``round(scale x inhabitants)`` persons (at least
    one), which births, deaths and moves inside the region and across its border add up to.

    Args:
        settings: Scale, window and seed.
        places: The municipalities.

    Returns:
        The persons, and their residence spells since 1 January 2018.
    """
    rng = settings.rng("population")
    population = _initial(settings, places, rng)
    for year in settings.window:
        _live(population, year, targets(settings, places, year + 1), rng)
    return population, population.spells()


def targets(settings: SyntheticSettings, places: Places, year: int) -> Ints:
    """Persons by place on 1 January of a year."""
    scaled = np.rint(places.inhabitants(year) * settings.scale).astype(np.int64)
    return np.asarray(np.maximum(scaled, 1), dtype=np.int64)


def initial_bands(settings: SyntheticSettings, places: Places) -> Ints:
    """Persons by place and age band on the first day of the window."""
    return largest_remainder(
        places.bands.astype(np.float64), targets(settings, places, settings.first_year)
    )


def _initial(settings: SyntheticSettings, places: Places, rng: np.random.Generator) -> Population:
    counts = initial_bands(settings, places)
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    place, band = np.divmod(cells, counts.shape[1])
    ages = np.arange(106)
    pyramid = curve(par.AGE_PYRAMID, ages)
    band_of_age = np.searchsorted(np.array(par.BAND_STARTS), ages, side="right") - 1
    age = np.empty(place.size, dtype=np.int64)
    for number in range(len(par.BAND_STARTS)):
        members = band == number
        age[members] = choose(rng, np.where(band_of_age == number, pyramid, 0.0), members.sum())
    sex = (rng.random(place.size) < np.array(par.MALE_SHARE_BY_BAND)[band]).astype(np.int64)
    birth = _birthday(rng, settings.first_year - 1 - age)
    since = np.maximum(birth, HISTORY_BEGINS)
    empty = np.array([], dtype=np.int64)
    population = Population(empty, empty, empty, empty, empty)
    population.add(birth, sex, place.astype(np.int64), since)
    _earlier_addresses(population, settings, places, rng)
    return population


def _birthday(rng: np.random.Generator, years: Ints) -> Ints:
    result = np.empty(years.shape, dtype=np.int64)
    for year in np.unique(years):
        members = years == year
        result[members] = seasonal_days(rng, int(year), int(members.sum()), par.BIRTH_SEASON)
    return result


def _earlier_addresses(
    population: Population, settings: SyntheticSettings, places: Places, rng: np.random.Generator
) -> None:
    span = settings.first_day - HISTORY_BEGINS
    old_enough = population.birth < _MAY_HAVE_MOVED
    moved = np.flatnonzero(old_enough & (rng.random(old_enough.size) < par.EARLIER_ADDRESS_SHARE))
    before = _destination(rng, places.inhabitants(2024), population.place[moved])
    earlier = np.maximum(population.birth[moved], HISTORY_BEGINS)
    drawn = HISTORY_BEGINS + 1 + rng.integers(0, span - 1, moved.size)
    on = np.maximum(drawn, earlier + 1)
    population.closed.append((moved, earlier, on, before))
    population.since[moved] = on


def _destination(rng: np.random.Generator, inhabitants: Ints, origin: Ints) -> Ints:
    """Another place, drawn by its size; the next one where the draw falls on the origin."""
    drawn = choose(rng, inhabitants.astype(np.float64), origin.size)
    return np.where(drawn == origin, (drawn + 1) % inhabitants.size, drawn)


def _live(population: Population, year: int, wanted: Ints, rng: np.random.Generator) -> None:
    january = first_day(year)
    residents = np.flatnonzero(population.place >= 0)
    at_start = np.bincount(population.place[residents], minlength=wanted.size)
    dying = _deaths(population, year, residents, rng)
    staying = residents[~dying]
    _moves(population, january, staying, np.maximum(wanted, 1), rng)
    # No more are born than live there in the end, so that nobody newborn has to leave.
    births = np.minimum(rng.poisson(at_start * par.BIRTHS_PER_1000 / 1000), wanted)
    movable = np.bincount(population.place[staying], minlength=wanted.size)
    _births(population, year, births, rng)
    leaving = np.minimum(np.rint(at_start * par.EMIGRATION_RATE).astype(np.int64), movable)
    arriving = np.maximum(wanted - movable - births + leaving, 0)
    leaving = movable + births + arriving - wanted
    _emigrate(population, year, staying, leaving, rng)
    _immigrate(population, year, arriving, rng)


def _deaths(population: Population, year: int, residents: Ints, rng: np.random.Generator) -> Bools:
    age = year - year_of(population.birth[residents])
    level = np.where(
        population.sex[residents] == FEMALE,
        par.MORTALITY_BY_SEX["female"],
        par.MORTALITY_BY_SEX["male"],
    )
    hazard = par.MORTALITY_LEVEL * np.exp(par.MORTALITY_SLOPE * age) * level
    dying = rng.random(residents.size) < 1.0 - np.exp(-hazard)
    dead = residents[dying]
    on = seasonal_days(rng, year, dead.size, par.DEATH_SEASON)
    # Nobody comes or goes on 1 January: the count of that day is the target, exactly.
    population.death[dead] = np.maximum(on, first_day(year) + 1)
    population.close(dead, np.full(dead.size, FAR, dtype=np.int64))
    population.place[dead] = -1
    return np.asarray(dying)


def _moves(
    population: Population,
    january: int,
    staying: Ints,
    sizes: Ints,
    rng: np.random.Generator,
) -> None:
    year = int(year_of(np.array([january]))[0])
    age = year - year_of(population.birth[staying])
    moving = staying[rng.random(staying.size) < curve(par.MOVE_RATE, age)]
    on = january + 2 + rng.integers(0, _LAST_MOVE_DAY - 2, moving.size)
    population.close(moving, on)
    population.place[moving] = _destination(rng, sizes, population.place[moving])
    population.since[moving] = on


def _births(population: Population, year: int, births: Ints, rng: np.random.Generator) -> None:
    place = np.repeat(np.arange(births.size), births)
    on = np.maximum(seasonal_days(rng, year, place.size, par.BIRTH_SEASON), first_day(year) + 1)
    sex = (rng.random(place.size) < par.MALE_SHARE_BY_BAND[0]).astype(np.int64)
    population.add(on, sex, place.astype(np.int64), on)


def _emigrate(
    population: Population, year: int, staying: Ints, leaving: Ints, rng: np.random.Generator
) -> None:
    age = year - year_of(population.birth[staying])
    # The young leave most: an exponential clock with a rate by age.
    key = rng.exponential(size=staying.size) / (0.05 + curve(par.MOVE_RATE, age))
    gone = staying[pick_by_group(population.place[staying], key, leaving)]
    earliest = np.maximum(population.since[gone], first_day(year)) + 1
    on = earliest + np.floor(rng.random(gone.size) * (first_day(year + 1) - earliest)).astype(int)
    population.close(gone, on)
    population.place[gone] = -1


def _immigrate(population: Population, year: int, arriving: Ints, rng: np.random.Generator) -> None:
    place = np.repeat(np.arange(arriving.size), arriving)
    age = choose(rng, curve(par.IMMIGRANT_AGES, np.arange(81)), place.size)
    birth = _birthday(rng, year - 1 - age)
    sex = (rng.random(place.size) < 0.5).astype(np.int64)
    on = first_day(year) + 1 + rng.integers(0, 360, place.size)
    population.add(birth, sex, place.astype(np.int64), on)
