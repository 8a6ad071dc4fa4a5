"""Municipal care: who has which service, and how long.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given

CARE_PREVALENCE: Annotated[
    dict[str, Curve],
    Given(
        "share of residents with the service on a date, by IPLOS code and age",
        "home nursing 80+ about 27 %: Statistics Norway, table 12003, 2023 (26.9 %, all home "
        "services); the rest assumed",
    ),
] = {
    "15": (
        (0, 0.003),
        (18, 0.010),
        (45, 0.019),
        (60, 0.030),
        (70, 0.065),
        (80, 0.19),
        (86, 0.34),
        (92, 0.46),
        (105, 0.45),
    ),
    "21": (
        (0, 0),
        (45, 0.0004),
        (60, 0.002),
        (70, 0.009),
        (80, 0.05),
        (86, 0.13),
        (92, 0.27),
        (105, 0.36),
    ),
    "1": ((0, 0), (18, 0.003), (60, 0.010), (70, 0.03), (80, 0.10), (90, 0.22), (105, 0.22)),
    "6": ((0, 0), (60, 0.004), (70, 0.03), (80, 0.13), (90, 0.30), (105, 0.30)),
    "18": ((0, 0), (60, 0.0004), (80, 0.006), (105, 0.010)),
    "9": ((0, 0.002), (10, 0.006), (40, 0.003), (80, 0.001)),
    "3": ((0, 0.0002), (20, 0.0009), (60, 0.0008), (67, 0.0001), (105, 0)),
}
CARE_MEAN_YEARS: Annotated[
    dict[str, float], Given("mean years with the service, by IPLOS code")
] = {"15": 2.6, "21": 2.0, "1": 3.0, "6": 3.0, "18": 0.1, "9": 3.0, "3": 6.0}
CARE_INFLOW_FACTOR: Annotated[
    dict[str, float],
    Given("new episodes beyond exponential renewal, since users die and move more than others"),
] = {"15": 1.45, "21": 1.32, "1": 1.3, "6": 1.3, "18": 1.0, "9": 1.0, "3": 1.0}
CARE_MEDIAN_HOURS: Annotated[
    dict[str, float], Given("median hours granted a week, by IPLOS code")
] = {"15": 2.4, "1": 1.2, "9": 3.0, "3": 30.0}
CARE_ON_HOLD_SHARE: Annotated[float, Given("share of open episodes on hold")] = 0.02
CARE_CANCELLED_SHARE: Annotated[float, Given("share of episodes cancelled")] = 0.006
CARE_ERROR_SHARE: Annotated[float, Given("share of episodes entered in error")] = 0.004
LEADING_ZERO_SHARE: Annotated[
    float, Given("share of one-digit service codes written with a leading zero")
] = 0.3
MUNICIPALITY_CARE_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: care services, log scale")
] = 0.14
INHABITANTS_PER_CARE_UNIT: Annotated[int, Given("inhabitants per unit of the care service")] = 4000
TECHNOLOGY_SHARE: Annotated[
    dict[str, Curve],
    Given("share of episodes of home nursing beside which it is given, by IPLOS code and age"),
] = {
    "26": ((60, 0), (67, 0.03), (80, 0.07), (105, 0.07)),
    "28": ((18, 0.02), (60, 0.08), (80, 0.18), (105, 0.22)),
}
TECHNOLOGY_MEAN_LAG_DAYS: Annotated[
    float, Given("mean days from the start of home nursing to that of the technology")
] = 240.0
MUNICIPALITY_TECHNOLOGY_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: welfare technology, log scale")
] = 0.4
