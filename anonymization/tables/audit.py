"""The audit: what a reader of the published values can work out about the hidden ones.

Here: for every hidden cell the proven interval and a verdict, from the values of shown cells, the
public bounds and the policy alone. Not here: any knowledge of how the pattern was found; the
audit would judge a pattern drawn by hand the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from anonymization.parallel import side_by_side
from anonymization.tables.attackers import Attacker, attackers
from anonymization.tables.errors import TableError
from anonymization.tables.intervals import Need, Polytope, prove
from anonymization.tables.matrix import blocks
from anonymization.tables.primary import primary_rules, requirement

if TYPE_CHECKING:
    from anonymization.tables.matrix import Block, Bools, Floats, Ints
    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.primary import Requirement
    from anonymization.tables.system import LinkedSystem

STATUSES = ("ok", "suppressed")
COLUMNS = (
    "cell_id",
    "lower",
    "upper",
    "width_required",
    "ok",
    "determined",
    "second_lower",
    "second_upper",
)
SAME = 1e-6


def hidden_cells(system: LinkedSystem, status: pl.DataFrame) -> Bools:
    """Whether each cell of the system is hidden, by a frame of cell_id and status.

    Raises:
        TableError: A cell has no status, two, or one that is unknown.
    """
    known = system.cells.select("cell_id").join(
        status.select("cell_id", "status"), on="cell_id", how="left", maintain_order="left"
    )
    if known.height != system.cells.height:
        raise TableError("status.cell_id: expected one status per cell, got repeated ids.")
    if wrong := known.filter(~pl.col("status").is_in(STATUSES).fill_null(False)).height:
        raise TableError(
            f"status: expected {' or '.join(STATUSES)} for each cell, got {wrong} without."
        )
    found: Bools = (known["status"] == "suppressed").to_numpy()
    return found


def exact_intervals(polytope: Polytope, cells: Ints, size: int) -> tuple[Floats, Floats]:
    """Exact feasible ends of some of so many cells, by two linear programmes each."""
    low, high, direction = np.full(size, -np.inf), np.full(size, np.inf), np.zeros(size)
    for cell in cells:
        direction[cell] = 1.0
        high[cell] = polytope.extreme(direction)[1]
        low[cell] = -polytope.extreme(-direction)[1]
        direction[cell] = 0.0
    return low, high


def _proven(block: Block, value: Floats, hidden: Bools, attacker: Attacker) -> tuple[Need, Bools]:
    """Intervals proven for one attacker, and which targets are wide enough."""
    unseen = np.full(len(value), np.inf)
    need = attacker.need(unseen, -unseen)
    polytope = attacker.polytope(block, value, hidden)
    targets = attacker.targets(hidden)
    narrow = prove(polytope, need, targets)
    met = np.ones(len(value), dtype=bool)
    met[narrow] = False
    return need, met


def _audit_block(
    block: Block, value: Floats, hidden: Bools, required: Requirement, exact: bool
) -> pl.DataFrame:
    readers = attackers(required)
    proven = side_by_side(lambda reader: _proven(block, value, hidden, reader), readers)
    # An unsafe cell in full view is known exactly, and that is not ok.
    exposed = required.unsafe & ~hidden
    ok, told = ~exposed, np.zeros(len(value), dtype=bool)
    ends = {who: (value.copy(), value.copy()) for who in ("first", "second")}
    for reader, (need, met) in zip(readers, proven, strict=True):
        mine = reader.targets(hidden)
        ok &= met
        if reader.name == "second":
            told[mine] = True
        elif exact:
            free = reader.polytope(block, value, hidden, bounded=False)
            need.low, need.high = exact_intervals(free, mine, len(value))
        for end, found in zip(ends[reader.name], need.ends(), strict=True):
            end[mine] = found[mine]
    low, high = ends["first"]
    least, most = ends["second"]
    report = pl.DataFrame(
        {
            "cell": block.cell,
            "lower": low,
            "upper": high,
            "width_required": required.width,
            "ok": ok,
            "determined": high - low <= SAME,
            "second_lower": least,
            "second_upper": most,
        }
    )
    return report.with_columns(
        pl.when(pl.Series(told | exposed)).then(pl.col("second_lower", "second_upper"))
    ).filter(pl.Series((hidden & required.owed) | exposed))


def audit_system(
    system: LinkedSystem, status: pl.DataFrame, policy: TablePolicy, exact: bool = False
) -> pl.DataFrame:
    """Judge a pattern of hidden cells, however it was made.

    The intervals are computed from the values of shown cells and the public bounds; the values of
    hidden cells enter only into what is required of them (a share of a magnitude).

    Args:
        system: The linked system.
        status: One row per cell: ``cell_id``, ``status`` (ok | suppressed).
        policy: What is unsafe, and how wide is safe.
        exact: Compute both ends of every interval. By default an interval is followed only until
            it is proven wide enough, so its ends lie inside the exact ones.

    Returns:
        One row per hidden cell that must be protected (and per unsafe cell that is shown),
        ordered by ``cell_id``: ``cell_id``; ``lower`` and ``upper``, the interval that the first
        attacker cannot rule out, in units of the value (whole numbers for counts; ``upper``
        infinite where nothing bounds it); ``width_required``; ``ok``, wide enough for both
        attackers; ``determined``, the interval is a single value; ``second_lower`` and
        ``second_upper``, what the second attacker cannot rule out of a cell that it can tell to
        be small (null for all others), of which two values must stay possible.

    Raises:
        TableError: The statuses do not fit the cells.
        InconsistentTableError: No base values agree with the shown cells.
    """
    hidden = hidden_cells(system, status)
    rules = primary_rules(system, policy)
    value = system.cells["value"].to_numpy()
    parts = side_by_side(
        lambda block: _audit_block(
            block,
            value[block.cell],
            hidden[block.cell],
            requirement(block, system.cells, rules, policy),
            exact,
        ),
        blocks(system),
    )
    ids = system.cells.select("cell_id").with_row_index("cell").cast({"cell": pl.Int64})
    return pl.concat(parts).join(ids, on="cell").sort("cell_id").select(*COLUMNS)
