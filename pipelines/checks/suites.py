"""Render a table's contract into checks.

Belongs here: what follows from any contract (columns, types, nullability, code sets, keys).
Does not belong here: rules of one table (``journal.py``, ``published.py``) and running them.

A contract gives two suites: the *shape* is checked on one row of type names, so that a renamed
column is found before a single value is read; the *content* on the rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.checks.contracts import NO_TYPE, ColumnContract, TableContract
from pipelines.checks.model import Check, Stage, Suite


def shape_suite(
    table: str, contract: TableContract, stage: Stage, blocks: tuple[str, ...]
) -> Suite:
    """Checks of columns and types, to be run on ``contracts.shape_of(schema)``.

    Args:
        table: Name of the table.
        contract: What it must look like.
        stage: Where in the flow it is checked.
        blocks: Codes of what a red check stops.
    """
    columns = Check(
        check_id=f"{table}.columns",
        kind="columns",
        columns=(),
        text="columns",
        category="conformance",
        values=tuple(contract.columns),
        blocks=blocks,
    )
    types = (
        Check(
            check_id=f"{table}.{name}.type",
            kind="type",
            columns=(name,),
            text="type",
            category="conformance",
            values=_type_names(column),
            blocks=blocks,
            words={"type": column.type},
        )
        for name, column in contract.columns.items()
    )
    return Suite(f"{stage}.{table}.shape", table, stage, (columns, *types))


def content_suite(
    table: str,
    contract: TableContract,
    stage: Stage,
    blocks: tuple[str, ...],
    extra: Iterable[Check] = (),
) -> Suite:
    """Checks of the rows: nullability, code sets, patterns, ranges, the key, and ``extra``.

    Args:
        table: Name of the table.
        contract: What it must look like.
        stage: Where in the flow it is checked.
        blocks: Codes of what a red check stops.
        extra: Rules of this table alone.
    """
    checks = [
        check
        for name, column in contract.columns.items()
        for check in _column_checks(table, name, column, blocks)
    ]
    if contract.key:
        checks.append(key_check(table, contract.key, blocks))
    if not contract.may_be_empty:
        checks.append(
            Check(
                check_id=f"{table}.rows",
                kind="row_count",
                columns=(),
                text="rows",
                category="completeness",
                minimum=1,
                blocks=blocks,
            )
        )
    return Suite(f"{stage}.{table}", table, stage, (*checks, *extra))


def _type_names(column: ColumnContract) -> tuple[str, ...]:
    """Types that satisfy a column: whole numbers are numbers, and no value has no type."""
    wider = ("integer",) if column.type == "number" else ()
    return (column.type, *wider, *((NO_TYPE,) if column.nullable else ()))


def key_check(table: str, key: tuple[str, ...], blocks: tuple[str, ...]) -> Check:
    """That no two rows have the same key."""
    return Check(
        check_id=f"{table}.key",
        kind="unique",
        columns=key,
        text="unique",
        category="conformance",
        blocks=blocks,
    )


def _column_checks(
    table: str, name: str, column: ColumnContract, blocks: tuple[str, ...]
) -> Iterable[Check]:
    if not column.nullable:
        yield Check(
            check_id=f"{table}.{name}.not_null",
            kind="not_null",
            columns=(name,),
            text="not_null",
            category="completeness",
            blocks=blocks,
        )
    elif column.least_filled:
        yield Check(
            check_id=f"{table}.{name}.filled",
            kind="not_null",
            columns=(name,),
            text="filled",
            category="completeness",
            severity="warn",
            threshold=1 - column.least_filled,
        )
    if column.codes:
        yield Check(
            check_id=f"{table}.{name}.codes",
            kind="in_set",
            columns=(name,),
            text="codes",
            category="conformance",
            values=column.codes,
            blocks=blocks,
        )
    if column.pattern:
        yield Check(
            check_id=f"{table}.{name}.pattern",
            kind="regex",
            columns=(name,),
            text="pattern",
            category="conformance",
            pattern=column.pattern,
            blocks=blocks,
        )
    if column.minimum is not None or column.maximum is not None:
        yield Check(
            check_id=f"{table}.{name}.range",
            kind="between",
            columns=(name,),
            text="minimum" if column.maximum is None else "range",
            category="plausibility",
            minimum=column.minimum,
            maximum=column.maximum,
            blocks=blocks,
        )
