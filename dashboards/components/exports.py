"""Files and pictures of what a page shows, and how to cite it.

Belongs here: the download tab of an indicator, and the fold of every other page. Does not belong
here: writing the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import polars as pl
import streamlit as st

from dashboards import downloads, pictures, words
from dashboards.charts import compare, sex_age, trend
from dashboards.components import show, subheading
from dashboards.figures import (
    Choice,
    headline,
    is_grouped,
    month_series,
    municipalities,
    year_frame,
)
from dashboards.session import Context, codes_of
from dashboards.text import day

Maker = Callable[[], Mapping[str, Any] | None]
"""Draws a chart when it is asked for."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def permalink() -> str:
    """The page's full address with everything that is chosen on it."""
    parts = urlsplit(st.context.url or "")
    query = urlencode(sorted(st.query_params.to_dict().items()))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def citation(reader: Context, choice: Choice) -> str:
    """What to write under a figure taken from an indicator's page."""
    indicator = reader.release.indicator(choice.indicator_id)
    title = reader.text(indicator, "title")
    return source(reader, words.titled(title, choice.asked, indicator, reader.translate))


def source(reader: Context, title: str) -> str:
    """What to write under something taken from the page."""
    _ = reader.translate
    release = reader.release
    text = _(
        "Folkepuls: {title}. Release {release}, data to {day}. {address}",
        title=title,
        release=release.id,
        day=day(release.facts["data_to"], reader.language),
        address=permalink(),
    )
    label = _("Synthetic figures – not for planning")
    return f"{text} [{label}]" if release.synthetic else text


def take_home(
    reader: Context,
    name: str,
    title: str,
    figures: Callable[[], pl.DataFrame],
    charts: Mapping[str, tuple[str, Maker]],
    indicator_ids: Sequence[str] = (),
    place: str = "page",
) -> None:
    """What a page shows as files, folded: XLSX, CSV, and its charts as PNG and SVG.

    Args:
        reader: The reader.
        name: Of the files, without label, release and ending.
        title: What they hold.
        figures: Makes the page's table, one of ``downloads``.
        charts: Title and maker of each chart.
        indicator_ids: Indicators that the workbook defines.
        place: Tells what a page shows twice apart. A button is known by its place alone, not by
            what it gives: a session holds what it knows of every button that it ever showed.
    """
    _ = reader.translate
    release, language = reader.release, reader.language
    cited = source(reader, title)

    def workbook() -> bytes:
        told = [downloads.metadata(release, one, language, cited) for one in indicator_ids]
        facts = [row for rows in told for row in rows] or downloads.about(release, language, cited)
        return downloads.book(release, language, title, figures(), list(dict.fromkeys(facts)))

    with st.expander(_("Download: {title}", title=title)), st.container(horizontal=True):
        st.download_button(
            _("Excel workbook (XLSX)"), workbook,
            downloads.file_name(release, name, language, "xlsx"), XLSX, key=f"{place}_xlsx",
            on_click="ignore",
        )  # fmt: skip
        st.download_button(
            _("CSV for spreadsheets"), lambda: downloads.table_csv(figures(), language),
            downloads.file_name(release, name, language, "csv"), "text/csv", key=f"{place}_csv",
            on_click="ignore",
        )  # fmt: skip
        for number, drawn in enumerate(charts.items()):
            _picture_buttons(reader, name, drawn, cited, f"{place}_{number}")


def exports(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    """Three files of figures, pictures of the charts, and a citation.

    Args:
        reader: The reader.
        choice: The figures that the charts show; the files have all of the indicator.
        area_code: The area of the charts.
        year: The year of the comparison.
    """
    _ = reader.translate
    release, language = reader.release, reader.language
    indicator_id = choice.indicator_id
    cited, whole = citation(reader, choice), citation(reader, headline(release, indicator_id))

    def name(ending: str) -> str:
        return downloads.file_name(release, indicator_id, language, ending)

    show(subheading(_("Files")))
    intro = _("All areas, years, ages and sexes that are published for the indicator. Hidden "
              "figures are empty, with the reason beside.")  # fmt: skip
    show(f"<p>{escape(intro)}</p>")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            _("Excel workbook (XLSX)"),
            lambda: downloads.workbook(release, indicator_id, language, whole),
            name("xlsx"), XLSX, key="xlsx", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            _("CSV for spreadsheets"),
            lambda: downloads.spreadsheet_csv(release, indicator_id, language),
            name("csv"), "text/csv", key="csv", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            _("CSV for programs"),
            lambda: downloads.tidy_csv(release, indicator_id),
            name("tidy.csv"), "text/csv", key="tidy", on_click="ignore",
        )  # fmt: skip
    _pictures(reader, choice, area_code, year)
    show(subheading(_("Cite as")) + f"<blockquote class='fp-cite'>{escape(cited)}</blockquote>")
    show(subheading(_("Address of this page")) + f"<p class='fp-address'>{escape(permalink())}</p>")


def _pictures(reader: Context, choice: Choice, area_code: str, year: int) -> None:
    """The charts of the other tabs as they stand there, with the citation below."""
    _, release = reader.translate, reader.release
    frame = municipalities(year_frame(release, choice, year))
    beside = tuple(codes_of("with", frame["area_code"].to_list()))
    monthly = not month_series(release, choice.indicator_id).is_empty()
    by: trend.Period = "month" if monthly and st.query_params.get("by") == "month" else "year"
    show(subheading(_("Charts")))
    with st.container(horizontal=True, gap="small"):
        for code, drawn in _charts(reader, choice, area_code, year, beside, by).items():
            # The chart by sex and age has all of them, whatever is chosen.
            asked = headline(release, choice.indicator_id) if code == "sex_age" else choice
            named = (f"{code}_{area_code}", drawn)
            _picture_buttons(reader, choice.indicator_id, named, citation(reader, asked), code)


def _picture_buttons(
    reader: Context, name: str, drawn: tuple[str, tuple[str, Maker]], cited: str, place: str
) -> None:
    """A chart as PNG and as SVG."""
    code, (title, spec) = drawn
    for ending, mime, made in (
        ("png", "image/png", pictures.png),
        ("svg", "image/svg+xml", pictures.svg),
    ):
        file = downloads.file_name(reader.release, f"{name}_{code}", reader.language, ending)
        st.download_button(
            f"{title} ({ending.upper()})", partial(_picture, made, spec, cited), file,
            mime, key=f"{place}_{ending}", on_click="ignore",
        )  # fmt: skip


def _picture(
    made: Callable[[Mapping[str, Any], str], bytes],
    spec: Maker,
    cited: str,
) -> bytes:
    """A picture, drawn when it is asked for."""
    drawn = spec()
    if drawn is None:  # buttons stand only where there is something to draw
        raise ValueError("Picture: expected a chart with figures, got none.")
    return made(drawn, cited)


def _charts(
    reader: Context,
    choice: Choice,
    area_code: str,
    year: int,
    beside: tuple[str, ...] = (),
    by: trend.Period = "year",
) -> dict[str, tuple[str, Maker]]:
    """Title and maker of each chart that has a figure to show, by the choices of its tab."""
    _ = reader.translate
    release, language, indicator_id = reader.release, reader.language, choice.indicator_id
    line = (release, choice, area_code, language, by)
    groups = (release, indicator_id, area_code, year, language)
    found: dict[str, tuple[str, Maker]] = {}
    if trend.points(*line)["value"].count():
        found["trend"] = (_("Development"), partial(trend.trend, *line))
    one_year = (release, choice, year)
    if not compare.bars_frame(*one_year, beside, area_code, language).is_empty():
        bars = partial(compare.bars, *one_year, beside, area_code, language)
        found["compare"] = (_("Compare"), bars)
    if compare.funnel(*one_year, area_code, language) is not None:
        found["funnel"] = (
            _("By size (funnel plot)"),
            partial(compare.funnel, *one_year, area_code, language),
        )
    if is_grouped(release.indicator(indicator_id)) and sex_age.points(*groups)["value"].count():
        found["sex_age"] = (_("Sex and age"), partial(sex_age.sex_age, *groups))
    return found
