"""The register in the zone: kept whole, read without a network, chosen by configuration."""

from __future__ import annotations

import datetime as dt
import json
import socket
import stat
from pathlib import Path

import polars as pl
import pytest

from pipelines.clients.population_register import (
    SCHEMA,
    Provenance,
    Register,
    RegisterError,
    chosen,
    fetch_register,
    keep,
    kept,
    lay_out,
    totals,
)
from pipelines.clients.population_register.pace import Clock, Pace, asked_wait
from pipelines.clients.population_register.places import codes_by_year
from pipelines.clients.population_register.store import PROVENANCE
from pipelines.settings import Settings, Zones, reference_dir
from tests.support.pxweb_server import FakeClock, PxWebServer, Table

YEARS = range(2020, 2027)


def register(*counts: int | None, synthetic: bool = False) -> Register:
    """One municipality, women, one row a year of age."""
    size = len(counts)
    frame = pl.DataFrame(
        {
            "municipality": ["5001"] * size,
            "sex": ["female"] * size,
            "age": list(range(size)),
            "top_coded": [False] * size,
            "on_date": [dt.date(2025, 1, 1)] * size,
            "persons": counts,
            "status": [None if count is not None else ".." for count in counts],
        },
        schema=SCHEMA,
    )
    provenance = Provenance(
        publisher="synthetic" if synthetic else "ssb",
        synthetic=synthetic,
        source="Statistisk sentralbyrå",
        licence="CC BY 4.0",
        table="07459",
        url="https://data.ssb.no/api/pxwebapi/v2/tables/07459/data",
        updated=None,
        retrieved_at=None,
        coding="plain",
        replies=(),
    )
    return Register(frame, provenance)


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Settings(home=tmp_path / "home").zones.create()


def test_the_whole_region_is_fetched_kept_and_read_without_a_network(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real codes, real ages: 66 to 67 municipalities, 106 ages, seven years."""
    clock = FakeClock()
    codes = codes_by_year(reference_dir(), YEARS)
    regions = tuple(sorted({code for each in codes.values() for code in each}))
    with PxWebServer(clock) as server:
        server.table = Table(regions=regions, ages=(*(f"{age:03}" for age in range(105)), "105+"))
        server.config["maxDataCells"] = 60_000
        fetched = fetch_register(server.url, reference_dir(), YEARS, clock=clock)
        keep(zones.register / "ssb", fetched)
        asked = len(server.calls)
    monkeypatch.setattr(socket, "socket", None)
    found = chosen(zones, "ssb", synthetic_persons=False)
    assert found is not None
    assert found.frame.height == sum(map(len, codes.values())) * 2 * 106
    assert found.frame.schema == SCHEMA
    assert found.provenance.rows == found.frame.height
    assert (len(codes[2023]), len(codes[2024])) == (66, 67)
    assert len(found.provenance.replies) == asked - 2
    per_year = totals(found)
    assert per_year["municipalities"].to_list() == [66] * 4 + [67] * 3
    assert per_year["unknown"].sum() == 0


def test_where_a_register_comes_from_is_written_beside_it(zones: Zones) -> None:
    clock = FakeClock()
    with PxWebServer(clock) as server:
        server.change["/data"] = lambda document: document.update(
            status={"0": ".."}, value=[None, *document["value"][1:]]
        )
        folder = zones.register / "ssb"
        (zones.home / "municipalities.csv").write_text(
            "municipality_code,valid_from,valid_to\n5001,,\n"
        )
        made = keep(folder, fetch_register(server.url, zones.home, [2025], clock=clock))
    said = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    assert said["publisher"] == "ssb"
    assert said["synthetic"] is False
    assert said["source"] == "Statistisk sentralbyrå"
    assert said["licence"] == "CC BY 4.0"
    assert said["table"] == "07459"
    assert said["url"].endswith("/api/v2/tables/07459/data")
    assert "?" not in said["url"]
    assert said["updated"] == "2026-02-24T07:00:00Z"
    assert said["retrieved_at"].startswith("2026-03-01T12:")
    (reply,) = said["replies"]
    assert len(reply["sha256"]) == 64
    assert reply["query"] == {
        "Region": "5001",
        "Kjonn": "2…1 (2)",
        "Alder": "000…005+ (6)",
        "ContentsCode": "Personer1",
        "Tid": "2025",
    }
    assert made.frame["persons"].null_count() == 1
    assert made.frame.filter(pl.col("persons").is_null())["status"].to_list() == [".."]
    files = sorted(folder.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_fetch_that_fails_leaves_what_was_there(zones: Zones) -> None:
    folder = zones.register / "ssb"
    keep(folder, register(1, 2))
    with pytest.raises(RegisterError, match="expected one row a key"):
        keep(folder, Register(pl.concat([register(1).frame] * 2), register(1).provenance))
    found = kept(folder)
    assert found is not None
    assert found.frame["persons"].to_list() == [1, 2]
    keep(folder, register(3))
    found = kept(folder)
    assert found is not None
    assert found.frame["persons"].to_list() == [3]
    assert len(list(folder.glob("*.parquet"))) == 1


def test_a_killed_writer_leaves_the_old_register(zones: Zones) -> None:
    """The new rows lie there; as long as no provenance names them they are nobody's register.

    The twin is a reader that takes the newest file.
    """
    folder = zones.register / "ssb"
    keep(folder, register(1, 2))
    register(9).frame.write_parquet(folder / "population-ffffffffffffffff.parquet")
    found = kept(folder)
    assert found is not None
    assert found.frame["persons"].to_list() == [1, 2]
    (folder / ".building.parquet.x.tmp").touch()
    keep(folder, register(1, 2))
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []
    register(9).frame.write_parquet(folder / "population-ffffffffffffffff.parquet")
    newest = max(folder.glob("population-*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    assert pl.read_parquet(newest)["persons"].to_list() == [9]


def damage_rows(folder: Path) -> None:
    (path,) = folder.glob("*.parquet")
    register(7).frame.write_parquet(path)


def remove_rows(folder: Path) -> None:
    (path,) = folder.glob("*.parquet")
    path.unlink()


def damage_provenance(folder: Path) -> None:
    (folder / PROVENANCE).write_text("{}")


@pytest.mark.parametrize("damage", [damage_rows, remove_rows, damage_provenance])
def test_a_damaged_register_is_no_register(damage, zones: Zones) -> None:
    folder = zones.register / "ssb"
    keep(folder, register(1))
    damage(folder)
    with pytest.raises(RegisterError, match="folkepuls register fetch"):
        chosen(zones, "ssb", synthetic_persons=False)


def test_configuration_chooses(zones: Zones) -> None:
    keep(zones.register / "ssb", register(1))
    keep(zones.register / "synthetic", register(2, synthetic=True))
    for choice, persons in (("ssb", [1]), ("synthetic", [2])):
        found = chosen(zones, choice, synthetic_persons=True)
        assert found is not None
        assert found.frame["persons"].to_list() == persons
    assert chosen(zones, "none", synthetic_persons=True) is None


def test_without_a_register_there_is_none_and_a_wanted_one_is_missed(zones: Zones) -> None:
    assert chosen(zones, "synthetic", synthetic_persons=False) is None
    with pytest.raises(RegisterError, match="folkepuls register fetch"):
        chosen(zones, "ssb", synthetic_persons=False)


def test_a_made_up_register_never_stands_beside_real_persons(zones: Zones) -> None:
    keep(zones.register / "synthetic", register(2, synthetic=True))
    assert chosen(zones, "synthetic", synthetic_persons=None) is not None
    with pytest.raises(RegisterError, match="may not stand beside real persons"):
        chosen(zones, "synthetic", synthetic_persons=False)


def test_what_dbt_reads_is_there_in_any_case(zones: Zones) -> None:
    path = lay_out(zones, None)
    assert pl.read_parquet_schema(path) == SCHEMA
    assert pl.read_parquet(path).is_empty()
    lay_out(zones, register(1, None))
    assert pl.read_parquet(path)["persons"].to_list() == [1, None]


def test_the_setting_is_one_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POPULATION_REGISTER", "POPULATION_REGISTER_URL"):
        monkeypatch.delenv(f"FOLKEPULS_{name}", raising=False)
    assert Settings().population_register == "synthetic"
    assert Settings().population_register_url.startswith("https://")
    monkeypatch.setenv("FOLKEPULS_POPULATION_REGISTER", "scb")
    with pytest.raises(ValueError, match="population_register"):
        Settings()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-5", -5.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", -3600.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("9" * 400, None),
    ],
)
def test_what_a_server_asks_to_wait(header: str | None, seconds: float | None) -> None:
    now = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    assert asked_wait(header, now) == seconds


@pytest.mark.parametrize(("calls", "window"), [(1, 5.0), (3, 10.0), (30, 60.0)])
def test_no_window_holds_more_calls_than_allowed(calls: int, window: float) -> None:
    """Any stretch of a window's length, not only those that begin at a full minute."""
    fake = FakeClock()
    pace = Pace(Clock(fake.monotonic, fake.sleep, fake.now))
    pace.limit(calls, window)
    made = []
    for number in range(calls * 4):
        pace.next_call()
        made.append(fake.seconds)
        fake.seconds += 0.1 * (number % 3)
    crowded = [at for at in made if sum(at <= other < at + window for other in made) > calls]
    assert crowded == []
    assert made[-1] - made[0] < window * 4


def test_a_pause_is_kept_and_clamped() -> None:
    fake = FakeClock()
    pace = Pace(Clock(fake.monotonic, fake.sleep, fake.now))
    for asked, waited in ((5.0, 5.0), (0.0, 1.0), (10**9, 300.0), (float("inf"), 300.0)):
        pace.pause(asked)
        pace.next_call()
        assert fake.waits.pop() == pytest.approx(waited)
