"""The axis of figures: from nought to the first tick that no figure passes.

Belongs here: where an axis ends. Does not belong here: axes of time, drawing.
"""

from __future__ import annotations

import math

import altair as alt
import polars as pl

TOP = "top"
"""The parameter of a look that holds the end of the axis."""


def from_nought() -> alt.Scale:
    """The scale of figures in a look: its end is told when the look is filled.

    Vega would work it out anew from every layer, warn of those without rows, and count the heights
    of names among the figures.
    """
    return alt.Scale(domain=[0, alt.ExprRef(TOP)], nice=False)


def top_of(ticks: int, *figures: pl.Series) -> dict[str, float]:
    """The parameter of ``from_nought`` for what is drawn.

    Args:
        ticks: About so many on the axis.
        figures: Values and upper limits; nulls are not drawn.
    """
    greatest = max((float(one.max() or 0) for one in figures), default=0.0)  # type: ignore[arg-type]
    return {TOP: axis_top(greatest, ticks)}


def axis_top(greatest: float, ticks: int) -> float:
    """Where an axis from nought ends: at the first tick that no figure passes.

    An axis of shares does not pass 100 unless a figure does: every step divides it.

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
