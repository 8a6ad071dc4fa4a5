"""What a server of population figures is asked, how often, how long, and where it may stand.

Only codes that were real are asked for, by name, in calls that keep to the server's limits.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.clients.population_register import RegisterError, fetch_register
from pipelines.clients.population_register import web as web_module
from tests.support.pxweb_server import FakeClock, PxWebServer
from tests.support.register_readers import (
    VALID,
    YEARS,
    cells,
    misleads_the_naive,
    naive,
    ours,
    truth,
)


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
