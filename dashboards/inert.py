"""Texts that no spreadsheet runs: what is exported or copied from a table starts no formula.

Belongs here: which beginnings are formulas, and the apostrophe before them (OWASP, *CSV
Injection*). Does not belong here: writing files, escaping for HTML.

A file may be opened with another separator than it was written with, so a formula is looked for
after every separator as well; full-width signs are read as plain ones by spreadsheets of East
Asian languages.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

_SIGNS: Final = r"[=+\-@|＝＋－＠｜]"
STARTS: Final = rf"^\s*{_SIGNS}|^[\t\r\n]"
"""A text that a spreadsheet may run."""
INSIDE: Final = rf"([;,\t\r\n])({_SIGNS})"
"""The same after a separator."""
_NUMBER = re.compile(r"\s*[+-]?\d[\d\s]*([.,]\d+)?\s*%?\s*")
_OPENING_TAGS = re.compile(r"(?:\s*<[^>]*>)*")


def frame(rows: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before whatever would start a formula in its texts.

    Numbers are no texts: a negative one stays a number.
    """
    safe = pl.col(pl.String).str.replace_all(INSIDE, "${1}'${2}")
    return rows.with_columns(
        pl.when(safe.str.contains(STARTS)).then(pl.lit("'") + safe).otherwise(safe).name.keep()
    )


def text(written: str) -> str:
    """The same for one text."""
    safe = re.sub(INSIDE, r"\1'\2", written)
    return f"'{safe}" if re.match(STARTS, safe) else safe


def cell(markup: str) -> str:
    """A table's cell, as HTML, with an apostrophe where a copy of its text would be run.

    Args:
        markup: HTML that is already escaped.
    """
    tags = _OPENING_TAGS.match(markup)
    start = tags.end() if tags else 0
    said = markup[start:]
    if not re.match(STARTS, said) or _NUMBER.fullmatch(re.sub("<[^>]*>", "", said)):
        return markup
    return f"{markup[:start]}'{said}"
