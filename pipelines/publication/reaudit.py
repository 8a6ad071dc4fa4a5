"""The disclosure audit again, on a release's files.

Belongs here: reading what was written, and asking of every hidden cell what a reader could find
out from all that is shown. Does not belong here: how the pattern was made; nothing of that is
used, so that a fault there is found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from anonymization.tables import audit_system, side_by_side
from pipelines.catalogue.loader import Catalogue
from pipelines.catalogue.model import Indicator
from pipelines.publication.counties import owing_nothing
from pipelines.publication.divisions import divisions
from pipelines.publication.figures import FIGURE, TOTAL, Marts, figures
from pipelines.publication.merged_areas import groups_in, with_left_over, with_merged_areas
from pipelines.publication.policy import table_policy
from pipelines.publication.pooled_years import pooled_figures
from pipelines.publication.protected_parts import joint_audit
from pipelines.publication.protected_pooled import joint_audit as pooled_audit
from pipelines.publication.rates import POOLED_TYPES
from pipelines.publication.splits import as_parts
from pipelines.publication.system_parts import PartGroup, part_groups
from pipelines.publication.system_pooled import POOLED, PooledGroup, pooled_groups
from pipelines.publication.systems import (
    AuditGroup,
    Year,
    linked_systems,
    without_denominator,
)

JOIN = ("indicator_id", "area_code", "sex", "age_group", "period_start")


@dataclass(frozen=True)
class FileAudit:
    """What the audit of a release's files found.

    Attributes:
        hidden: Cells that a reader does not see and that must not be found out.
        recovered: Hidden cells whose feasible interval is narrower than the policy asks,
            unsafe cells in full view, and counties in view that tell what lies beyond them.
        determined: Hidden cells that can be computed exactly.
        narrowest: Width of the narrowest feasible interval, null when nothing is hidden. For
            stewards only.
        width_required: Least width that was asked of a cell, null when nothing is hidden.
        misstated: Figures whose file shows another count than the marts hold.
        cells: One row per hidden cell, for stewards: period_start and the columns of
            :func:`anonymization.tables.audit_system`.
    """

    hidden: int
    recovered: int
    determined: int
    narrowest: float | None
    width_required: float | None
    misstated: int
    cells: pl.DataFrame = field(default_factory=pl.DataFrame, compare=False)

    @property
    def ok(self) -> bool:
        """Nothing can be recovered, and what is shown is what was counted."""
        return self.recovered == 0 and self.misstated == 0


def audit_files(folder: Path, marts: Marts, catalogue: Catalogue) -> FileAudit:
    """Audit the files of a release as a reader finds them.

    Args:
        folder: Folder of the release.
        marts: Exact counts, for the equations and for what is required of each cell.
        catalogue: The loaded catalogue.
    """
    values = pl.read_parquet(folder / "indicator_values.parquet")
    by_value = as_parts(values)
    all_crude = values.filter(pl.col("value_kind") == "crude", pl.col("breakdown") == TOTAL)
    crude = all_crude.filter(pl.col("period_type") == "year")
    specs = list(catalogue.indicators.values())
    merged = with_merged_areas(marts, groups_in(folder), specs)
    counted = figures(merged, specs)
    groups = linked_systems(merged, specs, counted)
    if not groups:
        return FileAudit(0, 0, 0, None, None, 0)
    told = [_told(group, crude) for group in groups]
    misstated = sum(map(_misstated, groups, told))
    in_view = pl.concat(map(_in_view, told)).unique().with_columns(ok=pl.lit(True))
    divisors = pl.concat(group.figures for group in groups).select(
        "period_start", cell_id="denominator_cell"
    )
    unseen = divisors.join(in_view, on=["period_start", "cell_id"], how="anti").unique()

    def audited(group: AuditGroup) -> pl.DataFrame:
        policy = table_policy(catalogue, group.policy_id)
        known = with_left_over(group, policy)
        found = audit_system(known.system, _cell_statuses(known, in_view), policy)
        return found.with_columns(period_start=pl.lit(group.period_start))

    def as_read(group: AuditGroup) -> AuditGroup:
        divided = _only_divided_by(without_denominator(group, in_view), unseen)
        statuses = _cell_statuses(divided, in_view)
        return replace(divided, system=owing_nothing(divided.system, statuses, marts.counties))

    groups = list(map(as_read, groups))
    years = [(group, _cell_statuses(group, in_view)) for group in groups]
    by_month = all_crude.filter(pl.col("period_type").is_in(["month", "quarter"]))
    by_part = _parts(
        pl.concat([by_month, by_value]),
        [
            one
            for division in divisions(marts, specs, catalogue.breakdowns, counted)
            for one in part_groups(division, specs, years)
        ],
        years,
        catalogue,
    )
    by_period = _pooled(
        all_crude.filter(pl.col("period_type").is_in(list(POOLED_TYPES.values()))),
        pooled_figures(marts, specs, counted),
        specs,
        years,
        catalogue,
    )
    misstated += by_part.misstated + by_period.misstated
    audit = pl.concat([*side_by_side(audited, groups), *by_part.audits, *by_period.audits])
    widths = audit.select(
        pl.min_horizontal(pl.col("upper") - pl.col("lower"), pl.lit(1e9)).min().alias("narrowest"),
        pl.col("width_required").min().alias("required"),
    ).row(0, named=True)
    return FileAudit(
        hidden=audit.height,
        recovered=int((~audit["ok"]).sum()),
        determined=int(audit["determined"].sum()),
        narrowest=widths["narrowest"],
        width_required=widths["required"],
        misstated=misstated,
        # A total of the year was audited alone and beside its parts; the narrower of both counts.
        cells=audit.sort(pl.col("upper") - pl.col("lower"), "period_start", "cell_id").unique(
            ["period_start", "cell_id"], keep="first", maintain_order=True
        ),
    )


@dataclass(frozen=True)
class _JointAudit:
    """What the audit of periods, each group together with its year or years, found."""

    audits: Sequence[pl.DataFrame]
    misstated: int


def _parts(
    crude: pl.DataFrame, groups: Sequence[PartGroup], years: Sequence[Year], catalogue: Catalogue
) -> _JointAudit:
    """Audit what the file says of parts of years, all of a year together and beside it."""
    told = {one.group.group_id: _told(one.group, crude) for one in groups}
    wrong = sum(_misstated(one.group, told[one.group.group_id]) for one in groups)
    if not groups:
        return _JointAudit([], 0)
    start = pl.col("period_start").dt.truncate("1y")
    # A cell's id tells its part: of the systems, all are of the year.
    seen = pl.concat(_in_view(one) for one in told.values()).with_columns(start).unique()
    needed = pl.concat(one.group.figures for one in groups).select(
        start, cell_id="denominator_cell"
    )
    unseen = needed.drop_nulls().unique().join(seen, on=["period_start", "cell_id"], how="anti")
    in_view = seen.with_columns(ok=pl.lit(value=True))
    of_year = {group.group_id: (group, cells) for group, cells in years}

    def known(one: PartGroup) -> tuple[PartGroup, pl.DataFrame]:
        beside = one.beside(in_view)
        own = _only_divided_by(beside.group, unseen)
        return replace(beside, group=own), _cell_statuses(own, in_view)

    def audited(parts: Sequence[PartGroup]) -> pl.DataFrame:
        group = parts[0].group
        policy = table_policy(catalogue, group.policy_id)
        found = joint_audit([known(one) for one in parts], of_year.get(parts[0].of_year), policy)
        return found.with_columns(period_start=pl.lit(group.period_start))

    # Where no part is in view the year stands alone, and was audited so.
    together: dict[str, list[PartGroup]] = {}
    for one in groups:
        if _cells_in_view(one.group, seen):
            together.setdefault(one.of_year, []).append(one)
    return _JointAudit(side_by_side(audited, list(together.values())), wrong)


def _pooled(
    crude: pl.DataFrame,
    pooled: pl.DataFrame,
    specs: Sequence[Indicator],
    years: Sequence[Year],
    catalogue: Catalogue,
) -> _JointAudit:
    """Audit what the file says of periods of several years beside what it says of their years."""
    groups = pooled_groups(pooled, specs, years)
    told = {one.group.group_id: _told(one.group, crude) for one in groups}
    wrong = sum(_misstated(one.group, told[one.group.group_id]) for one in groups)
    seen = {name: _in_view(rows)["cell_id"].implode() for name, rows in told.items()}

    def audited(one: PooledGroup) -> pl.DataFrame:
        own = pl.col("cell_id").str.starts_with(POOLED)
        in_view = pl.col("cell_id").is_in(seen[one.group.group_id])
        statuses = one.group.system.cells.filter(own).select(
            "cell_id", status=pl.when(in_view).then(pl.lit("ok")).otherwise(pl.lit("suppressed"))
        )
        policy = table_policy(catalogue, one.group.policy_id)
        found = pooled_audit(one, statuses, policy)
        return found.with_columns(period_start=pl.lit(one.group.period_start))

    # Where no period is in view the years stand alone, and were audited so.
    some = [one for one in groups if told[one.group.group_id]["numerator"].count()]
    return _JointAudit(side_by_side(audited, some), wrong)


def _cells_in_view(group: AuditGroup, seen: pl.DataFrame) -> int:
    shown = seen.filter(pl.col("period_start") == group.period_start)
    return group.system.cells.join(shown, on="cell_id", how="semi").height


def _only_divided_by(group: AuditGroup, unseen: pl.DataFrame) -> AuditGroup:
    """The group, its common denominators owing nothing where no figure shows them.

    They are safe, and hidden because every numerator above them is.
    """
    own = group.figures.select(pl.col("denominator_cell").alias("cell_id")).unique()
    lent = (
        unseen.filter(pl.col("period_start") == group.period_start)
        .join(own, on="cell_id", how="anti")["cell_id"]
        .implode()
    )
    cells = group.system.cells.with_columns(
        publishable=pl.col("publishable") & ~pl.col("cell_id").is_in(lent)
    )
    return replace(group, system=replace(group.system, cells=cells))


def _told(group: AuditGroup, crude: pl.DataFrame) -> pl.DataFrame:
    """What the file says of a group's figures."""
    shown = crude.select(*JOIN, "numerator", "denominator", "value_status")
    return group.figures.join(shown, on=JOIN, how="left")


def _in_view(told: pl.DataFrame) -> pl.DataFrame:
    """Cells whose number some figure of the file shows: period_start, cell_id."""
    # "No data" is said of a denominator of nothing, and so tells a zero.
    seen = [
        told.filter(pl.col(role).is_not_null() | (pl.col("value_status") == "missing")).select(
            "period_start", cell_id=f"{role}_cell"
        )
        for role in ("numerator", "denominator")
    ]
    return pl.concat(seen).drop_nulls("cell_id")


def _cell_statuses(group: AuditGroup, in_view: pl.DataFrame) -> pl.DataFrame:
    """Status of a group's cells as a reader of the file finds them."""
    shown = in_view.filter(pl.col("period_start") == group.period_start)["cell_id"]
    return group.system.cells.select(
        "cell_id",
        status=pl.when(pl.col("cell_id").is_in(shown.implode()))
        .then(pl.lit("ok"))
        .otherwise(pl.lit("suppressed")),
    )


def _misstated(group: AuditGroup, told: pl.DataFrame) -> int:
    """Figures whose shown numerator is not the system's value of its cell."""
    values = group.system.cells.select(pl.col("cell_id").alias("numerator_cell"), "value")
    joined = told.join(values, on="numerator_cell", how="left")
    wrong = (pl.col("numerator") - pl.col("value")).abs() > 1e-6
    return joined.select(*FIGURE, "numerator", "value").filter(wrong.fill_null(value=False)).height
