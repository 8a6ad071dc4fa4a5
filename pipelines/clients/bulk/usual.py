"""Lines written as nearly every server writes them: type and id first, nothing after the brace.

Belongs here: the look that needs no parsing, over many lines at once (NumPy, which lets other
threads go on meanwhile), and the hash by which an id is remembered. Does not belong here: lines
written otherwise (``parsed``), what follows from a look (``contents``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

# One resource after another on one line: what the end of a part looks like, it never does.
_SEVERAL = re.compile(rb"\}[ \t\r]*\{")
_LONGEST_ID = 64
_BEHIND = 3
"""Bytes behind the longest id that are looked at: quote, space, comma or brace."""
_IN_IDS = np.zeros(256, np.bool_)
_IN_IDS[[*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"]] = True
_WORD = 8
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_NEWLINE, _QUOTE, _SPACE, _COMMA, _OPEN, _CLOSE = b'\n" ,{}'


def usual_ids(stretch: bytes, kind: str) -> Hashes | None:
    """Hash of the id of each line, if all of them are written as usual.

    Then type and id come first, so they are the resource's own and not a part's.

    Args:
        stretch: Whole lines.
        kind: Type that all of them must have.

    Returns:
        One hash a line; null where a line is blank, of another type, or written otherwise.
    """
    first = _start(kind).match(stretch)
    starts = _starts(stretch)
    if first is None or starts is None or not _is_text(stretch):
        return None
    # All lines of a server begin alike to the letter, or they are not looked at here.
    same = np.frombuffer(first.group(), np.uint8)
    width = same.size + _LONGEST_ID + _BEHIND
    heads = np.ndarray(len(stretch), f"V{width}", stretch + bytes(width), strides=(1,))[starts]
    columns = heads.view(np.uint8).reshape(-1, width)
    if (columns[:, : same.size] != same).any():
        return None
    return _hashed_ids(columns[:, same.size :])


def hashes(ids: Sequence[bytes]) -> Hashes:
    """Hash of each id, the same as ``usual_ids`` gives."""
    # What an id has beyond the longest that FHIR allows is not told apart: see ``_hashed``.
    return _hashed(np.array(ids, f"S{_LONGEST_ID}").view(np.uint8).reshape(-1, _LONGEST_ID))


@cache
def _start(kind: str) -> re.Pattern[bytes]:
    named = re.escape(kind).encode()
    return re.compile(rb'\{ ?"resourceType" ?: ?"' + named + rb'" ?, ?"id" ?: ?"')


def _starts(stretch: bytes) -> npt.NDArray[np.int64] | None:
    """Where lines begin; null unless each holds one object and nothing else."""
    content = np.frombuffer(stretch if stretch.endswith(b"\n") else stretch + b"\n", np.uint8)
    closed = np.flatnonzero(content == _CLOSE) + 1
    behind = content[closed]
    ends = closed[behind == _NEWLINE]
    if np.count_nonzero(content == _NEWLINE) != ends.size:
        return None
    suspect = (behind == _OPEN) | ((behind <= _SPACE) & (behind != _NEWLINE))
    if suspect.any() and _SEVERAL.search(stretch):
        return None
    return np.concatenate([[0], ends[:-1] + 1])


def _is_text(stretch: bytes) -> bool:
    if stretch.isascii():
        return True
    try:
        stretch.decode()
    except UnicodeDecodeError:
        return False
    return True


def _hashed_ids(columns: Bytes) -> Hashes | None:
    """Hashes of what stands before the first quote; null where it is no id or does not end so."""
    lengths = (columns[:, : _LONGEST_ID + 1] == _QUOTE).argmax(axis=1)
    every = np.arange(lengths.size)
    behind = columns[every, lengths + 1]
    behind = np.where(behind == _SPACE, columns[every, lengths + 2], behind)
    if not lengths.all() or not ((behind == _COMMA) | (behind == _CLOSE)).all():
        return None
    longest = lengths.max() + -lengths.max() % _WORD
    within = np.arange(longest, dtype=np.uint8) < lengths.astype(np.uint8)[:, None]
    ids = columns[:, :longest] * within
    return _hashed(ids) if (_IN_IDS.take(ids) == within).all() else None


def _hashed(ids: Bytes) -> Hashes:
    """One number for each id; that two may share one costs a second look and nothing else."""
    found = np.zeros(len(ids), np.uint64)
    # From the last word: what an id is filled up with changes nothing.
    for word in ids.view(np.uint64).T[::-1]:
        found ^= word
        found *= _ODD
        found ^= found >> _HALF
    return found
