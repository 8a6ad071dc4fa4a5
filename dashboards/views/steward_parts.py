"""What the steward views share: their words' domain, badges, tables, numbers.

Belongs here: small pieces of markup for stewards. Does not belong here: reading the zone and
the views themselves.

Everything that comes from a file is escaped: a comment or a code is text, never markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal

import streamlit as st

from dashboards import inert
from dashboards.steward_data import StewardZone, banded
from dashboards.text import Translator, day, number, translator

DOMAIN = "steward"

STYLE = """
<style>
:root {--fp-line:light-dark(#d5dbe1,#3a4854); --fp-ink:light-dark(#1c2733,#e6ecef);
  --fp-soft:light-dark(#51606f,#aab7c1); --fp-paper:light-dark(#fff,#12191f)}
.fp-steward {color:var(--fp-ink)}
.fp-steward p {margin:.15rem 0}
.fp-soft {color:var(--fp-soft); font-size:.93rem}
.stMainBlockContainer {padding-top:3rem; max-width:80rem}
.fp-steward ul.fp-cards {display:grid;
  grid-template-columns:repeat(auto-fit,minmax(11rem,1fr)); gap:.8rem;
  margin:.4rem 0 1.2rem; padding:0 !important; list-style:none}
.fp-cards li {border:1px solid var(--fp-line); border-radius:.5rem; padding:.8rem 1rem;
  background:var(--fp-paper); margin:0}
.fp-cards .fp-figure {display:block; font-size:1.75rem; font-weight:600; line-height:1.2;
  font-variant-numeric:tabular-nums}
.fp-check {border:1px solid var(--fp-line); border-left:.35rem solid var(--fp-mark);
  border-radius:.4rem; background:var(--fp-paper); padding:.75rem 1rem; margin:.55rem 0}
.fp-check .fp-sentence {font-weight:600; margin:.3rem 0 .25rem}
.fp-badge {display:inline-block; border:1px solid var(--fp-mark); color:var(--fp-mark);
  border-radius:1rem; padding:.05rem .6rem; font-size:.85rem; font-weight:600; margin-right:.4rem}
.fp-red {--fp-mark:light-dark(#a3232e,#ff9b9b)}
.fp-amber {--fp-mark:light-dark(#7a5200,#f0c27a)}
.fp-green {--fp-mark:light-dark(#1f6b43,#86d3a8)}
.fp-grey {--fp-mark:var(--fp-soft)}
.fp-scroll {overflow-x:auto}
table.fp-table {border-collapse:collapse; width:100%; background:var(--fp-paper); font-size:.95rem}
.fp-table caption {text-align:left; color:var(--fp-soft); padding:.2rem 0 .5rem; caption-side:top}
.fp-table th, .fp-table td {text-align:left; padding:.45rem .7rem; vertical-align:top;
  border-bottom:1px solid var(--fp-line)}
.fp-table thead th {border-bottom:2px solid light-dark(#8794a1,#6d7d89); font-weight:600}
.fp-table tbody th {font-weight:500}
.fp-table .fp-number {text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap}
.fp-table thead th.fp-number {white-space:normal; vertical-align:bottom; min-width:4.5rem}
.fp-table small {display:block; color:var(--fp-soft); font-size:.85rem; font-weight:400;
  white-space:normal}
.fp-stacked thead th {vertical-align:bottom}
.fp-stacked td.fp-number small {white-space:nowrap}
.fp-stacked td:not(.fp-number) {min-width:12rem}
@media (max-width:48rem) {
  .fp-stacked thead {position:absolute; width:1px; height:1px; overflow:hidden;
    clip-path:inset(50%)}
  .fp-stacked, .fp-stacked caption, .fp-stacked tbody, .fp-stacked tr, .fp-stacked th,
  .fp-stacked td, .fp-stacked td.fp-number {display:block; text-align:left}
  .fp-stacked tbody tr {border:1px solid var(--fp-line); border-radius:.5rem; margin:0 0 .7rem;
    padding:.35rem 0}
  .fp-stacked tbody th, .fp-stacked tbody td {border:0; padding:.25rem .8rem; min-width:0}
  .fp-stacked tbody th {font-weight:600}
  .fp-stacked tbody td, .fp-stacked tbody td.fp-number {display:grid;
    grid-template-columns:minmax(0,1fr) minmax(0,1fr); gap:0 .8rem}
  .fp-stacked tbody td::before {content:attr(data-label); grid-row:1 / span 9; color:var(--fp-soft);
    white-space:normal}
  .fp-stacked td small, .fp-stacked td.fp-number small {grid-column:2; white-space:normal}
}
.fp-check details {margin:.2rem 0 .1rem}
.fp-check summary {cursor:pointer; color:light-dark(#0b5c6b,#6cc3cc)}
.fp-code {font-family:ui-monospace,monospace; font-size:.88rem}
ul.fp-list {margin:.2rem 0 .6rem; padding-left:1.1rem}
ul.fp-list li {margin:.2rem 0}
</style>
"""


@dataclass(frozen=True)
class Desk:
    """A steward zone, read in a language."""

    zone: StewardZone
    language: str

    @property
    def translate(self) -> Translator:
        """The stewards' messages."""
        return translator(self.language, DOMAIN)

    def day(self, moment: str) -> str:
        """The day of an ISO 8601 time, in words; as it stands where it is none."""
        try:
            return day(datetime.fromisoformat(moment).date(), self.language)
        except ValueError:
            return moment

    def count(self, value: int) -> str:
        """A count as it may be shown, written as the language does."""
        shown = banded(value)
        return shown if isinstance(shown, str) else number(shown, self.language)


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, whether it holds numbers or codes, and how it is sorted."""

    title: str
    is_number: bool = False
    is_code: bool = False
    order: Literal["ascending", "descending"] | None = None


def markup(content: str) -> None:
    """Draw markup whose texts are already escaped."""
    st.html(f'<div class="fp-steward">{content}</div>')


def badge(text: str, tone: str) -> str:
    """A short state in words, with a tone that only repeats what the words say."""
    return f'<span class="fp-badge fp-{tone}">{escape(text)}</span>'


def cards(figures: Sequence[tuple[str, str]]) -> str:
    """Figures with their names, side by side."""
    items = "".join(
        f'<li><span class="fp-figure">{escape(figure)}</span>{escape(name)}</li>'
        for figure, name in figures
    )
    return f'<ul class="fp-cards">{items}</ul>'


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    is_stacked: bool = False,
) -> str:
    """A table in real HTML, its first column as row headings.

    Args:
        caption: What the table shows.
        columns: Headings and kinds.
        rows: Cells as text, one sequence per row; lines after the first are remarks to it.
        is_stacked: On a narrow screen each row is a card of its own, for many columns.
    """
    head = "".join(_heading(column) for column in columns)
    body = "".join(f"<tr>{_cells(columns, row, is_stacked)}</tr>" for row in rows)
    kind = "fp-table fp-stacked" if is_stacked else "fp-table"
    return (
        f'<div class="fp-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="{kind}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def bullets(texts: Sequence[str]) -> str:
    """A plain list."""
    return '<ul class="fp-list">' + "".join(f"<li>{escape(t)}</li>" for t in texts) + "</ul>"


def known(words: Mapping[str, str], code: str) -> str:
    """A code's words, the code itself where there are none."""
    return words.get(code, code)


def _heading(column: Column) -> str:
    order = f' aria-sort="{column.order}"' if column.order else ""
    sign = {"ascending": " ▲", "descending": " ▼"}.get(column.order or "", "")
    mark = f'<span aria-hidden="true">{sign}</span>' if sign else ""
    kind = _class(column, is_heading=True)
    return f'<th scope="col"{kind}{order}>{escape(column.title)}{mark}</th>'


def _cells(columns: Sequence[Column], row: Sequence[str], is_stacked: bool) -> str:
    cells = []
    for position, (column, text) in enumerate(zip(columns, row, strict=True)):
        first, *remarks = text.split("\n")
        said = escape(first) + "".join(f"<small>{escape(remark)}</small>" for remark in remarks)
        said = inert.cell(said)  # a copy of the table runs nothing in a spreadsheet
        if position == 0:
            cells.append(f'<th scope="row"{_class(column)}>{said}</th>')
        else:
            label = f' data-label="{escape(column.title)}"' if is_stacked else ""
            cells.append(f"<td{_class(column)}{label}>{said}</td>")
    return "".join(cells)


def _class(column: Column, *, is_heading: bool = False) -> str:
    if column.is_number:
        return ' class="fp-number"'
    return ' class="fp-code"' if column.is_code and not is_heading else ""
