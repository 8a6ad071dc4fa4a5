"""What stands around every page: header, language switch, labels of the release, footer.

Belongs here: the page's frame. Does not belong here: any view's content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from dashboards.charts.theme import style_sheet
from dashboards.components import show
from dashboards.places import live_counts
from dashboards.session import Context
from dashboards.text import LANGUAGES, Translator, day, number

STYLE = Path(__file__).resolve().parent.parent / "style.css"
NAMES = {"nb": "Bokmål", "nn": "Nynorsk", "en": "English"}


@lru_cache(maxsize=1)
def look() -> str:
    """The style sheet behind the palette that it names."""
    return f"<style>{style_sheet()}\n{STYLE.read_text(encoding='utf-8')}</style>"


def header(pages: Sequence[StreamlitPage], language: str, _: Translator) -> DeltaGenerator:
    """Brand, pages and languages.

    Returns:
        Where the languages stand. A page writes its choices into the address while it is drawn, so
        that the links to the other languages are written anew after it (``switch``).
    """
    st.html(look())
    with st.container(
        key="fp-header",
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
    ):
        show(brand(_), "content")
        with st.container(key="fp-nav", horizontal=True, gap="small", width="content"):
            for page in pages:
                st.page_link(page)
        place = st.container(key="fp-languages", width="content").empty()
    switch(place, language, _)
    return place


def switch(place: DeltaGenerator, language: str, _: Translator) -> None:
    """Write the links to the languages, each with all that the address holds."""
    with place:
        show(languages(language, st.query_params.to_dict(), _), "content")


def brand(_: Translator) -> str:
    """The name of the pages."""
    return (
        '<div class="fp-brand"><span class="fp-mark" aria-hidden="true"></span>'
        f"<strong>Folkepuls</strong> <span>{escape(_('Population health, Mid-Norway'))}</span>"
        "</div>"
    )


def _grounds(_: Translator) -> str:
    """Links to the page on light or dark ground; the browser keeps the choice (``server.py``)."""
    query = st.query_params.to_dict()
    texts = {"light": _("Light"), "dark": _("Dark"), "auto": _("As the device")}
    links = []
    for code, text in texts.items():
        address = escape("?" + urlencode({**query, "ground": code}), quote=True)
        links.append(f'<a href="{address}" target="_self">{escape(text)}</a>')
    return f"{escape(_('Appearance'))}: {' · '.join(links)}"


def languages(language: str, query: Mapping[str, str], _: Translator) -> str:
    """Links, not buttons: a new page load tells assistive technology the new language.

    Args:
        language: The reader's.
        query: What else the address holds.
        _: The reader's messages.
    """
    links = []
    for code in LANGUAGES:
        address = escape("?" + urlencode({**query, "lang": code}), quote=True)
        current = ' aria-current="true"' if code == language else ""
        links.append(
            f'<a href="{address}" target="_self" lang="{code}" hreflang="{code}"{current}>'
            f"{NAMES[code]}</a>"
        )
    label = escape(_("Language"), quote=True)
    return f'<div class="fp-lang" role="navigation" aria-label="{label}">{" ".join(links)}</div>'


def synthetic_label(_: Translator) -> str:
    """What everything with synthetic figures says."""
    return _("Synthetic figures – not for planning")


def labels(context: Context) -> None:
    """The label of synthetic figures, and how fresh and how complete the release is."""
    _ = context.translate
    release, facts = context.release, context.release.facts
    parts = [
        _("Data to {day}", day=day(facts["data_to"], context.language)),
        _live(context),
        _("Release {id}", id=release.id),
    ]
    if facts["signed_on"]:
        signed = date.fromisoformat(facts["signed_on"][:10])
        parts.insert(1, _("published {day}", day=day(signed, context.language)))
    fresh = "".join(f"<li>{escape(part)}</li>" for part in parts)
    banner = (
        f'<p class="fp-synthetic"><strong>{escape(synthetic_label(_))}</strong></p>'
        if release.synthetic
        else ""
    )
    show(f'<div class="fp-labels">{banner}<ul class="fp-fresh">{fresh}</ul></div>')


def _live(context: Context) -> str:
    """How many municipalities are on the journal, and how many are to be."""
    _ = context.translate
    release, until = context.release, context.release.facts["data_to"]
    numbers = (number(count, context.language) for count in live_counts(release, until))
    counts = dict(zip(("live", "planned", "all"), numbers, strict=True))
    if release.areas(until.year)["plan_passed"].any():
        return _(
            "{live} of {all} municipalities live, {planned} planned or not confirmed", **counts
        )
    return _("{live} of {all} municipalities live, {planned} planned", **counts)


def nothing_published(_: Translator) -> None:
    """The page before the first release."""
    show(
        f'<div class="fp-empty"><h1>{escape(_("Nothing is published yet"))}</h1>'
        f"<p>{escape(_('When a first release has been approved, its figures appear here.'))}</p>"
        f"<p>{escape(_('With the project at hand, make a demonstration release with:'))} "
        "<code>make demo</code></p></div>"
    )


def footer(context: Context) -> None:
    """Licence, contact and the appearance."""
    _ = context.translate
    facts = context.release.facts
    parts = [_("Licence: {licence}", licence=facts["licence"])]
    if facts["contact"]:
        parts.append(_("Contact: {contact}", contact=facts["contact"]))
    if context.release.synthetic:
        parts.append(synthetic_label(_))
    items = "".join(f"<li>{escape(part)}</li>" for part in parts) + f"<li>{_grounds(_)}</li>"
    show(f'<div class="fp-footer"><ul>{items}</ul></div>')
