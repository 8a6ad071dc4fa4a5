"""What is asked of the table, cut so that no reply holds more cells than the server allows.

Belongs here: selections and their cuts. Does not belong here: asking.

Every variable is selected in every query, by codes that the table has named: a variable that is
left out is summed away where the server may do so, and an error where it may not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.clients.json_stat import Structure
from pipelines.clients.population_register.errors import RegisterError
from pipelines.clients.population_register.table import (
    AGE,
    CONTENT,
    PERSONS,
    REGION,
    SEX,
    SUMMED,
    SUMMED_PREFIX,
    TABLE,
    TIME,
    Meaning,
)

Coding = Literal["plain", "summed"]
"""Municipalities by their own code, or by the codelist that sums what they were made of."""
MOST_QUERIES = 300


@dataclass(frozen=True)
class Query:
    """One call: codes by variable, and the codelist of the regions where one is applied."""

    codes: Mapping[str, tuple[str, ...]]
    codelist: str | None

    @property
    def cells(self) -> int:
        """Cells of its reply."""
        return math.prod(map(len, self.codes.values()))

    def body(self) -> dict[str, Any]:
        """The query as the interface takes it."""
        return {
            "selection": [
                {"variableCode": name, "valueCodes": list(codes)}
                | ({"codelist": self.codelist} if name == REGION and self.codelist else {})
                for name, codes in self.codes.items()
            ]
        }

    def told(self) -> dict[str, str]:
        """The query in brief, for the record of where figures come from."""
        brief = {
            name: codes[0] if len(codes) == 1 else f"{codes[0]}…{codes[-1]} ({len(codes)})"
            for name, codes in self.codes.items()
        }
        return brief | ({"codelist": self.codelist} if self.codelist else {})

    def judge(self, structure: Structure) -> None:
        """Refuse a reply that holds other cells than were asked for.

        Args:
            structure: What the reply says of itself.

        Raises:
            RegisterError: Names the variable and what is missing from it or too much.
        """
        got = {name: set(one.codes) for name, one in structure.dimensions.items()}
        if got.keys() != self.codes.keys():
            raise RegisterError(
                f"table {TABLE}: expected a reply by {', '.join(self.codes)}, got one by "
                f"{', '.join(sorted(got))[:100]}. Nothing was kept."
            )
        for name, codes in self.codes.items():
            missing, added = sorted(set(codes) - got[name]), len(got[name] - set(codes))
            if missing or added:
                raise RegisterError(
                    f"table {TABLE}: {name}: expected the {len(codes)} codes that were asked for, "
                    f"got {added} others and not {', '.join(missing[:5]) or 'none too few'}. "
                    "Nothing was kept."
                )


def plan(
    known: Meaning,
    codes_by_year: Mapping[int, tuple[str, ...]],
    coding: Coding,
    summed: frozenset[str],
    most_cells: int,
) -> list[Query]:
    """The queries that together give every valid code in every year, and nothing else.

    Args:
        known: What the table's codes mean.
        codes_by_year: Municipality codes that are real, by year.
        coding: How municipalities are asked for.
        summed: Codes of the codelist, with prefix; empty where it is not applied. A municipality
            that the list has not (one that is no more) is asked for by its own code.
        most_cells: Most cells in one reply.

    Raises:
        RegisterError: The table lacks a year or municipality, or allows so few cells that it would
            take hundreds of calls.
    """
    if missing := [str(year) for year in codes_by_year if year not in known.years]:
        raise RegisterError(
            f"table {TABLE}: {TIME}: expected {', '.join(missing)}, which it has not; it ends with "
            f"{known.years[-1]}. Ask for other years with --years."
        )
    groups: dict[tuple[str | None, tuple[str, ...]], list[str]] = {}
    for year, codes in codes_by_year.items():
        for group in _groups(codes, coding, summed):
            groups.setdefault(group, []).append(str(year))
    queries = [
        part
        for (codelist, regions), years in groups.items()
        for part in _cut(_query(known, codelist, regions, years), most_cells)
    ]
    _judge_regions(known, queries)
    if len(queries) > MOST_QUERIES:
        raise RegisterError(
            f"config: maxDataCells: expected room for the table in {MOST_QUERIES} calls, got "
            f"{most_cells} cells a call. Ask for fewer years with --years."
        )
    return queries


def _groups(
    codes: tuple[str, ...], coding: Coding, summed: frozenset[str]
) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    listed = {code for code in codes if coding == "summed" and SUMMED_PREFIX + code in summed}
    if listed:
        yield SUMMED, tuple(SUMMED_PREFIX + code for code in codes if code in listed)
    if plain := tuple(code for code in codes if code not in listed):
        yield None, plain


def _query(
    known: Meaning, codelist: str | None, regions: tuple[str, ...], years: list[str]
) -> Query:
    codes = {
        REGION: regions,
        SEX: tuple(known.sexes),
        AGE: tuple(known.ages),
        CONTENT: (PERSONS,),
        TIME: tuple(years),
    }
    return Query(codes, codelist)


def _judge_regions(known: Meaning, queries: list[Query]) -> None:
    plain = {code for query in queries if not query.codelist for code in query.codes[REGION]}
    if missing := sorted(plain - known.regions):
        raise RegisterError(
            f"table {TABLE}: {REGION}: expected {len(plain)} municipalities by their own code, got "
            f"none of {', '.join(missing[:5])}. Try --summed, or mend "
            "data/reference/municipalities.csv."
        )


def _cut(query: Query, most: int) -> Iterator[Query]:
    """The query in parts that fit: by years where that will do, else further by the next one."""
    if query.cells <= most:
        yield query
        return
    for name in (TIME, REGION, AGE, SEX):
        codes = query.codes[name]
        if len(codes) == 1:
            continue
        size = max(most * len(codes) // query.cells, 1)
        for start in range(0, len(codes), size):
            part = Query({**query.codes, name: codes[start : start + size]}, query.codelist)
            yield from _cut(part, most)
        return
