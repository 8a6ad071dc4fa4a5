"""The truth about hospital use, and about what hospital and municipality tell each other.

Belongs here: measures of payment, messages, diagnoses of stays and municipal emergency services,
and the definitions that use them. Does not belong here: stays and waiting days (``truth_events``).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.settings import reference_dir
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.truth_definition import ADULTS, ALL_AGES, Definition
from pipelines.synthetic.truth_events import (
    emergency_stays_placed,
    finished_stays,
    inpatient_stays,
    ready_episodes,
    residence,
    summed,
    within,
)
from pipelines.synthetic.truth_persons import COLUMNS, NOT_CONFIRMED_STATUS, World, by_year

EMERGENCY_BED = "25"
SENSITIVE = (
    "J44", "J45", "I50", "E100", "E101", "E110", "E111", "E120", "E121", "E130", "E131", "E140",
    "E141", "N10", "N12", "N390", "L03",
)  # fmt: skip
HIP_FRACTURE = ("S720", "S721", "S722")
HEART_ATTACK = ("I21", "I22")
SELF_HARM = ("X6", "X7", "X80", "X81", "X82", "X83", "X84")
STROKE = ("I60", "I61", "I62", "I63", "I64")


def _messages(world: World, *kinds: str) -> pl.DataFrame:
    """Messages that went through: encounter, message_type, sent_on, sent_sequence, municipality."""
    return world.region.messages.filter(
        pl.col("status") == "completed", pl.col("message_type").is_in(kinds)
    )


def _placed(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """Without the municipality of graded persons, and without persons in no figure."""
    graded = world.persons.select("person", "graded")
    here = pl.when(~pl.col("graded")).then("municipality_code").alias("municipality_code")
    return rows.join(graded, on="person").with_columns(here)


def ready_for_discharge_cost(world: World) -> pl.DataFrame:
    """Days from the effective notice to the first offer, or discharge, times the year's rate."""
    rates = pl.read_csv(reference_dir() / "ready_for_discharge_rates.csv").select(
        pl.col("year").cast(pl.Int32), "rate_nok"
    )
    stays = finished_stays(world).drop_nulls("waiting_days")
    first_offer = (
        _messages(world, "tilbud-klart")
        .join(stays.select("encounter", "notice_on"), on="encounter")
        .filter(pl.col("sent_on") >= pl.col("notice_on"))
        .group_by("encounter")
        .agg(pl.col("sent_on").min().alias("offer_on"))
    )
    until = pl.min_horizontal(pl.col("offer_on"), pl.col("ended_on"))
    days = (until - pl.col("notice_on")).dt.total_days()
    priced = stays.join(first_offer, on="encounter", how="left").join(
        rates, left_on=pl.col("ended_on").dt.year().cast(pl.Int32), right_on="year", coalesce=False
    )
    return summed(priced.with_columns((days * pl.col("rate_nok")).alias("nok")), "nok")


def discharge_reports(world: World) -> pl.DataFrame:
    """Stays with an effective notice and a report sent on the day of discharge."""
    sent = _messages(world, "utskrivningsrapport").select("encounter", "sent_on")
    stays = finished_stays(world).drop_nulls("waiting_days")
    on_day = stays.join(
        sent, left_on=["encounter", "ended_on"], right_on=["encounter", "sent_on"], how="semi"
    )
    return summed(on_day)


def _noticed(world: World, service: str) -> pl.DataFrame:
    """Stays with a notice of admission, on covered days of the municipality that was told.

    Adds year, municipality_code, notice_on, early_on, report_on.
    """
    stays = inpatient_stays(world).select("encounter", "person", "started_on")
    told = _messages(world, "innlagt").sort("sent_sequence")
    first = told.group_by("encounter").agg(
        pl.col("sent_on").first().alias("notice_on"), pl.col("municipality_code").first()
    )
    rows = stays.join(first, on="encounter")
    for kind, name in (("tidligmelding", "early_on"), ("innleggelsesrapport", "report_on")):
        sent = _messages(world, kind).group_by("encounter").agg(pl.col("sent_on").min().alias(name))
        rows = rows.join(sent, on="encounter", how="left")
    placed = _placed(world, within(world, rows, "notice_on"))
    return world.coverage.on_covered_days(placed, service, "notice_on")


def _of_users(world: World) -> pl.DataFrame:
    """Of the stays that the municipality was told of, those of users of its services."""
    rows = _noticed(world, "municipal_care")
    episodes = world.region.care_episodes.filter(
        pl.col("status").is_in(["active", "finished"])
    ).select("person", "start_on", "end_on")
    using = rows.join(episodes, on="person").filter(
        pl.col("start_on") <= pl.col("started_on"),
        pl.col("end_on").is_null() | (pl.col("end_on") > pl.col("started_on")),
    )
    return rows.join(using, on="encounter", how="semi")


def _by_next_day(sent: str, since: str) -> pl.Expr:
    return pl.col(sent) <= pl.col(since) + pl.duration(days=1)


def admission_notices(world: World) -> pl.DataFrame:
    """Stays that the municipality was told of."""
    return summed(_noticed(world, "hospital"))


def early_notices(world: World) -> pl.DataFrame:
    """Of them, those with an early notice on the day of admission or the next."""
    return summed(_noticed(world, "hospital").filter(_by_next_day("early_on", "started_on")))


def user_admission_notices(world: World) -> pl.DataFrame:
    """Stays of users of municipal care that the municipality was told of."""
    return summed(_of_users(world))


def admission_reports(world: World) -> pl.DataFrame:
    """Of them, those with the municipality's report on the day of the notice or the next."""
    return summed(_of_users(world).filter(_by_next_day("report_on", "notice_on")))


def _queries(world: World) -> pl.DataFrame:
    """Queries on covered days, with the day of the first answer and the last that is in time."""
    sent = world.region.more.get("extra_messages")
    if sent is None:
        return pl.DataFrame(
            schema={
                "person": pl.Int64, "year": pl.Int32, "municipality_code": pl.String,
                "answered_on": pl.Date, "limit": pl.Date,
            }
        )  # fmt: skip
    sent = sent.filter(pl.col("status") == "completed")
    answers = (
        sent.filter(pl.col("message_type") == "svar-foresporsel")
        .group_by("answers_id")
        .agg(pl.col("sent_on").min().alias("answered_on"))
    )
    queries = sent.filter(pl.col("message_type") == "foresporsel").select(
        "id", "person", "municipality_code", "sent_on"
    )
    rows = queries.join(answers, left_on="id", right_on="answers_id", how="left")
    limits = {day: next_working_day(day) for day in rows["sent_on"].unique()}
    rows = rows.with_columns(
        pl.col("sent_on").replace_strict(limits, return_dtype=pl.Date).alias("limit")
    )
    placed = _placed(world, within(world, rows, "sent_on"))
    return world.coverage.on_covered_days(placed, "municipal_care", "sent_on")


def next_working_day(day: dt.date) -> dt.date:
    """The first day after ``day`` that is no Saturday, Sunday or public holiday in Norway."""
    following = day + dt.timedelta(days=1)
    while following.weekday() > 4 or following in _holidays(following.year):
        following += dt.timedelta(days=1)
    return following


def _holidays(year: int) -> set[dt.date]:
    """Public holidays that may fall on a weekday; Easter by the Gregorian computus (Meeus)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    leap = century // 4
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - moon + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, before = divmod(epact + weekday - 7 * late + 114, 31)
    easter = dt.date(year, month, before + 1)
    movable = {easter + dt.timedelta(days=days) for days in (-3, -2, 1, 39, 50)}
    fixed = {dt.date(year, *on) for on in ((1, 1), (5, 1), (5, 17), (12, 25), (12, 26))}
    return movable | fixed


def queries(world: World) -> pl.DataFrame:
    """Queries between hospital and municipality."""
    return summed(_queries(world))


def queries_answered(world: World) -> pl.DataFrame:
    """Of them, those answered by the end of the next working day."""
    return summed(_queries(world).filter(pl.col("answered_on") <= pl.col("limit")))


def _with_diagnosis(world: World, prefixes: tuple[str, ...]) -> pl.DataFrame:
    """Emergency stays on covered days with a confirmed diagnosis among some."""
    stays = emergency_stays_placed(world)
    diagnoses = world.region.more.get("hospital_diagnoses")
    if diagnoses is None:
        return stays.clear()
    code = pl.col("code").cast(pl.String)
    found = diagnoses.filter(
        pl.col("verification_status") == "confirmed",
        pl.any_horizontal(code.str.starts_with(prefix) for prefix in prefixes),
    )
    return stays.join(found, on="encounter", how="semi")


def ambulatory_sensitive_stays(world: World) -> pl.DataFrame:
    """Emergency stays with an ambulatory-sensitive condition."""
    return summed(_with_diagnosis(world, SENSITIVE))


def _persons_with(world: World, prefixes: tuple[str, ...]) -> pl.DataFrame:
    """Persons once a year, where the first of their stays began."""
    return _once_a_year(_with_diagnosis(world, prefixes))


def _once_a_year(rows: pl.DataFrame) -> pl.DataFrame:
    first = rows.sort("started_on").unique(["person", "year"], keep="first", maintain_order=True)
    return by_year([first.with_columns(pl.lit(1.0).alias("value")).select(COLUMNS)])


def hip_fractures(world: World) -> pl.DataFrame:
    """Persons with an emergency stay for a hip fracture."""
    return _persons_with(world, HIP_FRACTURE)


def heart_attacks(world: World) -> pl.DataFrame:
    """Persons with an emergency stay for a heart attack."""
    return _persons_with(world, HEART_ATTACK)


def strokes(world: World) -> pl.DataFrame:
    """Persons with an emergency stay for a stroke."""
    return _persons_with(world, STROKE)


def substance_treated(world: World) -> pl.DataFrame:
    """Persons once a year, where the first of their stays in substance-use treatment began."""
    stays = inpatient_stays(world).filter(pl.col("service_type") == "substance")
    placed = residence(world, within(world, stays, "started_on"), "started_on")
    covered = world.coverage.on_covered_days(placed, "hospital", "started_on")
    return _once_a_year(covered)


def self_harm_contacts(world: World) -> pl.DataFrame:
    """Days on which a person came as an emergency and was coded with intentional self-harm."""
    causes = world.region.more.get("external_causes")
    contacts = world.region.encounters.filter(
        ~pl.col("status").is_in(NOT_CONFIRMED_STATUS),
        (pl.col("class_code") == "EMER")
        | ((pl.col("class_code") == "IMP") & (pl.col("priority_code") == "EM")),
    )
    if causes is None:
        contacts = contacts.clear()
    else:
        code = pl.col("code").cast(pl.String)
        found = causes.filter(
            pl.col("verification_status") == "confirmed",
            pl.any_horizontal(code.str.starts_with(prefix) for prefix in SELF_HARM),
        )
        contacts = contacts.join(found, on="encounter", how="semi")
    placed = residence(world, within(world, contacts, "started_on"), "started_on")
    covered = world.coverage.on_covered_days(placed, "hospital", "started_on")
    return summed(covered.unique(["person", "started_on"]))


def municipal_emergency_bed_stays(world: World) -> pl.DataFrame:
    """Stays begun in municipal emergency beds, by residence on the first day."""
    rows = world.region.care_episodes.filter(
        pl.col("service_type_code") == EMERGENCY_BED,
        pl.col("status").is_in(["active", "finished"]),
    )
    placed = residence(world, within(world, rows, "start_on"), "start_on")
    return summed(world.coverage.on_covered_days(placed, "municipal_care", "start_on"))


def out_of_hours_contacts(world: World) -> pl.DataFrame:
    """Contacts with the out-of-hours service, by residence on the day."""
    of_year = world.region.yearly.get("out_of_hours")
    if of_year is None:
        return summed(
            pl.DataFrame(
                schema={"year": pl.Int32, "person": pl.Int64, "municipality_code": pl.String}
            )
        )
    parts = [of_year(year) for year in world.years]
    rows = pl.concat(parts).filter(~pl.col("status").cast(pl.String).is_in(NOT_CONFIRMED_STATUS))
    placed = residence(world, within(world, rows, "billed_on"), "billed_on")
    return summed(world.coverage.on_covered_days(placed, "municipal_care", "billed_on"))


DEFINITIONS: dict[str, Definition] = {
    "ready_for_discharge_cost_per_inhabitant": Definition(
        ready_for_discharge_cost, states.hospital_days, 1, ADULTS, "hospital",
        person_time=True, public=True,
    ),
    "admission_report_by_next_day_share": Definition(
        admission_reports, user_admission_notices, 100, (), "municipal_care"
    ),
    "early_notice_by_next_day_share": Definition(
        early_notices, admission_notices, 100, (), "hospital"
    ),
    "discharge_report_same_day_share": Definition(
        discharge_reports, ready_episodes, 100, ADULTS, "hospital"
    ),
    "query_reply_within_one_working_day_share": Definition(
        queries_answered, queries, 100, (), "municipal_care"
    ),
    "ambulatory_sensitive_admissions_per_1000": Definition(
        ambulatory_sensitive_stays, states.hospital_days, 1000, ADULTS, "hospital",
        person_time=True, public=True,
    ),
    "municipal_emergency_bed_stays_per_1000": Definition(
        municipal_emergency_bed_stays, states.municipal_days, 1000, ADULTS, "municipal_care",
        person_time=True, public=True,
    ),
    "out_of_hours_contacts_per_1000": Definition(
        out_of_hours_contacts, states.municipal_days, 1000, ALL_AGES, "municipal_care",
        person_time=True, public=True,
    ),
    "hip_fracture_per_10000": Definition(
        hip_fractures, states.hospital_days, 10_000, (45, 67, 80), "hospital",
        person_time=True, public=True,
    ),
    "heart_attack_per_10000": Definition(
        heart_attacks, states.hospital_days, 10_000, ADULTS, "hospital",
        person_time=True, public=True,
    ),
    "stroke_per_10000": Definition(
        strokes, states.hospital_days, 10_000, ADULTS, "hospital", person_time=True, public=True
    ),
    "self_harm_contacts_per_10000": Definition(
        self_harm_contacts, states.hospital_days, 10_000, (10, 18, 45), "hospital",
        person_time=True, public=True,
    ),
    "substance_treatment_per_10000": Definition(
        substance_treated, states.hospital_days, 10_000, (18, 45), "hospital",
        person_time=True, public=True,
    ),
}  # fmt: skip
