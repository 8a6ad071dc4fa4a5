"""What every class must hold: k-anonymity, l-diversity, t-closeness.

Belongs here: which classes fail. Does not belong here: what to do about them (``lattice``).

Two kinds of monotony let a search rule nodes out. Size and distinct values only grow when classes
are merged, so a record whose class fails at a node fails at every finer node too, whatever else is
suppressed. Entropy, recursive diversity and closeness do not have that: a class that holds may be
merged with one that fails. But all of them hold for a merged class if they hold for all its parts
(entropy is concave, the distances convex, the recursive rule adds up), so a node at which some
class fails makes every finer node have a failing class. (Machanavajjhala et al. 2007, section 5;
Li et al. 2007, section 4.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymization.closeness import Ground, distances
from anonymization.diversity import (
    ROUNDING,
    Histogram,
    Measures,
    distinct_values,
    effective_values,
    recursive_bound,
)
from anonymization.equivalence import Classes
from anonymization.packing import Codes

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Held:
    """What classes hold, whatever made them.

    Attributes:
        counts: Records of each class.
        histograms: Counts of sensitive values by class, one for each sensitive attribute.
    """

    counts: Codes
    histograms: tuple[Histogram, ...]


@dataclass(frozen=True)
class Diverse:
    """What is asked of one sensitive attribute.

    Attributes:
        least: The l; 1 asks for nothing of ``distinct`` and ``entropy``.
        diversity: ``distinct``, ``entropy`` or ``recursive``.
        c: Of recursive diversity.
        t: Of closeness; none asks for nothing.
        ground: What it costs to turn one value into another.
        overall: Share of each value in the whole table.
    """

    least: float
    diversity: str
    c: float | None
    t: float | None
    ground: Ground
    overall: Measures

    @property
    def counts_values(self) -> bool:
        """Whether so many different values are needed, whatever else is asked for."""
        return self.least > 1

    def few_values(self, histogram: Histogram) -> Mask:
        """Classes with too few different values.

        Entropy and recursive diversity need at least l of them as well, so this holds for every
        finer node as it does for this one.
        """
        return np.asarray(
            distinct_values(histogram) < self.least * (1.0 - ROUNDING), dtype=np.bool_
        )

    def fails(self, histogram: Histogram) -> Mask:
        """Classes that are not diverse, or not close."""
        fails = self.few_values(histogram)
        if self.diversity == "entropy":
            fails |= effective_values(histogram) < self.least * (1.0 - ROUNDING)
        if self.c is not None:
            fails |= recursive_bound(histogram, int(self.least)) >= self.c
        if self.t is not None:
            fails |= distances(histogram, self.overall, self.ground) > self.t + ROUNDING
        return fails


@dataclass(frozen=True)
class Model:
    """Everything asked of a class.

    Attributes:
        k: Least number of records.
        sensitive: What is asked of each sensitive attribute.
    """

    k: int
    sensitive: tuple[Diverse, ...] = ()

    @property
    def is_monotone(self) -> bool:
        """Whether no record that fails at a node can hold at a finer one."""
        return all(one.diversity == "distinct" and one.t is None for one in self.sensitive)

    def only(self, sensitive: Sequence[int]) -> "Model":
        """The model with some of the sensitive attributes.

        Args:
            sensitive: Their positions.
        """
        return Model(self.k, tuple(self.sensitive[index] for index in sensitive))

    def surely_fails(self, classes: Classes | Held) -> Mask:
        """Classes whose records fail at every finer node too.

        Args:
            classes: What the classes hold.
        """
        fails = np.asarray(classes.counts < self.k, dtype=np.bool_)
        for one, histogram in zip(self.sensitive, classes.histograms, strict=True):
            if one.counts_values:
                fails |= one.few_values(histogram)
        return fails

    def fails(self, classes: Classes | Held) -> Mask:
        """Classes that do not hold.

        Args:
            classes: What the classes hold.
        """
        fails = np.asarray(classes.counts < self.k, dtype=np.bool_)
        for one, histogram in zip(self.sensitive, classes.histograms, strict=True):
            fails |= one.fails(histogram)
        return fails
