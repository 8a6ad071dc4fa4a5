"""What health stations and school health services observe of children.

Belongs here: checks in the first year of life, how infants are fed, body mass index in the third
grade. Does not belong here: vaccination, users of care services (``nursing``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Floats, Ints, date_series, first_day, year_of
from pipelines.synthetic.draws import choose, coded, identified, logit_shift
from pipelines.synthetic.listed import Basis

CHECK, FEEDING, BODY_MASS = "health_check", "breastfeeding", "39156-5"
OBSERVATIONS = (CHECK, FEEDING, BODY_MASS)
Observed = tuple[Ints, Ints, int, Floats]


def child_frame(basis: Basis) -> pl.DataFrame:
    """Draw what live municipalities observe of children.

    Args:
        basis: Persons, places and go-lives.

    Returns:
        One row an observation: id, person, status, code, value (null for a check), observed_on,
        minute, municipality_code (valid on the day).
    """
    rng = basis.settings.rng("health stations")
    local = rng.normal(0.0, par.MUNICIPALITY_CHILD_LOGIT_SD, len(basis.places.codes))
    parts = [*_first_year(rng, basis, local), _third_grade(rng, basis, local)]
    person, days = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    kind = np.concatenate([np.full(part[0].size, part[2]) for part in parts])
    value = np.concatenate([part[3] for part in parts])
    wrong = rng.random(person.size) < par.ERROR_SHARE
    minute = rng.integers(8 * 60, 15 * 60, person.size)
    place = basis.spells.place_on(person, days)
    live = basis.places.live_on["municipal_care"][np.maximum(place, 0)]
    kept = np.flatnonzero((place >= 0) & (days >= live) & (days <= basis.settings.last_day))
    order = kept[np.lexsort((kind[kept], days[kept], person[kept]))]
    return pl.DataFrame(
        {
            "id": identified("hst-", order.size),
            "person": person[order],
            "status": coded(("final", "entered-in-error"), wrong[order]),
            "code": coded(OBSERVATIONS, kind[order]),
            "value": pl.Series(value[order]).fill_nan(None),
            "observed_on": date_series("observed_on", days[order]),
            "minute": minute[order],
            "municipality_code": basis.places.code_at(place[order], days[order]),
        }
    )


def _first_year(rng: np.random.Generator, basis: Basis, local: Floats) -> list[Observed]:
    birth = basis.population.birth
    born = np.flatnonzero(birth >= first_day(basis.settings.first_year - 2))
    parts: list[Observed] = []
    for age, spread, made, in_time in par.HEALTH_CHECKS:
        days = birth[born] + age + rng.integers(-spread, spread + 1, born.size)
        place = np.maximum(basis.spells.place_on(born, days), 0)
        late = rng.random(born.size) >= logit_shift(in_time, local[place])
        days = days + np.where(late, rng.integers(*par.HEALTH_CHECK_LATE, born.size), 0)
        seen = rng.random(born.size) < logit_shift(made, local[place])
        parts.append((born[seen], days[seen], 0, np.full(int(seen.sum()), np.nan)))
    # The last of the checks is where it is asked how the child is fed.
    who, days, _, _ = parts[-1]
    asked = rng.random(who.size) < par.FEEDING_RECORDED
    fed = choose(rng, np.asarray(par.FEEDING), who.size).astype(np.float64)
    parts.append((who[asked], days[asked], 1, fed[asked]))
    return parts


def _third_grade(rng: np.random.Generator, basis: Basis, local: Floats) -> Observed:
    birth = basis.population.birth
    eight = year_of(birth) + 8
    pupils = np.flatnonzero(np.isin(eight, list(basis.settings.window)))
    starts = np.array([first_day(int(year)) for year in basis.settings.window])
    begins, lasts = par.WEIGHED_IN
    days = starts[eight[pupils] - basis.settings.first_year] + begins
    days = days + rng.integers(0, lasts, pupils.size)
    place = np.maximum(basis.spells.place_on(pupils, days), 0)
    seen = rng.random(pupils.size) < logit_shift(par.WEIGHED, local[place])
    mean, log_sd = par.BODY_MASS_AT_EIGHT
    heavier = rng.normal(0.0, par.MUNICIPALITY_BODY_MASS_LOG_SD, local.size)[place]
    value = np.round(mean * np.exp(heavier + rng.normal(0.0, log_sd, pupils.size)), 1)
    return pupils[seen], days[seen], 2, value[seen]
