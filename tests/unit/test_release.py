"""A release as files: built, signed, published whole, and never half."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.publication.ledger import EXACT, KEYS, LedgerError, enter, refuse_changed_counts
from pipelines.publication.release import (
    Decision,
    Origin,
    awaiting_publication,
    candidates,
    content_id,
    current_release,
    decide,
    decision_on,
    newest_candidate,
    publish,
    write_candidate,
)
from pipelines.publication.standing import ReleaseError, release_summary
from pipelines.settings import ROOT, Zones

ORIGIN = Origin(date(2023, 1, 1), date(2024, 12, 31), "2025-01-05T03:00:00+00:00", synthetic=True)


def exact(count: float = 12.0, *, shown: bool = True, **keys: object) -> pl.DataFrame:
    row = {
        "indicator_id": "emergency_admissions_per_1000",
        "indicator_version": 1,
        "area_code": "5001",
        "border_set": "2024",
        "sex": "total",
        "age_group": "total",
        "breakdown": "total",
        "breakdown_value": "total",
        "period_type": "year",
        "period_start": date(2024, 1, 1),
        "numerator": count,
        "denominator": 1000.0,
        "is_shown": shown,
        **keys,
    }
    return pl.DataFrame([row])


def tables(value: float = 12.0) -> dict[str, pl.DataFrame]:
    return {
        "indicator_values": pl.DataFrame({"area_code": ["5001", "5006"], "value": [value, None]}),
        "areas": pl.DataFrame({"area_code": ["5001", "5006"], "name": ["Trondheim", "Steinkjer"]}),
    }


@pytest.fixture
def zones(tmp_path: Path) -> Zones:
    return Zones(tmp_path / "home").create()


def candidate(
    zones: Zones, value: float = 12.0, origin: Origin = ORIGIN, **standing: object
) -> str:
    content = {"systems_audited": 1}
    release = write_candidate(zones, tables(value), exact(value), content, origin)
    report = {
        "release_id": release,
        "state": "candidate",
        "audit": {"ok": True},
        "blocking_checks": [],
        **standing,
    }
    (zones.steward / "releases" / f"{release}.json").write_text(json.dumps(report))
    return release


def decision(release_id: str, word: str = "approve") -> Decision:
    return Decision.model_validate(
        {
            "release_id": release_id,
            "decision": word,
            "name": "Kari Steward",
            "reason": "Looked through",
            "decided_on": "2025-01-10",
        }
    )


def unchecked(_: Path) -> None:
    """Nothing to say against the folder."""


def published(zones: Zones) -> list[str]:
    return sorted(path.name for path in zones.published.iterdir())


def test_from_candidate_to_current(zones: Zones) -> None:
    release = candidate(zones)
    assert candidates(zones) == [release]
    assert newest_candidate(zones) == release
    assert current_release(zones) is None
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    assert folder == zones.published / release
    assert current_release(zones) == release
    assert sorted(path.name for path in folder.iterdir()) == [
        "areas.parquet",
        "certificate.json",
        "indicator_values.parquet",
        "indicators.duckdb",
        "manifest.json",
        "release.parquet",
    ]
    assert published(zones) == [release, "current"]


def test_exact_counts_stay_in_the_restricted_zone(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    assert (zones.releases / release / "exact.parquet").is_file()
    assert not (folder / "exact.parquet").exists()
    connection = duckdb.connect(str(folder / "indicators.duckdb"), read_only=True)
    try:
        names = [row[0] for row in connection.sql("show tables").fetchall()]
    finally:
        connection.close()
    assert names == ["areas", "indicator_values", "release"]


def test_the_manifest_has_the_hash_of_every_file(zones: Zones) -> None:
    import hashlib

    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    others = {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert manifest["files"].keys() == others
    for name, told in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert told == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["release_id"] == release
    assert manifest["synthetic"] is True


def test_the_signature_is_in_the_release_and_made_by_no_clock(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    row = pl.read_parquet(folder / "release.parquet").row(0, named=True)
    assert row["signed_by"] == "Kari Steward"
    assert row["signed_on"] == "2025-01-10"
    assert row["supersedes"] is None
    certificate = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
    assert certificate["signed"]["name"] == "Kari Steward"


def test_files_are_their_owners_alone(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    for folder in (zones.releases / release, publish(zones, release, unchecked)):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_later_release_supersedes_and_the_old_one_stays(zones: Zones) -> None:
    first = candidate(zones)
    decide(zones, decision(first))
    publish(zones, first, unchecked)
    later = Origin(ORIGIN.data_from, date(2025, 12, 31), "2026-01-05T03:00:00+00:00", True)
    second = candidate(zones, origin=later)
    decide(zones, decision(second))
    folder = publish(zones, second, unchecked)
    assert current_release(zones) == second
    assert published(zones) == sorted([first, second, "current"])
    assert pl.read_parquet(folder / "release.parquet")["supersedes"].to_list() == [first]


def test_the_pointer_is_relative_so_that_the_zone_can_be_moved(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    publish(zones, release, unchecked)
    assert (zones.published / "current").readlink() == Path(release)


def test_publishing_twice_is_publishing_once(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    folder = publish(zones, release, unchecked)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert publish(zones, release, unchecked) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


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


def test_the_same_content_has_the_same_id_and_files(zones: Zones, tmp_path: Path) -> None:
    first = candidate(zones)
    other = Zones(tmp_path / "other").create()
    assert candidate(other) == first
    assert candidate(zones) == first
    for path in (zones.releases / first).iterdir():
        assert (other.releases / first / path.name).read_bytes() == path.read_bytes()
    assert first.startswith("20241231-")


def test_order_of_rows_and_columns_is_no_content() -> None:
    turned = {
        name: frame.reverse().select(reversed(frame.columns)) for name, frame in tables().items()
    }
    assert content_id(turned, ORIGIN) == content_id(tables(), ORIGIN)


@pytest.mark.parametrize(
    "origin",
    [
        dataclasses.replace(ORIGIN, synthetic=False),
        dataclasses.replace(ORIGIN, transaction_time="2025-01-06T03:00:00+00:00"),
    ],
)
def test_another_origin_or_value_is_another_release(origin: Origin) -> None:
    assert content_id(tables(), origin) != content_id(tables(), ORIGIN)
    assert content_id(tables(13.0), ORIGIN) != content_id(tables(), ORIGIN)


def test_a_killed_building_leaves_nothing_to_see(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipelines.publication.release import publish\n"
        "from pipelines.settings import Zones\n"
        "publish(Zones(Path(sys.argv[1])), sys.argv[2],"
        " lambda folder: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(zones.home), release], cwd=ROOT, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert [name for name in published(zones) if not name.startswith(".")] == []
    assert current_release(zones) is None
    assert list(zones.ledger.iterdir()) == []
    publish(zones, release, unchecked)
    assert published(zones) == [release, "current"]


def test_a_half_built_candidate_is_no_candidate(zones: Zones) -> None:
    (zones.releases / ".20241231-0123456789.building").mkdir()
    assert candidates(zones) == []


CHANGES = [
    ("a changed count", exact(13.0)),
    ("a changed denominator", exact(denominator=1001.0)),
    ("a count that is no more", exact(numerator=None)),
    ("shown, and hidden before", exact(shown=False)),
]


@pytest.mark.parametrize("after", [case[1] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_the_ledger_refuses_what_could_be_subtracted(after: pl.DataFrame, zones: Zones) -> None:
    enter(zones, exact(), "20231231-0000000000")
    with pytest.raises(LedgerError) as caught:
        refuse_changed_counts(zones, after, "20241231-1111111111")
    told = str(caught.value)
    assert "1 of 1 cells" in told
    assert "20231231-0000000000" in told
    assert "emergency_admissions_per_1000" in told
    assert "12" not in told.replace("20231231", "").replace("20241231", "").replace("1 of 1", "")


def test_a_cell_that_is_hidden_and_then_shown_is_refused(zones: Zones) -> None:
    enter(zones, exact(shown=False), "20231231-0000000000")
    with pytest.raises(LedgerError, match="another count or another status"):
        refuse_changed_counts(zones, exact(), "20241231-1111111111")


def test_a_ledger_from_before_months_holds_years(zones: Zones) -> None:
    exact().drop("period_type").write_parquet(zones.ledger / "20231231-0000000000.parquet")
    refuse_changed_counts(zones, exact(), "20241231-1111111111")
    refuse_changed_counts(zones, exact(99.0, period_type="month"), "20241231-1111111111")
    with pytest.raises(LedgerError, match="1 of 1"):
        refuse_changed_counts(zones, exact(99.0), "20241231-1111111111")


def test_the_ledger_lets_the_same_pass(zones: Zones) -> None:
    enter(zones, exact(), "20231231-0000000000")
    refuse_changed_counts(zones, exact(), "20241231-1111111111")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("area_code", "5006"),
        ("sex", "male"),
        ("age_group", "80+"),
        ("period_type", "month"),
        ("period_start", date(2023, 1, 1)),
        ("breakdown_value", "nursing_home"),
    ],
)
def test_the_ledger_leaves_other_cells_alone(key: str, value: object, zones: Zones) -> None:
    assert key in KEYS
    enter(zones, exact(), "20231231-0000000000")
    refuse_changed_counts(zones, exact(99.0, **{key: value}), "20241231-1111111111")


def test_the_ledger_refuses_other_borders(zones: Zones) -> None:
    """Old Ålesund minus new Ålesund is Haram, whatever of it is hidden."""
    enter(zones, exact(area_code="1507", border_set="2020"), "20231231-0000000000")
    with pytest.raises(LedgerError, match="1 periods have other borders than in release 2023"):
        refuse_changed_counts(
            zones, exact(area_code="1508", border_set="2024"), "20241231-1111111111"
        )


def test_a_new_version_counts_the_same_persons(zones: Zones) -> None:
    enter(zones, exact(), "20231231-0000000000")
    with pytest.raises(LedgerError, match="another count or another status"):
        refuse_changed_counts(zones, exact(99.0, indicator_version=2), "20241231-1111111111")


def test_a_release_is_not_compared_with_itself(zones: Zones) -> None:
    enter(zones, exact(), "20241231-1111111111")
    refuse_changed_counts(zones, exact(13.0), "20241231-1111111111")


def test_the_ledger_holds_keys_counts_and_status_alone(zones: Zones) -> None:
    enter(zones, exact().with_columns(note=pl.lit("x")), "20231231-0000000000")
    entered = pl.read_parquet(zones.ledger / "20231231-0000000000.parquet")
    assert set(entered.columns) == {*KEYS, "indicator_version", *EXACT, "is_shown"}


def test_a_candidate_that_betrays_an_earlier_release_is_not_even_written(zones: Zones) -> None:
    release = candidate(zones)
    decide(zones, decision(release))
    publish(zones, release, unchecked)
    with pytest.raises(LedgerError):
        candidate(zones, 13.0)
    assert candidates(zones) == [release]


def test_two_candidates_that_contradict_cannot_both_be_published(zones: Zones) -> None:
    first, second = candidate(zones), candidate(zones, 13.0)
    for release in (first, second):
        decide(zones, decision(release))
    publish(zones, first, unchecked)
    with pytest.raises(LedgerError):
        publish(zones, second, unchecked)
    assert current_release(zones) == first


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
