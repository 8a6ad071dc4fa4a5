"""Women beside men, by age group: an area's figures with their intervals, the region behind them.

Belongs here: the chart of the indicator's view by sex and age. Does not belong here: choosing
figures, and inhabitants by sex and age (``pyramid``).
"""

from __future__ import annotations

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
    UNIT,
    filled,
    finished,
    named,
    on_ground,
)
from dashboards.data_access import Release
from dashboards.figures import by_sex_and_age, strata
from dashboards.kept import kept
from dashboards.text import translator

ROW = 24
TICKS = 6
AROUND = 130  # title, legend and axis: Vega counts them into the height
COLOURS = {"total": PRIMARY, "female": PRIMARY, "male": INK}
SHAPES = {"total": "circle", "female": "circle", "male": "square"}


def points(
    release: Release, indicator_id: str, area_code: str, year: int, language: str
) -> pl.DataFrame:
    """What the chart draws: women and men where the indicator tells them apart, else both.

    Returns:
        One row per area (role own | region), age group and sex: age, sex, group (both in words),
        name, value and limits (null where none is shown), text (the figure or the words of its
        status), interval, note.
    """
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    decimals = indicator["decimals"]
    frame = by_sex_and_age(release, indicator_id, area_code, year)
    if indicator["has_strata"]:
        frame = frame.filter(pl.col("sex") != "total")
    rows = [
        {
            "role": "own" if row["area_code"] == area_code else "region",
            "name": row["name"],
            "age": words.age(row["age_group"], indicator, _),
            "sex": words.sex(row["sex"], _),
            "value": row["value"],
            "lower": row["lower_ci"],
            "upper": row["upper_ci"],
            "text": words.figure(row, decimals, _),
            "interval": words.interval(row, decimals, _) or "–",
            "note": remarks.explanation(row, _) or "–",
        }
        for row in frame.iter_rows(named=True)
    ]
    texts = dict.fromkeys(("role", "name", "age", "sex", "text", "interval", "note"), pl.String)
    numbers = dict.fromkeys(("value", "lower", "upper"), pl.Float64)
    return pl.DataFrame(rows, schema={**texts, **numbers})


@kept(most=64)
def sex_age(
    release: Release, indicator_id: str, area_code: str, year: int, language: str
) -> dict[str, Any] | None:
    """Points with interval bars, the region's broad and pale; ``None`` where none is shown."""
    _ = translator(language, "planner")
    indicator = release.indicator(indicator_id)
    frame = points(release, indicator_id, area_code, year, language)
    own = frame.filter(pl.col("role") == "own")
    if frame["value"].drop_nulls().is_empty():
        return None
    sexes = tuple(code for code in strata(indicator)[0] if code != "total") or ("total",)
    ages = tuple(frame["age"].unique(maintain_order=True))
    title = ", ".join([str(indicator[f"short_title_{language}"]), *own["name"].head(1), str(year)])
    return filled(
        _look(sexes, ages, language, beside="region" in frame["role"]),
        (title, _("Synthetic figures – not for planning") if release.synthetic else ""),
        unit=str(indicator[f"unit_text_{language}"]),
        height=ROW * len(sexes) * len(ages) + AROUND,
        values=top_of(TICKS, frame["value"], frame["upper"]),
        groups=frame,
        gaps=_without(frame),
    )


def _without(frame: pl.DataFrame) -> pl.DataFrame:
    """The area's groups without a figure; ``late`` where the region's bar is in the first half."""
    region = frame.filter(pl.col("role") == "region")
    place = pl.coalesce("upper", "value") / pl.lit(frame["upper"].max())
    late = region.select("age", "sex", late=(place < 0.5).fill_null(False))
    own = frame.filter(pl.col("role") == "own", pl.col("value").is_null())
    return own.drop("value", "lower", "upper").join(
        late, on=["age", "sex"], how="left", maintain_order="left"
    )


@kept(most=64)
def _look(
    sexes: tuple[str, ...], ages: tuple[str, ...], language: str, *, beside: bool
) -> dict[str, Any]:
    """The chart without data; ``beside`` where the region stands behind another area."""
    _ = translator(language, "planner")
    names = [words.sex(code, _) for code in sexes]
    y = alt.Y("age:N", sort=list(ages), title=None,
              scale=alt.Scale(domain=list(ages), paddingInner=0.25),
              axis=alt.Axis(ticks=False, domain=False, labelPadding=8))  # fmt: skip
    offset = alt.YOffset("sex:N", scale=alt.Scale(domain=names), sort=names)
    x = alt.X("lower:Q", title=UNIT,
              scale=from_nought(), axis=alt.Axis(tickCount=TICKS))  # fmt: skip
    legend = alt.Legend(orient="top", title=None) if len(names) > 1 else None
    colours = alt.Scale(domain=names, range=[COLOURS[code] for code in sexes])
    shapes = alt.Scale(domain=names, range=[SHAPES[code] for code in sexes])
    colour = alt.Color("sex:N", legend=legend, scale=colours)
    shape = alt.Shape("sex:N", legend=legend, scale=shapes)
    base = named("groups").encode(y=y, yOffset=offset, tooltip=_tooltip(language))
    shown = base.transform_filter("datum.value !== null")
    region = shown.transform_filter("datum.role === 'region'")
    area = shown.transform_filter("datum.role === 'own'")
    behind = [
        region.mark_rule(color=REGION, strokeWidth=11, opacity=0.3, aria=False).encode(
            x=x, x2="upper:Q"
        ),
        region.mark_tick(color=REGION, thickness=3, height=ROW - 8, aria=False).encode(x="value:Q"),
    ]
    layers = [
        *(behind if beside else []),
        area.mark_rule(strokeWidth=2, aria=False).encode(x=x, x2="upper:Q", color=colour),
        area.mark_point(filled=True, size=95, opacity=1, aria=False).encode(
            x="value:Q", color=colour, shape=shape
        ),
        *_gaps(y, offset),
    ]
    return finished(alt.layer(*layers).properties(width="container"), language)


def _tooltip(language: str) -> list[alt.Tooltip]:
    _ = translator(language, "planner")
    titles = {
        "name": _("Area"),
        "age": _("Age"),
        "sex": _("Sex"),
        "text": _("Figure"),
        "interval": _("95% interval"),
        "note": _("Note"),
    }
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def _gaps(y: alt.Y, offset: alt.YOffset) -> list[alt.Chart]:
    """The words of their status where the area has no figure: a gap is not a nought.

    They stand at the end that the region's bar leaves free; where it leaves none, the ground shines
    through around the letters.
    """
    text = named("gaps").encode(
        y=y, yOffset=offset, text="text:N", tooltip=[alt.Tooltip("note:N", title=" ")]
    )
    ends: dict[str, tuple[Literal["left", "right"], Any]] = {
        "!datum.late": ("left", alt.value(6)),
        "datum.late": ("right", alt.value(alt.expr("width - 6"))),
    }
    return [
        text.transform_filter(which)
        .mark_text(align=align, fontStyle="italic", fontSize=12, opacity=1, aria=False, **look)
        .encode(x=at)
        for which, (align, at) in ends.items()
        for look in on_ground(MUTED)
    ]


def described(release: Release, indicator_id: str, area_code: str, year: int, language: str) -> str:
    """The chart in words, for those who cannot see it."""
    _ = translator(language, "planner")
    title = release.indicator(indicator_id)[f"title_{language}"]
    text = _("Interval chart of {title} by sex and age in {year}.", title=title, year=year)
    own = points(release, indicator_id, area_code, year, language).filter(pl.col("role") == "own")
    said = "; ".join(f"{row['age']}, {row['sex']}: {row['text']}" for row in own.to_dicts())
    return f"{text} {said}." if said else text
