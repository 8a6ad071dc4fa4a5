"""Models that do not fit in memory go by way of the disk, and those after them run all the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from dbt.cli.main import dbtRunner

from pipelines.resources import DBT_FOLDER, dbt_environment, environment
from pipelines.settings import Settings
from tests.support.library_warnings import ignoring_library_warnings

pytestmark = ignoring_library_warnings

ROWS = 3_000_000
MODELS = {
    "large": f"select i, md5(i::varchar) as text from range({ROWS}) t(i) order by text",
    "after": "select count(*) as n, count(distinct text) as texts from {{ ref('large') }}",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two models under the real profile."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    shutil.copy(DBT_FOLDER / "profiles.yml", folder)
    stated = {"name": "small", "version": "1.0", "profile": "folkepuls"}
    stated["models"] = {"small": {"+materialized": "table"}}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(stated))
    for name, sql in MODELS.items():
        (folder / "models" / f"{name}.sql").write_text(sql)
    return folder


def test_a_model_larger_than_memory_stops_none_after_it(project: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", memory_limit="100MB")
    settings.zones.create()
    where = dbt_environment(settings) | {"DBT_PROFILES_DIR": str(project)}
    with environment(where):
        result = dbtRunner().invoke(["--quiet", "run", "--project-dir", str(project)])
    assert result.success, result.exception
    assert (settings.zones.restricted / ".spill").is_dir()
