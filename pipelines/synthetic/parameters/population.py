"""Who lives where: ages, births, deaths, moves, identities, graded addresses.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given, Months

AGE_PYRAMID: Annotated[
    Curve,
    Given(
        "persons by year of age, knots of the pyramid on 1 January 2024; shape inside the four "
        "age bands only",
        "Statistics Norway, table 07459 (CC BY 4.0), rounded",
    ),
] = (
    (0, 7000),
    (5, 7800),
    (10, 8800),
    (20, 9300),
    (24, 10500),
    (33, 10500),
    (45, 9000),
    (52, 10100),
    (60, 9100),
    (67, 8600),
    (72, 7500),
    (76, 6800),
    (80, 5100),
    (85, 2750),
    (90, 1400),
    (95, 520),
    (100, 55),
    (104, 4),
    (105, 0),
)
BAND_STARTS: Annotated[
    tuple[int, ...],
    Given(
        "first ages of the four bands of municipalities.csv",
        "Statistics Norway, table 07459 (CC BY 4.0)",
    ),
] = (0, 18, 67, 80)
MALE_SHARE_BY_BAND: Annotated[
    tuple[float, ...],
    Given("share of men in each age band", "Statistics Norway, table 07459 (CC BY 4.0), rounded"),
] = (0.513, 0.510, 0.485, 0.405)
MORTALITY_LEVEL: Annotated[
    float,
    Given("a of the Gompertz hazard a·exp(b·age) a year", "close to the Norwegian life table 2023"),
] = 2.0e-5
MORTALITY_SLOPE: Annotated[
    float,
    Given("b of the Gompertz hazard a·exp(b·age) a year", "close to the Norwegian life table 2023"),
] = 0.0985
MORTALITY_BY_SEX: Annotated[
    dict[str, float],
    Given("hazard of death by sex, relative", "close to the Norwegian life table 2023"),
] = {"female": 0.86, "male": 1.18}
DEATH_SEASON: Annotated[Months, Given("deaths by month, relative")] = (
    1.14,
    1.10,
    1.05,
    1.0,
    0.96,
    0.93,
    0.92,
    0.92,
    0.94,
    0.98,
    1.0,
    1.1,
)
BIRTHS_PER_1000: Annotated[float, Given("live births per 1 000 inhabitants a year")] = 9.2
BIRTH_SEASON: Annotated[Months, Given("births by month, relative")] = (
    0.97,
    0.98,
    1.0,
    1.02,
    1.03,
    1.04,
    1.06,
    1.04,
    1.02,
    0.98,
    0.94,
    0.92,
)
MOVE_RATE: Annotated[Curve, Given("moves between municipalities a year, by age")] = (
    (0, 0.035),
    (10, 0.012),
    (18, 0.03),
    (21, 0.10),
    (29, 0.07),
    (40, 0.02),
    (67, 0.008),
    (90, 0.008),
)
EMIGRATION_RATE: Annotated[float, Given("share that leaves the region in a year")] = 0.018
IMMIGRANT_AGES: Annotated[Curve, Given("ages of those who come to the region, relative")] = (
    (0, 12),
    (8, 10),
    (16, 12),
    (20, 40),
    (30, 38),
    (40, 18),
    (55, 6),
    (67, 2),
    (80, 0),
)
EARLIER_ADDRESS_SHARE: Annotated[float, Given("share with another address before the window")] = (
    0.10
)
FIRST_PART_SHARE: Annotated[
    float, Given("share of a municipality's addresses in the largest of its former municipalities")
] = 0.70
FLAT_SEASON: Annotated[Months, Given("no season")] = (1.0,) * 12
D_NUMBER_SHARE: Annotated[float, Given("share of persons known by a D-number")] = 0.006
GRADED_SHARE: Annotated[float, Given("share of persons with a graded address")] = 0.001
GRADED_FROM_LATER_YEAR: Annotated[
    float, Given("share of the graded whose grading comes after their first delivery")
] = 0.45
STRICTLY_GRADED_SHARE: Annotated[
    float, Given("share of the graded whose address is strictly confidential")
] = 0.25
