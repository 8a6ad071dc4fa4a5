"""The last months of one figure: an area, the region, and the middle of comparable ones.

Belongs here: the chart of the page on collaboration, and the rows that its table shows as well.
Does not belong here: the whole series with its breaks (``trend``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import polars as pl

from dashboards import words
from dashboards.charts.theme import INK, MUTED, PRIMARY, REGION, finished
from dashboards.data_access import Release
from dashboards.figures import month_series
from dashboards.text import month, translator

MONTHS = 12
HEIGHT = 320


@lru_cache(maxsize=256)
def recent_months(release: Release, indicator_id: str, area_code: str) -> pl.DataFrame:
    """The last months that are published of an indicator.

    Args:
        release: The release.
        indicator_id: An indicator that is published by month.
        area_code: The area.

    Returns:
        The area's rows of the last ``MONTHS`` months as ``month_series`` has them, the oldest
        first, with ``region`` (the region's value). None where there are no months.
    """
    every = month_series(release, indicator_id).filter(pl.col("period_type") == "month")
    last = every["period_start"].unique().sort().tail(MONTHS)
    rows = every.filter(pl.col("period_start").is_in(last.implode()))
    region = rows.filter(pl.col("area_level") == "region").select("period_start", region="value")
    own = rows.filter(pl.col("area_code") == area_code)
    return own.join(region, on="period_start", how="left").sort("period_start")


@lru_cache(maxsize=256)
def recent(
    release: Release, indicator_id: str, area_code: str, language: str
) -> dict[str, Any] | None:
    """The chart; ``None`` where neither area, region nor peers have a month in view."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    rows = recent_months(release, indicator_id, area_code)
    if rows.select("value", "region", "peer_median").is_empty() or all(
        rows[name].null_count() == rows.height for name in ("value", "region", "peer_median")
    ):
        return None
    decimals = indicator["decimals"]
    names = [month(one, language) for one in rows["period_start"]]
    frame = rows.select("value", "lower_ci", "upper_ci", "region", "peer_median").with_columns(
        when=pl.Series(names),
        text=pl.Series([words.figure(one, decimals, _) for one in rows.iter_rows(named=True)]),
        interval=pl.Series(
            [words.interval(one, decimals, _) or "–" for one in rows.iter_rows(named=True)]
        ),
        sign=pl.Series([words.SYMBOLS.get(one, "") for one in rows["value_status"]]),
    )
    area = release.tables["areas"].filter(pl.col("area_code") == area_code)["name"][0]
    x = alt.X("when:O", sort=names, title=None, axis=alt.Axis(labelAngle=-40, grid=False))
    unit = str(indicator[f"unit_text_{language}"])
    scale = alt.Scale(zero=True, nice=True)
    tooltip = [
        alt.Tooltip("when:N", title=_("Month")),
        alt.Tooltip("text:N", title=area),
        alt.Tooltip("interval:N", title=_("95% interval")),
        alt.Tooltip("region:Q", title=_("The region"), format=f".{decimals}f"),
        alt.Tooltip("peer_median:Q", title=_("Middle of comparable ones"), format=f".{decimals}f"),
    ]
    base = alt.Chart(frame).encode(x=x, tooltip=tooltip)
    own = base.transform_filter("isValid(datum.value)")
    gaps = base.transform_filter("!isValid(datum.value)")
    foot = alt.value(alt.expr("height - 10"))
    lines = {
        _("The region"): ("region", REGION, [5, 4]),
        _("Middle of comparable ones"): ("peer_median", INK, [2, 2]),
    }
    layers = [
        *(
            base.mark_line(color=colour, strokeDash=dash, strokeWidth=1.8, aria=False).encode(
                y=alt.Y(f"{column}:Q", title=unit, scale=scale)
            )
            for column, colour, dash in lines.values()
        ),
        *_names(frame, names, {name: column for name, (column, *_rest) in lines.items()}),
        own.mark_rule(color=PRIMARY, strokeWidth=2, aria=False).encode(
            y="lower_ci:Q", y2="upper_ci:Q"
        ),
        own.mark_line(color=PRIMARY, strokeWidth=2.4, aria=False).encode(y="value:Q"),
        own.mark_point(color=PRIMARY, filled=True, size=70, opacity=1, aria=False).encode(
            y="value:Q"
        ),
        gaps.mark_text(color=MUTED, fontSize=13, aria=False).encode(y=foot, text="sign:N"),
    ]
    chart = alt.layer(*layers).properties(height=HEIGHT, width="container")
    label = _("Synthetic figures – not for planning") if release.synthetic else ""
    title = f"{indicator[f'short_title_{language}']}, {area}"
    return finished(chart, title, label, language)


def _names(frame: pl.DataFrame, order: list[str], lines: dict[str, str]) -> list[alt.Chart]:
    """The name of each line at its last point."""
    found = []
    for place, (name, column) in enumerate(lines.items()):
        known = frame.drop_nulls(column).tail(1)
        if known.height:
            data = known.select("when", at=column).with_columns(name=pl.lit(name))
            found.append(
                alt.Chart(data)
                .mark_text(
                    align="right", dy=15 if place else -9, fontSize=12, color=MUTED, aria=False
                )
                .encode(x=alt.X("when:O", sort=order), y="at:Q", text="name:N")
            )
    return found


def described(release: Release, indicator_id: str, area_code: str, language: str) -> str:
    """The chart in words, for those who cannot see it."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    rows = recent_months(release, indicator_id, area_code)
    said = "; ".join(
        f"{month(one['period_start'], language)}: {words.figure(one, indicator['decimals'], _)}"
        for one in rows.iter_rows(named=True)
    )
    text = _("Line chart of {title} by month.", title=indicator[f"title_{language}"])
    return f"{text} {said}." if said else text
