"""What divides a year: its months or quarters, and the values of its splits.

Belongs here: the divisions of a release, in the order in which they are protected. Does not belong
here: their counts and values (``months``, ``splits``), equations (``system_parts``) and protection
(``protected_parts``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.catalogue.breakdowns import Breakdown
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import Marts
from pipelines.publication.months import month_figures, with_months
from pipelines.publication.splits import of_split, split_figures

MONTHS = "months"
"""Name of the division into months or quarters; others are called by their split."""


@dataclass(frozen=True)
class Division:
    """One way to divide the years of some indicators into parts that add up to them.

    Attributes:
        name: ``months``, or the split.
        indicator_ids: The indicators that are published by it.
        figures: Their figures by part, of all sexes and ages together: the columns of
            ``figures.figures`` with ``part`` (name of the part, one in a year) and ``counted``
            (what is in the part is in the equations).
    """

    name: str
    indicator_ids: frozenset[str]
    figures: pl.DataFrame


def divisions(
    marts: Marts,
    specs: Sequence[Indicator],
    breakdowns: Mapping[str, Breakdown],
    counted: pl.DataFrame,
) -> list[Division]:
    """The divisions of a release, the months first.

    Args:
        marts: The marts.
        specs: Indicators to publish.
        breakdowns: The splits by id.
        counted: ``figures.figures(marts, specs)``.
    """
    months = month_figures(marts, specs).with_columns(
        part=pl.col("period_start").dt.strftime("%Y-%m")
    )
    dated = frozenset(spec.id for spec in with_months(specs))
    found = [Division(MONTHS, dated, months)]
    by_value = split_figures(marts, specs, breakdowns, counted).with_columns(part="sex")
    for name in sorted({name for spec in specs for name in spec.breakdowns}):
        ids = frozenset(spec.id for spec in specs if name in spec.breakdowns)
        found.append(Division(name, ids, by_value.filter(of_split(name))))
    return found
