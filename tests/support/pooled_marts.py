"""Marts of several years, counted from single persons by plain grouping.

Belongs here: invented users of a service and the marts that follow from them. Does not belong
here: expectations, and any code of the project that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from pipelines.catalogue.model import OPEN_AGE, Ages
from pipelines.publication.figures import Marts
from tests.support.publication_marts import specs

(_PUBLISHED,) = specs("personal_assistance_users_per_10000")
USERS = _PUBLISHED.model_copy(update={"ages": Ages(min=0)})
"""Of all ages, so that the region's standard population can be taken from it."""
YEARS = (2023, 2024, 2025)
REGION = ("region", "MIDT")
KEYS = ("area_level", "area_code", "year")

FLOWS = {
    **dict.fromkeys(("indicator_id", "area_level", "area_code"), pl.String),
    **dict.fromkeys(("period_start", "period_end"), pl.Date),
}

Spells = Sequence[tuple[str | None, tuple[int, ...], int]]
"""Area (null: graded), years in which a person has the service, and how many such persons."""


def pooled_marts(spells: Spells, inhabitants: Mapping[str, int], live: Mapping[str, int]) -> Marts:
    """Marts of personal assistance in three years.

    Args:
        spells: Who has the service when; every other person is a woman.
        inhabitants: Inhabitants of each municipality, the same in every year.
        live: The first year in which each municipality is covered, if not the first of all.
    """
    known = {area: live.get(area, YEARS[0]) for area in inhabitants}
    users = _users(spells)
    placed = pl.col("area_code").is_not_null()
    begun = pl.col("area_code").replace_strict(known, default=0, return_dtype=pl.Int64)
    covered = users.filter(pl.col("year") >= begun)
    whole = users.filter(~placed | (begun == YEARS[0]))
    years = pl.concat([_in("municipality", covered.filter(placed)), _in("region", covered)])
    periods = pl.concat([_in("municipality", whole.filter(placed)), _in("region", whole)])
    people = [
        (level, code, sex, year, count / 2)
        for area, size in inhabitants.items()
        for year in YEARS
        if year >= known[area]
        for level, code in (("municipality", area), REGION)
        for sex, count in (("female", size), ("male", size))
    ]
    return Marts(
        indicator_counts=_yearly(years, people),
        flow_counts=pl.DataFrame(schema=FLOWS),
        coverage=_coverage([
            (area, year, year, year >= first) for area, first in known.items() for year in YEARS
        ] + [("MIDT", year, year, True) for year in YEARS]),
        strata_map=_bands(inhabitants),
        pooled_counts=_pooled(periods, inhabitants, known),
        pooled_coverage=_coverage([
            (area, YEARS[0], YEARS[-1], first == YEARS[0]) for area, first in known.items()
        ] + [("MIDT", YEARS[0], YEARS[-1], True)]),
    )  # fmt: skip


def _users(spells: Spells) -> pl.DataFrame:
    rows = [
        (area, year, number, n)
        for number, (area, when, count) in enumerate(spells)
        for n in range(count)
        for year in when
    ]
    columns = {"area_code": pl.String, "year": pl.Int64, "spell": pl.Int64, "n": pl.Int64}
    sex = pl.when(pl.col("n") % 2 == 0).then(pl.lit("female")).otherwise(pl.lit("male"))
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        sex=sex, person=pl.concat_str("spell", "n", separator="-")
    )


def _in(level: str, users: pl.DataFrame) -> pl.DataFrame:
    code = pl.lit("MIDT") if level == "region" else pl.col("area_code")
    return users.with_columns(area_level=pl.lit(level), area_code=code)


def _yearly(users: pl.DataFrame, people: list[tuple[str, str, str, int, float]]) -> pl.DataFrame:
    keys = [*KEYS, "sex"]
    denominators = (
        pl.DataFrame(people, schema=[*KEYS[:2], "sex", "year", "denominator"], orient="row")
        .group_by(keys)
        .agg(pl.col("denominator").sum())
    )
    counted = denominators.join(users.group_by(keys).agg(numerator=pl.len()), on=keys, how="left")
    count = pl.col("numerator").fill_null(0)
    return counted.select(
        "area_level", "area_code", "sex",
        indicator_id=pl.lit(USERS.id),
        age_from=pl.lit(0), age_to=pl.lit(OPEN_AGE),
        period_start=pl.date(pl.col("year"), 1, 1), period_end=pl.date(pl.col("year"), 12, 31),
        numerator=count.cast(pl.Float64), denominator="denominator",
        numerator_sq=count.cast(pl.Float64),
        numerator_max=(count > 0).cast(pl.Float64), denominator_max=pl.lit(1.0),
        numerator_persons=count.cast(pl.Int64),
        denominator_persons=pl.col("denominator").cast(pl.Int64),
        complement_persons=(pl.col("denominator") - count).cast(pl.Int64),
    )  # fmt: skip


def _pooled(
    users: pl.DataFrame, inhabitants: Mapping[str, int], known: Mapping[str, int]
) -> pl.DataFrame:
    sizes = {area: size for area, size in inhabitants.items() if known[area] == YEARS[0]}
    sizes["MIDT"] = sum(sizes.values())
    areas = pl.DataFrame({"area_code": list(sizes), "size": list(sizes.values())})
    counted = (
        users.group_by("area_code", "person")
        .agg(times=pl.len())
        .group_by("area_code")
        .agg(
            numerator=pl.col("times").sum(),
            numerator_sq=(pl.col("times") ** 2).sum(),
            numerator_max=pl.col("times").max(),
            numerator_persons=pl.len(),
        )
    )
    return areas.join(counted, on="area_code", how="left").fill_null(0).select(
        "area_code",
        "numerator", "numerator_sq", "numerator_max", "numerator_persons",
        indicator_id=pl.lit(USERS.id),
        area_level=pl.when(pl.col("area_code") == "MIDT").then(pl.lit("region"))
        .otherwise(pl.lit("municipality")),
        period_start=pl.lit(date(YEARS[0], 1, 1)), period_end=pl.lit(date(YEARS[-1], 12, 31)),
        denominator=pl.col("size") * len(YEARS),
        denominator_max=pl.lit(float(len(YEARS))),
        denominator_persons="size",
        complement_persons=pl.col("size") - pl.col("numerator_persons").cast(pl.Int64),
    )  # fmt: skip


def _coverage(rows: Sequence[tuple[str, int, int, bool]]) -> pl.DataFrame:
    covered = pl.col("covered")
    return pl.DataFrame(
        rows, schema=["area_code", "first", "last", "covered"], orient="row"
    ).select(
        "area_code",
        indicator_id=pl.lit(USERS.id),
        area_level=pl.when(pl.col("area_code") == "MIDT").then(pl.lit("region"))
        .otherwise(pl.lit("municipality")),
        period_start=pl.date(pl.col("first"), 1, 1), period_end=pl.date(pl.col("last"), 12, 31),
        covered_share=covered.cast(pl.Float64),
        coverage_state=pl.when(covered).then(pl.lit("full")).otherwise(pl.lit("not_covered")),
    )  # fmt: skip


def _bands(inhabitants: Mapping[str, int]) -> pl.DataFrame:
    areas = [*(("municipality", area) for area in inhabitants), REGION]
    rows = [(level, code, sex, 0, OPEN_AGE) for level, code in areas for sex in ("female", "male")]
    columns = ["area_level", "area_code", "sex", "age_from", "age_to"]
    return pl.DataFrame(rows, schema=columns, orient="row")
