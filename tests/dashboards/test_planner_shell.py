"""What stands around the planner's pages: shell, policy, colours, tables, the release in use."""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
from pathlib import Path

import polars as pl
import pytest

from dashboards.charts.theme import (
    BETTER,
    INK,
    MUTED,
    PALETTE,
    SCALE,
    WORSE,
    judged,
    on_paper,
    style_sheet,
)
from dashboards.components import table
from dashboards.components.frame import STYLE
from dashboards.data_access import (
    NothingPublishedError,
    borders,
    current_release,
    home,
)
from dashboards.lost import PATHS, lost
from dashboards.server import content_security_policy, localised
from tests.support.planner_pages import ROOT
from tests.support.published_release import write_release

SHELL = (
    b'<!DOCTYPE html><html lang="en"><head><title>Streamlit</title>'
    b'<link rel="service-desc" href="./x" /></head><body><script>let a = 1</script>'
    b"<noscript><p>You need JavaScript</p></noscript></body></html>"
)


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_shell_speaks_the_readers_language() -> None:
    page = localised(SHELL, "nn", "Folke & puls", "Sida treng <skript>.").decode()
    assert '<html lang="nn">' in page
    assert "<title>Folke &amp; puls</title>" in page
    assert "<noscript><p>Sida treng &lt;skript&gt;.</p></noscript>" in page
    assert "service-desc" not in page


def test_the_page_tells_where_its_server_is_before_anything_of_streamlit_runs() -> None:
    page = localised(SHELL, "nb", "t", "n")
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    assert scripts[0] == b'window.__streamlit = {BACKEND_BASE_URL: new URL(".", location).href}'
    digest = base64.b64encode(hashlib.sha256(scripts[0]).digest()).decode()
    assert f"'sha256-{digest}'" in content_security_policy(page)


def test_a_shell_that_cannot_be_rewritten_is_refused() -> None:
    with pytest.raises(ValueError, match="html lang"):
        localised(b"<html><body></body></html>", "nb", "t", "n")


def test_the_policy_names_the_inline_script_and_nothing_unsafe() -> None:
    digest = base64.b64encode(hashlib.sha256(b"let a = 1").digest()).decode()
    policy = content_security_policy(SHELL)
    assert f"'sha256-{digest}'" in policy
    assert "'unsafe-eval'" not in policy
    assert "sha256" not in content_security_policy(b"<html></html>")


@pytest.mark.parametrize("ground", [0, 1])
def test_text_can_be_read_on_light_and_on_dark_ground(ground: int) -> None:
    colour = {name: both[ground] for name, both in PALETTE.items()}
    for level in range(5):
        assert contrast(colour[f"scale-{level}"], colour[f"on-scale-{level}"]) >= 4.5
    for name in ("ink", "muted", "primary", "better", "worse", "amber"):
        assert contrast(colour[name], colour["paper"]) >= 4.5
        assert contrast(colour[name], colour["ground"]) >= 4.5
    assert contrast(colour["muted"], colour["own"]) >= 4.5
    assert contrast(colour["region"], colour["paper"]) >= 3


def test_widgets_have_the_colours_of_the_charts() -> None:
    settings = tomllib.loads((ROOT / "dashboards/.streamlit/config.toml").read_text())["theme"]
    names = {
        "primaryColor": "primary",
        "backgroundColor": "paper",
        "textColor": "ink",
        "secondaryBackgroundColor": "ground",
        "linkColor": "primary",
        "borderColor": "line",
    }
    for place, ground in enumerate(("light", "dark")):
        assert settings[ground] == {key: PALETTE[name][place] for key, name in names.items()}


def test_every_colour_of_the_style_sheet_is_one_of_the_palette() -> None:
    style = STYLE.read_text(encoding="utf-8")
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", style)) <= set(PALETTE)
    assert style_sheet().count("light-dark(") == len(PALETTE)


def test_paper_has_the_colours_of_light_ground() -> None:
    assert on_paper(f"{INK} {SCALE[4]} none") == "#1f2a37 #0d4f5c none"


@pytest.mark.parametrize(
    ("versus", "polarity", "colour"),
    [
        ("higher", "lower_is_better", WORSE),
        ("lower", "lower_is_better", BETTER),
        ("higher", "higher_is_better", BETTER),
        ("lower", "higher_is_better", WORSE),
        ("higher", "neutral", MUTED),
        ("similar", "lower_is_better", MUTED),
        ("not_compared", "lower_is_better", MUTED),
    ],
)
def test_colours_follow_the_polarity(versus: str, polarity: str, colour: str) -> None:
    assert judged(versus, polarity) == colour


def test_table_cells_carry_their_headings_and_captions_are_escaped() -> None:
    made = table("A < B", ["Område", "Tall"], ["Tema", ["x", "1"]], numeric=(1,), marked=1)
    assert "<caption>A &lt; B</caption>" in made
    assert 'data-label="Tall"' in made
    assert '<th scope="rowgroup" colspan="2">Tema</th>' in made
    assert '<tr class="fp-own"><th scope="row">x</th>' in made


def test_without_a_release_the_reader_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    with pytest.raises(NothingPublishedError, match="approve one"):
        current_release()


def test_folders_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    monkeypatch.setenv("FOLKEPULS_BORDERS", str(tmp_path / "b.geojson"))
    assert home() == tmp_path
    assert borders() == tmp_path / "b.geojson"
    monkeypatch.delenv("FOLKEPULS_HOME")
    monkeypatch.delenv("FOLKEPULS_BORDERS")
    assert home().name == "data"
    assert borders() is None


def test_a_new_release_is_seen_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_release(tmp_path)
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    first = current_release()
    assert current_release() is first
    renewed = folder.with_name("r-next")
    folder.rename(renewed)
    facts = pl.read_parquet(renewed / "release.parquet")
    facts.with_columns(pl.lit("r-next").alias("release_id")).write_parquet(
        renewed / "release.parquet"
    )
    pointer = tmp_path / "published" / "current"
    pointer.unlink()
    pointer.symlink_to("r-next")
    assert current_release().id == "r-next"


@pytest.mark.parametrize(
    ("path", "base", "way"),
    [
        ("/", "", None),
        ("/kommune", "", None),
        ("/folke/puls", "folke/puls", None),
        ("/folke/puls/", "/folke/puls/", None),
        ("/folke/puls/om", "folke/puls", None),
        ("/ukjent", "", "./?lang=nn"),
        ("/a/kommune", "", "../?lang=nn"),
        ("/folke/puls/ukjent", "folke/puls", "./?lang=nn"),
        ("/folke/puls/a/b/c", "folke/puls", "../../?lang=nn"),
        ("/<script>", "", "./?lang=nn"),
    ],
)
def test_only_what_no_page_has_leads_on_with_the_frame_of_the_pages(
    path: str, base: str, way: str | None
) -> None:
    answer = lost(path, base, "planner", "nn")
    if way is None:
        assert answer is None
        return
    assert answer is not None
    assert f'href="{way}"' in answer.decode()
    assert '<html lang="nn">' in answer.decode()
    assert "script" not in answer.decode()
    folder = way.partition("?")[0]
    for page in PATHS:
        assert f'href="{folder}{page}?lang=nn"' in answer.decode()
    assert answer.decode().count(f'href="{folder}finn?lang=nn"') == 2
    assert 'href="?lang=nb" target="_self" lang="nb"' in answer.decode()
    assert style_sheet() in answer.decode()
