"""Names at the ends of lines that none of them hides: an axis of their own making, and heights.

Belongs here: where names stand. Does not belong here: drawing them, choosing areas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LINE = 14
"""Height of a name in pixels."""


def axis_top(greatest: float, ticks: int) -> float:
    """Where an axis from nought ends: at the first tick that no figure passes.

    Worked out here and not by Vega, which would count the heights of names among the figures, and
    let an axis of shares go beyond 100.

    Args:
        greatest: The greatest figure; at least 0.
        ticks: About so many; their distance is 1, 2 or 5 times a power of ten, as Vega has it.

    Returns:
        The end; 1 where every figure is nought, as an axis without length could not be drawn.
    """
    if not greatest:
        return 1.0
    wanted = greatest / ticks
    power = 10.0 ** math.floor(math.log10(wanted))
    # The bounds between 1, 2, 5 and 10 are their geometric means.
    times = 1 + (wanted / power >= 2**0.5) + 3 * (wanted / power >= 10**0.5)
    step = power * (10 if wanted / power >= 50**0.5 else times)
    return round(math.ceil(round(greatest / step, 9)) * step, 9)


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
