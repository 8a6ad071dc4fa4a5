"""Claims of general practitioners and of the out-of-hours service, a calendar year at a time.

Belongs here: who makes contact, how, and with whom. Does not belong here: what is recorded about
the contact (``diagnoses``, ``clinical``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Floats, Ints, date_series, seasonal_days
from pipelines.synthetic.draws import choose, coded, identified, place_factors
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.model import Yearly

CONTACTS = ("consultation", "telephone", "home_visit", "digital")
STATUSES = ("active", "cancelled", "entered-in-error")
_OUT_OF_HOURS_HER = 700_001


def gp_claims(basis: Basis) -> Yearly:
    """Claims of general practitioners.

    Returns:
        Makes the claims of a calendar year, one row each: id, person, status, service,
        contact_type, billed_on, her_id, municipality_code (null).
    """
    rng = basis.settings.rng("claims of offices")
    busy = np.exp(rng.normal(0.0, par.OFFICE_CLAIM_LOG_SD, basis.offices.place.size))
    digital = np.exp(rng.normal(0.0, 2 * par.OFFICE_CLAIM_LOG_SD, busy.size))

    def of_year(year: int) -> pl.DataFrame:
        rng = basis.settings.rng(f"claims {year}")
        person, age = basis.listed(year)
        rate = basis.by_age(par.GP_CLAIMS, age) * basis.frailty[person] * busy.max()
        who, days, office = basis.events(rng, year, person, rate, par.GP_CLAIM_SEASON)
        kept = rng.random(who.size) < busy[office] / busy.max()
        who, days, office = who[kept], days[kept], office[kept]
        kind = choose(rng, np.asarray(par.GP_CONTACT_TYPES), who.size)
        # Some offices meet more of their patients on a screen.
        moved = (kind == 0) & (rng.random(who.size) < par.DIGITAL_INSTEAD * digital[office])
        kind = np.where(moved, 3, kind)
        her = pl.Series(800_001 + office * 7).cast(pl.String)
        return _frame(rng, f"krv-{year % 100}", "gp", who, days, kind, her)

    return of_year


def out_of_hours_claims(basis: Basis) -> Yearly:
    """Claims of the municipalities' out-of-hours service.

    Returns:
        Makes the claims of a calendar year, as ``gp_claims``; municipality_code is that of the
        service on the day.
    """
    places, spells = basis.places, basis.spells
    live = places.live_on["municipal_care"]
    rng = basis.settings.rng("out of hours")
    factor = place_factors(rng, len(places.codes), par.MUNICIPALITY_OUT_OF_HOURS_LOG_SD)

    def of_year(year: int) -> pl.DataFrame:
        rng = basis.settings.rng(f"out of hours {year}")
        person, age = basis.residents(year, live)
        rate = basis.by_age(par.OUT_OF_HOURS, age) * basis.frailty[person] * factor.max()
        counted = np.repeat(person, rng.poisson(rate))
        days = seasonal_days(rng, year, counted.size, par.EMERGENCY_SEASON)
        place = spells.place_on(counted, days)
        here = np.maximum(place, 0)
        kept = (place >= 0) & (days >= live[here])
        kept &= rng.random(counted.size) < factor[here] / factor.max()
        who, days, place = counted[kept], days[kept], place[kept]
        kind = choose(rng, np.asarray(par.OUT_OF_HOURS_TYPES), who.size)
        her = pl.Series(_OUT_OF_HOURS_HER + place * 7).cast(pl.String)
        frame = _frame(rng, f"krl-{year % 100}", "out_of_hours", who, days, kind, her)
        return frame.with_columns(places.code_at(place, days).alias("municipality_code"))

    return of_year


def _frame(
    rng: np.random.Generator,
    prefix: str,
    service: str,
    person: Ints,
    days: Ints,
    kind: Ints,
    her: pl.Series,
) -> pl.DataFrame:
    odd: Floats = rng.random(person.size)
    status = np.where(odd < par.CANCELLED_SHARE, 1, np.where(odd > 1 - par.ERROR_SHARE, 2, 0))
    return pl.DataFrame(
        {
            "id": identified(prefix, person.size),
            "person": person,
            "status": coded(STATUSES, status),
            "contact_type": coded(CONTACTS, kind),
            "billed_on": date_series("billed_on", days),
            "her_id": her,
        }
    ).with_columns(
        pl.lit(service, dtype=pl.Enum(["gp", "out_of_hours"])).alias("service"),
        pl.lit(None, dtype=pl.String).alias("municipality_code"),
    )
