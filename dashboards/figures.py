"""Frames that the views draw: which rows of a release, beside which areas.

Belongs here: choosing and joining published rows. Does not belong here: computing a figure,
words, drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from dashboards.data_access import Release
from dashboards.kept import kept
from dashboards.places import norwegian_order, width

NO_FIGURE = ("suppressed", "not_covered", "missing", "not_applicable", "unreliable", "merged")


@dataclass(frozen=True)
class Choice:
    """Which figures of an indicator: how computed, for whom."""

    indicator_id: str
    value_kind: str
    sex: str = "total"
    age_group: str = "total"

    @property
    def asked(self) -> dict[str, str]:
        """How and for whom, in the columns of the figures."""
        return {"value_kind": self.value_kind, "sex": self.sex, "age_group": self.age_group}


def headline(release: Release, indicator_id: str) -> Choice:
    """The choice that an indicator shows first."""
    return Choice(indicator_id, str(release.indicator(indicator_id)["headline_kind"]))


@kept(most=16)
def _of_indicator(release: Release, indicator_id: str) -> pl.DataFrame:
    """The yearly figures of an indicator's newest version: all areas, kinds, sexes and ages."""
    version = release.indicator(indicator_id)["indicator_version"]
    return release.values.filter(
        pl.col("indicator_id") == indicator_id, pl.col("indicator_version") == version
    )


# A profile draws every indicator in two years: what it needs must not push itself out.
@kept(most=256)
def series(release: Release, choice: Choice) -> pl.DataFrame:
    """All areas and years of a choice.

    Returns:
        One row per area and year: the long table's columns with comparison columns.
    """
    return (
        _of_indicator(release, choice.indicator_id)
        .filter(
            pl.col("value_kind") == choice.value_kind,
            pl.col("sex") == choice.sex,
            pl.col("age_group") == choice.age_group,
            pl.col("breakdown") == "total",
        )
        .sort("year", "area_code")
    )


@kept(most=128)
def month_series(release: Release, indicator_id: str) -> pl.DataFrame:
    """All areas and months, or quarters, of an indicator: crude, both sexes and all its ages.

    Returns:
        One row per area and month or quarter, in the columns of ``series``; none where the
        indicator is published by neither.
    """
    return _beside(release, release.months, indicator_id)


def by_quarter(release: Release, indicator_id: str) -> bool:
    """Whether ``month_series`` holds quarters."""
    return "quarter" in month_series(release, indicator_id)["period_type"]


@kept(most=128)
def pooled_series(release: Release, indicator_id: str) -> pl.DataFrame:
    """All areas and periods of several years of an indicator, for both sexes and all ages.

    Returns:
        One row per area, period and value kind, in the columns of ``series``; none where the
        indicator is not published over several years.
    """
    return _beside(release, release.pooled, indicator_id)


def _beside(release: Release, rows: pl.DataFrame, indicator_id: str) -> pl.DataFrame:
    """Of rows beside the years those of an indicator's newest version."""
    version = release.indicator(indicator_id)["indicator_version"]
    return rows.filter(
        pl.col("indicator_id") == indicator_id,
        pl.col("indicator_version") == version,
        pl.col("breakdown") == "total",
    ).sort("period_start", "area_code")


@kept(most=512)
def year_frame(release: Release, choice: Choice, year: int) -> pl.DataFrame:
    """Every area that exists in the year, with its figure or the reason for none.

    An area without a published row is ``missing``: a gap is never left unsaid.

    Returns:
        One row per area, in Norwegian alphabetical order, counties and the region last.
    """
    rows = series(release, choice).filter(pl.col("year") == year).drop("area_level")
    joined = (
        release.areas(year)
        .join(rows, on="area_code", how="left")
        .with_columns(pl.col(name).fill_null(code) for name, code in choice.asked.items())
    )
    filled = told(joined, pl.lit(year, pl.Int64))
    return filled.sort(width(), norwegian_order("name"))


def told(rows: pl.DataFrame, year: pl.Expr, *, by_year: bool = True) -> pl.DataFrame:
    """The rows of an area or of parts of it, those of which nothing is published with why.

    Args:
        rows: Rows with the columns of the long table, null where it has none.
        year: The year of each.
        by_year: Whether they are of years. Of a county there are figures by year alone
            (``by_year_only`` else), of all sexes and ages together (``not_applicable`` else);
            what lacks otherwise is ``missing``.
    """
    absent, county = pl.col("value_status").is_null(), pl.col("area_level") == "county"
    status, reason = ("not_applicable", "not_defined_for_group") if by_year else (
        "by_year_only", None,
    )  # fmt: skip
    return rows.with_columns(
        pl.when(absent & county).then(pl.lit(reason, pl.String))
        .when(absent).then(pl.lit("no_data")).otherwise(pl.col("status_reason"))
        .alias("status_reason"),
        pl.when(absent & county).then(pl.lit(status))
        .when(absent).then(pl.lit("missing")).otherwise("value_status").alias("value_status"),
        pl.col("quality_flags").fill_null(""),
        pl.col("versus_region").fill_null("not_compared"),
        year.alias("year"),
    )  # fmt: skip


def strata(indicator: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sexes and the age groups that an indicator is published for, ``total`` first.

    A single age group is all its ages once more, and left out.
    """
    sexes = ("total", "female", "male") if indicator["has_strata"] else ("total",)
    groups = tuple(code for code in (indicator["age_groups"] or "").split(",") if code)
    return sexes, ("total", *(groups if len(groups) > 1 else ()))


def is_grouped(indicator: Mapping[str, Any]) -> bool:
    """Whether an indicator is published by sex or by age group."""
    sexes, ages = strata(indicator)
    return len(sexes) > 1 or len(ages) > 1


@kept(most=64)
def by_sex_and_age(release: Release, indicator_id: str, area_code: str, year: int) -> pl.DataFrame:
    """Crude figures of an area and of the region by sex and age group.

    As in ``year_frame`` a gap is never left unsaid.

    Returns:
        One row per area (those of the two that exist in the year), age group and sex, in the
        order of ``strata``; the columns of ``year_frame``.
    """
    indicator = release.indicator(indicator_id)
    sexes, ages = strata(indicator)
    rows = (
        _of_indicator(release, indicator_id)
        .filter(
            pl.col("value_kind") == "crude",
            pl.col("breakdown") == "total",
            pl.col("year") == year,
        )
        .drop("area_level")
    )
    areas = release.areas(year).filter(pl.col("area_code").is_in([area_code, release.region_code]))
    cells = pl.DataFrame({"age_group": ages}).join(pl.DataFrame({"sex": sexes}), how="cross")
    return told(
        areas.join(cells, how="cross").join(
            rows, on=["area_code", "age_group", "sex"], how="left", maintain_order="left"
        ),
        pl.lit(year, pl.Int64),
    )


def of_area(release: Release, rows: pl.DataFrame, area_code: str) -> pl.DataFrame:
    """One area's part of a series, for every period that the series has.

    A period of which nothing is published for the area is ``missing``; one at whose end it did not
    exist is left out.

    Args:
        release: The release.
        rows: ``series`` or ``month_series``.
        area_code: The area.

    Returns:
        One row per period, newest first: the columns of ``rows`` with those of ``areas``.
    """
    return of_areas(release, rows, [area_code])


def of_areas(release: Release, rows: pl.DataFrame, area_codes: Sequence[str]) -> pl.DataFrame:
    """The same for several areas: one row per area and period."""
    periods = rows.select("period_start", "period_end").unique()
    wanted = pl.col("area_code").is_in(list(area_codes))
    areas = release.tables["areas"].filter(wanted)
    own = rows.filter(wanted).drop("area_level", "period_end")
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("period_end"))
    lasts = pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("period_end"))
    joined = (
        periods.join(areas, how="cross")
        .join(own, on=["area_code", "period_start"], how="left")
        .filter(pl.col("value_status").is_not_null() | (begun & lasts))
    )
    year = pl.col("period_start").dt.year().cast(pl.Int64)
    by_year = not rows["period_type"].is_in(["month", "quarter"]).any()
    return told(joined, year, by_year=by_year).sort(
        "period_start", "area_code", descending=[True, False]
    )


def like_for_like(release: Release, indicator_id: str, year: int) -> dict[str, Any] | None:
    """A year against the nearest earlier one, over municipalities live in both.

    Returns:
        The published row, or ``None`` where the release compares no earlier year with this one.
    """
    table = release.tables.get("like_for_like")
    if table is None:
        return None
    found = table.filter(
        pl.col("indicator_id") == indicator_id, pl.col("period_start").dt.year() == year
    ).sort("earlier_start")
    return found.row(-1, named=True) if found.height else None


def municipalities(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not the region."""
    return frame.filter(pl.col("area_level") == "municipality")


def row(frame: pl.DataFrame, area_code: str) -> dict[str, Any] | None:
    """The row of an area, if the frame has it."""
    codes = frame["area_code"].to_list()
    return frame.row(codes.index(area_code), named=True) if area_code in codes else None


def profile(
    release: Release, area_code: str, year: int, beside: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Headline figures of one area, one row per indicator with the spread of all areas.

    Args:
        release: The release.
        area_code: The area.
        year: The year.
        beside: Areas to set beside it; they are never summed.

    Returns:
        ``indicator`` (facts and texts), ``figure`` (the area's row), ``region`` (the region's
        row), ``beside`` (a row per further area, or ``None`` where it did not exist) and
        ``spread`` (least, quartiles and greatest shown municipal value, or ``None``).
    """
    rows = []
    for indicator in release.indicators:
        choice = headline(release, indicator["indicator_id"])
        frame = year_frame(release, choice, year)
        figure = row(frame, area_code)
        if figure is None:
            continue
        rows.append(
            {
                "indicator": indicator,
                "figure": figure,
                "region": row(frame, release.region_code),
                "beside": [row(frame, code) for code in beside],
                "spread": _spread(release, choice, year),
            }
        )
    return rows


@kept(most=1024)
def _spread(
    release: Release, choice: Choice, year: int
) -> tuple[float, float, float, float] | None:
    values = municipalities(year_frame(release, choice, year))["value"].drop_nulls()
    if values.is_empty():
        return None
    points = (values.quantile(q, "linear") for q in (0, 0.25, 0.75, 1))
    least, lower, upper, greatest = (float(p) for p in points if p is not None)
    return least, lower, upper, greatest


def status_counts(frame: pl.DataFrame) -> dict[str, int]:
    """Number of municipalities by status."""
    counted = municipalities(frame).group_by("value_status").len()
    return dict(zip(counted["value_status"], counted["len"], strict=True))


def applicable(
    release: Release, area_code: str, year: int | None, indicator_id: str | None = None
) -> pl.DataFrame:
    """Caveats that concern an area and a year.

    Args:
        release: The release.
        area_code: The area; caveats of all areas (``*``) are always among them.
        year: The year, or ``None`` for all years.
        indicator_id: Those of one indicator; of all by default.
    """
    of_it = pl.lit(True) if indicator_id is None else pl.col("indicator_id") == indicator_id
    wanted = pl.col("period_start").is_null()
    if year is not None:
        wanted = wanted | (pl.col("period_start").dt.year() == year)
    return release.tables["caveats"].filter(
        of_it, pl.col("area_code").is_in(["*", area_code]), wanted
    )


@kept(most=512)
def breaks(release: Release, area_code: str, service: str) -> pl.DataFrame:
    """Breaks in an area's series of a service, by date."""
    return (
        release.tables["breaks"]
        .filter(
            pl.col("area_code").is_in(["*", area_code]),
            pl.col("service").is_null() | pl.col("service").is_in(["*", service]),
        )
        .sort("break_on")
    )
