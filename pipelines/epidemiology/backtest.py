"""How far a projection would have been off, had it been made some years ago.

Belongs here: predicting the last years from the first, and the error. Does not belong here:
the projection itself (``projection``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.epidemiology.inputs import matrix
from pipelines.epidemiology.intervals import normal_quantile
from pipelines.epidemiology.projection import ConstantUse, Scenario, projected_need
from pipelines.epidemiology.results import Reason


@dataclass(frozen=True, slots=True)
class Backtest:
    """The error of a projection over years that are known; None where refused.

    Attributes:
        value: Mean absolute percentage error over the predicted years.
        bias: Mean percentage error: above 0 where too much was predicted.
        covered: Share of the predicted years whose use lay inside the prediction interval.
        predicted: Use as it would have been predicted, per year.
        observed: Use as it was.
        reason: Why there is no error, else None.
    """

    value: float | None
    bias: float | None
    covered: float | None
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    reason: Reason | None = None


def backtest(
    counts: Any,  # noqa: ANN401
    populations: Any,  # noqa: ANN401
    first_years: int,
    confidence: float = 0.95,
    *,
    scenario: Scenario = ConstantUse(),  # noqa: B008  (it has no state)
) -> Backtest:
    """Predict the last years from the first, and compare.

    The first years' use per person is laid on the later years' actual population: the error is
    that of the use, not of the population projection.

    Args:
        counts: Use: one row of bands per year, earliest first.
        populations: Persons in the same shape.
        first_years: How many of the first years the prediction may know.
        confidence: Two-sided level of the prediction interval.
        scenario: What becomes of use at each age in the predicted years.

    Returns:
        The error in per cent; refused below ten events in the first years
        (``too_few_events``) or without any later use (``too_few_events``).

    Raises:
        ValueError: If shapes differ, a number is negative, missing or not finite, or no year
            is left to predict.
    """
    used, people = matrix("counts", counts), matrix("populations", populations)
    if used.shape != people.shape:
        msg = f"populations: expected the shape of counts {used.shape}, got {people.shape}"
        raise ValueError(msg)
    if not 0 < first_years < len(used):
        msg = f"first_years: expected 1 to {len(used) - 1} of {len(used)} years"
        raise ValueError(msg)
    known, lived = used[:first_years].sum(axis=0), people[:first_years].sum(axis=0)
    need = projected_need(known, lived, people[first_years:], confidence, scenario=scenario)
    observed = used[first_years:].sum(axis=1)
    if need.reason[0] is not None or np.any(observed == 0.0):
        return Backtest(None, None, None, (), tuple(observed.tolist()), "too_few_events")
    predicted, lower, upper = (np.array(x, dtype=np.float64) for x in _columns(need))
    off = 100.0 * (predicted - observed) / observed
    # What is still to come varies by chance as well.
    chance = normal_quantile(confidence) * np.sqrt(predicted)
    inside = (observed >= predicted - np.hypot(predicted - lower, chance)) & (
        observed <= predicted + np.hypot(upper - predicted, chance)
    )
    return Backtest(
        float(np.abs(off).mean()),
        float(off.mean()),
        float(inside.mean()),
        tuple(predicted.tolist()),
        tuple(observed.tolist()),
    )


def _columns(need: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    return need.value, need.lower, need.upper
