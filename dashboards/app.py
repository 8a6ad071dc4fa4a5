"""The planner's web application: ``streamlit run dashboards/app.py``.

Belongs here: putting the server together. Does not belong here: pages (``planner.py`` is the
script that Streamlit runs for each reader).
"""

from __future__ import annotations

import logging

from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboards.server import PageMiddleware
from dashboards.session import DOMAIN, language_for
from dashboards.text import translator

_LOG = logging.getLogger("folkepuls.dashboards")


def shell_texts(language: str) -> tuple[str, str]:
    """Title and script-less message of the page before it draws."""
    _ = translator(language, DOMAIN)
    return "Folkepuls", _("This page needs JavaScript to show figures and charts.")


def log_error(error: Exception) -> None:
    """Record that a page failed, by the kind of error alone: its text may hold an address."""
    _LOG.error("page failed", extra={"error": type(error).__name__})


app = App(
    "planner.py",
    middleware=[Middleware(PageMiddleware, language_of=language_for, texts=shell_texts)],
    on_script_error=log_error,
)
