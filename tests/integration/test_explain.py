"""`folkepuls explain` on the demonstration: what stands behind a published figure."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.explain import ExplainError, explain
from pipelines.settings import Settings
from tests.support.demo_run import Demo

DIABETES = "diabetes_type2_prevalence"


@pytest.fixture(scope="module")
def settings(demo: Demo) -> Settings:
    return Settings(home=demo.home.path)


def test_the_figure_is_the_published_one_with_its_sql_and_its_sources(
    demo: Demo, settings: Settings
) -> None:
    found = explain(settings, catalogue(), DIABETES, "nb", "5001", 2024)
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
    assert [query.model for query in found.queries] == [
        "msr_diabetes_t2",
        "msr_gp_residents",
        "fct_indicator_counts",
    ]
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
    ("indicator", "area", "year", "said"),
    [
        ("no_such_figure", None, None, "expected one of"),
        (DIABETES, "9999", 2024, "area '9999'"),
        (DIABETES, "5001", 1999, "period 1999"),
    ],
)
def test_what_is_not_there_is_named(
    settings: Settings, indicator: str, area: str | None, year: int | None, said: str
) -> None:
    with pytest.raises(ExplainError, match=said):
        explain(settings, catalogue(), indicator, "en", area, year)
