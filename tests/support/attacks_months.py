"""What a reader could work out from months beside years, with nothing but the files.

Belongs here: the months' part of the attacks (``attacks``). Does not belong here: the table door's
own equations and audit; nothing of them is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from tests.support.attacks import PARTS, REST, Cell, Knowledge, ages_of, knowledge_of, quantities_of

OUTSIDE = "outside"
"""What a year holds beyond its covered months."""


def knowledge_with_months(
    years: pl.DataFrame, months: pl.DataFrame, specs: Sequence[Indicator]
) -> Iterator[Knowledge]:
    """What the files tell, year by year with its months, of indicators that hang together.

    A month is a cell whose sex is the month, such as ``2024-03``.

    Args:
        years: ``indicator_values`` by year.
        months: ``indicator_values`` by month.
        specs: Indicators that share quantities, directly or not.
    """
    dated = [spec for spec in specs if spec.part_of_year is not None]
    covered = months.filter(pl.col("value_status") != "not_covered")
    for told in knowledge_of(years, specs):
        of_year = covered.filter(pl.col("period_start").dt.year() == told.year)
        cells = _take_in(told, of_year, dated)
        _add_sums(told, cells, max((PARTS[str(spec.part_of_year)] for spec in dated), default=0))
        yield told


def _take_in(told: Knowledge, months: pl.DataFrame, specs: Sequence[Indicator]) -> set[Cell]:
    """The months' cells, with what the files show of them."""
    found: set[Cell] = set()
    for spec in specs:
        low, high = ages_of(spec)["total"]
        rows = months.filter(pl.col("indicator_id") == spec.id)
        for row in rows.iter_rows(named=True):
            month = row["period_start"].strftime("%Y-%m")
            for role, quantity in quantities_of(spec).items():
                cell = (quantity, row["area_code"], month, low, high)
                number = None if role == "complement" else row[role]
                if row["status_reason"] == "no_data":
                    number = 0.0
                found.add(cell)
                if number is not None:
                    told.shown[cell] = number
    told.hidden |= found - set(told.shown)
    return found


def _add_sums(told: Knowledge, months: set[Cell], parts_of_year: int) -> None:
    """Months add up to their year, municipalities and a rest to the region, parts to a whole."""
    areas: dict[tuple[str, str, int, int], set[str]] = defaultdict(set)
    for quantity, area, month, low, high in sorted(months):
        areas[quantity, month, low, high].add(area)
        if " - " in quantity:
            whole, part = quantity.split(" - ")
            place = (area, month, low, high)
            told.equations.append({(whole, *place): 1, (part, *place): -1, (quantity, *place): -1})
    for (quantity, month, low, high), covered in areas.items():
        if "MIDT" in covered:
            rest = (quantity, REST, month, low, high)
            told.hidden.add(rest)
            parts = [(quantity, area, month, low, high) for area in sorted(covered - {"MIDT"})]
            told.equations.append(
                {(quantity, "MIDT", month, low, high): 1} | dict.fromkeys([*parts, rest], -1)
            )
    known = set(told.shown) | told.hidden
    by_area: dict[tuple[str, str, int, int], list[Cell]] = defaultdict(list)
    for cell in sorted(months | {cell for cell in told.hidden if cell[1] == REST}):
        if cell[2][0].isdigit() and cell[1] != "MIDT":
            by_area[cell[0], cell[1], *cell[3:]].append(cell)
    for (quantity, area, low, high), parts in by_area.items():
        year = (quantity, area, "total", low, high)
        if year in known:
            if len(parts) < parts_of_year:
                parts = [*parts, (quantity, area, OUTSIDE, low, high)]
                told.hidden.add(parts[-1])
            told.equations.append({year: 1} | dict.fromkeys(parts, -1))
