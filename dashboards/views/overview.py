"""Overview of the region: the map with its table, the region's figures, how the journal spread.

Belongs here: the front page. Does not belong here: choosing or computing figures.
"""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

import streamlit as st

from dashboards import downloads, words
from dashboards.charts import adoption, region_map
from dashboards.components import chart, legend, note, show, subheading, table
from dashboards.components.absent import unknown
from dashboards.components.at_a_glance import first_indicator, headlines, map_table, spread
from dashboards.components.barometer import figure_cell, reading
from dashboards.components.exports import take_home
from dashboards.data_access import borders
from dashboards.figures import (
    Choice,
    headline,
    municipalities,
    row,
    status_counts,
    year_frame,
)
from dashboards.session import Context, choose, context
from dashboards.text import day, number


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    release = reader.release
    region = row(release.tables["areas"], release.region_code)
    name = region["name"] if region else release.region_code
    show(f"<h1>{escape(_('{region} at a glance', region=name))}</h1>")
    texts = {i["indicator_id"]: reader.text(i, "title") for i in release.indicators}
    years = [str(year) for year in release.years]
    unknown(reader, {"indicator": texts, "year": years})
    left, right = st.columns([3, 1])
    with left:
        indicator_id = choose(
            st.selectbox,
            _("Indicator"),
            "indicator",
            list(texts),
            first_indicator(reader),
            texts.__getitem__,
        )
    with right:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    choice = headline(release, indicator_id)
    drawing, beside = st.columns([5, 4], gap="large")
    with drawing:
        _map(reader, choice, year)
        _legend(reader, choice, year)
    with beside:
        _figure(reader, choice, year)
        show(map_table(reader, choice, year))
    _download(reader, choice, year)
    show(headlines(reader, year))
    _adoption(reader, year)


def _drawn(reader: Context, choice: Choice, year: int) -> dict[str, Any]:
    """The map with real borders where there are any, else with tiles."""
    release, language = reader.release, reader.language
    real = borders()
    if real is None:
        return region_map.tile_map(release, choice, year, language)
    return region_map.border_map(release, choice, year, language, real)


def _download(reader: Context, choice: Choice, year: int) -> None:
    """The indicator's figures of all areas, and the map."""
    _ = reader.translate
    release, language = reader.release, reader.language
    indicator_id = choice.indicator_id
    title = reader.text(release.indicator(indicator_id), "title")
    charts = {f"map_{year}": (_("Map"), partial(_drawn, reader, choice, year))}
    table_of = partial(downloads.readable, release, indicator_id, language)
    take_home(reader, indicator_id, title, table_of, charts, [indicator_id])


def _map(reader: Context, choice: Choice, year: int) -> None:
    release, language = reader.release, reader.language
    real = borders()
    spec = _drawn(reader, choice, year)
    words_for_map = region_map.described(release, choice, year, language)
    chart(spec, words_for_map)
    if real is not None:
        st.caption(region_map.CREDIT)


def _figure(reader: Context, choice: Choice, year: int) -> None:
    """The region's own figure."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(choice.indicator_id)
    region = row(year_frame(release, choice, year), release.region_code)
    if region is None:
        return
    entry = {"indicator": indicator, "figure": region, "region": region}
    show(
        f'<div class="fp-key"><h2>{escape(region["name"])}, {year}</h2>'
        f'<p class="fp-big">{figure_cell(region, indicator["decimals"], _)}</p>'
        f'<p class="fp-unit">{escape(reader.text(indicator, "unit_text"))}</p>'
        f"<p>{escape(reading(entry, reader))}</p></div>"
    )


def _legend(reader: Context, choice: Choice, year: int) -> None:
    """What the map's colours and patterns mean."""
    _ = reader.translate
    indicator = reader.release.indicator(choice.indicator_id)
    frame = year_frame(reader.release, choice, year)
    values = municipalities(frame)["value"].drop_nulls()
    if len(values):
        key = legend.colours(
            values.to_list(), region_map.class_limits(frame), indicator["decimals"], _
        )
        unit = escape(reader.text(indicator, "unit_text"))
        key = f'<p class="fp-small">{unit}</p>{key}'
    else:
        key = f"<p>{escape(_('No municipality has a figure.'))}</p>"
    without = legend.no_figure(status_counts(frame), _)
    kind = words.kind(choice.value_kind, _)
    show(
        f'<div class="fp-legends">'
        f"<div>{subheading(_('Municipalities with a figure'))}{key}</div>"
        f"<div>{subheading(_('Municipalities without a figure'))}{without}</div></div>"
        f'<p class="fp-small">{escape(kind)}. {escape(_("Choose a tile to open its page."))}</p>'
    )


def _adoption(reader: Context, year: int) -> None:
    """How the shared journal has spread, wave by wave."""
    _ = reader.translate
    release, language = reader.release, reader.language
    frame = adoption.waves(release)
    show(f"<h2>{escape(_('Spread of Helseplattformen'))}</h2>")
    published = spread(reader, year)
    if published:
        show(published)
    if frame.is_empty():
        show(note(_("No municipality has a date.")))
        return
    spec = adoption.staircase(release, language)
    said = adoption.described(release, language)
    drawing, beside = st.columns([5, 4], gap="large")
    with drawing:
        chart(spec, said)
    with beside:
        rows = [
            [
                escape(day(wave["on"], language)),
                escape(", ".join(wave["names"])),
                number(wave["total"], language),
                escape(words.plan(wave["passed"], _) if wave["planned"] else _("In operation")),
            ]
            for wave in frame.iter_rows(named=True)
        ]
        headings = [_("From"), _("Joins"), _("Together"), _("Status")]
        waves = table(_("Waves of municipalities"), headings, rows, numeric=(2,))
        show(f'<div class="fp-tall fp-waves">{waves}</div>')
    charts = {"staircase": (_("Development"), partial(adoption.staircase, release, language))}
    table_of = partial(downloads.waves, release, language)
    title = _("Spread of Helseplattformen")
    take_home(reader, "waves", title, table_of, charts, place="waves")


if __name__ == "__main__":
    render()
