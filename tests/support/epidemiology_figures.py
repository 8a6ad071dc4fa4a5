"""Sound figures for methods of epidemiology, so that a test can then spoil exactly one thing.

Belongs here: years, quintiles, life tables and use by age that several files of tests begin with.
Does not belong here: what must come of them.
"""

from __future__ import annotations

from typing import Any

NAN, INFINITE = float("nan"), float("inf")

# Fingertips (Public Health England), PholioVisualisationWS/AnalysisTest/
# TrendMarkerCalculatorTest.cs: two sets of yearly figures, chi-square 46.77 and not significant.
RISING = {
    "values": [24.67, 24.6, 28, 30.2, 30.6],
    "lowers": [23.16, 23.15, 26.44, 28.63, 28.98],
    "uppers": [26.25, 26.19, 29.64, 31.9, 32.25],
}
LEVEL = {
    "values": [20.5506, 19.5952, 19.0349, 21.3966, 18.4372],
    "lowers": [18.1803, 17.3444, 16.8421, 19.0918, 16.2925],
    "uppers": [23.1427, 22.0602, 21.4394, 23.8975, 20.7941],
}

QUINTILES: dict[str, Any] = {
    "values": [30.0, 26.0, 24.0, 21.0, 18.0],
    "populations": [1000, 1100, 1200, 900, 1000],
    "lowers": [28.0, 24.0, 22.0, 19.0, 16.0],
    "uppers": [32.0, 28.0, 26.0, 23.0, 20.0],
}
"""A figure in five groups, in order of rank."""

PEOPLE = [700, 2800, *[3500] * 17, 600]
DEATHS = [2, 1, 0, 1, 1, 1, 1, 2, 2, 3, 5, 8, 13, 20, 32, 52, 90, 160, 260, 140]
"""By the twenty bands of a life table."""


def changed(column: list[int], place: int, number: Any) -> list[Any]:
    """The column with another number at one place."""
    return [*column[:place], number, *column[place + 1 :]]


USE, NOW = [10, 40, 120, 300], [1000, 900, 800, 500]
AGES = [67, 75, 80, 90]
"""Users of a service and inhabitants, by the first age of four bands."""
