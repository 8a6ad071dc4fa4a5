"""Measures for the truth about the quality of care and the start-up of the shared journal.

Belongs here: assessments of users of care, what is documented on the day, training, transfer,
rejected messages and worklists. Does not belong here: who the users are (``truth_persons``).
Every measure returns rows of year, person, municipality_code, value; where no person is counted,
``person`` numbers what is.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipelines.synthetic import truth_events as events
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.truth_definition import Definition, Measure
from pipelines.synthetic.truth_persons import COLUMNS, World, by_year

_ZONE = "Europe/Oslo"  # a clock that is changed in the night can put the event on the day before
_REJECTED, _WENT_THROUGH = "not-done", "completed"


def long_stay(world: World) -> pl.DataFrame:
    """Long-stay residents on 31 December."""
    return states.care_users(world, states.LONG_STAY_CODE)


def home_nursing(world: World) -> pl.DataFrame:
    """Users of home nursing on 31 December."""
    return states.care_users(world, states.HOME_NURSING_CODE)


def _more(world: World, name: str, **columns: type[pl.DataType]) -> pl.DataFrame:
    """Some columns of what a whole region holds; no rows where the region is not whole."""
    none = pl.DataFrame(schema=columns)
    rows = world.region.more.get(name, none)
    return rows.select(pl.col(column).cast(kind) for column, kind in columns.items())


def _procedures(world: World, code: str) -> pl.DataFrame:
    """Person and date of what was carried out."""
    rows = _more(
        world, "procedures", person=pl.Int64, status=pl.String, code=pl.String, performed_on=pl.Date
    )
    done = rows.filter(pl.col("code") == code, pl.col("status") == "completed")
    return done.select("person", pl.col("performed_on").alias("on"))


def _screenings(world: World) -> pl.DataFrame:
    """Person and date of nutrition screenings."""
    rows = _more(
        world,
        "municipal_observations",
        person=pl.Int64,
        status=pl.String,
        code=pl.String,
        observed_on=pl.Date,
    )
    done = rows.filter(
        pl.col("code") == "nutrition_screening", pl.col("status") != "entered-in-error"
    )
    return done.select("person", pl.col("observed_on").alias("on"))


def _within_twelve_months(users: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
    """Users with something done after 31 December of the year before and by 31 December."""
    of_year = done.select("person", pl.col("on").dt.year().cast(pl.Int32).alias("year")).unique()
    return users.join(of_year, on=["person", "year"], how="semi").select(COLUMNS)


def medication_reviewed(world: World) -> pl.DataFrame:
    """Long-stay residents with a medication review."""
    return _within_twelve_months(long_stay(world), _procedures(world, "medication_review"))


def seen_by_doctor(world: World) -> pl.DataFrame:
    """Long-stay residents seen by a doctor."""
    return _within_twelve_months(long_stay(world), _procedures(world, "physician_assessment"))


def dental_checked(world: World) -> pl.DataFrame:
    """Long-stay residents seen by dental personnel."""
    return _within_twelve_months(long_stay(world), _procedures(world, "dental_assessment"))


def long_stay_screened(world: World) -> pl.DataFrame:
    """Long-stay residents screened for malnutrition."""
    return _within_twelve_months(long_stay(world), _screenings(world))


def home_nursing_screened(world: World) -> pl.DataFrame:
    """Users of home nursing screened for malnutrition."""
    return _within_twelve_months(home_nursing(world), _screenings(world))


def same_day_entries(world: World) -> pl.DataFrame:
    """Journal entries whose event began on the day of recording."""
    minutes = pl.duration(minutes=pl.col("recorded_minute"))
    recorded = (pl.col("recorded_on").cast(pl.Datetime("ms")) + minutes).dt.replace_time_zone(_ZONE)
    began = recorded - pl.duration(minutes=pl.col("delay_minutes"))
    entries = world.region.journal_entries.filter(began.dt.date() == pl.col("recorded_on"))
    return events.journal_entries(
        replace(world, region=replace(world.region, journal_entries=entries))
    )


def _go_live_staff(world: World) -> pl.DataFrame:
    """Roles held on the day their municipality went live, with that day."""
    begins = world.coverage.begins.filter(pl.col("service") == "municipal_care")
    live = begins.select("municipality_code", pl.col("covered_from").alias("live_on"))
    return world.region.staff.join(live, on="municipality_code").filter(
        pl.col("employed_from") <= pl.col("live_on"),
        pl.col("employed_to").is_null() | (pl.col("employed_to") > pl.col("live_on")),
    )


def _of_years(
    world: World, rows: pl.DataFrame, on: str, person: str, value: str | None = None
) -> pl.DataFrame:
    """Rows dated in the window as a measure: one each, or the value of a column."""
    inside = events.within(world, rows, on)
    return by_year(
        [
            inside.select(
                "year",
                pl.col(person).alias("person"),
                "municipality_code",
                (pl.lit(1.0) if value is None else pl.col(value)).alias("value"),
            )
        ]
    )


def go_live_staff(world: World) -> pl.DataFrame:
    """Roles held on the day of the go-live."""
    return _of_years(world, _go_live_staff(world), "live_on", "staff")


def go_live_staff_trained(world: World) -> pl.DataFrame:
    """Of these, the ones whose training was completed before the day."""
    held = _go_live_staff(world)
    if "trained_on" not in held.columns:  # the region is not whole
        return _of_years(world, held.clear(), "live_on", "staff")
    trained = held.filter(pl.col("trained_on") < pl.col("live_on"))
    return _of_years(world, trained, "live_on", "staff")


def _migrated(world: World, column: str, *, records: bool) -> pl.DataFrame:
    """A column of the counts at go-live, of persons or of records; their place numbers them."""
    counts = _more(
        world,
        "migration_counts",
        place=pl.Int64,
        municipality_code=pl.String,
        measure=pl.String,
        received=pl.Int64,
        confirmed=pl.Int64,
        counted_on=pl.Date,
    )
    kind = pl.col("measure").cast(pl.String) == "clinical_records"
    return _of_years(world, counts.filter(kind == records), "counted_on", "place", column)


def migration_persons_received(world: World) -> pl.DataFrame:
    """Persons carried over; the generator never carries over more than there were."""
    return _migrated(world, "received", records=False)


def migration_persons_confirmed(world: World) -> pl.DataFrame:
    """Persons confirmed."""
    return _migrated(world, "confirmed", records=False)


def migration_records_received(world: World) -> pl.DataFrame:
    """Clinical records carried over."""
    return _migrated(world, "received", records=True)


def migration_records_confirmed(world: World) -> pl.DataFrame:
    """Clinical records confirmed."""
    return _migrated(world, "confirmed", records=True)


def _messages(world: World, *statuses: str) -> pl.DataFrame:
    """Messages on covered days, counted by year, person and municipality; graded: nowhere."""
    columns = {
        "person": pl.Int64,
        "status": pl.String,
        "sent_on": pl.Date,
        "municipality_code": pl.String,
    }
    both = pl.concat(
        rows.select(pl.col(name).cast(kind) for name, kind in columns.items())
        for rows in (world.region.messages, _more(world, "extra_messages", **columns))
    )
    sent = (
        both.filter(pl.col("status").is_in(statuses))
        .join(world.persons.select("person", "graded"), on="person")
        .with_columns(
            pl.when(~pl.col("graded")).then("municipality_code").alias("municipality_code")
        )
    )
    covered = world.coverage.on_covered_days(sent, "municipal_care", "sent_on")
    return _of_years(world, covered, "sent_on", "person")


def care_messages(world: World) -> pl.DataFrame:
    """Messages that went through or were rejected."""
    return _messages(world, _WENT_THROUGH, _REJECTED)


def care_messages_rejected(world: World) -> pl.DataFrame:
    """Messages that were rejected."""
    return _messages(world, _REJECTED)


def _open_items(world: World, *, overdue: bool) -> pl.DataFrame:
    """Items of worklists open on 31 December; with ``overdue``, due before it."""
    items = _more(
        world,
        "worklists",
        municipality_code=pl.String,
        status=pl.String,
        sent_on=pl.Date,
        answered_on=pl.Date,
        contact_on=pl.Date,
    ).with_row_index("person")
    items = items.filter(~pl.col("status").cast(pl.String).is_in(states.NOT_CONFIRMED_STATUS))
    parts = []
    for number, last in world.dates:
        still = pl.col("answered_on").is_null() | (pl.col("answered_on") > last)
        there = items.filter(pl.col("sent_on") <= last, still, pl.col("contact_on").is_not_null())
        if overdue:
            there = there.filter(pl.col("contact_on") < last)
        parts.append(
            there.select(
                pl.lit(number).alias("year"),
                "person",
                "municipality_code",
                pl.lit(1.0).alias("value"),
            )
        )
    return by_year(parts)


def open_worklist_items(world: World) -> pl.DataFrame:
    """Open items with a due date."""
    return _open_items(world, overdue=False)


def overdue_worklist_items(world: World) -> pl.DataFrame:
    """Of these, the ones that are overdue."""
    return _open_items(world, overdue=True)


def _among_long_stay(numerator: Measure, groups: tuple[int, ...]) -> Definition:
    return Definition(numerator, long_stay, 100, groups, "municipal_care", on_date=True)


def _at_go_live(numerator: Measure, denominator: Measure) -> Definition:
    return Definition(numerator, denominator, 100, (), "municipal_care", on_date=True)


DEFINITIONS: dict[str, Definition] = {
    "medication_review_long_stay_67plus_share": _among_long_stay(medication_reviewed, (67, 80)),
    "seen_by_doctor_long_stay_share": _among_long_stay(seen_by_doctor, (0, 80)),
    "dental_check_long_stay_share": _among_long_stay(dental_checked, (0, 80)),
    "nutrition_screening_long_stay_share": _among_long_stay(long_stay_screened, (0, 80)),
    "nutrition_screening_home_care_67plus_share": Definition(
        home_nursing_screened, home_nursing, 100, (67, 80), "municipal_care", on_date=True
    ),
    "documented_same_day_share": Definition(
        same_day_entries, events.journal_entries, 100, (), "documentation"
    ),
    "staff_trained_before_go_live_share": _at_go_live(go_live_staff_trained, go_live_staff),
    "migration_persons_reconciled_share": _at_go_live(
        migration_persons_received, migration_persons_confirmed
    ),
    "migration_records_reconciled_share": _at_go_live(
        migration_records_received, migration_records_confirmed
    ),
    "messages_rejected_share": Definition(
        care_messages_rejected, care_messages, 100, (), "municipal_care"
    ),
    "overdue_worklist_items_share": _at_go_live(overdue_worklist_items, open_worklist_items),
}
