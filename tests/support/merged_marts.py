"""Counts of long-stay residents in municipalities of the real size, drawn at random.

Belongs here: marts for the figures about the quality of care, in which small municipalities have
one or two units. Does not belong here: expectations. Nobody may change what is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from pipelines.catalogue.loader import Catalogue, catalogue
from pipelines.catalogue.tables import read_reference
from pipelines.publication.build import Candidate, build
from pipelines.publication.figures import Marts
from pipelines.settings import reference_dir

INDICATORS = (
    "dental_check_long_stay_share",
    "medication_review_long_stay_67plus_share",
    "nutrition_screening_long_stay_share",
    "seen_by_doctor_long_stay_share",
)
STANDARD = "home_nursing_users_per_1000"
"""Its public denominator is the region's standard population; its figures are of no concern."""

PERIODS = tuple((date(year, 1, 1), date(year, 12, 31)) for year in (2024, 2025))
INHABITANTS_PER_UNIT = 4000
BANDS = ((0, 66, 0.06), (67, 79, 0.2), (80, 199, 0.74))
"""First and last age, and the share of the residents."""


@dataclass(frozen=True, repr=False)
class MergedCandidate:
    """A candidate with what it was built from."""

    marts: Marts
    catalogue: Catalogue
    candidate: Candidate


@cache
def merged_candidate() -> MergedCandidate:
    """The candidate of two years for the indicators that ask for groups."""
    entries = catalogue()
    chosen = Catalogue(
        {one: entries.indicators[one] for one in (*INDICATORS, STANDARD)}, entries.policies
    )
    marts = care_marts()
    candidate = build(marts, chosen, reference_dir(), range(2024, 2026))
    return MergedCandidate(marts, chosen, candidate)


def care_marts(seed: int = 7) -> Marts:
    """Marts of the municipalities that are live."""
    towns = (
        read_reference(reference_dir(), "go_live")
        .filter(pl.col("service") == "municipal_care", pl.col("status") == "live")
        .join(read_reference(reference_dir(), "municipalities"), on="municipality_code")
        .filter(pl.col("population_2024").is_not_null())
        .sort("municipality_code")
        .select("municipality_code", "population_2024", "population_2024_80_plus")
    )
    rng = np.random.default_rng(seed)
    entries = catalogue().indicators
    rows = []
    for code, people, old in towns.iter_rows():
        units = 1 + people // INHABITANTS_PER_UNIT
        for start, end in PERIODS:
            for sex, part in (("female", 0.65), ("male", 0.35)):
                for low, high, share in BANDS:
                    residents = int(rng.poisson(old * 0.14 * part * share))
                    for name in INDICATORS:
                        if entries[name].ages.min > low:
                            continue
                        checked = int(rng.binomial(residents, 0.6))
                        keys = (name, "municipality", code, sex, low, high, start, end)
                        counts = (float(checked), float(residents), min(units, residents))
                        rows.append((*keys, *counts))
    names = ["indicator_id", "area_level", "area_code", "sex", "age_from", "age_to",
             "period_start", "period_end", "numerator", "denominator", "providers"]  # fmt: skip
    local = pl.DataFrame(rows, schema=names, orient="row")
    # A few persons whose address is graded are in the region alone.
    graded = pl.when(pl.col("age_from") == 80).then(2).otherwise(0)
    region = (
        local.group_by("indicator_id", "sex", "age_from", "age_to", "period_start", "period_end")
        .agg(pl.col("numerator", "denominator", "providers").sum())
        .with_columns(pl.col("numerator", "denominator") + graded)
        .with_columns(area_level=pl.lit("region"), area_code=pl.lit("MIDT"))
    )
    standard = region.filter(pl.col("indicator_id") == INDICATORS[0]).with_columns(
        indicator_id=pl.lit(STANDARD), denominator=pl.col("denominator") * 100
    )
    counts = pl.concat(
        [local, *(f.select(local.columns) for f in (region, standard))]
    ).with_columns(
        numerator_sq="numerator",
        numerator_max=(pl.col("numerator") > 0).cast(pl.Float64),
        denominator_max=(pl.col("denominator") > 0).cast(pl.Float64),
        numerator_persons=pl.col("numerator").cast(pl.Int64),
        denominator_persons=pl.col("denominator").cast(pl.Int64),
        complement_persons=(pl.col("denominator") - pl.col("numerator")).cast(pl.Int64),
    )
    areas = pl.concat(
        [
            towns.select(area_code="municipality_code").with_columns(
                area_level=pl.lit("municipality")
            ),
            pl.DataFrame({"area_code": ["MIDT"], "area_level": ["region"]}),
        ]
    )
    coverage = (
        areas.join(pl.DataFrame({"indicator_id": INDICATORS}), how="cross")
        .join(
            pl.DataFrame(PERIODS, schema=["period_start", "period_end"], orient="row"), how="cross"
        )
        .with_columns(covered_share=pl.lit(1.0), coverage_state=pl.lit("full"))
    )
    of_region = coverage.filter(
        pl.col("indicator_id") == INDICATORS[0], pl.col("area_level") == "region"
    )
    coverage = pl.concat([coverage, of_region.with_columns(indicator_id=pl.lit(STANDARD))])
    bands = pl.DataFrame(
        [(sex, low, high) for sex in ("female", "male") for low, high, _ in BANDS],
        schema=["sex", "age_from", "age_to"],
        orient="row",
    )
    none = pl.DataFrame(
        schema={
            **dict.fromkeys(("indicator_id", "area_level", "area_code"), pl.String),
            "period_start": pl.Date,
            "period_end": pl.Date,
        }
    )
    return Marts(counts, none, coverage, areas.join(bands, how="cross"))
