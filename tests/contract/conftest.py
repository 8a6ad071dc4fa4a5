"""One parsed dbt project, one set of definitions, for all contract tests.

Belongs here: what is dear to make and read-only afterwards. Does not belong here: expectations.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.resources import (
    DBT_FOLDER,
    dbt_environment,
    environment,
    prepared_dbt_project,
)
from pipelines.settings import Settings
from tests.support.library_warnings import LIBRARY_WARNINGS

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            for text in LIBRARY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(text))


@dataclass(frozen=True, repr=False)
class Dbt:
    """The parsed project: its manifest, and its models with compiled SQL by name."""

    settings: Settings
    manifest: dict[str, Any]
    models: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    settings = Settings(home=tmp_path_factory.mktemp("contract"))
    project = prepared_dbt_project(settings)
    said = io.StringIO()
    arguments = [
        "--quiet",
        "compile",
        "--project-dir",
        str(DBT_FOLDER),
        "--select",
        "resource_type:model",
    ]
    with environment(dbt_environment(settings)), contextlib.redirect_stdout(said):
        result = dbtRunner().invoke([*arguments, "--no-introspect", "--no-populate-cache"])
        DuckDBConnectionManager.close_all_connections()
    if not result.success:
        nodes = [f"{one.node.name}: {one.message}" for one in result.result or () if one.message]
        raise RuntimeError(
            f"dbt compile failed: {nodes[:5]} {result.exception} {said.getvalue()[-500:]}"
        )
    manifest = json.loads(project.manifest_path.read_text(encoding="utf-8"))
    models = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    return Dbt(settings, manifest, models)


@pytest.fixture(scope="session")
def definitions(dbt: Dbt) -> Iterator[Any]:
    """What Dagster is given, made for the home of the parsed project."""
    from pipelines.definitions import assembled

    with environment({"FOLKEPULS_HOME": str(dbt.settings.home)}):
        yield assembled.__wrapped__()
