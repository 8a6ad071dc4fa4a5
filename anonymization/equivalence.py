"""Classes of equal quasi-identifiers, at any level of generalisation.

Belongs here: the classes with their counts and sensitive values, and how those of a coarser node
follow from those of a finer one. Does not belong here: what classes must hold (``models``), what
they cost (``losses``), which node is best (``lattice``).

Records are grouped once, into the distinct tuples. Every node is rolled up from a finer one, so
nothing after that depends on how many records there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anonymization.diversity import Histogram, distinct_values
from anonymization.fields import Fields
from anonymization.packing import Codes, packed

Mask = NDArray[np.bool_]

# Keys of a space this small are counted in a table, not sorted.
_TABLE: Final = 2**12
# Of whole numbers that are not negative.
_BITS: Final = 63


@dataclass(frozen=True)
class Attribute:
    """One quasi-identifier's levels.

    Attributes:
        labels: For each level the code of the label of each distinct value, dense from 0. Level 0
            is the value itself; labels that are equal at one level are so at every higher one.
        missing: For each level the label's code of records without a value, -1 where they have the
            label of all; given only where such records match nobody.
        ambiguous: For each level and distinct value whether its label also stands for other values,
            on another level; given only where labels of several levels are shown side by side.
    """

    labels: Sequence[Codes]
    missing: Codes | None = None
    ambiguous: Mask | None = None

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of labels of each level."""
        return tuple(int(codes.max(initial=-1)) + 1 for codes in self.labels)

    @cached_property
    def _table(self) -> Codes:
        return np.stack(self.labels)

    def label(self, levels: Codes, values: Codes) -> Codes:
        """The label's code of each value, each at a level of its own."""
        return np.asarray(self._table[levels, values], dtype=np.int64)

    def step(self, lower: int, upper: int) -> Codes:
        """The label at a higher level of each label at a lower one."""
        up = np.zeros(self.sizes[lower], dtype=np.int64)
        up[self.labels[lower]] = self.labels[upper]
        return up


@dataclass(frozen=True)
class Held:
    """What classes hold, whatever made them.

    Attributes:
        counts: Records of each class; 0 where only the population has it.
        histograms: Counts of sensitive values by class, one for each sensitive attribute.
        persons: Persons of each class, where they are not its records and no person can ever be in
            two classes that are merged.
        crowd: Each class with each of its persons, where a person can be in two such classes.
        population: Persons of the population in each class, where one is given.
        apart: Classes whose records match nobody, not even one another.
    """

    counts: Codes
    histograms: tuple[Histogram, ...] = ()
    persons: Codes | None = None
    crowd: Histogram | None = None
    population: Codes | None = None
    apart: Mask | None = None

    @property
    def sizes(self) -> Codes:
        """Persons of each class; records, where they are the same."""
        if self.crowd is not None:
            return distinct_values(self.crowd)
        return self.counts if self.persons is None else self.persons

    def of(self, histograms: Sequence[int]) -> "Held":
        """The same with some of the sensitive attributes.

        Args:
            histograms: Positions of those to keep.
        """
        return replace(self, histograms=tuple(self.histograms[index] for index in histograms))

    def only(self, classes: Codes) -> "Held":
        """Some of the classes, in the order given.

        Args:
            classes: Their numbers, each once.
        """
        number = np.full(self.counts.size, -1, dtype=np.int64)
        number[classes] = np.arange(classes.size)

        def part(histogram: Histogram | None) -> Histogram | None:
            return None if histogram is None else merged(histogram, number, int(classes.size))

        return Held(
            counts=self.counts[classes],
            histograms=tuple(merged(h, number, int(classes.size)) for h in self.histograms),
            persons=None if self.persons is None else self.persons[classes],
            crowd=part(self.crowd),
            population=None if self.population is None else self.population[classes],
            apart=None if self.apart is None else self.apart[classes],
        )

    def rolled_up(
        self, groups: "Groups", *, positions: Codes | None = None, apart: Mask | None = None
    ) -> "Held":
        """What coarser classes hold.

        Args:
            groups: The coarser classes.
            positions: Of the classes that are grouped; all by default.
            apart: Which of the coarser ones match nobody.
        """
        has_pairs = bool(self.histograms) or self.crowd is not None
        coarser = groups.codes if has_pairs else groups.first
        if has_pairs and positions is not None:
            coarser = np.full(self.counts.size, -1, dtype=np.int64)
            coarser[positions] = groups.codes

        def sums(counts: Codes | None) -> Codes | None:
            if counts is None:
                return None
            return groups.sums(counts if positions is None else counts[positions])

        def joined(histogram: Histogram | None) -> Histogram | None:
            return None if histogram is None else merged(histogram, coarser, groups.number)

        return Held(
            counts=groups.sums(self.counts if positions is None else self.counts[positions]),
            histograms=tuple(merged(h, coarser, groups.number) for h in self.histograms),
            persons=sums(self.persons),
            crowd=joined(self.crowd),
            population=sums(self.population),
            apart=apart,
        )


@dataclass(frozen=True)
class Classes:
    """The classes of one node, ascending by their keys.

    Attributes:
        attributes: The quasi-identifiers.
        levels: Level of each of them.
        fields: The bits of each attribute's label, the same ones at every level.
        words: What is written there for each class.
        held: What the classes hold.
    """

    attributes: tuple[Attribute, ...]
    levels: tuple[int, ...]
    fields: Fields = field(repr=False)
    words: tuple[Codes, ...] = field(repr=False)
    held: Held

    @classmethod
    def finest(
        cls, attributes: Sequence[Attribute], labels: Sequence[Codes], held: Held
    ) -> "Classes":
        """Classes at level 0 of every attribute.

        Args:
            attributes: The quasi-identifiers.
            labels: For each of them the value's code of each class; rows of them ascend.
            held: What the classes hold.
        """
        fields = Fields.of([attribute.sizes[0] for attribute in attributes])
        levels = (0,) * len(attributes)
        return cls(tuple(attributes), levels, fields, fields.written(labels), held)

    @property
    def counts(self) -> Codes:
        """Records of each class."""
        return self.held.counts

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

    def labels(self, index: int, classes: Codes | Mask | None = None) -> Codes:
        """The label's code of classes.

        Args:
            index: Position of the attribute.
            classes: Which of them; all by default.
        """
        return self.fields.read(self.words, index, classes)

    def groups(self, levels: Sequence[int]) -> "Groups":
        """The classes that are one at a node that is nowhere finer than this one.

        They are numbered as the classes of that node are.

        Args:
            levels: Level of each attribute.
        """
        return Groups(*self.fields.key(self._words_at(levels)))

    def at(self, levels: Sequence[int]) -> "Classes":
        """The classes of a node that is nowhere finer than this one.

        Args:
            levels: Level of each attribute.
        """
        words = self._words_at(levels)
        groups = Groups(*self.fields.key(words))
        words = (groups.keys,) if len(words) == 1 else tuple(word[groups.first] for word in words)
        made = Classes(self.attributes, tuple(levels), self.fields, words, self.held)
        return replace(made, held=self.held.rolled_up(groups, apart=made._apart()))

    def only(self, attributes: Sequence[int], histograms: Sequence[int]) -> "Classes":
        """The classes by some of the attributes alone, of tuples.

        Args:
            attributes: Positions of the attributes to keep.
            histograms: Positions of the sensitive attributes to keep.
        """
        some = [self.attributes[index] for index in attributes]
        labels = [self.labels(index) for index in attributes]
        kept = Classes.finest(some, labels, self.held.of(histograms))
        return kept.at(kept.levels)

    def _apart(self) -> Mask | None:
        if all(attribute.missing is None for attribute in self.attributes):
            return None
        each = [np.full(self.words[0].size, level, dtype=np.int64) for level in self.levels]
        labels = [self.labels(index) for index in range(len(each))]
        return apart_classes(self.attributes, each, labels)

    def _words_at(self, levels: Sequence[int]) -> tuple[Codes, ...]:
        steps = {
            index: attribute.step(lower, upper)
            for index, (attribute, lower, upper) in enumerate(
                zip(self.attributes, self.levels, levels, strict=True)
            )
            if lower != upper
        }
        return self.fields.changed(self.words, steps)


def apart_classes(
    attributes: Sequence[Attribute], levels: Sequence[Codes], labels: Sequence[Codes]
) -> Mask | None:
    """Classes that lack a value, where such records match nobody; none where they do.

    Args:
        attributes: The quasi-identifiers.
        levels: For each of them the level of each class.
        labels: For each of them the label's code of each class.
    """
    lacking = [
        codes == attribute.missing[level]
        for attribute, level, codes in zip(attributes, levels, labels, strict=True)
        if attribute.missing is not None
    ]
    return np.asarray(np.logical_or.reduce(lacking), dtype=np.bool_) if lacking else None


class Groups:
    """Positions that share a key, in the order of the keys.

    Attributes:
        keys: The key of each group.
    """

    def __init__(self, keys: Codes, size: int) -> None:
        self._given, self._size = keys, size
        self._order: Codes | None = None
        if size <= max(_TABLE, 2 * keys.size):
            occurs = np.zeros(size, dtype=np.bool_)
            occurs[keys] = True
            self.keys = np.flatnonzero(occurs)
            return
        self._order, ascending = _ascending(keys, size)
        begins = np.ones(keys.size, dtype=np.bool_)
        np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
        self._starts = np.flatnonzero(begins)
        self.keys = ascending[self._starts]

    @property
    def number(self) -> int:
        """Number of groups."""
        return int(self.keys.size)

    @cached_property
    def first(self) -> Codes:
        """A position of each group."""
        if self._order is not None:
            return self._order[self._starts]
        position = np.empty(self._size, dtype=np.int64)
        position[self._given] = np.arange(self._given.size)
        return position[self.keys]

    @cached_property
    def codes(self) -> Codes:
        """Number of each position's group."""
        if self._order is None:
            place = np.empty(self._size, dtype=np.int64)
            place[self.keys] = np.arange(self.number)
            return place[self._given]
        codes = np.empty(self._given.size, dtype=np.int64)
        sizes = np.diff(self._starts, append=self._given.size)
        codes[self._order] = np.repeat(np.arange(self.number), sizes)
        return codes

    def sums(self, counts: Codes) -> Codes:
        """Sum of the counts of each group."""
        if self._order is not None:
            return np.asarray(np.add.reduceat(counts[self._order], self._starts), dtype=np.int64)
        # Sums of whole numbers are exact in floating point up to 2**53.
        sums = np.bincount(self._given, weights=counts, minlength=self._size)
        return sums[self.keys].astype(np.int64)


def _ascending(keys: Codes, size: int) -> tuple[Codes, Codes]:
    """Positions in the order of their keys, and the keys in that order.

    Args:
        keys: The keys.
        size: A number that all of them are below.
    """
    bits = int(keys.size).bit_length()
    if size > 1 << (_BITS - bits):
        order = np.argsort(keys)
        return order, keys[order]
    # Sorting numbers is several times as quick as sorting positions by them: sort both as one.
    both = keys << bits
    both |= np.arange(keys.size)
    both.sort()
    return both & ((1 << bits) - 1), both >> bits


def merged(histogram: Histogram, classes: Codes, number: int) -> Histogram:
    """The counts by coarser classes.

    Args:
        histogram: Counts by class.
        classes: The coarser class of each class, from 0; below 0 where it is left out.
        number: How many coarser classes there are.
    """
    lifted, values, counts = classes[histogram.classes], histogram.values, histogram.counts
    if lifted.size and lifted.min() < 0:
        kept = lifted >= 0
        lifted, values, counts = lifted[kept], values[kept], counts[kept]
    base = int(values.max(initial=0)) + 1
    pairs = Groups(*packed([(lifted, max(number, 1)), (values, base)]))
    # In the order of the keys, hence by class.
    return Histogram(lifted[pairs.first], values[pairs.first], pairs.sums(counts), number)


def failing_records(classes: Classes, fails: Mask) -> int:
    """Records in the classes that fail.

    A failing class that only the population has counts one: there is nothing in it to suppress.

    Args:
        classes: The classes.
        fails: Which of them fail.
    """
    return int(np.maximum(classes.counts[fails], 1).sum())
