"""Ordering an export: by POST or GET, in the form that the kind of server takes.

Belongs here: the order and its fallback. Does not belong here: waiting for what was ordered
(``polling``).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin

from pipelines.catalogue.profiles import Shard, SourceProfile, Verb
from pipelines.clients.bulk.errors import ExportError, place
from pipelines.clients.bulk.gate import Gate
from pipelines.clients.bulk.http import Reply
from pipelines.clients.bulk.session import Session, issue_codes

_FHIR_JSON = "application/fhir+json"
_NOT_THIS_VERB = frozenset({400, 404, 405, 406, 415, 422, 501})
_MANY_EXPORTS = frozenset({"throttled", "conflict", "lock-error", "duplicate"})


@dataclass(frozen=True)
class Order:
    """What is ordered.

    Attributes:
        url: Address of the export.
        parameters: Parameters, one entry for each value.
    """

    url: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def fingerprint(self) -> str:
        """Identity of what is ordered, whatever the verb."""
        return hashlib.sha256(json.dumps([self.url, self.parameters]).encode()).hexdigest()


def order_for(profile: SourceProfile, shard: Shard | None, since: dt.datetime | None) -> Order:
    """The order of one export.

    Args:
        profile: The profile.
        shard: The cohort shard; null for all patients or the whole system.
        since: Only what has changed since; with a time zone.

    Raises:
        ExportError: ``since_unsupported``: the kind of server, or a type, knows no time of change.
    """
    site, server = profile.site, profile.server
    path = {
        "group": f"/Group/{shard.id if shard else ''}/$export",
        "patient": "/Patient/$export",
        "system": "/$export",
    }[profile.level_of(shard)]
    parameters: list[tuple[str, str]] = []
    if server.output_format is not None:
        parameters.append(("_outputFormat", server.output_format))
    if since is not None:
        _check_since(profile)
        moment = since.astimezone(dt.UTC).isoformat(timespec="milliseconds")
        parameters.append(("_since", moment.replace("+00:00", "Z")))
    parameters += [("_type", each) for each in site.types]
    filters = [
        each.replace(",", "%2C") if server.filter_commas == "quoted" else each
        for each in site.filters
    ]
    parameters += [("_typeFilter", each) for each in filters]
    return Order(f"{site.base_url}{path}", tuple(parameters))


def kick_off(profile: SourceProfile, order: Order, session: Session, gate: Gate) -> str:
    """Order an export.

    Args:
        profile: The profile.
        order: What to order.
        session: Asks.
        gate: Judges the address that the server names.

    Returns:
        Where to ask how far it has come.

    Raises:
        ExportError: ``kickoff_refused``, ``busy``, or as ``Session.ask``.
    """
    verbs = profile.server.kickoff
    reply = _ordered(profile, verbs[0], order, session, gate)
    if reply.status in _NOT_THIS_VERB and len(verbs) > 1:
        reply = _ordered(profile, verbs[1], order, session, gate)
    if reply.status != 202:
        raise _refused(profile, reply)
    location: str | None = reply.headers.get("content-location")
    if not location:
        raise ExportError(
            "kickoff_refused",
            f"{place(order.url)}: expected a Content-Location with status 202, got none. Ask the "
            "server's operator.",
        )
    status_url = urljoin(reply.url, location)
    gate.check_server(status_url)
    return status_url


def _ordered(
    profile: SourceProfile, verb: Verb, order: Order, session: Session, gate: Gate
) -> Reply:
    prefer = "respond-async"
    if profile.server.separate_status:
        prefer += ", separate-export-status"
    headers = {"Accept": _FHIR_JSON, "Prefer": prefer}
    if verb == "GET":
        url = f"{order.url}?{_query(profile, order)}"
        return session.ask("GET", url, gate.check_server, headers)
    headers["Content-Type"] = _FHIR_JSON
    body = json.dumps({"resourceType": "Parameters", "parameter": _body(profile, order)}).encode()
    return session.ask("POST", order.url, gate.check_server, headers, body)


def _query(profile: SourceProfile, order: Order) -> str:
    if profile.server.lists == "repeated":
        return urlencode(order.parameters, quote_via=quote)
    joined: dict[str, str] = {}
    for name, value in order.parameters:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return urlencode(joined, quote_via=quote)


def _body(profile: SourceProfile, order: Order) -> list[Mapping[str, str]]:
    kinds = {"_since": "valueInstant"}
    return [
        {"name": name, kinds.get(name, "valueString"): value} for name, value in order.parameters
    ]


def _check_since(profile: SourceProfile) -> None:
    if not profile.server.since:
        raise ExportError(
            "since_unsupported",
            f"profile {profile.name}: servers of kind {profile.kind} do not tell what has changed. "
            "Export in full; deliveries are compared here.",
        )
    if unknown := sorted(set(profile.site.types) & set(profile.server.no_since)):
        raise ExportError(
            "since_unsupported",
            f"profile {profile.name}: {', '.join(unknown)} know no time of change at this kind of "
            "server. Export in full, or give these types a profile of their own.",
        )


def _refused(profile: SourceProfile, reply: Reply) -> ExportError:
    codes = issue_codes(reply)
    if codes & _MANY_EXPORTS or reply.status in (409, 423):
        return ExportError(
            "busy",
            f"profile {profile.name}: another export of this client is under way at the server "
            f"(status {reply.status}). Wait for it, or have it deleted there.",
        )
    told = f" ({', '.join(sorted(codes))})" if codes else ""
    return ExportError(
        "kickoff_refused",
        f"{place(reply.url)}: expected status 202, got {reply.status}{told}. `folkepuls sources "
        f"check {profile.name}` tells what the server says it can do.",
    )
