"""Downloads of an indicator and its charts, and how to cite it.

Belongs here: the download tab. Does not belong here: writing the files.
"""

from __future__ import annotations

from functools import partial
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboards import downloads, pictures
from dashboards.charts import compare, trend
from dashboards.components import show, subheading
from dashboards.figures import Choice
from dashboards.session import Context
from dashboards.text import day

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def permalink() -> str:
    """The page's full address with everything that is chosen on it."""
    parts = urlsplit(st.context.url or "")
    query = urlencode(sorted(st.query_params.to_dict().items()))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def citation(reader: Context, indicator_id: str) -> str:
    """What to write under a figure taken from the page."""
    _ = reader.translate
    release = reader.release
    text = _(
        "Folkepuls: {title}. Release {release}, data to {day}. {address}",
        title=reader.text(release.indicator(indicator_id), "title"),
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
    cited = citation(reader, indicator_id)

    def name(ending: str) -> str:
        return downloads.file_name(release, indicator_id, language, ending)

    show(subheading(_("Files")))
    intro = _("All areas, years, ages and sexes that are published for the indicator. Hidden "
              "figures are empty, with the reason beside.")  # fmt: skip
    show(f"<p>{escape(intro)}</p>")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            _("Excel workbook (XLSX)"),
            lambda: downloads.workbook(release, indicator_id, language, cited),
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
    _pictures(reader, choice, area_code, year, cited)
    show(subheading(_("Cite as")) + f"<blockquote class='fp-cite'>{escape(cited)}</blockquote>")
    show(subheading(_("Address of this page")) + f"<p class='fp-address'>{escape(permalink())}</p>")


def _pictures(reader: Context, choice: Choice, area_code: str, year: int, cited: str) -> None:
    """The charts of the other tabs as they stand there, with the citation below."""
    _ = reader.translate
    release, language = reader.release, reader.language
    charts = {
        "trend": (_("Development"), trend.trend(release, choice, area_code, language)),
        "compare": (
            _("Compare"), compare.bars(release, choice, year, (), area_code, language)
        ),
    }  # fmt: skip
    show(subheading(_("Charts")))
    with st.container(horizontal=True, gap="small"):
        for code, (title, spec) in charts.items():
            if spec is None:
                continue
            for ending, mime, made in (
                ("png", "image/png", pictures.png),
                ("svg", "image/svg+xml", pictures.svg),
            ):
                file = downloads.file_name(
                    release, f"{choice.indicator_id}_{code}_{area_code}", language, ending
                )
                st.download_button(
                    f"{title} ({ending.upper()})", partial(made, spec, cited), file, mime,
                    key=f"{code}_{ending}", on_click="ignore",
                )  # fmt: skip
