"""The script that Streamlit runs for each steward.

Belongs here: which views there are, language and heading. Does not belong here: the server
(``steward.py``), reading the zone (``steward_data.py``), drawing (``views/steward_*.py``).
"""

from __future__ import annotations

import streamlit as st

from dashboards.session import choose
from dashboards.steward_data import StewardZone, home_folder
from dashboards.text import DEFAULT_LANGUAGE, LANGUAGES, translator
from dashboards.views import (
    steward_checks,
    steward_hidden,
    steward_microdata,
    steward_quarantine,
    steward_release,
)
from dashboards.views.steward_parts import DOMAIN, STYLE, Desk

VIEWS = {
    "release": steward_release.show,
    "checks": steward_checks.show,
    "quarantine": steward_quarantine.show,
    "hidden": steward_hidden.show,
    "microdata": steward_microdata.show,
}
LANGUAGE_NAMES = {"nb": "Bokmål", "nn": "Nynorsk", "en": "English"}


def page() -> None:
    """Draw the page that the address asks for."""
    st.set_page_config(page_title="Folkepuls", layout="wide")
    st.html(STYLE)
    heading, chooser = st.columns([4, 1], vertical_alignment="bottom")
    with chooser:
        language = choose(
            st.selectbox,
            "Språk / Language",
            "lang",
            LANGUAGES,
            DEFAULT_LANGUAGE,
            lambda code: LANGUAGE_NAMES[code],
        )
    tr = translator(language, DOMAIN)
    with heading:
        st.title(tr("Folkepuls for stewards"))
        st.caption(tr("Verdicts and counts about runs, never about persons."))
    zone = StewardZone.of(home_folder())
    if zone.is_synthetic():
        st.warning(tr("Synthetic figures – not for planning"), icon=":material/science:")
    names = {
        "release": tr("Release"),
        "checks": tr("Checks"),
        "quarantine": tr("Quarantine"),
        "hidden": tr("Hidden figures"),
        "microdata": tr("Tables for analysts"),
    }
    view = choose(
        st.segmented_control,
        tr("Page"),
        "view",
        list(VIEWS),
        "release",
        lambda code: names[code],
        label_visibility="collapsed",
    )
    VIEWS[view](Desk(zone, language))


page()
