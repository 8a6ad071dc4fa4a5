"""Every check of the published tables passes on a good release and is red on its twin."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalogue.breakdowns import breakdowns_table
from pipelines.catalogue.loader import catalogue
from pipelines.checks.contracts import column_type, published_contracts
from pipelines.checks.model import CheckResult
from pipelines.checks.published import RULES, published_suites, with_rules
from pipelines.checks.run import check_published
from pipelines.checks.runner import run_suite
from pipelines.publication.area_groups import area_groups_table
from pipelines.publication.population import population_table
from pipelines.publication.reference_tables import (
    areas_table,
    coverage_table,
    indicators_table,
)
from pipelines.settings import reference_dir
from tests.support.check_frames import DTYPES, broken_frame, clean_frame

RATE = "emergency_admissions_per_1000"
SHARE = "diabetes_type2_prevalence"
FACTS = "adoption_inhabitants_share"
BEDS = "nursing_home_occupancy_share"


def row(**changes: Any) -> dict[str, Any]:
    base = {
        "indicator_id": SHARE,
        "indicator_version": 1,
        "area_level": "municipality",
        "area_code": "5001",
        "border_set": "2024",
        "sex": "total",
        "age_group": "total",
        "breakdown": "total",
        "breakdown_value": "total",
        "period_type": "year",
        "period_start": dt.date(2025, 1, 1),
        "period_end": dt.date(2025, 12, 31),
        "value_kind": "crude",
        "numerator": 50.0,
        "denominator": 1000.0,
        "value": 5.0,
        "lower_ci": 3.8,
        "upper_ci": 6.5,
        "unit": "percent",
        "value_status": "ok",
        "status_reason": None,
        "merged_group_id": None,
        "quality_flags": "",
        "covered_share": 1.0,
        "release_id": "r-1",
    }
    chosen = base | changes
    known = catalogue().indicators.get(str(chosen["indicator_id"]))
    return chosen | ({"indicator_version": known.version} if known is not None else {})


HIDDEN = {
    "value_status": "suppressed",
    "status_reason": "disclosure",
    "numerator": None,
    "denominator": None,
    "value": None,
    "lower_ci": None,
    "upper_ci": None,
}


def values(*rows: dict[str, Any]) -> pl.DataFrame:
    columns = published_contracts()["indicator_values"].columns
    return pl.DataFrame(
        list(rows), schema={name: DTYPES[column.type] for name, column in columns.items()}
    )


def good_values() -> pl.DataFrame:
    return values(
        row(),
        row(sex="female", **HIDDEN),
        row(sex="male", covered_share=0.9, quality_flags="coarse_age,partial_coverage"),
        row(value_kind="indirect", value=112.0, lower_ci=90.0, upper_ci=131.0),
        row(
            area_code="MIDT",
            area_level="region",
            covered_share=0.5,
            quality_flags="partial_coverage",
        ),
        row(
            area_code="1505",
            border_set="2020",
            period_start=dt.date(2023, 1, 1),
            period_end=dt.date(2023, 12, 31),
        ),
        row(indicator_id=RATE, numerator=980.0, value=980.0, lower_ci=920.0, upper_ci=1043.0),
        # More stays than beds, and as many but two: a rate, although per hundred.
        row(indicator_id=BEDS, numerator=1002.0, value=100.2, lower_ci=None, upper_ci=None),
        row(
            indicator_id=BEDS,
            area_code="5025",
            numerator=998.0,
            value=99.8,
            lower_ci=None,
            upper_ci=None,
        ),
        row(
            indicator_id=FACTS,
            numerator=2.0,
            denominator=1000.0,
            value=0.2,
            lower_ci=None,
            upper_ci=None,
        ),
    )


def release(indicator_values: pl.DataFrame) -> dict[str, pl.DataFrame]:
    contracts = published_contracts()
    comparisons = clean_frame(contracts["comparisons"]).head(2).with_columns(
        indicator_id=pl.lit(SHARE),
        area_code=pl.lit("5001"),
        period_type=pl.lit("year"),
        period_start=pl.lit(dt.date(2025, 1, 1)),
        sex=pl.Series(["total", "female"]),
        age_group=pl.lit("total"),
        value_kind=pl.lit("crude"),
        rank=pl.Series([1, None], dtype=pl.Int64),
        rank_of=pl.Series([2, None], dtype=pl.Int64),
        versus_region=pl.Series(["higher", "not_compared"]),
    )  # fmt: skip
    return {
        "indicator_values": indicator_values,
        "indicators": indicators_table(catalogue()),
        "areas": areas_table(reference_dir()),
        "coverage": coverage_table(reference_dir()),
        "caveats": clean_frame(contracts["caveats"]),
        "breaks": clean_frame(contracts["breaks"]),
        "comparisons": comparisons,
        "like_for_like": clean_frame(contracts["like_for_like"]),
        "area_groups": area_groups_table(reference_dir()),
        "breakdowns": breakdowns_table(catalogue().breakdowns),
        "population": population_table(None),
        "merged_groups": clean_frame(contracts["merged_groups"]),
        "release": clean_frame(contracts["release"]).head(1),
    }


def write(folder: Path, tables: dict[str, pl.DataFrame]) -> Path:
    folder.mkdir(parents=True)
    for name, frame in tables.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


def judged(table: str, tables: dict[str, pl.DataFrame], check: str) -> CheckResult:
    """What one check of a table says: to run all the others takes a second."""
    suite = published_suites(table)[1]
    alone = tuple(one for one in suite.checks if one.check_id == f"{table}.{check}")
    (result,) = run_suite(with_rules(table, tables), replace(suite, checks=alone))
    return result


def test_a_good_release_is_green(tmp_path: Path) -> None:
    results = check_published(write(tmp_path / "r", release(good_values())), "run-1", tmp_path)
    assert [(r.check_id, r.status) for r in results if r.status != "pass"] == []
    assert {result.stage for result in results} == {"publication"}


BREACHES: list[tuple[str, dict[str, Any]]] = [
    ("rule_small_numerator", {"numerator": 3.0, "value": 0.3}),
    ("rule_small_numerator", {"numerator": 0.4, "value": 0.0}),
    ("rule_small_complement", {"numerator": 997.0, "value": 99.7}),
    ("rule_percent", {"value": 100.5, "upper_ci": 101.0}),
    ("rule_percent", {"value": -0.1}),
    ("rule_agrees", {"value": 5.2}),
    ("rule_reason", {"status_reason": "disclosure"}),
    ("rule_reason", HIDDEN | {"status_reason": None}),
    ("rule_whole_period", {"period_end": dt.date(2025, 12, 30)}),
    ("rule_whole_period", {"period_type": "month"}),
    (
        "rule_whole_period",
        {"period_type": "month", "period_end": dt.date(2025, 1, 30)},
    ),
    ("rule_border_set", {"border_set": "2020"}),
    ("rule_covered", {"covered_share": 0.79, "quality_flags": "partial_coverage"}),
    ("rule_covered", {"covered_share": None}),
    ("rule_partial_flag", {"covered_share": 0.9, "quality_flags": "coarse_age"}),
    ("rule_known_indicator", {"indicator_id": "another"}),
    ("rule_known_area", {"area_code": "9999"}),
    ("value.hidden", HIDDEN | {"value": 5.0}),
    ("lower_ci.hidden", HIDDEN | {"lower_ci": 5.0}),
    ("upper_ci.hidden", HIDDEN | {"upper_ci": 5.0}),
    ("numerator.hidden", HIDDEN | {"numerator": 50.0}),
    ("value.shown", {"value": None}),
    ("interval.lower", {"lower_ci": 5.1}),
    ("interval.upper", {"upper_ci": 4.9}),
    ("release_id.single", {"release_id": "r-2"}),
    ("key", {}),
    ("value_status.codes", {"value_status": "hidden"}),
    ("sex.codes", {"sex": "all"}),
    ("value_kind.codes", {"value_kind": "standardised"}),
    ("numerator.range", {"numerator": -1.0}),
    ("covered_share.range", {"covered_share": 1.2}),
]


@pytest.mark.parametrize(("check", "change"), BREACHES)
def test_each_breach_is_red(check: str, change: dict[str, Any]) -> None:
    bad = pl.concat([good_values(), values(row(**change))])
    verdict = judged("indicator_values", release(bad), check)
    assert verdict.status == "fail"
    assert verdict.unexpected_n >= 1


def test_small_denominator_counts_only_where_it_is_not_public() -> None:
    change = {"indicator_id": "readmission_30_days_67plus", "numerator": 0.0, "value": 0.0}
    small = values(row(**change, denominator=4.0, lower_ci=0.0))
    check = "rule_small_denominator"
    assert judged("indicator_values", release(small), check).status == "fail"
    public = values(row(indicator_id=RATE, numerator=0.0, denominator=4.0, value=0.0, lower_ci=0.0))
    assert judged("indicator_values", release(public), check).status == "pass"


def test_every_rule_has_a_twin() -> None:
    tried = {check for check, _ in BREACHES} | {"rule_small_denominator"}
    assert set(RULES) <= tried


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("rank.hidden", {"rank": 2}),
        ("versus_region.hidden", {"versus_region": "higher"}),
        ("rank.within", {"rank": 3, "rank_of": 2}),
    ],
)
def test_what_is_hidden_is_not_ranked(check: str, change: dict[str, Any]) -> None:
    tables = release(good_values())
    rows = tables["comparisons"].to_dicts()
    rows[1] |= change
    bad = tables | {"comparisons": pl.DataFrame(rows, schema=tables["comparisons"].schema)}
    assert judged("comparisons", tables, check).status == "pass"
    assert judged("comparisons", bad, check).status == "fail"


@pytest.mark.parametrize("table", sorted(set(published_contracts()) - {"comparisons"}))
def test_contract_checks_have_failing_twins(table: str) -> None:
    contract = published_contracts()[table]
    suite = published_suites(table)[1]
    own = [
        check for check in suite.checks if not check.columns or check.columns[0] in contract.columns
    ]
    own = [check for check in own if check.where is None and check.kind != "single_value"]
    broken = broken_frame(clean_frame(contract), own)
    plain = type(suite)(suite.name, suite.table, suite.stage, tuple(own))
    red = {r.check_id for r in run_suite(broken, plain) if r.status == "fail"}
    if not contract.may_be_empty:
        red |= {r.check_id for r in run_suite(broken.clear(), plain) if r.status == "fail"}
    assert red == {check.check_id for check in own}


def test_a_missing_file_blocks(tmp_path: Path) -> None:
    tables = release(good_values())
    del tables["areas"]
    results = check_published(write(tmp_path / "r", tables), "run-1")
    bad = {result.table_name for result in results if result.is_blocking}
    assert "areas" in bad


def test_a_dropped_column_blocks_and_the_rest_is_not_known(tmp_path: Path) -> None:
    tables = release(good_values().drop("covered_share"))
    results = check_published(write(tmp_path / "r", tables), "run-1")
    mine = [r for r in results if r.table_name == "indicator_values"]
    assert {r.status for r in mine if r.suite == "publication.indicator_values"} == {"error"}


def test_types_are_named_as_in_contracts() -> None:
    typed: list[tuple[pl.DataType, str]] = [(dtype, name) for name, dtype in DTYPES.items()]
    for dtype, name in typed:
        assert column_type(dtype) == name
    assert column_type(pl.Null()) == "untyped"
    assert column_type(pl.List(pl.Int8)) == "List(Int8)"
