"""The map's legend, in HTML: colour classes, and the four kinds of no figure.

Belongs here: legends. Does not belong here: maps.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from dashboards import words
from dashboards.charts.region_map import class_of
from dashboards.charts.theme import SCALE
from dashboards.figures import NO_FIGURE
from dashboards.text import Translator, number


def colours(limits: list[float], span: tuple[float, float], decimals: int, _: Translator) -> str:
    """The classes of colour with their ranges.

    Args:
        limits: Upper limits of all classes but the last.
        span: The least and the greatest shown figure.
        decimals: Digits to write.
        _: The reader's messages.
    """
    edges = [span[0], *limits, span[1]]
    rows = []
    for low, high in pairwise(edges):
        colour = SCALE[class_of((low + high) / 2 if high > low else high, limits)]
        text = f"{number(low, _.language, decimals)}–{number(high, _.language, decimals)}"
        swatch = f'<span class="fp-swatch" style="background:{colour}" aria-hidden="true"></span>'
        rows.append(f"<li>{swatch}{text}</li>")
    return f'<ul class="fp-legend">{"".join(rows)}</ul>'


def no_figure(counts: dict[str, int], _: Translator) -> str:
    """The four kinds of no figure: pattern, sign, word, and how many municipalities."""
    rows = []
    for code in NO_FIGURE:
        swatch = (
            f'<span class="fp-swatch fp-{code.replace("_", "-")}" aria-hidden="true">'
            f"{words.SYMBOLS[code]}</span>"
        )
        said = words.status_explained(code, _)
        count = number(counts.get(code, 0), _.language)
        rows.append(f"<li>{swatch}<span>{escape(said)} <b>({count})</b></span></li>")
    return f'<ul class="fp-legend fp-legend-empty">{"".join(rows)}</ul>'
