"""What a server says it can do, held against what the profile wants, before anything is ordered.

Belongs here: the questions and what their answers mean. Does not belong here: printing them
(``pipelines.cli_sources``). No export is started and no resource of a person is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.catalogue.loader import CatalogueError
from pipelines.catalogue.profiles import SourceProfile, unknown_cohorts
from pipelines.catalogue.sources import load_sources
from pipelines.clients.bulk.auth import discovered, private_key, scopes, token_endpoint
from pipelines.clients.bulk.errors import ExportError, place
from pipelines.clients.bulk.export import Options, connected
from pipelines.clients.bulk.gate import Gate
from pipelines.clients.bulk.session import Session

Verdict = Literal["ok", "note", "wrong"]
_FHIR_JSON = {"Accept": "application/fhir+json"}
_OPERATIONS = {
    "group": ("group-export", "Group"),
    "patient": ("patient-export", "Patient"),
    "system": ("export", None),
}


@dataclass(frozen=True)
class Answer:
    """One thing that was asked.

    Attributes:
        verdict: Whether it stands in the way of an export.
        subject: What it is about.
        text: What was found.
    """

    verdict: Verdict
    subject: str
    text: str


def examine(profile: SourceProfile, options: Options | None = None) -> list[Answer]:
    """Ask a server what it can do, and say what will not work.

    Args:
        profile: The profile.
        options: Clock and resolver.

    Returns:
        Answers in the order of the questions. A question that cannot be asked is an answer too.
    """
    answers = list(_of_profile(profile))
    with connected(profile, options or Options()) as (session, gate):
        for question in (_metadata, _smart, _token, _groups):
            answers += _asked(question, profile, session, gate)
    return answers


Question = Callable[[SourceProfile, Session, Gate], Iterator[Answer]]


def _asked(
    question: Question, profile: SourceProfile, session: Session, gate: Gate
) -> Sequence[Answer]:
    answers: list[Answer] = []
    try:
        answers.extend(question(profile, session, gate))
    except ExportError as error:
        answers.append(Answer("wrong", question.__name__.strip("_"), str(error)))
    return answers


def _of_profile(profile: SourceProfile) -> Iterator[Answer]:
    """What can be said without asking anybody."""
    site, server = profile.site, profile.server
    source = load_sources().get(site.source)
    if source is None:
        raise CatalogueError(f"profile {profile.name}: source: it is not in the catalogue.")
    if gaps := source.gaps():
        text = f"governance: {', '.join(gaps)} not filled in; no delivery is taken in until then"
        yield Answer("wrong", "source", text)
    if unknown := unknown_cohorts(profile):
        text = f"{', '.join(unknown)} are not listed in sources/{site.source}.yml and are refused"
        yield Answer("wrong", "cohorts", text)
    level = "group" if site.groups else site.level
    shards = f", {len(site.groups)} cohort shards" if site.groups else ""
    yield Answer("ok", "export", f"by {level}{shards}: {', '.join(site.types)}")
    for key in site.auth.keys if site.auth else ():
        try:
            private_key(key)
            yield Answer("ok", f"key {key.key_id}", f"{key.algorithm}, readable")
        except ExportError as error:
            yield Answer("wrong", f"key {key.key_id}", str(error))
    full_only = sorted(set(site.types) & set(server.no_since))
    if not server.since:
        yield Answer("note", "changes", "this kind of server does not tell them; always in full")
    elif full_only:
        text = f"{', '.join(full_only)} know no time of change; --since is refused with them"
        yield Answer("note", "changes", text)
    if server.since and site.groups:
        text = (
            "of patients who have joined a group a delta may lack what is older, and deletions may "
            "be left out. Export in full from time to time"
        )
        yield Answer("note", "changes", text)
    if server.concurrency != "free":
        one = "client and group" if server.concurrency == "one_per_group" else "client"
        yield Answer("note", "queue", f"one export per {one} at a time; others wait")


def _metadata(profile: SourceProfile, session: Session, gate: Gate) -> Iterator[Answer]:
    url = f"{profile.site.base_url}/metadata"
    reply = session.ask("GET", url, gate.check_server, _FHIR_JSON, bearer=False)
    content = reply.json()
    named = isinstance(content, dict) and content.get("resourceType") == "CapabilityStatement"
    if reply.status != 200 or not isinstance(content, dict) or not named:
        text = f"expected a CapabilityStatement at {place(url)}, got status {reply.status}"
        yield Answer("wrong", "metadata", text)
        return
    version = _plain(content.get("fhirVersion"))
    right = version.startswith("4.0")
    yield Answer("ok" if right else "wrong", "FHIR", f"version {version}, expected 4.0")
    software = content.get("software")
    if isinstance(software, dict):
        text = f"{_plain(software.get('name'))} {_plain(software.get('version'))}"
        yield Answer("ok", "software", text)
    yield from _operations(profile, _rest(content))


def _operations(profile: SourceProfile, rest: Mapping[str, object]) -> Iterator[Answer]:
    resources = {str(each.get("type")): each for each in _dicts(rest.get("resource"))}
    level = "group" if profile.site.groups else profile.site.level
    name, of = _OPERATIONS[level]
    holder = rest if of is None else resources.get(of, {})
    stated = [*_dicts(holder.get("operation")), *_dicts(rest.get("operation"))]
    found = any(
        str(each.get("name", "")).lstrip("$") in ("export", name)
        or str(each.get("definition", "")).rpartition("/")[2].partition("|")[0] == name
        for each in stated
    )
    if found:
        yield Answer("ok", "operation", f"{name} is stated")
    else:
        # Many servers can and do not say so.
        yield Answer("note", "operation", f"{name} is not stated; it may work all the same")
    if missing := [each for each in profile.site.types if each not in resources]:
        text = f"{', '.join(missing)} are not stated; files of these will be empty or refused"
        yield Answer("wrong", "types", text)
    else:
        yield Answer("ok", "types", "all are stated")
    if profile.server.since:
        yield from _times(profile, resources)


def _times(
    profile: SourceProfile, resources: Mapping[str, Mapping[str, object]]
) -> Iterator[Answer]:
    silent = [
        kind
        for kind in profile.site.types
        if "_lastUpdated"
        not in {
            str(each.get("name")) for each in _dicts(resources.get(kind, {}).get("searchParam"))
        }
    ]
    if silent:
        text = (
            f"{', '.join(silent)}: no search by _lastUpdated is stated. Hold a delta against a "
            "full export before you trust --since"
        )
        yield Answer("note", "changes", text)


def _smart(profile: SourceProfile, session: Session, gate: Gate) -> Iterator[Answer]:
    auth = profile.site.auth
    if auth is None:
        yield Answer("note", "access", "no auth in the profile: for an open test server only")
        return
    stated = discovered(profile, session, gate)
    yield Answer("ok", "tokens", f"from {place(token_endpoint(profile, session, gate))}")
    for field, wanted in (
        ("token_endpoint_auth_methods_supported", {"private_key_jwt"}),
        ("token_endpoint_auth_signing_alg_values_supported", {k.algorithm for k in auth.keys}),
        ("grant_types_supported", {"client_credentials"}),
    ):
        offered = stated.get(field)
        if not isinstance(offered, list):
            yield Answer("note", field, "not stated")
        elif not wanted & {str(each) for each in offered}:
            yield Answer("wrong", field, f"expected {' or '.join(sorted(wanted))} among them")
    offered = stated.get("scopes_supported")
    if isinstance(offered, list):
        style = {"v1": ".read", "v2": ".rs"}[profile.server.scopes]
        system = [str(each) for each in offered if str(each).startswith("system/")]
        fits = any(each.endswith((style, ".*", ".cruds", ".r")) for each in system)
        if system and not fits:
            yield Answer("note", "scopes", f"none of the stated ones ends in {style}")


def _token(profile: SourceProfile, session: Session, _gate: Gate) -> Iterator[Answer]:
    if session.tokens is None:
        return
    session.tokens.current()
    yield Answer("ok", "token", f"granted for {' '.join(scopes(profile))}")


def _groups(profile: SourceProfile, session: Session, gate: Gate) -> Iterator[Answer]:
    for shard in profile.site.groups:
        url = f"{profile.site.base_url}/Group/{shard.id}?_elements=quantity,type,actual"
        reply = session.ask("GET", url, gate.check_server, _FHIR_JSON)
        content = reply.json()
        if reply.status in (401, 403):
            yield Answer("note", f"group {shard.name}", "may not be read; the export may work")
        elif reply.status != 200 or not isinstance(content, dict):
            text = f"expected a Group, got status {reply.status}; check its id in the profile"
            yield Answer("wrong", f"group {shard.name}", text)
        else:
            yield _size(profile, shard.name, content.get("quantity"))


def _size(profile: SourceProfile, name: str, quantity: object) -> Answer:
    largest = profile.server.largest_group
    if not isinstance(quantity, int):
        return Answer("ok", f"group {name}", "is there; it does not tell how many it holds")
    if largest is not None and quantity > largest:
        text = (
            f"{quantity} patients; at this kind of server more than {largest} tend to fail. Cut it"
        )
        return Answer("wrong", f"group {name}", text)
    return Answer("ok", f"group {name}", f"{quantity} patients")


def _rest(content: Mapping[str, object]) -> Mapping[str, object]:
    servers = [each for each in _dicts(content.get("rest")) if each.get("mode") == "server"]
    return servers[0] if servers else {}


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _plain(value: object) -> str:
    """A short text from outside, without anything that a terminal would obey."""
    return re.sub(r"[^A-Za-z0-9 ._()-]", "", str(value))[:60] if value else "unknown"
