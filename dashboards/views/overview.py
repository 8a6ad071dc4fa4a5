"""Overview of the region: the map, the region's figures, and the same as a table.

Belongs here: the front page. Does not belong here: choosing or computing figures.
"""

from __future__ import annotations

from html import escape

import polars as pl
import streamlit as st

from dashboards import words
from dashboards.charts import region_map
from dashboards.components import legend, show, table
from dashboards.components.barometer import figure_cell, reading
from dashboards.data_access import borders
from dashboards.figures import (
    Choice,
    headline,
    municipalities,
    profile,
    row,
    status_counts,
    year_frame,
)
from dashboards.session import Context, choose, context, link


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
    left, right = st.columns([3, 1])
    with left:
        indicator_id = choose(
            st.selectbox,
            _("Indicator"),
            "indicator",
            list(texts),
            _first(reader),
            texts.__getitem__,
        )
    with right:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    choice = headline(release, indicator_id)
    drawing, beside = st.columns([5, 3], gap="large")
    with drawing:
        _map(reader, choice, year)
    with beside:
        _beside(reader, choice, year)
    _cards(reader, year)
    _as_table(reader, choice, year)


def _first(reader: Context) -> str:
    """The indicator to begin with: the one with most figures in the newest year."""
    release = reader.release
    spread = [i["indicator_id"] for i in release.indicators if i["theme"] == "adoption"]
    shown = (
        release.values.filter(
            pl.col("year") == release.years[0],
            pl.col("sex") == "total",
            pl.col("age_group") == "total",
            pl.col("value").is_not_null(),
            # Where the journal is in use is known everywhere, and says nothing of health.
            ~pl.col("indicator_id").is_in(spread),
        )
        .group_by("indicator_id")
        .agg(pl.col("area_code").n_unique().alias("areas"))
        .sort("areas", "indicator_id", descending=[True, False])
    )
    return str(shown["indicator_id"][0]) if shown.height else release.indicators[0]["indicator_id"]


def _map(reader: Context, choice: Choice, year: int) -> None:
    release, language = reader.release, reader.language
    real = borders()
    if real is None:
        spec = region_map.tile_map(release, choice, year, language)
    else:
        spec = region_map.border_map(release, choice, year, language, real)
    words_for_map = region_map.described(release, choice, year, language)
    st.vega_lite_chart(spec=spec, theme=None, width="stretch", alt=words_for_map)
    if real is not None:
        st.caption(region_map.CREDIT)


def _beside(reader: Context, choice: Choice, year: int) -> None:
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(choice.indicator_id)
    frame = year_frame(release, choice, year)
    region = row(frame, release.region_code)
    decimals = indicator["decimals"]
    unit = reader.text(indicator, "unit_text")
    if region is not None:
        entry = {"indicator": indicator, "figure": region, "region": region}
        show(
            f'<div class="fp-key"><h2>{escape(region["name"])}, {year}</h2>'
            f'<p class="fp-big">{figure_cell(region, decimals, _)}</p>'
            f'<p class="fp-unit">{escape(unit)}</p>'
            f"<p>{escape(reading(entry, reader))}</p></div>"
        )
    values = municipalities(frame)["value"].drop_nulls()
    if len(values):
        key = legend.colours(values.to_list(), region_map.class_limits(frame), decimals, _)
        key = f'<p class="fp-small">{escape(unit)}</p>{key}'
    else:
        key = f"<p>{escape(_('No municipality has a figure.'))}</p>"
    show(f"<h3>{escape(_('Municipalities with a figure'))}</h3>{key}")
    without = legend.no_figure(status_counts(frame), _)
    show(f"<h3>{escape(_('Municipalities without a figure'))}</h3>{without}")
    kind = words.kind(choice.value_kind, _)
    show(f'<p class="fp-small">{escape(kind)}. {escape(_("Choose a tile to open its page."))}</p>')


def _cards(reader: Context, year: int) -> None:
    """The region's figure of every indicator."""
    _ = reader.translate
    release = reader.release
    cards = []
    for entry in profile(release, release.region_code, year):
        indicator = entry["indicator"]
        address = link(
            "indikator",
            indicator=indicator["indicator_id"],
            area=release.region_code,
            year=year,
            lang=reader.language,
        )
        shown = figure_cell(entry["figure"], indicator["decimals"], _)
        cards.append(
            f'<li><a href="{escape(address, quote=True)}" target="_self">'
            f"{escape(reader.text(indicator, 'short_title'))}</a>"
            f'<p class="fp-card-figure">{shown}</p>'
            f"<small>{escape(reader.text(indicator, 'unit_text'))}</small></li>"
        )
    show(
        f"<h2>{escape(_('The region in figures, {year}', year=year))}</h2>"
        f'<ul class="fp-cards">{"".join(cards)}</ul>'
    )


def _as_table(reader: Context, choice: Choice, year: int) -> None:
    _ = reader.translate
    indicator = reader.release.indicator(choice.indicator_id)
    title = _(
        "{title} by municipality, {year}", title=reader.text(indicator, "title"), year=year
    )  # fmt: skip
    with st.expander(_("The map as a table")):
        rows = [
            [
                escape(r["official_name"]),
                figure_cell(r, indicator["decimals"], _),
                escape(words.versus(r["versus_region"], _)),
            ]
            for r in year_frame(reader.release, choice, year).iter_rows(named=True)
        ]
        headings = [_("Municipality"), reader.text(indicator, "unit_text"), _("Comparison")]
        show(table(title, headings, rows, numeric=(1,)))


if __name__ == "__main__":
    render()
