"""The parts of one figure, such as services: an area's with their intervals, the region behind.

Belongs here: the chart of the indicator's view by service, device and the like. Does not belong
here: choosing figures (``dashboards.splits``).
"""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from dashboards import remarks, words
from dashboards.charts.axes import from_nought, top_of
from dashboards.charts.theme import (
    MUTED,
    PRIMARY,
    REGION,
    UNIT,
    filled,
    finished,
    named,
)
from dashboards.data_access import Release
from dashboards.kept import kept
from dashboards.splits import by_value, splits_of
from dashboards.text import translator

ROW = 44
TICKS = 6
AROUND = 110  # title and axis: Vega counts them into the height


def points(
    release: Release, indicator_id: str, breakdown: str, area_code: str, year: int, language: str
) -> pl.DataFrame:
    """What the chart draws.

    Returns:
        One row per area (role own | region) and value of the split: part (its name), name, value
        and limits (null where none is shown), text (the figure or the words of its status),
        interval, note.
    """
    _ = translator(language, "planner")
    decimals = release.indicator(indicator_id)["decimals"]
    frame = by_value(release, indicator_id, breakdown, area_code, year)
    rows = [
        {
            "role": "own" if row["area_code"] == area_code else "region",
            "name": row["name"],
            "part": row[f"value_name_{language}"],
            "value": row["value"],
            "lower": row["lower_ci"],
            "upper": row["upper_ci"],
            "text": words.figure(row, decimals, _),
            "interval": words.interval(row, decimals, _) or "–",
            "note": remarks.explanation(row, _) or "–",
        }
        for row in frame.iter_rows(named=True)
    ]
    texts = dict.fromkeys(("role", "name", "part", "text", "interval", "note"), pl.String)
    numbers = dict.fromkeys(("value", "lower", "upper"), pl.Float64)
    return pl.DataFrame(rows, schema={**texts, **numbers})


@kept(most=64)
def split_chart(
    release: Release, indicator_id: str, breakdown: str, area_code: str, year: int, language: str
) -> dict[str, Any] | None:
    """Points with interval bars, the region's broad and pale; ``None`` where none is shown."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    frame = points(release, indicator_id, breakdown, area_code, year, language)
    if frame["value"].drop_nulls().is_empty():
        return None
    own = frame.filter(pl.col("role") == "own")
    parts = tuple(frame["part"].unique(maintain_order=True))
    by = splits_of(release, indicator_id)[breakdown][f"by_{language}"]
    title = f"{indicator[f'short_title_{language}']} {by}"
    heading = ", ".join([title, *own["name"].head(1), str(year)])
    return filled(
        _look(parts, language, beside="region" in frame["role"]),
        (heading, _("Synthetic figures – not for planning") if release.synthetic else ""),
        unit=str(indicator[f"unit_text_{language}"]),
        height=ROW * len(parts) + AROUND,
        values=top_of(TICKS, frame["value"], frame["upper"]),
        parts=frame,
    )


@kept(most=32)
def _look(parts: tuple[str, ...], language: str, *, beside: bool) -> dict[str, Any]:
    """The chart without data; ``beside`` where the region stands behind another area."""
    _ = translator(language, "planner")
    titles = {
        "name": _("Area"),
        "part": _("Part"),
        "text": _("Figure"),
        "interval": _("95% interval"),
        "note": _("Note"),
    }
    tooltip = [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]
    y = alt.Y("part:N", sort=list(parts), title=None,
              scale=alt.Scale(domain=list(parts), paddingInner=0.25),
              axis=alt.Axis(ticks=False, domain=False, labelPadding=8, labelLimit=240))  # fmt: skip
    x = alt.X("lower:Q", title=UNIT,
              scale=from_nought(), axis=alt.Axis(tickCount=TICKS))  # fmt: skip
    base = named("parts").encode(y=y, tooltip=tooltip)
    shown = base.transform_filter("datum.value !== null")
    region = shown.transform_filter("datum.role === 'region'")
    own = shown.transform_filter("datum.role === 'own'")
    gaps = base.transform_filter("datum.role === 'own' && datum.value === null")
    behind = [
        region.mark_rule(color=REGION, strokeWidth=14, opacity=0.3, aria=False).encode(
            x=x, x2="upper:Q"
        ),
        region.mark_tick(color=REGION, thickness=3, height=ROW - 20, aria=False).encode(
            x="value:Q"
        ),
    ]
    layers = [
        *(behind if beside else []),
        own.mark_rule(color=PRIMARY, strokeWidth=2, aria=False).encode(x=x, x2="upper:Q"),
        own.mark_point(color=PRIMARY, filled=True, size=95, opacity=1, aria=False).encode(
            x="value:Q"
        ),
        # A gap is not a nought: it has the words of its status, above the region's bar.
        gaps.mark_text(
            align="left", dy=-15, fontStyle="italic", fontSize=12, color=MUTED, aria=False
        ).encode(x=alt.value(6), text="text:N"),
    ]
    return finished(alt.layer(*layers).properties(width="container"), language)


def described(
    release: Release, indicator_id: str, breakdown: str, area_code: str, year: int, language: str
) -> str:
    """The chart in words, for those who cannot see it."""
    _ = translator(language, "planner")
    title = release.indicator(indicator_id)[f"title_{language}"]
    by = splits_of(release, indicator_id)[breakdown][f"by_{language}"]
    text = _("Interval chart of {title} {by} in {year}.", title=title, by=by, year=year)
    frame = points(release, indicator_id, breakdown, area_code, year, language)
    own = frame.filter(pl.col("role") == "own")
    said = "; ".join(f"{row['part']}: {row['text']}" for row in own.to_dicts())
    return f"{text} {said}." if said else text
