"""Pieces of pages: header, banner, legend, tables, bars.

Belongs here: HTML and Streamlit elements that several views share. Does not belong here:
choosing figures, words, charts. Everything that comes from data is escaped, and a table's cell
that is copied into a spreadsheet starts no formula there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

import polars as pl
import streamlit as st

from dashboards import inert


def show(markup: str, width: Literal["stretch", "content"] = "stretch") -> None:
    """Put HTML on the page; nothing where there is none, which Streamlit refuses."""
    if markup:
        st.html(markup, width=width)


def chart(spec: Mapping[str, Any], said: str, key: str | None = None) -> None:
    """Put a chart on the page.

    Args:
        spec: Its specification; rows go to the browser as Arrow, shapes as they are.
        said: The chart in words.
        key: Tells charts apart where the same one may stand twice.
    """
    # Frames, because Streamlit would take lists through pandas, fifteen times as slowly.
    data = {
        name: pl.DataFrame(rows, infer_schema_length=None) if isinstance(rows, list) else rows
        for name, rows in spec["datasets"].items()
    }
    # Streamlit leaves no room at the sides, where Vega's estimate of a text's width is short of it.
    drawn = {**spec, "datasets": data, "padding": {"left": 4, "right": 4, "top": 2}}
    st.vega_lite_chart(spec=drawn, theme=None, width="stretch", alt=said, key=key)


def subheading(text: str) -> str:
    """A heading below the page's own."""
    return f'<h2 class="fp-sub">{escape(text)}</h2>'


def note(text: str, kind: str = "plain") -> str:
    """A quiet box with a text; ``kind`` is ``plain`` or ``warn``."""
    return f'<p class="fp-note fp-note-{kind}">{escape(text)}</p>'


def folded(summary: str, inner: str, kind: str = "fp-fold") -> str:
    """Something that opens on demand.

    Args:
        summary: What it is, as text.
        inner: What is in it, as HTML that is already escaped.
        kind: Its class.
    """
    return f'<details class="{kind}"><summary>{escape(summary)}</summary>{inner}</details>'


def definition_list(pairs: Sequence[tuple[str, str]]) -> str:
    """Terms and what they mean; pairs without a meaning are left out."""
    rows = (f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in pairs if text)
    return f'<dl class="fp-dl">{"".join(rows)}</dl>'


def table(
    caption: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str] | str],
    *,
    numeric: Sequence[int] = (),
    marked: int | None = None,
) -> str:
    """A table in real HTML, for eyes and screen readers alike.

    Args:
        caption: What it shows; read out first.
        headings: One per column; the first column heads the rows.
        rows: Cells as HTML that is already escaped; a text alone is the heading of the rows
            that follow it.
        numeric: Columns to align right.
        marked: Index of a row to lift out, if any.
    """
    right = set(numeric)

    def cls(column: int) -> str:
        return ' class="fp-num"' if column in right else ""

    head = "".join(
        f'<th scope="col"{cls(i)}>{inert.cell(escape(h))}</th>' for i, h in enumerate(headings)
    )
    body = []
    for index, cells in enumerate(rows):
        if isinstance(cells, str):
            group = (
                f'<th scope="rowgroup" colspan="{len(headings)}">{escape(inert.text(cells))}</th>'
            )
            body.append(f'<tr class="fp-group">{group}</tr>')
            continue
        first, *rest = map(inert.cell, cells)
        data = "".join(
            f'<td{cls(i)} data-label="{escape(headings[i], quote=True)}"><div>{cell}</div></td>'
            for i, cell in enumerate(rest, start=1)
        )
        lift = ' class="fp-own"' if index == marked else ""
        body.append(f'<tr{lift}><th scope="row">{first}</th>{data}</tr>')
    return (
        f'<div class="fp-scroll" tabindex="0" role="region" aria-label="{escape(caption, True)}">'
        f'<table class="fp-table"><caption>{escape(inert.text(caption))}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
