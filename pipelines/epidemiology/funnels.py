"""Control limits of a funnel plot around an average.

Belongs here: limits at 95 % and 99.8 % for a given denominator. Does not belong here: the
judgement of an area by them.

Sources: Spiegelhalter DJ, Statistics in Medicine 2005;24:1185-1202 · for ratios and rates
the chi-square limits of the expected count, APHO Technical Briefing 2 (2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import (
    Column,
    Floats,
    checked,
)
from pipelines.epidemiology.intervals import chi2_quantile, normal_quantile

WARNING_LEVEL = 0.95
ALARM_LEVEL = 0.998
ROUNDING = 1e-9

FunnelKind = Literal["proportion", "rate", "ratio"]


@dataclass(frozen=True, slots=True)
class FunnelLimits:
    """Limits in the unit of the average, one number per denominator.

    Attributes:
        lower_95: Lower limit at 95 %; NaN where the denominator is not positive.
        upper_95: Upper limit at 95 %.
        lower_998: Lower limit at 99.8 %.
        upper_998: Upper limit at 99.8 %.
    """

    lower_95: Floats
    upper_95: Floats
    lower_998: Floats
    upper_998: Floats


def funnel_limits(
    average: Column | float,
    denominators: Column | float,
    kind: FunnelKind,
    multiplier: Column | float = 1.0,
) -> FunnelLimits:
    """Funnel limits for areas of the given sizes, were they like the average.

    Args:
        average: Average figure in the multiplier's unit: one for all, or one per area.
        denominators: Persons, person-years, or for a directly standardised rate its
            effective denominator multiplier · events / rate. For a ratio, the expected
            counts, with the average ``multiplier``.
        kind: ``proportion`` (normal limits, clipped to the possible; they are where Wilson's
            interval of an area just touches the average), ``rate`` or ``ratio`` (chi-square
            limits of the expected count).
        multiplier: Unit of the figures: one for all, or one per area.

    Returns:
        Limits, NaN where a denominator is not positive.

    Raises:
        ValueError: If ``kind`` is unknown, a number is negative or not finite, or the average
            of a proportion is above its multiplier.
    """
    if kind not in ("proportion", "rate", "ratio"):
        msg = f"kind: expected 'proportion' or 'rate' (or 'ratio'), got {kind!r}"
        raise ValueError(msg)
    sizes = checked("denominators", denominators, missing=True)
    sizes = np.where(sizes > 0.0, sizes, np.nan)
    unit = _broadcast("multiplier", multiplier, sizes)
    share = _broadcast("average", average, sizes) / unit
    if kind == "proportion" and np.any(share > 1.0 + ROUNDING):
        msg = "average: expected at most the multiplier for a proportion; use kind 'rate'"
        raise ValueError(msg)
    share = np.minimum(share, 1.0) if kind == "proportion" else share
    limits = _proportion_limits if kind == "proportion" else _rate_limits
    warning, alarm = limits(share, sizes, WARNING_LEVEL), limits(share, sizes, ALARM_LEVEL)
    return FunnelLimits(warning[0] * unit, warning[1] * unit, alarm[0] * unit, alarm[1] * unit)


def _broadcast(name: str, values: Column | float, like: Floats) -> Floats:
    return np.broadcast_to(checked(name, values, missing=True), like.shape)


def _proportion_limits(share: Floats, sizes: Floats, confidence: float) -> tuple[Floats, Floats]:
    spread = normal_quantile(confidence) * np.sqrt(share * (1.0 - share) / sizes)
    return np.clip(share - spread, 0.0, 1.0), np.clip(share + spread, 0.0, 1.0)


def _rate_limits(share: Floats, sizes: Floats, confidence: float) -> tuple[Floats, Floats]:
    tail = (1.0 - confidence) / 2.0
    expected = share * sizes
    lower = chi2_quantile(tail, 2.0 * expected) / 2.0
    upper = chi2_quantile(1.0 - tail, 2.0 * expected + 2.0) / 2.0
    unknown = np.isnan(sizes)
    return (
        np.where(unknown, np.nan, lower / sizes),
        np.where(unknown, np.nan, upper / sizes),
    )


def funnel_frame(
    frame: pl.DataFrame,
    *,
    average: str,
    denominator: str,
    kind: FunnelKind,
    multiplier: str | float = 1.0,
) -> pl.DataFrame:
    """`funnel_limits` of every row.

    Args:
        frame: One row per area.
        average: Column of the average figure, in the multiplier's unit.
        denominator: Column of (effective) denominators.
        kind: ``proportion`` or ``rate``.
        multiplier: Unit of the figures, or the column that holds it.

    Returns:
        The frame with funnel_lower_95, funnel_upper_95, funnel_lower_998 and
        funnel_upper_998 (null where the denominator is not positive).

    Raises:
        ValueError: If ``kind`` is unknown.
    """
    unit: Column | float = frame[multiplier] if isinstance(multiplier, str) else multiplier
    limits = funnel_limits(frame[average], frame[denominator], kind, unit)
    return frame.with_columns(
        pl.Series("funnel_lower_95", limits.lower_95).fill_nan(None),
        pl.Series("funnel_upper_95", limits.upper_95).fill_nan(None),
        pl.Series("funnel_lower_998", limits.lower_998).fill_nan(None),
        pl.Series("funnel_upper_998", limits.upper_998).fill_nan(None),
    )
