"""Names at the ends of lines: at which heights none of them hides another.

Belongs here: where names stand. Does not belong here: drawing them, choosing areas.
"""

from __future__ import annotations

from collections.abc import Sequence

LINE = 14
"""Height of a name in pixels."""


def apart(values: Sequence[float], top: float, plot: float) -> list[float]:
    """Heights of names at figures: those that would meet stand around the middle of theirs.

    Args:
        values: The figures, the least first.
        top: The end of the axis that they stand on.
        plot: Its length in pixels.

    Returns:
        A height per figure on the axis of figures. Only where the axis is too short for all names
        do some stand above it.
    """
    least = top * LINE / plot
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and _meet(groups[-2], groups[-1], top, least):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [
        _foot(group, top, least) + place * least for group in groups for place in range(len(group))
    ]


def _meet(below: Sequence[float], above: Sequence[float], top: float, least: float) -> bool:
    head = _foot(below, top, least) + least * len(below)
    return _foot(above, top, least) < head


def _foot(group: Sequence[float], top: float, least: float) -> float:
    """Height of the lowest name of a group that stands around its middle, within the axis."""
    rise = least * (len(group) - 1)
    return max(0.0, min(sum(group) / len(group) - rise / 2, top - rise))
