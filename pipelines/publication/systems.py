"""Linked systems for the table door: what of the published figures hangs together, as equations.

Belongs here: which indicators must be audited together, and the cells, unknowns and terms of
each such group and period. Does not belong here: what is hidden (the table door decides) and
rates. The reasons for counting the region over its own strata, with a rest of unplaced
persons, are in ``docs/decisions/0005-region-margins-and-rest.md``.

Unknowns are measure × area × sex × age atom (the finest age group of the audit group), so
indicators that share a measure share unknowns. A denominator that is not public and of which
the numerator is a part is numerator + complement; a common denominator has a system of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from anonymization.tables import LinkedSystem
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import (
    FIGURE,
    MUNICIPALITY,
    NOT_COVERED,
    PERIOD,
    Marts,
    figures,
    partition,
    stratum_rows,
)
from pipelines.publication.quantities import Linked, linked_indicators, quantities
from pipelines.publication.system_cells import (
    BAND,
    CELL_COLUMNS,
    Space,
    area_cells,
    cell_id,
    group_sums,
    members_of,
    terms_of,
)
from pipelines.publication.system_rest import (
    block_cells,
    covered_places,
    joint_groups,
    rest_cells,
    upper_bounds,
)

VERDICTS = {"period_start": pl.Date, "cell_id": pl.String, "ok": pl.Boolean}
"""Which cells of a period are shown."""


@dataclass(frozen=True)
class AuditGroup:
    """Figures of one period that must be protected together.

    Attributes:
        group_id: Indicator ids joined by ``+`` (or the common denominator), and the year.
        policy_id: The policy that all its indicators name.
        indicator_ids: Its indicators, sorted; none where it holds a common denominator alone.
        period_start: First day of the period.
        period_end: Last day of the period.
        system: Cells, unknowns and terms.
        figures: One row per exact figure: the keys of ``figures.FIGURE``, numerator_cell,
            denominator_cell (null where the denominator is public; a cell of another group of
            the period where it is common).
    """

    group_id: str
    policy_id: str
    indicator_ids: tuple[str, ...]
    period_start: date
    period_end: date
    system: LinkedSystem
    figures: pl.DataFrame


Year = tuple[AuditGroup, pl.DataFrame]
"""An audit group of a year with what is shown of it: ``cell_id`` and ``status``."""


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
    every = figures(marts, specs) if counted is None else counted
    exact = every.filter("exact")
    rows, bands = stratum_rows(marts), partition(marts)
    systems = []
    for linked in linked_indicators(specs):
        ids = [spec.id for spec in linked.members]
        concerned = [*linked.members, *linked.guests]
        all_ids = [spec.id for spec in concerned]
        mine = exact.filter(pl.col("indicator_id").is_in(all_ids))
        for period, in_period in sorted(
            mine.partition_by(*PERIOD, as_dict=True).items(), key=lambda item: item[0]
        ):
            start, end = period
            strata = rows.filter(
                pl.col("indicator_id").is_in(all_ids), pl.col("period_start") == start
            )
            _check_coverage(marts.coverage, concerned, start)
            grouped = marts.groups.filter(pl.col("indicator_id").is_in(all_ids))
            places = covered_places(
                every.filter(pl.col("indicator_id").is_in(all_ids), pl.col("period_start") == start)
            )
            system, keys = _system(
                linked, in_period, strata, bands, grouped, marts.counties, places
            )
            systems.append(
                AuditGroup(
                    group_id=f"{linked.name}|{start.year}",
                    policy_id=linked.policy_id,
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
    linked: Linked,
    exact: pl.DataFrame,
    strata: pl.DataFrame,
    bands: pl.DataFrame,
    groups: pl.DataFrame,
    counties: pl.DataFrame,
    places: pl.DataFrame,
) -> tuple[LinkedSystem, pl.DataFrame]:
    parts = quantities(linked)
    wanted = parts.from_figures(exact)
    members = groups.select("merged_group_id", "area_code").unique()
    space = Space.of(parts, wanted, strata, bands, members, counties)
    named = area_cells(space.fractional, wanted)
    unknowns = members_of(space, named)
    terms = terms_of(space, named, unknowns)
    blocks = block_cells(space, named, unknowns)
    rest = rest_cells(named, terms, places)
    joint_cells, joint_terms = joint_groups(space, named, unknowns)
    implied = [blocks, rest]
    if joint_cells.height:
        implied.append(rest_cells(joint_cells, joint_terms, places))
    cells = pl.concat([frame.select(CELL_COLUMNS) for frame in (named, *(c for c, _ in implied))])
    all_terms = pl.concat([terms, *(t for _, t in implied)])
    system = LinkedSystem(
        variables=upper_bounds(space, all_terms),
        cells=cells,
        terms=all_terms.select("cell_id", "variable_id", coefficient=pl.lit(1.0)),
        sums=group_sums(space, named),
    )
    return system, figure_cells(linked, exact)


def figure_cells(linked: Linked, exact: pl.DataFrame) -> pl.DataFrame:
    """Which cells each figure publishes, in this system or in that of a common denominator.

    Args:
        linked: The audit group.
        exact: Its figures that are exact: the keys of ``figures.FIGURE``, low and high.
    """
    measures = pl.DataFrame(
        [
            (
                spec.id,
                spec.numerator.measure,
                None if spec.denominator.public else spec.denominator.measure,
            )
            for spec in linked.members
        ],
        schema=dict.fromkeys(("indicator_id", "numerator", "denominator"), pl.String),
        orient="row",
    )
    keyed = exact.select(*FIGURE, *BAND).join(measures, on="indicator_id")
    return keyed.select(
        *FIGURE,
        numerator_cell=cell_id("numerator"),
        denominator_cell=cell_id("denominator"),
    ).sort(FIGURE)


def in_order(groups: Sequence[AuditGroup]) -> list[list[AuditGroup]]:
    """Groups in waves: the cells that a group's figures divide by are in a wave before its own.

    Args:
        groups: All audit groups of a release.

    Raises:
        ValueError: If denominators go round in a circle, or nobody protects one.
    """
    left, done, waves = list(groups), set[tuple[date, str]](), list[list[AuditGroup]]()
    while left:
        ready = [group for group in left if _needs(group) <= done]
        if not ready:
            msg = f"{left[0].group_id}: a denominator has no system, or is its own part"
            raise ValueError(msg)
        waves.append(ready)
        done |= {cell for group in ready for cell in _holds(group)}
        begun = {group.group_id for group in ready}
        left = [group for group in left if group.group_id not in begun]
    return waves


def _holds(group: AuditGroup) -> set[tuple[date, str]]:
    return {(group.period_start, cell) for cell in group.system.cells["cell_id"]}


def _needs(group: AuditGroup) -> set[tuple[date, str]]:
    cells = group.figures["denominator_cell"].drop_nulls().unique()
    return {(group.period_start, cell) for cell in cells} - _holds(group)


def without_denominator(group: AuditGroup, verdicts: pl.DataFrame) -> AuditGroup:
    """The group, its numerators not to be published where no figure has a denominator in view.

    Args:
        group: An audit group.
        verdicts: Cells of groups before it: period_start, cell_id, ``ok``.
    """
    known = verdicts.filter(pl.col("period_start") == group.period_start)
    own = group.system.cells.select("cell_id")
    outer = group.figures.join(own, left_on="denominator_cell", right_on="cell_id", how="anti")
    judged = outer.drop_nulls("denominator_cell").join(
        known.select(denominator_cell="cell_id", in_view="ok"), on="denominator_cell", how="left"
    )
    others = group.figures.join(judged, on=list(FIGURE), how="anti")
    hidden = (
        judged.group_by("numerator_cell")
        .agg(pl.col("in_view").any())
        .filter(~pl.col("in_view"))
        .join(others, on="numerator_cell", how="anti")
    )
    if hidden.is_empty():
        return group
    there = pl.col("cell_id").is_in(hidden["numerator_cell"].implode())
    cells = group.system.cells.with_columns(publishable=pl.col("publishable") & ~there)
    return replace(group, system=replace(group.system, cells=cells))


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
    if not groups:
        schema = dict.fromkeys(FIGURE, pl.String)
        return pl.DataFrame(
            schema={**schema, **dict.fromkeys(PERIOD, pl.Date), "shown": pl.Boolean}
        )
    shown = pl.concat([verdicts_of(*group) for group in groups])
    joined = pl.concat([group.figures for group, _ in groups])
    for role in ("numerator", "denominator"):
        joined = joined.join(
            shown.rename({"ok": f"{role}_ok", "cell_id": f"{role}_cell"}),
            on=["period_start", f"{role}_cell"],
            how="left",
        )
    lacking = joined.filter(
        pl.col("numerator_ok").is_null()
        | (pl.col("denominator_cell").is_not_null() & pl.col("denominator_ok").is_null())
    )
    if lacking.height:
        names = ", ".join(sorted(lacking["indicator_id"].unique()))
        msg = f"{names}: {lacking.height} figures have a cell without verdict"
        raise ValueError(msg)
    return joined.select(
        *FIGURE, shown=pl.col("numerator_ok") & pl.col("denominator_ok").fill_null(True)
    ).sort(FIGURE)


def verdicts_of(group: AuditGroup, cells: pl.DataFrame) -> pl.DataFrame:
    """Verdicts with the period that they are of: period_start, cell_id, ``ok``."""
    return cells.select(
        pl.lit(group.period_start).alias("period_start"), "cell_id", ok=pl.col("status") == "ok"
    )
