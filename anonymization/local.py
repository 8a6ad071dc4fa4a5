"""Local recoding: each class as fine as it can be, on the declared hierarchies.

Belongs here: splitting classes level by level while all parts hold. Does not belong here: one level
for the whole table (``lattice``), what classes must hold and cost (``models``, ``losses``).

A class is split on one attribute, one level down: parts that hold get the finer label; those that
do not stay together under the old one, and take the smallest part that holds along where they
would not hold otherwise. The attribute that saves most loss is taken, for all classes at once,
until nothing can be split. Labels of different classes may lie within one another (20-39 beside
20-24), but no two classes share all labels: a part that left takes all records with its label, and
no part takes a label that also stands for other values on another level (a value 0-4 beside an
interval 0-4), since a reader would take the two for one class.
(Top-down specialisation: Fung, Wang and Yu 2005; multidimensional recoding: LeFevre, DeWitt and
Ramakrishnan 2006.)

Splitting starts from the classes of the global optimum. A split never costs, so neither does the
end; records that the optimum suppresses are taken in again as a class of their own under the
highest labels if they hold. (Starting from the whole table as one class ended within 7 percent
of the same loss on a table like Adult, and may end above the optimum.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from anonymization.equivalence import Classes, Groups, Held, Mask, apart_classes
from anonymization.lattice import Solution
from anonymization.losses import CellLoss, ClassLoss
from anonymization.models import Model
from anonymization.packing import Codes, packed
from anonymization.parallel import side_by_side

Gains = NDArray[np.float64]
Levels = NDArray[np.int32]
Parts = NDArray[np.int32]


@dataclass(frozen=True)
class Recoding:
    """Which label every tuple gets.

    Attributes:
        classes: Class of each tuple; below 0 where it is suppressed.
        levels: For each class the level of each attribute.
        held: Counts and sensitive values of the classes.
        loss: Loss of the whole table.
        suppressed: Records suppressed.
    """

    classes: Codes = field(repr=False)
    levels: Levels = field(repr=False)
    held: Held = field(repr=False)
    loss: float
    suppressed: int


def refine(
    tuples: Classes, model: Model, loss: CellLoss | ClassLoss, optimum: Solution
) -> Recoding:
    """Split the classes of the optimum until no part would hold.

    Args:
        tuples: The distinct tuples.
        model: What every class must hold.
        loss: What is made small.
        optimum: The best global node.

    Returns:
        A recoding that loses no more, and suppresses no more, than the optimum.
    """
    start = _from_optimum(tuples, model, optimum)
    return _Splitting(tuples, model, loss, *start).run()


def _from_optimum(tuples: Classes, model: Model, optimum: Solution) -> tuple[Codes, Levels]:
    """Class of each tuple, and the levels of each class."""
    stays = ~optimum.fails
    number = np.where(stays, np.cumsum(stays) - 1, -1)
    classes = number[tuples.groups(optimum.classes.levels).codes]
    own = np.array([optimum.classes.levels], dtype=np.int32)
    levels = np.repeat(own, int(stays.sum()), axis=0)
    gone = np.flatnonzero(classes < 0)
    highest = np.array([[size - 1 for size in tuples.shape]], dtype=np.int32)
    if gone.size == 0 or (highest == own).all() or _is_ambiguous(tuples, optimum.classes.levels):
        return classes, levels
    # Where an attribute has no label for all values, those left out are as many classes.
    labels = [
        (attribute.labels[-1][tuples.labels(index, gone)], attribute.sizes[-1])
        for index, attribute in enumerate(tuples.attributes)
    ]
    groups = Groups(*packed(labels))
    levels_back = np.repeat(highest, groups.number, axis=0)
    holds = ~model.fails(_held(tuples, gone, groups, levels_back))
    back = np.where(holds, levels.shape[0] + np.cumsum(holds) - 1, -1)
    classes[gone] = back[groups.codes]
    return classes, np.concatenate([levels, np.repeat(highest, int(holds.sum()), axis=0)])


def _is_ambiguous(tuples: Classes, levels: Sequence[int]) -> bool:
    """Whether a highest label may also be one of a class at these levels."""
    return any(
        attribute.ambiguous is not None
        and level < len(attribute.labels) - 1
        and bool(attribute.ambiguous[-1].any())
        for attribute, level in zip(tuples.attributes, levels, strict=True)
    )


def _held(tuples: Classes, positions: Codes, groups: Groups, levels: Levels) -> Held:
    """What groups of some tuples hold, each group at levels of its own."""
    if all(attribute.missing is None for attribute in tuples.attributes):
        return tuples.held.rolled_up(groups, positions=positions)
    first = positions[groups.first]
    of_group = [tuples.labels(index, first) for index in range(len(tuples.attributes))]
    each = list(levels.T.astype(np.int64))
    labels = [
        attribute.label(level, codes)
        for attribute, level, codes in zip(tuples.attributes, each, of_group, strict=True)
    ]
    apart = apart_classes(tuples.attributes, each, labels)
    return tuples.held.rolled_up(groups, positions=positions, apart=apart)


@dataclass(frozen=True)
class _Open:
    """The classes that may still be split, numbered from 0.

    Attributes:
        classes: Their numbers among all classes.
        levels: For each of them the level of each attribute.
        tuples: The tuples in them.
        of: For each of these tuples its class.
    """

    classes: Codes
    levels: Levels
    tuples: Codes
    of: Codes

    @property
    def number(self) -> int:
        """Number of classes."""
        return int(self.classes.size)


@dataclass(frozen=True)
class _Parts:
    """Into what one attribute would split the open classes.

    Attributes:
        tuples: The tuples that it can tell apart.
        of: For each of them its class.
        of_tuple: For each of them its part.
        owner: For each part its class.
        counts: For each part its records.
    """

    tuples: Codes
    of: Codes
    of_tuple: Codes
    owner: Codes
    counts: Codes


@dataclass(frozen=True)
class _Split:
    """What splitting on one attribute would do to every open class.

    Attributes:
        parts: For each tuple looked at the number of its part; below 0 where it stays.
        saved: For each class what it saves; minus infinity where it cannot be split.
    """

    parts: Parts
    saved: Gains


class _Splitting:
    """Classes that are split until none can be."""

    def __init__(
        self,
        tuples: Classes,
        model: Model,
        loss: CellLoss | ClassLoss,
        classes: Codes,
        levels: Levels,
    ) -> None:
        self.tuples, self.model, self.loss = tuples, model, loss
        self.classes, self.levels = classes, levels

    def run(self) -> Recoding:
        is_open = np.ones(self.levels.shape[0], dtype=np.bool_)
        looked = np.flatnonzero(self.classes >= 0)
        while looked.size:
            seen = self._open(is_open, looked)
            splits = side_by_side(partial(self._split, seen), range(self.levels.shape[1]))
            saved = np.stack([split.saved for split in splits])
            best = np.where(np.isfinite(saved.max(axis=0)), np.argmax(saved, axis=0), -1)
            chosen = best[seen.of]
            made = [self.levels]
            for index, split in enumerate(splits):
                moves = (chosen == index) & (split.parts >= 0)
                number = sum(levels.shape[0] for levels in made)
                made.append(self._move(index, looked[moves], split.parts[moves], number))
            self.levels = np.concatenate(made)
            is_open[seen.classes] = best >= 0
            # What was made in this round may be split further.
            is_open = np.append(is_open, np.ones(self.levels.shape[0] - is_open.size, np.bool_))
            looked = looked[chosen >= 0]
        return self._end()

    def _open(self, is_open: Mask, looked: Codes) -> _Open:
        place = np.cumsum(is_open) - 1
        classes = np.flatnonzero(is_open)
        return _Open(classes, self.levels[classes], looked, place[self.classes[looked]])

    def _move(self, index: int, positions: Codes, parts: Parts, number: int) -> Levels:
        """Give tuples the classes of their parts, numbered from ``number``; the levels of these."""
        groups = Groups(parts.astype(np.int64), int(parts.max(initial=-1)) + 1)
        levels = self.levels[self.classes[positions[groups.first]]]
        levels[:, index] -= 1
        self.classes[positions] = number + groups.codes
        return levels

    def _split(self, seen: _Open, index: int) -> _Split:
        attribute = self.tuples.attributes[index]
        level = seen.levels[:, index][seen.of]
        parts = np.full(seen.tuples.size, -1, dtype=np.int32)
        saved = np.full(seen.number, -np.inf)
        able = np.flatnonzero(level > 0)
        if not able.size:
            return _Split(parts, saved)
        positions, of = seen.tuples[able], seen.of[able]
        finer = level[able].astype(np.int64) - 1
        values = self.tuples.labels(index, positions)
        labels = attribute.label(finer, values)
        groups = Groups(*packed([(of, seen.number), (labels, max(attribute.sizes))]))
        owner = of[groups.first]
        below = seen.levels[owner]
        below[:, index] -= 1
        held = _held(self.tuples, positions, groups, below)
        value, finer = values[groups.first], finer[groups.first]
        # A part that only the population has makes the crowd that stays no smaller.
        stays = self.model.fails(held) | (held.counts == 0)
        if attribute.ambiguous is not None:
            stays |= attribute.ambiguous[finer, value]
        part_of = groups.codes
        made = _Parts(positions, of, part_of, owner, held.counts)
        stays = self._staying(seen, made, stays)
        can = np.zeros(seen.number, dtype=np.bool_)
        can[owner[~stays]] = True
        moved = np.where(stays, 0, held.counts)
        if isinstance(self.loss, CellLoss):
            lower, upper = (self._gain(index, level, value) for level in (finer, finer + 1))
            each = moved * (lower - upper) * self.loss.weights[index]
            saved[can] = np.bincount(owner, each, seen.number)[can]
        else:
            saved[can] = self._shrinks(self.loss, made, moved, seen.number)[can]
        parts[able] = np.where(stays, -1, np.arange(groups.number))[part_of]
        return _Split(parts, saved)

    def _staying(self, seen: _Open, parts: _Parts, stays: Mask) -> Mask:
        """Which parts keep the old label so that everything holds; all, where nothing does.

        Those that cannot leave stay in any case.
        """
        owner = parts.owner
        broken = self._broken(seen, parts, stays)
        if broken.size:
            # The smallest part that holds comes along.
            first = np.lexsort((parts.counts, owner, stays))
            first = first[: int((~stays).sum())]
            smallest = first[np.unique(owner[first], return_index=True)[1]]
            stays[smallest[np.isin(owner[smallest], broken)]] = True
            stays |= np.isin(owner, self._broken(seen, parts, stays))
        return np.asarray(stays, dtype=np.bool_)

    def _broken(self, seen: _Open, parts: _Parts, stays: Mask) -> Codes:
        """Classes whose parts that stay would not hold together."""
        if not stays.any():
            return np.zeros(0, dtype=np.int64)
        left = np.flatnonzero(stays[parts.of_tuple])
        of = parts.of[left]
        rest = Groups(of, seen.number)
        owner = of[rest.first]
        held = _held(self.tuples, parts.tuples[left], rest, seen.levels[owner])
        return np.asarray(owner[self.model.fails(held)], dtype=np.int64)

    def _shrinks(self, loss: ClassLoss, parts: _Parts, moved: Codes, number: int) -> Gains:
        """What classes save by being smaller; records of each part that leaves."""
        rest = np.bincount(parts.owner, parts.counts - moved, number)
        if loss.measure == "aecs":
            left = np.bincount(parts.owner, moved > 0, number) + (rest > 0)
            return np.asarray(left - 1.0, dtype=np.float64)
        whole = np.bincount(parts.owner, parts.counts, number)
        squares = np.bincount(parts.owner, moved.astype(np.float64) ** 2, number)
        return np.asarray(whole**2 - rest**2 - squares, dtype=np.float64)

    def _gain(self, index: int, level: Codes, value: Codes) -> Gains:
        labels = self.tuples.attributes[index].labels
        if not isinstance(self.loss, CellLoss):
            raise TypeError("Only losses of cells have gains by label.")
        table = np.stack(
            [gain[codes] for gain, codes in zip(self.loss.gains[index], labels, strict=True)]
        )
        return np.asarray(table[level, value], dtype=np.float64)

    def _end(self) -> Recoding:
        kept = np.flatnonzero(self.classes >= 0)
        groups = Groups(self.classes[kept], max(self.levels.shape[0], 1))
        levels = self.levels[self.classes[kept][groups.first]]
        self.classes[kept] = groups.codes
        held = _held(self.tuples, kept, groups, levels)
        suppressed = self.tuples.records - int(held.counts.sum())
        return Recoding(self.classes, levels, held, self._loss(levels, held), suppressed)

    def _loss(self, levels: Levels, held: Held) -> float:
        if isinstance(self.loss, ClassLoss):
            return self.loss.of_sizes(held.counts, self.tuples.records - int(held.counts.sum()))
        kept = self.classes >= 0
        counts = np.where(kept, self.tuples.counts, 0)
        saved: Sequence[float] = [
            float(
                (
                    counts
                    * self._gain(index, levels[self.classes, index], self.tuples.labels(index))
                ).sum()
                if levels.size
                else 0.0
            )
            for index in range(len(self.tuples.attributes))
        ]
        return self.loss.of_gains(self.tuples, saved)
