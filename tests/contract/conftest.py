"""One set of definitions for all contract tests.

Belongs here: what is dear to make and read-only afterwards. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.resources import environment
from tests.support.compiled_models import Dbt
from tests.support.library_warnings import LIBRARY_WARNINGS

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            for text in LIBRARY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(text))


@pytest.fixture(scope="session")
def definitions(dbt: Dbt) -> Iterator[Any]:
    """What Dagster is given, made for the home of the parsed project."""
    from pipelines.definitions import assembled

    with environment({"FOLKEPULS_HOME": str(dbt.settings.home)}):
        yield assembled.__wrapped__()
