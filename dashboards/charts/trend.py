"""Development over years or months: an area with its intervals beside the region.

Belongs here: the trend chart. Does not belong here: choosing figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import altair as alt
import polars as pl

from dashboards import remarks, words
from dashboards.charts.axes import from_nought, top_of
from dashboards.charts.theme import (
    INK,
    MUTED,
    PRIMARY,
    REGION,
    SHOWN,
    UNIT,
    filled,
    finished,
    named,
    on_ground,
)
from dashboards.data_access import Release
from dashboards.figures import Choice, breaks, by_quarter, month_series, of_areas, series
from dashboards.kept import kept
from dashboards.text import period, translator

HEIGHT = 340
TICKS = 8
MONTH = 1 / 12
Period = Literal["year", "month"]
ROWS = 3
"""So many rows of words of gaps: then three gaps stand between two on one row."""
LETTER = 5.8
"""Pixels of a letter of these words, rather too many."""
GAP_TOOLTIP = "told:N"
"""Period and reason in one: a tooltip holds one line of each heading, and these have none."""


@kept(most=128)
def points(
    release: Release, choice: Choice, area_code: str, language: str, by: Period = "year"
) -> pl.DataFrame:
    """What the trend draws.

    Args:
        release: The release.
        choice: Which figures; of months there are those of all sexes and ages alone.
        area_code: The area.
        language: Of the words.
        by: Length of the periods.

    Returns:
        One row per area (the chosen one and the region) and period; ``year`` its place on the
        axis (the middle of a year is the whole number), ``when`` its name, ``value`` and limits
        null where the figure is not shown, ``text`` the figure or the words of its status,
        ``sign`` the sign of a status without figure.
    """
    _ = translator(language, "planner")
    decimals = release.indicator(choice.indicator_id)["decimals"]
    codes = list(dict.fromkeys([area_code, release.region_code]))
    every = series(release, choice) if by == "year" else month_series(release, choice.indicator_id)
    frame = of_areas(release, every, codes).sort("period_start", "area_code")
    rows = [
        {
            "year": place(row["period_start"], row["period_end"]),
            "when": period(row["period_start"], row["period_end"], language),
            "series": row["name"],
            "role": "area" if row["area_code"] == area_code else "region",
            "value": row["value"],
            "lower": row["lower_ci"],
            "upper": row["upper_ci"],
            "status": row["value_status"],
            "text": words.figure(row, decimals, _),
            "sign": words.SYMBOLS.get(row["value_status"], ""),
            "interval": words.interval(row, decimals, _) or "–",
            "note": remarks.explanation(row, _) or "–",
        }
        for row in frame.iter_rows(named=True)
    ]
    numbers = dict.fromkeys(("value", "lower", "upper"), pl.Float64)
    kinds = {"year": pl.Float64, "series": pl.String, "role": pl.String, **numbers}
    return pl.DataFrame(rows, schema_overrides=kinds) if rows else pl.DataFrame(schema=kinds)


def place(start: date, end: date) -> float:
    """Place on the axis of years: the middle of the months of the period."""
    return start.year - 0.5 + (start.month + end.month - 1) / 2 * MONTH


def length(release: Release, indicator_id: str, by: Period) -> str:
    """What the periods are: ``year``, or the part of it that the indicator is published by."""
    return "quarter" if by == "month" and by_quarter(release, indicator_id) else by


def _drawn(choice: Choice, by: Period) -> dict[str, str]:
    """How and for whom the drawn figures are: those of months are not chosen."""
    return (choice if by == "year" else Choice(choice.indicator_id, "crude")).asked


def break_marks(release: Release, choice: Choice, area_code: str, language: str) -> pl.DataFrame:
    """Breaks inside the shown years: position on the year axis, date and text."""
    service = str(release.indicator(choice.indicator_id)["coverage_service"])
    first, last = min(release.years), max(release.years)
    found = breaks(release, area_code, service).filter(
        pl.col("break_on").is_between(date(first, 1, 1), date(last, 12, 31))
    )
    share = pl.col("break_on").dt.ordinal_day() / 365.25
    texts = [remarks.break_text(row, language) for row in found.iter_rows(named=True)]
    return found.select(
        (pl.col("break_on").dt.year() - 0.5 + share).alias("at"),
        "break_on",
        "kind",
        pl.Series("text", texts, pl.String),
    )


@kept(most=128)
def trend(
    release: Release, choice: Choice, area_code: str, language: str, by: Period = "year"
) -> dict[str, Any]:
    """The chart: intervals as rules, the region as a quiet band, breaks as dashed lines."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    frame = points(release, choice, area_code, language, by)
    shown = frame.drop_nulls("value")
    last = shown.sort("year").group_by("series", maintain_order=True).last()
    heights = dict(last.select("role", "value").iter_rows())
    above = heights.get("area", 0) >= heights.get("region", 0)
    where = frame.filter(pl.col("role") == "area")["series"].unique().to_list()
    short = words.titled(indicator[f"short_title_{language}"], _drawn(choice, by), indicator, _)
    title = ", ".join([short, *where])
    breaks = break_marks(release, choice, area_code, language)
    first, end = _span(release.years, breaks["at"], by)
    return filled(
        _look(tuple(sorted(release.years)), language, length(release, choice.indicator_id, by),
              above),
        (title, _("Synthetic figures – not for planning") if release.synthetic else ""),
        unit=str(indicator[f"unit_text_{language}"]),
        points=frame,
        ends=last,
        gaps=gaps(frame, by),
        breaks=breaks.drop("break_on").with_row_index("n", offset=1),
        values={"first": first, "last": end, **top_of(TICKS, frame["value"], frame["upper"])},
    )  # fmt: skip


def gaps(frame: pl.DataFrame, by: Period) -> pl.DataFrame:
    """The area's periods without a figure; years that follow each other for one reason as one.

    Args:
        frame: From ``points``.
        by: Length of the periods: months keep a sign each.

    Returns:
        One row per gap: start, end, year (its middle), when, text, sign, note, told (period and
        reason); ``row``, on which it stands where there is no room for ``letters``, the longest of
        the texts, side by side.
    """
    own = frame.filter(pl.col("role") == "area").sort("year")
    same = pl.struct(pl.col("value").is_null(), "text", "note").rle_id()
    runs = own.with_columns(run=same if by == "year" else pl.int_range(pl.len()))
    first, last = pl.col("when").first(), pl.col("when").last()
    found = (
        runs.filter(pl.col("value").is_null())
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("text", "sign", "note").first(),
            start=pl.col("year").min(),
            end=pl.col("year").max(),
            year=pl.col("year").mean(),
            when=pl.when(pl.len() > 1).then(first + "–" + last).otherwise(first),
        )
    )
    letters = pl.col("text").str.len_chars()
    return found.with_columns(
        told=told(), letters=letters.max(), row=pl.int_range(pl.len()) % ROWS
    ).drop("run")


def told() -> pl.Expr:
    """A period without a figure and the reason, of rows with ``when`` and ``note``."""
    return pl.concat_str("when", "note", separator=": ")


def _span(years: Sequence[int], breaks: pl.Series, by: Period) -> tuple[float, float]:
    """The axis of time: whole years where it has months, else from the first mark to the last.

    The names at the end of the lines need no room of it: Vega draws the axis that much shorter.
    """
    if by == "month":
        return min(years) - 0.5, max(years) + 0.5
    marks = [*years, *breaks]
    return min(*marks, min(years) - 0.25), max(*marks, max(years) + 0.05)


@kept(most=32)
def _look(years: tuple[int, ...], language: str, part: str, above: bool) -> dict[str, Any]:
    """The chart without data; ``above`` where the area's name stands over the region's.

    Lines are drawn through all periods, so that they break where one has no figure.
    """
    _ = translator(language, "planner")
    x = alt.X("year:Q", title=None,
              scale=alt.Scale(domain=[alt.ExprRef("first"), alt.ExprRef("last")]),
              axis=alt.Axis(values=list(years), format="d", grid=False))  # fmt: skip
    y = alt.Y("value:Q", title=UNIT, scale=from_nought(), axis=alt.Axis(tickCount=TICKS))
    tooltip = [
        alt.Tooltip("series:N", title=_("Area")),
        alt.Tooltip("when:N", title=words.part(part, _)),
        alt.Tooltip("text:N", title=_("Figure")),
        alt.Tooltip("interval:N", title=_("95% interval")),
        alt.Tooltip("note:N", title=_("Note")),
    ]
    base = named("points").encode(x=x, tooltip=tooltip)
    region = base.transform_filter(alt.datum.role == "region")
    area = base.transform_filter(alt.datum.role == "area")
    region_shown, area_shown = (one.transform_filter(SHOWN) for one in (region, area))
    layers = [
        region.mark_area(color=REGION, opacity=0.14, aria=False).encode(y="lower:Q", y2="upper:Q"),
        region.mark_line(color=REGION, strokeDash=[5, 4], aria=False).encode(y=y),
        region_shown.mark_point(color=REGION, shape="square", filled=True,
                                size=55 if part == "year" else 25, aria=False).encode(y=y),
        area_shown.mark_rule(color=PRIMARY, strokeWidth=2, aria=False)
        .encode(y="lower:Q", y2="upper:Q"),
        area.mark_line(color=PRIMARY, strokeWidth=2.5, aria=False).encode(y=y),
        area_shown.mark_point(color=PRIMARY, filled=True, size=95 if part == "year" else 40,
                              opacity=1, aria=False).encode(y=y),
        *_end_names(above),
        *(_gap_words() if part == "year" else _gap_signs(x)),
        *_break_layers(),
    ]  # fmt: skip
    chart = alt.layer(*layers).properties(height=HEIGHT, width="container")
    return finished(chart, language)


def _end_names(above: bool) -> list[alt.Chart]:
    """The name of each series at its last shown point."""
    text = named("ends").encode(x="year:Q", y="value:Q", text="series:N")
    common: dict[str, Any] = {"align": "left", "dx": 9, "fontSize": 13, "aria": False}
    area = text.transform_filter(alt.datum.role == "area")
    region = text.transform_filter(alt.datum.role == "region")
    return [
        area.mark_text(color=PRIMARY, fontWeight=600, dy=-11 if above else 13, **common),
        region.mark_text(color=MUTED, dy=13 if above else -11, **common),
    ]


def _gap_signs(x: alt.X) -> list[alt.Chart]:
    """Months without a figure, by their signs at the foot of the chart."""
    text = named("gaps").mark_text(color=MUTED, fontSize=12.5, aria=False)
    foot = alt.value(alt.expr("height - 12"))
    return [text.encode(x=x, y=foot, text="sign:N", tooltip=GAP_TOOLTIP)]


def _gap_words() -> list[alt.Chart]:
    """Years without a figure in words at the foot of the chart, on a ground that no line lies on.

    The words stay between the axes, and stand on rows of their own where they would meet.
    """
    half = f"{LETTER / 2} * length(datum.text)"
    meet = f"width < (last - first) * {LETTER} * datum.letters"
    base = named("gaps").encode(tooltip=GAP_TOOLTIP)
    ends = {
        side: alt.value(alt.expr(f"scale('x', datum.{end}) {sign} 9"))
        for side, end, sign in (("x", "start", "-"), ("x2", "end", "+"))
    }
    ground = base.mark_rect(color=MUTED, opacity=0.09, aria=False)
    words_of = base.encode(
        x=alt.value(alt.expr(f"clamp(scale('x', datum.year), {half}, width - {half})")),
        y=alt.value(alt.expr(f"height - 15 - ({meet} ? 15 * datum.row : 0)")),
        text="text:N",
    )
    font: dict[str, Any] = {"fontStyle": "italic", "fontSize": 12.5, "aria": False}
    return [
        ground.encode(y=alt.value(0), y2=alt.value(alt.expr("height")), **ends),
        *(
            words_of.mark_text(limit=alt.ExprRef("width"), **font, **look)
            for look in on_ground(MUTED)
        ),
    ]


def _break_layers() -> list[alt.Chart]:
    """Breaks in the series as upright lines with the number of their text."""
    base = named("breaks").encode(x=alt.X("at:Q"), tooltip=[alt.Tooltip("text:N", title=" ")])
    return [
        base.mark_rule(color=INK, strokeDash=[2, 3], opacity=0.7, aria=False),
        base.mark_text(align="left", dx=5, fontSize=12, color=INK, aria=False, fontWeight=600)
        .encode(y=alt.value(8), text="n:N"),
    ]  # fmt: skip


def described(
    release: Release, choice: Choice, area_code: str, language: str, by: Period = "year"
) -> str:
    """The trend in words, for those who cannot see it."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    frame = points(release, choice, area_code, language, by).filter(pl.col("role") == "area")
    title = words.titled(indicator[f"title_{language}"], _drawn(choice, by), indicator, _)
    text = words.lines(length(release, choice.indicator_id, by), title, _)
    said = "; ".join(f"{row['when']}: {row['text']}" for row in frame.iter_rows(named=True))
    return f"{text} {said}." if said else text
