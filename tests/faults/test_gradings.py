"""Who is graded by way of another resource: redacted everywhere, whichever delivery came first.

Belongs here: gradings through links and shared numbers, in memory and spilled to files. Does not
belong here: which figures follow (``test_journal_life``).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anonymization.pseudonyms import Pseudonymiser
from pipelines.clients.delivered_files import Delivery
from pipelines.ingest import Limits, Options, graded
from pipelines.ingest.graded import read_graded
from pipelines.settings import Zones
from tests.support.deliveries import (
    KEY,
    encounter,
    national_number,
    patient,
    rows,
    take,
    tree,
    write_delivery,
)
from tests.support.empty_zones import empty_zones

SPILLED = Options(limits=Limits(rows_in_memory=2, cut_rows=2, stretch_rows=3), threads=1)
IN_MEMORY = Options(threads=1)


def linked(n: int, other: int, kind: str = "replaced-by", **changes: Any) -> dict[str, Any]:
    link = [{"other": {"reference": f"Patient/pas-{other}"}, "type": kind}]
    return patient(n, link=link, **changes)


def same_number(n: int, as_other: int, **changes: Any) -> dict[str, Any]:
    number = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": national_number(as_other)}
    return patient(n, identifier=[number], **changes)


Story = Callable[[int], list[list[dict[str, Any]]]]
# By name: the persons of each delivery in turn, numbered from p on; and who of them is graded once
# all deliveries are in.
STORIES: dict[str, tuple[Story, set[int]]] = {
    "itself": (lambda p: [[patient(p)], [patient(p, graded="V")]], {0}),
    "link from the graded": (lambda p: [[patient(p + 1)], [linked(p, p + 1, graded="R")]], {0, 1}),
    "link to the graded": (lambda p: [[patient(p + 1, graded="V")], [linked(p, p + 1)]], {0, 1}),
    "chain of three": (
        lambda p: [[linked(p, p + 1)], [linked(p + 1, p + 2)], [patient(p + 2, graded="V")]],
        {0, 1, 2},
    ),
    "ring": (
        lambda p: [[linked(p, p + 1)], [linked(p + 1, p)], [patient(p + 1, graded="V")]],
        {0, 1},
    ),
    "same number": (
        lambda p: [[same_number(p, p + 1)], [patient(p + 1, graded="V")]],
        {0, 1},
    ),
    "number through a linked resource": (
        # Who is linked is named before the resource itself comes, and shares its number.
        lambda p: [
            [same_number(p + 2, p + 1)],
            [linked(p, p + 1, graded="V")],
            [patient(p + 1)],
        ],
        {0, 1, 2},
    ),
    "number in a later version": (
        lambda p: [[patient(p)], [patient(p + 1, graded="V")], [same_number(p, p + 1)]],
        {0, 1},
    ),
    "unmerged afterwards": (
        lambda p: [[linked(p, p + 1)], [patient(p)], [patient(p + 1, graded="V")]],
        {0, 1},
    ),
    "seealso": (lambda p: [[linked(p, p + 1, "seealso")], [patient(p + 1, graded="V")]], {0, 1}),
    "nobody": (lambda p: [[linked(p, p + 1)], [patient(p + 1)]], set()),
}
PERSONS = 10 * len(STORIES)


def graded_in(story: str) -> set[int]:
    first = 10 * list(STORIES).index(story)
    return {first + n for n in STORIES[story][1]}


def deliveries(inbox: Path, stories: Sequence[str] = tuple(STORIES)) -> list[Delivery]:
    """Stories at once, each about persons of its own, and everybody's stays."""
    versions: list[list[dict[str, Any]]] = [[], [], []]
    for n, (name, (story, _)) in enumerate(STORIES.items()):
        for version, persons in zip(versions, story(10 * n), strict=False):
            version += persons if name in stories else []
    made = [
        write_delivery(
            inbox,
            f"p-{n}",
            {"Patient-1.ndjson": persons},
            organisation="personregister",
            time=dt.datetime(2024, n + 1, 5, tzinfo=dt.UTC),
            kind="delta",
        )
        for n, persons in enumerate(versions)
        if persons
    ]
    stays = [encounter(n, n) for n in range(PERSONS)]
    return [*made, write_delivery(inbox, "s-0", {"Encounter-1.ndjson": stays})]


def keys(persons: set[int]) -> set[str]:
    ids = pl.Series([f"pas-{n}" for n in sorted(persons)], dtype=pl.String)
    return set(Pseudonymiser(KEY).column(ids, domain="patient-reference"))


def zone(home: Path, order: list[Delivery], options: Options = IN_MEMORY) -> Zones:
    zones = empty_zones(home)
    for delivery in order:
        assert take(zones, delivery, options=options).state == "committed"
    return zones


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> list[Zones]:
    """One zone per order of arrival, every other one spilled to files."""
    folder = tmp_path_factory.mktemp("gradings")
    orders = itertools.islice(itertools.permutations(deliveries(folder / "inbox")), 0, 24, 11)
    return [
        zone(folder / str(n), list(order), SPILLED if n % 2 else IN_MEMORY)
        for n, order in enumerate(orders)
    ]


def test_any_order_in_memory_or_spilled_gives_one_zone(zones: list[Zones]) -> None:
    trees = [tree(each.restricted) for each in zones]
    assert len(trees) == 3
    assert all(each == trees[0] for each in trees)


@pytest.mark.parametrize("story", STORIES)
def test_a_grading_reaches_every_resource_of_the_person(story: str, zones: list[Zones]) -> None:
    first = 10 * list(STORIES).index(story)
    everybody, graded_ones = keys(set(range(first, first + 10))), keys(graded_in(story))
    for each in zones:
        listed = set(read_graded(each)["patient_key"])
        assert listed & everybody == graded_ones
        for table, place in (("encounter", "hospital_code"), ("residence", "municipality_code")):
            frame = rows(each, table).filter(pl.col("patient_key").is_in(everybody))
            hidden = pl.col("patient_key").is_in(graded_ones)
            assert frame.filter(hidden)[place].drop_nulls().is_empty()
            assert frame.filter(~hidden)[place].null_count() == 0


@pytest.mark.parametrize("turn", [1, -1])
def test_a_number_that_comes_last_is_told_even_when_nobody_new_is_named(
    turn: int, tmp_path: Path
) -> None:
    """Alone, since another grading in the same delivery would look through all files anyhow."""
    story = "number through a linked resource"
    home = zone(tmp_path / "home", deliveries(tmp_path / "inbox", [story])[::turn])
    assert set(read_graded(home)["patient_key"]) == keys(graded_in(story))


def test_without_the_closure_a_second_resource_would_tell_where_somebody_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twin: only whoever says so is redacted, and who is one with them is not."""
    closed = graded._closed

    def alone(listed: Any, patients: Any, links: Any, named: Any) -> Any:
        own = patients.filter(pl.col("patient_key").is_in(named.implode()))
        return closed(listed, own, links.clear(), named)

    monkeypatch.setattr(graded, "_closed", alone)
    home = zone(tmp_path / "home", deliveries(tmp_path / "inbox"))
    hidden = pl.col("patient_key").is_in(keys(graded_in("chain of three")))
    theirs = rows(home, "encounter").filter(hidden)
    assert theirs["hospital_code"].drop_nulls().len() > 0
