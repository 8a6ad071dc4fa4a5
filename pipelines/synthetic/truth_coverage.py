"""What is covered when, read from the reference calendars once more for the truth.

Belongs here: covered days and shares by municipality, service and year. Does not belong here:
what is counted on them. Nothing here is shared with the pipeline that the truth is held against.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.settings import reference_dir

COVERED_DAY = 0.80
FLAGGED = 0.80
FULL = 0.95
# A share that adds up to a limit in decimals must not fall under it in binary.
_TINY = 1e-9


@dataclass(frozen=True)
class Coverage:
    """Days on which services are covered.

    Attributes:
        begins: service, municipality_code, covered_from: no coverage ever ends.
        hospital: municipality_code, from_day, to_day (exclusive), share of the expected stays at
            live hospitals, for the days on which it is at least 0.80.
    """

    begins: pl.DataFrame
    hospital: pl.DataFrame

    def on_covered_days(self, events: pl.DataFrame, service: str, on: str) -> pl.DataFrame:
        """Keep events on covered days; those without municipality (graded persons) always."""
        begins = self.begins.filter(pl.col("service") == service).drop("service")
        joined = events.join(begins, on="municipality_code", how="left", maintain_order="left")
        covered = pl.col("covered_from") <= pl.col(on)
        kept = joined.filter(pl.col("municipality_code").is_null() | covered.fill_null(False))
        return kept.drop("covered_from")


def load_coverage(folder: Path | None = None) -> Coverage:
    """Read go-live dates and catchment shares.

    Args:
        folder: Folder of the reference files; the project's own by default.
    """
    root = folder or reference_dir()
    municipal = (
        _read(root / "go_live.csv")
        .filter(pl.col("status") == "live")
        .select(
            "service",
            "municipality_code",
            pl.col("go_live_on").str.to_date().alias("covered_from"),
        )
    )
    live = (
        _read(root / "hospitals.csv")
        .filter(pl.col("status") == "live")
        .select("hospital_code", pl.col("go_live_on").str.to_date().alias("from_day"))
    )
    steps = (
        _read(root / "catchment.csv")
        .with_columns(pl.col("share").cast(pl.Float64))
        .join(live, on="hospital_code")
        .group_by("municipality_code", "from_day")
        .agg(pl.col("share").sum())
        .sort("municipality_code", "from_day")
        .with_columns(
            pl.col("share").cum_sum().over("municipality_code"),
            pl.col("from_day")
            .shift(-1)
            .over("municipality_code")
            .fill_null(dt.date(9999, 1, 1))
            .alias("to_day"),
        )
        .filter(pl.col("share") >= COVERED_DAY - _TINY)
    )
    hospital = (
        steps.group_by("municipality_code")
        .agg(pl.col("from_day").min().alias("covered_from"))
        .select(pl.lit("hospital").alias("service"), "municipality_code", "covered_from")
    )
    return Coverage(pl.concat([municipal, hospital]), steps)


def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def covered_time(spells: pl.DataFrame, coverage: Coverage, service: str, year: int) -> pl.DataFrame:
    """Resident and covered days of each spell in a year.

    Args:
        spells: person, municipality_code (null: graded), begin, end (exclusive).
        coverage: The calendar.
        service: The service; ``none`` and ``gp`` cover every day here.
        year: Calendar year.

    Returns:
        One row a spell with days in the year: person, municipality_code, days, covered_days.
    """
    first, after = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    inside = spells.with_columns(
        pl.max_horizontal("begin", pl.lit(first)).alias("begin"),
        pl.min_horizontal("end", pl.lit(after)).alias("end"),
    ).filter(pl.col("begin") < pl.col("end"))
    begins = coverage.begins.filter(pl.col("service") == service).drop("service")
    joined = inside.join(begins, on="municipality_code", how="left", maintain_order="left")
    always = pl.col("municipality_code").is_null() | pl.lit(service in ("none", "gp"))
    start = pl.when(always).then("begin").otherwise(pl.max_horizontal("begin", "covered_from"))
    known = always | pl.col("covered_from").is_not_null()
    days = (pl.col("end") - pl.col("begin")).dt.total_days()
    covered = (pl.col("end") - start).dt.total_days().clip(0)
    return joined.select(
        "person",
        "municipality_code",
        days.alias("days"),
        pl.when(known).then(covered).otherwise(0).alias("covered_days"),
    )


def mean_hospital_share(coverage: Coverage, year: int) -> pl.DataFrame:
    """Mean share of expected stays at live hospitals over a year's covered days.

    Returns:
        One row a municipality with covered days: municipality_code, mean_share.
    """
    first, after = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    days = (
        pl.min_horizontal("to_day", pl.lit(after)) - pl.max_horizontal("from_day", pl.lit(first))
    ).dt.total_days()
    return (
        coverage.hospital.with_columns(days.clip(0).alias("days"))
        .group_by("municipality_code")
        .agg((pl.col("share") * pl.col("days")).sum().alias("weighted"), pl.col("days").sum())
        .filter(pl.col("days") > 0)
        .select("municipality_code", (pl.col("weighted") / pl.col("days")).alias("mean_share"))
    )


def state(share: pl.Expr, mean_share: pl.Expr) -> pl.Expr:
    """``full``, ``flagged`` or ``not_covered`` from a covered share and a mean hospital share."""
    partly = (share < FULL - _TINY) | (mean_share < FULL - _TINY)
    return (
        pl.when(share < FLAGGED - _TINY)
        .then(pl.lit("not_covered"))
        .when(partly)
        .then(pl.lit("flagged"))
        .otherwise(pl.lit("full"))
    )
