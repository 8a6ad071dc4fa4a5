"""Several areas over years or months in one small chart, to be set beside others of its kind.

Belongs here: the small trend of the page that compares. Does not belong here: one area with its
intervals and breaks (``trend``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import polars as pl

from dashboards import remarks, words
from dashboards.charts.theme import LINE, MUTED, PRIMARY, REGION, finished
from dashboards.charts.trend import MONTH, Period, length, place
from dashboards.data_access import Release
from dashboards.figures import Choice, month_series, series
from dashboards.text import period, translator

HEIGHT = 190
DASHES = ([1, 0], [7, 3], [2, 2], [7, 2, 2, 2], [12, 3])
"""Lines are told apart by dash and name, not by colour."""
NAMED = len(DASHES)
"""So many areas beside one's own have names at their lines; of more, the tooltip tells."""


def several_frame(
    release: Release,
    choice: Choice,
    areas: tuple[str, ...],
    own: str,
    language: str,
    by: Period = "year",
) -> pl.DataFrame:
    """What the chart draws.

    Args:
        release: The release.
        choice: Which figures; of months there are those of all sexes and ages alone.
        areas: The areas beside one's own.
        own: The reader's own area.
        language: nb, nn or en.
        by: Length of the periods.

    Returns:
        One row per area and period: area, name, role (own | region | other), order (of the others),
        year (its place on the axis), when (its name), value (null where none is shown), text,
        interval, note.
    """
    _ = translator(language, "planner")
    decimals = release.indicator(choice.indicator_id)["decimals"]
    names = dict(release.tables["areas"].select("area_code", "name").iter_rows())
    codes = list(dict.fromkeys([own, *areas]))
    order = {code: place for place, code in enumerate(code for code in codes if code != own)}
    every = series(release, choice) if by == "year" else month_series(release, choice.indicator_id)
    frame = every.filter(pl.col("area_code").is_in(codes))
    rows = [
        {
            "area": row["area_code"],
            "name": names[row["area_code"]],
            "role": _role(release, row["area_code"], own),
            "order": order.get(row["area_code"], 0) % len(DASHES),
            "year": place(row["period_start"], row["period_end"]),
            "when": period(row["period_start"], row["period_end"], language),
            "value": row["value"],
            "text": words.figure(row, decimals, _),
            "interval": words.interval(row, decimals, _) or "–",
            "note": remarks.explanation(row, _) or "–",
        }
        for row in frame.iter_rows(named=True)
    ]
    texts = dict.fromkeys(("area", "name", "role", "when", "text", "interval", "note"), pl.String)
    return pl.DataFrame(
        rows, schema={**texts, "order": pl.Int64, "year": pl.Float64, "value": pl.Float64}
    )


def _role(release: Release, area: str, own: str) -> str:
    if area == own:
        return "own"
    return "region" if area == release.region_code else "other"


@lru_cache(maxsize=512)
def several(
    release: Release,
    choice: Choice,
    areas: tuple[str, ...],
    own: str,
    language: str,
    by: Period = "year",
) -> dict[str, Any] | None:
    """One indicator's small chart; ``None`` where no area has a figure."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    frame = several_frame(release, choice, areas, own, language, by).drop_nulls("value")
    if frame.is_empty():
        return None
    years = sorted(release.years)
    tooltip = [
        alt.Tooltip("name:N", title=_("Area")),
        alt.Tooltip("when:N", title=_("Year") if by == "year" else _("Month")),
        alt.Tooltip("text:N", title=_("Figure")),
        alt.Tooltip("interval:N", title=_("95% interval")),
        alt.Tooltip("note:N", title=_("Note")),
    ]
    x = alt.X("year:Q", title=None, scale=alt.Scale(domain=_span(frame, years, by)),
              axis=alt.Axis(values=years, format="d", grid=False))  # fmt: skip
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True, nice=True),
              axis=alt.Axis(tickCount=4))  # fmt: skip
    base = alt.Chart(frame).encode(x=x, y=y, detail="area:N", tooltip=tooltip)
    own_rows = base.transform_filter("datum.role == 'own'")
    region = base.transform_filter("datum.role == 'region'")
    layers = [
        *_others(base, len(set(areas) - {own, release.region_code})),
        region.mark_point(color=REGION, filled=True, size=28, opacity=1, aria=False),
        region.mark_line(color=REGION, strokeWidth=3, opacity=0.55, aria=False),
        own_rows.mark_line(color=PRIMARY, strokeWidth=2.6, aria=False),
        own_rows.mark_point(color=PRIMARY, filled=True, size=70, opacity=1, aria=False),
        *_names(frame),
    ]
    chart = alt.layer(*layers).properties(height=HEIGHT, width="container")
    unit = str(indicator[f"unit_text_{language}"])
    label = _("Synthetic figures – not for planning") if release.synthetic else ""
    below = f"{unit} · {label}" if label else unit
    return finished(chart, str(indicator[f"short_title_{language}"]), below, language)


def _span(frame: pl.DataFrame, years: list[int], by: Period) -> list[float]:
    """The axis of time, with room for the names at its end."""
    if by == "year":
        return [years[0] - 0.3, years[-1] + 1.1]
    places = frame["year"].unique().sort()
    first, last = places[0], places[-1]
    return [first - MONTH, last + max(0.35 * (last - first), 3 * MONTH)]


def _others(base: alt.Chart, number: int) -> list[alt.Chart]:
    """Lines told apart by dash; of many, which nobody can tell apart, a quiet ground."""
    others = base.transform_filter("datum.role == 'other'")
    if number > NAMED:
        return [others.mark_line(color=LINE, strokeWidth=1.2, aria=False)]
    lines = [
        others.transform_filter(f"datum.order == {place}").mark_line(
            color=MUTED, strokeWidth=1.3, strokeDash=dash, aria=False
        )
        for place, dash in enumerate(DASHES)
    ]
    return [*lines, others.mark_point(color=MUTED, filled=True, size=28, opacity=1, aria=False)]


def _names(frame: pl.DataFrame) -> list[alt.Chart]:
    """The names of areas at their last points, moved apart where they would lie on each other."""
    last = frame.sort("year").group_by("area", maintain_order=True).last().sort("value", "area")
    if last.filter(pl.col("role") == "other").height > NAMED:
        last = last.filter(pl.col("role") != "other")
    if last.is_empty():
        return []
    least = float(frame["value"].max() or 0) * 13 / HEIGHT  # type: ignore[arg-type]
    heights: list[float] = []
    for value in last["value"].to_list():
        heights.append(max(value, heights[-1] + least) if heights else value)
    text = alt.Chart(last.with_columns(at=pl.Series(heights))).mark_text(
        align="left", dx=7, fontSize=12, aria=False
    )
    colour = alt.condition("datum.role == 'own'", alt.value(PRIMARY), alt.value(MUTED))
    return [text.encode(x="year:Q", y="at:Q", text="name:N", color=colour)]


def described(
    release: Release,
    choice: Choice,
    areas: tuple[str, ...],
    own: str,
    language: str,
    by: Period = "year",
) -> str:
    """The chart in words, for those who cannot see it."""
    _ = translator(language, "planner")
    title = release.indicator(choice.indicator_id)[f"title_{language}"]
    frame = several_frame(release, choice, areas, own, language, by)
    text = words.lines(length(release, choice.indicator_id, by), title, _)
    newest = frame.filter(pl.col("year") == pl.col("year").max())
    if newest.is_empty():
        return text
    said = "; ".join(f"{row['name']}: {row['text']}" for row in newest.iter_rows(named=True))
    return f"{text} {newest['when'][0]}: {said}."
