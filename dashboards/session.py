"""What a page knows of its reader: language, choices, and the address that holds them.

Belongs here: state in the URL. Does not belong here: what is drawn.

Streamlit can bind a widget to the URL by itself, but it writes the option's label there. Labels
change with language and wording, so a link sent from a bokmål page would not open in English.
The choices here are therefore written as codes (``area=5001``), and read back only if they are
among the options: whatever else stands in an address is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import polars as pl
import streamlit as st

from dashboards.data_access import NothingPublishedError, Release, current_release
from dashboards.text import DEFAULT_LANGUAGE, LANGUAGES, Translator, translator

DOMAIN = "planner"


@dataclass(frozen=True)
class Context:
    """A release, read in a language."""

    release: Release
    language: str

    @property
    def translate(self) -> Translator:
        """The planner's messages."""
        return translator(self.language, DOMAIN)

    def text(self, row: Mapping[str, Any], field: str) -> str:
        """A published text (``title``, ``definition`` …) in the reader's language."""
        return str(row[f"{field}_{self.language}"])


def language_for(query: Mapping[str, str]) -> str:
    """The language that an address asks for.

    Args:
        query: The address's parameters.

    Returns:
        ``lang`` if it is a language; else that of the area it names; else bokmål.
    """
    asked = query.get("lang", "")
    if asked in LANGUAGES:
        return asked
    area = query.get("area")
    if area is None:
        return DEFAULT_LANGUAGE
    try:
        areas = current_release().tables["areas"]
    except NothingPublishedError:
        return DEFAULT_LANGUAGE
    # A county is no page's own area.
    found = areas.filter(pl.col("area_code") == area, pl.col("area_level") != "county")["language"]
    return str(found[0]) if len(found) else DEFAULT_LANGUAGE


def language() -> str:
    """The reader's language, kept in the address and, between pages, in the session."""
    query = st.query_params.to_dict()
    if query.get("lang") in LANGUAGES:
        chosen = query["lang"]
    else:
        chosen = st.session_state.get("kept_lang") or language_for(query)
    keep("lang", chosen)
    return chosen


def context() -> Context:
    """The current release in the reader's language.

    Raises:
        NothingPublishedError: There is no release yet.
    """
    return Context(current_release(), language())


def keep(parameter: str, code: str) -> None:
    """Write a choice into the address, and hold it for the other pages of the session."""
    st.session_state[f"kept_{parameter}"] = code
    if st.query_params.get(parameter) != code:
        st.query_params[parameter] = code


def code_of(parameter: str, options: Sequence[str], default: str) -> str:
    """The code that the address, or the session from another page, holds for a choice."""
    for code in (st.query_params.get(parameter), st.session_state.get(f"kept_{parameter}")):
        if code in options:
            return str(code)
    return default


def codes_of(parameter: str, options: Sequence[str]) -> list[str]:
    """The codes that the address holds for a choice of several."""
    return [code for code in st.query_params.get(parameter, "").split(",") if code in options]


Widget = Callable[..., object]


def choose(
    widget: Widget,
    label: str,
    parameter: str,
    options: Sequence[str],
    default: str,
    show: Callable[[str], str],
    **settings: object,
) -> str:
    """A widget for one of some codes, kept in the address under ``parameter``.

    Args:
        widget: ``st.selectbox``, ``st.segmented_control`` or the like.
        label: What it is called.
        parameter: Its name in the address.
        options: The codes.
        default: The code when the address names none of them.
        show: A code's text.
        settings: Passed to the widget.
    """
    key = f"choice_{parameter}"
    st.session_state[key] = code_of(parameter, options, default)

    def chosen() -> None:
        if st.session_state[key] in options:
            keep(parameter, st.session_state[key])

    widget(label, options, key=key, format_func=show, on_change=chosen, **settings)
    code = st.session_state[key] if st.session_state[key] in options else default
    keep(parameter, code)
    return str(code)


def choose_several(
    label: str,
    parameter: str,
    options: Sequence[str],
    show: Callable[[str], str],
    hint: str,
    default: Sequence[str] = (),
) -> list[str]:
    """A widget for any of some codes, kept in the address as ``a,b,c``; ``hint`` while empty.

    Args:
        label: What it is called.
        parameter: Its name in the address.
        options: The codes.
        show: A code's text.
        hint: Shown while none is chosen.
        default: The codes while the address says nothing; once emptied, it stays empty.
    """
    key = f"choice_{parameter}"
    held = st.query_params.get(parameter)
    if held is None and key not in st.session_state:
        st.session_state[key] = [code for code in default if code in options]
    else:
        st.session_state[key] = codes_of(parameter, options)

    def chosen() -> None:
        if st.session_state[key]:
            st.query_params[parameter] = ",".join(st.session_state[key])
        else:
            st.query_params.pop(parameter, None)

    if held is not None and held != ",".join(st.session_state[key]):
        chosen()  # what cannot be used here leaves the address, as of a choice of one

    # "Select all" is English in Streamlit whatever the page's language, so it is not offered.
    picked = st.multiselect(
        label, options, key=key, format_func=show, on_change=chosen, placeholder=hint,
        select_all=False,
    )  # fmt: skip
    return list(picked)


def link(page: str, **query: str | int) -> str:
    """A relative address of a page, with its choices."""
    return f"{page}?{urlencode(query)}" if query else page
