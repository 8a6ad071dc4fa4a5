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

from anonymization.tables.solver import Programme

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Floats, Ints
    from anonymization.tables.rate_lines import RateLine

NODES = 300  # branch-and-bound nodes per whole-number programme
PAIRS = 100_000  # combinations of two and of three exchanges that are looked at
POINTS = 20_000  # of those that keep the rate, how many are followed up
HAIR = 1e-7


@dataclass(frozen=True)
class Strata:
    """The strata that some rates share, as they are and as the public knows them.

    Attributes:
        truth: Events of each stratum.
        upper: Public upper bounds; infinite where there is none.
        sums: Published sums by strata, 0 or 1.
        sensitive: Strata with few persons.
        width: What their intervals must measure.
    """

    truth: Floats
    upper: Floats
    sums: Floats
    sensitive: Ints
    width: float

    def narrowest(self, lines: list[RateLine]) -> float:
        """The narrowest proven interval of a sensitive stratum beside some published rates.

        Each interval is followed only until it is wide enough; the first one that is not ends
        the search.
        """
        low, high = self.truth.copy(), self.truth.copy()
        if np.abs(self.truth - self.truth.round()).max() <= HAIR:
            for points in self._exchanges(lines):
                np.minimum(low, points.min(axis=0, initial=np.inf), out=low)
                np.maximum(high, points.max(axis=0, initial=-np.inf), out=high)
                if not len(self._open(low, high)):
                    return self._least(low, high)
        search = _Search(self, lines)
        pending = self._open(low, high)
        while len(pending):
            stratum = int(pending[np.argmin((high - low)[pending])])
            # Where fractions leave too little room, whole numbers do.
            for sign in (1.0, -1.0) if search.room(stratum) >= self.width - HAIR else ():
                point = search.extreme(stratum, sign)
                np.minimum(low, point, out=low)
                np.maximum(high, point, out=high)
            if stratum in (pending := self._open(low, high)):
                return self._least(low, high)
        return self._least(low, high)

    def _open(self, low: Floats, high: Floats) -> Ints:
        return self.sensitive[(high - low)[self.sensitive] < self.width - HAIR]

    def _least(self, low: Floats, high: Floats) -> float:
        return float((high - low)[self.sensitive].min())

    def moves(self) -> Floats:
        """Exchanges of a few events between two strata that lie in the same published sums."""
        alike = (self.sums[:, :, None] == self.sums[:, None, :]).all(axis=0)
        np.fill_diagonal(alike, False)
        source, target = np.nonzero(alike)
        amounts = np.arange(1, int(np.ceil(self.width)) + 1)
        amount = np.repeat(amounts, len(source))
        source, target = np.tile(source, len(amounts)), np.tile(target, len(amounts))
        room = (self.truth[source] >= amount) & (self.truth[target] + amount <= self.upper[target])
        found = np.zeros((int(room.sum()), len(self.truth)))
        rows = np.arange(len(found))
        found[rows, source[room]] = -amount[room]
        found[rows, target[room]] = amount[room]
        return found

    def _exchanges(self, lines: list[RateLine]) -> list[Floats]:
        """Points up to three exchanges away that round to all published numbers."""
        moves = self.moves()
        if not len(moves):
            return []
        found = [self._fitting(self.truth + moves, lines)]
        count = min(len(moves), int(PAIRS**0.5))
        # Every so many, so that all strata have their turn.
        some = moves[np.linspace(0, len(moves) - 1, count).astype(int)]
        pairs = np.triu_indices(count, 1)
        rng = np.random.default_rng(0)
        triples = tuple(rng.integers(0, len(moves), (3, PAIRS)))
        for steps, chosen in ((some, pairs), (moves, triples)):
            kept = self._keeping(steps, chosen, lines)
            points = self.truth + sum(steps[part[kept]] for part in chosen)
            found.append(self._fitting(points, lines))
        return found

    def _keeping(self, moves: Floats, chosen: tuple[Ints, ...], lines: list[RateLine]) -> Ints:
        """Combinations of moves that leave every rate within its rounding."""
        keeps: Bools = np.ones(len(chosen[0]), dtype=bool)
        for line in lines:
            step = moves @ line.rate
            off = self.truth @ line.rate - line.value
            keeps = keeps & (np.abs(sum(step[part] for part in chosen) + off) <= line.half)
        kept = np.flatnonzero(keeps)
        if len(kept) > POINTS:
            kept = kept[np.linspace(0, len(kept) - 1, POINTS).astype(int)]
        return kept

    def _fitting(self, points: Floats, lines: list[RateLine]) -> Floats:
        inside = (points >= 0) & (points <= self.upper + HAIR)
        good: Bools = np.asarray(inside.all(axis=1))
        for line in lines:
            good = good & line.fits(points)
        return points[good]


class _Search:
    """Programmes over the strata: how far one of them can go."""

    def __init__(self, strata: Strata, lines: list[RateLine]) -> None:
        self._strata, self._lines = strata, lines
        parts = [line.rows(strata.truth) for line in lines]
        known = strata.sums @ strata.truth
        self._upper = np.minimum(strata.upper, strata.truth.sum())
        matrix = sparse.csr_matrix(np.vstack([strata.sums, *(rows for rows, _, _ in parts)]))
        self._whole = bool(np.abs(strata.truth - strata.truth.round()).max() <= HAIR)
        rows = (
            matrix,
            np.concatenate([known, *(low for _, low, _ in parts)]),
            np.concatenate([known, *(high for _, _, high in parts)]),
            np.zeros(len(strata.truth)),
            self._upper,
        )
        self._relaxed = Programme(*rows)
        self._programme = Programme(*rows, whole_nodes=NODES) if self._whole else self._relaxed

    def room(self, stratum: int) -> float:
        """Width of a stratum's interval if events could be divided; whole counts only."""
        ends = []
        for sign in (1.0, -1.0):
            cost = np.zeros(len(self._upper))
            cost[stratum] = sign
            self._relaxed.set_cost(cost)
            ends.append(sign * self._relaxed.minimise()[1])
        low, high = ends
        return float(np.floor(high + 1e-6) - np.ceil(low - 1e-6)) if self._whole else high - low

    def extreme(self, stratum: int, sign: float) -> Floats:
        """Strata that fit, with one of them as large (or small) as was found.

        Limits are not linear in the strata: a point at which they would round otherwise than
        published proves nothing, and the true strata are returned.
        """
        truth = self._strata.truth
        # No further than needed: that is found sooner than the end.
        reach = np.ceil(self._strata.width) * np.array([-1.0, 1.0])
        low, high = np.clip(truth[stratum] + reach, 0.0, self._upper[stratum])
        self._programme.set_column(stratum, low, high)
        cost = np.zeros(len(truth))
        cost[stratum] = -sign
        self._programme.set_cost(cost)
        point, _ = self._programme.minimise()
        self._programme.set_column(stratum, 0.0, self._upper[stratum])
        if point is None:
            return truth
        # A hair inside: an optimum lies on the very edge of what rounds to the rate.
        inside = truth + (1 - 1e-6) * (point - truth)
        point = point.round() if self._whole else inside
        sums = np.abs(self._strata.sums @ (point - truth)).max(initial=0.0) <= 1e-4
        return point if sums and all(line.fits(point) for line in self._lines) else truth
