"""Downloads of an indicator and its charts, and how to cite it.

Belongs here: the download tab. Does not belong here: writing the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboards import downloads, pictures, words
from dashboards.charts import compare, sex_age, trend
from dashboards.components import show, subheading
from dashboards.figures import Choice, headline, is_grouped, municipalities, year_frame
from dashboards.session import Context
from dashboards.text import day

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def permalink() -> str:
    """The page's full address with everything that is chosen on it."""
    parts = urlsplit(st.context.url or "")
    query = urlencode(sorted(st.query_params.to_dict().items()))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def citation(reader: Context, choice: Choice) -> str:
    """What to write under a figure taken from the page."""
    _ = reader.translate
    release = reader.release
    indicator = release.indicator(choice.indicator_id)
    text = _(
        "Folkepuls: {title}. Release {release}, data to {day}. {address}",
        title=words.titled(reader.text(indicator, "title"), choice.asked, indicator, _),
        release=release.id,
        day=day(release.facts["data_to"], reader.language),
        address=permalink(),
    )
    label = _("Synthetic figures – not for planning")
    return f"{text} [{label}]" if release.synthetic else text


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
    _ = reader.translate
    release, indicator_id = reader.release, choice.indicator_id
    show(subheading(_("Charts")))
    with st.container(horizontal=True, gap="small"):
        for code, (title, spec) in _charts(reader, choice, area_code, year).items():
            # The chart by sex and age has all of them, whatever is chosen.
            drawn = headline(release, indicator_id) if code == "sex_age" else choice
            cited = citation(reader, drawn)
            for ending, mime, made in (
                ("png", "image/png", pictures.png),
                ("svg", "image/svg+xml", pictures.svg),
            ):
                file = downloads.file_name(
                    release, f"{indicator_id}_{code}_{area_code}", reader.language, ending
                )
                st.download_button(
                    f"{title} ({ending.upper()})", partial(_picture, made, spec, cited), file,
                    mime, key=f"{code}_{ending}", on_click="ignore",
                )  # fmt: skip


def _picture(
    made: Callable[[Mapping[str, Any], str], bytes],
    spec: Callable[[], Mapping[str, Any] | None],
    cited: str,
) -> bytes:
    """A picture, drawn when it is asked for."""
    drawn = spec()
    if drawn is None:  # buttons stand only where there is something to draw
        raise ValueError("Picture: expected a chart with figures, got none.")
    return made(drawn, cited)


def _charts(
    reader: Context, choice: Choice, area_code: str, year: int
) -> dict[str, tuple[str, Callable[[], Mapping[str, Any] | None]]]:
    """Title and maker of each chart that has a figure to show."""
    _ = reader.translate
    release, language, indicator_id = reader.release, reader.language, choice.indicator_id
    line = (release, choice, area_code, language)
    groups = (release, indicator_id, area_code, year, language)
    found: dict[str, tuple[str, Callable[[], Mapping[str, Any] | None]]] = {}
    if trend.points(*line)["value"].count():
        found["trend"] = (_("Development"), partial(trend.trend, *line))
    if municipalities(year_frame(release, choice, year))["value"].count():
        bars = partial(compare.bars, release, choice, year, (), area_code, language)
        found["compare"] = (_("Compare"), bars)
    if is_grouped(release.indicator(indicator_id)) and sex_age.points(*groups)["value"].count():
        found["sex_age"] = (_("Sex and age"), partial(sex_age.sex_age, *groups))
    return found
