"""The planner's pages without a browser.

Belongs here: running a page and reading what it sends. Does not belong here: expectations.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "dashboards" / "planner.py"
LANGUAGES = ("nb", "nn", "en")
PAGES = (
    "overview",
    "municipality",
    "indicator",
    "collaboration",
    "compare",
    "population",
    "find",
    "about",
)
TABS = ("trend", "compare", "sex_age", "table", "definition", "download")


@lru_cache(maxsize=1)
def _application() -> AppTest:
    """The application after a first run: only then can pages be switched."""
    return AppTest.from_file(str(SCRIPT), default_timeout=60).run()


def page(name: str, query: Mapping[str, str]) -> AppTest:
    """A page as a reader gets it who follows a link with these choices.

    One application serves all calls (starting one takes five times as long as a page), emptied
    of what the last reader chose; a result is good until the next call.
    """
    test = _application()
    for key in list(test.session_state):
        del test.session_state[key]
    test._tree = ElementTree()
    test._tree._runner = test
    test.query_params.clear()
    test.query_params.update(query)
    return test.switch_page(f"views/{name}.py").run()


def elements(test: AppTest) -> Iterator[Any]:
    """Everything on the page."""
    for node in test.main:
        proto = getattr(node, "proto", None)
        if proto is not None:
            yield node


def markup(test: AppTest) -> str:
    """The page's HTML parts."""
    return "\n".join(element.proto.body for element in test.get("html"))


def text(test: AppTest) -> str:
    """The page's HTML parts as text."""
    return unescape(re.sub(r"<[^>]+>", " ", markup(test)))


def keyed(test: AppTest) -> list[str]:
    """What the marks of the page's keys mean."""
    items = re.findall(r'<ul class="fp-barkey">(.*?)</ul>', markup(test))
    return [
        unescape(said.strip()) for item in items for said in re.findall(r"</i>([^<]*)</li>", item)
    ]


def payload(test: AppTest) -> bytes:
    """All bytes that the page sends, charts and their data included.

    A file that is made when it is asked for has a number drawn by lot, which is left out.
    """
    sent = []
    for node in elements(test):
        if "deferred_file_id" in node.proto.DESCRIPTOR.fields_by_name:
            node.proto.ClearField("deferred_file_id")
        sent.append(node.proto.SerializeToString(deterministic=True))
    return b"".join(sent)


def title_of(spec: Mapping[str, Any], line: str = "title") -> str:
    """The title of a chart, or its second line (``subtitle``), as on the widest of charts."""
    lines = {one["name"]: one["value"] for one in spec["params"]}[f"{line}_lines"]
    return " ".join(lines[-1])


def holds(sent: bytes, value: float) -> bool:
    """Whether a number is in sent bytes, as text or as a binary float."""
    as_text = str(value).encode()
    with_comma = as_text.replace(b".", b",")
    return any(form in sent for form in (as_text, with_comma, struct.pack("<d", value)))
