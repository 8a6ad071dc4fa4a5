"""Lines that have to be parsed: unusually written ones, repeated ones, and the server's outcomes.

Belongs here: what takes an engine (Polars) to look into many lines of JSON. Does not belong here:
what can be seen without parsing (``contents``), which imports this only when it has to.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def ids_of(stretch: bytes, kind: str) -> tuple[list[bytes], int, int]:
    """Ids of the lines of a stretch, and how many lines are of another type or have no id."""
    lines = _parsed(stretch)
    other = int((lines["type"] != kind).fill_null(value=True).sum())
    ids = lines["id"].fill_null("").cast(pl.Binary).to_list()
    return ids, other, lines["id"].null_count()


def repeated_lines(
    files: Sequence[tuple[Iterable[bytes], npt.NDArray[np.bool_]]],
) -> tuple[list[list[int]], int]:
    """Of lines whose ids come more than once, those that repeat an earlier one to the letter.

    Args:
        files: Stretches of each file, and which of its lines are in question.

    Returns:
        Numbers of lines by file, and how many resources come again with another content.
    """
    again = pl.concat(
        [
            _lines_of(stretches, wanted).with_columns(pl.lit(position, pl.UInt32).alias("file"))
            for position, (stretches, wanted) in enumerate(files)
        ]
    )
    conflicts = int((again.group_by("id").agg(pl.col("content").n_unique())["content"] > 1).sum())
    later = again.filter(~pl.struct("id", "content").is_first_distinct())
    lines = [later.filter(pl.col("file") == at)["line"].to_list() for at in range(len(files))]
    return lines, conflicts


def _lines_of(stretches: Iterable[bytes], wanted: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Some lines: ``line`` (number among those not blank), ``id``, ``content``."""
    found = [pl.DataFrame(schema={"line": pl.UInt64, "id": pl.String, "content": pl.UInt64})]
    before = 0
    for stretch in stretches:
        lines = _parsed(stretch).with_row_index("line", before).cast({"line": pl.UInt64})
        theirs = lines.filter(pl.Series(wanted[before : before + lines.height]))
        before += lines.height
        found.append(theirs.select("line", "id", "content"))
    return pl.concat(found)


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
