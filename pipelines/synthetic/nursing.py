"""What is observed and done for users of municipal care: screening, falls, need, assessments.

Belongs here: observations and procedures that municipalities deliver. Does not belong here: the
services (``care``), decisions about them (``decisions``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Floats, Ints, date_series, first_day, last_day
from pipelines.synthetic.draws import choose, coded, identified, logit_shift
from pipelines.synthetic.listed import Basis

NUTRITION, FALL, FUNCTION = "nutrition_screening", "fall", "function_score"
OBSERVATIONS = (NUTRITION, FALL, FUNCTION)
PROCEDURES = ("medication_review", "physician_assessment", "dental_assessment")
_SCORES = np.array([1, 2, 3, 4, 5, 9])
_LONG_STAY = "21"


class _Users:
    """Care episodes as arrays, and how they lie in a year."""

    def __init__(self, basis: Basis, episodes: pl.DataFrame) -> None:
        self._settings = basis.settings
        took_place = ~pl.col("status").is_in(["cancelled", "entered-in-error"])
        rows = episodes.filter(took_place).sort("episode")
        self.person = rows["person"].to_numpy()
        self.place = rows["place"].to_numpy()
        self.code = rows["service_type_code"].to_numpy()
        self.begin = rows["known_on"].cast(pl.Int32).to_numpy().astype(np.int64)
        self.end = rows["end_on"].cast(pl.Int32).cast(pl.Int64).fill_null(FAR).to_numpy()

    def within(self, year: int) -> tuple[Ints, Ints]:
        """First and last day of each episode in a year; empty where the last comes first."""
        last = np.minimum(self.end - 1, last_day(year))
        return np.maximum(self.begin, first_day(year)), last


def observation_frame(basis: Basis, episodes: pl.DataFrame) -> pl.DataFrame:
    """Draw what municipalities observe.

    Returns:
        One row an observation: id, person, status, code, value, observed_on, minute,
        municipality_code (valid on the day).
    """
    rng = basis.settings.rng("nursing")
    users = _Users(basis, episodes)
    places = len(basis.places.codes)
    screening = rng.normal(0.0, par.MUNICIPALITY_QUALITY_SD, places)
    prone = rng.gamma(par.FALL_SHAPE, 1 / par.FALL_SHAPE, basis.population.birth.size)
    parts = []
    for year in basis.settings.window:
        begin, end = users.within(year)
        days = np.maximum(end - begin + 1, 0)
        for code, share in par.NUTRITION_SCREENED.items():
            age = basis.age(year)[users.person]
            level = logit_shift(share, screening[users.place]) * np.minimum(days / 200, 1)
            level = np.where((users.code == code) & ((age >= 67) | (code == _LONG_STAY)), level, 0)
            row = np.flatnonzero(rng.random(days.size) < level)
            parts.append((row, 0, _day_in(rng, begin, days, row), rng.integers(0, 4, row.size)))
        rate = np.where(users.code == _LONG_STAY, days * par.FALLS_PER_1000_DAYS / 1000, 0.0)
        row = np.repeat(np.arange(days.size), rng.poisson(rate * prone[users.person]))
        parts.append((row, 1, _day_in(rng, begin, days, row), np.ones(row.size, dtype=int)))
        for code, shares in par.FUNCTION_SCORES.items():
            row = np.flatnonzero(
                (users.code == code) & (days > 0) & (rng.random(days.size) < par.FUNCTION_SCORED)
            )
            score = _SCORES[choose(rng, np.asarray(shares), row.size)]
            parts.append((row, 2, _day_in(rng, begin, days, row), score))
    row = np.concatenate([part[0] for part in parts])
    kind = np.concatenate([np.full(part[0].size, part[1]) for part in parts])
    on = np.concatenate([part[2] for part in parts])
    value = np.concatenate([part[3] for part in parts]).astype(np.float64)
    order = np.lexsort((kind, on, users.person[row]))
    row, kind, on, value = row[order], kind[order], on[order], value[order]
    wrong = rng.random(row.size) < par.ERROR_SHARE
    return pl.DataFrame(
        {
            "id": identified("obk-", row.size),
            "person": users.person[row],
            "status": coded(("final", "entered-in-error"), wrong),
            "code": coded(OBSERVATIONS, kind),
            "value": value,
            "observed_on": date_series("observed_on", on),
            "minute": rng.integers(6 * 60, 23 * 60, row.size),
            "municipality_code": basis.places.code_at(users.place[row], on),
        }
    )


def _day_in(rng: np.random.Generator, begin: Ints, days: Ints, row: Ints) -> Ints:
    return begin[row] + np.floor(rng.random(row.size) * days[row]).astype(np.int64)


def procedure_frame(basis: Basis, episodes: pl.DataFrame) -> pl.DataFrame:
    """Draw reviews and assessments of long-stay residents.

    Returns:
        One row a procedure: id, person, status, code, performed_on, minute, municipality_code
        (valid on the day).
    """
    rng = basis.settings.rng("procedures")
    users = _Users(basis, episodes)
    shares = (par.REVIEWED, par.SEEN_BY_DOCTOR, par.SEEN_BY_DENTIST)
    seasons = (par.REVIEW_SEASON, par.FLAT_SEASON, par.FLAT_SEASON)
    parts = []
    for number, (share, season) in enumerate(zip(shares, seasons, strict=True)):
        local = rng.normal(0.0, par.MUNICIPALITY_QUALITY_SD, len(basis.places.codes))
        for year in basis.settings.window:
            begin, end = users.within(year)
            level = logit_shift(share, local[users.place])
            chosen = (users.code == _LONG_STAY) & (rng.random(begin.size) < level)
            row = np.flatnonzero(chosen & (end >= begin))
            day = _seasonal_day_in(rng, season, begin[row], end[row])
            parts.append((row, np.full(row.size, number), day))
    row, kind, on = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((kind, on, users.person[row]))
    row, kind, on = row[order], kind[order], on[order]
    wrong = rng.random(row.size) < par.ERROR_SHARE
    return pl.DataFrame(
        {
            "id": identified("pro-", row.size),
            "person": users.person[row],
            "status": coded(("completed", "entered-in-error"), wrong),
            "code": coded(PROCEDURES, kind),
            "performed_on": date_series("performed_on", on),
            "minute": rng.integers(8 * 60, 16 * 60, row.size),
            "municipality_code": basis.places.code_at(users.place[row], on),
        }
    )


def _seasonal_day_in(rng: np.random.Generator, season: par.Months, begin: Ints, end: Ints) -> Ints:
    """A day in each interval inside one year, more often in the months that weigh more."""
    if not begin.size:
        return begin
    january = int(
        begin.min()
        .astype("datetime64[D]")
        .astype("datetime64[Y]")
        .astype("datetime64[D]")
        .astype(np.int64)
    )
    dates = np.arange(january, january + 367).astype("datetime64[D]")
    months = dates.astype("datetime64[M]").astype(np.int64) % 12
    reach: Floats = np.r_[0.0, np.cumsum(np.asarray(season)[months])]
    low, high = reach[begin - january], reach[end - january + 1]
    drawn = low + rng.random(begin.size) * (high - low)
    found = np.searchsorted(reach, drawn, "right") - 1 + january
    return np.clip(found, begin, end)
