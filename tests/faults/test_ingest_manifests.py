"""Deliveries that are not what their manifest says, may not come in, or come again.

Belongs here: what is refused or passed over before a line is read, and what may be mended. Does not
belong here: damaged bytes (``test_ingest_damaged_files``), bad lines (``test_ingest_bad_lines``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.catalogue.reasons import load_reasons
from pipelines.ingest.ledger import read_ledger
from pipelines.settings import Zones
from tests.support.bad_lines import FILE
from tests.support.deliveries import condition, encounter, rows, take, tree, write_delivery


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.update(rows=99), "wrong_row_count"),
        (lambda f: f.update(rows=2), "wrong_row_count"),
        (lambda f: f.update(bytes=f["bytes"] + 1), "wrong_size"),
        (lambda f: f.update(bytes=f["bytes"] - 1), "wrong_size"),
        (lambda f: f.update(sha256="0" * 64), "wrong_hash"),
        (lambda f: f.update(name="Encounter-9.ndjson.gz"), "file_missing"),
        (
            lambda f: f.update(entity="Device", name="Device-1.ndjson.gz"),
            "unknown_entity",
        ),
        (lambda f: f.update(entity="Task", name="Task-1.ndjson.gz"), "unexpected_entity"),
    ],
)
def test_one_wrong_file_is_refused_and_the_others_loaded(
    change: Callable[[dict[str, Any]], None], reason: str, zones: Zones
) -> None:
    delivery = write_delivery(
        zones.inbox,
        "d1",
        {FILE: [encounter(n) for n in range(3)], "Condition-1.ndjson": [condition(1)]},
        change=lambda manifest: change(manifest["files"][0]),
    )
    first, second = take(zones, delivery).files
    assert (first.state, first.reason, first.loaded_rows) == ("refused", reason, 0)
    assert (second.state, second.loaded_rows) == ("loaded", 1)
    assert first.detail
    (known,) = read_ledger(zones).values()
    assert known.files[0].refused_reason == reason
    assert known.tables == {"condition": 1}


@pytest.mark.parametrize(
    ("change", "reason", "named"),
    [
        (lambda m: m.update(kind="partial"), "manifest_invalid", "kind"),
        (lambda m: m.update(delivering_organisation="apotek"), "unknown_organisation", "apotek"),
        (lambda m: m.update(cohort="nord"), "unknown_cohort", "nord"),
        (
            lambda m: m.update(transaction_time="2062-01-01T00:00:00+00:00"),
            "transaction_time_ahead",
            "2062",
        ),
    ],
)
def test_a_delivery_that_may_not_come_in(
    change: Callable[[dict[str, Any]], None], reason: str, named: str, zones: Zones
) -> None:
    result = take(zones, write_delivery(zones.inbox, "d1", {FILE: [encounter(1)]}, change=change))
    assert (result.state, result.reason) == ("refused", reason)
    assert named in (result.detail or "")
    assert not read_ledger(zones)


def test_missing_manifest_unknown_source_and_unfilled_governance(zones: Zones) -> None:
    files = {FILE: [encounter(1)]}
    missing = take(zones, write_delivery(zones.inbox, "d1", files, manifest=False))
    unknown = take(zones, write_delivery(zones.inbox, "d1", files, source="elsewhere"))
    unfilled = take(zones, write_delivery(zones.inbox, "d1", files, source="helseplattformen"))
    assert [r.reason for r in (missing, unknown, unfilled)] == [
        "manifest_missing",
        "unknown_source",
        "governance_missing",
    ]
    assert "legal_basis" in (unfilled.detail or "")
    assert {missing.reason, unknown.reason, unfilled.reason} <= set(load_reasons())


def test_the_same_bytes_twice_change_nothing(zones: Zones) -> None:
    delivery = write_delivery(zones.inbox, "d1", {FILE: [encounter(n) for n in range(5)]})
    assert take(zones, delivery).state == "committed"
    before = tree(zones.home)
    assert take(zones, delivery).state == "seen_before"
    assert tree(zones.home) == before


def test_a_resource_again_in_the_delivery_counts_once(zones: Zones) -> None:
    files = {FILE: [encounter(1), encounter(2), encounter(1)], "Encounter-2.ndjson": [encounter(2)]}
    first, second = take(zones, write_delivery(zones.inbox, "d1", files)).files
    assert (first.loaded_rows, dict(first.quarantined)) == (2, {"repeated_resource": 1})
    assert (second.loaded_rows, dict(second.quarantined)) == (0, {"repeated_resource": 1})
    assert rows(zones, "encounter").height == 2


def test_loaded_files_may_not_change_but_refused_ones_may_be_mended(zones: Zones) -> None:
    files = {FILE: [encounter(1)], "Condition-1.ndjson": [condition(1)]}
    delivery = write_delivery(
        zones.inbox, "d1", files, change=lambda m: m["files"][0].update(sha256="0" * 64)
    )
    assert [f.state for f in take(zones, delivery).files] == ["refused", "loaded"]
    mended = take(zones, write_delivery(zones.inbox, "d1", files))
    assert [f.state for f in mended.files] == ["loaded", "loaded"]
    changed = write_delivery(zones.inbox, "d1", {**files, FILE: [encounter(2)]})
    assert take(zones, changed).reason == "changed_after_commit"
    assert rows(zones, "encounter").height == 1
