"""The figures of a release and their exact counts, before anything is hidden.

Belongs here: which indicator × area × sex × age group × period there is, whether the area's
k-anonymous strata give it exactly, and the sums of those strata. Does not belong here: what
may be shown (``systems`` and the table door) and rates (``rates``). All of it is restricted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from pipelines.catalogue.model import OPEN_AGE, Indicator

TOTAL = "total"
REGION = "region"
MUNICIPALITY = "municipality"
GROUP = "group"
"""Level of municipalities that are shown together (``merged_areas``)."""
COUNTY = "county"
"""Level of counties (``counties``)."""
LEAST_OF_COUNTY = 0.5
"""Share of a county's inhabitants below which it has no figure: it would be that of some."""
SUMMED = (GROUP, COUNTY)
"""Levels of which there is one figure in a year, of all sexes and ages: a sum of municipalities."""
NOT_COVERED = "not_covered"
PERIOD = ("period_start", "period_end")
AREA = ("area_level", "area_code")
FIGURE = ("indicator_id", *AREA, "sex", "age_group", *PERIOD)

_SUMS = ("numerator", "denominator", "numerator_sq")
_PERSONS = ("numerator_persons", "denominator_persons", "complement_persons")
_MAXIMA = ("numerator_max", "denominator_max")
COUNTS = (*_SUMS, *_PERSONS, *_MAXIMA, "providers")
COUNT_TYPES = {
    name: pl.Int64 if name.endswith("persons") or name == "providers" else pl.Float64
    for name in COUNTS
}
GROUPS = {"indicator_id": pl.String, "merged_group_id": pl.String, "area_code": pl.String}
"""Members of groups, by indicator."""
COUNTIES = {"area_code": pl.String, "county_code": pl.String}
"""Municipalities of the counties that are areas of their own."""


@dataclass(frozen=True)
class Marts:
    """The exact counts that publication starts from, as the marts hold them.

    Args:
        indicator_counts: ``fct_indicator_counts``: one row per indicator, area, sex, stratum
            of age and period; optionally ``denominator_max`` (one person's largest part of
            the denominator).
        flow_counts: ``fct_flow_counts``: one row per indicator, area and period.
        coverage: ``fct_coverage``: one row per indicator, area and period; what is published
            is what it lists. Where it lists counties, with the residents of municipalities.
        strata_map: k-anonymous bands: area_level, area_code, sex, age_from, age_to.
        month_counts: ``fct_month_counts``: one row per indicator, area and month.
        month_coverage: ``fct_month_coverage``: one row per indicator, area and month; the months
            that are published.
        breakdown_counts: ``fct_breakdown_counts``: one row per indicator, area, split, value and
            year.
        pooled_counts: ``fct_pooled_counts``: one row per indicator, area and period of several
            years.
        pooled_coverage: ``fct_pooled_coverage``: one row per indicator, area and period; the
            periods that are published.
        pooled_strata: ``fct_pooled_strata``: one row per indicator, period of several years, sex
            and stratum of the region.
        medians: ``fct_medians``: one row per indicator, area and year.
        groups: Members of the groups that are areas of their own here (``GROUPS``).
        counties: Municipalities of the counties (``COUNTIES``).
    """

    indicator_counts: pl.DataFrame
    flow_counts: pl.DataFrame
    coverage: pl.DataFrame
    strata_map: pl.DataFrame
    month_counts: pl.DataFrame = field(default_factory=pl.DataFrame)
    month_coverage: pl.DataFrame = field(default_factory=pl.DataFrame)
    breakdown_counts: pl.DataFrame = field(default_factory=pl.DataFrame)
    pooled_counts: pl.DataFrame = field(default_factory=pl.DataFrame)
    pooled_coverage: pl.DataFrame = field(default_factory=pl.DataFrame)
    pooled_strata: pl.DataFrame = field(default_factory=pl.DataFrame)
    medians: pl.DataFrame = field(default_factory=pl.DataFrame)
    groups: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=GROUPS))
    counties: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTIES))


def stratum_rows(marts: Marts) -> pl.DataFrame:
    """Counts by stratum in one shape, a flow being one stratum of all sexes and ages.

    Args:
        marts: The marts.

    Returns:
        One row per indicator, area, sex (female | male; ``total`` for a flow), band and
        period, with the counts (persons, events or person-years; null where a flow has none).
    """
    flows = marts.flow_counts.with_columns(
        sex=pl.lit(TOTAL), age_from=pl.lit(0), age_to=pl.lit(OPEN_AGE)
    )
    return pl.concat([_counts(marts.indicator_counts), _counts(flows)], how="vertical")


def _counts(frame: pl.DataFrame) -> pl.DataFrame:
    keys = ("indicator_id", *AREA, "sex")
    columns = set(frame.columns)
    counts = [
        (pl.col(name) if name in columns else pl.lit(None)).cast(dtype).alias(name)
        for names, dtype in (
            ((*_SUMS, *_MAXIMA), pl.Float64),
            ((*_PERSONS, "providers"), pl.Int64),
        )
        for name in names
    ]
    return frame.select(
        *(pl.col(key).cast(pl.String) for key in keys),
        pl.col("age_from", "age_to").cast(pl.Int64),
        pl.col(*PERIOD).cast(pl.Date),
        *counts,
    )


STRADDLES = (
    (pl.col("age_from") <= pl.col("high"))
    & (pl.col("age_to") >= pl.col("low"))
    & ((pl.col("age_from") < pl.col("low")) | (pl.col("age_to") > pl.col("high")))
)
"""A stratum of an area lies on both sides of a limit of some ages, which are then not counted
there: the one rule for years and for their months, or a month could be subtracted."""


def partition(marts: Marts) -> pl.DataFrame:
    """Bands by which areas are counted; a flow's sex ``total`` has one band of all ages.

    Returns:
        One row per area, sex and band: area_level, area_code, sex, age_from, age_to.
    """
    bands = marts.strata_map.select(
        pl.col(*AREA, "sex").cast(pl.String), pl.col("age_from", "age_to").cast(pl.Int64)
    )
    areas = marts.coverage.select(pl.col(*AREA).cast(pl.String)).unique()
    flows = areas.with_columns(
        sex=pl.lit(TOTAL),
        age_from=pl.lit(0, dtype=pl.Int64),
        age_to=pl.lit(OPEN_AGE, dtype=pl.Int64),
    )
    return pl.concat([bands, flows.select(bands.columns)])


def published_bands(specs: Sequence[Indicator]) -> pl.DataFrame:
    """Age groups of the indicators, the total of all their ages first.

    Returns:
        One row per indicator and age group: indicator_id, counting, age_group (``total`` or
        label), low, high (inclusive; 199 is open).
    """
    rows = [
        (spec.id, spec.counting, label, low, high)
        for spec in specs
        for low, high, label in _bands(spec)
    ]
    schema = {
        "indicator_id": pl.String,
        "counting": pl.String,
        "age_group": pl.String,
        "low": pl.Int64,
        "high": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _bands(spec: Indicator) -> list[tuple[int, int, str]]:
    if spec.counting == "flow":
        return [(0, OPEN_AGE, TOTAL)]
    return [(spec.ages.min, spec.age_max, TOTAL), *spec.age_bands()]


def _sexes() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "counting": ["strata", "strata", "strata", "flow"],
            "sex": [TOTAL, "female", "male", TOTAL],
        }
    )


def figures(marts: Marts, specs: Sequence[Indicator]) -> pl.DataFrame:
    """Every figure of the release with its exact counts.

    Args:
        marts: The marts.
        specs: Indicators to publish.

    Returns:
        One row per indicator, area, sex, age group and period that the coverage lists:
        low, high (ages), covered_share, coverage_state, exact (false where a stratum of the
        area straddles the group or the area is not covered), and the counts (0 without
        events; null where not exact), and known (false in a year for which the indicator cannot
        be computed).

    Raises:
        ValueError: If the coverage lacks an indicator, or a covered area has no strata.
    """
    keys = _keys(marts, specs)
    bands = partition(marts)
    _check_strata(keys, bands)
    straddled = (
        keys.select(*AREA, "sex", "low", "high")
        .unique()
        .join(_with_total(bands.filter(pl.col("sex") != TOTAL)), on=[*AREA, "sex"])
        .filter(STRADDLES)
        .select(*AREA, "sex", "low", "high")
        .unique()
        .with_columns(straddled=pl.lit(True))
    )
    keys = keys.join(straddled, on=[*AREA, "sex", "low", "high"], how="left").with_columns(
        exact=pl.col("straddled").is_null()
        & (pl.col("coverage_state") != NOT_COVERED)
        & pl.col("known")
    )
    counted = _with_counts(keys.drop("straddled", "first", "last"), stratum_rows(marts))
    return _with_county_sums(counted, marts)


def _keys(marts: Marts, specs: Sequence[Indicator]) -> pl.DataFrame:
    coverage = marts.coverage.select(
        pl.col("indicator_id", *AREA, "coverage_state").cast(pl.String),
        pl.col(*PERIOD).cast(pl.Date),
        pl.col("covered_share").cast(pl.Float64),
    )
    bands = published_bands(specs)
    lacking = bands.join(coverage, on="indicator_id", how="anti")["indicator_id"].unique()
    if len(lacking):
        msg = f"fct_coverage: no rows for the indicators {sorted(lacking)}"
        raise ValueError(msg)
    keys = bands.join(_sexes(), on="counting").join(coverage, on="indicator_id").drop("counting")
    # Parts of a sum would be hidden, or hide its total.
    whole = (pl.col("sex") == TOTAL) & (pl.col("age_group") == TOTAL)
    keys = keys.filter(~pl.col("area_level").is_in(SUMMED) | whole)
    return keys.join(_known_years(specs), on="indicator_id").with_columns(
        known=pl.col("period_start").dt.year().is_between(pl.col("first"), pl.col("last"))
    )


def _known_years(specs: Sequence[Indicator]) -> pl.DataFrame:
    """First and last calendar year for which an indicator can be computed."""
    named = [(spec.id, spec.known_years) for spec in specs]
    rows = [(name, years.first, years.last) if years else (name, 0, 9999) for name, years in named]
    schema = {"indicator_id": pl.String, "first": pl.Int64, "last": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _check_strata(keys: pl.DataFrame, bands: pl.DataFrame) -> None:
    own = (pl.col("coverage_state") != NOT_COVERED) & (pl.col("area_level") != COUNTY)
    covered = keys.filter(own).select(AREA).unique()
    strata = bands.filter(pl.col("sex") != TOTAL)
    has_strata = keys.filter(pl.col("sex") != TOTAL).height > 0
    lacking = covered.join(strata, on=list(AREA), how="anti").height if has_strata else 0
    if lacking:
        msg = f"strata_map: {lacking} covered areas have no strata; build the map again"
        raise ValueError(msg)


def _with_total(rows: pl.DataFrame) -> pl.DataFrame:
    """Both sexes' rows once more as parts of the sex ``total``; a flow's rows as they are."""
    both = rows.filter(pl.col("sex") != TOTAL).with_columns(sex=pl.lit(TOTAL))
    return pl.concat([rows, both])


def _with_counts(keys: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    parts = keys.filter("exact").join(_with_total(rows), on=["indicator_id", *AREA, "sex", *PERIOD])
    sums = (
        parts.filter((pl.col("age_from") >= pl.col("low")) & (pl.col("age_to") <= pl.col("high")))
        .group_by(FIGURE)
        .agg(
            pl.col("numerator", "denominator", *_PERSONS).sum(),
            # A flow has no squares: their sum is unknown, not nothing.
            pl.when(pl.col("numerator_sq").count() > 0).then(pl.col("numerator_sq").sum()),
            # Providers of several strata may be the same ones: at least the largest number.
            pl.col(*_MAXIMA, "providers").max(),
        )
    )
    counted = keys.join(sums, on=list(FIGURE), how="left")
    # No stratum with a contribution is a count of nothing, not an unknown one.
    nothing = pl.col("exact") & pl.col("numerator").is_null()
    zeros = [
        pl.when(nothing).then(0).otherwise(pl.col(name)).alias(name)
        for name in (*_SUMS, *_PERSONS, "numerator_max", "providers")
    ]
    return counted.with_columns(zeros).sort(FIGURE)


def _with_county_sums(counted: pl.DataFrame, marts: Marts) -> pl.DataFrame:
    """Figures, those of counties with the sums of their municipalities' counts.

    A municipality that is not covered, or whose strata do not give the total exactly, is no part of
    the sum, nor of the covered share; where that is less than half, there is no figure. Who moves
    within a county counts in both places, as in merged areas; providers may be the same ones, so a
    county has at least those of one place.
    """
    county = pl.col("area_level") == COUNTY
    if counted.filter(county).is_empty():
        return counted
    whole = (pl.col("sex") == TOTAL) & (pl.col("age_group") == TOTAL)
    key = ["indicator_id", *PERIOD, "area_code"]
    inhabitants = marts.coverage.filter(pl.col("area_level") == MUNICIPALITY).select(
        pl.col("indicator_id", "area_code").cast(pl.String), pl.col(*PERIOD).cast(pl.Date),
        "residents",
    )  # fmt: skip
    members = (
        counted.filter(whole, pl.col("area_level") == MUNICIPALITY)
        .join(inhabitants, on=key)
        .join(marts.counties, on="area_code")
    )
    inside = pl.col("exact")
    covered = pl.col("coverage_state") != NOT_COVERED
    sums = members.group_by("indicator_id", *PERIOD, area_code="county_code").agg(
        pl.col("numerator", "denominator", *_PERSONS).sum(),
        pl.when(pl.col("numerator_sq").count() > 0).then(pl.col("numerator_sq").sum()),
        pl.col(*_MAXIMA, "providers").max(),
        left_out=(covered & ~inside).any(),
        share=pl.col("residents").filter(inside).sum() / pl.col("residents").sum(),
    )
    summed = counted.filter(county).drop(COUNTS).join(sums, on=key, how="left")
    enough = (pl.col("share") >= LEAST_OF_COUNTY).fill_null(value=False)
    filled = summed.with_columns(exact=inside & enough).with_columns(
        *(pl.when("exact").then(pl.col(name)).alias(name) for name in COUNTS),
        # What is left out must not round to nothing.
        covered_share=pl.when(~pl.col("exact"))
        .then("covered_share")
        .when("left_out")
        .then(pl.min_horizontal("share", pl.lit(0.99)))
        .otherwise("share"),
        coverage_state=pl.when(pl.col("covered_share") < LEAST_OF_COUNTY)
        .then(pl.lit(NOT_COVERED))
        .when(pl.col("exact") & pl.col("left_out"))
        .then(pl.lit("flagged"))
        .otherwise("coverage_state"),
    )
    return pl.concat([counted.filter(~county), filled.select(counted.columns)]).sort(FIGURE)
