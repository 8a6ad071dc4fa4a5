"""What stewards see of a candidate: counts of cells by reason and rule, the audit, red checks.

Belongs here: the steward zone's files about a release. Does not belong here: rows, and exact
counts below the threshold; those are banded where they are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from anonymization.tables import ProtectedSystem
from anonymization.tables.primary import COUNT_RULES
from pipelines.publication.build import Candidate
from pipelines.publication.figures import Marts
from pipelines.publication.reaudit import FileAudit
from pipelines.publication.release import Origin
from pipelines.publication.steward_protection import protection
from pipelines.publication.systems import AuditGroup
from pipelines.settings import Zones, atomic_write

JOIN = ("indicator_id", "area_code", "sex", "age_group", "period_start")
GRAIN = ("indicator_id", "period", "area_level", "status", "reason", "rule")
BANDS = ((0.01, "<1 %"), (0.05, "1-5 %"))


def write_steward_report(
    zones: Zones,
    release_id: str,
    candidate: Candidate,
    blocking: Sequence[str],
    audit: FileAudit,
    marts: Marts,
    origin: Origin,
) -> None:
    """Write what stewards are told of a release, by its id.

    ``steward/disclosure/*.parquet`` holds counts of figures, ``steward/protection/*.parquet`` what
    protecting them cost and how wide their intervals are, ``steward/releases/*.json`` the summary.

    Args:
        zones: The zones.
        release_id: The candidate.
        candidate: Its tables and audits.
        blocking: Names of the red checks on its files that stop it.
        audit: The audit of its files.
        marts: Exact counts, for what k-anonymity cost.
        origin: Where the data behind it come from.
    """
    values = candidate.tables["indicator_values"]
    with atomic_write(zones.steward / "disclosure" / f"{release_id}.parquet") as path:
        _reasons(values, candidate.audits, release_id).write_parquet(path)
    with atomic_write(zones.steward / "protection" / f"{release_id}.parquet") as path:
        told = protection(candidate.audits, audit.cells, candidate.tables["indicators"])
        told.write_parquet(path)
    statuses = values.group_by("value_status").len().sort("value_status")
    summary: dict[str, Any] = {
        "release_id": release_id,
        "state": "published" if (zones.published / release_id).is_dir() else "candidate",
        "built": origin.transaction_time,
        "synthetic": origin.synthetic,
        "cells_by_status": dict(statuses.iter_rows()),
        "audit": {
            "hidden": audit.hidden,
            "narrowest": audit.narrowest,
            "width_required": audit.width_required,
            "ok": audit.ok,
            "determined": audit.determined,
        },
        "blocking_checks": list(blocking),
        "utility_loss": utility_loss(marts),
    }
    with atomic_write(zones.steward / "releases" / f"{release_id}.json") as path:
        path.write_text(json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False))


def _reasons(
    values: pl.DataFrame,
    audits: Sequence[tuple[AuditGroup, ProtectedSystem]],
    release_id: str,
) -> pl.DataFrame:
    """Cells by indicator, period, level, status, reason and rule; grain: that combination."""
    crude = values.filter(
        pl.col("value_kind") == "crude",
        pl.col("period_type") == "year",
        pl.col("breakdown") == "total",
    )
    inner = _figure_reasons(audits)
    return (
        crude.join(inner, on=JOIN, how="left")
        .with_columns(
            release_id=pl.lit(release_id),
            period=pl.col("period_start").dt.year().cast(pl.String),
            reason=pl.coalesce("reason", "status_reason").fill_null("none"),
        )
        .rename({"value_status": "status"})
        .group_by("release_id", *GRAIN)
        .agg(pl.len().cast(pl.Int64).alias("cells"))
        .sort(GRAIN, nulls_last=True)
    )


def _figure_reasons(audits: Sequence[tuple[AuditGroup, ProtectedSystem]]) -> pl.DataFrame:
    """Why each hidden figure is hidden: for itself (primary) if any of its cells is.

    The rule is the one that its numerator breaks, else the one that its denominator does.
    """
    reasons = pl.concat(
        protected.cells.select(
            pl.lit(group.period_start).alias("period_start"), "cell_id", "reason", "rule"
        )
        for group, protected in audits
    )
    joined = pl.concat(group.figures for group, _ in audits)
    for role in ("numerator", "denominator"):
        joined = joined.join(
            reasons.rename({name: f"{role}_{name}" for name in ("reason", "rule")}).rename(
                {"cell_id": f"{role}_cell"}
            ),
            on=["period_start", f"{role}_cell"],
            how="left",
        )
    found = pl.concat_list("numerator_reason", "denominator_reason").list.drop_nulls()
    of_divisor = pl.col("denominator_rule")
    # A denominator is a count of persons too, and small as one.
    named = pl.when(of_divisor.is_in(COUNT_RULES)).then(pl.lit("denominator")).otherwise(of_divisor)
    is_primary = pl.col("found").list.contains("primary")
    return joined.with_columns(found=found).select(
        *JOIN,
        reason=pl.when(is_primary)
        .then(pl.lit("primary"))
        .when(pl.col("found").list.len() > 0)
        .then(pl.lit("secondary")),
        rule=pl.when(is_primary).then(pl.coalesce("numerator_rule", named)),
    )


def utility_loss(marts: Marts) -> list[dict[str, Any]]:
    """What counting by k-anonymous strata leaves out of municipalities' own figures.

    The region's counts hold everybody; what its municipalities' strata cannot hold is the loss.

    Args:
        marts: Exact counts.

    Returns:
        Per indicator the share of the region's denominator that no municipality's stratum holds
        (0 to 1, for stewards), and its band for everybody else: ``<1 %``, ``1-5 %``, ``>5 %``.
    """
    sums = marts.indicator_counts.group_by("indicator_id").agg(
        pl.col("denominator").filter(pl.col("area_level") == "municipality").sum().alias("placed"),
        pl.col("denominator").filter(pl.col("area_level") == "region").sum().alias("all"),
    )
    shares = sums.filter(pl.col("all") > 0).select(
        "indicator_id", share=1 - pl.col("placed") / pl.col("all")
    )
    return [
        {"indicator_id": name, "share": round(share, 6), "band": band(share)}
        for name, share in shares.sort("indicator_id").iter_rows()
    ]


def band(share: float) -> str:
    """A loss or bias as it may be told to everybody: ``<1 %``, ``1-5 %`` or ``>5 %``.

    Args:
        share: Its size, 0 or more.
    """
    return next((name for limit, name in BANDS if share < limit), ">5 %")
