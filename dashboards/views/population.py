"""Who lives in an area: a pyramid, how it ages, and how it has moved.

Belongs here: the population page. Does not belong here: projections, indicators.
"""

from __future__ import annotations

from functools import partial
from html import escape

import polars as pl
import streamlit as st

from dashboards import downloads
from dashboards.charts import pyramid
from dashboards.components import chart, note, show, subheading, table
from dashboards.components.absent import gone, not_offered, unknown
from dashboards.components.exports import Maker, take_home
from dashboards.places import names_to_choose, persons
from dashboards.session import Context, choose, context
from dashboards.text import number

STAGES = ((0, 19), (20, 64), (65, 79), (80, None))
"""Ages of life as services plan by them; whole groups of five years."""


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    show(f"<h1>{escape(_('Population'))}</h1>")
    rows = reader.release.tables["population"]
    if rows.is_empty():
        show(note(_("This release has no inhabitants from a public register.")))
        return
    years = [str(year) for year in sorted(set(rows["on_date"].dt.year()), reverse=True)]
    names = names_to_choose(reader.release)
    unknown(reader, {"year": years})
    not_offered(reader, names, reader.release.region_code)
    first, second = st.columns([4, 1.4])
    with first:
        area = choose(
            st.selectbox, _("Area"), "area", list(names), reader.release.region_code,
            names.__getitem__,
        )  # fmt: skip
    with second:
        year = int(choose(st.selectbox, _("Year"), "year", years, years[0], str))
    gone(reader, area, year)
    left, right = st.columns(2)
    with left:
        _pyramid(reader, area, year)
    with right:
        _ageing(reader, area)
    _moved(reader, area, names[area])
    _download(reader, area, year, names[area])


def _download(reader: Context, area: str, year: int, name: str) -> None:
    """The register's figures of area and region, and both charts where they are drawn."""
    _ = reader.translate
    release, language = reader.release, reader.language
    makers: dict[str, tuple[str, Maker]] = {
        "pyramid": (
            _("Sex and age"), partial(pyramid.pyramid, release, area, year, language),
        ),
        "ageing": (_("Development"), partial(pyramid.ageing, release, area, language)),
    }  # fmt: skip
    charts = {code: (title, draw) for code, (title, draw) in makers.items() if draw() is not None}
    areas = list(dict.fromkeys([area, release.region_code]))
    table_of = partial(downloads.inhabitants, release, areas, language)
    title = _("Inhabitants of {area} at the end of the year", area=name)
    take_home(reader, f"population_{area}", title, table_of, charts)


def _pyramid(reader: Context, area: str, year: int) -> None:
    _ = reader.translate
    spec = pyramid.pyramid(reader.release, area, year, reader.language)
    if spec is None:
        show(note(_("The register has no inhabitants of this area in {year}.", year=year)))
        return
    said = pyramid.described(reader.release, area, year, reader.language)
    chart(spec, said)
    sentences = [_("The upright lines are the region."), said]
    frame = pyramid.pyramid_frame(reader.release, area, year, reader.language)
    if frame["share"].null_count():
        sentences.append(_("Age groups that the register does not tell are not counted in."))
    show(f"<p class='fp-small'>{escape(' '.join(sentences))}</p>")


def _ageing(reader: Context, area: str) -> None:
    _ = reader.translate
    spec = pyramid.ageing(reader.release, area, reader.language)
    if spec is None:
        show(note(_("The register does not tell every age group of this area.")))
        return
    said = _("Line chart of the share of inhabitants aged 80 and over, by year.")
    chart(spec, said)


def _moved(reader: Context, area: str, name: str) -> None:
    """Persons by stage of life and year, with the change over all years shown."""
    _ = reader.translate
    rows = reader.release.tables["population"].filter(pl.col("area_code") == area)
    if rows.is_empty():
        return
    years = sorted(set(rows["on_date"].dt.year()))
    lines = []
    for low, high in (*STAGES, (0, None)):
        inside = rows.filter(pl.col("age_from") >= low, pl.col("age_from") <= (high or 999))
        counts = [persons(inside.filter(pl.col("on_date").dt.year() == year)) for year in years]
        cells = [_cell(reader, count) for count in counts]
        lines.append([escape(_stage(reader, low, high)), *cells, _change(reader, counts)])
    caption = _("Inhabitants of {area} at the end of the year", area=name)
    headings = [_("Age"), *map(str, years), _("Change from {year}", year=years[0])]
    show(subheading(_("How the population has moved")))
    show(table(caption, headings, lines, numeric=range(1, len(headings)), marked=len(lines) - 1))


def _cell(reader: Context, count: int | None) -> str:
    if count is None:
        return escape(reader.translate("Data missing"))
    return number(count, reader.language)


def _change(reader: Context, counts: list[int | None]) -> str:
    first, last = counts[0], counts[-1]
    if not first or last is None or len(counts) < 2:
        return "–"
    share = 100 * (last - first) / first
    sign = "+" if share > 0 else ""
    percent = reader.translate("{share}%", share=f"{sign}{number(share, reader.language, 1)}")
    return escape(percent)


def _stage(reader: Context, low: int, high: int | None) -> str:
    _ = reader.translate
    if low == 0 and high is None:
        return _("All ages")
    if high is None:
        return _("{age} years and over", age=low)
    return _("{ages} years", ages=f"{low}–{high}")


if __name__ == "__main__":
    render()
