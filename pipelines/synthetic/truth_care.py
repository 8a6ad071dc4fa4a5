"""Measures for the truth about municipal care: services, decisions, beds, falls, need.

Belongs here: counting what municipal care gives and decides, over the region's tables alone. Does
not belong here: users of one service (``truth_persons``), the definitions of other themes. Every
measure returns rows of year, person, municipality_code (null: graded), value.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

import polars as pl

from pipelines.synthetic import truth_persons as states
from pipelines.synthetic.truth_definition import Definition
from pipelines.synthetic.truth_events import within
from pipelines.synthetic.truth_persons import COLUMNS, OPEN, World, by_year

CARE = "municipal_care"
HOME_CARE = ("1", "2", "15")
SHORT_STAYS = ("18", "19", "20")
INSTITUTION = (*SHORT_STAYS, states.LONG_STAY_CODE)
ASSESSED = (*HOME_CARE, "3", states.LONG_STAY_CODE)
FIRST_VISIT_DAYS = 7
EXTENSIVE = 4
_FRAMES: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "care_decisions": {
        "person": pl.Int64, "status": pl.String, "service_type_code": pl.String,
        "municipality_code": pl.String, "decided_on": pl.Date, "first_service_on": pl.Date,
    },
    "bed_capacity": {
        "unit": pl.String, "municipality_code": pl.String, "beds": pl.Int64,
        "valid_from": pl.Date, "valid_to": pl.Date,
    },
    "municipal_observations": {
        "person": pl.Int64, "status": pl.String, "code": pl.String, "value": pl.Float64,
        "observed_on": pl.Date,
    },
}  # fmt: skip


def _frame(world: World, name: str) -> pl.DataFrame:
    """A frame that only a whole region has, of persons who may be in figures; else no rows."""
    schema = _FRAMES[name]
    found = world.region.more.get(name)
    if found is None:
        return pl.DataFrame(schema=schema)
    rows = found.select(pl.col(column).cast(kind) for column, kind in schema.items())
    return rows.join(world.persons, on="person", how="semi") if "person" in schema else rows


def _episodes(world: World, codes: tuple[str, ...]) -> pl.DataFrame:
    """Episodes of some services that took place, paused ones too."""
    return world.region.care_episodes.filter(
        pl.col("service_type_code").is_in(codes),
        pl.col("status").is_in(["active", "finished", "on-hold"]),
    )


def _where_it_is_given(world: World, rows: pl.DataFrame, on: str) -> pl.DataFrame:
    """Rows on covered days of the municipality that gave them, in the window; adds ``year``."""
    graded = world.persons.select("person", "graded")
    placed = (
        within(world, rows, on)
        .join(graded, on="person")
        .with_columns(
            pl.when(~pl.col("graded")).then("municipality_code").alias("municipality_code"),
        )
    )
    return world.coverage.on_covered_days(placed, CARE, on)


def _summed(rows: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    keys = ["year", "person", "municipality_code"]
    return by_year([rows.group_by(keys).agg(value.alias("value")).select(COLUMNS)])


def home_care_hours(world: World) -> pl.DataFrame:
    """Hours a week granted on 31 December, of residents of that day."""
    parts = []
    for year in world.years:
        last = dt.date(year, 12, 31)
        granted = _episodes(world, HOME_CARE).filter(
            pl.col("status") != "on-hold",
            pl.col("weekly_hours") > 0,
            pl.col("start_on") <= last,
            pl.col("end_on").fill_null(OPEN) > last,
        )
        hours = granted.group_by("person").agg(pl.col("weekly_hours").sum().alias("hours"))
        here = states.residents_on(world, year).join(hours, on="person")
        parts.append(here.select("year", "person", "municipality_code", value=pl.col("hours")))
    return by_year(parts)


def home_care_users(world: World) -> pl.DataFrame:
    """Residents on 31 December who are granted hours."""
    return home_care_hours(world).with_columns(pl.lit(1.0).alias("value"))


def _new_decisions(world: World) -> pl.DataFrame:
    decisions = _frame(world, "care_decisions").filter(
        pl.col("service_type_code").is_in(HOME_CARE),
        ~pl.col("status").is_in(["revoked", "entered-in-error"]),
        pl.col("decided_on") <= pl.date(pl.col("decided_on").dt.year(), 12, 31 - FIRST_VISIT_DAYS),
        pl.col("first_service_on").is_null() | (pl.col("first_service_on") >= pl.col("decided_on")),
    )
    return _where_it_is_given(world, decisions, "decided_on")


def new_decisions(world: World) -> pl.DataFrame:
    """Decisions on home care that begin something, 1 January to 24 December."""
    return _summed(_new_decisions(world), pl.len())


def decisions_started_7d(world: World) -> pl.DataFrame:
    """Those whose service began within seven days."""
    wait = (pl.col("first_service_on") - pl.col("decided_on")).dt.total_days()
    return _summed(_new_decisions(world).filter(wait <= FIRST_VISIT_DAYS), pl.len())


def _periods(world: World) -> list[tuple[int, dt.date, dt.date]]:
    """What events are counted by: its number, its first day and the day after its last."""
    if not world.by_month:
        return [(year, dt.date(year, 1, 1), dt.date(year + 1, 1, 1)) for year in world.years]
    firsts = [dt.date(year, month, 1) for year in world.years for month in range(1, 13)]
    after = [*firsts[1:], dt.date(world.years[-1] + 1, 1, 1)]
    return [
        (first.year * 100 + first.month, first, end)
        for first, end in zip(firsts, after, strict=True)
    ]


def _beds(world: World, first: dt.date, after: dt.date) -> pl.DataFrame:
    """Capacity on covered days of a period: unit, municipality_code, beds, from_day, to_day."""
    begins = world.coverage.begins.filter(pl.col("service") == CARE).drop("service")
    capacity = _frame(world, "bed_capacity").join(begins, on="municipality_code")
    return capacity.select(
        "unit",
        "municipality_code",
        "beds",
        pl.max_horizontal("valid_from", "covered_from", pl.lit(first)).alias("from_day"),
        pl.min_horizontal(pl.col("valid_to").fill_null(OPEN), pl.lit(after)).alias("to_day"),
    ).filter((pl.col("from_day") < pl.col("to_day")) & (pl.col("beds") > 0))


def _stay_days(world: World, first: dt.date, after: dt.date) -> pl.DataFrame:
    """Stays in units with beds, cut to the days that count: person, begin, end (exclusive)."""
    deaths = world.region.persons.select("person", "death_date")
    known = world.persons.filter(~pl.col("graded")).select("person")
    stays = (
        _episodes(world, INSTITUTION)
        .join(known, on="person", how="semi")
        .join(deaths, on="person")
        .drop("municipality_code")
        .join(_beds(world, first, after), on="unit")
    )
    return stays.select(
        "person",
        "municipality_code",
        pl.max_horizontal("start_on", "from_day").alias("begin"),
        pl.min_horizontal(
            pl.col("end_on").fill_null(OPEN), pl.col("death_date").fill_null(OPEN), "to_day"
        ).alias("end"),
    ).filter(pl.col("begin") < pl.col("end"))


def occupied_bed_days(world: World) -> pl.DataFrame:
    """Days on which a person held a bed, by municipality of the unit."""
    parts = [
        _stay_days(world, first, after).with_columns(
            pl.lit(number).alias("year"),
            (pl.col("end") - pl.col("begin")).dt.total_days().alias("days"),
        )
        for number, first, after in _periods(world)
    ]
    return _summed(pl.concat(parts), pl.col("days").sum())


def available_bed_days(world: World) -> pl.DataFrame:
    """Days on which there was a bed; the unit's row stands for a person."""
    parts = []
    for number, first, after in _periods(world):
        days = (pl.col("to_day") - pl.col("from_day")).dt.total_days() * pl.col("beds")
        beds = _beds(world, first, after).with_row_index("person")
        parts.append(
            beds.select(pl.lit(number).alias("year"), "person", "municipality_code", value=days)
        )
    return by_year(parts)


def nursing_home_falls(world: World) -> pl.DataFrame:
    """Falls on days on which a person held a bed."""
    falls = _frame(world, "municipal_observations").filter(
        pl.col("code") == "fall", pl.col("status") != "entered-in-error"
    )
    parts = []
    for number, first, after in _periods(world):
        matched = (
            falls.with_row_index("fall")
            .join(_stay_days(world, first, after), on="person")
            .filter(pl.col("observed_on").is_between("begin", "end", closed="left"))
            .sort("begin")
            .unique("fall", keep="last")
        )
        parts.append(matched.with_columns(pl.lit(number).alias("year")))
    return _summed(pl.concat(parts), pl.len())


def _short_stays(world: World) -> pl.DataFrame:
    ended = _episodes(world, SHORT_STAYS).filter(
        pl.col("status") == "finished", pl.col("end_on").is_not_null()
    )
    ended = _where_it_is_given(world, ended, "end_on").with_row_index("stay")
    hospital = world.region.encounters.filter(
        pl.col("class_code") == "IMP",
        ~pl.col("status").is_in(states.NOT_CONFIRMED_STATUS),
    ).select("person", pl.col("started_on").alias("from"), pl.col("ended_on").alias("to"))
    in_bed = pl.concat(
        [
            _episodes(world, INSTITUTION).select(
                "person", pl.col("start_on").alias("from"), pl.col("end_on").alias("to")
            ),
            hospital,
        ]
    )
    still = (
        ended.select("stay", "person", "end_on")
        .join(in_bed, on="person")
        .filter(
            pl.col("from") <= pl.col("end_on"), pl.col("to").fill_null(OPEN) > pl.col("end_on")
        )["stay"]
        .unique()
    )
    deaths = world.region.persons.select("person", "death_date")
    alive = pl.col("death_date").fill_null(OPEN) > pl.col("end_on")
    return ended.join(deaths, on="person").with_columns(
        (alive & ~pl.col("stay").is_in(still.implode())).alias("home")
    )


def short_stays_ended(world: World) -> pl.DataFrame:
    """Short stays that ended, by municipality that gave them."""
    return _summed(_short_stays(world), pl.len())


def short_stays_to_home(world: World) -> pl.DataFrame:
    """Those after which the person was in no bed of hospital or institution, and alive."""
    return _summed(_short_stays(world).filter("home"), pl.len())


def nursing_home_waiting(world: World) -> pl.DataFrame:
    """Residents on 31 December who are granted a nursing home and have none."""
    decisions = _frame(world, "care_decisions").filter(
        pl.col("service_type_code") == states.LONG_STAY_CODE,
        ~pl.col("status").is_in(["revoked", "entered-in-error"]),
    )
    placed = states.care_users(world, states.LONG_STAY_CODE).select("year", "person")
    begun, open_now = pl.col("first_service_on"), pl.col("status").is_in(["active", "on-hold"])
    parts = []
    for number, last in world.dates:
        waiting = decisions.filter(
            pl.col("decided_on") <= last, (begun > last) | (begun.is_null() & open_now)
        )
        here = states.residents_on(world, number, last)
        parts.append(here.join(waiting, on="person", how="semi"))
    return by_year(parts).join(placed, on=["year", "person"], how="anti").select(COLUMNS)


def assessed_users(world: World, least: float = 1) -> pl.DataFrame:
    """Users on 31 December whose last score of the year is at least ``least``."""
    scores = (
        _frame(world, "municipal_observations")
        .filter(
            pl.col("code") == "function_score",
            pl.col("status") != "entered-in-error",
            pl.col("value").is_between(1, 5),
        )
        .with_columns(pl.col("observed_on").dt.year().alias("year"))
        .sort("observed_on", "value")
        .group_by("person", "year", maintain_order=True)
        .agg(pl.col("value").last().alias("score"))
        .filter(pl.col("score") >= least)
    )
    users = pl.concat([states.care_users(world, code) for code in ASSESSED]).unique()
    return users.join(scores, on=["person", "year"], how="semi").select(COLUMNS)


def extensive_need_users(world: World) -> pl.DataFrame:
    """Users whose last score of the year is 4 or 5."""
    return assessed_users(world, EXTENSIVE)


_on_date = partial(Definition, service=CARE, on_date=True)


def _practical_help(world: World) -> pl.DataFrame:
    return states.care_users(world, "1")


def _personal_assistance(world: World) -> pl.DataFrame:
    return states.care_users(world, "3")


def _safety_alarm(world: World) -> pl.DataFrame:
    return states.care_users(world, "6")


def _digital_supervision(world: World) -> pl.DataFrame:
    kinds = [states.care_users(world, code) for code in ("26", "28")]
    return pl.concat(kinds).unique(maintain_order=True)


DEFINITIONS: dict[str, Definition] = {
    "home_care_hours_per_user": _on_date(home_care_hours, home_care_users, 1, ()),
    "decision_to_first_visit_within_7_days_share": Definition(
        decisions_started_7d, new_decisions, 100, (0, 67, 80), CARE
    ),
    "practical_help_users_per_1000": _on_date(
        _practical_help, states.residents, 1000, (67, 80), public=True
    ),
    "personal_assistance_users_per_10000": _on_date(
        _personal_assistance, states.residents, 10000, (0,), public=True, oldest=66
    ),
    "nursing_home_occupancy_share": Definition(
        occupied_bed_days, available_bed_days, 100, (), CARE
    ),
    "short_stay_ending_at_home_share": Definition(
        short_stays_to_home, short_stays_ended, 100, (18, 67, 80), CARE
    ),
    "waiting_for_nursing_home_per_1000": _on_date(
        nursing_home_waiting, states.residents, 1000, (80,), public=True
    ),
    "extensive_need_share": _on_date(extensive_need_users, assessed_users, 100, (0, 67, 80)),
    "falls_per_1000_bed_days": Definition(nursing_home_falls, occupied_bed_days, 1000, (), CARE),
    "safety_alarm_users_per_1000": _on_date(
        _safety_alarm, states.residents, 1000, (67, 80), public=True
    ),
    "digital_supervision_users_per_1000_67plus": _on_date(
        _digital_supervision, states.residents, 1000, (67, 80), public=True
    ),
}
