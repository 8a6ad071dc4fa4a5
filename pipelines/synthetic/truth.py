"""Exact indicator values of a synthetic region, before any protection.

Belongs here: the indicators over their measures, areas, sexes and ages, and writing the truth.
Does not belong here: measures (``truth_persons``, ``truth_events``), coverage
(``truth_coverage``), the register's inhabitants (``truth_register``). No step of the pipeline may
read what is written here; tests compare published values with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipelines.settings import BorderSet, PublicDenominators, atomic_write
from pipelines.synthetic import truth_persons as states
from pipelines.synthetic import truth_register as register
from pipelines.synthetic.model import Region
from pipelines.synthetic.phenomena import phenomena
from pipelines.synthetic.truth_coverage import (
    FULL,
    Coverage,
    covered_time,
    load_coverage,
    mean_hospital_share,
    state,
)
from pipelines.synthetic.truth_definition import Definition, Measure, age_groups
from pipelines.synthetic.truth_definitions import DEFINITIONS
from pipelines.synthetic.truth_months import REGION_CODE, month_truth
from pipelines.synthetic.truth_persons import World
from pipelines.synthetic.truth_splits import split_truth

_FILES = (
    "indicator_truth.parquet",
    "indicator_truth_by_age.parquet",
    "indicator_truth_by_month.parquet",
    "indicator_truth_by_split.parquet",
    "phenomena.parquet",
)

_OF_REGISTER: dict[Measure, Callable[[World, pl.DataFrame], pl.DataFrame]] = {
    states.residents: register.residents,
    states.residents_live: register.residents_live,
    states.hospital_days: lambda world, known: register.person_days(world, known, "hospital"),
    states.municipal_days: lambda world, known: register.person_days(
        world, known, "municipal_care"
    ),
}
"""Measures of the public population, and how the register gives them."""


def indicator_truth(
    region: Region,
    public_denominators: PublicDenominators = "register",
    border_set: BorderSet = "date",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compute the truth of a region by the definitions, from its tables alone.

    Args:
        region: The region.
        public_denominators: Whose persons stand below public figures.
        border_set: By which borders persons live in a municipality. What services recorded keeps
            the code of its date, and such an indicator has no truth by other borders.

    Returns:
        Two frames, in order of their keys. The truth: indicator_id, area_level
        (municipality|region), area_code, sex (total|female|male), age_group (``total`` is all
        ages that the indicator covers), year, numerator, denominator, value (crude, times the
        multiplier), numerator_persons (staff roles in flows), covered_share, coverage_state;
        figures are null where a municipality is not covered. By single year of age: the same
        keys with age in place of age_group, numerator and denominator, covered areas only, no
        flows.
    """
    world = states.world(region, load_coverage(), border_set)
    known = None
    if public_denominators == "register":
        known = register.inhabitants(region, border_set)
    totals, ages = [], []
    # Many indicators are covered alike.
    covered: dict[tuple[str, bool, int], pl.DataFrame] = {}
    measured: dict[Measure, pl.DataFrame] = {states.gp_residents: states.gp_residents(world)}
    for indicator_id, definition in DEFINITIONS.items():
        for measure in (definition.numerator, definition.denominator):
            if measure not in measured:
                measured[measure] = measure(world)
        alike = (definition.service, definition.on_date, definition.wash_in_months)
        if alike not in covered:
            covered[alike] = coverage_of(world, definition, measured, known)
        coverage = covered[alike]
        cells = _cells(world, definition, measured, coverage, known)
        name = pl.lit(indicator_id).alias("indicator_id")
        totals.append(_published(cells, definition, coverage).select(name, pl.all()))
        if definition.groups:
            ages.append(_by_age(cells, definition).select(name, pl.all()))
    key = ["indicator_id", "area_level", "area_code", "sex"]
    return (
        pl.concat(totals).sort([*key, "age_group", "year"]),
        pl.concat(ages).sort([*key, "age", "year"]),
    )


def write_truth(
    region: Region, path: Path, public_denominators: PublicDenominators = "register"
) -> list[Path]:
    """Write the truth of a region.

    Args:
        region: The region.
        path: Folder of the truth (``identified/synthetic/truth``).
        public_denominators: Whose persons stand below public figures.

    Returns:
        ``indicator_truth.parquet`` and ``indicator_truth_by_age.parquet`` in that folder, columns
        as in ``indicator_truth``; ``indicator_truth_by_month.parquet``, as in ``month_truth``;
        ``indicator_truth_by_split.parquet``, as in ``split_truth``; and ``phenomena.parquet``, as
        in ``phenomena``.
    """
    truth = indicator_truth(region, public_denominators)
    months, splits = (
        month_truth(region, truth[0], public_denominators),
        split_truth(region, truth[0]),
    )
    frames = dict(zip(_FILES, (*truth, months, splits, phenomena(region)), strict=True))
    for name, frame in frames.items():
        with atomic_write(path / name) as temporary:
            frame.write_parquet(temporary)
    return [path / name for name in frames]


def coverage_of(
    world: World,
    definition: Definition,
    measured: dict[Measure, pl.DataFrame],
    known: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Covered share and state of every municipality with residents, by year.

    Args:
        world: The world.
        definition: The indicator.
        measured: Its measures, and the residents whom general practitioners cover.
        known: The register's inhabitants: covered shares are then of the calendar. Null: of the
            person-time that the journal knows.

    Returns:
        year, municipality_code, covered_share, coverage_state, residents (on 31 December).
    """
    residents = (
        states.residents(world)
        .drop_nulls("municipality_code")
        .group_by("year", "municipality_code")
        .agg(pl.len().alias("residents"))
    )
    parts = [
        _coverage_in(world, definition, measured, residents, year, known) for year in world.years
    ]
    coverage = pl.concat(parts)
    if known is None:
        return coverage
    registered = known.group_by("year", "municipality_code").agg(residents=pl.col("end").sum())
    return coverage.drop("residents").join(registered, on=["year", "municipality_code"], how="left")


def _coverage_in(
    world: World,
    definition: Definition,
    measured: dict[Measure, pl.DataFrame],
    residents: pl.DataFrame,
    year: int,
    known: pl.DataFrame | None,
) -> pl.DataFrame:
    time = (
        covered_time(world.spells, world.coverage, definition.service, year)
        .drop_nulls("municipality_code")
        .group_by("municipality_code")
        .agg(pl.col("days").sum(), pl.col("covered_days").sum())
    )
    if known is not None:
        places = time["municipality_code"]
        time = register.covered_calendar(world, places, definition.service, year).drop("year")
    here = residents.filter(pl.col("year") == year).drop("year")
    frame = time.join(here, on="municipality_code", how="left").with_columns(
        pl.col("residents").fill_null(0), mean_share=pl.lit(1.0)
    )
    share = pl.col("covered_days") / pl.col("days")
    if definition.service == "gp":
        # Whatever is counted among them: the inhabitants whose office is live.
        covered = (
            measured[states.gp_residents]
            .filter(pl.col("year") == year)
            .group_by("municipality_code")
            .agg(pl.len().alias("covered"))
            .drop_nulls("municipality_code")
        )
        frame = frame.join(covered, on="municipality_code", how="left")
        share = pl.when(pl.col("residents") > 0).then(
            pl.col("covered").fill_null(0) / pl.col("residents")
        )
        share = share.otherwise(0.0)
    elif definition.on_date and definition.service != "none":
        frame = frame.join(
            _covered_on_last_day(world.coverage, definition, year),
            on="municipality_code",
            how="left",
        )
        share = pl.col("live").fill_null(0.0)
    if definition.service == "hospital":
        means = mean_hospital_share(world.coverage, year)
        frame = frame.drop("mean_share").join(means, on="municipality_code", how="left")
    return frame.select(
        pl.lit(year, dtype=pl.Int32).alias("year"),
        "municipality_code",
        share.cast(pl.Float64).alias("covered_share"),
        state(share, pl.col("mean_share")).alias("coverage_state"),
        "residents",
    )


def _covered_on_last_day(coverage: Coverage, definition: Definition, year: int) -> pl.DataFrame:
    counts_from = pl.col("covered_from").dt.offset_by(f"{definition.wash_in_months}mo")
    return coverage.begins.filter(
        pl.col("service") == definition.service, counts_from.dt.year() <= year
    ).select("municipality_code", pl.lit(1.0).alias("live"))


def _cells(
    world: World,
    definition: Definition,
    measured: dict[Measure, pl.DataFrame],
    coverage: pl.DataFrame,
    known: pl.DataFrame | None,
) -> pl.DataFrame:
    """Counts by area, sex and year of age, of covered municipalities and of graded persons.

    Flows have neither: sex ``total``, age 0.
    """
    counted = coverage.filter(pl.col("coverage_state") != "not_covered")
    ages = pl.col("age").is_between(min(definition.groups, default=0), definition.oldest)
    sides = []
    for side in ("numerator", "denominator"):
        measure: Measure = getattr(definition, side)
        if known is not None and definition.public and measure in _OF_REGISTER:
            registered = _OF_REGISTER[measure](world, known).filter(ages)
            there = counted.select("year", "municipality_code")
            inside = registered.join(there, on=["year", "municipality_code"], how="semi")
            sides.append(_summed(inside, side, pl.col("persons").sum()))
            continue
        rows = measured[measure]
        inside = rows.join(
            counted.select("year", "municipality_code"),
            on=["year", "municipality_code"],
            how="semi",
        )
        if side == "numerator" or not definition.public:
            inside = pl.concat([inside, rows.filter(pl.col("municipality_code").is_null())])
        rows = inside
        if definition.groups:
            rows = rows.join(world.persons, on="person").with_columns(
                (pl.col("year") - pl.col("birth_year")).alias("age")
            )
            rows = rows.filter(ages)
        else:
            rows = rows.with_columns(pl.lit("total").alias("sex"), pl.lit(0, pl.Int32).alias("age"))
        persons = pl.col("person").filter(pl.col("value") > 0).n_unique()
        sides.append(_summed(rows, side, persons))
    key = ["area_level", "area_code", "sex", "age", "year"]
    return (
        sides[0]
        .join(sides[1].drop("denominator_persons"), on=key, how="full", coalesce=True)
        .with_columns(
            pl.col("numerator", "denominator").fill_null(0.0),
            pl.col("numerator_persons").fill_null(0),
        )
    )


def _denominator(definition: Definition) -> pl.Expr:
    """Summed days become person-years last: sums of whole numbers do not depend on order."""
    if not definition.person_time:
        return pl.col("denominator")
    return pl.col("denominator") / pl.date(pl.col("year"), 12, 31).dt.ordinal_day()


def _summed(rows: pl.DataFrame, side: str, persons: pl.Expr) -> pl.DataFrame:
    municipal = rows.drop_nulls("municipality_code").with_columns(
        pl.lit("municipality").alias("area_level"), pl.col("municipality_code").alias("area_code")
    )
    regional = rows.with_columns(
        pl.lit("region").alias("area_level"), pl.lit(REGION_CODE).alias("area_code")
    )
    return (
        pl.concat([municipal, regional])
        .group_by("area_level", "area_code", "sex", pl.col("age").cast(pl.Int32), "year")
        .agg(
            pl.col("value").sum().alias(side),
            persons.alias(f"{side}_persons"),
        )
    )


def _by_age(cells: pl.DataFrame, definition: Definition) -> pl.DataFrame:
    both = cells.group_by("area_level", "area_code", "age", "year").agg(
        pl.col("numerator", "denominator").sum()
    )
    columns = ["area_level", "area_code", "sex", "age", "year", "numerator", "denominator"]
    total = both.with_columns(pl.lit("total").alias("sex"))
    stacked = pl.concat([cells.select(columns), total.select(columns)])
    return stacked.with_columns(_denominator(definition))


def _published(cells: pl.DataFrame, definition: Definition, coverage: pl.DataFrame) -> pl.DataFrame:
    areas = _areas(coverage)
    sexes = ["total", "female", "male"] if definition.groups else ["total"]
    figures = ["numerator", "denominator", "numerator_persons"]
    parts = []
    for label, low, high in age_groups(definition):
        inside = cells.filter(pl.col("age").is_between(low, high))
        for sex in sexes:
            some = inside if sex == "total" else inside.filter(pl.col("sex") == sex)
            summed = some.group_by("area_level", "area_code", "year").agg(pl.col(figures).sum())
            parts.append(
                areas.join(summed, on=["area_level", "area_code", "year"], how="left").with_columns(
                    pl.lit(sex).alias("sex"), pl.lit(label).alias("age_group")
                )
            )
    shown = pl.col("coverage_state") != "not_covered"
    return (
        pl.concat(parts)
        .with_columns(pl.when(shown).then(pl.col(figures).fill_null(0)))
        .with_columns(_denominator(definition))
        .with_columns(
            pl.when(pl.col("denominator") > 0)
            .then(pl.col("numerator") / pl.col("denominator") * definition.multiplier)
            .alias("value")
        )
        .select(
            "area_level", "area_code", "sex", "age_group", "year", "numerator", "denominator",
            "value", pl.col("numerator_persons").cast(pl.Int64), "covered_share", "coverage_state",
        )
    )  # fmt: skip


def _areas(coverage: pl.DataFrame) -> pl.DataFrame:
    shown = pl.col("coverage_state") != "not_covered"
    covered = pl.col("residents").filter(shown).sum() / pl.col("residents").sum()
    regions = (
        coverage.group_by("year")
        .agg(covered.alias("covered_share"))
        .with_columns(
            pl.lit("region").alias("area_level"),
            pl.lit(REGION_CODE).alias("area_code"),
            pl.when(pl.col("covered_share") == 0)
            .then(pl.lit("not_covered"))
            .when(pl.col("covered_share") < FULL - 1e-9)
            .then(pl.lit("flagged"))
            .otherwise(pl.lit("full"))
            .alias("coverage_state"),
        )
    )
    municipalities = coverage.select(
        pl.lit("municipality").alias("area_level"),
        pl.col("municipality_code").alias("area_code"),
        "year",
        "covered_share",
        "coverage_state",
    )
    return pl.concat([municipalities, regions.select(municipalities.columns)])
