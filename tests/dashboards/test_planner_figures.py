"""Which figures of a release are drawn: of which areas, at which time, beside what."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from dashboards.charts import compare, trend
from dashboards.data_access import (
    Release,
    current_release,
)
from dashboards.figures import (
    Choice,
    applicable,
    breaks,
    headline,
    municipalities,
    profile,
    year_frame,
)
from dashboards.places import area_names, live_counts, names_to_choose
from pipelines.checks.run import check_published
from tests.support.published_release import write_release


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    write_release(tmp_path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return current_release()


def test_counties_are_compared_where_they_are_chosen_and_never_ranked(release: Release) -> None:
    choice = Choice("emergency_admissions_per_1000", "crude")
    chosen = compare.bars_frame(release, choice, 2025, ("50", "MIDT"), "5001", "nb")
    assert set(chosen["name"]) == {"Trøndelag", "Trondheim"}
    every = compare.bars_frame(release, choice, 2025, (), "5001", "nb")
    assert not {"Trøndelag", "Møre og Romsdal", "Midt-Norge"} & set(every["name"])
    assert "50" not in names_to_choose(release)
    assert list(names_to_choose(release, counties=True))[:3] == ["MIDT", "15", "50"]
    assert municipalities(year_frame(release, choice, 2025)).height == 67


def test_an_area_without_a_row_is_missing_not_absent(release: Release) -> None:
    choice = Choice("structured_documentation_share", "indirect")
    frame = year_frame(release, choice, 2025)
    counties = frame.filter(pl.col("area_level") == "county")
    assert frame.height == 70
    assert counties["value_status"].to_list() == ["not_applicable"] * 2
    assert set(frame.join(counties, on="area_code", how="anti")["value_status"]) == {"missing"}


def test_areas_follow_their_time(release: Release) -> None:
    choice = headline(release, "emergency_admissions_per_1000")
    before, after = (set(year_frame(release, choice, y)["area_code"]) for y in (2023, 2024))
    assert before - after == {"1507"}
    assert after - before == {"1508", "1580"}
    assert profile(release, "1508", 2023) == []


def test_breaks_and_caveats_reach_their_area_only(release: Release) -> None:
    assert breaks(release, "1508", "hospital").height == 1
    assert breaks(release, "5001", "hospital").height == 0
    marks = trend.break_marks(
        release, headline(release, "emergency_admissions_per_1000"), "1508", "nn"
    )
    assert marks["text"].to_list() == ["1. januar 2024: Ålesund vart delt."]
    assert 2023.4 < marks["at"][0] < 2023.6
    assert applicable(release, "5001", 2025, "emergency_admissions_per_1000").height == 1
    assert applicable(release, "5001", 2025, "diabetes_type2_prevalence").height == 0


def test_live_municipalities_are_counted_by_the_day(release: Release) -> None:
    live, planned, towns = live_counts(release, date(2023, 12, 31))
    assert (live, towns) == (19, 66)
    assert live + planned == towns


def test_a_funnel_is_drawn_by_what_its_limits_rest_on(release: Release) -> None:
    """A standardised rate by the population that its events and its rate make."""
    indirect = {"value_kind": "indirect", "numerator": 20.0, "value": 10.0, "denominator": 1500.0}
    assert compare._size(indirect, {"multiplier": 1000}) == 2000.0
    assert compare._size({**indirect, "value_kind": "crude"}, {"multiplier": 1000}) == 1500.0
    assert compare._size({**indirect, "value": None}, {"multiplier": 1000}) == 1500.0
    drawn = compare.funnel(
        release, headline(release, "emergency_admissions_per_1000"), 2025, "5001", "en"
    )
    assert drawn is not None
    sizes = [row["size"] for row in drawn["datasets"]["limits"]]
    assert sizes == sorted(sizes)
    assert '"After standardisation: ' in json.dumps(drawn)
    own = [row for row in drawn["datasets"]["areas"] if row["own"]]
    assert [row["great"] for row in own] == [True]
    nobody = Choice("emergency_admissions_per_1000", "median")
    assert compare.funnel(release, nobody, 2025, "5001", "en") is None


@pytest.mark.parametrize(
    ("breaks", "by", "ends"),
    [([], "year", (2022.75, 2025.05)), ([2022.6, 2025.3], "year", (2022.6, 2025.3)),
     ([], "month", (2022.5, 2025.5))],
)  # fmt: skip
def test_the_axis_of_years_ends_where_there_is_nothing_more(
    breaks: list[float], by: trend.Period, ends: tuple[float, float]
) -> None:
    assert trend._span([2025, 2024, 2023], pl.Series(breaks, dtype=pl.Float64), by) == ends


def test_areas_of_one_name_are_told_apart_by_their_years(release: Release) -> None:
    names = area_names(release.tables["areas"])
    assert names["1507"] == "Ålesund (2020–2023)"
    assert names["1508"] == "Ålesund (2024–)"
    assert names["5001"] == "Trondheim – Tråante"


def test_the_fixture_obeys_the_published_contract(tmp_path: Path) -> None:
    results = check_published(write_release(tmp_path), "fixture")
    assert len(results) > 300
    assert [(r.check_id, r.unexpected_n) for r in results if r.status != "pass"] == []
