"""The synthetic region's own population register: who lives where on 1 January.

Belongs here: counting the region's persons as a national register would. Does not belong here: the
journal's view of them (``truth_persons``), and the form of a register
(``clients.population_register``).

The register counts everybody where they live: persons with a graded address too, and those who
have reserved themselves. What the journal shows of a municipality is therefore a little less.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.clients.population_register import SCHEMA, Provenance, Register, keep
from pipelines.settings import BorderSet
from pipelines.synthetic.days import Ints, first_day
from pipelines.synthetic.model import Region

TOP_AGE = 105
"""From here on ages are counted together, as in table 07459."""
SOURCE = "Folkepuls: syntetisk befolkning, ingen virkelige personer"
LICENCE = "MIT"


def population_register(region: Region, border_set: BorderSet = "date") -> Register:
    """Count a region's residents on 1 January of each year, and of the year after the last.

    Args:
        region: The region.
        border_set: By which borders; from 2020 on, whose parts need not be told apart.

    Returns:
        A row for every municipality of the day or of the borders, sex and year of age, also where
        nobody is.
    """
    years = [*region.settings.window, region.settings.end_year + 1]
    frame = pl.concat([_of_year(region, year, border_set) for year in years])
    provenance = Provenance(
        publisher="synthetic",
        synthetic=True,
        source=SOURCE,
        licence=LICENCE,
        table=None,
        url=None,
        updated=None,
        retrieved_at=None,
        coding="plain",
        replies=(),
    )
    return Register(frame, provenance)


def write_register(region: Region, folder: Path, border_set: BorderSet = "date") -> Register:
    """Write a region's register where a fetched one would lie.

    Args:
        region: The region.
        folder: Its folder, such as ``Zones.register / "synthetic"``.
        border_set: By which borders it counts.
    """
    return keep(folder, population_register(region, border_set))


def _of_year(region: Region, year: int, border_set: BorderSet) -> pl.DataFrame:
    on = first_day(year)
    persons, places = region.spells.residents(on)
    known = region.persons.select("sex", pl.col("birth_date").dt.year().alias("born"))
    living = known[persons].select(
        _codes(region, places, year, border_set).alias("municipality"),
        "sex",
        (year - 1 - pl.col("born")).clip(0, TOP_AGE).cast(pl.Int32).alias("age"),
    )
    counted = living.group_by("municipality", "sex", "age").agg(pl.len().alias("persons"))
    return (
        _cells(region, year, border_set)
        .join(counted, on=["municipality", "sex", "age"], how="left")
        .select(
            "municipality",
            "sex",
            "age",
            (pl.col("age") == TOP_AGE).alias("top_coded"),
            pl.lit(dt.date(year, 1, 1)).alias("on_date"),
            pl.col("persons").fill_null(0).cast(pl.Int64),
            pl.lit(None, dtype=pl.String).alias("status"),
        )
        .cast(SCHEMA)
    )


def _codes(region: Region, places: Ints, year: int, border_set: BorderSet) -> pl.Series:
    """Code of each place, on 1 January or by the borders of a year."""
    on = first_day(year if border_set == "date" else int(border_set))
    return region.places.code_at(places, np.full(places.size, on))


def _cells(region: Region, year: int, border_set: BorderSet) -> pl.DataFrame:
    every = np.arange(len(region.places.codes))
    codes = _codes(region, every, year, border_set).unique().sort()
    ages = pl.int_range(TOP_AGE + 1, dtype=pl.Int32, eager=True)
    return (
        pl.DataFrame({"municipality": codes})
        .join(pl.DataFrame({"sex": ["female", "male"]}), how="cross")
        .join(pl.DataFrame({"age": ages}), how="cross")
    )
