"""All indicators by theme, and a field to find some by words.

Belongs here: the page that lists indicators. Does not belong here: finding them (``search``).
"""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from dashboards import words
from dashboards.components import note, show, subheading
from dashboards.search import found
from dashboards.session import Context, code_of, context, link


def render() -> None:
    """Draw the page."""
    reader = context()
    _ = reader.translate
    show(f"<h1>{escape(_('Find an indicator'))}</h1>")
    asked = _asked(reader)
    listed = found(reader.release, reader.language, asked)
    if asked and not listed:
        show(note(_("No indicator has these words. Try another word, or look in the list below.")))
        listed, asked = reader.release.indicators, ""
    if asked:
        counted = _("Indicators found: {n}", n=len(listed))
        show(f'<p role="status" class="fp-small">{escape(counted)}</p>')
        show(_list(reader, listed))
        return
    for theme in words.THEMES:
        own = [one for one in listed if one["theme"] == theme]
        if own:
            show(subheading(words.theme(theme, _)) + _list(reader, own))


def _asked(reader: Context) -> str:
    """What the reader looks for, kept in the address."""
    _ = reader.translate
    key = "choice_find"
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get("find", "")

    def written() -> None:
        text = st.session_state[key].strip()
        if text:
            st.query_params["find"] = text
        else:
            st.query_params.pop("find", None)

    hint = _("For example: nursing home, waiting, diabetes, cost")
    st.text_input(
        _("Words that the figure is about"), key=key, placeholder=hint, on_change=written,
        max_chars=80,
    )  # fmt: skip
    return str(st.session_state[key]).strip()


def _list(reader: Context, indicators: list[dict[str, Any]]) -> str:
    area = code_of("area", reader.release.tables["areas"]["area_code"].to_list(), "")
    kept = {"area": area} if area else {}
    rows = []
    for one in indicators:
        address = link("indikator", indicator=one["indicator_id"], lang=reader.language, **kept)
        rows.append(
            f'<li><a href="{escape(address, quote=True)}" target="_self">'
            f"{escape(reader.text(one, 'short_title'))}</a>"
            f" <small>{escape(reader.text(one, 'unit_text'))}</small></li>"
        )
    return f'<ul class="fp-list">{"".join(rows)}</ul>'


if __name__ == "__main__":
    render()
