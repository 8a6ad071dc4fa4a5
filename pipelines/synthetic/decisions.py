"""Decisions about care, the beds there are, and stays in municipal emergency beds.

Belongs here: what lies before and around the care episodes. Does not belong here: the episodes
of other services (``care``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Ints, date_series
from pipelines.synthetic.draws import coded, identified, place_factors
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.places import BORDER_DAY
from pipelines.synthetic.spells import without_overlap

STATUSES = ("active", "on-hold", "completed", "revoked", "entered-in-error")
_BED = "25"


def decision_frame(basis: Basis, episodes: pl.DataFrame) -> pl.DataFrame:
    """Draw the decisions behind new episodes, and those still waiting for a nursing home.

    Returns:
        One row a decision: id, person, status, service_type_code, municipality_code (valid when
        decided), place, decided_on, first_service_on (null while waiting).
    """
    rng = basis.settings.rng("decisions")
    live = basis.places.live_on["municipal_care"]
    rows = episodes.filter(
        pl.col("start_on") == pl.col("known_on"),
        ~pl.col("status").is_in(["cancelled", "entered-in-error"]),
        pl.col("service_type_code") != _BED,
    )
    person, place = rows["person"].to_numpy(), rows["place"].to_numpy()
    start = rows["start_on"].cast(pl.Int32).to_numpy().astype(np.int64)
    mean = rows["service_type_code"].replace_strict(
        par.DECISION_MEAN_DAYS, default=par.DECISION_MEAN_OTHERS, return_dtype=pl.Float64
    )
    soon = rng.random(start.size) < par.DECIDED_WITHIN_WEEK
    later = 8 + rng.exponential(mean.to_numpy()).astype(np.int64)
    lag = np.where(soon, rng.integers(0, 8, start.size), later)
    decided = np.maximum(start - lag, live[place])
    code = rows["service_type_code"]
    waiting, at, on, revoked = _waiting(rng, basis, episodes)
    odd = rng.random(start.size)
    completed, held = par.DECISION_STATUS
    status = np.where(odd < completed, 2, 0)
    held = 1 - par.ERROR_SHARE - held
    status = np.where(odd > 1 - par.ERROR_SHARE, 4, np.where(odd > held, 1, status))
    status = np.r_[status, np.where(revoked, 3, 0)]
    place, decided = np.r_[place, at], np.r_[decided, on]
    return pl.DataFrame(
        {
            "id": identified("ved-", decided.size),
            "person": np.r_[person, waiting],
            "status": coded(STATUSES, status),
            "service_type_code": pl.concat(
                [code, pl.Series([], dtype=pl.String).extend_constant("21", at.size)]
            ),
            "municipality_code": basis.places.code_at(place, decided),
            "place": place,
            "decided_on": date_series("decided_on", decided),
            "first_service_on": date_series(
                "first_service_on", np.r_[start, np.full(at.size, FAR)]
            ),
        }
    )


def _waiting(
    rng: np.random.Generator, basis: Basis, episodes: pl.DataFrame
) -> tuple[Ints, Ints, Ints, np.ndarray]:
    """Persons granted a nursing home who have no place yet: home nursing users of an age."""
    last = basis.settings.last_day
    open_now = pl.col("end_on").is_null() & pl.col("status").is_in(["active", "on-hold"])
    residents = episodes.filter(open_now & (pl.col("service_type_code") == "21"))
    users = episodes.filter(open_now & (pl.col("service_type_code") == "15"))
    person, first = np.unique(users["person"].to_numpy(), return_index=True)
    place = users["place"].to_numpy()[first]
    old = basis.age(basis.settings.end_year)[person] >= par.WAITING_LEAST_AGE
    old &= ~np.isin(person, residents["person"].to_numpy())
    person, place = person[old], place[old]
    wanted = min(
        person.size, round(residents.height * par.WAITING_FOR_HOME / (1 - par.DECISION_REVOKED))
    )
    chosen = np.sort(rng.choice(person.size, wanted, replace=False))
    person, place = person[chosen], place[chosen]
    live = basis.places.live_on["municipal_care"][place]
    days = np.maximum(
        last - 1 - rng.exponential(par.WAITING_MEAN_DAYS, person.size).astype(np.int64), live
    )
    return person, place, days, rng.random(person.size) < par.DECISION_REVOKED


def capacity_frame(basis: Basis, episodes: pl.DataFrame) -> pl.DataFrame:
    """The beds of each unit, so that about as many are taken as the parameters say.

    Returns:
        One row a unit and period: id, unit, place, municipality_code, beds, valid_from, valid_to
        (exclusive; null where open).
    """
    rng = basis.settings.rng("beds")
    places = basis.places
    spread = rng.normal(0.0, par.MUNICIPALITY_OCCUPANCY_SD, len(places.codes))
    level = np.clip(par.OCCUPANCY + spread, 0.75, 0.995)
    stays = episodes.filter(
        pl.col("service_type_code").is_in(["18", "21"]),
        ~pl.col("status").is_in(["cancelled", "entered-in-error"]),
    ).with_columns(
        pl.col("known_on").cast(pl.Int32).cast(pl.Int64).alias("begin"),
        pl.col("end_on")
        .cast(pl.Int32)
        .cast(pl.Int64)
        .fill_null(basis.settings.last_day + 1)
        .alias("stop"),
    )
    live = pl.Series(places.live_on["municipal_care"])
    first = pl.max_horizontal(live.gather(stays["place"]), pl.lit(basis.settings.first_day))
    taken = (
        stays.with_columns(first.alias("from"))
        .with_columns((pl.col("stop") - pl.max_horizontal("begin", "from")).clip(0).alias("days"))
        .group_by("unit", "place", "from")
        .agg(pl.col("days").sum())
        .sort("unit")
    )
    place = taken["place"].to_numpy()
    begin = taken["from"].to_numpy()
    mean = taken["days"].to_numpy() / np.maximum(basis.settings.last_day + 1 - begin, 1)
    beds = np.maximum(np.ceil(mean / level[place]), 1).astype(np.int64)
    begin = np.maximum(begin, places.live_on["municipal_care"][place])
    crosses = places.split[place] & (begin < BORDER_DAY) & (basis.settings.last_day >= BORDER_DAY)
    again = np.flatnonzero(crosses)
    unit = taken["unit"]
    start = np.r_[begin, np.full(again.size, BORDER_DAY)]
    row = np.r_[np.arange(place.size), again]
    return pl.DataFrame(
        {
            "id": identified("sen-", row.size, 6),
            "unit": unit.gather(pl.Series(row)),
            "place": place[row],
            "municipality_code": places.code_at(place[row], start),
            "beds": beds[row],
            "valid_from": date_series("valid_from", start),
            "valid_to": date_series(
                "valid_to",
                np.r_[np.where(crosses, BORDER_DAY, FAR), np.full(again.size, FAR)],
            ),
        }
    )


def bed_episodes(basis: Basis, episodes: pl.DataFrame) -> pl.DataFrame:
    """Stays in municipal emergency beds, as further rows of ``Region.care_episodes``."""
    rng = basis.settings.rng("emergency beds")
    places, spells, settings = basis.places, basis.spells, basis.settings
    live = places.live_on["municipal_care"]
    factor = place_factors(rng, len(places.codes), par.MUNICIPALITY_BEDS_LOG_SD)
    persons, days = [], []
    for year in settings.window:
        person, age = basis.residents(year, live)
        rate = basis.by_age(par.MUNICIPAL_BEDS, age) / 1000 * basis.frailty[person] * factor.max()
        who = np.repeat(person, rng.poisson(rate))
        persons.append(who)
        days.append(basis.days_of(rng, year, who.size))
    person, begin = np.concatenate(persons), np.concatenate(days)
    place = spells.place_on(person, begin)
    here = np.maximum(place, 0)
    kept = (place >= 0) & (begin > live[here])
    kept &= rng.random(person.size) < factor[here] / factor.max()
    person, begin, place = person[kept], begin[kept], place[kept]
    end = begin + rng.geometric(1 / par.MUNICIPAL_BED_DAYS, person.size)
    end = np.minimum(end, np.maximum(spells.end_of(person, begin), begin + 1))
    apart = without_overlap(person, begin, end)
    person, begin, end, place = person[apart], begin[apart], end[apart], place[apart]
    end = np.where(end > settings.last_day, FAR, end)
    order = np.lexsort((begin, person))
    person, begin, end, place = person[order], begin[order], end[order], place[order]
    wrong = rng.random(person.size) < par.CARE_ERROR_SHARE
    status = np.where(wrong, 2, np.where(end < FAR, 1, 0))
    when = np.minimum(end, settings.last_day)
    first = episodes.height
    codes = pl.Series(places.codes).gather(pl.Series(place))
    return (
        pl.DataFrame(
            {
                "episode": first + np.arange(person.size),
                "person": person,
                "status": pl.Series(["active", "finished", "entered-in-error"]).gather(
                    pl.Series(status)
                ),
                "place": place,
                "municipality_code": places.code_at(place, when),
                "unit": codes + "-KAD",
                "start_on": date_series("start_on", begin),
                "end_on": date_series("end_on", end),
                "known_on": date_series("known_on", begin),
            }
        )
        .with_columns(
            pl.lit(_BED).alias("service_type_code"),
            pl.lit(None, dtype=pl.Float64).alias("weekly_hours"),
            pl.lit(False).alias("leading_zero"),
        )
        .select(episodes.columns)
    )
