"""Months protected beside years that are protected already.

Belongs here: the order of it, and what becomes of months that would tell something of their year.
Does not belong here: the systems (``system_months``) and the figures (``months``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anonymization.tables import TablePolicy, audit_system, protect_system, side_by_side
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import FIGURE
from pipelines.publication.system_months import (
    MonthGroup,
    joint_statuses,
    joint_system,
    month_groups,
)
from pipelines.publication.systems import (
    VERDICTS,
    AuditGroup,
    Year,
    in_order,
    verdicts_of,
)


@dataclass(frozen=True)
class ProtectedMonths:
    """The months of one audit group and year, and what may be shown of them.

    Attributes:
        months: The months.
        cells: One row per cell: ``cell_id``, ``status`` (ok | suppressed).
        audit: The audit of months and year together, as of ``audit_system``.
        withheld: Every month is hidden, since beside its year the pattern was not safe.
    """

    months: MonthGroup
    cells: pl.DataFrame
    audit: pl.DataFrame
    withheld: bool


def protected_months(
    months: pl.DataFrame,
    specs: Sequence[Indicator],
    years: Sequence[Year],
    policies: Mapping[str, TablePolicy],
) -> list[ProtectedMonths]:
    """Protect all months, whatever is shown of their years.

    Args:
        months: ``months.month_figures``.
        specs: Indicators to publish.
        years: Audit groups of the years with what is shown of each: ``cell_id``, ``status``.
        policies: The table policies by id.

    Raises:
        ProtectionError: Even hidden, months would tell too much; nothing is published then.
    """
    groups = month_groups(months, specs, years)
    of_year = {group.group_id: (group, cells) for group, cells in years}
    known = {one.group.group_id: one for one in groups}
    verdicts = pl.DataFrame(schema=VERDICTS)
    found: list[ProtectedMonths] = []

    def protected(group: AuditGroup) -> ProtectedMonths:
        one = known[group.group_id].beside(verdicts)
        return _protected(one, of_year.get(one.of_year), policies[group.policy_id])

    for wave in in_order([one.group for one in groups]):
        done = side_by_side(protected, wave)
        found += done
        told = (verdicts_of(one.months.group, one.cells) for one in done)
        verdicts = pl.concat([verdicts, *told])
    return found


def _protected(months: MonthGroup, year: Year | None, policy: TablePolicy) -> ProtectedMonths:
    cells = protect_system(months.group.system, policy).cells.select("cell_id", "status")
    audit = joint_audit(months, year, cells, policy)
    if audit["ok"].all():
        return ProtectedMonths(months, cells, audit, withheld=False)
    # With none of them in view the year is what it was without them.
    hidden = cells.with_columns(status=pl.lit("suppressed"))
    return ProtectedMonths(months, hidden, audit.clear(), withheld=True)


def joint_audit(
    months: MonthGroup, year: Year | None, cells: pl.DataFrame, policy: TablePolicy
) -> pl.DataFrame:
    """What a reader of months and year together could find out, as of ``audit_system``.

    Args:
        months: The months.
        year: Their year's audit group with what is shown of it: ``cell_id``, ``status``.
        cells: What is shown of the months: ``cell_id``, ``status``.
        policy: Their policy.
    """
    system = joint_system(months, year)
    return audit_system(system, joint_statuses(system, year, cells), policy)


def month_status(months: Sequence[ProtectedMonths]) -> pl.DataFrame:
    """What the verdicts mean for the figures by month.

    Returns:
        One row per exact figure: the keys of ``figures.FIGURE`` and shown (boolean).
    """
    if not months:
        schema = dict.fromkeys(FIGURE, pl.String) | dict.fromkeys(FIGURE[-2:], pl.Date)
        return pl.DataFrame(schema={**schema, "shown": pl.Boolean})
    # A cell's id tells its month.
    seen = pl.concat(one.cells for one in months).filter(pl.col("status") == "ok")["cell_id"]
    figures = pl.concat(one.months.group.figures for one in months)
    in_view = [
        pl.col(f"{role}_cell").is_in(seen.implode()) for role in ("numerator", "denominator")
    ]
    return figures.select(*FIGURE, shown=in_view[0] & in_view[1].fill_null(value=True)).sort(FIGURE)
