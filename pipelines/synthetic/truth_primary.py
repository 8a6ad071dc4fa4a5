"""Measures for the truth of primary care and medicines, and the indicators made of them.

Belongs here: codes and drugs of residents covered by a general practitioner. Does not belong here:
who is covered, and diabetes (``truth_persons``).

Every measure returns rows of year, person, municipality_code, value.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.synthetic.truth_definition import ALL_AGES, Definition
from pipelines.synthetic.truth_persons import COLUMNS, World, by_year, diagnoses, gp_residents

TEN_DRUGS, DRUG_DAYS = 10, 120
DEMENTIA_YEARS = 2
THREE_QUARTERS = 3
_CODE, _ATC = pl.col("code"), pl.col("atc_code")
_ICPC2, _ICD10 = pl.col("code_system") == "icpc2", pl.col("code_system") == "icd10"
_NUMBER = _CODE.str.slice(1, 2).cast(pl.Int32, strict=False)


def _starts(column: pl.Expr, *prefixes: str) -> pl.Expr:
    return pl.any_horizontal(column.str.starts_with(prefix) for prefix in prefixes)


_DEMENTIA = (_ICPC2 & (_CODE == "P70")) | (
    _ICD10 & _starts(_CODE, "F00", "F01", "F02", "F03", "G30")
)
_MENTAL = _ICPC2 & _CODE.str.starts_with("P") & ((_NUMBER <= 29) | (_NUMBER >= 70))
_INJURY = _NUMBER.is_between(72, 81) | (_NUMBER == 96)
_MUSCLES = _ICPC2 & _CODE.str.starts_with("L") & ((_NUMBER <= 29) | (_NUMBER >= 70)) & ~_INJURY
_AIRWAYS = _ICPC2 & (
    _CODE.is_in(["H01", "H71", "H72", "H74"])
    | (_CODE.str.starts_with("R") & _NUMBER.is_in([*range(1, 6), *range(7, 30), 71, 72]))
    | (_CODE.str.starts_with("R") & _NUMBER.is_in([*range(74, 79), *range(80, 84)]))
)
_ANTIPSYCHOTIC = _starts(_ATC, "N05A") & ~_starts(_ATC, "N05AN")
_BENZODIAZEPINE = _starts(_ATC, "N05BA", "N05CD", "N05CF")


def _diagnosed(world: World, codes: pl.Expr, year: int, years: int = 1) -> pl.DataFrame:
    """Person and recorded_on of confirmed diagnoses in so many years to the end of a year."""
    return diagnoses(world.region).filter(
        codes,
        pl.col("verification_status") == "confirmed",
        pl.col("recorded_on").dt.year().is_between(year - years + 1, year),
    )


def _prescribed(world: World, drugs: pl.Expr, year: int, years: int = 1) -> pl.DataFrame:
    return world.prescriptions.filter(
        drugs, pl.col("authored_on").dt.year().is_between(year - years + 1, year)
    )


def _of_covered(world: World, persons: dict[int, pl.DataFrame]) -> pl.DataFrame:
    """Covered residents who are among the persons of the year."""
    covered = gp_residents(world)
    return by_year(
        [
            covered.filter(pl.col("year") == year).join(among, on="person", how="semi")
            for year, among in persons.items()
        ]
    )


def polypharmacy(world: World) -> pl.DataFrame:
    """Ten drugs or more prescribed in the 120 days that end on 31 December."""
    persons = {}
    for year in world.years:
        last = dt.date(year, 12, 31)
        first = last - dt.timedelta(days=DRUG_DAYS - 1)
        recent = world.prescriptions.filter(pl.col("authored_on").is_between(first, last))
        drugs = recent.group_by("person").agg(_ATC.n_unique().alias("drugs"))
        persons[year] = drugs.filter(pl.col("drugs") >= TEN_DRUGS)
    return _of_covered(world, persons)


def dementia(world: World) -> pl.DataFrame:
    """A diagnosis or a drug against dementia in two years."""
    persons = {}
    for year in world.years:
        diagnosed = _diagnosed(world, _DEMENTIA, year, DEMENTIA_YEARS).select("person")
        treated = _prescribed(world, _starts(_ATC, "N06D"), year, DEMENTIA_YEARS)
        persons[year] = pl.concat([diagnosed, treated.select("person")])
    return _of_covered(world, persons)


def dementia_antipsychotics(world: World) -> pl.DataFrame:
    """Of ``dementia``, those with an antipsychotic in the year."""
    ill = dementia(world)
    return by_year(
        [
            ill.filter(pl.col("year") == year).join(
                _prescribed(world, _ANTIPSYCHOTIC, year), on="person", how="semi"
            )
            for year in world.years
        ]
    )


def mental_diagnoses(world: World) -> pl.DataFrame:
    """A code of chapter P in the year."""
    return _of_covered(world, {year: _diagnosed(world, _MENTAL, year) for year in world.years})


def musculoskeletal_diagnoses(world: World) -> pl.DataFrame:
    """A code of chapter L in the year that is no injury."""
    return _of_covered(world, {year: _diagnosed(world, _MUSCLES, year) for year in world.years})


def benzodiazepines(world: World) -> pl.DataFrame:
    """A benzodiazepine or Z-hypnotic in the year."""
    return _of_covered(
        world, {year: _prescribed(world, _BENZODIAZEPINE, year) for year in world.years}
    )


def long_term_opioids(world: World) -> pl.DataFrame:
    """Opioids in at least three quarters of the year."""
    persons = {}
    for year in world.years:
        quarters = (
            _prescribed(world, _starts(_ATC, "N02A"), year)
            .group_by("person")
            .agg(pl.col("authored_on").dt.quarter().n_unique().alias("quarters"))
        )
        persons[year] = quarters.filter(pl.col("quarters") >= THREE_QUARTERS)
    return _of_covered(world, persons)


def airway_antibiotics(world: World, drugs: str = "J01") -> pl.DataFrame:
    """Antibiotics prescribed on a day with an airway diagnosis."""
    parts = []
    covered = gp_residents(world).drop("value").rename({"year": "of_year"})
    on = pl.col("authored_on")
    period = on.dt.year() * 100 + on.dt.month() if world.by_month else on.dt.year()
    for year in world.years:
        days = _diagnosed(world, _AIRWAYS, year).select("person", authored_on="recorded_on")
        given = _prescribed(world, _starts(_ATC, drugs), year).join(
            days, on=["person", "authored_on"], how="semi"
        )
        counted = given.group_by("person", period.alias("year")).agg(pl.len().alias("value"))
        here = covered.filter(pl.col("of_year") == year)
        parts.append(here.join(counted, on="person").select(COLUMNS))
    return by_year(parts)


def airway_narrow_penicillins(world: World) -> pl.DataFrame:
    """Of ``airway_antibiotics``, penicillins with a narrow spectrum."""
    return airway_antibiotics(world, "J01CE")


DEFINITIONS: dict[str, Definition] = {
    "polypharmacy_75plus_share": Definition(
        polypharmacy, gp_residents, 100, (75, 80), "gp", on_date=True
    ),
    "antipsychotics_in_dementia_share": Definition(
        dementia_antipsychotics, dementia, 100, (65, 80), "gp", on_date=True
    ),
    "narrow_spectrum_penicillin_airway_share": Definition(
        airway_narrow_penicillins, airway_antibiotics, 100, ALL_AGES, "gp"
    ),
    "mental_symptoms_primary_care_share": Definition(
        mental_diagnoses, gp_residents, 100, (0, 18, 45, 67), "gp", on_date=True, oldest=74
    ),
    "dementia_prevalence_65plus": Definition(
        dementia, gp_residents, 100, (65, 80), "gp", on_date=True
    ),
    "musculoskeletal_primary_care_share": Definition(
        musculoskeletal_diagnoses, gp_residents, 100, ALL_AGES, "gp", on_date=True
    ),
    "opioid_long_term_use_share": Definition(
        long_term_opioids, gp_residents, 100, (18, 45, 67, 80), "gp", on_date=True
    ),
    "benzodiazepines_70plus_share": Definition(
        benzodiazepines, gp_residents, 100, (70, 80), "gp", on_date=True
    ),
}
