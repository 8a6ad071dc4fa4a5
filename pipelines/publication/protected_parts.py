"""Parts of years protected beside years that are protected already.

Belongs here: the order of it, and what becomes of parts that would tell something of their year.
Does not belong here: the systems (``system_parts``) and the figures (``months``, ``splits``).

Divisions are protected one after another, each knowing what the earlier ones show: months are what
they are without splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anonymization.tables import TablePolicy, audit_system, protect_system, side_by_side
from pipelines.catalogue.model import Indicator
from pipelines.publication.divisions import Division
from pipelines.publication.figures import FIGURE
from pipelines.publication.system_parts import (
    PartGroup,
    joint_statuses,
    joint_system,
    part_groups,
)
from pipelines.publication.systems import (
    VERDICTS,
    AuditGroup,
    Year,
    in_order,
    verdicts_of,
)


@dataclass(frozen=True)
class ProtectedParts:
    """The parts that a division makes of one audit group's year, and what may be shown of them.

    Attributes:
        parts: The parts.
        cells: One row per cell: ``cell_id``, ``status`` (ok | suppressed).
        audit: The audit of these parts, those of earlier divisions and the year together, as of
            ``audit_system``.
        withheld: Every part is hidden, since beside the others the pattern was not safe.
    """

    parts: PartGroup
    cells: pl.DataFrame
    audit: pl.DataFrame
    withheld: bool


def protected_parts(
    divisions: Sequence[Division],
    specs: Sequence[Indicator],
    years: Sequence[Year],
    policies: Mapping[str, TablePolicy],
) -> list[ProtectedParts]:
    """Protect all parts, whatever is shown of their years.

    Args:
        divisions: The divisions, in the order of protection.
        specs: Indicators to publish.
        years: Audit groups of the years with what is shown of each: ``cell_id``, ``status``.
        policies: The table policies by id.

    Raises:
        ProtectionError: Even hidden, parts would tell too much; nothing is published then.
    """
    found: list[ProtectedParts] = []
    for division in divisions:
        found += _of_division(division, specs, years, policies, found)
    return found


def _of_division(
    division: Division,
    specs: Sequence[Indicator],
    years: Sequence[Year],
    policies: Mapping[str, TablePolicy],
    before: Sequence[ProtectedParts],
) -> list[ProtectedParts]:
    groups = part_groups(division, specs, years)
    of_year = {group.group_id: (group, cells) for group, cells in years}
    known = {one.group.group_id: one for one in groups}
    verdicts = pl.DataFrame(schema=VERDICTS)
    found: list[ProtectedParts] = []

    def protected(group: AuditGroup) -> ProtectedParts:
        one = known[group.group_id].beside(verdicts)
        # Parts of which none is in view tell nothing more.
        others = [
            other for other in before if other.parts.of_year == one.of_year and not other.withheld
        ]
        return _protected(one, others, of_year.get(one.of_year), policies[group.policy_id])

    for wave in in_order([one.group for one in groups]):
        done = side_by_side(protected, wave)
        found += done
        told = (verdicts_of(one.parts.group, one.cells) for one in done)
        verdicts = pl.concat([verdicts, *told])
    return found


def _protected(
    one: PartGroup, others: Sequence[ProtectedParts], year: Year | None, policy: TablePolicy
) -> ProtectedParts:
    cells = protect_system(one.group.system, policy).cells.select("cell_id", "status")
    told = [*((other.parts, other.cells) for other in others), (one, cells)]
    audit = joint_audit(told, year, policy)
    if audit["ok"].all():
        return ProtectedParts(one, cells, audit, withheld=False)
    # With none of them in view the rest is what it was without them.
    hidden = cells.with_columns(status=pl.lit("suppressed"))
    return ProtectedParts(one, hidden, audit.clear(), withheld=True)


def joint_audit(
    parts: Sequence[tuple[PartGroup, pl.DataFrame]], year: Year | None, policy: TablePolicy
) -> pl.DataFrame:
    """What a reader of parts and year together could find out, as of ``audit_system``.

    Args:
        parts: The parts of a year by division, with what is shown of them: ``cell_id``, ``status``.
        year: Their year's audit group with what is shown of it: ``cell_id``, ``status``.
        policy: Their policy.
    """
    system = joint_system([one for one, _ in parts], year)
    return audit_system(system, joint_statuses(system, year, [told for _, told in parts]), policy)


def part_status(parts: Sequence[ProtectedParts]) -> pl.DataFrame:
    """What the verdicts mean for the figures by part.

    Returns:
        One row per exact figure: the keys of ``figures.FIGURE`` and shown (boolean).
    """
    if not parts:
        schema = dict.fromkeys(FIGURE, pl.String) | dict.fromkeys(FIGURE[-2:], pl.Date)
        return pl.DataFrame(schema={**schema, "shown": pl.Boolean})
    # A cell's id tells its part, of splits the year not.
    seen = pl.concat(
        one.cells.filter(pl.col("status") == "ok").select(
            pl.lit(one.parts.group.period_start).alias("of_year"), "cell_id"
        )
        for one in parts
    ).with_columns(ok=pl.lit(value=True))
    figures = pl.concat(one.parts.group.figures for one in parts).with_columns(
        of_year=pl.col("period_start").dt.truncate("1y")
    )
    for role in ("numerator", "denominator"):
        figures = figures.join(
            seen.unique().rename({"cell_id": f"{role}_cell", "ok": f"{role}_ok"}),
            on=["of_year", f"{role}_cell"],
            how="left",
        )
    divided = pl.col("denominator_cell").is_null() | pl.col("denominator_ok").fill_null(value=False)
    shown = pl.col("numerator_ok").fill_null(value=False) & divided
    return figures.select(*FIGURE, shown=shown).sort(FIGURE)
