"""Ranks, the region beside, and funnels: from published values only."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pipelines.epidemiology import funnel_limits
from pipelines.publication.comparisons import COLUMNS, KEY, comparisons
from tests.support.publication_marts import specs

SHARE, RATE = "home_nursing_users_per_1000", "emergency_admissions_per_1000"

# area, value, lower, upper, numerator, denominator, status, flags
AREAS = """
    5001   80.0  70.0  90.0  400  5000  ok          -
    5006   50.0  40.0  60.0   50  1000  ok          -
    5007   80.0  30.0 130.0   16   200  ok          small_numerator
    5014  120.0  60.0 180.0   12   100  ok          coarse_age,small_numerator
    5020      -     -     -    -     -  suppressed  -
    MIDT   75.0  71.0  79.0  525  7000  ok          -
"""


# Three that show a value and one that hides it; 5014 is alone.
GROUPS = pl.DataFrame(
    [
        *((area, "size", "size:small") for area in ("5001", "5006", "5007", "5020")),
        ("5014", "size", "size:large"),
        *((area, "county", "county:50") for area in ("5001", "5006", "5007", "5014", "5020")),
    ],
    schema=["area_code", "group_kind", "group_id"],
    orient="row",
)


def values(indicator: str, kind: str = "crude") -> pl.DataFrame:
    rows = [line.split() for line in AREAS.strip().splitlines()]
    columns = ["area_code", "value", "lower_ci", "upper_ci", "numerator", "denominator"]
    frame = pl.DataFrame(rows, schema=[*columns, "value_status", "quality_flags"], orient="row")
    return frame.with_columns(
        pl.col(columns[1:]).replace("-", None).cast(pl.Float64),
        pl.col("quality_flags").replace("-", ""),
        indicator_id=pl.lit(indicator),
        area_level=pl.when(pl.col("area_code") == "MIDT")
        .then(pl.lit("region"))
        .otherwise(pl.lit("municipality")),
        period_type=pl.lit("year"),
        period_start=pl.lit(date(2024, 1, 1)),
        sex=pl.lit("total"),
        age_group=pl.lit("total"),
        value_kind=pl.lit(kind),
        breakdown=pl.lit("total"),
    )


def by_area(frame: pl.DataFrame) -> dict[str, dict[str, object]]:
    return {row["area_code"]: row for row in frame.to_dicts()}


def test_shape() -> None:
    got = comparisons(values(SHARE), specs(SHARE), GROUPS)
    assert tuple(got.columns) == COLUMNS
    assert got["area_code"].to_list() == ["5001", "5006", "5007", "5014", "5020"]
    assert got.select(KEY).is_duplicated().sum() == 0


def test_a_month_is_compared_with_months_that_begin_with_the_year() -> None:
    year = values(SHARE)
    january = year.with_columns(
        pl.col("value", "lower_ci", "upper_ci") / 10, period_type=pl.lit("month")
    )
    got = comparisons(pl.concat([year, january]), specs(SHARE), GROUPS)
    regions = got.group_by("period_type").agg(pl.col("region_value").unique())
    assert dict(regions.iter_rows()) == {"year": [75.0], "month": [7.5]}
    assert got["rank_of"].unique().to_list() == [3]


@pytest.mark.parametrize(
    ("area", "rank", "versus"),
    [
        ("5001", 1, "similar"),
        ("5006", 3, "lower"),
        ("5007", 1, "similar"),  # equal values share the better rank
        ("5014", None, "similar"),  # coarse age adjustment: no rank
        ("5020", None, "not_compared"),
    ],
)
def test_rank_and_region(area: str, rank: int | None, versus: str) -> None:
    got = by_area(comparisons(values(SHARE), specs(SHARE), GROUPS))[area]
    assert (got["rank"], got["rank_of"], got["versus_region"]) == (rank, 3, versus)
    assert got["region_value"] == 75.0


def test_higher() -> None:
    raised = values(SHARE).with_columns(
        lower_ci=pl.when(pl.col("area_code") == "5001").then(76.0).otherwise("lower_ci")
    )
    assert by_area(comparisons(raised, specs(SHARE), GROUPS))["5001"]["versus_region"] == "higher"


def test_nothing_is_compared_with_a_hidden_region() -> None:
    hidden = values(SHARE).with_columns(
        value_status=pl.when(pl.col("area_code") == "MIDT")
        .then(pl.lit("suppressed"))
        .otherwise("value_status")
    )
    got = comparisons(hidden, specs(SHARE), GROUPS)
    assert got["versus_region"].unique().to_list() == ["not_compared"]
    assert got["region_value"].null_count() == got.height
    assert got["funnel_upper_95"].null_count() == got.height
    assert got["rank"].drop_nulls().to_list() == [1, 3, 1]


def test_funnel_of_a_share_uses_the_denominator() -> None:
    got = by_area(comparisons(values(SHARE), specs(SHARE), GROUPS))
    expected = funnel_limits(75.0, [1000], "proportion", multiplier=1000)
    assert got["5006"]["funnel_lower_95"] == pytest.approx(expected.lower_95[0])
    assert got["5006"]["funnel_upper_998"] == pytest.approx(expected.upper_998[0])
    assert got["5020"]["funnel_lower_95"] is None


def test_funnel_of_a_standardised_rate_uses_its_effective_denominator() -> None:
    got = by_area(comparisons(values(SHARE, "direct_region"), specs(SHARE), GROUPS))
    expected = funnel_limits(75.0, [1000 * 12 / 120.0], "rate", multiplier=1000)
    assert got["5014"]["funnel_upper_95"] == pytest.approx(expected.upper_95[0])


def test_repeat_events_widen_the_funnel_by_the_regions_dispersion() -> None:
    """The region's published interval is as wide as Poisson's here, or twice that."""
    plain = 525 * 1000 / 7000
    single = values(RATE).with_columns(
        lower_ci=pl.when(pl.col("area_code") == "MIDT").then(plain - 6.27).otherwise("lower_ci"),
        upper_ci=pl.when(pl.col("area_code") == "MIDT").then(plain + 6.70).otherwise("upper_ci"),
    )
    double = values(RATE).with_columns(
        lower_ci=pl.when(pl.col("area_code") == "MIDT").then(plain - 12.54).otherwise("lower_ci"),
        upper_ci=pl.when(pl.col("area_code") == "MIDT").then(plain + 13.40).otherwise("upper_ci"),
    )
    one = by_area(comparisons(single, specs(RATE), GROUPS))["5001"]
    two = by_area(comparisons(double, specs(RATE), GROUPS))["5001"]
    expected = funnel_limits(75.0, [5000], "rate", multiplier=1000)
    assert one["funnel_upper_95"] == pytest.approx(expected.upper_95[0], abs=0.05)
    assert two["funnel_upper_95"] - 75.0 == pytest.approx(
        2 * (expected.upper_95[0] - 75.0), abs=0.1
    )


def test_peers_are_those_of_like_size_and_their_median_is_of_shown_values() -> None:
    got = by_area(comparisons(values(SHARE), specs(SHARE), GROUPS))
    told = ("peer_group", "peer_count", "peer_median")
    assert [got["5020"][name] for name in told] == ["size:small", 3, 80.0]
    assert [got["5001"][name] for name in told] == ["size:small", 3, 80.0]
    # Of one or two values the median would be the values.
    assert [got["5014"][name] for name in told] == ["size:large", 1, None]
    alone = GROUPS.filter(pl.col("area_code") != "5014")
    got = by_area(comparisons(values(SHARE), specs(SHARE), alone))
    assert [got["5014"][name] for name in told] == [None, None, None]


def test_no_median_stands_for_peers_of_whom_many_are_hidden() -> None:
    """Small counts are hidden and zeros are not: the median of what is in view would be low."""
    together = GROUPS.with_columns(group_id=pl.col("group_id").replace("size:large", "size:small"))
    hidden = values(SHARE).with_columns(
        pl.when(pl.col("area_code") == "5014").then(None).otherwise(pl.col(name)).alias(name)
        for name in ("value", "lower_ci", "upper_ci", "numerator", "denominator")
    )
    hidden = hidden.with_columns(
        value_status=pl.when(pl.col("area_code") == "5014")
        .then(pl.lit("suppressed"))
        .otherwise("value_status")
    )
    got = by_area(comparisons(hidden, specs(SHARE), together))["5001"]
    assert (got["peer_count"], got["peer_median"]) == (3, None)
    uncovered = hidden.with_columns(
        value_status=pl.col("value_status").replace("suppressed", "not_covered")
    )
    got = by_area(comparisons(uncovered, specs(SHARE), together))["5001"]
    assert (got["peer_count"], got["peer_median"]) == (3, 80.0)
