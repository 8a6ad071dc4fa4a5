"""One indicator: development, comparison, sex and age, table, definition, files.

Belongs here: the indicator's page. Does not belong here: choosing or computing figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards import remarks, words
from dashboards.charts import compare, trend
from dashboards.components import chart, key, note, show, subheading
from dashboards.components.absent import gone, left_out, not_offered, unknown
from dashboards.components.barometer import figure_cell, reading
from dashboards.components.caveats import area_caveats
from dashboards.components.definition import definition
from dashboards.components.exports import exports
from dashboards.components.figure_tables import (
    areas_table,
    months_table,
    newest_pooled,
    pooled_table,
    years_table,
)
from dashboards.components.sex_age import sex_and_age
from dashboards.components.splits import split_section
from dashboards.figures import (
    Choice,
    headline,
    like_for_like,
    month_series,
    municipalities,
    row,
    year_frame,
)
from dashboards.places import names_to_choose
from dashboards.session import Context, choose, choose_several, code_of, context, keep
from dashboards.splits import splits_of
from dashboards.text import number

FIRST = "trend"


def render() -> None:
    """Draw the page."""
    reader = context()
    choice, area_code, year = _choices(reader)
    _head(reader, choice, area_code, year)
    _ = reader.translate
    names = {
        "trend": _("Development"),
        "compare": _("Compare"),
        "sex_age": _("Sex and age"),
        **({"split": _("Division")} if splits_of(reader.release, choice.indicator_id) else {}),
        "table": _("Table"),
        "definition": _("Definition"),
        "download": _("Download and cite"),
    }
    opened = code_of("tab", list(names), FIRST)
    keep("tab", opened)
    by_name = {name: code for code, name in names.items()}

    def turned() -> None:
        keep("tab", by_name[st.session_state["tabs"]])

    drawn = st.tabs(list(names.values()), default=names[opened], key="tabs", on_change=turned)
    draw = {
        "trend": lambda: _trend(reader, choice, area_code, year),
        "compare": lambda: _compare(reader, choice, area_code, year),
        "sex_age": lambda: sex_and_age(reader, choice, area_code, year),
        "split": lambda: split_section(reader, choice, area_code, year),
        "table": lambda: areas_table(reader, choice, area_code, year),
        "definition": lambda: definition(reader, choice.indicator_id),
        "download": lambda: exports(reader, choice, area_code, year),
    }
    for code, tab in zip(names, drawn, strict=True):
        if tab.open:
            with tab:
                draw[code]()


def _choices(reader: Context) -> tuple[Choice, str, int]:
    _ = reader.translate
    release = reader.release
    texts = {i["indicator_id"]: reader.text(i, "title") for i in release.indicators}
    names = names_to_choose(release)
    years = [str(year) for year in release.years]
    unknown(reader, {"indicator": texts, "year": years})
    not_offered(reader, names, release.region_code)
    first, second, third = st.columns([6, 2.6, 1.4])
    with first:
        indicator_id = choose(
            st.selectbox, _("Indicator"), "indicator", list(texts), next(iter(texts)),
            texts.__getitem__,
        )  # fmt: skip
    with second:
        area_code = choose(
            st.selectbox, _("Area"), "area", list(names), release.region_code, names.__getitem__
        )
    with third:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    return _who(reader, headline(release, indicator_id)), area_code, year


def _who(reader: Context, choice: Choice) -> Choice:
    """How computed, which sex, which age: what the release has for the indicator."""
    _ = reader.translate
    indicator = reader.release.indicator(choice.indicator_id)
    kinds = indicator["value_kinds"].split(",")
    sexes = ["total", "female", "male"] if indicator["has_strata"] else ["total"]
    ages = ["total", *(g for g in (indicator["age_groups"] or "").split(",") if g)]
    if len(kinds) == len(sexes) == 1 and len(ages) <= 2:
        return choice
    with st.container(key="fp-who"):
        kinds_only = code_of("kind", kinds, choice.value_kind) != "crude"
        left, middle, right = st.columns([5, 5, 0.01] if kinds_only else [5, 3, 2])
        with left:
            kind = choose(
                st.selectbox, _("Computed as"), "kind", kinds, choice.value_kind,
                lambda code: words.kind(code, _),
            )  # fmt: skip
        if kind != "crude":
            # Standardised figures are for both sexes and all ages of the indicator.
            with middle:
                show(f'<p class="fp-small fp-beside">{escape(words.kind_explained(kind, _))}</p>')
            return replace(choice, value_kind=kind)
        with middle:
            age = choose(
                st.selectbox, _("Age"), "age", ages, "total",
                lambda code: words.age(code, indicator, _),
            )  # fmt: skip
        with right:
            sex = choose(
                st.selectbox, _("Sex"), "sex", sexes, "total", lambda code: words.sex(code, _)
            )
    return replace(choice, value_kind=kind, age_group=age, sex=sex)


def _head(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(choice.indicator_id)
    title = words.titled(reader.text(indicator, "title"), choice.asked, indicator, _)
    show(f"<h1>{escape(title)}</h1>")
    frame = year_frame(release, choice, year)
    figure = row(frame, area_code)
    if figure is None:
        gone(reader, area_code, year)
        return
    entry = {
        "indicator": indicator,
        "figure": figure,
        "region": row(frame, release.region_code),
    }
    told = [reader.text(indicator, "unit_text"), words.polarity(indicator["polarity"], _)]
    if "," in indicator["value_kinds"]:
        told.insert(1, words.kind(choice.value_kind, _))
    name = words.titled(f"{figure['official_name']}, {year}", choice.asked, indicator, _)
    read = reading(entry, reader)
    if figure["value"] is None and (pooled := newest_pooled(reader, choice, area_code, year)):
        read = f"{read} {pooled}."
    show(
        f'<div class="fp-lead"><div><p class="fp-lead-name">{escape(name)}</p>'
        f'<p class="fp-big">{figure_cell(figure, indicator["decimals"], _)}</p>'
        f'<p class="fp-unit">{escape(" · ".join(told))}</p></div>'
        f'<p class="fp-lead-reading">{escape(read)}</p></div>'
        f"{area_caveats(reader, choice.indicator_id, area_code, year)}"
    )


def _trend(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    _ = reader.translate
    release, language = reader.release, reader.language
    by = _period(reader, choice.indicator_id)
    points = trend.points(release, choice, area_code, language, by)
    if by == "month":
        show(f"<p class='fp-small'>{escape(_months_explained(reader, choice.indicator_id))}</p>")
    if points["value"].drop_nulls().is_empty():
        none = {
            "year": _("No year has a figure for this choice. The table tells why."),
            "month": _("No month has a figure here. The table tells why."),
            "quarter": _("No quarter has a figure here. The table tells why."),
        }
        show(note(none[trend.length(release, choice.indicator_id, by)]))
    else:
        spec = trend.trend(release, choice, area_code, language, by)
        said = trend.described(release, choice, area_code, language, by)
        chart(spec, said)
        if by == "month":
            own = points.filter(pl.col("role") == "area")["status"].to_list()
            hidden = remarks.hidden_parts(own, trend.length(release, choice.indicator_id, by), _)
            if hidden:
                show(f"<p>{escape(hidden)}</p>")
    same = like_for_like(release, choice.indicator_id, year)
    every = choice.sex == choice.age_group == "total"
    if same is not None and every and by == "year":
        decimals = release.indicator(choice.indicator_id)["decimals"]
        show(f"<p>{escape(remarks.same_municipalities(same, decimals, _))}</p>")
    marks = trend.break_marks(release, choice, area_code, language)
    if marks.height:
        items = "".join(f"<li>{escape(text)}</li>" for text in marks["text"].to_list())
        show(subheading(_("Breaks in the series")) + f"<ol class='fp-list'>{items}</ol>")
    if by == "month":
        months_table(reader, choice.indicator_id, area_code)
    else:
        years_table(reader, choice, area_code)
        pooled_table(reader, choice, area_code)


def _period(reader: Context, indicator_id: str) -> trend.Period:
    """Years, or months or quarters where the indicator is published by them."""
    _ = reader.translate
    if month_series(reader.release, indicator_id).is_empty():
        return "year"
    part = trend.length(reader.release, indicator_id, "month")
    names = {"year": words.part("year", _), "month": words.part(part, _)}
    chosen = choose(
        st.segmented_control, _("Period"), "by", list(names), "year", names.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    return "month" if chosen == "month" else "year"


def _months_explained(reader: Context, indicator_id: str) -> str:
    _ = reader.translate
    indicator = reader.release.indicator(indicator_id)
    on_date, public = indicator["timing"] == "on_date", indicator["public_denominator"]
    if trend.length(reader.release, indicator_id, "month") == "quarter":
        dated = _("Each is the figure on the last day of the quarter.")
        text = _(
            "Quarters are crude figures for both sexes and all ages together. Small municipalities "
            "have few of them: a quarter is hidden where the year is."
        )
        per_year = _("They are per year, so that a quarter can be compared with a year.")
    else:
        dated = _("Each is the figure on the last day of the month.")
        text = _(
            "Months are crude figures for both sexes and all ages together. Small municipalities "
            "have few of them: a month is hidden where the year is."
        )
        per_year = _("They are per year, so that a month can be compared with a year.")
    between = _(
        "How many lived there on that day is reckoned between the population register's two "
        "1 Januaries."
    )
    parts = [text]
    if on_date:
        parts += [dated, between] if public else [dated]
    elif public:
        parts.append(per_year)
    return " ".join(parts)


def _compare(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    _ = reader.translate
    release, language = reader.release, reader.language
    frame = year_frame(release, choice, year)
    names = names_to_choose(release, year, counties=True)
    options = [code for code in names if code != release.region_code]
    why = _("Here are the municipalities and counties of {year}; the region is a line of its own.",
            year=year)  # fmt: skip
    left_out(reader, options, area_code, why)
    chosen = choose_several(
        _("Compare with"), "with", options, names.__getitem__, _("All with a figure")
    )
    view = choose(
        st.segmented_control, _("Chart"), "chart", ["bars", "funnel"], "bars",
        {"bars": _("Interval bars"), "funnel": _("By size (funnel plot)")}.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "funnel":
        spec = compare.funnel(release, choice, year, area_code, language)
        empty = _("Too few figures for a chart by size (funnel plot).")
    else:
        spec = compare.bars(release, choice, year, tuple(chosen), area_code, language)
        empty = _("No area chosen has a figure.") if chosen else _("No municipality has a figure.")
    wanted = frame.filter(pl.col("area_code").is_in(chosen)) if chosen else municipalities(frame)
    # The reader's own area is drawn beside those that are chosen.
    lines = [wanted, frame.filter(pl.col("area_code") == area_code)] if chosen else [wanted]
    drawn = pl.concat(lines).drop_nulls("value")
    if spec is None:
        show(note(empty))
    else:
        said = compare.described(release, choice, year, tuple(chosen), area_code, language)
        chart(spec, said)
        show(f"{_place(reader, row(frame, area_code))}"
             f"{_how_to_read(reader, view, choice, drawn, area_code)}"
             )  # fmt: skip
    _without_figure(reader, wanted)


def _place(reader: Context, figure: Mapping[str, Any] | None) -> str:
    """The published rank of the area, where it has one; chance is told beside it."""
    if figure is None or figure["rank"] is None:
        return ""
    _ = reader.translate
    said = _(
        "{area} is number {rank} of {n} by value, counted from the highest. Ranks of areas whose "
        "intervals overlap may be chance.",
        area=figure["name"],
        rank=number(figure["rank"], reader.language),
        n=number(figure["rank_of"], reader.language),
    )
    return f"<p>{escape(said)}</p>"


def _how_to_read(
    reader: Context, view: str, choice: Choice, drawn: pl.DataFrame, area_code: str
) -> str:
    """What the marks mean; of the funnel in a sentence."""
    _ = reader.translate
    if view == "funnel":
        said = _(
            "Each point is a municipality, the largest to the right. The smaller it is, the more "
            "chance may move its figure: between the lines, the difference from the region may be "
            "chance. Points outside the dashed lines (95%), and more so outside the whole lines "
            "(99.8%), differ from the region by more than chance would explain. The ring is your "
            "area."
        )
        return f"<p class='fp-small'>{escape(said)}</p>"
    region = names_to_choose(reader.release)[reader.release.region_code]
    own = drawn.filter(pl.col("area_code") == area_code)["name"].head(1)
    sides = reader.release.indicator(choice.indicator_id)["polarity"] != "neutral"
    return key.of_areas(set(drawn["versus_region"]), "".join(own), region, _, sides=sides)


def _without_figure(reader: Context, wanted: pl.DataFrame) -> None:
    """Those who are not in the chart, and why."""
    _ = reader.translate
    empty = wanted.filter(pl.col("value").is_null())
    if empty.is_empty():
        return
    same = ["value_status", "status_reason"]
    groups = empty.group_by(same, maintain_order=True).agg("name")
    items = "".join(
        f"<li><b>{escape(_why(r['value_status'], r['status_reason'], reader))}:</b> "
        f"{escape(', '.join(r['name']))}</li>"
        for r in groups.iter_rows(named=True)
    )
    counties = "county" in empty["area_level"]
    title = _("Areas without a figure") if counties else _("Municipalities without a figure")
    show(subheading(title) + f'<ul class="fp-list">{items}</ul>')


def _why(status: str, reason: str | None, reader: Context) -> str:
    _ = reader.translate
    said, why = words.status(status, _), words.reason(reason, _)
    return f"{said} ({why})" if why else said


if __name__ == "__main__":
    render()
