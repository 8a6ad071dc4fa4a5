"""The script that Streamlit runs for every reader of the planner's pages.

Belongs here: choosing the page and drawing the frame around it. Does not belong here: content.
"""

from __future__ import annotations

import streamlit as st

from dashboards.components import frame
from dashboards.data_access import NothingPublishedError
from dashboards.session import DOMAIN, context, language
from dashboards.text import translator


def main() -> None:
    """Draw the page that the address names."""
    chosen = language()
    _ = translator(chosen, DOMAIN)
    pages = [
        st.Page("views/overview.py", title=_("Overview"), url_path="oversikt", default=True),
        st.Page("views/municipality.py", title=_("Municipality"), url_path="kommune"),
        st.Page("views/indicator.py", title=_("Indicator"), url_path="indikator"),
        st.Page("views/collaboration.py", title=_("Collaboration"), url_path="samhandling"),
        st.Page("views/compare.py", title=_("Compare"), url_path="sammenlign"),
        st.Page("views/population.py", title=_("Population"), url_path="befolkning"),
        st.Page("views/find.py", title=_("Find"), url_path="finn"),
        st.Page("views/about.py", title=_("About the figures"), url_path="om"),
    ]
    page = st.navigation(pages, position="hidden")
    st.set_page_config(page_title=f"{page.title} – Folkepuls", layout="wide")
    frame.header(pages, chosen, _)
    try:
        reader = context()
    except NothingPublishedError:
        frame.nothing_published(_)
        return
    frame.labels(reader)
    page.run()
    frame.footer(reader)


main()
