"""``indicator_values``: statuses as a table, and values against a slow independent reckoning."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import FIGURE, figures
from pipelines.publication.rates import COLUMNS, KEY, indicator_values
from pipelines.publication.standards import Standards
from pipelines.publication.unrounded import DIRECT, unrounded_values
from tests.support.publication_marts import NOT_COVERED_AREA, SmallRegion, small_region, specs

REFERENCE = Path(__file__).parents[2] / "data" / "reference"


@pytest.fixture(scope="module")
def region() -> SmallRegion:
    return small_region(seed=11)


@pytest.fixture(scope="module")
def standards(region: SmallRegion) -> Standards:
    return Standards.of(region.marts, specs(), REFERENCE)


@pytest.fixture(scope="module")
def exact(region: SmallRegion, standards: Standards) -> pl.DataFrame:
    return unrounded_values(region.marts, specs(), standards)


@pytest.fixture(scope="module")
def published(region: SmallRegion, standards: Standards, exact: pl.DataFrame) -> pl.DataFrame:
    """Everything is shown but the figures of 5014, and the direct ones of 5007."""
    keys = figures(region.marts, specs()).filter("exact").select(FIGURE)
    return indicator_values(
        region.marts,
        specs(),
        standards,
        shown=keys.with_columns(shown=pl.col("area_code") != "5014"),
        publishable=exact.filter(pl.col("value_kind").is_in(DIRECT)).select(
            *FIGURE, "value_kind", publishable=pl.col("area_code") != "5007"
        ),
        release_id="r1",
    )


def single_year_weights() -> dict[int, float]:
    """European standard by single year of age; 95 and over stands at 95."""
    weights: dict[int, float] = {}
    with (REFERENCE / "european_standard_population_2013.csv").open() as file:
        for row in csv.DictReader(file):
            low, high = int(row["age_from"]), min(int(row["age_to"]), 95)
            for age in range(low, high + 1):
                weights[age] = float(row["weight"]) / (high - low + 1)
    return weights


def people_of(region: SmallRegion, area: str, sex: str) -> list[dict[str, object]]:
    frame = region.persons.filter(pl.col("sex") == sex)
    if area == "MIDT":
        frame = frame.filter(pl.col("area_code").fill_null("") != NOT_COVERED_AREA)
    else:
        frame = frame.filter(pl.col("area_code") == area)
    return list(frame.iter_rows(named=True))


def bands_of(region: SmallRegion, area: str, sex: str, spec: Indicator) -> list[tuple[int, int]]:
    frame = region.marts.strata_map.filter(
        pl.col("area_code") == area,
        pl.col("sex") == sex,
        pl.col("age_from") >= spec.ages.min,
        pl.col("age_to") <= spec.age_max,
    )
    return frame.select("age_from", "age_to").sort("age_from").rows()


def counted(
    region: SmallRegion, area: str, sex: str, band: tuple[int, int], spec: Indicator
) -> tuple[float, float]:
    inside = [p for p in people_of(region, area, sex) if band[0] <= int(p["age"]) <= band[1]]
    return (
        sum(float(p[spec.numerator.measure]) for p in inside),
        sum(float(p[spec.denominator.measure]) for p in inside),
    )


def slow_direct(
    region: SmallRegion, area: str, sexes: list[str], spec: Indicator, kind: str
) -> float:
    single = single_year_weights()
    top, bottom = 0.0, 0.0
    for sex in sexes:
        for band in bands_of(region, area, sex, spec):
            if kind == "direct_esp2013":
                weight = sum(w for age, w in single.items() if band[0] <= age <= band[1])
            else:
                inside = [
                    p for p in people_of(region, "MIDT", sex) if band[0] <= int(p["age"]) <= band[1]
                ]
                weight = float(len(inside))
            events, people = counted(region, area, sex, band, spec)
            top += weight * events / people
            bottom += weight
    return spec.multiplier * top / bottom


def slow_indirect(region: SmallRegion, area: str, sexes: list[str], spec: Indicator) -> float:
    observed = expected = region_events = region_people = 0.0
    for sex in sexes:
        for band in bands_of(region, area, sex, spec):
            events, people = counted(region, area, sex, band, spec)
            all_events, all_people = counted(region, "MIDT", sex, band, spec)
            observed += events
            expected += people * all_events / all_people
            region_events += all_events
            region_people += all_people
    return spec.multiplier * observed / expected * region_events / region_people


@pytest.mark.parametrize("kind", ["direct_esp2013", "direct_region", "indirect"])
@pytest.mark.parametrize(
    "indicator", ["emergency_admissions_per_1000", "home_nursing_users_per_1000"]
)
def test_standardised_values_to_a_billionth(
    region: SmallRegion, exact: pl.DataFrame, indicator: str, kind: str
) -> None:
    (spec,) = specs(indicator)
    rows = exact.filter(
        pl.col("indicator_id") == indicator,
        pl.col("value_kind") == kind,
        pl.col("value").is_not_null(),
    )
    assert rows.height >= 8
    for row in rows.iter_rows(named=True):
        sexes = ["female", "male"] if row["sex"] == "total" else [row["sex"]]
        if kind == "indirect":
            expected = slow_indirect(region, row["area_code"], sexes, spec)
        else:
            expected = slow_direct(region, row["area_code"], sexes, spec, kind)
        assert row["value"] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_region_is_its_own_standard(exact: pl.DataFrame) -> None:
    """Adjusted to its own structure the region has its crude rate, directly and indirectly."""
    own = exact.filter(
        pl.col("area_code") == "MIDT",
        pl.col("indicator_id") == "emergency_admissions_per_1000",
        pl.col("age_group") == "total",
    )
    for sex in ("total", "female", "male"):
        values = {row["value_kind"]: row for row in own.filter(pl.col("sex") == sex).to_dicts()}
        crude = values["crude"]["value"]
        assert values["direct_region"]["value"] == pytest.approx(crude, rel=1e-9)
        assert values["indirect"]["value"] == pytest.approx(crude, rel=1e-9)
        assert values["indirect"]["upper"] == pytest.approx(values["crude"]["upper"], rel=1e-9)


def test_shape_and_key(published: pl.DataFrame) -> None:
    assert tuple(published.columns) == COLUMNS
    assert published.select(KEY).is_duplicated().sum() == 0
    shown = published.filter(pl.col("value_status") == "ok")
    hidden = published.filter(pl.col("value_status") != "ok")
    numbers = ["numerator", "denominator", "value", "lower_ci", "upper_ci"]
    assert sum(shown[name].null_count() for name in numbers) == 0
    assert all(hidden[name].null_count() == hidden.height for name in numbers)
    assert shown["status_reason"].null_count() == shown.height
    assert hidden["status_reason"].null_count() == 0


def test_every_kind_group_and_sex_is_there_for_every_area(published: pl.DataFrame) -> None:
    per_area = published.group_by("indicator_id", "area_code").len()
    assert per_area.select("indicator_id", "len").unique().height == len(specs())
    emergency = published.filter(pl.col("indicator_id") == "emergency_admissions_per_1000")
    assert emergency.filter(pl.col("area_code") == "MIDT").height == 3 * 6 + 3 * 3
    flow = published.filter(pl.col("indicator_id") == "structured_documentation_share")
    assert flow.select("sex", "age_group", "value_kind").unique().rows() == [
        ("total", "total", "crude")
    ]


@pytest.mark.parametrize(
    ("indicator", "area", "sex", "group", "kind", "status", "reason"),
    [
        ("home_nursing_users_per_1000", "5001", "total", "total", "crude", "ok", None),
        ("home_nursing_users_per_1000", "5001", "total", "total", "direct_region", "ok", None),
        ("home_nursing_users_per_1000", "5001", "total", "total", "indirect", "ok", None),
        (
            *("home_nursing_users_per_1000", "5020", "total", "total", "crude"),
            *("not_covered", "municipality_not_live"),
        ),
        (
            *("emergency_admissions_per_1000", "5020", "total", "total", "direct_region"),
            *("not_covered", "service_not_covered"),
        ),
        (
            *("home_nursing_users_per_1000", "5014", "total", "total", "crude"),
            *("suppressed", "disclosure"),
        ),
        (
            *("home_nursing_users_per_1000", "5014", "total", "total", "indirect"),
            *("suppressed", "disclosure"),
        ),
        (
            *("home_nursing_users_per_1000", "5014", "total", "18-44", "crude"),
            *("suppressed", "age_groups_merged"),
        ),
        ("emergency_admissions_per_1000", "5007", "total", "total", "crude", "ok", None),
        (
            *("emergency_admissions_per_1000", "5007", "total", "total", "direct_region"),
            *("suppressed", "disclosure"),
        ),
        ("emergency_admissions_per_1000", "5007", "total", "total", "indirect", "ok", None),
        (
            *("emergency_admissions_per_1000", "5007", "female", "total", "direct_esp2013"),
            *("unreliable", "too_few_events"),
        ),
    ],
)
def test_status(
    published: pl.DataFrame,
    indicator: str,
    area: str,
    sex: str,
    group: str,
    kind: str,
    status: str,
    reason: str | None,
) -> None:
    row = published.row(
        by_predicate=(pl.col("indicator_id") == indicator)
        & (pl.col("area_code") == area)
        & (pl.col("sex") == sex)
        & (pl.col("age_group") == group)
        & (pl.col("value_kind") == kind),
        named=True,
    )
    assert (row["value_status"], row["status_reason"]) == (status, reason)


def test_crude_values_are_the_persons_counted(region: SmallRegion, published: pl.DataFrame) -> None:
    (spec,) = specs("portal_forms_answered_share")
    row = published.row(
        by_predicate=(pl.col("indicator_id") == spec.id)
        & (pl.col("area_code") == "5001")
        & (pl.col("sex") == "male")
        & (pl.col("age_group") == "45-66"),
        named=True,
    )
    answered, sent = counted(region, "5001", "male", (45, 66), spec)
    assert (row["numerator"], row["denominator"]) == (answered, sent)
    assert row["value"] == pytest.approx(100 * answered / sent, abs=0.05)
    assert row["value"] == round(row["value"], spec.decimals)


def test_a_verdict_that_is_missing_hides(region: SmallRegion, standards: Standards) -> None:
    keys = figures(region.marts, specs()).filter("exact").select(FIGURE)
    nothing = keys.head(0).with_columns(value_kind=pl.lit(""), publishable=pl.lit(True))
    hidden = indicator_values(
        region.marts,
        specs(),
        standards,
        shown=keys.head(0).with_columns(shown=pl.lit(True)),
        publishable=nothing,
        release_id="r1",
    )
    assert hidden.filter(pl.col("value_status") == "ok").is_empty()
    crude_only = indicator_values(
        region.marts,
        specs(),
        standards,
        shown=keys.with_columns(shown=pl.lit(True)),
        publishable=nothing,
        release_id="r1",
    )
    kinds = crude_only.filter(pl.col("value_status") == "ok")["value_kind"].unique()
    assert sorted(kinds) == ["crude", "indirect"]


def test_flags(published: pl.DataFrame) -> None:
    flags = {
        (row["area_code"], row["value_kind"]): row["quality_flags"]
        for row in published.filter(
            pl.col("indicator_id") == "emergency_admissions_per_1000",
            pl.col("sex") == "total",
            pl.col("age_group") == "total",
        ).to_dicts()
    }
    assert flags["MIDT", "crude"] == "partial_coverage"
    assert flags["5001", "direct_region"] == ""
    assert flags["5020", "crude"] == ""
    assert "small_numerator" in flags["5007", "crude"]


def test_wide_bands_are_coarse(exact: pl.DataFrame) -> None:
    """5007 has about five bands per sex where the region has twenty-three."""
    coarse = (
        exact.filter(pl.col("value_kind").is_in(DIRECT))
        .group_by("area_code")
        .agg(pl.col("coarse_age").all())
    )
    assert dict(coarse.rows()) == {
        "5001": False,
        "5006": False,
        "5007": True,
        "5014": True,
        "MIDT": False,
    }
