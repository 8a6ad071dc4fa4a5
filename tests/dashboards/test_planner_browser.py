"""The planner's pages in headless Chromium: open to all, in their language, closed to outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import polars as pl
import pytest
from _pytest.mark import ParameterSet
from playwright.sync_api import Browser, ViewportSize

from dashboards.data_access import current_release
from dashboards.figures import headline, year_frame
from tests.support import browser as driver
from tests.support.hostile import write_hostile_release
from tests.support.pdf import Pdf
from tests.support.planner_pages import holds
from tests.support.published_release import write_release

pytestmark = pytest.mark.browser
PLANTED = 987654.328125
SHOWN = "emergency_admissions_per_1000"
MONTHLY = "ready_for_discharge_days_per_1000"
HIDING = "home_nursing_users_80plus_share"
AT_REST = ".fp-footer"
PAGES = {
    "overview": f"/?indicator={HIDING}",
    "municipality": "/kommune?area=5001&with=1505,5043",
    "trend": f"/indikator?indicator={SHOWN}&area=5001",
    "compare": f"/indikator?indicator={SHOWN}&area=5001&tab=compare",
    "months": f"/indikator?indicator={MONTHLY}&area=5001&by=month",
    "sex_age": f"/indikator?indicator={SHOWN}&area=5001&tab=sex_age",
    "funnel": f"/indikator?indicator={SHOWN}&area=5001&tab=compare&chart=funnel",
    "definition": f"/indikator?indicator={HIDING}&area=5001&tab=definition",
    "table": f"/indikator?indicator={HIDING}&area=3430&tab=table",
    "download": f"/indikator?indicator={SHOWN}&area=5001&tab=download",
    "areas": "/sammenlign?area=5001&group=size:all&view=years",
    "collaboration": "/samhandling?area=5001",
    "population": "/befolkning?area=5001",
    "find": "/finn?find=akutt&area=5001",
    "about": "/om?area=5001",
}
DRAWN = ("overview", "trend", "months", "compare", "sex_age", "funnel", "areas", "population",
         "collaboration")  # fmt: skip
DESK: ViewportSize = {"width": 1366, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SYNTHETIC = {
    "nb": "Syntetiske tall – ikke til planlegging",
    "nn": "Syntetiske tal – ikkje til planlegging",
    "en": "Synthetic figures – not for planning",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    driver.chromium_path()
    folder = tmp_path_factory.mktemp("home")
    write_release(folder, planted_value=PLANTED)
    return folder


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with driver.serve("dashboards/app.py", home) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(address: str) -> Iterator[Browser]:
    with driver.browser() as running:
        yield running


@pytest.fixture(scope="module")
def reader(chromium: Browser, address: str) -> Iterator[driver.Visit]:
    """A reader who stays, so that scripts and fonts are fetched once."""
    with driver.visit(chromium, address, DESK["width"], DESK["height"]) as staying:
        yield staying


def combinations() -> list[ParameterSet]:
    """Every page in every language: by day each page once, the languages in turn."""
    return [
        pytest.param(
            name, language, marks=[] if place == turn % len(SYNTHETIC) else pytest.mark.nightly
        )
        for turn, name in enumerate(PAGES)
        for place, language in enumerate(SYNTHETIC)
    ]


@pytest.mark.parametrize(("name", "language"), combinations())
def test_a_page_draws_quietly_in_its_language_for_everyone(
    reader: driver.Visit, name: str, language: str
) -> None:
    path = PAGES[name] + ("&" if "?" in PAGES[name] else "?") + f"lang={language}"
    reader.complaints.clear()
    page = reader.open(path, AT_REST)
    assert page.evaluate("document.documentElement.lang") == language
    assert page.locator(".fp-synthetic").inner_text() == SYNTHETIC[language]
    assert page.locator("h1").count() == 1
    if name in DRAWN:
        page.wait_for_selector('[data-testid="stVegaLiteChart"] svg', timeout=30_000)
    assert reader.barriers() == []
    reader.on_ground("dark")
    assert reader.barriers(driver.CONTRAST) == []
    reader.on_ground("light")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size(DESK)
    assert reader.outside() == set()
    assert reader.complaints == []


def test_a_reader_chooses_the_ground_and_the_link_does_not(chromium: Browser, address: str) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.open(f"{PAGES['about']}&lang=en", AT_REST)
        reader.await_ground("light")
        page.click('.fp-footer a:has-text("Dark")')
        page.wait_for_url("**/om*")
        reader.settle(AT_REST)
        reader.await_ground("dark")
        assert "ground" not in page.url
        reader.open(PAGES["find"], AT_REST)
        reader.await_ground("dark")
        assert reader.complaints == []


def test_what_the_pages_must_not_do_would_be_noticed(reader: driver.Visit) -> None:
    page = reader.open(PAGES["about"], AT_REST)
    page.evaluate("document.querySelector('h1').innerHTML += '<img src=/favicon.png>'")
    page.evaluate("document.querySelector('.fp-footer').style.color = '#ddd'")
    page.evaluate("document.querySelector('.fp-footer li').style.color = '#ddd'")
    assert {found.split(":")[0] for found in reader.barriers()} == {"image-alt", "color-contrast"}
    reader.complaints.clear()
    page.evaluate("new Image().src = 'http://127.0.0.2:9/pixel.png'")
    page.wait_for_timeout(100)
    assert "Content Security Policy" in "".join(reader.complaints)


def test_the_language_switch_keeps_the_choices(chromium: Browser, address: str) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.open("/kommune?area=1505&year=2024&lang=nb", AT_REST)
        page.click('.fp-lang a[hreflang="nn"]')
        page.wait_for_selector('html[lang="nn"]', state="attached")
        reader.settle(AT_REST)
        assert "area=1505" in page.url
        assert "year=2024" in page.url
        assert "Nøkkeltal, 2024" in page.inner_text("body")


def test_changing_pages_keeps_language_and_area(chromium: Browser, address: str) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.open("/kommune?area=1505&lang=en", AT_REST)
        page.click('.st-key-fp-nav a:has-text("Indicator")')
        page.wait_for_url("**/indikator*")
        page.wait_for_selector('.fp-lead-name:has-text("Kristiansund")')
        reader.settle(AT_REST)
        assert "lang=en" in page.url
        assert "area=1505" in page.url
        # The page has written its choices into the address after the links were drawn.
        other = page.get_attribute('.fp-lang a[hreflang="nn"]', "href") or ""
        assert "area=1505" in other
        assert "indicator=" in other


def test_ready_for_discharge_is_three_clicks_from_the_front_page(
    chromium: Browser, address: str
) -> None:
    """My municipality, the last twelve months, against comparable ones."""
    with driver.visit(chromium, address) as reader:
        page = reader.open("/?lang=nb", AT_REST)
        page.click('.st-key-fp-nav a:has-text("Samhandling")')
        page.wait_for_url("**/samhandling*")
        page.click('[data-testid="stSelectbox"]:has(input[aria-label="Område"]) button')
        option = page.locator('[role="option"]:has-text("Trondheim")')
        # The list holds only what is in view of it; a reader scrolls, which is no click.
        for _step in range(60):
            if option.count():
                break
            page.locator('[role="listbox"]').hover()
            page.mouse.wheel(0, 300)
            page.wait_for_timeout(100)
        # A list that still glides takes the click for another of its options, or for none.
        place = option.first.bounding_box()
        while place != (place := option.first.bounding_box()):
            page.wait_for_timeout(200)
        page.wait_for_timeout(200)
        option.first.click()
        page.wait_for_url("**area=5001*")
        reader.settle(AT_REST)
        page.wait_for_selector('[data-testid="stVegaLiteChart"] svg', timeout=30_000)
        assert "Sammenlignbare kommuner er de på samme størrelse" in page.inner_text("body")
        chart = page.locator('[data-testid="stVegaLiteChart"]').first
        told = chart.locator("[aria-label]").first.get_attribute("aria-label") or ""
        assert "desember 2025" in told + (chart.get_attribute("aria-label") or "")
        median = page.locator('td[data-label="Sammenlignbare kommuner (median)"]')
        peers = median.all_text_contents()
        assert peers
        assert not {cell.strip() for cell in peers} & {"", "–"}


def test_an_area_without_a_language_in_the_link_uses_its_own(
    chromium: Browser, address: str
) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.open("/kommune?area=1577", AT_REST)
        assert page.evaluate("document.documentElement.lang") == "nn"


def test_a_file_can_be_taken_home(chromium: Browser, address: str) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.open(PAGES["download"] + "&lang=nb", AT_REST)
        with page.expect_download(timeout=30_000) as caught:
            page.click('button:has-text("CSV for regneark")')
        content = Path(caught.value.path()).read_bytes()
        assert caught.value.suggested_filename.startswith("SYNTETISK_")
        assert content.startswith(b"\xef\xbb\xbf")
        assert SYNTHETIC["nb"].encode() in content


def test_a_profile_can_be_taken_home_and_printed(chromium: Browser, address: str) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.open("/kommune?area=1577&with=1505", AT_REST)
        with page.expect_download(timeout=30_000) as caught:
            page.get_by_role("button", name="Profilen som PDF").press("Enter")
        assert caught.value.suggested_filename.startswith("SYNTETISK_profil_1577_2025_")
        file = Pdf(Path(caught.value.path()).read_bytes())
        assert (file.pages, file.strings("Lang")[0]) == (4, "nn-NO")
        assert "Kristiansund" in file.text[3]
        page.emulate_media(media="print")
        assert not page.locator(".st-key-fp-header").is_visible()
        assert not page.get_by_role("button", name="Profilen som PDF").is_visible()
        assert page.locator(".fp-barometer").first.is_visible()


def test_no_hidden_figure_crosses_the_wire_and_a_shown_one_does(
    chromium: Browser, address: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    release = current_release()
    shown = year_frame(release, headline(release, HIDING), 2025).filter(area_code="5001")
    sent: list[bytes] = []
    with driver.visit(chromium, address) as reader:
        reader.page.on(
            "websocket",
            lambda socket: socket.on(
                "framereceived",
                lambda frame: sent.append(frame if isinstance(frame, bytes) else frame.encode()),
            ),
        )
        reader.open(f"/indikator?indicator={HIDING}&area=5001&year=2025&tab=compare", AT_REST)
    received = b"".join(sent)
    assert holds(received, shown["value"][0])
    assert not holds(received, PLANTED)


def test_answers_close_the_page_to_other_hosts(address: str) -> None:
    request = Request(f"{address}/kommune?lang=nn", headers={"Accept": "text/html"})
    with urlopen(request, timeout=20) as answer:
        headers, body = answer.headers, answer.read().decode()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-eval'" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Language"] == "nn"
    assert '<html lang="nn"' in body
    assert "Sida treng JavaScript" in body


@contextmanager
def shown_instead(home: Path, release: Path) -> Iterator[None]:
    """The same server shows another release for a while."""
    current = home / "published" / "current"
    kept = current.readlink()
    current.unlink()
    current.symlink_to(release)
    try:
        yield
    finally:
        current.unlink()
        current.symlink_to(kept)


def test_no_script_in_a_name_runs(reader: driver.Visit, home: Path, tmp_path: Path) -> None:
    """A release full of hostile names."""
    with shown_instead(home, write_hostile_release(tmp_path)):
        for name in ("municipality", "compare"):
            page = reader.open(PAGES[name], AT_REST)
            assert "window.ran=1" in page.inner_text("body")
            assert page.evaluate("window.ran") is None
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=ran=1>')")
        page.wait_for_timeout(200)
        # The policy of the page stops what a forgotten escape would let in.
        assert page.evaluate("window.ran") is None
        page.evaluate("window.ran = 1")
        assert page.evaluate("window.ran") == 1


def test_a_chart_without_the_line_of_comparable_ones_has_no_barriers(
    reader: driver.Visit, home: Path, tmp_path: Path
) -> None:
    """Where too few of them have a figure shown, their line has no rows in any month."""
    path = write_release(tmp_path) / "comparisons.parquet"
    none = pl.lit(None, pl.Float64).alias("peer_median")
    pl.read_parquet(path).with_columns(none).write_parquet(path)
    with shown_instead(home, path.parent):
        page = reader.open(PAGES["collaboration"], AT_REST)
        page.wait_for_selector('[data-testid="stVegaLiteChart"] svg', timeout=30_000)
        assert reader.barriers() == []
        page.set_viewport_size(DESK)


CUT_OR_MET = """() => [...document.querySelectorAll('.stVegaLiteChart svg')].map(svg => {
  const room = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].filter(one => one.textContent).map(
    one => [one.textContent, one.getBoundingClientRect()]);
  const cut = boxes.filter(([, box]) => box.left < room.left || box.right > room.right);
  const met = boxes.filter(([said, box]) => boxes.some(([other, its]) => said === other &&
    box !== its && Math.abs(box.left - its.left) > 2 && box.left < its.right &&
    its.left < box.right && box.top < its.bottom - 4 && its.top < box.bottom - 4));
  return [cut, met].map(found => found.map(([said]) => said));
})"""


def test_on_a_phone_no_words_of_a_chart_are_cut_and_those_of_gaps_do_not_meet(
    chromium: Browser, address: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    release = current_release()
    hidden = release.values.filter(
        pl.col("value_status") == "suppressed", pl.col("sex") == "total",
        pl.col("age_group") == "total", pl.col("breakdown") == "total",
        pl.col("value_kind") == headline(release, HIDING).value_kind,
        pl.col("indicator_id") == HIDING, pl.col("period_type") == "year",
    )  # fmt: skip
    several = hidden.group_by("area_code").len().filter(pl.col("len") > 1).sort("area_code")
    area = several["area_code"][0]
    with driver.visit(chromium, address, PHONE["width"], PHONE["height"]) as reader:
        for query in (f"indicator={HIDING}&area={area}", f"indicator={SHOWN}&area=5001"):
            page = reader.open(f"/indikator?{query}", AT_REST)
            page.wait_for_selector('[data-testid="stVegaLiteChart"] svg', timeout=30_000)
            assert page.evaluate(CUT_OR_MET) == [[[], []]]


@pytest.mark.parametrize("path", ["/ukjent", "/a/b", "/oversikt"])
def test_an_address_that_no_page_has_says_so_and_leads_on(
    chromium: Browser, address: str, path: str
) -> None:
    with driver.visit(chromium, address) as reader:
        page = reader.page
        answer = page.goto(f"{address}{path}?lang=nn")
        assert answer is not None
        assert answer.status == 404
        assert page.evaluate("document.documentElement.lang") == "nn"
        assert page.locator("h1").inner_text() == "Det er inga side på denne adressa"
        assert page.locator("nav a").all_inner_texts()[:2] == ["Oversikt", "Kommune"]
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.click("main li:nth-child(2) a")
        reader.settle(AT_REST)
        assert page.locator("h1").inner_text() == "Finn ein indikator"
        page.goto(f"{address}{path}?lang=nn")
        page.click("main a")
        reader.settle(AT_REST)
        assert page.locator(".fp-synthetic").inner_text() == SYNTHETIC["nn"]
        assert not page.get_by_text("Page not found").count()
