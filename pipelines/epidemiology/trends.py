"""The recent trend of yearly figures.

Belongs here: whether five yearly figures rise or fall by more than chance. Does not belong
here: months (``control_charts``), and any talk of causes.

Source: Office for Health Improvement and Disparities, Fingertips, method of recent trends: a
straight line through the last five points, each weighted by its inverse variance, with
se = (upper - lower) / 3.92; a trend where the slope's chi-square is above 9.5495 (p < 0.002)
and the slope keeps its sign when each point is left out in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import chdtrc

from pipelines.epidemiology.inputs import (
    Column,
    Flags,
    Floats,
    check_not_negative,
    checked,
    columns,
    stacked,
)
from pipelines.epidemiology.intervals import normal_quantile
from pipelines.epidemiology.results import Objects, Reason, first_reason, unrefused

POINTS = 5
INTERVAL_WIDTH = 3.92
"""Width of a 95 % interval in standard errors."""
SIGNIFICANT = normal_quantile(0.998) ** 2
"""The slope's chi-square from which a trend is called (9.5495, p < 0.002)."""

Polarity = Literal["lower_is_better", "higher_is_better", "neutral"]
Direction = Literal["increasing", "decreasing", "no_change"]

_GETTING: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("increasing", "higher_is_better"): "getting_better",
        ("increasing", "lower_is_better"): "getting_worse",
        ("decreasing", "higher_is_better"): "getting_worse",
        ("decreasing", "lower_is_better"): "getting_better",
    }
)


@dataclass(frozen=True, slots=True)
class RecentTrend:
    """The slope of the last five yearly figures; all but ``reason`` are None where refused.

    Attributes:
        value: Change per year, in the unit of the figures.
        lower: Lower confidence limit of the change.
        upper: Upper confidence limit of the change.
        chi_square: Square of slope over standard error, one degree of freedom.
        p_value: Probability of a chi-square as large by chance.
        direction: ``increasing``, ``decreasing`` or ``no_change`` (none beyond chance).
        label: ``getting_better`` or ``getting_worse`` by polarity; the direction where the
            polarity is neutral or nothing changed.
        reason: Why there is no trend, else None.
    """

    value: float | None
    lower: float | None
    upper: float | None
    chi_square: float | None = None
    p_value: float | None = None
    direction: Direction | None = None
    label: str | None = None
    reason: Reason | None = None


def recent_trend(
    values: Column,
    lowers: Column,
    uppers: Column,
    polarity: Polarity = "neutral",
    confidence: float = 0.95,
    *,
    years: Sequence[int] | None = None,
    span: int = 1,
) -> RecentTrend:
    """Whether the last five yearly figures rise or fall by more than chance.

    Args:
        values: Figures in the order of the years (earliest first).
        lowers: Their lower 95 % limits.
        uppers: Their upper 95 % limits.
        polarity: Whether higher figures are better, lower ones, or neither.
        confidence: Two-sided level of the slope's interval.
        years: Year of each figure, the last one if a figure covers several; None for years
            that follow each other.
        span: Years that each figure covers; figures must follow each other in steps of it.

    Returns:
        Slope per year and what it says; refused with fewer than five figures
        (``too_few_years``), a gap or a null among the last five (``missing_years``), figures
        that share years (``overlapping_years``), or an interval without width
        (``no_uncertainty``).

    Raises:
        ValueError: If a number is negative or not finite, lengths differ, an interval does not
            hold its figure, years do not ascend, or the polarity is unknown.
    """
    _check_polarity(polarity)
    named = {"values": values, "lowers": lowers, "uppers": uppers}
    figures = columns(named, missing=True)
    size = figures[0].size
    when = _years(years, size, span)
    rows = [column[-POINTS:].reshape(1, -1) for column in (*figures, when)]
    if size < POINTS:
        return RecentTrend(None, None, None, reason="too_few_years")
    trend = _Trends(rows, span)
    return trend.result(0, polarity, confidence)


def _check_polarity(polarity: str) -> None:
    known = ("lower_is_better", "higher_is_better", "neutral")
    if polarity not in known:
        msg = f"polarity: expected one of {', '.join(known)}; got {polarity!r}"
        raise ValueError(msg)


def _years(years: Sequence[int] | None, size: int, span: int) -> Floats:
    if span < 1:
        msg = f"span: expected whole years, at least 1; got {span!r}"
        raise ValueError(msg)
    if years is None:
        return np.arange(-size, 0, dtype=np.float64) * span
    when = checked("years", years)
    if when.size != size or np.any(np.diff(when) <= 0.0):
        msg = f"years: expected {size} years that ascend, one for each figure"
        raise ValueError(msg)
    return when


class _Trends:
    """Five points of each of several strata, and the lines through them."""

    def __init__(self, points: Sequence[Floats], span: int) -> None:
        values, lowers, uppers, years = points
        known = ~np.isnan(values + lowers + uppers)
        for name, wrong in (("lowers", lowers > values), ("uppers", uppers < values)):
            if np.any(wrong & known):
                msg = f"{name}: expected intervals that hold their figures"
                raise ValueError(msg)
        error = (uppers - lowers) / INTERVAL_WIDTH
        steps = np.diff(years, axis=1)
        self.reasons: Objects = first_reason(
            len(values),
            {
                "too_few_years": np.any(np.isnan(years), axis=1),
                "overlapping_years": np.any(steps < span, axis=1),
                "missing_years": np.any(steps > span, axis=1) | ~np.all(known, axis=1),
                "no_uncertainty": np.any(error == 0.0, axis=1),
            },
        )
        sound = unrefused(self.reasons)[:, None]
        weights = np.where(sound, 1.0 / np.square(np.where(error > 0.0, error, 1.0)), 1.0)
        figures = np.where(sound, values, 0.0)
        times = np.where(sound, years, np.arange(POINTS, dtype=np.float64))
        self.slope, self.error = _line(figures, times, weights)
        self.steady = _keeps_sign(figures, times, weights, self.slope)
        self.chi_square = np.square(self.slope / self.error)

    def directions(self) -> Objects:
        """Direction of each stratum."""
        significant = (self.chi_square > SIGNIFICANT) & self.steady
        found = np.full(self.slope.size, "no_change", dtype=object)
        found[significant & (self.slope > 0.0)] = "increasing"
        found[significant & (self.slope < 0.0)] = "decreasing"
        return found

    def result(self, row: int, polarity: str, confidence: float) -> RecentTrend:
        """One stratum's result."""
        if self.reasons[row] is not None:
            return RecentTrend(None, None, None, reason=self.reasons[row])
        slope, spread = float(self.slope[row]), normal_quantile(confidence) * self.error[row]
        direction = self.directions()[row]
        chi_square = float(self.chi_square[row])
        return RecentTrend(
            slope,
            float(slope - spread),
            float(slope + spread),
            chi_square,
            float(chdtrc(1.0, chi_square)),
            direction,
            _GETTING.get((direction, polarity), direction),
        )


def _line(points: Floats, times: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Slope of the weighted line through each row's points, and its standard error."""
    total = weights.sum(axis=1, keepdims=True)
    apart = times - (weights * times).sum(axis=1, keepdims=True) / total
    mean = (weights * points).sum(axis=1, keepdims=True) / total
    squares = (weights * apart**2).sum(axis=1)
    return (weights * apart * (points - mean)).sum(axis=1) / squares, np.sqrt(1.0 / squares)


def _keeps_sign(points: Floats, times: Floats, weights: Floats, slope: Floats) -> Flags:
    without = []
    for point in range(POINTS):
        kept = weights.copy()
        kept[:, point] = 0.0
        without.append(_line(points, times, kept)[0])
    return np.asarray(np.all(np.sign(without) == np.sign(slope), axis=0))


def recent_trend_frame(
    frame: pl.DataFrame,
    *,
    by: Sequence[str],
    year: str,
    value: str = "value",
    lower: str = "lower",
    upper: str = "upper",
    polarity: Polarity = "neutral",
    span: int = 1,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """`recent_trend` of every stratum.

    Args:
        frame: One row per stratum and year.
        by: Columns that name a stratum.
        year: Column of years, the last one if a figure covers several.
        value: Column of figures.
        lower: Column of their lower 95 % limits.
        upper: Column of their upper 95 % limits.
        polarity: Whether higher figures are better, lower ones, or neither.
        span: Years that each figure covers.
        confidence: Two-sided level of the slope's interval.

    Returns:
        One row per stratum: ``by``, value (change per year), lower, upper, chi_square,
        direction, label (all null where refused), reason. Sorted by ``by``.

    Raises:
        ValueError: If a number is negative or not finite, an interval does not hold its
            figure, or the polarity is unknown.
    """
    _check_polarity(polarity)
    names = (value, lower, upper, year)
    strata, arrays = stacked(frame, by, year, names, last=POINTS)
    for name, array in zip(names, arrays, strict=True):
        check_not_negative(name, array)
    trends = _Trends(arrays, span)
    spread = normal_quantile(confidence) * trends.error
    direction = trends.directions()
    shown = pl.col("reason").is_null()
    label = [_GETTING.get((str(found), polarity), str(found)) for found in direction]
    return strata.with_columns(
        pl.Series("value", trends.slope, dtype=pl.Float64),
        pl.Series("lower", trends.slope - spread, dtype=pl.Float64),
        pl.Series("upper", trends.slope + spread, dtype=pl.Float64),
        pl.Series("chi_square", trends.chi_square, dtype=pl.Float64),
        pl.Series("direction", direction.tolist(), dtype=pl.String),
        pl.Series("label", label, dtype=pl.String),
        pl.Series("reason", trends.reasons.tolist(), dtype=pl.String),
    ).with_columns(
        pl.when(shown).then(pl.col("value", "lower", "upper", "chi_square", "direction", "label"))
    )
