"""General practice: offices that join one by one, diagnoses and prescriptions.

Belongs here: offices, conditions, prescriptions, with the cases that a definition of type 2
diabetes must tell apart. Does not belong here: that definition (``truth_persons``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Bools, Floats, Ints, date_of, date_series, day, first_day
from pipelines.synthetic.draws import choose
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.spells import Spells


@dataclass(frozen=True)
class Offices:
    """Offices by index, in order of place; ``live`` is ``FAR`` where an office never joins."""

    place: Ints
    live: Ints
    first: Ints
    count: Ints
    chooser: Floats
    elsewhere: Ints

    def of(self, person: Ints, place: Ints) -> Ints:
        """Office of each person while living at a place; -1 for place -1."""
        own = self.elsewhere[person]
        home = np.where(own >= 0, own, place)
        office = self.first[home] + np.floor(self.chooser[person] * self.count[home]).astype(int)
        return np.where(place < 0, -1, office)


def make_offices(settings: SyntheticSettings, places: Places, persons: int) -> Offices:
    """Place the offices and draw which one each person chooses.

    Args:
        settings: Seed.
        places: Inhabitants and go-lives: an office joins within nine months of its municipality
            (assumed), and none where the municipality's go-live is a plan.
        persons: How many persons choose.
    """
    rng = settings.rng("offices")
    count = np.maximum(1, places.inhabitants(2024) // par.INHABITANTS_PER_GP_OFFICE)
    place = np.repeat(np.arange(count.size), count)
    municipal = places.live_on["municipal_care"][place]
    lag = rng.integers(0, par.OFFICE_LAG_MONTHS + 1, place.size)
    number = np.arange(place.size) - np.repeat(np.cumsum(count) - count, count)
    never = number % par.OFFICE_NEVER_EVERY == par.OFFICE_NEVER_EVERY - 1
    live = [
        FAR if base >= FAR or out else day(_months_later(date_of(int(base)), int(months)))
        for base, months, out in zip(municipal, lag, never, strict=True)
    ]
    away = rng.random(persons) < par.GP_ELSEWHERE_SHARE
    other = choose(rng, places.inhabitants(2024).astype(np.float64), persons)
    return Offices(
        place=place,
        live=np.array(live, dtype=np.int64),
        first=np.cumsum(count) - count,
        count=count,
        chooser=rng.random(persons),
        elsewhere=np.where(away, other, -1),
    )


def _months_later(date: dt.date, months: int) -> dt.date:
    """The same day of a later month, at most the 28th."""
    year, month = divmod(date.month - 1 + months, 12)
    return dt.date(date.year + year, month + 1, min(date.day, 28))


def office_frame(settings: SyntheticSettings, places: Places, offices: Offices) -> pl.DataFrame:
    """The offices.

    Returns:
        One row an office: office, her_id, name, municipality_code (valid at the end of the
        window), live_from (null where none inside the window), place.
    """
    size = offices.place.size
    index = pl.Series(np.arange(size))
    last = np.full(size, settings.last_day, dtype=np.int64)
    names = pl.Series(places.names).gather(pl.Series(offices.place))
    live = np.where(offices.live <= settings.last_day, offices.live, FAR)
    return pl.DataFrame(
        {
            "office": index,
            "her_id": (800_001 + index * 7).cast(pl.String),
            "name": pl.DataFrame(
                {"n": names, "i": index - offices.first[offices.place] + 1}
            ).select(pl.format("{} legekontor {}", "n", "i").alias("name"))["name"],
            "municipality_code": places.code_at(offices.place, last),
            "live_from": date_series("live_from", live),
            "place": offices.place,
        }
    )


class Records:
    """Collects coded records of persons on days, kept where the office was live."""

    def __init__(
        self,
        settings: SyntheticSettings,
        spells: Spells,
        offices: Offices,
        rng: np.random.Generator,
    ) -> None:
        self._settings, self._spells, self._offices, self._rng = settings, spells, offices, rng
        self._from = first_day(settings.first_year) - par.LOOK_BACK_MONTHS * 31
        self._parts: list[tuple[Ints, Ints, Ints]] = []
        self._codes: list[str] = []

    def code(self, text: str) -> int:
        """Index of a code in ``codes``."""
        if text not in self._codes:
            self._codes.append(text)
        return self._codes.index(text)

    def rates(self, person: Ints, yearly: Floats | float) -> Ints:
        """One element per event, by each person's yearly rate over the window and look-back."""
        years = (self._settings.last_day + 1 - self._from) / 365.25
        return np.repeat(person, self._rng.poisson(np.broadcast_to(yearly, person.shape) * years))

    def any_day(self, size: int) -> Ints:
        """Days spread evenly over the look-back and the window."""
        return self._rng.integers(self._from, self._settings.last_day + 1, size)

    def put(self, person: Ints, days: Ints, code: str | Ints) -> None:
        """Record a code (or code indices) for persons on days."""
        index = np.full(person.size, self.code(code)) if isinstance(code, str) else code
        self._parts.append((person, days, index.astype(np.int64)))

    def kept(self) -> tuple[Ints, Ints, pl.Series, Ints]:
        """Person, day, code and office of what live offices recorded, in order of day."""
        person, days, code = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        office = self._offices.of(person, self._spells.place_on(person, days))
        live = np.where(office >= 0, self._offices.live[np.maximum(office, 0)], FAR)
        keep = self._seen(days, live)
        person, days, code, office = person[keep], days[keep], code[keep], office[keep]
        order = np.lexsort((code, days, person))
        codes = pl.Series(self._codes).gather(pl.Series(code[order]))
        return person[order], days[order], codes, office[order]

    def _seen(self, days: Ints, live: Ints) -> Bools:
        return (days >= live) & (days <= self._settings.last_day) & (days >= self._from)
