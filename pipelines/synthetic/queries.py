"""Queries between hospital and municipality with their answers, and messages that were rejected.

Belongs here: messages beside those that follow every stay. Does not belong here: those
(``messages``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Ints, date_series, off_changing_hours, summer_offset
from pipelines.synthetic.draws import coded, identified, place_factors
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.places import HOSPITALS

STATUSES = ("completed", "not-done", "entered-in-error")
TYPES = ("foresporsel", "svar-foresporsel")
_MINUTES = 24 * 60
_START_DAYS = 14


def extra_messages(basis: Basis, encounters: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Draw queries, answers and rejected messages.

    Args:
        basis: Settings and go-lives.
        encounters: ``Region.encounters``.
        messages: ``Region.messages``.

    Returns:
        One row a message, as ``Region.messages`` with ``id`` in place of the number, ``second``,
        ``hospital_code`` and ``answers_id`` (of the query that it answers).
    """
    rng = basis.settings.rng("queries")
    queries = _queries(rng, basis, encounters, messages)
    rejected = _rejected(rng, basis, encounters, messages)
    return pl.concat([queries, rejected, _first(rng, basis)])


def _queries(
    rng: np.random.Generator, basis: Basis, encounters: pl.DataFrame, messages: pl.DataFrame
) -> pl.DataFrame:
    places, settings = basis.places, basis.settings
    known = messages.filter(pl.col("message_type") == "innlagt").select("encounter").unique()
    stays = encounters.join(known, on="encounter", how="semi").sort("encounter")
    stays = stays.filter(pl.lit(pl.Series(rng.random(stays.height))) < par.QUERY_SHARE)
    begin = stays["started_on"].cast(pl.Int32).to_numpy().astype(np.int64)
    end = stays["ended_on"].cast(pl.Int32).cast(pl.Int64).fill_null(settings.last_day).to_numpy()
    place = stays["place"].to_numpy()
    asked = begin + np.floor(rng.random(begin.size) * (end - begin + 1)).astype(np.int64)
    minute = rng.integers(8 * 60, 16 * 60, begin.size)
    slow = place_factors(rng, len(places.codes), par.MUNICIPALITY_QUERY_LOG_SD)
    wait = rng.exponential(par.QUERY_MEAN_HOURS * 60 * slow[place]).astype(np.int64) + 1
    answered_at = asked * _MINUTES + minute + wait
    from_municipality = rng.random(begin.size) < par.QUERIES_FROM_MUNICIPALITY
    can = (asked >= places.live_on["municipal_care"][place]) & (asked <= settings.last_day)
    answers = can & (rng.random(begin.size) < par.QUERY_ANSWERED)
    answers &= answered_at // _MINUTES <= settings.last_day
    asks, back = np.flatnonzero(can), np.flatnonzero(answers)
    row = np.r_[asks, back]
    day = np.r_[asked[asks], answered_at[back] // _MINUTES]
    at = np.r_[minute[asks], answered_at[back] % _MINUTES]
    number = np.zeros(begin.size, dtype=np.int64)
    number[asks] = np.arange(asks.size)
    ids = identified("fsp-", row.size)
    answer = np.r_[np.full(asks.size, -1), number[back]]
    kind = np.r_[np.zeros(asks.size, dtype=int), np.ones(back.size, dtype=int)]
    of_municipality = np.r_[from_municipality[asks], ~from_municipality[back]]
    return (
        _frame(ids, stays[row], basis, day, off_changing_hours(day, at), np.arange(row.size) % 60)
        .with_columns(
            coded(STATUSES, np.zeros(row.size, dtype=int)).alias("status"),
            pl.Series(TYPES).gather(pl.Series(kind)).alias("message_type"),
            pl.Series("municipal", of_municipality),
            pl.when(pl.Series(answer >= 0))
            .then(ids.gather(pl.Series(np.maximum(answer, 0)).cast(pl.UInt32)))
            .alias("answers_id"),
        )
        .select(*_COLUMNS)
    )


def _rejected(
    rng: np.random.Generator, basis: Basis, encounters: pl.DataFrame, messages: pl.DataFrame
) -> pl.DataFrame:
    """Earlier attempts of messages that went through: not-done, minutes before."""
    live = pl.Series(basis.places.live_on["municipal_care"])
    with_stay = messages.join(
        encounters.select("encounter", "place", "hospital_code"),
        on="encounter", maintain_order="left",
    )  # fmt: skip
    age = with_stay["sent_on"].cast(pl.Int32).cast(pl.Int64) - live.gather(with_stay["place"])
    share = (
        age.to_frame("age")
        .select(
            pl.when(pl.col("age").is_between(0, _START_DAYS))
            .then(par.REJECTED_AT_START)
            .otherwise(par.REJECTED_SHARE)
        )
        .to_series()
        .to_numpy()
    )
    minutes = with_stay["sent_minute"].to_numpy()
    # An attempt lies before the message, on the same day, in no hour that the clock skips.
    chosen = (rng.random(share.size) < share) & (minutes > 8 * 60)
    rows = with_stay.filter(pl.Series(chosen))
    minute = minutes[chosen] - rng.integers(2, 60, rows.height)
    day = rows["sent_on"].cast(pl.Int32).to_numpy().astype(np.int64)
    ids = identified("avv-", rows.height)
    frame = _frame(ids, rows, basis, day, minute, np.arange(rows.height) % 60)
    return frame.with_columns(
        coded(STATUSES, np.ones(rows.height, dtype=int)).alias("status"),
        rows["message_type"],
        rows["municipal"],
        pl.lit(None, dtype=pl.String).alias("answers_id"),
    ).select(*_COLUMNS)


def _first(rng: np.random.Generator, basis: Basis) -> pl.DataFrame:
    """The first message to each municipality after its cutover, about no stay."""
    places = basis.places
    live = places.live_on["municipal_care"]
    started = (live <= basis.settings.last_day) & (live >= basis.settings.first_day)
    place = np.flatnonzero(started)
    person, home = (np.concatenate(part) for part in zip(
        *(basis.spells.residents(int(on)) for on in np.unique(live[place])), strict=True
    )) if place.size else (place, place)  # fmt: skip
    inhabited, first = np.unique(home, return_index=True)
    place = place[np.isin(place, inhabited)]
    who = person[first[np.searchsorted(inhabited, place)]]
    minute = par.CUTOVER_MINUTE + rng.exponential(par.FIRST_MESSAGE_MINUTES, place.size)
    hospital = pl.Series(HOSPITALS).gather(pl.Series(places.catchment[place].argmax(axis=1)))
    stays = pl.DataFrame(
        {
            "encounter": pl.Series([None] * place.size, dtype=pl.Int64),
            "person": who,
            "place": place,
            "hospital_code": hospital,
        }
    )
    latest = np.minimum(minute.astype(np.int64), _MINUTES - 1)
    frame = _frame(identified("fst-", place.size, 4), stays, basis, live[place], latest, place % 60)
    return frame.with_columns(
        coded(STATUSES, np.zeros(place.size, dtype=int)).alias("status"),
        pl.lit(TYPES[0]).alias("message_type"),
        pl.lit(False).alias("municipal"),
        pl.lit(None, dtype=pl.String).alias("answers_id"),
    ).select(*_COLUMNS)


def _frame(
    ids: pl.Series, stays: pl.DataFrame, basis: Basis, day: Ints, minute: Ints, second: Ints
) -> pl.DataFrame:
    offset = summer_offset(day)
    return pl.DataFrame(
        {
            "id": ids,
            "encounter": stays["encounter"],
            "person": stays["person"],
            "sent_on": date_series("sent_on", day),
            "sent_sequence": (day * _MINUTES + minute - offset * 60) * 60 + second,
            "sent_minute": minute,
            "municipality_code": basis.places.code_at(stays["place"].to_numpy(), day),
            "hospital_code": stays["hospital_code"],
        }
    )


_COLUMNS = (
    "id", "encounter", "person", "status", "message_type", "sent_on", "sent_sequence",
    "sent_minute", "municipality_code", "municipal", "hospital_code", "answers_id",
)  # fmt: skip
