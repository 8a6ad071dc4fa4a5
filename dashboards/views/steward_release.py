"""The release candidate: what it holds, what stands against it, approve or reject.

Belongs here: drawing the candidate and taking a decision. Does not belong here: publishing;
the pipeline picks the decision up from ``steward/inbox/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from dashboards.steward_data import DECISIONS, Decision, RefusedDecisionError, is_approvable
from dashboards.text import Translator, number
from dashboards.views.steward_checks import check_cards
from dashboards.views.steward_parts import Column, Desk, badge, bullets, cards, known, markup, table


def show(desk: Desk) -> None:
    """Draw the page."""
    tr = desk.translate
    st.header(tr("Release"))
    records = desk.zone.releases()
    if not records:
        st.info(tr("No release has been built yet. Run “folkepuls run” first."))
        return
    candidates = [record for record in records if record.get("state") == "candidate"]
    if not candidates:
        st.info(tr("No candidate waits for a decision."))
    for record in candidates:
        _candidate(desk, record)
    _earlier(desk, [record for record in records if record.get("state") != "candidate"])


def _candidate(desk: Desk, record: Mapping[str, Any]) -> None:
    tr = desk.translate
    release_id = str(record["release_id"])
    st.subheader(tr("Candidate {id}", id=release_id))
    blocking = [str(check) for check in record.get("blocking_checks") or ()]
    audit = record.get("audit") or {}
    verdict = (
        badge(tr("May be approved"), "green")
        if is_approvable(record)
        else badge(tr("Cannot be approved"), "red")
    )
    built = tr("Built from data as of {time}.", time=desk.day(str(record.get("built", ""))))
    markup(f'<p>{verdict} <span class="fp-soft">{escape(built)}</span></p>')
    markup(cards(_figures(desk, record.get("cells_by_status") or {})))
    _audit(desk, audit)
    _blocking(desk, blocking)
    _loss(desk, record.get("utility_loss") or [])
    _decision(desk, release_id, not is_approvable(record))


def _figures(desk: Desk, cells: Mapping[str, int]) -> list[tuple[str, str]]:
    tr = desk.translate
    words = {
        "ok": tr("cells shown"),
        "suppressed": tr("hidden to protect persons"),
        "not_covered": tr("not covered"),
        "missing": tr("without data"),
        "unreliable": tr("too uncertain"),
        "not_applicable": tr("not defined for the group"),
        "merged": tr("shown together with neighbours"),
    }
    order = [status for status in words if cells.get(status)]
    return [(desk.count(int(cells[status])), words[status]) for status in order]


def _audit(desk: Desk, audit: Mapping[str, Any]) -> None:
    tr = desk.translate
    if not audit:
        st.warning(tr("The disclosure audit has left no record. The release cannot be approved."))
        return
    lines = [
        tr("{n} hidden cells were attacked.", n=desk.count(int(audit.get("hidden", 0)))),
        tr(
            "{n} of them could be worked out exactly.",
            n=desk.count(int(audit.get("determined", 0))),
        ),
    ]
    if audit.get("narrowest") is not None and audit.get("width_required") is not None:
        lines.append(
            tr(
                "The narrowest interval is at least {width} wide; {required} is required.",
                width=number(float(audit["narrowest"]), desk.language, 1),
                required=number(float(audit["width_required"]), desk.language, 1),
            )
        )
    title = tr("Disclosure audit")
    outcome = badge(tr("Passed"), "green") if audit.get("ok") else badge(tr("Failed"), "red")
    markup(f"<p><strong>{escape(title)}</strong> {outcome}</p>{bullets(lines)}")


def _blocking(desk: Desk, blocking: list[str]) -> None:
    tr = desk.translate
    if not blocking:
        markup(f"<p>{escape(tr('No check stands against this release.'))}</p>")
        return
    st.markdown(f"**{tr('Red checks that block this release')}**")
    name = pl.concat_str("suite", "check_id", separator=".")
    rows = (
        desk.zone.checks().with_columns(name.alias("name")).filter(pl.col("name").is_in(blocking))
    )
    markup(check_cards(desk, rows))
    unknown = sorted(set(blocking) - set(rows["name"]))
    if unknown:
        markup(bullets(unknown))


def _loss(desk: Desk, loss: list[Mapping[str, Any]]) -> None:
    if not loss:
        return
    tr = desk.translate
    columns = [Column(tr("Indicator"), is_code=True), Column(tr("Loss by protection"))]
    rows = [[str(entry["indicator_id"]), str(entry["band"])] for entry in loss]
    with st.expander(tr("What protection costs, by indicator")):
        markup(table(tr("Share of persons behind hidden figures, in bands."), columns, rows))


def _decision(desk: Desk, release_id: str, is_blocked: bool) -> None:
    tr = desk.translate
    waiting = desk.zone.decision(release_id)
    if waiting is not None:
        name = _plain(str(waiting.get("name")))
        if waiting.get("decision") == "approve":
            st.success(tr("Approved by {name}. It takes effect at the next run.", name=name))
        else:
            st.warning(tr("Rejected by {name}. It takes effect at the next run.", name=name))
        return
    if is_blocked:
        st.warning(tr("Something above stands against approval. You may reject, with a reason."))
    _form(desk, release_id, is_blocked)


def _form(desk: Desk, release_id: str, is_blocked: bool) -> None:
    tr = desk.translate
    words = _decision_words(tr)
    options: list[Decision] = [d for d in DECISIONS if not (is_blocked and d == "approve")]
    with st.form(f"decision_{release_id}"):
        st.markdown(f"**{tr('Your decision')}**")
        decision = st.radio(
            tr("Decision"),
            options,
            index=None,
            format_func=lambda code: words[code],
            horizontal=True,
        )
        name = st.text_input(tr("Your name, as it will stand on the release"))
        reason = st.text_area(tr("Reason"))
        # Not as the field's help: its button would be labelled in English by Streamlit.
        st.caption(tr("It is kept with the release. Name no person."))
        sent = st.form_submit_button(tr("Sign the decision"), type="primary")
    if not sent:
        return
    if decision is None:
        st.error(tr("Choose approve or reject."))
        return
    try:
        desk.zone.decide(release_id, decision, name, reason)
    except RefusedDecisionError as refusal:
        st.error(known(_refusals(tr), refusal.code))
        return
    st.rerun()


def _earlier(desk: Desk, records: list[dict[str, Any]]) -> None:
    if not records:
        return
    tr = desk.translate
    states = {
        "approved": tr("Approved, being published"),
        "rejected": tr("Rejected"),
        "published": tr("Published"),
    }
    columns = [Column(tr("Release"), is_code=True), Column(tr("State")), Column(tr("Data as of"))]
    rows = [
        [
            str(record["release_id"]),
            known(states, str(record.get("state"))),
            desk.day(str(record.get("built", ""))),
        ]
        for record in records
    ]
    st.subheader(tr("Earlier releases"))
    markup(table(tr("Every release that was built, the latest first."), columns, rows))


def _decision_words(tr: Translator) -> dict[str, str]:
    return {"approve": tr("Approve"), "reject": tr("Reject")}


def _refusals(tr: Translator) -> dict[str, str]:
    return {
        "name_missing": tr("Write your name: a decision is signed."),
        "reason_missing": tr("Write a reason of at least ten characters."),
        "too_long": tr("The name or the reason is too long (80 and 1000 characters)."),
        "personal": tr(
            "The text looks as if it holds a national identity number or an address for mail. "
            "Take it out: reasons are kept with the release."
        ),
        "blocked": tr(
            "The audit or a red check stands against this release. It cannot be approved."
        ),
        "not_a_candidate": tr("This release no longer waits for a decision. Load the page again."),
    }


def _plain(text: str) -> str:
    """A text as typed, its Markdown signs made harmless."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-!$<>~|:" else sign for sign in text)
