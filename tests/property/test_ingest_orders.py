"""The order in which a year's deliveries arrive tells nothing: one zone from every order (F09).

Belongs here: orders, and ways of running, of the same deliveries. Does not belong here: what the
zone says (``test_journal_life``).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from pipelines.clients.delivered_files import Delivery
from pipelines.ingest import Limits, Options, ingest_pending
from pipelines.ingest.run import _take_in
from pipelines.settings import Zones
from tests.support.a_year import a_year
from tests.support.deliveries import KEY, take, tree
from tests.support.empty_zones import empty_zones

WAYS = (
    Options(threads=1),
    Options(threads=2, limits=Limits(rows_in_memory=4, cut_rows=3, stretch_rows=5)),
    Options(threads=1, limits=Limits(rows_in_memory=4, cut_rows=5)),
    Options(threads=2),
)


def hashed(zones: Zones) -> str:
    return hashlib.sha256(repr(sorted(tree(zones.restricted).items())).encode()).hexdigest()


def zone_of(home: Path, order: Sequence[Delivery], options: Options, at_once: bool) -> Zones:
    zones = empty_zones(home)
    if at_once:
        results = _take_in(order, zones, KEY, options)
    else:
        results = [take(zones, delivery, options=options) for delivery in order]
    assert {result.state for result in results} == {"committed"}
    assert all(file.state == "loaded" for result in results for file in result.files)
    return zones


def shuffled(deliveries: list[Delivery], seed: int) -> list[Delivery]:
    order = list(deliveries)
    random.Random(seed).shuffle(order)
    return order


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Delivery], Zones]:
    """The inbox, its deliveries, and the zone of their order in time."""
    folder = tmp_path_factory.mktemp("year")
    deliveries = a_year(folder / "inbox")
    return folder, deliveries, zone_of(folder / "first", deliveries, WAYS[0], at_once=False)


@pytest.mark.parametrize(
    "seed", [1, 3, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (0, 2))]
)
def test_a_random_order_gives_the_same_bytes(
    seed: int, year: tuple[Path, list[Delivery], Zones], tmp_path: Path
) -> None:
    """Spilled and not, by one thread and two, all at once and one by one."""
    _, deliveries, first = year
    order = shuffled(deliveries, seed)
    zones = zone_of(tmp_path / "home", order, WAYS[seed % 4], at_once=seed % 3 > 0)
    assert tree(zones.restricted) == tree(first.restricted), [each.name for each in order]


@pytest.mark.nightly
def test_a_hundred_random_orders_give_one_hash(
    year: tuple[Path, list[Delivery], Zones], tmp_path: Path
) -> None:
    _, deliveries, first = year
    found = {
        hashed(
            zone_of(
                tmp_path / str(seed),
                shuffled(deliveries, seed),
                WAYS[seed % 4],
                at_once=seed % 3 > 0,
            )
        )
        for seed in range(100, 200)
    }
    assert found == {hashed(first)}


def test_by_its_own_order_too(year: tuple[Path, list[Delivery], Zones], tmp_path: Path) -> None:
    folder, _, first = year
    zones = empty_zones(tmp_path / "home")
    ingest_pending(zones, KEY, inbox=folder / "inbox")
    assert hashed(zones) == hashed(first)


def test_whoever_believes_the_last_arrival_is_told_by_the_order(
    year: tuple[Path, list[Delivery], Zones],
) -> None:
    """Twin: these deliveries do contradict each other; read as they come, orders differ."""
    _, deliveries, first = year

    def believed(order: Sequence[Delivery]) -> str:
        paths = [first.journal / "encounter" / f"{each.id}.parquet" for each in order]
        frames = [pl.read_parquet(path) for path in paths if path.exists()]
        last = pl.concat(frames).unique("encounter_key", keep="last").sort("encounter_key")
        return str(last.select("encounter_key", "status").rows())

    orders = [deliveries, *(shuffled(deliveries, seed) for seed in range(4))]
    assert len({believed(order) for order in orders}) > 1


def test_the_year_holds_what_it_says(year: tuple[Path, list[Delivery], Zones]) -> None:
    _, _, first = year
    frames = {
        table: pl.read_parquet(sorted((first.journal / table).glob("synthetic__*.parquet")))
        for table in ("encounter", "condition", "deletion", "patient", "patient_link")
    }
    assert frames["encounter"]["encounter_key"].is_duplicated().any()
    assert set(frames["deletion"]["resource_type"]) == {"Encounter", "Condition", "Patient"}
    assert frames["patient"]["person_id"].null_count() == 1
    assert frames["patient_link"].height > 2
    assert frames["patient"]["is_graded"].sum() == 1
    assert pl.read_parquet(first.restricted / "graded.parquet").height > 1
