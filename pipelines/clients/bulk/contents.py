"""What is in a fetched file: lines, types, ids. Nothing is believed because it was said.

Belongs here: looking at a file of lines a stretch at a time, as far as no line needs to be parsed.
Does not belong here: parsing (``parsed``), fetching (``downloads``), what a resource means
(``pipelines.ingest``).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.clients.bulk.session import AgainError
from pipelines.clients.bulk.usual import hashes, usual_ids

_STRETCH = 384 * 1024
"""Bytes looked at in one go: they stay in the processor's cache."""
_CHUNK = 128 * 1024
_LONGEST_LINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        rows: Lines that are not blank.
        ids: Hash of each line's id, in their order.
    """

    rows: int
    ids: array[int]


def contents_of(path: Path, kind: str) -> Contents:
    """Look at a file of resources, as ``contents_in``."""
    return contents_in(_chunks(path), kind)


def contents_in(chunks: Iterable[bytes], kind: str) -> Contents:
    """Look at resources as they come.

    Args:
        chunks: A file of them, plain, cut anywhere.
        kind: Type that all of them must have.

    Raises:
        AgainError: ``not_ndjson``, ``wrong_type`` or ``missing_id``; it may have been cut off.
    """
    ids = array("Q")
    other = nameless = 0
    for stretch in stretches(chunks):
        found = usual_ids(stretch, kind)
        if found is None:
            # The engine takes a third of the memory; most servers never need it.
            from pipelines.clients.bulk.parsed import ids_of

            named, of_another, without = ids_of(stretch, kind)
            other += of_another
            nameless += without
            found = hashes(named)
        ids.frombytes(found.tobytes())
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


def stretches(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A file in stretches of whole lines, so that its size does not matter.

    Args:
        chunks: The file, cut anywhere.

    Raises:
        AgainError: ``not_ndjson``: a line is longer than any resource.
    """
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size >= _STRETCH and (end := chunk.rfind(b"\n") + 1):
            stretch = b"".join([*held, chunk[:end]])
            held = [chunk[end:]]
            size = len(held[0])
            yield stretch
        elif size > _LONGEST_LINE:
            raise AgainError("not_ndjson", f"a line of more than {_LONGEST_LINE} bytes", tries=2)
        else:
            held.append(chunk)
    if size:
        yield b"".join(held)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


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
    every = np.concatenate(
        [np.empty(0, np.uint64), *(np.frombuffer(each.ids, np.uint64) for _, each in files)]
    )
    every.sort()
    twice = np.unique(every[1:][every[1:] == every[:-1]])
    if not twice.size:
        return [[] for _ in files], 0
    # Only now are the lines looked at again: it is rare, and keeps what is remembered small.
    from pipelines.clients.bulk.parsed import repeated_lines

    return repeated_lines(
        [
            (stretches(_chunks(path)), np.isin(np.frombuffer(each.ids, np.uint64), twice))
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
