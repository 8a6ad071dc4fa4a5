"""The search for the best node of a generalisation lattice.

Belongs here: the table of distinct quasi-identifier tuples as integer codes, the bounds that rule
nodes out, and the exact search. Does not belong here: hierarchies' making, policies and recoding
of records.

A node is one level for each attribute. The search is exact for any model that stays satisfied
when classes are merged (k-anonymity, distinct l-diversity): a record whose class is too small, or
too uniform, on two attributes alone sits in such a class on all of them, so projections to pairs
of attributes give a lower bound of the records suppressed at every node at once. Nodes are then
looked at in the order of the least loss they could have, until that exceeds the best loss found.
(Monotonicity: LeFevre, DeWitt and Ramakrishnan 2005, "Incognito"; optimal search under a
suppression limit: Kohlmayer et al. 2012, "Flash".)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Losses = NDArray[np.float64]

MAXIMUM_NODES: Final = 5_000_000
# Losses nearer than this are the same loss, summed in another order.
_SAME: Final = 1e-12
_WIDTH: Final = 2**62


class LatticeTooLargeError(ValueError):
    """The lattice has more nodes than an exact search is built for."""


@dataclass(frozen=True)
class Attribute:
    """One quasi-identifier over the distinct tuples.

    Attributes:
        codes: For each level the code of each distinct tuple, dense from 0.
        losses: For each level the penalty of each distinct tuple, 0 to 1.
        weight: Its share of the loss; the shares of all attributes sum to 1.
    """

    codes: Sequence[Codes]
    losses: Sequence[Losses]
    weight: float


@dataclass(frozen=True)
class Table:
    """Distinct quasi-identifier tuples with their counts and sensitive values.

    Attributes:
        attributes: The quasi-identifiers.
        counts: Records of each distinct tuple.
        sensitive: For each sensitive attribute the pairs (index of tuple, code of value) that
            occur, and the least number of distinct values.
    """

    attributes: Sequence[Attribute]
    counts: Codes
    sensitive: Sequence[tuple[Codes, Codes, int]] = ()

    @property
    def records(self) -> int:
        """Number of records."""
        return int(self.counts.sum())

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of levels of each attribute."""
        return tuple(len(attribute.codes) for attribute in self.attributes)


@dataclass(frozen=True)
class Evidence:
    """Why a solution is the best one; counts of nodes.

    Attributes:
        nodes: In the whole lattice.
        checked: Looked at in full.
        ruled_out_by_projection: Known to suppress too much from pairs of attributes alone.
        ruled_out_by_bound: Known to lose more than the solution.
        best_remaining_bound: The least loss that any node not looked at could have; null when none
            is left.
    """

    nodes: int
    checked: int
    ruled_out_by_projection: int
    ruled_out_by_bound: int
    best_remaining_bound: float | None


@dataclass(frozen=True)
class Solution:
    """The best node, its loss, the records suppressed there, and the evidence."""

    levels: tuple[int, ...]
    loss: float
    suppressed: int
    evidence: Evidence


def optimise(table: Table, k: int, allowed: int) -> Solution | None:
    """Find the node of least loss among those that suppress no more than is allowed.

    Equal losses are decided by the lower bound and then by the levels in the attributes' order, so
    the same table always gives the same node.

    Args:
        table: Distinct tuples.
        k: Least number of records in a class.
        allowed: Greatest number of suppressed records.

    Returns:
        The solution, or none when no node suppresses so little.

    Raises:
        LatticeTooLargeError: If the lattice has more than ``MAXIMUM_NODES`` nodes.
    """
    shape = table.shape
    nodes = int(np.prod(shape, dtype=object))
    if nodes > MAXIMUM_NODES:
        raise LatticeTooLargeError(
            f"The lattice has {nodes} nodes, an exact search is built for {MAXIMUM_NODES}. Take "
            "out levels that nobody needs, or quasi-identifiers."
        )
    outliers = _outlier_bounds(table, k)
    bounds = _loss_bounds(table, outliers)
    alive = np.flatnonzero(outliers.ravel() <= allowed)
    order = alive[np.argsort(bounds.ravel()[alive], kind="stable")]
    best: tuple[float, tuple[int, ...], int] | None = None
    checked = 0
    for node in order:
        if best is not None and bounds.flat[node] > best[0] + _SAME:
            break
        levels = tuple(int(level) for level in np.unravel_index(node, shape))
        checked += 1
        loss, suppressed = check(table, levels, k)
        if suppressed <= allowed and (best is None or loss < best[0] - _SAME):
            best = (loss, levels, suppressed)
    if best is None:
        return None
    remaining = order[checked:]
    evidence = Evidence(
        nodes=nodes,
        checked=checked,
        ruled_out_by_projection=nodes - order.size,
        ruled_out_by_bound=remaining.size,
        best_remaining_bound=float(bounds.flat[remaining[0]]) if remaining.size else None,
    )
    return Solution(best[1], best[0], best[2], evidence)


def check(table: Table, levels: Sequence[int], k: int) -> tuple[float, int]:
    """Loss and suppressed records of one node.

    Args:
        table: Distinct tuples.
        levels: Level of each attribute.
        k: Least number of records in a class.

    Returns:
        The loss (0 to 1) and the number of records in classes that fail.
    """
    codes = [a.codes[level] for a, level in zip(table.attributes, levels, strict=True)]
    fails = _failing(table, codes, k)
    penalty = np.zeros(table.counts.size)
    for attribute, level in zip(table.attributes, levels, strict=True):
        penalty += attribute.weight * attribute.losses[level]
    penalty[fails] = 1.0
    records = table.records
    loss = float((penalty * table.counts).sum() / records) if records else 0.0
    return loss, int(table.counts[fails].sum())


def pack(columns: Sequence[Codes]) -> tuple[Codes, int]:
    """Number the distinct rows of several code columns, dense from 0.

    Codes are joined digit by digit and made dense again before they would outgrow 64 bits, however
    many columns there are.

    Args:
        columns: Dense codes of equal length.

    Returns:
        The number of each row, and how many there are.
    """
    packed = np.zeros(columns[0].size, dtype=np.int64)
    size = 1
    for column in columns:
        base = int(column.max(initial=0)) + 1
        if size * base > _WIDTH:
            packed, size = _dense(packed)
        packed, size = packed * base + column, size * base
    return _dense(packed)


def _dense(values: Codes) -> tuple[Codes, int]:
    distinct, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64), int(distinct.size)


def _failing(table: Table, codes: Sequence[Codes], k: int) -> NDArray[np.bool_]:
    """Which distinct tuples lie in a class that is too small or too uniform."""
    classes, number = pack(codes)
    sizes = np.bincount(classes, weights=table.counts, minlength=number)
    fails = sizes < k
    for tuples, values, least in table.sensitive:
        pairs, distinct = pack([classes[tuples], values])
        class_of_pair = np.empty(distinct, dtype=np.int64)
        class_of_pair[pairs] = classes[tuples]
        fails |= np.bincount(class_of_pair, minlength=number) < least
    return np.asarray(fails[classes], dtype=np.bool_)


def _outlier_bounds(table: Table, k: int) -> Codes:
    """At least so many records are suppressed at each node, from single attributes and pairs."""
    shape = table.shape
    bounds = np.zeros(shape, dtype=np.int64)
    groups: list[tuple[int, ...]] = [(index,) for index in range(len(shape))]
    groups += combinations(range(len(shape)), 2)
    for group in groups:
        projection = np.zeros([shape[index] for index in group], dtype=np.int64)
        for levels in np.ndindex(projection.shape):
            codes = [
                table.attributes[index].codes[level]
                for index, level in zip(group, levels, strict=True)
            ]
            projection[levels] = table.counts[_failing(table, codes, k)].sum()
        spread = [shape[index] if index in group else 1 for index in range(len(shape))]
        np.maximum(bounds, projection.reshape(spread), out=bounds)
    return bounds


def _loss_bounds(table: Table, outliers: Codes) -> Losses:
    """No node loses less than this.

    A record that stays costs what its labels cost; one that is suppressed costs 1, which is more
    by at least one minus the highest cost of any record at that node.
    """
    shape, records = table.shape, max(table.records, 1)
    mean, highest = np.zeros(shape), np.zeros(shape)
    for index, attribute in enumerate(table.attributes):
        spread = [shape[index] if axis == index else 1 for axis in range(len(shape))]
        means = [float((loss * table.counts).sum()) / records for loss in attribute.losses]
        tops = [float(loss.max(initial=0.0)) for loss in attribute.losses]
        mean = mean + attribute.weight * np.reshape(means, spread)
        highest = highest + attribute.weight * np.reshape(tops, spread)
    # Rounding must not lift a bound above the loss it bounds.
    return np.asarray(mean + outliers / records * (1.0 - highest) - _SAME / 2, dtype=np.float64)
