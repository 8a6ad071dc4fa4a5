"""Conditions and prescriptions, with every case that a definition must tell apart.

Belongs here: who has what disease and which codes and drugs are recorded for it. Does not
belong here: offices (``primary_care``), the definition of an indicator (``truth_persons``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Bools, Ints, date_series, year_of
from pipelines.synthetic.draws import curve, named, place_factors
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.population import FEMALE, Population
from pipelines.synthetic.primary_care import Offices, Records
from pipelines.synthetic.spells import Spells

# How each code is delivered: system, then the code as written. ICD-10 comes with and without dot.
_ICD10, _ICPC2 = "icd10", "icpc2"


def record_frames(
    settings: SyntheticSettings,
    places: Places,
    population: Population,
    spells: Spells,
    offices: Offices,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw what general practitioners record.

    Args:
        settings: Window and seed.
        places: The municipalities.
        population: Persons.
        spells: Where they live.
        offices: Offices, whose go-live bounds what is recorded.

    Returns:
        Conditions, one row each: condition, person, code_system (icd10|icpc2), code (upper case,
        no dot), written_code (as delivered), recorded_on, verification_status, office,
        corrected_year (year in which the error was reported; null where none).
        Prescriptions, one row each: prescription, person, status, atc_code, authored_on, office.
    """
    rng = settings.rng("diagnoses")
    conditions = Records(settings, spells, offices, rng)
    drugs = Records(settings, spells, offices, rng)
    age = settings.end_year - year_of(population.birth)
    _type_2(rng, places, population, spells, age, conditions, drugs)
    _look_alikes(rng, population, age, conditions, drugs)
    _background(rng, age, conditions, drugs)
    return (
        condition_rows(settings, conditions, settings.rng("condition details")),
        prescription_rows(settings, drugs, settings.rng("prescription details")),
    )


def _last_place(spells: Spells, persons: int) -> Ints:
    last = np.full(persons, 0, dtype=np.int64)
    last[spells.person] = spells.place
    return last


def _type_2(
    rng: np.random.Generator,
    places: Places,
    population: Population,
    spells: Spells,
    age: Ints,
    conditions: Records,
    drugs: Records,
) -> None:
    factor = place_factors(rng, len(places.codes), par.MUNICIPALITY_DIABETES_LOG_SD)
    by_sex = np.where(
        population.sex == FEMALE, 2 / (1 + par.DIABETES_MEN_FACTOR),
        2 * par.DIABETES_MEN_FACTOR / (1 + par.DIABETES_MEN_FACTOR),
    )  # fmt: skip
    place = _last_place(spells, age.size)
    share = curve(par.DIABETES_TYPE_2, age) * by_sex * factor[place]
    ill = np.flatnonzero(rng.random(age.size) < share)
    coded = ill[rng.random(ill.size) < par.DIABETES_CODED_SHARE]
    style = rng.random(coded.size)
    low = 0.0
    for high, code in par.DIABETES_CODES:
        members = coded[(style >= low) & (style < high)]
        low = high
        visits = conditions.rates(members, par.DIABETES_CONTACTS)
        conditions.put(visits, conditions.any_day(visits.size), code)
    treated = ill[rng.random(ill.size) < par.DIABETES_DRUG_SHARE]
    metformin = ("A10BA02", 1.0, par.DIABETES_PRESCRIPTIONS)
    for atc, part, rate in (metformin, *par.DIABETES_DRUGS):
        members = treated[rng.random(treated.size) < part]
        taken = drugs.rates(members, rate)
        drugs.put(taken, drugs.any_day(taken.size), atc)


def _some(rng: np.random.Generator, chosen: Bools, share: par.Curve | float, age: Ints) -> Ints:
    level = share if isinstance(share, float) else curve(share, age)
    return np.flatnonzero(chosen & (rng.random(age.size) < level))


def _look_alikes(
    rng: np.random.Generator,
    population: Population,
    age: Ints,
    conditions: Records,
    drugs: Records,
) -> None:
    everyone = np.ones(age.size, dtype=np.bool_)
    fertile = (population.sex == FEMALE) & (age >= 18) & (age <= 44)
    # Type 1: insulin, and codes that are not type 2.
    type_1 = _some(rng, everyone, par.DIABETES_TYPE_1_SHARE, age)
    for code in ("icpc2|T89", "icd10|E10.9", "icd10|E109"):
        visits = conditions.rates(type_1, par.TYPE_1_CONTACTS)
        conditions.put(visits, conditions.any_day(visits.size), code)
    renewals = par.LOOK_ALIKE_RENEWALS
    _drug(drugs, type_1, "A10AB05", renewals["type_1"])
    # For weight, heart and kidney alone.
    _drug(drugs, _some(rng, everyone, par.WEIGHT_DRUG_SHARE, age), "A10BJ06", renewals["weight"])
    _drug(drugs, _some(rng, everyone, par.HEART_DRUG_SHARE, age), "A10BK01", renewals["heart"])
    # Metformin in pregnancy and for polycystic ovaries.
    excluding = {
        "icd10|O24.4": par.GESTATIONAL_RATE,
        "icpc2|W85": par.GESTATIONAL_RATE,
        "icd10|E28.2": par.PCOS_SHARE,
        "icd10|E282": par.PCOS_SHARE / 2,
    }
    for code, share in excluding.items():
        women = _some(rng, fertile, share, age)
        visits = conditions.rates(women, par.LOOK_ALIKE_CONTACTS)
        conditions.put(visits, conditions.any_day(visits.size), code)
        _drug(drugs, women, "A10BA02", renewals["other"])
    # One prescription only, and two on one day.
    once = _some(rng, age >= 30, par.ONE_PRESCRIPTION_SHARE, age)
    drugs.put(once, drugs.any_day(once.size), "A10BA02")
    twice = _some(rng, age >= 30, par.TWO_ON_ONE_DAY_SHARE, age)
    days = drugs.any_day(twice.size)
    drugs.put(twice, days, "A10BA02")
    drugs.put(twice, days, "A10BB12")


def _drug(drugs: Records, persons: Ints, atc: str, yearly: float) -> None:
    taken = drugs.rates(persons, yearly)
    drugs.put(taken, drugs.any_day(taken.size), atc)


def _background(rng: np.random.Generator, age: Ints, conditions: Records, drugs: Records) -> None:
    everyone = np.arange(age.size)
    visits = conditions.rates(everyone, curve(par.BACKGROUND_CONTACTS, age))
    codes = np.array([conditions.code(f"icpc2|{code}") for code in par.BACKGROUND_CODES])
    picked = codes[rng.integers(0, codes.size, visits.size)]
    conditions.put(visits, conditions.any_day(visits.size), picked)
    taken = drugs.rates(everyone, curve(par.BACKGROUND_PRESCRIPTIONS, age))
    codes = np.array([drugs.code(atc) for atc in par.BACKGROUND_ATC])
    drugs.put(taken, drugs.any_day(taken.size), codes[rng.integers(0, codes.size, taken.size)])


def condition_rows(
    settings: SyntheticSettings, records: Records, rng: np.random.Generator, first: int = 0
) -> pl.DataFrame:
    """Rows of ``Region.conditions`` from collected records, numbered from ``first``."""
    person, days, codes, office = records.kept()
    wrong = rng.random(person.size) < par.ERROR_SHARE
    # Half of the errors are found in the year after, and corrected in that year's delivery.
    late = wrong & (rng.random(person.size) < par.ERROR_FOUND_LATER)
    year = np.maximum(year_of(days), settings.first_year)
    late &= year < settings.end_year
    return (
        pl.DataFrame(
            {
                "condition": first + np.arange(person.size),
                "person": person,
                "coded": codes,
                "recorded_on": date_series("recorded_on", days),
                "verification_status": named(("confirmed", "entered-in-error"), wrong),
                "office": office,
                "corrected_year": pl.Series(np.where(late, year + 1, 0)),
            }
        )
        .with_columns(
            pl.col("coded")
            .str.split_exact("|", 1)
            .struct.rename_fields(["code_system", "written_code"]),
            pl.col("corrected_year").replace(0, None),
        )
        .unnest("coded")
        .with_columns(pl.col("written_code").str.replace_all(".", "", literal=True).alias("code"))
    )


def prescription_rows(
    settings: SyntheticSettings, records: Records, rng: np.random.Generator, first: int = 0
) -> pl.DataFrame:
    """Rows of ``Region.prescriptions`` from collected records, numbered from ``first``."""
    person, days, codes, office = records.kept()
    odd = rng.random(person.size)
    status = np.where(odd < par.PRESCRIPTION_COMPLETED, 0, 1)
    status = np.where(odd > 1 - par.CANCELLED_SHARE, 2, status)
    status = np.where((odd > 0.9) & (odd < 0.9 + par.ERROR_SHARE), 3, status)
    names = ("completed", "active", "cancelled", "entered-in-error")
    return pl.DataFrame(
        {
            "prescription": first + np.arange(person.size),
            "person": person,
            "status": named(names, status),
            "atc_code": codes,
            "authored_on": date_series("authored_on", days),
            "office": office,
        }
    )
