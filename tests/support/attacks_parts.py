"""What a reader could work out from parts of years beside years, with nothing but the files.

Belongs here: the part of months and of splits in the attacks (``attacks``). Does not belong here:
the table door's own equations and audit; nothing of them is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pipelines.catalogue.model import Indicator
from tests.support.attacks import PARTS, REST, Cell, Knowledge, ages_of, knowledge_of, quantities_of

OUTSIDE = "outside"
"""What a year holds beyond its covered months."""
MONTHS = "months"


def knowledge_with_parts(
    years: pl.DataFrame, parts: pl.DataFrame, specs: Sequence[Indicator]
) -> Iterator[Knowledge]:
    """What the files tell, year by year with its parts, of indicators that hang together.

    A part is a cell whose sex is the month, such as ``2024-03``, or the value of a split, such as
    ``service=home_care``.

    Args:
        years: ``indicator_values`` by year.
        parts: ``indicator_values`` by month or value of a split, or both.
        specs: Indicators that share quantities, directly or not.
    """
    divided = [spec for spec in specs if spec.part_of_year is not None or spec.breakdowns]
    dated = [spec for spec in specs if spec.part_of_year is not None]
    covered = parts.filter(pl.col("value_status") != "not_covered")
    for told in knowledge_of(years, specs):
        of_year = covered.filter(pl.col("period_start").dt.year() == told.year)
        cells = _take_in(told, of_year, divided)
        flows = [PARTS[str(spec.part_of_year)] for spec in dated if spec.timing == "flow"]
        states = {
            quantity
            for spec in dated
            if spec.timing == "on_date"
            for quantity in quantities_of(spec).values()
        }
        _add_sums(told, cells, max(flows, default=0), states)
        yield told


def part_of(row: Mapping[str, Any]) -> str:
    """What a part is called."""
    if row["breakdown"] != "total":
        return f"{row['breakdown']}={row['breakdown_value']}"
    return str(row["period_start"].strftime("%Y-%m"))


def _division(part: str) -> str | None:
    """What divides the year into a part and others; null where it is no part of a year."""
    if "=" in part:
        return part.split("=")[0]
    return MONTHS if part[0].isdigit() else None


def _take_in(told: Knowledge, parts: pl.DataFrame, specs: Sequence[Indicator]) -> set[Cell]:
    """The parts' cells, with what the files show of them."""
    found: set[Cell] = set()
    for spec in specs:
        low, high = ages_of(spec)["total"]
        rows = parts.filter(pl.col("indicator_id") == spec.id)
        for row in rows.iter_rows(named=True):
            part = part_of(row)
            for role, quantity in quantities_of(spec).items():
                cell = (quantity, row["area_code"], part, low, high)
                number = None if role == "complement" else row[role]
                if row["status_reason"] == "no_data":
                    number = 0.0
                found.add(cell)
                if number is not None:
                    told.shown[cell] = number
    told.hidden |= found - set(told.shown)
    return found


def _add_sums(told: Knowledge, cells: set[Cell], parts_of_year: int, states: set[str]) -> None:
    """Parts add up to their year, municipalities and a rest to the region, shares to a whole.

    Of ``states``, which are counted on a date, the year is the last part.
    """
    areas: dict[tuple[str, str, int, int], set[str]] = defaultdict(set)
    for quantity, area, part, low, high in sorted(cells):
        areas[quantity, part, low, high].add(area)
        if " - " in quantity:
            whole, share = quantity.split(" - ")
            place = (area, part, low, high)
            told.equations.append({(whole, *place): 1, (share, *place): -1, (quantity, *place): -1})
    for (quantity, part, low, high), covered in areas.items():
        if "MIDT" in covered:
            rest = (quantity, REST, part, low, high)
            told.hidden.add(rest)
            parts = [(quantity, area, part, low, high) for area in sorted(covered - {"MIDT"})]
            told.equations.append(
                {(quantity, "MIDT", part, low, high): 1} | dict.fromkeys([*parts, rest], -1)
            )
    known = set(told.shown) | told.hidden
    by_area: dict[tuple[str, str, str, int, int], list[Cell]] = defaultdict(list)
    for cell in sorted(cells | {cell for cell in told.hidden if cell[1] == REST}):
        division = _division(cell[2])
        if division is not None and cell[1] != "MIDT":
            by_area[division, cell[0], cell[1], *cell[3:]].append(cell)
    for (division, quantity, area, low, high), parts in by_area.items():
        year = (quantity, area, "total", low, high)
        if year in known:
            if division == MONTHS and quantity in states:
                last = max(cell[2] for cell in cells if _division(cell[2]) == MONTHS
                           and cell[0] == quantity)  # fmt: skip
                told.equations += [{year: 1, cell: -1} for cell in parts if cell[2] == last]
                continue
            if division == MONTHS and len(parts) < parts_of_year:
                parts = [*parts, (quantity, area, OUTSIDE, low, high)]
                told.hidden.add(parts[-1])
            told.equations.append({year: 1} | dict.fromkeys(parts, -1))
