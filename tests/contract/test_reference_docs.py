"""The committed reference pages are those the catalogue gives today."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Literal, get_origin

import pytest

import anonymization
from pipelines import epidemiology
from pipelines.catalogue.loader import catalogue
from pipelines.cli import app
from pipelines.reference_docs import pages
from pipelines.settings import ROOT

PAGES = pages(catalogue(), app)


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `folkepuls docs build`"


@pytest.mark.parametrize(
    ("library", "page", "some"),
    [
        (anonymization, "anonymization.md", ("anonymize", "assess", "violations", "pass_door")),
        (epidemiology, "epidemiology.md", ("wilson", "recent_trend", "life_expectancy")),
    ],
)
def test_the_library_page_tells_of_every_export(
    library: ModuleType, page: str, some: tuple[str, ...]
) -> None:
    page = PAGES[page]
    heads = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
    told_by_their_users = {
        name for name in library.__all__ if get_origin(getattr(library, name)) is Literal
    }
    assert heads == set(library.__all__) - told_by_their_users
    assert "Belongs here" not in page
    assert re.search(r"(?<!`)``(?!`)|:\w+:`", page) is None
    for name in some:
        told = page.split(f"### {name}\n")[1].split("\n##")[0]
        arguments = re.findall(r"^- `(\w+)`:", told.split("*Args*")[1].split("*Returns*")[0], re.M)
        assert arguments == list(inspect.signature(getattr(library, name)).parameters)
