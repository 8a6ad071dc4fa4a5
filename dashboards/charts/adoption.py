"""How the shared journal has spread: municipalities by the day on which they joined.

Belongs here: the waves, as a frame and as a staircase. Does not belong here: the table (it is
HTML, beside the chart). A planned wave stays planned: dashed, hollow and said so in words.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from dashboards.charts.theme import MUTED, PAPER, PRIMARY, filled, finished, named
from dashboards.data_access import Release
from dashboards.kept import kept
from dashboards.places import norwegian_order
from dashboards.text import day, translator

HEIGHT = 250


@kept(most=4)
def waves(release: Release) -> pl.DataFrame:
    """The days on which municipalities joined, or plan to.

    Returns:
        One row per day, in order: ``on``, ``planned``, ``passed`` (planned for a day that the
        data have come past), ``joined`` (how many), ``names``, ``total`` (how many after it).
        Municipalities of the last day of the data only; those without a date are left out.
    """
    towns = release.areas(release.facts["data_to"].year).filter(
        pl.col("area_level") == "municipality", pl.col("go_live_on").is_not_null()
    )
    return (
        towns.sort(norwegian_order("name"))
        .group_by(
            on=pl.col("go_live_on"),
            planned=pl.col("go_live_certainty").eq_missing("planned"),
            passed=pl.col("plan_passed"),
        )
        .agg(joined=pl.len(), names=pl.col("name"))
        .sort("on", "planned")
        .with_columns(total=pl.col("joined").cum_sum())
    )


@kept(most=16)
def staircase(release: Release, language: str) -> dict[str, Any]:
    """A step for each wave, as high as the municipalities that are then on the journal."""
    _ = translator(language, "planner")
    frame = waves(release).with_columns(
        pl.col("names").list.join(", "),
        pl.col("on").dt.strftime("%Y-%m-%d").alias("at"),
        pl.col("on").map_elements(lambda on: day(on, language), pl.String).alias("when"),
    )
    last_live = frame.filter(~pl.col("planned"))["total"].max()
    x = alt.X("at:T", title=None, axis=alt.Axis(grid=False, format="%Y", tickCount="year"))
    y = alt.Y("total:Q", title=_("Municipalities"), axis=alt.Axis(tickCount=5))
    tooltip = [alt.Tooltip("when:N", title=_("From")), alt.Tooltip("names:N", title=_("Joins"))]
    live = frame.filter(~pl.col("planned"))
    ahead = frame.filter(pl.col("planned") | (pl.col("total") == last_live))

    def steps(rows: str, **look: Any) -> alt.Chart:  # noqa: ANN401
        chart = named(rows).mark_line(interpolate="step-after", aria=False, **look)
        line: alt.Chart = chart.encode(x=x, y=y)
        return line

    points = named("days").encode(x=x, y=y, tooltip=tooltip)
    layers = [
        steps("live", color=PRIMARY, strokeWidth=2.5),
        steps("ahead", color=MUTED, strokeWidth=1.5, strokeDash=[5, 4]),
        points.transform_filter("!datum.planned").mark_point(
            filled=True, size=70, color=PRIMARY, opacity=1, aria=False),
        points.transform_filter("datum.planned").mark_point(
            filled=True, fill=PAPER, size=70, stroke=MUTED, opacity=1, aria=False),
        points.mark_text(dy=-12, fontSize=12.5, color=MUTED, aria=False).encode(text="total:Q"),
    ]  # fmt: skip
    heading = (
        _("Municipalities on Helseplattformen"),
        _("Dashed and hollow: planned, not confirmed"),
    )
    chart = alt.layer(*layers).properties(height=HEIGHT, width="container")
    days, live, ahead = (rows.drop("on") for rows in (frame, live, ahead))
    return filled(finished(chart, language), heading, days=days, live=live, ahead=ahead)


def described(release: Release, language: str) -> str:
    """The staircase in words, for those who cannot see it."""
    _ = translator(language, "planner")
    frame = waves(release)
    said = [
        _("{day}: {n} together, planned", day=day(row["on"], language), n=row["total"])
        if row["planned"]
        else _("{day}: {n} together", day=day(row["on"], language), n=row["total"])
        for row in frame.iter_rows(named=True)
    ]
    text = _("Staircase of the municipalities on Helseplattformen by day.")
    return f"{text} {'; '.join(said)}."
