"""The equations of a linked system hold for the persons that the counts were made of."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.publication.figures import figures
from pipelines.publication.systems import AuditGroup, linked_systems
from tests.support.publication_marts import NOT_COVERED_AREA, SmallRegion, small_region, specs


def true_unknowns(group: AuditGroup, people: pl.DataFrame) -> pl.DataFrame:
    """Value of every unknown, counted person by person."""
    names = group.system.variables.select(
        "variable_id",
        part=pl.col("variable_id").str.split("|"),
    ).select(
        "variable_id",
        unknown=pl.col("part").list.get(0),
        area=pl.col("part").list.get(1),
        sex=pl.col("part").list.get(2),
        low=pl.col("part").list.get(3).cast(pl.Int64),
    )
    lows = sorted(names["low"].unique())
    placed = set(
        names.filter(pl.col("area") != "rest").select("unknown", "area", "sex", "low").rows()
    )
    covered = people.filter(pl.col("area_code").fill_null("") != NOT_COVERED_AREA)
    totals: dict[tuple[str, str, str, int], float] = {}
    for unknown in names["unknown"].unique():
        whole, _, part = unknown.partition("-without-")
        number = pl.col(whole) - pl.col(part) if part else pl.col(whole)
        rows = covered.select("area_code", "sex", "age", number=number).rows()
        for area, sex, age, value in rows:
            atom = max((low for low in lows if low <= age), default=-1)
            sex_key = sex if names["sex"][0] != "total" else "total"
            key = (unknown, area or "rest", sex_key, atom)
            if key not in placed:
                key = (unknown, "rest", sex_key, atom)
            totals[key] = totals.get(key, 0.0) + value
    values = [totals.get(row, 0.0) for row in names.select("unknown", "area", "sex", "low").rows()]
    return names.select("variable_id").with_columns(truth=pl.Series(values, dtype=pl.Float64))


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), graded=st.integers(0, 30))
def test_true_unknowns_lie_within_public_bounds_and_every_cell_is_their_sum(
    seed: int, graded: int
) -> None:
    region = small_region(seed, graded)
    for group in linked_systems(region.marts, specs()):
        truth = true_unknowns(group, region.persons)
        bounded = group.system.variables.join(truth, on="variable_id")
        assert bounded.filter(pl.col("truth") > pl.col("upper_bound")).is_empty()
        sums = (
            group.system.terms.join(truth, on="variable_id")
            .group_by("cell_id")
            .agg(total=(pl.col("coefficient") * pl.col("truth")).sum())
        )
        both = group.system.cells.join(sums, on="cell_id")
        assert both.height == group.system.cells.height
        wrong = both.filter((pl.col("total") - pl.col("value")).abs() > 1e-9)
        assert wrong.is_empty(), wrong["cell_id"].to_list()


@pytest.fixture(scope="module")
def region() -> SmallRegion:
    return small_region()


def test_order_of_rows_changes_nothing(region: SmallRegion) -> None:
    marts = region.marts
    turned = type(marts)(
        marts.indicator_counts.reverse(),
        marts.flow_counts.reverse(),
        marts.coverage.reverse(),
        marts.strata_map.reverse(),
    )
    for one, other in zip(
        linked_systems(marts, specs()), linked_systems(turned, specs()[::-1]), strict=True
    ):
        assert one.group_id == other.group_id
        assert one.system.cells.equals(other.system.cells)
        assert one.system.terms.equals(other.system.terms)
        assert one.system.variables.equals(other.system.variables)


def test_figures_equal_the_persons_counted(region: SmallRegion) -> None:
    for spec in specs():
        counted = figures(region.marts, [spec]).filter("exact")
        assert counted.height > 0
        for row in counted.iter_rows(named=True):
            people = region.persons.filter(
                pl.col("age").is_between(row["low"], row["high"]),
                pl.lit(row["sex"] == "total") | (pl.col("sex") == row["sex"]),
            )
            if row["area_level"] == "region":
                people = people.filter(pl.col("area_code").fill_null("") != NOT_COVERED_AREA)
            else:
                people = people.filter(pl.col("area_code") == row["area_code"])
            assert row["numerator"] == people[spec.numerator.measure].sum()
            assert row["denominator"] == people[spec.denominator.measure].sum()
