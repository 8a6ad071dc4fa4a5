"""What coverage is measured in: the tests that the floors are judged by, and nothing else.

Belongs here: which tests those are, and stopping the measurement for the others. Does not belong
here: the floors (``coverage_floor``).

Up to Python 3.11 every line of every library takes about twice as long while anything is measured.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from coverage import Coverage

PACKAGES = ("anonymization", "pipelines.ingest")
"""The packages that are held to a floor."""

FOLDERS = ("unit", "spec", "faults")
"""Folders of tests that name what they reach; others reach it by many ways, and dearly."""

ALSO = (
    "property/test_tables_kernel_property.py",
    "property/test_tables_large_property.py",
    "property/test_tables_rounding_property.py",
)
"""Other files that are alone in reaching what they reach."""

_NAMES_ONE = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(map(re.escape, PACKAGES))})\b", re.M)


MAKES_MUCH = frozenset({"dbt", "demo"})
"""Fixtures that run other tools for a minute, in or out of this process."""


def is_measured(item: pytest.Item) -> bool:
    """Whether a test is one that the floors are judged by.

    Args:
        item: The test.
    """
    return _names_a_package(item.path) and MAKES_MUCH.isdisjoint(getattr(item, "fixturenames", ()))


@cache
def _names_a_package(file: Path) -> bool:
    if any(file.match(f"tests/{other}") for other in ALSO):
        return True
    return file.parent.name in FOLDERS and bool(_NAMES_ONE.search(file.read_text("utf-8")))


@contextmanager
def unmeasured() -> Iterator[None]:
    """Stop measuring for the length of a block, where anything is measured.

    In a process of several pytest-cov starts two measurements, and the mark ``no_cover`` stops
    one of them: the other then goes on in its place.
    """
    running: list[Coverage] = []
    while (one := Coverage.current()) is not None:
        one.stop()
        running.append(one)
    try:
        yield
    finally:
        for one in reversed(running):
            one.start()


def import_all() -> None:
    """Import all that is held to a floor: what a module does when it is imported counts too."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
