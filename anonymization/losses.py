"""What generalising and suppressing cost: the five measures of loss.

Belongs here: the loss of a node, and bounds of the loss of nodes not looked at. Does not belong
here: which classes fail (``models``), the search (``lattice``).

Definitions, N records, class sizes n:

* ``ncp`` (normalised certainty penalty, Xu et al. 2006): for each record and attribute
  (leaves of the label - 1) / (domain - 1); a suppressed record 1. Mean over records, weighted mean
  over attributes. 0 to 1.
* ``coverage`` (the "loss" of ARX): leaves of the label / domain; a suppressed record 1. Mean over
  records, weighted arithmetic or geometric mean over attributes. Above 0, to 1.
* ``entropy`` (non-uniform entropy, de Waal and Willenborg 1999; Gionis and Tassa 2009): for each
  record and attribute ln(records with the label / records with the value); suppressed, the label
  is that of all. Divided by what suppressing everything costs, weighted mean over attributes. 0 to
  1; an attribute with a single value has nothing to lose.
* ``discernibility`` (Bayardo and Agrawal 2005): (sum of n squared over classes that stay + N for
  each suppressed record) / N squared. 0 to 1.
* ``aecs`` (average class size, LeFevre, DeWitt and Ramakrishnan 2006): N / classes that stay / k;
  what is suppressed makes no class, and N / k when nothing stays. 0 when there are no records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonymization.equivalence import Attribute, Classes
from anonymization.packing import Codes

Losses = NDArray[np.float64]
Box = tuple[slice, ...]


class Loss(Protocol):
    """A measure of loss over a lattice."""

    def of(self, classes: Classes, fails: NDArray[np.bool_]) -> float:
        """Loss of a node whose failing classes are suppressed."""
        ...

    def floors(self, box: Box, outliers: Codes) -> Losses:
        """A bound from below for each node of a box.

        Args:
            box: The levels of each attribute.
            outliers: Records that each node of the box suppresses at least.
        """
        ...

    def floor_of_coarser(self, classes: Classes) -> float:
        """A bound from below for a node and every coarser one."""
        ...


@dataclass(frozen=True)
class CellLoss:
    """A loss that is a sum over records and attributes.

    What a record loses more by suppression than by its label depends on the label alone in all
    three measures, so a node costs its levels' means and that difference for the records that
    fail.

    Attributes:
        means: For each attribute and level the mean loss if nothing is suppressed.
        gains: For each attribute and level and label what a suppressed record costs on top.
        weights: Share of each attribute; they sum to 1.
        records: Number of records.
        is_geometric: Whether attributes are joined by the geometric mean.
    """

    means: Sequence[Losses]
    gains: Sequence[Sequence[Losses]]
    weights: Sequence[float]
    records: int
    is_geometric: bool = False

    def by_attribute(self, classes: Classes, fails: NDArray[np.bool_]) -> list[float]:
        """Loss of each attribute at a node.

        Args:
            classes: Classes of the node.
            fails: Which of them are suppressed.
        """
        failing = np.flatnonzero(fails)
        counts = classes.counts[failing]
        totals = []
        for index, level in enumerate(classes.levels):
            extra = self.gains[index][level][classes.labels(index, failing)]
            mean = float(self.means[index][level])
            totals.append(mean + float((counts * extra).sum()) / max(self.records, 1))
        return totals

    def of(self, classes: Classes, fails: NDArray[np.bool_]) -> float:
        """Loss of a node whose failing classes are suppressed."""
        if not self.records:
            return 0.0
        totals = self.by_attribute(classes, fails)
        return float(self._joined([np.asarray(total) for total in totals]))

    def of_gains(self, tuples: Classes, saved: Sequence[float]) -> float:
        """Loss when labels differ from record to record.

        Args:
            tuples: The distinct tuples.
            saved: For each attribute the sum over records of what their labels save against
                suppression.
        """
        if not self.records:
            return 0.0
        everything = self.by_attribute(tuples, np.ones(tuples.number, dtype=np.bool_))
        totals = [
            np.asarray(max(whole - part / self.records, 0.0))
            for whole, part in zip(everything, saved, strict=True)
        ]
        return float(self._joined(totals))

    def floors(self, box: Box, outliers: Codes) -> Losses:
        """A bound from below: the levels' means, and the least extra cost of the outliers."""
        share = outliers / max(self.records, 1)
        totals = []
        for index, levels in enumerate(box):
            spread = [-1 if axis == index else 1 for axis in range(len(box))]
            means = self.means[index][levels].reshape(spread)
            gains = np.array([gain.min(initial=np.inf) for gain in self.gains[index][levels]])
            gains[~np.isfinite(gains)] = 0.0
            totals.append(means + share * gains.reshape(spread))
        return np.asarray(np.broadcast_to(self._joined(totals), outliers.shape), dtype=np.float64)

    def floor_of_coarser(self, classes: Classes) -> float:
        """Nothing beyond what the levels' means tell."""
        return 0.0

    def _joined(self, totals: Sequence[Losses]) -> Losses:
        pairs = zip(self.weights, totals, strict=True)
        if not self.is_geometric:
            return np.asarray(sum(weight * total for weight, total in pairs))
        with np.errstate(divide="ignore"):  # without records there is no loss
            return np.asarray(np.exp(sum(weight * np.log(total) for weight, total in pairs)))


@dataclass(frozen=True)
class ClassLoss:
    """A loss that depends on the sizes of classes alone.

    Attributes:
        measure: ``discernibility`` or ``aecs``.
        k: Of k-anonymity.
        sizes: For each attribute the number of labels of each level.
        records: Number of records.
    """

    measure: str
    k: int
    sizes: Sequence[tuple[int, ...]]
    records: int

    def of(self, classes: Classes, fails: NDArray[np.bool_]) -> float:
        """Loss of a node whose failing classes are suppressed."""
        return self.of_sizes(classes.counts[~fails], int(classes.counts[fails].sum()))

    def of_sizes(self, stay: Codes, suppressed: int) -> float:
        """Loss of classes of these sizes.

        Args:
            stay: Records of each class that stays.
            suppressed: Records suppressed.
        """
        if not self.records:
            return 0.0
        if self.measure == "aecs":
            return self.records / self.k / max(int((stay > 0).sum()), 1)
        spent = float((stay.astype(np.float64) ** 2).sum()) + self.records * float(suppressed)
        return spent / self.records**2

    def floors(self, box: Box, outliers: Codes) -> Losses:
        """A bound from below: there are no more classes than combinations of labels."""
        most = np.ones([1] * len(box))
        for index, levels in enumerate(box):
            spread = [-1 if axis == index else 1 for axis in range(len(box))]
            most = most * np.array(self.sizes[index][levels], dtype=np.float64).reshape(spread)
        if not self.records:
            return np.zeros(outliers.shape)
        # Squares of a given sum are least when all are equal; a suppressed record costs no less
        # than one in a class.
        floors = 1.0 / most if self.measure == "discernibility" else self.records / self.k / most
        return np.asarray(np.broadcast_to(floors, outliers.shape), dtype=np.float64)

    def floor_of_coarser(self, classes: Classes) -> float:
        """Merging makes squares greater and classes fewer, and suppression costs no less."""
        return self.of(classes, np.zeros(classes.number, dtype=np.bool_))


def cell_loss(
    measure: str,
    attributes: Sequence[Attribute],
    leaves: Sequence[Sequence[Codes]],
    domains: Sequence[int],
    counts: Sequence[Codes],
    weights: Sequence[float],
    *,
    is_geometric: bool = False,
) -> CellLoss:
    """Lay ``ncp``, ``coverage`` or ``entropy`` over the levels of the attributes.

    Args:
        measure: Which of them.
        attributes: The quasi-identifiers.
        leaves: For each of them and each level, how many values of the domain share the label of
            each value.
        domains: Number of values of each domain.
        counts: For each of them, the records of each value.
        weights: What each of them counts for; any positive numbers.
        is_geometric: Whether attributes are joined by the geometric mean.

    Returns:
        The loss.
    """
    means, gains = [], []
    for attribute, shared, domain, number in zip(attributes, leaves, domains, counts, strict=True):
        levels = [
            _level_loss(measure, labels, covered, domain, number)
            for labels, covered in zip(attribute.labels, shared, strict=True)
        ]
        means.append(np.array([mean for mean, _ in levels]))
        gains.append([gain for _, gain in levels])
    total = sum(weights)
    records = int(counts[0].sum())
    return CellLoss(means, gains, [w / total for w in weights], records, is_geometric)


def _level_loss(
    measure: str, labels: Codes, leaves: Codes, domain: int, counts: Codes
) -> tuple[float, Losses]:
    """Mean loss of a level without suppression, and by label what suppression costs on top."""
    records = max(int(counts.sum()), 1)
    if measure == "entropy":
        return _entropy_loss(labels, counts, records)
    own = int(measure == "ncp")  # what a label covers beside the value itself
    penalty = (leaves - own) / max(domain - own, 1)
    gains = np.zeros(int(labels.max(initial=-1)) + 1)
    gains[labels] = 1.0 - penalty
    return float((penalty * counts).sum()) / records, gains


def _entropy_loss(labels: Codes, counts: Codes, records: int) -> tuple[float, Losses]:
    with_label = np.bincount(labels, weights=counts)
    # Values that only the population has cost nothing, and neither do labels of such.
    number, with_label = np.maximum(counts, 1.0), np.maximum(with_label, 1.0)
    everything = float((counts * np.log(records / number)).sum())
    if everything <= 0.0:
        return 0.0, np.zeros(with_label.size)
    spent = float((counts * np.log(with_label[labels] / number)).sum())
    return spent / everything, np.log(records / with_label) * records / everything
