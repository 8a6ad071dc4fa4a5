"""Published figures as real HTML tables: areas of a year, years of an area.

Belongs here: tables of the indicator's page. Does not belong here: choosing figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl

from dashboards import words
from dashboards.components import show, table
from dashboards.components.barometer import difference_cell, figure_cell, sign_cell
from dashboards.figures import (
    Choice,
    by_quarter,
    month_series,
    of_area,
    pooled_series,
    series,
    year_frame,
)
from dashboards.session import Context
from dashboards.text import Translator, number, period


def count_cell(row: Mapping[str, Any], column: str, _: Translator) -> str:
    """A count of a row, or the sign of why there is none."""
    value = row[column]
    if value is None and row["value"] is not None and row["value_kind"] == "median":
        return "–"  # it has no counts that could lack
    if value is None:
        return sign_cell(row, _)
    return number(value, _.language, 0 if float(value).is_integer() else 1)


def _numbers(row: Mapping[str, Any], reader: Context, indicator: Mapping[str, Any]) -> list[str]:
    _ = reader.translate
    return [
        figure_cell(row, indicator["decimals"], _),
        count_cell(row, "numerator", _),
        count_cell(row, "denominator", _),
        difference_cell(row, indicator["polarity"], _),
    ]


def _headings(reader: Context, indicator: Mapping[str, Any], first: str) -> list[str]:
    _ = reader.translate
    unit = reader.text(indicator, "unit_text")
    return [first, unit, _("Numerator"), _("Denominator"), _("Against the region")]


def areas_table(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    """All areas in a year; the chosen one lifted out."""
    _ = reader.translate
    indicator = reader.release.indicator(choice.indicator_id)
    rows = list(year_frame(reader.release, choice, year).iter_rows(named=True))
    codes = [row["area_code"] for row in rows]
    named = words.titled(reader.text(indicator, "title"), choice.asked, indicator, _)
    title = _("{title} by municipality, {year}", title=named, year=year)
    show(
        table(
            title,
            _headings(reader, indicator, _("Area")),
            [[escape(_called(row, reader)), *_numbers(row, reader, indicator)] for row in rows],
            numeric=(1, 2, 3),
            marked=codes.index(area_code) if area_code in codes else None,
        )
    )
    shown = words.kind_explained(choice.value_kind, _)
    show(f"<p class='fp-small'>{escape(words.kind(choice.value_kind, _))}: {escape(shown)}</p>")


def _called(row: Mapping[str, Any], reader: Context) -> str:
    """An area's name, of a county with what it is: it stands below municipalities."""
    name = str(row["official_name"])
    if row["area_level"] != "county":
        return name
    _ = reader.translate
    return _("{name} (county)", name=name)


def years_table(reader: Context, choice: Choice, area_code: str) -> None:
    """All years of one area."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(choice.indicator_id)
    frame = of_area(release, series(release, choice), area_code)
    if frame.is_empty():
        return
    name = frame["name"][0]
    named = words.titled(reader.text(indicator, "title"), choice.asked, indicator, _)
    title = _("{title} in {area} by year", title=named, area=name)
    rows = [
        [str(row["year"]), *_numbers(row, reader, indicator)] for row in frame.iter_rows(named=True)
    ]
    show(table(title, _headings(reader, indicator, _("Year")), rows, numeric=(1, 2, 3)))


def months_table(reader: Context, indicator_id: str, area_code: str) -> None:
    """All months, or quarters, of one area, the newest first."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(indicator_id)
    frame = of_area(release, month_series(release, indicator_id), area_code)
    if frame.is_empty():
        return
    name = frame["name"][0]
    named = {"title": reader.text(indicator, "title"), "area": name}
    quarters = by_quarter(release, indicator_id)
    title = _("{title} in {area} by month", **named)
    if quarters:
        title = _("{title} in {area} by quarter", **named)
    rows = [
        [
            period(row["period_start"], row["period_end"], reader.language),
            *_numbers(row, reader, indicator),
        ]
        for row in frame.iter_rows(named=True)
    ]
    heading = words.part("quarter" if quarters else "month", _)
    show(table(title, _headings(reader, indicator, heading), rows, numeric=(1, 2, 3)))


def newest_pooled(reader: Context, choice: Choice, area_code: str, year: int) -> str:
    """The newest figure of several years that holds a year, in a sentence; empty where none is."""
    _ = reader.translate
    indicator = reader.release.indicator(choice.indicator_id)
    every = pooled_series(reader.release, choice.indicator_id)
    rows = every.filter(
        pl.col("area_code") == area_code,
        pl.col("value_status") == "ok",
        pl.col("value_kind") == choice.value_kind,
        pl.col("period_start").dt.year() <= year,
        pl.col("period_end").dt.year() >= year,
    )
    if rows.is_empty() or (choice.sex, choice.age_group) != ("total", "total"):
        return ""
    found = rows.row(-1, named=True)
    decimals, language = indicator["decimals"], reader.language
    figures = [number(found[one], language, decimals) for one in ("value", "lower_ci", "upper_ci")]
    return _(
        "{years} together: {value} ({lower}–{upper})",
        years=period(found["period_start"], found["period_end"], language),
        value=figures[0],
        lower=figures[1],
        upper=figures[2],
    )


def pooled_table(reader: Context, choice: Choice, area_code: str) -> None:
    """All periods of several years of one area, the newest first; nothing where there are none.

    Computed as the years are, or crude where periods are not computed so.
    """
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(choice.indicator_id)
    every = pooled_series(release, choice.indicator_id)
    kind = choice.value_kind if choice.value_kind in every["value_kind"] else "crude"
    frame = of_area(release, every.filter(pl.col("value_kind") == kind), area_code)
    if frame.is_empty():
        return
    name = frame["name"][0]
    title = _(
        "{title} in {area}, several years together",
        title=reader.text(indicator, "title"),
        area=name,
    )
    rows = [
        [
            period(row["period_start"], row["period_end"], reader.language),
            *_numbers(row, reader, indicator),
        ]
        for row in frame.iter_rows(named=True)
    ]
    show(table(title, _headings(reader, indicator, _("Years")), rows, numeric=(1, 2, 3)))
    said = _(
        "Years together hold both sexes and all ages: what was counted in each year, added up. "
        "They may be shown where one year has too few, but not where they would tell a hidden "
        "year."
    )
    named = f"{words.kind(kind, _)}: {words.kind_explained(kind, _)}"
    show(f"<p class='fp-small'>{escape(said)}</p><p class='fp-small'>{escape(named)}</p>")
