"""Colours and type of all charts, and what they say to those who cannot see them.

Belongs here: one palette and one configuration. Does not belong here: any single chart.

A chart names its colours (``var(--ink)``), and the page's style sheet says which they are on light
and on dark ground: one specification serves both, and follows the reader without a new run. What
stands on paper or in a file takes the colours for light ground (``on_paper``).

The sequential scale is one hue from light to dark, so that it survives every kind of colour
blindness and a grey print; text on it keeps a contrast of at least 4.5 : 1 (WCAG 1.4.3). Good
and bad are blue and orange, never green and red, and always come with a shape and a word.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import polars as pl
from altair.utils import schemapi

from dashboards.text import vega_locale
from dashboards.words import side

PALETTE: Final[Mapping[str, tuple[str, str]]] = {
    "ink": ("#1f2a37", "#e6ecef"),
    "muted": ("#4a5663", "#aab7c1"),
    "line": ("#d5dde1", "#3a4854"),
    "grid": ("#e7ecee", "#2a353e"),
    "ground": ("#f4f7f7", "#1b242c"),
    "paper": ("#ffffff", "#12191f"),
    "primary": ("#0b5c6b", "#6cc3cc"),
    "region": ("#6b7885", "#98a6b1"),
    "better": ("#1b5e9c", "#7db8f0"),
    "worse": ("#b45309", "#f0a35e"),
    "amber": ("#8a4b08", "#f0c27a"),
    "amber-line": ("#e3b565", "#7a5a1e"),
    "amber-ground": ("#fdf6e7", "#2a2214"),
    "own": ("#e3eff0", "#1f3a40"),
    "band": ("#d3e4e5", "#2c4a52"),
    "focus": ("#b45309", "#f0a35e"),
    "men": ("#b8dad8", "#2f6a72"),
    "stripe": ("#d0d8dd", "#46545f"),
    "edge": ("#9aa7af", "#6d7d89"),
    "dashed": ("#8a97a0", "#7c8b96"),
    "missing": ("#dfe4e7", "#2d3841"),
    "nothing": ("#f7f9f9", "#161e25"),
    "doubtful": ("#fbf5e6", "#2c2618"),
    "doubtful-line": ("#b98a3c", "#b98a3c"),
    "together": ("#eef3f5", "#202b34"),
    "scale-0": ("#e6f2f1", "#1c3338"),
    "scale-1": ("#b8dad8", "#24525a"),
    "scale-2": ("#7dbbbc", "#2c727b"),
    "scale-3": ("#2f7f88", "#5fb3b8"),
    "scale-4": ("#0d4f5c", "#a6dcdc"),
    "on-scale-0": ("#12262e", "#e6ecef"),
    "on-scale-1": ("#12262e", "#ffffff"),
    "on-scale-2": ("#12262e", "#ffffff"),
    "on-scale-3": ("#ffffff", "#06181b"),
    "on-scale-4": ("#ffffff", "#06181b"),
}
"""Every colour by name: on light ground, on dark ground. Of the scale, more stands out more."""
_NAMED = re.compile(r"var\(--([a-z0-9-]+)\)")


def _named(name: str) -> str:
    """A colour by its name, which the page fills in for light or dark ground."""
    if name not in PALETTE:
        raise KeyError(f"Colour {name!r}: expected one of {', '.join(PALETTE)}.")
    return f"var(--{name})"


INK = _named("ink")
MUTED = _named("muted")
LINE = _named("line")
PAPER = _named("paper")
PRIMARY = _named("primary")
REGION = _named("region")
BETTER = _named("better")
WORSE = _named("worse")
OWN = _named("own")
MEN = _named("men")
EDGE = _named("edge")
SCALE = tuple(_named(f"scale-{level}") for level in range(5))
INK_ON_SCALE = tuple(_named(f"on-scale-{level}") for level in range(5))
UNIT = "{unit}"
"""In a look: the title of an axis whose unit is told when it is filled."""
ALONG = "{along}"
"""In a look: the title of the axis along the foot, where that is told when it is filled."""
SHOWN = "isValid(datum.value)"
"""In a look: the rows that have a figure."""
FONT = '"Source Sans", "Source Sans 3", "Segoe UI", system-ui, sans-serif'

LETTERS: Final = (36, 48, 78)
"""Letters on a line of a title on a narrow, a middling and a wide chart."""
_FITTING: Final = "width < 340 ? 0 : width < 600 ? 1 : 2"
"""Which of them, by the pixels between the axes: Vega breaks no lines by itself, but cuts them."""

VERSUS_SHAPES = {
    "higher": "triangle-up",
    "lower": "triangle-down",
    "similar": "circle",
    "not_compared": "square",
}


def on_paper(written: str) -> str:
    """A text with the names of colours replaced by the colours for light ground."""
    return _NAMED.sub(lambda found: PALETTE[found[1]][0], written)


def style_sheet() -> str:
    """The palette as custom properties that follow the ground."""
    rules = (f"--{name}:light-dark({light},{dark})" for name, (light, dark) in PALETTE.items())
    return f":root{{{';'.join(rules)}}}"


def judged(versus: str, polarity: str) -> str:
    """Colour of a comparison: blue for the better side, orange for the worse, else grey."""
    return {"better": BETTER, "worse": WORSE, "": MUTED}[side(versus, polarity)]


def on_ground(colour: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A text twice: as a ground, and in its colour above it, so that no line strikes it through."""
    return {"stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round"}, {"color": colour}


def stripes() -> alt.LinearGradient:
    """A fill of diagonal stripes, for what is hidden."""
    count = 7
    stops = []
    for i in range(count):
        colour = PAPER if i % 2 else _named("stripe")
        stops += [
            alt.GradientStop(offset=i / count, color=colour),
            alt.GradientStop(offset=(i + 1) / count, color=colour),
        ]
    return alt.LinearGradient(gradient="linear", x1=0, y1=0, x2=1, y2=1, stops=stops)


def finished(chart: alt.LayerChart | alt.FacetChart, language: str) -> dict[str, Any]:
    """The look of a chart with locale and what is common to all: no title and no data yet.

    Args:
        chart: The chart; its data have names.
        language: For numbers on axes.
    """
    # One copy: each configure_… of Altair would copy the whole chart once more.
    whole = chart.copy(deep=False)
    whole.config = alt.Config(
        font=FONT,
        background="transparent",
        locale=vega_locale(language),
        title=alt.TitleConfig(
            anchor="start", fontSize=15, fontWeight=600, color=INK,
            subtitleColor=_named("amber"), subtitleFontSize=12.5, offset=12,
        ),
        axis=alt.AxisConfig(
            labelFontSize=12.5, titleFontSize=12.5, labelColor=MUTED, titleColor=MUTED,
            titleFontWeight=400, gridColor=_named("grid"), domainColor=LINE, tickColor=LINE,
        ),
        view=alt.ViewConfig(stroke=None),
        mark=alt.MarkConfig(tooltip=None),  # Streamlit's own would show columns by their names
    )  # fmt: skip
    return dict(whole.to_dict(validate=schemapi.DEBUG_MODE))


def filled(
    look: Mapping[str, Any],
    heading: tuple[str, str],
    *,
    unit: str = "",
    along: Sequence[str] = (),
    height: int | None = None,
    values: Mapping[str, Any] | None = None,
    **frames: pl.DataFrame,
) -> dict[str, Any]:
    """The specification of one chart: a look with its title and data.

    Args:
        look: From ``finished``.
        heading: Title, and a second line such as the label of synthetic figures; may be empty.
        unit: What the look's ``UNIT`` stands for.
        along: What its ``ALONG`` stands for, in lines.
        height: In pixels, where the look leaves it open.
        values: The look's parameters.
        frames: Data by the name that the look calls them by.
    """
    title, subtitle = heading
    given = {**(values or {}), "title_lines": _lines(title, LETTERS)}
    # The second line is written smaller.
    given["subtitle_lines"] = _lines(subtitle, [round(letters * 1.35) for letters in LETTERS])
    fitting = {name: {"expr": f"{name}_lines[{_FITTING}]"} for name in ("title", "subtitle")}
    return {
        **(_told(look, {UNIT: unit, ALONG: list(along)}) if unit else look),
        **({} if height is None else {"height": height}),
        "params": [{"name": name, "value": value} for name, value in given.items()],
        "title": {
            "text": fitting["title"],
            **({"subtitle": fitting["subtitle"]} if subtitle else {}),
        },
        "datasets": {name: frame.to_dicts() for name, frame in frames.items()},
    }


def _lines(text: str, widths: Sequence[int]) -> list[list[str]]:
    """A text in lines of so many letters, once for each width."""
    return [textwrap.wrap(text, letters, break_long_words=False) for letters in widths]


def _told(part: Any, texts: Mapping[str, str | list[str]]) -> Any:  # noqa: ANN401
    """A copy of a look, or of a part of it, with the titles of axes written in."""
    if isinstance(part, dict):
        return {key: _told(value, texts) for key, value in part.items()}
    if isinstance(part, list):
        return [_told(value, texts) for value in part]
    return texts.get(part, part) if isinstance(part, str) else part


def named(name: str) -> alt.Chart:
    """A chart of data that ``filled`` gives under a name."""
    return alt.Chart(alt.NamedData(name=name))


def trust_specifications() -> None:
    """Stop Altair from checking every chart against Vega-Lite's schema.

    The tests draw every chart checked; checking them again for each reader would be more than half
    of what a chart costs.
    """
    schemapi.DEBUG_MODE = False
