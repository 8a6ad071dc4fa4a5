"""The ways in which the server misbehaves, and how an export must end then.

Belongs here: one entry for each way. Does not belong here: how they are done (``scripts``), what is
looked at afterwards (the tests).
"""

from __future__ import annotations

import gzip
from email.utils import format_datetime

from tests.support.bulk_server import scripts
from tests.support.bulk_server.answers import Answer, html, lines, outcome, say
from tests.support.bulk_server.clock import START
from tests.support.bulk_server.scripts import (
    Way,
    always,
    bundle,
    deletions,
    drip,
    e1,
    expire,
    first,
    get_only,
    manifest_with,
    outcomes,
    pages,
    port,
    replaced,
    restarted,
    scripted,
    stall,
    status,
    too_many,
    unproven,
    url,
    whole_file,
    with_header,
    without_encounters,
)
from tests.support.bulk_server.server import ndjson, resource, usual_files

E1 = usual_files()["e1"][1]
E2 = usual_files()["e2"][1]
REPEATED = E1 + E1.splitlines(keepends=True)[3]
ACROSS = E2 + E1.splitlines(keepends=True)[3]
CONFLICT = E2 + lines([resource("Encounter", 3, status="planned")])
BOMB = gzip.compress(b'{"resourceType":"Encounter","id":"1","x":"' + b"0" * (80 << 20), 9)
BARE = lines([{"resourceType": "Encounter"}]) + E1

WAYS = [
    # Busy and broken: passes, or does not.
    Way("429 in seconds", too_many("7"), slept=7),
    Way("429 as a date", too_many(format_datetime(START, usegmt=True)), slept=1),
    Way("429 until a second of the epoch", too_many(str(scripts.EPOCH + 12)), slept=10),
    Way(
        "429 until a millisecond of the epoch", too_many(str((scripts.EPOCH + 12) * 1000)), slept=10
    ),
    Way("429 in milliseconds", too_many("4000ms"), slept=4),
    Way("429 with an absurd wait", too_many("99999999"), slept=300),
    Way("429 with a negative wait", too_many("-5"), slept=1),
    Way("429 with nonsense", too_many("in a while"), slept=1),
    Way(
        "429 without a word at the order",
        scripted(first("kickoff", status(429), 2)),
        slept=2,
    ),
    Way(
        "an absurd wait", scripted(first("status", status(202, Retry_After="99999999"))), slept=300
    ),
    Way(
        "a wait until a date",
        scripted(first("status", status(202, Retry_After=format_datetime(START, usegmt=True)))),
    ),
    Way(
        "a wait until a millisecond",
        scripted(first("status", status(202, Retry_After=str((scripts.EPOCH + 42) * 1000)))),
        slept=40,
    ),
    Way(
        "429 for ever",
        scripted(always("status", status(429))),
        "server_refuses",
        naive_stops_too=True,
    ),
    Way("500 twice", scripted(first("file", status(500), 2, "e1"))),
    Way("502 at the order", scripted(first("kickoff", lambda _: html(502)))),
    Way(
        "503 with a wait", scripted(first("file", status(503, Retry_After="20"), 1, "c1")), slept=20
    ),
    Way("504 five times", scripted(first("status", status(504), 5))),
    Way("503 for ever", scripted(always("file", status(503), "c1")), "server_fails"),
    Way(
        "an outcome that says it is transient",
        scripted(first("status", lambda _: say(400, outcome("transient")), 2)),
    ),
    Way(
        "an export that failed",
        scripted(always("status", lambda _: say(500, outcome("exception")))),
        "server_fails",
        naive_stops_too=True,
    ),
    # The wire.
    Way("reset in the middle", scripted(first("file", whole_file(cut=900), 2, "e1"))),
    Way("reset for ever", scripted(always("file", whole_file(cut=900), "e1")), "unreachable"),
    Way(
        "chunks that break off", scripted(first("file", whole_file(chunked=True, cut=900), 1, "e1"))
    ),
    Way(
        "a body that stalls",
        scripted(first("file", stall, 1, "e1")),
        site={"budgets": {"read_seconds": 0.5}},
    ),
    Way("a body that drips", drip, "too_slow"),
    Way(
        "a length that is too short",
        scripted(always("file", whole_file(length=1000), "e1")),
        "not_ndjson",
    ),
    Way("a length too short, once", scripted(first("file", whole_file(length=1000), 1, "e1"))),
    Way("a length that is too long", scripted(first("file", whole_file(length=99999), 1, "e1"))),
    Way("no length, no chunks, no count", unproven, "length_unknown"),
    # Pages for people.
    Way("a login page once", scripted(first("file", lambda _: html(), 1, "e1"))),
    Way("a login page for ever", scripted(always("file", lambda _: html(), "e1")), "not_ndjson"),
    Way(
        "a login page for a manifest",
        scripted(first("status", lambda _: html(), 9)),
        "manifest_invalid",
        naive_stops_too=True,
    ),
    # Compression.
    Way("gzip that is not announced", e1(lambda body: ndjson(gzip.compress(body)))),
    Way(
        "gzip announced and not there", e1(lambda body: with_header(body, Content_Encoding="gzip"))
    ),
    Way(
        "gzip twice",
        e1(lambda body: with_header(gzip.compress(gzip.compress(body)), Content_Encoding="gzip")),
    ),
    Way("gzip that ends early", e1(lambda body: ndjson(gzip.compress(body)[:-9])), "damaged_gzip"),
    Way("a bomb", e1(lambda _: ndjson(BOMB)), "decompression_bomb"),
    Way(
        "a compression nobody knows",
        e1(lambda body: with_header(body[::-1], Content_Encoding="zz")),
        "unknown_encoding",
    ),
    # Counts and contents.
    Way(
        "fewer lines than told",
        scripted(always("file", lambda _: ndjson(E1[: E1.index(b"\n", 700) + 1]), "e1")),
        "wrong_count",
    ),
    Way(
        "more lines than told",
        scripted(always("file", lambda _: ndjson(E1 + lines([resource("Encounter", 99)])), "e1")),
        "wrong_count",
    ),
    Way("an empty file", scripted(always("file", lambda _: ndjson(b""), "e1")), "wrong_count"),
    Way("a line twice", replaced("e1", REPEATED)),
    Way("a line again in another file", replaced("e2", ACROSS)),
    Way("a resource again with other content", replaced("e2", CONFLICT), "conflicting_copies"),
    Way("resources of another type", replaced("e1", usual_files()["c1"][1]), "wrong_type"),
    Way("a resource without an id", replaced("e1", BARE), "missing_id"),
    Way(
        "bytes that are not UTF-8",
        replaced("e1", E1.replace(b"finished", b"\xff\xfe", 1)),
        "not_ndjson",
    ),
    Way(
        "a type nobody asked for",
        replaced("p1", lines([resource("Procedure", 1)]), "Procedure"),
        "unexpected_type",
    ),
    Way(
        "a file under another type",
        lambda world: world.server.files.update(e2=("Procedure", E2)),
        "unexpected_type",
    ),
    Way("no file of a type that must be there", without_encounters, "nothing_of_type"),
    Way("a file that is not there", scripted(always("file", status(404), "c1")), "file_gone"),
    Way("a file past its time", scripted(always("file", status(403), "c1")), "file_gone"),
    Way(
        "deletions under another type",
        deletions("Encounter"),
        truth={"Bundle": lines([bundle("Encounter/encounter-900")]).splitlines()},
    ),
    Way(
        "deletions among the resources",
        replaced("d1", lines([bundle("Encounter/1")])),
        "wrong_type",
    ),
    # Outcomes.
    Way(
        "an outcome that is only information",
        outcomes(outcome("informational", "information")),
        strict=True,
    ),
    Way("an outcome that is an error", outcomes(outcome("exception")), "export_incomplete"),
    Way(
        "an outcome under its new name",
        outcomes(outcome("exception", "fatal"), key="outcome"),
        "export_incomplete",
    ),
    Way(
        "a warning that something is missing",
        outcomes(outcome("incomplete", "warning")),
        "export_incomplete",
    ),
    Way(
        "an outcome of an unknown severity",
        outcomes(outcome("exception", "kari")),
        "export_incomplete",
    ),
    # Tokens.
    Way("a token that ends while waiting", expire),
    Way("401 once", scripted(first("file", status(401), 1, "o1"))),
    Way("401 for ever", scripted(always("file", status(401), "o1")), "unauthorised"),
    Way(
        "a token that reads less",
        scripted(
            always(
                "token", lambda _: say(200, {"access_token": "t", "scope": "system/Encounter.rs"})
            )
        ),
        "scope_reduced",
    ),
    # Elsewhere.
    Way(
        "a file on another host",
        url(lambda world: f"{world.elsewhere.base}/files/e1"),
        "origin_refused",
    ),
    Way(
        "a redirect to another host",
        scripted(
            always(
                "file", lambda asked: say(302, None, Location=f"{scripts.ELSEWHERE}/files/e1"), "e1"
            )
        ),
        "origin_refused",
    ),
    Way(
        "a redirect in a circle",
        scripted(always("file", lambda asked: say(302, None, Location=asked.path), "e1")),
        "redirect_refused",
    ),
    Way(
        "an order that is redirected",
        scripted(
            always("kickoff", lambda asked: say(307, None, Location=f"{scripts.ELSEWHERE}/fhir"))
        ),
        "redirect_refused",
    ),
    Way(
        "a job on another host",
        scripted(
            always(
                "kickoff",
                lambda _: say(202, None, Content_Location=f"{scripts.ELSEWHERE}/status/1"),
            )
        ),
        "origin_refused",
    ),
    Way("a file of this machine", url(lambda _: "file:///etc/passwd"), "origin_refused"),
    Way(
        "a user name that looks like the host",
        url(lambda world: f"{world.server.base}@localhost:{port(scripts.ELSEWHERE)}/files/e1"),
        "origin_refused",
    ),
    Way(
        "a decimal address",
        url(lambda world: f"http://2130706433:{port(scripts.ELSEWHERE)}/files/e1"),
        "origin_refused",
    ),
    Way(
        "an address by IPv6",
        url(lambda world: f"http://[::ffff:127.0.0.1]:{port(scripts.ELSEWHERE)}/files/e1"),
        "origin_refused",
    ),
    Way(
        "the metadata address",
        url(lambda _: "http://169.254.169.254/latest/meta-data"),
        "origin_refused",
    ),
    Way(
        "a backslash",
        url(lambda world: f"{world.server.base}\\@localhost:{port(scripts.ELSEWHERE)}/e1"),
        "origin_refused",
    ),
    Way(
        "another port",
        url(lambda world: f"http://127.0.0.1:{port(scripts.ELSEWHERE)}/files/e1"),
        "origin_refused",
    ),
    # Manifests.
    Way("a manifest in pages", pages),
    Way("pages while it is at work", lambda world: pages(world, status=202)),
    Way("pages in a circle", lambda world: pages(world, loop=True), "manifest_invalid"),
    Way(
        "pages of two states",
        lambda world: pages(world, time_of="2025-03-03T08:30:00Z"),
        "manifest_invalid",
    ),
    Way(
        "a file listed twice",
        manifest_with(lambda stated, _: stated["output"].append(stated["output"][0])),
        "manifest_invalid",
    ),
    Way(
        "no transaction time",
        manifest_with(lambda stated, _: stated.update(transactionTime=None)),
        "manifest_invalid",
    ),
    Way(
        "a transaction time to come",
        manifest_with(lambda stated, _: stated.update(transactionTime="2099-01-01T00:00:00Z")),
        "manifest_invalid",
    ),
    Way(
        "a manifest that is no JSON",
        scripted(always("status", lambda _: Answer(200, (b"{output:",)))),
        "manifest_invalid",
        naive_stops_too=True,
    ),
    Way(
        "an outcome for a manifest",
        scripted(always("status", lambda _: say(200, outcome()))),
        "manifest_invalid",
        naive_stops_too=True,
    ),
    Way(
        "a manifest without end",
        scripted(always("status", lambda _: Answer(200, (b" " * (17 << 20),)))),
        "answer_too_large",
        naive_stops_too=True,
    ),
    # Jobs.
    Way(
        "an export that never ends",
        scripted(always("status", status(202, Retry_After="120"))),
        "out_of_time",
    ),
    Way("a job that is forgotten", scripted(restarted), "job_forgotten", naive_stops_too=True),
    Way(
        "an order without a job",
        scripted(always("kickoff", status(202))),
        "kickoff_refused",
        naive_stops_too=True,
    ),
    Way("an order that needs GET", scripted(get_only)),
    Way("a DELETE that is refused", scripted(always("delete", status(405)))),
    Way("a DELETE that fails", scripted(always("delete", status(500)))),
]
