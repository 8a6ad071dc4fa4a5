"""What an address names that a page cannot open: said in words, and gone from the address."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import polars as pl
import pytest

from dashboards.data_access import current_release
from dashboards.figures import Choice, row, year_frame
from dashboards.text import translator
from tests.support.planner_pages import LANGUAGES, ROOT, TABS, keyed, markup, page, text
from tests.support.published_release import write_release

SHOWN = "emergency_admissions_per_1000"
COUNTY = "50"
WITH_AREA = ("municipality", "indicator", "collaboration", "compare", "population")
GUIDE = ROOT / "docs/how-to/find-your-way-in-the-pages.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with a figure of a county."""
    folder = tmp_path_factory.mktemp("address")
    path = write_release(folder) / "indicator_values.parquet"
    values = pl.read_parquet(path)
    of_region = values.filter(
        pl.col("indicator_id") == SHOWN, pl.col("area_code") == "MIDT",
        pl.col("sex") == "total", pl.col("age_group") == "total",
    )  # fmt: skip
    county = of_region.with_columns(area_code=pl.lit(COUNTY), area_level=pl.lit("county"))
    others = values.join(county, on=["indicator_id", "area_code"], how="anti")
    pl.concat([others, county]).write_parquet(path)
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    monkeypatch.delenv("FOLKEPULS_BORDERS", raising=False)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WITH_AREA)
def test_an_area_that_a_page_cannot_open_is_not_passed_over(name: str, language: str) -> None:
    _ = translator(language, "planner")
    shown = "Trondheim – Tråante" if name == "municipality" else "Midt-Norge"
    said = _("{area} cannot be chosen on this page. {shown} is shown instead.",
             area="Trøndelag – Trööndelage", shown=shown)  # fmt: skip
    told = text(page(name, {"lang": language, "area": COUNTY}))
    assert said in told
    unknown = _("The address names an area that this release does not have. {shown} is shown "
                "instead.", shown=shown)  # fmt: skip
    told = text(page(name, {"lang": language, "area": "9999<b>"}))
    assert unknown in told
    assert "9999" not in told
    plain = text(page(name, {"lang": language, "area": "1505"}))
    assert unknown.split(shown)[1] not in plain


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("municipality", "50", None),
        ("municipality", "50,1505", "1505"),
        ("municipality", "1505,5043", "1505,5043"),
        ("indicator", "50,nowhere", "50"),
        ("compare", "5001,50", "50"),
    ],
)
def test_areas_beside_that_cannot_be_used_leave_the_address(
    name: str, given: str, kept: str | None
) -> None:
    shown = page(name, {"lang": "nb", "area": "5001", "with": given, "tab": "compare"})
    assert not shown.exception
    assert shown.query_params.get("with") == kept


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "given", "named"),
    [
        ("municipality", "50,1505", "Trøndelag – Trööndelage"),
        ("municipality", "1505", ""),
        ("municipality", "1505,9999<b>", None),
        ("indicator", "50,MIDT", "Midt-Norge"),
        ("indicator", "1507", "Ålesund (2020–2023)"),
        ("compare", "5001,50,MIDT,1507", ""),
        ("compare", "nowhere", None),
    ],
)
def test_areas_beside_that_cannot_be_used_are_not_passed_over(
    name: str, given: str, named: str | None, language: str
) -> None:
    """``None``: one that the release does not have, which is not repeated."""
    _ = translator(language, "planner")
    query = {"lang": language, "area": "5001", "tab": "compare", "year": "2025", "with": given}
    told = text(page(name, query))
    unknown = _("The address names areas to compare with that this release does not have. They are "
                "left out.")  # fmt: skip
    known = _("Cannot be chosen here: {areas}.", areas=named)
    assert (unknown in told) == (named is None)
    assert (known in told) == bool(named)
    assert known.split(":")[0] in told or not named
    assert "9999" not in told


def test_a_county_with_a_figure_can_be_compared_with() -> None:
    query = {"lang": "nb", "indicator": SHOWN, "area": "5001", "year": "2025", "tab": "compare"}
    alone = page("indicator", query)
    assert "Trøndelag – Trööndelage" in alone.multiselect(key="choice_with").options
    (every,) = [chart.proto for chart in alone.get("vega_lite_chart")]
    assert "Trøndelag" not in every.alt
    assert "ikke sammenlignet" not in keyed(alone)
    beside = page("indicator", {**query, "with": COUNTY})
    (chart,) = [chart.proto for chart in beside.get("vega_lite_chart")]
    assert "2 områder" in chart.alt
    assert "ikke sammenlignet" in keyed(beside)
    assert "Trøndelag" in chart.alt


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_county_without_a_figure_is_listed_as_an_area(language: str) -> None:
    _ = translator(language, "planner")
    choice = Choice(SHOWN, "crude", sex="female")
    county = row(year_frame(current_release(), choice, 2025), COUNTY)
    assert county is not None
    assert county["value"] is None
    query = {"lang": language, "indicator": SHOWN, "area": "5001", "year": "2025",
             "tab": "compare", "kind": "crude", "sex": "female"}  # fmt: skip
    shown = page("indicator", {**query, "with": COUNTY})
    assert not shown.exception
    assert _("Areas without a figure") in text(shown)
    assert _("Areas without a figure") not in text(page("indicator", query))


@pytest.mark.parametrize("name", ["municipality", "compare"])
def test_no_choice_offers_what_streamlit_says_in_english_only(name: str) -> None:
    shown = page(name, {"lang": "nb", "area": "5001"})
    assert shown.multiselect
    assert [one.proto.select_all for one in shown.multiselect] == [0] * len(shown.multiselect)


def test_the_guide_names_every_tab_and_choice_of_months() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [tab for tab in (*TABS, "split") if f"`{tab}`" not in guide.replace("tab=", "")] == []
    assert "`figure=`" in guide
    assert "`message=`" in guide


@pytest.mark.parametrize("query", [{"lang": "nb"}, {"lang": "en", "area": "1505", "year": "2024"}])
@pytest.mark.parametrize("name", [*WITH_AREA, "overview"])
def test_links_to_other_languages_carry_what_the_page_has_chosen(
    name: str, query: dict[str, str]
) -> None:
    """Also what it chose by itself, or took from the page before: its address is written late."""
    shown = page(name, query)
    assert len(shown.query_params) > 1
    (links,) = re.findall(r'<div class="fp-lang".*?</div>', markup(shown))
    addresses = re.findall(r'href="[?]([^"]*)"', links)
    assert [dict(parse_qsl(unescape(one))) for one in addresses] == [
        {**shown.query_params, "lang": language} for language in LANGUAGES
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "asked", "choices"),
    [
        ("overview", {"indicator": "9999<b>", "year": "2024"}, ["Indicator"]),
        ("municipality", {"year": "9999<b>", "indicator": "nowhere"}, ["Year"]),
        ("indicator", {"indicator": "9999<b>", "year": "1999"}, ["Indicator", "Year"]),
        ("collaboration", {"year": "1999"}, ["Year"]),
        ("population", {"year": "1999"}, ["Year"]),
        ("compare", {"indicators": f"{SHOWN},9999<b>", "group": "size:9999<b>", "year": "1999"},
         ["Indicators", "Compare with", "Year"]),
        ("compare", {"indicators": SHOWN, "group": "own", "year": "2024"}, []),
        ("compare", {"indicators": "", "group": "", "area": "MIDT"}, []),
        ("indicator", {"indicator": SHOWN, "year": "2024"}, []),
    ],
)  # fmt: skip
def test_what_the_release_does_not_have_is_said_once_and_not_repeated(
    name: str, asked: dict[str, str], choices: list[str], language: str
) -> None:
    _ = translator(language, "planner")
    told = text(page(name, {"lang": language, "area": "5001", **asked}))
    said = _("The address asks for something that this release does not have ({choices}). "
             "The choices below tell what is shown.",
             choices=", ".join(map(_, choices)))  # fmt: skip
    assert told.count(said) == bool(choices)
    assert told.count(said.split("(")[0]) == bool(choices)
    assert "9999" not in told
    assert "1999" not in told
