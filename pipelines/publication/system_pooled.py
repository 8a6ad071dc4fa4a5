"""Linked systems of several years and their years: what a period beside its years gives away.

Belongs here: the cells of a period, and one system of them and of all that is told of its years.
Does not belong here: the years' systems (``systems``), which are protected first and never changed
by their periods, and what is hidden (the table door decides).

A period is the sum of its years, so the years' own unknowns make it up: whoever knows two of three
years and the period knows the third. The region's period holds the municipalities that every year
covers, while the region's years hold those of the year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from anonymization.tables import LinkedSystem
from pipelines.catalogue.model import Indicator
from pipelines.publication.figures import FIGURE, MUNICIPALITY, REGION, TOTAL
from pipelines.publication.quantities import (
    WHOLE,
    Linked,
    Quantities,
    linked_indicators,
    quantities,
)
from pipelines.publication.system_cells import (
    CELL_COLUMNS,
    area_cells,
    cell_id,
    fractional,
)
from pipelines.publication.system_parts import KEPT_WEIGHT
from pipelines.publication.system_rest import covered_places, rest_cells
from pipelines.publication.systems import AuditGroup, Year, figure_cells

POOLED = "pooled|"
"""Begins the ids of a period's own cells; those of its years begin with the year."""
TIED = "tied|"
"""Begins the id of what the period's rest and the years' rests say of each other."""

_TERM = ("cell_id", "variable_id", "coefficient")


@dataclass(frozen=True)
class PooledGroup:
    """A period of several years of one audit group.

    Attributes:
        group: The period as an audit group of its own: its cells and all of its years; ``figures``
            are those of the period.
        known: What is shown of the years, and of what follows from them: cell_id, status.
        areas: Area of each cell of a municipality, of the period and of its years: cell_id,
            area_code.
    """

    group: AuditGroup
    known: pl.DataFrame
    areas: pl.DataFrame

    @property
    def searched(self) -> LinkedSystem:
        """The system as a pattern is sought for it: what is known of the years stays as it is."""
        status = pl.col("status")
        cells = self.group.system.cells.join(self.known, on="cell_id", how="left").with_columns(
            weight=pl.when(status == "ok").then(pl.lit(KEPT_WEIGHT)).otherwise("weight"),
            publishable=pl.col("publishable") & (status != "suppressed").fill_null(value=True),
        )
        return replace(self.group.system, cells=cells.drop("status"))


def pooled_groups(
    pooled: pl.DataFrame, specs: Sequence[Indicator], years: Sequence[Year]
) -> list[PooledGroup]:
    """The periods of all audit groups.

    Args:
        pooled: ``pooled_years.pooled_figures``.
        specs: Indicators to publish.
        years: Audit groups of the years with what is shown of each: ``cell_id`` and ``status``
            (ok | suppressed).

    Returns:
        One entry per audit group and period with countable figures, in order.

    Raises:
        ValueError: If linked indicators have periods that overlap, or a period is not the sum of
            its years.
    """
    known = {group.group_id: (group, cells) for group, cells in years}
    exact = pooled.filter("exact")
    found = []
    for linked in linked_indicators(specs):
        members = [spec for spec in linked.members if spec.pooled_years is not None]
        if len({spec.pooled_years for spec in members}) > 1:
            msg = f"{linked.name}: share a measure and must have the same pooled_years"
            raise ValueError(msg)
        rows = exact.filter(pl.col("indicator_id").is_in([spec.id for spec in members]))
        for start, end in sorted(rows.select("period_start", "period_end").unique().iter_rows()):
            span = range(start.year, end.year + 1)
            of_years = {year: known[f"{linked.name}|{year}"] for year in span}
            in_period = rows.filter(pl.col("period_start") == start)
            places = covered_places(
                pooled.filter(
                    pl.col("indicator_id").is_in([spec.id for spec in members]),
                    pl.col("period_start") == start,
                )
            )
            found.append(_Period(linked, in_period, places, of_years, years).group(start, end))
    return found


@dataclass(frozen=True)
class _Period:
    """A period in the making: its audit group, its exact figures, and what its years are.

    ``places`` are the municipalities that the region's number holds (``covered_places``).
    ``years`` are those of the audit group, ``every`` those of all: a denominator may be elsewhere.
    """

    linked: Linked
    rows: pl.DataFrame
    places: pl.DataFrame
    years: dict[int, Year]
    every: Sequence[Year]

    def group(self, start: date, end: date) -> PooledGroup:
        parts = quantities(self.linked)
        wanted = parts.from_figures(self.rows)
        named = area_cells(fractional(wanted), wanted)
        own = self._own_terms(named)
        rest, rest_terms = self._rest(named, parts)
        in_region = self._region_terms(named, parts, own, rest["unknown", "rest_id"])
        all_terms = pl.concat([own.select(_TERM), in_region])
        unplaced, unplaced_terms = rest_cells(named, all_terms.drop("coefficient"), self.places)
        figures = self._figures()
        known = self._known(figures)
        cells = self._told(pl.concat([named, unplaced.select(named.columns)]), figures, known)
        period_terms = pl.concat(
            [all_terms, unplaced_terms.with_columns(coefficient=pl.lit(1.0)).select(_TERM)]
        ).with_columns(cell_id=pl.lit(POOLED) + pl.col("cell_id"))
        system = self._system(cells, period_terms, rest, rest_terms)
        status = pl.concat([known, rest.select("cell_id", status=pl.lit("ok"))])
        group = AuditGroup(
            group_id=f"{self.linked.name}|{start.year}-{end.year}",
            policy_id=self.linked.policy_id,
            indicator_ids=tuple(self.rows["indicator_id"].unique().sort()),
            period_start=start,
            period_end=end,
            system=system,
            figures=figures,
        )
        return PooledGroup(group, status, self._areas(named))

    def _own_terms(self, named: pl.DataFrame) -> pl.DataFrame:
        """What municipalities' cells are the sums of: the unknowns of their years."""
        local = named.filter(pl.col("area_level") == MUNICIPALITY).select("cell_id", "quantity")
        found = pl.concat(
            local.join(group.system.terms, on="cell_id").with_columns(
                year=pl.lit(year), variable_id=_of(year, "variable_id")
            )
            for year, (group, _) in self.years.items()
        )
        years = found.group_by("cell_id").agg(pl.col("year").n_unique())
        lacking = local.height - years.filter(pl.col("year") == len(self.years)).height
        if lacking:
            msg = f"{self.linked.name}: {lacking} cells of a period have a year without one"
            raise ValueError(msg)
        self._check_sums(named)
        return found

    def _check_sums(self, named: pl.DataFrame) -> None:
        local = named.filter(pl.col("area_level") == MUNICIPALITY).select("cell_id", "value")
        every = pl.concat(group.system.cells for group, _ in self.years.values())
        yearly = every.group_by("cell_id").agg(of_years=pl.col("value").sum())
        apart = local.join(yearly, on="cell_id").filter(
            (pl.col("value") - pl.col("of_years")).abs() > WHOLE
        )
        if apart.height:
            msg = (
                f"{self.linked.name}: the years of {apart.height} cells do not add up to their "
                "period; check fct_pooled_counts"
            )
            raise ValueError(msg)

    def _rest(self, named: pl.DataFrame, parts: Quantities) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rests of the period that are less than its years', as cells that say so, and terms.

        Where all that a year covers is countable in the period, the period's rest is that of its
        years, and there is no such cell.
        """
        leaves = named.join(parts.unknowns, on="quantity").filter(
            pl.col("quantity") == pl.col("unknown")
        )
        of_period = _left(leaves.with_columns(year=pl.lit(0)))
        of_years = _left(self._yearly(leaves)).group_by("quantity").agg(pl.col("left").sum())
        apart = of_period.join(of_years, on="quantity", suffix="_years").with_columns(
            gap=pl.col("left_years") - pl.col("left")
        )
        if apart.filter(pl.col("gap") < -WHOLE).height:
            msg = f"{self.linked.name}: a period's rest is more than its years'"
            raise ValueError(msg)
        loose = apart.filter(pl.col("gap") > WHOLE).select(unknown="quantity")
        cells = loose.select(
            "unknown",
            cell_id=pl.lit(TIED) + pl.col("unknown"),
            rest_id=pl.lit(POOLED) + pl.col("unknown"),
            gap_id=pl.lit(TIED) + pl.col("unknown"),
        )
        rests = self._year_rests(named, parts).join(cells, on="unknown")
        terms = pl.concat(
            [
                cells.select("cell_id", variable_id="rest_id", coefficient=pl.lit(1.0)),
                cells.select("cell_id", variable_id="gap_id", coefficient=pl.lit(1.0)),
                rests.select("cell_id", "variable_id", coefficient=pl.lit(-1.0)).unique(),
            ]
        )
        return cells, terms

    def _yearly(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Cells of the years like some of the period: of every municipality that a year counts."""
        same = cells.select("quantity", "sex", "low", "high").unique()
        return pl.concat(
            same.join(_areas_of(group), how="cross")
            .with_columns(year=pl.lit(year), cell_id=cell_id("quantity"))
            .join(group.system.cells.select("cell_id", "value"), on="cell_id")
            for year, (group, _) in self.years.items()
        )

    def _year_rests(self, named: pl.DataFrame, parts: Quantities) -> pl.DataFrame:
        """Unknowns of the region's years that are no municipality's.

        Returns:
            One row per quantity of the period and unknown: quantity, unknown (the quantity that
            the unknown is of), variable_id.
        """
        cells = self._yearly(named)
        spread = pl.concat(
            cells.filter(pl.col("year") == year)
            .join(group.system.terms, on="cell_id")
            .with_columns(variable_id=_of(year, "variable_id"))
            for year, (group, _) in self.years.items()
        )
        local = spread.filter(pl.col("area_level") == MUNICIPALITY)
        whole = spread.filter(pl.col("area_level") == REGION)
        return _with_leaf(whole.join(local, on="variable_id", how="anti"), parts).select(
            "quantity", "unknown", "variable_id"
        )

    def _region_terms(
        self, named: pl.DataFrame, parts: Quantities, own: pl.DataFrame, loose: pl.DataFrame
    ) -> pl.DataFrame:
        """Terms of the region's cells: its municipalities' unknowns, and a rest.

        Args:
            named: The period's cells.
            parts: Its quantities.
            own: Terms of municipalities' cells.
            loose: Rests that are an unknown of their own: unknown, rest_id.
        """
        region = named.filter(pl.col("area_level") == REGION).select("quantity", region="cell_id")
        rests = self._year_rests(named, parts)
        tied = rests.join(loose, on="unknown", how="anti").select("quantity", "variable_id")
        free = (
            parts.unknowns.join(loose, on="unknown")
            .join(region.select("quantity"), on="quantity")
            .select("quantity", variable_id="rest_id")
        )
        held = pl.concat([own.select("quantity", "variable_id"), tied, free]).unique()
        return held.join(region, on="quantity").select(
            cell_id="region", variable_id="variable_id", coefficient=pl.lit(1.0)
        )

    def _figures(self) -> pl.DataFrame:
        """The period's figures with their cells, and whether their denominator can be told."""
        cells = figure_cells(self.linked, self.rows)
        inside = pl.concat(group.system.cells["cell_id"] for group, _ in self.years.values())
        outer = cells.drop_nulls("denominator_cell").filter(
            ~pl.col("denominator_cell").is_in(inside.implode())
        )
        seen = pl.concat(
            told.filter(pl.col("status") == "ok").select(
                "cell_id", year=pl.lit(group.period_start.year, dtype=pl.Int32)
            )
            for group, told in self.every
            if group.period_start.year in self.years
        ).unique()
        in_view = (
            outer.select("denominator_cell")
            .unique()
            .join(seen, left_on="denominator_cell", right_on="cell_id")
            .group_by("denominator_cell")
            .agg(pl.len())
            .filter(pl.col("len") == len(self.years))
        )
        untold = outer.join(in_view, on="denominator_cell", how="anti")
        known = outer["denominator_cell"].implode()
        pooled = [
            (pl.lit(POOLED) + pl.col(name)).alias(name)
            for name in ("numerator_cell", "denominator_cell")
        ]
        return (
            cells.join(
                untold.select(*FIGURE, divisible=pl.lit(value=False)), on=list(FIGURE), how="left"
            )
            .with_columns(
                pl.col("divisible").fill_null(value=True),
                # What is told elsewhere is no cell of this system.
                pl.when(~pl.col("denominator_cell").is_in(known)).then("denominator_cell"),
            )
            .with_columns(pooled)
        )

    def _known(self, figures: pl.DataFrame) -> pl.DataFrame:
        """What is shown already: of the years, and of municipalities all of whose years are."""
        of_years = [
            told.select(_of(year, "cell_id"), "status") for year, (_, told) in self.years.items()
        ]
        seen = pl.concat(
            told.filter(pl.col("status") == "ok").select(cell_id=pl.lit(POOLED) + pl.col("cell_id"))
            for _, told in self.years.values()
        )
        cells = pl.concat(
            figures.filter(pl.col("area_level") == MUNICIPALITY).select(cell_id=name)
            for name in ("numerator_cell", "denominator_cell")
        )
        whole = (
            seen.join(cells.drop_nulls().unique(), on="cell_id", how="semi")
            .group_by("cell_id")
            .agg(pl.len())
            .filter(pl.col("len") == len(self.years))
            .select("cell_id", status=pl.lit("ok"))
        )
        return pl.concat([*of_years, whole])

    def _told(
        self, cells: pl.DataFrame, figures: pl.DataFrame, known: pl.DataFrame
    ) -> pl.DataFrame:
        """The period's cells under their ids; those that follow from their years break no rule."""
        telling = figures.group_by("numerator_cell").agg(pl.col("divisible").any())
        untold = telling.filter(~pl.col("divisible"))["numerator_cell"].implode()
        follows = pl.col("cell_id").is_in(known["cell_id"].implode())
        counts = ("persons", "complement_persons", "denominator_persons")
        named = cells.with_columns(
            (pl.lit(POOLED) + pl.col(name)).alias(name) for name in ("cell_id", "group")
        )
        return named.with_columns(
            publishable=pl.col("publishable") & ~pl.col("cell_id").is_in(untold),
            **{name: pl.when(~follows).then(pl.col(name)) for name in counts},
        ).select(CELL_COLUMNS)

    def _system(
        self, cells: pl.DataFrame, terms: pl.DataFrame, rest: pl.DataFrame, rest_terms: pl.DataFrame
    ) -> LinkedSystem:
        """The period's cells, all of its years', and what ties their rests."""
        systems = {year: group.system for year, (group, _) in self.years.items()}
        tied = cells.clear().join(rest.select("cell_id"), on="cell_id", how="full", coalesce=True)
        ties = tied.with_columns(
            value=pl.lit(0.0), publishable=pl.lit(value=False), group="cell_id",
            weight=pl.lit(1.0), magnitude=pl.lit(value=False), integer=pl.lit(value=False),
            guessed=pl.lit(value=False), owed=pl.lit(value=True),
        )  # fmt: skip
        of_years = [
            system.cells.select(CELL_COLUMNS).with_columns(_of(year, "cell_id"), _of(year, "group"))
            for year, system in systems.items()
        ]
        all_terms = [
            system.terms.with_columns(_of(year, "cell_id"), _of(year, "variable_id"))
            for year, system in systems.items()
        ]
        variables = pl.concat(
            system.variables.with_columns(_of(year, "variable_id"))
            for year, system in systems.items()
        )
        fresh = pl.concat([rest.select(variable_id=name) for name in ("rest_id", "gap_id")])
        return LinkedSystem(
            variables=pl.concat(
                [variables, fresh.with_columns(upper_bound=pl.lit(None, dtype=pl.Float64))]
            ),
            cells=pl.concat([*of_years, cells, ties.select(CELL_COLUMNS)]),
            terms=pl.concat([*all_terms, terms, rest_terms]),
        )

    def _areas(self, named: pl.DataFrame) -> pl.DataFrame:
        local = named.filter(pl.col("area_level") == MUNICIPALITY)
        own = local.select("area_code", cell_id=pl.lit(POOLED) + pl.col("cell_id"))
        of_years = [
            group.figures.filter(pl.col("area_level") == MUNICIPALITY)
            .unpivot(
                ["numerator_cell", "denominator_cell"], index="area_code", value_name="cell_id"
            )
            .select("area_code", _of(year, "cell_id"))
            .drop_nulls()
            for year, (group, _) in self.years.items()
        ]
        return pl.concat([own, *of_years]).unique()


def _of(year: int, name: str) -> pl.Expr:
    """An id of a year's system among those of other years."""
    return (pl.lit(f"{year}|") + pl.col(name)).alias(name)


def _areas_of(group: AuditGroup) -> pl.DataFrame:
    total = (pl.col("sex") == TOTAL) & (pl.col("age_group") == TOTAL)
    areas = group.figures.filter(total).select("area_level", "area_code").unique()
    return areas.filter(pl.col("area_level").is_in([MUNICIPALITY, REGION]))


def _left(cells: pl.DataFrame) -> pl.DataFrame:
    """What the region holds beyond its municipalities: year, quantity, left."""
    sign = pl.when(pl.col("area_level") == REGION).then(1.0).otherwise(-1.0)
    local = pl.col("area_level").is_in([MUNICIPALITY, REGION])
    return cells.filter(local).group_by("year", "quantity").agg(left=(pl.col("value") * sign).sum())


def _with_leaf(terms: pl.DataFrame, parts: Quantities) -> pl.DataFrame:
    """Terms with the quantity that each unknown is of, as its name tells."""
    leaf = pl.col("variable_id").str.split("|").list.get(1).alias("unknown")
    return terms.with_columns(leaf).join(parts.unknowns, on=["quantity", "unknown"], how="semi")
