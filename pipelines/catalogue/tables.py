"""The catalogue and the reference facts as tables, for dbt to read.

Belongs here: turning declarations into flat frames. Does not belong here: writing them into a
zone (``assets``) and what they mean (``model.py`` and the reference files' own README).
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pipelines.catalogue.breakdowns import asked_values
from pipelines.catalogue.loader import Catalogue, CatalogueError
from pipelines.settings import BorderSet, PublicDenominators


def catalogue_tables(
    catalogue: Catalogue,
    reference: Path,
    years: range,
    public_denominators: PublicDenominators = "register",
    border_set: BorderSet = "date",
) -> dict[str, pl.DataFrame]:
    """All tables of the dbt source ``catalogue``.

    Args:
        catalogue: The loaded catalogue.
        reference: Folder of the reference CSV files.
        years: Calendar years of the release.
        public_denominators: Where public denominators come from.
        border_set: Whose municipalities history is cut to.

    Returns:
        Frames by table name: ``indicators`` (one row per indicator), ``indicator_parameters``
        (indicator × parameter), ``code_sets`` (indicator × code set × prefix), ``breakdowns``
        (indicator × split × value), ``years`` (calendar year, with its days), ``parts_of_year``
        (length × month), ``windows`` (length × year, with the first and last day of the pooled
        years), ``border_set`` (one row),
        ``municipalities`` (code; as an area, in what services recorded, and its county),
        ``register_codes`` (year × code, and the codes that its residents have the day after),
        ``service_spells`` (municipality × service × spell), ``hospital_shares`` (municipality ×
        hospital, share of expected stays, live from), ``ready_for_discharge_rates`` (year, NOK a
        day), ``working_days`` (day, and the next working day).

    Raises:
        CatalogueError: The public holidays of a year are not known.
    """
    return {
        "indicators": _indicators(catalogue, public_denominators),
        "indicator_parameters": _parameters(catalogue),
        "code_sets": _code_sets(catalogue),
        "breakdowns": asked_values(
            catalogue.breakdowns, list(catalogue.indicators.values()), unknown=False
        ),
        "years": _years(years),
        "parts_of_year": parts_of_year(years),
        "windows": windows(years),
        "border_set": pl.DataFrame({"border_set": [border_set]}),
        "municipalities": _municipalities(reference, border_set),
        "register_codes": register_codes(reference, years, border_set),
        "service_spells": service_spells(reference),
        "hospital_shares": _hospital_shares(reference),
        "ready_for_discharge_rates": read_reference(reference, "ready_for_discharge_rates").select(
            pl.col("year").cast(pl.Int32), pl.col("rate_nok").cast(pl.Int32)
        ),
        "working_days": working_days(reference, years),
    }


def read_reference(folder: Path, name: str) -> pl.DataFrame:
    """One reference file, codes as text and dates as dates.

    Args:
        folder: Folder of the reference CSV files.
        name: File name without ending.
    """
    frame = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
    dates = [c for c in frame.columns if c.endswith(("_on", "valid_from", "valid_to"))]
    numbers = [c for c in frame.columns if c in {"share", "lat", "lon"}]
    whole = [c for c in frame.columns if c.startswith(("population", "tile_"))]
    return frame.with_columns(
        pl.col(dates).str.to_date("%Y-%m-%d"),
        pl.col(numbers).cast(pl.Float64),
        pl.col(whole).cast(pl.Int64),
    )


def service_spells(reference: Path) -> pl.DataFrame:
    """Municipal services in use: planned go-lives are plans, and cover nothing.

    Returns:
        One row per municipality, service and spell: ``municipality_code``, ``service``,
        ``valid_from``, ``valid_to`` (null: still live).
    """
    live = read_reference(reference, "go_live").filter(pl.col("status") == "live")
    return live.select(
        "municipality_code",
        "service",
        pl.col("go_live_on").alias("valid_from"),
        pl.lit(None, dtype=pl.Date).alias("valid_to"),
    ).sort("municipality_code", "service")


def codes_of(reference: Path, border_set: BorderSet) -> pl.DataFrame:
    """The region's municipalities by the borders of one year.

    Args:
        reference: Folder of the reference CSV files.
        border_set: A year.

    Returns:
        ``municipality_code``, in order.
    """
    codes = read_reference(reference, "borders")[f"municipality_{border_set}"]
    return codes.drop_nulls().unique().sort().to_frame("municipality_code")


def _municipalities(reference: Path, border_set: BorderSet) -> pl.DataFrame:
    """Areas and the days on which they are: all days, where history is cut to their borders.

    What services recorded under a code cannot be cut: ``recorded_from`` and ``recorded_to`` are the
    days on which the code was in use.
    """
    begins = pl.col("valid_from").fill_null(_LONG_AGO)
    known = read_reference(reference, "municipalities")
    in_use = known.select("municipality_code", recorded_from=begins, recorded_to="valid_to")
    if border_set == "date":
        areas = in_use.with_columns(valid_from="recorded_from", valid_to="recorded_to")
    else:
        # A code that is not among the facts had gone before they begin.
        gone = pl.col("recorded_from").is_null()
        areas = (
            codes_of(reference, border_set)
            .join(in_use, on="municipality_code", how="left", maintain_order="left")
            .with_columns(
                pl.col("recorded_from").fill_null(_LONG_AGO),
                pl.when(gone).then(_LONG_AGO).otherwise("recorded_to").alias("recorded_to"),
                valid_from=_LONG_AGO,
                valid_to=pl.lit(None, dtype=pl.Date),
            )
        )
    return areas.join(
        county_members(reference), on="municipality_code", how="left", maintain_order="left"
    ).select(
        "municipality_code",
        "valid_from",
        "valid_to",
        "recorded_from",
        "recorded_to",
        "county_code",
    )


def county_members(reference: Path) -> pl.DataFrame:
    """The municipalities of the counties that the region holds whole.

    Args:
        reference: Folder of the reference CSV files.

    Returns:
        ``municipality_code``, ``county_code``.
    """
    counties = read_reference(reference, "counties").select("county_code")
    municipalities = read_reference(reference, "municipalities")
    return municipalities.join(counties, on="county_code").select(
        "municipality_code", "county_code"
    )


_LONG_AGO = date(1900, 1, 1)


def register_codes(reference: Path, years: range, border_set: BorderSet = "date") -> pl.DataFrame:
    """Under which codes a register of 1 January counts who lived in a municipality the day before.

    Args:
        reference: Folder of the reference CSV files.
        years: Calendar years.
        border_set: Where history is cut to the borders of one year, the register is of the same.

    Returns:
        One row per year, municipality code valid on 31 December and code of the day after:
        ``year``, ``municipality_code``, ``register_code``. They differ where a municipality was
        divided at the turn of the year. A code that was merged, or parted among municipalities
        that were there before, has no row: nobody can tell its residents among the others.
    """
    if border_set != "date":
        whole = codes_of(reference, border_set).with_columns(register_code="municipality_code")
        every = pl.DataFrame({"year": years}, schema={"year": pl.Int32})
        return every.join(whole, how="cross")
    known = read_reference(reference, "municipalities").select(
        "municipality_code", "valid_from", "valid_to"
    )
    events = read_reference(reference, "border_events").drop_nulls(["from_code", "to_code"])
    return pl.concat([_codes_of_year(known, events, year) for year in years] or [_NO_CODES])


_NO_CODES = pl.DataFrame(
    schema={"year": pl.Int32, "municipality_code": pl.String, "register_code": pl.String}
)


def _codes_of_year(known: pl.DataFrame, events: pl.DataFrame, year: int) -> pl.DataFrame:
    last = date(year, 12, 31)
    after = last + timedelta(days=1)
    here = valid_on(known, last)
    there = valid_on(known, after)
    stays = here.join(there, on="municipality_code", how="semi").with_columns(
        register_code="municipality_code"
    )
    of_day = events.filter(pl.col("event_on") == after)
    heirs = (
        here.join(there, on="municipality_code", how="anti")
        .join(of_day, left_on="municipality_code", right_on="from_code")
        .select("municipality_code", register_code="to_code")
    )
    # An heir that others were merged into as well, or that was there before, is no part of one.
    mixed = of_day.group_by("to_code").len().filter(pl.col("len") > 1)["to_code"]
    older = here["municipality_code"]
    foreign = heirs.filter(pl.col("register_code").is_in(pl.concat([mixed, older]).implode()))
    parted = heirs.join(foreign, on="municipality_code", how="anti")
    return (
        pl.concat([stays, parted])
        .select(pl.lit(year, dtype=pl.Int32).alias("year"), "municipality_code", "register_code")
        .sort("municipality_code", "register_code")
    )


def valid_on(known: pl.DataFrame, on: date) -> pl.DataFrame:
    """Codes that are valid on a day: ``municipality_code``.

    Args:
        known: ``municipality_code``, ``valid_from`` and ``valid_to`` (inclusive; null: open).
        on: The day.
    """
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= on)
    lasts = pl.col("valid_to").is_null() | (pl.col("valid_to") >= on)
    return known.filter(begun & lasts).select("municipality_code")


def _hospital_shares(reference: Path) -> pl.DataFrame:
    hospitals = read_reference(reference, "hospitals").filter(pl.col("status") == "live")
    return (
        read_reference(reference, "catchment")
        .join(hospitals.select("hospital_code", "go_live_on"), on="hospital_code", how="left")
        .select(
            "municipality_code",
            "hospital_code",
            "share",
            pl.col("go_live_on").alias("live_from"),
        )
        .sort("municipality_code", "hospital_code")
    )


def working_days(reference: Path, years: range) -> pl.DataFrame:
    """When the next working day is: Monday to Friday, public holidays left out.

    Args:
        reference: Folder of the reference CSV files.
        years: Calendar years.

    Returns:
        One row per day of the years: ``day``, ``next_working_day`` (after it).

    Raises:
        CatalogueError: The public holidays of one of the years, or of the year after, are not
            known.
    """
    if not years:
        return pl.DataFrame(schema={"day": pl.Date, "next_working_day": pl.Date})
    holidays = read_reference(reference, "public_holidays")["holiday_on"]
    if unknown := sorted({*years, years.stop} - set(holidays.dt.year())):
        raise CatalogueError(
            f"public_holidays.csv: expected the holidays of {unknown}, got none. Add them: without "
            "them nobody can tell the working days."
        )
    # The first week of the year after holds the working day that follows 31 December.
    days = pl.date_range(date(years.start, 1, 1), date(years.stop, 1, 7), eager=True).alias("day")
    works = (pl.col("day").dt.weekday() <= _FRIDAY) & ~pl.col("day").is_in(holidays.implode())
    following = pl.when(works).then("day").shift(-1).backward_fill()
    frame = days.to_frame().with_columns(following.alias("next_working_day"))
    return frame.filter(pl.col("day") < date(years.stop, 1, 1))


_FRIDAY = 5


def _indicators(catalogue: Catalogue, public_denominators: PublicDenominators) -> pl.DataFrame:
    rows = [
        {
            "indicator_id": entry.id,
            "numerator_measure": entry.numerator.measure,
            "denominator_measure": entry.denominator.measure,
            "has_public_denominator": entry.denominator.public,
            "inhabitants_from": public_denominators,
            "counting": entry.counting,
            "kind": entry.kind,
            "timing": entry.timing,
            "part_of_year": entry.part_of_year,
            "pooled_years": entry.pooled_years,
            "has_median": entry.median is not None,
            "age_min": entry.ages.min,
            "age_max": entry.age_max,
            "service": entry.coverage.service,
            "full_share": entry.coverage.full,
            "flagged_share": entry.coverage.flagged,
        }
        for entry in catalogue.indicators.values()
    ]
    return pl.DataFrame(
        rows,
        schema_overrides={"pooled_years": pl.Int32, "part_of_year": pl.String},
        infer_schema_length=None,
    )


def _parameters(catalogue: Catalogue) -> pl.DataFrame:
    rows = [
        (entry.id, name, value)
        for entry in catalogue.indicators.values()
        for name, value in entry.parameters.items()
    ]
    schema = {"indicator_id": pl.String, "parameter": pl.String, "value": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _code_sets(catalogue: Catalogue) -> pl.DataFrame:
    rows = {
        (name, code.system, code.prefix, entry.id)
        for entry in catalogue.indicators.values()
        for name, codes in entry.code_sets.items()
        for code in codes
    }
    schema = dict.fromkeys(("code_set", "code_system", "prefix", "indicator_id"), pl.String)
    return pl.DataFrame(sorted(rows), schema=schema, orient="row")


def _years(years: range) -> pl.DataFrame:
    rows = [
        (
            year,
            date(year, 1, 1),
            date(year, 12, 31),
            date(year + 1, 1, 1),
            (date(year + 1, 1, 1) - date(year, 1, 1)).days,
        )
        for year in years
    ]
    schema = {
        "year": pl.Int32,
        "first_day": pl.Date,
        "last_day": pl.Date,
        "next_first_day": pl.Date,
        "days": pl.Int32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


MONTHS = {"month": 1, "quarter": 3}
"""Lengths of the parts of a year, in months."""


def parts_of_year(years: range) -> pl.DataFrame:
    """The months and the quarters of some calendar years.

    Args:
        years: Calendar years.

    Returns:
        One row per length and month: ``part_of_year`` (month or quarter), ``year``,
        ``calendar_month`` (1 to 12), and of the part that it is in ``month`` (its first),
        ``first_day``, ``last_day``, ``next_first_day``, ``days``.
    """
    begins = [
        (name, year, month, date(year, month - (month - 1) % length, 1), f"{length}mo")
        for name, length in MONTHS.items()
        for year in years
        for month in range(1, 13)
    ]
    schema = {
        "part_of_year": pl.String,
        "year": pl.Int32,
        "calendar_month": pl.Int32,
        "first_day": pl.Date,
        "length": pl.String,
    }
    first = pl.col("first_day")
    following = first.dt.offset_by(pl.col("length"))
    return pl.DataFrame(begins, schema=schema, orient="row").select(
        "part_of_year",
        "year",
        "calendar_month",
        first.dt.month().cast(pl.Int32).alias("month"),
        first,
        following.dt.offset_by("-1d").alias("last_day"),
        following.alias("next_first_day"),
        (following - first).dt.total_days().cast(pl.Int32).alias("days"),
    )


FIRST_POOLED_YEAR = 2023
"""A first year of pooled ones, for good: the first that any place is covered for from its start.

Periods of one length follow each other without overlap, in this release and in every other: of two
that overlap the difference is a year less another.
"""
POOLED = (3, 5)


def windows(years: range) -> pl.DataFrame:
    """The periods of several years that lie inside some calendar years.

    Args:
        years: Calendar years.

    Returns:
        One row per length and year: ``pooled_years`` (3 or 5), ``year``, ``last_year``,
        ``first_day`` and ``last_day`` of the period that the year is in.
    """
    rows = [
        (length, year, first + length - 1, date(first, 1, 1), date(first + length - 1, 12, 31))
        for length in POOLED
        for year in years
        for first in [year - (year - FIRST_POOLED_YEAR) % length]
        if first in years and first + length - 1 in years
    ]
    schema = {
        "pooled_years": pl.Int32,
        "year": pl.Int32,
        "last_year": pl.Int32,
        "first_day": pl.Date,
        "last_day": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
