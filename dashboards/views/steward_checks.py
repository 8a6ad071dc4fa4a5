"""Checks as sentences: how each stands, what was found, what a red one blocks.

Belongs here: drawing verdicts. Does not belong here: running checks or deciding on a release.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards.text import Translator, number
from dashboards.views.steward_parts import Desk, badge, bullets, cards, known, markup

RED = ("fail", "error")


def show(desk: Desk) -> None:
    """Draw the page."""
    tr = desk.translate
    checks = desk.zone.checks()
    st.header(tr("Checks"))
    if checks.is_empty():
        st.info(tr("No check has been run yet. Run “folkepuls run” first."))
        return
    latest = str(checks["checked_at"].max() or "")
    markup(
        f'<p class="fp-soft">{escape(tr("Data as of {time}.", time=desk.day(latest)))} '
        f"{escape(tr('Counts from 1 to 4 are written <5.'))}</p>" + cards(_totals(desk, checks))
    )
    _red(desk, checks.filter(pl.col("status") != "pass"))
    _resolved(desk, checks.filter(pl.col("state") == "resolved"))
    _all(desk, checks)


def blocked_words(tr: Translator) -> dict[str, str]:
    """What a check may block, in words."""
    return {
        "marts": tr("the counting of indicators"),
        "analysis": tr("data for analysts"),
        "release": tr("the next release"),
    }


def check_card(desk: Desk, row: Mapping[str, Any]) -> str:
    """One check as a card: state, sentence, what was found, what it blocks."""
    tr = desk.translate
    tone = "green" if row["status"] == "pass" else _tone(row)
    badges = badge(_state(tr, row), tone)
    if row["status"] != "pass" and row["severity"] == "warn":
        badges += badge(tr("Warning"), "grey")
    blocks = _blocks(tr, pl.DataFrame([row]))
    return (
        f'<article class="fp-check fp-{tone}">{badges}'
        f'<p class="fp-sentence">{escape(str(row[f"text_{desk.language}"]))}</p>'
        f'<p class="fp-soft">{escape(_found(desk, row))}</p>{blocks}'
        f'<p class="fp-soft fp-code">{escape(str(row["suite"]))} · '
        f"{escape(str(row['check_id']))}</p></article>"
    )


def check_cards(desk: Desk, checks: pl.DataFrame) -> str:
    """Red checks as cards; those of one table that could not be run share a card."""
    alone = checks.filter(pl.col("status") != "error")
    cards_alone = "".join(check_card(desk, row) for row in alone.iter_rows(named=True))
    broken = checks.filter(pl.col("status") == "error")
    groups = broken.group_by(["table_name"], maintain_order=True)
    return cards_alone + "".join(_broken_card(desk, part) for _, part in groups)


def _broken_card(desk: Desk, checks: pl.DataFrame) -> str:
    """Checks of one table that could not be run: usually for one cause, so in one card."""
    if checks.height == 1:
        return check_card(desk, checks.row(0, named=True))
    tr = desk.translate
    row = checks.row(0, named=True)
    title = tr(
        "{count} checks of {table} could not be run.",
        count=number(checks.height, desk.language),
        table=str(row["table_name"]),
    )
    sentences = bullets(checks[f"text_{desk.language}"].to_list())
    return (
        f'<article class="fp-check fp-grey">{badge(tr("Could not be run"), "grey")}'
        f'<p class="fp-sentence">{escape(title)}</p>'
        f'<p class="fp-soft">{escape(_found(desk, row))}</p>{_blocks(tr, checks)}'
        f"<details><summary>{escape(tr('Show them'))}</summary>{sentences}</details></article>"
    )


def _blocks(tr: Translator, checks: pl.DataFrame) -> str:
    """What red checks stop, as a paragraph; empty when they stop nothing."""
    stopping = checks.filter((pl.col("status") != "pass") & (pl.col("severity") == "error"))
    codes = stopping["blocks"].str.split(",").explode(empty_as_null=True).drop_nulls()
    words = blocked_words(tr)
    named = [known(words, code) for code in codes.unique(maintain_order=True) if code]
    if not named:
        return ""
    return f"<p>{escape(tr('Blocks: {what}.', what=', '.join(named)))}</p>"


def _totals(desk: Desk, checks: pl.DataFrame) -> list[tuple[str, str]]:
    tr = desk.translate
    red = checks.filter(pl.col("status").is_in(RED))

    def count(frame: pl.DataFrame) -> str:
        return number(frame.height, desk.language)

    return [
        (count(red.filter(pl.col("state") == "new")), tr("new red checks")),
        (count(red.filter(pl.col("state") == "persisting")), tr("still red")),
        (count(checks.filter(pl.col("state") == "resolved")), tr("back to green")),
        (count(checks.filter(pl.col("status") == "pass")), tr("green checks in all")),
    ]


def _red(desk: Desk, red: pl.DataFrame) -> None:
    tr = desk.translate
    st.subheader(tr("Needs attention"))
    if red.is_empty():
        st.success(tr("All checks are green. Nothing is blocked."))
        return
    markup(check_cards(desk, red))


def _resolved(desk: Desk, resolved: pl.DataFrame) -> None:
    if resolved.is_empty():
        return
    st.subheader(desk.translate("Back to green since the run before"))
    markup("".join(check_card(desk, row) for row in resolved.iter_rows(named=True)))


def _all(desk: Desk, checks: pl.DataFrame) -> None:
    tr = desk.translate
    st.subheader(tr("All checks, by table"))
    stages = {
        "ingest": tr("Delivered files"),
        "restricted": tr("Journal data"),
        "publication": tr("Published tables"),
        "disclosure": tr("Disclosure control"),
    }
    for (stage, name), part in checks.group_by(["stage", "table_name"], maintain_order=True):
        green = part.filter(pl.col("status") == "pass").height
        title = tr(
            "{stage}: {table} – {green} of {all} green",
            stage=known(stages, str(stage)),
            table=str(name),
            green=green,
            all=part.height,
        )
        with st.expander(title):
            lines = [
                f"{'✓' if row['status'] == 'pass' else '✗'} {row[f'text_{desk.language}']} "
                f"({_found(desk, row)})"
                for row in part.sort("check_id").iter_rows(named=True)
            ]
            markup(bullets(lines))


def _tone(row: Mapping[str, Any]) -> str:
    if row["severity"] == "warn":
        return "amber"
    return "grey" if row["status"] == "error" else "red"


def _state(tr: Translator, row: Mapping[str, Any]) -> str:
    if row["status"] == "error":
        return tr("Could not be run")
    words = {
        "new": tr("Red – new"),
        "persisting": tr("Red – as before"),
        "resolved": tr("Green again"),
        "passing": tr("Green"),
    }
    return known(words, str(row["state"]))


def _found(desk: Desk, row: Mapping[str, Any]) -> str:
    tr = desk.translate
    if row["status"] == "error":
        return tr("The check itself failed, so nothing is known about the data.")
    if int(row["n"]) == 1:
        # One question about the table as a whole: there are no rows to count.
        return tr("As agreed.") if row["status"] == "pass" else tr("Not as agreed.")
    found = desk.count(int(row["unexpected_n"]))
    looked = number(int(row["n"]), desk.language)
    if row["threshold"]:
        limit = number(100 * float(row["threshold"]), desk.language, 1)
        return tr(
            "{found} of {all} rows deviate; {limit} per cent is tolerated.",
            found=found,
            all=looked,
            limit=limit,
        )
    if int(row["unexpected_n"]) == 0:
        return tr("0 of {all} rows deviate.", all=looked)
    return tr("{found} of {all} rows deviate; none is tolerated.", found=found, all=looked)
