"""Every page of the planner, in every language, with every status, without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboards import remarks, words
from dashboards.charts import compare, region_map, trend
from dashboards.data_access import Release, current_release
from dashboards.figures import NO_FIGURE, Choice, headline, year_frame
from dashboards.text import translator
from dashboards.views import about
from tests.support.planner_pages import LANGUAGES, PAGES, TABS, holds, markup, page, payload, text
from tests.support.published_release import ASSUMED_AREA, RELEASE_ID, write_release

PLANTED = 987654.328125
SHOWN = "emergency_admissions_per_1000"
SYNTHETIC = {
    "nb": "Syntetiske tall – ikke til planlegging",
    "nn": "Syntetiske tal – ikkje til planlegging",
    "en": "Synthetic figures – not for planning",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder, planted_value=PLANTED)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    monkeypatch.delenv("FOLKEPULS_BORDERS", raising=False)
    return home


@pytest.fixture
def release(published: Path) -> Release:
    return current_release()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws_in_every_language(name: str, language: str) -> None:
    shown = page(name, {"lang": language, "area": "5001"})
    assert not shown.exception
    assert SYNTHETIC[language] in text(shown)
    assert RELEASE_ID in text(shown)
    assert markup(shown).count("<h1>") == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_an_indicator_draws(tab: str, language: str) -> None:
    query = {"lang": language, "indicator": SHOWN, "area": "5001", "tab": tab}
    assert not page("indicator", query).exception


@pytest.mark.parametrize("indicator_id", [
    "ready_for_discharge_days_per_1000", "readmission_30_days_67plus", SHOWN,
    "home_nursing_users_80plus_share", "diabetes_type2_prevalence", "portal_active_users_share",
    "structured_documentation_share",
])  # fmt: skip
@pytest.mark.parametrize("area", ["MIDT", "5001", "1507", "1508", "5043", ASSUMED_AREA])
def test_every_indicator_draws_for_every_kind_of_area(indicator_id: str, area: str) -> None:
    for year in ("2023", "2025"):
        shown = page("indicator", {"indicator": indicator_id, "area": area, "year": year})
        assert not shown.exception


@pytest.mark.parametrize("name", ["overview", "municipality", "collaboration", "find", "about"])
def test_links_are_relative_so_that_they_hold_below_a_prefix(name: str) -> None:
    """Of a proxy that serves the pages as one of many, with or without telling them."""
    links = re.findall(r'href="([^"]*)"', markup(page(name, {"lang": "nb", "area": "5001"})))
    assert links
    assert [one for one in links if one.startswith("/") or "://" in one] == []


def test_a_link_opens_what_it_names_and_writes_the_same_address() -> None:
    asked = {"lang": "nn", "indicator": SHOWN, "area": "1505", "year": "2024", "kind": "crude",
             "age": "80+", "sex": "female", "tab": "table"}  # fmt: skip
    shown = page("indicator", asked)
    assert {key: shown.query_params[key] for key in asked} == asked
    assert "Kristiansund, 2024" in text(shown)


def test_a_choice_is_written_into_the_address() -> None:
    shown = page("municipality", {"lang": "nb", "area": "5001"})
    shown.selectbox(key="choice_area").set_value("1505").run()
    assert shown.query_params["area"] == "1505"
    assert "Kristiansund" in text(shown)


@pytest.mark.parametrize("parameter", ["area", "indicator", "year", "kind", "lang", "tab", "sex"])
@pytest.mark.parametrize("hostile", ["../../etc/passwd", "x" * 9000])
def test_what_is_not_among_the_options_is_dropped(parameter: str, hostile: str) -> None:
    shown = page("indicator", {"lang": "nb", "kind": "crude", parameter: hostile})
    assert not shown.exception
    assert shown.query_params.get(parameter) != hostile


def test_the_language_is_that_of_the_area_unless_the_reader_chose() -> None:
    assert "Nøkkeltal," in text(page("municipality", {"area": "1577"}))  # Volda: nynorsk
    assert "Nøkkeltall," in text(page("municipality", {"area": "5001"}))
    assert "Nøkkeltall," in text(page("municipality", {"area": "1577", "lang": "nb"}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_kinds_of_no_figure_read_and_look_differently(language: str) -> None:
    _ = translator(language, "planner")
    codes = (*NO_FIGURE, "ok")
    assert len({words.status(code, _) for code in codes}) == len(codes)
    assert len({words.status_explained(code, _) for code in codes}) == len(codes)
    assert len({words.SYMBOLS[code] for code in NO_FIGURE}) == len(NO_FIGURE)
    looks = {json.dumps(region_map._EMPTY_LOOK[code], default=str) for code in NO_FIGURE}
    assert len(looks) == len(NO_FIGURE)


def test_bokmal_statuses_have_their_agreed_names() -> None:
    _ = translator("nb", "planner")
    assert words.status("suppressed", _) == "Skjult av personvernhensyn"
    assert words.status_explained("not_covered", _).startswith(
        "Ikke dekket: kommunen eller tjenesten er ikke på Helseplattformen"
    )
    assert words.status("missing", _) == "Mangler data"
    assert words.status("not_applicable", _) == "Ikke aktuelt"
    assert words.status("unreliable", _) == "Usikkert tall"


@pytest.mark.parametrize(
    ("name", "tab"),
    [*((name, "") for name in PAGES if name != "indicator"), *(("indicator", t) for t in TABS)],
)
def test_a_hidden_figure_is_in_nothing_that_a_page_sends(
    name: str, tab: str, release: Release
) -> None:
    hidden = release.values.filter(value_status="suppressed")
    assert hidden.height > 100
    area = hidden.filter(indicator_id="home_nursing_users_80plus_share", sex="total")["area_code"][
        0
    ]
    query = {"indicator": "home_nursing_users_80plus_share", "area": area, "lang": "en"}
    sent = payload(page(name, query | ({"tab": tab} if tab else {})))
    assert not holds(sent, PLANTED)
    assert b"987,654" not in sent
    assert b"987654" not in sent


def test_the_search_for_hidden_figures_finds_a_shown_one(release: Release) -> None:
    frame = year_frame(release, headline(release, SHOWN), 2025)
    shown = frame.filter(area_code="5001")["value"][0]
    sent = payload(page("indicator", {"indicator": SHOWN, "area": "5001", "tab": "compare"}))
    assert holds(sent, shown)


def test_a_hidden_figure_is_in_no_chart(release: Release) -> None:
    choice = Choice("home_nursing_users_80plus_share", "crude")
    hidden = year_frame(release, choice, 2025).filter(value_status="suppressed")
    area = hidden["area_code"][0]
    specs = [
        region_map.tile_map(release, choice, 2025, "nb"),
        trend.trend(release, choice, area, "nb"),
        compare.bars(release, choice, 2025, (), area, "nb"),
        compare.funnel(release, choice, 2025, area, "nb"),
    ]
    assert all("98765" not in json.dumps(spec, default=str) for spec in specs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chart_says_what_it_shows_and_that_it_is_synthetic(language: str) -> None:
    queries = [("overview", {}), ("indicator", {"tab": "trend"}), ("indicator", {"tab": "compare"}),
               ("indicator", {"tab": "compare", "chart": "funnel"})]  # fmt: skip
    for name, extra in queries:
        shown = page(name, {"lang": language, "indicator": SHOWN, "area": "5001", **extra})
        charts = [chart.proto for chart in shown.get("vega_lite_chart")]
        # The overview's second chart shows dates of the calendar, which are no made-up figures.
        assert len(charts) == (2 if name == "overview" else 1)
        assert all(len(proto.alt) > 20 for proto in charts)
        proto = charts[0]
        assert SYNTHETIC[language] in json.dumps(json.loads(proto.spec), ensure_ascii=False)


def test_norwegian_figures_have_decimal_comma() -> None:
    query = {"indicator": SHOWN, "area": "MIDT", "year": "2025"}
    norwegian = text(page("indicator", {**query, "lang": "nb"}))
    english = text(page("indicator", {**query, "lang": "en"}))
    assert "106,7" in norwegian
    assert "106.7" in english


def test_a_release_with_real_figures_is_not_called_synthetic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_release(tmp_path, synthetic=False)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    for name in PAGES:
        assert "Syntetiske" not in text(page(name, {"lang": "nb"}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_first_release_a_friendly_page_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    shown = page("overview", {"lang": language})
    assert not shown.exception
    assert "make demo" in text(shown)


def test_another_reader_does_not_inherit_choices() -> None:
    page("indicator", {"lang": "nn", "area": "1505", "kind": "crude", "tab": "table"})
    fresh = page("indicator", {})
    assert fresh.query_params["lang"] == "nb"
    assert fresh.query_params["area"] == "MIDT"
    assert fresh.query_params["tab"] == "trend"


def test_the_overview_opens_with_an_indicator_of_health() -> None:
    assert page("overview", {}).query_params["indicator"] == SHOWN


def test_the_region_says_which_part_of_it_a_figure_stands_for() -> None:
    query = {"lang": "nb", "area": "MIDT", "year": "2025"}
    covered = text(page("indicator", {**query, "indicator": "portal_active_users_share"}))
    assert "gjelder kommuner med 60 % av innbyggerne" in covered
    assert "regnet for kommunene som er dekket" in covered
    whole = text(page("indicator", {**query, "indicator": SHOWN}))
    assert "regnet for hele regionen" in whole
    assert "Merk: gjelder kommuner med" in covered
    assert "Merk: gjelder kommuner med" not in whole


def test_the_overview_tells_the_waves_and_what_is_planned_of_them() -> None:
    shown = page("overview", {"lang": "nb", "year": "2025"})
    said = text(shown)
    assert "Kommuner etter oppstartsdag" in said
    assert re.search(r"7\. mai 2022\s+Trondheim\s+1\s+I drift", said)
    assert "Planlagt, ikke bekreftet" in said
    # The data end with 2025: what was to be in 2024 is no longer to come.
    assert re.search(r"27\. april 2024.*?\s28\s+Planlagt dato er passert, ikke bekreftet", said)
    assert "47 planlagt eller ikke bekreftet" in said
    spread = shown.get("vega_lite_chart")[1].proto
    assert "7. mai 2022: 1 i alt" in spread.alt
    assert ", planlagt" in spread.alt


def test_the_map_stands_beside_a_table_of_the_same_figures(release: Release) -> None:
    shown = markup(page("overview", {"lang": "nb", "indicator": SHOWN, "year": "2025"}))
    table = shown.partition('<div class="fp-tall">')[2].partition("</table>")[0]
    frame = year_frame(release, headline(release, SHOWN), 2025)
    counties = frame["area_level"].to_list().count("county")
    assert table.count('<th scope="row">') == frame.height - counties
    for row in frame.drop_nulls("value").head(12).iter_rows(named=True):
        assert f"<b>{words.figure(row, 1, translator('nb', 'planner'))}</b>" in table


def test_the_banner_tells_when_the_release_was_signed() -> None:
    assert "publisert 7. januar 2026" in text(page("overview", {"lang": "nb"}))


def test_a_planned_start_is_called_planned_and_an_assumed_one_assumed() -> None:
    planned = text(page("municipality", {"lang": "nb", "area": "5006"}))
    assert "Helseplattformen planlagt fra" in planned
    assert "ikke bekreftet)" in planned
    assert "Planlagt, ikke bekreftet" in planned
    assert "(antatt dato)" in text(page("municipality", {"lang": "nb", "area": ASSUMED_AREA}))
    passed = text(page("municipality", {"lang": "nb", "area": "1511"}))
    assert "Helseplattformen var planlagt fra 27. april 2024, ikke bekreftet" in passed
    assert "Planlagt dato er passert, ikke bekreftet" in passed


def test_a_caveat_of_several_indicators_is_written_once_with_their_names() -> None:
    shown = text(page("municipality", {"lang": "nb", "area": ASSUMED_AREA}))
    assert shown.count("Oppstartsdagen er antatt.") == 1
    assert "Akuttinnleggelser, HelsaMi-brukere" in shown
    alone = text(page("indicator", {"lang": "nb", "area": ASSUMED_AREA, "indicator": SHOWN}))
    assert "Oppstartsdagen er antatt." in alone


def test_a_break_mark_is_dated_in_words() -> None:
    shown = text(page("indicator", {"lang": "nb", "area": "1508", "indicator": SHOWN}))
    assert "1. januar 2024: Ålesund ble delt." in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_audit_and_the_remarks_are_explained(language: str) -> None:
    _ = translator(language, "planner")
    shown = text(page("about", {"lang": language}))
    assert _("No hidden figure could be worked out.") in shown
    assert all(remarks.flag_explained(code, _) in shown for code in remarks.FLAGS)
    assert "21" in shown


def test_a_certificate_with_a_success_says_so() -> None:
    _ = translator("nb", "planner")
    attack = {"attack": "exact recovery of a hidden cell", "succeeded": 7}
    certificate = {"systems_audited": 3, "cells_audited": 4120, "attacks": [attack]}
    said = about._audit(certificate, "nb", _)
    assert (
        said == "4\u202f120 tall i 3 grupper av tabeller er prøvd. 7 skjulte tall kunne regnes ut."
    )
    assert about._audit({}, "nb", _) == ""


def test_a_municipality_that_was_divided_is_told_from_its_heir() -> None:
    shown = text(page("municipality", {"lang": "nb", "area": "1507", "year": "2025"}))
    assert "Ålesund (2020–2023) var ikke egen kommune ved utgangen av 2025." in shown
    alone = {"lang": "nb", "area": "1508", "year": "2023", "indicator": SHOWN}
    assert "Ålesund (2024–) var ikke egen kommune" in text(page("indicator", alone))


@pytest.mark.parametrize("chart", ["bars", "funnel"])
def test_the_published_rank_stands_beside_the_comparison(chart: str, release: Release) -> None:
    frame = year_frame(release, headline(release, SHOWN), 2025)
    own = frame.filter(area_code="5001").row(0, named=True)
    query = {"lang": "en", "indicator": SHOWN, "tab": "compare", "chart": chart}
    said = text(page("indicator", {**query, "area": "5001"}))
    assert f"Trondheim is number {own['rank']} of {own['rank_of']} by value" in said
    hidden = frame.filter(value_status="suppressed")["area_code"][0]
    assert "by value" not in text(page("indicator", {**query, "area": hidden}))
