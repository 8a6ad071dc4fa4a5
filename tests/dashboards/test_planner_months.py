"""What stands beside a figure of a year, without a browser: months, years together, a median."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from dashboards import remarks
from dashboards.charts import several, trend
from dashboards.components.figure_tables import newest_pooled
from dashboards.data_access import current_release
from dashboards.downloads import readable, tidy
from dashboards.figures import Choice, headline
from dashboards.session import Context
from dashboards.text import month, number, translator
from tests.support.planner_pages import LANGUAGES, keyed, markup, page, text
from tests.support.published_release import write_release

AMOUNTS = "structured_documentation_share"
QUARTERS = "portal_active_users_share"
SHOWN, OTHER = "emergency_admissions_per_1000", "home_nursing_users_80plus_share"
WORDS = {
    "nb": ("Måned", "februar 2025", "Skjult av personvernhensyn"),
    "nn": ("Månad", "februar 2025", "Skjult av omsyn til personvern"),
    "en": ("Month", "February 2025", "Hidden for privacy"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three months of one indicator, the middle one hidden, and three years of another together."""
    folder = tmp_path_factory.mktemp("months")
    write_release(folder)
    path = (folder / "published" / "current").resolve() / "indicator_values.parquet"
    values = pl.read_parquet(path)
    crude = values.filter(
        pl.col("indicator_id") == SHOWN, pl.col("value_kind") == "crude",
        pl.col("sex") == "total", pl.col("age_group") == "total",
        pl.col("period_start") == date(2025, 1, 1),
    )  # fmt: skip
    numbers = ("numerator", "denominator", "value", "lower_ci", "upper_ci")
    months = []
    for month_number in (1, 2, 3):
        own = crude.with_columns(
            period_type=pl.lit("month"),
            period_start=pl.lit(date(2025, month_number, 1)),
            period_end=pl.lit(date(2025, month_number, 1)).dt.month_end(),
        )
        hidden = [pl.lit(None, pl.Float64).alias(name) for name in numbers]
        status = [pl.lit("suppressed").alias("value_status"),
                  pl.lit("disclosure").alias("status_reason")]  # fmt: skip
        months.append(own.with_columns(*hidden, *status) if month_number == 2 else own)
    together = values.filter(
        pl.col("indicator_id") == OTHER, pl.col("value_kind") == "crude",
        pl.col("sex") == "total", pl.col("age_group") == "total",
        pl.col("period_start") == date(2025, 1, 1),
    ).with_columns(
        period_type=pl.lit("three_years"), period_start=pl.lit(date(2023, 1, 1)),
        numerator=pl.col("numerator") * 3, denominator=pl.col("denominator") * 3,
    )  # fmt: skip
    months.append(together)
    of_quarters = values.filter(
        pl.col("indicator_id") == QUARTERS, pl.col("value_kind") == "crude",
        pl.col("sex") == "total", pl.col("age_group") == "total",
        pl.col("period_start") == date(2025, 1, 1),
    )  # fmt: skip
    months += [
        of_quarters.with_columns(
            period_type=pl.lit("quarter"),
            period_start=pl.lit(date(2025, first, 1)),
            period_end=pl.lit(date(2025, first + 2, 1)).dt.month_end(),
        )
        for first in (1, 4)
    ]
    middle = values.filter(
        pl.col("indicator_id") == AMOUNTS, pl.col("period_start") == date(2025, 1, 1)
    ).with_columns(
        value_kind=pl.lit("median"), value=pl.when(pl.col("value").is_not_null()).then(7.5),
        **{name: pl.lit(None, pl.Float64) for name in numbers if name != "value"},
    )  # fmt: skip
    months.append(middle)
    facts = path.with_name("indicators.parquet")
    own = pl.col("indicator_id") == AMOUNTS
    kinds = pl.when(own).then(pl.lit("crude,median")).otherwise("value_kinds")
    pl.read_parquet(facts).with_columns(value_kinds=kinds).write_parquet(facts)
    pl.concat([values, *(one.select(values.columns) for one in months)]).write_parquet(path)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    monkeypatch.delenv("FOLKEPULS_BORDERS", raising=False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_are_drawn_and_a_hidden_one_says_so(language: str) -> None:
    query = {"lang": language, "indicator": SHOWN, "area": "5001", "tab": "trend"}
    shown = page("indicator", {**query, "by": "month"})
    assert not shown.exception
    name, february, hidden = WORDS[language]
    assert february in text(shown)
    assert hidden in text(shown)
    _ = translator(language, "planner")
    assert remarks.hidden_parts(["ok", "suppressed", "ok"], "month", _) in text(shown)
    assert f"{name}</th>" in markup(shown)
    assert february not in text(page("indicator", query))


@pytest.mark.parametrize(
    ("language", "name", "second"),
    [("nb", "Kvartal", "2. kvartal 2025"), ("nn", "Kvartal", "2. kvartal 2025"),
     ("en", "Quarter", "2nd quarter 2025")],
)  # fmt: skip
def test_quarters_are_drawn_by_their_name(language: str, name: str, second: str) -> None:
    query = {"lang": language, "indicator": QUARTERS, "area": "5001", "tab": "trend"}
    shown = page("indicator", {**query, "by": "month"})
    assert not shown.exception
    assert second in text(shown)
    assert f"{name}</th>" in markup(shown)
    (chart,) = [one.proto for one in shown.get("vega_lite_chart")]
    assert second in chart.alt
    assert second not in text(page("indicator", query))


@pytest.mark.parametrize(
    ("chosen", "named"),
    [(SHOWN, "By month"), (QUARTERS, "By quarter"), (f"{SHOWN},{QUARTERS}", "By month or quarter"),
     (OTHER, None)],
)  # fmt: skip
def test_the_page_that_compares_calls_quarters_quarters(chosen: str, named: str | None) -> None:
    shown = page("compare", {"lang": "en", "area": "5001", "indicators": chosen})
    assert not shown.exception
    views = [one.content for one in shown.button_group[0].proto.options]
    assert [one for one in views if one.startswith("By ")] == ([named] if named else [])


def test_a_quarter_stands_in_its_middle_and_has_its_column() -> None:
    release = current_release()
    points = trend.points(release, headline(release, QUARTERS), "5001", "en", "month")
    assert points.filter(role="area")["year"].to_list() == pytest.approx([2024.625, 2024.875])
    files = readable(release, QUARTERS, "en")
    assert files["Quarter"].drop_nulls().unique().sort().to_list() == [1, 2]
    assert "Month" not in files.columns


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_years_stand_below_the_years(language: str) -> None:
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "tab": "trend"}
    shown = page("indicator", {**query, "indicator": OTHER})
    assert not shown.exception
    assert "2023–2025" in text(shown)
    assert f"{_('Years')}</th>" in markup(shown)
    assert "2023–2025" not in text(page("indicator", {**query, "indicator": SHOWN}))


def test_where_a_year_is_hidden_its_years_together_are_told() -> None:
    reader, choice = Context(current_release(), "nb"), Choice(OTHER, "crude", "total", "total")
    said = newest_pooled(reader, choice, "5001", 2025)
    assert said.startswith("2023–2025 samlet: ")
    assert newest_pooled(reader, choice, "5001", 2022) == ""
    assert newest_pooled(reader, replace(choice, sex="female"), "5001", 2025) == ""


def test_several_years_are_in_files_with_both_ends() -> None:
    release = current_release()
    several = readable(release, OTHER, "en").filter(pl.col("Last year").is_not_null())
    assert several.select("Year", "Last year").unique().rows() == [(2023, 2025)]
    assert "Last year" not in readable(release, SHOWN, "en").columns
    assert set(release.pooled["period_type"]) == {"three_years"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_median_is_read_as_one(language: str) -> None:
    _ = translator(language, "planner")
    query = {"lang": language, "indicator": AMOUNTS, "area": "5001", "tab": "trend"}
    said = _("{area}, {year}: the middle one has {value} ({unit}). As many have more as have less.",
             area="Trondheim", year=2025, value=number(7.5, language, 1),
             unit=current_release().indicator(AMOUNTS)[f"unit_text_{language}"])  # fmt: skip
    assert said not in text(page("indicator", query))
    shown = page("indicator", {**query, "kind": "median"})
    assert not shown.exception
    assert said in text(shown)


def test_an_indicator_without_months_has_no_choice() -> None:
    shown = page("indicator", {"lang": "en", "indicator": OTHER, "area": "5001", "by": "month"})
    assert not shown.exception
    assert "Months are crude" not in text(shown)


def test_files_hold_months_and_years_are_what_they_were() -> None:
    release = current_release()
    assert release.values["period_type"].unique().to_list() == ["year"]
    assert tidy(release, SHOWN).filter(pl.col("period_type") == "month").height > 3
    assert readable(release, SHOWN, "en")["Month"].drop_nulls().unique().sort().to_list() == [
        1,
        2,
        3,
    ]
    assert "Month" not in readable(release, OTHER, "en").columns


@pytest.mark.parametrize("language", LANGUAGES)
def test_areas_are_compared_by_month_where_there_are_months(language: str) -> None:
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "view": "months", "indicators": f"{SHOWN},{OTHER}"}
    shown = page("compare", query)
    assert not shown.exception
    assert shown.query_params["view"] == "months"
    (chart,) = [one.proto for one in shown.get("vega_lite_chart")]
    assert _("Line chart of {title} by month.", title="")[:12] in chart.alt
    assert month(date(2025, 3, 1), language) in chart.alt
    assert _("This indicator is not published by month.") in text(shown)
    without = page("compare", {**query, "indicators": OTHER})
    assert without.query_params["view"] == "years"


def test_a_hidden_month_of_an_area_is_no_point() -> None:
    release = current_release()
    frame = several.several_frame(release, headline(release, SHOWN), (), "5001", "en", "month")
    assert frame["when"].to_list() == ["January 2025", "February 2025", "March 2025"]
    assert frame["value"].is_null().to_list() == [False, True, False]
    assert frame["text"][1] == WORDS["en"][2]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("indicator", [SHOWN, QUARTERS])
def test_counties_are_called_published_by_year_only(
    indicator: str, language: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "copy", symlinks=True)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path / "copy"))
    path = tmp_path / "copy/published/current/indicator_values.parquet"
    values = pl.read_parquet(path)
    part = pl.col("period_type").is_in(["month", "quarter"])
    values.filter(~(part & (pl.col("area_level") == "county"))).write_parquet(path)
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "with": "50,MIDT", "indicators": indicator}
    said = _("Counties are published by year only, not by month or quarter.")
    months = page("compare", {**query, "view": "months"})
    assert not months.exception
    # Once for all charts, and once where each tells whom it lacks.
    assert text(months).count(said.rstrip(".")) == 2
    assert _("Not applicable") not in text(months)
    assert _("counties") not in keyed(months)
    (chart,) = [one.proto for one in months.get("vega_lite_chart")]
    assert f"Trøndelag: {_('Published by year only')}" in chart.alt
    assert said not in text(page("compare", {**query, "view": "years"}))
