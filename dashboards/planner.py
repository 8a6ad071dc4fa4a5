"""The script that Streamlit runs for every reader of the planner's pages.

Belongs here: choosing the page and drawing the frame around it. Does not belong here: content.
"""

from __future__ import annotations

import streamlit as st

from dashboards.components import frame
from dashboards.data_access import NothingPublishedError
from dashboards.lost import FIRST, PATHS, names
from dashboards.session import DOMAIN, context, language
from dashboards.text import translator

VIEWS = (
    "municipality",
    "indicator",
    "collaboration",
    "compare",
    "population",
    "find",
    "about",
)
"""The views of ``PATHS``, in their order."""


def main() -> None:
    """Draw the page that the address names."""
    chosen = language()
    _ = translator(chosen, DOMAIN)
    titles = names(_)
    pages = [
        st.Page("views/overview.py", title=titles[FIRST], url_path=FIRST, default=True),
        *(
            st.Page(f"views/{name}.py", title=titles[path], url_path=path)
            for path, name in zip(PATHS, VIEWS, strict=True)
        ),
    ]
    page = st.navigation(pages, position="hidden")
    st.set_page_config(page_title=f"{page.title} – Folkepuls", layout="wide")
    place = frame.header(pages, chosen, _)
    try:
        reader = context()
    except NothingPublishedError:
        frame.nothing_published(_)
        return
    frame.labels(reader)
    page.run()
    frame.switch(place, chosen, _)
    frame.footer(reader)


main()
