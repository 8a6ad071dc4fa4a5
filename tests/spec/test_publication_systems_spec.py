"""Linked systems as tables: counts in, cells and equations out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from pipelines.publication.figures import Marts
from pipelines.publication.systems import AuditGroup, figure_status, linked_systems
from tests.support.publication_marts import specs

START, END = date(2024, 1, 1), date(2024, 12, 31)
ALL_AGES = "home_nursing_users_per_1000"
OLD = "home_nursing_users_80plus_share"

# Big holds every published group; Small's women are one band from 45 up, its men one band.
STRATA = """
    municipality 5001 female   0  17
    municipality 5001 female  18  44
    municipality 5001 female  45  66
    municipality 5001 female  67  79
    municipality 5001 female  80 199
    municipality 5001 male     0  17
    municipality 5001 male    18  44
    municipality 5001 male    45  66
    municipality 5001 male    67  79
    municipality 5001 male    80 199
    municipality 5007 female   0  17
    municipality 5007 female  18  44
    municipality 5007 female  45 199
    municipality 5007 male     0 199
    region       MIDT female   0  17
    region       MIDT female  18  44
    region       MIDT female  45  66
    region       MIDT female  67  79
    region       MIDT female  80 199
    region       MIDT male     0  17
    region       MIDT male    18  44
    region       MIDT male    45  66
    region       MIDT male    67  79
    region       MIDT male    80 199
"""
# users and residents per stratum, in the order of STRATA; the region holds one woman of 70
# and one of 85 with graded addresses, both users.
USERS = [0, 1, 4, 20, 40, 0, 2, 5, 15, 25, 0, 0, 9, 6, 0, 1, 6, 24, 45, 0, 2, 6, 17, 28]
RESIDENTS = [
    *(90, 150, 160, 80, 60, 95, 155, 165, 70, 40),
    *(8, 12, 30, 50),
    *(98, 162, 170, 90, 72, 105, 175, 180, 75, 45),
]


def marts(**changes: pl.DataFrame) -> Marts:
    rows = [line.split() for line in STRATA.strip().splitlines()]
    strata = pl.DataFrame(
        rows,
        schema=["area_level", "area_code", "sex", "age_from", "age_to"],
        orient="row",
    ).with_columns(pl.col("age_from", "age_to").cast(pl.Int64))
    counts = strata.with_columns(
        pl.Series("numerator", USERS, dtype=pl.Float64),
        pl.Series("denominator", RESIDENTS, dtype=pl.Float64),
        period_start=pl.lit(START),
        period_end=pl.lit(END),
        providers=pl.lit(None, dtype=pl.Int64),
        numerator_max=pl.lit(1.0),
    ).with_columns(
        numerator_sq=pl.col("numerator"),
        numerator_persons=pl.col("numerator").cast(pl.Int64),
        denominator_persons=pl.col("denominator").cast(pl.Int64),
        complement_persons=(pl.col("denominator") - pl.col("numerator")).cast(pl.Int64),
    )
    old = counts.filter(pl.col("age_from") >= 80)
    both = pl.concat(
        [
            counts.with_columns(indicator_id=pl.lit(ALL_AGES)),
            old.with_columns(indicator_id=pl.lit(OLD)),
        ]
    )
    coverage = pl.DataFrame(
        [
            (indicator, level, code, START, END, 1.0, "full")
            for indicator in (ALL_AGES, OLD)
            for level, code in (
                ("municipality", "5001"),
                ("municipality", "5007"),
                ("region", "MIDT"),
            )
        ],
        schema=[
            "indicator_id",
            "area_level",
            "area_code",
            "period_start",
            "period_end",
            "covered_share",
            "coverage_state",
        ],
        orient="row",
    )
    flows = both.head(0)
    frames = {
        "indicator_counts": both,
        "flow_counts": flows,
        "coverage": coverage,
        "strata_map": strata,
    }
    return Marts(**{**frames, **changes})


@pytest.fixture(scope="module")
def group() -> AuditGroup:
    (only,) = linked_systems(marts(), specs(ALL_AGES, OLD))
    return only


def cell(group: AuditGroup, area: str, sex: str, ages: str) -> dict[str, object]:
    low, high = ages.split("-")
    name = f"home_nursing_users|{area}|{sex}|{low}|{high}"
    return group.system.cells.row(by_predicate=pl.col("cell_id") == name, named=True)


def unknowns(group: AuditGroup, area: str, sex: str, ages: str) -> set[str]:
    low, high = ages.split("-")
    name = f"home_nursing_users|{area}|{sex}|{low}|{high}"
    terms = group.system.terms.filter(pl.col("cell_id") == name)
    return {one.removeprefix("home_nursing_users|") for one in terms["variable_id"]}


@pytest.mark.parametrize(
    ("area", "sex", "ages", "value", "publishable"),
    [
        ("5001", "female", "80-199", 40, True),
        ("5001", "total", "80-199", 65, True),
        ("5001", "total", "0-199", 112, True),
        # Small's women of 45 and over are one band: only what other figures give away.
        ("5007", "female", "45-199", 9, False),
        ("5007", "female", "0-199", 9, True),
        ("5007", "male", "0-199", 6, True),
        ("5007", "total", "0-199", 15, True),
        ("MIDT", "total", "0-199", 129, True),
        # Region minus the countable: graded persons, and Small where it cannot tell ages.
        ("rest", "female", "80-199", 5, False),
        ("rest", "female", "45-66", 2, False),
        ("rest", "female", "0-17", 0, False),
        # Of the totals both municipalities are countable: the two graded women are left.
        ("rest", "female", "0-199", 2, False),
        ("rest", "male", "0-199", 0, False),
        ("rest", "total", "0-199", 2, False),
    ],
)
def test_cells(
    group: AuditGroup, area: str, sex: str, ages: str, value: int, publishable: bool
) -> None:
    got = cell(group, area, sex, ages)
    assert (got["value"], got["publishable"]) == (value, publishable)
    assert got["persons"] == value


@pytest.mark.parametrize(
    ("area", "sex", "ages", "holds"),
    [
        ("5001", "female", "80-199", {"5001|female|80"}),
        ("5001", "total", "67-79", {"5001|female|67", "5001|male|67"}),
        ("5007", "female", "45-199", {"5007|female|45", "5007|female|67", "5007|female|80"}),
        ("MIDT", "male", "67-79", {"5001|male|67", "5007|male|67", "rest|male|67"}),
        ("rest", "male", "67-79", {"5007|male|67", "rest|male|67"}),
        ("rest", "female", "18-44", {"rest|female|18"}),
    ],
)
def test_equations(group: AuditGroup, area: str, sex: str, ages: str, holds: set[str]) -> None:
    assert unknowns(group, area, sex, ages) == holds


@pytest.mark.parametrize(
    ("unknown", "bound"),
    [
        ("5001|female|80", 60.0),
        ("5007|female|80", 30.0),  # all women of 45 and over
        ("5007|male|0", 50.0),
        # Public denominators leave graded persons out, so nobody knows how large the rest is.
        ("rest|female|80", None),
        ("rest|female|0", None),
    ],
)
def test_public_population_bounds_the_unknowns(
    group: AuditGroup, unknown: str, bound: float | None
) -> None:
    name = f"home_nursing_users|{unknown}"
    row = group.system.variables.row(by_predicate=pl.col("variable_id") == name, named=True)
    assert row["upper_bound"] == bound


def test_nested_indicators_publish_the_same_cell(group: AuditGroup) -> None:
    assert group.indicator_ids == (OLD, ALL_AGES)
    cells = group.figures.filter(
        pl.col("area_code") == "5001", pl.col("sex") == "male", pl.col("age_group") == "80+"
    )
    assert cells["numerator_cell"].to_list() == ["home_nursing_users|5001|male|80|199"] * 2
    assert cells["denominator_cell"].null_count() == 2


def test_figures_that_strata_cannot_give_have_no_cell(group: AuditGroup) -> None:
    small = group.figures.filter(pl.col("area_code") == "5007")
    got = set(small.select("indicator_id", "sex", "age_group").rows())
    assert got == {
        (ALL_AGES, "female", "total"),
        (ALL_AGES, "female", "0-17"),
        (ALL_AGES, "female", "18-44"),
        (ALL_AGES, "male", "total"),
        (ALL_AGES, "total", "total"),
    }


def test_totals_weigh_more_than_parts(group: AuditGroup) -> None:
    part = cell(group, "5001", "female", "18-44")["weight"]
    total = cell(group, "5001", "total", "0-199")["weight"]
    region = cell(group, "MIDT", "total", "0-199")["weight"]
    assert (part, total, region) == (1.0, 25.0, 250.0)


def test_a_figure_is_shown_where_all_its_cells_are(group: AuditGroup) -> None:
    hidden = "home_nursing_users|5001|male|80|199"
    verdicts = group.system.cells.select(
        "cell_id",
        status=pl.when(pl.col("cell_id") == hidden)
        .then(pl.lit("suppressed"))
        .otherwise(pl.lit("ok")),
    )
    status = figure_status([(group, verdicts)])
    unseen = status.filter(~pl.col("shown")).select("indicator_id", "sex", "age_group").rows()
    assert sorted(unseen) == [
        (OLD, "male", "80+"),
        (OLD, "male", "total"),
        (ALL_AGES, "male", "80+"),
    ]


def test_a_cell_without_verdict_is_refused(group: AuditGroup) -> None:
    verdicts = group.system.cells.select("cell_id", status=pl.lit("ok")).head(3)
    with pytest.raises(ValueError, match="without verdict"):
        figure_status([(group, verdicts)])


def test_municipalities_above_the_region_are_refused() -> None:
    counts = marts().indicator_counts
    fewer = counts.with_columns(
        numerator=pl.when(pl.col("area_level") == "region").then(0.0).otherwise("numerator")
    )
    with pytest.raises(ValueError, match="add up to more than the region"):
        linked_systems(marts(indicator_counts=fewer), specs(ALL_AGES, OLD))


def test_linked_indicators_must_have_one_coverage() -> None:
    apart = marts().coverage.with_columns(
        coverage_state=pl.when((pl.col("indicator_id") == OLD) & (pl.col("area_code") == "5007"))
        .then(pl.lit("not_covered"))
        .otherwise("coverage_state")
    )
    with pytest.raises(ValueError, match="1 areas are covered for some of them only"):
        linked_systems(marts(coverage=apart), specs(ALL_AGES, OLD))


def test_one_measure_has_one_count() -> None:
    counts = marts().indicator_counts
    two = counts.with_columns(
        numerator=pl.when((pl.col("indicator_id") == OLD) & (pl.col("area_code") == "5001"))
        .then(pl.col("numerator") + 1)
        .otherwise("numerator")
    )
    with pytest.raises(ValueError, match="differ between indicators"):
        linked_systems(marts(indicator_counts=two), specs(ALL_AGES, OLD))


def test_ages_that_nobody_splits_leave_persons_only(group: AuditGroup) -> None:
    """Small's women are one band from 45 up: there the rest is the two graded women."""
    joint = cell(group, "rest", "female", "45-199")
    assert (joint["value"], joint["publishable"]) == (2, False)
    assert unknowns(group, "rest", "female", "45-199") == {
        "rest|female|45",
        "rest|female|67",
        "rest|female|80",
    }


@pytest.mark.parametrize(
    ("sex", "ages", "guessed"),
    [
        ("female", "0-17", True),
        ("female", "18-44", True),
        # Small's women of 45 and more are one band: beyond Big there is Small as well.
        ("female", "45-66", False),
        ("female", "80-199", False),
        ("female", "45-199", True),
        ("female", "0-199", True),
        ("male", "0-17", False),
        ("male", "0-199", True),
        ("total", "0-17", False),
        ("total", "0-199", True),
    ],
)
def test_nobodys_place_is_guessed_where_nobody_else_is_in_it(
    group: AuditGroup, sex: str, ages: str, guessed: bool
) -> None:
    assert cell(group, "rest", sex, ages)["guessed"] == guessed
    assert not group.system.cells.filter("guessed", "publishable").height


def test_a_municipality_without_any_figure_is_beyond_the_others_too() -> None:
    """Of men of 80 and more Small has none that is exact: it is in the rest, and nobody guesses."""
    old = pl.col("indicator_id") == OLD
    alone = replace(
        marts(),
        indicator_counts=marts().indicator_counts.filter(old, pl.col("sex") == "male"),
        coverage=marts().coverage.filter(old),
    )
    (group,) = linked_systems(alone, specs(OLD))
    assert not group.system.cells["guessed"].any()


def test_a_bound_is_the_population_of_all_ages_that_the_strata_merge() -> None:
    """Women of 45-84 and 85+: the 80+ indicator counts the older stratum only."""
    split = pl.DataFrame(
        {"age_from": [45, 45], "age_to": [199, 199], "low": [45, 85], "high": [84, 199]}
    )

    def divided(frame: pl.DataFrame) -> pl.DataFrame:
        joined = frame.join(split, on=["age_from", "age_to"], how="left")
        return joined.with_columns(
            age_from=pl.coalesce("low", "age_from"), age_to=pl.coalesce("high", "age_to")
        ).drop("low", "high")

    counts = divided(marts().indicator_counts).with_columns(
        denominator=pl.when(pl.col("age_from") == 85).then(6.0).otherwise("denominator"),
        numerator=pl.when(pl.col("age_from") == 85).then(0.0).otherwise("numerator"),
    )
    older = counts.filter(pl.col("age_from") == 85).with_columns(indicator_id=pl.lit(OLD))
    (group,) = linked_systems(
        marts(indicator_counts=pl.concat([counts, older]), strata_map=divided(marts().strata_map)),
        specs(ALL_AGES, OLD),
    )
    name = "home_nursing_users|5007|female|80"
    row = group.system.variables.row(by_predicate=pl.col("variable_id") == name, named=True)
    assert row["upper_bound"] == 36.0
