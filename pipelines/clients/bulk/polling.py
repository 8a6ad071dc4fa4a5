"""Waiting for an export and getting its manifest, all pages of it.

Belongs here: asking how far it has come, clamped waits, following pages. Does not belong here:
what a manifest may look like (``manifest``), fetching files.

A page may come while the server is still at work (status 202), with the address of the next one;
the last page is the one with status 200 and no next.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipelines.clients.bulk.errors import ExportError, NotReadyError, place
from pipelines.clients.bulk.gate import Gate
from pipelines.clients.bulk.http import Reply
from pipelines.clients.bulk.manifest import Page, is_manifest, joined, parse_page
from pipelines.clients.bulk.session import Session, issue_codes, out_of_time

_MOST_PAGES = 10_000
_GROWTH = 1.5
Waiting = Callable[[float, str], None]


def wait_for_manifest(
    status_url: str,
    session: Session,
    gate: Gate,
    *,
    patience_seconds: float | None,
    waiting: Waiting,
) -> Page:
    """Ask until the export is ready.

    Args:
        status_url: Where to ask.
        session: Asks.
        gate: Judges addresses.
        patience_seconds: Time after which to come back another time; null: the whole budget.
        waiting: Told of each wait before it begins: its seconds and what the server said.

    Returns:
        The whole manifest.

    Raises:
        NotReadyError: The patience is used up before the export is ready.
        ExportError: ``export_failed``, ``job_forgotten``, ``manifest_invalid``, ``out_of_time`` or
            as ``Session.ask``.
    """
    started = session.clock.monotonic()
    wait, url = session.budgets.shortest_wait_seconds, status_url
    pages: list[Page] = []
    seen = {status_url}
    while True:
        reply = _asked(url, session, gate)
        page = _page(reply)
        if page is not None:
            pages.append(page)
            if page.next_url is None:
                return joined(pages)
            url = _next_page(page.next_url, seen, gate)
            continue
        wait = session.wait(session.asked_wait(reply.headers), wait * _GROWTH)
        said = progress_of(reply)
        waited = session.clock.monotonic() - started
        if patience_seconds is not None and waited + wait > patience_seconds:
            raise NotReadyError(place(status_url), wait, said)
        if wait >= session.deadline.left():
            raise out_of_time(place(status_url), session.budgets)
        waiting(wait, said)
        session.sleep(wait, place(status_url))


def give_up_job(status_url: str, session: Session, gate: Gate) -> bool:
    """Tell the server that its files are of no more use.

    Args:
        status_url: The job.
        session: Asks.
        gate: Judges the address.

    Returns:
        Whether the job is gone there: deleted now, or known no more.
    """
    reply = session.ask(
        "DELETE", status_url, gate.check_server, {"Accept": "application/fhir+json"}
    )
    return reply.status < 300 or reply.status in (404, 410)


def progress_of(reply: Reply) -> str:
    """What a server says of its progress, reduced to what can hold nobody's data."""
    text = reply.headers.get("x-progress", "")
    return re.sub(r"[^A-Za-z0-9 .,%/:()-]", "", text)[:60].strip()


def _asked(url: str, session: Session, gate: Gate) -> Reply:
    reply = session.ask("GET", url, gate.check_server, {"Accept": "application/json"})
    if reply.status in (404, 410):
        raise ExportError(
            "job_forgotten",
            f"{place(url)}: expected the job that was ordered, got status {reply.status}: the "
            "server has forgotten it. Run it again: it is ordered anew.",
            closes_job=True,
        )
    if reply.status >= 400:
        codes = ", ".join(sorted(issue_codes(reply))) or "nothing more"
        raise ExportError(
            "export_failed",
            f"{place(url)}: expected an export, got status {reply.status} ({codes}). Run it again; "
            "if it stays, ask the server's operator.",
            closes_job=True,
        )
    return reply


def _page(reply: Reply) -> Page | None:
    """The page in an answer; null while the server is at work."""
    stated = reply.headers.get("x-export-status", "").strip()
    status = int(stated) if re.fullmatch(r"[0-9]{3}", stated) else reply.status
    if status >= 400:
        raise ExportError(
            "export_failed",
            f"{place(reply.url)}: expected an export, got export status {status}. Run it again.",
            closes_job=True,
        )
    content = reply.json()
    if status == 200:
        return parse_page(content, reply.url)
    if status != 202:
        raise ExportError(
            "export_failed", f"{place(reply.url)}: expected status 200 or 202, got {status}."
        )
    if not is_manifest(content):
        return None
    page = parse_page(content, reply.url)
    # Without a next page it will be told again, complete, when the server is done.
    return page if page.next_url is not None else None


def _next_page(url: str, seen: set[str], gate: Gate) -> str:
    gate.check_server(url)
    if url in seen or len(seen) >= _MOST_PAGES:
        raise ExportError(
            "manifest_invalid",
            f"{place(url)}: expected every page of the manifest once, got one that leads back. "
            "Nothing is delivered. Ask the server's operator.",
            closes_job=True,
        )
    seen.add(url)
    return url
