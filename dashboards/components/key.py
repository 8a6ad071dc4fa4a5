"""Keys of charts: each mark with what it means, in one line.

Belongs here: the keys of lines, of compared areas and of the barometer's bars. Does not belong
here: the map's legend (``legend``), what single figures say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from html import escape

import polars as pl

from dashboards import words
from dashboards.charts.several import NAMED
from dashboards.text import Translator


def key(parts: Iterable[tuple[str, str]]) -> str:
    """A key.

    Args:
        parts: A mark as HTML, and what it means as text.
    """
    items = "".join(f"<li>{mark} {escape(text)}</li>" for mark, text in parts)
    return f'<ul class="fp-barkey">{items}</ul>'


def judged_sides(_: Translator) -> list[tuple[str, str]]:
    """The colours of the better and the worse side."""
    return [
        ('<i class="fp-key-better">▲▼</i>', _("better than the region")),
        ('<i class="fp-key-worse">▲▼</i>', _("worse than the region")),
    ]


def of_lines(rows: pl.DataFrame, _: Translator) -> str:
    """The key of small charts of lines: whose lines there are, and the signs of gaps.

    Args:
        rows: The rows of all charts, as ``several_frame`` has them.
        _: The reader's messages.

    Returns:
        HTML; empty where nothing is drawn.
    """
    drawn = rows.drop_nulls("value")
    if drawn.is_empty():
        return ""
    others = rows.filter(pl.col("role") == "other")["area"].n_unique()
    kinds = {
        "own": ("fp-key-own", "●", _named(rows, "own")),
        "region": ("fp-key-region", "■", _named(rows, "region")),
        "county": ("fp-key-county", "◆", _("counties")),
        "other": ("fp-key-other" if others <= NAMED else "fp-key-crowd", "•",
                  _small(_("Municipalities"))),
    }  # fmt: skip
    parts = [
        (f'<i class="fp-key-line {look}">{mark}</i>', text)
        for role, (look, mark, text) in kinds.items()
        if role in drawn["role"]
    ]
    gaps = rows.filter(pl.col("role") == "own", pl.col("value").is_null())["sign"]
    return key(parts + _signs(gaps, _named(rows, "own"), _))


def _named(rows: pl.DataFrame, role: str) -> str:
    return "".join(rows.filter(pl.col("role") == role)["name"].head(1))


def _signs(signs: Collection[str], area: str, _: Translator) -> list[tuple[str, str]]:
    """The signs that stand for an area's figure where it has none."""
    return [
        (f'<i class="fp-sign">{sign}</i>', f"{area}: {_small(words.status(code, _))}")
        for code, sign in words.SYMBOLS.items()
        if sign in signs
    ]


def of_areas(versus: Collection[str], area: str, region: str, _: Translator, *, sides: bool) -> str:
    """The key of areas beside each other with their intervals.

    Args:
        versus: The comparisons with the region that are drawn.
        area: Name of the reader's own area; empty where it has no row.
        region: Name of the region.
        _: The reader's messages.
        sides: Whether some figure has a better and a worse side.

    Returns:
        HTML; empty where nothing is drawn.
    """
    shapes = {**words.SHAPES, "not_compared": "■"}
    parts = [
        (f'<i class="fp-key-dot">{shape}</i>', _small(words.versus(code, _)))
        for code, shape in shapes.items()
        if code in versus
    ]
    if not parts:
        return ""
    own = [('<i class="fp-key-lifted"></i>', area)] if area else []
    return key(
        [
            *parts,
            *(judged_sides(_) if sides else []),
            ('<i class="fp-key-line fp-key-other"></i>', _("95% interval")),
            ('<i class="fp-key-dashed"></i>', region),
            *own,
        ]
    )


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
