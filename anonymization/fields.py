"""Codes side by side in the bits of whole numbers.

Belongs here: which bits each column's codes have, and reading, writing and changing them there.
Does not belong here: keys that take no more room than they need (``packing``), what is grouped by
them (``equivalence``).

A column has its bits whatever happens to the others, so that changing one of them leaves the rest
untouched. The first column has the highest ones: words ascend as rows of codes do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anonymization.packing import Codes, dense, packed

# Of a whole number of 64 bits, so that it stays positive and counts can be added.
_BITS: Final = 62


@dataclass(frozen=True)
class Fields:
    """The bits of each column.

    Attributes:
        places: For each column the word, its lowest bit there, and its number of bits.
        words: The bits that each word uses.
    """

    places: tuple[tuple[int, int, int], ...]
    words: tuple[int, ...]

    @classmethod
    def of(cls, sizes: Sequence[int]) -> "Fields":
        """Fields for codes below these numbers.

        Args:
            sizes: One for each column, in order.
        """
        each = [max(size - 1, 0).bit_length() for size in sizes]
        word_of, words = [], [0]
        for bits in each:
            if words[-1] + bits > _BITS:
                words.append(0)
            word_of.append(len(words) - 1)
            words[-1] += bits
        left, places = list(words), []
        for word, bits in zip(word_of, each, strict=True):
            left[word] -= bits
            places.append((word, left[word], bits))
        return cls(tuple(places), tuple(words))

    def written(self, columns: Sequence[Codes]) -> tuple[Codes, ...]:
        """Words that hold columns of codes.

        Args:
            columns: The codes, for each column.
        """
        words: list[Codes | None] = [None] * len(self.words)
        for (word, shift, _), codes in zip(self.places, columns, strict=True):
            own, shifted = words[word], codes << shift
            words[word] = shifted if own is None else own | shifted
        return tuple(word for word in words if word is not None)

    def read(
        self, words: Sequence[Codes], index: int, rows: Codes | NDArray[np.bool_] | None = None
    ) -> Codes:
        """One column's codes.

        Args:
            words: The words.
            index: The column's position.
            rows: Which of the rows; all by default.
        """
        word, shift, bits = self.places[index]
        read = words[word] if rows is None else words[word][rows]
        return (read >> shift) & ((1 << bits) - 1)

    def changed(self, words: Sequence[Codes], steps: Mapping[int, Codes]) -> tuple[Codes, ...]:
        """Words with other codes in some columns.

        Args:
            words: The words.
            steps: By the column's position, what each of its codes becomes.
        """
        made = list(words)
        for index, step in steps.items():
            word, shift, bits = self.places[index]
            changed = made[word] & ~(((1 << bits) - 1) << shift)
            if step.any():
                changed |= (step << shift)[self.read(words, index)]
            made[word] = changed
        return tuple(made)

    def key(self, words: Sequence[Codes]) -> tuple[Codes, int]:
        """One key for each row of words, in their order, and a number that all are below.

        Args:
            words: The words.
        """
        if len(words) == 1:
            return words[0], 1 << self.words[0]
        return packed([dense(word) for word in words])
