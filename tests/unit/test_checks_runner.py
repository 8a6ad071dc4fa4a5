"""Running, adding up and keeping verdicts: counts only, errors told from bad data."""

from __future__ import annotations

import datetime as dt
import gc
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from pipelines.catalogue.model import LANGUAGES
from pipelines.checks import runner
from pipelines.checks.contracts import journal_contracts, published_contracts
from pipelines.checks.journal import journal_suites
from pipelines.checks.model import COLUMNS, UNMEASURED, Check, CheckResult, Kind, Suite, Where
from pipelines.checks.published import published_suites
from pipelines.checks.register import SUITE as REGISTER
from pipelines.checks.results import blocking_checks, read_state, write_results
from pipelines.checks.runner import combine, not_run, run_suite
from pipelines.checks.texts import CheckTexts, check_texts, sentence
from tests.support.check_frames import broken_frame, clean_frame

CANARY = "13889012345"
FRAME = pl.DataFrame(
    {
        "code": ["a", "b", None, "z"],
        "key": ["1", "2", "3", "3"],
        "later": [dt.date(2025, 1, 2), dt.date(2025, 1, 1), None, dt.date(2024, 12, 31)],
        "earlier": [dt.date(2025, 1, 1)] * 4,
        "number": [1.0, 2.0, 3.0, -1.0],
    }
)


def check(kind: Kind, *columns: str, **facts: Any) -> Check:
    defaults: dict[str, Any] = {"text": "codes", "category": "conformance"}
    return Check(check_id=f"{kind}-{columns}", kind=kind, columns=columns, **(defaults | facts))


def run(*checks: Check, frame: pl.DataFrame = FRAME) -> list[CheckResult]:
    return run_suite(frame, Suite("restricted.patient", "patient", "restricted", checks))


@pytest.mark.parametrize(
    ("made", "n", "unexpected"),
    [
        (check("not_null", "code"), 4, 1),
        (check("null", "code", where=Where("number", -1.0)), 1, 1),
        (check("null", "code", where=Where("number", -1.0, equal=False)), 3, 2),
        (check("in_set", "code", values=("a", "b")), 3, 1),
        (check("in_set", "code", values=("a", "b", "z")), 3, 0),
        (check("not_in_set", "later", values=(dt.date(2024, 12, 31),)), 3, 1),
        (check("regex", "code", pattern="^[ab]$"), 3, 1),
        (check("between", "number", minimum=0), 4, 1),
        (check("between", "number", minimum=-1, maximum=2), 4, 1),
        (check("at_least", "later", "earlier"), 3, 1),
        (check("unique", "key"), 4, 2),
        (check("unique", "key", "earlier"), 4, 2),
        (check("unique", "key", "number"), 4, 0),
        (check("single_value", "earlier"), 1, 0),
        (check("single_value", "key"), 1, 1),
        (check("row_count", minimum=1), 4, 0),
        (check("row_count", minimum=5), 4, 1),
        (check("columns", values=("code", "key", "later", "earlier", "number")), 1, 0),
        (check("columns", values=("code", "key")), 1, 1),
    ],
    ids=lambda value: value.kind if isinstance(value, Check) else str(value),
)
def test_counts_of_each_kind(made: Check, n: int, unexpected: int) -> None:
    (result,) = run(made)
    assert (result.n, result.unexpected_n) == (n, unexpected)
    assert result.status == ("fail" if unexpected else "pass")


def test_missing_column_is_an_error_not_bad_data() -> None:
    (result,) = run(check("not_null", "absent"))
    assert (result.status, result.n, result.unexpected_n) == ("error", UNMEASURED, UNMEASURED)
    assert result.is_blocking


def test_tolerated_share() -> None:
    tolerant = check("in_set", "code", values=("a", "b"), threshold=1 / 3)
    strict = check("in_set", "code", values=("a", "b"), threshold=0.33)
    assert run(tolerant)[0].status == "pass"
    assert run(strict)[0].status == "fail"


def test_warning_is_shown_and_blocks_nothing() -> None:
    (result,) = run(check("unique", "key", severity="warn"))
    assert result.status == "fail"
    assert not result.is_blocking
    assert blocking_checks([result]) == []
    assert blocking_checks(run(check("unique", "key"))) == [result.check_id]


def test_one_column_is_asked_for() -> None:
    with pytest.raises(ValueError, match="expects one column, got 2"):
        run(check("not_null", "code", "key"))


def test_empty_suite_has_no_results() -> None:
    assert run() == []


def test_parts_add_up_and_an_error_outweighs_them() -> None:
    made = check("in_set", "code", values=("a", "b"), threshold=0.2)
    suite = Suite("restricted.patient", "patient", "restricted", (made,))
    halves = [run_suite(FRAME.head(2), suite), run_suite(FRAME.tail(2), suite)]
    (both,) = combine(halves)
    assert (both.n, both.unexpected_n, both.status) == (3, 1, "fail")
    (with_error,) = combine([*halves, not_run(suite)])
    assert (with_error.n, with_error.status) == (UNMEASURED, "error")


@pytest.mark.parametrize("table", ["patient", "encounter", "condition", "staff"])
def test_planted_number_is_in_no_result_log_or_output(
    table: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    contract = journal_contracts()[table]
    frame = clean_frame(contract)
    texts = [name for name, column in contract.columns.items() if column.type == "text"]
    planted = frame.with_columns(pl.lit(CANARY).alias(name) for name in texts)
    # Dates that are text make the library raise exceptions that quote them.
    dates = [name for name, column in contract.columns.items() if column.type == "date"]
    planted = planted.with_columns(pl.lit(CANARY).alias(name) for name in dates)
    _, content = journal_suites(table, contract)

    with caplog.at_level(logging.DEBUG):
        results = run_suite(planted, content)
    path = write_results(tmp_path, "run-1", results, "2025-01-05")

    assert {result.status for result in results} >= {"fail", "error"}
    stored = path.read_bytes() + (tmp_path / "checks_state.parquet").read_bytes()
    assert CANARY.encode() not in stored
    assert CANARY not in repr(results)
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())
    assert CANARY not in pl.read_parquet(path).write_csv()


def test_the_same_library_would_tell_without_our_result_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = FRAME.with_columns(pl.lit(CANARY).alias("code"))
    made = check("in_set", "code", values=("a",))

    def outcome() -> str:
        with runner._quiet_library() as library:
            return repr(library.validate(frame, (made,), frame.columns))

    assert CANARY not in outcome()
    monkeypatch.setattr(runner, "RESULT_FORMAT", {"result_format": "BASIC"})
    assert CANARY in outcome()


def test_library_logs_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    # Another library may have silenced it in this process, and then it stays silent.
    monkeypatch.setattr(logging.getLogger("great_expectations"), "disabled", False)
    run(check("not_null", "key"))
    assert not logging.getLogger("great_expectations").disabled


def test_state_new_persisting_resolved(tmp_path: Path) -> None:
    made = check("in_set", "code", values=("a", "b"))
    other = Suite("restricted.staff", "staff", "restricted", (check("not_null", "earlier"),))
    red, green = run(made), run(made, frame=FRAME.head(2))

    def state(run_id: str, results: list[CheckResult]) -> str:
        write_results(tmp_path, run_id, results, run_id)
        rows = read_state(tmp_path).filter(pl.col("check_id") == made.check_id)
        return str(rows.item(0, "state"))

    assert read_state(tmp_path).is_empty()
    assert state("1", green) == "passing"
    assert state("2", red) == "new"
    assert state("2", red) == "new", "a repeated run is compared with the run before it"
    assert state("3", red) == "persisting"
    assert state("4", run_suite(FRAME, other)) == "persisting", "other suites stay as they were"
    assert state("5", green) == "resolved"
    assert state("6", green) == "passing"
    assert (
        state("7", not_run(Suite("restricted.patient", "patient", "restricted", (made,)))) == "new"
    )


def test_a_check_that_its_suite_no_longer_holds_is_forgotten(tmp_path: Path) -> None:
    write_results(tmp_path, "1", run(check("unique", "key"), check("not_null", "code")), "1")
    write_results(tmp_path, "2", run(check("not_null", "key")), "2")
    assert read_state(tmp_path)["check_id"].to_list() == [check("not_null", "key").check_id]


def test_results_file_has_the_agreed_columns_and_adds_up(tmp_path: Path) -> None:
    first, second = check("not_null", "key"), check("unique", "key")
    write_results(tmp_path, "run-1", run(first), "2025-01-05")
    path = write_results(tmp_path, "run-1", run(second), "2025-01-05")
    stored = pl.read_parquet(path)
    assert stored.columns == list(COLUMNS)
    assert set(stored["check_id"]) == {first.check_id, second.check_id}
    assert set(stored["run_id"]) == {"run-1"}
    before = path.read_bytes()
    write_results(tmp_path, "run-1", run(second), "2025-01-05")
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", ".hidden", "x" * 129])
def test_run_id_must_be_a_file_name(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="run_id"):
        write_results(tmp_path, run_id, [], "")


def test_every_check_has_a_sentence_in_each_language() -> None:
    suites = [
        suite
        for table, contract in journal_contracts().items()
        for suite in journal_suites(table, contract)
    ] + [suite for table in published_contracts() for suite in published_suites(table)]
    suites.append(REGISTER)
    used = {made.text for suite in suites for made in suite.checks}
    for suite in suites:
        for made in suite.checks:
            texts = sentence(made, suite.table)
            assert set(texts) == set(LANGUAGES)
            assert all("{" not in text and "()" not in text for text in texts.values())
    assert used == set(check_texts().sentences), "a sentence that no check uses"


def test_texts_refuse_a_missing_language_and_an_unknown_field() -> None:
    whole = {"nb": "a", "nn": "a", "en": "a"}
    with pytest.raises(ValueError, match="lacks"):
        CheckTexts(tables={}, types={}, sentences={"x": {"nb": "a", "en": "a"}})
    with pytest.raises(ValueError, match="unknown fields"):
        CheckTexts(tables={}, types={}, sentences={"x": whole | {"en": "{value}"}})


def test_unknown_sentence_and_table_are_refused() -> None:
    with pytest.raises(KeyError, match="expected a sentence"):
        sentence(check("not_null", "key", text="unheard"), "patient")
    with pytest.raises(KeyError, match="expected a name"):
        sentence(check("not_null", "key"), "unheard")


def test_broken_frames_differ_from_clean_ones() -> None:
    contract = journal_contracts()["patient"]
    clean = clean_frame(contract)
    checks = journal_suites("patient", contract)[1].checks
    assert not broken_frame(clean, checks).equals(clean)


def test_no_rows_stay_in_memory() -> None:
    rows = 1019
    run(check("not_null", "key"), frame=pl.DataFrame({"key": ["x"] * rows}))
    gc.collect()
    assert [one for one in gc.get_objects() if type(one) is pd.DataFrame and len(one) == rows] == []
