"""Free sets of indicators and areas side by side, as small charts or as one table.

Belongs here: the page that compares. Does not belong here: comparing one indicator with funnel and
rank (``indicator``), sums over areas: areas are set side by side, never added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any, Final

import polars as pl
import streamlit as st

from dashboards import downloads, remarks, words
from dashboards.charts import compare as side_by_side
from dashboards.charts import several, trend
from dashboards.components import chart, key, note, show, subheading, table
from dashboards.components.absent import absent, gone, left_out, not_offered, unknown
from dashboards.components.barometer import figure_cell
from dashboards.components.exports import take_home
from dashboards.data_access import Release
from dashboards.figures import (
    Choice,
    headline,
    month_series,
    row,
    year_frame,
)
from dashboards.places import names_to_choose
from dashboards.session import Context, choose, choose_several, context

COLUMNS = 2
MOST = 12
"""Indicators on one page; more would be a table of everything, which the downloads are."""
FIRST = 4
"""Indicators while the reader has chosen none."""
OWN_CHOICE = "own"
PERIODS: Final[Mapping[str, trend.Period]] = {"years": "year", "months": "month"}
"""Views over time."""
NOT_THERE: Final[Mapping[str, Any]] = {
    "value": None,
    "value_status": "not_applicable",
    "status_reason": "no_municipality",
}
"""Of a year at whose end an area did not exist there is no row."""


@dataclass(frozen=True)
class Asked:
    """What the reader compares.

    Attributes:
        choices: The indicators' headline figures.
        own: The reader's area.
        areas: The areas beside it, the region last where it is among them.
        year: For views of one year.
        view: years, months, bars or table.
    """

    choices: tuple[Choice, ...]
    own: str
    areas: tuple[str, ...]
    year: int
    view: str


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    show(f"<h1>{escape(_('Compare'))}</h1>")
    asked = _asked(reader)
    if not asked.choices:
        show(note(_("Choose one or more indicators.")))
        return
    if asked.view not in PERIODS:
        gone(reader, asked.own, asked.year)
    if asked.view == "table":
        _table(reader, asked)
    else:
        _charts(reader, asked)
    _download(reader, asked)


def _asked(reader: Context) -> Asked:
    _ = reader.translate
    release = reader.release
    titles = {one["indicator_id"]: reader.text(one, "short_title") for one in release.indicators}
    years = [str(year) for year in release.years]
    ready_made = {OWN_CHOICE, *release.tables["area_groups"]["group_id"]}
    unknown(reader, {"indicators": titles, "group": ready_made, "year": years})
    picked = choose_several(
        _("Indicators"), "indicators", list(titles), titles.__getitem__,
        _("Choose indicators"), default=list(titles)[:FIRST],
    )  # fmt: skip
    names, wider = names_to_choose(release), names_to_choose(release, counties=True)
    not_offered(reader, names, release.region_code)
    first, second, third = st.columns([3, 4, 1.4])
    with first:
        own = choose(
            st.selectbox, _("Area"), "area", list(names), release.region_code, names.__getitem__
        )
    groups = _groups(reader, own)
    with second:
        group = choose(
            st.selectbox, _("Compare with"), "group", list(groups), OWN_CHOICE,
            lambda code: groups[code][0],
        )  # fmt: skip
    with third:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    region = [] if own == release.region_code else [release.region_code]
    if group == OWN_CHOICE:
        options = [code for code in wider if code != own]
        left_out(reader, options, own, "")
        others = choose_several(
            _("Other areas"), "with", options, wider.__getitem__, _("Choose areas"), default=region
        )
    else:
        others = [*(code for code in groups[group][1] if code in names and code != own), *region]
    views = {
        "years": _("Over the years"),
        "months": {
            (): "",
            ("month",): _("By month"),
            ("quarter",): _("By quarter"),
            ("month", "quarter"): _("By month or quarter"),
        }[_parts(release, picked)],
        "bars": _("Side by side"),
        "table": _("Table"),
    }
    if not views["months"]:
        del views["months"]
    view = choose(
        st.segmented_control, _("Show as"), "view", list(views), "years", views.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    choices = tuple(headline(release, name) for name in picked[:MOST])
    if len(picked) > MOST:
        show(note(_("The first {n} indicators are shown.", n=MOST)))
    return Asked(choices, own, tuple(others), year, view)


def _groups(reader: Context, own: str) -> dict[str, tuple[str, list[str]]]:
    """A free choice, and the ready-made groups that one's own area is in: text and members."""
    _ = reader.translate
    rows = reader.release.tables["area_groups"]
    found: dict[str, tuple[str, list[str]]] = {OWN_CHOICE: (_("Areas I choose"), [])}
    for one in rows.filter(pl.col("area_code") == own).iter_rows(named=True):
        members = rows.filter(pl.col("group_id") == one["group_id"])["area_code"].to_list()
        text = f"{reader.text(one, 'kind_text')}: {reader.text(one, 'label')}"
        found[one["group_id"]] = (text, members)
    return found


def _charts(reader: Context, asked: Asked) -> None:
    _ = reader.translate
    rows = [_rows(reader, asked, choice) for choice in asked.choices]
    show(_key(reader, asked, rows))
    columns = st.columns(COLUMNS)
    for place, choice in enumerate(asked.choices):
        spec, said = _chart(reader, asked, choice)
        with columns[place % COLUMNS]:
            if spec is None:
                title = reader.text(reader.release.indicator(choice.indicator_id), "short_title")
                show(subheading(title) + note(_nothing(reader, asked, choice)))
            else:
                chart(spec, said, key=f"chart_{place}")
            without = absent(reader, rows[place])
            if without:
                show(without)


def _key(reader: Context, asked: Asked, rows: Sequence[pl.DataFrame]) -> str:
    """What the marks of all charts mean, and why counties have none where they have none."""
    _ = reader.translate
    every = pl.concat(rows)
    if asked.view not in PERIODS:
        polarities = {reader.release.indicator(one.indicator_id)["polarity"]
                      for one in asked.choices}  # fmt: skip
        drawn = every.drop_nulls("value")
        own = drawn.filter(pl.col("area") == asked.own)["name"].head(1)
        names = names_to_choose(reader.release)
        return key.of_areas(
            drawn["versus"].unique().to_list(), "".join(own), names[reader.release.region_code],
            _, sides=polarities != {"neutral"},
        )  # fmt: skip
    read = key.of_lines(every, _)
    if "by_year_only" in every["status"]:
        said = escape(words.status_explained("by_year_only", _))
        read += f"<p class='fp-small'>{said}</p>"
    return read


def _rows(reader: Context, asked: Asked, choice: Choice) -> pl.DataFrame:
    """What there is to draw of each area, and why it is not: area, name, when, value, note."""
    release, language = reader.release, reader.language
    if asked.view in PERIODS:
        given = (release, choice, asked.areas, asked.own, language, PERIODS[asked.view])
        return several.several_frame(*given)
    frame = year_frame(release, choice, asked.year)
    codes = [code for code in (asked.own, *asked.areas) if code != release.region_code]
    wanted = frame.filter(pl.col("area_code").is_in(codes))
    _ = reader.translate
    notes = [remarks.explanation(one, _) for one in wanted.iter_rows(named=True)]
    return wanted.select(
        "name",
        "value",
        area="area_code",
        versus="versus_region",
        when=pl.lit(str(asked.year)),
        note=pl.Series(notes, dtype=pl.String),
    )


def _parts(release: Release, indicator_ids: Sequence[str]) -> tuple[str, ...]:
    """What the charts by parts of a year have: months, quarters, both, or nothing."""
    published = [name for name in indicator_ids if not month_series(release, name).is_empty()]
    return tuple(sorted({trend.length(release, name, "month") for name in published}))


def _nothing(reader: Context, asked: Asked, choice: Choice) -> str:
    _ = reader.translate
    if asked.view == "months" and month_series(reader.release, choice.indicator_id).is_empty():
        return {
            ("month",): _("This indicator is not published by month."),
            ("quarter",): _("This indicator is not published by quarter."),
            ("month", "quarter"): _("This indicator is not published by month or quarter."),
        }[_parts(reader.release, [one.indicator_id for one in asked.choices])]
    return _("No area chosen has a figure.")


def _chart(reader: Context, asked: Asked, choice: Choice) -> tuple[dict[str, Any] | None, str]:
    release, language = reader.release, reader.language
    if asked.view in PERIODS:
        given = (release, choice, asked.areas, asked.own, language, PERIODS[asked.view])
        return several.several(*given), several.described(*given)
    towns = tuple(code for code in asked.areas if code != release.region_code)
    one_year = (release, choice, asked.year, towns or (asked.own,), asked.own, language)
    return side_by_side.bars(*one_year), side_by_side.described(*one_year)


def _spec(reader: Context, asked: Asked, choice: Choice) -> dict[str, Any] | None:
    return _chart(reader, asked, choice)[0]


def _table(reader: Context, asked: Asked) -> None:
    """Areas down, indicators across; the words of its status where a figure is missing."""
    _ = reader.translate
    release = reader.release
    frames = [year_frame(release, choice, asked.year) for choice in asked.choices]
    indicators = [release.indicator(choice.indicator_id) for choice in asked.choices]
    names = names_to_choose(release, counties=True)
    rows = []
    for code in dict.fromkeys([asked.own, *asked.areas]):
        cells = [row(frame, code) for frame in frames]
        figures = [_cell(reader, *one) for one in zip(cells, indicators, strict=True)]
        rows.append([escape(names[code]), *figures])
    titles = [
        f"{reader.text(one, 'short_title')}, {reader.text(one, 'unit_text')}" for one in indicators
    ]
    caption = _("Areas compared, {year}", year=asked.year)
    numeric = range(1, len(titles) + 1)
    show(table(caption, [_("Area"), *titles], rows, numeric=numeric, marked=0))


def _cell(reader: Context, cell: dict[str, Any] | None, indicator: dict[str, Any]) -> str:
    return figure_cell(cell or NOT_THERE, indicator["decimals"], reader.translate)


def _download(reader: Context, asked: Asked) -> None:
    _ = reader.translate
    release, language = reader.release, reader.language
    ids = [choice.indicator_id for choice in asked.choices]
    areas = [asked.own, *asked.areas]
    title = _("Areas compared, {year}", year=asked.year)
    charts = {}
    for choice in asked.choices:
        if asked.view != "table" and _chart(reader, asked, choice)[0] is not None:
            name = reader.text(release.indicator(choice.indicator_id), "short_title")
            charts[choice.indicator_id] = (name, partial(_spec, reader, asked, choice))
    table_of = partial(downloads.selection, release, ids, areas, language)
    take_home(reader, "compare", title, table_of, charts, ids)


if __name__ == "__main__":
    render()
