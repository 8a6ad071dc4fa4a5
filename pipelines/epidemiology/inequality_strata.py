"""Both indices of inequality for many strata.

Belongs here: the indices over a frame. Does not belong here: the method (``inequality``).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.epidemiology.inequality import (
    InequalityIndex,
    ValueKind,
    relative_index_of_inequality,
    slope_index_of_inequality,
)


def inequality_frame(
    frame: pl.DataFrame,
    *,
    by: Sequence[str],
    rank: str,
    value: str = "value",
    population: str = "population",
    lower: str = "lower",
    upper: str = "upper",
    multiplier: float = 1.0,
    confidence: float = 0.95,
    kind: ValueKind = "other",
    transform: bool = False,
) -> pl.DataFrame:
    """`slope_index_of_inequality` and `relative_index_of_inequality` of every stratum.

    Args:
        frame: One row per stratum and group of the social ranking.
        by: Columns that name a stratum.
        rank: Column that ranks the groups, the most disadvantaged first.
        value: Column of figures.
        population: Column of persons.
        lower: Column of lower 95 % limits.
        upper: Column of upper 95 % limits.
        multiplier: Unit of the slope index.
        confidence: Two-sided level.
        kind: ``rate``, ``proportion`` or ``other``.
        transform: Whether to draw the line on the log or logit scale.

    Returns:
        Two rows per stratum: ``by``, index (``slope`` or ``relative``), value, lower, upper
        (null where refused), reason. Sorted.

    Raises:
        ValueError: As `slope_index_of_inequality`, or if a stratum has a rank twice.
    """
    keys = list(by)
    twice = frame.height - frame.select(*keys, rank).n_unique()
    if twice:
        msg = f"{rank}: {twice} rows have the stratum and rank of another"
        raise ValueError(msg)
    rows: list[tuple[object, ...]] = []
    for stratum, groups in frame.sort(*keys, rank).group_by(keys, maintain_order=True):
        given = (groups[value], groups[population], groups[lower], groups[upper])
        options = (multiplier, confidence)
        slope = slope_index_of_inequality(*given, *options, kind=kind, transform=transform)
        relative = relative_index_of_inequality(*given, *options, kind=kind, transform=transform)
        rows += [(*stratum, "slope", *_told(slope)), (*stratum, "relative", *_told(relative))]
    schema = {key: frame.schema[key] for key in keys} | {
        "index": pl.String(),
        "value": pl.Float64(),
        "lower": pl.Float64(),
        "upper": pl.Float64(),
        "reason": pl.String(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _told(index: InequalityIndex) -> tuple[float | str | None, ...]:
    return index.value, index.lower, index.upper, index.reason
