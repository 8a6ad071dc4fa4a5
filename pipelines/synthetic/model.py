"""What a synthetic region is made from and what it holds.

Belongs here: the settings, the ``Region`` of frames, progress, and the random streams. Does
not belong here: how any frame is made or written.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pipelines.synthetic.days import FAR, first_day, last_day

if TYPE_CHECKING:
    from pipelines.synthetic.places import Places
    from pipelines.synthetic.spells import Spells

Progress = Callable[[str, int, float], None]
"""Called after each step with its name, the rows made and the seconds taken."""


@dataclass(frozen=True)
class SyntheticSettings:
    """Size, window and seed of a synthetic region.

    Args:
        scale: Persons per real inhabitant, above 0 and at most 2. 0.1 makes 76 000 persons.
        years: Calendar years in the window, 1 or more.
        seed: Any integer from 0; the same seed gives the same bytes.
        end_year: Last calendar year of the window, 2021–2026. What services record has the codes
            of 2020 and later, so the window may not begin before; the address history begins on
            1 January 2018.
        whole: Every entity and phenomenon. Without it: what the first indicators need.
        life: What befalls a journal: identities that change, late and corrected rows, deletions,
            reservations. Needs ``whole``.
        new_number_from: Year from which the municipalities deliver under an organisation number.
    """

    scale: float = 0.1
    years: int = 3
    seed: int = 20231103
    end_year: int = 2025
    whole: bool = False
    life: bool = False
    new_number_from: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that no region can be made from."""
        if not 0 < self.scale <= 2:
            raise ValueError(f"scale: expected above 0 and at most 2, got {self.scale}.")
        if self.years < 1:
            raise ValueError(f"years: expected 1 or more, got {self.years}.")
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, got {self.seed}.")
        if self.life and not self.whole:
            raise ValueError("life: expected with whole, got without; ask for both.")
        if self.end_year > 2026 or self.first_year < 2021:
            raise ValueError(
                "end_year and years: expected a window inside 2021–2026, got "
                f"{self.first_year}–{self.end_year}."
            )

    @property
    def first_year(self) -> int:
        """First calendar year of the window."""
        return self.end_year - self.years + 1

    @property
    def window(self) -> range:
        """The calendar years of the window."""
        return range(self.first_year, self.end_year + 1)

    @property
    def first_day(self) -> int:
        """1 January of the first year, as days since 1970-01-01."""
        return first_day(self.first_year)

    @property
    def last_day(self) -> int:
        """31 December of the last year, as days since 1970-01-01."""
        return last_day(self.end_year)

    def rng(self, stream: str) -> np.random.Generator:
        """An independent random stream by name, so that one step never moves another."""
        return np.random.default_rng([self.seed, zlib.crc32(stream.encode())])


Yearly = Callable[[int], pl.DataFrame]
"""Makes the rows of a calendar year: always the same, and never all years at once in memory."""


@dataclass
class Life:
    """What befalls the journal of a region; every frame may be empty.

    Attributes:
        numbers: person, first_number, first_system (the delivered one until then), number_from
            (year in which the final number comes). A null first_number: a local number alone.
        seconds: person, second_number (of the second resource), second_from, merged_in (years).
        merges: person, other (person), merged_in, parted_in (years).
        deleted: By frame of the region: rows that were delivered and deleted a year later.
    """

    numbers: pl.DataFrame
    seconds: pl.DataFrame
    merges: pl.DataFrame
    deleted: dict[str, pl.DataFrame]


@dataclass
class Region:
    """All persons and events of a synthetic region, one frame an entity.

    ``person`` is the row number of ``persons``; days are dates; codes are as in the extract
    contract. Columns beside the coded ones (names, lines, texts) exist in what is delivered
    only: they are built when the extract is written.

    ``more`` holds the frames of a whole region by name; ``yearly`` makes those that are too many
    for memory, a calendar year at a time.
    """

    settings: SyntheticSettings
    places: Places
    spells: Spells
    persons: pl.DataFrame
    residence: pl.DataFrame
    gp_offices: pl.DataFrame
    encounters: pl.DataFrame
    messages: pl.DataFrame
    conditions: pl.DataFrame
    prescriptions: pl.DataFrame
    care_episodes: pl.DataFrame
    journal_entries: pl.DataFrame
    portal_sessions: pl.DataFrame
    portal_forms: pl.DataFrame
    staff: pl.DataFrame
    more: dict[str, pl.DataFrame] = field(default_factory=dict)
    yearly: dict[str, Yearly] = field(default_factory=dict)
    life: Life | None = None

    def rows(self) -> dict[str, int]:
        """Rows by entity frame, those made a year at a time left out."""
        frames = {**vars(self), **self.more}
        return {
            name: frame.height for name, frame in frames.items() if isinstance(frame, pl.DataFrame)
        }


def no_progress(step: str, rows: int, seconds: float) -> None:
    """Say nothing."""


class Step:
    """Counts the rows of a step while it runs."""

    rows: int = 0


@contextmanager
def timed(progress: Progress, name: str) -> Iterator[Step]:
    """Report a step to ``progress`` when it ends; seconds are for display only."""
    step = Step()
    started = time.perf_counter()
    yield step
    progress(name, step.rows, time.perf_counter() - started)


__all__ = [
    "FAR",
    "Life",
    "Progress",
    "Region",
    "Step",
    "SyntheticSettings",
    "Yearly",
    "no_progress",
    "timed",
]
