"""The analysis zone's tables: how safe each is, what it lost, and how far off counts from it are.

Belongs here: drawing what the microdata door told of its tables. Does not belong here: any row of
them; this process cannot read the zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboards.text import number
from dashboards.views.steward_parts import Column, Desk, bullets, markup, table


def show(desk: Desk) -> None:
    """Draw the page."""
    tr = desk.translate
    st.header(tr("Tables for analysts"))
    records = desk.zone.microdata()
    if not records:
        st.info(tr("No table for analysts has been made yet. Run “folkepuls run” first."))
        return
    markup(
        f"<p>{escape(tr('These tables are k-anonymous, not anonymous: personal data in law.'))} "
        f"{escape(tr('They are used on this machine only, as agreed and for their purpose.'))}</p>"
    )
    made = [record for record in records if record["made"]]
    _missing(desk, records)
    _risk(desk, made)
    _sensitive(desk, made)
    _bias(desk, made)
    _terms(desk, made)


def _title(desk: Desk, record: Mapping[str, Any]) -> str:
    return str(record["titles"][desk.language])


def _missing(desk: Desk, records: Sequence[Mapping[str, Any]]) -> None:
    """What is not there, and why; no row is lost silently."""
    tr = desk.translate
    lines = [
        tr("{table} was not made: nothing keeps to its policy.", table=_title(desk, record))
        for record in records
        if not record["made"]
    ]
    lines += [
        tr(
            "{table} lacks the years {years}: too few persons, or values that are all alike.",
            table=_title(desk, record),
            years=", ".join(map(str, record["years_left_out"])),
        )
        for record in records
        if record["made"] and record["years_left_out"]
    ]
    if lines:
        markup(bullets(lines))


def _risk(desk: Desk, records: Sequence[Mapping[str, Any]]) -> None:
    tr = desk.translate
    columns = [
        Column(tr("Table")),
        *(
            Column(heading, is_number=True)
            for heading in (
                tr("Person-years"),
                tr("Left out"),
                tr("Classes"),
                tr("Smallest class"),
                tr("Detail lost"),
                tr("Highest risk"),
                tr("Mean risk"),
                tr("Smallest class among inhabitants"),
                tr("Highest risk among inhabitants"),
            )
        ),
    ]
    rows = []
    for record in records:
        risk, public = record["risk"], record["population"] or {}
        rows.append(
            [
                _title(desk, record),
                desk.count(int(risk["records"])),
                desk.count(int(record["suppressed"])),
                desk.count(int(risk["classes"])),
                _count(desk, risk["k"]),
                _share(desk, record["loss"]),
                _share(desk, risk["prosecutor_max"]),
                _share(desk, risk["marketer"]),
                _count(desk, public.get("k_map")),
                _share(desk, public.get("journalist_max")),
            ]
        )
    markup(table(tr("How safe each table is, measured from its file"), columns, rows))
    few = tr("Risk is the chance of picking the right person of a class.")
    many = tr("Mean risk is the share that would be picked rightly if all were tried.")
    markup(f'<p class="fp-soft">{escape(few)} {escape(many)}</p>')


def _sensitive(desk: Desk, records: Sequence[Mapping[str, Any]]) -> None:
    tr = desk.translate
    columns = [
        Column(tr("Attribute")),
        Column(tr("Table")),
        Column(tr("Fewest values in a class"), is_number=True),
        Column(tr("Farthest class from the whole (t)"), is_number=True),
    ]
    rows = [
        [
            str(record["attribute_titles"][name][desk.language]),
            _title(desk, record),
            # Values that the class holds, not persons: nothing to band.
            "–" if held["distinct"] is None else number(held["distinct"], desk.language, 0),
            "–" if held["t"] is None else number(float(held["t"]), desk.language, 2),
        ]
        for record in records
        for name, held in record["risk"]["sensitive"].items()
    ]
    if rows:
        markup(table(tr("What a class tells of its members"), columns, rows))


def _bias(desk: Desk, records: Sequence[Mapping[str, Any]]) -> None:
    tr = desk.translate
    columns = [
        Column(tr("Indicator")),
        Column(tr("Table")),
        Column(tr("Region, worst year"), is_number=True),
        Column(tr("Municipality, typical"), is_number=True),
        Column(tr("Municipality, worst"), is_number=True),
    ]
    rows = [
        [
            str(one["titles"][desk.language]),
            _title(desk, record),
            _share(desk, one["region"]),
            _share(desk, one["typical"]),
            _share(desk, one["worst"]),
        ]
        for record in records
        for one in record["bias"]
    ]
    if rows:
        markup(table(tr("How far off an indicator would be if counted from it"), columns, rows))
        markup(f'<p class="fp-soft">{escape(tr("Analysts are told this in bands only."))}</p>')


def _terms(desk: Desk, records: Sequence[Mapping[str, Any]]) -> None:
    tr = desk.translate
    columns = [
        Column(tr("Table")),
        Column(tr("Recipient"), is_code=True),
        Column(tr("Agreement")),
        Column(tr("Purpose")),
    ]
    rows = [
        [
            _title(desk, record),
            str(record["recipient"]),
            *(str(record["terms"][name][desk.language]) for name in ("agreement", "purpose")),
        ]
        for record in records
    ]
    markup(table(tr("Who has it, and what for"), columns, rows))


def _count(desk: Desk, value: int | None) -> str:
    return "–" if value is None else desk.count(int(value))


def _share(desk: Desk, share: float | None) -> str:
    if share is None:
        return "–"
    return desk.translate("{share}%", share=number(100 * share, desk.language, 1))
