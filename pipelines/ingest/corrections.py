"""Corrections of known source errors, as SQL over a view, and the guard over what they met.

Belongs here: which corrections a delivery's table gets, how they change a view's rows, and which
of them the source has made needless. Does not belong here: the entries
(``catalogue/corrections``), judging rows (``columns``).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence

from pipelines.catalogue.corrections import Correction, Value, load_corrections
from pipelines.catalogue.sources import Source
from pipelines.ingest.columns import CORRECTED
from pipelines.ingest.ledger import LedgerEntry
from pipelines.ingest.views import literal_sql, name_sql


def corrections_for(
    source: Source, provider: str, transaction_time: dt.datetime
) -> tuple[Correction, ...]:
    """Corrections in whose scope a delivery is.

    Args:
        source: Source of the delivery.
        provider: Delivering organisation, by its name in the catalogue.
        transaction_time: State of the source that the delivery shows.
    """
    return tuple(
        correction
        for correction in load_corrections().values()
        if correction.in_scope(source.id, provider, transaction_time)
    )


def corrected_sql(view_sql: str, corrections: Sequence[Correction]) -> str:
    """A view's query with its known errors corrected.

    Args:
        view_sql: The query.
        corrections: Corrections of the table that the view fills, at least one. What is delivered
            decides which of them a row meets; where two set one column, the first does.

    Returns:
        The query's columns, and ``_corrected``: ids of the corrections met, by spaces, or null.
    """
    columns = dict.fromkeys(name for each in corrections for name in each.set)
    replaced = ", ".join(
        f"CASE {_cases(name, corrections)} ELSE {name_sql(name)} END AS {name_sql(name)}"
        for name in columns
    )
    met = ", ".join(
        f"CASE WHEN {_met(each)} THEN {literal_sql(each.id)} END" for each in corrections
    )
    # Names and literals come from the catalogue and are quoted.
    return (
        f"SELECT * REPLACE ({replaced}), nullif(concat_ws(' ', {met}), '') AS {CORRECTED} "  # noqa: S608
        f"FROM ({view_sql})"
    )


def needless_corrections(entries: Iterable[LedgerEntry]) -> list[str]:
    """Corrections that met fewer rows of a delivery in their scope than the error would give.

    Args:
        entries: The ledger.

    Returns:
        One sentence per correction and delivery, in order: what, and what to do.
    """
    corrections = load_corrections()
    found: list[str] = []
    for entry in entries:
        known = dt.datetime.fromisoformat(entry.transaction_time)
        met, among = Counter[str](), Counter[str]()
        for file in entry.files:
            for name, rows in file.corrected.items():
                met[name] += rows
                among[name] += file.delivered_rows
        for name in sorted(met):
            correction = corrections.get(name)
            if correction is None or among[name] < correction.among_rows:
                continue
            scoped = correction.in_scope(entry.source, entry.organisation, known)
            if scoped and met[name] < correction.expect_at_least:
                found.append(
                    f"correction {name} met {met[name]} rows of {entry.id}, expected at least "
                    f"{correction.expect_at_least}: the source seems to have mended it. Close it: "
                    "known_to, and status mended"
                )
    return found


def _cases(name: str, corrections: Sequence[Correction]) -> str:
    return " ".join(
        f"WHEN {_met(each)} THEN {_value(each.set[name])}"
        for each in corrections
        if name in each.set
    )


def _met(correction: Correction) -> str:
    return " AND ".join(
        "(" + " OR ".join(_equals(name, value) for value in values) + ")"
        for name, values in correction.where.items()
    )


def _equals(name: str, value: Value) -> str:
    if value is None:
        return f"{name_sql(name)} IS NULL"
    # Null where the value is absent would make the whole condition null, not false.
    return f"({name_sql(name)} IS NOT DISTINCT FROM {_value(value)})"


def _value(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return literal_sql(value) if isinstance(value, str) else repr(value)
