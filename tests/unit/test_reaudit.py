"""The audit of a release's files finds what was tampered with; stewards see it in bands."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.checks.contracts import published_contracts
from pipelines.publication.reaudit import FileAudit, audit_files
from pipelines.publication.release import write_candidate
from pipelines.publication.steward_report import utility_loss, write_steward_report
from pipelines.settings import Zones
from tests.support.small_candidate import ORIGIN
from tests.support.small_candidate import small_candidate as small

KEY = ("indicator_id", "area_code", "sex", "age_group", "value_kind")


def published() -> pl.DataFrame:
    return small().candidate.tables["indicator_values"]


def audit(values: pl.DataFrame, folder: Path) -> FileAudit:
    values.write_parquet(folder / "indicator_values.parquet")
    small().candidate.tables["merged_groups"].write_parquet(folder / "merged_groups.parquet")
    return audit_files(folder, small().marts, small().catalogue)


def exact_of(row: dict[str, object]) -> dict[str, object]:
    keys = [pl.col(name) == row[name] for name in KEY if name != "value_kind"]
    return small().candidate.exact.filter(*keys).row(0, named=True)


def changed(values: pl.DataFrame, row: dict[str, object], **to: object) -> pl.DataFrame:
    here = pl.all_horizontal(pl.col(name) == row[name] for name in KEY)
    return values.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in to.items()
    )


def hidden_rows() -> list[dict[str, object]]:
    hidden = published().filter(
        (pl.col("value_kind") == "crude")
        & (pl.col("value_status") == "suppressed")
        & (pl.col("status_reason") == "disclosure")
    )
    return hidden.rows(named=True)


def test_files_as_they_were_written_pass(tmp_path: Path) -> None:
    found = audit(published(), tmp_path)
    assert found.ok
    assert found.hidden > 0
    assert (found.recovered, found.determined, found.misstated) == (0, 0, 0)
    assert found.narrowest is not None
    assert found.width_required is not None
    assert found.narrowest >= found.width_required


def test_a_hidden_number_that_is_shown_is_found(tmp_path: Path) -> None:
    row = hidden_rows()[0]
    count = exact_of(row)
    shown = changed(
        published(), row, numerator=count["numerator"], denominator=count["denominator"]
    )
    found = audit(shown, tmp_path)
    assert not found.ok
    assert found.recovered > 0
    assert found.misstated == 0


def test_showing_every_hidden_number_is_found_for_each_of_them(tmp_path: Path) -> None:
    told = published()
    for row in hidden_rows():
        told = changed(told, row, numerator=exact_of(row)["numerator"])
    assert audit(told, tmp_path).recovered >= 1


def test_a_misstated_count_is_found(tmp_path: Path) -> None:
    row = (
        published()
        .filter((pl.col("value_kind") == "crude") & (pl.col("value_status") == "ok"))
        .row(0, named=True)
    )
    found = audit(changed(published(), row, numerator=float(row["numerator"]) + 1), tmp_path)
    assert found.misstated == 1
    assert not found.ok


def test_hiding_more_than_needed_is_no_fault(tmp_path: Path) -> None:
    crude = pl.col("value_kind") == "crude"
    silent = published().with_columns(
        numerator=pl.when(crude).then(None).otherwise("numerator"),
        denominator=pl.when(crude).then(None).otherwise("denominator"),
        value_status=pl.when(crude).then(pl.lit("suppressed")).otherwise("value_status"),
    )
    assert audit(silent, tmp_path).ok


def test_published_tables_have_the_contracts_columns_in_order() -> None:
    contracts = published_contracts()
    for name, frame in small().candidate.tables.items():
        columns = [
            c for c in contracts[name].columns if (name, c) != ("indicator_values", "release_id")
        ]
        assert frame.columns == columns, name
    assert set(contracts) == {*small().candidate.tables, "release"}


@pytest.fixture
def report(tmp_path: Path) -> tuple[Zones, str]:
    zones = Zones(tmp_path).create()
    made = small().candidate
    release = write_candidate(zones, made.tables, made.exact, made.certificate, ORIGIN)
    found = audit_files(zones.releases / release, small().marts, small().catalogue)
    write_steward_report(
        zones, release, made, ["publication.areas.key"], found, small().marts, ORIGIN
    )
    return zones, release


def test_the_candidates_values_carry_their_release(report: tuple[Zones, str]) -> None:
    zones, release = report
    written = pl.read_parquet(zones.releases / release / "indicator_values.parquet")
    assert written.columns == list(published_contracts()["indicator_values"].columns)
    assert set(written["release_id"]) == {release}


def test_stewards_are_told_how_many_and_why(report: tuple[Zones, str]) -> None:
    zones, release = report
    reasons = pl.read_parquet(zones.steward / "disclosure" / f"{release}.parquet")
    crude = published().filter(pl.col("value_kind") == "crude")
    assert reasons["cells"].sum() == crude.height
    by_status = dict(reasons.group_by("status").agg(pl.col("cells").sum()).iter_rows())
    assert by_status == dict(
        crude.group_by("value_status").agg(pl.len().cast(pl.Int64)).iter_rows()
    )
    hidden = reasons.filter(pl.col("status") == "suppressed")
    assert set(hidden["reason"]) <= {"primary", "secondary", "age_groups_merged", "disclosure"}
    assert "primary" in set(hidden["reason"])
    assert reasons.columns == [
        "release_id",
        "indicator_id",
        "period",
        "area_level",
        "status",
        "reason",
        "rule",
        "cells",
    ]
    told = hidden.filter(pl.col("reason") == "primary")
    assert set(told["rule"]) <= {"persons", "complement", "denominator", "zero"}
    assert hidden.filter(pl.col("reason") != "primary")["rule"].null_count() == (
        hidden.height - told.height
    )


def test_stewards_are_told_cost_width_and_proof_by_indicator(report: tuple[Zones, str]) -> None:
    zones, release = report
    told = pl.read_parquet(zones.steward / "protection" / f"{release}.parquet")
    assert told["indicator_id"].to_list() == sorted(small().catalogue.indicators)
    assert set(told["period"]) == {"2024"}
    assert told.filter(pl.col("narrowest") < pl.col("width_required")).is_empty()
    assert told["second_values"].min() >= 2
    assert told.filter(pl.col("cost") > pl.col("worth")).is_empty()
    # The two share a measure: what one hides of it the other hides too.
    (group, protected), *others = small().candidate.audits
    assert not others
    shown = {
        role: group.figures.select("indicator_id", cell_id=f"{role}_cell").drop_nulls()
        for role in ("numerator", "denominator")
    }
    keys = group.system.cells.select("cell_id", "weight", "group")
    cells = protected.cells.join(keys, on="cell_id")
    unsafe = cells.filter(pl.col("reason") == "primary")["group"].implode()
    for row in told.to_dicts():
        own = pl.concat(shown.values()).filter(indicator_id=row["indicator_id"])
        lost = cells.filter(
            pl.col("reason") == "secondary",
            ~pl.col("group").is_in(unsafe),
            pl.col("cell_id").is_in(own["cell_id"].implode()),
        )
        assert row["cost"] == lost["weight"].sum()
        assert row["proven"] <= row["blocks"]
        assert (row["reason"] is None) == (row["proven"] == row["blocks"])


def test_the_summary_holds_the_audit_and_the_red_checks(report: tuple[Zones, str]) -> None:
    zones, release = report
    summary = json.loads(
        (zones.steward / "releases" / f"{release}.json").read_text(encoding="utf-8")
    )
    assert summary["release_id"] == release
    assert summary["state"] == "candidate"
    assert summary["blocking_checks"] == ["publication.areas.key"]
    assert summary["audit"]["ok"] is True
    assert sum(summary["cells_by_status"].values()) == published().height
    assert {entry["band"] for entry in summary["utility_loss"]} <= {"<1 %", "1-5 %", ">5 %"}


@pytest.mark.parametrize(
    ("placed", "band"),
    [(1000, "<1 %"), (991, "<1 %"), (990, "1-5 %"), (951, "1-5 %"), (950, ">5 %"), (0, ">5 %")],
)
def test_what_k_anonymity_costs_is_told_in_bands(placed: int, band: str) -> None:
    counts = pl.DataFrame(
        {
            "indicator_id": ["x", "x"],
            "area_level": ["municipality", "region"],
            "denominator": [float(placed), 1000.0],
        }
    )
    marts = type(small().marts)(counts, counts, counts, counts)
    (told,) = utility_loss(marts)
    assert told["band"] == band
    assert told["share"] == pytest.approx(1 - placed / 1000)
