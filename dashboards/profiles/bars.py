"""Where the marks of a barometer's bar lie, for the page and for the printed profile.

Belongs here: positions. Does not belong here: drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_EDGE = 3.0
"""Per cent left free at both ends, so that a mark is never cut."""


@dataclass(frozen=True)
class Bar:
    """Positions in per cent of the bar's width; what has no figure is ``None`` or left out."""

    every: tuple[float, float]
    middle: tuple[float, float]
    region: float | None
    area: float | None
    interval: tuple[float, float] | None
    beside: tuple[float, ...]


def laid_out(entry: Mapping[str, Any]) -> Bar | None:
    """The marks of one indicator; ``None`` where no municipality has a figure.

    Args:
        entry: A row of ``figures.profile``.
    """
    spread, figure = entry["spread"], entry["figure"]
    if spread is None:
        return None
    region = entry["region"]["value"] if entry["region"] is not None else None
    value, limits = figure["value"], (figure["lower_ci"], figure["upper_ci"])
    others = [row["value"] for row in entry["beside"] if row is not None]
    marks = [spread[0], spread[3], value, *limits, region, *others]
    known = [float(mark) for mark in marks if mark is not None]
    low, width = min(known), (max(known) - min(known)) or 1.0

    def at(mark: float) -> float:
        return round(_EDGE + (100 - 2 * _EDGE) * (mark - low) / width, 2)

    least, lower, upper, greatest = (at(mark) for mark in spread)
    shown = value is not None
    return Bar(
        every=(least, greatest),
        middle=(lower, upper),
        region=None if region is None else at(region),
        area=at(value) if shown else None,
        interval=(at(limits[0]), at(limits[1])) if shown and None not in limits else None,
        beside=tuple(at(mark) for mark in others if mark is not None),
    )
