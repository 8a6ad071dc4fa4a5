"""Standardised rates: which rounded rates are safe beside the sums that are published?

Here: the order in which rates are put to the test, figure by figure and family by family. A rate
is a weighted sum of its strata; with known denominators a few decimals can single out every
stratum. A rate may be published only where the strata with few persons keep their width. Not
here: what a rate says (``rate_lines``), the search behind the verdict (``rate_strata``), and the
tables whose cells are counts (``engine``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.errors import TableError
from anonymization.tables.rate_lines import SLACK, RateLine, byar_limits, rate_line
from anonymization.tables.rate_strata import Strata

if TYPE_CHECKING:
    from anonymization.tables.matrix import Floats
    from anonymization.tables.policy import TablePolicy

__all__ = ["byar_limits", "publishable_standardised"]

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
    "family": pl.String(),
    "priority": pl.Int64(),
}
_OPTIONAL = {"upper_bound", "family", "priority"}
_NULLABLE = {*_OPTIONAL, "known_group", "lower", "upper"}
_OF_STRATUM = ("numerator", "denominator", "persons", "upper_bound")


def publishable_standardised(
    strata: pl.DataFrame, figures: pl.DataFrame, policy: TablePolicy
) -> pl.DataFrame:
    """Which directly standardised rates give no stratum away.

    Known to the reader: weights, denominators, the published sums of strata, the total number of
    events of each figure, and the rounded rates and limits. Rates of one family are judged
    together: each only beside those before it that are publishable.

    Args:
        strata: One row per figure and stratum: ``figure_id``, ``stratum_id``; ``numerator``
            (events); ``denominator`` (persons or person-years, public); ``persons`` (persons with
            an event); ``weight`` (of the standard population); ``known_group`` (the strata of one
            figure and group have a published sum; null = in no published sum); optional
            ``upper_bound`` (largest numerator that the public can tell, such as the residents of
            the stratum; give it wherever there is one).
        figures: One row per figure: ``figure_id``; ``value``, ``lower``, ``upper`` as published,
            rounded to ``decimals`` digits (limits may be null), per ``multiplier``; optional
            ``family`` (figures of one family share the strata that have the same ``stratum_id``;
            null = a figure by itself) and ``priority`` (lower comes first; default 0, then by
            ``figure_id``).
        policy: Threshold and width.

    Returns:
        One row per figure in the order of ``figure_id``: ``figure_id``; ``publishable``;
        ``narrowest``, the narrowest interval of a stratum with 1 to threshold − 1 persons, in
        events (followed only until it is wide enough; null where there is no such stratum).

    Raises:
        TableError: A column is missing, an id dangles, strata of a family differ, or a figure is
            not the rounded rate of its strata.
    """
    strata = _conform("strata", strata, STRATA, ["figure_id", "stratum_id"])
    figures = _conform("figures", figures, FIGURES, ["figure_id"])
    for here, there, name in ((strata, figures, "figures"), (figures, strata, "strata")):
        if dangling := here.join(there, on="figure_id", how="anti").height:
            raise TableError(f"{name}: expected every figure_id, got {dangling} rows without.")
    # A name that no family has keeps a figure without family apart from all others.
    alone = pl.concat_str(pl.lit("figure\x1f"), "figure_id")
    figures = figures.with_columns(
        pl.coalesce(pl.concat_str(pl.lit("family\x1f"), "family"), alone).alias("family"),
        pl.col("priority").fill_null(0),
    )
    few = pl.col("persons").is_between(1, policy.threshold - 1)
    placed = strata.join(figures.select("figure_id", "family"), on="figure_id")
    doubtful = placed.filter(few.any().over("family")).sort("family", "figure_id", "stratum_id")
    verdicts: list[tuple[str, bool, float]] = []
    for (family,), part in doubtful.partition_by(
        "family", as_dict=True, maintain_order=True
    ).items():
        members = figures.filter(pl.col("family") == family).sort("priority", "figure_id")
        verdicts += _judge(part, members, policy)
    told = pl.DataFrame(
        verdicts,
        schema={"figure_id": pl.String, "publishable": pl.Boolean, "narrowest": pl.Float64},
        orient="row",
    )
    return (
        figures.select("figure_id")
        .sort("figure_id")
        .join(told, on="figure_id", how="left", maintain_order="left")
        .with_columns(pl.col("publishable").fill_null(True))
    )


def _judge(
    strata: pl.DataFrame, figures: pl.DataFrame, policy: TablePolicy
) -> list[tuple[str, bool, float]]:
    """Verdict and narrowest interval of each figure of a family, in its order."""
    shared = strata.unique(["stratum_id", *_OF_STRATUM]).sort("stratum_id")
    if repeated := shared.height - shared["stratum_id"].n_unique():
        raise TableError(
            f"strata: expected strata alike within a family, got {repeated} that differ."
        )
    names, truth = shared["stratum_id"], shared["numerator"].to_numpy()
    few = shared["persons"].is_between(1, policy.threshold - 1).to_numpy()
    upper = shared["upper_bound"].fill_null(np.inf).to_numpy()
    wanted, few_at = policy.protection_width, np.flatnonzero(few)
    accepted: list[RateLine] = []
    sums: list[Floats] = []
    verdicts: list[tuple[str, bool, float]] = []
    for row in figures.iter_rows(named=True):
        own = strata.filter(pl.col("figure_id") == row["figure_id"])
        lines, known = [*accepted, _line(own, shared, row)], [*sums, _sums(own, names)]
        family = Strata(truth, upper, np.vstack(known), few_at, wanted)
        narrowest = family.narrowest(lines)
        verdicts.append((row["figure_id"], narrowest >= wanted - SLACK, narrowest))
        # Sums are published whatever becomes of the rate.
        sums = known
        accepted = lines if verdicts[-1][1] else accepted
    return verdicts


def _line(own: pl.DataFrame, shared: pl.DataFrame, row: dict[str, float | None]) -> RateLine:
    placed = shared.select("stratum_id", "denominator").join(
        own.select("stratum_id", "weight"), on="stratum_id", how="left", maintain_order="left"
    )
    weight = placed["weight"].fill_null(0.0).to_numpy()
    share = float(row["multiplier"] or 0.0) * weight / weight.sum()
    truth = shared["numerator"].to_numpy()
    found = rate_line(share, placed["denominator"].to_numpy(), truth, row)
    if found is None:
        raise TableError(
            "figures.value: expected the rounded rate of the figure's strata, got another number. "
            "Check weights, multiplier and decimals."
        )
    return found


def _sums(own: pl.DataFrame, names: pl.Series) -> Floats:
    """One row per published sum of the figure's strata, and one for its total."""
    known = own.filter(pl.col("known_group").is_not_null())
    groups = known.partition_by("known_group", maintain_order=True)
    rows = [names.is_in(part["stratum_id"].implode()) for part in (*groups, own)]
    found: Floats = np.vstack(rows).astype(np.float64)
    return found


def _conform(
    name: str, frame: pl.DataFrame, schema: dict[str, pl.DataType], keys: list[str]
) -> pl.DataFrame:
    lacking = sorted(set(schema) - set(frame.columns) - _OPTIONAL)
    unknown = sorted(set(frame.columns) - set(schema))
    if lacking or unknown:
        raise TableError(
            f"{name}: expected columns {', '.join(schema)}; unknown: {unknown}, missing: {lacking}."
        )
    added = [pl.lit(None).alias(c) for c in schema if c not in frame.columns]
    frame = frame.with_columns(added).select(pl.col(c).cast(t) for c, t in schema.items())
    if repeated := frame.height - frame.select(keys).n_unique():
        raise TableError(f"{name}: expected unique {keys}, got {repeated} repeated rows.")
    for column in sorted(set(schema) - _NULLABLE):
        if nulls := frame[column].null_count():
            raise TableError(f"{name}.{column}: expected no nulls, got {nulls}.")
    return frame
