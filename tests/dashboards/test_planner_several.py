"""Several areas in one small chart: names that do not meet, lines that are told apart in words."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import words
from dashboards.charts import compare, pyramid, several, trend
from dashboards.charts.axes import axis_top
from dashboards.charts.end_names import LINE, apart
from dashboards.data_access import Release, current_release
from dashboards.figures import Choice, headline, series
from dashboards.text import translator
from tests.support.planner_pages import LANGUAGES, keyed, page, text
from tests.support.published_release import write_release

SHARE = "home_nursing_users_80plus_share"
RATE = "emergency_admissions_per_1000"
COUNTIES = ("15", "50")


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A release where a share is 100 everywhere, and a rate has figures of counties."""
    path = write_release(tmp_path) / "indicator_values.parquet"
    values = pl.read_parquet(path)
    whole = (pl.col("indicator_id") == SHARE) & pl.col("value").is_not_null()
    values = values.with_columns(value=pl.when(whole).then(100.0).otherwise("value"))
    of_region = values.filter(
        pl.col("indicator_id") == RATE, pl.col("area_code") == "MIDT",
        pl.col("period_type") == "year", pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )  # fmt: skip
    others = values.filter(
        ~(pl.col("area_code").is_in(COUNTIES) & (pl.col("indicator_id") == RATE))
    )
    rows = [
        of_region.with_columns(area_code=pl.lit(code), area_level=pl.lit("county"))
        for code in COUNTIES
    ]
    pl.concat([others, *rows]).write_parquet(path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return current_release()


def drawn(release: Release, choice: Choice, areas: tuple[str, ...]) -> dict[str, Any]:
    spec = several.several(release, choice, areas, "5001", "nb")
    assert spec is not None
    return spec


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=9).map(sorted),
    st.floats(1, 3),
)
def test_names_stand_apart_in_order_and_on_the_axis(values: list[float], room: float) -> None:
    top = axis_top(max(values) * room, several.TICKS)
    heights = apart(values, top, several.PLOT)
    least = top * LINE / several.PLOT
    assert all(after - before >= least * 0.999 for before, after in pairwise(heights))
    assert heights[0] >= 0
    assert heights[-1] <= top * 1.001


def test_a_name_that_meets_none_stands_at_its_figure() -> None:
    assert apart([10, 50, 90], 100, 130) == [10, 50, 90]


@pytest.mark.parametrize(
    ("greatest", "top"),
    [(0, 1), (0.3, 0.3), (4, 4), (7.5, 8), (66, 80), (97.2, 100), (100, 100), (104, 120),
     (640, 800)],
)  # fmt: skip
def test_an_axis_ends_at_the_first_tick_that_no_figure_passes(greatest: float, top: float) -> None:
    assert axis_top(greatest, several.TICKS) == top


@given(st.floats(0.001, 100))
def test_no_axis_of_shares_passes_100(greatest: float) -> None:
    assert greatest <= axis_top(greatest, several.TICKS) * 1.000001 <= 100.0001


def test_names_do_not_lengthen_the_axis(release: Release) -> None:
    choice = Choice(SHARE, "crude")
    areas = tuple(series(release, choice).drop_nulls("value")["area_code"].unique().sort()[:5])
    spec = drawn(release, choice, (*areas, "MIDT"))
    assert {one["name"]: one["value"] for one in spec["params"]}["top"] == 100
    heights = [one["at"] for one in spec["datasets"]["ends"]]
    assert len(heights) > 3
    assert max(heights) <= 100
    for layer in spec["layer"]:
        scale = layer["encoding"]["y"].get("scale")
        assert scale in (None, {"domain": [0, {"expr": "top"}], "nice": False})


def test_counties_and_region_differ_from_municipalities_by_dash_and_point(release: Release) -> None:
    spec = drawn(release, headline(release, RATE), (*COUNTIES, "MIDT", "1505"))
    roles = {one["name"]: one["role"] for one in spec["datasets"]["points"]}
    assert roles["Trøndelag"] == roles["Møre og Romsdal"] == "county"
    looks: dict[str, set[str]] = {}
    for layer in spec["layer"]:
        mark = layer["mark"]
        if mark["type"] not in ("line", "point"):
            continue
        drawn_by = json.dumps(layer["transform"])
        role = next(one for one in ("own", "region", "county", "other") if f"'{one}'" in drawn_by)
        form = mark.get("strokeDash", [1, 0]) if mark["type"] == "line" else mark.get("shape")
        looks.setdefault(role, set()).add(f"{form} {mark.get('strokeWidth', '')}")
    assert not looks["county"] & (looks["other"] | looks["own"])
    assert not looks["region"] & (looks["other"] | looks["own"] | looks["county"])
    assert {one["order"] for one in spec["datasets"]["points"] if one["role"] == "county"} == {0, 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_key_tells_every_line_that_is_drawn_and_no_other(release: Release, language: str) -> None:
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "indicators": RATE}
    region, counties, others = "Midt-Norge", _("counties"), _("Municipalities").lower()
    for beside, said in (("15", [counties]), ("MIDT,1505", [region, others]),
                         ("50,MIDT", [region, counties])):  # fmt: skip
        assert keyed(page("compare", {**query, "with": beside})) == ["Trondheim", *said]
    hidden = release.values.filter(
        pl.col("indicator_id") == SHARE, pl.col("value_kind") == "crude",
        pl.col("sex") == "total", pl.col("age_group") == "total",
        pl.col("value_status") == "suppressed", pl.col("area_level") == "municipality",
    )  # fmt: skip
    query = {"lang": language, "area": hidden["area_code"][0], "indicators": SHARE}
    sign = words.status("suppressed", _)
    assert f": {sign[0].lower()}{sign[1:]}" in keyed(page("compare", query))[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_key_tells_the_marks_of_areas_side_by_side(release: Release, language: str) -> None:
    """The same on both pages; the sides of better and worse only where there are any."""
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "with": "1505", "year": "2025"}
    beside = page("compare", {**query, "view": "bars", "indicators": RATE})
    found = keyed(beside)
    assert found[-3:] == [_("95% interval"), "Midt-Norge", "Trondheim"]
    assert _("better than the region") in found
    assert found == keyed(page("indicator", {**query, "indicator": RATE, "tab": "compare"}))
    neutral = page("compare", {**query, "view": "bars", "indicators": SHARE})
    assert _("better than the region") not in keyed(neutral)


def test_axes_of_all_charts_of_figures_end_by_one_rule(release: Release) -> None:
    choice = Choice(SHARE, "crude")
    drawn_charts = (
        several.several(release, choice, ("MIDT",), "5001", "nb"),
        trend.trend(release, choice, "5001", "nb"),
        compare.bars(release, choice, 2025, (), "5001", "nb"),
    )
    for spec in drawn_charts:
        assert spec is not None
        assert {one["name"]: one["value"] for one in spec["params"]}["top"] == 100
        assert '"domain": [0, {"expr": "top"}]' in json.dumps(spec)


def test_names_of_area_and_region_stand_apart_where_their_shares_of_the_oldest_are_alike(
    release: Release,
) -> None:
    """Of an area with the region's own share both lines end at one height."""
    rows = release.tables["population"]
    alike = rows.filter(pl.col("area_code") == "MIDT").with_columns(
        area_code=pl.lit("1508"), area_level=pl.lit("municipality")
    )
    others = rows.filter(pl.col("area_code") != "1508")
    population = pl.concat([others, alike])
    spec = pyramid.ageing(
        replace(release, tables={**release.tables, "population": population}), "1508", "nb"
    )
    assert spec is not None
    top = {one["name"]: one["value"] for one in spec["params"]}["top"]
    ends = spec["datasets"]["ends"]
    assert {one["name"] for one in ends} == {"Midt-Norge", "Ålesund"}
    low, high = (one["at"] for one in ends)
    assert high - low >= top * LINE / several.PLOT * 0.999
    assert [one["share"] for one in ends] == pytest.approx([ends[0]["share"]] * 2)


@pytest.mark.parametrize("view", ["years", "bars", "table"])
def test_where_nothing_is_drawn_there_is_no_key_and_the_reason_is_told(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_release(tmp_path) / "indicator_values.parquet"
    values = pl.read_parquet(path)
    numbers = ("numerator", "denominator", "value", "lower_ci", "upper_ci")
    nothing = [pl.lit(None, pl.Float64).alias(one) for one in numbers]
    hidden = values.with_columns(
        *nothing,
        value_status=pl.lit("suppressed"),
        status_reason=pl.lit("disclosure"),
    )
    hidden.write_parquet(path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    shown = page("compare", {"lang": "nb", "area": "5001", "view": view, "with": "1505"})
    assert not shown.exception
    assert "Skjult av personvernhensyn" in text(shown)
    for tab in ("trend", "compare", "sex_age", "table"):
        one = page("indicator", {"lang": "nb", "area": "5001", "indicator": RATE, "tab": tab})
        assert not one.exception
