"""The stewards' page in headless Chromium: drawn, in its language, asking nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Visit, browser, serve, visit
from tests.support.steward_zone import CANDIDATE, write_zone

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steward")
    write_zone(folder)
    return folder


@pytest.fixture(scope="module")
def reader(home: Path) -> Iterator[Visit]:
    with (
        browser() as running,
        serve("dashboards/steward.py", home) as address,
        visit(running, address) as note,
    ):
        yield note


@pytest.mark.parametrize(
    ("view", "language", "heading"),
    [
        ("release", "nb", "Utgivelse"),
        ("checks", "nn", "Kontrollar"),
        ("quarantine", "en", "Quarantine"),
        ("hidden", "nb", "Skjulte tall"),
    ],
)
def test_views_are_drawn(reader: Visit, view: str, language: str, heading: str) -> None:
    page = reader.open(f"/?view={view}&lang={language}", "h2")
    assert page.locator("h2").first.inner_text() == heading
    assert page.locator("html").get_attribute("lang") == language
    assert reader.outside() == set()
    assert reader.complaints == []


def test_narrow_screen_does_not_scroll_sideways(reader: Visit) -> None:
    reader.page.set_viewport_size({"width": 360, "height": 740})
    for view in ("release", "checks", "hidden"):
        page = reader.open(f"/?view={view}&lang=nb", "h2")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360
    reader.page.set_viewport_size({"width": 1366, "height": 900})


def test_a_decision_is_signed_and_kept(reader: Visit, home: Path) -> None:
    page = reader.open("/?view=release&lang=nb", "h2")
    page.get_by_text("Godkjenn", exact=True).click()
    page.get_by_label("Navnet ditt, slik det blir stående på utgivelsen").fill("Kari Nordmann")
    page.get_by_label("Begrunnelse").fill("Tallene stemmer med fjorårets.")
    page.get_by_role("button", name="Signer beslutningen").click()
    page.wait_for_selector("text=Godkjent av Kari Nordmann", timeout=30_000)
    left = json.loads((home / "steward" / "inbox" / f"{CANDIDATE}.json").read_text())
    assert left["decision"] == "approve"
    assert reader.complaints == []
