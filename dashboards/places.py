"""Areas of a release: their names and order, who lives there, and which of them are live.

Belongs here: what is asked of areas alone. Does not belong here: figures (``figures``), words,
drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from dashboards.data_access import Release
from dashboards.kept import kept


@kept(most=64)
def names_to_choose(
    release: Release, year: int | None = None, *, counties: bool = False
) -> dict[str, str]:
    """Names of areas by code as lists of choices have them: the widest first, then by alphabet.

    Args:
        release: The release.
        year: The year at whose end they exist; any by default.
        counties: Counties too, of which there are figures by year alone, of all sexes and ages.
    """
    areas = release.tables["areas"] if year is None else release.areas(year)
    wanted = areas.filter((pl.col("area_level") != "county") | counties)
    return area_names(wanted.sort(-width(), norwegian_order("name")))


def area_names(areas: pl.DataFrame, column: str = "official_name") -> dict[str, str]:
    """Names of areas by code, in the order given.

    Areas that bear one name after each other, as before and after a division, are told apart
    by their years.

    Args:
        areas: Rows of the ``areas`` table.
        column: Which name: ``official_name``, in all its languages, or ``name``.
    """
    years = {code: ["", ""] for code in areas["area_code"]}
    twins = areas.filter(pl.col(column).is_duplicated())
    for twin in twins.iter_rows(named=True):
        start, end = twin["valid_from"], twin["valid_to"]
        years[twin["area_code"]] = [str(d.year) if d is not None else "" for d in (start, end)]
    names = dict(areas.select("area_code", column).iter_rows())
    return {
        code: f"{name} ({'–'.join(years[code])})" if any(years[code]) else name
        for code, name in names.items()
    }


def norwegian_order(column: str) -> pl.Expr:
    """A sorting key that puts æ, ø, å last, in that order."""
    lowered = pl.col(column).str.to_lowercase()
    return lowered.str.replace_many(["æ", "ø", "å"], ["{", "|", "}"])


def width() -> pl.Expr:
    """How wide an area is among others: municipalities, counties, the region."""
    return pl.col("area_level").replace_strict({"region": 2, "county": 1}, default=0)


def county_code(release: Release, area: Mapping[str, Any]) -> str | None:
    """Code of a municipality's county, if the release has figures of it."""
    areas = release.tables["areas"]
    found = areas.filter(pl.col("area_level") == "county", pl.col("name") == area["county"])
    return str(found["area_code"][0]) if found.height else None


@kept(most=16)
def live_counts(release: Release, on: date) -> tuple[int, int, int]:
    """Municipalities live on a date, planned, and all, by their go-live date."""
    towns = release.areas(on.year).filter(pl.col("area_level") == "municipality")
    known = pl.col("go_live_on").is_not_null()
    firm = pl.col("go_live_certainty") != "planned"
    live = towns.filter(known & firm & (pl.col("go_live_on") <= on)).height
    planned = towns.filter(known & ~firm.fill_null(False)).height
    return live, planned, towns.height


def inhabitants(release: Release, area_code: str, year: int) -> tuple[int, date] | None:
    """Inhabitants of an area as its rates count them, and their day.

    Args:
        release: The release.
        area_code: The area.
        year: The year whose last day is asked for.

    Returns:
        Persons and the newest day up to then; ``None`` where the release does not have them.
    """
    rows = release.tables["population"].filter(
        pl.col("area_code") == area_code, pl.col("on_date") <= date(year, 12, 31)
    )
    newest = rows.filter(pl.col("on_date") == pl.col("on_date").max())
    count = persons(newest)
    return None if count is None else (count, newest["on_date"][0])


def persons(rows: pl.DataFrame) -> int | None:
    """Persons in rows of the ``population`` table; not known where a part of them is not."""
    if rows.is_empty() or rows["value"].null_count():
        return None
    return int(rows["value"].sum())
