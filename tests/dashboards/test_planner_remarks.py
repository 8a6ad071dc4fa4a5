"""Remarks about figures in words: comparisons, coverage, what is hidden, who signed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboards import remarks, words
from dashboards.data_access import (
    Release,
    current_release,
)
from dashboards.text import LANGUAGES, translator
from pipelines.demo import SIGNATURE
from pipelines.synthetic.register import SOURCE
from tests.support.published_release import write_release


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    write_release(tmp_path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    return current_release()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"peer_median": 2.25, "peer_group": "size:a", "area_level": "municipality"}, "2,2"),
        ({"peer_median": None, "peer_group": "size:a", "area_level": "municipality"},
         "For få av dem har tall som vises"),
        ({"peer_median": None, "peer_group": None, "area_level": "municipality"},
         "Ikke sammenlignet"),
        ({"peer_median": None, "peer_group": None, "area_level": "region"}, "Regionen har ingen"),
    ],
)  # fmt: skip
def test_without_a_middle_of_peers_the_reason_is_told(row: dict[str, Any], said: str) -> None:
    assert remarks.middle_of_peers(row, 1, translator("nb", "planner")) == said


@pytest.mark.parametrize(
    ("level", "share", "said"),
    [
        ("region", 0.0, "gjelder kommuner med en liten del av innbyggerne"),
        ("region", 0.4, "gjelder kommuner med 40 % av innbyggerne"),
        ("municipality", 0.004, "delvis dekket: en liten del"),
        ("municipality", 0.9, "delvis dekket: 90 %"),
    ],
)
def test_what_covers_somebody_never_covers_nobody(level: str, share: float, said: str) -> None:
    row = {"area_level": level, "covered_share": share}
    assert remarks.coverage(row, translator("nb", "planner")).replace("\u00a0", " ") == said


def test_hidden_months_are_counted_and_are_no_noughts() -> None:
    _ = translator("nb", "planner")
    said = remarks.hidden_parts(["ok", "suppressed", "suppressed", "missing"], "month", _)
    assert said.startswith("2 av de 4 månedene er skjult")
    assert "trenger ikke å være 0" in said
    assert remarks.hidden_parts(["ok", "missing"], "month", _) == ""


@pytest.mark.parametrize(
    ("versus", "said"),
    [
        ("higher", "høyere enn i Midt-Norge samlet (10,0)"),
        ("lower", "lavere enn i Midt-Norge samlet (10,0)"),
        ("similar", "ikke klart forskjellig fra Midt-Norge samlet (10,0)"),
        ("not_compared", "ikke sammenlignet med regionen"),
    ],
)
def test_comparisons_in_words(versus: str, said: str) -> None:
    row = {"area_level": "municipality", "region_value": 10.0, "versus_region": versus}
    assert remarks.comparison(row, "Midt-Norge", 1, translator("nb", "planner")) == said


@pytest.mark.parametrize(
    ("level", "share", "said"),
    [
        ("region", 0.6, "gjelder kommuner med 60 % av innbyggerne"),
        ("municipality", 0.87, "delvis dekket: 87 %"),
        ("municipality", 1.0, "delvis dekket periode"),
        ("region", None, "delvis dekket periode"),
    ],
)
def test_partial_coverage_in_words(level: str, share: float | None, said: str) -> None:
    row = {"area_level": level, "covered_share": share,
           "quality_flags": "partial_coverage,small_numerator"}  # fmt: skip
    assert remarks.flags(row, translator("nb", "planner")) == f"{said}, få hendelser"


def test_the_demonstration_speaks_the_language_of_the_page(release: Release) -> None:
    """Its own words, by its own name; a steward's words stay as they were written."""
    _ = translator("en", "planner")
    own = {"synthetic": True, "signed_by": SIGNATURE, "sign_reason": "Demonstrasjon"}
    assert remarks.reason_given(own, _).startswith("Demonstration with synthetic figures")
    steward = {**own, "signed_by": "Kari Nordmann", "sign_reason": "Kontrollert"}
    assert remarks.reason_given(steward, _) == "Kontrollert"
    assert remarks.reason_given({**own, "synthetic": False}, _) == "Demonstrasjon"


def test_the_synthetic_register_is_named_in_the_language_of_the_text(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    caveats = pl.read_parquet(folder / "caveats.parquet")
    texts = {f"text_{language}": pl.lit(f"Kilde: {SOURCE}, MIT") for language in LANGUAGES}
    caveats.with_columns(**texts).write_parquet(folder / "caveats.parquet")
    read = current_release(tmp_path).tables["caveats"]
    assert read["text_nb"][0] == f"Kilde: {SOURCE}, MIT"
    assert read["text_nn"][0].endswith("ingen verkelege personar, MIT")
    assert read["text_en"][0].endswith("synthetic population, no real persons, MIT")


def test_a_planned_start_stands_beside_what_is_not_covered() -> None:
    row = {"status_reason": "municipality_not_live", "go_live_on": date(2026, 4, 1),
           "go_live_certainty": "planned", "plan_passed": False}  # fmt: skip
    _ = translator("nb", "planner")
    said = "kommunen er ikke på Helseplattformen"
    assert remarks.reason(row, _) == f"{said} (planlagt 1. april 2026, ikke bekreftet)"
    late = {**row, "plan_passed": True}
    assert remarks.reason(late, _) == f"{said} (var planlagt 1. april 2026, ikke bekreftet)"
    assert remarks.reason({**row, "go_live_certainty": "confirmed"}, _) == said
    assert remarks.reason({**row, "status_reason": None}, _) == ""


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (0, None, "Alle aldre"),
        (67, 199, "67 år og eldre"),
        (2, 2, "2 år"),
        (0, 66, "0–66 år"),
    ],
)
def test_all_ages_of_an_indicator_end_where_it_does(
    least: int, most: int | None, said: str
) -> None:
    indicator = {"age_min": least, "age_max": most}
    assert words.age("total", indicator, translator("nb", "planner")) == said
