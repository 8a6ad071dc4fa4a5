"""Caveats, breaks and the tables beside the figures, on the project's own catalogue."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipelines.catalogue.loader import HERE, CatalogueError, catalogue
from pipelines.catalogue.tables import read_reference
from pipelines.publication.notes import EVERYWHERE, breaks_table, caveats_table
from pipelines.publication.reference_tables import (
    areas_table,
    coverage_table,
    indicators_table,
)
from pipelines.settings import reference_dir

REFERENCE = reference_dir()
YEARS = range(2023, 2026)
CAVEATS = caveats_table(catalogue(), YEARS)
BREAKS = breaks_table(REFERENCE)
COVERAGE = coverage_table(REFERENCE)
AREAS = areas_table(REFERENCE)


@pytest.mark.parametrize("table", [CAVEATS, BREAKS], ids=["caveats", "breaks"])
def test_every_note_is_written_in_three_languages(table: pl.DataFrame) -> None:
    texts = table.select("text_nb", "text_nn", "text_en")
    assert table.height > 0
    assert texts.null_count().sum_horizontal().item() == 0
    assert texts.select(pl.all().str.strip_chars().str.len_chars().min()).row(0) >= (10, 10, 10)
    assert texts.filter(pl.col("text_nb") == pl.col("text_en")).height == 0
    assert texts.filter(pl.col("text_nb").str.contains(r"[{}]")).height == 0


def test_every_indicators_own_caveats_hold_everywhere() -> None:
    for entry in catalogue().indicators.values():
        own = CAVEATS.filter(
            (pl.col("indicator_id") == entry.id)
            & (pl.col("area_code") == EVERYWHERE)
            & pl.col("period_start").is_null()
        )
        assert {c.id for c in entry.texts["en"].caveats} <= set(own["caveat_id"])


def test_a_caveat_is_given_once() -> None:
    key = ["indicator_id", "area_code", "period_start", "caveat_id"]
    assert not CAVEATS.select(key).is_duplicated().any()


def test_caveats_of_places_name_places_that_are_there() -> None:
    known = {EVERYWHERE, *AREAS["area_code"]}
    assert set(CAVEATS["area_code"]) <= known
    periods = CAVEATS["period_start"].drop_nulls()
    assert set(periods.dt.year()) <= set(YEARS)


def caveat(**changes: object) -> dict[str, object]:
    return {
        "id": "moved_late",
        "areas": ["5001"],
        "services": ["hospital"],
        "certainty": "known",
        "source": "a letter",
        "texts": dict.fromkeys(("nb", "nn", "en"), "Noe er sent her."),
        **changes,
    }


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [None]),
        ({"period_from": "2024-06-01"}, [2024, 2025]),
        ({"period_to": "2024-01-01"}, [2023, 2024]),
        ({"period_from": "2024-12-31", "period_to": "2024-12-31"}, [2024]),
        ({"period_to": "2022-12-31"}, []),
        ({"period_from": "2026-01-01"}, []),
    ],
)
def test_a_caveat_of_a_time_is_spelt_out_for_the_years_it_touches(
    limits: dict[str, str], expected: list[int | None], tmp_path: Path
) -> None:
    content = {"caveats": [caveat(**limits)]}
    (tmp_path / "caveats.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    table = caveats_table(catalogue(), YEARS, tmp_path).filter(pl.col("caveat_id") == "moved_late")
    hospital = {e.id for e in catalogue().indicators.values() if e.coverage.service == "hospital"}
    for indicator in hospital:
        starts = table.filter(pl.col("indicator_id") == indicator)["period_start"].to_list()
        assert [start.year if start else None for start in starts] == expected
    assert set(table["indicator_id"]) == (hospital if expected else set())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"texts": {"nb": "Noe er sent her."}}, "texts lack ['en', 'nn']"),
        ({"certainty": "sure"}, "certainty"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_caveat_is_refused_by_file_and_key(
    changes: dict[str, object], told: str, tmp_path: Path
) -> None:
    content = {"caveats": [caveat(**changes)]}
    (tmp_path / "caveats.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        caveats_table(catalogue(), YEARS, tmp_path)
    assert told in str(caught.value)
    assert "caveats.yml" in str(caught.value)


def test_a_break_without_a_language_is_refused(tmp_path: Path) -> None:
    shutil.copy(HERE / "breaks.yml", tmp_path)
    content = yaml.safe_load((tmp_path / "breaks.yml").read_text(encoding="utf-8"))
    content["services"]["hospital"].pop("nn")
    (tmp_path / "breaks.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"breaks\.yml: services: .*texts lack \['nn'\]"):
        breaks_table(REFERENCE, tmp_path)


def test_planned_go_lives_break_nothing() -> None:
    planned = read_reference(REFERENCE, "go_live").filter(pl.col("status") == "planned")
    assert planned.height > 0
    both = planned.join(
        BREAKS.filter(pl.col("kind") == "go_live"),
        left_on=["municipality_code", "service"],
        right_on=["area_code", "service"],
    )
    assert both.height == 0


def test_go_lives_break_the_series_on_their_day() -> None:
    live = read_reference(REFERENCE, "go_live").filter(pl.col("status") == "live")
    both = live.join(
        BREAKS,
        left_on=["municipality_code", "service", "go_live_on"],
        right_on=["area_code", "service", "break_on"],
    )
    assert both.height == live.height
    trondheim = BREAKS.filter(
        (pl.col("area_code") == "5001") & (pl.col("service") == "municipal_care")
    )
    assert trondheim["break_on"].to_list() == [dt.date(2022, 5, 7)]


def test_the_divided_municipality_breaks_its_heirs_series() -> None:
    """Ålesund (1507) became Ålesund (1508) and Haram (1580) on 1 January 2024."""
    border = BREAKS.filter(pl.col("kind") == "border")
    assert set(border["area_code"]) >= {"1508", "1580"}
    for code in ("1508", "1580"):
        (row,) = border.filter(pl.col("area_code") == code).rows(named=True)
        assert row["break_on"] == dt.date(2024, 1, 1)
        assert row["service"] == EVERYWHERE
        for language in ("nb", "nn", "en"):
            assert "Ålesund" in row[f"text_{language}"]
            assert "Haram" in row[f"text_{language}"]


def test_coverage_is_a_share_and_its_spells_do_not_overlap() -> None:
    assert COVERAGE["share"].min() > 0
    assert COVERAGE["share"].max() <= 1
    spells = COVERAGE.sort("area_code", "service", "valid_from").with_columns(
        after=pl.col("valid_from").shift(-1).over("area_code", "service")
    )
    assert (
        spells.filter(
            pl.col("after").is_not_null() & (pl.col("valid_to") != pl.col("after"))
        ).height
        == 0
    )
    hospital = COVERAGE.filter(pl.col("service") == "hospital")
    grown = hospital.with_columns(step=pl.col("share").diff().over("area_code"))
    assert grown["step"].drop_nulls().min() >= 0


def test_hospital_coverage_says_that_it_is_assumed() -> None:
    hospital = COVERAGE.filter(pl.col("service") == "hospital")
    assert set(hospital["certainty"]) == {"assumed"}


def test_every_area_of_the_coverage_is_an_area() -> None:
    assert set(COVERAGE["area_code"]) <= set(AREAS["area_code"])
    assert AREAS["area_code"].is_unique().all()
    region = AREAS.filter(pl.col("area_level") == "region")
    assert region["area_code"].to_list() == ["MIDT"]
    living = AREAS.filter((pl.col("area_level") == "municipality") & pl.col("valid_to").is_null())
    assert region["population"].item() == living["population"].sum()


def test_planned_go_lives_of_areas_are_marked() -> None:
    planned = read_reference(REFERENCE, "go_live").filter(
        (pl.col("status") == "planned") & (pl.col("service") == "municipal_care")
    )["municipality_code"]
    marked = AREAS.filter(pl.col("go_live_certainty") == "planned")["area_code"]
    assert set(marked) == set(planned)


def test_indicators_have_every_text_in_every_language() -> None:
    table = indicators_table(catalogue())
    assert table["indicator_id"].to_list() == list(catalogue().indicators)
    texts = table.select(pl.col("^.*_(nb|nn|en)$"))
    assert texts.width == 27
    assert texts.null_count().sum_horizontal().item() == 0
    row = table.row(
        by_predicate=pl.col("indicator_id") == "emergency_admissions_per_1000", named=True
    )
    assert row["age_groups"] == "0-17,18-44,45-66,67-79,80+"
    assert row["threshold"] == 5
    assert row["age_max"] is None
    assert row["policy_rule_en"] == catalogue().policies["default"].texts["en"].rule
