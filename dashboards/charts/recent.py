"""The months of one figure in a year: an area, the region, and the middle of comparable ones.

Belongs here: the chart of the page on collaboration, and the rows that its table shows as well.
Does not belong here: the whole series with its breaks (``trend``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from dashboards.figures import month_series, of_area
from dashboards.kept import kept
from dashboards.text import Translator, month, translator

MONTHS = 12
HEIGHT = 320
TICKS = 8


@kept(most=64)
def recent_months(release: Release, indicator_id: str, area_code: str, year: int) -> pl.DataFrame:
    """The months of a year that are published of an indicator.

    Args:
        release: The release.
        indicator_id: An indicator that is published by month.
        area_code: The area.
        year: The year; of the newest one the last ``MONTHS`` months there are.

    Returns:
        The area's rows of the months as ``of_area`` has them, the oldest first, with ``region``
        (the region's row of the month, as a struct). None where there are no months.
    """
    every = month_series(release, indicator_id).filter(pl.col("period_type") == "month")
    if year < max(release.years):
        rows = every.filter(pl.col("period_start").dt.year() == year)
    else:
        last = every["period_start"].unique().sort().tail(MONTHS)
        rows = every.filter(pl.col("period_start").is_in(last.implode()))
    own, region = (of_area(release, rows, code) for code in (area_code, release.region_code))
    beside = region.select("period_start", region=pl.struct(pl.all()))
    return own.join(beside, on="period_start", how="left").sort("period_start")


@kept(most=64)
def recent(
    release: Release, indicator_id: str, area_code: str, year: int, language: str
) -> dict[str, Any] | None:
    """The chart; ``None`` where the area has a figure of no month: it would be of others alone."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    rows = recent_months(release, indicator_id, area_code, year)
    if rows["value"].null_count() == rows.height:
        return None
    region = pl.col("region").struct["value"]
    lines = rows.select("value", "lower_ci", "upper_ci", "peer_median", region=region)
    decimals = indicator["decimals"]
    names = [month(one, language) for one in rows["period_start"]]
    texts = [
        {
            "text": words.figure(one, decimals, _),
            "interval": words.interval(one, decimals, _) or "–",
            "note": remarks.explanation(one, _) or "–",
            "sign": words.SYMBOLS.get(one["value_status"], ""),
            "region_text": words.figure(one["region"], decimals, _),
            "peers_text": remarks.middle_of_peers(one, decimals, _),
        }
        for one in rows.iter_rows(named=True)
    ]
    frame = pl.concat([lines, pl.DataFrame(texts)], how="horizontal").with_columns(
        when=pl.Series(names)
    )
    area = release.tables["areas"].filter(pl.col("area_code") == area_code)["name"][0]
    label = _("Synthetic figures – not for planning") if release.synthetic else ""
    of_region = area_code == release.region_code
    return filled(
        _look(tuple(names), language, of_region),
        (f"{indicator[f'short_title_{language}']}, {area}", label),
        unit=str(indicator[f"unit_text_{language}"]),
        values=top_of(TICKS, *(lines[name] for name in lines.columns)),
        months=frame.with_columns(area=pl.lit(area)),
        ends=_ends(frame, _lines(_)),
    )


def _lines(_: Translator) -> dict[str, tuple[str, str, list[int]]]:
    """The lines beside the area's by name: column, colour, dash. The region has none beside it."""
    return {
        _("The region"): ("region", REGION, [5, 4]),
        _("Comparable municipalities (median)"): ("peer_median", INK, [2, 2]),
    }


@kept(most=32)
def _look(names: tuple[str, ...], language: str, of_region: bool) -> dict[str, Any]:
    """The chart without data, over these months; lines break where one has no figure."""
    _ = translator(language, "planner")
    x = alt.X("when:O", sort=list(names), title=None, scale=alt.Scale(domain=list(names)),
              axis=alt.Axis(labelAngle=-40, grid=False))  # fmt: skip
    told: dict[str, Any] = {
        "title": UNIT,
        "scale": from_nought(),
        "axis": alt.Axis(tickCount=TICKS),
    }
    tooltip = [
        alt.Tooltip("when:N", title=_("Month")),
        alt.Tooltip("area:N", title=_("Area")),
        alt.Tooltip("text:N", title=_("Figure")),
        alt.Tooltip("interval:N", title=_("95% interval")),
        alt.Tooltip("note:N", title=_("Note")),
    ]
    if not of_region:
        tooltip += [
            alt.Tooltip("region_text:N", title=_("The region")),
            alt.Tooltip("peers_text:N", title=_("Comparable municipalities (median)")),
        ]
    base = named("months").encode(x=x, tooltip=tooltip)
    own = base.transform_filter(SHOWN)
    gaps = base.transform_filter("!isValid(datum.value)")
    foot = alt.value(alt.expr("height - 10"))
    layers = [
        *(
            # Of a single month there is a point, where a line would not be seen.
            base.mark_line(
                color=colour,
                strokeDash=dash,
                strokeWidth=1.8,
                aria=False,
                point=alt.OverlayMarkDef(color=colour, filled=True, size=16, aria=False),
            ).encode(y=alt.Y(f"{column}:Q", **told))
            for column, colour, dash in ([] if of_region else _lines(_).values())
        ),
        own.mark_rule(color=PRIMARY, strokeWidth=2, aria=False).encode(
            y="lower_ci:Q", y2="upper_ci:Q"
        ),
        base.mark_line(color=PRIMARY, strokeWidth=2.4, aria=False).encode(
            y=alt.Y("value:Q", **told)
        ),
        own.mark_point(color=PRIMARY, filled=True, size=70, opacity=1, aria=False).encode(
            y="value:Q"
        ),
        gaps.mark_text(color=MUTED, fontSize=13, aria=False).encode(y=foot, text="sign:N"),
        *([] if of_region else _names(x)),
    ]
    chart = alt.layer(*layers).properties(height=HEIGHT, width="container")
    return finished(chart, language)


def _ends(frame: pl.DataFrame, lines: Mapping[str, tuple[str, str, list[int]]]) -> pl.DataFrame:
    """The last point of each line, with its name.

    ``above`` where the name stands over it: away from the area's line, and from the other name.
    """
    ends = pl.concat(
        frame.drop_nulls(column)
        .tail(1)
        .select(
            "when",
            at=pl.col(column).cast(pl.Float64),
            column=pl.lit(column),
            name=pl.lit(name),
            above=(pl.col(column) >= pl.col("value")).fill_null(True),
        )
        for name, (column, _colour, _dash) in lines.items()
    )
    if ends["above"].n_unique() < ends.height:
        return ends.with_columns(above=pl.col("at").rank("ordinal") == pl.len())
    return ends


def _names(x: alt.X) -> list[alt.Chart]:
    """The name of each line at its last point.

    Each on a ground of its own, which lines and intervals do not strike through.
    """
    text = named("ends").encode(x=x, y="at:Q", text="name:N")
    common: dict[str, Any] = {"align": "right", "dx": -7, "fontSize": 12, "aria": False}
    sides = {"datum.above": -9, "!datum.above": 15}
    return [
        text.transform_filter(which).mark_text(dy=dy, **common, **ground)
        for which, dy in sides.items()
        for ground in on_ground(MUTED)
    ]


def described(release: Release, indicator_id: str, area_code: str, year: int, language: str) -> str:
    """The chart in words, for those who cannot see it."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    rows = recent_months(release, indicator_id, area_code, year)
    said = "; ".join(
        f"{month(one['period_start'], language)}: {words.figure(one, indicator['decimals'], _)}"
        for one in rows.iter_rows(named=True)
    )
    text = _("Line chart of {title} by month.", title=indicator[f"title_{language}"])
    return f"{text} {said}." if said else text
