"""The indicator's view by service, device and the like, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from dashboards import downloads, words
from dashboards.charts.splits import points, split_chart
from dashboards.data_access import Release, current_release
from dashboards.splits import by_value, splits_of
from dashboards.text import translator
from tests.support.hostile import Markup
from tests.support.planner_pages import LANGUAGES, markup, page, text, title_of
from tests.support.published_release import write_release

SPLIT = "structured_documentation_share"
WHOLE = "emergency_admissions_per_1000"
HEADINGS = {"nb": "etter tjeneste", "nn": "etter teneste", "en": "by service"}
TABS = {"nb": "Fordeling", "nn": "Fordeling", "en": "Division"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("splits")
    write_release(folder)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    monkeypatch.delenv("FOLKEPULS_BORDERS", raising=False)


@pytest.fixture
def release(published: None) -> Release:
    return current_release()


def hiding_area(release: Release) -> str:
    """A municipality with some parts hidden and some shown."""
    found = (
        release.splits.filter(pl.col("area_level") == "municipality", pl.col("year") == 2025)
        .group_by("area_code")
        .agg(hidden=(pl.col("value_status") == "suppressed").any(),
             shown=(pl.col("value_status") == "ok").any())
        .filter("hidden", "shown")
        .sort("area_code")
    )  # fmt: skip
    return str(found["area_code"][0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_stands_beside_the_region_or_says_why_not(
    language: str, release: Release
) -> None:
    _ = translator(language, "planner")
    area = hiding_area(release)
    shown = page("indicator", {"lang": language, "indicator": SPLIT, "area": area, "year": "2025",
                               "tab": "split"})  # fmt: skip
    assert not shown.exception
    assert TABS[language] in [tab.label for tab in shown.tabs]
    assert HEADINGS[language] in text(shown)
    (chart,) = [one.proto for one in shown.get("vega_lite_chart")]
    cells = Markup(markup(shown)).cells
    frame = by_value(release, SPLIT, "service", area, 2025)
    assert frame["area_code"].unique().sort().to_list() == sorted([area, "MIDT"])
    for row in frame.iter_rows(named=True):
        name, figure = row[f"value_name_{language}"], words.figure(row, 1, _)
        assert name in cells
        assert any(figure in cell for cell in cells)
        if row["area_code"] == area:
            assert f"{name}: {figure}" in chart.alt
    hidden = frame.filter(pl.col("value_status") == "suppressed")
    assert not hidden.is_empty()
    assert any(words.reason("disclosure", _) in cell for cell in cells)
    labels = [button.proto.label for button in shown.get("download_button")]
    assert any("PNG" in label for label in labels)


@pytest.mark.parametrize(("area", "beside"), [("MIDT", False), ("5001", True)])
@pytest.mark.parametrize(("tab", "indicator"), [("split", SPLIT), ("sex_age", WHOLE)])
def test_the_regions_mark_is_told_and_drawn_only_beside_another_area(
    tab: str, indicator: str, area: str, beside: bool
) -> None:
    _ = translator("en", "planner")
    query = {"lang": "en", "indicator": indicator, "area": area, "year": "2025", "tab": tab}
    shown = page("indicator", query)
    said = _("The lines are 95% intervals; the grey mark with its broad bar is the region.")
    assert _("The lines are 95% intervals.") in text(shown) or beside
    assert (said in text(shown)) == beside
    (chart,) = [one.proto for one in shown.get("vega_lite_chart")]
    drawn = json.dumps([layer["transform"] for layer in json.loads(chart.spec)["layer"]])
    assert ("'region'" in drawn) == beside


def test_the_chart_draws_no_hidden_figure(release: Release) -> None:
    area = hiding_area(release)
    drawn = points(release, SPLIT, "service", area, 2025, "en")
    empty = drawn.filter(pl.col("value").is_null())
    assert not empty.is_empty()
    assert empty.filter(pl.any_horizontal(pl.col("lower", "upper").is_not_null())).is_empty()
    spec = split_chart(release, SPLIT, "service", area, 2025, "en")
    assert spec is not None
    assert "by service" in title_of(spec)
    assert "Synthetic" in title_of(spec, "subtitle")


def test_what_nobody_leaves_unsaid_is_no_part(release: Release) -> None:
    assert "unknown" not in by_value(release, SPLIT, "service", "5001", 2025)["breakdown_value"]
    region = pl.col("area_level") == "region"
    some = release.splits.with_columns(
        status_reason=pl.when(region & (pl.col("breakdown_value") == "unknown"))
        .then(pl.lit("disclosure")).otherwise("status_reason")
    )  # fmt: skip
    other = replace(release, splits=some)
    assert "unknown" in by_value(other, SPLIT, "service", "5001", 2025)["breakdown_value"]


def test_only_what_is_split_has_the_view(release: Release) -> None:
    assert list(splits_of(release, SPLIT)) == ["service"]
    assert splits_of(release, WHOLE) == {}
    plain = page("indicator", {"lang": "en", "indicator": WHOLE, "area": "5001", "tab": "split"})
    assert not plain.exception
    assert TABS["en"] not in [tab.label for tab in plain.tabs]


def test_parts_are_nowhere_taken_for_the_whole(release: Release) -> None:
    assert set(release.values["breakdown"]) == {"total"}
    key = ["indicator_id", "area_code", "year", "sex", "age_group", "value_kind"]
    assert not release.values.select(key).is_duplicated().any()


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_name_the_parts(language: str, release: Release) -> None:
    _ = translator(language, "planner")
    rows = downloads.of_split(release, SPLIT, "service", ["5001", "MIDT"], language)
    names = release.tables["breakdowns"].filter(pl.col("breakdown") == "service")
    assert set(rows[_("Part")]) == set(names[f"label_{language}"])
    assert set(rows[_("Code")]) == {"5001", "MIDT"}
    everything = downloads.readable(release, SPLIT, language)
    assert everything[_("Part")].null_count() > 0
    assert _("Part") not in downloads.readable(release, WHOLE, language).columns


def test_a_release_of_before_has_no_splits_and_still_opens(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "breakdowns.parquet").unlink()
    path = folder / "indicator_values.parquet"
    values = pl.read_parquet(path)
    values.filter(pl.col("breakdown") == "total").write_parquet(path)
    older = current_release(tmp_path)
    assert splits_of(older, SPLIT) == {}
    assert downloads.readable(older, SPLIT, "nb").height > 0
