"""Every check of every journal table passes on good rows and is red on its failing twin."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.checks.contracts import journal_contracts, shape_of
from pipelines.checks.journal import ORDERED, PAST, journal_suites, with_derived
from pipelines.checks.results import read_state
from pipelines.checks.run import check_journal, check_journal_table
from pipelines.checks.runner import combine, run_suite
from pipelines.settings import Zones
from tests.support.check_frames import broken_frame, clean_frame, emptied_frame

TABLES = (
    "patient",
    "patient_link",
    "deletion",
    "residence",
    "encounter",
    "condition",
    "care_episode",
    "message",
    "prescription",
    "journal_entry",
    "portal_session",
    "portal_form",
    "staff",
    "gp_office",
    "observation",
    "procedure",
    "immunization",
    "care_decision",
    "bed_capacity",
    "reservation",
    "migration_count",
    "claim",
)


def derived(frame: pl.DataFrame) -> pl.DataFrame:
    return with_derived(frame.lazy()).collect()


def test_every_restricted_table_has_suites() -> None:
    assert set(journal_contracts()) == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_rules_name_columns_that_exist(table: str) -> None:
    columns = journal_contracts()[table].columns
    named = {name for pair in ORDERED.get(table, ()) for name in pair} | set(PAST.get(table, ()))
    assert named <= set(columns)


@pytest.mark.parametrize("table", TABLES)
def test_check_ids_are_unique(table: str) -> None:
    suites = journal_suites(table, journal_contracts()[table])
    ids = [check.check_id for suite in suites for check in suite.checks]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("table", TABLES)
def test_good_rows_pass_and_each_failing_twin_is_red(table: str) -> None:
    contract = journal_contracts()[table]
    _, content = journal_suites(table, contract)
    clean = clean_frame(contract)

    good = run_suite(derived(clean), content)
    bad = run_suite(derived(broken_frame(clean, content.checks)), content)
    empty = run_suite(derived(emptied_frame(clean, content.checks)), content)

    assert {result.check_id for result in good if result.status != "pass"} == set()
    red = {result.check_id for result in (*bad, *empty) if result.status == "fail"}
    assert red == {check.check_id for check in content.checks}


@pytest.mark.parametrize("table", TABLES)
def test_a_renamed_column_and_a_changed_type_are_red(table: str) -> None:
    contract = journal_contracts()[table]
    shape, _ = journal_suites(table, contract)
    schema = clean_frame(contract).schema

    good = run_suite(shape_of(schema), shape)
    every_type_wrong = pl.Schema({name: pl.List(pl.Int8) for name in schema})
    wrong_types = run_suite(shape_of(every_type_wrong), shape)
    first, *rest = schema.items()
    renamed = run_suite(shape_of(pl.Schema([("renamed", first[1]), *rest])), shape)

    assert {result.status for result in good} == {"pass"}
    assert {r.check_id for r in wrong_types if r.status == "fail"} == {
        check.check_id for check in shape.checks if check.kind == "type"
    }
    verdicts = {result.check_id: result.status for result in renamed}
    assert verdicts[f"{table}.columns"] == "fail"
    assert verdicts[f"{table}.{first[0]}.type"] == "error"


def test_empty_table_passes() -> None:
    contract = journal_contracts()["encounter"]
    _, content = journal_suites("encounter", contract)
    results = run_suite(derived(clean_frame(contract).clear()), content)
    assert {result.status for result in results} == {"pass"}
    assert {result.n for result in results} == {0}


def test_counts_add_up_over_files_and_keys_may_repeat_between_them(tmp_path: Path) -> None:
    contract = journal_contracts()["gp_office"]
    frame = clean_frame(contract)
    for delivery in ("a", "b"):
        frame.write_parquet(tmp_path / f"synthetic__{delivery}.parquet")
    by_id = {r.check_id: r for r in check_journal_table(tmp_path, "gp_office", contract)}
    assert by_id["gp_office.key"].status == "pass"
    assert by_id["gp_office.key"].n == 2 * frame.height

    pl.concat([frame, frame]).write_parquet(tmp_path / "synthetic__c.parquet")
    by_id = {r.check_id: r for r in check_journal_table(tmp_path, "gp_office", contract)}
    assert by_id["gp_office.key"].status == "fail"
    assert by_id["gp_office.key"].unexpected_n == 2 * frame.height


def test_slices_are_judged_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = journal_contracts()["patient"]
    _, content = journal_suites("patient", contract)
    path = tmp_path / "synthetic__a.parquet"
    broken_frame(clean_frame(contract), content.checks).write_parquet(path)
    whole = check_journal_table(tmp_path, "patient", contract)
    monkeypatch.setattr("pipelines.checks.run.SLICE", 25)
    assert check_journal_table(tmp_path, "patient", contract) == whole


@pytest.mark.parametrize(("rows", "lacking"), [(70, None), (500, None), (500, "valid_from")])
def test_files_that_share_a_frame_are_judged_as_each_by_itself(
    rows: int, lacking: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = journal_contracts()["residence"]
    _, content = journal_suites("residence", contract)
    good = clean_frame(contract)
    frames = [good, good.drop(lacking or []), broken_frame(good, content.checks), good.clear()]
    for name, frame in zip("abcd", frames, strict=True):
        frame.write_parquet(tmp_path / f"synthetic__{name}.parquet")
    alone = combine([run_suite(derived(frame), content) for frame in frames])
    monkeypatch.setattr("pipelines.checks.run.SLICE", rows)
    found = {r.check_id: r for r in check_journal_table(tmp_path, "residence", contract)}
    assert {one.check_id: found[one.check_id] for one in alone} == {r.check_id: r for r in alone}
    errors = {one.check_id for one in alone if one.status == "error"}
    assert bool(errors) is (lacking is not None)


def test_journal_verdicts_reach_the_stewards(tmp_path: Path) -> None:
    zones = Zones(tmp_path).create()
    for table in ("gp_office", "staff"):
        folder = zones.journal / table
        folder.mkdir()
        clean_frame(journal_contracts()[table]).write_parquet(folder / "~schema.parquet")
    results = check_journal(zones, "run-1", tables=["gp_office", "staff"])
    assert {result.status for result in results} == {"pass"}
    assert {result.checked_at for result in results} == {"2025-01-05T03:00:00+00:00"}
    stored = pl.read_parquet(zones.steward / "checks" / "run-1.parquet")
    assert stored.height == len(results)
    assert set(read_state(zones.steward)["state"]) == {"passing"}


def test_a_missing_table_is_an_error_that_blocks(tmp_path: Path) -> None:
    results = check_journal(Zones(tmp_path), "run-1", tables=["patient"])
    assert {result.status for result in results} == {"error"}
    assert {result.n for result in results} == {-1}
    assert all(result.is_blocking for result in results if result.severity == "error")
