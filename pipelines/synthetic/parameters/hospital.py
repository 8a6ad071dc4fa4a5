"""Stays at hospitals, readmissions, and waiting for discharge.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given, Months

EMERGENCY_SOMATIC: Annotated[Curve, Given("emergency stays per 1 000 person-years, by age")] = (
    (0, 88),
    (3, 46),
    (10, 29),
    (20, 42),
    (45, 60),
    (60, 92),
    (70, 160),
    (80, 270),
    (90, 385),
    (105, 390),
)
ELECTIVE_SOMATIC: Annotated[Curve, Given("planned stays per 1 000 person-years, by age")] = (
    (0, 18),
    (10, 12),
    (30, 30),
    (50, 46),
    (70, 85),
    (80, 70),
    (95, 25),
)
PSYCHIATRY: Annotated[Curve, Given("stays in psychiatry per 1 000 person-years, by age")] = (
    (0, 0),
    (12, 1),
    (18, 9),
    (40, 9),
    (67, 5),
    (90, 2),
)
SUBSTANCE: Annotated[Curve, Given("stays for substance use per 1 000 person-years, by age")] = (
    (0, 0),
    (16, 0.5),
    (25, 4),
    (50, 4),
    (70, 1),
    (90, 0),
)
OUTPATIENT: Annotated[
    Curve, Given("outpatient contacts recorded per 1 000 person-years, by age")
] = ((0, 60), (40, 90), (70, 160), (90, 120))
EMERGENCY_ROOM: Annotated[
    Curve, Given("emergency room contacts per 1 000 person-years, by age")
] = ((0, 12), (40, 14), (90, 20))
EMERGENCY_SEASON: Annotated[Months, Given("emergency stays by month, relative")] = (
    1.08,
    1.06,
    1.03,
    0.99,
    0.98,
    0.97,
    0.93,
    0.95,
    0.98,
    1.0,
    1.0,
    1.03,
)
ELECTIVE_SEASON: Annotated[Months, Given("planned stays by month, relative")] = (
    1.05,
    1.02,
    1.05,
    0.95,
    1.0,
    1.05,
    0.55,
    0.9,
    1.1,
    1.12,
    1.12,
    0.85,
)
FRAILTY_SHAPE: Annotated[
    float,
    Given("shape of the gamma factor with mean 1 that a person's rates share: repeated events"),
] = 1.4
PSYCHIATRY_EMERGENCY_SHARE: Annotated[
    float, Given("share of psychiatric stays that are emergencies")
] = 0.7
STAY_MEDIAN_DAYS: Annotated[Curve, Given("median length of stay in days, by age")] = (
    (0, 1.4),
    (20, 1.6),
    (45, 2.2),
    (67, 3.1),
    (80, 3.8),
    (95, 4.0),
)
STAY_LOG_SD: Annotated[float, Given("spread of the logarithm of length of stay")] = 0.75
PSYCHIATRY_STAY_FACTOR: Annotated[float, Given("length of psychiatric stays, relative")] = 4.0
READMISSION: Annotated[
    Curve,
    Given(
        "emergency readmissions within 30 days beyond those that chance and frailty bring, by age"
    ),
] = ((0, 0.03), (45, 0.065), (67, 0.125), (80, 0.14), (95, 0.14))
TRANSFER_SHARE: Annotated[
    float, Given("share of stays that go on at another department or hospital")
] = 0.035
CANCELLED_SHARE: Annotated[float, Given("share of stays and prescriptions that are cancelled")] = (
    0.006
)
ERROR_SHARE: Annotated[float, Given("share of events that are entered in error")] = 0.005
STAY_ELSEWHERE_SHARE: Annotated[
    float, Given("share of stays during which another municipality is responsible")
] = 0.012
MUNICIPALITY_STAY_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: rate of stays, log scale")
] = 0.10
MUNICIPALITY_READMISSION_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: readmissions, log scale")
] = 0.15
LEAD_DAYS: Annotated[int, Given("days before the window from which stays may still run")] = 75
READY_SHARE: Annotated[
    Curve,
    Given(
        "share of stays reported ready for discharge, by age; with the days below about 50 "
        "waiting days a year per 1 000 adults"
    ),
] = ((17, 0), (18, 0.035), (45, 0.08), (60, 0.14), (67, 0.26), (75, 0.38), (85, 0.55), (95, 0.62))
SAME_DAY_SHARE: Annotated[float, Given("share of those ready who leave on the day")] = 0.56
WAITING_DAYS_MEAN: Annotated[float, Given("mean of the waiting days of the others")] = 3.4
MUNICIPALITY_WAITING_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: waiting, log scale")
] = 0.35
NOTICE_PATTERNS: Annotated[
    tuple[float, ...],
    Given(
        "share of notices: single, cancelled and renewed, cancelled for good, renewed without "
        "cancellation, entered in error, twice on one day, sent after discharge"
    ),
] = (0.80, 0.10, 0.03, 0.03, 0.015, 0.015, 0.01)
# fmt: off
SUBSTANCE_EMERGENCY_SHARE: Annotated[float, Given(
    "share of stays for substance use that are emergencies")] = 0.5
READY_PLANNED_FACTOR: Annotated[float, Given(
    "being reported ready after a planned stay, relative to an emergency")] = 0.45
READY_PSYCHIATRY_SHARE: Annotated[float, Given(
    "share of adults' stays in psychiatry or for substance use reported ready")] = 0.10
READMISSION_MEAN_DAYS: Annotated[float, Given("mean days to such a readmission")] = 9.0
TRANSFER_TO_PSYCHIATRY: Annotated[float, Given(
    "share of transfers that go on in psychiatry")] = 0.12
TRANSFER_AS_EMERGENCY: Annotated[float, Given(
    "share of transfers that keep their priority; the others become planned")] = 0.8
DISCHARGED_ELSEWHERE: Annotated[tuple[float, float], Given(
    "cumulative share of discharges to another institution, and to a nursing home")] = (0.1, 0.18)
NOTIFIED: Annotated[tuple[float, float, float], Given(
    "share of stays that the municipality should know of with a notice of admission, an early "
    "notice, and the municipality's report")] = (0.9, 0.7, 0.5)
# fmt: on
