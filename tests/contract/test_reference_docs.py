"""The committed reference pages are those the catalogue gives today."""

from __future__ import annotations

import inspect
import re

import pytest

import anonymization
from pipelines.catalogue.loader import catalogue
from pipelines.cli import app
from pipelines.reference_docs import pages
from pipelines.settings import ROOT

PAGES = pages(catalogue(), app)


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `folkepuls docs build`"


def test_the_library_page_tells_of_every_export() -> None:
    page = PAGES["anonymization.md"]
    heads = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
    assert heads == set(anonymization.__all__)
    assert "Belongs here" not in page
    assert re.search(r"(?<!`)``(?!`)|:\w+:`", page) is None
    for name in ("anonymize", "assess", "violations", "pass_door"):
        told = page.split(f"### {name}\n")[1].split("\n##")[0]
        arguments = re.findall(r"^- `(\w+)`:", told.split("*Args*")[1].split("*Returns*")[0], re.M)
        assert arguments == list(inspect.signature(getattr(anonymization, name)).parameters)
