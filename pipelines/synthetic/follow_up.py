"""How promptly hospital and municipality follow up: reports that come late, offers that come early.

Belongs here: moving the days of messages about a stay in a whole region. Does not belong here:
which messages there are (``messages``, ``queries``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Ints, date_series, off_changing_hours, summer_offset, year_of
from pipelines.synthetic.draws import logit_shift
from pipelines.synthetic.listed import Basis

_LATE = ("tidligmelding", "innleggelsesrapport", "utskrivningsrapport")
_OFFER, _READY = "tilbud-klart", "utskrivningsklar"
_SECONDS = 24 * 60 * 60


def with_follow_up(basis: Basis, encounters: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Let some reports come one to three days late, and some offers before the patient leaves.

    No message leaves its calendar year, none about an admission comes after the discharge, and
    nothing is sent about the dead.

    Args:
        basis: Settings and go-lives.
        encounters: ``Region.encounters``.
        messages: ``Region.messages``.

    Returns:
        The messages in their order, some with another ``sent_on``, ``sent_sequence`` and
        ``offset_hours``.
    """
    rng = basis.settings.rng("follow-up")
    size = messages.height
    rows = messages.join(_stays(encounters, messages), on="encounter", maintain_order="left")
    place = rows["place"].to_numpy()
    spread = rng.normal(0.0, par.MUNICIPALITY_LATE_SD, len(basis.places.codes))
    late = rng.random(size) < logit_shift(par.LATE_REPORT, spread)[place]
    late_days, early_part = rng.integers(1, 4, size), rng.random(size)
    early = rng.random(size) < par.EARLY_OFFER
    day, ready, end = (_numbers(rows[name]) for name in ("sent_on", "ready_on", "ended_on"))
    kind = rows["message_type"]
    closes = (kind == "utskrivningsrapport").to_numpy()
    shifted = np.where(late & kind.is_in(_LATE).to_numpy(), day + late_days, day)
    shifted = np.where(closes | (shifted <= end), shifted, day)
    shifted = np.where(closes & (rows["discharge_disposition"] == "exp").to_numpy(), day, shifted)
    # An offer lies anywhere from the day of the notice on, once the municipality can send one.
    least = np.maximum(np.minimum(ready, day), basis.places.live_on["municipal_care"][place])
    offered = least + np.floor(early_part * (day - least)).astype(np.int64)
    moves = early & (kind == _OFFER).to_numpy() & (least < day)
    shifted = np.where(moves, offered, shifted)
    shifted = np.where(year_of(shifted) == year_of(day), shifted, day)
    minutes = rows["sent_minute"].to_numpy()
    shifted = np.where(off_changing_hours(shifted, minutes) == minutes, shifted, day)
    offset = summer_offset(shifted)
    clock = (offset - rows["offset_hours"].to_numpy()) * 60 * 60
    return messages.with_columns(
        date_series("sent_on", shifted),
        pl.Series("offset_hours", offset),
        pl.col("sent_sequence") + pl.Series((shifted - day) * _SECONDS - clock),
    )


def _stays(encounters: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Stays with the day of the last notice: encounter, place, ended_on, ready_on, disposition."""
    ready = (
        messages.filter(pl.col("message_type") == _READY)
        .group_by("encounter")
        .agg(pl.col("sent_on").max().alias("ready_on"))
    )
    return encounters.select("encounter", "place", "ended_on", "discharge_disposition").join(
        ready, on="encounter", how="left"
    )


def _numbers(days: pl.Series) -> Ints:
    """Day numbers; a day that is not known lies after all others."""
    far = np.iinfo(np.int32).max
    return days.cast(pl.Int32).cast(pl.Int64).fill_null(far).to_numpy()
