"""Counting rows by year and area.

Belongs here: the one way in which phenomena are counted. Does not belong here: which rows.
"""

from __future__ import annotations

import polars as pl

SCHEMA = {
    "phenomenon": pl.String,
    "year": pl.Int32,
    "area_code": pl.String,
    "count": pl.Int64,
}
_NOT_SOUND = ("entered-in-error", "cancelled", "not-done")


def sound(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that took place."""
    levels = frame["status"].dtype
    unsound = [
        name for name in _NOT_SOUND if not isinstance(levels, pl.Enum) or name in levels.categories
    ]
    return frame.filter(~pl.col("status").is_in(unsound))


def count(name: str, rows: pl.DataFrame, on: str, area: str | None = None) -> pl.DataFrame:
    """Rows by calendar year of a date, and by a column of area codes where the area matters."""
    year = rows[on].dt.year() if rows[on].dtype == pl.Date else rows[on]
    code = rows[area] if area else pl.Series([None] * rows.height, dtype=pl.String)
    return (
        pl.DataFrame({"year": year.cast(pl.Int32), "area_code": code.cast(pl.String)})
        .group_by("year", "area_code")
        .agg(pl.len().cast(pl.Int64).alias("count"))
        .select(pl.lit(name).alias("phenomenon"), "year", "area_code", "count")
    )
