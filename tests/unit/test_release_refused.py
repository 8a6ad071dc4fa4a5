"""What may not be published, whoever signed it; and where a candidate stands until it may.

Belongs here: decisions, reports, the contract, and which candidate is next. Does not belong here:
counts that contradict an earlier release (``test_release_ledger``).
"""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import date
from pathlib import Path

import pytest

from pipelines.publication.release import (
    awaiting_publication,
    current_release,
    decide,
    decision_on,
    newest_candidate,
    publish,
)
from pipelines.publication.standing import ReleaseError, release_summary
from pipelines.settings import Zones
from tests.support.release_candidates import ORIGIN, candidate, decision, published, unchecked


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda zones, release: None, "waits for a steward"),
        (
            lambda zones, release: decide(zones, decision(release, "reject")),
            "was rejected: Looked through",
        ),
        (
            lambda zones, release: (zones.steward / "inbox" / f"{release}.json").write_text("{"),
            "is not valid",
        ),
        (
            lambda zones, release: (zones.steward / "inbox" / f"{release}.json").write_text(
                json.dumps({"release_id": release, "decision": "perhaps", "reason": "x y"})
            ),
            "fields: decision, name",
        ),
    ],
    ids=["no_decision", "rejected", "no_json", "wrong_fields"],
)
def test_what_no_steward_has_approved_is_not_published(prepare, told: str, zones: Zones) -> None:
    release = candidate(zones)
    prepare(zones, release)
    with pytest.raises(ReleaseError, match=told):
        publish(zones, release, unchecked)
    assert published(zones) == []
    assert list(zones.ledger.iterdir()) == []


def test_what_is_not_there_can_be_neither_signed_nor_published(zones: Zones) -> None:
    nothing = "20241231-0123456789"
    with pytest.raises(ReleaseError, match="There is no candidate"):
        newest_candidate(zones)
    with pytest.raises(ReleaseError, match=f"No candidate {nothing}"):
        publish(zones, nothing, unchecked)
    with pytest.raises(ReleaseError, match="expected one of none"):
        decide(zones, decision(nothing))
    assert decision_on(zones, nothing) is None


@pytest.mark.parametrize("release_id", ["../../etc/passwd", "20241231-XYZ", "", "current"])
def test_a_decision_on_no_release_id_is_refused(release_id: str) -> None:
    with pytest.raises(ValueError, match="release_id"):
        decision(release_id)


def test_a_release_that_fails_its_contract_is_not_published(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))

    def red(folder: Path) -> None:
        assert (folder / "manifest.json").is_file()
        raise ReleaseError("breaks its contract")

    with pytest.raises(ReleaseError, match="breaks its contract"):
        publish(zones, release, red)
    assert published(zones) == []
    assert list(zones.ledger.iterdir()) == []
    publish(zones, release, unchecked)
    assert current_release(zones) == release


@pytest.mark.parametrize(
    "standing",
    [
        {"audit": {"ok": False}},
        {"audit": {"ok": None}},
        {"blocking_checks": ["publication.areas.key"]},
    ],
)
def test_what_is_red_is_not_published_whoever_signed_it(
    standing: dict[str, object], zones: Zones
) -> None:
    release = candidate(zones, **standing)
    decide(zones, decision(release))
    with pytest.raises(ReleaseError, match="may not be published"):
        publish(zones, release, unchecked)
    assert published(zones) == []


def test_a_candidate_that_nobody_reported_on_is_not_published(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    (zones.steward / "releases" / f"{release}.json").unlink()
    with pytest.raises(ReleaseError, match="No report on"):
        publish(zones, release, unchecked)
    assert published(zones) == []


def test_stewards_see_where_a_release_stands(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    assert release_summary(zones, release)["state"] == "approved"
    publish(zones, release, unchecked)
    assert release_summary(zones, release)["state"] == "published"
    other = candidate(zones, origin=dataclasses.replace(ORIGIN, data_to=date(2023, 12, 31)))
    decide(zones, decision(other, "reject"))
    assert release_summary(zones, other)["state"] == "rejected"


def test_releases_wait_in_the_order_of_their_signatures(zones: Zones) -> None:
    later = candidate(zones)
    earlier = candidate(zones, origin=dataclasses.replace(ORIGIN, transaction_time="2025-02-01"))
    for release, day in ((later, "2025-03-02"), (earlier, "2025-03-01")):
        decide(zones, decision(release).model_copy(update={"decided_on": day}))
    assert awaiting_publication(zones) == [earlier, later]
    publish(zones, earlier, unchecked)
    assert awaiting_publication(zones) == [later]


def test_a_candidate_of_the_past_is_not_the_newest(zones: Zones) -> None:
    """``run --as-of`` makes it later than the other, which ``approve`` without an id is about."""
    now = candidate(zones)
    past = zones.releases / "20200101-0000000000"
    past.mkdir()
    origin = json.loads((zones.releases / now / "origin.json").read_text())
    earlier = {**origin, "transaction_time": "2019-12-31T03:00:00+00:00"}
    (past / "origin.json").write_text(json.dumps(earlier))
    later = (zones.releases / now).stat().st_mtime + 10
    os.utime(past, (later, later))
    assert newest_candidate(zones) == now
