"""Colours and type of all charts, and what they say to those who cannot see them.

Belongs here: one palette and one configuration. Does not belong here: any single chart.

The sequential scale is one hue from light to dark, so that it survives every kind of colour
blindness and a grey print; text on it keeps a contrast of at least 4.5 : 1 (WCAG 1.4.3). Good
and bad are blue and orange, never green and red, and always come with a shape and a word.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from dashboards.text import vega_locale

INK = "#1f2a37"
MUTED = "#4a5663"
LINE = "#d5dde1"
GROUND = "#f4f7f7"
PRIMARY = "#0b5c6b"
REGION = "#6b7885"
BETTER = "#1b5e9c"
WORSE = "#b45309"
SCALE = ("#e6f2f1", "#b8dad8", "#7dbbbc", "#2f7f88", "#0d4f5c")
INK_ON_SCALE = ("#12262e", "#12262e", "#12262e", "#ffffff", "#ffffff")
FONT = '"Source Sans", "Source Sans 3", "Segoe UI", system-ui, sans-serif'

VERSUS_SHAPES = {
    "higher": "triangle-up",
    "lower": "triangle-down",
    "similar": "circle",
    "not_compared": "stroke",
}


def judged(versus: str, polarity: str) -> str:
    """Colour of a comparison: blue for the better side, orange for the worse, else grey."""
    if versus not in ("higher", "lower") or polarity == "neutral":
        return MUTED
    good = "lower" if polarity == "lower_is_better" else "higher"
    return BETTER if versus == good else WORSE


def stripes() -> alt.LinearGradient:
    """A fill of diagonal stripes, for what is hidden."""
    count = 7
    stops = []
    for i in range(count):
        colour = "#ffffff" if i % 2 else "#d0d8dd"
        stops += [
            alt.GradientStop(offset=i / count, color=colour),
            alt.GradientStop(offset=(i + 1) / count, color=colour),
        ]
    return alt.LinearGradient(gradient="linear", x1=0, y1=0, x2=1, y2=1, stops=stops)


def finished(
    chart: alt.LayerChart | alt.FacetChart, title: str, subtitle: str, language: str
) -> dict[str, Any]:
    """The specification of a chart with title, locale and the common look.

    Args:
        chart: The chart.
        title: Its title.
        subtitle: A second line, such as the label of synthetic figures; may be empty.
        language: For numbers on axes.
    """
    heading = alt.TitleParams(text=title, subtitle=subtitle or alt.Undefined)
    chart = chart.properties(title=heading)
    configured = chart.configure(font=FONT, background="transparent", locale=vega_locale(language))
    configured = configured.configure_title(
        anchor="start", fontSize=15, fontWeight=600, color=INK, subtitleColor="#8a4b08",
        subtitleFontSize=12.5, offset=12,
    ).configure_axis(
        labelFontSize=12.5, titleFontSize=12.5, labelColor=MUTED, titleColor=MUTED,
        titleFontWeight=400, gridColor="#e7ecee", domainColor=LINE, tickColor=LINE,
    ).configure_view(stroke=None)  # fmt: skip
    return dict(configured.to_dict())
