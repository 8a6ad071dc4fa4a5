"""Control charts of months (or quarters) that vary by more than chance alone.

Belongs here: a centre line, its limits, and which points say that something has changed. Does
not belong here: yearly trends (``trends``), and any talk of causes.

Sources: Laney DB, Improved control charts for attributes, Quality Engineering 2002;14:531-537
(p' and u' charts) · Mohammed MA, Laney D, Overdispersion in health care performance data,
Quality and Safety in Health Care 2006;15:383-384 · runs: eight points on one side of the
centre, Western Electric, Statistical Quality Control Handbook, 1956.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import Column, Flags, Floats, check_positive, columns
from pipelines.epidemiology.results import Objects, Reason, shown

FEWEST_POINTS = 10
RUN_LENGTH = 8
MEAN_MOVING_RANGE = 1.128
"""Mean distance of two neighbours from a standard normal distribution."""

ChartKind = Literal["proportion", "rate"]
Signal = Literal["above", "below", "run"]


@dataclass(frozen=True, slots=True)
class ControlChart:
    """A chart of points in time; all but ``reason`` are empty or None where refused.

    Attributes:
        value: Figure of each point; None where it has no denominator.
        lower: Lower limit of each point, in the same unit.
        upper: Upper limit of each point.
        signal: ``above`` or ``below`` (outside the limits), ``run`` (from the eighth point in
            a row on one side of the centre), or None.
        centre: The common figure of all points.
        dispersion: How many times wider than by chance alone the points vary; at least 1.
        reason: Why there is no chart, else None.
    """

    value: tuple[float | None, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    signal: tuple[Signal | None, ...]
    centre: float | None
    dispersion: float | None
    reason: Reason | None = None

    def to_frame(self) -> pl.DataFrame:
        """One row per point: value, lower, upper, signal."""
        return pl.DataFrame(
            [
                pl.Series("value", self.value, dtype=pl.Float64),
                pl.Series("lower", self.lower, dtype=pl.Float64),
                pl.Series("upper", self.upper, dtype=pl.Float64),
                pl.Series("signal", self.signal, dtype=pl.String),
            ]
        )


def control_chart(
    counts: Column,
    denominators: Column | float,
    kind: ChartKind,
    multiplier: float = 1.0,
    sigmas: float = 3.0,
) -> ControlChart:
    """Laney's chart of a proportion (p') or a rate (u').

    Limits are the centre ± ``sigmas`` times the point's error by chance times the dispersion,
    which is the mean distance of neighbouring points, in errors by chance, divided by 1.128.
    Points that vary by less than chance keep the limits of chance.

    Args:
        counts: Events (or persons with the property) per point, in the order of time.
        denominators: Persons, person-years or contacts per point.
        kind: ``proportion`` or ``rate``.
        multiplier: Unit of the figures.
        sigmas: Width of the limits in standard errors.

    Returns:
        The chart; refused (``too_few_points``) with fewer than ten points that have a
        denominator.

    Raises:
        ValueError: If a number is negative or not finite, lengths differ, the kind is unknown,
            or a proportion's count is larger than its denominator.
    """
    if kind not in ("proportion", "rate"):
        msg = f"kind: expected 'proportion' or 'rate', got {kind!r}"
        raise ValueError(msg)
    check_positive("multiplier", multiplier)
    check_positive("sigmas", sigmas)
    named: dict[str, Any] = {"counts": counts, "denominators": denominators}
    events, sizes = columns(named, missing=True)
    if kind == "proportion" and np.any(events > sizes):
        msg = "counts: a part of its denominator was expected; use kind 'rate'"
        raise ValueError(msg)
    known = ~np.isnan(events) & (sizes > 0.0)
    if known.sum() < FEWEST_POINTS:
        return ControlChart((), (), (), (), None, None, "too_few_points")
    centre = float(events[known].sum() / sizes[known].sum())
    size = np.where(known, sizes, np.nan)
    figure = events / size
    chance = np.sqrt(centre * (1.0 - centre if kind == "proportion" else 1.0) / size)
    dispersion = _dispersion((figure - centre)[known], chance[known])
    spread = sigmas * chance * dispersion
    most = 1.0 if kind == "proportion" else np.inf
    lower, upper = np.maximum(centre - spread, 0.0), np.minimum(centre + spread, most)
    return ControlChart(
        shown(figure * multiplier, known),
        shown(lower * multiplier, known),
        shown(upper * multiplier, known),
        tuple(_signals(figure, lower, upper, centre, known).tolist()),
        centre * multiplier,
        dispersion,
    )


def _dispersion(apart: Floats, chance: Floats) -> float:
    scores = apart / np.where(chance > 0.0, chance, 1.0)
    return max(1.0, float(np.abs(np.diff(scores)).mean()) / MEAN_MOVING_RANGE)


def _signals(figure: Floats, lower: Floats, upper: Floats, centre: float, known: Flags) -> Objects:
    signals = np.full(figure.size, None, dtype=object)
    side = np.sign(figure[known] - centre)
    ends = np.convolve(side, np.ones(RUN_LENGTH))[: side.size]
    signals[np.flatnonzero(known)[np.abs(ends) >= RUN_LENGTH]] = "run"
    signals[known & (figure > upper)] = "above"
    signals[known & (figure < lower)] = "below"
    return signals
