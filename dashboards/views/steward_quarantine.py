"""Quarantine: how many rows of each delivery were held back, and why; and fields left outside.

Belongs here: drawing those counts and names. Does not belong here: the rows themselves, which stay
sealed in the identified zone.
"""

from __future__ import annotations

from html import escape

import polars as pl
import streamlit as st

from dashboards.text import Translator, number
from dashboards.views.steward_parts import Column, Desk, cards, markup, table
from dashboards.views.steward_reasons import REASONS


def show(desk: Desk) -> None:
    """Draw the page."""
    tr = desk.translate
    held = desk.zone.quarantine()
    st.header(tr("Quarantine"))
    intro = tr(
        "A row that cannot be read or lacks what its entity demands is held back; the rest of "
        "its file goes on. The rows themselves are never shown here."
    )
    markup(f'<p class="fp-soft">{escape(intro)}</p>')
    _new_fields(desk, desk.zone.new_fields())
    if held.is_empty():
        st.success(tr("No rows are held back."))
        return
    deliveries = held.select("source", "delivery").unique().height
    total = int(held["rows"].sum())
    markup(
        cards(
            [
                (desk.count(total), tr("rows held back")),
                (number(deliveries, desk.language), tr("deliveries with such rows")),
                (number(held["reason"].n_unique(), desk.language), tr("different reasons")),
            ]
        )
    )
    _by_delivery(desk, held)


def reason_in_words(tr: Translator, reason: str) -> str:
    """A reason in words; the code itself where it is not known."""
    return tr(message) if (message := REASONS.get(reason)) else reason


def _by_delivery(desk: Desk, held: pl.DataFrame) -> None:
    tr = desk.translate
    columns = [
        Column(tr("Delivery")),
        Column(tr("Entity")),
        Column(tr("Cause")),
        Column(tr("Files"), is_number=True),
        Column(tr("Rows"), is_number=True),
    ]
    rows = [
        [
            f"{row['source']} / {row['delivery']}",
            str(row["entity"]),
            reason_in_words(tr, str(row["reason"])),
            number(int(row["files"]), desk.language),
            desk.count(int(row["rows"])),
        ]
        for row in held.iter_rows(named=True)
    ]
    st.subheader(tr("By delivery, entity and reason"))
    markup(table(tr("Rows held back. Counts from 1 to 4 are written <5."), columns, rows))


def _new_fields(desk: Desk, fields: pl.DataFrame) -> None:
    """What a source has begun to send and nobody has decided upon; nothing where there is none."""
    if fields.is_empty():
        return
    tr = desk.translate
    columns = [
        Column(tr("Source")),
        Column(tr("Entity")),
        Column(tr("Field")),
        Column(tr("Deliveries"), is_number=True),
    ]
    rows = [
        [
            str(row["source"]),
            str(row["entity"]),
            str(row["field"]),
            number(int(row["deliveries"]), desk.language),
        ]
        for row in fields.iter_rows(named=True)
    ]
    st.subheader(tr("New fields"))
    told = tr(
        "These fields have come with deliveries, and the catalogue neither takes nor drops them. "
        "Nothing of them is stored. Decide, and write the decision into the entity's file."
    )
    markup(f'<p class="fp-soft">{escape(told)}</p>')
    markup(table(tr("Fields nobody has decided upon"), columns, rows))
