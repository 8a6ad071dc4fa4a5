"""Every cell without a figure says why, in each table of the indicator's page."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from dashboards import remarks, words
from dashboards.charts import several, trend
from dashboards.charts.theme import SHOWN
from dashboards.components.absent import absent
from dashboards.components.barometer import sign_cell
from dashboards.data_access import Release, current_release
from dashboards.figures import (
    NO_FIGURE,
    Choice,
    by_sex_and_age,
    month_series,
    of_area,
    series,
    year_frame,
)
from dashboards.session import Context
from dashboards.text import translator
from tests.support.planner_pages import LANGUAGES, markup, page, text
from tests.support.published_release import MISSING_AREA, NOT_APPLICABLE_AREA, write_release

BY_MONTH = "ready_for_discharge_days_per_1000"
SMALL = "readmission_30_days_67plus"
NOT_LIVE = "5006"
GAP_AREA = "1505"
"""Of it, nothing at all is published for 2024."""
BARE = re.compile(r"[-–−:.○~+ ]*")
"""A cell that would leave a reader with a sign alone."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release where one municipality's rows of a year are lacking."""
    folder = tmp_path_factory.mktemp("gaps")
    path = write_release(folder) / "indicator_values.parquet"
    values = pl.read_parquet(path)
    gap = (pl.col("area_code") == GAP_AREA) & (pl.col("period_start").dt.year() == 2024)
    values.filter(~gap).write_parquet(path)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))


@pytest.fixture
def release(published: None) -> Release:
    return current_release()


def rows_of(html: str) -> list[list[str]]:
    """Cells of all tables of a page, row by row, as text with tags left out."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", one, re.DOTALL) for one in rows]
    return [[re.sub(r"<[^>]+>", " ", cell).strip() for cell in one] for one in cells]


def expected(release: Release, tab: str, indicator_id: str, area: str) -> pl.DataFrame:
    """The rows that the table of a tab has to tell."""
    choice = Choice(indicator_id, "crude")
    return {
        "trend": lambda: of_area(release, series(release, choice), area),
        "month": lambda: of_area(release, month_series(release, indicator_id), area),
        "table": lambda: year_frame(release, choice, 2025),
        "sex_age": lambda: by_sex_and_age(release, indicator_id, area, 2025),
    }[tab]()


@pytest.mark.parametrize(
    ("tab", "language"), [("trend", "nb"), ("month", "nn"), ("table", "en"), ("sex_age", "nb")]
)
def test_every_cell_without_a_figure_says_why(tab: str, language: str, release: Release) -> None:
    _ = translator(language, "planner")
    found = set()
    for area in (GAP_AREA, MISSING_AREA, NOT_APPLICABLE_AREA, NOT_LIVE):
        indicator_id = BY_MONTH if tab == "month" else SMALL
        query = {"lang": language, "indicator": indicator_id, "area": area, "year": "2025",
                 "kind": "crude", "tab": "trend" if tab == "month" else tab,
                 "by": "month" if tab == "month" else "year"}  # fmt: skip
        rows = rows_of(markup(page("indicator", query)))
        cells = [cell for one in rows for cell in one]
        assert [cell for cell in cells if BARE.fullmatch(cell)] == []
        for row in expected(release, tab, indicator_id, area).iter_rows(named=True):
            if row["value"] is None:
                status, why = words.status(row["value_status"], _), remarks.reason(row, _)
                assert any(status in cell and why in cell for cell in cells)
                found.add(row["value_status"])
    assert found >= {"suppressed", "missing"}


def test_a_year_that_nothing_is_published_of_stands_in_the_table(release: Release) -> None:
    frame = of_area(release, series(release, Choice(SMALL, "crude")), GAP_AREA)
    assert frame["year"].to_list() == [2025, 2024, 2023]
    assert frame.filter(pl.col("year") == 2024)["value_status"].to_list() == ["missing"]
    divided = of_area(release, series(release, Choice(SMALL, "crude")), "1508")
    assert divided["year"].to_list() == [2025, 2024]


@pytest.mark.parametrize("language", LANGUAGES)
def test_those_who_are_not_in_the_chart_are_listed_with_the_reason(language: str) -> None:
    _ = translator(language, "planner")
    said = text(page("indicator", {"lang": language, "indicator": SMALL, "area": "5001",
                                   "kind": "crude", "year": "2025", "tab": "compare"}))  # fmt: skip
    for status, reason in (("suppressed", "disclosure"), ("missing", "no_data"),
                           ("not_applicable", "not_defined_for_group")):  # fmt: skip
        assert f"{words.status(status, _)} ({words.reason(reason, _)}):" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_has_a_sign_and_words_where_a_count_is_lacking(language: str) -> None:
    _ = translator(language, "planner")
    cells = {code: sign_cell({"value": None, "value_status": code}, _) for code in NO_FIGURE}
    assert all(words.status(code, _) in cell for code, cell in cells.items())
    assert len(set(cells.values())) == len(NO_FIGURE)


def test_lines_break_where_a_period_has_no_figure(release: Release) -> None:
    """A line through a period would tell what its figure may have been."""
    choice = Choice(SMALL, "crude")
    drawn = {
        "area": trend.trend(release, choice, GAP_AREA, "nb"),
        "own": several.several(release, choice, ("5001",), GAP_AREA, "nb"),
    }
    for role, chart in drawn.items():
        assert chart is not None
        own = [row for row in chart["datasets"]["points"] if row["role"] == role]
        assert [row["year"] for row in own] == [2023, 2024, 2025]
        assert own[1]["value"] is None
        (gap,) = [row for row in chart["datasets"]["gaps"] if row["year"] == 2024]
        reason = words.status("missing", translator("nb", "planner"))
        assert reason in gap["note"]
        # One line: of two under the same heading a tooltip shows the last alone.
        assert gap["told"] == f"2024: {gap['note']}"
        signs = [layer for layer in chart["layer"] if layer["data"]["name"] == "gaps"]
        assert signs
        assert {layer["encoding"]["tooltip"]["field"] for layer in signs} == {"told"}
        lines = [layer for layer in chart["layer"] if layer["mark"]["type"] in ("line", "area")]
        assert lines
        assert SHOWN not in json.dumps([layer["transform"] for layer in lines])


def test_years_without_a_figure_for_one_reason_are_one_gap() -> None:
    years = [2020, 2021, 2022, 2023, 2024]
    frame = pl.DataFrame(
        {
            "role": "area",
            "year": pl.Series(years, dtype=pl.Float64),
            "when": [str(year) for year in years],
            "value": [None, None, 1.0, None, None],
            "text": ["hidden", "hidden", "1", "hidden", "not covered"],
            "note": ["few", "few", "–", "few", "not live"],
            "sign": [":", ":", "", ":", "○"],
        }
    )
    found = trend.gaps(frame, "year")
    assert found.select("when", "text", "start", "end", "year", "row").rows() == [
        ("2020–2021", "hidden", 2020.0, 2021.0, 2020.5, 0),
        ("2023", "hidden", 2023.0, 2023.0, 2023.0, 1),
        ("2024", "not covered", 2024.0, 2024.0, 2024.0, 2),
    ]
    assert found["letters"].unique().to_list() == [len("not covered")]
    assert trend.gaps(frame, "month")["when"].to_list() == ["2020", "2021", "2023", "2024"]


@pytest.mark.parametrize("view", ["years", "bars"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_area_without_figures_is_named_with_its_reason(
    view: str, language: str, release: Release
) -> None:
    query = {"lang": language, "area": "5001", "with": f"{NOT_LIVE},{GAP_AREA}", "view": view,
             "indicators": "home_nursing_users_80plus_share", "year": "2025"}  # fmt: skip
    shown, _ = page("compare", query), translator(language, "planner")
    assert not shown.exception
    listed = unescape(markup(shown))
    name = release.areas(2025).filter(area_code=NOT_LIVE)["name"][0]
    (item,) = [one for one in re.findall(r"<li>(.*?)</li>", listed) if name in one]
    assert words.reason("municipality_not_live", _) in item
    assert f"{name} (" not in item
    assert ("Kristiansund (2024)" in listed) == (view == "years")


DIVIDED = "1507"
"""It was a municipality until the end of 2023."""
TWINS = {DIVIDED: "Ålesund (2020–2023)", "1508": "Ålesund (2024–)"}


@pytest.mark.parametrize("own", [*TWINS, "5001"])
def test_areas_of_one_name_are_told_apart_by_their_years(own: str, release: Release) -> None:
    beside = tuple(code for code in TWINS if code != own)
    chart = several.several(release, Choice(SMALL, "crude"), beside, own, "nb")
    assert chart is not None
    ends = {one["area"]: one["name"] for one in chart["datasets"]["ends"]}
    assert ends == {**TWINS, **({own: "Trondheim"} if own not in TWINS else {})}


def test_areas_of_one_name_without_a_figure_are_listed_each_for_itself(release: Release) -> None:
    chosen = Choice("home_nursing_users_80plus_share", "crude")
    rows = several.several_frame(release, chosen, (DIVIDED,), "1508", "nb")
    without = rows.with_columns(value=pl.lit(None, pl.Float64), note=pl.lit("Skjult"))
    listed = unescape(absent(Context(release, "nb"), without))
    assert all(name in listed for name in TWINS.values())


@pytest.mark.parametrize(("name", "language"), [("population", "nb"), ("collaboration", "nn"),
                                                ("compare", "en")])  # fmt: skip
def test_a_municipality_of_before_can_be_asked_for(name: str, language: str) -> None:
    query = {"lang": language, "area": DIVIDED, "view": "table"}
    _ = translator(language, "planner")
    said = _("{area} did not exist as a municipality at the end of {year}.",
             area="Ålesund (2020–2023)", year=2025)  # fmt: skip
    for year in ("2023", "2025"):
        shown = page(name, {**query, "year": year})
        assert not shown.exception
        assert shown.query_params["area"] == DIVIDED
        assert (said in text(shown)) == (year == "2025")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_says_of_which_area_there_was_none_that_year(language: str) -> None:
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "with": DIVIDED, "view": "table", "year": "2025"}
    (row,) = [one for one in rows_of(markup(page("compare", query))) if TWINS[DIVIDED] in one[0]]
    for cell in row[1:]:
        assert cell.startswith(words.SYMBOLS["not_applicable"])
        assert words.status("not_applicable", _) in cell
        assert _("no municipality of its own at the end of the year") in cell
