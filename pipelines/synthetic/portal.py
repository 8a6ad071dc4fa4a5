"""The inhabitants' portal: sessions and forms.

Belongs here: who signs in, which forms are sent and answered, where the portal is live. Does not
belong here: what counts as active (``truth_persons``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Floats, Ints, date_series, first_day, year_of
from pipelines.synthetic.draws import curve, named, place_factors
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.population import FEMALE, Population
from pipelines.synthetic.spells import Spells

_CONTACT_LATEST = 28


def session_frame(
    settings: SyntheticSettings, places: Places, population: Population, spells: Spells
) -> pl.DataFrame:
    """Draw the sessions of the window.

    Returns:
        One row a session: session, person, session_on, minute (after local midnight).
    """
    rng = settings.rng("portal")
    factor = place_factors(rng, len(places.codes), par.MUNICIPALITY_PORTAL_LOG_SD)
    inclined = rng.random(population.birth.size)
    persons, days = [], []
    for year in settings.window:
        person, begin = _year_of_sessions(rng, year, population, spells, factor, inclined)
        persons.append(person)
        days.append(begin)
    person, on = np.concatenate(persons), np.concatenate(days)
    keep = _live(places, spells, person, on)
    person, on = person[keep], on[keep]
    order = np.lexsort((on, person))
    return pl.DataFrame(
        {
            "session": np.arange(order.size),
            "person": person[order],
            "session_on": date_series("session_on", on[order]),
            "minute": rng.integers(6 * 60, 23 * 60, order.size),
        }
    )


def _year_of_sessions(
    rng: np.random.Generator,
    year: int,
    population: Population,
    spells: Spells,
    factor: Floats,
    inclined: Floats,
) -> tuple[Ints, Ints]:
    age = year - year_of(population.birth)
    place = spells.place_on(np.arange(age.size), np.full(age.size, first_day(year) + 364))
    by_sex = np.where(
        population.sex == FEMALE, par.PORTAL_WOMEN_FACTOR, 2 - par.PORTAL_WOMEN_FACTOR
    )
    share = curve(par.PORTAL_USERS, age) * by_sex * factor[place]
    share = np.where(age < 0, 0.0, share)
    user = (inclined < share) & (rng.random(age.size) < par.PORTAL_YEARLY_USE)
    person = np.flatnonzero(user)
    person = np.repeat(person, 1 + rng.poisson(par.PORTAL_SESSIONS - 1, person.size))
    return person, first_day(year) + rng.integers(0, 365, person.size)


def _live(places: Places, spells: Spells, person: Ints, on: Ints) -> np.ndarray:
    place = spells.place_on(person, on)
    return (place >= 0) & (on >= places.live_on["portal"][np.maximum(place, 0)])


def form_frame(
    settings: SyntheticSettings, places: Places, population: Population, spells: Spells
) -> pl.DataFrame:
    """Draw the forms sent before contacts in the window.

    Returns:
        One row a form: form, person, status, sent_on, answered_on (null where none), contact_on.
    """
    rng = settings.rng("forms")
    factor = place_factors(rng, len(places.codes), par.MUNICIPALITY_PORTAL_LOG_SD)
    persons, days = [], []
    for year in settings.window:
        age = year - year_of(population.birth)
        expected = np.where(age < 0, 0.0, curve(par.FORMS_PER_YEAR, age))
        person = np.repeat(np.arange(age.size), rng.poisson(expected))
        persons.append(person)
        days.append(first_day(year) + rng.integers(0, 365, person.size))
    person, sent = np.concatenate(persons), np.concatenate(days)
    keep = _live(places, spells, person, sent)
    person, sent = person[keep], sent[keep]
    order = np.lexsort((sent, person))
    person, sent = person[order], sent[order]
    place = spells.place_on(person, sent)
    size = person.size
    contact = sent + rng.integers(7, _CONTACT_LATEST, size)
    fate = rng.random(size) / factor[place]
    in_time = fate < par.FORM_ANSWERED
    late = ~in_time & (fate < par.FORM_ANSWERED + par.FORM_LATE_SHARE)
    answered = np.where(in_time, sent + rng.integers(0, contact - sent + 1), FAR)
    answered = np.where(late, contact + 1 + rng.integers(0, 10, size), answered)
    answered = np.where(answered > settings.last_day, FAR, answered)
    odd = rng.random(size)
    status = np.where(answered < FAR, 0, 1)
    status = np.where(odd < par.FORM_ODD_STATUS_SHARE, 2, status)
    status = np.where(odd > 1 - par.ERROR_SHARE, 3, status)
    names = ("completed", "requested", "cancelled", "entered-in-error")
    return pl.DataFrame(
        {
            "form": np.arange(size),
            "person": person,
            "status": named(names, status),
            "sent_on": date_series("sent_on", sent),
            "answered_on": date_series("answered_on", answered),
            "contact_on": date_series("contact_on", contact),
        }
    )
