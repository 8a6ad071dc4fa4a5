"""Frames of figures by service, device and the like: what an indicator's year is split into.

Belongs here: choosing published rows and the names that the release gives splits and their values.
Does not belong here: drawing, and figures of an indicator as a whole (``figures``).
"""

from __future__ import annotations

import polars as pl

from dashboards.data_access import Release
from dashboards.figures import told
from dashboards.kept import kept

UNKNOWN = "unknown"


@kept(most=128)
def splits_of(release: Release, indicator_id: str) -> dict[str, dict[str, str]]:
    """The splits that an indicator is published by.

    Returns:
        By split, in the order of the release: ``title_nb``, ``by_nb`` and so on. None in a release
        of before there were any.
    """
    named = release.tables.get("breakdowns")
    if named is None:
        return {}
    there = _rows(release, indicator_id)["breakdown"].unique()
    first = named.filter(pl.col("breakdown").is_in(there.implode())).unique(
        "breakdown", keep="first", maintain_order=True
    )
    words = [name for name in named.columns if name.startswith(("title_", "by_"))]
    return {row["breakdown"]: {word: row[word] for word in words} for row in first.to_dicts()}


def _rows(release: Release, indicator_id: str) -> pl.DataFrame:
    version = release.indicator(indicator_id)["indicator_version"]
    return release.splits.filter(
        pl.col("indicator_id") == indicator_id, pl.col("indicator_version") == version
    )


@kept(most=64)
def by_value(
    release: Release, indicator_id: str, breakdown: str, area_code: str, year: int
) -> pl.DataFrame:
    """Figures of an area and of the region by value of a split.

    A gap is never left unsaid. Events that name no value are a row of their own, unless the region
    has none of them.

    Returns:
        One row per area (those of the two that exist in the year) and value, in the order of the
        release; the columns of ``indicator_values`` with those of ``areas`` and the value's names,
        ``value_name_nb`` and so on.
    """
    names = release.tables["breakdowns"].filter(pl.col("breakdown") == breakdown)
    values = names.sort("position").select(
        "breakdown_value",
        *(pl.col(f"label_{one}").alias(f"value_name_{one}") for one in ("nb", "nn", "en")),
    )
    rows = (
        _rows(release, indicator_id)
        .filter(pl.col("breakdown") == breakdown, pl.col("year") == year)
        .drop("area_level")
    )
    areas = release.areas(year).filter(pl.col("area_code").is_in([area_code, release.region_code]))
    frame = told(
        areas.join(values, how="cross").join(
            rows, on=["area_code", "breakdown_value"], how="left", maintain_order="left"
        ),
        pl.lit(year, pl.Int64),
    )
    unknown, region = pl.col("breakdown_value") == UNKNOWN, pl.col("area_level") == "region"
    none = (unknown & region & (pl.col("status_reason") == "no_data")).fill_null(value=False)
    return frame.filter(~unknown | ~none.any())
