"""Staff of the municipalities and the journal entries they write.

Belongs here: employment, first log-in, entries about users of care services. Does not belong
here: the services (``care``).
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Ints, date_series, off_changing_hours
from pipelines.synthetic.draws import named
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import BORDER_DAY, SPLIT, Places
from pipelines.synthetic.spells import Spells

SERVICES = ("home_care", "nursing_home", "emergency")
FORMS = ("structured", "free-text")
DEVICES = ("mobile", "workstation")
_SERVICE_OF = {"15": 0, "1": 0, "18": 1, "21": 1}


def staff_frame(settings: SyntheticSettings, places: Places) -> pl.DataFrame:
    """Draw the staff of live municipalities.

    A role ends where the municipality it belongs to ends: staff of 1507 hold a new role in 1508
    or 1580 from 1 January 2024.

    Returns:
        One row a role, in order of place: staff (role), worker (the same person's roles share
        it), place, municipality_code, employed_from, employed_to (exclusive; null while
        employed), first_login_on (null where none in the window), known_on (go-live or later).
    """
    rng = settings.rng("staff")
    live = places.live_on["municipal_care"]
    people = np.rint(places.inhabitants(2024) * settings.scale * par.STAFF_PER_INHABITANT)
    count = np.maximum(people.astype(np.int64), par.STAFF_MINIMUM)
    count = np.where(live <= settings.last_day, count, 0)
    hires = rng.poisson(count * par.STAFF_TURNOVER * settings.years)
    place = np.repeat(np.arange(count.size), count + hires)
    number = np.arange(place.size) - np.repeat(
        np.cumsum(count + hires) - (count + hires), count + hires
    )
    new = number >= count[place]
    window = settings.last_day - settings.first_day
    hired = np.where(
        new,
        settings.first_day + 1 + rng.integers(0, window - 31, place.size),
        settings.first_day - rng.integers(400, 6000, place.size),
    )
    # The first quarter are core staff, who stay: somebody can always have written an entry.
    core = number < np.maximum(2, count[place] // 4)
    leaves = rng.exponential(365.25 / par.STAFF_TURNOVER, place.size).astype(np.int64)
    left = np.where(core, FAR, np.maximum(hired + 90, settings.first_day + 20) + leaves)
    left = np.where(left > settings.last_day, FAR, left)
    begins = np.maximum(hired, live[place])
    login = begins + rng.exponential(par.STAFF_LOGIN_MEAN_DAYS, place.size).astype(np.int64)
    logs_in = core | (rng.random(place.size) < par.STAFF_LOGIN_SHARE)
    login = np.where(logs_in & (login < left) & (login <= settings.last_day), login, FAR)
    return _roles(settings, places, place, hired, left, login)


def _roles(
    settings: SyntheticSettings, places: Places, place: Ints, hired: Ints, left: Ints, login: Ints
) -> pl.DataFrame:
    worker = np.arange(place.size)
    crosses = places.split[place] & (hired < BORDER_DAY) & (settings.last_day >= BORDER_DAY)
    goes_on = crosses & (left > BORDER_DAY)
    old_end = np.where(goes_on, BORDER_DAY, left)
    again = np.flatnonzero(goes_on)
    on = np.minimum(hired, settings.last_day)
    code = places.code_at(place, np.where(places.split[place], on, settings.last_day))
    frame = pl.DataFrame(
        {
            "worker": np.r_[worker, again],
            "place": np.r_[place, place[again]],
            "municipality_code": pl.concat(
                [code, places.code_at(place[again], np.full(again.size, BORDER_DAY))]
            ),
            "employed_from": date_series("f", np.r_[hired, np.full(again.size, BORDER_DAY)]),
            "employed_to": date_series("t", np.r_[old_end, left[again]]),
            "first_login_on": date_series(
                "l", np.r_[np.where(goes_on & (login >= BORDER_DAY), FAR, login), login[again]]
            ),
            "known_on": date_series(
                "k",
                np.maximum(
                    np.r_[hired, np.full(again.size, BORDER_DAY)],
                    places.live_on["municipal_care"][np.r_[place, place[again]]],
                ),
            ),
        }
    )
    # Who left before go-live is not in the new journal.
    frame = frame.filter(
        pl.col("employed_to").is_null() | (pl.col("employed_to") > pl.col("known_on"))
    )
    return frame.sort("place", "worker", "employed_from").select(
        pl.int_range(pl.len()).alias("staff"), pl.all()
    )


def entry_frame(
    settings: SyntheticSettings,
    places: Places,
    spells: Spells,
    episodes: pl.DataFrame,
    staff: pl.DataFrame,
) -> pl.DataFrame:
    """Draw the journal entries of the window.

    Args:
        settings: Window and seed.
        places: Go-lives.
        spells: Residence, for entries of the emergency service.
        episodes: Care episodes, whose users are written about.
        staff: Roles, who write.

    Returns:
        One row an entry: entry, person, staff, status, municipality_code (valid when recorded),
        place, service, form, device, recorded_on, recorded_minute, delay_minutes (from the event
        to the recording).
    """
    rng = settings.rng("entries")
    person, place, service, on = _occasions(settings, places, spells, episodes, rng)
    order = np.lexsort((service, on, person))
    person, place, service, on = person[order], place[order], service[order], on[order]
    size = person.size
    local = rng.normal(0.0, par.MUNICIPALITY_STRUCTURED_SD, len(places.codes))
    years = (on - places.live_on["documentation"][place]) / 365.25
    logit = par.STRUCTURED_LOGIT + local[place] + par.STRUCTURED_GROWTH_PER_YEAR * years
    logit = logit + np.array([0.0, 0.2, -0.4])[service]
    structured = rng.random(size) < 1 / (1 + np.exp(-logit))
    mobile = rng.random(size) < np.where(service == 0, par.MOBILE_SHARE, par.MOBILE_SHARE / 3)
    wrong = rng.random(size) < par.ENTRY_ERROR_SHARE
    mean = np.where(mobile, par.DELAY_MEAN_MINUTES / 5, par.DELAY_MEAN_MINUTES)
    minute = off_changing_hours(on, rng.integers(0, 24 * 60, size))
    return pl.DataFrame(
        {
            "entry": np.arange(size),
            "person": person,
            "staff": _author(settings, rng, staff, place, on),
            "status": named(("current", "entered-in-error"), wrong),
            "municipality_code": places.code_at(place, on),
            "place": place,
            "service": named(SERVICES, service),
            "form": named(FORMS, ~structured),
            "device": named(DEVICES, ~mobile),
            "recorded_on": date_series("recorded_on", on),
            "recorded_minute": minute,
            "delay_minutes": rng.exponential(mean).astype(np.int64),
        }
    )


def _occasions(
    settings: SyntheticSettings,
    places: Places,
    spells: Spells,
    episodes: pl.DataFrame,
    rng: np.random.Generator,
) -> tuple[Ints, Ints, Ints, Ints]:
    used = episodes.filter(
        pl.col("service_type_code").is_in(list(_SERVICE_OF)),
        ~pl.col("status").is_in(["cancelled", "entered-in-error"]),
    ).select(
        "person",
        "place",
        pl.col("known_on").cast(pl.Int32).cast(pl.Int64).alias("begin"),
        pl.col("end_on").cast(pl.Int32).cast(pl.Int64).fill_null(FAR).alias("end"),
        pl.col("service_type_code").replace_strict(_SERVICE_OF, return_dtype=pl.Int64).alias("at"),
        pl.col("service_type_code")
        .replace_strict(par.ENTRIES_PER_WEEK, return_dtype=pl.Float64)
        .alias("weekly"),
    )
    begin = np.maximum(used["begin"].to_numpy(), settings.first_day)
    days = np.maximum(np.minimum(used["end"].to_numpy(), settings.last_day + 1) - begin, 0)
    row = np.repeat(np.arange(used.height), rng.poisson(used["weekly"].to_numpy() * days / 7))
    on = begin[row] + np.floor(rng.random(row.size) * days[row]).astype(np.int64)
    out, at, when = _emergencies(settings, places, spells, rng)
    return (
        np.r_[used["person"].to_numpy()[row], out],
        np.r_[used["place"].to_numpy()[row], at],
        np.r_[used["at"].to_numpy()[row], np.full(out.size, 2)],
        np.r_[on, when],
    )


def _emergencies(
    settings: SyntheticSettings, places: Places, spells: Spells, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Contacts with the municipal out-of-hours service."""
    persons = int(spells.person.max()) + 1
    span = settings.last_day + 1 - settings.first_day
    size = rng.poisson(persons * par.EMERGENCY_ENTRIES * span / 365.25)
    person = rng.integers(0, persons, size)
    on = settings.first_day + rng.integers(0, span, size)
    place = spells.place_on(person, on)
    keep = (place >= 0) & (on >= places.live_on["documentation"][np.maximum(place, 0)])
    return person[keep], place[keep], on[keep]


def _author(
    settings: SyntheticSettings,
    rng: np.random.Generator,
    staff: pl.DataFrame,
    place: Ints,
    on: Ints,
) -> Ints:
    """A role of the municipality held on the day; core staff where the draw is not at work."""
    begin = staff["employed_from"].cast(pl.Int32).to_numpy().astype(np.int64)
    end = staff["employed_to"].cast(pl.Int32).cast(pl.Int64).fill_null(FAR).to_numpy()
    held = staff["place"].to_numpy()
    first, last = np.searchsorted(held, place, "left"), np.searchsorted(held, place, "right")
    drawn = first + np.floor(rng.random(place.size) * (last - first)).astype(np.int64)
    at_work = (begin[drawn] <= on) & (on < end[drawn])
    return np.where(at_work, drawn, _core(settings, staff, place, on))


def _core(settings: SyntheticSettings, staff: pl.DataFrame, place: Ints, on: Ints) -> Ints:
    """The first role of each place that is held throughout (by code for the divided one)."""
    lasting = staff.filter(
        (pl.col("employed_from") < dt.date(settings.first_year, 1, 1))
        & (pl.col("employed_to").is_null() | (pl.col("municipality_code") == SPLIT))
        | (pl.col("employed_from") == dt.date(2024, 1, 1)) & pl.col("employed_to").is_null()
    )
    early = lasting.group_by("place").agg(pl.col("staff").min()).sort("place")
    late = (
        lasting.filter(pl.col("employed_to").is_null())
        .group_by("place")
        .agg(pl.col("staff").min())
        .sort("place")
    )

    def by_place(frame: pl.DataFrame) -> Ints:
        staffed = frame["place"].to_numpy()
        # In a very small region the last places have staff but nobody who is written about.
        size = max(int(place.max(initial=0)), int(staffed.max(initial=0))) + 1
        table = np.zeros(size, dtype=np.int64)
        table[staffed] = frame["staff"].to_numpy()
        return table

    return np.where(on < BORDER_DAY, by_place(early)[place], by_place(late)[place])
