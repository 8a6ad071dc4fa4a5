"""Diseases beside diabetes: hypertension, lungs, dementia, mind, muscles, airway infections.

Belongs here: who has them and which codes and drugs are recorded for them. Does not belong here:
diabetes and its look-alikes (``diagnoses``), drugs taken for long (``medication``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Floats, Ints, seasonal_days
from pipelines.synthetic.draws import logit_shift, place_factors
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.primary_care import Records


@dataclass(frozen=True)
class Ill:
    """Persons by disease, ascending."""

    hypertension: Ints
    copd: Ints
    asthma: Ints
    dementia: Ints


def add_clinical(basis: Basis, episodes: pl.DataFrame, conditions: Records, drugs: Records) -> Ill:
    """Record the diseases of a whole region.

    Args:
        basis: Persons and offices.
        episodes: Care episodes: long-stay residents have dementia far more often.
        conditions: Gets the diagnoses.
        drugs: Gets the prescriptions.

    Returns:
        Who has what.
    """
    rng = basis.settings.rng("clinical")
    person = np.unique(np.concatenate([basis.listed(year)[0] for year in basis.settings.window]))
    age = basis.age(basis.settings.end_year)[person]
    size = basis.population.birth.size
    place = _last_place(basis)[person]

    def some(share: par.Curve | Floats) -> Ints:
        level = share if isinstance(share, np.ndarray) else basis.by_age(share, age)
        factor = place_factors(rng, len(basis.places.codes), par.MUNICIPALITY_DISEASE_LOG_SD)
        chosen: Ints = person[rng.random(person.size) < level * factor[place]]
        return chosen

    def coded(who: Ints, yearly: float, codes: tuple[tuple[str, float], ...]) -> None:
        visits = conditions.rates(who, yearly)
        names = np.array([conditions.code(code) for code, _ in codes])
        limits = np.cumsum([share for _, share in codes])
        # A person's disease keeps its code.
        own = np.searchsorted(limits, rng.random(size)[visits] * limits[-1], "right")
        conditions.put(visits, conditions.any_day(visits.size), names[own])

    ill = Ill(some(par.HYPERTENSION), some(par.COPD), some(par.ASTHMA), np.array([], dtype=int))
    coded(ill.hypertension, par.HYPERTENSION_CONTACTS, par.HYPERTENSION_CODES)
    coded(ill.copd, par.LUNG_CONTACTS, par.COPD_CODES)
    coded(ill.asthma, par.LUNG_CONTACTS, par.ASTHMA_CODES)
    dementia = _dementia(rng, basis, person, age, some, episodes, drugs)
    coded(dementia, par.DEMENTIA_CONTACTS, par.DEMENTIA_CODES)
    for share, codes in ((par.MENTAL, par.MENTAL_CODES),
                         (par.MUSCULOSKELETAL, par.MUSCULOSKELETAL_CODES)):  # fmt: skip
        visits = conditions.rates(some(share), par.CHAPTER_CONTACTS)
        names = np.array([conditions.code(f"icpc2|{code}") for code in codes])
        picked = names[rng.integers(0, names.size, visits.size)]
        conditions.put(visits, conditions.any_day(visits.size), picked)
    _airways(rng, basis, person, conditions, drugs)
    return Ill(ill.hypertension, ill.copd, ill.asthma, dementia)


def _last_place(basis: Basis) -> Ints:
    last = np.zeros(basis.population.birth.size, dtype=np.int64)
    last[basis.spells.person] = basis.spells.place
    return last


def _dementia(
    rng: np.random.Generator,
    basis: Basis,
    person: Ints,
    age: Ints,
    some: Callable[[Floats], Ints],
    episodes: pl.DataFrame,
    drugs: Records,
) -> Ints:
    """Persons with dementia; those in a nursing home more often, with antipsychotics too."""
    long_stay = episodes.filter(pl.col("service_type_code") == "21")["person"].unique().to_numpy()
    inside = np.zeros(basis.population.birth.size, dtype=np.bool_)
    inside[long_stay] = True
    share = basis.by_age(par.DEMENTIA, age)
    share = np.where(inside[person], par.DEMENTIA_IN_NURSING_HOME, share)
    ill = some(share)
    treated = ill[rng.random(ill.size) < par.DEMENTIA_DRUG_SHARE]
    taken = drugs.rates(treated, par.DEMENTIA_RENEWALS)
    drugs.put(taken, drugs.any_day(taken.size), "N06DA02")
    level = np.where(inside[ill], par.ANTIPSYCHOTIC_NURSING_HOME, par.ANTIPSYCHOTIC_SHARE)
    calmed = ill[rng.random(ill.size) < level]
    for atc in ("N05AX08", "N05AH04"):
        half = calmed[calmed % 2 == (atc == "N05AH04")]
        taken = drugs.rates(half, par.DEMENTIA_RENEWALS)
        drugs.put(taken, drugs.any_day(taken.size), atc)
    return ill


def _airways(
    rng: np.random.Generator, basis: Basis, person: Ints, conditions: Records, drugs: Records
) -> None:
    """Infections through the winter, some with an antibiotic on the same day."""
    settings = basis.settings
    taste = rng.normal(0.0, par.OFFICE_NARROW_SD, basis.offices.place.size)
    names = np.array([conditions.code(f"icpc2|{code}") for code in par.AIRWAY_CODES])
    broad = np.array([drugs.code(atc) for atc in par.BROAD_ATC])
    narrow = drugs.code("J01CE02")
    first = settings.first_year - par.LOOK_BACK_MONTHS // 12
    for year in range(first, settings.end_year + 1):
        rate = basis.by_age(par.AIRWAY_INFECTIONS, basis.age(year)[person])
        who = np.repeat(person, rng.poisson(rate))
        days = seasonal_days(rng, year, who.size, par.AIRWAY_SEASON)
        conditions.put(who, days, names[rng.integers(0, names.size, who.size)])
        given = rng.random(who.size) < par.ANTIBIOTIC_SHARE
        patient, on = who[given], days[given]
        office = np.maximum(basis.offices.of(patient, basis.spells.place_on(patient, on)), 0)
        share = logit_shift(1 / (1 + np.exp(-par.NARROW_LOGIT)), taste[office])
        drawn = broad[rng.integers(0, broad.size, patient.size)]
        drugs.put(patient, on, np.where(rng.random(patient.size) < share, narrow, drawn))
