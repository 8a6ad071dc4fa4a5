"""Measures for the truth that are states of persons on 31 December, and person-time.

Belongs here: residents, users of services, diabetes, portal users. Does not belong here:
hospital stays and other events (``truth_events``).

Every measure returns rows of year, person, municipality_code (null: graded), value.
"""

from __future__ import annotations

import datetime as dt
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from pipelines.settings import BorderSet
from pipelines.synthetic.model import Region
from pipelines.synthetic.truth_coverage import Coverage, covered_time

OPEN = dt.date(9999, 1, 1)
COLUMNS = ("year", "person", "municipality_code", "value")
WASH_IN_MONTHS = 12
LOOK_BACK_MONTHS = 24
LONG_STAY_CODE, HOME_NURSING_CODE = "21", "15"
NOT_CONFIRMED_STATUS = ("cancelled", "entered-in-error")


@dataclass(frozen=True)
class World:
    """What the measures read.

    Attributes:
        region: The tables.
        coverage: The calendar.
        persons: person, sex, birth_year, graded.
        spells: person, municipality_code (null: graded), begin, end (exclusive), within life.
        by_month: Events are counted by month instead of year.
    """

    region: Region
    coverage: Coverage
    persons: pl.DataFrame
    spells: pl.DataFrame
    by_month: bool = False

    @property
    def years(self) -> list[int]:
        """Calendar years of the window."""
        return list(self.region.settings.window)

    @property
    def dates(self) -> list[tuple[int, dt.date]]:
        """Days that states are counted on: ends of years or months, with their numbers."""
        if not self.by_month:
            return [(year, dt.date(year, 12, 31)) for year in self.years]
        firsts = [(year, month) for year in self.years for month in range(1, 13)]
        after = [dt.date(year + month // 12, month % 12 + 1, 1) for year, month in firsts]
        day = dt.timedelta(days=1)
        return [
            (year * 100 + month, end - day)
            for (year, month), end in zip(firsts, after, strict=True)
        ]

    @cached_property
    def prescriptions(self) -> pl.DataFrame:
        """Prescriptions that stand: person, atc_code, authored_on."""
        frames = [self.region.prescriptions]
        if make := self.region.yearly.get("chronic_prescriptions"):
            frames += [make(year) for year in self.years]
        return pl.concat(
            frame.filter(~pl.col("status").cast(pl.String).is_in(NOT_CONFIRMED_STATUS)).select(
                "person", pl.col("atc_code").cast(pl.String), "authored_on"
            )
            for frame in frames
        )


def reserved(region: Region) -> pl.Series:
    """Persons whose reservation against planning stands: they are in no figure at all."""
    reservations = region.more.get("reservations")
    if reservations is None:
        return pl.Series("person", [], dtype=pl.Int64)
    standing = (pl.col("purpose") == "planning") & (pl.col("status") == "active")
    return reservations.filter(standing)["person"].unique().sort()


def without_reserved(region: Region) -> Region:
    """The region as figures may know it."""
    out = reserved(region)
    if not out.len():
        return region
    kept = copy(region)
    for name, frame in vars(region).items():
        if isinstance(frame, pl.DataFrame) and "person" in frame.columns:
            setattr(kept, name, frame.filter(~pl.col("person").is_in(out.implode())))
    return kept


def world(region: Region, coverage: Coverage, border_set: BorderSet = "date") -> World:
    """Prepare persons and spells of a region; who is reserved is left out.

    Args:
        region: The region.
        coverage: The calendar.
        border_set: By which borders a spell has its municipality.
    """
    region = without_reserved(region)
    persons = region.persons.select(
        "person",
        "sex",
        pl.col("birth_date").dt.year().alias("birth_year"),
        pl.col("graded_from").is_not_null().alias("graded"),
    )
    life = region.persons.select("person", "birth_date", pl.col("death_date").fill_null(OPEN))
    spells = (
        region.residence.with_columns(
            region.places.by_borders(border_set, region.residence).alias("municipality_code")
        )
        .join(life, on="person")
        .join(persons.select("person", "graded"), on="person")
        .select(
            "person",
            pl.when(~pl.col("graded")).then("municipality_code").alias("municipality_code"),
            pl.max_horizontal("valid_from", "birth_date").alias("begin"),
            pl.min_horizontal(pl.col("valid_to").fill_null(OPEN), "death_date").alias("end"),
        )
        .filter(pl.col("begin") < pl.col("end"))
        .sort("begin", "person")
    )
    return World(region, coverage, persons, spells)


def by_year(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Stack the rows of several years."""
    return pl.concat(parts).select(
        pl.col("year").cast(pl.Int32),
        pl.col("person").cast(pl.Int64),
        "municipality_code",
        pl.col("value").cast(pl.Float64),
    )


def residents_on(world: World, year: int, on: dt.date | None = None) -> pl.DataFrame:
    """Who lives in the region on a day: year, person, municipality_code, value 1.

    Args:
        world: The world.
        year: Number of the period.
        on: The day; 31 December by default.
    """
    last = dt.date(year, 12, 31) if on is None else on
    return world.spells.filter((pl.col("begin") <= last) & (pl.col("end") > last)).select(
        pl.lit(year).alias("year"), "person", "municipality_code", pl.lit(1.0).alias("value")
    )


def residents(world: World) -> pl.DataFrame:
    """Residents on 31 December."""
    return by_year([residents_on(world, number, on) for number, on in world.dates])


def person_days(world: World, service: str) -> pl.DataFrame:
    """Covered resident days; whole numbers, so that sums do not depend on their order."""
    parts = []
    for year in world.years:
        time = covered_time(world.spells, world.coverage, service, year)
        parts.append(
            time.filter(pl.col("covered_days") > 0)
            .group_by("person", "municipality_code")
            .agg(pl.col("covered_days").sum().alias("value"))
            .with_columns(pl.lit(year).alias("year"))
            .select(COLUMNS)
        )
    return by_year(parts)


def hospital_days(world: World) -> pl.DataFrame:
    """Resident days on which hospital services are covered."""
    return person_days(world, "hospital")


def municipal_days(world: World) -> pl.DataFrame:
    """Resident days on which municipal care is covered."""
    return person_days(world, "municipal_care")


def residents_live(world: World) -> pl.DataFrame:
    """Residents on 31 December of municipalities that are live on that day."""
    begins = world.coverage.begins.filter(pl.col("service") == "municipal_care").drop("service")
    rows = residents(world).join(begins, on="municipality_code", how="inner")
    return rows.filter(pl.col("covered_from").dt.year() <= pl.col("year")).select(COLUMNS)


def care_users(world: World, code: str, least_age: int = 0) -> pl.DataFrame:
    """Residents on 31 December with a running episode of a service type."""
    episodes = world.region.care_episodes.filter(
        pl.col("service_type_code") == code, pl.col("status").is_in(["active", "finished"])
    )
    parts = []
    for number, last in world.dates:
        running = episodes.filter(
            (pl.col("start_on") <= last) & (pl.col("end_on").is_null() | (pl.col("end_on") > last))
        )
        here = residents_on(world, number, last)
        parts.append(here.join(running, on="person", how="semi"))
    rows = by_year(parts).join(world.persons, on="person")
    year = pl.col("year") // 100 if world.by_month else pl.col("year")
    return rows.filter(year - pl.col("birth_year") >= least_age).select(COLUMNS)


def portal_active(world: World) -> pl.DataFrame:
    """Residents on 31 December with a session in the year."""
    sessions = world.region.portal_sessions.select(
        "person", pl.col("session_on").dt.year().alias("year")
    ).unique()
    return residents(world).join(sessions, on=["person", "year"], how="semi").select(COLUMNS)


def gp_residents(world: World) -> pl.DataFrame:
    """Residents on 31 December whose office has been live for the wash-in.

    A graded person's office is dropped at the door, since it lies where the person lives.
    """
    offices = world.region.gp_offices.select(
        pl.col("office").alias("gp_office"),
        pl.col("live_from").dt.offset_by(f"{WASH_IN_MONTHS}mo").alias("counts_from"),
    )
    person_office = world.region.persons.select("person", "gp_office").join(offices, on="gp_office")
    of_years = residents(replace(world, by_month=False))
    placed = of_years.filter(pl.col("municipality_code").is_not_null())
    rows = placed.join(person_office, on="person")
    last = pl.date(pl.col("year"), 12, 31)
    return rows.filter(pl.col("counts_from") <= last).select(COLUMNS)


def diabetes_t2(world: World) -> pl.DataFrame:
    """Of ``gp_residents``, those with a diagnosis, or with drugs that speak for one."""
    covered = gp_residents(world)
    parts = []
    for year in world.years:
        ill = _diabetes_in_look_back(world, year)
        parts.append(covered.filter(pl.col("year") == year).join(ill, on="person", how="semi"))
    return by_year(parts)


def diagnoses(region: Region) -> pl.DataFrame:
    """Diagnoses, whoever made them: person, code_system, code, recorded_on, verification_status."""
    columns = ("person", "code_system", "code", "recorded_on", "verification_status")
    own = region.conditions.select(columns)
    of_stays = region.more.get("hospital_diagnoses")
    if of_stays is None:
        return own
    return pl.concat(
        [own, of_stays.select(pl.col(name).cast(own.schema[name]) for name in columns)]
    )


def _diabetes_in_look_back(world: World, year: int) -> pl.DataFrame:
    last = dt.date(year, 12, 31)
    after = dt.date(year - LOOK_BACK_MONTHS // 12, 12, 31)
    code, system = pl.col("code"), pl.col("code_system")
    conditions = diagnoses(world.region).filter(
        pl.col("verification_status") == "confirmed",
        pl.col("recorded_on") > after,
        pl.col("recorded_on") <= last,
    )
    diagnosed = conditions.filter(
        ((system == "icpc2") & (code == "T90"))
        | ((system == "icd10") & code.str.starts_with("E11"))
    )
    excluded = conditions.filter(
        ((system == "icpc2") & (code == "W85"))
        | ((system == "icd10") & (code.str.starts_with("O24") | (code == "E282")))
    )
    atc = pl.col("atc_code")
    drugs = world.prescriptions.filter(
        pl.col("authored_on") > after,
        pl.col("authored_on") <= last,
        atc.str.starts_with("A10B"),
    )
    own = ~(atc.str.starts_with("A10BJ") | atc.str.starts_with("A10BK"))
    treated = (
        drugs.group_by("person")
        .agg(pl.col("authored_on").n_unique().alias("dates"), own.any().alias("own"))
        .filter((pl.col("dates") >= 2) & pl.col("own"))
        .join(excluded, on="person", how="anti")
    )
    return pl.concat([diagnosed.select("person"), treated.select("person")]).unique()
