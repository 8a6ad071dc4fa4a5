"""Diseases that indicators look for, what is measured and prescribed for them, vaccination.

Belongs here: values, what they mean, where they are from. Does not belong here: code that draws.
"""

from __future__ import annotations

from typing import Annotated

from pipelines.synthetic.parameters.given import Curve, Given, Months

# fmt: off
HYPERTENSION: Annotated[Curve, Given("share of persons followed for hypertension, by age")] = (
    (17, 0), (30, 0.01), (45, 0.08), (60, 0.24), (75, 0.42), (90, 0.48), (105, 0.40))
HYPERTENSION_CONTACTS: Annotated[float, Given("coded contacts a year for hypertension")] = 1.5
COPD: Annotated[Curve, Given("share of persons with chronic obstructive lung disease, by age")] = (
    (39, 0), (45, 0.010), (60, 0.045), (75, 0.085), (90, 0.07), (105, 0.05))
ASTHMA: Annotated[Curve, Given("share of persons with asthma, by age")] = (
    (0, 0.01), (6, 0.055), (20, 0.05), (50, 0.06), (80, 0.05), (105, 0.03))
LUNG_CONTACTS: Annotated[float, Given("coded contacts a year for either lung disease")] = 1.4
DEMENTIA: Annotated[Curve, Given("share of persons with a dementia diagnosis, by age",
    "assumed; rises with age as in HUNT4 70+ (Gjøra et al. 2021), lower since not all is "
    "diagnosed")] = (
    (59, 0), (65, 0.006), (70, 0.022), (75, 0.05), (80, 0.10), (85, 0.19), (90, 0.30),
    (105, 0.42))
DEMENTIA_IN_NURSING_HOME: Annotated[float, Given(
    "share of long-stay residents with a dementia diagnosis")] = 0.72
DEMENTIA_CONTACTS: Annotated[float, Given("coded contacts a year for dementia")] = 1.3
DEMENTIA_DRUG_SHARE: Annotated[float, Given("share of them with a drug against dementia")] = 0.38
ANTIPSYCHOTIC_SHARE: Annotated[float, Given("share of them with an antipsychotic, at home")] = 0.09
ANTIPSYCHOTIC_NURSING_HOME: Annotated[float, Given(
    "the same share in a nursing home")] = 0.19
MENTAL: Annotated[Curve, Given(
    "share of persons with contacts in chapter P of ICPC-2 in look-back and window, by age")] = (
    (0, 0.05), (10, 0.14), (16, 0.24), (25, 0.30), (50, 0.28), (74, 0.22), (105, 0.2))
MENTAL_CODES: Annotated[tuple[str, ...], Given("codes of chapter P, equally often")] = (
    "P01", "P02", "P03", "P04", "P06", "P19", "P29", "P74", "P76", "P78", "P81", "P82", "P99")
MUSCULOSKELETAL: Annotated[Curve, Given(
    "share of persons with contacts in chapter L of ICPC-2 in look-back and window, by age")] = (
    (0, 0.05), (12, 0.20), (30, 0.33), (55, 0.46), (75, 0.44), (105, 0.35))
MUSCULOSKELETAL_CODES: Annotated[tuple[str, ...], Given(
    "codes of chapter L, equally often")] = (
    "L01", "L02", "L03", "L08", "L15", "L18", "L84", "L86", "L87", "L89", "L92", "L95", "L99")
CHAPTER_CONTACTS: Annotated[float, Given("coded contacts a year of those persons")] = 0.9
AIRWAY_INFECTIONS: Annotated[Curve, Given(
    "contacts a year with an airway infection, by age")] = (
    (0, 0.55), (5, 0.35), (15, 0.18), (40, 0.20), (70, 0.20), (105, 0.25))
AIRWAY_CODES: Annotated[tuple[str, ...], Given("ICPC-2 codes of airway infections")] = (
    "R05", "R72", "R74", "R75", "R76", "R78", "R81", "H71")
AIRWAY_SEASON: Annotated[Months, Given("airway infections by month, relative")] = (
    1.6, 1.5, 1.2, 0.9, 0.75, 0.6, 0.45, 0.6, 0.9, 1.1, 1.2, 1.4)
ANTIBIOTIC_SHARE: Annotated[float, Given("share of those contacts with an antibiotic")] = 0.33
NARROW_LOGIT: Annotated[float, Given(
    "log-odds that the antibiotic is phenoxymethylpenicillin (J01CE02)")] = 0.85
OFFICE_NARROW_SD: Annotated[float, Given(
    "how far offices lie apart in that choice, log-odds: provider clustering")] = 0.5
BROAD_ATC: Annotated[tuple[str, ...], Given("the other antibiotics, equally often")] = (
    "J01AA02", "J01FA01", "J01CA04", "J01FA09")
MUNICIPALITY_DISEASE_LOG_SD: Annotated[float, Given(
    "how far municipalities lie apart: each of these diseases, log scale")] = 0.12
CHRONIC_DRUGS: Annotated[Curve, Given("mean number of drugs taken at a time, by age")] = (
    (0, 0.1), (20, 0.35), (45, 0.9), (60, 2.0), (75, 4.6), (90, 6.6), (105, 6.4))
CHRONIC_DRUG_INTERVAL: Annotated[int, Given("days between prescriptions of each such drug")] = 100
CHRONIC_ATC: Annotated[tuple[str, ...], Given("the drugs, drawn without repetition")] = (
    "C10AA05", "C09AA05", "C09CA06", "C08CA01", "C07AB02", "C03CA01", "B01AC06", "B01AF02",
    "A02BC05", "N02BE01", "N02AA05", "N05CF01", "N06AB10", "N06AX11", "H03AA01", "R03AC02",
    "R03BA02", "R03AK06", "M01AE01", "M05BA04", "A12AX", "B03BA03", "B03AA07", "G04CA02",
    "G04BD08", "C01DA14", "C01AA05", "A06AD11", "N03AX16", "S01ED51")
HBA1C_MEASURED: Annotated[float, Given("measurements a year of a person with diabetes")] = 1.9
HBA1C_OTHERS: Annotated[float, Given("measurements a year of other adults")] = 0.12
HBA1C_MEAN: Annotated[float, Given("mean HbA1c in diabetes, mmol/mol")] = 53.0
HBA1C_SD: Annotated[float, Given("standard deviation between persons, mmol/mol")] = 10.5
PRESSURE_MEASURED: Annotated[float, Given("measurements a year in hypertension")] = 2.0
PRESSURE_OTHERS: Annotated[float, Given("measurements a year of other adults")] = 0.25
SYSTOLIC_MEAN: Annotated[float, Given("mean systolic pressure in hypertension, mmHg")] = 137.0
SYSTOLIC_SD: Annotated[float, Given("its standard deviation, mmHg")] = 15.0
DIASTOLIC_MEAN: Annotated[float, Given("mean diastolic pressure in hypertension, mmHg")] = 81.0
DIASTOLIC_SD: Annotated[float, Given("its standard deviation, mmHg")] = 9.0
PANELS: Annotated[Curve, Given("blood samples a year at the general practitioner, by age")] = (
    (0, 0.15), (18, 0.5), (40, 0.9), (60, 1.5), (80, 2.6), (105, 2.6))
ANALYSES_PER_PANEL: Annotated[float, Given("analyses of a sample, mean")] = 12.0
HOSPITAL_ANALYSES: Annotated[tuple[float, float], Given(
    "analyses of an inpatient stay: at admission, and for each further day")] = (12.0, 5.0)
LABORATORY: Annotated[dict[str, tuple[float, float]], Given(
    "other analyses: NPU code, mean and standard deviation in its unit")] = {
    "NPU19748": (8.0, 12.0), "NPU28309": (14.0, 1.4), "NPU18016": (78.0, 22.0),
    "NPU03429": (140.0, 3.0), "NPU03230": (4.2, 0.4), "NPU19651": (28.0, 15.0),
    "NPU01566": (5.0, 1.1), "NPU01568": (2.9, 0.9), "NPU03568": (250.0, 60.0),
    "NPU27547": (1.9, 1.0), "NPU19763": (110.0, 80.0), "NPU02593": (7.0, 2.2)}
MMR_COVERAGE: Annotated[tuple[float, float], Given(
    "share of children vaccinated against measles, mumps and rubella: dose at 15 months, dose "
    "in sixth grade", "assumed; the national coverage of SYSVAK lies near")] = (0.955, 0.935)
MMR_AGE_DAYS: Annotated[tuple[int, int], Given(
    "age in days at the two doses", "the Norwegian programme of childhood vaccination")] = (
    456, 4200)
INFLUENZA_65: Annotated[float, Given("share of residents 65+ vaccinated in a season",
    "assumed; the national figure of SYSVAK_INFLU lies near")] = 0.62
INFLUENZA_RISK: Annotated[float, Given(
    "share of persons 18-64 with lung disease or diabetes vaccinated in a season")] = 0.34
VACCINE_NOT_DONE: Annotated[float, Given("share of vaccinations recorded as not done")] = 0.01
MUNICIPALITY_VACCINE_LOGIT_SD: Annotated[float, Given(
    "how far municipalities lie apart: vaccination, log-odds")] = 0.25
GP_CLAIMS: Annotated[Curve, Given("claims a year of general practitioners, by age")] = (
    (0, 4.2), (6, 2.2), (15, 2.6), (30, 4.4), (60, 5.8), (80, 8.8), (105, 8.0))
GP_CLAIM_SEASON: Annotated[Months, Given("claims by month, relative")] = (
    1.12, 1.08, 1.1, 0.98, 1.02, 1.0, 0.6, 0.92, 1.08, 1.08, 1.1, 0.95)
GP_CONTACT_TYPES: Annotated[tuple[float, ...], Given(
    "share of claims: consultation, telephone, home visit, digital")] = (0.60, 0.16, 0.02, 0.22)
OFFICE_CLAIM_LOG_SD: Annotated[float, Given(
    "how far offices lie apart: claims per listed person, log scale: provider clustering")] = 0.12
OUT_OF_HOURS: Annotated[Curve, Given("claims a year of the out-of-hours service, by age")] = (
    (0, 0.52), (5, 0.34), (15, 0.20), (25, 0.27), (60, 0.18), (80, 0.30), (105, 0.42))
OUT_OF_HOURS_TYPES: Annotated[tuple[float, ...], Given(
    "share of those claims: consultation, telephone, home visit, digital")] = (
    0.68, 0.28, 0.03, 0.01)
MUNICIPALITY_OUT_OF_HOURS_LOG_SD: Annotated[float, Given(
    "how far municipalities lie apart: out-of-hours contacts, log scale")] = 0.18
EMERGENCY_CODES: Annotated[dict[str, Curve], Given(
    "main diagnoses of emergency somatic stays: weight by age; the rest is background")] = {
    "J44.1": ((45, 0), (60, 4.5), (75, 6), (105, 4)), "J45.9": ((0, 3), (10, 2), (60, 0.6)),
    "I50.9": ((50, 0), (70, 4), (85, 8), (105, 9)), "E10.1": ((5, 2), (25, 1), (60, 0.4)),
    "E11.9": ((40, 0.3), (70, 0.9), (105, 0.6)), "N10": ((0, 1), (30, 1.6), (80, 1.2)),
    "N12": ((30, 0.2), (80, 0.3)), "N39.0": ((0, 0.6), (60, 1), (85, 4)),
    "L03.1": ((20, 0.8), (60, 1.6), (85, 2)), "S72.0": ((50, 0), (65, 1.5), (80, 4), (95, 7)),
    "S72.1": ((50, 0), (65, 0.9), (80, 2.6), (95, 5)), "S72.2": ((50, 0), (80, 0.5), (95, 0.8)),
    "I21.4": ((35, 0), (55, 3), (75, 3.5), (95, 3)), "I63.9": ((40, 0.2), (70, 3.5), (90, 4))}
BACKGROUND_WEIGHT: Annotated[float, Given("weight of the other diagnoses together")] = 68.0
BACKGROUND_ICD10: Annotated[tuple[str, ...], Given("the other diagnoses, equally often")] = (
    "J18.9", "R07.4", "R10.4", "K35.8", "I48.9", "S52.5", "Z03.8", "K80.2", "A41.9", "R55",
    "T81.4", "M54.5", "C34.9", "K57.3", "O80")
SECONDARY_DIAGNOSES: Annotated[float, Given("further diagnoses of a stay, mean")] = 1.2
SELF_HARM_SHARE: Annotated[Curve, Given(
    "share of emergencies at hospitals coded as intentional self-harm, by age",
    "about 12 a year per 10 000 persons above ten, of which a third is coded so: Qin, Burrell, Bøe "
    "and Mehlum on the Norwegian Patient Registry 2008-2013; here nearly all are coded, so that a "
    "small region has some; by age and emergency assumed")] = (
    (9, 0), (15, 0.02), (25, 0.02), (45, 0.01), (60, 0.003), (75, 0.0008), (105, 0.0004))
SELF_HARM_SHAPE: Annotated[float, Given(
    "shape of the gamma factor with mean 1 by which persons differ in it: repeated events")] = 0.5
SELF_HARM_CODES: Annotated[tuple[str, ...], Given(
    "how intentional self-harm is coded, equally often")] = ("X61", "X64", "X70", "X78", "X84")
OTHER_CAUSE_SHARE: Annotated[float, Given(
    "share of the other emergencies coded with accident, assault or undetermined intent")] = 0.06
OTHER_CAUSE_CODES: Annotated[tuple[str, ...], Given(
    "how those are coded, equally often")] = ("W18", "W22", "X44", "X59", "X85", "Y12")
HYPERTENSION_CODES: Annotated[tuple[tuple[str, float], ...], Given(
    "how hypertension is coded: code, share of persons")] = (
    ("icpc2|K86", 0.78), ("icpc2|K87", 0.08), ("icd10|I10", 0.11), ("icd10|I11.9", 0.03))
COPD_CODES: Annotated[tuple[tuple[str, float], ...], Given(
    "how chronic obstructive lung disease is coded: code, share of persons")] = (
    ("icpc2|R95", 0.85), ("icd10|J44.9", 0.15))
ASTHMA_CODES: Annotated[tuple[tuple[str, float], ...], Given(
    "how asthma is coded: code, share of persons")] = (
    ("icpc2|R96", 0.88), ("icd10|J45.9", 0.12))
DEMENTIA_CODES: Annotated[tuple[tuple[str, float], ...], Given(
    "how dementia is coded: code, share of persons")] = (
    ("icpc2|P70", 0.74), ("icd10|G30.9", 0.1), ("icd10|F00.1", 0.08), ("icd10|F03", 0.08))
DEMENTIA_RENEWALS: Annotated[float, Given(
    "prescriptions a year of drugs against dementia, and of antipsychotics")] = 3.0
CHRONIC_DRUG_SPREAD: Annotated[float, Given(
    "drugs by which persons of an age differ beside frailty")] = 1.4
HBA1C_OTHERS_LEVEL: Annotated[tuple[float, float], Given(
    "HbA1c without diabetes: mean and standard deviation, mmol/mol")] = (37.0, 3.2)
OFFICE_HBA1C_LOG_SD: Annotated[float, Given(
    "how far offices lie apart: HbA1c of their patients, log scale: provider clustering")] = 0.06
AMENDED_RESULTS: Annotated[float, Given("share of results amended")] = 0.004
DIGITAL_INSTEAD: Annotated[float, Given(
    "share of consultations held on a screen at an office that is keen on it, mean")] = 0.1
INFLUENZA_SEASON: Annotated[tuple[int, int], Given(
    "first day of the year and length in days of the season of vaccination")] = (270, 85)
# fmt: on
