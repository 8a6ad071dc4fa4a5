"""The stewards' web application, a process of its own: ``streamlit run dashboards/steward.py``.

Belongs here: putting the server together and starting it. Does not belong here: pages
(``steward_page.py`` is the script that Streamlit runs for each steward). The process reads and
writes ``steward/`` and opens no other zone; it listens on this machine's loopback address only,
since it has no sign-in.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboards.server import PageMiddleware
from dashboards.text import DEFAULT_LANGUAGE, LANGUAGES, translator
from dashboards.views.steward_parts import DOMAIN

LOOPBACK = "127.0.0.1"
_LOG = logging.getLogger("folkepuls.dashboards")


def command(port: int) -> list[str]:
    """Arguments that start the process; ``FOLKEPULS_HOME`` says which zone it reads.

    Args:
        port: Port on the loopback address.
    """
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(Path(__file__).resolve()),
        f"--server.address={LOOPBACK}",
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    ]


def language_of(query: Mapping[str, str]) -> str:
    """The language that an address asks for, bokmål where it asks for none."""
    asked = query.get("lang", "")
    return asked if asked in LANGUAGES else DEFAULT_LANGUAGE


def shell_texts(language: str) -> tuple[str, str]:
    """Title and script-less message of the page before it draws."""
    tr = translator(language, DOMAIN)
    return tr("Folkepuls for stewards"), tr("This page needs JavaScript.")


def log_error(error: Exception) -> None:
    """Record that a page failed, by the kind of error alone."""
    _LOG.error("page failed", extra={"error": type(error).__name__})


app = App(
    "steward_page.py",
    middleware=[Middleware(PageMiddleware, language_of=language_of, texts=shell_texts)],
    on_script_error=log_error,
)
