"""What befalls a journal: identities that change, late, corrected and deleted rows, reservations.

Belongs here: drawing who and what is touched. Does not belong here: when it is delivered
(``selection``), how (``resources``).

What a region holds stays what is true at the end: rows that are deleted later stand apart, and
persons who were two for a while are one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from pipelines.synthetic import parameters as par
from pipelines.synthetic.days import Bools, Ints, date_series, first_day
from pipelines.synthetic.draws import identified
from pipelines.synthetic.fhir import D_NUMBER
from pipelines.synthetic.identities import national_numbers
from pipelines.synthetic.listed import Basis
from pipelines.synthetic.model import Life, Region

LOCAL_SYSTEM = "HNR"
PLANNING, RESEARCH = "planning", "research"
# frame: date by which its rows are delivered
_DATED = {
    "encounters": "ended_on",
    "conditions": "recorded_on",
    "prescriptions": "authored_on",
    "journal_entries": "recorded_on",
}
_NUMBERS = {
    "encounters": "encounter",
    "conditions": "condition",
    "prescriptions": "prescription",
    "journal_entries": "entry",
}


def with_life(region: Region, basis: Basis) -> Region:
    """Let a whole region's journal live.

    Args:
        region: A whole region.
        basis: What it was drawn from.

    Returns:
        The region with ``life``, reservations among ``more``, final numbers in ``persons``, and
        the columns ``late`` and ``amended`` in frames of events.
    """
    persons, numbers, seconds, merges = _identities(region, basis)
    frames, deleted = {}, {}
    for name, on in _DATED.items():
        frames[name], deleted[name] = _touched(region, name, on)
    return replace(
        region,
        persons=persons,
        encounters=frames["encounters"],
        conditions=frames["conditions"],
        prescriptions=frames["prescriptions"],
        journal_entries=frames["journal_entries"],
        more={**region.more, "reservations": _reservations(region)},
        life=Life(numbers, seconds, merges, deleted),
    )


def _identities(
    region: Region, basis: Basis
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Persons with their final numbers; numbers, second resources and mistaken merges before."""
    rng = region.settings.rng("identities that change")
    persons = region.persons
    size = persons.height
    end = region.settings.end_year
    known = persons["known_from"].to_numpy()
    fit = persons["graded_from"].is_null().to_numpy() & (known < end)
    temporary = persons["d_number"].to_numpy()
    newborn = (persons["birth_date"].dt.year().to_numpy() == known) & ~temporary & fit
    newborn &= known >= region.settings.first_year
    local = newborn & (rng.random(size) < par.NEWBORN_LOCAL_SHARE)
    replaced = fit & temporary & (rng.random(size) < par.D_NUMBER_REPLACED)
    draw = rng.random(size)
    ordinary = fit & ~temporary & ~newborn
    second = np.flatnonzero(ordinary & (draw < par.SECOND_RESOURCE_SHARE))
    wrong = ordinary & (draw > 1 - par.WRONG_MERGE_SHARE) & (known < end - 1)
    merged = np.flatnonzero(wrong)
    replaced_at, local_at = np.flatnonzero(replaced), np.flatnonzero(local)
    finals, others = _further_numbers(basis, temporary, replaced_at, second)
    later = known + 1 + np.floor(rng.random(size) * (end - known)).astype(np.int64)
    return (
        _with_finals(persons, replaced_at, finals),
        pl.DataFrame(
            {
                "person": np.r_[replaced_at, local_at],
                "first_number": pl.concat(
                    [
                        persons["number"].gather(pl.Series(replaced_at)),
                        identified("H", local_at.size),
                    ]
                ),
                "first_system": pl.concat(
                    [
                        pl.Series([D_NUMBER] * replaced_at.size, dtype=pl.String),
                        pl.Series([LOCAL_SYSTEM] * local_at.size, dtype=pl.String),
                    ]
                ),
                "number_from": np.r_[later[replaced_at], known[local_at] + 1],
            }
        ),
        pl.DataFrame(
            {
                "person": second,
                "second_number": others,
                "second_patient": size + np.arange(second.size),
                "second_from": known[second],
                "merged_in": later[second],
            }
        ),
        _mistaken(rng, persons, merged, known, end),
    )


def _further_numbers(
    basis: Basis, temporary: Bools, replaced: Ints, second: Ints
) -> tuple[pl.Series, pl.Series]:
    """National numbers that replace D-numbers, and D-numbers of second resources."""
    birth, sex = basis.population.birth, basis.population.sex
    size = birth.size
    # Drawn together with all others and after them, so that nobody's number is met twice.
    further = np.r_[replaced, second]
    d_number = np.r_[
        temporary, np.zeros(replaced.size, dtype=bool), np.ones(second.size, dtype=bool)
    ]
    drawn = national_numbers(np.r_[birth, birth[further]], np.r_[sex, sex[further]], d_number)
    return drawn[size : size + replaced.size], drawn[size + replaced.size :]


def _with_finals(persons: pl.DataFrame, replaced: Ints, finals: pl.Series) -> pl.DataFrame:
    final = pl.DataFrame({"person": replaced, "final": finals})
    return (
        persons.join(final, on="person", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("final", "number").alias("number"),
            (pl.col("d_number") & pl.col("final").is_null()).alias("d_number"),
        )
        .drop("final")
    )


def _mistaken(
    rng: np.random.Generator, persons: pl.DataFrame, merged: Ints, known: Ints, end: int
) -> pl.DataFrame:
    """Persons merged with somebody of the same sex by mistake, and parted again."""
    male = (persons["sex"] == "male").to_numpy()
    graded = persons["graded_from"].is_not_null().to_numpy()
    others = np.setdiff1d(np.flatnonzero(~graded & (known < end - 1)), merged)
    drawn = others[np.floor(rng.random(merged.size) * others.size).astype(np.int64)]
    alike = male[drawn] == male[merged]
    merged, drawn = merged[alike], drawn[alike]
    # Both must be known, and the error found inside the window.
    begun = np.maximum(known[merged], known[drawn]) + 1
    parted = begun + 1 + np.floor(rng.random(merged.size) * (end - begun)).astype(np.int64)
    return pl.DataFrame({"person": merged, "other": drawn, "merged_in": begun, "parted_in": parted})


def _touched(region: Region, name: str, on: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A frame with ``late`` and ``amended``, and the rows that are deleted later."""
    settings = region.settings
    frame: pl.DataFrame = getattr(region, name)
    rng = settings.rng(f"life of {name}")
    # What is still open comes again anyway.
    came = pl.max_horizontal(pl.col(on).dt.year(), pl.lit(settings.first_year))
    came = pl.when(pl.col(on).is_not_null()).then(came)
    can = came < settings.end_year
    if "corrected_year" in frame.columns:
        can &= pl.col("corrected_year").is_null()
    draw = pl.lit(pl.Series(rng.random(frame.height)))
    marked = frame.with_columns(
        (can & (draw < par.LATE_SHARE)).fill_null(False).alias("late"),
        (can & (draw > 1 - par.AMENDED_SHARE)).fill_null(False).alias("amended"),
    )
    chosen = pl.lit(pl.Series(rng.random(frame.height))) < par.DELETED_SHARE
    ghosts = frame.filter((can & chosen).fill_null(False))
    number = _NUMBERS[name]
    first = int(frame.select(pl.col(number).max()).item() or 0) + 1
    ghosts = ghosts.with_columns(
        (first + pl.int_range(pl.len())).alias(number),
        (came + 1).alias("deleted_in"),
        pl.lit(False).alias("late"),
        pl.lit(False).alias("amended"),
    )
    return marked, ghosts


def _reservations(region: Region) -> pl.DataFrame:
    """Reservations against planning or research, some lifted in the next year.

    Returns:
        One row a reservation: id, person, status, purpose, valid_from, valid_to (null while it
        lasts), lifted_in (year; null where never).
    """
    settings = region.settings
    rng = settings.rng("reservations")
    persons = region.persons
    person = np.flatnonzero(rng.random(persons.height) < par.RESERVED_SHARE)
    known = persons["known_from"].to_numpy()[person]
    year = known + np.floor(rng.random(person.size) * (settings.end_year - known + 1)).astype(int)
    begin = np.array([first_day(int(one)) for one in year], dtype=np.int64)
    begin = begin + rng.integers(40, 300, person.size)
    lifted = (rng.random(person.size) < par.RESERVATION_LIFTED) & (year < settings.end_year)
    end = begin + 365
    research = rng.random(person.size) < par.RESERVED_RESEARCH
    return pl.DataFrame(
        {
            "id": identified("rsv-", person.size, 6),
            "person": person,
            "status": pl.Series(["active", "inactive"]).gather(pl.Series(lifted.astype(np.uint32))),
            "purpose": pl.Series([PLANNING, RESEARCH]).gather(
                pl.Series(research.astype(np.uint32))
            ),
            "valid_from": date_series("valid_from", begin),
            "valid_to": date_series("valid_to", np.where(lifted, end, 2**30)),
            "lifted_in": pl.Series(np.where(lifted, year + 1, 0)).replace(0, None),
        }
    )
