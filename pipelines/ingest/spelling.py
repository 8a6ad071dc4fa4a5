"""Text judged by the characters they are made of, whole columns at a time.

Belongs here: patterns that are nothing but an alphabet (``catalogue.entities.ALPHABETS``) and a
longest length. Does not belong here: rules that a query judges (``columns``), national identity
numbers (the pseudonym door judges them).

A column's values lie one after the other in one buffer, and nearly always there is nothing wrong
with any of them: that is found out without looking at them one by one, which a regular expression
in a query would do at several times the cost.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from pipelines.catalogue.entities import ALPHABETS, LONGEST, Table
from pipelines.ingest.columns import REASON, ROW, misfit_reason


def misspelt(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows with a value that holds a character it must not, or too many.

    Args:
        rows: ``_row`` and the table's columns, identifiers still raw.
        table: The table.

    Returns:
        One row per such value: ``_row``, ``_reason`` (``reason|column``).
    """
    found = [pl.DataFrame(schema={ROW: pl.Int64, REASON: pl.String})]
    for column in table.columns:
        alphabet = ALPHABETS.get(column.pattern or "")
        if alphabet is None or _all_spelt(rows[column.name], alphabet):
            continue
        value = pl.col(column.name)
        rest = value.str.replace_all(f"[{alphabet}]", "")
        wrong = (rest != "") | (value.str.len_bytes() > LONGEST)
        reason = pl.lit(f"{misfit_reason(column)}|{column.name}").alias(REASON)
        found.append(rows.filter(wrong).select(pl.col(ROW).cast(pl.Int64), reason))
    return pl.concat(found)


def _all_spelt(values: pl.Series, alphabet: str) -> bool:
    """Whether no value holds another character or is too long."""
    longest = values.str.len_bytes().max()
    if not isinstance(longest, int):
        return True
    if longest > LONGEST:
        return False
    text = values.to_arrow(compat_level=pl.CompatLevel.newest()).cast(pa.large_binary())
    buffer = text.buffers()[2]
    return buffer is None or not buffer.to_pybytes().translate(None, alphabet.encode())
