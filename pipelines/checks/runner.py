"""Run a suite on a frame with Great Expectations and keep counts only.

Belongs here: the one place that knows Great Expectations and pandas; both are imported when a
suite runs, not before (about three seconds). Does not belong here: which checks exist.

Great Expectations puts sample values into its results unless told not to, and quotes values in
the messages of its exceptions. Hence ``BASIC`` with ``partial_unexpected_count`` 0, its logger
silenced while it runs, and nothing of its exceptions kept but that there was one. ``SUMMARY``
would also look for the numbers of the rows that deviate, which nobody asks for.
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import polars as pl

from pipelines.checks.model import UNMEASURED, Check, CheckResult, Scalar, Status, Suite, Where
from pipelines.checks.texts import sentence

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


def run_suite(frame: pl.DataFrame, suite: Suite) -> list[CheckResult]:
    """Run all checks of a suite on one frame.

    Args:
        frame: The rows, in types as read from Parquet. Only the columns that the suite reads
            are handed on. A column that is absent gives its checks the status ``error``.
        suite: What is expected of them.

    Returns:
        One result per check, in the order of the suite. ``run_id`` and ``checked_at`` are
        empty: ``results.write_results`` fills them in.
    """
    if not suite.checks:
        return []
    # A frame without columns has no rows either: one is kept where only rows are counted.
    needed = [name for name in suite.columns() if name in frame.columns] or frame.columns[:1]
    judged = {check.check_id: check for check in suite.checks}
    with _quiet_library() as library:
        try:
            raw = library.validate(frame.select(needed), suite.checks, frame.columns)
        finally:
            library.forget()
    counts = {check_id: _counts(judged[check_id], outcome) for check_id, outcome in raw.items()}
    return [_result(suite, check, counts.get(check.check_id)) for check in suite.checks]


def not_run(suite: Suite) -> list[CheckResult]:
    """Results of a suite that could not be run at all: every check is an ``error``."""
    return [_result(suite, check, None) for check in suite.checks]


def combine(parts: Iterable[list[CheckResult]]) -> list[CheckResult]:
    """Add up the results of one suite run on several slices of one table.

    Args:
        parts: Results of the same checks, one list per slice.

    Returns:
        One result per check; a check that failed to run on any slice is an ``error``.
    """
    merged: dict[tuple[str, str], CheckResult] = {}
    for part in parts:
        for result in part:
            key = (result.suite, result.check_id)
            before = merged.get(key)
            merged[key] = result if before is None else _add(before, result)
    return list(merged.values())


def verdict(n: int, unexpected: int, threshold: float) -> Status:
    """Status of a check from its counts: red when more than ``threshold`` of rows deviate."""
    if n < 0 or unexpected < 0:
        return "error"
    return "fail" if unexpected > threshold * n else "pass"


def _add(left: CheckResult, right: CheckResult) -> CheckResult:
    if "error" in (left.status, right.status):
        return left.model_copy(
            update={"n": UNMEASURED, "unexpected_n": UNMEASURED, "status": "error"}
        )
    n, unexpected = left.n + right.n, left.unexpected_n + right.unexpected_n
    status = verdict(n, unexpected, left.threshold)
    return left.model_copy(update={"n": n, "unexpected_n": unexpected, "status": status})


def _result(suite: Suite, check: Check, counts: tuple[int, int] | None) -> CheckResult:
    n, unexpected = counts if counts is not None else (UNMEASURED, UNMEASURED)
    texts = sentence(check, suite.table)
    return CheckResult(
        suite=suite.name,
        check_id=check.check_id,
        stage=suite.stage,
        table_name=suite.table,
        column_name=",".join(check.named()),
        kahn_category=check.category,
        severity=check.severity,
        n=n,
        unexpected_n=unexpected,
        threshold=check.threshold,
        status=verdict(n, unexpected, check.threshold),
        blocks=",".join(check.blocks),
        text_nb=texts["nb"],
        text_nn=texts["nn"],
        text_en=texts["en"],
    )


def _counts(check: Check, outcome: Any) -> tuple[int, int] | None:  # noqa: ANN401
    """Rows looked at and rows that deviate, or nothing when the check could not be run."""
    if _raised(outcome.exception_info):
        return None
    result: Mapping[str, Any] = outcome.result or {}
    if "unexpected_count" in result:
        seen = int(result["element_count"]) - int(result.get("missing_count", 0))
        return seen, int(result["unexpected_count"])
    if check.kind == "row_count":
        return int(result["observed_value"]), 0 if outcome.success else 1
    return 1, 0 if outcome.success else 1


def _raised(info: Any) -> bool:  # noqa: ANN401
    """Whether Great Expectations met an exception; it reports one, or one per metric."""
    if not isinstance(info, Mapping):
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(_raised(part) for part in info.values())


class _Library:
    """Great Expectations, loaded: builds its expectations and validates one frame."""

    def __init__(self) -> None:
        import great_expectations as gx
        import great_expectations.expectations as gxe
        from great_expectations.data_context.types.base import ProgressBarsConfig

        self._gx = gx
        self._gxe = gxe
        self._kinds: dict[str, Any] = {}
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(
            globally=False, metric_calculations=False
        )
        source = context.data_sources.add_pandas("frames")
        self._engine = source.get_execution_engine()
        asset = source.add_dataframe_asset("frame")
        self._definition = asset.add_batch_definition_whole_dataframe("whole")

    def validate(
        self, frame: pl.DataFrame, checks: tuple[Check, ...], columns: list[str]
    ) -> dict[str, Any]:
        """Outcome by check id.

        Args:
            frame: The rows, in the columns that are needed.
            checks: The checks.
            columns: All columns of the table, whether needed or not.
        """
        pandas_frame = _to_pandas(frame)
        batch = self._definition.get_batch({"dataframe": pandas_frame})
        on_rows = [check for check in checks if check.kind != "columns"]
        outcomes = self._run(batch, on_rows)
        on_columns = [check for check in checks if check.kind == "columns"]
        if on_columns:
            empty = _to_pandas(pl.DataFrame(schema=dict.fromkeys(columns, pl.Boolean)))
            batch = self._definition.get_batch({"dataframe": empty})
            outcomes |= self._run(batch, on_columns)
        return outcomes

    def forget(self) -> None:
        """Let go of the rows: the library keeps the last frame that it was given."""
        self._engine.batch_manager.reset_batch_cache()
        self._engine.batch_manager.batch_data_cache.clear()

    def _run(self, batch: Any, checks: list[Check]) -> dict[str, Any]:  # noqa: ANN401
        if not checks:
            return {}
        suite = self._gx.ExpectationSuite(
            name="suite", expectations=[self._expectation(check) for check in checks]
        )
        outcome = batch.validate(suite, result_format=RESULT_FORMAT)
        return {r.expectation_config.meta["check_id"]: r for r in outcome.results}

    def _expectation(self, check: Check) -> Any:  # noqa: ANN401
        name, arguments = BUILDERS[check.kind](check)
        if check.where is not None:
            arguments["row_condition"] = self._condition(check.where)
        if name not in self._kinds:
            self._kinds[name] = _configured_once(getattr(self._gxe, name))
        return self._kinds[name](meta={"check_id": check.check_id}, **arguments)

    @staticmethod
    def _condition(where: Where) -> Any:  # noqa: ANN401
        from great_expectations.expectations.row_conditions import Column

        column = Column(where.column)
        return column == where.value if where.equal else column != where.value


def _configured_once(plain: Any) -> Any:  # noqa: ANN401
    """An expectation like another, that writes its configuration when it is first asked for.

    The library's own write it anew whenever they read one of its keys, a hundred times for a
    check: half of what a check costs. None is changed once it is made.
    """
    from great_expectations.compatibility.pydantic import PrivateAttr

    def configuration(made: Any) -> Any:  # noqa: ANN401
        if made._written is None:
            made._written = plain.configuration.fget(made)
        return made._written

    body = {
        "__module__": __name__,
        "_written": PrivateAttr(None),
        "configuration": property(configuration),
    }
    return type(plain)(f"{plain.__name__}Once", (plain,), body)


@cache
def _library() -> _Library:
    """Loaded once in a process: its context writes its settings down whenever one is made."""
    return _Library()


def _single(check: Check) -> str:
    if len(check.columns) != 1:
        raise ValueError(
            f"check {check.check_id}: kind {check.kind} expects one column, "
            f"got {len(check.columns)}"
        )
    return check.columns[0]


def _columns(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectTableColumnsToMatchSet", {"column_set": list(check.values), "exact_match": True}


def _not_null(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnValuesToNotBeNull", {"column": _single(check)}


def _null(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnValuesToBeNull", {"column": _single(check)}


def _in_set(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnValuesToBeInSet", {
        "column": _single(check),
        "value_set": [_comparable(value) for value in check.values],
    }


def _not_in_set(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnValuesToNotBeInSet", {
        "column": _single(check),
        "value_set": [_comparable(value) for value in check.values],
    }


def _regex(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnValuesToMatchRegex", {"column": _single(check), "regex": check.pattern}


def _between(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnValuesToBeBetween", {
        "column": _single(check),
        "min_value": _comparable(check.minimum),
        "max_value": _comparable(check.maximum),
    }


def _at_least(check: Check) -> tuple[str, dict[str, Any]]:
    upper, lower = check.columns
    return "ExpectColumnPairValuesAToBeGreaterThanB", {
        "column_A": upper,
        "column_B": lower,
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }


def _unique(check: Check) -> tuple[str, dict[str, Any]]:
    if len(check.columns) == 1:
        return "ExpectColumnValuesToBeUnique", {"column": check.columns[0]}
    # A key may hold empty parts (no group, no period): rows with them count like any other.
    return "ExpectCompoundColumnsToBeUnique", {
        "column_list": list(check.columns),
        "ignore_row_if": "never",
    }


def _single_value(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectColumnUniqueValueCountToBeBetween", {
        "column": _single(check),
        "min_value": 1,
        "max_value": 1,
    }


def _row_count(check: Check) -> tuple[str, dict[str, Any]]:
    return "ExpectTableRowCountToBeBetween", {"min_value": check.minimum}


BUILDERS: dict[str, Callable[[Check], tuple[str, dict[str, Any]]]] = {
    "columns": _columns,
    "type": _in_set,
    "not_null": _not_null,
    "null": _null,
    "in_set": _in_set,
    "not_in_set": _not_in_set,
    "regex": _regex,
    "between": _between,
    "at_least": _at_least,
    "unique": _unique,
    "single_value": _single_value,
    "row_count": _row_count,
}


def _comparable(value: Scalar | None) -> Any:  # noqa: ANN401
    """A value as pandas compares it with its own columns: dates are timestamps there."""
    import pandas as pd

    return pd.Timestamp(value) if isinstance(value, dt.date) else value


def _to_pandas(frame: pl.DataFrame) -> Any:  # noqa: ANN401
    """The frame in pandas; a Polars column keeps its type also where every value is null."""
    return frame.to_pandas()


@contextmanager
def _quiet_library() -> Iterator[_Library]:
    """Great Expectations without a word on screen or in a log while it works.

    Its logs quote the exceptions it meets, and these quote cells. Deprecation warnings are
    those of its own imports. The context is ephemeral, and holds no frame in between.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("great_expectations")
        silenced = [
            logger
            for name in logging.root.manager.loggerDict
            if name.partition(".")[0] == "great_expectations"
            and not (logger := logging.getLogger(name)).disabled
        ]
        try:
            for logger in silenced:
                logger.disabled = True
            yield _library()
        finally:
            for logger in silenced:
                logger.disabled = False
