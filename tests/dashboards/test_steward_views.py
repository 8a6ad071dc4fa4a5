"""The stewards' page: what each view says, small counts banded."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from dashboards.steward_data import StewardZone, banded
from dashboards.text import LANGUAGES
from pipelines.checks.results import write_results
from tests.support.steward_page import VIEWS, order_of, page, row_of, text_of
from tests.support.steward_zone import CANDIDATE, verdict, write_zone

HEADERS = {
    "nb": ("Utgivelse", "Kontroller", "Karantene", "Skjulte tall", "Tabeller for analytikere"),
    "nn": ("Utgjeving", "Kontrollar", "Karantene", "Skjulte tal", "Tabellar for analytikarar"),
    "en": ("Release", "Checks", "Quarantine", "Hidden figures", "Tables for analysts"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steward")
    write_zone(folder, blocking=True)
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", range(len(VIEWS)))
def test_every_view_in_every_language(
    monkeypatch: pytest.MonkeyPatch, home: Path, language: str, place: int
) -> None:
    app = page(monkeypatch, home, lang=language, view=VIEWS[place])
    assert [header.value for header in app.header] == [HEADERS[language][place]]


@pytest.mark.parametrize("view", VIEWS)
def test_empty_zone_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, view: str
) -> None:
    app = page(monkeypatch, tmp_path, lang="en", view=view)
    said = text_of(app)
    assert "folkepuls run" in said or "No rows are held back." in said


def test_hostile_address_falls_back(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    app = page(monkeypatch, home, lang="<script>", view="../restricted", release="../../x")
    assert [header.value for header in app.header] == ["Utgivelse"]


def test_checks_are_sentences_with_state_and_what_they_block(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    said = text_of(page(monkeypatch, home, lang="nb", view="checks"))
    assert "ingen teller er mellom 1 og terskelen for indikatoren" in said
    assert "Rød – som før" in said
    assert "Rød – ny" in said
    assert "Grønn igjen" in said
    assert "Kunne ikke kjøres" in said
    assert "Stanser: neste utgivelse." in said
    assert "27 av 18\u202f879 rader avviker; ingen godtas." in said


def test_small_counts_are_banded(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    checks = text_of(page(monkeypatch, home, lang="nb", view="checks"))
    assert "&lt;5 av 182\u202f340 rader avviker" in checks
    held = text_of(page(monkeypatch, home, lang="en", view="quarantine"))
    cells = '</td><td class="fp-number">1</td><td class="fp-number">&lt;5</td>'
    assert f"The line is not valid JSON.{cells}" in held
    hidden = text_of(page(monkeypatch, home, lang="en", view="hidden"))
    assert row_of(hidden, "Emergency admissions per 1,000") == [
        ["6%"],
        ["96", "few persons: 92", "small group: &lt;5"],
        ["&lt;5"],
        ["&lt;1%", "12 of 4,800"],
        ["3", "required: 3"],
        ["2 values"],
        ["No: proven"],
    ]


def test_indicators_are_sorted_as_the_address_asks(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    by_share = text_of(page(monkeypatch, home, lang="en", view="hidden"))
    assert order_of(by_share)[-1] == "Emergency admissions per 1,000"
    assert 'aria-sort="descending">Share hidden' in by_share
    by_width = text_of(page(monkeypatch, home, lang="en", view="hidden", sort="narrowest"))
    assert order_of(by_width)[0] == "Emergency admissions per 1,000"
    assert 'aria-sort="ascending">Narrowest interval' in by_width


def test_one_indicator_is_told_year_by_year_and_by_reason(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    said = text_of(
        page(monkeypatch, home, lang="en", view="hidden", indicator="home_nursing_users_per_1000")
    )
    assert row_of(said, "2025") == [
        ["1,270"],
        ["127", "few persons: 123", "small group: &lt;5"],
        ["43"],
        ["2%", "102 of 4,800"],
        ["4", "required: 3"],
        ["2 values"],
        [
            "Perhaps: too large to be settled exactly",
            "2 of 3 parts proven, largest: 1,242 cells",
        ],
    ]
    assert row_of(said, "Unsafe by themselves: small group") == [["&lt;5"]]
    assert row_of(said, "Not in use yet") == [["310"]]
    assert "Policy: standard." in said


def test_a_release_from_before_rules_and_widths_were_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steward = write_zone(tmp_path)
    path = steward / "disclosure" / f"{CANDIDATE}.parquet"
    pl.read_parquet(path).drop("rule").write_parquet(path)
    (steward / "protection" / f"{CANDIDATE}.parquet").unlink()
    said = text_of(page(monkeypatch, tmp_path, lang="en", view="hidden"))
    assert row_of(said, "emergency_admissions_per_1000") == [
        ["6%"],
        ["96"],
        ["&lt;5"],
        *[["–"]] * 4,
    ]


def test_checks_of_one_table_that_could_not_be_run_share_a_card(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steward = write_zone(tmp_path)
    sentences = [("Én", "Éin", "One expectation"), ("To", "To", "Another expectation")]
    broken = [
        verdict(
            "publication.release", f"release.{place}", texts, n=-1, unexpected=-1, status="error"
        )
        for place, texts in enumerate(sentences)
    ]
    whole = verdict("publication.areas", "areas.columns", ("a", "b", "c"), n=1, unexpected=1)
    write_results(steward, "run-0003", [*broken, whole], "2026-02-01")
    said = text_of(page(monkeypatch, tmp_path, lang="en", view="checks"))
    assert "2 checks of release could not be run." in said
    assert "<li>One expectation</li><li>Another expectation</li>" in said
    assert "Not as agreed." in said
    assert "of 1 rows" not in said


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5), (900, 900)])
def test_bands(count: int, shown: str | int) -> None:
    assert banded(count) == shown


def test_new_fields_are_named_with_the_deliveries_they_came_in(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    (row,) = StewardZone.of(home).new_fields().to_dicts()
    assert row == {
        "source": "synthetic",
        "entity": "Procedure",
        "field": "bodySite",
        "deliveries": 1,
    }
    assert "bodySite" in text_of(page(monkeypatch, home, lang="en", view="quarantine"))


def test_quarantine_is_counted_by_delivery_entity_and_reason(home: Path) -> None:
    rows = StewardZone.of(home).quarantine()
    found = rows.filter(pl.col("reason") == "code_not_allowed").row(0, named=True)
    assert (found["delivery"], found["entity"], found["rows"], found["files"]) == (
        "kommuner-2024",
        "EpisodeOfCare",
        48,
        2,
    )


def test_primary_and_secondary_are_told_apart(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    said = text_of(page(monkeypatch, home, lang="en", view="hidden"))
    assert "Unsafe by themselves" in said
    assert "To protect others" in said
    assert "Readers of a release are never told which it is." in said


def test_tables_for_analysts_are_told_with_risk_bias_and_terms(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    said = text_of(page(monkeypatch, home, lang="en", view="microdata"))
    row = re.search(r"Chronic conditions</th>(.*?)</tr>", said)
    assert row is not None
    assert re.findall(r">([^<>]+)</td>", row.group(1)) == [
        "10,017", "&lt;5", "194", "5", "18.2%", "20.0%", "1.9%", "6", "16.7%"
    ]  # fmt: skip
    assert "Has diabetes</th>" in said
    bias = re.search(r"Type 2 diabetes</th>(.*?)</tr>", said)
    assert bias is not None
    assert re.findall(r">([^<>]+)</td>", bias.group(1)) == [
        "Chronic conditions",
        "−1.1%",
        "44.3%",
        "474.0%",
    ]
    assert "personal data in law" in said
    assert "Contacts was not made" in said
    assert "Chronic conditions lacks the years 2022" in said
    assert "Analysts are told this in bands only." in said
    assert "planning and steering" in said
    nynorsk = text_of(page(monkeypatch, home, lang="nn", view="microdata"))
    assert "Kroniske tilstandar" in nynorsk
    assert "Har diabetes</th>" in nynorsk
