"""Diagnoses of hospital stays.

Belongs here: one main diagnosis a stay, further ones, and the cause of an injury or poisoning.
Does not belong here: the stays (``hospital``).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Ints
from pipelines.synthetic.draws import choose_in_rows, coded, curve, identified
from pipelines.synthetic.listed import Basis

_EMERGENCY = tuple(par.EMERGENCY_CODES)
CODES = (*_EMERGENCY, *par.BACKGROUND_ICD10, "F32.1", "F20.0", "F10.2", "F19.2")
CAUSES = (*par.SELF_HARM_CODES, *par.OTHER_CAUSE_CODES)
_PSYCHIATRY, _SUBSTANCE = (CODES.index("F32.1"), 2), (CODES.index("F10.2"), 2)
_BACKGROUND = (len(_EMERGENCY), len(par.BACKGROUND_ICD10))


def hospital_diagnoses(basis: Basis, encounters: pl.DataFrame) -> pl.DataFrame:
    """Draw the diagnoses of all stays.

    Args:
        basis: Persons.
        encounters: ``Region.encounters``.

    Returns:
        One row a diagnosis, the main one of a stay first: id, person, encounter, code_system,
        written_code, code (no dot), recorded_on, verification_status, main.
    """
    rng = basis.settings.rng("hospital diagnoses")
    size = encounters.height
    person = encounters["person"].to_numpy()
    age = encounters["started_on"].dt.year().to_numpy() - _birth_year(basis)[person]
    service = encounters["service_type"]
    acute = (
        (encounters["priority_code"] == "EM") & (encounters["class_code"] == "IMP")
        & (service == "somatic")
    ).to_numpy()  # fmt: skip
    main = _among(rng, size, *_BACKGROUND)
    psychiatry = (service == "psychiatry").to_numpy()
    substance = (service == "substance").to_numpy()
    main = np.where(psychiatry, _among(rng, size, *_PSYCHIATRY), main)
    main = np.where(substance, _among(rng, size, *_SUBSTANCE), main)
    ages = np.arange(120)
    weights = np.stack([curve(knots, ages) for knots in par.EMERGENCY_CODES.values()], axis=1)
    weights = np.column_stack([weights, np.full(ages.size, par.BACKGROUND_WEIGHT)])
    drawn = choose_in_rows(rng, weights, np.clip(age, 0, 119))
    main = np.where(acute & (drawn < len(_EMERGENCY)), drawn, main)
    more = np.where(acute, rng.poisson(par.SECONDARY_DIAGNOSES, size), 0)
    row = np.concatenate([np.arange(size), np.repeat(np.arange(size), more)])
    code = np.concatenate([main, _among(rng, int(more.sum()), *_BACKGROUND)])
    order = np.argsort(row, kind="stable")
    row, code, first = row[order], code[order], order < size
    wrong = rng.random(row.size) < par.ERROR_SHARE
    days = encounters["started_on"].gather(pl.Series(row)).alias("recorded_on")
    return pl.DataFrame(
        {
            "id": identified("dih-", row.size),
            "person": person[row],
            "encounter": encounters["encounter"].gather(pl.Series(row)),
            "written_code": coded(CODES, code),
            "recorded_on": days,
            "verification_status": coded(("confirmed", "entered-in-error"), wrong),
            "main": pl.Series(first),
        }
    ).with_columns(
        pl.lit("icd10").alias("code_system"),
        pl.col("written_code").cast(pl.String).str.replace(".", "", literal=True).alias("code"),
    )


def external_causes(basis: Basis, encounters: pl.DataFrame) -> pl.DataFrame:
    """Draw the causes of injury and poisoning that emergencies are coded with.

    Args:
        basis: Persons.
        encounters: ``Region.encounters``.

    Returns:
        One row a code, as ``hospital_diagnoses`` without ``main``.
    """
    rng = basis.settings.rng("external causes")
    inclined = rng.gamma(par.SELF_HARM_SHAPE, 1 / par.SELF_HARM_SHAPE, basis.population.birth.size)
    rows = encounters.filter(
        (pl.col("class_code") == "EMER")
        | ((pl.col("class_code") == "IMP") & (pl.col("priority_code") == "EM"))
    )
    person = rows["person"].to_numpy()
    age = rows["started_on"].dt.year().to_numpy() - _birth_year(basis)[person]
    chance, drawn = curve(par.SELF_HARM_SHARE, age) * inclined[person], rng.random(rows.height)
    harmed = drawn < chance
    other = ~harmed & (rng.random(rows.height) < par.OTHER_CAUSE_SHARE)
    own = len(par.SELF_HARM_CODES)
    code = np.where(
        harmed,
        _among(rng, rows.height, 0, own),
        _among(rng, rows.height, own, len(par.OTHER_CAUSE_CODES)),
    )
    wrong = rng.random(rows.height) < par.ERROR_SHARE
    return (
        rows.select(
            "person",
            "encounter",
            coded(CAUSES, code).alias("written_code"),
            pl.col("started_on").alias("recorded_on"),
            coded(("confirmed", "entered-in-error"), wrong).alias("verification_status"),
            pl.lit("icd10").alias("code_system"),
        )
        .filter(pl.Series(harmed | other))
        .with_columns(pl.col("written_code").cast(pl.String).alias("code"))
        .pipe(lambda found: found.with_columns(identified("yta-", found.height)))
    )


def _birth_year(basis: Basis) -> Ints:
    return np.asarray(-basis.age(0), dtype=np.int64)


def _among(rng: np.random.Generator, size: int, first: int, many: int) -> Ints:
    return first + rng.integers(0, many, size)
