"""``folkepuls register``, and the asset that lays the configured register out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from dagster import materialize
from typer.testing import CliRunner

from pipelines.assets.register import population
from pipelines.cli import app
from pipelines.clients.population_register import RegisterError, keep, kept
from pipelines.errors import is_spoken, message_of
from pipelines.resources import FolkepulsResource
from pipelines.settings import Settings, Zones
from tests.support.library_warnings import ignoring_library_warnings
from tests.support.pxweb_server import PxWebServer, Table
from tests.unit.test_population_register import register

pytestmark = ignoring_library_warnings
RUNNER = CliRunner()


@pytest.fixture
def server() -> Iterator[PxWebServer]:
    with PxWebServer() as one:
        codes = pl.read_csv(
            Path(__file__).parents[2] / "data/reference/municipalities.csv", infer_schema=False
        )["municipality_code"]
        one.table = Table(regions=tuple(codes))
        yield one


@pytest.fixture
def zones(tmp_path: Path, server: PxWebServer, monkeypatch: pytest.MonkeyPatch) -> Zones:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOLKEPULS_POPULATION_REGISTER_URL", server.url)
    monkeypatch.setenv("FOLKEPULS_POPULATION_REGISTER", "ssb")
    return Settings().zones.create()


def said(*arguments: str) -> str:
    result = RUNNER.invoke(app, ["register", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_is_fetched_when_asked_for_and_shown_without_asking(
    zones: Zones, server: PxWebServer
) -> None:
    assert "in 2 calls" in said("fetch", "--years", "2023-2024")
    calls = len(server.calls)
    shown = said("show")
    assert len(server.calls) == calls
    for word in ("Statistisk sentralbyrå", "07459", "CC BY 4.0", "2026-02-24", "2023", "2024"):
        assert word in shown
    found = kept(zones.register / "ssb")
    assert found is not None
    assert found.frame["on_date"].dt.year().unique().to_list() == [2023, 2024]


def test_a_register_that_is_not_used_says_how_to_use_it(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_POPULATION_REGISTER", "none")
    assert "FOLKEPULS_POPULATION_REGISTER=ssb" in said("fetch", "--years", "2024", "--plain")
    assert "No population register is used" in said("show")


def test_years_that_are_there_are_let_go_only_when_that_is_meant(
    zones: Zones, server: PxWebServer
) -> None:
    said("fetch", "--years", "2023-2024")
    calls = len(server.calls)
    with pytest.raises(RegisterError, match=r"also has 2023. .*--replace"):
        said("fetch", "--years", "2024-2025")
    assert len(server.calls) == calls
    said("fetch", "--years", "2023-2025")
    said("fetch", "--years", "2025", "--replace")
    found = kept(zones.register / "ssb")
    assert found is not None
    assert found.frame["on_date"].dt.year().unique().to_list() == [2025]


def test_a_register_that_nobody_has_written_is_told_apart_from_one_that_is_not_used(
    zones: Zones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_POPULATION_REGISTER", "synthetic")
    told = said("show")
    assert "There is no register yet" in told
    assert "folkepuls synth --register" in told


@pytest.mark.parametrize("years", ["24", "2024-2023", "2020-", "all", "2020,2021"])
def test_years_are_typed_in_one_way(years: str, zones: Zones, server: PxWebServer) -> None:
    result = RUNNER.invoke(app, ["register", "fetch", "--years", years])
    assert result.exit_code == 2
    assert server.calls == []


def test_its_errors_are_told_as_messages(zones: Zones) -> None:
    with pytest.raises(RegisterError) as refused:
        RUNNER.invoke(app, ["register", "show"], catch_exceptions=False)
    assert message_of(refused.value) == str(refused.value)
    assert is_spoken("RegisterError")


def laid_out(zones: Zones, refresh: bool = False) -> dict[str, object]:
    config = {"ops": {"register__population": {"config": {"refresh": refresh}}}}
    result = materialize(
        [population], resources={"folkepuls": FolkepulsResource()}, run_config=config
    )
    (made,) = result.asset_materializations_for_node("register__population")
    assert (zones.register / "population.parquet").is_file()
    return {name: entry.value for name, entry in made.metadata.items()}


def test_the_asset_asks_the_network_only_when_told_to(zones: Zones, server: PxWebServer) -> None:
    keep(zones.register / "ssb", register(1, 2, None))
    facts = laid_out(zones)
    assert server.calls == []
    assert facts["dagster/row_count"] == 3
    assert facts["cells_without_a_number"] == 1
    fresh = laid_out(zones, refresh=True)
    assert server.calls
    assert fresh["updated"] == "2026-02-24"
    assert fresh["municipalities"] == 68
    assert fresh["years"] == 7


@pytest.mark.parametrize("choice", ["none", "synthetic"])
def test_no_register_is_an_empty_one(
    choice: str, zones: Zones, server: PxWebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_POPULATION_REGISTER", choice)
    assert laid_out(zones, refresh=True)["register"] == "none"
    assert server.calls == []
    assert pl.read_parquet(zones.register / "population.parquet").is_empty()


def test_a_register_that_is_configured_and_missing_stops_the_run(zones: Zones) -> None:
    with pytest.raises(RegisterError, match="folkepuls register fetch"):
        laid_out(zones)
