"""A small region of persons, counted into marts by plain grouping, with its truth at hand.

Belongs here: invented persons and the marts that follow from them. Persons have a sex, an age,
a municipality (none where the address is graded) and numbers per measure. The counts are made
person by person, apart from any code of the project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import Marts

CUTS = (0, 16, 18, 45, 67, 80)
START, END = date(2024, 1, 1), date(2024, 12, 31)
STRATA_INDICATORS = (
    "emergency_admissions_per_1000",
    "home_nursing_users_per_1000",
    "home_nursing_users_80plus_share",
    "ready_for_discharge_days_per_1000",
    "ready_for_discharge_share_of_bed_days",
    "portal_active_users_share",
    "portal_forms_answered_share",
)
FLOW_INDICATORS = ("structured_documentation_share",)
SIZES = {"5001": 900, "5006": 260, "5007": 70, "5014": 30, "5020": 400}
NOT_COVERED_AREA = "5020"
COUNTY = "50"


def specs(*ids: str) -> list[Indicator]:
    """Indicators of the catalogue by id."""
    indicators = catalogue().indicators
    return [indicators[one] for one in (ids or (*STRATA_INDICATORS, *FLOW_INDICATORS))]


@dataclass(frozen=True)
class SmallRegion:
    """Persons and the marts made of them."""

    persons: pl.DataFrame
    marts: Marts


def persons(seed: int, graded: int = 12) -> pl.DataFrame:
    """One row per person with the person's number in every measure."""
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.repeat(list(SIZES), list(SIZES.values())), np.repeat([""], graded)])
    n = len(codes)
    age = np.minimum(rng.integers(0, 100, n), 99)
    nursing = (rng.random(n) < np.where(age >= 80, 0.4, 0.03)).astype(float)
    episodes = rng.poisson(np.where(age >= 67, 0.5, 0.1))
    bed = np.where((episodes > 0) & (age >= 18), rng.integers(1, 30, n), 0).astype(float)
    sent = np.where(age >= 16, rng.poisson(0.6, n), 0).astype(float)
    return (
        pl.DataFrame(
            {
                "person": np.arange(n),
                "area_code": codes,
                "sex": np.where(rng.random(n) < 0.5, "female", "male"),
                "age": age,
                "home_nursing_users": nursing,
                "emergency_stays": episodes.astype(float),
                "waiting_days": np.minimum(bed, rng.poisson(2, n)).astype(float),
                "bed_days": bed,
                "portal_forms_sent": sent,
                "portal_forms_answered": rng.binomial(sent.astype(int), 0.5).astype(float),
                "portal_active": (sent > 0).astype(float),
                "residents": np.ones(n),
                "person_years": np.ones(n),
                "journal_entries": rng.poisson(3, n).astype(float),
                "staff_key": rng.integers(0, 9, n),
            }
        )
        .with_columns(
            pl.col("area_code").replace("", None),
            structured_entries=(pl.col("journal_entries") / 2).floor(),
            acute_stays=(pl.col("emergency_stays") / 2).ceil(),
            forms_opened=(pl.col("portal_forms_sent") * 2 / 3).ceil(),
        )
        .with_columns(
            forms_read_by_users=pl.min_horizontal("forms_opened", "portal_forms_answered"),
        )
    )


def strata(people: pl.DataFrame, k: int = 5) -> pl.DataFrame:
    """Bands of at least k persons per area and sex: five years, cut at CUTS, merged upwards."""
    edges = sorted({*range(0, 100, 5), *CUTS})
    rows = []
    areas = [("municipality", code) for code in SIZES] + [("region", "MIDT")]
    for level, code in areas:
        for sex in ("female", "male"):
            here = people.filter(pl.col("sex") == sex)
            if level == "municipality":
                here = here.filter(pl.col("area_code") == code)
            rows += [(level, code, sex, low, high) for low, high in _bands(here, edges, k)]
    columns = ["area_level", "area_code", "sex", "age_from", "age_to"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _bands(people: pl.DataFrame, edges: list[int], k: int) -> list[tuple[int, int]]:
    ages = people["age"].to_numpy()
    lows, low = [], 0
    for edge in [*edges[1:], 200]:
        if ((ages >= low) & (ages < edge)).sum() >= k:
            lows.append(low)
            low = edge
    if low != 200 and len(lows) == 0:
        lows = [0]
    highs = [*(start - 1 for start in lows[1:]), 199]
    return list(zip(lows, highs, strict=True))


def small_region(
    seed: int = 7,
    graded: int = 12,
    chosen: Sequence[Indicator] | None = None,
    people: pl.DataFrame | None = None,
    *,
    county: bool = False,
) -> SmallRegion:
    """Persons, if they are not given, and marts of one year; one municipality is not covered.

    All municipalities are of one county, which is an area of its own if asked.
    """
    people = persons(seed, graded) if people is None else people
    bands = strata(people)
    by_area = pl.concat(
        [
            people.filter(pl.col("area_code").is_not_null()).with_columns(
                area_level=pl.lit("municipality")
            ),
            people.with_columns(area_level=pl.lit("region"), home=pl.col("area_code"))
            .filter(pl.col("home").is_null() | (pl.col("home") != NOT_COVERED_AREA))
            .with_columns(area_code=pl.lit("MIDT"))
            .drop("home"),
        ]
    ).filter(pl.col("area_code") != NOT_COVERED_AREA)
    chosen = specs() if chosen is None else chosen
    coverage = pl.DataFrame(
        [
            (spec.id, level, code, START, END, share, state, SIZES.get(code, 0))
            for spec in chosen
            for level, code, share, state in [
                *(
                    ("municipality", code, 1.0, "full")
                    if code != NOT_COVERED_AREA
                    else ("municipality", code, 0.0, "not_covered")
                    for code in SIZES
                ),
                ("region", "MIDT", 0.7, "flagged"),
                *([("county", COUNTY, 0.7, "flagged")] if county else []),
            ]
        ],
        schema=[
            "indicator_id",
            "area_level",
            "area_code",
            "period_start",
            "period_end",
            "covered_share",
            "coverage_state",
            "residents",
        ],
        orient="row",
    )
    marts = Marts(
        indicator_counts=pl.concat(
            [_strata_counts(by_area, bands, s) for s in chosen if s.counting == "strata"]
        ),
        flow_counts=pl.concat([_flow_counts(by_area, s) for s in specs() if s.counting == "flow"]),
        coverage=coverage if county else coverage.drop("residents"),
        strata_map=bands,
        counties=pl.DataFrame({"area_code": list(SIZES)}).with_columns(county_code=pl.lit(COUNTY)),
    )
    return SmallRegion(people, marts)


def _contributions(people: pl.DataFrame, spec: Indicator) -> pl.DataFrame:
    part, whole = pl.col(spec.numerator.measure), pl.col(spec.denominator.measure)
    other = whole > part if spec.kind == "proportion" else (whole > 0) & (part == 0)
    return people.with_columns(numerator=part, denominator=whole, other=other).filter(
        (pl.col("numerator") > 0) | (pl.col("denominator") > 0)
    )


def _aggregates() -> list[pl.Expr]:
    part, whole = pl.col("numerator"), pl.col("denominator")
    return [
        part.sum(),
        whole.sum(),
        (part**2).sum().alias("numerator_sq"),
        part.max().alias("numerator_max"),
        whole.max().alias("denominator_max"),
        (part > 0).sum().cast(pl.Int64).alias("numerator_persons"),
        (whole > 0).sum().cast(pl.Int64).alias("denominator_persons"),
        pl.col("other").sum().cast(pl.Int64).alias("complement_persons"),
    ]


def _strata_counts(people: pl.DataFrame, bands: pl.DataFrame, spec: Indicator) -> pl.DataFrame:
    inside = bands.filter(pl.col("age_from") >= spec.ages.min, pl.col("age_to") <= spec.age_max)
    keys = ["area_level", "area_code", "sex", "age_from", "age_to"]
    return (
        _contributions(people, spec)
        .join(inside, on=["area_level", "area_code", "sex"])
        .filter(pl.col("age").is_between(pl.col("age_from"), pl.col("age_to")))
        .group_by(keys)
        .agg(_aggregates())
        .with_columns(
            indicator_id=pl.lit(spec.id),
            period_start=pl.lit(START),
            period_end=pl.lit(END),
            providers=pl.lit(None, dtype=pl.Int64),
        )
    )


def _flow_counts(people: pl.DataFrame, spec: Indicator) -> pl.DataFrame:
    return (
        _contributions(people, spec)
        .group_by("area_level", "area_code")
        .agg(*_aggregates(), providers=pl.col("staff_key").n_unique().cast(pl.Int64))
        .drop("numerator_sq", "numerator_max", "denominator_max")
        .with_columns(
            indicator_id=pl.lit(spec.id),
            period_start=pl.lit(START),
            period_end=pl.lit(END),
        )
    )
