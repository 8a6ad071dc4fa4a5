"""Strata that a reader of standardised rates cannot tell from the true ones.

Here: the strata of one family of rates, whole-number exchanges between strata that leave every
published number as it is, and programmes where exchanges do not suffice. Not here: which rates
are put to the test, and in what order (``rates``).

Counts are whole numbers, and with few strata and many decimals a single set of whole numbers may
fit where fractions leave much room. So a stratum counts as protected only by whole-number points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from anonymization.tables.errors import NoOptimumError
from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anonymization.tables.matrix import Floats, Ints
    from anonymization.tables.rate_lines import RateLine

NODES = 300  # branch-and-bound nodes per whole-number programme
PROGRAMMES = 6  # whole-number programmes per family
PAIRS = 50_000  # combinations of two and of three exchanges that are looked at
POINTS = 5_000  # of those that keep the rate, how many are followed up
KEPT = 4_000  # points that are kept for the next question about the family
MIXED = 30  # of those, how many are combined with one another
FOLLOWED = 300  # and how many with a new point
HAIR = 1e-7


@dataclass
class Budget:
    """Whole-number programmes that may still be solved, the most needed rates' first."""

    left: int = PROGRAMMES


@dataclass(frozen=True)
class Strata:
    """The strata that some rates share, as they are and as the public knows them.

    Attributes:
        truth: Events of each stratum.
        upper: Public upper bounds; infinite where there is none.
        sums: Published sums by strata, 0 or 1.
        sensitive: What must stay wide, by strata, 0 or 1: a stratum with few persons, or a sum
            that is hidden.
        width: What the interval of each of these must measure.
    """

    truth: Floats
    upper: Floats
    sums: Floats
    sensitive: Floats
    width: Floats

    def judged(
        self, lines: list[RateLine], known: Floats, budget: Budget
    ) -> tuple[bool, float, Floats]:
        """Whether everything sensitive is wide enough beside some published rates.

        Each interval is followed only until it is wide enough; the first one that is not ends
        the search.

        Args:
            lines: The rates.
            known: Strata (last axis) with the published sums; those that fit are witnesses.
            budget: Whole-number programmes that may still be solved; what is not proven by then
                counts as too narrow.

        Returns:
            The verdict, the narrowest proven interval, and strata that fit all of the rates.
        """
        seen = _Seen(self)
        found = _Found(self, lines, seen, known)
        if not len(seen.open()) or (self.whole() and not budget.left):
            return not len(seen.open()), seen.narrowest(), found.points
        search = _Search(self, lines, budget)
        room = {int(k): search.room(int(k)) - self.width[k] for k in seen.open()}
        # Where fractions leave too little room, whole numbers do. Asked first, since fractions
        # cost next to nothing, and whole numbers are better spent on another rate.
        if min(room.values()) < -HAIR:
            return False, seen.narrowest(), found.points
        # Least room first: what refuses a rate most often then costs one programme or two.
        for target in sorted(room, key=lambda k: (room[k], k)):
            if target not in seen.open():
                continue
            for point in search.witnesses(target):
                found.add(point)
                if target not in seen.open():
                    break
            else:
                return False, seen.narrowest(), found.points
        return True, seen.narrowest(), found.points

    def whole(self) -> bool:
        """Whether the strata hold whole numbers of events."""
        return bool(np.abs(self.truth - self.truth.round()).max() <= HAIR)

    def moves(self) -> Floats:
        """Exchanges of a few events between two strata that lie in the same published sums."""
        alike = (self.sums[:, :, None] == self.sums[:, None, :]).all(axis=0)
        np.fill_diagonal(alike, False)
        source, target = np.nonzero(alike)
        amounts = np.arange(1, int(np.ceil(self.width.max())) + 1)
        amount = np.repeat(amounts, len(source))
        source, target = np.tile(source, len(amounts)), np.tile(target, len(amounts))
        room = (self.truth[source] >= amount) & (self.truth[target] + amount <= self.upper[target])
        found = np.zeros((int(room.sum()), len(self.truth)))
        rows = np.arange(len(found))
        found[rows, source[room]] = -amount[room]
        found[rows, target[room]] = amount[room]
        return found

    def exchanges(self, line: RateLine) -> Floats:
        """Points up to three exchanges away that leave a rate within its rounding."""
        moves = self.moves() if self.whole() else self.truth[None][:0]
        found = [self.truth + moves]
        if not len(moves):
            return found[0]
        count = min(len(moves), int(PAIRS**0.5))
        # Every so many, so that all strata have their turn.
        some = moves[np.linspace(0, len(moves) - 1, count).astype(int)]
        pairs = np.triu_indices(count, 1)
        rng = np.random.default_rng(0)
        triples = tuple(rng.integers(0, len(moves), (3, PAIRS)))
        for steps, chosen in ((some, pairs), (moves, triples)):
            kept = self._keeping(steps, chosen, line)
            found.append(self.truth + sum(steps[part[kept]] for part in chosen))
        return self.fitting(np.vstack(found), [line])

    def _keeping(self, moves: Floats, chosen: tuple[Ints, ...], line: RateLine) -> Ints:
        """Combinations of moves that leave a rate within its rounding."""
        step = moves @ line.rate
        off = self.truth @ line.rate - line.value
        kept = np.flatnonzero(np.abs(sum(step[part] for part in chosen) + off) <= line.half)
        if len(kept) > POINTS:
            kept = kept[np.linspace(0, len(kept) - 1, POINTS).astype(int)]
        return kept

    def fitting(self, points: Floats, lines: list[RateLine]) -> Floats:
        """Those points that lie within the public bounds and round to all published numbers."""
        # The rates alone rule out most points, at the least cost.
        # Without BLAS, whose threads cost more than they bring at this size.
        rates = np.einsum("ps,ls->pl", points, np.array([line.rate for line in lines]))
        near = np.abs(rates - [line.value for line in lines]) <= [line.half for line in lines]
        points = points[near.all(axis=1)]
        points = points[((points >= 0) & (points <= self.upper + HAIR)).all(axis=1)]
        for line in lines:
            points = points[line.fits(points)]
        return points


class _Seen:
    """How far the sensitive sums have been seen to reach."""

    def __init__(self, strata: Strata) -> None:
        self._strata = strata
        self._low = self._high = strata.sensitive @ strata.truth

    def witness(self, points: Floats) -> None:
        """Take note of strata (last axis) that fit everything published."""
        reached = np.einsum("ps,ts->pt", points, self._strata.sensitive)
        self._low = np.minimum(self._low, reached.min(axis=0, initial=np.inf))
        self._high = np.maximum(self._high, reached.max(axis=0, initial=-np.inf))

    def open(self) -> Ints:
        """The sums that are not wide enough yet."""
        return np.flatnonzero(self._high - self._low - self._strata.width < -HAIR)

    def narrowest(self) -> float:
        """The narrowest interval seen."""
        return float((self._high - self._low).min())


class _Found:
    """Strata that fit some rates, and what their differences lead to.

    Two points that fit differ by a step that hardly moves any rate; the same step taken from
    another point, or backwards, most often fits as well.
    """

    def __init__(self, strata: Strata, lines: list[RateLine], seen: _Seen, known: Floats) -> None:
        self._strata, self._lines, self._seen = strata, lines, seen
        self.points = strata.truth[None]
        self._keep(known)
        some = self.points[:MIXED] - strata.truth
        if len(seen.open()):
            steps = (some[:, None] + some[None], some[:, None] - some[None])
            self._keep(strata.truth + np.vstack(steps).reshape(-1, len(strata.truth)))

    def add(self, point: Floats) -> None:
        """Take a point that fits, and others that it leads to."""
        step, others = point - self._strata.truth, self.points[:FOLLOWED]
        if step.any():
            self._keep(np.vstack([point, self._strata.truth - step, others + step, others - step]))

    def _keep(self, points: Floats) -> None:
        fitting = self._strata.fitting(points, self._lines)
        self._seen.witness(fitting)
        # The latest ones reach for what was not reached before.
        self.points = np.vstack([fitting, self.points])[:KEPT]


class _Search:
    """Programmes over the strata: how far one of the sensitive sums can go."""

    def __init__(self, strata: Strata, lines: list[RateLine], budget: Budget) -> None:
        self._strata, self._lines, self._budget = strata, lines, budget
        parts = [line.rows(strata.truth) for line in lines]
        known = strata.sums @ strata.truth
        self._free = np.full(len(strata.sensitive), np.inf)
        matrix = sparse.csr_matrix(
            np.vstack([strata.sensitive, strata.sums, *(rows for rows, _, _ in parts)])
        )
        self._whole = strata.whole()
        rows = (
            matrix,
            np.concatenate([-self._free, known, *(low for _, low, _ in parts)]),
            np.concatenate([self._free, known, *(high for _, _, high in parts)]),
            np.zeros(len(strata.truth)),
            # Beyond this no interval need be followed.
            np.minimum(strata.upper, strata.truth.sum() + np.ceil(strata.width.max())),
        )
        self._relaxed = Programme(*rows, presolve=True)
        self._programme = Programme(*rows, whole_nodes=NODES) if self._whole else self._relaxed

    def room(self, target: int) -> float:
        """Width of a sum's interval if events could be divided; whole counts only."""
        ends = []
        for sign in (1.0, -1.0):
            self._relaxed.set_cost(sign * self._strata.sensitive[target])
            ends.append(sign * _solved(self._relaxed)[1])
        low, high = ends
        return float(np.floor(high + 1e-6) - np.ceil(low - 1e-6)) if self._whole else high - low

    def witnesses(self, target: int) -> Iterator[Floats]:
        """Strata that fit: with one sum as far from its true value as is asked, or else as may be.

        Limits are not linear in the strata: a point at which they would round otherwise than
        published proves nothing, and the true strata are returned.
        """
        reach = float(np.ceil(self._strata.width[target]))
        for sign in (1.0, -1.0):
            self._programme.set_cost(-sign * self._strata.sensitive[target])
            # No further than needed: that is found sooner than the end.
            yield self._found(target, -reach, reach)

    def _found(self, target: int, low: float, high: float) -> Floats:
        truth = self._strata.truth
        at = float(self._strata.sensitive[target] @ truth)
        self._programme.set_row(target, at + low, at + high)
        point = self._point()
        self._programme.set_row(target, -np.inf, np.inf)
        return point

    def _point(self) -> Floats:
        """What the programme finds, if it is proof; else the true strata."""
        truth = self._strata.truth
        if self._whole and not self._budget.left:
            return truth
        self._budget.left -= self._whole
        point, _ = _solved(self._programme)
        if point is None:
            return truth
        # A hair inside: an optimum lies on the very edge of what rounds to the rate.
        inside = truth + (1 - 1e-6) * (point - truth)
        point = point.round() if self._whole else inside
        sums = np.abs(self._strata.sums @ (point - truth)).max(initial=0.0) <= 1e-4
        return point if sums and all(line.fits(point) for line in self._lines) else truth


def _solved(programme: Programme) -> tuple[Floats | None, float]:
    """What a programme finds; rows that rounding makes nearly alike can leave it without answer.

    Then there is no witness, and no end to the room either: nothing is proven by it.
    """
    try:
        return programme.minimise()
    except NoOptimumError:
        return None, -np.inf


def judged_in_order(strata: Strata, lines: list[RateLine]) -> list[tuple[bool, float]]:
    """Verdict and narrowest proven interval of each rate, beside those before it that are safe.

    Args:
        strata: The strata that the rates share.
        lines: The rates, those that are needed most first.
    """
    told: list[tuple[bool, float]] = []
    accepted: list[RateLine] = []
    budget, known = Budget(), strata.exchanges(lines[0])
    for line in lines:
        safe, narrowest, found = strata.judged([*accepted, line], known, budget)
        known = np.vstack([found, known])[:POINTS]
        accepted += [line] if safe else []
        told.append((safe, narrowest))
    return told
