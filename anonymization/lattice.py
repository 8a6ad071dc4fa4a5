"""The search for the best node of a generalisation lattice.

Belongs here: the bounds that rule nodes out, and the exact search. Does not belong here: what
classes must hold (``models``), what they cost (``losses``), recoding of records.

A node is one level for each attribute. A record whose class is too small, or too uniform, on two
attributes alone sits in such a class on all of them, so projections to pairs of attributes give a
lower bound of the records suppressed at every node at once. Then the node is looked at that will
tell most about others, whether it suppresses too much (finer nodes do as well) or not (nodes that
lose more need not be looked at); each raises the bounds of finer or coarser ones; until no node is
left that could lose less than the best found.
(Monotonicity: LeFevre, DeWitt and Ramakrishnan 2005, "Incognito"; optimal search under a
suppression limit: Kohlmayer et al. 2012, "Flash".)
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np

from anonymization.equivalence import Classes, Mask, failing_records
from anonymization.losses import Box, Loss, Losses
from anonymization.models import Model
from anonymization.packing import Codes

MAXIMUM_NODES: Final = 5_000_000
# Losses nearer than this, relative to them, are the same loss, summed in another order.
_SAME: Final = 1e-11
# Classes kept to roll coarser ones up from: so many times the tuples, but some in any case.
_KEPT_TUPLES: Final = 4
_KEPT_AT_LEAST: Final = 100_000
# Nodes of a lattice for each that is looked at in one round.
_ROUND: Final = 50_000
# Attributes made coarse from one station to the next.
_STATION: Final = 3
# Nodes looked at before triples of attributes are: few searches need to know so much.
_TRIPLES: Final = 100
# Attributes that are looked at together before any node is.
_PAIR: Final = 2
_OPEN, _CHECKED, _BY_PROJECTION, _BY_MONOTONY = range(4)


class LatticeTooLargeError(ValueError):
    """The lattice has more nodes than an exact search is built for."""


@dataclass(frozen=True)
class Evidence:
    """Why a solution is the best one; counts of nodes, which add up to all of them.

    Attributes:
        nodes: In the whole lattice.
        checked: Looked at in full.
        ruled_out_by_projection: Known to suppress too much from one to three attributes alone.
        ruled_out_by_monotony: Known to suppress too much since a coarser node does.
        ruled_out_by_bound: Known to lose more than the solution.
        best_loss: Loss of the solution.
        best_remaining_bound: The least loss that any node ruled out by its bound could have; null
            when there is none. Not below the best loss.
    """

    nodes: int
    checked: int
    ruled_out_by_projection: int
    ruled_out_by_monotony: int
    ruled_out_by_bound: int
    best_loss: float
    best_remaining_bound: float | None


@dataclass(frozen=True)
class Solution:
    """The best node.

    Attributes:
        classes: Its classes.
        fails: Which of them are suppressed.
        loss: Its loss.
        suppressed: Records suppressed.
        evidence: Why it is the best.
    """

    classes: Classes = field(repr=False)
    fails: Mask = field(repr=False)
    loss: float
    suppressed: int
    evidence: Evidence


def optimise(tuples: Classes, model: Model, loss: Loss, allowed: int) -> Solution | None:
    """Find the node of least loss among those that suppress no more than is allowed.

    Equal losses are decided by fewer suppressed records and then by the lower levels in the
    attributes' order, so the same table always gives the same node.

    Args:
        tuples: The distinct tuples: classes at level 0 of every attribute.
        model: What every class must hold, or be suppressed.
        loss: What is made as small as possible.
        allowed: Greatest number of suppressed records.

    Returns:
        The solution, or none when no node suppresses so little.

    Raises:
        LatticeTooLargeError: If the lattice has more than ``MAXIMUM_NODES`` nodes.
    """
    nodes = int(np.prod(tuples.shape, dtype=object))
    if nodes > MAXIMUM_NODES:
        raise LatticeTooLargeError(
            f"The lattice has {nodes} nodes, an exact search is built for {MAXIMUM_NODES}. Take "
            "out levels that nobody needs, or quasi-identifiers."
        )
    return _Search(tuples, model, loss, allowed).run()


class _Search:
    """The state of one search."""

    def __init__(self, tuples: Classes, model: Model, loss: Loss, allowed: int) -> None:
        self.model, self.loss, self.allowed = model, loss, allowed
        # Where nothing may be suppressed, one class that fails is too many.
        self.sure = model.sure(tuples.held, whole=allowed == 0)
        self.shape = tuples.shape
        self.outliers = np.zeros(self.shape, dtype=np.int64)
        self.state = np.full(self.shape, _OPEN, dtype=np.int8)
        self.floors = np.zeros(self.shape)
        self.tuples, self.looked, self.knows_triples = tuples, 0, len(self.shape) < _PAIR + 1
        for size in range(1, _PAIR + 1):
            self._project(size)
        self.cache = _Cache(tuples)
        self.best: tuple[float, int, tuple[int, ...]] | None = None

    def run(self) -> Solution | None:
        while probes := self._probes():
            for levels in probes:
                if self.looked >= _TRIPLES and not self.knows_triples:
                    self.knows_triples = True
                    self._project(_PAIR + 1)
                if self.state[levels] == _OPEN and self.floors[levels] <= self._limit():
                    self.looked += 1
                    self._look(levels)
        if self.best is None:
            return None
        loss, suppressed, levels = self.best
        classes = self.cache.classes(levels)
        fails = self.model.fails(classes.held)
        return Solution(classes, fails, loss, suppressed, self._evidence(loss))

    def _project(self, size: int) -> None:
        """Learn from all groups of so many attributes."""
        if size > len(self.shape):
            return
        bounds = _outlier_bounds(self.tuples, self.sure, size)
        np.maximum(self.outliers, bounds, out=self.outliers)
        self.state[(self.outliers > self.allowed) & (self.state == _OPEN)] = _BY_PROJECTION
        everything = tuple(slice(0, levels) for levels in self.shape)
        np.maximum(self.floors, self.loss.floors(everything, self.outliers), out=self.floors)

    def _limit(self) -> float:
        """The bound above which a node is not worth looking at."""
        return np.inf if self.best is None else self.best[0] + _SAME * (1.0 + self.best[0])

    def _probes(self) -> list[tuple[int, ...]]:
        """The nodes that tell most about others; none when nothing better can be left.

        If a node suppresses too much, all finer ones go; if not, its loss is a limit, and those
        with a higher bound go. The node of the greatest lesser number is looked at first. In large
        lattices several are taken at a time, since finding them costs more than looking.
        """
        alive = (self.state == _OPEN) & (self.floors <= self._limit())
        nodes = np.flatnonzero(alive)
        if not nodes.size:
            return []
        finer = alive.astype(np.int32)
        for axis in range(finer.ndim):
            np.cumsum(finer, axis=axis, out=finer)
        floors = self.floors.ravel()[nodes]
        worse = nodes.size - np.searchsorted(np.sort(floors), floors, side="right")
        told = np.minimum(finer.ravel()[nodes], worse + 1)
        first = np.lexsort((floors, -told))[: 1 + alive.size // _ROUND]
        levels = np.unravel_index(nodes[first], self.shape)
        return [tuple(map(int, node)) for node in zip(*levels, strict=True)]

    def _look(self, levels: tuple[int, ...]) -> None:
        classes = self.cache.classes(levels)
        fails = self.model.fails(classes.held)
        suppressed = failing_records(classes, fails)
        self.state[levels] = _CHECKED
        if suppressed <= self.allowed:
            self._offer(self.loss.of(classes, fails), suppressed, levels)
        if self.sure is not self.model:
            suppressed = failing_records(classes, self.sure.fails(classes.held))
        self._learn_of_finer(levels, suppressed)
        self._learn_of_coarser(levels, self.loss.floor_of_coarser(classes))

    def _offer(self, loss: float, suppressed: int, levels: tuple[int, ...]) -> None:
        offer = (loss, suppressed, levels)
        if self.best is None:
            self.best = offer
            return
        near = _SAME * (1.0 + self.best[0])
        is_same = abs(loss - self.best[0]) <= near
        if (is_same and offer[1:] < self.best[1:]) or loss < self.best[0] - near:
            self.best = offer

    def _learn_of_finer(self, levels: tuple[int, ...], surely: int) -> None:
        box = tuple(slice(0, level + 1) for level in levels)
        if surely > self.allowed:
            state = self.state[box]
            state[state == _OPEN] = _BY_MONOTONY
            return
        outliers = self.outliers[box]
        if surely and (outliers < surely).any():
            np.maximum(outliers, surely, out=outliers)
            self._raise(box, self.loss.floors(box, outliers))

    def _learn_of_coarser(self, levels: tuple[int, ...], floor: float) -> None:
        if floor > 0.0:
            box = tuple(slice(level, None) for level in levels)
            self._raise(box, np.asarray(floor))

    def _raise(self, box: Box, floors: Losses) -> None:
        part = self.floors[box]
        np.maximum(part, floors, out=part)

    def _evidence(self, loss: float) -> Evidence:
        left = self.floors[self.state == _OPEN]
        return Evidence(
            nodes=self.state.size,
            checked=int((self.state == _CHECKED).sum()),
            ruled_out_by_projection=int((self.state == _BY_PROJECTION).sum()),
            ruled_out_by_monotony=int((self.state == _BY_MONOTONY).sum()),
            ruled_out_by_bound=left.size,
            best_loss=loss,
            best_remaining_bound=float(left.min()) if left.size else None,
        )


class _Cache:
    """Classes of nodes looked at, to roll coarser ones up from.

    A node is reached by way of stations at which only the attributes with the most labels are as
    coarse as asked for: many nodes share a station, and it has far fewer classes than tuples.
    """

    def __init__(self, tuples: Classes) -> None:
        self.tuples = tuples
        self.kept: OrderedDict[tuple[int, ...], Classes] = OrderedDict()
        sizes = [attribute.sizes[0] for attribute in tuples.attributes]
        self.widest = sorted(range(len(sizes)), key=lambda index: -sizes[index])

    def classes(self, levels: tuple[int, ...]) -> Classes:
        """Classes of a node."""
        for stop in range(_STATION, len(levels), _STATION):
            coarse = set(self.widest[:stop])
            station = tuple(level if i in coarse else 0 for i, level in enumerate(levels))
            self._made(station)
        return self._made(levels)

    def _made(self, levels: tuple[int, ...]) -> Classes:
        """Classes of a node, from the finer node kept that has the fewest."""
        nearest = self.tuples
        for known, classes in self.kept.items():
            is_finer = all(a <= b for a, b in zip(known, levels, strict=True))
            if is_finer and classes.number < nearest.number:
                nearest = classes
        if nearest.levels == levels:
            if nearest is not self.tuples:
                self.kept.move_to_end(levels)
            return nearest
        made = nearest.at(levels)
        self.kept[levels] = made
        budget = max(_KEPT_TUPLES * self.tuples.number, _KEPT_AT_LEAST)
        held = sum(classes.number for classes in self.kept.values())
        while held > budget and len(self.kept) > 1:
            held -= self.kept.popitem(last=False)[1].number
        return made


def _outlier_bounds(tuples: Classes, sure: Model, size: int) -> Codes:
    """At least so many records are suppressed at each node, from so many attributes alone."""
    shape = tuples.shape
    asked = [index for index, one in enumerate(sure.sensitive) if one.is_asked]
    part = sure.only(asked)
    bounds = np.zeros(shape, dtype=np.int64)
    for group in combinations(range(len(shape)), size):
        base = tuples.only(group, asked)
        projection = np.zeros([shape[index] for index in group], dtype=np.int64)
        for levels in np.ndindex(*projection.shape):
            classes = base.at(levels)
            projection[levels] = failing_records(classes, part.fails(classes.held))
        spread = [shape[index] if index in group else 1 for index in range(len(shape))]
        np.maximum(bounds, projection.reshape(spread), out=bounds)
    return bounds
