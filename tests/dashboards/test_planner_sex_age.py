"""The indicator's view by sex and age, and its sentence on like for like, without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboards import pictures, remarks, words
from dashboards.charts import sex_age, trend
from dashboards.components import exports
from dashboards.data_access import Release, current_release, earlier_release
from dashboards.figures import Choice, by_sex_and_age, headline, is_grouped, like_for_like, strata
from dashboards.session import Context
from dashboards.text import translator
from tests.support.hostile import Markup
from tests.support.planner_pages import LANGUAGES, markup, page, text, title_of
from tests.support.published_release import MISSING_AREA, write_release

SHOWN = "emergency_admissions_per_1000"
SMALL = "readmission_30_days_67plus"
PLAIN = "structured_documentation_share"
ONE_GROUP = "home_nursing_users_80plus_share"
HEADINGS = {
    "nb": "Forskjeller etter kjønn og alder",
    "nn": "Skilnader etter kjønn og alder",
    "en": "Differences by sex and age",
}
CALLED_OTHERWISE = ("social inequal", "sosial ulik", "sosiale ulik", "sosial skil", "sosiale skil")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sex_age")
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
    """A municipality with some groups hidden and some shown."""
    found = (
        release.values.filter(
            pl.col("indicator_id") == SMALL,
            pl.col("year") == 2025,
            pl.col("value_kind") == "crude",
            pl.col("area_level") == "municipality",
        )
        .group_by("area_code")
        .agg(kinds=pl.col("value_status").n_unique())
        .filter(pl.col("kinds") > 1)
        .sort("area_code")
    )
    return str(found["area_code"][0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_women_stand_beside_men_and_ages_below_each_other(language: str, release: Release) -> None:
    query = {"lang": language, "indicator": SHOWN, "area": "5001", "year": "2025",
             "tab": "sex_age"}  # fmt: skip
    shown = page("indicator", query)
    assert not shown.exception
    assert shown.query_params["tab"] == "sex_age"
    said, _ = text(shown), translator(language, "planner")
    assert HEADINGS[language] in said
    assert not any(called in said.lower() for called in CALLED_OTHERWISE)
    (chart,) = [one.proto for one in shown.get("vega_lite_chart")]
    assert json.loads(chart.spec)["layer"][2]["encoding"]["color"]["legend"] is not None
    indicator = release.indicator(SHOWN)
    for row in by_sex_and_age(release, SHOWN, "5001", 2025).iter_rows(named=True):
        assert f"<b>{words.figure(row, 1, _)}</b> <small>({words.interval(row, 1, _)})" in markup(
            shown
        )
        if row["area_code"] == "5001" and row["sex"] != "total":
            age, sex = words.age(row["age_group"], indicator, _), words.sex(row["sex"], _)
            assert f"{age}, {sex}: {words.figure(row, 1, _)}" in chart.alt


def test_the_frame_holds_the_published_figures_and_no_other(release: Release) -> None:
    sexes, ages = strata(release.indicator(SHOWN))
    frame = by_sex_and_age(release, SHOWN, "5001", 2025)
    assert frame.height == 2 * len(sexes) * len(ages) == 36
    key = ["area_code", "sex", "age_group"]
    published = pl.read_parquet(release.folder / "indicator_values.parquet").filter(
        pl.col("indicator_id") == SHOWN,
        pl.col("value_kind") == "crude",
        pl.col("period_start") == date(2025, 1, 1),
        pl.col("period_type") == "year",
    )
    joined = frame.join(published, on=key, suffix="_published")
    assert joined.height == frame.height
    assert joined.filter(~pl.col("value").eq_missing(pl.col("value_published"))).is_empty()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_group_without_a_figure_says_why_and_is_no_nought(
    language: str, release: Release
) -> None:
    _ = translator(language, "planner")
    for area in (hiding_area(release), MISSING_AREA, "5006"):
        query = {"lang": language, "indicator": SMALL, "area": area, "year": "2025",
                 "tab": "sex_age"}  # fmt: skip
        cells = Markup(markup(page("indicator", query))).cells
        frame = by_sex_and_age(release, SMALL, area, 2025).filter(pl.col("area_code") == area)
        empty = frame.filter(pl.col("value").is_null())
        assert not empty.is_empty()
        for row in empty.iter_rows(named=True):
            told = words.status(row["value_status"], _)
            assert any(told in cell and words.reason(row["status_reason"], _) in cell
                       for cell in cells)  # fmt: skip
        drawn = sex_age.points(release, SMALL, area, 2025, language)
        assert drawn.filter(pl.col("value") == 0).is_empty()
        hidden = drawn.filter(pl.col("role") == "own", pl.col("value").is_null())
        assert hidden.filter(pl.col("lower").is_not_null()).is_empty()


def test_a_group_that_nothing_is_published_of_is_missing(release: Release) -> None:
    rows = release.values.filter(~((pl.col("sex") == "female") & (pl.col("age_group") == "80+")))
    gap = replace(release, tables={**release.tables, "indicator_values": rows})
    frame = by_sex_and_age(gap, SHOWN, "5001", 2025)
    lacking = frame.filter(pl.col("sex") == "female", pl.col("age_group") == "80+")
    assert lacking["value_status"].to_list() == ["missing", "missing"]
    drawn = json.dumps(sex_age.sex_age(gap, SHOWN, "5001", 2025, "en"), default=str)
    assert "Data missing" in drawn
    assert frame.height == by_sex_and_age(release, SHOWN, "5001", 2025).height


def test_an_indicator_without_groups_says_so_and_one_group_is_not_shown_twice(
    release: Release,
) -> None:
    query = {"lang": "en", "area": "5001", "tab": "sex_age"}
    plain = page("indicator", {**query, "indicator": PLAIN})
    assert "neither by sex nor by age group" in text(plain)
    assert not plain.get("vega_lite_chart")
    assert strata(release.indicator(ONE_GROUP)) == (("total", "female", "male"), ("total",))


def test_the_region_stands_alone_and_who_did_not_exist_has_no_table(release: Release) -> None:
    region = page("indicator", {"lang": "en", "indicator": SHOWN, "area": "MIDT",
                                "tab": "sex_age"})  # fmt: skip
    assert "Against the region" not in Markup(markup(region)).cells
    gone = page("indicator", {"lang": "en", "indicator": SHOWN, "area": "1507", "year": "2025",
                              "tab": "sex_age"})  # fmt: skip
    assert not gone.exception
    assert "by sex and age in" not in text(gone)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_municipalities_stand_beside_the_trend(language: str, release: Release) -> None:
    same = like_for_like(release, SHOWN, 2025)
    assert same is not None
    assert same["earlier_start"].year == 2024
    _ = translator(language, "planner")
    query = {"lang": language, "indicator": SHOWN, "area": "MIDT", "year": "2025", "tab": "trend"}
    said = text(page("indicator", query))
    assert remarks.same_municipalities(same, 1, _) in said
    for number in (same["areas"], same["areas_live"], same["value"], same["earlier_value"]):
        assert words.number(number, language, 1 if isinstance(number, float) else 0) in said
    # The sentence is of the region, of all sexes and ages: it must say so, and stand for no other.
    assert _("Both sexes") in remarks.same_municipalities(same, 1, _)
    women = page("indicator", {**query, "kind": "crude", "sex": "female"})
    assert remarks.same_municipalities(same, 1, _) not in text(women)
    first = page("indicator", {**query, "year": "2023"})
    assert remarks.same_municipalities(same, 1, _)[:24] not in text(first)


def row_of(**changed: Any) -> dict[str, Any]:
    """A row of ``like_for_like``."""
    numbers = {"value": 12.0, "lower_ci": 11.0, "upper_ci": 13.0}
    return {
        "earlier_start": date(2023, 1, 1),
        "period_start": date(2025, 1, 1),
        "areas_live": 9,
        "areas": 7,
        "change": "similar",
        **numbers,
        **{f"earlier_{name}": value - 1 for name, value in numbers.items()},
        **changed,
    }


def test_what_the_same_municipalities_tell_is_told_apart() -> None:
    _ = translator("en", "planner")
    told = {change: remarks.same_municipalities(row_of(change=change), 1, _)
            for change in ("higher", "lower", "similar", "not_compared")}  # fmt: skip
    assert len(set(told.values())) == 4
    assert "11.0 (10.0–12.0) in 2023 and 12.0 (11.0–13.0) in 2025" in told["similar"]
    assert "Only the 7 municipalities" in told["similar"]
    assert "of 9 live in both" in told["similar"]
    few = remarks.same_municipalities(row_of(areas=2, value=None, earlier_value=None), 1, _)
    assert "of 9 that were live in both 2023 and 2025, 2 have a figure" in few
    bare = row_of(change="not_compared", lower_ci=None, upper_ci=None)
    assert "and 12.0 in 2025. The figures have no intervals" in remarks.same_municipalities(
        bare, 1, _
    )


def test_a_release_of_before_has_no_such_table_and_still_opens(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "like_for_like.parquet").unlink()
    older = current_release(tmp_path)
    assert like_for_like(older, SHOWN, 2025) is None
    assert earlier_release(older) is None


def test_the_chart_is_among_the_pictures_to_take_away(release: Release) -> None:
    area = "5001"
    title, make = exports._charts(Context(release, "nb"), headline(release, SHOWN), area, 2025)[
        "sex_age"
    ]
    assert title == "Kjønn og alder"
    spec = make()
    assert spec is not None
    drawn = unescape(pictures.svg(spec, "Kilde").decode())
    _, indicator = translator("nb", "planner"), release.indicator(SHOWN)
    assert all(f">{words.age(code, indicator, _)}<" in drawn for code in strata(indicator)[1])
    assert ">Kilde<" in drawn
    shown = page("indicator", {"lang": "nb", "indicator": SHOWN, "area": area, "tab": "download"})
    labels = [button.proto.label for button in shown.get("download_button")]
    assert {"Kjønn og alder (PNG)", "Kjønn og alder (SVG)"} <= set(labels)
    assert not is_grouped(release.indicator(PLAIN))
    plain = exports._charts(Context(release, "nb"), headline(release, PLAIN), area, 2025)
    assert "sex_age" not in plain


def test_words_of_a_hidden_group_stand_clear_of_the_regions_bar(release: Release) -> None:
    """At the end of the row where the region's interval is not."""
    spec = sex_age.sex_age(release, SMALL, hiding_area(release), 2025, "nb")
    assert spec is not None
    rows = spec["datasets"]["groups"]
    most = max(row["upper"] for row in rows if row["upper"] is not None)
    region = {(row["age"], row["sex"]): row["upper"] for row in rows if row["role"] == "region"}
    gaps = spec["datasets"]["gaps"]
    assert gaps
    assert [gap["late"] for gap in gaps] == [
        region[gap["age"], gap["sex"]] < most / 2 for gap in gaps
    ]


FEW = {
    "nb": "kvinner, 80+ år, ujustert",
    "nn": "kvinner, 80+ år, ujustert",
    "en": "women, 80+ years, unadjusted (crude)",
}


@pytest.mark.parametrize(
    ("tab", "language"), [("trend", "nb"), ("compare", "nn"), ("table", "en"), ("download", "nb")]
)
def test_whom_a_figure_is_about_stands_wherever_it_is_told(tab: str, language: str) -> None:
    query = {"lang": language, "indicator": SHOWN, "area": "5001", "year": "2025", "tab": tab}
    named = FEW[language]
    shown = page("indicator", {**query, "kind": "crude", "sex": "female", "age": "80+"})
    told = unescape(markup(shown))
    for found in (r"<h1>(.*?)</h1>", r'"fp-lead-name">(.*?)</p>', r"<caption>(.*?)</caption>",
                  r"<blockquote.*?</blockquote>"):  # fmt: skip
        assert all(named in one for one in re.findall(found, told))
    assert f'"fp-lead-reading">{named.capitalize()}: ' in told
    for chart in (one.proto for one in shown.get("vega_lite_chart")):
        assert named in title_of(json.loads(chart.spec))
        assert named in chart.alt
    held = {"trend": "<caption>", "compare": "<h1>", "table": "<caption>", "download": "<blockq"}
    assert held[tab] in told
    assert named not in text(page("indicator", query))


def test_months_are_of_all_whoever_is_chosen(release: Release) -> None:
    choice = Choice("ready_for_discharge_days_per_1000", "crude", "female", "80+")
    spec = trend.trend(release, choice, "5001", "nb", "month")
    assert "kvinner" not in title_of(spec) + trend.described(release, choice, "5001", "nb", "month")
    assert "kvinner" in title_of(trend.trend(release, choice, "5001", "nb"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_crude_and_adjusted_figures_are_told_apart(language: str) -> None:
    _ = translator(language, "planner")
    top = {"value_kind": "indirect", "value": 32.5}
    crude = {"value_kind": "crude", "value": 35.1}
    said = remarks.unlike_the_top(top, crude, 1, _)
    assert words.kind("indirect", _)[1:] in said
    assert all(words.number(one, language, 1) in said for one in (32.5, 35.1))
    which = remarks.unlike_the_top({**top, "value": None}, crude, 1, _)
    assert said.startswith(which)
    assert remarks.unlike_the_top({**top, "value": 35.1}, crude, 1, _) == which
    assert remarks.unlike_the_top(crude, crude, 1, _) == ""
    query = {"lang": language, "indicator": SHOWN, "area": "5001", "tab": "sex_age"}
    shown = text(page("indicator", {**query, "kind": "indirect"}))
    assert which in shown
    assert f", {words.kind('crude', _).lower()})" in shown
    assert which not in text(page("indicator", {**query, "kind": "crude"}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_kinds_of_figures_are_is_said_in_plain_words_first(language: str) -> None:
    _ = translator(language, "planner")
    for code in ("direct_esp2013", "direct_region", "indirect", "median"):
        plain, _sign, term = words.kind(code, _).partition(" (")
        assert plain
        assert term.endswith(")")
        assert not re.search("standardis|median", plain.lower())
        assert not re.search("rate", words.kind_explained(code, _))
