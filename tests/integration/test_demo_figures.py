"""The published figures of the demonstration against its truth."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.assets.release import read_marts
from pipelines.catalogue.loader import catalogue
from pipelines.catalogue.model import Indicator
from pipelines.ingest.ledger import read_ledger
from pipelines.publication.standards import Standards
from pipelines.publication.unrounded import unrounded_values
from pipelines.settings import Zones, reference_dir
from tests.support.demo_run import Demo
from tests.support.demo_truth import COUNTIES, truth_by_age, truth_of
from tests.support.independent_rates import ByAge, european_standard

CELL = ["indicator_id", "area_code", "sex", "age_group", "year"]
NUMBERS = ["numerator", "denominator", "value", "lower_ci", "upper_ci"]
LAST_YEAR = 2025
TOO_FEW_AT_THIS_SIZE = {"short_stay_ending_at_home_share", "messages_rejected_share"}
"""In a region of a hundredth of the size they are hidden everywhere."""


@pytest.fixture(scope="module")
def zones(demo: Demo) -> Zones:
    return demo.home.zones


@pytest.fixture(scope="module")
def specs() -> dict[str, Indicator]:
    return dict(catalogue().indicators)


@pytest.fixture(scope="module")
def published(zones: Zones) -> pl.DataFrame:
    frame = pl.read_parquet(zones.published / "current" / "indicator_values.parquet").filter(
        pl.col("period_type") == "year", pl.col("breakdown") == "total"
    )
    return frame.with_columns(year=pl.col("period_start").dt.year())


@pytest.fixture(scope="module")
def truth(zones: Zones, specs: dict[str, Indicator]) -> pl.DataFrame:
    return truth_of(zones, specs.values())


def misstated(
    published: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> pl.DataFrame:
    """Shown crude figures that the truth lacks or contradicts."""
    decimals = pl.DataFrame(
        [(spec.id, spec.decimals) for spec in specs.values()],
        schema={"indicator_id": pl.String, "decimals": pl.Int32},
        orient="row",
    )
    # Groups are the sums of their members (tests/unit/test_merged_areas.py).
    shown = published.filter(
        pl.col("value_kind") == "crude",
        pl.col("value_status") == "ok",
        pl.col("area_level") != "group",
    )
    joined = shown.join(truth, on=CELL, how="left", suffix="_true").join(
        decimals, on="indicator_id"
    )
    half = 0.5 * pl.lit(10.0).pow(-pl.col("decimals")) + 1e-9
    right = (
        (pl.col("numerator") == pl.col("numerator_true"))
        & ((pl.col("denominator") - pl.col("denominator_true")).abs() <= 0.05 + 1e-9)
        & ((pl.col("value") - pl.col("value_true")).abs() <= half)
    )
    return joined.filter(~right.fill_null(value=False))


def test_shown_crude_figures_are_the_truth(
    published: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    shown = published.filter(pl.col("value_kind") == "crude", pl.col("value_status") == "ok")
    assert shown.filter(pl.col("area_level") == "municipality").height > 1000
    assert set(specs) - set(shown["indicator_id"]) == TOO_FEW_AT_THIS_SIZE
    assert misstated(published, truth, specs).is_empty()


@pytest.mark.parametrize("column", ["numerator", "denominator", "value"])
def test_one_wrong_figure_is_found(
    column: str, published: pl.DataFrame, truth: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    last = pl.int_range(pl.len()) == pl.len() - 1
    shown = published.filter(pl.col("value_kind") == "crude", pl.col("value_status") == "ok")
    wrong = shown.with_columns(
        pl.when(last).then(pl.col(column) + 1).otherwise(pl.col(column)).alias(column)
    )
    assert misstated(wrong, truth, specs).height == 1


def test_coverage_is_the_truth(published: pl.DataFrame, truth: pl.DataFrame) -> None:
    own = pl.col("area_level").is_in(["municipality", "region"])
    crude = published.filter(pl.col("value_kind") == "crude", own)
    joined = crude.join(truth.filter(own), on=CELL, how="full", suffix="_true", coalesce=True)
    # What has residents is told of, and what is told of has residents or is not covered.
    assert joined.filter(pl.col("value_status").is_null()).is_empty()
    unknown = joined.filter(pl.col("coverage_state").is_null())
    assert set(unknown["value_status"]) <= {"not_covered"}
    known = joined.filter(pl.col("coverage_state").is_not_null())
    told = (pl.col("value_status") == "not_covered") == (pl.col("coverage_state") == "not_covered")
    flagged = pl.col("quality_flags").str.split(",").list.contains("partial_coverage")
    assert known.filter(~told).is_empty()
    assert known.filter(flagged != (pl.col("coverage_state") == "flagged")).is_empty()
    assert set(known["coverage_state"]) == {"full", "flagged", "not_covered"}


def test_a_median_is_rounded_and_stands_beside_a_mean(
    published: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    steps = {name: spec.median.step for name, spec in specs.items() if spec.median is not None}
    medians = published.filter(pl.col("value_kind") == "median")
    assert set(medians["indicator_id"]) == set(steps)
    shown = medians.filter(pl.col("value_status") == "ok")
    step = shown["indicator_id"].replace_strict(steps, return_dtype=pl.Float64)
    assert shown.height > 0
    assert (shown["value"] % step == 0).all()
    counts = [name for name in NUMBERS if name != "value"]
    assert medians.filter(pl.any_horizontal(pl.col(counts).is_not_null())).is_empty()
    means = published.filter(pl.col("value_kind") == "crude", pl.col("value_status") == "ok")
    assert shown.join(means, on=CELL, how="anti").is_empty()


def test_a_figure_is_a_number_only_where_it_is_ok(
    published: pl.DataFrame, specs: dict[str, Indicator]
) -> None:
    ok = pl.col("value_status") == "ok"
    published = published.filter(pl.col("value_kind") != "median")
    # A full count of public facts has no interval; everything else has all its numbers.
    full = pl.col("indicator_id").is_in([spec.id for spec in specs.values() if spec.full_count])
    assert published.filter(ok & pl.any_horizontal(pl.col(NUMBERS[:3]).is_null())).is_empty()
    assert published.filter(ok & (pl.col(NUMBERS[3]).is_null() != full)).is_empty()
    assert published.filter(ok & (pl.col(NUMBERS[4]).is_null() != full)).is_empty()
    assert published.filter(~ok & pl.any_horizontal(pl.col(NUMBERS).is_not_null())).is_empty()
    assert published.filter(ok != pl.col("status_reason").is_null()).is_empty()
    # Hidden, not covered, too few and nothing are four different things, and zero is a number.
    reasons = set(
        published.filter(~ok).select("value_status", "status_reason").unique().iter_rows()
    )
    assert {
        ("suppressed", "disclosure"),
        ("suppressed", "age_groups_merged"),
        ("not_covered", "municipality_not_live"),
        ("not_covered", "service_not_covered"),
        ("missing", "no_data"),
        ("unreliable", "too_few_events"),
    } <= reasons
    assert published.filter(ok & (pl.col("numerator") == 0)).height > 0


def test_standardised_values_before_rounding(zones: Zones, specs: dict[str, Indicator]) -> None:
    marts = read_marts(zones)
    listed = list(specs.values())
    computed = unrounded_values(marts, listed, Standards.of(marts, listed, reference_dir()))
    by_age = ByAge.of(truth_by_age(zones), marts.strata_map)
    european = european_standard(reference_dir())
    standards = {
        "direct_esp2013": {"female": european, "male": european},
        "direct_region": by_age.region_standard("adoption_inhabitants_share", LAST_YEAR),
    }
    compared = {"direct_esp2013": 0, "direct_region": 0, "indirect": 0}
    farthest = 0.0
    places = {
        (indicator, county, start.year): areas
        for indicator, county, start, areas in computed.filter(
            pl.col("value_kind") == "indirect", pl.col("sex") == "total"
        )
        .join(COUNTIES, on="area_code")
        .group_by("indicator_id", "county_code", "period_start")
        .agg("area_code")
        .iter_rows()
    }
    rows = computed.filter(pl.col("value_kind") != "crude")
    for row in rows.iter_rows(named=True):
        spec, kind = specs[row["indicator_id"]], row["value_kind"]
        key = (spec.id, row["area_code"], row["sex"], row["period_start"].year)
        if kind == "indirect":
            ours = by_age.indirect(key, spec.ages.min, places.get((key[0], key[1], key[3]), ()))
        else:
            ours = by_age.direct(key, spec.ages.min, standards[kind])
        assert (ours is None) == (row["value"] is None), (key, kind, ours, row["value"])
        if ours is not None:
            compared[kind] += 1
            theirs = row["value"] / spec.multiplier
            farthest = max(farthest, abs(theirs - ours) / max(abs(ours), 1e-12))
    assert min(compared.values()) > 150, compared
    assert farthest <= 1e-9


def test_another_standard_would_be_noticed(zones: Zones) -> None:
    marts = read_marts(zones)
    by_age = ByAge.of(truth_by_age(zones), marts.strata_map)
    european = european_standard(reference_dir())
    assert np.isclose(european.sum(), 100_000)
    key = ("emergency_admissions_per_1000", "MIDT", "total", LAST_YEAR)
    one = by_age.direct(key, 0, {"female": european, "male": european})
    other = by_age.direct(key, 0, by_age.region_standard("adoption_inhabitants_share", LAST_YEAR))
    assert one is not None
    assert other is not None
    assert abs(one / other - 1) > 1e-4


def unaccounted(ledger: Path, inbox: Path) -> list[str]:
    """Files of a ledger whose delivered lines are not all loaded or in quarantine."""
    entry = json.loads(ledger.read_text())
    folder = inbox / entry["source"] / entry["delivery"]
    wrong = []
    for file in entry["files"]:
        path = folder / file["name"]
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            delivered = sum(1 for _ in lines)
        accounted = file["loaded_rows"] + file["quarantined_rows"]
        if not delivered == file["delivered_rows"] == accounted:
            wrong.append(file["name"])
    return wrong


def test_every_delivered_line_is_accounted_for(zones: Zones, tmp_path: Path) -> None:
    ledgers = sorted(zones.deliveries.glob("*.json"))
    assert len(ledgers) == 15
    assert [name for ledger in ledgers for name in unaccounted(ledger, zones.inbox)] == []
    one = json.loads(ledgers[0].read_text())
    one["files"][0]["loaded_rows"] -= 1
    (tmp_path / "short.json").write_text(json.dumps(one))
    assert unaccounted(tmp_path / "short.json", zones.inbox) == [one["files"][0]["name"]]


def test_tables_hold_what_the_ledger_says(zones: Zones) -> None:
    for delivery, entry in read_ledger(zones).items():
        for table, rows in entry.tables.items():
            path = zones.journal / table / f"{delivery}.parquet"
            held = pl.scan_parquet(path).select(pl.len()).collect().item() if path.exists() else 0
            assert held == rows, (delivery, table)
