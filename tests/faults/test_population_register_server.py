"""A server of population figures that limits, fails and errs; each time beside a naive reader.

A reader is naive that asks for everything, trusts the status, fills in what is null and reads the
values in the order in which it expects them. What misleads it must not mislead ours: the register
is right to the last cell, or it is refused with what was expected and nothing is kept.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

from pipelines.clients.population_register import Register, RegisterError, fetch_register
from pipelines.clients.population_register import web as web_module
from tests.support.pxweb_server import (
    PROBLEM,
    Change,
    Document,
    FakeClock,
    Mood,
    PxWebServer,
    persons,
    problem,
)

CODES = """municipality_code,valid_from,valid_to
1505,,
1507,2020-01-01,2023-12-31
1508,2024-01-01,
1580,2024-01-01,
5001,2018-01-01,
"""
YEARS = range(2022, 2026)
VALID = {
    year: ("1505", "1507", "5001") if year < 2024 else ("1505", "1508", "1580", "5001")
    for year in YEARS
}
SEX = {"female": "2", "male": "1"}
Cell = tuple[str, str, int, int]


@pytest.fixture
def server() -> Iterator[PxWebServer]:
    with PxWebServer() as one:
        yield one


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    (folder / "municipalities.csv").write_text(CODES)
    return folder


def truth() -> dict[Cell, int | None]:
    """What the server's table holds about real municipalities."""
    return {
        (region, sex, age, year): persons(region, code, f"{age:03}", str(year))
        for year, regions in VALID.items()
        for region, (sex, code), age in itertools.product(regions, SEX.items(), range(6))
    }


def cells(register: Register) -> dict[Cell, int | None]:
    return {
        (region, sex, age, on.year): count
        for region, sex, age, on, count in register.frame.select(
            "municipality", "sex", "age", "on_date", "persons"
        ).iter_rows()
    }


def ours(server: PxWebServer, reference: Path, coding="plain") -> Register:
    return fetch_register(server.url, reference, YEARS, coding, server.clock)


def naive(server: PxWebServer) -> dict[Cell, int | None]:
    """Year by year, all codes that it knows, values in the order of the codes it asked for."""
    found: dict[Cell, int | None] = {}
    regions = ("1505", "1507", "1508", "1580", "5001")
    ages = [f"{age:03}" for age in range(5)] + ["005+"]
    for year in YEARS:
        selection = {
            "Region": regions,
            "Kjonn": ("2", "1"),
            "Alder": ages,
            "ContentsCode": ["Personer1"],
            "Tid": [str(year)],
        }
        body = {
            "selection": [
                {"variableCode": name, "valueCodes": list(codes)}
                for name, codes in selection.items()
            ]
        }
        with httpx.Client(trust_env=False, verify=False) as client:
            reply = client.post(f"{server.url}/tables/07459/data", json=body)
        values = [value or 0 for value in reply.json()["value"]]
        keys = itertools.product(regions, ("female", "male"), range(6))
        for (region, sex, age), count in zip(keys, values, strict=False):
            if region in VALID[year]:
                found[region, sex, age, year] = count
    return found


def misleads_the_naive(server: PxWebServer, expected: dict[Cell, int | None]) -> bool:
    try:
        return naive(server) != expected
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # It stumbles over the reply; what it was not made to meet would be a fault of the test.
        return True


def test_a_sound_server_gives_both_the_same(server: PxWebServer, reference: Path) -> None:
    """The naive reader is a fair twin: where nothing is wrong, it is right."""
    assert cells(ours(server, reference)) == truth()
    assert naive(server) == truth()


# --- what passes: the register is complete all the same


def config(**values: object) -> Callable[[PxWebServer], None]:
    return lambda server: server.config.update(values)


def moods(*each: Mood) -> Callable[[PxWebServer], None]:
    return lambda server: server.moods.extend(each)


def changed(change: Change, where: str = "/data") -> Callable[[PxWebServer], None]:
    return lambda server: server.change.update({where: change})


def refusal(status: int, **headers: str) -> Mood:
    said = {"Content-Type": PROBLEM} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Mood("/data", status, said, problem("Too many requests", status))


def on_table(**values: object) -> Callable[[PxWebServer], None]:
    def apply(server: PxWebServer) -> None:
        for name, value in values.items():
            assert hasattr(server.table, name)
            setattr(server.table, name, value)

    return apply


def few_cells(status: int) -> Callable[[PxWebServer], None]:
    def apply(server: PxWebServer) -> None:
        server.config["maxDataCells"] = 50
        server.cells_status = status

    return apply


def sparse(document: Document) -> None:
    """Values by position, in no order."""
    values = list(enumerate(document["value"]))[::-1]
    document["value"] = {str(place): value for place, value in values}


def other_order(document: Document) -> None:
    """Dimensions the other way round, with the values in their order."""
    names, sizes, values = document["id"], document["size"], document["value"]
    table = pl.DataFrame(list(itertools.product(*map(range, sizes))), schema=names, orient="row")
    table = table.with_columns(value=pl.Series(values)).sort(names[::-1])
    document.update(id=names[::-1], size=sizes[::-1], value=table["value"].to_list())


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


# --- what does not pass: refused, with what was expected


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


def raw(text: bytes) -> Change:
    return lambda document: text


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


SEEN_BY_TIME_ALONE = {"changed between calls"}
"""Figures of two versions of the table: right one by one, and no table together."""


# --- what the table says of itself


def metadata(change: Change) -> Callable[[PxWebServer], None]:
    return changed(change, "/metadata")


def dropped(name: str) -> Change:
    def change(document: Document) -> None:
        place = document["id"].index(name)
        del document["id"][place], document["size"][place], document["dimension"][name]
        document["role"] = {}

    return change


def added(document: Document) -> None:
    document["id"].append("Sivilstand")
    document["size"].append(1)
    document["dimension"]["Sivilstand"] = {"category": {"index": ["0"]}}


def labelled(variable: str, **labels: str) -> Change:
    def change(document: Document) -> None:
        names = {code.removeprefix("c"): label for code, label in labels.items()}
        document["dimension"][variable]["category"]["label"].update(names)

    return change


def without_open_group(document: Document) -> None:
    category = document["dimension"]["Alder"]["category"]
    category["index"] = {code.removesuffix("+"): at for code, at in category["index"].items()}
    category["label"] = {code: f"{code} år" for code in category["index"]}


def one_cell(server: PxWebServer) -> None:
    server.config["maxDataCells"] = 1
    server.table.ages = (*(f"{age:03}" for age in range(40)), "040+")


EXPECTED: dict[str, tuple[Callable[[PxWebServer], None], str]] = {
    **{
        f"no {name}": (metadata(dropped(name)), f"{name}: expected this variable, got none")
        for name in ("Region", "Kjonn", "Alder", "ContentsCode", "Tid")
    },
    "one more variable": (metadata(added), "Sivilstand: expected no such variable"),
    "another measure": (
        metadata(lambda d: d["dimension"]["ContentsCode"].update(category={"index": ["Folk"]})),
        "ContentsCode: expected a measure Personer1",
    ),
    "quarters": (on_table(years=("2024K1", "2024K2")), "Tid: expected calendar years"),
    "sexes of one name": (metadata(labelled("Kjonn", c1="Kvinner")), "Kjonn: expected one code"),
    "sexes without names": (
        metadata(labelled("Kjonn", c1="A", c2="B")),
        "Kjonn: expected one code for women and one for men, got 0",
    ),
    "ages in groups": (on_table(ages=("000-004", "005+")), "Alder: expected codes such as"),
    "an age left out": (on_table(ages=("000", "002", "003+")), "Alder: expected each year"),
    "nobody oldest": (metadata(without_open_group), "Alder: expected an open group"),
    "no municipality": (on_table(regions=("0", "1505", "1507")), "Region: .* none of 1508, 1580"),
    "a year too few": (on_table(years=("2022", "2023", "2024")), "Tid: expected 2025"),
    "no limit of cells": (config(maxDataCells=None), "config: maxDataCells: expected a whole"),
    "a limit as text": (config(timeWindow="60"), "config: timeWindow: expected a whole"),
    "no calls": (
        changed(lambda d: d.update(maxCallsPerTimeWindow=0), "/config"),
        "config: maxCallsPerTimeWindow: expected",
    ),
    "one cell a call": (one_cell, "expected room for the table in 300 calls"),
    "config is a list": (changed(raw(b"[]"), "/config"), "config: expected a JSON object"),
    "metadata is text": (metadata(raw(b'"x"')), "metadata: expected an object, got str"),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_a_table_that_has_changed_is_named_and_not_read(
    case: str, server: PxWebServer, reference: Path
) -> None:
    prepare, said = EXPECTED[case]
    prepare(server)
    with pytest.raises(RegisterError, match=said):
        ours(server, reference)
    assert not [body for body in server.data_calls() if "Tid" not in json.dumps(body)]
    assert server.data_calls() == []


def test_sexes_go_by_their_names(server: PxWebServer, reference: Path) -> None:
    """The twin takes 2 for women, whatever the table says of it."""
    server.table.sexes = {"2": "Menn", "1": "Kvinner"}
    swapped = {"female": "male", "male": "female"}
    expected = {(r, swapped[s], a, y): count for (r, s, a, y), count in truth().items()}
    assert cells(ours(server, reference)) == expected
    assert naive(server) == truth() != expected


def test_the_oldest_are_those_that_the_table_counts_together(
    server: PxWebServer, reference: Path
) -> None:
    """The twin asks for 005+, which has become 004+."""
    server.table.ages = ("000", "001", "002", "003", "004+")
    frame = ours(server, reference).frame
    assert frame.filter("top_coded")["age"].unique().to_list() == [4]
    assert frame["age"].max() == 4
    assert misleads_the_naive(server, truth())


def test_an_open_group_may_be_told_by_its_name(server: PxWebServer, reference: Path) -> None:
    server.table.ages = ("000", "001", "002", "003", "004", "005")
    server.change["/metadata"] = labelled("Alder", c005="005 år eller eldre")
    frame = ours(server, reference).frame
    assert frame.filter("top_coded")["age"].unique().to_list() == [5]


@pytest.mark.parametrize(
    ("symbol", "value", "expected"),
    [
        (".", None, None),
        ("..", None, None),
        (":", None, None),
        (None, None, None),
        ("..", 0, None),
        (".", 12, None),
        ("-", 0, 0),
        ("*", 12, 12),
        ("", 12, 12),
    ],
)
def test_no_number_is_not_nobody(
    symbol: str | None,
    value: int | None,
    expected: int | None,
    server: PxWebServer,
    reference: Path,
) -> None:
    def change(document: Document) -> None:
        document["value"][0] = value
        if symbol is not None:
            document["status"] = {"0": symbol}

    server.change["/data"] = change
    frame = ours(server, reference).frame
    first = frame.filter(
        (pl.col("municipality") == "1505") & (pl.col("sex") == "female") & (pl.col("age") == 0)
    ).sort("on_date")
    assert first["persons"][0] == expected
    assert first["status"][0] == (symbol or None)
    if expected is None and not value:
        assert naive(server)["1505", "female", 0, 2022] == 0


@pytest.mark.parametrize("form", ["text", "list"])
def test_a_status_may_come_in_every_form_of_the_standard(
    form: str, server: PxWebServer, reference: Path
) -> None:
    def change(document: Document) -> None:
        document["status"] = ".." if form == "text" else [".."] * len(document["value"])

    server.change["/data"] = change
    frame = ours(server, reference).frame
    assert frame["persons"].null_count() == frame.height
    assert set(frame["status"]) == {".."}


# --- what is asked


def test_only_codes_that_were_real_are_asked_for(server: PxWebServer, reference: Path) -> None:
    """The twin asks for 1508 before 2024 and gets what was worked out backwards."""
    frame = ours(server, reference).frame
    by_year = frame.group_by(pl.col("on_date").dt.year()).agg(pl.col("municipality").unique())
    assert {year: set(codes) for year, codes in by_year.iter_rows()} == {
        year: set(codes) for year, codes in VALID.items()
    }
    asked = [
        (codes["Region"]["valueCodes"], codes["Tid"]["valueCodes"])
        for codes in (
            {one["variableCode"]: one for one in body["selection"]} for body in server.data_calls()
        )
    ]
    early = [regions for regions, years in asked if set(years) & {"2022", "2023"}]
    assert early
    assert not any({"1508", "1580"} & set(regions) for regions in early)
    server.calls.clear()
    naive(server)
    assert any("1508" in json.dumps(body) for body in server.data_calls()[:1])


def test_every_variable_is_asked_for_by_name(server: PxWebServer, reference: Path) -> None:
    ours(server, reference)
    for body in server.data_calls():
        named = {one["variableCode"]: one["valueCodes"] for one in body["selection"]}
        assert set(named) == {"Region", "Kjonn", "Alder", "ContentsCode", "Tid"}
        assert not any("*" in codes or "?" in codes for codes in named.values())


def test_municipalities_can_be_asked_for_by_the_codelist_that_sums(
    server: PxWebServer, reference: Path
) -> None:
    """1507 is no more, so the list has it not: it is asked for by its own code."""
    register = ours(server, reference, coding="summed")
    assert cells(register) == truth()
    lists = {
        (one.get("codelist"), code)
        for body in server.data_calls()
        for one in body["selection"]
        if one["variableCode"] == "Region"
        for code in one["valueCodes"]
    }
    assert (None, "1507") in lists
    assert ("agg_KommSummer", "K-5001") in lists
    assert (None, "5001") not in lists


def test_a_table_without_that_codelist_says_so(server: PxWebServer, reference: Path) -> None:
    server.change["/metadata"] = lambda d: d["dimension"]["Region"].update(extension={})
    with pytest.raises(RegisterError, match="expected a codelist agg_KommSummer"):
        ours(server, reference, coding="summed")


@pytest.mark.parametrize("most", [7, 13, 36, 50, 71, 72, 73, 143, 144, 10_000])
def test_no_reply_holds_more_cells_than_allowed_and_none_is_asked_twice(
    most: int, server: PxWebServer, reference: Path
) -> None:
    server.config["maxDataCells"] = most
    assert cells(ours(server, reference)) == truth()
    sizes = []
    for body in server.data_calls():
        size = 1
        for one in body["selection"]:
            size *= len(one["valueCodes"])
        sizes.append(size)
    assert max(sizes) <= most
    assert sum(sizes) == len(truth())


def test_calls_keep_to_the_window(server: PxWebServer, reference: Path) -> None:
    """The server counts by the same clock and refuses nobody; the twin does not count."""
    server.config.update(maxDataCells=24, maxCallsPerTimeWindow=4, timeWindow=10)
    ours(server, reference)
    assert server.refused == 0
    assert len(server.calls) > 8
    assert sum(server.clock.waits) == pytest.approx((len(server.calls) - 1) // 4 * 10)
    server.config.update(maxDataCells=800_000, maxCallsPerTimeWindow=2)
    server.clock.seconds += 100
    assert misleads_the_naive(server, truth())
    assert server.refused


def test_a_reply_without_end_is_cut(
    server: PxWebServer, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "LONGEST_REPLY", 1000)
    with pytest.raises(RegisterError, match="at most 1000 bytes"):
        ours(server, reference)


def test_a_reply_that_drips_is_cut(
    server: PxWebServer, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "LONGEST_CALL", -1.0)
    with pytest.raises(RegisterError, match="no end within"):
        ours(server, reference)
    assert len(server.calls) == 6


@pytest.mark.parametrize(
    "url",
    [
        "http://data.ssb.no/api/pxwebapi/v2",
        "ftp://data.ssb.no/",
        "data.ssb.no",
        "https://user:secret@data.ssb.no/api",
        "https://data.ssb.no/api?key=secret",
        "https://data.ssb.no/api#secret",
        "https://data.ssb.no:port/",
        "http://[::1",
        "http://127.0.0.1.example.org/",
        "http://localhost.example.org/",
        "",
    ],
)
def test_an_address_that_may_not_be_asked_is_not(url: str, reference: Path) -> None:
    with pytest.raises(RegisterError, match="FOLKEPULS_POPULATION_REGISTER_URL") as refused:
        fetch_register(url, reference, YEARS, clock=FakeClock())
    assert "secret" not in str(refused.value)


def test_years_before_the_known_borders_are_refused(server: PxWebServer, reference: Path) -> None:
    with pytest.raises(RegisterError, match="expected 2020 or later"):
        fetch_register(server.url, reference, range(2019, 2022), clock=server.clock)


def test_without_years_every_one_is_fetched_that_can_be(
    server: PxWebServer, reference: Path
) -> None:
    register = fetch_register(server.url, reference, clock=server.clock)
    assert register.frame["on_date"].dt.year().unique().sort().to_list() == list(range(2020, 2027))
