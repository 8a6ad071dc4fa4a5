"""Health stations and school health services.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Given

# fmt: off
HEALTH_CHECKS: Annotated[tuple[tuple[int, int, float, float], ...], Given(
    "checks at six weeks and six months: age in days, days before or after, share made, share of "
    "them in time")] = ((42, 8, 0.98, 0.95), (182, 16, 0.96, 0.92))
HEALTH_CHECK_LATE: Annotated[tuple[int, int], Given(
    "days by which the other checks are late, from and below")] = (25, 70)
FEEDING_RECORDED: Annotated[float, Given(
    "share of checks at six months that record how the child is fed")] = 0.94
FEEDING: Annotated[tuple[float, float, float], Given(
    "children at six months: not breastfed, partly, fully")] = (0.23, 0.71, 0.06)
WEIGHED: Annotated[float, Given(
    "share of children measured by the school health service in the year they turn eight")] = 0.91
WEIGHED_IN: Annotated[tuple[int, int], Given(
    "first day of the year and length in days of that time")] = (245, 80)
BODY_MASS_AT_EIGHT: Annotated[tuple[float, float], Given(
    "median body mass index of children measured, kg/m², and its spread, log scale")] = (
    16.3, 0.125)
MUNICIPALITY_CHILD_LOGIT_SD: Annotated[float, Given(
    "how far municipalities lie apart: checks and measuring of children, log-odds")] = 0.3
MUNICIPALITY_BODY_MASS_LOG_SD: Annotated[float, Given(
    "how far municipalities lie apart: body mass index of children, log scale")] = 0.015
# fmt: on
