"""What a check is and what its verdict is, whichever library runs it.

Belongs here: the vocabulary that suites, runner and results share. Does not belong here:
which checks exist (``journal.py``, ``published.py``) and the library that runs them
(``runner.py``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal[
    "columns",
    "type",
    "not_null",
    "null",
    "in_set",
    "not_in_set",
    "regex",
    "between",
    "at_least",
    "unique",
    "single_value",
    "row_count",
]
Stage = Literal["ingest", "restricted", "publication", "disclosure"]
Kahn = Literal["conformance", "completeness", "plausibility"]
"""Kahn MG et al., eGEMs 2016;4(1):1244: the three categories of data quality in health data."""
Severity = Literal["error", "warn"]
Status = Literal["pass", "fail", "error"]
Scalar = str | int | float | bool | dt.date

UNMEASURED = -1
"""``n`` and ``unexpected_n`` of a check that could not be run: not zero, not known."""


@dataclass(frozen=True)
class Where:
    """Rows a check is about: those whose ``column`` equals (or differs from) ``value``."""

    column: str
    value: Scalar
    equal: bool = True


@dataclass(frozen=True)
class Check:
    """One expectation about one table.

    Attributes:
        check_id: Stable name, unique within its suite.
        kind: What is expected; ``runner.py`` knows each kind.
        columns: Columns it reads. ``at_least`` reads two: the first is never below the second.
        text: Key of its sentence in ``check_texts.yml``.
        category: Category of data quality.
        values: Allowed values of ``in_set``, forbidden ones of ``not_in_set``, column names of
            ``columns``, type names of ``type``.
        pattern: Regular expression of ``regex``.
        minimum: Least value of ``between`` or least number of rows of ``row_count``.
        maximum: Greatest value of ``between``.
        where: Restricts the check to some rows; null means all.
        severity: ``error`` blocks what ``blocks`` names, ``warn`` is shown only.
        threshold: Largest share of rows that may deviate before the check is red, 0–1.
        blocks: Codes of what a red check stops.
        about: Columns named to the reader where the check itself reads a derived one.
        words: Further words of the sentence.
    """

    check_id: str
    kind: Kind
    columns: tuple[str, ...]
    text: str
    category: Kahn
    values: tuple[Scalar, ...] = ()
    pattern: str = ""
    minimum: Scalar | None = None
    maximum: Scalar | None = None
    where: Where | None = None
    severity: Severity = "error"
    threshold: float = 0.0
    blocks: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    words: dict[str, str] = field(default_factory=dict, hash=False)

    def named(self) -> tuple[str, ...]:
        """Columns as the reader knows them."""
        return self.about or self.columns

    def reads(self) -> tuple[str, ...]:
        """Every column the check needs, that of its condition included."""
        extra = (self.where.column,) if self.where else ()
        return tuple(dict.fromkeys((*self.columns, *extra)))


@dataclass(frozen=True)
class Suite:
    """The checks of one table at one stage."""

    name: str
    table: str
    stage: Stage
    checks: tuple[Check, ...]

    def columns(self) -> tuple[str, ...]:
        """Columns that the suite reads, each once, in first use."""
        return tuple(dict.fromkeys(name for check in self.checks for name in check.reads()))


class CheckResult(BaseModel):
    """The verdict of one check in one run: counts and a sentence, never a value.

    ``n`` counts the rows looked at and ``unexpected_n`` those that deviate; both are
    ``UNMEASURED`` when the check itself could not be run (``status`` is ``error``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str = ""
    checked_at: str = ""
    suite: str
    check_id: str
    stage: Stage
    table_name: str
    column_name: str
    kahn_category: Kahn
    area_code: str | None = None
    period: str | None = None
    severity: Severity
    n: int
    unexpected_n: int
    threshold: float
    status: Status
    blocks: str
    text_nb: str
    text_nn: str
    text_en: str

    @property
    def is_blocking(self) -> bool:
        """Whether this verdict stops what it names; a check that could not run stops it too."""
        return self.status != "pass" and self.severity == "error"


COLUMNS: tuple[str, ...] = tuple(CheckResult.model_fields)
"""Columns of a results file, in order."""
