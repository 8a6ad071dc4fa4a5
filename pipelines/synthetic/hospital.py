"""Hospital stays: admissions, readmissions, transfers, and when patients were ready.

Belongs here: drawing the stays. Does not belong here: the messages about them (``messages``),
what they count for (``truth``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import (
    FAR,
    Bools,
    Floats,
    Ints,
    date_series,
    off_changing_hours,
    seasonal_days,
    year_of,
)
from pipelines.synthetic.draws import choose_in_rows, curve, named, place_factors
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import HOSPITALS, Places
from pipelines.synthetic.population import Population
from pipelines.synthetic.spells import Spells, without_overlap

CLASSES = ("IMP", "AMB", "EMER")
SERVICE_TYPES = ("somatic", "psychiatry", "substance")
PRIORITIES = ("EM", "EL")
_IMP, _AMB, _EMER = range(3)
_SOMATIC, _PSYCHIATRY, _SUBSTANCE = range(3)
_EM, _EL = range(2)
_OUTSIDE = HOSPITALS.index("OUTSIDE")


@dataclass
class Stays:
    """Stays as arrays; days are day numbers, ``end`` the last day, ``ready`` -1 where never."""

    person: Ints
    begin: Ints
    end: Ints
    ready: Ints
    place: Ints
    hospital: Ints
    kind: Ints
    service: Ints
    priority: Ints

    def take(self, keep: Bools | Ints) -> Stays:
        """The stays at some positions."""
        return Stays(**{name: values[keep] for name, values in vars(self).items()})

    @classmethod
    def concat(cls, *parts: Stays) -> Stays:
        """All stays of several."""
        return cls(**{n: np.concatenate([vars(p)[n] for p in parts]) for n in vars(parts[0])})


@dataclass(frozen=True)
class _World:
    settings: SyntheticSettings
    places: Places
    population: Population
    spells: Spells
    frailty: Floats
    stay_factor: Floats
    waiting_factor: Floats
    readmission_factor: Floats


def make_stays(
    settings: SyntheticSettings, places: Places, population: Population, spells: Spells
) -> Stays:
    """Draw the stays of the window at hospitals of the region that are live.

    Args:
        settings: Window and seed.
        places: Catchment and hospital go-lives.
        population: Persons.
        spells: Where they live.

    Returns:
        Stays in order of person and begin. Stays of class IMP of a person never overlap; they
        touch only where the patient was transferred.
    """
    rng = settings.rng("hospital")
    size = len(places.codes)
    shape = par.FRAILTY_SHAPE
    world = _World(
        settings,
        places,
        population,
        spells,
        rng.gamma(shape, 1 / shape, population.birth.size),
        place_factors(rng, size, par.MUNICIPALITY_STAY_LOG_SD),
        place_factors(rng, size, par.MUNICIPALITY_WAITING_LOG_SD),
        place_factors(rng, size, par.MUNICIPALITY_READMISSION_LOG_SD),
    )
    parts = [_drawn(world, rng, *kind) for kind in _KINDS]
    inpatient = Stays.concat(*(part for part in parts if part.kind.size and part.kind[0] == _IMP))
    inpatient = Stays.concat(inpatient, _readmissions(world, rng, inpatient))
    inpatient = inpatient.take(without_overlap(inpatient.person, inpatient.begin, inpatient.end))
    inpatient = Stays.concat(inpatient, _transfers(world, rng, inpatient))
    others = [part for part in parts if part.kind.size and part.kind[0] != _IMP]
    stays = Stays.concat(inpatient, *others)
    stays = stays.take(_recorded(world, stays))
    return stays.take(np.lexsort((stays.end, stays.kind, stays.begin, stays.person)))


_KINDS: tuple[tuple[par.Curve, par.Months, int, int, float], ...] = (
    # yearly rate, season, class, service, share of emergencies
    (par.EMERGENCY_SOMATIC, par.EMERGENCY_SEASON, _IMP, _SOMATIC, 1.0),
    (par.ELECTIVE_SOMATIC, par.ELECTIVE_SEASON, _IMP, _SOMATIC, 0.0),
    (par.PSYCHIATRY, par.FLAT_SEASON, _IMP, _PSYCHIATRY, par.PSYCHIATRY_EMERGENCY_SHARE),
    (par.SUBSTANCE, par.FLAT_SEASON, _IMP, _SUBSTANCE, par.SUBSTANCE_EMERGENCY_SHARE),
    (par.OUTPATIENT, par.ELECTIVE_SEASON, _AMB, _SOMATIC, 0.0),
    (par.EMERGENCY_ROOM, par.EMERGENCY_SEASON, _EMER, _SOMATIC, 1.0),
)


def _drawn(
    world: _World,
    rng: np.random.Generator,
    rate: par.Curve,
    season: par.Months,
    kind: int,
    service: int,
    emergencies: float,
) -> Stays:
    persons, days = [], []
    settings, population = world.settings, world.population
    for year in range(settings.first_year - 1, settings.end_year + 1):
        age = year - year_of(population.birth)
        expected = np.where(age < 0, 0.0, curve(rate, age)) / 1000 * world.frailty
        expected = expected * world.stay_factor.max()
        person = np.repeat(np.arange(age.size), rng.poisson(expected))
        persons.append(person)
        days.append(seasonal_days(rng, year, person.size, season))
    person, begin = np.concatenate(persons), np.concatenate(days)
    place = world.spells.place_on(person, begin)
    # Places differ: the top of the range keeps all its draws, the others lose some.
    thinned = rng.random(person.size) < world.stay_factor[place] / world.stay_factor.max()
    keep = (begin >= settings.first_day - par.LEAD_DAYS) & (place >= 0) & thinned
    person, begin, place = person[keep], begin[keep], place[keep]
    priority = np.where(rng.random(person.size) < emergencies, _EM, _EL)
    return _stays(world, rng, person, begin, place, (kind, service), priority)


def _stays(
    world: _World,
    rng: np.random.Generator,
    person: Ints,
    begin: Ints,
    place: Ints,
    kind: tuple[int, int],
    priority: Ints,
) -> Stays:
    size = person.size
    hospital = choose_in_rows(rng, world.places.catchment, place)
    elsewhere = rng.random(size) < par.STAY_ELSEWHERE_SHARE
    of_stay = np.where(elsewhere, rng.permutation(place), place)
    age = year_of(begin) - year_of(world.population.birth[person])
    if kind[0] == _IMP:
        length = _length(rng, age, kind[1])
        ready, wait = _waiting(world, rng, age, of_stay, priority, kind[1])
    else:
        length, wait = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        ready = np.zeros(size, dtype=np.bool_)
    ready_on = np.where(ready, begin + length, -1)
    end = begin + length + np.where(ready, wait, 0)
    # A stay ends with life, at the latest.
    end = np.minimum(end, np.maximum(world.population.death[person], begin))
    constant = np.ones(size, dtype=np.int64)
    return Stays(
        person, begin, end, ready_on, of_stay, hospital, constant * kind[0], constant * kind[1],
        priority.astype(np.int64),
    )  # fmt: skip


def _length(rng: np.random.Generator, age: Ints, service: int) -> Ints:
    median = curve(par.STAY_MEDIAN_DAYS, age)
    if service != _SOMATIC:
        median = median * par.PSYCHIATRY_STAY_FACTOR
    days = median * np.exp(rng.normal(0.0, par.STAY_LOG_SD, age.size))
    return np.floor(days).astype(np.int64)


def _waiting(
    world: _World,
    rng: np.random.Generator,
    age: Ints,
    place: Ints,
    priority: Ints,
    service: int,
) -> tuple[Bools, Ints]:
    share = curve(par.READY_SHARE, age) * np.where(priority == _EM, 1.0, par.READY_PLANNED_FACTOR)
    if service != _SOMATIC:
        share = np.where(age >= 18, par.READY_PSYCHIATRY_SHARE, 0.0)
    ready = rng.random(age.size) < share
    factor = world.waiting_factor[place]
    same_day = rng.random(age.size) < np.clip(1 - (1 - par.SAME_DAY_SHARE) * factor, 0.15, 0.9)
    more = rng.geometric(np.clip(1 / (par.WAITING_DAYS_MEAN * factor), 0.05, 0.95))
    return ready, np.where(same_day, 0, more).astype(np.int64)


def _readmissions(world: _World, rng: np.random.Generator, index: Stays) -> Stays:
    age = year_of(index.begin) - year_of(world.population.birth[index.person])
    share = curve(par.READMISSION, age) * world.readmission_factor[index.place]
    back = (index.service == _SOMATIC) & (rng.random(age.size) < share)
    person = index.person[back]
    gap = 1 + np.minimum(rng.exponential(par.READMISSION_MEAN_DAYS, person.size), 29.0).astype(
        np.int64
    )
    begin = index.end[back] + gap
    place = world.spells.place_on(person, begin)
    alive = (place >= 0) & (begin <= world.settings.last_day)
    emergency = np.full(int(alive.sum()), _EM)
    return _stays(
        world, rng, person[alive], begin[alive], place[alive], (_IMP, _SOMATIC), emergency
    )


def _transfers(world: _World, rng: np.random.Generator, index: Stays) -> Stays:
    """Stays that go on elsewhere on the day another ends, where the time until the next allows."""
    order = np.lexsort((index.begin, index.person))
    index = index.take(order)
    same = np.r_[np.diff(index.person) == 0, False]
    following = np.where(same, np.r_[index.begin[1:], FAR], FAR)
    moved = (rng.random(index.person.size) < par.TRANSFER_SHARE) & (index.service == _SOMATIC)
    first = index.take(moved)
    room = following[moved] - first.end - 1
    length = np.minimum(1 + rng.geometric(0.25, first.person.size), room - 1)
    longest = world.population.death[first.person] - first.end
    fits = (length >= 1) & (length < longest) & (first.end <= world.settings.last_day)
    first, length = first.take(fits), length[fits]
    return Stays(
        first.person, first.end, first.end + length, np.full(length.size, -1, dtype=np.int64),
        first.place, choose_in_rows(rng, world.places.catchment, first.place), first.kind,
        np.where(rng.random(length.size) < par.TRANSFER_TO_PSYCHIATRY, _PSYCHIATRY, first.service),
        np.where(rng.random(length.size) < par.TRANSFER_AS_EMERGENCY, first.priority, _EL),
    )  # fmt: skip


def _recorded(world: _World, stays: Stays) -> Bools:
    live = world.places.hospital_live[stays.hospital]
    in_window = (stays.begin <= world.settings.last_day) & (stays.end >= world.settings.first_day)
    return np.asarray((stays.hospital != _OUTSIDE) & (stays.begin >= live) & in_window)


def encounter_frame(
    settings: SyntheticSettings, places: Places, population: Population, stays: Stays
) -> pl.DataFrame:
    """Stays as they stand at the end of the window.

    Returns:
        One row a stay: encounter, person, status, class_code, priority_code, service_type,
        started_on, ended_on (null while it lasts), hospital_code, municipality_of_stay (valid at
        the end, or at the end of the window), discharge_disposition, and the clock times
        ``started_minute`` and ``ended_minute`` (minutes after midnight).
    """
    rng = settings.rng("encounter details")
    size = stays.person.size
    finished = stays.end <= settings.last_day
    odd = rng.random(size)
    status = np.where(finished, 0, 1)
    status = np.where(odd < par.CANCELLED_SHARE, 2, status)
    status = np.where(odd > 1 - par.ERROR_SHARE, 3, status)
    died = finished & (stays.end == population.death[stays.person])
    away = rng.random(size)
    other, home = par.DISCHARGED_ELSEWHERE
    disposition = np.where(died, 3, np.where(away < other, 1, np.where(away < home, 2, 0)))
    started = rng.integers(0, 24 * 60, size)
    ended = np.where(
        stays.end == stays.begin,
        started + rng.integers(0, 60, size) * (24 * 60 - 1 - started) // 60,
        rng.integers(7 * 60, 21 * 60, size),
    )
    when = np.minimum(stays.end, settings.last_day)
    return pl.DataFrame(
        {
            "encounter": np.arange(size),
            "person": stays.person,
            "status": named(("finished", "in-progress", "cancelled", "entered-in-error"), status),
            "class_code": named(CLASSES, stays.kind),
            "priority_code": named(PRIORITIES, stays.priority),
            "service_type": named(SERVICE_TYPES, stays.service),
            "started_on": date_series("started_on", stays.begin),
            "ended_on": date_series("ended_on", np.where(finished, stays.end, FAR)),
            "hospital_code": named(HOSPITALS, stays.hospital),
            "municipality_of_stay": places.code_at(stays.place, when),
            "place": stays.place,
            "discharge_disposition": named(("home", "other-hcf", "snf", "exp"), disposition),
            "started_minute": off_changing_hours(stays.begin, started),
            "ended_minute": off_changing_hours(stays.end, ended),
        }
    )
