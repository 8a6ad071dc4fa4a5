"""Drugs that people take for long, prescribed again and again: a calendar year at a time.

Belongs here: how many drugs a person takes and which. Does not belong here: drugs that a disease
of an indicator calls for (``clinical``, ``diagnoses``).
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import date_series, first_day, last_day
from pipelines.synthetic.draws import coded, identified
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.model import Yearly

STATUSES = ("completed", "active", "cancelled", "entered-in-error")
# No common factor with the number of drugs: stepping by it meets each drug once.
_STEP = 7
_INTERVAL_YEAR = 366


def chronic_prescriptions(basis: Basis) -> Yearly:
    """Prescriptions of drugs taken for long.

    Returns:
        Makes the prescriptions of a calendar year, as ``Region.prescriptions`` with ``id`` in
        place of the number.
    """
    size = basis.population.birth.size
    many = len(par.CHRONIC_ATC)
    traits = basis.settings.rng("chronic drugs")
    inclined, first = traits.random(size), traits.integers(0, many, size)

    def of_year(year: int) -> pl.DataFrame:
        rng = basis.settings.rng(f"chronic drugs {year}")
        person, age = basis.listed(year)
        # The same person stays high or low from year to year, and the frail take more.
        mean = basis.by_age(par.CHRONIC_DRUGS, age) * (0.5 + 0.5 * basis.frailty[person])
        taken = np.minimum(
            np.floor(mean + inclined[person] * par.CHRONIC_DRUG_SPREAD).astype(np.int64), many
        )
        owner = np.repeat(person, taken)
        ends = np.cumsum(taken)
        order = np.arange(owner.size) - np.repeat(ends - taken, taken)
        drug = (first[owner] + order * _STEP) % many
        # Each drug is renewed at even intervals, from a day of its own, through all years.
        renewals = np.arange(math.ceil(_INTERVAL_YEAR / par.CHRONIC_DRUG_INTERVAL) + 1)
        phase = (owner * 31 + drug * 17 - first_day(year)) % par.CHRONIC_DRUG_INTERVAL
        days = (phase[:, None] + renewals * par.CHRONIC_DRUG_INTERVAL).ravel() + first_day(year)
        who, what = np.repeat(owner, renewals.size), np.repeat(drug, renewals.size)
        inside = days <= last_day(year)
        who, what, days = who[inside], what[inside], days[inside]
        office = basis.at_office(who, days)
        kept = office >= 0
        who, what, days, office = who[kept], what[kept], days[kept], office[kept]
        odd = rng.random(who.size)
        status = np.where(
            odd < par.PRESCRIPTION_COMPLETED, 0, np.where(odd > 1 - par.CANCELLED_SHARE, 2, 1)
        )
        status = np.where((odd > 0.9) & (odd < 0.9 + par.ERROR_SHARE), 3, status)
        return pl.DataFrame(
            {
                "id": identified(f"ref-{year % 100}", who.size),
                "person": who,
                "status": coded(STATUSES, status),
                "atc_code": coded(par.CHRONIC_ATC, what),
                "authored_on": date_series("authored_on", days),
                "office": office,
            }
        )

    return of_year
