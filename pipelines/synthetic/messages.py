"""Messages between hospital and municipality about a stay.

Belongs here: ready-for-discharge notices with their cancellations and renewals, and the messages
around them. Does not belong here: the stays.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import (
    Bools,
    Ints,
    date_series,
    off_changing_hours,
    summer_offset,
    year_of,
)
from pipelines.synthetic.draws import choose, named
from pipelines.synthetic.hospital import Stays
from pipelines.synthetic.model import SyntheticSettings
from pipelines.synthetic.places import Places
from pipelines.synthetic.population import Population

TYPES = (
    "innlagt", "tidligmelding", "utskrivningsklar", "avmelding-utskrivningsklar",
    "tilbud-klart", "innleggelsesrapport", "utskrivningsrapport",
)  # fmt: skip
_ADMITTED, _EARLY, _READY, _WITHDRAWN, _OFFER, _REPORT_IN, _REPORT_OUT = range(7)
_MUNICIPAL = (_OFFER, _REPORT_IN)
_MINUTES = 24 * 60
_SINGLE, _RENEWED, _FOR_GOOD, _TWICE, _ERROR, _SAME_DAY, _LATE = range(7)


class _Box:
    """Collects messages as arrays."""

    def __init__(self) -> None:
        self.parts: list[tuple[Ints, Ints, Ints, Ints, Bools]] = []

    def put(self, stay: Ints, kind: int, days: Ints, minutes: Ints, error: bool = False) -> None:
        """Add one message for each stay, on a day and at a minute of it."""
        self.parts.append(
            (stay, np.full(stay.size, kind), days, minutes, np.full(stay.size, error))
        )


def message_frame(
    settings: SyntheticSettings, places: Places, population: Population, stays: Stays
) -> pl.DataFrame:
    """Draw the messages of all stays.

    Args:
        settings: Window and seed.
        places: Go-lives: a municipality sends none before its own.
        population: Persons, for their age and death.
        stays: The stays; ``encounter`` is the position among them.

    Returns:
        One row a message: message, encounter, person, status, message_type, sent_on (date),
        sent_sequence (epoch seconds), sent_minute (minutes after local midnight), offset_hours
        (of local time from UTC), municipality_code (valid when sent), municipal (sent by the
        municipality).
    """
    rng = settings.rng("messages")
    box = _Box()
    _notices(rng, stays, box)
    _around(rng, population, stays, box)
    stay, kind, days, minutes, error = (np.concatenate(p) for p in zip(*box.parts, strict=True))
    place = stays.place[stay]
    municipal = np.isin(kind, _MUNICIPAL)
    can_send = ~municipal | (days >= places.live_on["municipal_care"][place])
    alive = days <= population.death[stays.person[stay]]
    keep = can_send & alive & (days <= settings.last_day) & (days >= stays.begin[stay])
    stay, kind, days, minutes = stay[keep], kind[keep], days[keep], minutes[keep]
    error = error[keep] | (rng.random(stay.size) < par.ERROR_SHARE / 2)
    minutes = off_changing_hours(days, minutes)
    # Seconds differ inside a minute, so that no two messages of a stay tie.
    order = np.lexsort((np.arange(stay.size), minutes, days, stay))
    stay, kind, days, minutes = stay[order], kind[order], days[order], minutes[order]
    offset = summer_offset(days)
    second = np.arange(stay.size) % 60
    return pl.DataFrame(
        {
            "message": np.arange(stay.size),
            "encounter": stay,
            "person": stays.person[stay],
            "status": named(("completed", "entered-in-error"), error[order]),
            "message_type": named(TYPES, kind),
            "sent_on": date_series("sent_on", days),
            "sent_sequence": (days * _MINUTES + minutes - offset * 60) * 60 + second,
            "sent_minute": minutes,
            "offset_hours": offset,
            "municipality_code": places.code_at(stays.place[stay], days),
            "municipal": pl.Series(np.isin(kind, _MUNICIPAL)),
        }
    )


def _clock(rng: np.random.Generator, size: int, low: int, high: int) -> Ints:
    return rng.integers(low * 60, high * 60, size)


def _notices(rng: np.random.Generator, stays: Stays, box: _Box) -> None:
    ready = np.flatnonzero(stays.ready >= 0)
    on = stays.ready[ready]
    pattern = choose(rng, np.asarray(par.NOTICE_PATTERNS), ready.size)
    # A notice can be withdrawn before it is renewed only where the stay is long enough.
    room = on - stays.begin[ready]
    pattern = np.where((pattern == _RENEWED) & (room < 2), _SINGLE, pattern)
    pattern = np.where((pattern == _TWICE) & (room < 1), _SINGLE, pattern)
    minute = _clock(rng, ready.size, 9, 14)

    def put(pick: Bools, kind: int, shift: int, later: int = 0, error: bool = False) -> None:
        box.put(ready[pick], kind, on[pick] + shift, minute[pick] + later, error)

    effective = np.isin(pattern, (_SINGLE, _RENEWED, _TWICE, _FOR_GOOD, _SAME_DAY))
    put(effective, _READY, 0)
    put(pattern == _RENEWED, _READY, -2)
    put(pattern == _RENEWED, _WITHDRAWN, -1)
    put(pattern == _TWICE, _READY, -1)
    put(pattern == _FOR_GOOD, _WITHDRAWN, 0, 95)
    put(pattern == _SAME_DAY, _WITHDRAWN, 0, 60)
    put(pattern == _SAME_DAY, _READY, 0, 150)
    put(pattern == _ERROR, _READY, 0, error=True)
    late = pattern == _LATE
    box.put(ready[late], _READY, stays.end[ready[late]] + 1, minute[late])
    taken = ready[effective]
    box.put(taken, _OFFER, stays.end[taken], _clock(rng, taken.size, 14, 18))
    box.put(taken, _REPORT_OUT, stays.end[taken], _clock(rng, taken.size, 18, 22))


def _around(rng: np.random.Generator, population: Population, stays: Stays, box: _Box) -> None:
    age = year_of(stays.begin) - year_of(population.birth[stays.person])
    inpatient = (stays.kind == 0) & (age >= 18)
    known = inpatient & ((age >= 75) | (stays.ready >= 0))
    share_admitted, share_early, share_report = par.NOTIFIED
    admitted = np.flatnonzero(known & (rng.random(age.size) < share_admitted))
    box.put(admitted, _ADMITTED, stays.begin[admitted], _clock(rng, admitted.size, 0, 24))
    early = np.flatnonzero(known & (rng.random(age.size) < share_early))
    lag = rng.integers(0, 2, early.size)
    box.put(early, _EARLY, stays.begin[early] + lag, _clock(rng, early.size, 8, 20))
    report = np.flatnonzero(known & (rng.random(age.size) < share_report))
    lag = rng.integers(0, 2, report.size)
    box.put(report, _REPORT_IN, stays.begin[report] + lag, _clock(rng, report.size, 0, 24))
