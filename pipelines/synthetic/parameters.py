"""Every assumption of the synthetic region, in one place.

Belongs here: rates, curves, shares and their source. Does not belong here: code that draws.
All values are "assumed" unless a source stands beside them: they are chosen to look like a
Norwegian region, not to estimate one. Age curves are (age, value) knots, linear between.
"""

from __future__ import annotations

from typing import Final

Curve = tuple[tuple[float, float], ...]
Months = tuple[float, ...]

# --- population -------------------------------------------------------------------------------
# Persons by year of age, rounded knots of the region's pyramid on 1 January 2024: Statistics
# Norway, table 07459 (CC BY 4.0). Shape inside the four age bands only.
AGE_PYRAMID: Final[Curve] = (
    (0, 7000), (5, 7800), (10, 8800), (20, 9300), (24, 10500), (33, 10500), (45, 9000),
    (52, 10100), (60, 9100), (67, 8600), (72, 7500), (76, 6800), (80, 5100), (85, 2750),
    (90, 1400), (95, 520), (100, 55), (104, 4), (105, 0),
)  # fmt: skip
BAND_STARTS: Final = (0, 18, 67, 80)
MALE_SHARE_BY_BAND: Final = (0.513, 0.510, 0.485, 0.405)
# Gompertz hazard a·exp(b·age), close to the Norwegian life table 2023.
MORTALITY_LEVEL: Final = 2.0e-5
MORTALITY_SLOPE: Final = 0.0985
MORTALITY_BY_SEX: Final = {"female": 0.86, "male": 1.18}
DEATH_SEASON: Final[Months] = (1.14, 1.10, 1.05, 1.0, 0.96, 0.93, 0.92, 0.92, 0.94, 0.98, 1.0, 1.1)
BIRTHS_PER_1000: Final = 9.2
BIRTH_SEASON: Final[Months] = (
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
MOVE_RATE: Final[Curve] = ((0, 0.035), (10, 0.012), (18, 0.03), (21, 0.10), (29, 0.07), (40, 0.02),
                           (67, 0.008), (90, 0.008))  # fmt: skip
EMIGRATION_RATE: Final = 0.018
IMMIGRANT_AGES: Final[Curve] = ((0, 12), (8, 10), (16, 12), (20, 40), (30, 38), (40, 18), (55, 6),
                                (67, 2), (80, 0))  # fmt: skip
EARLIER_ADDRESS_SHARE: Final = 0.10
FLAT_SEASON: Final[Months] = (1.0,) * 12
D_NUMBER_SHARE: Final = 0.006
GRADED_SHARE: Final = 0.001
GRADED_FROM_LATER_YEAR: Final = 0.45
STRICTLY_GRADED_SHARE: Final = 0.25

# --- hospital ---------------------------------------------------------------------------------
# Stays per 1 000 person-years.
EMERGENCY_SOMATIC: Final[Curve] = ((0, 88), (3, 46), (10, 29), (20, 42), (45, 60), (60, 92),
                                   (70, 160), (80, 270), (90, 385), (105, 390))  # fmt: skip
ELECTIVE_SOMATIC: Final[Curve] = ((0, 18), (10, 12), (30, 30), (50, 46), (70, 85), (80, 70),
                                  (95, 25))  # fmt: skip
PSYCHIATRY: Final[Curve] = ((0, 0), (12, 1), (18, 9), (40, 9), (67, 5), (90, 2))
SUBSTANCE: Final[Curve] = ((0, 0), (16, 0.5), (25, 4), (50, 4), (70, 1), (90, 0))
OUTPATIENT: Final[Curve] = ((0, 60), (40, 90), (70, 160), (90, 120))
EMERGENCY_ROOM: Final[Curve] = ((0, 12), (40, 14), (90, 20))
EMERGENCY_SEASON: Final[Months] = (1.08, 1.06, 1.03, 0.99, 0.98, 0.97, 0.93, 0.95, 0.98, 1.0, 1.0,
                                   1.03)  # fmt: skip
ELECTIVE_SEASON: Final[Months] = (1.05, 1.02, 1.05, 0.95, 1.0, 1.05, 0.55, 0.9, 1.1, 1.12, 1.12,
                                  0.85)  # fmt: skip
FRAILTY_SHAPE: Final = 1.4
PSYCHIATRY_EMERGENCY_SHARE: Final = 0.7
STAY_MEDIAN_DAYS: Final[Curve] = ((0, 1.4), (20, 1.6), (45, 2.2), (67, 3.1), (80, 3.8), (95, 4.0))
STAY_LOG_SD: Final = 0.75
PSYCHIATRY_STAY_FACTOR: Final = 4.0
# Emergency readmissions beyond those that chance and frailty bring.
READMISSION: Final[Curve] = ((0, 0.03), (45, 0.065), (67, 0.125), (80, 0.14), (95, 0.14))
TRANSFER_SHARE: Final = 0.035
CANCELLED_SHARE: Final = 0.006
ERROR_SHARE: Final = 0.005
STAY_ELSEWHERE_SHARE: Final = 0.012
MUNICIPALITY_STAY_LOG_SD: Final = 0.10
MUNICIPALITY_READMISSION_LOG_SD: Final = 0.15
LEAD_DAYS: Final = 75

# --- ready for discharge ----------------------------------------------------------------------
# Share of stays reported ready; together with the days below about 50 waiting days a year per
# 1 000 adults.
READY_SHARE: Final[Curve] = ((17, 0), (18, 0.035), (45, 0.08), (60, 0.14), (67, 0.26), (75, 0.38),
                             (85, 0.55), (95, 0.62))  # fmt: skip
SAME_DAY_SHARE: Final = 0.56
WAITING_DAYS_MEAN: Final = 3.4
MUNICIPALITY_WAITING_LOG_SD: Final = 0.35
# single, cancelled and renewed, cancelled for good, renewed without cancellation, entered in
# error, twice on one day, sent after discharge
NOTICE_PATTERNS: Final = (0.80, 0.10, 0.03, 0.03, 0.015, 0.015, 0.01)

# --- municipal care ---------------------------------------------------------------------------
# Share of residents with the service on a date. Home nursing 80+ about 27 % (Statistics Norway,
# table 12003, 2023: 26.9 %, all home services); the rest assumed.
CARE_PREVALENCE: Final[dict[str, Curve]] = {
    "15": ((0, 0.003), (18, 0.010), (45, 0.019), (60, 0.030), (70, 0.065), (80, 0.19), (86, 0.34),
           (92, 0.46), (105, 0.45)),
    "21": ((0, 0), (45, 0.0004), (60, 0.002), (70, 0.009), (80, 0.05), (86, 0.13), (92, 0.27),
           (105, 0.36)),
    "1": ((0, 0), (18, 0.003), (60, 0.010), (70, 0.03), (80, 0.10), (90, 0.22), (105, 0.22)),
    "6": ((0, 0), (60, 0.004), (70, 0.03), (80, 0.13), (90, 0.30), (105, 0.30)),
    "18": ((0, 0), (60, 0.0004), (80, 0.006), (105, 0.010)),
    "9": ((0, 0.002), (10, 0.006), (40, 0.003), (80, 0.001)),
    "3": ((0, 0.0002), (20, 0.0009), (60, 0.0008), (67, 0.0001), (105, 0)),
}  # fmt: skip
CARE_MEAN_YEARS: Final = {"15": 2.6, "21": 2.0, "1": 3.0, "6": 3.0, "18": 0.1, "9": 3.0, "3": 6.0}
# New episodes beyond exponential renewal, since users die and move more than others.
CARE_INFLOW_FACTOR: Final = {"15": 1.45, "21": 1.32, "1": 1.3, "6": 1.3, "18": 1.0, "9": 1.0,
                             "3": 1.0}  # fmt: skip
CARE_MEDIAN_HOURS: Final = {"15": 2.4, "1": 1.2, "9": 3.0, "3": 30.0}
CARE_ON_HOLD_SHARE: Final = 0.02
CARE_CANCELLED_SHARE: Final = 0.006
CARE_ERROR_SHARE: Final = 0.004
LEADING_ZERO_SHARE: Final = 0.3
MUNICIPALITY_CARE_LOG_SD: Final = 0.14
INHABITANTS_PER_CARE_UNIT: Final = 4000

# --- primary care -----------------------------------------------------------------------------
INHABITANTS_PER_GP_OFFICE: Final = 5500
OFFICE_LAG_MONTHS: Final = 9
OFFICE_NEVER_EVERY: Final = 14
GP_ELSEWHERE_SHARE: Final = 0.008
# Share of persons living with type 2 diabetes.
DIABETES_TYPE_2: Final[Curve] = ((17, 0), (25, 0.002), (40, 0.022), (50, 0.05), (60, 0.085),
                                 (70, 0.13), (80, 0.155), (90, 0.13), (105, 0.09))  # fmt: skip
DIABETES_MEN_FACTOR: Final = 1.18
MUNICIPALITY_DIABETES_LOG_SD: Final = 0.12
DIABETES_CODED_SHARE: Final = 0.88
DIABETES_CONTACTS: Final = 2.2
DIABETES_DRUG_SHARE: Final = 0.78
DIABETES_PRESCRIPTIONS: Final = 3.0
DIABETES_TYPE_1_SHARE: Final = 0.006
WEIGHT_DRUG_SHARE: Final[Curve] = ((17, 0), (18, 0.008), (40, 0.035), (60, 0.03), (75, 0.005),
                                   (90, 0))  # fmt: skip
HEART_DRUG_SHARE: Final[Curve] = ((45, 0), (67, 0.012), (85, 0.03), (105, 0.03))
GESTATIONAL_RATE: Final = 0.006
PCOS_SHARE: Final = 0.007
BACKGROUND_CONTACTS: Final[Curve] = ((0, 0.7), (10, 0.5), (20, 0.8), (50, 1.2), (80, 2.0),
                                     (105, 2.0))  # fmt: skip
BACKGROUND_PRESCRIPTIONS: Final[Curve] = ((0, 0.2), (20, 0.4), (50, 1.0), (80, 2.2), (105, 2.2))
BACKGROUND_CODES: Final = ("R74", "R05", "L03", "L18", "K86", "A04", "P76", "P06", "S87", "U71",
                           "D01", "T93", "T82", "K74", "R96", "N89")  # fmt: skip
BACKGROUND_ATC: Final = ("C10AA05", "C09AA05", "N02BE01", "J01CE02", "R03AC02", "A02BC05",
                         "C07AB02", "N05CF01", "B01AC06", "H03AA01")  # fmt: skip
LOOK_BACK_MONTHS: Final = 24

# --- portal -----------------------------------------------------------------------------------
PORTAL_USERS: Final[Curve] = ((0, 0), (15, 0.02), (16, 0.42), (30, 0.60), (50, 0.60), (67, 0.52),
                              (80, 0.26), (95, 0.08))  # fmt: skip
PORTAL_WOMEN_FACTOR: Final = 1.10
PORTAL_YEARLY_USE: Final = 0.9
PORTAL_SESSIONS: Final = 3.5
MUNICIPALITY_PORTAL_LOG_SD: Final = 0.10
FORMS_PER_YEAR: Final[Curve] = ((0, 0.15), (16, 0.30), (50, 0.5), (75, 0.8), (90, 0.5))
FORM_ANSWERED: Final = 0.68
FORM_LATE_SHARE: Final = 0.06
FORM_ODD_STATUS_SHARE: Final = 0.02

# --- documentation and staff ------------------------------------------------------------------
STAFF_PER_INHABITANT: Final = 0.045
STAFF_MINIMUM: Final = 4
STAFF_TURNOVER: Final = 0.09
STAFF_LOGIN_SHARE: Final = 0.88
STAFF_LOGIN_MEAN_DAYS: Final = 25.0
ENTRIES_PER_WEEK: Final = {"15": 1.0, "21": 1.3, "1": 0.15, "18": 2.0}
STRUCTURED_LOGIT: Final = 0.25
STRUCTURED_GROWTH_PER_YEAR: Final = 0.18
MUNICIPALITY_STRUCTURED_SD: Final = 0.35
MOBILE_SHARE: Final = 0.42
DELAY_MEAN_MINUTES: Final = 95.0
ENTRY_ERROR_SHARE: Final = 0.004
