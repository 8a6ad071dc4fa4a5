"""Several areas over years or months in one small chart, to be set beside others of its kind.

Belongs here: the small trend of the page that compares. Does not belong here: one area with its
intervals and breaks (``trend``).
"""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from dashboards import remarks, words
from dashboards.charts.axes import TOP, from_nought, top_of
from dashboards.charts.end_names import apart
from dashboards.charts.theme import (
    INK,
    LINE,
    MUTED,
    PRIMARY,
    REGION,
    SHOWN,
    filled,
    finished,
    named,
)
from dashboards.charts.trend import GAP_TOOLTIP, MONTH, Period, length, place, told
from dashboards.data_access import Release
from dashboards.figures import Choice, month_series, of_areas, series
from dashboards.kept import kept
from dashboards.places import area_names
from dashboards.text import period, translator

HEIGHT = 240
PLOT = 130
"""What is left of the height, at least, between a title of two lines and the axis."""
TICKS = 4
DASHES = ([1, 0], [7, 3], [2, 2], [7, 2, 2, 2], [12, 3])
"""Lines are told apart by dash and name, not by colour."""
COUNTY_DASHES = ([2, 2], [2, 6])
"""Counties' lines are broad, and their points diamonds."""
ROLES = {"region": "region", "county": "county", "municipality": "other"}
NAMED = len(DASHES)
"""So many municipalities beside one's own have names at their lines; of more, the tooltip tells."""


@kept(most=64)
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
        One row per area and period: area, name, role (own | region | county | other), order (among
        counties and among others), year (its place on the axis), when (its name), value (null
        where none is shown), text, interval, note, status and its sign (of a period without a
        figure).
    """
    _ = translator(language, "planner")
    decimals = release.indicator(choice.indicator_id)["decimals"]
    codes = list(dict.fromkeys([own, *areas]))
    names = area_names(release.tables["areas"], "name")
    levels = dict(release.tables["areas"].select("area_code", "area_level").iter_rows())
    order = _order([code for code in codes if code != own], levels)
    every = series(release, choice) if by == "year" else month_series(release, choice.indicator_id)
    frame = of_areas(release, every, codes).sort("period_start", "area_code")
    rows = [
        {
            "area": row["area_code"],
            "name": names[row["area_code"]],
            "role": "own" if row["area_code"] == own else ROLES[row["area_level"]],
            "order": order.get(row["area_code"], 0),
            "year": place(row["period_start"], row["period_end"]),
            "when": period(row["period_start"], row["period_end"], language),
            "value": row["value"],
            "text": words.figure(row, decimals, _),
            "interval": words.interval(row, decimals, _) or "–",
            "note": remarks.explanation(row, _) or "–",
            "sign": words.SYMBOLS.get(row["value_status"], ""),
            "status": row["value_status"],
        }
        for row in frame.iter_rows(named=True)
    ]
    texts = dict.fromkeys(
        ("area", "name", "role", "when", "text", "interval", "note", "sign", "status"), pl.String
    )
    return pl.DataFrame(
        rows, schema={**texts, "order": pl.Int64, "year": pl.Float64, "value": pl.Float64}
    )


def _order(codes: list[str], levels: dict[str, str]) -> dict[str, int]:
    """Which dash an area's line has among those of its level."""
    order: dict[str, int] = {}
    for level, dashes in (("county", COUNTY_DASHES), ("municipality", DASHES)):
        members = [code for code in codes if levels[code] == level]
        order |= {code: place % len(dashes) for place, code in enumerate(members)}
    return order


@kept(most=64)
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
    frame = several_frame(release, choice, areas, own, language, by)
    shown = frame.drop_nulls("value")
    if shown.is_empty():
        return None
    unit = str(indicator[f"unit_text_{language}"])
    label = _("Synthetic figures – not for planning") if release.synthetic else ""
    first, last = _span(frame, sorted(release.years), by)
    crowd = frame.filter(pl.col("role") == "other")["area"].n_unique() > NAMED
    top = top_of(TICKS, shown["value"])
    part = length(release, choice.indicator_id, by)
    return filled(
        _look(tuple(sorted(release.years)), language, part, crowd=crowd),
        (str(indicator[f"short_title_{language}"]), f"{unit} · {label}" if label else unit),
        values={"first": first, "last": last, **top},
        points=frame,
        ends=_ends(shown, top[TOP]),
        gaps=frame.filter(pl.col("role") == "own", pl.col("value").is_null())
        .with_columns(told=told())
        .drop("value"),
    )


@kept(most=64)
def _look(years: tuple[int, ...], language: str, part: str, *, crowd: bool) -> dict[str, Any]:
    """The chart without data; of a ``crowd`` of areas the lines are not told apart.

    Lines are drawn through all periods, so that they break where one has no figure.
    """
    _ = translator(language, "planner")
    tooltip = [
        alt.Tooltip("name:N", title=_("Area")),
        alt.Tooltip("when:N", title=words.part(part, _)),
        alt.Tooltip("text:N", title=_("Figure")),
        alt.Tooltip("interval:N", title=_("95% interval")),
        alt.Tooltip("note:N", title=_("Note")),
    ]
    x = alt.X("year:Q", title=None,
              scale=alt.Scale(domain=[alt.ExprRef("first"), alt.ExprRef("last")]),
              axis=alt.Axis(values=list(years), format="d", grid=False))  # fmt: skip
    y = alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=TICKS),
              scale=from_nought())  # fmt: skip
    base = named("points").encode(x=x, y=y, detail="area:N", tooltip=tooltip)
    own_rows = base.transform_filter("datum.role == 'own'")
    region = base.transform_filter("datum.role == 'region'")
    layers = [
        *_others(base, crowd),
        *_counties(base),
        region.mark_line(color=REGION, strokeWidth=3, strokeDash=[5, 4], aria=False),
        region.transform_filter(SHOWN).mark_point(
            color=REGION, shape="square", filled=True, size=60, opacity=1, aria=False
        ),
        own_rows.mark_line(color=PRIMARY, strokeWidth=2.6, aria=False),
        own_rows.transform_filter(SHOWN).mark_point(
            color=PRIMARY, filled=True, size=70, opacity=1, aria=False
        ),
        _names(),
        _gaps(x),
    ]
    chart = alt.layer(*layers).properties(height=HEIGHT, width="container")
    return finished(chart, language)


def _span(frame: pl.DataFrame, years: list[int], by: Period) -> tuple[float, float]:
    """The axis of time; for the names at its end Vega draws it that much shorter."""
    if by == "year":
        return years[0] - 0.25, years[-1] + 0.05
    places = frame["year"].unique().sort()
    return places[0] - MONTH, places[-1] + MONTH / 2


def _others(base: alt.Chart, crowd: bool) -> list[alt.Chart]:
    """Lines told apart by dash; of many, which nobody can tell apart, a quiet ground."""
    others = base.transform_filter("datum.role == 'other'")
    if crowd:
        points = others.transform_filter(SHOWN).mark_point(
            color=LINE, filled=True, size=9, opacity=1, aria=False
        )
        return [others.mark_line(color=LINE, strokeWidth=1.2, aria=False), points]
    lines = [
        others.transform_filter(f"datum.order == {place}").mark_line(
            color=MUTED, strokeWidth=1.3, strokeDash=dash, aria=False
        )
        for place, dash in enumerate(DASHES)
    ]
    return [
        *lines,
        others.transform_filter(SHOWN).mark_point(
            color=MUTED, filled=True, size=28, opacity=1, aria=False
        ),
    ]


def _counties(base: alt.Chart) -> list[alt.Chart]:
    """Broad lines, told apart by dash, with diamonds for points: no municipality looks so."""
    counties = base.transform_filter("datum.role == 'county'")
    lines = [
        counties.transform_filter(f"datum.order == {place}").mark_line(
            color=INK, strokeWidth=2.2, strokeDash=dash, aria=False
        )
        for place, dash in enumerate(COUNTY_DASHES)
    ]
    points = counties.transform_filter(SHOWN).mark_point(
        color=INK, shape="diamond", filled=True, size=70, opacity=1, aria=False
    )
    return [*lines, points]


def _ends(frame: pl.DataFrame, top: float) -> pl.DataFrame:
    """Last points with ``at``, the height of a name on an axis that ends at ``top``."""
    last = frame.sort("year").group_by("area", maintain_order=True).last().sort("value", "area")
    if last.filter(pl.col("role") == "other").height > NAMED:
        last = last.filter(pl.col("role") != "other")
    heights = apart(last["value"].to_list(), top, PLOT)
    return last.with_columns(at=pl.Series(heights, dtype=pl.Float64))


def _names() -> alt.Chart:
    """The names of areas at their last points."""
    text = named("ends").mark_text(align="left", dx=7, fontSize=12, aria=False)
    colour = alt.condition("datum.role == 'own'", alt.value(PRIMARY), alt.value(MUTED))
    written: alt.Chart = text.encode(x="year:Q", y="at:Q", text="name:N", color=colour)
    return written


def _gaps(x: alt.X) -> alt.Chart:
    """Signs at the foot of the chart where one's own area has no figure."""
    text = named("gaps").mark_text(color=MUTED, fontSize=13, aria=False)
    foot = alt.value(alt.expr("height - 8"))
    written: alt.Chart = text.encode(x=x, y=foot, text="sign:N", tooltip=GAP_TOOLTIP)
    return written


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
