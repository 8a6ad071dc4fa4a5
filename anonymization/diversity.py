"""How mixed a sensitive attribute is within each class: the measures of l-diversity.

Belongs here: counts of values by class, and what the literature measures on them. Does not belong
here: how classes are made, closeness to the whole table (``closeness``), what is asked for
(``policies``).

Definitions: Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam 2007, "l-Diversity: Privacy
Beyond k-Anonymity", section 4.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anonymization.packing import Codes

Measures = NDArray[np.float64]

ROUNDING: Final = 1e-12
"""A measure that misses its threshold by less than this has been rounded, and meets it."""


@dataclass(frozen=True)
class Histogram:
    """How often each value occurs in each class; only pairs that occur.

    Attributes:
        classes: Class of each pair, ascending, from 0 to ``number`` - 1. A class that does not
            occur holds no values: none of them, and one effective one.
        values: Code of the value.
        counts: Records (or persons) of the pair, above 0.
        number: Number of classes.
    """

    classes: Codes
    values: Codes
    counts: Codes
    number: int

    def totals(self) -> Measures:
        """Sum of the counts of each class."""
        counts = self.counts.astype(np.float64)
        return np.asarray(np.bincount(self.classes, counts, self.number), dtype=np.float64)


def by_value(histogram: Histogram, value_of: Codes) -> Histogram:
    """Persons by class and value, from pairs of a value and a person.

    Args:
        histogram: Pairs by class.
        value_of: Code of the value of each pair's code.

    Returns:
        The counts, each pair counted once.
    """
    values = value_of[histogram.values]
    base = int(value_of.max(initial=0)) + 1
    keys, counts = np.unique(histogram.classes * base + values, return_counts=True)
    return Histogram(keys // base, keys % base, counts.astype(np.int64), histogram.number)


def distinct_values(histogram: Histogram) -> Codes:
    """Number of different values in each class.

    Args:
        histogram: The counts.
    """
    return np.bincount(histogram.classes, minlength=histogram.number).astype(np.int64)


def effective_values(histogram: Histogram) -> Measures:
    """exp(entropy) of each class: the l for which it is just entropy l-diverse.

    Args:
        histogram: The counts.
    """
    counts, totals = histogram.counts.astype(np.float64), histogram.totals()
    spent = np.bincount(
        histogram.classes, weights=counts * np.log(counts), minlength=histogram.number
    )
    totals = np.maximum(totals, 1.0)
    return np.asarray(np.exp(np.log(totals) - spent / totals), dtype=np.float64)


def recursive_bound(histogram: Histogram, least: int) -> Measures:
    """r1 / (r_l + … + r_m) of each class, counts in descending order.

    A class is recursively (c, l)-diverse exactly when c is greater than this.

    Args:
        histogram: The counts.
        least: The l, 1 or more.

    Returns:
        The bound of each class; infinite where fewer than l values occur.
    """
    order = np.lexsort((-histogram.counts, histogram.classes))
    classes, counts = histogram.classes[order], histogram.counts[order].astype(np.float64)
    starts = np.searchsorted(classes, np.arange(histogram.number))
    rank = np.arange(classes.size) - starts[classes]
    tail = np.bincount(
        classes, weights=np.where(rank >= least - 1, counts, 0.0), minlength=histogram.number
    )
    most = np.zeros(histogram.number)
    most[classes[rank == 0]] = counts[rank == 0]
    bound = np.full(histogram.number, np.inf)
    np.divide(most, tail, out=bound, where=tail > 0)
    return bound
