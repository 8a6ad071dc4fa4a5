"""What is measured: blood samples, HbA1c and blood pressure, a calendar year at a time.

Belongs here: measurements at general practitioners and in hospital. Does not belong here: what
nursing homes observe (``nursing``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import FAR, Floats, Ints, date_series, first_day, last_day
from pipelines.synthetic.draws import coded, identified, place_factors
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.model import Yearly

HBA1C, PRESSURE = "NPU27300", "85354-9"
CODES = (*par.LABORATORY, HBA1C, PRESSURE)
STATUSES = ("final", "amended", "entered-in-error")
_MEANS = np.array([mean for mean, _ in par.LABORATORY.values()] + [par.HBA1C_OTHERS_LEVEL[0], 0.0])
_SPREADS = np.array(
    [spread for _, spread in par.LABORATORY.values()] + [par.HBA1C_OTHERS_LEVEL[1], 0.0]
)
_HBA1C, _PRESSURE = CODES.index(HBA1C), CODES.index(PRESSURE)


def gp_observations(basis: Basis, diabetic: Ints, hypertensive: Ints) -> Yearly:
    """Measurements at general practitioners.

    Args:
        basis: Persons and offices.
        diabetic: Persons with a diagnosis of diabetes.
        hypertensive: Persons followed for hypertension.

    Returns:
        Makes the measurements of a calendar year, one row each: id, person, status, code, value
        (null for pressure), systolic, diastolic (null for all else), observed_on, minute,
        office (null in hospital).
    """
    size = basis.population.birth.size
    rng = basis.settings.rng("levels of the listed")
    sugar = np.zeros(size, dtype=np.bool_)
    sugar[diabetic] = True
    pressed = np.zeros(size, dtype=np.bool_)
    pressed[hypertensive] = True
    level = rng.normal(0.0, 1.0, size)
    office_level = place_factors(rng, basis.offices.place.size, par.OFFICE_HBA1C_LOG_SD)

    def of_year(year: int) -> pl.DataFrame:
        rng = basis.settings.rng(f"measurements {year}")
        person, age = basis.listed(year)
        adult = age >= 18
        panels = basis.by_age(par.PANELS, age) * basis.frailty[person]
        who, days, office = basis.events(rng, year, person, panels)
        each = 1 + rng.poisson(par.ANALYSES_PER_PANEL - 1, who.size)
        parts = [(np.repeat(who, each), np.repeat(days, each), np.repeat(office, each))]
        codes = [rng.integers(0, len(par.LABORATORY), parts[0][0].size)]
        for flag, ill, others, what in (
            (sugar, par.HBA1C_MEASURED, par.HBA1C_OTHERS, _HBA1C),
            (pressed, par.PRESSURE_MEASURED, par.PRESSURE_OTHERS, _PRESSURE),
        ):
            rate = np.where(flag[person], ill, np.where(adult, others, 0.0))
            parts.append(basis.events(rng, year, person, rate))
            codes.append(np.full(parts[-1][0].size, what))
        who, days, office = (np.concatenate(part) for part in zip(*parts, strict=True))
        code = np.concatenate(codes)
        value = _value(rng, code)
        known = (code == _HBA1C) & sugar[who]
        of_ill = par.HBA1C_MEAN * office_level[office] + par.HBA1C_SD * level[who]
        value = np.where(
            known, np.maximum(np.round(of_ill + rng.normal(0, 3, who.size)), 30), value
        )
        frame = _frame(rng, f"obs-{year % 100}", who, code, days, value)
        frame = frame.with_columns(pl.Series("office", office))
        return _pressure(rng, frame, code, pressed[who])

    return of_year


def _pressure(
    rng: np.random.Generator, frame: pl.DataFrame, code: Ints, pressed: np.ndarray
) -> pl.DataFrame:
    higher = np.where(pressed, 0.0, -9.0)
    high = np.rint(rng.normal(par.SYSTOLIC_MEAN + higher, par.SYSTOLIC_SD))
    low = np.rint(rng.normal(par.DIASTOLIC_MEAN + higher / 2, par.DIASTOLIC_SD))
    low = np.clip(low, 35, high - 15)
    measured = pl.Series(code == _PRESSURE)
    return frame.with_columns(
        pl.when(measured).then(pl.Series(np.clip(high, 80, 240))).alias("systolic"),
        pl.when(measured).then(pl.Series(low)).alias("diastolic"),
        pl.when(~measured).then("value").alias("value"),
    )


def hospital_observations(basis: Basis, encounters: pl.DataFrame) -> Yearly:
    """Analyses of inpatient stays.

    Args:
        basis: Settings.
        encounters: ``Region.encounters``.

    Returns:
        Makes the analyses of a calendar year, as ``gp_observations``.
    """
    stays = encounters.filter(
        pl.col("class_code") == "IMP",
        pl.col("service_type") == "somatic",
        pl.col("status").is_in(["finished", "in-progress"]),
    ).select(
        "person",
        pl.col("started_on").cast(pl.Int32).cast(pl.Int64).alias("begin"),
        pl.col("ended_on").cast(pl.Int32).cast(pl.Int64).fill_null(FAR).alias("end"),
    )
    person, begin, end = (stays[name].to_numpy() for name in ("person", "begin", "end"))
    admission, daily = par.HOSPITAL_ANALYSES

    def of_year(year: int) -> pl.DataFrame:
        rng = basis.settings.rng(f"hospital analyses {year}")
        start = np.maximum(begin, first_day(year))
        stop = np.minimum(end, last_day(year))
        days_of = stop - start
        here = days_of >= 0
        mean = np.where(begin >= first_day(year), admission, 0.0) + daily * np.maximum(days_of, 0)
        each = np.where(here, rng.poisson(mean), 0)
        row = np.repeat(np.arange(person.size), each)
        # Most at admission, the rest spread over the stay.
        early = rng.random(row.size) < 0.5
        spread = np.floor(rng.random(row.size) * (days_of[row] + 1)).astype(np.int64)
        days = start[row] + np.where(early, 0, spread)
        code = rng.integers(0, len(par.LABORATORY), row.size)
        frame = _frame(rng, f"obl-{year % 100}", person[row], code, days, _value(rng, code))
        nothing = pl.lit(None, dtype=pl.Float64)
        return frame.with_columns(
            pl.lit(None, dtype=pl.Int64).alias("office"),
            nothing.alias("systolic"),
            nothing.alias("diastolic"),
        )

    return of_year


def _value(rng: np.random.Generator, code: Ints) -> Floats:
    drawn = rng.normal(_MEANS[code], _SPREADS[code])
    return np.asarray(np.round(np.maximum(drawn, _MEANS[code] / 10), 1), dtype=np.float64)


def _frame(
    rng: np.random.Generator, prefix: str, person: Ints, code: Ints, days: Ints, value: Floats
) -> pl.DataFrame:
    odd = rng.random(person.size)
    status = np.where(odd < par.AMENDED_RESULTS, 1, np.where(odd > 1 - par.ERROR_SHARE, 2, 0))
    return pl.DataFrame(
        {
            "id": identified(prefix, person.size),
            "person": person,
            "status": coded(STATUSES, status),
            "code": coded(CODES, code),
            "value": value,
            "observed_on": date_series("observed_on", days),
            "minute": rng.integers(7 * 60, 16 * 60, person.size),
        }
    )
