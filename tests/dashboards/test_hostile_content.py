"""Names, comments and addresses that want to be run: every page and file keeps them as text.

Each check has a twin on a page or file that is broken on purpose; were the twin not noticed, the
check would be blind.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from html import unescape
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
import typst
from streamlit.testing.v1 import AppTest

from dashboards import downloads, inert, search
from dashboards.components import barometer, frame
from dashboards.data_access import Release, current_release
from dashboards.figures import row
from dashboards.notebooks.connection import open_zones
from dashboards.profiles import glyphs, pdf
from dashboards.session import Context
from tests.support import hostile
from tests.support.hostile import INJECTIONS, Markup, csv_cells, live_cells, live_copies
from tests.support.pdf import Pdf
from tests.support.planner_pages import PAGES, markup, page

SHOWN = "emergency_admissions_per_1000"
SMALL = "structured_documentation_share"
HIDING = "home_nursing_users_80plus_share"
VIEWS = (
    *(({"area": "5001"}, name) for name in PAGES),
    ({"area": "MIDT", "indicator": SHOWN, "tab": "table"}, "indicator"),
    ({"area": "5001", "indicator": HIDING, "tab": "compare"}, "indicator"),
    ({"area": "5001", "indicator": HIDING, "tab": "definition"}, "indicator"),
    ({"area": "5001", "indicator": HIDING, "tab": "download"}, "indicator"),
    ({"area": "5001", "group": "size:all", "view": "table"}, "compare"),
)
CHOICES = ("lang", "area", "indicator", "year", "kind", "age", "sex", "tab", "by", "chart",
           "view", "group", "with", "indicators")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    hostile.write_hostile_release(folder)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))


@pytest.fixture
def release(published: None) -> Release:
    return current_release()


def files(release: Release) -> Iterator[tuple[str, list[str]]]:
    """Every exported file, as its cells."""
    areas = release.tables["areas"]["area_code"].to_list()
    yield "tidy", csv_cells(downloads.tidy_csv(release, SHOWN), ",")
    yield "spreadsheet", csv_cells(downloads.spreadsheet_csv(release, SHOWN, "nb"), ";")
    yield (
        "selection",
        csv_cells(
            downloads.table_csv(downloads.selection(release, [HIDING], areas, "en"), "en"), ";"
        ),
    )
    people = downloads.inhabitants(release, areas, "en")
    yield "inhabitants", csv_cells(downloads.table_csv(people, "en"), ";")
    yield "waves", csv_cells(downloads.table_csv(downloads.waves(release, "en"), "en"), ";")
    book = zipfile.ZipFile(BytesIO(downloads.workbook(release, SMALL, "nb", "=cited")))
    strings = book.read("xl/sharedStrings.xml").decode()
    yield "workbook", [unescape(t) for t in re.findall(r"<t[^>]*>([^<]*)</t>", strings)]


def views() -> Iterator[tuple[str, Markup]]:
    """Every planner page, as a browser reads it."""
    for query, name in VIEWS:
        shown = page(name, {"lang": "nb", **query})
        assert not shown.exception
        yield f"{name} {query}", Markup(markup(shown).replace(frame.look(), "", 1))


def test_no_cell_of_a_file_or_of_a_copied_table_starts_a_formula(release: Release) -> None:
    for name, cells in files(release):
        assert len(cells) > 50, name
        assert live_cells(cells) == [], name
    book = zipfile.ZipFile(BytesIO(downloads.workbook(release, SMALL, "nb", "=cited")))
    sheets = b"".join(book.read(name) for name in book.namelist() if "worksheets/" in name)
    assert b"<f>" not in sheets
    assert b"<hyperlink" not in sheets
    assert {name: found for name, read in views() if (found := live_copies(read.cells))} == {}


def test_without_the_apostrophes_formulas_would_be_noticed(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inert, "frame", lambda rows: rows)
    monkeypatch.setattr(inert, "cell", str)
    monkeypatch.setattr(inert, "text", str)
    # The tidy file holds no names, only codes of ours.
    assert [name for name, cells in files(release) if live_cells(cells)] == [
        "spreadsheet", "selection", "inhabitants", "waves", "workbook",
    ]  # fmt: skip
    found = [name.split()[0] for name, read in views() if live_copies(read.cells)]
    assert {"overview", "municipality", "indicator", "compare"} <= set(found)


def test_negative_numbers_stay_numbers() -> None:
    kept = inert.frame(pl.DataFrame({"number": [-1.5, 2.0], "text": ["-1", "Snåsa, -5"]}))
    assert kept.to_dict(as_series=False) == {"number": [-1.5, 2.0], "text": ["'-1", "Snåsa, -5"]}
    assert [inert.cell(text) for text in ("<b>-1,5</b>", "+3", "-12 %", "<i>-x</i>")] == [
        "<b>-1,5</b>", "+3", "-12 %", "<i>'-x</i>",
    ]  # fmt: skip


def test_every_formula_is_made_text_wherever_it_starts() -> None:
    made = inert.frame(pl.DataFrame({"text": hostile.FORMULAS}))["text"].to_list()
    assert made == [inert.text(text) for text in hostile.FORMULAS]
    assert live_cells(made) == []
    assert len(live_cells(hostile.FORMULAS)) == len(hostile.FORMULAS)
    assert [text.replace("'", "") for text in made] == [
        text.replace("'", "") for text in hostile.FORMULAS
    ]


def test_names_are_text_on_every_page(release: Release) -> None:
    ours = {"h1", "h2", "h3", "p", "b", "i", "a", "small", "span", "strong", "div", "ul", "ol",
            "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td",
            "details", "summary", "blockquote", "code", "br"}  # fmt: skip
    for name, read in views():
        assert read.running == [], name
        assert set(read.tags) <= ours, name


def test_a_page_that_forgot_to_escape_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barometer, "escape", lambda text, quote=True: text)
    broken = Markup(markup(page("municipality", {"lang": "nb", "area": "5001"})))
    assert broken.running
    assert broken.tags["script"]


def test_names_are_text_on_paper(tmp_path: Path) -> None:
    hostile.write_hostile_release(tmp_path, hostile.MARKUP)
    release = current_release(tmp_path)
    for payload in ("<script>", "#eval", "#include", "$1+1$"):
        towns = release.areas(2025).filter(pl.col("official_name").str.starts_with(payload))
        area = row(towns, towns["area_code"][0])
        assert area is not None
        made = pdf.printed(Context(release, "nb"), area, 2025)
        assert runs_on_opening(made) == []
        first = re.sub(r"\s+", "", Pdf(made).text[0])
        assert re.sub(r"\s+", "", str(area["official_name"])) in first


def test_a_sign_that_no_font_has_leaves_nobody_without_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = "＋1 \u202eŊš\u2066 日\x00"
    hostile.write_hostile_release(tmp_path, (strange, "ﬁn😀"))
    release = current_release(tmp_path)
    towns = release.areas(2025).filter(pl.col("official_name").str.starts_with(strange))
    area = row(towns, towns["area_code"][0])
    assert area is not None
    first = re.sub(r"\s+", "", Pdf(pdf.printed(Context(release, "nb"), area, 2025)).text[0])
    assert "+1Ŋš??" in first
    assert glyphs.printable({"日": ["－ａ 10\u202f000 ▲", 1.5, None]}) == {
        "日": ["-a 10\u202f000 ▲", 1.5, None]
    }
    assert glyphs.printable("\u202eSørlig \u2067Snåsa\u200f") == "Sørlig Snåsa"
    monkeypatch.setattr(pdf, "printable", lambda content: content)
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        pdf.printed(Context(release, "nb"), area, 2025)


def runs_on_opening(file: bytes) -> list[bytes]:
    """What a PDF would do by itself."""
    return re.findall(rb"/(?:JavaScript|JS|OpenAction|AA|Launch|SubmitForm|URI)\b", file)


def test_paper_that_runs_something_would_be_noticed() -> None:
    assert runs_on_opening(b"<< /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> >>")


def unlinked(shown: AppTest) -> str:
    """A page without the addresses in it: links to other languages keep what was asked."""
    return re.sub(r'href="[^"]*"', "", markup(shown))


def test_hostile_addresses_show_no_row_more_and_no_error() -> None:
    """Whatever is no option is dropped: the page is that of an address that names nothing known."""
    assert len(set(INJECTIONS)) >= 200
    for name in ("indicator", "compare", "municipality"):
        told_of = ("with", "indicators", "area", "indicator", "year", "group")
        unknown = dict.fromkeys(told_of, "x")
        clean = page(name, unknown)
        expected, turns = unlinked(clean), range(0, len(INJECTIONS), len(CHOICES))
        for start in turns if name == "indicator" else list(turns)[:3]:
            asked = dict(zip(CHOICES, INJECTIONS[start:], strict=False))
            shown = page(name, {**unknown, **asked})
            assert not shown.exception
            assert not shown.error
            assert unlinked(shown) == expected


def test_hostile_words_find_no_more_than_their_words(release: Release) -> None:
    """The oracle: every indicator found has a word of the question in its texts."""
    for asked in (*INJECTIONS, *hostile.MARKUP, *hostile.FORMULAS, "x" * 9000):
        terms = re.findall(r"\w+", asked.casefold())
        listed = search.found(release, "nb", asked)
        assert len({one["indicator_id"] for one in listed}) == len(listed)
        for one in listed if terms else []:
            words = " ".join(str(text) for text in one.values()).casefold()
            assert any(term in words for term in terms)
    for asked in (*hostile.MARKUP[:3], INJECTIONS[0]):
        shown = page("find", {"lang": "nb", "find": asked})
        assert not shown.exception
        assert not shown.error
        assert Markup(markup(shown)).running == []


BOUND = "select count(*) from published.indicator_values where indicator_id = getvariable('asked')"
Count = Callable[[str], int]


def test_what_a_notebook_asks_for_reaches_the_query_as_a_value(home: Path) -> None:
    with open_zones(home) as zones:

        def bound(asked: str) -> int:
            zones.execute("set variable asked = ?", [asked])
            return int(zones.sql(BOUND).fetchall()[0][0])

        def pasted(asked: str) -> int:
            """The same query, wrongly made: the payload is put into its text."""
            query = BOUND.replace("getvariable('asked')", f"'{asked}'")
            return int(zones.sql(query).fetchall()[0][0])

        before = zones.sql("select count(*) from duckdb_tables()").fetchall()
        assert [asked for asked in INJECTIONS if bound(asked)] == []
        assert bound(SHOWN) > 0
        assert zones.sql("select count(*) from duckdb_tables()").fetchall() == before
        assert pasted("' or 1=1 --") > bound(SHOWN)
