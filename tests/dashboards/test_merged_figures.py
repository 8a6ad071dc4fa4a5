"""What a reader sees in place of a blank: who a municipality is shown with, and their figure."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from dashboards import words
from dashboards.components.barometer import figure_cell
from dashboards.data_access import Release, _read
from dashboards.downloads import readable
from dashboards.figures import Choice, row, status_counts, year_frame
from dashboards.text import translator
from tests.support.merged_marts import merged_candidate
from tests.support.published_release import tables

DENTAL = Choice("dental_check_long_stay_share", "crude")
RAUMA, GROUP = "1539", "1539+5061"
SAID = {"nb": "Vist samlet med Rindal: ", "nn": "Vist samla med Rindal: ", "en":
        "Shown together with Rindal: "}  # fmt: skip


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("merged")
    made = dict(merged_candidate().candidate.tables)
    made["indicator_values"] = made["indicator_values"].with_columns(release_id=pl.lit("r"))
    for name, frame in (made | {"release": tables()["release"]}).items():
        frame.write_parquet(folder / f"{name}.parquet")
    return _read(Path(folder))


@pytest.mark.parametrize("language", ["nb", "nn", "en"])
def test_in_place_of_a_blank_stands_the_figure_of_the_group(
    release: Release, language: str
) -> None:
    _ = translator(language, "planner")
    found = row(year_frame(release, DENTAL, 2025), RAUMA)
    assert found is not None
    assert found["value"] is None
    said = words.figure(found, 1, _)
    assert said.startswith(SAID[language])
    group = release.values.filter(
        pl.col("area_code") == GROUP, pl.col("year") == 2025,
        pl.col("indicator_id") == DENTAL.indicator_id, pl.col("sex") == "total",
    ).row(0, named=True)  # fmt: skip
    assert words.figure(group, 1, _) in said
    assert words.interval(group, 1, _) in said
    assert said in figure_cell(found, 1, _)


def test_groups_are_rows_of_files_and_of_no_map(release: Release) -> None:
    frame = year_frame(release, DENTAL, 2025)
    assert GROUP not in frame["area_code"]
    assert status_counts(frame)["merged"] > 0
    file = readable(release, DENTAL.indicator_id, "nb")
    assert "Rauma, Rindal" in file["Område"]
    assert file["Område"].null_count() == 0
