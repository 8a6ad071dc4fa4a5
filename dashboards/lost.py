"""What answers an address that no page has: words in the reader's language, and the way on.

Belongs here: the pages' addresses and names, and the answer to any other address. Does not belong
here: the pages. Streamlit would draw the first page below a box in English.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import urlencode

from dashboards.components.frame import brand, languages, look
from dashboards.text import Translator, translator

FIRST: Final = "oversikt"
"""The first page, which Streamlit serves at the root alone."""
PATHS: Final = ("kommune", "indikator", "samhandling", "sammenlign", "befolkning", "finn", "om")
SEARCH: Final = "finn"
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:1rem/1.6 'Source Sans',system-ui,sans-serif}"
    "header,main{max-width:1180px;margin:0 auto;padding:0 2rem}"
    "main{padding-top:1.5rem!important}"
    "header>div{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1.5rem}"
    "nav{display:flex;flex-wrap:wrap}nav p{margin:0}"
    ".st-key-fp-nav a{text-decoration:none}a{color:var(--primary)}"
    "@media (max-width:700px){header,main{padding:0 1rem}}"
)


def names(_: Translator) -> dict[str, str]:
    """What the pages are called, by their addresses, the first page first."""
    return {
        FIRST: _("Overview"),
        "kommune": _("Municipality"),
        "indikator": _("Indicator"),
        "samhandling": _("Collaboration"),
        "sammenlign": _("Compare"),
        "befolkning": _("Population"),
        SEARCH: _("Find"),
        "om": _("About the figures"),
    }


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
    folder = "../" * asked.count("/") or "./"

    def way(page: str, text: str) -> str:
        address = folder + ("" if page == FIRST else page) + "?" + urlencode({"lang": language})
        return f'<a href="{escape(address)}">{text}</a>'

    pages = "".join(way(page, f"<p>{escape(name)}</p>") for page, name in names(_).items())
    header = (
        f'<header><div class="st-key-fp-header">{brand(_)}'
        f'<nav class="st-key-fp-nav" aria-label="{escape(_("Pages"))}">{pages}</nav>'
        f"{languages(language, {}, _)}</div></header>"
    )
    title = escape(_("There is no page at this address"))
    on = (
        f"<li>{way(FIRST, escape(_('Go to the overview')))}</li>"
        f"<li>{way(SEARCH, escape(_('Find an indicator')))}</li>"
    )
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} – Folkepuls</title>{look()}<style>{_STYLE}</style></head>"
        f'<body>{header}<main class="stHtml"><h1>{title}</h1>'
        f'<ul class="fp-list">{on}</ul></main></body></html>'
    ).encode()
