"""The committed reference pages are those the catalogue gives today."""

from __future__ import annotations

import pytest

from pipelines.catalogue.loader import catalogue
from pipelines.cli import app
from pipelines.reference_docs import pages
from pipelines.settings import ROOT

PAGES = pages(catalogue(), app)


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `folkepuls docs build`"
