"""A small analysis zone, written where a test wants it.

Belongs here: person-years in the columns of the microdata door, and the warehouse built on
them. Does not belong here: any figure that is meant as true. Deterministic.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

MUNICIPALITIES = ("5001", "5006", "1577")
BANDS = ((0, 17), (18, 44), (45, 66), (67, 79), (80, 199), (60, 72))
YEARS = (2024, 2025)
SIZE = 12


def person_years() -> pl.DataFrame:
    """Person-years: the last band straddles two age groups, one stratum per band is suppressed."""
    rows = []
    for year in YEARS:
        for place, municipality in enumerate(MUNICIPALITIES):
            for band, (low, high) in enumerate(BANDS):
                suppressed = place == 2
                for person in range(SIZE):
                    has = person < band
                    status = "suppressed" if suppressed else "ok"
                    rows.append(
                        {
                            "person_year_key": f"{len(rows):032x}",
                            "year": year,
                            "municipality_code": municipality,
                            "sex": "female" if person % 2 else "male",
                            "age_from": low,
                            "age_to": high,
                            "diabetes": None if suppressed else has,
                            "diabetes_status": status,
                            "home_nursing": has,
                            "home_nursing_status": "ok",
                            "long_stay": False,
                            "long_stay_status": "ok",
                            "emergency_stays": person % 4,
                            "emergency_stays_status": "ok",
                        }
                    )
    return pl.DataFrame(rows)


def write_analysis(home: Path) -> Path:
    """Write ``analysis/`` under a data folder.

    Args:
        home: The data folder.

    Returns:
        The analysis zone.
    """
    zone = home / "analysis"
    (zone / "microdata").mkdir(parents=True)
    people = person_years()
    people.write_parquet(zone / "microdata" / "person_years.parquet")
    con = duckdb.connect(str(zone / "analysis.duckdb"))
    try:
        con.execute("create schema microdata")
        con.register("people", people.to_arrow())
        con.execute("create table microdata.person_years as from people")
        con.execute(
            "create table microdata.strata as "
            "select year, municipality_code, sex, age_from, age_to, count(*) as persons, "
            "case when bool_and(diabetes_status = 'ok') then count(*) filter (where diabetes) end "
            "as diabetes_persons, "
            "count(*) filter (where home_nursing) as home_nursing_persons, "
            "count(*) filter (where long_stay) as long_stay_persons, "
            "count(*) filter (where emergency_stays > 0) as emergency_persons "
            "from people group by all"
        )
    finally:
        con.close()
    return zone
