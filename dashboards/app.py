"""The planner's web application: ``streamlit run dashboards/app.py``.

Belongs here: putting the server together. Does not belong here: pages (``planner.py`` is the
script that Streamlit runs for each reader).
"""

from __future__ import annotations

import gc
import logging

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config
from streamlit.starlette import App

from dashboards.charts.theme import trust_specifications
from dashboards.lost import lost
from dashboards.server import PageMiddleware
from dashboards.session import DOMAIN, language_for
from dashboards.text import DEFAULT_LANGUAGE, translator

_LOG = logging.getLogger("folkepuls.dashboards")


def shell_texts(language: str) -> tuple[str, str]:
    """Title and script-less message of the page before it draws."""
    _ = translator(language, DOMAIN)
    return "Folkepuls", _("This page needs JavaScript to show figures and charts.")


def elsewhere(path: str, language: str) -> bytes | None:
    """What answers an address that no page has; ``None`` where one has it."""
    return lost(path, config.get_option("server.baseUrlPath"), DOMAIN, language)


def failed(error: Exception) -> bool:
    """Record that a page failed, with its traceback, and tell the reader so.

    Returns:
        ``True``: Streamlit need not show its own, English, message.
    """
    _LOG.error("page failed", extra={"error": type(error).__name__}, exc_info=error)
    language = str(st.session_state.get("kept_lang", DEFAULT_LANGUAGE))
    _ = translator(language, DOMAIN)
    st.error(_("The page could not be drawn. Try again, or choose something else."))
    return True


trust_specifications()
# What the libraries hold stays: no search for rubbish need go through it again.
gc.freeze()
app = App(
    "planner.py",
    middleware=[
        Middleware(PageMiddleware, language_of=language_for, texts=shell_texts, lost=elsewhere)
    ],
    on_script_error=failed,
)
