"""What a reader can make of a rounded table, given the method and its base.

Here: the counts that each published base count may stand for, and so the interval of every cell.
Margins are sums of published base counts and tell nothing beyond them, which is checked, so what
each cell may be follows without a programme. Not here: how the table was rounded (``rounding``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.tables.errors import TableError

if TYPE_CHECKING:
    from anonymization.tables.matrix import Bools, Floats
    from anonymization.tables.policy import TablePolicy


def could_be(published: Floats, policy: TablePolicy) -> tuple[Floats, Floats, Bools]:
    """Least and largest count behind each published base count, and whether there are several.

    A small count lies less than one base from what is published; a large one, and nothing, is
    published as it is.
    """
    base, top = policy.rounding_base, policy.threshold - 1
    least = np.maximum(published - base + 1, 1.0)
    most = np.minimum(published + base - 1, float(top))
    small = (published % base == 0) & (least <= most)
    itself = (published == 0) | (published > top)
    low = np.where(small, np.where(itself, np.minimum(least, published), least), published)
    high = np.where(small, np.where(itself, np.maximum(most, published), most), published)
    return low, high, low < high


def audit_rounded(
    published: pl.DataFrame, terms: pl.DataFrame, policy: TablePolicy
) -> pl.DataFrame:
    """Judge a rounded table by what is published alone.

    Args:
        published: One row per cell: ``cell_id``, ``published``.
        terms: Cells over base cells, as of :class:`anonymization.tables.LinkedSystem`.
        policy: Base, threshold and width.

    Returns:
        One row per base cell that may be small, as :func:`anonymization.tables.audit_system`
        returns it.

    Raises:
        TableError: A margin is not the sum of its base cells.
    """
    base = published.join(
        terms.select(pl.col("variable_id").alias("cell_id")).unique(), on="cell_id"
    ).sort("cell_id")
    sums = (
        terms.join(base, left_on="variable_id", right_on="cell_id")
        .group_by("cell_id")
        .agg(pl.col("published").sum().alias("sum"))
    )
    both = published.join(sums, on="cell_id", how="left")
    off = (both["published"] - both["sum"]).abs() > 1e-6
    if wrong := int(off.fill_null(True).sum()):
        raise TableError(f"table: expected margins that add up, got {wrong} that do not.")
    told = base["published"].to_numpy()
    low, high, several = could_be(told, policy)
    # A small count in full view has no interval, and that is not ok.
    exposed = (told >= 1) & (told < policy.threshold) & ~several
    return base.select(
        "cell_id",
        lower=pl.Series(low),
        upper=pl.Series(high),
        width_required=pl.lit(policy.protection_width),
        ok=pl.Series(high - low >= policy.protection_width),
        determined=pl.Series(~several),
    ).filter(pl.Series(several | exposed))
