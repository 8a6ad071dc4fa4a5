"""What is in a fetched file: lines, types, ids. Nothing is believed because it was said.

Belongs here: looking at a file of lines as a whole, with engines that do not loop in Python. Does
not belong here: fetching it (``downloads``), what a resource means (``pipelines.ingest``).
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from pipelines.clients.bulk.errors import plain_code
from pipelines.clients.bulk.session import AgainError

_HEAD = pl.Struct({"resourceType": pl.String, "id": pl.String})
_ISSUES = pl.Struct(
    {
        "resourceType": pl.String,
        "issue": pl.List(pl.Struct({"severity": pl.String, "code": pl.String})),
    }
)
# How nearly every server begins a resource: then the two are its own, and no part's inside it.
_USUAL = r'^\{{ ?"resourceType" ?: ?"{kind}" ?, ?"id" ?: ?"([A-Za-z0-9.-]{{1,64}})" ?[,}}]'
_AS_USUAL = {"other": pl.lit(value=False), "nameless": pl.lit(value=False)}
_STRETCH = 4 * 1024 * 1024
_LONGEST_LINE = 64 * 1024 * 1024
_FAILURES = frozenset({"fatal", "error"})
_LACKING = frozenset(
    {
        "incomplete",
        "suppressed",
        "throttled",
        "timeout",
        "transient",
        "exception",
        "lock-error",
        "no-store",
        "too-costly",
        "not-supported",
        "forbidden",
        "security",
    }
)
"""Codes of a mere warning that says all the same that something is not there."""
KEYS = {"line": pl.UInt64, "id": pl.UInt64, "content": pl.UInt64}


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        rows: Lines that are not blank.
        keys: By line: its number among them, and hashes of its id and of the whole line.
    """

    rows: int
    keys: pl.DataFrame


def contents_of(path: Path, kind: str) -> Contents:
    """Look at a file of resources.

    Args:
        path: The file, plain.
        kind: Type that all of them must have.

    Raises:
        AgainError: ``not_ndjson``, ``wrong_type`` or ``missing_id``; it may have been cut off.
    """
    if path.stat().st_size == 0:
        return Contents(0, pl.DataFrame(schema=KEYS))
    with path.open("rb") as stream:
        read = pl.concat([_looked_at(stretch, kind) for stretch in _stretches(stream)])
    keys = read.filter("filled").with_row_index("line").cast({"line": pl.UInt64})
    if other := int(keys["other"].sum()):
        raise AgainError(
            "wrong_type", f"{other} of {keys.height} of another type", tries=2, closes_job=True
        )
    # A Bundle of deletions needs no id, and neither does an outcome.
    nameless = int(keys["nameless"].sum())
    if nameless and kind not in ("Bundle", "OperationOutcome"):
        raise AgainError(
            "missing_id", f"{nameless} of {keys.height} without an id", tries=2, closes_job=True
        )
    return Contents(keys.height, keys.select(*KEYS))


def _stretches(stream: BinaryIO) -> Iterator[bytes]:
    """A file in stretches of whole lines, so that its size does not matter."""
    while stretch := stream.read(_STRETCH):
        if not stretch.endswith(b"\n"):
            stretch += stream.readline(_LONGEST_LINE)
            if not stretch.endswith(b"\n") and stream.read(1):
                raise AgainError(
                    "not_ndjson", f"a line of more than {_LONGEST_LINE} bytes", tries=2
                )
        yield stretch


def _looked_at(stretch: bytes, kind: str) -> pl.DataFrame:
    """What each line of a stretch is; ``filled``, ``content``, ``id``, ``other``, ``nameless``."""
    line = pl.col("line")
    # Inside a value no brace is followed by another in this way but in a text.
    several = line.str.contains(r"\}\s*\{")
    usual = line.str.extract(_USUAL.format(kind=re.escape(kind)), 1)
    read = _collected(
        pl.scan_lines(io.BytesIO(stretch)).with_columns(
            (line.str.strip_chars() != "").alias("filled"),
            line.hash().alias("content"),
            pl.when(line.str.ends_with("}") & ~several).then(usual).alias("usual"),
        )
    )
    unusual = read["usual"].is_null()
    if not unusual.any():
        return read.select("filled", "content", pl.col("usual").hash().alias("id"), **_AS_USUAL)
    # Parsing is nearly all there is to do, so it is left to the lines that need it.
    head = pl.when(pl.col("filled") & unusual).then(line).str.json_decode(_HEAD)
    parsed = _collected(read.lazy().with_columns(head.alias("head")).unnest("head"))
    other = (pl.col("resourceType") != kind).fill_null(value=True)
    named = pl.coalesce("usual", "id")
    return parsed.select(
        "filled",
        "content",
        named.hash().alias("id"),
        (other & unusual).alias("other"),
        named.is_null().alias("nameless"),
    )


def repeated(files: Sequence[Contents]) -> tuple[list[pl.Series], int]:
    """Lines of one type that are there more than once.

    Args:
        files: All files of the type, in their order.

    Returns:
        For each file the numbers of lines that repeat an earlier one to the letter, and how many
        resources come again with another content.
    """
    if not files:
        return [], 0
    every = pl.concat(
        [
            file.keys.with_columns(pl.lit(position, pl.UInt32).alias("file"))
            for position, file in enumerate(files)
        ]
    )
    again = every.filter(pl.col("id").is_duplicated())
    if again.is_empty():
        return [pl.Series([], dtype=pl.UInt64) for _ in files], 0
    conflicts = int((again.group_by("id").agg(pl.col("content").n_unique())["content"] > 1).sum())
    later = again.filter(~pl.struct("id", "content").is_first_distinct())
    return [later.filter(pl.col("file") == at)["line"] for at in range(len(files))], conflicts


def without_lines(path: Path, lines: pl.Series, to: Path) -> None:
    """Copy a file without some of its lines.

    Args:
        path: The file.
        lines: Numbers of the lines to leave out, blank ones not counted.
        to: The copy.
    """
    left_out = set(lines)
    number = 0
    # Only files in which something is repeated get here.
    with path.open("rb") as source, to.open("wb") as target:
        for line in source:
            if not line.strip():
                continue
            if number not in left_out:
                target.write(line.rstrip(b"\r\n") + b"\n")
            number += 1


@dataclass(frozen=True)
class Outcomes:
    """What a server says went wrong, or might have.

    Attributes:
        failures: Issues by which something is missing, by ``severity code``.
        remarks: The others.
    """

    failures: Mapping[str, int]
    remarks: Mapping[str, int]


def outcomes_in(paths: Sequence[Path]) -> Outcomes:
    """Read the server's outcomes.

    Args:
        paths: Files of OperationOutcome resources.

    Raises:
        AgainError: ``not_ndjson``.
    """
    failures: Counter[str] = Counter()
    remarks: Counter[str] = Counter()
    for path in paths:
        if path.stat().st_size == 0:
            continue
        line = pl.col("line")
        issues = _collected(
            pl.scan_lines(path)
            .filter(line.str.strip_chars() != "")
            .select(line.str.json_decode(_ISSUES).struct.field("issue"))
            .explode("issue")
            .unnest("issue")
            .group_by("severity", "code")
            .len()
        )
        for severity, code, number in issues.iter_rows():
            told = f"{plain_code(severity)} {plain_code(code)}"
            # An outcome that says nothing is no reassurance.
            known = severity in ("warning", "information", "success")
            bad = not known or (severity == "warning" and code in _LACKING)
            (failures if bad or severity in _FAILURES else remarks)[told] += number
    return Outcomes(dict(failures), dict(remarks))


def _collected(query: pl.LazyFrame) -> pl.DataFrame:
    try:
        return query.collect(engine="streaming")
    except pl.exceptions.PolarsError:
        # Its message quotes the line.
        raise AgainError("not_ndjson", "lines that are no JSON objects", tries=3) from None
