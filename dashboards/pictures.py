"""Charts as picture files, with their source below: SVG to edit, PNG to paste.

Belongs here: turning a chart's specification into a file. Does not belong here: making the
specification (``charts``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import vl_convert

from dashboards.charts.theme import MUTED, on_paper

WIDTH: Final = 860
"""In pixels: a page of A4 between its margins, at 120 to the inch."""
_SCALE: Final = 2
_LINE: Final = 14
_LETTERS: Final = 130
"""Letters of the source on one line."""
_HEIGHT: Final = re.compile(r'("expr": "[^"]*?)\bheight\b')
_WIDTH: Final = re.compile(r'("expr": "[^"]*?)\bwidth\b')
_ACROSS: Final = "scale('x'"
"""A chart's own size and axis, which have other names where something stands below the chart."""


def svg(spec: Mapping[str, Any], source: str) -> bytes:
    """A chart as SVG.

    Args:
        spec: Its Vega-Lite specification.
        source: What is written below: what it shows, of which release, where it is from.
    """
    return vl_convert.vegalite_to_svg(_on_paper(spec, source)).encode()


def png(spec: Mapping[str, Any], source: str) -> bytes:
    """A chart as PNG on white, with twice as many points as the page has.

    Args:
        spec: Its Vega-Lite specification.
        source: What is written below.
    """
    return bytes(vl_convert.vegalite_to_png(_on_paper(spec, source), scale=_SCALE))


def _on_paper(spec: Mapping[str, Any], source: str) -> str:
    """The specification, as JSON, with a width of its own, white ground, and the source below."""
    own = ("$schema", "config", "datasets", "params")
    chart = {name: value for name, value in spec.items() if name not in own}
    if chart.get("width") == "container":
        chart["width"] = WIDTH
    lines = _lines(source)
    below = {
        "data": {"values": [{"line": line, "at": place} for place, line in enumerate(lines)]},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "top",
            "fontSize": 11,
            "color": MUTED,
        },
        "encoding": {
            "text": {"field": "line", "type": "nominal"},
            "x": {"value": 0},
            "y": {"field": "at", "type": "ordinal", "axis": None},
        },
        "width": WIDTH,
        "height": _LINE * len(lines),
        "view": {"stroke": None},
    }
    config = {**spec.get("config", {}), "background": "white"}
    kept = {name: spec[name] for name in ("$schema", "datasets", "params") if name in spec}
    whole = {**kept, "config": config, "vconcat": [chart, below], "spacing": 14}
    written = _HEIGHT.sub(r"\1concat_0_height", json.dumps(whole, ensure_ascii=False))
    written = written.replace(_ACROSS, "scale('concat_0_x'")
    return on_paper(_WIDTH.sub(rf"\g<1>{WIDTH}", written))


def _lines(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= _LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
