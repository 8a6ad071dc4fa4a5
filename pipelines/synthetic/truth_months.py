"""The truth by month or quarter, of indicators whose events have a date.

Belongs here: counting the measures of years (``truth_definitions``) by month, and which months are
covered; of an indicator with quarters a month below is a quarter, called by its first. Does not
belong here: the measures themselves. No step of the pipeline may read it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl

from pipelines.settings import PublicDenominators
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic import truth_register as register
from pipelines.synthetic.model import Region
from pipelines.synthetic.truth_coverage import (
    Coverage,
    covered_time,
    load_coverage,
    mean_hospital_share,
    state,
)
from pipelines.synthetic.truth_definition import Definition, Measure
from pipelines.synthetic.truth_definitions import DEFINITIONS
from pipelines.synthetic.truth_persons import World

MONTHLY = (
    "adoption_staff_share",
    "admission_report_by_next_day_share",
    "discharge_report_same_day_share",
    "documented_same_day_share",
    "early_notice_by_next_day_share",
    "falls_per_1000_bed_days",
    "messages_rejected_share",
    "nursing_home_occupancy_share",
    "out_of_hours_contacts_per_1000",
    "overdue_worklist_items_share",
    "query_reply_within_one_working_day_share",
    "ready_for_discharge_days_per_1000",
    "ready_for_discharge_same_day_share",
    "ready_for_discharge_share_of_bed_days",
    "structured_documentation_share",
)
QUARTERLY = (
    "decision_to_first_visit_within_7_days_share",
    "municipal_emergency_bed_stays_per_1000",
    "narrow_spectrum_penicillin_airway_share",
    "portal_forms_answered_share",
    "ready_for_discharge_cost_per_inhabitant",
    "short_stay_ending_at_home_share",
    "waiting_for_nursing_home_per_1000",
)
REGION_CODE = "MIDT"
_KEY = ["area_level", "area_code", "month"]


def month_truth(
    region: Region,
    totals: pl.DataFrame,
    public_denominators: PublicDenominators = "register",
) -> pl.DataFrame:
    """Exact figures by month, from a region's tables alone.

    Args:
        region: The region.
        totals: ``indicator_truth``'s totals: parts of a year of general practice are covered as
            the year is.
        public_denominators: Whose persons stand below public figures.

    Returns:
        indicator_id, area_level, area_code, month (its first day), numerator, denominator (null
        where the month is not covered), coverage_state; in order of the keys. All sexes and ages
        of an indicator together.
    """
    world = replace(states.world(region, load_coverage()), by_month=True)
    known = register.inhabitants(region) if public_denominators == "register" else None
    lengths = dict.fromkeys(MONTHLY, 1) | dict.fromkeys(QUARTERLY, 3)
    parts = [
        _of_indicator(world, name, DEFINITIONS[name], known, length, totals)
        for name, length in lengths.items()
    ]
    return pl.concat(parts).sort("indicator_id", *_KEY)


def _of_indicator(
    world: World,
    name: str,
    definition: Definition,
    known: pl.DataFrame | None,
    length: int,
    totals: pl.DataFrame,
) -> pl.DataFrame:
    if definition.service == "gp":
        coverage = _covered_as_years(totals.filter(indicator_id=name), _firsts(world, length))
    else:
        coverage = pl.concat(
            _covered(world.coverage, _places(world, month.year), definition, month, length)
            for month in _firsts(world, length)
        )
    live = coverage.filter(pl.col("coverage_state") != "not_covered")
    sides = [
        _summed(_events(world, definition, getattr(definition, side), length), live, side)
        for side in ("numerator", "denominator")
        if side == "numerator" or not (definition.person_time or definition.public)
    ]
    if definition.public and definition.on_date:
        there = pl.concat(
            _living_in(world, definition, known, month, length) for month in _firsts(world, length)
        )
        sides.append(_summed(there, live, "denominator"))
    if definition.person_time:
        time = pl.concat(
            _time_in(world, definition, known, month, length) for month in _firsts(world, length)
        )
        sides.append(_summed(time, live, "denominator"))
    counted = sides[0].join(sides[1], on=_KEY, how="full", coalesce=True)
    shown = pl.col("coverage_state") != "not_covered"
    # Sums of whole and half days do not depend on their order; they become person-years last.
    unit = pl.date(pl.col("month").dt.year(), 12, 31).dt.ordinal_day()
    denominator = pl.col("denominator") / (unit if definition.person_time else 1)
    figures = [pl.col("numerator").fill_null(0.0), denominator.fill_null(0.0)]
    return (
        _areas(coverage)
        .join(counted, on=_KEY, how="left")
        .with_columns(pl.when(shown).then(figure) for figure in figures)
        .select(pl.lit(name).alias("indicator_id"), *_KEY, "numerator", "denominator",
                "coverage_state")
    )  # fmt: skip


def _firsts(world: World, length: int) -> list[dt.date]:
    """First days of all months, or of parts of the year that are so many months long."""
    return [dt.date(year, month, 1) for year in world.years for month in range(1, 13, length)]


def _events(world: World, definition: Definition, measure: Measure, length: int) -> pl.DataFrame:
    number = pl.col("year") % 100
    # Of what is counted on a date the last month is that of the part.
    chosen = number % length == 0 if definition.on_date else pl.lit(value=True)
    rows = (
        measure(world)
        .filter(chosen)
        .with_columns(month=pl.date(pl.col("year") // 100, number - (number - 1) % length, 1))
    )
    if definition.groups:
        age = pl.col("month").dt.year() - pl.col("birth_year")
        rows = rows.join(world.persons, on="person").filter(
            age.is_between(min(definition.groups), definition.oldest)
        )
    return rows.select("month", "municipality_code", "value")


def _living_in(
    world: World, definition: Definition, known: pl.DataFrame | None, month: dt.date, length: int
) -> pl.DataFrame:
    """Inhabitants on the last day of a month, by the register between its two 1 Januaries."""
    ages = pl.col("age").is_between(min(definition.groups), definition.oldest)
    after = pl.select(pl.lit(month).dt.offset_by(f"{length}mo")).item()
    named = pl.lit(month).alias("month")
    if known is None:
        last = after - dt.timedelta(days=1)
        here = states.residents_on(world, month.year, last).drop_nulls("municipality_code")
        aged = here.join(world.persons, on="person").with_columns(
            age=pl.col("year") - pl.col("birth_year")
        )
        return aged.filter(ages).select(named, "municipality_code", "value")
    first, end = dt.date(month.year, 1, 1), dt.date(month.year + 1, 1, 1)
    gone = (after - first).days / (end - first).days
    between = pl.col("begin") + (pl.col("end") - pl.col("begin")) * gone
    return (
        known.filter(pl.col("year") == month.year, ages)
        .group_by("municipality_code")
        .agg(value=between.sum().round())
        .select(named, "municipality_code", "value")
    )


def _time_in(
    world: World, definition: Definition, known: pl.DataFrame | None, month: dt.date, length: int
) -> pl.DataFrame:
    """Person-days of a month: of the register's mean inhabitants, or of residents' days."""
    year = month.year
    ages = pl.col("age").is_between(min(definition.groups), definition.oldest)
    if known is None:
        spells = _clipped(world.spells.drop_nulls("municipality_code"), month, length)
        time = covered_time(spells, world.coverage, definition.service, year)
        placed = time.join(world.persons, on="person").with_columns(
            age=year - pl.col("birth_year"), value=pl.col("covered_days").cast(pl.Float64)
        )
    else:
        people = known.filter(pl.col("year") == year)
        time = covered_time(
            _place_spells(people["municipality_code"], month, length),
            world.coverage,
            definition.service,
            year,
        )
        placed = people.join(time, on="municipality_code").with_columns(
            value=pl.col("covered_days") * (pl.col("begin") + pl.col("end")) / 2
        )
    inside = placed.filter(ages, pl.col("value") > 0)
    return inside.select(pl.lit(month).alias("month"), "municipality_code", "value")


def _clipped(spells: pl.DataFrame, month: dt.date, length: int) -> pl.DataFrame:
    first = pl.lit(month)
    return spells.with_columns(
        pl.max_horizontal("begin", first).alias("begin"),
        pl.min_horizontal("end", first.dt.offset_by(f"{length}mo")).alias("end"),
    )


def _place_spells(codes: pl.Series, month: dt.date, length: int) -> pl.DataFrame:
    places = pl.DataFrame({"municipality_code": codes.unique().sort()})
    whole = places.with_columns(
        person=pl.lit(0), begin=pl.lit(dt.date.min), end=pl.lit(dt.date.max)
    )
    return _clipped(whole, month, length)


def _places(world: World, year: int) -> pl.Series:
    """Municipalities that somebody lives in during a year."""
    first, after = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    inside = world.spells.filter(pl.col("begin") < after, pl.col("end") > first)
    return inside["municipality_code"].drop_nulls()


def _covered_as_years(totals: pl.DataFrame, months: list[dt.date]) -> pl.DataFrame:
    years = totals.filter(area_level="municipality", sex="total", age_group="total")
    firsts = pl.DataFrame({"month": months}).with_columns(
        year=pl.col("month").dt.year().cast(years.schema["year"])
    )
    return years.join(firsts, on="year").select(
        pl.col("area_code").alias("municipality_code"), "month", "coverage_state"
    )


def _covered(
    coverage: Coverage, codes: pl.Series, definition: Definition, month: dt.date, length: int
) -> pl.DataFrame:
    service = definition.service
    if definition.on_date:
        return _covered_at_end(coverage, codes, definition, month, length)
    time = covered_time(_place_spells(codes, month, length), coverage, service, month.year)
    mean = pl.lit(1.0)
    if service == "hospital":
        time = time.join(_mean_share(coverage, month, length), on="municipality_code", how="left")
        mean = pl.col("mean_share")
    return time.select(
        "municipality_code",
        month=pl.lit(month),
        coverage_state=state(pl.col("covered_days") / pl.col("days"), mean),
    )


def _covered_at_end(
    coverage: Coverage, codes: pl.Series, definition: Definition, month: dt.date, length: int
) -> pl.DataFrame:
    from_day = pl.col("covered_from").dt.offset_by(f"{definition.wash_in_months}mo")
    after = pl.lit(month).dt.offset_by(f"{length}mo")
    live = coverage.begins.filter(pl.col("service") == definition.service, from_day < after)
    there = pl.col("municipality_code").is_in(live["municipality_code"].implode())
    return pl.DataFrame({"municipality_code": codes.unique().sort()}).select(
        "municipality_code",
        month=pl.lit(month),
        coverage_state=pl.when(there).then(pl.lit("full")).otherwise(pl.lit("not_covered")),
    )


def _mean_share(coverage: Coverage, month: dt.date, length: int) -> pl.DataFrame:
    """Mean live share of hospitals over the covered days of a month."""
    spells = coverage.hospital.rename({"from_day": "begin", "to_day": "end"})
    inside = _clipped(spells, month, length).rename({"begin": "from_day", "end": "to_day"})
    return mean_hospital_share(replace(coverage, hospital=inside), month.year)


def _areas(coverage: pl.DataFrame) -> pl.DataFrame:
    """Months of municipalities and of the region, which is covered where some municipality is."""
    local = coverage.select(
        pl.lit("municipality").alias("area_level"),
        pl.col("municipality_code").alias("area_code"),
        "month",
        "coverage_state",
    )
    covered = (pl.col("coverage_state") != "not_covered").any()
    whole = coverage.group_by("month").agg(covered.alias("covered"))
    region = whole.select(
        pl.lit("region").alias("area_level"),
        pl.lit(REGION_CODE).alias("area_code"),
        "month",
        pl.when("covered").then(pl.lit("covered")).otherwise(pl.lit("not_covered"))
        .alias("coverage_state"),
    )  # fmt: skip
    return pl.concat([local, region])


def _summed(rows: pl.DataFrame, live: pl.DataFrame, side: str) -> pl.DataFrame:
    """Sums of covered months by municipality and region; graded persons are in the region's."""
    here = rows.join(live, on=["municipality_code", "month"], how="semi")
    unplaced = rows.filter(pl.col("municipality_code").is_null())
    local = here.with_columns(area_level=pl.lit("municipality"), area_code="municipality_code")
    whole = pl.concat([here, unplaced]).with_columns(
        area_level=pl.lit("region"), area_code=pl.lit(REGION_CODE)
    )
    return (
        pl.concat([local, whole.select(local.columns)])
        .group_by(_KEY)
        .agg(pl.col("value").sum().cast(pl.Float64).alias(side))
    )
