"""What the register's table says of itself: its variables, its codes, and why a cell has no number.

A table that is no longer the expected one is named and not read; names and statuses are taken from
what it says, never from what they were the last time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.clients.population_register import RegisterError
from tests.support.pxweb_changes import changed, config
from tests.support.pxweb_server import Change, Document, PxWebServer
from tests.support.register_readers import cells, misleads_the_naive, naive, ours, truth


def raw(text: bytes) -> Change:
    return lambda document: text


def on_table(**values: object) -> Callable[[PxWebServer], None]:
    def apply(server: PxWebServer) -> None:
        for name, value in values.items():
            assert hasattr(server.table, name)
            setattr(server.table, name, value)

    return apply


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
