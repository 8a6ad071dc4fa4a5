"""Checks of the restricted journal tables, at the end of ingest.

Belongs here: which suites a journal table gets and the rules of plausibility that no contract
states. Does not belong here: rules that follow from a contract (``suites.py``).

Every delivered file is checked by itself: a later delivery rightly repeats the keys of an
earlier one, and a file fits in memory when the whole history may not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import polars as pl

from pipelines.checks.contracts import TableContract
from pipelines.checks.model import Check, Scalar, Suite, Where
from pipelines.checks.suites import content_suite, shape_suite

BLOCKS = ("marts", "analysis", "release")
TOLERATED = 0.001
"""Share of implausible rows that real journals hold and that no indicator is bent by; the
same limit as for damaged lines of a delivered file."""

FILLER_DATES = ("1900-01-01", "1800-01-01", "9999-12-31")
"""Dates that systems write when they know none."""

ORDERED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "patient": (("death_date", "birth_date"),),
    "residence": (("valid_to", "valid_from"),),
    "encounter": (("ended_on", "started_on"),),
    "care_episode": (("end_on", "start_on"),),
    "journal_entry": (("recorded_on", "event_on"),),
    "portal_form": (("answered_on", "sent_on"),),
    "staff": (("employed_to", "employed_from"),),
    "bed_capacity": (("valid_to", "valid_from"),),
    "reservation": (("valid_to", "valid_from"),),
}
"""Per table: pairs (later, earlier) of dates that must not change places. A care decision has
none: urgent care rightly begins before the decision is written."""

PAST: Mapping[str, tuple[str, ...]] = {
    "patient": ("birth_date", "death_date"),
    "residence": ("valid_from",),
    "encounter": ("started_on", "ended_on"),
    "condition": ("recorded_on",),
    "care_episode": ("start_on",),
    "message": ("sent_on",),
    "prescription": ("authored_on",),
    "journal_entry": ("recorded_on",),
    "portal_session": ("session_on",),
    "portal_form": ("sent_on", "answered_on"),
    "staff": ("first_login_on", "trained_on"),
    "observation": ("observed_on",),
    "procedure": ("performed_on",),
    "immunization": ("given_on",),
    "care_decision": ("decided_on",),
    "migration_count": ("counted_on",),
    "claim": ("billed_on",),
}
"""Per table: dates of things that had happened when they were sent."""

BETWEEN: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    # In mmol/mol: a value in per cent (3-20) lies below.
    "NPU27300": (("value", 20, 250),),
    "function_score": (("value", 1, 9),),
    "39156-5": (("value", 8, 80),),
    "breastfeeding": (("value", 0, 2),),
    "85354-9": (("systolic", 50, 300), ("diastolic", 20, 200)),
}
"""Per code of an observation: columns that it fills, with the least and greatest likely value."""

UNFILLED = 0.1
"""Share of observations without a value that real journals hold: a sample that was spoilt."""

OLDEST = 120
"""Age in years past which a birth date is taken for an error."""


def journal_suites(table: str, contract: TableContract) -> tuple[Suite, Suite]:
    """The suites (shape, content) of one restricted journal table.

    Args:
        table: Name of the table.
        contract: Its columns, types, code sets and key.
    """
    extra = tuple(plausibility(table, contract))
    return (
        shape_suite(table, contract, "restricted", BLOCKS),
        content_suite(table, contract, "restricted", BLOCKS, extra),
    )


def with_derived(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns that rules of plausibility compare with.

    Args:
        frame: Rows of a journal table, with ``transaction_time`` (UTC).

    Returns:
        The rows with ``transaction_on`` (date of the transaction, Europe/Oslo) and, where there
        is a ``birth_date``, ``age_years`` (age reached in the year of the transaction).
    """
    names = frame.collect_schema().names()
    if "transaction_time" in names:
        oslo = pl.col("transaction_time").dt.convert_time_zone("Europe/Oslo")
        frame = frame.with_columns(oslo.dt.date().alias("transaction_on"))
        if "birth_date" in names:
            end = pl.coalesce("death_date", "transaction_on")
            age = end.dt.year() - pl.col("birth_date").dt.year()
            frame = frame.with_columns(age.alias("age_years"))
    return frame


def plausibility(table: str, contract: TableContract) -> Iterable[Check]:
    """Rules of one table that no contract states: order of dates, future dates, fillers."""
    for later, earlier in ORDERED.get(table, ()):
        yield _rule(table, f"{later}.order", "order", (later, earlier))
    for name in PAST.get(table, ()):
        yield _rule(table, f"{name}.past", "past", ("transaction_on", name), (name,))
    for name, column in contract.columns.items():
        if column.type == "date":
            yield _rule(table, f"{name}.filler", "filler", (name,), dates=True)
    if table == "patient":
        yield _age(table)
    if table == "encounter":
        yield _finished_has_end(table)
    if table == "observation":
        yield from _measured(table)
    if table == "portal_form":
        yield from _forms(table)


def _rule(
    table: str,
    name: str,
    text: str,
    columns: tuple[str, ...],
    about: tuple[str, ...] = (),
    dates: bool = False,
) -> Check:
    values: tuple[Scalar, ...] = tuple(map(dt.date.fromisoformat, FILLER_DATES)) if dates else ()
    return Check(
        check_id=f"{table}.{name}",
        kind="not_in_set" if dates else "at_least",
        columns=columns,
        text=text,
        category="plausibility",
        values=values,
        threshold=TOLERATED,
        blocks=BLOCKS,
        about=about,
    )


def _age(table: str) -> Check:
    return Check(
        check_id=f"{table}.birth_date.age",
        kind="between",
        columns=("age_years",),
        text="age",
        category="plausibility",
        minimum=0,
        maximum=OLDEST,
        threshold=TOLERATED,
        blocks=BLOCKS,
        about=("birth_date",),
    )


def _finished_has_end(table: str) -> Check:
    return Check(
        check_id=f"{table}.ended_on.finished",
        kind="not_null",
        columns=("ended_on",),
        text="finished_has_end",
        category="completeness",
        where=Where("status", "finished"),
        threshold=TOLERATED,
        blocks=BLOCKS,
    )


def _measured(table: str) -> Iterable[Check]:
    """An observation has the values that its code promises, and likely ones."""
    for code, columns in BETWEEN.items():
        for name, least, greatest in columns:
            where = Where("code", code)
            yield Check(
                check_id=f"{table}.{name}.{code}.likely",
                kind="between",
                columns=(name,),
                text="likely",
                category="plausibility",
                minimum=least,
                maximum=greatest,
                where=where,
                threshold=TOLERATED,
                blocks=BLOCKS,
            )
            yield Check(
                check_id=f"{table}.{name}.{code}.measured",
                kind="not_null",
                columns=(name,),
                text="measured",
                category="completeness",
                where=where,
                severity="warn",
                threshold=UNFILLED,
            )


def _forms(table: str) -> Iterable[Check]:
    """A form has a person and no place; what has no person is an item of a worklist."""
    form = Where("task_kind", "form")
    yield Check(
        check_id=f"{table}.patient_key.form",
        kind="not_null",
        columns=("patient_key",),
        text="form_has_patient",
        category="completeness",
        where=form,
        blocks=BLOCKS,
    )
    # The column is not emptied for graded persons, so it must be empty for everybody.
    yield Check(
        check_id=f"{table}.municipality_code.form",
        kind="null",
        columns=("municipality_code",),
        text="form_has_no_place",
        category="conformance",
        where=form,
        blocks=BLOCKS,
    )
