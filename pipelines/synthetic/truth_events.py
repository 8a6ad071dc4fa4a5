"""Measures for the truth that are events: stays, waiting days, forms, journal entries, staff.

Belongs here: counting events where and when they count. Does not belong here: states of persons
(``truth_persons``). Every measure returns rows of year, person, municipality_code, value.
"""

from __future__ import annotations

import polars as pl

from pipelines.synthetic.truth_persons import COLUMNS, NOT_CONFIRMED_STATUS, World, by_year

READY, WITHDRAWN = "utskrivningsklar", "avmelding-utskrivningsklar"
FOLLOW_UP_DAYS = 30


def within(world: World, rows: pl.DataFrame, on: str) -> pl.DataFrame:
    """Rows with their date in the window, with ``year``: by month it is 202401 and so on."""
    year = pl.col(on).dt.year()
    period = year * 100 + pl.col(on).dt.month() if world.by_month else year
    return rows.filter(year.is_in(world.years)).with_columns(period.alias("year"))


def residence(world: World, rows: pl.DataFrame, on: str) -> pl.DataFrame:
    """Add the municipality a person lives in on a date; drop rows of persons who live nowhere."""
    placed = (
        rows.drop("municipality_code", strict=False)
        .sort(on)
        .join_asof(world.spells, left_on=on, right_on="begin", by="person", check_sortedness=False)
    )
    return placed.filter(pl.col("end") > pl.col(on)).drop("begin", "end")


def inpatient_stays(world: World) -> pl.DataFrame:
    """Inpatient stays that took place."""
    return world.region.encounters.filter(
        pl.col("class_code") == "IMP", ~pl.col("status").is_in(NOT_CONFIRMED_STATUS)
    )


def finished_stays(world: World) -> pl.DataFrame:
    """Finished stays on covered days of the municipality of stay, with the effective notice.

    Adds year, bed_days, waiting_days (null without effective notice).
    """
    stays = inpatient_stays(world).filter(pl.col("status") == "finished")
    graded = world.persons.select("person", "graded")
    stays = (
        within(world, stays, "ended_on")
        .join(graded, on="person")
        .with_columns(
            pl.when(~pl.col("graded")).then("municipality_of_stay").alias("municipality_code")
        )
    )
    stays = world.coverage.on_covered_days(stays, "hospital", "ended_on")
    notices = (
        world.region.messages.filter(
            pl.col("status") == "completed", pl.col("message_type").is_in([READY, WITHDRAWN])
        )
        .join(stays.select("encounter", "ended_on"), on="encounter")
        .filter(pl.col("sent_on") <= pl.col("ended_on"))
        .sort("sent_sequence")
        .group_by("encounter")
        .agg(pl.col("message_type").last(), pl.col("sent_on").last().alias("notice_on"))
        .filter(pl.col("message_type") == READY)
    )
    return stays.join(notices, on="encounter", how="left").with_columns(
        (pl.col("ended_on") - pl.col("started_on")).dt.total_days().alias("bed_days"),
        (pl.col("ended_on") - pl.col("notice_on")).dt.total_days().alias("waiting_days"),
    )


def summed(rows: pl.DataFrame, column: str | None = None) -> pl.DataFrame:
    """Sum a column, or count the rows, by year, person and municipality."""
    value = pl.len() if column is None else pl.col(column).sum()
    return by_year(
        [
            rows.group_by("year", "person", "municipality_code")
            .agg(value.alias("value"))
            .select(COLUMNS)
        ]
    )


def waiting_days(world: World) -> pl.DataFrame:
    """Days from the effective notice to discharge."""
    return summed(finished_stays(world).drop_nulls("waiting_days"), "waiting_days")


def bed_days(world: World) -> pl.DataFrame:
    """Days of stay, with or without notice."""
    return summed(finished_stays(world), "bed_days")


def ready_episodes(world: World) -> pl.DataFrame:
    """Stays with an effective notice."""
    return summed(finished_stays(world).drop_nulls("waiting_days"))


def same_day_episodes(world: World) -> pl.DataFrame:
    """Stays with an effective notice and no waiting day."""
    return summed(finished_stays(world).filter(pl.col("waiting_days") == 0))


def emergency_stays_placed(world: World) -> pl.DataFrame:
    """Emergency stays on covered days, one row each, with the residence on the first day."""
    emergencies = inpatient_stays(world).filter(pl.col("priority_code") == "EM")
    placed = residence(world, within(world, emergencies, "started_on"), "started_on")
    return world.coverage.on_covered_days(placed, "hospital", "started_on")


def emergency_stays(world: World) -> pl.DataFrame:
    """Emergency stays by residence on the first day."""
    return summed(emergency_stays_placed(world))


def _index_discharges(world: World) -> pl.DataFrame:
    """Index discharges with ``readmitted``."""
    stays = inpatient_stays(world)
    index = within(
        world,
        stays.filter(
            pl.col("status") == "finished",
            pl.col("service_type") == "somatic",
            pl.col("discharge_disposition") != "exp",
        ),
        "ended_on",
    ).filter(pl.col("ended_on") <= pl.date(pl.col("year"), 12, 1))
    others = stays.select(
        "person",
        pl.col("encounter").alias("other"),
        pl.col("started_on").alias("other_on"),
        pl.col("priority_code").alias("other_priority"),
    )
    pairs = (
        index.select("encounter", "person", "ended_on")
        .join(others, on="person")
        .filter(pl.col("other") != pl.col("encounter"))
        .with_columns((pl.col("other_on") - pl.col("ended_on")).dt.total_days().alias("gap"))
    )
    transferred = pairs.filter(pl.col("gap") == 0).select("encounter").unique()
    back = (
        pairs.filter(pl.col("gap").is_between(1, FOLLOW_UP_DAYS), pl.col("other_priority") == "EM")
        .select("encounter", pl.lit(True).alias("readmitted"))
        .unique()
    )
    index = index.join(transferred, on="encounter", how="anti").join(
        back, on="encounter", how="left"
    )
    placed = residence(world, index, "ended_on")
    return world.coverage.on_covered_days(placed, "hospital", "ended_on")


def index_discharges(world: World) -> pl.DataFrame:
    """Somatic discharges that a readmission is counted from."""
    return summed(_index_discharges(world))


def readmissions_30d(world: World) -> pl.DataFrame:
    """Index discharges followed by an emergency stay within 30 days."""
    return summed(_index_discharges(world).filter(pl.col("readmitted")))


def _forms(world: World) -> pl.DataFrame:
    forms = world.region.portal_forms.filter(~pl.col("status").is_in(NOT_CONFIRMED_STATUS))
    placed = residence(world, within(world, forms, "sent_on"), "sent_on")
    return world.coverage.on_covered_days(placed, "portal", "sent_on")


def portal_forms_sent(world: World) -> pl.DataFrame:
    """Forms sent, by residence on the day."""
    return summed(_forms(world))


def portal_forms_answered(world: World) -> pl.DataFrame:
    """Forms answered no later than the contact they prepare."""
    answered = pl.col("answered_on") <= pl.col("contact_on")
    return summed(_forms(world).filter(answered))


def journal_entries(world: World, form: str | None = None) -> pl.DataFrame:
    """Journal entries by municipality; ``person`` is the staff role that wrote them."""
    entries = within(
        world, world.region.journal_entries.filter(pl.col("status") == "current"), "recorded_on"
    )
    if form is not None:
        entries = entries.filter(pl.col("form") == form)
    entries = (
        entries.join(world.persons.select("person", "graded"), on="person")
        .with_columns(
            pl.when(~pl.col("graded")).then("municipality_code").alias("municipality_code")
        )
        .with_columns(pl.col("staff").alias("person"))
    )
    counted = world.coverage.on_covered_days(entries, "documentation", "recorded_on")
    return summed(counted)


def staff(world: World, *, active: bool = False) -> pl.DataFrame:
    """Roles held on 31 December in live municipalities; with ``active``, logged in by then."""
    parts = []
    for number, last in world.dates:
        held = world.region.staff.filter(
            pl.col("employed_from") <= last,
            pl.col("employed_to").is_null() | (pl.col("employed_to") > last),
        )
        if active:
            held = held.filter(pl.col("first_login_on") <= last)
        held = held.with_columns(pl.lit(last).alias("on"))
        live = world.coverage.on_covered_days(held, "municipal_care", "on")
        parts.append(
            live.select(
                pl.lit(number).alias("year"),
                pl.col("staff").alias("person"),
                "municipality_code",
                pl.lit(1.0).alias("value"),
            )
        )
    return by_year(parts)
