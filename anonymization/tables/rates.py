"""Standardised rates: is a rounded rate safe beside the sums that are published?

Here: the audit of directly standardised rates, figure by figure. A rate is a weighted sum of its
strata; rounded, it is two linear inequalities over them, and its limits are two more over the
variance. A figure may be published only where the strata with few persons keep their width. Not
here: the computation of rates, and the tables whose cells are counts (``engine``).

The rate and its limits are those of Dobson, Kuulasmaa, Eberle and Scherer, "Confidence intervals
for weighted sums of Poisson parameters", Statistics in Medicine 10, 1991, with Byar's limits of
the total count (Breslow and Day, "Statistical methods in cancer research" II, IARC 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse

from anonymization.tables.errors import TableError
from anonymization.tables.intervals import Need, Polytope, prove

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Floats
    from anonymization.tables.policy import TablePolicy

Z = 1.959963984540054  # 97.5 % point of the normal distribution
SLACK = 1e-9
# A hair first: a programme's optimum lies on the very edge of what rounds to the rate.
SHRINKS = np.concatenate([[1.0 - 1e-6], 0.9 ** np.arange(1, 60)])
STRATA = {
    "figure_id": pl.String(),
    "stratum_id": pl.String(),
    "numerator": pl.Float64(),
    "denominator": pl.Float64(),
    "persons": pl.Int64(),
    "weight": pl.Float64(),
    "known_group": pl.String(),
    "upper_bound": pl.Float64(),
}
FIGURES = {
    "figure_id": pl.String(),
    "value": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    "decimals": pl.Int64(),
    "multiplier": pl.Float64(),
}


def byar_limits(events: float) -> tuple[float, float]:
    """Byar's 95 % limits of a count."""
    more = events + 1
    lower = events * (1 - 1 / (9 * events) - Z / (3 * events**0.5)) ** 3
    return lower, more * (1 - 1 / (9 * more) + Z / (3 * more**0.5)) ** 3


@dataclass(frozen=True)
class _Figure:
    """One rate: its strata as arrays, and what its published numbers say of them."""

    rate: Floats  # contribution of one event to the rate
    variance: Floats  # contribution of one event to the rate's variance
    value: float
    half: float  # half a unit of the last published digit
    limits: tuple[tuple[float, float], ...]  # published limit, its distance in standard errors

    def fits(self, rates: Floats, variances: Floats, linear: bool) -> Bools:
        """Whether rates and variances round to the published numbers.

        Where persons count more than once the variance is larger than the strata tell, so the
        limits only bound it from above.
        """
        good: Bools = np.abs(rates - self.value) <= self.half
        for limit, factor in self.limits:
            miss = rates + factor * np.sqrt(np.maximum(variances, 0.0)) - limit
            close = np.abs(miss) if linear else miss * np.sign(factor)
            good = good & (close <= self.half)
        return good

    def lines(self, rate: float, variance: float) -> tuple[Floats, Floats, Floats]:
        """The published numbers as linear functions of the strata.

        The square root in the limits is replaced by its tangent at the true variance; over the
        little that rounding leaves open the two differ by far less than the last digit.

        Returns:
            One row of coefficients per number, and the ends between which it lies.
        """
        root = variance**0.5
        rows, low, high = [self.rate], [self.value - self.half], [self.value + self.half]
        linear = bool(self.fits(np.array(rate), np.array(variance), True))
        for limit, factor in self.limits:
            rows.append(self.rate + factor / (2 * root) * self.variance)
            at = limit - factor * root / 2
            low.append(at - self.half if linear or factor < 0 else -np.inf)
            high.append(at + self.half if linear or factor > 0 else np.inf)
        return np.vstack(rows), np.array(low), np.array(high)


def _figure(strata: pl.DataFrame, row: dict[str, float | None]) -> _Figure:
    weight, persons = strata["weight"].to_numpy(), strata["denominator"].to_numpy()
    events, multiplier = float(strata["numerator"].sum()), float(row["multiplier"] or 0.0)
    share = multiplier * weight / weight.sum()
    rate = np.divide(share, persons, out=np.zeros_like(share), where=persons > 0)
    value, decimals = row["value"], int(row["decimals"] or 0)
    limits: list[tuple[float, float]] = []
    if events > 0:
        ends = zip((row["lower"], row["upper"]), byar_limits(events), strict=True)
        limits = [
            (limit, (count - events) / events**0.5) for limit, count in ends if limit is not None
        ]
    return _Figure(
        rate=rate,
        variance=rate**2,
        value=float(value or 0.0),
        half=0.5 * 10.0**-decimals + SLACK,
        limits=tuple(limits),
    )


class _RoundedPolytope(Polytope):
    """Strata that agree with the published sums, and round to the published rate and limits.

    A point at which the true limits, which are not linear, would round to other numbers than the
    published ones is drawn towards the true strata until it fits: intervals are never overstated.
    """

    def __init__(self, figure: _Figure, strata: pl.DataFrame) -> None:
        truth = strata["numerator"].to_numpy()
        sums = _known_sums(strata)
        self._figure, self._strata = figure, slice(0, len(truth))
        rate, variance = figure.rate @ truth, figure.variance @ truth
        self._linear = bool(figure.fits(rate, variance, True))
        if not figure.fits(rate, variance, self._linear):
            raise _DisagreementError
        lines, low, high = figure.lines(rate, variance)
        matrix = sparse.vstack([sparse.identity(len(truth)), sums, lines], format="csr")
        self.origin: Floats = matrix @ truth
        nothing = np.full(len(truth), np.inf)
        known = sums @ truth
        super().__init__(
            matrix,
            np.concatenate([-nothing, known, low]),
            np.concatenate([nothing, known, high]),
            strata["upper_bound"].fill_null(np.inf).to_numpy(),
            reach=10.0 * truth.sum() + 1000.0,
        )

    def _fits(self, points: Floats) -> Bools:
        events, figure = points[..., self._strata], self._figure
        return figure.fits(events @ figure.rate, events @ figure.variance, self._linear)

    def extreme(self, direction: Floats) -> tuple[Floats | None, float]:
        found, best = super().extreme(direction)
        if found is None or self._fits(found):
            return found, best
        steps = self.origin + SHRINKS[:, None] * (found - self.origin)
        good = self._fits(steps)
        return (steps[np.argmax(good)] if good.any() else self.origin), best


class _DisagreementError(Exception):
    """The strata do not round to the published rate."""


def _known_sums(strata: pl.DataFrame) -> sparse.csr_matrix:
    """One row per published sum of strata, and one for the total."""
    groups = strata["known_group"].to_numpy()
    names = np.unique(groups[strata["known_group"].is_not_null().to_numpy()].astype(str))
    rows = [groups == name for name in names]
    return sparse.csr_matrix(np.vstack([*rows, np.ones(len(groups), dtype=bool)]).astype(float))


def _narrowest(strata: pl.DataFrame, row: dict[str, float | None], policy: TablePolicy) -> float:
    """Narrowest proven interval among the strata with few persons."""
    polytope = _RoundedPolytope(_figure(strata, row), strata)
    origin, size = polytope.origin, len(polytope.origin)
    whole = np.zeros(size, dtype=bool)
    whole[: strata.height] = (strata["numerator"] == strata["numerator"].round()).to_numpy()
    nothing = np.full(size, np.inf)
    width = np.full(size, policy.protection_width)
    need = Need(width, -nothing, nothing, whole, origin.copy(), origin.copy())
    few = strata["persons"].is_between(1, policy.threshold - 1).to_numpy()
    sensitive = np.flatnonzero(few)
    prove(polytope, need, sensitive)
    low, high = need.ends()
    return float((high - low)[sensitive].min())


def publishable_standardised(
    strata: pl.DataFrame, figures: pl.DataFrame, policy: TablePolicy
) -> pl.DataFrame:
    """Which directly standardised rates give no stratum away.

    Known to the reader: weights, denominators, the published sums of strata, the total number of
    events, and the rounded rate and limits.

    Args:
        strata: One row per figure and stratum: ``figure_id``, ``stratum_id``; ``numerator``
            (events); ``denominator`` (persons or person-years, public); ``persons`` (persons with
            an event); ``weight`` (of the standard population); ``known_group`` (strata of one
            group have a published sum; null = in no published sum); optional ``upper_bound``
            (largest numerator that the public can tell, such as the residents of the stratum).
        figures: One row per figure: ``figure_id``; ``value``, ``lower``, ``upper`` as published,
            rounded to ``decimals`` digits (limits may be null), per ``multiplier``.
        policy: Threshold and width.

    Returns:
        One row per figure in the order of ``figure_id``: ``figure_id``; ``publishable``;
        ``narrowest``, the narrowest interval of a stratum with 1 to threshold − 1 persons in
        events (followed only until it is wide enough; null where there is no such stratum).

    Raises:
        TableError: A column is missing, an id dangles, or a figure is not the rounded rate of its
            strata.
    """
    strata = _conform("strata", strata, STRATA, {"upper_bound"})
    figures = _conform("figures", figures, FIGURES, set()).sort("figure_id")
    for here, there, name in ((strata, figures, "figures"), (figures, strata, "strata")):
        if dangling := here.join(there, on="figure_id", how="anti").height:
            raise TableError(f"{name}: expected every figure_id, got {dangling} rows without.")
    few = pl.col("persons").is_between(1, policy.threshold - 1).any().over("figure_id")
    parts = (
        strata.filter(few).sort("figure_id", "stratum_id").partition_by("figure_id", as_dict=True)
    )
    rows = {row["figure_id"]: row for row in figures.iter_rows(named=True)}
    narrowest, disagreeing = {}, 0
    for (name,), part in sorted(parts.items()):
        try:
            narrowest[name] = _narrowest(part, rows[name], policy)
        except _DisagreementError:
            disagreeing += 1
    if disagreeing:
        raise TableError(
            f"figures: expected the rounded rate of the strata, got {disagreeing} that are not. "
            "Check weights, multiplier and decimals."
        )
    widths = pl.DataFrame(
        {"figure_id": list(narrowest), "narrowest": list(narrowest.values())},
        schema={"figure_id": pl.String, "narrowest": pl.Float64},
    )
    wide = pl.col("narrowest") >= policy.protection_width - SLACK
    return (
        figures.select("figure_id")
        .join(widths, on="figure_id", how="left", maintain_order="left")
        .select("figure_id", wide.fill_null(True).alias("publishable"), "narrowest")
    )


def _conform(
    name: str, frame: pl.DataFrame, schema: dict[str, pl.DataType], optional: set[str]
) -> pl.DataFrame:
    lacking = sorted(set(schema) - set(frame.columns) - optional)
    unknown = sorted(set(frame.columns) - set(schema))
    if lacking or unknown:
        raise TableError(
            f"{name}: expected columns {', '.join(schema)}; unknown: {unknown}, missing: {lacking}."
        )
    added = [pl.lit(None).alias(c) for c in schema if c not in frame.columns]
    frame = frame.with_columns(added).select(pl.col(c).cast(t) for c, t in schema.items())
    keys = [c for c in ("figure_id", "stratum_id") if c in schema]
    if repeated := frame.height - frame.select(keys).n_unique():
        raise TableError(f"{name}: expected unique {keys}, got {repeated} repeated rows.")
    needed = set(schema) - optional - {"known_group", "lower", "upper"}
    for column in sorted(needed):
        if nulls := frame[column].null_count():
            raise TableError(f"{name}.{column}: expected no nulls, got {nulls}.")
    return frame
