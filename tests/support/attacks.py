"""What a reader could work out from the files of a release, with nothing but those and arithmetic.

Belongs here: the attacks. They read ``indicator_values`` and ``comparisons`` as written, and know
what anybody may know: definitions, which ages add up to which, and public populations. Does not
belong here: the table door's own equations and audit; nothing of them is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import linprog
from scipy.sparse import csr_array

from pipelines.catalogue.model import OPEN_AGE, Indicator

PRIME = 2_147_483_647
"""Elimination modulo a large prime is exact, as fractions would be, and fast."""

PARTS = {"month": 12, "quarter": 4}
"""Parts of a year, and how many of them it has."""
REST = "rest"
SEXES = ("total", "female", "male")
COUNTY_OF = dict(
    pl.read_csv(
        Path(__file__).resolve().parents[2] / "data" / "reference" / "municipalities.csv",
        infer_schema=False,
    )
    .select("municipality_code", "county_code")
    .iter_rows()
)
"""County of every municipality, as everybody knows."""
Cell = tuple[str, str, str, int, int]
"""Quantity, area, sex, first and last age."""


def ages_of(spec: Indicator) -> dict[str, tuple[int, int]]:
    """First and last age of every age group of an indicator, the total first."""
    if spec.counting == "flow":
        return {"total": (0, OPEN_AGE)}
    return {
        "total": (spec.ages.min, spec.age_max),
        **{label: (low, high) for low, high, label in spec.age_bands()},
    }


def quantities_of(spec: Indicator) -> dict[str, str]:
    """What an indicator's figure tells by role: numerator, and what is not public beside it."""
    named = {"numerator": spec.numerator.measure}
    if not spec.denominator.public:
        named["denominator"] = spec.denominator.measure
        if spec.kind == "proportion":
            named["complement"] = f"{spec.denominator.measure} - {spec.numerator.measure}"
    return named


def lent(specs: Sequence[Indicator]) -> set[tuple[str, int, int]]:
    """Denominators that others own or share, at ages at which no figure counts them itself.

    They are no secret where they are not small: what is hidden there are the numerators.
    """
    own = {(spec.numerator.measure, *ages) for spec in specs for ages in ages_of(spec).values()}
    numerators = {spec.numerator.measure for spec in specs}
    parts: dict[str, set[str]] = defaultdict(set)
    for spec in specs:
        parts[spec.denominator.measure].add(spec.numerator.measure)
    return {
        (spec.denominator.measure, *ages)
        for spec in specs
        for ages in ages_of(spec).values()
        if len(parts[spec.denominator.measure]) > 1 or spec.denominator.measure in numerators
    } - own


@dataclass
class Knowledge:
    """All cells of linked indicators in one year, and what the files tell of them.

    Attributes:
        year: The year.
        shown: Cells with the number that stands in the files.
        hidden: Cells that the files do not show, and whose area is covered.
        equations: Sums that everybody knows: cells and coefficients that add up to nothing.
        coarse: Hidden cells whose ages are merged with others, and which are in no county's sum.
        guessed: The region's rest counts as shown.
    """

    year: int
    shown: dict[Cell, float] = field(default_factory=dict)
    hidden: set[Cell] = field(default_factory=set)
    equations: list[dict[Cell, int]] = field(default_factory=list)
    coarse: set[Cell] = field(default_factory=set)
    guessed: bool = False

    def guessing(self, true: Mapping[Cell, float]) -> Knowledge:
        """The same of a reader who guesses right how many persons have no place.

        Args:
            true: True numbers of the region's and the municipalities' cells.
        """
        rests: dict[Cell, float] = {}
        for equation in self.equations:
            for rest in (cell for cell in equation if cell[1] == REST):
                others = {cell: n for cell, n in equation.items() if cell != rest}
                if all(cell in true for cell in others):
                    rests[rest] = sum(n * true[cell] for cell, n in others.items())
        return replace(
            self, shown=self.shown | rests, hidden=self.hidden - set(rests), guessed=True
        )

    def add_sums(self) -> None:
        """The equations: sexes, ages, region and parts of a whole, among the cells there are."""
        cells = set(self.shown) | self.hidden
        ages: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
        for quantity, area, sex, low, high in cells:
            ages[quantity, area, sex].append((low, high))
            parts = [(quantity, area, part, low, high) for part in SEXES[1:]]
            if sex == "total" and cells.issuperset(parts):
                self._add((quantity, area, sex, low, high), parts)
        for key, bands in ages.items():
            if key[1] in COUNTY_OF.values():
                # At other ages a county may be the sum of other municipalities.
                continue
            for low, high in bands:
                if parts := _partition((low, high), bands):
                    self._add((*key, low, high), [(*key, *band) for band in parts])
        areas: dict[str, set[str]] = defaultdict(set)
        for cell in cells:
            if cell[1] in COUNTY_OF:
                areas[cell[0]].add(cell[1])
        for whole in [cell for cell in cells if cell[1] == "MIDT"]:
            quantity, _, sex, low, high = whole
            parts = [(quantity, area, sex, low, high) for area in sorted(areas[quantity])]
            if cells.issuperset(parts):
                rest = (quantity, REST, sex, low, high)
                self.hidden.add(rest)
                self._add(whole, [*parts, rest])
        for whole in [cell for cell in cells if "+" in cell[1] or cell[1] in COUNTY_OF.values()]:
            # Municipalities that are shown together: the group is named by its members. A county
            # is what it has of municipalities of which there are figures.
            among = areas[whole[0]]
            own = {area for area in among if COUNTY_OF[area] == whole[1]} or whole[1].split("+")
            parts = [(whole[0], area, *whole[2:]) for area in sorted(own)]
            parts = [part for part in parts if part not in self.coarse]
            if whole not in self.coarse and cells.issuperset(parts):
                self._add(whole, parts)
        for cell in [cell for cell in cells if " - " in cell[0]]:
            whole, part = cell[0].split(" - ")
            self._add((whole, *cell[1:]), [(part, *cell[1:]), cell])

    def _add(self, whole: Cell, parts: Sequence[Cell]) -> None:
        self.equations.append({whole: 1} | {part: -1 for part in parts})

    def solved(self) -> dict[Cell, int]:
        """Cells not shown whose number follows exactly, by elimination area by area.

        The rest of the region is anybody's guess, so that the region's sum determines nothing
        more, unless that is guessed.
        """
        if self.guessed:
            return _eliminate(self.equations, self.shown)
        found = {}
        for equations in self._by_area().values():
            found |= _eliminate(equations, self.shown)
        return found

    def _by_area(self) -> dict[str, list[dict[Cell, int]]]:
        groups: dict[str, list[dict[Cell, int]]] = defaultdict(list)
        for equation in self.equations:
            areas = {cell[1] for cell in equation}
            if len(areas) == 1:
                groups[areas.pop()].append(equation)
        return groups

    def interval(self, cell: Cell, most: Mapping[Cell, float]) -> tuple[float, float]:
        """Least and greatest number of a hidden cell, from all that is shown and known.

        Args:
            cell: The cell.
            most: Public upper bounds of cells.
        """
        columns = {name: i for i, name in enumerate(sorted(self.hidden))}
        rows, places, numbers, right = [], [], [], []
        for equation in self.equations:
            unknown = {name: n for name, n in equation.items() if name in columns}
            if not unknown:
                continue
            right.append(-sum(n * self.shown[name] for name, n in equation.items()
                              if name not in columns))  # fmt: skip
            for name, n in unknown.items():
                rows.append(len(right) - 1)
                places.append(columns[name])
                numbers.append(n)
        matrix = csr_array((numbers, (rows, places)), shape=(len(right), len(columns)))
        bounds = [(0, most.get(name)) for name in columns]
        ends = []
        for sign in (1, -1):
            aim = np.zeros(len(columns))
            aim[columns[cell]] = sign
            solution = linprog(aim, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
            if not solution.success and solution.status != 3:
                raise AssertionError(f"no solution for {cell}: {solution.message}")
            ends.append(float("inf") if solution.status == 3 else abs(solution.fun))
        return ends[0], ends[1]


def _partition(
    whole: tuple[int, int], bands: Sequence[tuple[int, int]]
) -> list[tuple[int, int]] | None:
    """Narrowest bands that follow each other from a whole's first to its last age."""
    parts, at = [], whole[0]
    while at <= whole[1]:
        following = [band for band in bands if band[0] == at and band != whole]
        if not following:
            return None
        parts.append(min(following, key=lambda band: band[1]))
        at = parts[-1][1] + 1
    return parts if at == whole[1] + 1 else None


def _eliminate(
    equations: Sequence[dict[Cell, int]], shown: Mapping[Cell, float]
) -> dict[Cell, int]:
    """Unknown cells that linear equations determine, with their whole numbers."""
    unknown = sorted({cell for equation in equations for cell in equation if cell not in shown})
    columns = {cell: i for i, cell in enumerate(unknown)}
    matrix = np.zeros((len(equations), len(unknown) + 1), dtype=np.int64)
    for row, equation in enumerate(equations):
        for cell, number in equation.items():
            if cell in columns:
                matrix[row, columns[cell]] += number
            else:
                matrix[row, -1] -= number * round(shown[cell])
    matrix %= PRIME
    top = 0
    for column in range(len(unknown)):
        rows = np.flatnonzero(matrix[top:, column]) + top
        if not rows.size:
            continue
        matrix[[top, rows[0]]] = matrix[[rows[0], top]]
        matrix[top] = matrix[top] * pow(int(matrix[top, column]), -1, PRIME) % PRIME
        others = np.flatnonzero(matrix[:, column])
        others = others[others != top]
        # Where the row has nothing there is nothing to subtract.
        places = np.flatnonzero(matrix[top])
        at = np.ix_(others, places)
        step = np.multiply.outer(matrix[others, column], matrix[top, places])
        matrix[at] = (matrix[at] - step) % PRIME
        top += 1
    found = {}
    for row in matrix[:top]:
        places = np.flatnonzero(row[:-1])
        if len(places) == 1:
            number = int(row[-1])
            found[unknown[places[0]]] = number if number < PRIME // 2 else number - PRIME
    return found


def knowledge_of(values: pl.DataFrame, specs: Sequence[Indicator]) -> Iterator[Knowledge]:
    """What the files tell, year by year, of indicators that hang together.

    Args:
        values: ``indicator_values`` as written.
        specs: Indicators that share quantities, directly or not.
    """
    crude = values.filter(
        pl.col("value_kind") == "crude",
        pl.col("value_status") != "not_covered",
        # Of such a year there is no figure, hidden or not.
        pl.col("status_reason").ne_missing("year_not_computed"),
    )
    for year in sorted(crude["period_start"].dt.year().unique()):
        told = Knowledge(year)
        of_year = crude.filter(pl.col("period_start").dt.year() == year)
        for spec in specs:
            ages = ages_of(spec)
            rows = of_year.filter(pl.col("indicator_id") == spec.id)
            for row in rows.iter_rows(named=True):
                place = (row["area_code"], row["sex"], *ages[row["age_group"]])
                for role, quantity in quantities_of(spec).items():
                    cell = (quantity, *place)
                    number = None if role == "complement" else row[role]
                    if row["status_reason"] == "no_data" and role == "denominator":
                        number = 0.0
                    if row["status_reason"] == "age_groups_merged":
                        told.coarse.add(cell)
                    if number is None:
                        told.hidden.add(cell)
                    else:
                        told.shown[cell] = number
        told.hidden -= set(told.shown)
        told.add_sums()
        yield told


def linked(specs: Sequence[Indicator]) -> list[list[Indicator]]:
    """Indicators in groups that share a quantity."""
    groups: list[tuple[set[str], list[Indicator]]] = []
    for spec in specs:
        names, members = set(quantities_of(spec).values()), [spec]
        for other in [group for group in groups if group[0] & names]:
            groups.remove(other)
            names, members = names | other[0], other[1] + members
        groups.append((names, members))
    return [members for _, members in groups]


def read_values(folder: Path) -> pl.DataFrame:
    """Figures by year of ``indicator_values`` of a release's files, those by split left out."""
    return pl.read_parquet(folder / "indicator_values.parquet").filter(
        pl.col("period_type") == "year", pl.col("breakdown") == "total"
    )


def read_months(folder: Path) -> pl.DataFrame:
    """Figures by month or quarter of ``indicator_values`` of a release's files."""
    values = pl.read_parquet(folder / "indicator_values.parquet")
    return values.filter(pl.col("period_type").is_in(list(PARTS)))


def read_splits(folder: Path) -> pl.DataFrame:
    """Figures by value of a split of ``indicator_values`` of a release's files."""
    values = pl.read_parquet(folder / "indicator_values.parquet")
    return values.filter(pl.col("breakdown") != "total")


def small_in_view(values: pl.DataFrame, specs: Mapping[str, Indicator], least: int) -> pl.DataFrame:
    """Shown figures with a count under a threshold: numerator, denominator or their difference."""
    small = pl.lit(value=False)
    for role in ("numerator", "denominator"):
        small = small | pl.col(role).is_between(1, least - 1)
    shares = [spec.id for spec in specs.values() if spec.kind == "proportion"]
    complement = (pl.col("denominator") - pl.col("numerator")).round(6)
    small = small | (pl.col("indicator_id").is_in(shares) & complement.is_between(0.5, least - 0.5))
    return values.filter(pl.col("value_status") == "ok", small)


def told_elsewhere(values: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Figures hidden as crude counts of which another value kind or table tells a number."""
    figure = ["indicator_id", "area_code", "period_type", "period_start", "sex", "age_group"]
    hidden = values.filter(pl.col("value_kind") == "crude", pl.col("value_status") != "ok")
    numbers = ["numerator", "denominator", "value", "lower_ci", "upper_ci"]
    kinds = values.filter(pl.any_horizontal(pl.col(numbers).is_not_null())).select(
        *figure, where="value_kind"
    )
    own = ["rank", "funnel_lower_95", "funnel_upper_95", "funnel_lower_998", "funnel_upper_998"]
    compared = comparisons.filter(
        pl.any_horizontal(pl.col(own).is_not_null()) | (pl.col("versus_region") != "not_compared")
    ).select(*figure, where=pl.lit("comparisons"))
    flags = values.filter(
        pl.col("quality_flags").str.contains("small_numerator|coarse_age")
    ).select(*figure, where=pl.lit("flags"))
    return pl.concat([kinds, compared, flags]).join(hidden, on=figure, how="semi")


def less_than_registered(
    values: pl.DataFrame, specs: Sequence[Indicator], register: pl.DataFrame
) -> pl.DataFrame:
    """Register minus published denominator, where residents of 31 December are published.

    Everybody may look up the population by municipality, sex and year of age. Whoever is in it
    and in no denominator has a graded address, or has asked to be left out.

    Args:
        values: ``indicator_values`` as written, or with other denominators.
        specs: Indicators.
        register: The population register: municipality, sex, age, on_date, persons.

    Returns:
        Figures of municipalities that differ: their keys and ``missing`` (persons).
    """
    bands = pl.DataFrame(
        [
            (spec.id, label, low, high)
            for spec in specs
            if spec.denominator.public and spec.denominator.measure == "residents"
            for label, (low, high) in ages_of(spec).items()
        ],
        schema=["indicator_id", "age_group", "low", "high"],
        orient="row",
    )
    # The day after 31 December; 1507 was divided in that night.
    undone = pl.col("municipality").replace({"1508": "1507", "1580": "1507"})
    people = register.with_columns(year=pl.col("on_date").dt.year() - 1).with_columns(
        area_code=pl.when(pl.col("year") == 2023).then(undone).otherwise("municipality")
    )
    counted = (
        pl.concat([people, people.with_columns(sex=pl.lit("total"))])
        .join(bands, how="cross")
        .filter(pl.col("age").is_between(pl.col("low"), pl.col("high")))
        .group_by("indicator_id", "area_code", "sex", "age_group", "year")
        .agg(registered=pl.col("persons").sum())
    )
    key = ["indicator_id", "area_code", "sex", "age_group", "year"]
    shown = values.filter(pl.col("value_kind") == "crude", pl.col("denominator").is_not_null())
    joined = shown.with_columns(year=pl.col("period_start").dt.year()).join(counted, on=key)
    missing = pl.col("registered") - pl.col("denominator")
    return joined.with_columns(missing=missing).filter(missing.abs() > 1e-6).select(*key, "missing")
