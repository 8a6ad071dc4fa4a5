"""Downloads of an indicator and how to cite it.

Belongs here: the download tab. Does not belong here: writing the files.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboards import downloads
from dashboards.components import show, subheading
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


def exports(reader: Context, indicator_id: str) -> None:
    """Three files and a citation."""
    _ = reader.translate
    release, language = reader.release, reader.language
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
    show(subheading(_("Cite as")) + f"<blockquote class='fp-cite'>{escape(cited)}</blockquote>")
    show(subheading(_("Address of this page")) + f"<p class='fp-address'>{escape(permalink())}</p>")
