"""What every class must hold: k-anonymity, k-map, l-diversity, t-closeness, delta-presence.

Belongs here: which classes fail. Does not belong here: what to do about them (``lattice``).

Two kinds of monotony let a search rule nodes out. Size and distinct values only grow when classes
are merged, so a record whose class fails at a node fails at every finer node too, whatever else is
suppressed; the same is true of the class in the population (k-map). Entropy, recursive diversity,
closeness and delta-presence do not have that: a class that holds may be merged with one that fails.
But all of them hold for a merged class if they hold for all its parts (entropy is concave, the
distances convex, the recursive rule adds up, a share of the whole lies between those of the parts),
so a node at which some class fails makes every finer node have a failing class. (Machanavajjhala et
al. 2007, section 5; Li et al. 2007, section 4; Nergiz, Atzori and Clifton 2007, section 4.)

The second kind needs counts that add up, and they do not where a person has records in two classes
that are merged: the merged class counts that person once, so two even halves may make an uneven
whole. What is left then are persons and values, of which a merged class has no fewer than its
largest part, and the greatest share of the population, since a merged class has no more persons
than its parts together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymization.closeness import Ground, distances
from anonymization.diversity import (
    ROUNDING,
    Histogram,
    Measures,
    by_value,
    distinct_values,
    effective_values,
    recursive_bound,
)
from anonymization.equivalence import Held, Mask
from anonymization.packing import Codes


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
        value_of: Code of the value of each pair of a value and a person, where histograms count
            such pairs since a person can be in two classes that are merged.
    """

    least: float
    diversity: str
    c: float | None
    t: float | None
    ground: Ground
    overall: Measures
    value_of: Codes | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for but a number of different values."""
        return self.diversity == "distinct" and self.t is None

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked for."""
        return self.least > 1 or not self.is_plain

    @property
    def plain(self) -> "Diverse":
        """The different values alone: entropy and recursive diversity need l of them as well."""
        return self if self.is_plain else replace(self, diversity="distinct", c=None, t=None)

    def fails(self, histogram: Histogram) -> Mask:
        """Classes that are not diverse, or not close."""
        if self.value_of is not None:
            histogram = by_value(histogram, self.value_of)
        few = distinct_values(histogram) < self.least * (1.0 - ROUNDING)
        fails = np.asarray(few, dtype=np.bool_)
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
        k: Least number of persons.
        sensitive: What is asked of each sensitive attribute.
        k_map: Least number of persons of the population; 0 asks for nothing.
        presence: Least and greatest share of the population's persons that the table may have.
    """

    k: int
    sensitive: tuple[Diverse, ...] = ()
    k_map: int = 0
    presence: tuple[float, float] | None = None

    @property
    def is_monotone(self) -> bool:
        """Whether no record that fails at a node can hold at a finer one."""
        return self.presence is None and all(one.is_plain for one in self.sensitive)

    def only(self, sensitive: Sequence[int]) -> "Model":
        """The model with some of the sensitive attributes.

        Args:
            sensitive: Their positions.
        """
        return replace(self, sensitive=tuple(self.sensitive[index] for index in sensitive))

    def sure(self, held: Held, *, whole: bool) -> "Model":
        """The part of the model by which a failing class tells of every finer node.

        Args:
            held: What classes hold; tells whether a person can be in two that are merged.
            whole: Ask only that each finer node has some failing class; by default every record of
                a class that fails must fail there.
        """
        if self.is_monotone or (whole and held.crowd is None):
            return self
        most = self.presence[1] if whole and self.presence is not None else None
        return replace(
            self,
            sensitive=tuple(one.plain for one in self.sensitive),
            presence=None if most is None else (0.0, most),
        )

    def fails(self, held: Held) -> Mask:
        """Classes that do not hold.

        A class that only the population has fails if the table must have some of it.

        Args:
            held: What the classes hold.
        """
        fails = self._small(held)
        for one, histogram in zip(self.sensitive, held.histograms, strict=True):
            fails |= one.fails(histogram)
        fails &= held.counts > 0
        if self.presence is not None and held.population is not None:
            least, most = self.presence
            # Rounding of a limit such as 0.1 must not decide.
            fails |= held.sizes < least * held.population * (1.0 - ROUNDING)
            fails |= held.sizes > most * held.population * (1.0 + ROUNDING)
        return fails

    def _small(self, held: Held) -> Mask:
        fails = np.asarray(held.sizes < self.k, dtype=np.bool_)
        if held.population is not None:
            fails |= held.population < self.k_map
        if held.apart is not None:
            fails |= held.apart
        return fails
