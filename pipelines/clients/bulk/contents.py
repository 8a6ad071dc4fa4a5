"""What is in a fetched file: lines, types, ids. Nothing is believed because it was said.

Belongs here: looking at a file of lines as a whole, with engines that do not loop in Python. Does
not belong here: fetching it (``downloads``), what a resource means (``pipelines.ingest``).
"""

from __future__ import annotations

import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
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
# One resource after another on one line: what the end of a part looks like, it never does.
_SEVERAL = re.compile(rb"\}[ \t\r]*\{")
_NO_IDS = np.empty(0, np.int64)
_STRETCH = 1024 * 1024
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


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        rows: Lines that are not blank.
        ids: Hash of each line's id, in their order; of this process alone.
    """

    rows: int
    ids: array[int]


def contents_of(path: Path, kind: str) -> Contents:
    """Look at a file of resources.

    Args:
        path: The file, plain.
        kind: Type that all of them must have.

    Raises:
        AgainError: ``not_ndjson``, ``wrong_type`` or ``missing_id``; it may have been cut off.
    """
    ids = array("q")
    other = nameless = 0
    with path.open("rb") as stream:
        for stretch in _stretches(stream):
            named = _usual_ids(stretch, kind)
            if named is None:
                lines = _parsed(stretch)
                other += int((lines["type"] != kind).fill_null(value=True).sum())
                nameless += lines["id"].null_count()
                named = lines["id"].fill_null("").cast(pl.Binary).to_list()
            ids.extend(map(hash, named))
    if other:
        raise AgainError(
            "wrong_type", f"{other} of {len(ids)} of another type", tries=2, closes_job=True
        )
    # A Bundle of deletions needs no id, and neither does an outcome.
    if nameless and kind not in ("Bundle", "OperationOutcome"):
        raise AgainError(
            "missing_id", f"{nameless} of {len(ids)} without an id", tries=2, closes_job=True
        )
    return Contents(len(ids), ids)


def _usual_ids(stretch: bytes, kind: str) -> list[bytes] | None:
    """Ids of the lines of a stretch, if each of them is written as nearly every server does.

    Then type and id come first, so they are the resource's own and not a part's, and nothing needs
    to be parsed: it is as fast as searching for the ends of the lines.
    """
    lines = stretch.removesuffix(b"\n").split(b"\n")
    found = list(map(_usual(kind).match, lines))
    closed = all(map(bytes.endswith, lines, repeat(b"}")))
    if None in found or not closed or _SEVERAL.search(stretch):
        return None
    try:
        stretch.decode()
    except UnicodeDecodeError:
        return None
    return list(map(itemgetter(1), cast("list[re.Match[bytes]]", found)))


@cache
def _usual(kind: str) -> re.Pattern[bytes]:
    named = re.escape(kind).encode()
    return re.compile(
        rb'\{ ?"resourceType" ?: ?"' + named + rb'" ?, ?"id" ?: ?"([A-Za-z0-9.-]{1,64})" ?[,}]'
    )


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


def _parsed(stretch: bytes) -> pl.DataFrame:
    """The lines of a stretch that are not blank: ``type``, ``id``, ``content`` (a hash)."""
    line = pl.col("line")
    return _collected(
        pl.scan_lines(io.BytesIO(stretch))
        .filter(line.str.strip_chars() != "")
        .select(line.hash().alias("content"), line.str.json_decode(_HEAD).alias("head"))
        .unnest("head")
        .rename({"resourceType": "type"})
    )


def repeated(files: Sequence[tuple[Path, Contents]]) -> tuple[list[pl.Series], int]:
    """Lines of one type that are there more than once.

    Args:
        files: All files of the type, in their order, with what is in them.

    Returns:
        For each file the numbers of lines that repeat an earlier one to the letter, and how many
        resources come again with another content.

    Raises:
        AgainError: A file is not what it was.
    """
    every = np.concatenate([np.frombuffer(each.ids, np.int64) for _, each in files] or [_NO_IDS])
    every.sort()
    twice = np.unique(every[1:][every[1:] == every[:-1]])
    if not twice.size:
        return [pl.Series([], dtype=pl.UInt64) for _ in files], 0
    # Only now are the lines looked at again: it is rare, and keeps what is remembered small.
    again = pl.concat(
        [
            _lines_of(path, each, twice).with_columns(pl.lit(position, pl.UInt32).alias("file"))
            for position, (path, each) in enumerate(files)
        ]
    )
    conflicts = int((again.group_by("id").agg(pl.col("content").n_unique())["content"] > 1).sum())
    later = again.filter(~pl.struct("id", "content").is_first_distinct())
    return [later.filter(pl.col("file") == at)["line"] for at in range(len(files))], conflicts


def _lines_of(path: Path, contents: Contents, ids: npt.NDArray[np.int64]) -> pl.DataFrame:
    """Lines with some ids: ``line`` (number among those not blank), ``id``, ``content``."""
    wanted = pl.Series(np.isin(np.frombuffer(contents.ids, np.int64), ids))
    found = [pl.DataFrame(schema={"line": pl.UInt64, "id": pl.String, "content": pl.UInt64})]
    before = 0
    with path.open("rb") as stream:
        for stretch in _stretches(stream):
            lines = _parsed(stretch).with_row_index("line", before).cast({"line": pl.UInt64})
            theirs = lines.filter(wanted[before : before + lines.height])
            before += lines.height
            found.append(theirs.select("line", "id", "content"))
    return pl.concat(found)


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
