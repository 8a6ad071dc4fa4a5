"""The map of the region by itself: tiles, borders, classes of colour, legend."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts import region_map
from dashboards.charts.theme import (
    SCALE,
)
from dashboards.components import legend
from dashboards.data_access import (
    Release,
    current_release,
)
from dashboards.figures import (
    headline,
)
from dashboards.text import translator
from tests.support.published_release import REFERENCE, areas, write_release


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    write_release(tmp_path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return current_release()


def test_every_municipality_has_a_tile_of_its_own_at_any_time() -> None:
    tiles = pl.read_csv(REFERENCE / "tile_map.csv", schema_overrides={"municipality_code": str})
    towns = pl.read_csv(REFERENCE / "municipalities.csv",
                        schema_overrides={"municipality_code": str})  # fmt: skip
    assert set(tiles["municipality_code"]) == set(towns["municipality_code"])
    for day in (date(2023, 12, 31), date(2024, 12, 31)):
        valid = areas().filter(
            pl.col("area_level") == "municipality",
            pl.col("valid_from").is_null() | (pl.col("valid_from") <= day),
            pl.col("valid_to").is_null() | (pl.col("valid_to") >= day),
        )
        assert not valid.select("tile_row", "tile_col").is_duplicated().any()


def test_the_tile_map_lies_as_the_region_does() -> None:
    towns = areas().filter(pl.col("area_level") == "municipality")
    across = towns.select(pl.corr("tile_col", "lon", method="spearman")).item()
    down = towns.select(pl.corr("tile_row", "lat", method="spearman")).item()
    assert across > 0.93
    assert down < -0.93


@given(st.lists(st.text("abcdeå", min_size=4, max_size=8), min_size=1, max_size=30))
def test_short_names_are_beginnings_and_tell_names_apart(names: list[str]) -> None:
    short = region_map.short_names(names)
    assert all(name.startswith(short[name]) for name in names)
    for name in set(names):
        for other in set(names) - {name}:
            assert short[name] != short[other] or other.startswith(name) or name.startswith(other)


@given(st.floats(0, 100), st.lists(st.floats(0, 100), max_size=4, unique=True))
def test_classes_rise_with_the_value(value: float, limits: list[float]) -> None:
    ordered = sorted(limits)
    assert 0 <= region_map.class_of(value, ordered) < len(SCALE)
    assert region_map.class_of(value, ordered) <= region_map.class_of(value + 1, ordered)


def square(code: str, *, clockwise: bool) -> dict[str, object]:
    ring = [[8.0, 63.0], [8.0, 64.0], [9.0, 64.0], [9.0, 63.0], [8.0, 63.0]]
    geometry = {"type": "Polygon", "coordinates": [ring if clockwise else ring[::-1]]}
    return {"type": "Feature", "properties": {"kommunenummer": code}, "geometry": geometry}


def features_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for shapes in spec["datasets"].values() for one in shapes["features"]]


@pytest.mark.parametrize("clockwise", [True, False])
def test_real_borders_are_drawn_with_their_figures_and_wound_for_vega(
    tmp_path: Path, release: Release, clockwise: bool
) -> None:
    file = tmp_path / "borders.geojson"
    features = [square("1508", clockwise=clockwise), square("9999", clockwise=clockwise)]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    choice = headline(release, "emergency_admissions_per_1000")
    drawn = features_of(region_map.border_map(release, choice, 2025, "nb", file))
    assert [feature["properties"]["area_code"] for feature in drawn] == ["1508"]
    ring = drawn[0]["geometry"]["coordinates"][0][0]
    assert ring == square("1508", clockwise=True)["geometry"]["coordinates"][0]  # type: ignore[index]
    earlier = features_of(region_map.border_map(release, choice, 2023, "nb", file))
    assert [feature["properties"]["area_code"] for feature in earlier] == ["1507"]
    spec = region_map.border_map(release, choice, 2025, "nb", file)
    assert spec["projection"] == {"type": "mercator"}


def layers(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The layers of a chart that have a mark of a kind."""
    return [one for one in spec["layer"] if one["mark"]["type"] == kind]


def test_the_text_of_a_tile_answers_as_its_tile_does(release: Release) -> None:
    choice = headline(release, "emergency_admissions_per_1000")
    spec = region_map.tile_map(release, choice, 2025, "nb")
    tile = layers(spec, "rect")[0]["encoding"]
    for writing in layers(spec, "text"):
        assert writing["encoding"]["href"] == tile["href"]
        assert writing["encoding"]["tooltip"] == tile["tooltip"]
    # What is written elsewhere, as names at lines, shows no columns of ours.
    assert spec["config"]["mark"] == {"tooltip": None}


@pytest.mark.parametrize(
    ("values", "limits", "said"),
    [
        ([0.0, 0.0, 100.0], [0.0], ["0,0", "100,0"]),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [1.8, 2.6, 3.4, 4.2], ["1,0", "2,0", "3,0", "4,0", "5,0"]),
        ([1.0, 1.2, 5.0], [2.0], ["1,0–1,2", "5,0"]),
        ([7.0], [], ["7,0"]),
    ],
)
def test_the_legend_tells_what_each_colour_holds(
    values: list[float], limits: list[float], said: list[str]
) -> None:
    made = legend.colours(values, limits, 1, translator("nb", "planner"))
    assert re.findall(r"</span>([^<]+)</li>", made) == said
    assert len(set(re.findall(r'background:([^"]+)', made))) == len(said)


def test_the_least_and_the_greatest_figure_have_the_ends_of_the_scale() -> None:
    frame = pl.DataFrame({"area_level": "municipality", "value": [0.0] * 4 + [100.0] * 6})
    limits = region_map.class_limits(frame)
    assert max(limits) < 100
    assert [region_map.class_of(value, limits) for value in (0.0, 100.0)] == [0, len(SCALE) - 1]
