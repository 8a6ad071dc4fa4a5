"""Which municipality codes are real in which year.

Belongs here: the region's codes by their validity. Does not belong here: what lives in them.

A code is asked for in the years in which it was valid on 1 January and in no other: figures that a
publisher works out for other borders (1508 or 1580 before 2024) are asked for where history is cut
to those borders, and nowhere else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from pipelines.catalogue.tables import codes_of, read_reference
from pipelines.clients.population_register.errors import RegisterError
from pipelines.settings import BorderSet

FIRST_YEAR = 2020
"""The region's codes before the borders of 2020 are not among the reference facts."""


def codes_by_year(
    reference: Path, years: Iterable[int], border_set: BorderSet = "date"
) -> Mapping[int, tuple[str, ...]]:
    """Municipality codes of the region by year, valid on 1 January.

    Args:
        reference: Folder of the reference CSV files.
        years: Calendar years, from ``FIRST_YEAR`` on.
        border_set: Whose municipalities; other than those of the date in every year alike.

    Raises:
        RegisterError: A year is too early.
    """
    wanted = sorted(set(years))
    if not wanted or wanted[0] < FIRST_YEAR:
        raise RegisterError(
            f"years: expected {FIRST_YEAR} or later, got {wanted[:1] or 'none'}: the region's "
            "municipality codes are known from then on. Ask for later years."
        )
    if border_set != "date":
        codes = tuple(codes_of(reference, border_set)["municipality_code"])
        return dict.fromkeys(wanted, codes)
    known = read_reference(reference, "municipalities").select(
        "municipality_code", "valid_from", "valid_to"
    )
    return {year: _valid(known, dt.date(year, 1, 1)) for year in wanted}


def _valid(known: pl.DataFrame, on: dt.date) -> tuple[str, ...]:
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= on)
    lasts = pl.col("valid_to").is_null() | (pl.col("valid_to") >= on)
    return tuple(known.filter(begun & lasts)["municipality_code"].sort())
