"""Nursing homes, decisions, beds, messages, worklists, training and migration.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given, Months

# fmt: off
REVIEWED: Annotated[float, Given("share of long-stay residents with a medication review in a year",
    "61.7 % (2023): national quality indicator, municipalities above 100 000")] = 0.617
SEEN_BY_DOCTOR: Annotated[float, Given("share seen by a doctor in a year")] = 0.78
SEEN_BY_DENTIST: Annotated[float, Given("share seen by dental personnel in a year")] = 0.47
REVIEW_SEASON: Annotated[Months, Given(
    "medication reviews by month, relative: they pile up at year end")] = (
    0.8, 0.8, 0.9, 0.8, 0.8, 0.7, 0.4, 0.7, 0.9, 1.1, 1.6, 2.6)
NUTRITION_SCREENED: Annotated[dict[str, float], Given(
    "share of users 67+ screened in a year, by IPLOS code")] = {"21": 0.66, "15": 0.34}
MUNICIPALITY_QUALITY_SD: Annotated[float, Given(
    "how far municipalities lie apart: reviews, assessments, screening, log-odds")] = 0.5
FALLS_PER_1000_DAYS: Annotated[float, Given("falls per 1 000 days of a long-stay resident")] = 4.6
FALL_SHAPE: Annotated[float, Given(
    "shape of the gamma factor of a resident's falls: repeated events")] = 0.8
FUNCTION_SCORES: Annotated[dict[str, tuple[float, ...]], Given(
    "shares of need scores 1-5 and 9 (not relevant), by IPLOS code")] = {
    "15": (0.20, 0.28, 0.27, 0.14, 0.06, 0.05), "21": (0.01, 0.04, 0.17, 0.38, 0.37, 0.03),
    "1": (0.22, 0.36, 0.26, 0.09, 0.03, 0.04)}
DECIDED_WITHIN_WEEK: Annotated[float, Given(
    "share of new decisions with the first service within seven days")] = 0.62
DECISION_MEAN_DAYS: Annotated[dict[str, float], Given(
    "mean days to the first service of the others, beyond seven, by IPLOS code")] = {
    "15": 12.0, "1": 18.0, "21": 45.0, "6": 14.0, "9": 60.0, "3": 40.0, "18": 4.0}
DECISION_MEAN_OTHERS: Annotated[float, Given("the same for other services")] = 14.0
WAITING_FOR_HOME: Annotated[float, Given(
    "persons granted a nursing home and waiting, per long-stay resident")] = 0.06
DECISION_REVOKED: Annotated[float, Given("share of waiting decisions that are revoked")] = 0.15
OCCUPANCY: Annotated[float, Given("occupied share of nursing home beds")] = 0.94
MUNICIPALITY_OCCUPANCY_SD: Annotated[float, Given(
    "how far municipalities lie apart: occupancy")] = 0.03
MUNICIPAL_BEDS: Annotated[Curve, Given(
    "stays in municipal emergency beds (IPLOS 25) per 1 000 person-years, by age")] = (
    (17, 0), (18, 3), (60, 6), (75, 14), (85, 34), (105, 45))
MUNICIPAL_BED_DAYS: Annotated[float, Given("mean days of such a stay")] = 2.4
MUNICIPALITY_BEDS_LOG_SD: Annotated[float, Given(
    "how far municipalities lie apart: emergency beds, log scale")] = 0.3
QUERY_SHARE: Annotated[float, Given("queries per stay that the municipality knows of")] = 0.55
QUERY_ANSWERED: Annotated[float, Given("share of queries that are answered")] = 0.93
QUERY_MEAN_HOURS: Annotated[float, Given("mean hours to the answer")] = 15.0
MUNICIPALITY_QUERY_LOG_SD: Annotated[float, Given(
    "how far municipalities lie apart: reply time, log scale")] = 0.35
REJECTED_SHARE: Annotated[float, Given("share of messages rejected once, then sent again")] = 0.004
REJECTED_AT_START: Annotated[float, Given(
    "the same share in the first fourteen days after the municipality's go-live")] = 0.05
CUTOVER_MINUTE: Annotated[int, Given("minutes after midnight of a go-live day at which the old "
    "system is left", "announced for 3 November 2023; assumed for the others")] = 22 * 60
FIRST_MESSAGE_MINUTES: Annotated[float, Given(
    "mean minutes from cutover to the first message of a municipality")] = 38.0
WORKLIST_PER_STAFF: Annotated[float, Given("worklist items a year per member of staff")] = 5.0
WORKLIST_DUE_DAYS: Annotated[tuple[int, int], Given("days until an item is due")] = (2, 21)
WORKLIST_MEAN_DAYS: Annotated[float, Given("mean days until an item is done")] = 6.0
WORKLIST_NEVER: Annotated[float, Given("share of items never done")] = 0.03
WORKLIST_SERVICES: Annotated[tuple[float, float, float], Given(
    "share of worklist items of home care, of nursing homes, and of out-of-hours clinics")] = (
    0.55, 0.33, 0.12)
TRAINED_BEFORE: Annotated[float, Given("share of staff trained by go-live")] = 0.91
TRAINED_LATER: Annotated[float, Given("share of the others trained within half a year")] = 0.7
MUNICIPALITY_TRAINING_SD: Annotated[float, Given(
    "how far municipalities lie apart: training, log-odds")] = 0.6
MIGRATION_LOSS: Annotated[float, Given("share of counts at go-live with something missing")] = 0.12
MIGRATION_LOST: Annotated[float, Given("share missing in such a count, mean")] = 0.006
RECORDS_PER_USER: Annotated[float, Given("clinical records moved per service user, mean")] = 46.0
FUNCTION_SCORED: Annotated[float, Given("share of users whose need is scored in a year")] = 0.9
WAITING_MEAN_DAYS: Annotated[float, Given("mean days waited so far for a nursing home")] = 50.0
WAITING_LEAST_AGE: Annotated[int, Given("least age of those who wait")] = 78
DECISION_STATUS: Annotated[tuple[float, float], Given(
    "share of decisions completed, and on hold")] = (0.5, 0.015)
LATE_REPORT: Annotated[float, Given(
    "share of early notices, admission reports and discharge reports that come one to three days "
    "late")] = 0.16
MUNICIPALITY_LATE_SD: Annotated[float, Given(
    "how far municipalities lie apart: late reports, log-odds")] = 0.5
EARLY_OFFER: Annotated[float, Given(
    "share of offers made before the day on which the patient leaves, where there is time")] = 0.3
QUERIES_FROM_MUNICIPALITY: Annotated[float, Given(
    "share of queries that the municipality asks")] = 0.5
# fmt: on
