"""Classes of equal quasi-identifiers, at any level of generalisation.

Belongs here: the classes with their counts and sensitive values, and how those of a coarser node
follow from those of a finer one. Does not belong here: what classes must hold (``models``), what
they cost (``losses``), which node is best (``lattice``).

Records are grouped once, into the distinct tuples. Every node is rolled up from a finer one, so
nothing after that depends on how many records there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anonymization.diversity import Histogram
from anonymization.packing import Codes, packed

# Keys of a space this small are counted in a table, not sorted.
_TABLE: Final = 2**16


@dataclass(frozen=True)
class Attribute:
    """One quasi-identifier's levels.

    Attributes:
        labels: For each level the code of the label of each distinct value, dense from 0. Level 0
            is the value itself; labels that are equal at one level are so at every higher one.
    """

    labels: Sequence[Codes]

    def sizes(self) -> tuple[int, ...]:
        """Number of labels of each level."""
        return tuple(int(codes.max(initial=-1)) + 1 for codes in self.labels)

    def step(self, lower: int, upper: int) -> Codes:
        """The label at a higher level of each label at a lower one."""
        up = np.zeros(self.sizes()[lower], dtype=np.int64)
        up[self.labels[lower]] = self.labels[upper]
        return up


@dataclass(frozen=True)
class Classes:
    """The classes of one node.

    Attributes:
        attributes: The quasi-identifiers.
        levels: Level of each of them.
        labels: For each of them the label's code of each class.
        counts: Records of each class.
        histograms: Counts of sensitive values by class, one for each sensitive attribute.
    """

    attributes: tuple[Attribute, ...]
    levels: tuple[int, ...]
    labels: tuple[Codes, ...]
    counts: Codes
    histograms: tuple[Histogram, ...] = ()

    @property
    def number(self) -> int:
        """Number of classes."""
        return int(self.counts.size)

    @property
    def records(self) -> int:
        """Number of records."""
        return int(self.counts.sum())

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of levels of each attribute."""
        return tuple(len(attribute.labels) for attribute in self.attributes)

    def at(self, levels: Sequence[int]) -> "Classes":
        """The classes of a node that is nowhere finer than this one.

        Args:
            levels: Level of each attribute.
        """
        labels = tuple(
            codes if lower == upper else attribute.step(lower, upper)[codes]
            for attribute, codes, lower, upper in zip(
                self.attributes, self.labels, self.levels, levels, strict=True
            )
        )
        groups = Groups(
            *packed(
                [
                    (codes, attribute.sizes()[level])
                    for attribute, codes, level in zip(self.attributes, labels, levels, strict=True)
                ]
            )
        )
        return Classes(
            self.attributes,
            tuple(levels),
            tuple(codes[groups.first] for codes in labels),
            groups.sums(self.counts),
            tuple(merged(h, groups.codes(), groups.number) for h in self.histograms),
        )

    def only(self, attributes: Sequence[int], histograms: Sequence[int]) -> "Classes":
        """The classes by some of the attributes alone, at the same levels.

        Args:
            attributes: Positions of the attributes to keep.
            histograms: Positions of the sensitive attributes to keep.
        """
        kept = Classes(
            tuple(self.attributes[index] for index in attributes),
            tuple(self.levels[index] for index in attributes),
            tuple(self.labels[index] for index in attributes),
            self.counts,
            tuple(self.histograms[index] for index in histograms),
        )
        return kept.at(kept.levels)


class Groups:
    """Positions that share a key, in the order of the keys.

    Attributes:
        first: A position of each group.
    """

    def __init__(self, keys: Codes, size: int) -> None:
        self._place: Codes | None = None
        self._keys = keys
        if size <= max(_TABLE, 2 * keys.size):
            position = np.full(size, -1, dtype=np.int64)
            position[keys] = np.arange(keys.size)
            occurs = position >= 0
            self.first = position[occurs]
            self._place = np.cumsum(occurs) - 1
            return
        self._order = np.argsort(keys)
        ascending = keys[self._order]
        begins = np.ones(keys.size, dtype=np.bool_)
        np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
        self._starts = np.flatnonzero(begins)
        self.first = self._order[self._starts]

    @property
    def number(self) -> int:
        """Number of groups."""
        return int(self.first.size)

    def codes(self) -> Codes:
        """Number of each position's group."""
        if self._place is not None:
            return np.asarray(self._place[self._keys], dtype=np.int64)
        codes = np.zeros(self._keys.size, dtype=np.int64)
        sizes = np.diff(self._starts, append=self._keys.size)
        codes[self._order] = np.repeat(np.arange(self.number), sizes)
        return codes

    def sums(self, counts: Codes) -> Codes:
        """Sum of the counts of each group."""
        if self._place is None:
            return np.asarray(np.add.reduceat(counts[self._order], self._starts), dtype=np.int64)
        # Sums of whole numbers are exact in floating point up to 2**53.
        return np.bincount(self.codes(), weights=counts, minlength=self.number).astype(np.int64)


def merged(histogram: Histogram, classes: Codes, number: int) -> Histogram:
    """The counts by coarser classes.

    Args:
        histogram: Counts by class.
        classes: The coarser class of each class, from 0; below 0 where it is left out.
        number: How many coarser classes there are; each must occur.
    """
    lifted, values, counts = classes[histogram.classes], histogram.values, histogram.counts
    if lifted.size and lifted.min() < 0:
        kept = lifted >= 0
        lifted, values, counts = lifted[kept], values[kept], counts[kept]
    base = int(values.max(initial=0)) + 1
    pairs = Groups(*packed([(lifted, max(number, 1)), (values, base)]))
    # In the order of the keys, hence by class.
    return Histogram(lifted[pairs.first], values[pairs.first], pairs.sums(counts), number)


def failing_records(classes: Classes, fails: NDArray[np.bool_]) -> int:
    """Records in the classes that fail.

    Args:
        classes: The classes.
        fails: Which of them fail.
    """
    return int(classes.counts[fails].sum())
