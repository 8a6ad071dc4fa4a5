"""What is in a fetched file: lines, types, ids. Nothing is believed because it was said.

Belongs here: looking at a file of lines a stretch at a time, as far as no line needs to be parsed.
Does not belong here: parsing (``parsed``), fetching (``downloads``), what a resource means
(``pipelines.ingest``).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import cast

from pipelines.clients.bulk.session import AgainError

# One resource after another on one line: what the end of a part looks like, it never does.
_SEVERAL = re.compile(rb"\}[ \t\r]*\{")
_STRETCH = 1024 * 1024
_LONGEST_LINE = 64 * 1024 * 1024


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
    for stretch in stretches(path):
        named = _usual_ids(stretch, kind)
        if named is None:
            # The engine takes a third of the memory; most servers never need it.
            from pipelines.clients.bulk.parsed import ids_of

            named, of_another, without = ids_of(stretch, kind)
            other += of_another
            nameless += without
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


def stretches(path: Path) -> Iterator[bytes]:
    """A file in stretches of whole lines, so that its size does not matter.

    Args:
        path: The file.

    Raises:
        AgainError: ``not_ndjson``: a line is longer than any resource.
    """
    with path.open("rb") as stream:
        while stretch := stream.read(_STRETCH):
            if not stretch.endswith(b"\n"):
                stretch += stream.readline(_LONGEST_LINE)
                if not stretch.endswith(b"\n") and stream.read(1):
                    raise AgainError(
                        "not_ndjson", f"a line of more than {_LONGEST_LINE} bytes", tries=2
                    )
            yield stretch


def repeated(files: Sequence[tuple[Path, Contents]]) -> tuple[list[list[int]], int]:
    """Lines of one type that are there more than once.

    Args:
        files: All files of the type, in their order, with what is in them.

    Returns:
        For each file the numbers of lines that repeat an earlier one to the letter (from 0, blank
        ones not counted), and how many resources come again with another content.

    Raises:
        AgainError: A file is not what it was.
    """
    import numpy as np

    every = np.concatenate(
        [np.empty(0, np.int64), *(np.frombuffer(each.ids, np.int64) for _, each in files)]
    )
    every.sort()
    twice = np.unique(every[1:][every[1:] == every[:-1]])
    if not twice.size:
        return [[] for _ in files], 0
    # Only now are the lines looked at again: it is rare, and keeps what is remembered small.
    from pipelines.clients.bulk.parsed import repeated_lines

    return repeated_lines(
        [
            (stretches(path), np.isin(np.frombuffer(each.ids, np.int64), twice))
            for path, each in files
        ]
    )


def without_lines(path: Path, lines: Sequence[int], to: Path) -> None:
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
