"""Partition: the best intervals of one ordered attribute within each combination of the others.

Belongs here: what every run of bands holds in every period, and the classes that the best borders
make. Does not belong here: bands and the words for them (``bands``), which borders are best
(``partition.best_borders``, the one home of that rule), what parts must hold (``models``).

A group is one combination of the other quasi-identifiers but the period. Its partition is the same
in all periods, and every part holds what is asked in each period in which the group has records;
an empty part holds nothing. Records without a value of the ordered attribute are a class of their
own. A group that has no partition is suppressed whole; of other groups, only such records
without a value whose class does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from anonymization.bands import bands_of
from anonymization.diversity import Histogram
from anonymization.equivalence import Groups, Held, Mask
from anonymization.losses import CellLoss
from anonymization.packing import Codes, ColumnError, packed
from anonymization.partition import best_borders
from anonymization.policies import MicrodataPolicy
from anonymization.preparation import Prepared

# Cells of runs by periods by sensitive values that are laid out at once.
_CELLS: Final = 4_000_000


@dataclass(frozen=True)
class PartitionEvidence:
    """Why a partition is the best one.

    Dynamic programming over the borders is exact: loss adds up over the parts, so the best
    partition of what follows a border does not depend on what precedes it.

    Attributes:
        groups: Combinations of the attributes that stay as they are, without the period.
        bands: Bands of the ordered attribute.
        runs: Runs of neighbouring bands, over all groups, every one of which was looked at.
        runs_that_hold: Those that hold what is asked in every period.
        parts: Parts of all groups.
        groups_left_out: Groups that have no partition.
        best_loss: Loss of the solution, the least of all partitions.
        method: ``exact dynamic programming``.
    """

    groups: int
    bands: int
    runs: int
    runs_that_hold: int
    parts: int
    groups_left_out: int
    best_loss: float
    method: str = "exact dynamic programming"


@dataclass(frozen=True)
class Partitioned:
    """What a partition made of the tuples.

    Attributes:
        labels: The intervals.
        places: Which of them each tuple gets.
        gone: Tuples that are suppressed.
        held: What the classes hold.
        loss: Loss of the whole table.
        penalty: Mean normalised certainty penalty in the ordered attribute of what stays.
        suppressed: Records suppressed.
        evidence: Why it is the best.
    """

    labels: pl.Series = field(repr=False)
    places: Codes = field(repr=False)
    gone: Mask = field(repr=False)
    held: Held = field(repr=False)
    loss: float
    penalty: float
    suppressed: int
    evidence: PartitionEvidence


def partition(prepared: Prepared, policy: MicrodataPolicy) -> Partitioned:
    """Find the best intervals.

    Args:
        prepared: The table.
        policy: Names the ordered attribute, its bands and the periods.

    Raises:
        ColumnError: If the attribute has no order, or too many values, or a person has records with
            several values of it in one class of the others.
        HierarchyError: If the bands do not cover the attribute.
    """
    if prepared.tuples.held.crowd is not None:
        raise ColumnError(
            f"Column {policy.ordered!r}: some person has several records that differ in it within "
            "one combination of the others, which a partition does not count. Give each person one "
            "record there, or take method='global' or 'local'."
        )
    return _Partition(prepared, policy).run()


class _Partition:
    """The state of one partition."""

    def __init__(self, prepared: Prepared, policy: MicrodataPolicy) -> None:
        self.prepared, self.tuples, self.measure = prepared, prepared.tuples, policy.loss
        self.index = prepared.names.index(str(policy.ordered))
        values = prepared.columns[self.index].values.alias(str(policy.ordered))
        self.bands = bands_of(values, policy.quasi_identifiers[self.index].hierarchy)
        self.band = self.bands.of_value[self.tuples.labels(self.index)]
        own = (policy.ordered, policy.periods)
        self.group = self._codes([name for name in prepared.names if name not in own])
        self.period = self._codes([policy.periods] if policy.periods else [])

    def _codes(self, names: Sequence[str]) -> Codes:
        if not names:
            return np.zeros(self.tuples.number, dtype=np.int64)
        columns = [self.prepared.columns[self.prepared.names.index(name)] for name in names]
        return Groups(*packed([column.digit for column in columns])).codes

    def run(self) -> Partitioned:
        tuples, number = self.tuples, self.tuples.number
        # What has no part lies between a border and itself: a missing value above all bands.
        start = np.where(self.band < 0, self.bands.number, 0).astype(np.int64)
        end = start.copy()
        gone = np.zeros(number, dtype=np.bool_)
        order = np.argsort(self.group, kind="stable")
        sizes = np.bincount(self.group)
        groups, runs, parts, left_out = 0, 0, 0, 0
        # One turn per group, over small matrices: never over records.
        for members in np.split(order, np.cumsum(sizes)[:-1]) if number else []:
            placed = members[self.band[members] >= 0]
            if not (tuples.counts[placed] > 0).any():
                gone[placed] = True
                continue
            groups += 1
            holds, borders = self._borders(placed)
            runs += int(holds.sum())
            if borders is None:
                left_out += 1
                gone[placed] = True
                continue
            parts += len(borders) - 1
            part = np.searchsorted(borders, self.band[placed], side="right") - 1
            start[placed] = np.array(borders)[part]
            end[placed] = np.array(borders)[part + 1]
        every = groups * self.bands.number * (self.bands.number + 1) // 2
        seen = PartitionEvidence(groups, self.bands.number, every, runs, parts, left_out, 0.0)
        return self._end(start, end, gone, seen)

    def _borders(self, placed: Codes) -> tuple[NDArray[np.bool_], tuple[int, ...] | None]:
        """Which runs of bands hold, by border, and the best borders."""
        run = _Runs(self, placed)
        size = self.bands.number
        holds = np.zeros((size + 1, size + 1), dtype=np.bool_)
        for below, above in run.blocks():
            holds[below, above] = run.hold(below, above)
        below, above = np.triu_indices(size + 1, 1)
        price = np.zeros((size + 1, size + 1), dtype=np.int64)
        price[below, above] = self._prices(run, below, above)
        return holds, best_borders(holds, price, np.zeros_like(price))

    def _prices(self, run: "_Runs", below: Codes, above: Codes) -> Codes:
        counts = run.sums(run.counts, below, above)
        loss = self.prepared.loss
        if isinstance(loss, CellLoss):
            return np.asarray(counts.sum(axis=0) * self.bands.leaves_between(below, above))
        if loss.measure == "aecs":
            return -np.asarray((counts > 0).sum(axis=0), dtype=np.int64)
        return np.asarray((counts**2).sum(axis=0), dtype=np.int64)

    def _end(self, start: Codes, end: Codes, gone: Mask, seen: PartitionEvidence) -> Partitioned:
        tuples, size = self.tuples, self.bands.number
        digits = [(self.group, int(self.group.max(initial=0)) + 1)]
        digits += [(self.period, int(self.period.max(initial=0)) + 1)]
        digits += [(start, size + 1), (end, size + 1)]
        classes = Groups(*packed(digits))
        held = tuples.held.rolled_up(classes, apart=self._apart(classes))
        # Parts hold; records without a value of the ordered attribute may not.
        fails = self.prepared.model.fails(held)
        gone = gone | fails[classes.codes]
        # What only the population has cannot be suppressed.
        suppressed = int(tuples.counts[gone].sum()) + int((fails & (held.counts == 0)).sum())
        left_out = np.zeros(classes.number, dtype=np.bool_)
        left_out[classes.codes[gone]] = True
        held = held.only(np.flatnonzero(~left_out & (held.counts > 0)))
        penalty, loss = self._loss(start, end, gone, held, suppressed)
        labels, places = self.bands.labels(start, end)
        return Partitioned(
            labels=labels,
            places=places,
            gone=gone,
            held=held,
            loss=loss,
            penalty=penalty,
            suppressed=suppressed,
            evidence=replace(seen, best_loss=loss),
        )

    def _apart(self, classes: Groups) -> Mask | None:
        apart = self.tuples.held.apart
        # Records that lack a value share their class with nobody who has one.
        return None if apart is None else apart[classes.first]

    def _loss(
        self, start: Codes, end: Codes, gone: Mask, held: Held, suppressed: int
    ) -> tuple[float, float]:
        tuples, loss = self.tuples, self.prepared.loss
        counts = np.where(gone, 0, tuples.counts)
        missing = self.band < 0
        covered = np.where(missing, 1, self.bands.leaves_between(start, end))
        penalty = (covered - 1.0) / max(self.bands.domain - 1, 1)
        lost = float((counts * penalty).sum())
        mean = lost / max(int(counts.sum()), 1)
        if not isinstance(loss, CellLoss):
            return mean, loss.of_sizes(held.counts, suppressed)
        saved = []
        for index, gains in enumerate(loss.gains):
            gain = gains[0][tuples.labels(index)]
            if index == self.index:
                share = penalty if self.measure == "ncp" else covered / self.bands.domain
                gain = 1.0 - share
            saved.append(float((counts * gain).sum()))
        return mean, loss.of_gains(tuples, saved)


class _Runs:
    """What every run of neighbouring bands of one group holds, in each period it has records in."""

    def __init__(self, whole: _Partition, placed: Codes) -> None:
        tuples = whole.tuples
        self.model, self.size = whole.prepared.model, whole.bands.number
        present = np.unique(whole.period[placed[tuples.counts[placed] > 0]])
        placed = placed[np.isin(whole.period[placed], present)]
        self.period, self.band = np.searchsorted(present, whole.period[placed]), whole.band[placed]
        self.periods = int(present.size)
        held = tuples.held
        self.counts = self._cumulative(held.counts[placed])
        self.persons = None if held.persons is None else self._cumulative(held.persons[placed])
        self.population = (
            None if held.population is None else self._cumulative(held.population[placed])
        )
        self.apart = None if held.apart is None else self._cumulative(held.apart[placed])
        self.values = [self._values(histogram, placed) for histogram in held.histograms]

    def _cumulative(self, counts: NDArray[Any]) -> Codes:
        """Sums below each border, by period."""
        table = np.zeros((self.periods, self.size + 1), dtype=np.int64)
        np.add.at(table, (self.period, self.band + 1), counts)
        return np.cumsum(table, axis=1)

    def _values(self, histogram: Histogram, placed: Codes) -> tuple[Codes, Codes]:
        """Sums of each sensitive value below each border, by period; and the values' codes."""
        place = np.full(histogram.number, -1, dtype=np.int64)
        place[placed] = np.arange(placed.size)
        inside = np.flatnonzero(place[histogram.classes] >= 0)
        at = place[histogram.classes[inside]]
        values, code = np.unique(histogram.values[inside], return_inverse=True)
        table = np.zeros((self.periods, self.size + 1, values.size), dtype=np.int64)
        np.add.at(table, (self.period[at], self.band[at] + 1, code), histogram.counts[inside])
        return np.cumsum(table, axis=1), values

    def blocks(self) -> Sequence[tuple[Codes, Codes]]:
        """All runs by their borders below and above, some at a time."""
        below, above = np.triu_indices(self.size + 1, 1)
        width = self.periods * max([1, *(values.size for _, values in self.values)])
        parts = 1 + below.size * width // _CELLS
        pairs = zip(np.array_split(below, parts), np.array_split(above, parts), strict=True)
        return list(pairs)

    def sums(self, cumulative: Codes, below: Codes, above: Codes) -> Codes:
        """What runs add up to: period, then run."""
        return np.asarray(cumulative[:, above] - cumulative[:, below], dtype=np.int64)

    def hold(self, below: Codes, above: Codes) -> Mask:
        """Which runs hold in every period."""

        def flat(cumulative: Codes | None) -> Codes | None:
            return None if cumulative is None else self.sums(cumulative, below, above).ravel()

        counts = self.sums(self.counts, below, above).ravel()
        apart = flat(self.apart)
        held = Held(
            counts=counts,
            histograms=tuple(
                _histogram(self.sums(table, below, above), values) for table, values in self.values
            ),
            persons=flat(self.persons),
            population=flat(self.population),
            apart=None if apart is None else apart > 0,
        )
        # A part that nobody is in tells as much as one with a single person.
        fails = self.model.fails(held) | (held.sizes < self.model.k)
        return ~np.asarray(fails.reshape(self.periods, below.size).any(axis=0), dtype=np.bool_)


def _histogram(counts: NDArray[np.int64], values: Codes) -> Histogram:
    rows = counts.reshape(-1, values.size)
    classes, codes = np.nonzero(rows)
    return Histogram(
        classes.astype(np.int64), values[codes], rows[classes, codes], int(rows.shape[0])
    )
