"""Can the population register stand below public figures?

Belongs here: what must be there before inhabitants are counted by it. Does not belong here: the
register itself (``clients.population_register``) and the counting (``dbt_project``).

A cell that is lacking is never nobody, and a municipality without a denominator would be a region
without one: so all of it must be there, or nothing is counted.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from pipelines.catalogue.tables import read_reference, register_codes, valid_on
from pipelines.clients.population_register import Register, RegisterError
from pipelines.settings import BorderSet

SEXES = ("female", "male")
OTHERWISE = (
    "or set FOLKEPULS_PUBLIC_DENOMINATORS=journal: the journal's own counts, which set beside the "
    "register tell how many have a graded address (docs/decisions/0016)"
)


def require_denominators(
    register: Register | None,
    years: range,
    reference: Path,
    *,
    choice: str,
    synthetic_persons: bool | None,
    border_set: BorderSet = "date",
) -> None:
    """Refuse a register that lacks something of what public denominators are made of.

    Args:
        register: The chosen register.
        years: Calendar years of the release. Without one there is nothing to count.
        reference: Folder of the reference CSV files.
        choice: The setting ``population_register``, for the message.
        synthetic_persons: Some of the persons taken in do not exist; null where nobody was.
        border_set: By which borders municipalities are counted, and so by the register.

    Raises:
        RegisterError: There is no register, it is of other persons than the journal's, a code
            cannot be followed over the turn of a year, or a cell has no number.
    """
    if not years:
        return
    if register is None:
        made_up = "a synthetic region brings its own (`folkepuls synth --register`)"
        fetched = "set that to ssb and fetch one with `folkepuls register fetch`"
        raise RegisterError(
            "public_denominators: expected a population register, got none "
            f"(FOLKEPULS_POPULATION_REGISTER={choice}): "
            f"{made_up if synthetic_persons else fetched}, {OTHERWISE}."
        )
    if synthetic_persons and not register.provenance.synthetic:
        raise RegisterError(
            "public_denominators: expected the register of the synthetic region, got that of real "
            "persons. Set FOLKEPULS_POPULATION_REGISTER=synthetic, or "
            "FOLKEPULS_PUBLIC_DENOMINATORS=journal."
        )
    codes = register_codes(reference, years, border_set)
    if border_set == "date":
        _refuse_unfollowed(codes, years, reference)
    _refuse_lacking(register.frame, codes, years)


def _refuse_unfollowed(codes: pl.DataFrame, years: range, reference: Path) -> None:
    """Every code of the end of a year must have its residents somewhere the day after."""
    known = read_reference(reference, "municipalities")
    for year in years:
        here = valid_on(known, dt.date(year, 12, 31))
        followed = codes.filter(pl.col("year") == year)
        if lost := here.join(followed, on="municipality_code", how="anti").height:
            raise RegisterError(
                f"public_denominators: {lost} municipalities were merged at the end of {year}, and "
                "the register of the day after cannot tell their residents from others'. Only a "
                f"division can be followed. Leave {year} out, {OTHERWISE}."
            )


def _refuse_lacking(frame: pl.DataFrame, codes: pl.DataFrame, years: range) -> None:
    begins = codes.select(
        municipality="municipality_code", on_date=pl.date(pl.col("year"), 1, 1)
    ).unique()
    ends = codes.select(
        municipality="register_code", on_date=pl.date(pl.col("year") + 1, 1, 1)
    ).unique()
    oldest = int(frame.select(pl.col("age").max().fill_null(0)).item())
    ages = pl.int_range(oldest + 1, dtype=pl.Int32, eager=True).alias("age")
    cells = (
        pl.concat([begins, ends])
        .unique()
        .join(pl.DataFrame({"sex": SEXES}), how="cross")
        .join(ages.to_frame(), how="cross")
        .join(frame, on=["municipality", "sex", "age", "on_date"], how="left")
        .filter(pl.col("persons").is_null())
    )
    if cells.is_empty():
        return
    lacking = cells["on_date"].dt.year().unique().sort().to_list()
    raise RegisterError(
        "public_denominators: expected the persons of every municipality, sex and year of age on "
        f"each 1 January of {years[0]}–{years[-1] + 1}, got {cells.height} cells without a number "
        f"({', '.join(map(str, lacking))}). Fetch the register anew with `folkepuls register "
        "fetch` once those days are published (February of the year), "
        f"{OTHERWISE}."
    )
