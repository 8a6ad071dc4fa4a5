"""The stewards' page without a browser.

Belongs here: running the page and reading what it says. Does not belong here: expectations.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

PAGE = str(Path(__file__).resolve().parents[2] / "dashboards" / "steward_page.py")
VIEWS = ("release", "checks", "quarantine", "hidden", "microdata")


@cache
def components() -> BidiComponentManager:
    """What Streamlit finds by reading about every package there is, once and not for every page."""
    manager = BidiComponentManager()
    manager.discover_and_register_components(start_file_watching=False)
    return manager


def page(monkeypatch: pytest.MonkeyPatch, home: Path, **query: str) -> AppTest:
    """The page as a steward gets it whose address makes these choices; it raises nothing."""
    monkeypatch.setenv("FOLKEPULS_HOME", str(home))
    app = AppTest.from_file(PAGE, default_timeout=60)
    app._bidi_component_manager = components()
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert [error.message for error in app.exception] == []
    return app


def text_of(app: AppTest) -> str:
    """Everything that the page says, markup included."""
    said = [str(getattr(block, "value", "")) for block in app.main]
    for kind in ("html", "markdown", "info", "success", "warning", "error", "header", "caption"):
        said += [str(getattr(block, "value", "")) for block in app.get(kind)]
        said += [str(getattr(getattr(block, "proto", None), "body", "")) for block in app.get(kind)]
    return "\n".join(said)


def row_of(said: str, name: str) -> list[list[str]]:
    """Lines of each cell of the first row with this heading."""
    row = re.search(rf'<th scope="row"[^>]*>{re.escape(name)}</th>(.*?)</tr>', said)
    assert row is not None
    return [re.findall(r">([^<>]+)<", f">{cell}<") for cell in row.group(1).split("</td>")[:-1]]


def order_of(said: str) -> list[str]:
    """Row headings of the first table."""
    return re.findall(r'<th scope="row"[^>]*>([^<]+)', said.split("</table>")[0])
