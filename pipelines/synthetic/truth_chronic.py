"""Measures for the truth about chronic disease, vaccination and children's health.

Belongs here: lung disease, hypertension and diabetes with what is measured for them, who is
vaccinated, what health stations see. Does not belong here: who has diabetes, residents and
offices (``truth_persons``).

Every measure returns rows of year, person, municipality_code (null: graded), value.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.synthetic.truth_definition import ADULTS, ALL_AGES, Definition
from pipelines.synthetic.truth_persons import (
    COLUMNS,
    World,
    by_year,
    diabetes_t2,
    diagnoses,
    gp_residents,
    residents,
)

LUNG = {"copd": ("R95", "J44"), "asthma": ("R96", "J45")}
PRESSED = ("K86", "K87", "I10", "I11", "I12", "I13", "I15")
MMR = ("J07BD52", "J07BD54")


def _last(year: int) -> dt.date:
    return dt.date(year, 12, 31)


def _diagnosed(world: World, codes: tuple[str, ...]) -> pl.DataFrame:
    """Of ``gp_residents``, those with a confirmed code in the year or the year before."""
    confirmed = diagnoses(world.region).filter(
        pl.col("verification_status") == "confirmed", pl.col("code").str.slice(0, 3).is_in(codes)
    )
    covered = gp_residents(world)
    parts = []
    for year in world.years:
        seen = confirmed.filter(pl.col("recorded_on").dt.year().is_in([year - 1, year]))
        parts.append(covered.filter(pl.col("year") == year).join(seen, on="person", how="semi"))
    return by_year(parts)


def hypertension(world: World) -> pl.DataFrame:
    """Residents with a live general practitioner and hypertension."""
    return _diagnosed(world, PRESSED)


def copd(world: World) -> pl.DataFrame:
    """Residents with a live general practitioner and chronic obstructive lung disease."""
    return _diagnosed(world, LUNG["copd"])


def asthma(world: World) -> pl.DataFrame:
    """Residents with a live general practitioner and asthma."""
    return _diagnosed(world, LUNG["asthma"])


def _measured(world: World, code: str, year: int) -> pl.DataFrame:
    """Rows of a code from 1 October of the year before: of each person the last day with any."""
    make = world.region.yearly.get("gp_observations")
    if make is None:
        names = ("person", "observed_on", "value", "systolic", "diastolic")
        return pl.DataFrame(schema=dict.fromkeys(names, pl.Float64)).cast({"person": pl.Int64})
    rows = pl.concat([make(year - 1), make(year)]).filter(
        pl.col("code") == code,
        pl.col("status") != "entered-in-error",
        pl.col("observed_on").is_between(dt.date(year - 1, 10, 1), _last(year)),
    )
    return rows.filter(pl.col("observed_on") == pl.col("observed_on").max().over("person"))


def _of_those(whole: pl.DataFrame, year: int, chosen: pl.DataFrame) -> pl.DataFrame:
    return whole.filter(pl.col("year") == year).join(chosen, on="person", how="semi")


def hba1c_measured(world: World) -> pl.DataFrame:
    """Of those with type 2 diabetes, persons measured from 1 October of the year before."""
    ill = diabetes_t2(world)
    return by_year([_of_those(ill, y, _measured(world, "NPU27300", y)) for y in world.years])


def hba1c_at_most_53(world: World) -> pl.DataFrame:
    """Of those, persons whose last result was at most 53 mmol/mol."""
    ill = diabetes_t2(world)
    parts = []
    for year in world.years:
        last = _measured(world, "NPU27300", year).group_by("person").agg(pl.col("value").min())
        parts.append(_of_those(ill, year, last.filter(pl.col("value") <= 53)))
    return by_year(parts)


def hypertension_controlled(world: World) -> pl.DataFrame:
    """Of those with hypertension, persons below 140/90 on the last day with a reading."""
    pressed = hypertension(world)
    parts = []
    for year in world.years:
        lowest = (
            _measured(world, "85354-9", year)
            .group_by("person")
            .agg(pl.col("systolic", "diastolic").min())
        )
        below = lowest.filter(pl.col("systolic") < 140, pl.col("diastolic") < 90)
        parts.append(_of_those(pressed, year, below))
    return by_year(parts)


def _given(world: World) -> pl.DataFrame:
    """Vaccinations given: person, vaccine_code, given_on."""
    columns = {"person": pl.Int64, "vaccine_code": pl.String, "given_on": pl.Date}
    frame = world.region.more.get("immunizations")
    if frame is None:
        return pl.DataFrame(schema=columns)
    given = frame.filter(pl.col("status") == "completed")
    return given.select(pl.col(name).cast(kind) for name, kind in columns.items())


def _mmr(world: World, least: int) -> pl.DataFrame:
    doses = _given(world).filter(pl.col("vaccine_code").is_in(MMR))
    living = residents(world)
    parts = []
    for year in world.years:
        had = doses.filter(pl.col("given_on") <= _last(year)).group_by("person")
        enough = had.agg(pl.col("given_on").n_unique().alias("days"))
        parts.append(_of_those(living, year, enough.filter(pl.col("days") >= least)))
    return by_year(parts)


def mmr_one_dose(world: World) -> pl.DataFrame:
    """Residents with one dose at least against measles, mumps and rubella."""
    return _mmr(world, 1)


def mmr_two_doses(world: World) -> pl.DataFrame:
    """Residents with doses on two days at least."""
    return _mmr(world, 2)


def influenza_vaccinated(world: World) -> pl.DataFrame:
    """Of ``gp_residents``, those vaccinated against influenza from 1 September."""
    autumn = _given(world).filter(
        pl.col("vaccine_code").str.starts_with("J07BB"), pl.col("given_on").dt.month() >= 9
    )
    vaccinated = autumn.select("person", pl.col("given_on").dt.year().alias("year")).unique()
    return gp_residents(world).join(vaccinated, on=["person", "year"], how="semi").select(COLUMNS)


def _of_children(world: World, code: str, age: int) -> pl.DataFrame:
    """What municipalities observed of residents who reach an age in the year.

    Returns:
        One row an observation: year, person, municipality_code, sex, birth_date, value,
        observed_on.
    """
    columns = {"person": pl.Int64, "value": pl.Float64, "observed_on": pl.Date}
    seen = pl.DataFrame(schema=columns)
    frame = world.region.more.get("child_observations")
    if frame is not None:
        kept = frame.filter(pl.col("code") == code, pl.col("status") != "entered-in-error")
        seen = kept.select(*columns)
    born = world.region.persons.select("person", "sex", "birth_date")
    reached = residents(world).drop("value").join(born, on="person")
    reached = reached.filter(pl.col("year") - pl.col("birth_date").dt.year() == age)
    return reached.join(seen, on="person")


def _persons(rows: pl.DataFrame) -> pl.DataFrame:
    ones = rows.select("year", "person", "municipality_code").unique()
    return by_year([ones.with_columns(pl.lit(1.0).alias("value"))])


def _age_days() -> pl.Expr:
    return (pl.col("observed_on") - pl.col("birth_date")).dt.total_days()


def checked_on_schedule(world: World) -> pl.DataFrame:
    """Children who turn one, checked at 28–56 days and at 152–212 days."""
    seen = _of_children(world, "health_check", 1)
    first = seen.filter(_age_days().is_between(28, 56))
    second = seen.filter(_age_days().is_between(152, 212))
    return _persons(first.join(second, on=["person", "year"], how="semi"))


def _feeding(world: World) -> pl.DataFrame:
    """The last answer at six months."""
    seen = _of_children(world, "breastfeeding", 1).filter(_age_days().is_between(152, 212))
    return seen.sort("observed_on", "value").unique("person", keep="last", maintain_order=True)


def feeding_known_6_months(world: World) -> pl.DataFrame:
    """Children who turn one and whose feeding at six months is known."""
    return _persons(_feeding(world))


def breastfed_6_months(world: World) -> pl.DataFrame:
    """Of those, children who were breastfed, partly or fully."""
    return _persons(_feeding(world).filter(pl.col("value") > 0))


def _body_mass(world: World) -> pl.DataFrame:
    """The last body mass index of the year in which a child turns eight."""
    seen = _of_children(world, "39156-5", 8)
    seen = seen.filter(pl.col("observed_on").dt.year() == pl.col("year"))
    last = pl.col("observed_on") == pl.col("observed_on").max().over("person")
    return seen.filter(last).filter(pl.col("value") == pl.col("value").min().over("person"))


def measured_8_years(world: World) -> pl.DataFrame:
    """Children whose body mass index was measured in the year they turn eight."""
    return _persons(_body_mass(world))


def overweight_8_years(world: World) -> pl.DataFrame:
    """Of those, children at or above the international limits for overweight."""
    seen = _body_mass(world)
    had_birthday = pl.col("observed_on") >= pl.col("birth_date").dt.offset_by("96mo")
    boys = pl.when(had_birthday).then(18.76).otherwise(18.16)
    girls = pl.when(had_birthday).then(18.69).otherwise(18.03)
    limit = pl.when(pl.col("sex") == "male").then(boys).otherwise(girls)
    return _persons(seen.filter(pl.col("value") >= limit - 1e-9))


DEFINITIONS: dict[str, Definition] = {
    "hba1c_measured_share": Definition(
        hba1c_measured, diabetes_t2, 100, ADULTS, "gp", on_date=True
    ),
    "hba1c_at_most_53_share": Definition(
        hba1c_at_most_53, diabetes_t2, 100, ADULTS, "gp", on_date=True
    ),
    "copd_prevalence_45plus": Definition(
        copd, gp_residents, 1000, (45, 67, 80), "gp", on_date=True
    ),
    "asthma_prevalence": Definition(asthma, gp_residents, 1000, ALL_AGES, "gp", on_date=True),
    "hypertension_controlled_share": Definition(
        hypertension_controlled, hypertension, 100, ADULTS, "gp", on_date=True
    ),
    "mmr_2_years_share": Definition(
        mmr_one_dose, residents, 100, (2,), "municipal_care", on_date=True, public=True, oldest=2
    ),
    "mmr_16_years_share": Definition(
        mmr_two_doses, residents, 100, (16,), "municipal_care", on_date=True, public=True, oldest=16
    ),
    "influenza_65plus_share": Definition(
        influenza_vaccinated, gp_residents, 100, (65, 80), "gp", on_date=True
    ),
    "overweight_8_years_share": Definition(
        overweight_8_years, measured_8_years, 100, (8,), "municipal_care", on_date=True, oldest=8,
        wash_in_months=12,
    ),
    "breastfeeding_6_months_share": Definition(
        breastfed_6_months, feeding_known_6_months, 100, (1,), "municipal_care", on_date=True,
        oldest=1, wash_in_months=24,
    ),
    "health_station_on_schedule_share": Definition(
        checked_on_schedule, residents, 100, (1,), "municipal_care", on_date=True, public=True,
        oldest=1, wash_in_months=24,
    ),
}  # fmt: skip
