"""The pictures of the microdata report: bars of shares, as numbers that a template draws.

Belongs here: where a bar begins and ends. Does not belong here: what it stands for
(``microdata_report``), colours and marks (``templates/microdata_report.html``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.publication.microdata_words import Cell

WIDTH: Final = 640
_LEFT: Final = 230
_RIGHT: Final = 72
_BAR: Final = 15
_GAP: Final = 10
_TOP: Final = 34
_LETTERS: Final = 28


@dataclass(frozen=True)
class Bar:
    """One bar with what is written at its end."""

    series: int
    y: int
    width: float
    text: str
    text_x: float


@dataclass(frozen=True)
class Group:
    """Bars that belong together, and their label; ``y`` is its middle."""

    label: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Picture:
    """Horizontal bars of shares, from 0 to 1.

    Attributes:
        title: What is shown; the text alternative.
        series: Names of the series; one alone needs no legend.
        groups: The bars.
        ticks: Places of 0, a half and all on the axis.
        height: Of the whole, in the picture's own units; its width is ``WIDTH``.
    """

    title: str
    series: tuple[str, ...]
    groups: tuple[Group, ...]
    ticks: tuple[tuple[float, str], ...]
    height: int

    width: int = WIDTH
    left: int = _LEFT
    top: int = _TOP
    bar: int = _BAR


def bars(
    title: str, series: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]]
) -> Picture | None:
    """Lay out bars.

    Args:
        title: What is shown.
        series: Names of the series.
        rows: Label and one share for each series; a share that is not known has no bar.

    Returns:
        The picture; none when there is nothing to show.
    """
    if not rows:
        return None
    step = _BAR * len(series) + _GAP
    groups = tuple(
        _group(label, cells, _TOP + number * step) for number, (label, cells) in enumerate(rows)
    )
    room = WIDTH - _LEFT - _RIGHT
    ticks = ((_LEFT, "0"), (_LEFT + room / 2, "50"), (float(_LEFT + room), "100"))
    return Picture(title, tuple(series), groups, ticks, height=_TOP + len(rows) * step + 22)


def _group(label: str, cells: Sequence[Cell], top: int) -> Group:
    room = WIDTH - _LEFT - _RIGHT
    drawn = []
    for number, cell in enumerate(cells):
        length = room * float(cell.value or 0)
        drawn.append(Bar(number, top + number * _BAR, length, cell.text, _LEFT + length + 6))
    short = label if len(label) <= _LETTERS else label[: _LETTERS - 1] + "…"
    return Group(short, top + _BAR * len(cells) / 2, tuple(drawn))
