"""What answers an address that no page has: words in the reader's language, and the way on.

Belongs here: the pages' addresses, and the answer to any other. Does not belong here: the pages.
Streamlit would draw the first page below a box in English.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import urlencode

from dashboards.text import translator

FIRST: Final = "oversikt"
"""The first page, which Streamlit serves at the root alone."""
PATHS: Final = ("kommune", "indikator", "samhandling", "sammenlign", "befolkning", "finn", "om")
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "main{font:1rem/1.6 'Source Sans',system-ui,sans-serif;margin:3rem auto;max-width:36rem;"
    "padding:0 1rem}"
)


def lost(path: str, base: str, domain: str, language: str) -> bytes | None:
    """The answer to an address that no page has.

    Args:
        path: As asked for, such as ``/kommune``.
        base: The server's own folder (``server.baseUrlPath``); empty at the root of the host.
        domain: Of the messages.
        language: nb, nn or en.

    Returns:
        HTML; ``None`` where a page has the address.
    """
    asked = path.strip("/").removeprefix(base.strip("/")).lstrip("/")
    if asked in ("", *PATHS):
        return None
    _ = translator(language, domain)
    # Relative, as all links: a proxy may leave a prefix out.
    way = ("../" * asked.count("/") or "./") + "?" + urlencode({"lang": language})
    title, on = escape(_("There is no page at this address")), escape(_("Go to the overview"))
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} – Folkepuls</title><style>{_STYLE}</style></head>"
        f'<body><main><h1>{title}</h1><p><a href="{escape(way)}">{on}</a></p></main></body></html>'
    ).encode()
