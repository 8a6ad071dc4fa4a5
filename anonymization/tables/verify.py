"""A protected table as it was written, held against the exact counts it was made of.

Here: which cells a reader sees, whether they say what was counted, and the audit of the others.
Not here: anything of how the table was made; a table from elsewhere is judged the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from anonymization.tables.audit import audit_system
from anonymization.tables.audit_rounded import audit_rounded
from anonymization.tables.errors import TableError
from anonymization.tables.lattice import Dimensions, cell_id
from anonymization.tables.merging import Members
from anonymization.tables.published import table_of

if TYPE_CHECKING:
    from anonymization.tables.policy import TablePolicy

SAME = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What was found about a table as written.

    Attributes:
        cells: Cells of the table, margins included.
        hidden: Cells without a count; none of a rounded table.
        recovered: Hidden cells that a reader can narrow below the policy's width, and unsafe
            cells in full view.
        determined: Hidden cells that a reader can compute exactly.
        misstated: Shown cells that say something else than was counted, or than rounding it
            gives.
        audit: One row per hidden cell, as :func:`anonymization.tables.audit_system` returns it.
    """

    cells: int
    hidden: int
    recovered: int
    determined: int
    misstated: int
    audit: pl.DataFrame

    @property
    def ok(self) -> bool:
        """Nothing can be recovered, and what is shown is what was counted."""
        return self.recovered == 0 and self.misstated == 0


def verify(
    table: pl.DataFrame,
    cells: pl.DataFrame,
    dimensions: Dimensions,
    policy: TablePolicy,
    members: Members | None = None,
) -> Verdict:
    """Judge a published table by the counts behind it.

    Args:
        table: The table as published: a column per dimension and ``count``, null where hidden.
        cells: Base cells, as given to :func:`anonymization.tables.protect`.
        dimensions: Dimension → hierarchy, as given there.
        policy: What is unsafe, how wide is safe, and what is merged.
        members: Public facts about members that are merged by size, as given there.

    Raises:
        TableError: The table has other cells than the base cells and hierarchies lead to.
    """
    system = table_of(cells, dimensions, policy, members).system
    published = system.cells.filter("publishable").select("cell_id", "value")
    seen = table.select(
        cell_id(list(dimensions)).alias("cell_id"), pl.col("count").cast(pl.Float64)
    )
    both = published.join(seen, on="cell_id", how="inner")
    if not seen.height == both.height == published.height:
        raise TableError(
            f"table: expected {published.height} cells, each once, got {seen.height} rows of "
            f"which {both.height} belong."
        )
    if policy.method == "round":
        return _rounded(both, system.terms, policy)
    shown = both["count"].is_not_null()
    in_view = both.filter(shown)["cell_id"].implode()
    status = system.cells.select(
        "cell_id",
        status=pl.when(pl.col("cell_id").is_in(in_view))
        .then(pl.lit("ok"))
        .otherwise(pl.lit("suppressed")),
    )
    audit = audit_system(system, status, policy)
    wrong = (both["count"] - both["value"]).abs() > SAME * both["value"].abs().clip(1.0)
    return Verdict(
        cells=both.height,
        hidden=int((~shown).sum()),
        recovered=int((~audit["ok"]).sum()),
        determined=int(audit["determined"].sum()),
        misstated=int(wrong.sum()),
        audit=audit,
    )


def _rounded(both: pl.DataFrame, terms: pl.DataFrame, policy: TablePolicy) -> Verdict:
    """A rounded table says of each base cell one of the two multiples beside a small count."""
    audit = audit_rounded(
        both.select("cell_id", pl.col("count").fill_null(-1.0).alias("published")), terms, policy
    )
    base = both.join(terms.select(pl.col("variable_id").alias("cell_id")).unique(), on="cell_id")
    off = (pl.col("count") - pl.col("value")).abs()
    small = pl.col("value").is_between(1, policy.threshold - 1)
    near = (off < policy.rounding_base) & (pl.col("count") % policy.rounding_base == 0)
    wrong = base.filter(~pl.when(small).then(near).otherwise(off <= SAME).fill_null(False)).height
    strayed = both.filter((off > policy.rounding_limit).fill_null(True)).height
    return Verdict(
        cells=both.height,
        hidden=0,
        recovered=int((~audit["ok"]).sum()),
        determined=int(audit["determined"].sum()),
        misstated=wrong + strayed,
        audit=audit,
    )
