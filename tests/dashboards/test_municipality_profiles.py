"""A municipality's profile: what to look at, what has changed, and the printed pages."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from dashboards import words
from dashboards.data_access import Release, current_release, earlier_release
from dashboards.figures import profile, row
from dashboards.profiles import bars, changes, pdf, points, sheet
from dashboards.session import Context
from dashboards.text import number, translator
from pipelines.cli import app
from tests.support.pdf import Pdf
from tests.support.planner_pages import LANGUAGES, markup, page, text
from tests.support.published_release import ASSUMED_AREA, RELEASE_ID, write_release

PLANTED = 987654.328125
STAYS = "emergency_admissions_per_1000"
PORTAL = "portal_active_users_share"
BEFORE = "r-2024-12-31-aaaaaaaaaa"
YEAR = 2025


def edit(folder: Path, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = folder / f"{name}.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


def with_earlier(home: Path) -> Path:
    """A release that took the place of one with a year and an indicator less."""
    now = write_release(home, planted_value=PLANTED)
    before = now.with_name(BEFORE)
    shutil.copytree(now, before)
    shown = pl.col("value").is_not_null() & (pl.col("value_status") == "ok")
    revised = shown & (pl.col("indicator_id") == STAYS) & (pl.col("area_code") == "5001")
    edit(before, "indicator_values", lambda frame: frame.filter(
        pl.col("period_start").dt.year() < YEAR, pl.col("indicator_id") != PORTAL
    ).with_columns(pl.when(revised).then(pl.col("value") + 1).otherwise(pl.col("value"))
                   .alias("value")))  # fmt: skip
    edit(before, "indicators", lambda frame: frame.filter(pl.col("indicator_id") != PORTAL))
    edit(before, "release", lambda frame: frame.with_columns(release_id=pl.lit(BEFORE)))
    edit(now, "release", lambda frame: frame.with_columns(supersedes=pl.lit(BEFORE)))
    return now


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    with_earlier(folder)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    return home


@pytest.fixture
def release(published: Path) -> Release:
    return current_release()


def area(release: Release, code: str) -> dict[str, Any]:
    found = row(release.tables["areas"], code)
    assert found is not None
    return found


# ---- inhabitants --------------------------------------------------------------------------------


def test_inhabitants_are_those_that_the_rates_count_and_have_a_day(release: Release) -> None:
    published = release.tables["population"].filter(area_code="5001")
    for year in (2023, YEAR):
        count = published.filter(pl.col("on_date") == date(year, 12, 31))["value"].sum()
        facts = sheet.area_facts(Context(release, "nb"), area(release, "5001"), year)
        assert f"{number(count, 'nb')} innbyggere 31. desember {year}" in facts
    none = edited(release, population=lambda frame: frame.clear())
    for language, said in (("nb", "innbyggertallet er ikke publisert"),
                           ("nn", "innbyggjartalet er ikkje publisert"),
                           ("en", "number of inhabitants not published")):  # fmt: skip
        assert said in sheet.area_facts(Context(none, language), area(none, "5001"), YEAR)


# ---- what to look at ----------------------------------------------------------------------------


def interval(low: float | None, high: float | None) -> dict[str, float | None]:
    return {"lower_ci": low, "upper_ci": high}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((1.0, 2.0), (2.1, 3.0), "rise"),
        ((2.1, 3.0), (1.0, 2.0), "fall"),
        ((1.0, 2.0), (2.0, 3.0), ""),  # limits that meet do not tell two years apart
        ((1.0, 4.0), (2.0, 3.0), ""),
        ((None, None), (2.0, 3.0), ""),
        ((0.0, 0.0), (2.0, 3.0), "rise"),
    ],
)
def test_a_change_is_told_where_the_intervals_do_not_meet(
    before: tuple[float | None, float | None], now: tuple[float | None, float | None], said: str
) -> None:
    assert points.moved(interval(*before), interval(*now)) == said


def test_only_the_unfavourable_side_of_the_region_is_looked_at(release: Release) -> None:
    found = []
    for code in release.areas(YEAR).filter(area_level="municipality")["area_code"]:
        found += points.look_at(release, profile(release, code, YEAR))
    against = [point for point in found if point.kind == "region"]
    assert len(against) > 10
    assert {(p.indicator["polarity"], p.figure["versus_region"]) for p in against} == {
        ("lower_is_better", "higher"), ("higher_is_better", "lower"),
    }  # fmt: skip
    assert any(point.weight[0] == 0 for point in against)
    assert any(point.weight[0] == 1 for point in against)


def edited(release: Release, /, **changes: Callable[[pl.DataFrame], pl.DataFrame]) -> Release:
    """The release with some of its tables changed, in memory."""
    tables = {name: change(release.tables[name]) for name, change in changes.items()}
    return replace(release, tables={**release.tables, **tables})


def moved_kinds(release: Release, code: str, grown: int, asked: int = YEAR) -> list[str]:
    """What stands out of an indicator's change when one year's figure is ten times as large."""
    own = (pl.col("area_code") == code) & (pl.col("year") == grown)
    grows = own & (pl.col("indicator_id") == PORTAL)
    factor = pl.when(grows).then(10).otherwise(1)
    made = edited(
        release, indicator_values=lambda frame: frame.with_columns(
            pl.col("value", "lower_ci", "upper_ci") * factor),
    )  # fmt: skip
    found = points.look_at(made, profile(made, code, asked))
    return [p.kind for p in found if p.indicator["indicator_id"] == PORTAL and p.before]


def test_a_change_is_found_in_both_directions(release: Release) -> None:
    assert moved_kinds(release, "5001", 2025) == ["rise"]
    assert moved_kinds(release, "5001", 2024) == ["fall"]


def test_years_on_both_sides_of_a_break_are_not_compared(release: Release) -> None:
    border = release.tables["breaks"].with_columns(area_code=pl.lit("5001"))
    broken = edited(release, breaks=lambda _: border)  # on 1 January 2024
    assert moved_kinds(release, "5001", 2024, 2024) == ["rise"]
    assert moved_kinds(broken, "5001", 2024, 2024) == []
    assert moved_kinds(broken, "5001", 2025) == ["rise"]


def test_a_year_that_is_covered_in_part_is_not_compared(release: Release) -> None:
    # Hospitals see nine tenths of 2024.
    for code in ("5001", "1505"):
        found = points.look_at(release, profile(release, code, YEAR))
        assert not [p for p in found if p.before and p.indicator["coverage_service"] == "hospital"]


def test_the_gravest_comes_first(release: Release) -> None:
    found = points.look_at(release, profile(release, "5001", YEAR))
    assert [p.weight for p in found] == sorted(p.weight for p in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_holds_the_published_figures(release: Release, language: str) -> None:
    reader = Context(release, language)
    for code in ("5001", "1505", "5035"):
        for point in points.look_at(release, profile(release, code, YEAR)):
            said = points.sentence(point, reader)
            decimals = point.indicator["decimals"]
            assert number(point.figure["value"], language, decimals) in said
            beside = point.before["value"] if point.before else point.figure["region_value"]
            assert number(beside, language, decimals) in said
            assert not re.search("fordi|because|skyldes|due to", said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_favourable_and_unfavourable_are_told_apart_by_word_and_shape(
    release: Release, language: str
) -> None:
    _ = translator(language, "planner")
    (found, *_rest) = points.look_at(release, profile(release, "5001", YEAR))
    words_of = {"better": _("That is favourable."), "worse": _("That is unfavourable.")}
    for kind, polarity, side in (
        ("rise", "lower_is_better", "worse"), ("fall", "lower_is_better", "better"),
        ("rise", "higher_is_better", "better"), ("fall", "higher_is_better", "worse"),
        ("rise", "neutral", ""), ("fall", "neutral", ""),
    ):  # fmt: skip
        point = replace(
            found, kind=kind, before=found.figure,
            indicator={**found.indicator, "polarity": polarity},
        )  # fmt: skip
        said, sign = points.sentence(point, Context(release, language)), points.sign(point)
        assert points.side(point) == side
        assert [one for one in words_of.values() if one in said] == (
            [words_of[side]] if side else []
        )
        assert (
            sign == {"rise": "▲", "fall": "▼"}[kind] + {"better": "✓", "worse": "!", "": ""}[side]
        )


@pytest.mark.parametrize(
    ("polarity", "said"),
    [("lower_is_better", ["That is less favourable."]), ("neutral", []),
     ("higher_is_better", ["That is more favourable."])],
)  # fmt: skip
def test_a_figure_that_differs_says_whether_it_is_more_favourable(
    release: Release, polarity: str, said: list[str]
) -> None:
    before = earlier_release(release)
    assert before is not None
    turned = edited(
        release,
        indicators=lambda frame: frame.with_columns(polarity=pl.lit(polarity)),
        indicator_values=lambda frame: frame.with_columns(pl.col("value") + 2),
    )
    found = changes.compared(turned, before, "5001")
    told = changes.revisions(found, Context(turned, "en"))
    assert told
    for line in told:
        assert re.findall(r"That is .*$", line) == (said if " hidden " not in line else [])


# ---- what has changed ---------------------------------------------------------------------------


def test_two_releases_are_compared_figure_by_figure(release: Release) -> None:
    before = earlier_release(release)
    assert before is not None
    found = changes.compared(release, before, "5001")
    assert found.new_years == [YEAR]
    assert [i["indicator_id"] for i in found.added] == [PORTAL]
    assert (found.removed, found.redefined) == ([], [])
    assert found.revised["indicator_id"].unique().to_list() == [STAYS]
    assert (found.revised["value_was"] - found.revised["value"]).round(6).unique().to_list() == [1]
    said = changes.revisions(found, Context(release, "nb"))
    assert [line.split(":")[0] for line in said] == [
        "Akuttinnleggelser, 2024", "Akuttinnleggelser, 2023",
    ]  # fmt: skip
    assert changes.compared(release, before, "1505").revised.is_empty()


def test_a_new_definition_is_told_and_its_figures_are_not_compared(release: Release) -> None:
    def renewed(frame: pl.DataFrame) -> pl.DataFrame:
        version = pl.col("indicator_version")
        newer = pl.when(pl.col("indicator_id") == STAYS).then(version + 1).otherwise(version)
        return frame.with_columns(newer.alias("indicator_version"))

    before = earlier_release(release)
    assert before is not None
    now = edited(release, indicator_values=renewed, indicators=renewed)
    found = changes.compared(now, before, "5001")
    assert [i["indicator_id"] for i in found.redefined] == [STAYS]
    assert found.revised.is_empty()


@pytest.mark.parametrize(
    ("supersedes", "said"), [(None, "first release"), ("r-gone", "not kept here")]
)
def test_where_there_is_nothing_to_compare_it_says_which(
    release: Release, supersedes: str | None, said: str
) -> None:
    named = pl.lit(supersedes, pl.String)
    alone = edited(release, release=lambda frame: frame.with_columns(supersedes=named))
    assert earlier_release(alone) is None
    assert said in changes.nothing_to_compare(Context(alone, "en"))


# ---- the page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_sets_areas_side_by_side_and_tells_what_is_new(language: str) -> None:
    _ = translator(language, "planner")
    shown = page("municipality", {"lang": language, "area": "5001", "with": "1505,1507,5043"})
    assert not shown.exception
    said = text(shown)
    for heading in (
        _("What to look at"), _("Key figures, {year}", year=YEAR), _("Other figures"),
        _("What has changed since the last release"), _("Mind this"), _("Coverage"),
    ):  # fmt: skip
        assert heading in said
    assert _("New years: {years}.", years="2025") in said
    peers = re.findall(r'<ul class="fp-peers">(.*?)</ul>', markup(shown))
    assert len(peers) == 7
    assert all("Kristiansund" in cell for cell in peers)
    assert "Ålesund" not in peers[0]  # it was divided before the year
    assert all("Trøndelag" in cell for cell in peers)
    assert shown.get("download_button")[0].label == _("The profile as PDF, four pages")


def test_key_figures_stand_openly_and_the_others_are_folded_by_theme() -> None:
    shown = markup(page("municipality", {"lang": "nb", "area": "5001"}))
    openly, _, folded = shown.partition('<details class="fp-theme">')
    assert openly.count('class="fp-bar"') == 6
    assert folded.count('<table class="fp-table"><caption>Trondheim: Digitale tjenester') == 1


@pytest.mark.parametrize(("code", "county"), [("5001", "Trøndelag"), ("1505", "Møre og Romsdal")])
def test_its_county_is_set_beside(code: str, county: str) -> None:
    shown = markup(page("municipality", {"lang": "nb", "area": code}))
    assert shown.count(f"<li>{county} ") == 7
    assert "fylket er ikke med" not in shown


def test_a_county_without_figures_is_said_to_be_left_out(tmp_path: Path, monkeypatch: Any) -> None:
    folder = write_release(tmp_path)
    edit(folder, "areas", lambda frame: frame.filter(pl.col("area_level") != "county"))
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    shown = markup(page("municipality", {"lang": "nb", "area": "5001"}))
    assert "<li>Trøndelag " not in shown
    assert "fylket er ikke med" in shown


def test_marks_lie_inside_the_bar_and_in_the_order_of_their_figures(release: Release) -> None:
    for entry in profile(release, "5001", YEAR, ["1505"]):
        drawn = bars.laid_out(entry)
        if drawn is None:
            continue
        marks = [*drawn.every, *drawn.middle, drawn.region, drawn.area, *drawn.beside]
        assert all(0 <= mark <= 100 for mark in marks if mark is not None)
        assert drawn.every[0] <= drawn.middle[0] <= drawn.middle[1] <= drawn.every[1]
        value, regional = entry["figure"]["value"], entry["region"]["value"]
        if None not in (value, regional):
            assert (drawn.area > drawn.region) == (value > regional)


# ---- the paper ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed(home: Path) -> dict[tuple[str, str], Pdf]:
    release = current_release(home)
    asked = [("5001", "nb"), ("1577", "nn"), (ASSUMED_AREA, "en")]
    return {
        (code, language): Pdf(
            pdf.printed(Context(release, language), area(release, code), YEAR, ["1505", "5043"])
        )
        for code, language in asked
    }


def test_the_file_names_itself_its_language_and_its_standard(
    printed: dict[tuple[str, str], Pdf],
) -> None:
    regions = {"nb": "nb-NO", "nn": "nn-NO", "en": "en-GB"}
    for (_, language), file in printed.items():
        assert file.strings("Lang")[0] == regions[language]
        assert "<pdfuaid:part>1</pdfuaid:part>" in file.metadata
        assert b"/DisplayDocTitle true" in file.objects
        assert b"/Marked true" in file.objects
        assert b"/URI" not in file.objects
        assert file.pages == 4
    assert "Helseprofil 2025: Trondheim – Tråante" in printed["5001", "nb"].metadata
    assert "2025-12-31T00:00:00Z</xmp:CreateDate>" in printed["5001", "nb"].metadata


def test_a_screen_reader_meets_headings_tables_and_pictures_in_words(
    printed: dict[tuple[str, str], Pdf],
) -> None:
    file = printed["5001", "nb"]
    tags = Counter(file.tags)
    assert tags["H1"] == 1
    assert tags["H2"] >= 6
    assert tags["Table"] == tags["THead"] == tags["TBody"] == 4
    assert tags["TH"] >= 12
    assert len(file.strings("Alt")) == tags["Figure"] > 0
    assert all(len(words_for) > 5 for words_for in file.strings("Alt"))


def written(published_row: dict[str, Any], decimals: int, language: str) -> str:
    """A published row as the paper should have it."""
    if published_row["value_status"] != "ok":
        return words.status(published_row["value_status"], translator(language, "planner"))
    value, low, high = (
        number(published_row[name], language, decimals)
        for name in ("value", "lower_ci", "upper_ci")
    )
    return f"{value} ({low}–{high})"


def test_every_figure_on_paper_is_the_published_one_and_hidden_ones_are_words(
    home: Path, printed: dict[tuple[str, str], Pdf]
) -> None:
    values = pl.read_parquet(home / "published" / RELEASE_ID / "indicator_values.parquet")
    facts = pl.read_parquet(home / "published" / RELEASE_ID / "indicators.parquet")
    statuses = set()
    for (code, language), file in printed.items():
        paper = re.sub(r"\s+", " ", " ".join(file.text).replace("\u202f", "~")).replace(
            "~", "\u202f"
        )
        assert "987" not in paper
        for fact in facts.iter_rows(named=True):
            own = values.filter(
                pl.col("indicator_id") == fact["indicator_id"], area_code=code, sex="total",
                age_group="total", value_kind=fact["headline_kind"],
            ).filter(pl.col("period_start").dt.year() == YEAR)  # fmt: skip
            expected = written(own.row(0, named=True), fact["decimals"], language)
            statuses |= set(own["value_status"])
            title, unit = fact[f"short_title_{language}"], fact[f"unit_text_{language}"]
            rows = {f"{title} {unit} {expected}", f"{title} {expected}"}
            assert any(told in paper for told in rows), rows
    assert {"ok", "suppressed", "not_covered"} <= statuses


def cells_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of a table of the sheet, and the region's where they stand beside."""
    if "rows" in part:
        return [cell for row in part["rows"] for cell in row["cells"]]
    names = ("figure", "region") if "legend" in part else ("figure",)
    return [row[name] for group in part["groups"] for row in group["rows"] for name in names]


def test_every_cell_without_a_figure_on_paper_refers_to_its_reason(
    release: Release, printed: dict[tuple[str, str], Pdf]
) -> None:
    told = 0
    for (code, language), file in printed.items():
        reader = Context(release, language)
        content = sheet.sheet(reader, area(release, code), YEAR, ["1505", "5043"])
        for leaf, part in enumerate(("barometer", "others", "beside"), start=1):
            reasons = content[part]["reasons"]
            without = [cell for cell in cells_of(content[part]) if not cell["shown"]]
            assert {cell["why"] for cell in without} == set(reasons)
            paper = " ".join(file.text[leaf].split())
            for cell in without:
                assert f"{cell['text']} {reasons.index(cell['why']) + 1} " in paper
            assert all(f"{at}: {why}" in paper for at, why in enumerate(reasons, start=1))
            told += len(without)
    assert told > 20


def test_the_same_release_gives_the_same_bytes(
    release: Release, printed: dict[tuple[str, str], Pdf]
) -> None:
    pdf._compiler.cache_clear()
    again = pdf.printed(Context(release, "nb"), area(release, "5001"), YEAR, ["1505", "5043"])
    assert again == printed["5001", "nb"].content


def test_a_sheet_carries_no_hidden_figure(release: Release) -> None:
    for code in ("5001", "1577", ASSUMED_AREA):
        told = json.dumps(sheet.sheet(Context(release, "en"), area(release, code), YEAR))
        assert "987" not in told


def test_what_does_not_fit_the_paper_is_said(release: Release) -> None:
    peers = ["1505", "1506", "5043", "5006"]
    content = sheet.sheet(Context(release, "en"), area(release, "5001"), YEAR, peers)
    assert "There is room for 2" in content["barometer"]["note"]
    assert content["beside"]["columns"][2:] == ["Trøndelag", "Kristiansund", "Molde"]


def test_areas_set_beside_have_their_published_figures(release: Release) -> None:
    content = sheet.sheet(Context(release, "nb"), area(release, "5001"), YEAR, ["1505", "1507"])
    told = {entry["title"]: entry["cells"] for entry in content["beside"]["rows"]}
    for entry in profile(release, "1505", YEAR):
        if entry["indicator"]["key_figure"]:
            own, county, other, gone = told[entry["indicator"]["short_title_nb"]]
            assert other["text"] == words.figure(entry["figure"], 1, translator("nb", "planner"))
            assert own["text"] != "–"
            assert county["text"] != "–"
            assert gone["text"] == "–"  # Ålesund was divided before the year
            assert gone["why"] == "var ikke en kommune ved utgangen av året"


def test_a_municipality_of_another_time_has_no_profile(release: Release) -> None:
    with pytest.raises(sheet.ProfileError, match="end of 2025"):
        sheet.sheet(Context(release, "nb"), area(release, "1507"), YEAR)


def test_the_command_writes_each_in_its_own_language(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    ended = CliRunner().invoke(
        app, ["profiles", "--out", str(folder), "--area", "5001", "--area", "1577"]
    )
    assert ended.exit_code == 0, ended.output
    assert sorted(path.name for path in folder.iterdir()) == [
        f"SYNTETISK_profil_1577_2025_{RELEASE_ID}_nn.pdf",
        f"SYNTETISK_profil_5001_2025_{RELEASE_ID}_nb.pdf",
    ]
    assert Pdf((next(folder.glob("*1577*"))).read_bytes()).strings("Lang")[0] == "nn-NO"


def test_the_command_refuses_a_number_that_is_no_municipality(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["profiles", "--out", str(tmp_path), "--area", "0301"])
    assert isinstance(ended.exception, sheet.ProfileError)
    assert "0301" in str(ended.exception)


@pytest.mark.parametrize("many", [1, 40])
def test_what_concerns_everybody_gives_way_to_the_fourth_page(
    release: Release, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """As much of it as there is room for; how much is left out is said."""

    def with_more(*asked: Any) -> dict[str, Any]:
        content = sheet.sheet(*asked)
        told = content["caveats"]["common"] * many
        more = [f"Left out: {len(told) - shown}." for shown in range(len(told) + 1)]
        return content | {"caveats": content["caveats"] | {"common": told, "more": more}}

    monkeypatch.setattr(pdf, "sheet", with_more)
    (town,) = release.areas(YEAR).filter(area_code="5001").to_dicts()
    assert Pdf(pdf.printed(Context(release, "nb"), town, YEAR)).pages == 4


@pytest.mark.nightly
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_profile_has_four_pages(release: Release, language: str) -> None:
    towns = release.areas(YEAR).filter(area_level="municipality")
    for town in towns.iter_rows(named=True):
        assert Pdf(pdf.printed(Context(release, language), town, YEAR)).pages == 4
