"""A server of population figures that limits, refuses for a while and answers in other forms.

A reader is naive that asks for everything, trusts the status, fills in what is null and reads the
values in the order in which it expects them (``tests/support/register_readers``).
What misleads it costs ours time, and no cell: the register is right to the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pxweb_changes import changed, config, moods, other_order, refusal, sparse
from tests.support.pxweb_server import Change, Document, Mood, PxWebServer
from tests.support.register_readers import cells, misleads_the_naive, naive, ours, truth


def test_a_sound_server_gives_both_the_same(server: PxWebServer, reference: Path) -> None:
    """The naive reader is a fair twin: where nothing is wrong, it is right."""
    assert cells(ours(server, reference)) == truth()
    assert naive(server) == truth()


def few_cells(status: int) -> Callable[[PxWebServer], None]:
    def apply(server: PxWebServer) -> None:
        server.config["maxDataCells"] = 50
        server.cells_status = status

    return apply


def index_as_list(document: Document) -> None:
    for one in document["dimension"].values():
        one["category"]["index"] = list(one["category"]["index"])


def codes_in_another_order(document: Document) -> None:
    """Women and men change places; the object names the places and is in the old order."""
    place = document["dimension"]["Kjonn"]["category"]["index"]
    place.update({"2": place["1"], "1": place["2"]})
    ages = len(document["dimension"]["Alder"]["category"]["index"])
    years = len(document["dimension"]["Tid"]["category"]["index"])
    block = ages * years
    blocks = [document["value"][at : at + block] for at in range(0, len(document["value"]), block)]
    turned = [blocks[at ^ 1] for at in range(len(blocks))]
    document["value"] = [value for one in turned for value in one]


PASSING: dict[str, tuple[Callable[[PxWebServer], None], tuple[float, ...] | None]] = {
    "too many cells, 403": (few_cells(403), None),
    "too many cells, 400": (few_cells(400), None),
    "few calls in a window": (config(maxDataCells=50, maxCallsPerTimeWindow=3), None),
    "429 with seconds": (moods(refusal(429, Retry_After="7")), (7.0,)),
    "429 with a date": (
        moods(refusal(429, Retry_After="Sun, 01 Mar 2026 12:17:00 GMT")),
        (20.0,),
    ),
    "429 without a word": (moods(refusal(429)), (60.0,)),
    "429 with milliseconds": (moods(refusal(429, Retry_After="60000")), (300.0,)),
    "429 with an absurd wait": (moods(refusal(429, Retry_After="999999999999")), (300.0,)),
    "429 with a wait in the past": (moods(refusal(429, Retry_After="-5")), (1.0,)),
    "429 with nonsense": (moods(refusal(429, Retry_After="soon")), (60.0,)),
    "429 twice": (
        moods(refusal(429, Retry_After="2"), refusal(429, Retry_After="3")),
        (2.0, 3.0),
    ),
    "500 five times": (moods(*[refusal(500)] * 5), (1.0, 2.0, 4.0, 8.0, 16.0)),
    "503 with seconds": (moods(refusal(503, Retry_After="4")), (4.0,)),
    "cut off in the middle": (
        moods(Mood("/data", 200, {"Content-Type": "application/json"}, b"{}" * 500, True)),
        (1.0,),
    ),
    "sparse values": (changed(sparse), ()),
    "dimensions in another order": (changed(other_order), ()),
    "codes in another order": (changed(codes_in_another_order), ()),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_costs_time_and_no_cell(
    case: str, server: PxWebServer, reference: Path
) -> None:
    prepare, waits = PASSING[case]
    prepare(server)
    assert cells(ours(server, reference)) == truth()
    if waits is not None:
        assert server.clock.waits == pytest.approx(waits, abs=1.0)
    assert server.refused == 0
    twin = PxWebServer()
    prepare(twin)
    with twin:
        assert misleads_the_naive(twin, truth())


@pytest.mark.parametrize("form", [index_as_list])
def test_a_list_of_codes_is_as_good_as_an_object(
    form: Change, server: PxWebServer, reference: Path
) -> None:
    server.change = {"/data": form, "/metadata": form}
    assert cells(ours(server, reference)) == truth()
