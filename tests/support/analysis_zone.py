"""A small analysis zone, written where a test wants it.

Belongs here: person-years in the columns of the microdata door. Does not belong here: any figure
that is meant as true. Deterministic.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

MUNICIPALITIES = ("5001", "county 50", "*")
AGES = ("0-17", "18-44", "65-66", "67-69", "80+", "0-66")
YEARS = (2024, 2025)
SIZE = 12


def chronic_conditions() -> pl.DataFrame:
    """Person-years: labels of all kinds; the last age straddles the notebook's bands."""
    rows = [
        {
            "year": year,
            "municipality_code": municipality,
            "sex": "female" if person % 2 else "male",
            "age": age,
            "diabetes": person < place,
        }
        for year in YEARS
        for municipality in MUNICIPALITIES
        for place, age in enumerate(AGES)
        for person in range(SIZE)
    ]
    keys = pl.Series("person_year_key", [f"{number:032x}" for number in range(len(rows))])
    return pl.DataFrame([keys, *pl.DataFrame(rows)])


def write_analysis(home: Path) -> Path:
    """Write ``analysis/`` under a data folder.

    Args:
        home: The data folder.

    Returns:
        The analysis zone.
    """
    zone = home / "analysis"
    (zone / "microdata").mkdir(parents=True)
    people = chronic_conditions()
    people.write_parquet(zone / "microdata" / "chronic_conditions.parquet")
    people.drop("diabetes").write_parquet(zone / "microdata" / "demography.parquet")
    return zone
