"""Linked systems for the table door: what of the published figures hangs together, as equations.

Belongs here: which indicators must be audited together, and the cells, unknowns and terms of
each such group and period. Does not belong here: what is hidden (the table door decides) and
rates. The reasons for counting the region over its own strata, with a rest of unplaced
persons, are in ``docs/decisions/0005-region-margins-and-rest.md``.

Unknowns are measure × area × sex × age atom (the finest age group of the audit group), so
indicators that share a measure share unknowns. A denominator that is not public and of which
the numerator is a part is numerator + complement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from anonymization.tables import LinkedSystem
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    AREA,
    FIGURE,
    MUNICIPALITY,
    NOT_COVERED,
    PERIOD,
    Marts,
    figures,
    partition,
    stratum_rows,
)
from pipelines.publication.quantities import Quantities, audit_groups, quantities
from pipelines.publication.system_cells import (
    BAND,
    CELL_COLUMNS,
    Space,
    area_cells,
    members_of,
    terms_of,
)
from pipelines.publication.system_rest import block_cells, joint_groups, rest_cells, upper_bounds

__all__ = ["AuditGroup", "audit_groups", "figure_status", "linked_systems"]


@dataclass(frozen=True)
class AuditGroup:
    """Figures of one period that must be protected together.

    Attributes:
        group_id: Indicator ids joined by ``+``, and the year.
        policy_id: The policy that all its indicators name.
        indicator_ids: Its indicators, sorted.
        period_start: First day of the period.
        period_end: Last day of the period.
        system: Cells, unknowns and terms.
        figures: One row per exact figure: the keys of ``figures.FIGURE``, numerator_cell,
            denominator_cell (null where the denominator is public).
    """

    group_id: str
    policy_id: str
    indicator_ids: tuple[str, ...]
    period_start: date
    period_end: date
    system: LinkedSystem
    figures: pl.DataFrame


def linked_systems(
    marts: Marts, specs: Sequence[Indicator], counted: pl.DataFrame | None = None
) -> list[AuditGroup]:
    """Systems of all audit groups and periods.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        counted: ``figures.figures(marts, specs)``, if it is there already.

    Returns:
        One entry per audit group and period in which something is covered, in order.

    Raises:
        ValueError: If linked indicators differ in policy, coverage or way of counting, or
            their counts of the same measure differ.
    """
    exact = (figures(marts, specs) if counted is None else counted).filter("exact")
    rows, bands = stratum_rows(marts), partition(marts)
    systems = []
    for members in audit_groups(specs):
        ids = [spec.id for spec in members]
        mine = exact.filter(pl.col("indicator_id").is_in(ids))
        for period, in_period in sorted(
            mine.partition_by(*PERIOD, as_dict=True).items(), key=lambda item: item[0]
        ):
            start, end = period
            strata = rows.filter(pl.col("indicator_id").is_in(ids), pl.col("period_start") == start)
            _check_coverage(marts.coverage, members, start)
            system, keys = _system(members, in_period, strata, bands)
            systems.append(
                AuditGroup(
                    group_id=f"{'+'.join(ids)}|{start.year}",
                    policy_id=members[0].policy,
                    indicator_ids=tuple(ids),
                    period_start=start,
                    period_end=end,
                    system=system,
                    figures=keys,
                )
            )
    return systems


def _check_coverage(coverage: pl.DataFrame, members: Sequence[Indicator], start: date) -> None:
    """Linked indicators must sum the same municipalities, or the region's figures differ."""
    covered = coverage.filter(
        pl.col("indicator_id").is_in([spec.id for spec in members]),
        pl.col("period_start") == start,
        pl.col("area_level") == MUNICIPALITY,
        pl.col("coverage_state") != NOT_COVERED,
    )
    per_area = covered.group_by("area_code").agg(pl.col("indicator_id").n_unique())
    apart = per_area.filter(pl.col("indicator_id") != len(members)).height
    if apart:
        msg = (
            f"{', '.join(spec.id for spec in members)}: share a measure but {apart} areas are "
            "covered for some of them only; give them the same coverage or different measures"
        )
        raise ValueError(msg)


def _system(
    members: Sequence[Indicator], exact: pl.DataFrame, strata: pl.DataFrame, bands: pl.DataFrame
) -> tuple[LinkedSystem, pl.DataFrame]:
    parts = quantities(members)
    wanted = parts.from_figures(exact)
    space = Space.of(parts, wanted, strata, bands)
    named = area_cells(space, wanted)
    unknowns = members_of(space, named)
    terms = terms_of(space, named, unknowns)
    blocks = block_cells(space, named, unknowns)
    rest = rest_cells(named, terms)
    joint_cells, joint_terms = joint_groups(space, named, unknowns)
    joint_rest = rest_cells(joint_cells, joint_terms)
    implied = (blocks, rest, joint_rest)
    cells = pl.concat([frame.select(CELL_COLUMNS) for frame in (named, *(c for c, _ in implied))])
    all_terms = pl.concat([terms, *(t for _, t in implied)])
    system = LinkedSystem(
        variables=upper_bounds(space, all_terms),
        cells=cells,
        terms=all_terms.select("cell_id", "variable_id", coefficient=pl.lit(1.0)),
    )
    return system, _figure_cells(parts, exact, named)


def _figure_cells(parts: Quantities, exact: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Which cells each figure publishes."""
    keyed = exact.select(*FIGURE, "low", "high").join(parts.roles, on="indicator_id")
    cell = named.select("quantity", *AREA, "sex", *BAND, "cell_id")
    for role in ("numerator", "denominator"):
        keyed = keyed.join(
            cell.rename({"cell_id": f"{role}_cell"}),
            left_on=[f"{role}_quantity", *AREA, "sex", *BAND],
            right_on=["quantity", *AREA, "sex", *BAND],
            how="left",
        )
    return keyed.select(*FIGURE, "numerator_cell", "denominator_cell").sort(FIGURE)


def figure_status(groups: Sequence[tuple[AuditGroup, pl.DataFrame]]) -> pl.DataFrame:
    """What the table door's verdicts mean for the figures.

    Args:
        groups: Each audit group with the protected cells of its system: ``cell_id`` and
            ``status`` (ok | suppressed).

    Returns:
        One row per exact figure: the keys of ``figures.FIGURE`` and shown (boolean), true
        where every cell that the figure publishes is shown.

    Raises:
        ValueError: If a cell of a figure has no verdict.
    """
    frames = [_statuses(group, verdicts) for group, verdicts in groups]
    if not frames:
        schema = dict.fromkeys(FIGURE, pl.String)
        return pl.DataFrame(
            schema={**schema, **dict.fromkeys(PERIOD, pl.Date), "shown": pl.Boolean}
        )
    return pl.concat(frames).sort(FIGURE)


def _statuses(group: AuditGroup, verdicts: pl.DataFrame) -> pl.DataFrame:
    shown = verdicts.select("cell_id", ok=pl.col("status") == "ok")
    joined = group.figures
    for role in ("numerator", "denominator"):
        joined = joined.join(
            shown.rename({"ok": f"{role}_ok"}),
            left_on=f"{role}_cell",
            right_on="cell_id",
            how="left",
        )
    lacking = joined.filter(
        pl.col("numerator_ok").is_null()
        | (pl.col("denominator_cell").is_not_null() & pl.col("denominator_ok").is_null())
    ).height
    if lacking:
        msg = f"{group.group_id}: {lacking} figures have a cell without verdict"
        raise ValueError(msg)
    return joined.select(
        *FIGURE, shown=pl.col("numerator_ok") & pl.col("denominator_ok").fill_null(True)
    )
