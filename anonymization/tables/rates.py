"""Standardised rates: which rounded rates are safe beside the sums that are published?

Here: the order in which rates are put to the test, figure by figure and family by family. A rate
is a weighted sum of its strata; with known denominators a few decimals can single out every
stratum, and every sum of strata. A rate may be published only where the strata with few persons
and the sums that are hidden keep their width. Not here: what a rate says (``rate_lines``), the
search behind the verdict (``rate_strata``), and the tables whose cells are counts (``engine``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.errors import TableError
from anonymization.tables.rate_lines import RateLine, byar_limits, rate_line
from anonymization.tables.rate_strata import Strata, judged_in_order

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
    "complement": pl.Int64(),
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
SUMS = {
    "family": pl.String(),
    "sum_id": pl.String(),
    "stratum_id": pl.String(),
    "shown": pl.Boolean(),
}
_OPTIONAL = {"known_group", "upper_bound", "complement", "family", "priority"}
_NULLABLE = {*_OPTIONAL, "weight", "lower", "upper"}
_OF_STRATUM = ("numerator", "denominator", "persons", "upper_bound", "complement")


def publishable_standardised(
    strata: pl.DataFrame,
    figures: pl.DataFrame,
    policy: TablePolicy,
    sums: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Which directly standardised rates give no stratum and no hidden sum of strata away.

    Known to the reader: weights, denominators, the published sums of strata, the total number of
    events of each figure, and the rounded rates and limits. Rates of one family are judged
    together: each only beside those before it that are publishable.

    Args:
        strata: One row per figure and stratum: ``figure_id``, ``stratum_id``; ``numerator``
            (events); ``denominator`` (persons or person-years, public); ``persons`` (persons with
            an event); ``weight`` (of the standard population; null = not of the figure, and given
            for the family's sums only); optional ``known_group`` (the strata of one figure and
            group have a published sum; null = in no such sum), ``upper_bound`` (largest numerator
            that the public can tell, such as the residents of the stratum; give it wherever there
            is one) and ``complement`` (persons without an event, where the public can tell how
            many there are in all; null = no such knowledge).
        figures: One row per figure: ``figure_id``; ``value``, ``lower``, ``upper`` as published,
            rounded to ``decimals`` digits (limits may be null), per ``multiplier``; optional
            ``family`` (figures of one family share the strata that have the same ``stratum_id``;
            null = a figure by itself) and ``priority`` (lower comes first; default 0, then by
            ``figure_id``).
        policy: Threshold and width.
        sums: Sums of a family's strata, one row per sum and stratum: ``family``, ``sum_id``,
            ``stratum_id``, ``shown``. A reader knows the sums that are shown, and what follows
            from them. Those not shown must keep the policy's width, or the range that the
            public bounds leave them if that is narrower.

    Returns:
        One row per figure in the order of ``figure_id``: ``figure_id``; ``publishable``;
        ``narrowest``, the narrowest interval of a hidden sum or of a stratum with 1 to
        threshold − 1 persons in numerator or complement, in events (followed only until it is
        wide enough; null where the figure's family has neither).

    Raises:
        TableError: A column is missing, an id dangles, strata of a family differ, a sum is both
            shown and hidden, or a figure is not the rounded rate of its strata.
    """
    strata = _conform("strata", strata, STRATA, ["figure_id", "stratum_id"])
    figures = _conform("figures", figures, FIGURES, ["figure_id"])
    for here, there, name in ((strata, figures, "figures"), (figures, strata, "strata")):
        if dangling := here.join(there, on="figure_id", how="anti").height:
            raise TableError(f"{name}: expected every figure_id, got {dangling} rows without.")
    # A name that no family has keeps a figure without family apart from all others.
    alone = pl.concat_str(pl.lit("figure\x1f"), "figure_id")
    figures = figures.with_columns(
        pl.coalesce(_family(), alone).alias("family"), pl.col("priority").fill_null(0)
    )
    placed = strata.join(figures.select("figure_id", "family"), on="figure_id")
    sums = _checked_sums(sums, placed)
    hidden = sums.filter(~pl.col("shown"))["family"].unique()
    few = _few(policy).any().over("family") | pl.col("family").is_in(hidden.implode())
    doubtful = placed.filter(few).sort("family", "figure_id", "stratum_id")
    verdicts: list[tuple[str, bool, float]] = []
    for (family,), part in doubtful.partition_by(
        "family", as_dict=True, maintain_order=True
    ).items():
        members = figures.filter(pl.col("family") == family).sort("priority", "figure_id")
        verdicts += _judge(part, members, sums.filter(pl.col("family") == family), policy)
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


def _family() -> pl.Expr:
    return pl.concat_str(pl.lit("family\x1f"), "family")


def _few(policy: TablePolicy) -> pl.Expr:
    """Strata of which few persons are in the numerator, or few are not."""
    return pl.any_horizontal(
        pl.col(name).is_between(1, policy.threshold - 1).fill_null(False)
        for name in ("persons", "complement")
    )


def _checked_sums(sums: pl.DataFrame | None, strata: pl.DataFrame) -> pl.DataFrame:
    """The sums with their families named as the figures' are."""
    given = pl.DataFrame(schema=SUMS) if sums is None else sums
    named = _conform("sums", given, SUMS, ["family", "sum_id", "stratum_id"]).with_columns(
        _family().alias("family")
    )
    if dangling := named.join(strata, on=["family", "stratum_id"], how="anti").height:
        raise TableError(f"sums: expected strata of the family's figures, got {dangling} others.")
    verdicts = named.select("family", "sum_id", "shown").unique()
    if both := verdicts.height - verdicts.select("family", "sum_id").n_unique():
        raise TableError(f"sums.shown: expected one verdict per sum, got two for {both} sums.")
    return named.sort("sum_id")


def _judge(
    strata: pl.DataFrame, figures: pl.DataFrame, sums: pl.DataFrame, policy: TablePolicy
) -> list[tuple[str, bool, float]]:
    """Verdict and narrowest interval of each figure of a family, in its order."""
    shared = strata.unique(["stratum_id", *_OF_STRATUM]).sort("stratum_id")
    if repeated := shared.height - shared["stratum_id"].n_unique():
        raise TableError(
            f"strata: expected strata alike within a family, got {repeated} that differ."
        )
    names, upper = shared["stratum_id"], shared["upper_bound"].fill_null(np.inf).to_numpy()
    members = [strata.filter(pl.col("figure_id") == name) for name in figures["figure_id"]]
    single = np.eye(len(names))[shared.select(_few(policy)).to_series().to_numpy()]
    hidden = _rows(_groups(sums.filter(~pl.col("shown")), "sum_id"), names)
    known = [part for own in members for part in _published(own)]
    wanted = np.full(len(single), policy.protection_width)
    # What the public bounds alone tell of a sum cannot be protected.
    most = np.array([upper[row > 0].sum() for row in hidden])
    family = Strata(
        truth=shared["numerator"].to_numpy(),
        upper=upper,
        # Sums are published whatever becomes of any rate.
        sums=np.unique(_rows([*known, *_groups(sums.filter("shown"), "sum_id")], names), axis=0),
        sensitive=np.vstack([single, hidden]),
        width=np.append(wanted, np.minimum(policy.protection_width, most)),
    )
    lines = [
        _line(own, shared, row)
        for row, own in zip(figures.iter_rows(named=True), members, strict=True)
    ]
    verdicts = judged_in_order(family, lines)
    return [(name, *told) for name, told in zip(figures["figure_id"], verdicts, strict=True)]


def _line(own: pl.DataFrame, shared: pl.DataFrame, row: dict[str, float | None]) -> RateLine:
    at = shared["stratum_id"].search_sorted(own["stratum_id"]).to_numpy()
    weight = np.zeros(shared.height)
    weight[at] = own["weight"].fill_null(0.0).to_numpy()
    share = float(row["multiplier"] or 0.0) * weight / weight.sum()
    truth = shared["numerator"].to_numpy()
    found = rate_line(share, shared["denominator"].to_numpy(), truth, row)
    if found is None:
        raise TableError(
            "figures.value: expected the rounded rate of the figure's strata, got another number. "
            "Check weights, multiplier and decimals."
        )
    return found


def _published(own: pl.DataFrame) -> list[pl.Series]:
    """Strata of each published sum of a figure, and of its total."""
    inside = own.filter(pl.col("weight").is_not_null())
    return [*_groups(own.drop_nulls("known_group"), "known_group"), inside["stratum_id"]]


def _groups(frame: pl.DataFrame, by: str) -> list[pl.Series]:
    return [part["stratum_id"] for part in frame.partition_by(by, maintain_order=True)]


def _rows(groups: list[pl.Series], names: pl.Series) -> Floats:
    """One row per sum: 1 for the strata that it holds."""
    rows = [names.is_in(group.implode()).to_numpy() for group in groups]
    found: Floats = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
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
