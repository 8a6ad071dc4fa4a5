"""General practice: offices, diabetes and its look-alikes, the background.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given

INHABITANTS_PER_GP_OFFICE: Annotated[int, Given("inhabitants per office")] = 5500
OFFICE_LAG_MONTHS: Annotated[
    int, Given("months after the municipality within which its offices join")
] = 9
OFFICE_NEVER_EVERY: Annotated[
    int, Given("every so manieth office of a municipality never joins")
] = 14
GP_ELSEWHERE_SHARE: Annotated[
    float, Given("share of persons with an office in another municipality")
] = 0.008
DIABETES_TYPE_2: Annotated[Curve, Given("share of persons living with type 2 diabetes, by age")] = (
    (17, 0),
    (25, 0.002),
    (40, 0.022),
    (50, 0.05),
    (60, 0.085),
    (70, 0.13),
    (80, 0.155),
    (90, 0.13),
    (105, 0.09),
)
DIABETES_MEN_FACTOR: Annotated[float, Given("men to women, type 2 diabetes")] = 1.18
MUNICIPALITY_DIABETES_LOG_SD: Annotated[
    float, Given("how far municipalities lie apart: diabetes, log scale")
] = 0.12
DIABETES_CODED_SHARE: Annotated[
    float, Given("share of those with diabetes whose office codes it")
] = 0.88
DIABETES_CONTACTS: Annotated[float, Given("coded contacts a year for diabetes")] = 2.2
DIABETES_DRUG_SHARE: Annotated[
    float, Given("share of those with diabetes who take drugs for it")
] = 0.78
DIABETES_PRESCRIPTIONS: Annotated[float, Given("prescriptions a year of metformin among them")] = (
    3.0
)
DIABETES_TYPE_1_SHARE: Annotated[float, Given("share of persons with type 1 diabetes")] = 0.006
WEIGHT_DRUG_SHARE: Annotated[
    Curve, Given("share of persons taking GLP-1 analogues for weight alone, by age")
] = ((17, 0), (18, 0.008), (40, 0.035), (60, 0.03), (75, 0.005), (90, 0))
HEART_DRUG_SHARE: Annotated[
    Curve, Given("share of persons taking SGLT2 inhibitors for heart or kidney alone, by age")
] = ((45, 0), (67, 0.012), (85, 0.03), (105, 0.03))
GESTATIONAL_RATE: Annotated[
    float, Given("share of women 18-44 with gestational diabetes in look-back and window")
] = 0.006
PCOS_SHARE: Annotated[float, Given("share of women 18-44 with polycystic ovaries")] = 0.007
BACKGROUND_CONTACTS: Annotated[
    Curve, Given("coded contacts a year without meaning for an indicator, by age")
] = ((0, 0.7), (10, 0.5), (20, 0.8), (50, 1.2), (80, 2.0), (105, 2.0))
BACKGROUND_PRESCRIPTIONS: Annotated[
    Curve, Given("prescriptions a year without meaning for an indicator, by age")
] = ((0, 0.2), (20, 0.4), (50, 1.0), (80, 2.2), (105, 2.2))
BACKGROUND_CODES: Annotated[
    tuple[str, ...], Given("ICPC-2 codes of the background, equally often")
] = (
    "R74",
    "R05",
    "L03",
    "L18",
    "K96",
    "A04",
    "P76",
    "P06",
    "S87",
    "U71",
    "D01",
    "T93",
    "T82",
    "K74",
    "R97",
    "N89",
)
BACKGROUND_ATC: Annotated[tuple[str, ...], Given("ATC codes of the background, equally often")] = (
    "C10AA05",
    "C09AA05",
    "N02BE01",
    "J01CE02",
    "R03AC02",
    "A02BC05",
    "C07AB02",
    "N05CF01",
    "B01AC06",
    "H03AA01",
)
LOOK_BACK_MONTHS: Annotated[
    int, Given("months before the window from which offices deliver what they recorded")
] = 24
# fmt: off
DIABETES_CODES: Annotated[tuple[tuple[float, str], ...], Given(
    "how type 2 diabetes is coded: cumulative share of persons, code")] = (
    (0.82, "icpc2|T90"), (0.91, "icd10|E11.9"), (0.96, "icd10|E119"), (1.0, "icd10|E11.65"))
DIABETES_DRUGS: Annotated[tuple[tuple[str, float, float], ...], Given(
    "drugs for type 2 diabetes beside metformin: ATC code, share of the treated, prescriptions "
    "a year")] = (
    ("A10BK03", 0.4, 2.5), ("A10BJ06", 0.25, 2.5), ("A10BD15", 0.1, 2.0))
TYPE_1_CONTACTS: Annotated[float, Given(
    "coded contacts a year for type 1 diabetes, for each way of coding it")] = 0.8
LOOK_ALIKE_RENEWALS: Annotated[dict[str, float], Given(
    "prescriptions a year: insulin in type 1, for weight, for heart, metformin for other "
    "causes")] = {"type_1": 4.0, "weight": 3.0, "heart": 2.5, "other": 1.5}
LOOK_ALIKE_CONTACTS: Annotated[float, Given("coded contacts a year for those causes")] = 1.0
ONE_PRESCRIPTION_SHARE: Annotated[float, Given(
    "share of persons 30+ with one prescription of metformin only")] = 0.003
TWO_ON_ONE_DAY_SHARE: Annotated[float, Given(
    "share of persons 30+ with two prescriptions, both on one day")] = 0.002
ERROR_FOUND_LATER: Annotated[float, Given(
    "share of wrong diagnoses that are found in the year after")] = 0.5
PRESCRIPTION_COMPLETED: Annotated[float, Given("share of prescriptions completed")] = 0.6
# fmt: on
