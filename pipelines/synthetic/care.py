"""Municipal care services: who has which, from when to when.

Belongs here: episodes of care where the municipality is live, those migrated at go-live with
their original start included. Does not belong here: what staff write (``documentation``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Floats, Ints, date_series, first_day, year_of
from pipelines.synthetic.draws import curve, named, place_factors
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.population import Population
from pipelines.synthetic.spells import Spells, without_overlap

_YEAR = 365.25


def care_frame(
    settings: SyntheticSettings, places: Places, population: Population, spells: Spells
) -> pl.DataFrame:
    """Draw the care episodes of all live municipalities.

    Args:
        settings: Window and seed.
        places: Go-lives.
        population: Persons.
        spells: Where they live: an episode ends when its person moves or dies.

    Returns:
        One row an episode: episode, person, status, service_type_code, place,
        municipality_code (valid at the end, or at the end of the window), unit, start_on,
        end_on (null while it lasts), weekly_hours (null where none are granted), known_on (the
        later of start and go-live), leading_zero (how the code is written).
    """
    rng = settings.rng("care")
    parts = [_service(settings, places, population, spells, rng, c) for c in par.CARE_PREVALENCE]
    person, begin, end, place, service = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.lexsort((service, begin, person))
    person, begin, end = person[order], begin[order], end[order]
    place, service = place[order], service[order]
    return _frame(settings, places, rng, person, begin, end, place, service)


def _service(
    settings: SyntheticSettings,
    places: Places,
    population: Population,
    spells: Spells,
    rng: np.random.Generator,
    code: str,
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    factor = place_factors(rng, len(places.codes), par.MUNICIPALITY_CARE_LOG_SD)
    mean = par.CARE_MEAN_YEARS[code] * _YEAR
    parts = [
        _stock(settings, places, population, spells, rng, code, factor),
        _flow(settings, places, population, spells, rng, code, factor),
    ]
    person, begin, known, place = (np.concatenate(part) for part in zip(*parts, strict=True))
    # Exponential time from when it is known; the episode ends with life or residence.
    end = known + 1 + rng.exponential(mean, person.size).astype(np.int64)
    end = np.minimum(end, np.maximum(spells.end_of(person, known), known + 1))
    end = np.where(end > settings.last_day, FAR, end)
    keep = without_overlap(person, begin, end) & (end >= settings.first_day)
    constant = np.full(int(keep.sum()), int(code), dtype=np.int64)
    return person[keep], begin[keep], end[keep], place[keep], constant


def _stock(
    settings: SyntheticSettings,
    places: Places,
    population: Population,
    spells: Spells,
    rng: np.random.Generator,
    code: str,
    factor: Floats,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Users on the day of go-live, with the start they had in the system before."""
    live = places.live_on["municipal_care"]
    persons = [np.array([], dtype=np.int64)]
    for on in np.unique(live[live <= settings.last_day]):
        person, place = spells.residents(int(on))
        persons.append(person[live[place] == on])
    person = np.concatenate(persons)
    spell_place = _place_at_live(places, spells, person, live)
    on = live[spell_place]
    age = year_of(on) - year_of(population.birth[person])
    share = curve(par.CARE_PREVALENCE[code], age) * factor[spell_place]
    user = rng.random(person.size) < share
    person, place, on = person[user], spell_place[user], on[user]
    before = 1 + rng.exponential(par.CARE_MEAN_YEARS[code] * _YEAR, person.size).astype(np.int64)
    begin = np.maximum(on - np.minimum(before, 15 * 365), population.birth[person])
    return person, begin, on, place


def _place_at_live(places: Places, spells: Spells, person: Ints, live: Ints) -> Ints:
    """Where each person lived on that place's own day of go-live."""
    result = np.full(person.size, -1, dtype=np.int64)
    for on in np.unique(live[live < FAR]):
        place = spells.place_on(person, np.full(person.size, on, dtype=np.int64))
        here = (place >= 0) & (live[place] == on) & (result < 0)
        result[here] = place[here]
    return result


def _flow(
    settings: SyntheticSettings,
    places: Places,
    population: Population,
    spells: Spells,
    rng: np.random.Generator,
    code: str,
    factor: Floats,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Users who begin after go-live, as many as leave in a steady state."""
    live = places.live_on["municipal_care"]
    start = int(min(live.min(), settings.first_day))
    persons, days = [], []
    renewal = par.CARE_INFLOW_FACTOR[code] / par.CARE_MEAN_YEARS[code] * factor.max()
    for year in range(int(year_of(np.array([start]))[0]), settings.end_year + 1):
        age = year - year_of(population.birth)
        expected = np.where(age < 0, 0.0, curve(par.CARE_PREVALENCE[code], age)) * renewal
        person = np.repeat(np.arange(age.size), rng.poisson(expected))
        persons.append(person)
        days.append(first_day(year) + rng.integers(0, 365, person.size))
    person, begin = np.concatenate(persons), np.concatenate(days)
    place = spells.place_on(person, begin)
    thinned = rng.random(person.size) < factor[place] / factor.max()
    keep = (place >= 0) & (begin > live[place]) & thinned
    return person[keep], begin[keep], begin[keep], place[keep]


def _frame(
    settings: SyntheticSettings,
    places: Places,
    rng: np.random.Generator,
    person: Ints,
    begin: Ints,
    end: Ints,
    place: Ints,
    service: Ints,
) -> pl.DataFrame:
    size = person.size
    odd = rng.random(size)
    status = np.where(end < FAR, 1, 0)
    status = np.where((end == FAR) & (odd < par.CARE_ON_HOLD_SHARE), 2, status)
    status = np.where(odd > 1 - par.CARE_ERROR_SHARE, 4, status)
    status = np.where((odd > 0.9) & (odd < 0.9 + par.CARE_CANCELLED_SHARE), 3, status)
    median = np.array([par.CARE_MEDIAN_HOURS.get(str(code), 0.0) for code in range(30)])[service]
    hours = np.round(median * np.exp(rng.normal(0.0, 0.8, size)) * 4) / 4
    units = 1 + places.inhabitants(2024) // par.INHABITANTS_PER_CARE_UNIT
    unit = 1 + np.floor(rng.random(size) * units[place]).astype(np.int64)
    when = np.minimum(end, settings.last_day)
    live = places.live_on["municipal_care"][place]
    names = ("active", "finished", "on-hold", "cancelled", "entered-in-error")
    return pl.DataFrame(
        {
            "episode": np.arange(size),
            "person": person,
            "status": named(names, status),
            "service_type_code": pl.Series(service).cast(pl.String),
            "place": place,
            "municipality_code": places.code_at(place, when),
            "unit": unit,
            "start_on": date_series("start_on", begin),
            "end_on": date_series("end_on", end),
            "weekly_hours": pl.Series(np.where(hours > 0, hours, np.nan)).fill_nan(None),
            "known_on": date_series("known_on", np.maximum(begin, live)),
            "leading_zero": pl.Series((service < 10) & (rng.random(size) < par.LEADING_ZERO_SHARE)),
        }
    ).with_columns(
        pl.format("{}-E{}", pl.Series(places.codes).gather(pl.Series(place)), "unit").alias("unit")
    )
