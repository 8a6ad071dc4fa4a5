"""The ledger of exact counts: a release is refused that could be subtracted from an earlier one."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines.publication.ledger import EXACT, KEYS, LedgerError, enter, refuse_changed_counts
from pipelines.publication.release import candidates, current_release, decide, publish
from pipelines.settings import Zones
from tests.support.release_candidates import candidate, decision, exact, unchecked

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
