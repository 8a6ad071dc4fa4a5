"""Files that readers take with them: complete, labelled, and safe to open."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from html import unescape
from pathlib import Path

import polars as pl
import pytest
import vl_convert

from dashboards import downloads, pictures
from dashboards.charts import region_map, theme, trend
from dashboards.components import exports
from dashboards.data_access import Release, current_release
from dashboards.figures import headline
from dashboards.session import Context
from tests.support.planner_pages import page
from tests.support.published_release import write_release

INDICATOR = "home_nursing_users_80plus_share"
PLANTED = 987654.328125
LABEL = "Syntetiske tall – ikke til planlegging"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder, planted_value=PLANTED)
    return folder


@pytest.fixture
def release(home: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    return current_release()


def sheets(book: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return "".join(
            archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")
        )


def test_tidy_csv_has_the_published_columns_and_every_row(release: Release) -> None:
    frame = pl.read_csv(downloads.tidy_csv(release, INDICATOR), infer_schema=False)
    assert frame.columns == [*downloads.TIDY_COLUMNS, "note"]
    published = release.values.filter(indicator_id=INDICATOR)
    assert frame.height == published.height
    shown = published.filter(pl.col("value").is_not_null())["value"].sort()
    assert frame["value"].drop_nulls().cast(pl.Float64).sort().to_list() == shown.to_list()
    assert frame["note"].unique().to_list() == ["Synthetic figures – not for planning"]


def test_spreadsheet_csv_is_what_norwegian_spreadsheets_open(release: Release) -> None:
    raw = downloads.spreadsheet_csv(release, INDICATOR, "nb")
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), delimiter=";"))
    trondheim = [r for r in rows if r["Kode"] == "5001" and r["År"] == "2025" and r["Kjønn"] ==
                 "Begge kjønn" and r["Alder"] == "80 år og eldre"]  # fmt: skip
    assert len(trondheim) == 1
    value = release.values.filter(
        indicator_id=INDICATOR, area_code="5001", year=2025, sex="total", age_group="total"
    )["value"][0]
    assert float(trondheim[0]["Tall"].replace(",", ".")) == value
    assert {row["Merknad"] for row in rows} == {LABEL}
    assert {row["Kilde"] for row in rows} == {"Folkepuls, CC BY 4.0"}


def test_english_spreadsheets_get_a_decimal_point(release: Release) -> None:
    raw = downloads.spreadsheet_csv(release, INDICATOR, "en").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(raw), delimiter=";"))
    figures = [row["Figure"] for row in rows if row["Figure"]]
    assert figures
    assert not any("," in figure for figure in figures)


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_hidden_figures_are_empty_with_their_reason(release: Release, language: str) -> None:
    frame = downloads.readable(release, INDICATOR, language)
    hidden = release.values.filter(indicator_id=INDICATOR, value_status="suppressed").height
    figure, status = frame.columns[8], frame.columns[14]
    word = frame.filter(pl.col(figure).is_null())[status].value_counts().rows()
    assert hidden > 0
    assert hidden in [count for _, count in word]
    files = (
        downloads.tidy_csv(release, INDICATOR),
        downloads.spreadsheet_csv(release, INDICATOR, language),
        sheets(downloads.workbook(release, INDICATOR, language, "")).encode(),
    )
    assert all(b"987654" not in file for file in files)


def test_the_workbook_tells_what_it_holds(release: Release) -> None:
    book = sheets(downloads.workbook(release, INDICATOR, "nb", "Siteres slik og slik"))
    for expected in (LABEL, "Siteres slik og slik", release.id, "Skjult av personvernhensyn",
                     "CC BY 4.0", "Definisjon"):  # fmt: skip
        assert expected in book


def test_the_same_release_gives_the_same_bytes(release: Release) -> None:
    small = "structured_documentation_share"
    first, second = (downloads.workbook(release, small, "nn", "x") for _ in range(2))
    assert first == second


def test_file_names_say_synthetic(release: Release) -> None:
    assert downloads.file_name(release, INDICATOR, "nb", "csv").startswith("SYNTETISK_")


def test_a_file_says_what_the_page_says_of_coverage_and_plans(release: Release) -> None:
    raw = downloads.spreadsheet_csv(release, INDICATOR, "nb").decode("utf-8-sig")
    rows = [r for r in csv.DictReader(io.StringIO(raw), delimiter=";") if r["År"] == "2025"]
    planned = {row["Grunn"] for row in rows if row["Kode"] == "5006"}
    assert planned == {"kommunen er ikke på Helseplattformen (planlagt 1. april 2026, "
                       "ikke bekreftet)"}  # fmt: skip
    assert {row["Dekket andel"] for row in rows if row["Kode"] == "MIDT"} == {"0,6"}
    assert not any("," in row["Teller"] for row in rows)


def test_a_selection_holds_the_areas_and_indicators_asked_for(release: Release) -> None:
    ids = [INDICATOR, "emergency_admissions_per_1000"]
    frame = downloads.selection(release, ids, ["5001", "MIDT"], "nb")
    raw = downloads.table_csv(frame, "nb")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig")), delimiter=";"))
    assert {row["Kode"] for row in rows} == {"5001", "MIDT"}
    assert len({row["Indikator"] for row in rows}) == 2
    assert {row["Merknad"] for row in rows} == {LABEL}


def test_a_picture_carries_its_source_and_needs_no_other_host(release: Release) -> None:
    """All words of the source stand below the chart, in lines."""
    chart = trend.trend(release, headline(release, INDICATOR), "5001", "nb")
    source = "Folkepuls: en lang kilde. " * 9
    drawn = pictures.svg(chart, source).decode()
    said = [unescape(text) for text in re.findall(r">([^<]+)</text>", drawn)]
    assert " ".join(said).count("en lang kilde") >= 8
    assert any(LABEL in text for text in said)
    assert re.findall(r'(?:href|src)="http', drawn) == []
    assert "var(" not in drawn
    assert pictures.png(chart, source).startswith(b"\x89PNG")


def test_words_of_gaps_stand_over_their_years_in_a_picture(release: Release) -> None:
    """The axis of time has another name there."""
    hidden = release.values.filter(
        pl.col("indicator_id") == INDICATOR, pl.col("value_kind") == "crude",
        pl.col("sex") == "total", pl.col("age_group") == "total", pl.col("year") == 2025,
        pl.col("value_status") == "suppressed", pl.col("area_level") == "municipality",
    )["area_code"].sort()  # fmt: skip
    chart = trend.trend(release, headline(release, INDICATOR), hidden[0], "nb")
    drawn = pictures.svg(chart, "Folkepuls")
    said = re.findall(
        r"translate\((-?[\d.]+|NaN),[^>]*>Skjult av personvernhensyn<", drawn.decode()
    )
    assert said
    assert all(float(x) > pictures.WIDTH / 8 for x in said)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("overview", {"Kart (PNG)", "Kart (SVG)", "Utvikling (PNG)"}),
        ("collaboration", {"Utskrivningsklare døgn (PNG)"}),
        ("compare", {"Utskrivningsklare døgn (SVG)"}),
        ("population", {"Kjønn og alder (PNG)", "Utvikling (SVG)"}),
    ],
)
def test_every_page_of_figures_gives_files_and_pictures(
    release: Release, name: str, labels: set[str]
) -> None:
    shown = page(name, {"lang": "nb", "area": "5001"})
    assert not shown.exception
    offered = {button.proto.label for button in shown.get("download_button")}
    assert labels | {"Excel-arbeidsbok (XLSX)", "CSV for regneark"} <= offered


def test_tables_beside_the_indicators_are_as_published(release: Release) -> None:
    people = downloads.inhabitants(release, ["5001"], "nb")
    published = release.tables["population"].filter(area_code="5001")
    assert people.height == published.height
    assert people["Innbyggere"].sum() == published["value"].sum()
    waves = downloads.waves(release, "nb")
    assert waves["Status"].unique(maintain_order=True).to_list() == [
        "I drift", "Planlagt dato er passert, ikke bekreftet", "Planlagt, ikke bekreftet"
    ]  # fmt: skip
    facts = downloads.about(release, "nb", "Siteres slik")
    book = sheets(downloads.book(release, "nb", "Spredning", waves, facts))
    assert all(said in book for said in (LABEL, "Siteres slik", release.id, "I drift"))


def test_pictures_are_of_what_the_tabs_show(release: Release) -> None:
    reader, shown = Context(release, "nb"), headline(release, "emergency_admissions_per_1000")
    drawn = exports._charts(reader, shown, "5001", 2025, ("1505",))
    bars = drawn["compare"][1]()
    assert bars is not None
    assert {one["name"] for one in bars["datasets"]["areas"]} == {"Trondheim", "Kristiansund"}
    assert "limits" in (drawn["funnel"][1]() or {})["datasets"]
    monthly = headline(release, "ready_for_discharge_days_per_1000")
    months = exports._charts(reader, monthly, "5001", 2025, (), "month")["trend"][1]()
    assert months is not None
    assert "desember 2025" in {one["when"] for one in months["datasets"]["points"]}


def test_the_map_is_a_picture_with_its_source(release: Release) -> None:
    spec = region_map.tile_map(release, headline(release, INDICATOR), 2025, "nb")
    drawn = unescape(pictures.svg(spec, "Folkepuls: kilden").decode())
    assert ">Folkepuls: kilden<" in drawn
    assert "var(" not in drawn


@pytest.mark.parametrize(("width", "lines"), [(240, 2), (420, 2), (800, 1)])
def test_no_title_is_cut_whatever_the_width(width: int, lines: int, release: Release) -> None:
    """Vega breaks no lines, but cuts what is too long: the lines are the chart's own."""
    title = "Meldinger om utskrivningsklare pasienter etter tjeneste, Heim, 2025"
    label = "døgn per 1000 innbyggere over 67 år · Syntetiske tall – ikke til planlegging"
    look = trend.trend(release, headline(release, INDICATOR), "5001", "nb")
    data = {name: pl.DataFrame(rows) for name, rows in look["datasets"].items()}
    values = {one["name"]: one["value"] for one in look["params"]}
    spec = theme.filled(look, (title, label), values=values, **data)
    drawn = unescape(vl_convert.vegalite_to_svg({**spec, "width": width}))
    assert "…" not in drawn
    written = [one for one in re.findall(r"<t(?:ext|span)[^>]*>([^<]+)<", drawn) if len(one) > 6]
    assert " ".join(one for one in written if one in label) == label
    of_title = [one for one in written if one in title]
    assert " ".join(of_title) == title
    assert len(of_title) == lines
