"""The page about collaboration by month: of which year, of which message, or why of none."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from dashboards import remarks
from dashboards.charts import recent
from dashboards.charts.theme import PAPER
from dashboards.data_access import current_release
from dashboards.text import translator
from dashboards.views.collaboration import still_there
from tests.support.planner_pages import LANGUAGES, markup, page, text
from tests.support.published_release import write_release

BY_MONTH, MESSAGE = "ready_for_discharge_days_per_1000", "discharge_report_same_day_share"
HIDING, NOT_LIVE = "1505", "5006"
"""Areas without a figure of any month: one has every month hidden."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release whose figures by month are of a message."""
    for path in write_release(tmp_path).glob("*.parquet"):
        table = pl.read_parquet(path)
        if "indicator_id" in table.columns:
            table.with_columns(pl.col("indicator_id").replace(BY_MONTH, MESSAGE)).write_parquet(
                path
            )
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def two_years(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release with the months of two years, one area's all hidden."""
    path = write_release(tmp_path) / "indicator_values.parquet"
    values = pl.read_parquet(path)
    is_month = pl.col("period_type") == "month"
    numbers = ("numerator", "value", "lower_ci", "upper_ci")
    hiding = is_month & (pl.col("area_code") == HIDING)
    values = values.with_columns(
        *(pl.when(~hiding).then(pl.col(name)).alias(name) for name in numbers),
        value_status=pl.when(hiding).then(pl.lit("suppressed")).otherwise("value_status"),
        status_reason=pl.when(hiding).then(pl.lit("disclosure")).otherwise("status_reason"),
    )
    months = values.filter(is_month)
    starts = pl.col("period_start").dt.offset_by("-1y")
    before = months.with_columns(period_start=starts, period_end=starts.dt.month_end())
    pl.concat([values, before]).write_parquet(path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return tmp_path


def test_a_message_has_its_last_twelve_months_and_its_place_in_the_address(home: Path) -> None:
    shown = page("collaboration", {"lang": "nb", "area": "5001"})
    assert not shown.exception
    assert shown.query_params["message"] == MESSAGE
    said = text(shown)
    assert "Meldingskjeden" in said
    assert any(one.label == "Månedene som tabell" for one in shown.expander)
    assert "desember 2025" in said


@pytest.mark.parametrize("year", ["2024", "2025"])
def test_the_months_are_those_of_the_chosen_year(two_years: Path, year: str) -> None:
    shown = page("collaboration", {"lang": "nb", "area": "5001", "year": year})
    assert not shown.exception
    (chart,) = [one.proto for one in shown.get("vega_lite_chart")]
    assert set(re.findall(r"(?:januar|februar|desember) (\d{4})", chart.alt)) == {year}
    rows = set(re.findall(r'<th scope="row">[a-z]+ (\d{4})</th>', markup(shown)))
    assert rows == {year}


def test_a_year_without_months_says_so(two_years: Path) -> None:
    shown = page("collaboration", {"lang": "nb", "area": "5001", "year": "2023"})
    assert not shown.exception
    assert list(shown.get("vega_lite_chart")) == []
    assert "Det er ingen tall per måned for 2023." in text(shown)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("area", [HIDING, NOT_LIVE])
def test_without_a_figure_of_any_month_words_stand_for_the_chart(
    two_years: Path, area: str, language: str
) -> None:
    release = current_release()
    months = recent.recent_months(release, BY_MONTH, area, 2025)
    assert months.height == recent.MONTHS
    assert months["value"].null_count() == months.height
    _ = translator(language, "planner")
    shown = page("collaboration", {"lang": language, "area": area})
    assert not shown.exception
    assert list(shown.get("vega_lite_chart")) == []
    reason = remarks.explanation(months.row(0, named=True), _)
    said = _("{area} has no figure in any of the months. {reasons}",
             area=months["name"][0], reasons=reason)  # fmt: skip
    assert said in text(shown)


def test_the_region_has_no_lines_beside_it(two_years: Path) -> None:
    release = current_release()
    of_region, of_area = (
        recent.recent(release, BY_MONTH, code, 2024, "nb") for code in (release.region_code, "5001")
    )
    assert of_region is not None
    assert of_area is not None
    # Two lines and two names, each name on its ground.
    assert len(of_area["layer"]) - len(of_region["layer"]) == 6
    for chart in (of_region, of_area):
        titles = {layer["encoding"].get("y", {}).get("title") for layer in chart["layer"]}
        assert titles - {None} == {release.indicator(BY_MONTH)["unit_text_nb"]}


def test_names_at_the_ends_of_lines_stand_above_the_intervals_and_apart(two_years: Path) -> None:
    spec = recent.recent(current_release(), BY_MONTH, "5001", 2024, "nb")
    assert spec is not None
    kinds = [layer["mark"]["type"] for layer in spec["layer"]]
    texts = [place for place, kind in enumerate(kinds) if kind == "text"]
    assert kinds.index("rule") < min(texts[-4:])
    assert sum(layer["mark"].get("stroke") == PAPER for layer in spec["layer"]) == 2


def test_points_of_lines_beside_say_nothing_under_the_areas_name(two_years: Path) -> None:
    """They would be read out with the area's own words; the table beside them has theirs."""
    spec = recent.recent(current_release(), BY_MONTH, "5001", 2024, "nb")
    assert spec is not None
    points = [layer["mark"]["point"] for layer in spec["layer"] if layer["mark"].get("point")]
    assert len(points) == 2
    assert not any(point["aria"] for point in points)


@pytest.mark.parametrize(
    ("own", "region", "peers", "above"),
    [
        (5.0, 6.0, 4.0, {"region": True, "peer_median": False}),
        (5.0, 4.0, 6.0, {"region": False, "peer_median": True}),
        (5.0, 4.0, None, {"region": False}),
        (5.0, 6.0, None, {"region": True}),
        (None, 4.0, None, {"region": True}),
        (1.0, 4.0, 3.0, {"region": True, "peer_median": False}),
        (9.0, 3.0, 4.0, {"region": False, "peer_median": True}),
        (5.0, 5.0, 5.0, {"region": False, "peer_median": True}),
    ],
)
def test_the_name_of_a_line_stands_away_from_the_areas_line_and_the_other_name(
    own: float | None, region: float, peers: float | None, above: dict[str, bool]
) -> None:
    values = {"value": [own], "region": [region], "peer_median": [peers]}
    frame = pl.DataFrame(values, schema=dict.fromkeys(values, pl.Float64))
    lines = recent._lines(translator("nb", "planner"))
    ends = recent._ends(frame.with_columns(when=pl.lit("mai")), lines)
    assert dict(ends.select("column", "above").iter_rows()) == above


def test_a_municipality_that_changed_its_code_is_alike_once() -> None:
    areas = pl.DataFrame(
        {
            "area_code": ["1507", "1508", "5001"],
            "valid_from": [date(2020, 1, 1), date(2024, 1, 1), None],
            "valid_to": [date(2023, 12, 31), None, None],
        },
        schema={"area_code": pl.String, "valid_from": pl.Date, "valid_to": pl.Date},
    )
    codes = areas.select("area_code")
    for year, there in ((2023, ["1507", "5001"]), (2024, ["1508", "5001"])):
        assert still_there(codes, areas, year)["area_code"].to_list() == there


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_region_stands_once_in_its_tables(two_years: Path, language: str) -> None:
    _ = translator(language, "planner")
    for area, beside in (("MIDT", False), ("5001", True)):
        shown = page("collaboration", {"lang": language, "area": area})
        assert not shown.exception
        headings = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', markup(shown))
        assert _("Figure") in headings
        told = [_("The region"), _("Comparable municipalities (median)"), _("Against the region")]
        assert [one in headings for one in told] == [beside] * 3
    assert _("The region has none") not in text(page("collaboration", {"area": "MIDT"}))
