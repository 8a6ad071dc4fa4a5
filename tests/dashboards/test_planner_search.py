"""Words that planners use, and the indicators that they should find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dashboards.data_access import Release, current_release
from dashboards.search import EVERYDAY, found
from pipelines.catalogue.loader import catalogue
from pipelines.publication.reference_tables import indicators_table
from tests.support.published_release import write_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release that has every indicator of the catalogue."""
    home = tmp_path_factory.mktemp("home")
    write_release(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOLKEPULS_HOME", str(home))
        written = current_release()
    tables = written.tables | {"indicators": indicators_table(catalogue())}
    return replace(written, tables=tables)


@pytest.mark.parametrize(
    ("language", "asked", "expected"),
    [
        ("nb", "utskrivningsklare", "ready_for_discharge_days_per_1000"),
        ("nb", "UTSKRIVNINGSKLARE", "ready_for_discharge_days_per_1000"),
        ("nb", "sukkersyke", "diabetes_type2_prevalence"),
        ("nb", "senil", "dementia_prevalence_65plus"),
        ("nb", "aldershjem", "long_stay_residents_80plus_per_1000"),
        ("nb", "hjemmehjelp", "practical_help_users_per_1000"),
        ("nb", "alarm", "safety_alarm_users_per_1000"),
        ("nb", "lårhals", "hip_fracture_per_10000"),
        ("nb", "kø sykehjem", "waiting_for_nursing_home_per_1000"),
        ("nb", "høyt blodtrykk", "hypertension_controlled_share"),
        ("nb", "legevakt", "out_of_hours_contacts_per_1000"),
        ("nb", "tannlege", "dental_check_long_stay_share"),
        ("nb", "pris utskrivning", "ready_for_discharge_cost_per_inhabitant"),
        ("nn", "sukkersjuke", "diabetes_type2_prevalence"),
        ("nn", "aldersheim", "long_stay_residents_80plus_per_1000"),
        ("en", "care home", "long_stay_residents_80plus_per_1000"),
        ("en", "painkillers", "opioid_long_term_use_share"),
        ("en", "measles", "mmr_2_years_share"),
    ],
)
def test_everyday_words_find_what_they_mean(
    release: Release, language: str, asked: str, expected: str
) -> None:
    names = [one["indicator_id"] for one in found(release, language, asked)]
    assert expected in names[:4]
    assert len(names) < len(release.indicators) / 2


def test_all_words_are_asked_for_before_some(release: Release) -> None:
    both = [one["indicator_id"] for one in found(release, "nb", "demens antipsykotika")]
    assert both[0] == "antipsychotics_in_dementia_share"
    one_is_unknown = found(release, "nb", "demens qqqqq")
    assert {"dementia_prevalence_65plus"} <= {one["indicator_id"] for one in one_is_unknown}


def test_nothing_asked_lists_all_and_nothing_found_none(release: Release) -> None:
    assert found(release, "nb", "  ") == release.indicators
    assert found(release, "nb", "qqqqq") == []
    assert found(release, "nb", ".*") == release.indicators


def test_every_everyday_word_finds_something(release: Release) -> None:

    words = yaml.safe_load(Path(EVERYDAY).read_text(encoding="utf-8"))
    lost = [
        (language, word)
        for language, entries in words.items()
        for word in entries
        if not found(release, language, str(word))
    ]
    assert lost == []
