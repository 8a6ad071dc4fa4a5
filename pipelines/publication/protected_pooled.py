"""Periods of several years protected beside years that are protected already.

Belongs here: the order of it, and which periods are given up where they would tell something of
their years. Does not belong here: the systems (``system_pooled``) and the figures
(``pooled_years``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anonymization.tables import TablePolicy, audit_system, protect_system, side_by_side
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import FIGURE
from pipelines.publication.system_pooled import POOLED, PooledGroup, pooled_groups
from pipelines.publication.systems import Year


@dataclass(frozen=True)
class ProtectedPooled:
    """A period of one audit group, and what may be shown of it.

    Attributes:
        pooled: The period.
        cells: One row per cell of the period: ``cell_id``, ``status`` (ok | suppressed).
        audit: The audit of the period and its years together, as of ``audit_system``.
        withheld: Every figure of the period is hidden, since no pattern was safe.
    """

    pooled: PooledGroup
    cells: pl.DataFrame
    audit: pl.DataFrame
    withheld: bool


def protected_pooled(
    pooled: pl.DataFrame,
    specs: Sequence[Indicator],
    years: Sequence[Year],
    policies: Mapping[str, TablePolicy],
) -> list[ProtectedPooled]:
    """Protect all periods of several years, whatever is shown of the years.

    Args:
        pooled: ``pooled_years.pooled_figures``.
        specs: Indicators to publish.
        years: Audit groups of the years with what is shown of each: ``cell_id``, ``status``.
        policies: The table policies by id.

    Raises:
        ProtectionError: Even hidden, a period would tell too much; nothing is published then.
    """
    groups = pooled_groups(pooled, specs, years)
    return side_by_side(lambda one: _protected(one, policies[one.group.policy_id]), groups)


def _protected(one: PooledGroup, policy: TablePolicy) -> ProtectedPooled:
    found = protect_system(one.searched, policy).cells.select("cell_id", "status")
    own = found.filter(pl.col("cell_id").str.starts_with(POOLED))
    follows = one.known.filter(pl.col("status") == "ok").select("cell_id")
    while True:
        cells = own.with_columns(
            status=pl.when(pl.col("cell_id").is_in(follows["cell_id"].implode()))
            .then(pl.lit("ok"))
            .otherwise("status")
        )
        audit = joint_audit(one, cells, policy)
        if audit["ok"].all():
            return ProtectedPooled(one, cells, audit, withheld=False)
        shown = cells.filter(pl.col("status") == "ok").join(follows, on="cell_id", how="anti")
        if shown.is_empty():
            # With none of them in view the years are what they were without them.
            hidden = cells.with_columns(status=pl.lit("suppressed"))
            return ProtectedPooled(one, hidden, audit.clear(), withheld=True)
        given_up = _near(one, audit, shown)
        own = cells.with_columns(
            status=pl.when(pl.col("cell_id").is_in(given_up["cell_id"].implode()))
            .then(pl.lit("suppressed"))
            .otherwise("status")
        )


def _near(one: PooledGroup, audit: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Which shown cells are given up: those of places where something is told, else all."""
    narrow = audit.filter(~pl.col("ok")).join(one.areas, on="cell_id").select("area_code").unique()
    there = one.areas.join(narrow, on="area_code", how="semi")
    near = shown.join(there, on="cell_id", how="semi")
    return shown if near.is_empty() else near


def joint_audit(one: PooledGroup, cells: pl.DataFrame, policy: TablePolicy) -> pl.DataFrame:
    """What a reader of a period and its years together could find out, as of ``audit_system``.

    Args:
        one: The period.
        cells: What is shown of its own cells: ``cell_id``, ``status``.
        policy: Its policy.
    """
    own = cells.select("cell_id", "status")
    others = one.known.join(own, on="cell_id", how="anti").select("cell_id", "status")
    return audit_system(one.group.system, pl.concat([own, others]), policy)


def pooled_status(periods: Sequence[ProtectedPooled]) -> pl.DataFrame:
    """What the verdicts mean for the figures of several years.

    Returns:
        One row per exact figure: the keys of ``figures.FIGURE`` and shown (boolean).
    """
    if not periods:
        schema = dict.fromkeys(FIGURE, pl.String) | dict.fromkeys(FIGURE[-2:], pl.Date)
        return pl.DataFrame(schema={**schema, "shown": pl.Boolean})
    found = []
    for one in periods:
        seen = one.cells.filter(pl.col("status") == "ok")["cell_id"].implode()
        told = [pl.col(f"{role}_cell").is_in(seen) for role in ("numerator", "denominator")]
        shown = told[0] & told[1].fill_null(value=True) & pl.col("divisible")
        found.append(one.pooled.group.figures.select(*FIGURE, shown=shown))
    return pl.concat(found).sort(FIGURE)
