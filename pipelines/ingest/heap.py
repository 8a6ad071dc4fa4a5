"""The rows of one file and table between the door and the restricted zone.

Belongs here: keeping what passed the door until its delivery is through, in memory or, in a large
delivery, in files of the identified working folder cut by the leading digits of a pseudonym, so
that a table of any size can be sorted a cut at a time. Does not belong here: what the rows are.

The cuts change nothing in what is written: sorted one by one they follow on one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

_DIGITS = 16
_NONE = "~"
"""Cut of the rows whose pseudonym is null; it comes last, as nulls do."""


class Heap:
    """Rows of one file and table, cut by ``lead``.

    Args:
        lead: Column of pseudonyms by which the table is sorted first; it may be null.
        digits: Leading digits that a cut has in common; 0 keeps all in memory.
        folder: Where the cuts lie; made when it is needed.
    """

    def __init__(self, lead: str, digits: int, folder: Path) -> None:
        self._lead = lead
        self._digits = digits
        self._folder = folder
        self._kept: list[pl.DataFrame] = []
        self._files: dict[str, list[Path]] = {}
        self._added = 0
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Put rows on the heap."""
        self.rows += frame.height
        self._added += 1
        if not self._digits:
            self._kept.append(frame)
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        cut = pl.col(self._lead).str.slice(0, self._digits).fill_null(_NONE).alias("_cut")
        parts = frame.with_columns(cut).partition_by("_cut", include_key=False, as_dict=True)
        for (name,), part in parts.items():
            path = self._folder / f"{self._added:06d}-{name}.arrow"
            path.touch(0o600)
            part.write_ipc(path, compression="lz4")
            self._files.setdefault(str(name), []).append(path)

    def cut_names(self) -> set[str]:
        """Names of the cuts that hold rows."""
        return set(self._files) if self._digits else {""} if self._kept else set()

    def frames(self, cut: str) -> Iterator[pl.DataFrame]:
        """Rows of one cut as they were added."""
        yield from self._kept if not self._digits else ()
        for path in self._files.get(cut, ()):
            yield pl.read_ipc(path)

    def drop(self, cut: str) -> None:
        """Let go of one cut."""
        self._kept = []
        for path in self._files.pop(cut, ()):
            path.unlink()


def digits_for(rows: int, most: int) -> int:
    """Leading digits to cut so many rows by, so that a cut has about ``most`` rows at most."""
    digits = 0
    while rows > most:
        digits, rows = digits + 1, rows // _DIGITS
    return digits


def cuts(heaps: Sequence[Heap], keep: bool = False) -> Iterator[pl.DataFrame]:
    """The rows of several heaps, a cut at a time in the order of the leading digits.

    Args:
        heaps: Heaps of one table, cut alike.
        keep: Leave them as they are; otherwise each cut is let go of after it has been used.
    """
    for name in sorted(set().union(*(heap.cut_names() for heap in heaps))):
        frames = [frame for heap in heaps for frame in heap.frames(name)]
        yield pl.concat(frames, how="vertical_relaxed")
        if not keep:
            for heap in heaps:
                heap.drop(name)
