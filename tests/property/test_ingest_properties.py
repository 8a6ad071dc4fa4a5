"""What must hold for any delivery: no line is lost, and the order of arrival tells nothing."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.ingest.quarantine import open_lines
from pipelines.settings import Zones
from tests.support.deliveries import (
    condition,
    encounter,
    line,
    patient,
    rows,
    take,
    tree,
    write_delivery,
)

FEW = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(FEW, max_examples=3)
"""An example of two seconds; the night tries them all."""


def spoil(kind: str, n: int) -> Any:
    if kind == "good":
        return condition(n, n % 5)
    if kind == "broken":
        return line(condition(n))[:-3]
    if kind == "code":
        return condition(n, verificationStatus={"coding": [{"code": "perhaps"}]})
    if kind == "date":
        return condition(n, recordedDate="2024-13-01")
    if kind == "again":
        return condition(0)
    return b'{"resourceType":"Condition","note":"' + bytes([0xE6]) + b'"}'


KINDS = st.sampled_from(["good"] * 12 + ["broken", "code", "date", "again", "latin1"])


def oracle(lines: Sequence[Any]) -> set[str]:
    """Ids that a plain reader, line by line, would let in."""
    kept: set[str] = set()
    for each in lines:
        raw = each if isinstance(each, bytes) else line(each)
        try:
            resource = json.loads(raw.decode("utf-8"))
            dt.date.fromisoformat(resource["recordedDate"])
        except (ValueError, KeyError):
            continue
        if resource["verificationStatus"]["coding"][0]["code"] == "confirmed":
            kept.add(resource["id"])
    return kept


@FEW
@given(st.lists(KINDS, min_size=1, max_size=60), st.booleans())
def test_delivered_is_loaded_and_quarantined(kinds: list[str], packed: bool) -> None:
    lines = [spoil(kind, n + 1) for n, kind in enumerate(kinds)]
    name = "Condition-1.ndjson" + (".gz" if packed else "")
    with tempfile.TemporaryDirectory() as folder:
        zones = Zones(Path(folder)).create()
        delivery = write_delivery(zones.inbox, "d1", {name: lines})
        (file,) = take(zones, delivery).files
        if file.state == "refused":
            assert rows(zones, "condition").height == 0
            flawed = sum(kind not in ("good", "again") for kind in kinds)
            assert flawed > min(10, len(lines) // 2)
            return
        assert file.loaded_rows + file.quarantined_rows == len(lines)
        assert rows(zones, "condition").height == file.loaded_rows == len(oracle(lines))
        path = zones.quarantine / delivery.id / f"{name}.jsonl"
        kept = list(open_lines(path)) if path.exists() else []
        assert len(kept) == file.quarantined_rows
        numbers = [each.line for each in kept]
        first_again = kinds.index("again") if "again" in kinds else -1
        assert numbers == [
            n + 1
            for n, kind in enumerate(kinds)
            if kind not in ("good", "again") or (kind == "again" and n != first_again)
        ]


PEOPLE = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([None, None, "V", "R"])),
    min_size=1,
    max_size=4,
    unique_by=lambda person: person[0],
)


HISTORIES = given(
    st.lists(PEOPLE, min_size=2, max_size=3),
    st.lists(st.integers(0, 4), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)


@FEWER
@HISTORIES
def test_any_order_of_deliveries_gives_one_zone(
    versions: list[list[tuple[int, str | None]]], stays: list[int], random: Any
) -> None:
    any_order_gives_one_zone(versions, stays, random)


@pytest.mark.nightly
@FEW
@HISTORIES
def test_any_of_more_orders_gives_one_zone(
    versions: list[list[tuple[int, str | None]]], stays: list[int], random: Any
) -> None:
    any_order_gives_one_zone(versions, stays, random)


def any_order_gives_one_zone(
    versions: list[list[tuple[int, str | None]]], stays: list[int], random: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inbox = Path(folder) / "inbox"
        deliveries = [
            write_delivery(
                inbox,
                f"p-{n}",
                {"Patient-1.ndjson": [patient(who, graded=grade) for who, grade in people]},
                organisation="personregister",
                time=dt.datetime(2024 + n, 1, 5, tzinfo=dt.UTC),
            )
            for n, people in enumerate(versions)
        ]
        stay_lines = [encounter(n, who) for n, who in enumerate(stays)]
        deliveries.append(write_delivery(inbox, "s-1", {"Encounter-1.ndjson": stay_lines}))
        shuffled = list(deliveries)
        random.shuffle(shuffled)
        trees = []
        for name, order in (("a", deliveries), ("b", shuffled)):
            zones = Zones(Path(folder) / name).create()
            for delivery in order:
                assert take(zones, delivery).state == "committed"
            trees.append(tree(zones.restricted))
        assert trees[0] == trees[1]
        graded = {who for people in versions for who, grade in people if grade}
        placed = rows(zones, "encounter").filter(pl.col("hospital_code").is_not_null()).height
        assert placed == sum(who not in graded for who in stays)
