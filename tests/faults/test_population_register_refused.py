"""Replies of a server of population figures that cannot be right: refused, with what was expected.

A reader is naive that asks for everything, trusts the status, fills in what is null and reads the
values in the order in which it expects them (``tests/support/register_readers``).
What misleads it is refused by ours, and nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.clients.population_register import RegisterError
from tests.support.pxweb_changes import changed, moods, other_order, refusal, sparse
from tests.support.pxweb_server import PROBLEM, Change, Document, Mood, PxWebServer, problem
from tests.support.register_readers import misleads_the_naive, ours, truth


def missing_municipality(document: Document) -> None:
    """5001 is gone from the reply, with its values."""
    category = document["dimension"]["Region"]["category"]
    del category["index"]["5001"], category["label"]["5001"]
    kept = document["size"][0] - 1
    document["value"] = document["value"][: len(document["value"]) * kept // document["size"][0]]
    document["size"][0] = kept


def other_municipality(document: Document) -> None:
    category = document["dimension"]["Region"]["category"]
    for part in ("index", "label"):
        category[part]["5002"] = category[part].pop("5001")
    document["value"] = [value + 1 for value in document["value"]]


def with_value(place: int, value: object) -> Change:
    return lambda document: document["value"].__setitem__(place, value)


def without(name: str) -> Change:
    return lambda document: document.pop(name) and None


def wrong_sizes(document: Document) -> None:
    """The oldest are in the list of codes, and neither in the sizes nor among the values."""
    document["size"][2] -= 1
    ages, block = len(document["dimension"]["Alder"]["category"]["index"]), document["size"][4]
    values = document["value"]
    document["value"] = [
        value for place, value in enumerate(values) if place // block % ages < ages - 1
    ]


def no_dimensions(document: Document) -> None:
    other_order(document)
    del document["dimension"]


def too_few_values(document: Document) -> None:
    document["value"] = document["value"][:-1]


def older_version(document: Document) -> Document:
    return {"dataset": document}


def a_name_twice(document: Document) -> bytes:
    sparse(document)
    text = json.dumps(document)
    return text.replace('"0": ', '"0": 1, "0": ', 1).encode()


def position_too_high(document: Document) -> None:
    sparse(document)
    document["value"]["999999"] = document["value"].pop("0")


def strange_status(document: Document) -> None:
    document["status"] = {"0": "?"}
    document["value"][0] = 0


def not_a_number(document: Document) -> bytes:
    return json.dumps(document).replace('"value": [', '"value": [NaN, ', 1).encode()


def changed_since(document: Document) -> None:
    document["updated"] = "2026-02-25T07:00:00Z"


def summed_ages(document: Document) -> None:
    """The reply has one row of all ages: the variable was eliminated."""
    document["size"][2] = 1
    document["dimension"]["Alder"]["category"] = {"index": {"000": 0}, "label": {"000": "Alle"}}
    document["value"] = document["value"][::6]


def json_reply(body: bytes, kind: str = "application/json", status: int = 200) -> Mood:
    return Mood("/data", status, {"Content-Type": kind}, body)


REFUSED: dict[str, tuple[Callable[[PxWebServer], None], str]] = {
    "HTML with 200": (
        moods(json_reply(b"<html>Vedlikehold</html>", "text/html; charset=utf-8")),
        "expected JSON, got text/html",
    ),
    "HTML that calls itself JSON": (moods(json_reply(b"<html>")), "expected JSON in UTF-8"),
    "another encoding": (moods(json_reply('{"ø": 1}'.encode("latin-1"))), "JSON in UTF-8"),
    "half a reply": (moods(json_reply(b'{"version": "2.0", "cla')), "expected JSON in UTF-8"),
    "brackets without end": (moods(json_reply(b"[" * 100_000)), "expected JSON in UTF-8"),
    "a list": (moods(json_reply(b"[]")), "expected an object, got list"),
    "500 for good": (moods(*[refusal(500)] * 6), "tried 6 times; the last: status 500"),
    "429 for good": (moods(*[refusal(429)] * 6), "status 429 [(]Too many requests[)]"),
    "cut off for good": (
        moods(*[Mood("/data", 200, {"Content-Type": "application/json"}, b"{}" * 9, True)] * 6),
        "no answer [(]RemoteProtocolError[)]",
    ),
    "404": (
        moods(json_reply(problem("Non-existent table", 404), PROBLEM, 404)),
        "expected status 200, got 404 [(]Non-existent table[)]",
    ),
    "400": (
        moods(json_reply(problem("Bad Request", 400, "Value, x"), PROBLEM, 400)),
        "got 400 [(]Bad Request; Value, x[)]",
    ),
    "led elsewhere": (
        moods(Mood("/data", 302, {"Location": "http://192.0.2.1/"})),
        "expected status 200, got 302",
    ),
    "not what gzip says": (
        moods(Mood("/data", 200, {"Content-Type": "application/json", "Content-Encoding": "gzip"},
                   b"nonsense")),
        "can be unpacked",
    ),
    "older JSON-stat": (changed(older_version), "JSON-stat 2.0"),
    "sizes that do not fit": (changed(wrong_sizes), "dimension.Alder: expected as many"),
    "too few values": (changed(too_few_values), "expected 72 values by size, got 71"),
    "no values": (changed(without("value")), "value: expected a list"),
    "no dimensions": (changed(no_dimensions), "dimension: expected an object"),
    "text for a number": (changed(with_value(0, "12")), "value: expected numbers"),
    "true for a number": (changed(with_value(0, True)), "value: expected numbers"),
    "NaN": (changed(not_a_number), "expected numbers of JSON, got NaN"),
    "a name twice": (changed(a_name_twice), "each name of an object once"),
    "a position too high": (changed(position_too_high), "positions below 72"),
    "half a person": (changed(with_value(0, 1.5)), "whole numbers of persons, got 1 cells"),
    "fewer than nobody": (changed(with_value(0, -1)), "whole numbers of persons, got 1 cells"),
    "an unknown status": (changed(strange_status), "status: expected one of"),
    "a municipality missing": (changed(missing_municipality), "Region: .* not 5001"),
    "another municipality": (changed(other_municipality), "Region: .* got 1 others and not 5001"),
    "ages summed": (changed(summed_ages), "Alder: expected the 6 codes"),
    "changed between calls": (changed(changed_since), "changed while it was fetched"),
}  # fmt: skip
SEEN_BY_TIME_ALONE = {"changed between calls"}
"""Figures of two versions of the table: right one by one, and no table together."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_right_is_refused(case: str, server: PxWebServer, reference: Path) -> None:
    prepare, said = REFUSED[case]
    prepare(server)
    with pytest.raises(RegisterError, match=said) as refused:
        ours(server, reference)
    assert "?" not in str(refused.value).replace("[?]", "")
    assert "127.0.0.1" not in str(refused.value)
    assert len(str(refused.value)) < 400
    twin = PxWebServer()
    prepare(twin)
    with twin:
        # Something wrong that is given once only would be gone for the second of its calls.
        assert misleads_the_naive(twin, truth()) or case in SEEN_BY_TIME_ALONE
