"""What a reader could work out from several years beside single ones, with nothing but the files.

Belongs here: the part of the attacks (``attacks``) that periods of several years have. Does not
belong here: the table door's own equations and audit; nothing of them is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from pipelines.catalogue.model import Indicator
from tests.support.attacks import REST, Cell, Knowledge, ages_of, knowledge_of, quantities_of

TOGETHER = "together"
"""Stands for the sex of a period's cells; those of years have the year before theirs."""
GAP = "gap"
"""What the years of the region's rest hold beyond the period's."""


def knowledge_with_periods(
    years: pl.DataFrame, pooled: pl.DataFrame, specs: Sequence[Indicator]
) -> Iterator[Knowledge]:
    """What the files tell of each period and of all its years, of indicators that hang together.

    Args:
        years: ``indicator_values`` by year.
        pooled: ``indicator_values`` of several years.
        specs: Indicators that share quantities, directly or not.
    """
    of_years = {told.year: told for told in knowledge_of(years, specs)}
    covered = pooled.filter(
        pl.col("indicator_id").is_in([spec.id for spec in specs]),
        pl.col("value_status") != "not_covered",
    )
    for first, last in sorted(covered.select("period_start", "period_end").unique().iter_rows()):
        told = Knowledge(first.year)
        span = range(first.year, last.year + 1)
        for year in span:
            _take_in_year(told, of_years[year])
        rows = covered.filter(pl.col("period_start") == first)
        _add_sums(told, _take_in(told, rows, specs), span)
        yield told


def of_year(cell: Cell, year: int) -> Cell:
    """A cell of a year among those of other years."""
    quantity, area, sex, low, high = cell
    return quantity, area, f"{year} {sex}", low, high


def _take_in_year(told: Knowledge, year: Knowledge) -> None:
    told.shown |= {of_year(cell, year.year): number for cell, number in year.shown.items()}
    told.hidden |= {of_year(cell, year.year) for cell in year.hidden}
    told.equations += [
        {of_year(cell, year.year): n for cell, n in equation.items()} for equation in year.equations
    ]


def _take_in(told: Knowledge, rows: pl.DataFrame, specs: Sequence[Indicator]) -> set[Cell]:
    found: set[Cell] = set()
    for spec in specs:
        low, high = ages_of(spec)["total"]
        for row in rows.filter(pl.col("indicator_id") == spec.id).iter_rows(named=True):
            for role, quantity in quantities_of(spec).items():
                cell = (quantity, row["area_code"], TOGETHER, low, high)
                found.add(cell)
                if role != "complement" and row[role] is not None:
                    told.shown[cell] = row[role]
    told.hidden |= found - set(told.shown)
    return found


def _add_sums(told: Knowledge, cells: set[Cell], years: Sequence[int]) -> None:
    """A period is the sum of its years, the region's of its municipalities and a rest."""
    known = set(told.shown) | told.hidden
    for cell in sorted(cells):
        quantity, area, _, low, high = cell
        if " - " in quantity:
            whole, part = quantity.split(" - ")
            told.equations.append({(whole, *cell[1:]): 1, (part, *cell[1:]): -1, cell: -1})
        if area != "MIDT":
            parts = [of_year((quantity, area, "total", low, high), year) for year in years]
            if known.issuperset(parts):
                told.equations.append({cell: 1} | dict.fromkeys(parts, -1))
            continue
        rest = (quantity, REST, TOGETHER, low, high)
        gap = (quantity, REST, GAP, low, high)
        areas = {c[1] for c in cells if c[0] == quantity and c[3:] == cell[3:]} - {"MIDT"}
        own = [(quantity, place, TOGETHER, low, high) for place in sorted(areas)]
        told.hidden |= {rest, gap}
        told.equations.append({cell: 1} | dict.fromkeys([*own, rest], -1))
        rests = [of_year((quantity, REST, "total", low, high), year) for year in years]
        if known.issuperset(rests):
            told.equations.append({rest: 1, gap: 1} | dict.fromkeys(rests, -1))
