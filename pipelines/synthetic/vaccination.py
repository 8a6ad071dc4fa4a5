"""Vaccinations: measles, mumps and rubella in childhood, influenza each autumn.

Belongs here: who is vaccinated when. Does not belong here: coverage as an indicator has it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.clinical import Ill
from pipelines.synthetic.days import FAR, Bools, Floats, Ints, date_series, first_day, year_of
from pipelines.synthetic.draws import coded, identified, logit_shift
from pipelines.synthetic.listed import Basis

MMR, INFLUENZA = "J07BD52", "J07BB02"
STATUSES = ("completed", "not-done", "entered-in-error")
_MMR_SPREAD = 60


def immunization_frame(basis: Basis, ill: Ill, diabetic: Ints) -> pl.DataFrame:
    """Draw the vaccinations that live offices know of, and live health stations of children's.

    Args:
        basis: Persons and offices.
        ill: Persons with lung disease: a group at risk.
        diabetic: Persons with diabetes: another.

    Returns:
        One row a vaccination: id, person, status, vaccine_code, dose_number, given_on,
        known_year (of the delivery that brings it).
    """
    rng = basis.settings.rng("vaccination")
    local = rng.normal(0.0, par.MUNICIPALITY_VACCINE_LOGIT_SD, len(basis.places.codes))
    parts = [*_childhood(rng, basis, local)]
    risk = np.zeros(basis.population.birth.size, dtype=np.bool_)
    for group in (ill.copd, ill.asthma, diabetic):
        risk[group] = True
    for year in range(basis.settings.first_year - 1, basis.settings.end_year + 1):
        parts.append(_autumn(rng, basis, local, year, risk))
    person, days, vaccine, dose = (np.concatenate(part) for part in zip(*parts, strict=True))
    known = _known_to_offices(basis, person, days)
    odd = _odd(basis, rng, known <= basis.settings.end_year)
    station = _known_to_stations(basis, person, days)
    known = np.where(vaccine == 0, np.minimum(known, station), known)
    kept = known <= basis.settings.end_year
    person, days, vaccine, dose, known = (x[kept] for x in (person, days, vaccine, dose, known))
    odd = odd[kept]
    status = np.where(odd < par.VACCINE_NOT_DONE, 1, np.where(odd > 1 - par.ERROR_SHARE, 2, 0))
    return pl.DataFrame(
        {
            "id": identified("vak-", person.size),
            "person": person,
            "status": coded(STATUSES, status),
            "vaccine_code": coded((MMR, INFLUENZA), vaccine),
            "dose_number": dose,
            "given_on": date_series("given_on", days),
            "known_year": known,
        }
    )


Doses = tuple[Ints, Ints, Ints, Ints]


def _childhood(rng: np.random.Generator, basis: Basis, local: Floats) -> list[Doses]:
    birth = basis.population.birth
    children = np.flatnonzero(birth >= first_day(basis.settings.first_year - 17))
    place = _place_of(basis, children)
    # Whoever skips the first dose mostly skips the second.
    willing = rng.random(children.size)
    parts = []
    for number, (share, age) in enumerate(
        zip(par.MMR_COVERAGE, par.MMR_AGE_DAYS, strict=True), start=1
    ):
        days = birth[children] + age + rng.integers(0, _MMR_SPREAD, children.size)
        given = willing < logit_shift(share, local[place])
        given &= (days <= basis.settings.last_day) & (days < basis.population.death[children])
        who = children[given]
        zero = np.zeros(who.size, dtype=np.int64)
        parts.append((who, days[given], zero, zero + number))
    return parts


def _autumn(
    rng: np.random.Generator, basis: Basis, local: Floats, year: int, risk: np.ndarray
) -> Doses:
    person, age = basis.listed(min(max(year, basis.settings.first_year), basis.settings.end_year))
    place = _place_of(basis, person)
    old = logit_shift(par.INFLUENZA_65, local[place])
    young = logit_shift(par.INFLUENZA_RISK, local[place])
    at_risk = risk[person] & (age >= 18)
    share = np.where(age >= 65, old, np.where(at_risk, young, 0.0))
    who = person[rng.random(person.size) < share]
    begins, lasts = par.INFLUENZA_SEASON
    days = first_day(year) + begins + rng.integers(0, lasts, who.size)
    alive = basis.spells.place_on(who, days) >= 0
    who, days = who[alive], days[alive]
    one = np.ones(who.size, dtype=np.int64)
    return who, days, one, one


def _place_of(basis: Basis, person: Ints) -> Ints:
    last = np.zeros(basis.population.birth.size, dtype=np.int64)
    last[basis.spells.person] = basis.spells.place
    return last[person]


def _odd(basis: Basis, rng: np.random.Generator, at_offices: Bools) -> Floats:
    """What decides a status: of one stream at offices, of another where only stations know."""
    odd = np.empty(at_offices.size)
    odd[at_offices] = rng.random(int(at_offices.sum()))
    stations = basis.settings.rng("vaccination at health stations")
    odd[~at_offices] = stations.random(int((~at_offices).sum()))
    return odd


def _known_to_offices(basis: Basis, person: Ints, days: Ints) -> Ints:
    """Year of the first delivery after the vaccination in which the person's office is live."""
    return _first_year(basis, person, days, lambda year: basis.listed(year)[0])


def _known_to_stations(basis: Basis, person: Ints, days: Ints) -> Ints:
    """The same year, by the health station of the municipality: a child's doses are moved there."""
    live = basis.places.live_on["municipal_care"]
    return _first_year(basis, person, days, lambda year: basis.residents(year, live)[0])


def _first_year(basis: Basis, person: Ints, days: Ints, members: Callable[[int], Ints]) -> Ints:
    known = np.full(person.size, FAR, dtype=np.int64)
    for year in reversed(basis.settings.window):
        there = np.zeros(basis.population.birth.size, dtype=np.bool_)
        there[members(year)] = True
        known = np.where(there[person] & (year_of(days) <= year), year, known)
    return known
