"""Areas side by side: interval bars, and a funnel.

Belongs here: the two charts. Does not belong here: comparing (it is done at publication).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from dashboards import words
from dashboards.charts.axes import from_nought, top_of
from dashboards.charts.theme import (
    ALONG,
    INK,
    LETTERS,
    MUTED,
    OWN,
    PRIMARY,
    UNIT,
    VERSUS_SHAPES,
    filled,
    finished,
    judged,
    named,
    on_ground,
)
from dashboards.data_access import Release
from dashboards.figures import Choice, municipalities, row, year_frame
from dashboards.kept import kept
from dashboards.text import number, translator

ROW_HEIGHT = 21
TICKS = 6
LIMITS = ("funnel_lower_95", "funnel_upper_95", "funnel_lower_998", "funnel_upper_998")
AROUND = 120  # title, axis and the region's name: Vega counts them into the height


def bars_frame(
    release: Release, choice: Choice, year: int, chosen: tuple[str, ...], area: str, language: str
) -> pl.DataFrame:
    """What the bars draw, greatest first: shown figures of chosen areas, or of municipalities."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    frame = year_frame(release, choice, year).drop_nulls("value")
    if chosen:
        # The region is a line of its own.
        wanted = {*chosen, area} - {release.region_code}
        frame = frame.filter(pl.col("area_code").is_in(sorted(wanted)))
    else:
        frame = municipalities(frame)
    return pl.DataFrame(
        [
            {
                "name": r["name"],
                "value": r["value"],
                "lower": r["lower_ci"],
                "upper": r["upper_ci"],
                "size": _size(r, indicator),
                "shape": VERSUS_SHAPES[r["versus_region"]],
                "colour": judged(r["versus_region"], indicator["polarity"]),
                "versus": words.versus(r["versus_region"], _),
                "text": words.figure(r, indicator["decimals"], _),
                "interval": words.interval(r, indicator["decimals"], _) or "–",
                "rank": f"{r['rank']} / {r['rank_of']}" if r["rank"] is not None else "–",
                "own": r["area_code"] == area,
            }
            for r in frame.sort("value", descending=True).iter_rows(named=True)
        ]
    )


def _size(figure: Mapping[str, Any], indicator: Mapping[str, Any]) -> float | None:
    """What the published limits rest on: a standardised figure by its effective denominator.

    Denominators themselves would put areas of one size beside limits of different widths.
    """
    if figure["value_kind"] == "crude" or not figure["value"] or figure["numerator"] is None:
        return None if figure["denominator"] is None else float(figure["denominator"])
    return float(indicator["multiplier"] * figure["numerator"] / figure["value"])


def _tooltip(language: str) -> list[alt.Tooltip]:
    _ = translator(language, "planner")
    titles = {
        "name": _("Area"),
        "text": _("Figure"),
        "interval": _("95% interval"),
        "versus": _("Comparison"),
        "rank": _("Rank"),
    }
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def _heading(release: Release, choice: Choice, year: int, language: str) -> tuple[str, str]:
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    title = words.titled(indicator[f"short_title_{language}"], choice.asked, indicator, _)
    title = f"{title}, {year}"
    return title, _("Synthetic figures – not for planning") if release.synthetic else ""


@kept(most=64)
def bars(
    release: Release, choice: Choice, year: int, chosen: tuple[str, ...], area: str, language: str
) -> dict[str, Any] | None:
    """Sorted points with intervals and the region as a line; ``None`` where none is shown."""
    frame = bars_frame(release, choice, year, chosen, area, language)
    if frame.is_empty():
        return None
    own = frame.filter("own")["name"].to_list()
    region = _region(release, choice, year, language)
    top = top_of(TICKS, frame["value"], frame["upper"], region["at"])
    return filled(
        _bars_look(language),
        _heading(release, choice, year, language),
        unit=str(release.indicator(choice.indicator_id)[f"unit_text_{language}"]),
        height=ROW_HEIGHT * frame.height + AROUND,
        values={"own": own[0] if own else None, **top},
        areas=frame,
        region=region,
    )


@kept(most=8)
def _bars_look(language: str) -> dict[str, Any]:
    # Rows stand in the order of the data, which the layers must share: hence no filter.
    y = alt.Y("name:N", sort=None, title=None,
              axis=alt.Axis(labelLimit=170, ticks=False, domain=False, labelPadding=8,
                            labelFontWeight=alt.ExprRef("datum.label === own ? 700 : 400")),
    )  # fmt: skip
    x = alt.X("lower:Q", title=UNIT, scale=from_nought(),
              axis=alt.Axis(orient="top", tickCount=TICKS))  # fmt: skip
    base = named("areas").encode(y=y, tooltip=_tooltip(language))
    colour = alt.Color("colour:N", scale=None)
    lifted = alt.condition("datum.own", alt.value(OWN), alt.value("transparent"))
    layers = [
        base.mark_rule(strokeWidth=ROW_HEIGHT - 2, aria=False).encode(color=lifted),
        *_region_rule(),
        base.mark_rule(strokeWidth=2, aria=False).encode(x=x, x2="upper:Q", color=colour),
        base.mark_point(filled=True, size=100, opacity=1, aria=False).encode(
            x=alt.X("value:Q"), shape=alt.Shape("shape:N", scale=None), color=colour
        ),
    ]  # fmt: skip
    chart = alt.layer(*layers).properties(width="container")
    return finished(chart, language)


def _region(release: Release, choice: Choice, year: int, language: str) -> pl.DataFrame:
    """Where the region's line stands and what it says; no row where its figure is not shown."""
    region = row(year_frame(release, choice, year), release.region_code)
    if region is None or region["value"] is None:
        return pl.DataFrame(schema={"at": pl.Float64, "label": pl.String})
    decimals = release.indicator(choice.indicator_id)["decimals"]
    label = f"{region['name']} {number(region['value'], language, decimals)}"
    return pl.DataFrame({"at": [region["value"]], "label": [label]})


def _region_rule() -> list[alt.Chart]:
    base = named("region").encode(x=alt.X("at:Q"))
    name = base.mark_text(dy=13, fontSize=12.5, fontWeight=600, color=INK, aria=False)
    return [
        base.mark_rule(color=INK, strokeWidth=1.2, strokeDash=[5, 4], aria=False),
        name.encode(text="label:N", y=alt.value(alt.expr("height"))),
    ]


@kept(most=32)
def funnel(
    release: Release, choice: Choice, year: int, area: str, language: str
) -> dict[str, Any] | None:
    """Figures against their denominators with the published 95 % and 99.8 % limits."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    points = bars_frame(release, choice, year, (), area, language)
    if points.is_empty():
        return None
    limits = municipalities(year_frame(release, choice, year)).select("name", *LIMITS)
    sized = points.filter(pl.col("size") > 0).sort("size")
    lines = sized.select("name", "size").join(limits, on="name").drop_nulls().sort("size")
    if lines.height < 3:
        return None
    counted = str(indicator[f"denominator_text_{language}"]).rstrip(".")
    if choice.value_kind != "crude":
        counted = _("After standardisation: {denominator}", denominator=counted)
    # Names of the greater half stand to the left, so that none runs out of the chart.
    middle = math.sqrt(lines["size"][0] * lines["size"][-1])
    return filled(
        _funnel_look(language, lifted=bool(sized["own"].any())),
        _heading(release, choice, year, language),
        unit=str(indicator[f"unit_text_{language}"]),
        # Where Vega would cut the title of an axis it breaks one that comes in lines.
        along=textwrap.wrap(counted, LETTERS[1]),
        areas=sized.with_columns(great=pl.col("size") > middle),
        limits=lines.drop("name"),
    )


@kept(most=8)
def _funnel_look(language: str, *, lifted: bool) -> dict[str, Any]:
    """The funnel without data; ``lifted`` where the reader's area is among the points."""
    x = alt.X("size:Q", title=ALONG, scale=alt.Scale(type="log", nice=False),
              axis=alt.Axis(grid=False, tickCount=5, titleLimit=alt.ExprRef("width")),
    )  # fmt: skip
    curve = named("limits").encode(x=x)

    def limit(name: str, dash: list[int]) -> alt.Chart:
        mark = curve.mark_line(color=MUTED, strokeWidth=1.2, strokeDash=dash, aria=False)
        line: alt.Chart = mark.encode(
            y=alt.Y(f"{name}:Q", title=UNIT, scale=alt.Scale(zero=False))
        )  # fmt: skip
        return line

    dots = named("areas").encode(
        x=x, y="value:Q", shape=alt.Shape("shape:N", scale=None),
        color=alt.Color("colour:N", scale=None), tooltip=_tooltip(language),
    )  # fmt: skip
    own = named("areas").transform_filter("datum.own").encode(x=x, y="value:Q")
    name: dict[str, Any] = {
        "align": alt.ExprRef("datum.great ? 'right' : 'left'"),
        "dx": alt.ExprRef("datum.great ? 8 : -8"),
        "dy": -17, "fontWeight": 600, "fontSize": 13, "aria": False,
    }  # fmt: skip
    names = [own.mark_text(**name, **look).encode(text="name:N") for look in on_ground(PRIMARY)]
    layers = [
        *(limit(name, [5, 4] if name.endswith("95") else []) for name in LIMITS),
        dots.mark_point(filled=True, size=95, opacity=1, aria=False),
        *([own.mark_point(size=230, color=PRIMARY, strokeWidth=2, aria=False), *names]
          if lifted else []),
    ]  # fmt: skip
    return finished(alt.layer(*layers).properties(height=400, width="container"), language)


def described(
    release: Release, choice: Choice, year: int, chosen: tuple[str, ...], area: str, language: str
) -> str:
    """The bars in words, for those who cannot see them."""
    _ = translator(language, "planner")
    indicator = release.indicator(choice.indicator_id)
    frame = bars_frame(release, choice, year, chosen, area, language)
    text = _("Areas compared by {title} in {year}, greatest first.",
             title=words.titled(indicator[f"title_{language}"], choice.asked, indicator, _),
             year=year)  # fmt: skip
    if frame.is_empty():
        return text
    high, low = frame.row(0, named=True), frame.row(-1, named=True)
    return f"{text} " + _(
        "{n} areas, from {high} in {first} to {low} in {last}.",
        n=frame.height, high=high["text"], first=high["name"], low=low["text"], last=low["name"],
    )  # fmt: skip
