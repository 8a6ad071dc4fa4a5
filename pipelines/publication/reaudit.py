"""The disclosure audit again, on a release's files.

Belongs here: reading what was written, and asking of every hidden cell what a reader could find
out from all that is shown. Does not belong here: how the pattern was made; nothing of that is
used, so that a fault there is found here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from anonymization.tables import TablePolicy, audit_system, side_by_side
from pipelines.catalogue.loader import Catalogue
from pipelines.publication.figures import FIGURE, Marts
from pipelines.publication.policy import table_policy
from pipelines.publication.systems import AuditGroup, linked_systems

JOIN = ("indicator_id", "area_code", "sex", "age_group", "period_start")


@dataclass(frozen=True)
class FileAudit:
    """What the audit of a release's files found.

    Attributes:
        hidden: Cells that a reader does not see and that must not be found out.
        recovered: Hidden cells whose feasible interval is narrower than the policy asks, and
            unsafe cells in full view.
        determined: Hidden cells that can be computed exactly.
        narrowest: Width of the narrowest feasible interval, null when nothing is hidden. For
            stewards only.
        width_required: Least width that was asked of a cell, null when nothing is hidden.
        misstated: Figures whose file shows another count than the marts hold.
    """

    hidden: int
    recovered: int
    determined: int
    narrowest: float | None
    width_required: float | None
    misstated: int

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
    crude = values.filter(pl.col("value_kind") == "crude")
    found = side_by_side(
        lambda group: _audit_group(group, crude, table_policy(catalogue, group.policy_id)),
        linked_systems(marts, list(catalogue.indicators.values())),
    )
    if not found:
        return FileAudit(0, 0, 0, None, None, 0)
    audit = pl.concat(frame for frame, _ in found)
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
        misstated=sum(misstated for _, misstated in found),
    )


def _audit_group(
    group: AuditGroup, crude: pl.DataFrame, policy: TablePolicy
) -> tuple[pl.DataFrame, int]:
    """The audit of one group's cells, and how many figures are misstated."""
    told = group.figures.join(
        crude.select(*JOIN, "numerator", "denominator", "value_status"), on=JOIN, how="left"
    )
    audit = audit_system(group.system, _cell_statuses(group, told), policy)
    return audit, _misstated(group, told)


def _cell_statuses(group: AuditGroup, told: pl.DataFrame) -> pl.DataFrame:
    """A cell is in view when any figure of the file shows its number."""
    seen = pl.concat(
        [
            told.select(
                pl.col(f"{role}_cell").alias("cell_id"),
                # "No data" is said of a denominator of nothing, and so tells a zero.
                (pl.col(role).is_not_null() | (pl.col("value_status") == "missing")).alias(
                    "in_view"
                ),
            )
            for role in ("numerator", "denominator")
        ]
    ).drop_nulls("cell_id")
    in_view = seen.filter("in_view")["cell_id"].unique()
    return group.system.cells.select(
        "cell_id",
        pl.when(pl.col("cell_id").is_in(in_view.implode()))
        .then(pl.lit("ok"))
        .otherwise(pl.lit("suppressed"))
        .alias("status"),
    )


def _misstated(group: AuditGroup, told: pl.DataFrame) -> int:
    """Figures whose shown numerator is not the system's value of its cell."""
    values = group.system.cells.select(pl.col("cell_id").alias("numerator_cell"), "value")
    joined = told.join(values, on="numerator_cell", how="left")
    wrong = (pl.col("numerator") - pl.col("value")).abs() > 1e-6
    return joined.select(*FIGURE, "numerator", "value").filter(wrong.fill_null(value=False)).height
