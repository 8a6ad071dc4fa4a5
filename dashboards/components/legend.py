"""Legends: of the map, colour classes and the kinds of no figure; how to read charts and figures.

Belongs here: legends. Does not belong here: maps and charts.
"""

from __future__ import annotations

from html import escape
from itertools import groupby

from dashboards import remarks, words
from dashboards.charts.region_map import class_of
from dashboards.charts.theme import SCALE
from dashboards.figures import NO_FIGURE, Choice, row, year_frame
from dashboards.session import Context
from dashboards.text import Translator, number


def colours(values: list[float], limits: list[float], decimals: int, _: Translator) -> str:
    """The classes of colour, each with the range of the figures in it.

    Args:
        values: The shown figures.
        limits: Upper limits of all classes but the last.
        decimals: Digits to write.
        _: The reader's messages.
    """
    ordered = sorted(values)
    rows = []
    for level, members in groupby(ordered, key=lambda value: class_of(value, limits)):
        held = list(members)
        ends = [number(end, _.language, decimals) for end in (held[0], held[-1])]
        text = "–".join(dict.fromkeys(ends))
        colour = SCALE[level]
        swatch = f'<span class="fp-swatch" style="background:{colour}" aria-hidden="true"></span>'
        rows.append(f"<li>{swatch}{text}</li>")
    return f'<ul class="fp-legend">{"".join(rows)}</ul>'


def no_figure(counts: dict[str, int], _: Translator) -> str:
    """The kinds of no figure on the map: pattern, sign, word, and how many municipalities."""
    rows = []
    for code in (code for code in NO_FIGURE if counts.get(code)):
        swatch = (
            f'<span class="fp-swatch fp-{code.replace("_", "-")}" aria-hidden="true">'
            f"{words.SYMBOLS[code]}</span>"
        )
        said = words.status_explained(code, _)
        count = number(counts[code], _.language)
        rows.append(f"<li>{swatch}<span>{escape(said)} <b>({count})</b></span></li>")
    return f'<ul class="fp-legend fp-legend-empty">{"".join(rows)}</ul>'


def intervals_explained(reader: Context, area_code: str) -> str:
    """How to read an area's intervals; no word of the region's mark where the area is the region.

    Args:
        reader: The reader.
        area_code: The area whose figures are drawn, the region behind them.
    """
    _ = reader.translate
    if area_code == reader.release.region_code:
        return _("The lines are 95% intervals.")
    return _("The lines are 95% intervals; the grey mark with its broad bar is the region.")


def which_is_which(reader: Context, choice: Choice, area_code: str, year: int) -> str:
    """How crude figures differ from the one that the page shows first; empty where they do not.

    Args:
        reader: The reader.
        choice: What the top of the page shows.
        area_code: The area.
        year: The year.
    """
    release = reader.release
    shown, crude = (
        row(year_frame(release, one, year), area_code)
        for one in (choice, Choice(choice.indicator_id, "crude"))
    )
    if shown is None or crude is None:
        return ""
    decimals = release.indicator(choice.indicator_id)["decimals"]
    return remarks.unlike_the_top(shown, crude, decimals, reader.translate)
