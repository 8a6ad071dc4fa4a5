"""Protection of a linked system: primary rules, secondary search, audit.

Here: the order of the steps and the refusal to hand out anything that the audit did not accept.
Not here: the steps themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.parallel import side_by_side
from anonymization.tables.audit import audit_system
from anonymization.tables.errors import ProtectionError, TableError
from anonymization.tables.matrix import blocks
from anonymization.tables.primary import primary_rules, requirement
from anonymization.tables.secondary import find_pattern
from anonymization.tables.system import BLOCKS, LinkedSystem, ProtectedSystem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.secondary import Pattern


def protect_system(system: LinkedSystem, policy: TablePolicy) -> ProtectedSystem:
    """Hide what must be hidden in tables that share unknowns, and prove that it suffices.

    Unsafe cells are hidden, then as little more as the search can find so that every hidden
    cell's feasible interval is wide enough for both attackers; an audit that knows only the
    published values accepts the result, or nothing is returned. Deterministic: neither the order
    of rows nor of threads matters.

    Args:
        system: The linked system, exact.
        policy: What is unsafe, and how wide is safe.

    Returns:
        Status and reason per cell, and the audit.

    Raises:
        TableError: The policy needs a column that is not filled.
        InconsistentTableError: The cells contradict each other or the public bounds.
        ProtectionError: No pattern satisfies the audit.
    """
    if policy.method != "suppress":
        raise TableError("policy.method: linked tables are protected by suppress only.")
    rules = primary_rules(system, policy)
    hidden = np.zeros(system.cells.height, dtype=bool)
    number = np.zeros(system.cells.height, dtype=np.int64)
    parts = blocks(system)
    patterns = side_by_side(
        lambda block: find_pattern(
            block,
            system.cells,
            requirement(block, system.cells, rules, policy),
            policy,
            system.sums,
        ),
        parts,
    )
    for place, (block, pattern) in enumerate(zip(parts, patterns, strict=True)):
        hidden[block.cell], number[block.cell] = pattern.hidden, place
    reason = (
        pl.when(~pl.col("hidden"))
        .then(None)
        .when(pl.col("rule").is_not_null())
        .then(pl.lit("primary"))
        .when("publishable")
        .then(pl.lit("secondary"))
        .otherwise(pl.lit("not_publishable"))
    )
    cells = (
        system.cells.select("cell_id", "publishable")
        .with_columns(pl.Series("hidden", hidden), rules["rule"])
        .select(
            "cell_id",
            pl.when("hidden").then(pl.lit("suppressed")).otherwise(pl.lit("ok")).alias("status"),
            reason.alias("reason"),
            "rule",
            pl.Series("block", number),
        )
    )
    audit = audit_system(system, cells, policy)
    if failed := audit.height - int(audit["ok"].sum()):
        raise ProtectionError(
            f"{system.size}: expected an audit without failures, got {failed} of {audit.height} "
            "hidden cells too narrow. Nothing of this system may be published."
        )
    return ProtectedSystem(cells, audit, _told(patterns))


def _told(patterns: Sequence[Pattern]) -> pl.DataFrame:
    """What stewards may know of the search in each block."""
    rows = [
        (place, len(found.hidden), int(found.hidden.sum()), found.cost, found.least, found.reason)
        for place, found in enumerate(patterns)
    ]
    return pl.DataFrame(rows, schema=BLOCKS, orient="row")
