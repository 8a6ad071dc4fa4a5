"""The search for the best node of a generalisation lattice.

Belongs here: the bounds that rule nodes out, and the exact search. Does not belong here: what
classes must hold (``models``), what they cost (``losses``), recoding of records.

A node is one level for each attribute. A record whose class is too small, or too uniform, on two
attributes alone sits in such a class on all of them, so projections to pairs of attributes give a
lower bound of the records suppressed at every node at once. Then the node is looked at that will
tell most about others, whether it suppresses too much (finer nodes do as well) or not (nodes that
lose more need not be looked at); each raises the bounds of finer or coarser ones; until no node is
left that could lose less than the best found. In turn with it the node of the least bound is looked
at: no search can leave that one out, unless a coarser node suppresses too much, and where little
has to be generalised it is the solution.
(Monotonicity: LeFevre, DeWitt and Ramakrishnan 2005, "Incognito"; optimal search under a
suppression limit: Kohlmayer et al. 2012, "Flash".)
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np

from anonymization.equivalence import Classes, Mask, failing_records
from anonymization.losses import Box, Loss, Losses
from anonymization.models import Model
from anonymization.packing import Codes

MAXIMUM_NODES: Final = 5_000_000
MAXIMUM_ATTRIBUTES: Final = 64
# Losses nearer than this, relative to them, are the same loss, summed in another order.
_SAME: Final = 1e-11
# Classes kept to roll coarser ones up from: so many times the tuples, but some in any case.
_KEPT_TUPLES: Final = 4
_KEPT_AT_LEAST: Final = 100_000
# Nodes of a lattice for each that is looked at in one round.
_ROUND: Final = 50_000
# Rounds from one node of the least bound to the next.
_TURN: Final = 2
# Attributes made coarse from one station to the next.
_STATION: Final = 3
# Nodes looked at before triples of attributes are: few searches need to know so much.
_TRIPLES: Final = 100
# Attributes that are looked at together before any node is.
_PAIR: Final = 2
_OPEN, _CHECKED, _BY_PROJECTION, _BY_MONOTONY = range(4)


class LatticeTooLargeError(ValueError):
    """The lattice has more nodes than an exact search is built for."""


class NodeLimitError(ValueError):
    """As many nodes as were allowed have been looked at, and none of them will do."""


@dataclass(frozen=True)
class Progress:
    """How far a search has come.

    Attributes:
        nodes: In the whole lattice.
        checked: Looked at in full.
        left_open: Neither looked at nor ruled out.
        best_loss: The least loss found; none before a node will do.
    """

    nodes: int
    checked: int
    left_open: int
    best_loss: float | None


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
        best_remaining_bound: The least loss that any node could have that is left open or ruled out
            by its bound; null when there is none. Not below the best loss, unless nodes are left
            open.
        left_open: Neither looked at nor ruled out, since the search was stopped; with any of them
            the solution is not proven to be the best.
        gap: How much less such a node could lose; 0 where the solution is proven.
    """

    nodes: int
    checked: int
    ruled_out_by_projection: int
    ruled_out_by_monotony: int
    ruled_out_by_bound: int
    best_loss: float
    best_remaining_bound: float | None
    left_open: int = 0
    gap: float = 0.0

    @property
    def is_proven(self) -> bool:
        """Whether the solution is known to be the best."""
        return self.left_open == 0


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


def optimise(
    tuples: Classes,
    model: Model,
    loss: Loss,
    allowed: int,
    *,
    node_limit: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Solution | None:
    """Find the node of least loss among those that suppress no more than is allowed.

    Equal losses are decided by fewer suppressed records and then by the lower levels in the
    attributes' order, so the same table always gives the same node.

    Args:
        tuples: The distinct tuples: classes at level 0 of every attribute.
        model: What every class must hold, or be suppressed.
        loss: What is made as small as possible.
        allowed: Greatest number of suppressed records.
        node_limit: Greatest number of nodes looked at. The best of them is then the solution, and
            the evidence tells what is left open. A count, not a time: the same table always gives
            the same node.
        progress: Told before each round how far the search has come.

    Returns:
        The solution, or none when no node suppresses so little.

    Raises:
        LatticeTooLargeError: If the lattice has more than ``MAXIMUM_NODES`` nodes.
        NodeLimitError: If the limit is reached before a node will do.
    """
    if len(tuples.shape) > MAXIMUM_ATTRIBUTES:
        raise LatticeTooLargeError(
            f"{len(tuples.shape)} quasi-identifiers are more than the {MAXIMUM_ATTRIBUTES} that a "
            "search is built for. Take some out."
        )
    nodes = int(np.prod(tuples.shape, dtype=object))
    if nodes > MAXIMUM_NODES:
        raise LatticeTooLargeError(
            f"The lattice has {nodes} nodes, an exact search is built for {MAXIMUM_NODES}. Take "
            "out levels that nobody needs, or quasi-identifiers."
        )
    return _Search(tuples, model, loss, allowed).run(node_limit, progress)


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
        self.rounds = 0

    def run(
        self, node_limit: int | None, progress: Callable[[Progress], None] | None
    ) -> Solution | None:
        while probes := self._probes(progress):
            if not self._round(probes, node_limit):
                break
        if self.best is None:
            if self._alive().any():
                raise NodeLimitError(
                    f"{self.looked} of {self.state.size} nodes were looked at, as many as allowed, "
                    "and none keeps within the suppression limit. Whether another does is not "
                    "known: raise node_limit, or the suppression limit."
                )
            return None
        loss, suppressed, levels = self.best
        classes = self.cache.classes(levels)
        fails = self.model.fails(classes.held)
        return Solution(classes, fails, loss, suppressed, self._evidence(loss))

    def _round(self, probes: list[tuple[int, ...]], node_limit: int | None) -> bool:
        """Look at some nodes; false once there were as many as allowed."""
        for levels in probes:
            if self.looked == node_limit:
                return False
            if self.looked >= _TRIPLES and not self.knows_triples:
                self.knows_triples = True
                self._project(_PAIR + 1)
            if self.state[levels] == _OPEN and self.floors[levels] <= self._limit():
                self.looked += 1
                self._look(levels)
        return True

    def _alive(self) -> Mask:
        """Nodes that may be better than the best found, or as good and come before it."""
        alive = np.asarray((self.state == _OPEN) & (self.floors <= self._limit()), dtype=np.bool_)
        if self.best is None:
            return alive
        loss, suppressed, levels = self.best
        ties = np.flatnonzero(alive & (self.floors >= loss - _SAME * (1.0 + loss)))
        outliers = self.outliers.ravel()[ties]
        # Nodes are numbered in the order of their levels.
        before = ties < np.ravel_multi_index(levels, self.shape)
        alive.ravel()[ties] = (outliers < suppressed) | ((outliers == suppressed) & before)
        return alive

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

    def _probes(self, progress: Callable[[Progress], None] | None) -> list[tuple[int, ...]]:
        """The nodes to look at next; none when nothing better can be left.

        The one that tells most about others: if it suppresses too much, all finer ones go; if not,
        its loss is a limit, and those with a higher bound go; the lesser of these numbers counts.
        Every now and then the node of the least bound as well, which is often the best and tells
        least. In large lattices several of each are taken at a time, since finding them costs more
        than looking.
        """
        alive = self._alive()
        nodes = np.flatnonzero(alive)
        if progress is not None:
            best = None if self.best is None else self.best[0]
            progress(Progress(self.state.size, self.looked, int(nodes.size), best))
        if not nodes.size:
            return []
        finer = alive.astype(np.int32)
        for axis in range(finer.ndim):
            np.cumsum(finer, axis=axis, out=finer)
        floors = self.floors.ravel()[nodes]
        cheapest = np.argsort(floors, kind="stable")
        worse = nodes.size - np.searchsorted(floors[cheapest], floors, side="right")
        told = np.minimum(finer.ravel()[nodes], worse + 1)
        number = 1 + alive.size // _ROUND
        cheap = number if self.rounds % _TURN == 0 else 0
        self.rounds += 1
        chosen = np.concatenate([cheapest[:cheap], np.lexsort((floors, -told))[:number]])
        levels = np.unravel_index(nodes[chosen], self.shape)
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
        bound = float(left.min()) if left.size else None
        left_open = int(self._alive().sum())
        return Evidence(
            nodes=self.state.size,
            checked=int((self.state == _CHECKED).sum()),
            ruled_out_by_projection=int((self.state == _BY_PROJECTION).sum()),
            ruled_out_by_monotony=int((self.state == _BY_MONOTONY).sum()),
            ruled_out_by_bound=left.size - left_open,
            best_loss=loss,
            best_remaining_bound=bound,
            left_open=left_open,
            gap=max(loss - bound, 0.0) if left_open and bound is not None else 0.0,
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
