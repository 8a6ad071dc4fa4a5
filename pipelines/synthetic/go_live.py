"""What surrounds a municipality's go-live: training, counts that were moved, worklists after it.

Belongs here: what is not about a patient. Does not belong here: staff and their log-ins
(``documentation``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, date_series
from pipelines.synthetic.documentation import SERVICES
from pipelines.synthetic.draws import coded, identified, logit_shift
from pipelines.synthetic.listed import Basis

MEASURES = ("short_term_residents", "long_term_residents", "service_users", "clinical_records")
TASK_STATUSES = ("completed", "requested", "cancelled", "entered-in-error")


def with_training(basis: Basis, staff: pl.DataFrame) -> pl.DataFrame:
    """Add ``trained_on`` to staff (null where never): most before go-live, newcomers on hiring."""
    rng = basis.settings.rng("training")
    live = basis.places.live_on["municipal_care"][staff["place"].to_numpy()]
    local = rng.normal(0.0, par.MUNICIPALITY_TRAINING_SD, len(basis.places.codes))
    share = logit_shift(par.TRAINED_BEFORE, local[staff["place"].to_numpy()])
    hired = staff["employed_from"].cast(pl.Int32).to_numpy().astype(np.int64)
    before = rng.random(staff.height) < share
    later = rng.random(staff.height) < par.TRAINED_LATER
    early = live - rng.integers(1, 75, staff.height)
    late = live + 1 + rng.integers(0, 180, staff.height)
    on_hiring = hired + rng.integers(0, 40, staff.height)
    trained = np.where(before, early, np.where(later, late, FAR))
    trained = np.where(hired > early, np.where(before | later, on_hiring, FAR), trained)
    end = staff["employed_to"].cast(pl.Int32).cast(pl.Int64).fill_null(FAR).to_numpy()
    trained = np.where((trained < end) & (trained <= basis.settings.last_day), trained, FAR)
    # A role that continues another one keeps the day on which its holder was trained.
    frame = staff.with_columns(date_series("trained_on", trained))
    return frame.with_columns(pl.col("trained_on").min().over("worker"))


def migration_frame(basis: Basis, episodes: pl.DataFrame) -> pl.DataFrame:
    """Draw the counts at go-live of each municipality.

    Returns:
        One row a municipality and measure: id, place, municipality_code, measure, received,
        confirmed, counted_on.
    """
    rng = basis.settings.rng("migration")
    moved = episodes.filter(
        pl.col("start_on") < pl.col("known_on"), pl.col("status") != "entered-in-error"
    )
    kinds = (pl.col("service_type_code") == "18", pl.col("service_type_code") == "21")
    users = moved.group_by("place").agg(
        kinds[0].sum().cast(pl.Int64).alias(MEASURES[0]),
        kinds[1].sum().cast(pl.Int64).alias(MEASURES[1]),
        pl.col("person").n_unique().cast(pl.Int64).alias(MEASURES[2]),
    )
    live = basis.places.live_on["municipal_care"]
    places = pl.DataFrame({"place": np.flatnonzero(live <= basis.settings.last_day)})
    counts = places.join(users, on="place", how="left", maintain_order="left").fill_null(0)
    records = rng.poisson(counts[MEASURES[2]].to_numpy() * par.RECORDS_PER_USER)
    counts = counts.with_columns(pl.Series(MEASURES[3], records))
    long = counts.unpivot(
        MEASURES, index="place", variable_name="measure", value_name="confirmed"
    ).sort("place", pl.col("measure").cast(pl.Enum(MEASURES)))
    confirmed = long["confirmed"].to_numpy()
    share = rng.exponential(par.MIGRATION_LOST, confirmed.size)
    lossy = rng.random(confirmed.size) < par.MIGRATION_LOSS
    lost = np.where(lossy & (confirmed > 0), np.ceil(confirmed * share), 0).astype(np.int64)
    place = long["place"].to_numpy()
    return pl.DataFrame(
        {
            "id": identified("avs-", long.height, 6),
            "place": place,
            "municipality_code": basis.places.code_at(place, live[place]),
            "measure": long["measure"],
            "received": confirmed - np.minimum(lost, confirmed),
            "confirmed": confirmed,
            "counted_on": date_series("counted_on", live[place]),
        }
    )


def worklist_frame(basis: Basis, staff: pl.DataFrame) -> pl.DataFrame:
    """Draw the items of the municipalities' worklists.

    Returns:
        One row an item: id, place, municipality_code (valid when made), service, status, sent_on,
        answered_on (done; null while open), contact_on (due).
    """
    rng = basis.settings.rng("worklists")
    settings, places = basis.settings, basis.places
    begin = np.maximum(
        staff["known_on"].cast(pl.Int32).to_numpy().astype(np.int64), settings.first_day
    )
    end = staff["employed_to"].cast(pl.Int32).cast(pl.Int64).fill_null(FAR).to_numpy()
    days = np.maximum(np.minimum(end, settings.last_day + 1) - begin, 0)
    row = np.repeat(np.arange(staff.height), rng.poisson(days / 365.25 * par.WORKLIST_PER_STAFF))
    made = begin[row] + np.floor(rng.random(row.size) * days[row]).astype(np.int64)
    place = staff["place"].to_numpy()[row]
    due = made + rng.integers(*par.WORKLIST_DUE_DAYS, row.size)
    done = made + rng.exponential(par.WORKLIST_MEAN_DAYS, row.size).astype(np.int64)
    never = rng.random(row.size) < par.WORKLIST_NEVER
    done = np.where(never | (done > settings.last_day), FAR, done)
    odd = rng.random(row.size)
    status = np.where(done < FAR, 0, 1)
    status = np.where(odd < par.CANCELLED_SHARE, 2, status)
    status = np.where(odd > 1 - par.ERROR_SHARE, 3, status)
    service = basis.settings.rng("worklist services").choice(
        len(SERVICES), row.size, p=par.WORKLIST_SERVICES
    )
    return pl.DataFrame(
        {
            "id": identified("arb-", row.size),
            "place": place,
            "municipality_code": places.code_at(place, made),
            "service": coded(SERVICES, service),
            "status": coded(TASK_STATUSES, status),
            "sent_on": date_series("sent_on", made),
            "answered_on": date_series("answered_on", done),
            "contact_on": date_series("contact_on", due),
        }
    )
