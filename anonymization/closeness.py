"""How far a class is from the whole table in a sensitive attribute: the measures of t-closeness.

Belongs here: the three ground distances and the earth mover's distance under each. Does not belong
here: how classes are made, how mixed they are (``diversity``), what is asked for (``policies``).

Definitions: Li, Li and Venkatasubramanian 2007, "t-Closeness: Privacy Beyond k-Anonymity and
l-Diversity", section 5. A missing value is a value; where values are ordered it stands before all
others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from anonymization.diversity import Histogram, Measures
from anonymization.hierarchies import Hierarchy
from anonymization.packing import Codes, ColumnError

# Cells of a dense block of classes by values: 32 MB.
_BLOCK: Final = 4_000_000


@dataclass(frozen=True)
class Ground:
    """What it costs to move a value to another.

    Attributes:
        distance: ``equal``, ``ordered`` or ``hierarchical``.
        places: Of each value's code, its place in the order; ordered only.
        size: Places in the order; ordered only.
        levels: Of each value's code, the node it is under, level by level from itself to the level
            that all values share; hierarchical only.
    """

    distance: str = "equal"
    places: Codes | None = None
    size: int = 0
    levels: tuple[Codes, ...] = ()


def ordered_ground(values: pl.Series, order: tuple[str, ...] | None) -> Ground:
    """Values in a row, each one step from the next.

    Args:
        values: Distinct values by code, ascending.
        order: The values as text in their order. Without it numbers, dates and enumerations have
            their own, and so have texts that all are numbers.

    Raises:
        ColumnError: If texts have no order, or a value is missing from the order given.
    """
    name = values.name
    if order is not None:
        place = {value: index for index, value in enumerate(order)}
        texts = values.drop_nulls().cast(pl.String)
        absent = texts.filter(~texts.is_in(list(order))).len()
        if absent:
            raise ColumnError(
                f"Sensitive attribute {name!r}: {absent} of {texts.len()} values are missing from "
                "its order. Name every value there."
            )
        known = texts.replace_strict(place, return_dtype=pl.Int64)
        return _in_places(values, known.to_numpy(), len(order))
    plain = values.drop_nulls()
    if plain.dtype == pl.String:
        numbers = plain.cast(pl.Float64, strict=False)
        if numbers.null_count():
            raise ColumnError(
                f"Sensitive attribute {name!r}: texts have no order of their own. Give order=[…], "
                "or another distance."
            )
        plain = numbers
    ranks = plain.rank("dense").cast(pl.Int64).to_numpy() - 1
    return _in_places(values, ranks, int(ranks.max(initial=-1)) + 1)


def _in_places(values: pl.Series, known: Codes, size: int) -> Ground:
    missing = values.null_count()
    places = np.concatenate([np.zeros(missing, dtype=np.int64), known + missing])
    return Ground("ordered", places=places, size=size + missing)


def hierarchical_ground(values: pl.Series, hierarchy: Hierarchy) -> Ground:
    """Values as leaves of a tree: two are as far apart as their lowest common node is high.

    Args:
        values: Distinct values by code.
        hierarchy: The tree.

    Raises:
        HierarchyError: If the hierarchy does not cover the values.
    """
    laid = hierarchy.levels(values)
    levels: list[Codes] = []
    for name in laid.labels.columns:
        label = laid.labels[name]
        codes = label.to_frame().select(pl.struct(pl.all()).rank("dense")).to_series()
        levels.append(codes.cast(pl.Int64).to_numpy() - 1)
        # Levels above the one that all values share add height without telling values apart.
        if (laid.leaves[name] == laid.domain).all():
            break
    return Ground("hierarchical", levels=tuple(levels))


def distances(histogram: Histogram, overall: Measures, ground: Ground) -> Measures:
    """Earth mover's distance of each class from the whole table.

    Args:
        histogram: Counts of values by class.
        overall: Share of each value's code in the whole table; sums to 1.
        ground: What it costs to move a value.

    Returns:
        A distance from 0 to 1 for each class.
    """
    if ground.distance == "ordered" and ground.places is not None:
        return _ordered(histogram, overall, ground.places, ground.size)
    if ground.distance == "hierarchical":
        return _hierarchical(histogram, overall, ground.levels)
    present = overall[histogram.values]
    shares = histogram.counts / histogram.totals()[histogram.classes]
    apart = np.abs(shares - present) - present
    # Values absent from a class differ by their whole share.
    whole = np.bincount(histogram.classes, apart, histogram.number) + overall.sum()
    return np.asarray(0.5 * whole, dtype=np.float64)


def _ordered(histogram: Histogram, overall: Measures, places: Codes, size: int) -> Measures:
    if size < 2:
        return np.zeros(histogram.number)
    whole = np.bincount(places, weights=overall, minlength=size)

    def measure(shares: Measures) -> Measures:
        moved = np.cumsum(shares - whole, axis=1)[:, :-1]
        return np.asarray(np.abs(moved).sum(axis=1) / (size - 1), dtype=np.float64)

    return _by_blocks(histogram, places, size, measure)


def _hierarchical(histogram: Histogram, overall: Measures, levels: tuple[Codes, ...]) -> Measures:
    height = len(levels) - 1
    if height < 1:
        return np.zeros(histogram.number)
    parents = [_one_hot(lower, upper) for lower, upper in pairwise(levels)]
    whole = np.bincount(levels[0], weights=overall)

    def measure(shares: Measures) -> Measures:
        extra, cost = shares - whole, np.zeros(len(shares))
        for level, parent in enumerate(parents, start=1):
            # What lies too much under one child goes to where too little lies under another.
            surplus = np.maximum(extra, 0.0) @ parent
            shortage = np.maximum(-extra, 0.0) @ parent
            cost += level / height * np.minimum(surplus, shortage).sum(axis=1)
            extra = extra @ parent
        return cost

    return _by_blocks(histogram, levels[0], whole.size, measure)


def _one_hot(lower: Codes, upper: Codes) -> NDArray[np.float64]:
    parent = np.zeros((int(lower.max(initial=0)) + 1, int(upper.max(initial=0)) + 1))
    parent[lower, upper] = 1.0
    return parent


def _by_blocks(
    histogram: Histogram, columns: Codes, size: int, measure: Callable[[Measures], Measures]
) -> Measures:
    """Measure dense blocks of classes, so that memory does not grow with classes times values."""
    measured = np.zeros(histogram.number)
    for start, end in _blocks(histogram.number, max(1, _BLOCK // size)):
        pairs = slice(*np.searchsorted(histogram.classes, [start, end]))
        counts = np.zeros((end - start, size))
        rows = histogram.classes[pairs] - start
        counts[rows, columns[histogram.values[pairs]]] = histogram.counts[pairs]
        measured[start:end] = measure(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))
    return measured


def _blocks(number: int, step: int) -> Iterator[tuple[int, int]]:
    for start in range(0, number, step):
        yield start, min(start + step, number)
