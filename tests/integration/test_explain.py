"""`folkepuls explain` on the demonstration: what stands behind a published figure."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.explain import explain
from pipelines.explain_figures import ExplainError
from pipelines.settings import Settings
from tests.support.demo_run import Demo

DIABETES = "diabetes_type2_prevalence"
HIPS = "hip_fracture_per_10000"
HOURS = "home_care_hours_per_user"
NOTICES = "early_notice_by_next_day_share"
WAITING = "waiting_for_nursing_home_per_1000"
WORKLISTS = "overdue_worklist_items_share"
MONTHS_ON_A_DATE = ["int_date_values", "fct_month_counts"]
SPLITS = ["fct_breakdown_counts"]
POOLED = ["fct_pooled_counts", "fct_pooled_strata"]
AMOUNTS = ["fct_flow_counts", "fct_medians"]


@pytest.fixture(scope="module")
def settings(demo: Demo) -> Settings:
    return Settings(home=demo.home.path)


def test_the_figure_is_the_published_one_with_its_sql_and_its_sources(
    demo: Demo, settings: Settings
) -> None:
    found = explain(settings, catalogue(), DIABETES, "nb", "5001", "2024")
    values = pl.read_parquet(demo.home.zones.published / "current" / "indicator_values.parquet")
    row = values.filter(
        pl.col("indicator_id") == DIABETES,
        pl.col("area_code") == "5001",
        pl.col("period_type") == "year",
        pl.col("period_start").dt.year() == 2024,
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )
    assert found.figures is not None
    assert found.figures.equals(row)
    models = [query.model for query in found.queries]
    assert models[:3] == ["msr_diabetes_t2", "msr_gp_residents", "fct_indicator_counts"]
    # What the measures and the counting read on the way holds rules too: the nearest first.
    assert {"int_gp_events", "int_measure_values"} < set(models[3:7])
    assert {"int_residents", "int_code_set_members"} < set(models[4:])
    assert all(query.ran for query in found.queries)
    # What ran has no Jinja left in it.
    assert not any("{{" in query.sql for query in found.queries)
    names = [step.name for step in found.lineage]
    assert len(set(names)) == len(names)
    assert {"stg_journal__condition", "stg_journal__prescription"} <= set(names)
    assert any(name.startswith("journal.") for name in names)
    sources = {remark.source for remark in found.remarks}
    assert f"pipelines/catalogue/indicators/{DIABETES}.yml" in sources


@pytest.mark.parametrize(
    ("indicator", "period", "by", "rows", "counted"),
    [
        (WORKLISTS, "2024-03", None, ("month", date(2024, 3, 1), "total"), MONTHS_ON_A_DATE),
        (WORKLISTS, "2024", "service", ("year", date(2024, 1, 1), "service"), SPLITS),
        (WAITING, "2024-Q2", None, ("quarter", date(2024, 4, 1), "total"), MONTHS_ON_A_DATE),
        (NOTICES, "2024-12", None, ("month", date(2024, 12, 1), "total"), ["fct_month_counts"]),
        (HIPS, "2023-2025", None, ("three_years", date(2023, 1, 1), "total"), POOLED),
        (HOURS, "2024", None, ("year", date(2024, 1, 1), "total"), AMOUNTS),
    ],
)
def test_every_published_period_and_split_has_its_rows_and_the_table_that_counts_them(
    demo: Demo,
    settings: Settings,
    indicator: str,
    period: str,
    by: str | None,
    rows: tuple[str, date, str],
    counted: list[str],
) -> None:
    found = explain(settings, catalogue(), indicator, "en", "5001", period, by)
    values = pl.read_parquet(demo.home.zones.published / "current" / "indicator_values.parquet")
    expected = values.filter(
        pl.col("indicator_id") == indicator,
        pl.col("area_code") == "5001",
        pl.col("period_type") == rows[0],
        pl.col("period_start") == rows[1],
        pl.col("breakdown") == rows[2],
        pl.col("sex") == "total",
        pl.col("age_group") == "total",
    )
    assert found.figures is not None
    assert not expected.is_empty()
    assert found.figures.sort(pl.all()).equals(expected.sort(pl.all()))
    models = [query.model for query in found.queries]
    start = models.index(counted[0])
    assert models[start : start + len(counted)] == counted


@pytest.mark.parametrize(
    ("indicator", "period", "public"),
    [
        (HIPS, "2024", "int_register_measures"),
        (HIPS, "2023-2025", "int_register_measures"),
        (WAITING, "2024-Q2", "int_month_person_time"),
        (WORKLISTS, "2024-03", None),
        (DIABETES, "2024", None),
    ],
)
def test_who_counts_a_public_denominator_is_told_and_no_other_indicators_measure(
    settings: Settings, indicator: str, period: str, public: str | None
) -> None:
    found = explain(settings, catalogue(), indicator, "en", "MIDT", period)
    names = {step.name for step in found.lineage}
    models = {query.model for query in found.queries}
    sides = {"int_register_measures", "int_month_person_time"}
    assert (models | names) & sides == ({public} if public else set())
    assert "fct_coverage" in names
    counting = found.indicator.numerator.measure, found.indicator.denominator.measure
    measures = {name for name in names if name.startswith("msr_")}
    assert {f"msr_{name}" for name in counting} <= measures
    # Some measures read another one; none comes in by the table of all of them.
    assert len(measures) <= 3


def test_sexes_and_ages_are_rows_of_their_own(settings: Settings) -> None:
    sexes = explain(settings, catalogue(), DIABETES, "en", "MIDT", "2024", "sex").figures
    ages = explain(settings, catalogue(), DIABETES, "en", "MIDT", "2024", "age_group").figures
    assert sexes is not None
    assert ages is not None
    assert set(sexes["sex"]) == {"female", "male"}
    assert set(sexes["age_group"]) == {"total"}
    assert set(ages["sex"]) == {"total"}
    assert "total" not in set(ages["age_group"])


@pytest.mark.parametrize(
    ("indicator", "area", "period", "by", "said"),
    [
        ("no_such_figure", None, None, None, "expected one of"),
        (DIABETES, "9999", "2024", None, "area '9999'"),
        (DIABETES, "5001", "1999", None, "period 1999.*has 2023 to 2025"),
        (DIABETES, "5001", "2024-03", None, "period 2024-03"),
        (HIPS, "5001", "2020-2022", None, "period 2020-2022.*2023-2025"),
        (DIABETES, "5001", "2024-13", None, "period '2024-13': expected a year"),
        (DIABETES, "5001", "2024-2025", None, "3 or 5 years together"),
        (DIABETES, "5001", "0000", None, "expected a year"),
        (DIABETES, "5001", "last year", None, "expected a year"),
        (DIABETES, "5001", "2024", "ward_group", "by 'ward_group'.*has sex, age_group"),
        (WORKLISTS, "5001", "2024-03", "service", "by 'service'.*no split"),
    ],
)
def test_what_is_not_there_is_named(
    settings: Settings,
    indicator: str,
    area: str | None,
    period: str | None,
    by: str | None,
    said: str,
) -> None:
    with pytest.raises(ExplainError, match=said):
        explain(settings, catalogue(), indicator, "en", area, period, by)
