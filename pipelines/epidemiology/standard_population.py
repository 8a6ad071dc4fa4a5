"""Standard populations, and their weights for bands that were merged.

Belongs here: reading a standard and adding up its weights over any bands. Does not belong
here: which bands an area has, and rates.

Source of the European Standard Population 2013: Eurostat, Revision of the European Standard
Population, Methodologies and Working papers, 2013 edition (KS-RA-13-028).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from pipelines.epidemiology.inputs import Floats

STANDARD_COLUMNS = ("age_from", "age_to", "weight")
OPEN_AGE = 199


def read_standard_population(path: Path) -> pl.DataFrame:
    """Read a standard population from CSV.

    Args:
        path: CSV file with the columns ``age_from``, ``age_to`` (inclusive; 199 for
            the open band, which comes last) and ``weight`` (persons of the standard).

    Returns:
        One row per band: age_from, age_to (199 where open), weight (float).

    Raises:
        ValueError: If a column is missing or the bands do not follow each other without gap.
    """
    table = pl.read_csv(path, comment_prefix="#")
    if missing := sorted(set(STANDARD_COLUMNS) - set(table.columns)):
        msg = f"{path.name}: columns {missing} are missing; got {table.columns}"
        raise ValueError(msg)
    standard = table.select(
        pl.col("age_from").cast(pl.Int64),
        pl.col("age_to").cast(pl.Int64),
        pl.col("weight").cast(pl.Float64),
    ).sort("age_from")
    gaps = standard.filter(pl.col("age_from") != pl.col("age_to").shift(1) + 1).height
    if gaps:
        msg = f"{path.name}: {gaps} bands do not begin where the band before them ends"
        raise ValueError(msg)
    return standard


def _cumulative(standard: pl.DataFrame, edges: Floats) -> Floats:
    """Weight of the standard below each age, its bands taken as evenly filled."""
    bands = standard.sort("age_from")
    starts = bands["age_from"].to_numpy().astype(np.float64)
    # The open band has no width to spread over: it is taken as one point at its beginning.
    knots = np.append(starts, starts[-1] + 1.0)
    total = np.append(0.0, np.cumsum(bands["weight"].to_numpy()))
    return np.asarray(np.interp(edges, knots, total))


def merged_weights(standard: pl.DataFrame, bands: pl.DataFrame) -> pl.Series:
    """Weights of bands that are unions (or parts) of a standard's bands.

    The weights of merged bands are added. A band that holds part of a standard's band, such
    as 15-17 of 15-19, gets the share of its years of age.

    Args:
        standard: Columns age_from and weight; bands without gap, the last one open.
        bands: Columns age_from and age_to (inclusive), any order, overlaps allowed.

    Returns:
        Series ``weight``, one per row of ``bands``, in the standard's unit.

    Raises:
        ValueError: If a band begins inside the standard's open band, where its part of the
            weight is unknown.
    """
    last = standard.select(pl.col("age_from").cast(pl.Int64).max()).item()
    inside = bands.filter(pl.col("age_from") > last).height
    if inside:
        msg = f"bands: {inside} begin above age {last}, where the standard's open band begins"
        raise ValueError(msg)
    low = bands["age_from"].to_numpy().astype(np.float64)
    high = bands["age_to"].to_numpy().astype(np.float64) + 1.0
    return pl.Series("weight", _cumulative(standard, high) - _cumulative(standard, low))


def common_bands(*areas: pl.DataFrame) -> pl.DataFrame:
    """The finest bands that all areas can be compared on: bands that begin in every one.

    Args:
        areas: For each area one row per band with the column age_from; bands without gap, the
            last one open.

    Returns:
        Columns age_from and age_to (inclusive; 199 for the open band), sorted.

    Raises:
        ValueError: If no area is given, or two begin at different ages.
    """
    if not areas:
        msg = "areas: expected at least one"
        raise ValueError(msg)
    starts = [set(area["age_from"].to_list()) for area in areas]
    if len({min(ages) for ages in starts}) != 1:
        msg = "areas: expected bands that begin at one age in all areas"
        raise ValueError(msg)
    shared = pl.Series("age_from", sorted(set.intersection(*starts)), dtype=pl.Int64)
    return pl.DataFrame(shared).with_columns(
        age_to=(pl.col("age_from").shift(-1) - 1).fill_null(OPEN_AGE)
    )
