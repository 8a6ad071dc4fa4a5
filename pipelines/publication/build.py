"""From exact counts to a release candidate: protect, then and only then compute what is shown.

Belongs here: the order of it. Does not belong here: any step (the modules beside this one, and
``anonymization.tables``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from anonymization.tables import ProtectedSystem, side_by_side
from pipelines.catalogue.breakdowns import breakdowns_table
from pipelines.catalogue.loader import Catalogue
from pipelines.catalogue.model import Indicator
from pipelines.clients.population_register import Provenance
from pipelines.publication.area_groups import area_groups_table
from pipelines.publication.comparisons import comparisons
from pipelines.publication.counties import protect_beside
from pipelines.publication.divisions import divisions
from pipelines.publication.figures import Marts, figures
from pipelines.publication.like_for_like import like_for_like
from pipelines.publication.medians import MEDIAN, median_values
from pipelines.publication.merged_areas import (
    merged_areas,
    merged_groups_table,
    with_left_over,
    with_merged_areas,
    with_references,
)
from pipelines.publication.months import month_values
from pipelines.publication.notes import breaks_table, caveats_table
from pipelines.publication.policy import table_policy
from pipelines.publication.pooled_years import pooled_figures, pooled_strata, pooled_values
from pipelines.publication.population import population_table
from pipelines.publication.protected_parts import (
    ProtectedParts,
    part_status,
    protected_parts,
)
from pipelines.publication.protected_pooled import (
    ProtectedPooled,
    pooled_status,
    protected_pooled,
)
from pipelines.publication.rates import CELL, indicator_values
from pipelines.publication.reference_tables import (
    areas_table,
    coverage_table,
    indicators_table,
)
from pipelines.publication.splits import split_values, with_parts
from pipelines.publication.standardised_door import publishable_direct
from pipelines.publication.standards import Standards
from pipelines.publication.systems import (
    VERDICTS,
    AuditGroup,
    figure_status,
    in_order,
    linked_systems,
    verdicts_of,
    without_denominator,
)
from pipelines.publication.unrounded import unrounded_values
from pipelines.settings import BorderSet

EXACT_DECIMALS = 6
"""Person-years are sums of days / 365, whose last bits depend on the order of adding. A day is
0.003; what is rounded here is no count, and would be taken for a changed one."""


@dataclass(frozen=True)
class Candidate:
    """What a release will hold, and what is known of its safety.

    Attributes:
        tables: Published tables by name, ``indicator_values`` without ``release_id``.
        exact: Exact counts per cell and whether it is shown; restricted.
        certificate: What was protected and found, counts only; public.
        audits: Each audit group with its protected system; restricted.
        parts: Each audit group's parts of years and what may be shown of them; restricted.
        pooled: Likewise its periods of several years; restricted.
    """

    tables: Mapping[str, pl.DataFrame]
    exact: pl.DataFrame
    certificate: Mapping[str, Any]
    audits: Sequence[tuple[AuditGroup, ProtectedSystem]]
    parts: Sequence[ProtectedParts] = ()
    pooled: Sequence[ProtectedPooled] = ()


def build(
    marts: Marts,
    catalogue: Catalogue,
    reference: Path,
    years: range,
    register: Provenance | None = None,
    inhabitants: pl.DataFrame | None = None,
    border_set: BorderSet = "date",
) -> Candidate:
    """Protect the counts and compute the figures that may be shown.

    Args:
        marts: Exact counts.
        catalogue: The loaded catalogue.
        reference: Folder of the reference CSV files.
        years: Calendar years of the release.
        register: Where public denominators come from; null: the journal.
        inhabitants: The register's inhabitants, as ``population_table`` takes them.
        border_set: The borders that history was cut to when it was counted.

    Returns:
        The candidate.

    Raises:
        ProtectionError: Some table cannot be made safe; nothing is published then.
    """
    specs = list(catalogue.indicators.values())
    groups = merged_areas(catalogue, reference)
    marts = with_merged_areas(marts, groups, specs)
    counted = figures(marts, specs)
    audits = _protected(linked_systems(marts, specs, counted), catalogue, marts.counties)
    policies = {spec.policy: table_policy(catalogue, spec.policy) for spec in specs}
    years_shown = [(group, protected.cells) for group, protected in audits]
    divided = divisions(marts, specs, catalogue.breakdowns, counted)
    parts = protected_parts(divided, specs, years_shown, policies)
    by_month, *by_value = (division.figures.drop("part") for division in divided)
    by_split = pl.concat(by_value) if by_value else by_month.clear()
    by_period = pooled_figures(marts, specs, counted)
    pooled = protected_pooled(by_period, specs, years_shown, policies)
    shown = figure_status(years_shown)
    standards = Standards.of(marts, specs, reference)
    unrounded = unrounded_values(marts, specs, standards, counted)
    values = indicator_values(
        marts,
        specs,
        standards,
        shown=shown,
        publishable=publishable_direct(
            marts,
            specs,
            standards,
            counted=counted,
            values=unrounded,
            shown=shown,
            policies=policies,
        ),
        release_id="",
        counted=counted,
        values=unrounded,
    )
    areas = areas_table(reference, border_set)
    alike = area_groups_table(reference).join(areas, on="area_code", how="semi")
    values = with_references(values, groups)
    in_part = part_status(parts)
    values = pl.concat(
        [
            values,
            median_values(marts.medians, specs, values),
            month_values(by_month, specs, in_part, ""),
            split_values(by_split, specs, in_part, ""),
            pooled_values(
                by_period,
                specs,
                pooled_status(pooled),
                "",
                pooled_strata(by_period, counted, marts, standards, specs),
            ),
        ]
    )
    if border_set != "date":
        values = values.with_columns(border_set=pl.lit(border_set))
    beside = [by_month, by_split, by_period]
    every = pl.concat([counted, *(frame.select(counted.columns) for frame in beside)])
    tables = {
        "indicator_values": values.drop("release_id"),
        "indicators": indicators_table(catalogue),
        "areas": areas,
        "coverage": coverage_table(reference).join(areas, on="area_code", how="semi"),
        "caveats": caveats_table(catalogue, years, register=register, border_set=border_set),
        "breaks": breaks_table(reference, border_set=border_set).join(
            areas, on="area_code", how="semi"
        ),
        "comparisons": comparisons(values.filter(pl.col("value_kind") != MEDIAN), specs, alike),
        "like_for_like": like_for_like(values, specs),
        "area_groups": alike,
        "breakdowns": breakdowns_table(catalogue.breakdowns),
        "population": population_table(inhabitants),
        "merged_groups": merged_groups_table(values, groups, reference),
    }
    return Candidate(
        tables=tables,
        exact=exact_cells(values, every, specs),
        certificate=certificate(audits, values, catalogue, [*parts, *pooled]),
        audits=audits,
        parts=parts,
        pooled=pooled,
    )


def _protected(
    groups: Sequence[AuditGroup], catalogue: Catalogue, counties: pl.DataFrame
) -> list[tuple[AuditGroup, ProtectedSystem]]:
    """Groups protected, each knowing which of the denominators before it are hidden."""
    audits: list[tuple[AuditGroup, ProtectedSystem]] = []
    verdicts = pl.DataFrame(schema=VERDICTS)

    def protected(group: AuditGroup) -> tuple[AuditGroup, ProtectedSystem]:
        known = without_denominator(group, verdicts)
        policy = table_policy(catalogue, known.policy_id)
        whole = with_left_over(known, policy)
        made, system = protect_beside(whole.system, policy, counties)
        return replace(whole, system=system), made

    for wave in in_order(groups):
        done = side_by_side(protected, wave)
        audits += done
        found = (verdicts_of(group, protected.cells) for group, protected in done)
        verdicts = pl.concat([verdicts, *found])
    return audits


def exact_cells(
    values: pl.DataFrame, counted: pl.DataFrame, specs: Sequence[Indicator]
) -> pl.DataFrame:
    """Exact counts of every countable cell, keyed as published, and whether it is shown.

    Args:
        values: ``indicator_values``.
        counted: ``figures`` of the release.
        specs: Indicators of the release.

    Returns:
        One row per cell: the ledger's keys, ``numerator``, ``denominator``, ``is_shown``.
    """
    crude = values.filter(pl.col("value_kind") == "crude")
    key = ["indicator_id", "area_code", "sex", "age_group", "breakdown", "breakdown_value",
           "period_start", "period_end"]  # fmt: skip
    exact = with_parts(counted.filter("exact")).select(*key, "numerator", "denominator")
    published = crude.drop("numerator", "denominator").with_columns(
        is_shown=pl.col("value_status") == "ok"
    )
    return published.join(exact, on=key, how="inner").select(
        *CELL,
        pl.col("numerator", "denominator").round(EXACT_DECIMALS),
        "is_shown",
    )


def certificate(
    audits: Sequence[tuple[AuditGroup, ProtectedSystem]],
    values: pl.DataFrame,
    catalogue: Catalogue,
    beside: Sequence[ProtectedParts | ProtectedPooled] = (),
) -> dict[str, Any]:
    """What outsiders may know of the protection: policies, tables, cells and verdicts.

    Neither the split between cells hidden for themselves and for others nor the narrowest
    interval is in it: both would help an attacker.

    Args:
        audits: Each audit group with its protected system.
        values: ``indicator_values``.
        catalogue: The loaded catalogue.
        beside: Parts of years and periods of several years of audit groups, each audited together
            with what it is part or sum of.
    """
    found = [protected.audit for _, protected in audits] + [one.audit for one in beside]
    used = sorted({group.policy_id for group, _ in audits})
    statuses = values.group_by("value_status").len().sort("value_status")
    return {
        "policies": {
            name: {
                "version": catalogue.policies[name].version,
                "rules": dict(catalogue.policies[name].rules),
            }
            for name in used
        },
        "systems_audited": len(audits) + len(beside),
        "cells_audited": sum(protected.cells.height for _, protected in audits)
        + sum(one.cells.height for one in beside),
        "figures_by_status": dict(statuses.iter_rows()),
        "attacks": [
            {
                "attack": "feasible interval of every hidden cell from all that is published "
                "(linear programme, population as upper bounds)",
                "succeeded": sum(int((~audit["ok"]).sum()) for audit in found),
            },
            {
                "attack": "exact recovery of a hidden cell",
                "succeeded": sum(int(audit["determined"].sum()) for audit in found),
            },
        ],
    }
