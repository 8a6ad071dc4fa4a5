"""From the values of a record to what the table shows of it.

Belongs here: the recoding of records, any number at a time, by what a method found out about the
distinct tuples. Does not belong here: the methods (``lattice``, ``local``, ``intervals``), the
table as a whole (``microdata``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from anonymization.hierarchies import Levels
from anonymization.packing import Codes, Keys, positions


@dataclass(frozen=True)
class Shown:
    """What a table shows of one attribute.

    Attributes:
        labels: The labels.
        places: Which of them each value gets, or each tuple.
        is_by_tuple: Whether places are those of tuples.
    """

    labels: pl.Series
    places: NDArray[np.int32]
    is_by_tuple: bool


def by_level(levels: Levels, level: int) -> Shown | None:
    """One level for all records; none where the column stays as it is.

    Args:
        levels: The hierarchy.
        level: The level.
    """
    if level == 0:
        return None
    labels = levels.labels[str(level)]
    return Shown(labels, np.arange(labels.len(), dtype=np.int32), is_by_tuple=False)


def by_levels(levels: Levels, level: Codes, values: Codes) -> Shown | None:
    """A level for each tuple; none where the column stays as it is.

    Args:
        levels: The hierarchy.
        level: The level of each tuple.
        values: The value's code of each tuple.
    """
    if not level.any():
        return None
    table = levels.labels
    texts = pl.concat([table[name].cast(pl.String).alias("0") for name in table.columns])
    return Shown(texts, (level * table.height + values).astype(np.int32), is_by_tuple=True)


@dataclass(frozen=True)
class Recoder:
    """How records are recoded.

    Attributes:
        names: The quasi-identifiers.
        columns: Their distinct values, ascending, a missing one first.
        keys: Finds the tuple of a record.
        shown: What is shown of each; none where the column stays as it is.
        gone: Tuples whose records are suppressed.
    """

    names: tuple[str, ...]
    columns: tuple[pl.Series, ...] = field(repr=False)
    keys: Keys = field(repr=False)
    shown: tuple[Shown | None, ...] = field(repr=False)
    gone: NDArray[np.bool_] = field(repr=False)

    def recode(self, frame: pl.DataFrame) -> tuple[list[pl.Series], NDArray[np.bool_]]:
        """Recode some records.

        Args:
            frame: Records of the table that was counted, with the quasi-identifiers.

        Returns:
            The columns that change, and which records stay.

        Raises:
            ColumnError: If the records are not those that were counted.
        """
        by_tuple = any(shown is not None and shown.is_by_tuple for shown in self.shown)
        whole = by_tuple or bool(self.gone.any())
        codes: list[Codes | None] = [
            positions(frame[name], values) if whole or shown is not None else None
            for name, values, shown in zip(self.names, self.columns, self.shown, strict=True)
        ]
        known = [code for code in codes if code is not None]
        tuples = self.keys.place(known) if by_tuple else None
        made = [
            shown.labels.gather(
                pl.Series(shown.places[tuples if shown.is_by_tuple else code])
            ).alias(name)
            for name, shown, code in zip(self.names, self.shown, codes, strict=True)
            if shown is not None
        ]
        return made, self._stays(frame.height, known, tuples)

    def _stays(
        self, height: int, known: Sequence[Codes], tuples: Codes | None
    ) -> NDArray[np.bool_]:
        if not self.gone.any():
            return np.ones(height, dtype=np.bool_)
        if tuples is not None:
            return ~self.gone[tuples]
        # Few tuples are suppressed: finding them is cheaper than finding every tuple.
        gone = pl.Series(self.keys.keys[self.gone])
        return (~pl.Series(self.keys.key(known)).is_in(gone.implode())).to_numpy()
