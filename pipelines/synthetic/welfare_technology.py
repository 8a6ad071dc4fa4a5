"""Welfare technology beside home nursing: location technology and digital supervision.

Belongs here: who of the users of home nursing has it, and when. Does not belong here: the other
services (``care``), alarms among them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import date_series
from pipelines.synthetic.draws import curve, named, place_factors
from pipelines.synthetic.listed import Basis

_HOME_NURSING = "15"
_STATUSES = ("active", "finished", "on-hold", "entered-in-error")


def technology_episodes(basis: Basis, episodes: pl.DataFrame, first: int) -> pl.DataFrame:
    """Draw technology that begins and ends within an episode of home nursing.

    Whoever has it is a user of municipal care already, so that no count of users changes.

    Args:
        basis: Persons and places.
        episodes: ``Region.care_episodes`` without these.
        first: Number of the first of them.

    Returns:
        Further rows of ``Region.care_episodes``.
    """
    rng = basis.settings.rng("welfare technology")
    visited = episodes.filter(
        pl.col("service_type_code") == _HOME_NURSING,
        pl.col("status").is_in(["active", "finished"]),
    )
    parts = [_of_code(rng, basis, visited, code) for code in par.TECHNOLOGY_SHARE]
    rows = pl.concat(parts).sort("episode", "service_type_code")
    odd = rng.random(rows.height)
    running = rows["end_on"].is_null().to_numpy()
    status = np.where(running, 0, 1)
    status = np.where(running & (odd < par.CARE_ON_HOLD_SHARE), 2, status)
    status = np.where(odd > 1 - par.CARE_ERROR_SHARE, 3, status)
    return rows.with_columns(
        pl.Series("episode", first + np.arange(rows.height)),
        named(_STATUSES, status).alias("status"),
    ).select(episodes.columns)


def _of_code(
    rng: np.random.Generator, basis: Basis, visited: pl.DataFrame, code: str
) -> pl.DataFrame:
    """Technology of one kind, with the status of the home nursing."""
    factor = place_factors(rng, len(basis.places.codes), par.MUNICIPALITY_TECHNOLOGY_LOG_SD)
    age = basis.age(basis.settings.end_year)[visited["person"].to_numpy()]
    share = curve(par.TECHNOLOGY_SHARE[code], age) * factor[visited["place"].to_numpy()]
    lag = 1 + rng.exponential(par.TECHNOLOGY_MEAN_LAG_DAYS, visited.height).astype(np.int64)
    start = visited["start_on"].cast(pl.Int32).to_numpy().astype(np.int64) + lag
    known = visited["known_on"].cast(pl.Int32).to_numpy().astype(np.int64)
    last = visited["end_on"].cast(pl.Int32).fill_null(basis.settings.last_day + 1).to_numpy()
    chosen = (rng.random(visited.height) < share) & (start < last)
    return visited.with_columns(
        pl.lit(code).alias("service_type_code"),
        date_series("start_on", start),
        date_series("known_on", np.maximum(start, known)),
        pl.lit(None, dtype=pl.Float64).alias("weekly_hours"),
        pl.lit(False).alias("leading_zero"),
    ).filter(pl.Series(chosen))
