"""Which version of its definition a figure follows, and where earlier ones are cited."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from dashboards.data_access import current_release
from dashboards.past_releases import editions, not_kept
from tests.support.planner_pages import LANGUAGES, markup, page, text
from tests.support.published_release import RELEASE_ID, write_release

SHOWN, OTHER = "emergency_admissions_per_1000", "home_nursing_users_80plus_share"
LINE = (RELEASE_ID, "r-2024-12-31-bbbbbbbbbb", "r-2023-12-31-aaaaaaaaaa")
"""Newest first; the two older ones follow version 1, the newest version 2."""
OLD = "Another definition, long ago"
SINGLE = {
    "nb": "versjon 1 av definisjonen, den eneste i utgivelsene som finnes her",
    "nn": "versjon 1 av definisjonen, den einaste i utgjevingane som finst her",
    "en": "version 1 of the definition, the only one among the releases kept here",
}


def edit(folder: Path, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = folder / f"{name}.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions")
    newest = write_release(folder)
    for older, year in zip(LINE[1:], (2025, 2024), strict=True):
        shutil.copytree(newest, newest.with_name(older))
        edit(
            newest.with_name(older),
            "release",
            lambda frame, one=older, year=year: frame.with_columns(
                release_id=pl.lit(one), signed_on=pl.lit(f"{year}-02-03")
            ),
        )
    supersedes = {LINE[0]: LINE[1], LINE[1]: LINE[2]}
    for one, before in supersedes.items():
        edit(
            newest.with_name(one),
            "release",
            lambda frame, before=before: frame.with_columns(supersedes=pl.lit(before)),
        )
    mine = pl.col("indicator_id") == SHOWN
    for name in ("indicators", "indicator_values"):
        edit(
            newest,
            name,
            lambda frame: frame.with_columns(
                indicator_version=pl.when(mine)
                .then(2)
                .otherwise("indicator_version")
                .cast(pl.Int64)
            ),
        )
    for one in LINE[1:]:
        edit(
            newest.with_name(one),
            "indicators",
            lambda frame: frame.with_columns(
                pl.when(mine)
                .then(pl.lit(OLD))
                .otherwise(f"definition_{lang}")
                .alias(f"definition_{lang}")
                for lang in LANGUAGES
            ),
        )
    return folder


@pytest.fixture(autouse=True)
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))


def test_versions_are_found_along_the_line_of_releases() -> None:
    now, before = editions(current_release(), SHOWN)
    assert (now.version, [facts["release_id"] for facts in now.releases]) == (2, [LINE[0]])
    assert (before.version, [facts["release_id"] for facts in before.releases]) == (
        1, list(LINE[1:]),
    )  # fmt: skip
    (only,) = editions(current_release(), OTHER)
    assert [facts["release_id"] for facts in only.releases] == list(LINE)
    assert not_kept(current_release()) is None


def page_definition(language: str) -> str:
    return str(current_release().indicator(SHOWN)[f"definition_{language}"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_version_names_the_releases_of_the_old_one(language: str) -> None:
    shown = page("indicator", {"lang": language, "indicator": SHOWN, "tab": "definition"})
    assert not shown.exception
    said = text(shown)
    assert all(one in said for one in LINE)
    assert OLD in said
    changed = markup(shown).rpartition("<details")[2]
    assert changed.count('<th scope="row">') == 1
    assert OLD in changed
    assert page_definition(language) in unescape(changed)
    assert SINGLE[language][:20].replace("1", "2") in said
    assert SINGLE[language] not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_version_is_told_in_one_line_with_its_first_release(language: str) -> None:
    said = text(page("indicator", {"lang": language, "indicator": OTHER, "tab": "definition"}))
    assert SINGLE[language] in said
    assert LINE[-1] in said
    assert LINE[1] not in said


def test_a_release_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_release(tmp_path)
    unsigned = pl.lit(None, pl.String).alias("signed_on")
    edit(folder, "release", lambda frame: frame.with_columns(
        unsigned, supersedes=pl.lit("r-gone")
    ))  # fmt: skip
    monkeypatch.setenv("FOLKEPULS_HOME", str(tmp_path))
    said = text(page("indicator", {"lang": "en", "indicator": SHOWN, "tab": "definition"}))
    assert "(day not told). Release r-gone and those before it are no longer kept here." in said
    release = current_release(tmp_path)
    assert not_kept(release) == "r-gone"
    assert len(editions(release, SHOWN)) == 1


def test_releases_that_name_each_other_end(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    edit(folder, "release", lambda frame: frame.with_columns(supersedes=pl.lit(RELEASE_ID)))
    release = current_release(tmp_path)
    assert [len(one.releases) for one in editions(release, SHOWN)] == [1]
    assert not_kept(release) is None
