"""Inhabitants for the truth's public denominators, as anyone can work them out from a register.

Belongs here: persons by municipality, sex and age at both ends of a year, and the measures that
follow from them. Does not belong here: the register that the region brings (``register``), from
which nothing is taken, and what the journal knows (``truth_persons``).

A register counts everybody where they live on 1 January: persons with a graded address and those
who have reserved themselves too.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.settings import BorderSet
from pipelines.synthetic.model import Region
from pipelines.synthetic.truth_coverage import covered_time
from pipelines.synthetic.truth_persons import OPEN, World

OLDEST = 105
"""From here on, a register counts ages together."""
_HEIRS = {2023: {"1508": "1507", "1580": "1507"}}
"""Codes of 1 January after a year, and what they had been part of until the day before."""
_CELL = ("municipality_code", "sex", "age")


def inhabitants(region: Region, border_set: BorderSet = "date") -> pl.DataFrame:
    """Everybody who lives in the region, at the beginning and the end of each year.

    Args:
        region: The region, nobody left out.
        border_set: By which borders.

    Returns:
        One row per year, municipality_code (of 31 December, or by the borders), sex and age (by
        the end of the year, 105 and more together): begin, end (persons).
    """
    years = region.settings.window
    return pl.concat([_of_year(region, year, border_set) for year in years])


def _of_year(region: Region, year: int, border_set: BorderSet) -> pl.DataFrame:
    reached = year - pl.col("birth_date").dt.year()
    # A child born on 1 January itself is counted among the youngest of the day.
    begin = _living(region, dt.date(year, 1, 1), border_set).with_columns(
        age=reached.clip(1, OLDEST)
    )
    divided = _HEIRS.get(year, {}) if border_set == "date" else {}
    end = _living(region, dt.date(year + 1, 1, 1), border_set).with_columns(
        pl.col("municipality_code").replace(divided), age=reached.clip(0, OLDEST)
    )
    sides = [
        rows.group_by(_CELL).agg(pl.len().cast(pl.Int64).alias(name))
        for name, rows in (("begin", begin), ("end", end))
    ]
    joined = sides[0].join(sides[1], on=list(_CELL), how="full", coalesce=True)
    return joined.select(
        pl.lit(year, dtype=pl.Int32).alias("year"),
        "municipality_code",
        "sex",
        pl.col("age").cast(pl.Int32),
        pl.col("begin", "end").fill_null(0),
    )


def _living(region: Region, on: dt.date, border_set: BorderSet) -> pl.DataFrame:
    """Persons who live in the region on a day: municipality_code, sex, birth_date."""
    living = region.persons.filter(
        pl.col("birth_date") <= on, pl.col("death_date").fill_null(OPEN) > on
    )
    placed = region.places.by_borders(border_set, region.residence).alias("municipality_code")
    held = region.residence.with_columns(placed).filter(
        pl.col("valid_from") <= on, pl.col("valid_to").fill_null(OPEN) > on
    )
    return held.join(living, on="person").select("municipality_code", "sex", "birth_date")


def residents(world: World, known: pl.DataFrame) -> pl.DataFrame:
    """Inhabitants on 31 December.

    Args:
        world: The world.
        known: ``inhabitants``.

    Returns:
        Rows of year, municipality_code, sex, age, value, persons.
    """
    return known.select("year", *_CELL, value=pl.col("end").cast(pl.Float64), persons=pl.col("end"))


def residents_live(world: World, known: pl.DataFrame) -> pl.DataFrame:
    """Of ``residents``, those of municipalities that are live on that day."""
    begins = world.coverage.begins.filter(pl.col("service") == "municipal_care").drop("service")
    rows = residents(world, known).join(begins, on="municipality_code")
    return rows.filter(pl.col("covered_from").dt.year() <= pl.col("year")).drop("covered_from")


def person_days(world: World, known: pl.DataFrame, service: str) -> pl.DataFrame:
    """Covered days of the mean number of inhabitants: of those at both ends of the year."""
    parts = [
        covered_calendar(
            world, known.filter(pl.col("year") == year)["municipality_code"], service, year
        )
        for year in world.years
    ]
    days = pl.concat(parts).filter(pl.col("covered_days") > 0)
    return known.join(days, on=["year", "municipality_code"]).select(
        "year",
        *_CELL,
        value=pl.col("covered_days") * (pl.col("begin") + pl.col("end")) / 2,
        persons=pl.max_horizontal("begin", "end"),
    )


def covered_calendar(world: World, codes: pl.Series, service: str, year: int) -> pl.DataFrame:
    """Days of a year on which municipalities are covered, whoever lives there.

    Returns:
        One row per municipality: year, municipality_code, days, covered_days.
    """
    places = pl.DataFrame({"municipality_code": codes.unique().sort()}).with_columns(
        person=pl.lit(0), begin=pl.lit(dt.date(year, 1, 1)), end=pl.lit(dt.date(year + 1, 1, 1))
    )
    time = covered_time(places, world.coverage, service, year)
    return time.select(
        pl.lit(year, dtype=pl.Int32).alias("year"), "municipality_code", "days", "covered_days"
    )
