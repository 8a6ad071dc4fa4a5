"""Which rows a delivery holds: what each organisation knows by the end of a year.

Belongs here: choosing rows, and setting back what is not known yet; the first entities. Does not
belong here: further entities (``selection_more``), how a row is delivered (``resources``), files.

A resource is sent again when something about it has changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl

from pipelines.synthetic.days import date_of, last_day
from pipelines.synthetic.model import Region
from pipelines.synthetic.places import BORDER_DAY

BORDER_YEAR = date_of(BORDER_DAY).year


def year_of(region: Region, column: str) -> pl.Expr:
    """Year of the delivery that brings a row: what is older comes with the first."""
    return pl.max_horizontal(pl.col(column).dt.year(), pl.lit(region.settings.first_year))


def late(region: Region) -> pl.Expr:
    """1 for rows that come a year late."""
    return pl.col("late").cast(pl.Int32) if region.life else pl.lit(0)


def corrected_now(region: Region, came: pl.Expr, year: int) -> pl.Expr:
    """Rows that came wrong in the year before, and come right now."""
    return (pl.col("amended") & (came == year - 1)) if region.life else pl.lit(False)


def wrong_yet(region: Region, came: pl.Expr, year: int) -> pl.Expr:
    """Rows that come now, and wrong."""
    return (pl.col("amended") & (came == year)) if region.life else pl.lit(False)


def later_null(column: str, year: int) -> pl.Expr:
    """A date, where it is known by the end of a year."""
    known = pl.col(column) <= dt.date(year, 12, 31)
    return pl.when(known).then(pl.col(column)).alias(column)


def divided(region: Region) -> pl.Expr:
    """Rows of the places that a border divided."""
    return pl.col("place").is_in([int(place) for place in region.places.split.nonzero()[0]])


def code_at_end(region: Region, rows: pl.DataFrame, year: int) -> pl.Series:
    """Municipality code of each row's place, valid on the last day of a year."""
    place = rows["place"].to_numpy()
    return region.places.code_at(place, np.full(place.size, last_day(year), dtype=np.int64))


def patients(region: Region, year: int) -> pl.DataFrame:
    """Persons of whom something changed in the year."""
    residence = region.residence
    changed = residence.filter(
        (pl.col("valid_from").dt.year() == year) | (pl.col("valid_to").dt.year() == year)
    )
    known = region.persons.filter(pl.col("known_from") <= year)
    first = year == region.settings.first_year
    rows = known.filter(
        pl.lit(first)
        | (pl.col("known_from") == year)
        | (pl.col("death_date").dt.year() == year)
        | (pl.col("graded_from") == year)
        | pl.col("person").is_in(changed["person"].unique().implode())
        | pl.col("person").is_in(_known_anew(region, year).implode())
    )
    return rows.sort("patient_number")


def _known_anew(region: Region, year: int) -> pl.Series:
    """Persons who get another number in a year, or are linked or parted in it."""
    life = region.life
    if life is None:
        return pl.Series([], dtype=pl.Int64)
    return pl.concat(
        [
            life.numbers.filter(pl.col("number_from") == year)["person"],
            life.seconds.filter(pl.col("merged_in") == year)["person"],
            life.merges.filter((pl.col("merged_in") == year) | (pl.col("parted_in") == year))[
                "person"
            ],
        ]
    )


def second_resources(region: Region, year: int) -> pl.DataFrame:
    """Persons whose second resource is made, or linked, in a year."""
    if region.life is None:
        return region.persons.head(0)
    now = region.life.seconds.filter(
        (pl.col("second_from") == year) | (pl.col("merged_in") == year)
    )
    return region.persons.join(now, on="person").sort("second_patient")


def encounters(region: Region, year: int) -> pl.DataFrame:
    """Stays that began or ended in the year."""
    ended = pl.col("ended_on").dt.year()
    began = year_of(region, "started_on")
    frame = with_deleted(region, "encounters", year).with_columns(
        end_year=ended.fill_null(region.settings.end_year + 1)
    )
    came = pl.max_horizontal("end_year", began) + late(region)
    final = frame.filter((came == year) | corrected_now(region, came, year)).with_columns(
        pl.when(wrong_yet(region, came, year))
        .then(pl.when(pl.col("priority_code") == "EM").then(pl.lit("EL")).otherwise(pl.lit("EM")))
        .otherwise("priority_code")
        .alias("priority_code")
    )
    open_still = frame.filter((began == year) & (pl.col("end_year") > year) & (late(region) == 0))
    open_still = open_still.with_columns(
        pl.when(pl.col("status") == "finished")
        .then(pl.lit("in-progress"))
        .otherwise("status")
        .alias("status"),
        pl.lit(None, dtype=pl.Date).alias("ended_on"),
        code_at_end(region, open_still, year).alias("municipality_of_stay"),
    )
    return pl.concat([final, open_still]).sort("encounter")


def with_deleted(region: Region, name: str, year: int) -> pl.DataFrame:
    """A frame of the region with the rows that are deleted later, until they are."""
    frame: pl.DataFrame = getattr(region, name)
    if region.life is None or name not in region.life.deleted:
        return frame
    gone = region.life.deleted[name].filter(pl.col("deleted_in") > year)
    return pl.concat([frame, gone.select(frame.columns)])


def messages(municipal: bool) -> Callable[[Region, int], pl.DataFrame]:
    """Messages that the municipality, or the hospital, sent."""

    def rows(region: Region, year: int) -> pl.DataFrame:
        frame = region.messages.filter(pl.col("municipal") == municipal)
        return frame.filter(year_of(region, "sent_on") == year)

    return rows


def conditions(region: Region, year: int) -> pl.DataFrame:
    """Diagnoses recorded in the year, and those found wrong in it."""
    came = year_of(region, "recorded_on") + late(region)
    corrected = pl.col("corrected_year")
    wrong = wrong_yet(region, came, year)
    rows = with_deleted(region, "conditions", year).filter(
        (came == year) | (corrected == year) | corrected_now(region, came, year)
    )
    return rows.with_columns(
        pl.when(corrected > year)
        .then(pl.lit("confirmed"))
        .otherwise("verification_status")
        .alias("verification_status"),
        pl.when(wrong).then(pl.lit("icpc2")).otherwise("code_system").alias("code_system"),
        pl.when(wrong).then(pl.lit("A97")).otherwise("written_code").alias("written_code"),
    )


def prescriptions(region: Region, year: int) -> pl.DataFrame:
    """Prescriptions of the year."""
    came = year_of(region, "authored_on") + late(region)
    rows = with_deleted(region, "prescriptions", year).filter(
        (came == year) | corrected_now(region, came, year)
    )
    wrong = wrong_yet(region, came, year)
    return rows.with_columns(
        pl.when(wrong).then(pl.lit("N02BE01")).otherwise("atc_code").alias("atc_code")
    )


def offices(region: Region, year: int) -> pl.DataFrame:
    """Offices that joined in the year, or whose municipality changed."""
    first = year == region.settings.first_year
    moved = pl.lit(year == BORDER_YEAR) & divided(region)
    rows = region.gp_offices.filter(pl.lit(first) | (pl.col("live_from").dt.year() == year) | moved)
    return rows.with_columns(
        later_null("live_from", year),
        code_at_end(region, rows, year).alias("municipality_code"),
    )


def episodes(region: Region, year: int) -> pl.DataFrame:
    """Episodes that began or ended in the year, and all that a new border touches."""
    ended = pl.col("end_on").dt.year().fill_null(region.settings.end_year + 1)
    known = year_of(region, "known_on")
    moved = pl.lit(year == BORDER_YEAR) & divided(region) & (ended >= year) & (known < year)
    rows = region.care_episodes.filter((known == year) | (ended == year) | moved, known <= year)
    code = code_at_end(region, rows, year)
    still = ended > year
    rows = rows.with_columns(
        later_null("end_on", year),
        pl.when(still & (pl.col("status") == "finished"))
        .then(pl.lit("active"))
        .otherwise("status")
        .alias("status"),
        pl.when(still).then(code).otherwise("municipality_code").alias("municipality_code"),
    )
    return rows


def entries(region: Region, year: int) -> pl.DataFrame:
    """Journal entries of the year."""
    came = pl.col("recorded_on").dt.year() + late(region)
    rows = with_deleted(region, "journal_entries", year).filter(
        (came == year) | corrected_now(region, came, year)
    )
    other = pl.when(pl.col("form") == "structured").then(pl.lit("free-text"))
    return rows.with_columns(
        pl.when(wrong_yet(region, came, year))
        .then(other.otherwise(pl.lit("structured")))
        .otherwise("form")
        .alias("form")
    )


def staff(region: Region, year: int) -> pl.DataFrame:
    """Roles of which something became known in the year."""
    known = year_of(region, "known_on")
    dates = [name for name in ("employed_to", "first_login_on", "trained_on")
             if name in region.staff.columns]  # fmt: skip
    now = pl.any_horizontal(pl.col(name).dt.year() == year for name in dates)
    rows = region.staff.filter((known == year) | now.fill_null(False)).filter(known <= year)
    return rows.with_columns(later_null(name, year) for name in dates)


def sessions(region: Region, year: int) -> pl.DataFrame:
    """Portal sessions of the year."""
    return region.portal_sessions.filter(pl.col("session_on").dt.year() == year)


def forms(region: Region, year: int) -> pl.DataFrame:
    """Forms sent or answered in the year."""
    sent, answered = pl.col("sent_on").dt.year(), pl.col("answered_on").dt.year()
    rows = region.portal_forms.filter((sent == year) | (answered == year))
    unanswered_yet = (answered > year) & (pl.col("status") == "completed")
    return rows.with_columns(
        later_null("answered_on", year),
        pl.when(unanswered_yet).then(pl.lit("requested")).otherwise("status").alias("status"),
    )
