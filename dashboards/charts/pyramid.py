"""Inhabitants by sex and age: a pyramid, and the share of the oldest over the years.

Belongs here: the two charts of the population page. Does not belong here: counting (``figures``).
"""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from dashboards.charts.axes import TOP, from_nought, top_of
from dashboards.charts.end_names import apart
from dashboards.charts.several import HEIGHT, PLOT
from dashboards.charts.theme import INK, MEN, PRIMARY, REGION, filled, finished, named
from dashboards.data_access import Release
from dashboards.kept import kept
from dashboards.text import number, translator

WOMEN = PRIMARY
BAR = 16
TICKS = 6
AROUND = 125  # title, legend and axis: Vega counts them into the height


def pyramid_frame(release: Release, area_code: str, year: int, language: str) -> pl.DataFrame:
    """What the pyramid draws.

    Returns:
        One row per sex and age group of the area: age_from, age_group, sex, sex_name, share and
        region (percent of all inhabitants of area and region; men's are negative, to the left),
        text (persons in words).
    """
    _ = translator(language, "planner")
    names = {"female": _("Women"), "male": _("Men")}
    rows = release.tables["population"].filter(pl.col("on_date").dt.year() == year)
    side = pl.when(pl.col("sex") == "male").then(-1).otherwise(1)
    share = side * 100 * pl.col("value") / pl.col("value").sum().over("area_code")
    shares = rows.with_columns(share=share)
    key = ["sex", "age_from"]
    region = shares.filter(pl.col("area_level") == "region").select(*key, region="share")
    own = shares.filter(pl.col("area_code") == area_code).join(region, on=key, how="left")
    texts = [
        number(value, language) if value is not None else _("Data missing")
        for value in own["value"]
    ]
    return own.select(
        "age_from",
        pl.col("age_group").str.replace("-", "–", literal=True),
        "sex",
        pl.col("sex").replace_strict(names).alias("sex_name"),
        "share",
        "region",
        pl.Series("text", texts, pl.String),
    ).sort("age_from", "sex")


@kept(most=64)
def pyramid(release: Release, area_code: str, year: int, language: str) -> dict[str, Any] | None:
    """Women to the right, men to the left, the region as a line; ``None`` where nobody is known."""
    frame = pyramid_frame(release, area_code, year, language)
    if frame["share"].drop_nulls().is_empty():
        return None
    order = frame["age_group"].unique(maintain_order=True).reverse().to_list()
    most = float(pl.concat([frame["share"], frame["region"]]).abs().max() or 1)  # type: ignore[arg-type]
    return filled(
        _pyramid_look(tuple(order), language),
        _heading(release, area_code, f"{year}", language),
        height=BAR * len(order) + AROUND,
        values={"most": most * 1.08},
        ages=frame,
    )


@kept(most=16)
def _pyramid_look(order: tuple[str, ...], language: str) -> dict[str, Any]:
    _ = translator(language, "planner")
    x = alt.X("share:Q", title=_("Per cent of the inhabitants"),
              scale=alt.Scale(domainMin=alt.ExprRef("-most"), domainMax=alt.ExprRef("most")),
              axis=alt.Axis(labelExpr="format(abs(datum.value), '~r')", tickCount=7))  # fmt: skip
    y = alt.Y("age_group:N", sort=list(order), title=_("Age"),
              axis=alt.Axis(ticks=False, domain=False))  # fmt: skip
    colour = alt.Color(
        "sex_name:N", title=None, legend=alt.Legend(orient="top"),
        scale=alt.Scale(domain=[_("Men"), _("Women")], range=[MEN, WOMEN]),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("sex_name:N", title=_("Sex")),
        alt.Tooltip("age_group:N", title=_("Age")),
        alt.Tooltip("text:N", title=_("Inhabitants")),
    ]
    base = named("ages").encode(y=y, tooltip=tooltip)
    layers = [
        base.mark_bar(height=BAR - 3, stroke=INK, strokeWidth=0.4, aria=False).encode(
            x=x, color=colour
        ),
        base.mark_tick(color=INK, thickness=2, height=BAR, aria=False).encode(x="region:Q"),
    ]
    return finished(alt.layer(*layers).properties(width="container"), language)


def described(release: Release, area_code: str, year: int, language: str) -> str:
    """The pyramid in words, for those who cannot see it."""
    _ = translator(language, "planner")
    frame = pyramid_frame(release, area_code, year, language).drop_nulls("share")
    text = _("Inhabitants by sex and age in {year}.", year=year)
    if frame.is_empty():
        return text
    old = frame.filter(pl.col("age_from") >= 80)["share"].abs().sum()
    young = frame.filter(pl.col("age_from") < 20)["share"].abs().sum()
    return f"{text} " + _(
        "{young}% are below 20 years of age, {old}% are 80 or older.",
        young=number(float(young), language, 1),
        old=number(float(old), language, 1),
    )


@kept(most=64)
def ageing(release: Release, area_code: str, language: str) -> dict[str, Any] | None:
    """The share of inhabitants aged 80 and over by year, beside the region's."""
    rows = release.tables["population"].filter(
        pl.col("area_code").is_in([area_code, release.region_code])
    )
    names = dict(release.tables["areas"].select("area_code", "name").iter_rows())
    shares = (
        rows.group_by("area_code", pl.col("on_date").dt.year().alias("year"))
        .agg(
            known=pl.col("value").null_count() == 0,
            share=100
            * pl.col("value").filter(pl.col("age_from") >= 80).sum()
            / pl.col("value").sum(),
        )
        .with_columns(
            share=pl.when("known").then("share"),
            name=pl.col("area_code").replace_strict(names),
            own=pl.col("area_code") == area_code,
        )
        .with_columns(
            text=pl.col("share").map_elements(
                lambda value: number(value, language, 1), return_dtype=pl.String
            )
        )
        .sort("area_code", "year")
    )
    if not shares.filter("own")["share"].count():
        return None
    years = tuple(sorted(shares["year"].unique().to_list()))
    heading = _heading(release, area_code, "", language)
    top = top_of(TICKS, shares["share"])
    ends = shares.filter(pl.col("year") == years[-1]).drop_nulls("share").sort("share", "area_code")
    heights = apart(ends["share"].to_list(), top[TOP], PLOT)
    return filled(
        _ageing_look(years, language),
        heading,
        values=top,
        shares=shares,
        ends=ends.with_columns(at=pl.Series(heights, dtype=pl.Float64)),
    )


@kept(most=16)
def _ageing_look(years: tuple[int, ...], language: str) -> dict[str, Any]:
    _ = translator(language, "planner")
    x = alt.X("year:Q", title=None, scale=alt.Scale(domain=[years[0] - 0.3, years[-1] + 0.9]),
              axis=alt.Axis(values=list(years), format="d", grid=False))  # fmt: skip
    title = _("Per cent aged 80 and over")
    y = alt.Y("share:Q", title=title, scale=from_nought(), axis=alt.Axis(tickCount=TICKS))
    tooltip = [
        alt.Tooltip("name:N", title=_("Area")),
        alt.Tooltip("year:Q", title=_("Year"), format="d"),
        alt.Tooltip("text:N", title=title),
    ]
    base = named("shares").encode(x=x, y=y, tooltip=tooltip)
    own, other = base.transform_filter("datum.own"), base.transform_filter("!datum.own")
    ends = named("ends").encode(x=x, y="at:Q", text="name:N")
    layers = [
        other.mark_line(color=REGION, strokeDash=[5, 4], aria=False),
        other.mark_point(color=REGION, shape="square", filled=True, size=50, aria=False),
        own.mark_line(color=PRIMARY, strokeWidth=2.5, aria=False),
        own.mark_point(color=PRIMARY, filled=True, size=80, opacity=1, aria=False),
        ends.mark_text(align="left", dx=8, fontSize=13, color=INK, aria=False),
    ]
    return finished(alt.layer(*layers).properties(height=HEIGHT, width="container"), language)


def _heading(release: Release, area_code: str, when: str, language: str) -> tuple[str, str]:
    _ = translator(language, "planner")
    names = dict(release.tables["areas"].select("area_code", "name").iter_rows())
    title = ", ".join(part for part in (_("Inhabitants"), names[area_code], when) if part)
    return title, _("Synthetic figures – not for planning") if release.synthetic else ""
