"""Linked systems of a year's parts: what its months, or the values of a split, give away with it.

Belongs here: cells and unknowns of an audit group's parts, which of its year's totals are known
beside them, and one system of all of these. Does not belong here: the year's system (``systems``,
protected first and never changed by its parts), and what is hidden (the table door decides).

Unknowns are measure × area × part. A part of an area may be shown only where the year's total of
the area is; then the year is known, and the sum of its parts. Where the year is hidden so are all
its parts, and only their sum with other areas is told. That parts add nothing to what a reader
knows of hidden figures of the year is not taken on trust: ``joint_system`` is audited too, over all
divisions of the year together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from anonymization.tables import LinkedSystem
from pipelines.catalogue.model import Indicator
from pipelines.publication.divisions import MONTHS, Division
from pipelines.publication.figures import AREA, MUNICIPALITY, REGION, TOTAL
from pipelines.publication.quantities import (
    WHOLE,
    Linked,
    Quantities,
    linked_indicators,
    quantities,
)
from pipelines.publication.system_cells import (
    BAND,
    CELL,
    CELL_COLUMNS,
    REST,
    area_cells,
    cell_id,
    fractional,
)
from pipelines.publication.system_rest import covered_places, rest_cells
from pipelines.publication.systems import AuditGroup, Year, figure_cells, without_denominator

TIED = "parts|"
"""Begins the id of the sum of a total's parts."""

KEPT_WEIGHT = 1000.0
"""What a known total of a year weighs: it is in view already, so no pattern may hide it."""


@dataclass(frozen=True)
class PartGroup:
    """The parts that a division makes of an audit group's year.

    Attributes:
        group: The parts as an audit group of their own: cells of the parts and totals of the
            year that are in view; ``figures`` are those of the parts.
        division: Name of the division.
        of_year: Id of the year's audit group.
        ties: Unknowns of parts per total of the year, whether in view or not: cell_id (of the
            year's system), variable_id.
    """

    group: AuditGroup
    division: str
    of_year: str
    ties: pl.DataFrame

    def beside(self, verdicts: pl.DataFrame) -> PartGroup:
        """The same, once it is known which common denominators are in view.

        A numerator without denominator is not published.

        Args:
            verdicts: Cells of groups before it: period_start, cell_id, ``ok``.
        """
        return replace(self, group=without_denominator(self.group, verdicts))


def part_groups(
    division: Division, specs: Sequence[Indicator], years: Sequence[Year]
) -> list[PartGroup]:
    """The parts of all audit groups and years.

    Args:
        division: The division.
        specs: Indicators to publish.
        years: Audit groups of the years with what is shown of each: ``cell_id`` and ``status``
            (ok | suppressed).

    Returns:
        One entry per audit group and year with countable parts, in order.
    """
    linked = {one.name: one for one in linked_indicators(specs)}
    known = {group.group_id: (group, cells) for group, cells in years}
    found = []
    every = division.figures.with_columns(year=pl.col("period_start").dt.year())
    counted = every.filter("counted")
    for year in sorted(counted["year"].unique()):
        for name, group in linked.items():
            own = _divided(group, division)
            mine = [spec.id for spec in (*own.members, *own.guests)]
            asked = (pl.col("year") == year) & pl.col("indicator_id").is_in(mine)
            rows = counted.filter(asked)
            if not rows.is_empty():
                of_year = known.get(f"{name}|{year}")
                places = covered_places(every.filter(asked), "part")
                found.append(_part_group(own, division.name, rows, places, of_year, year))
    return found


def _divided(linked: Linked, division: Division) -> Linked:
    """Of an audit group the indicators that have the division."""
    members = tuple(spec for spec in linked.members if spec.id in division.indicator_ids)
    guests = tuple(spec for spec in linked.guests if spec.id in division.indicator_ids)
    parts = {(spec.part_of_year, spec.timing) for spec in (*members, *guests)}
    if division.name == MONTHS and len(parts) > 1:
        msg = (
            f"{linked.name}: shares a measure, and must have months or quarters, of events or on a "
            "date, not both"
        )
        raise ValueError(msg)
    return replace(linked, members=members, guests=guests)


def _part_group(
    linked: Linked,
    division: str,
    rows: pl.DataFrame,
    places: pl.DataFrame,
    year: Year | None,
    number: int,
) -> PartGroup:
    parts = quantities(linked)
    # A part is to its year what a sex is to both: the cells of ``system_cells`` serve as they are.
    named = rows.with_columns(sex="part")
    _check_alike(linked, named)
    wanted = parts.from_figures(named)
    in_sum = named.filter("exact").select(*AREA, "sex").unique()
    cells = _telling(area_cells(fractional(wanted), wanted), in_sum, year)
    terms = _terms(cells, in_sum, parts)
    counted = cells.join(in_sum, on=[*AREA, "sex"], how="semi")
    rest, rest_terms = rest_cells(counted, terms, places)
    rest = _with_year_cell(rest.drop("year_cell"))
    tied = pl.concat([cells.select(_TIED), rest.select(_TIED)])
    if division == MONTHS and {spec.timing for spec in linked.members} == {"on_date"}:
        # What is counted on a date does not add up: the year is its last part.
        tied = tied.filter(pl.col("sex") == str(rows["part"].max()))
    ties = _ties(tied, parts, year)
    kept, kept_terms = _in_view(ties, year)
    all_terms = pl.concat([terms, rest_terms, kept_terms])
    system = LinkedSystem(
        variables=all_terms.select("variable_id").unique(),
        cells=pl.concat([frame.select(CELL_COLUMNS) for frame in (cells, rest, kept)]),
        terms=all_terms.with_columns(coefficient=pl.lit(1.0)),
    )
    called = dict(rows.select("part", "sex").unique().iter_rows())
    group = AuditGroup(
        group_id=f"{linked.name}|{number}|{division}",
        policy_id=linked.policy_id,
        indicator_ids=tuple(spec.id for spec in linked.members),
        period_start=date(number, 1, 1),
        period_end=date(number, 12, 31),
        system=system,
        figures=figure_cells(linked, named.filter("exact")).with_columns(
            pl.col("sex").replace_strict(called, return_dtype=pl.String)
        ),
    )
    return PartGroup(group, division, f"{linked.name}|{number}", ties)


def _check_alike(linked: Linked, named: pl.DataFrame) -> None:
    """Linked parts must sum the same persons of the same municipalities."""
    concerned = len({spec.id for spec in (*linked.members, *linked.guests)})
    exact = named.filter("exact")
    per_part = exact.group_by(*AREA, "sex").agg(pl.col("indicator_id").n_unique())
    apart = per_part.filter(pl.col("indicator_id") != concerned).height
    if apart or named.select(BAND).n_unique() > 1:
        msg = (
            f"{linked.name}: shares a measure by part of the year, but its indicators differ in "
            f"ages, or in coverage in {apart} areas and parts; give them the same or different "
            "measures"
        )
        raise ValueError(msg)


_TIED = (*CELL, "year_cell", "value")


def _with_year_cell(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells of parts with the id of their year's total."""
    year = cells.select("cell_id", *CELL).with_columns(sex=pl.lit(TOTAL))
    ids = year.select("cell_id", year_cell=cell_id("quantity"))
    return cells.join(ids, on="cell_id", maintain_order="left")


def _telling(cells: pl.DataFrame, in_sum: pl.DataFrame, year: Year | None) -> pl.DataFrame:
    """Cells, publishable where their part is covered and their year's total is not hidden."""
    covered = pl.lit(value=True)
    marked = _with_year_cell(cells).join(
        in_sum.with_columns(covered=covered), on=[*AREA, "sex"], how="left"
    )
    unseen = [] if year is None else year[1].filter(pl.col("status") != "ok")["cell_id"].to_list()
    told = pl.col("covered").fill_null(value=False) & ~pl.col("year_cell").is_in(unseen)
    # Where all parts are hidden, whatever they hold, none is known to be a small one: the second
    # attacker knows nothing of numbers that are not whole.
    return marked.with_columns(
        publishable=pl.col("publishable") & told, integer=pl.col("integer") & told
    )


def _terms(cells: pl.DataFrame, in_sum: pl.DataFrame, parts: Quantities) -> pl.DataFrame:
    """Terms of the cells; the region's are its municipalities in the part, and a rest."""
    spread = cells.select("cell_id", *AREA, "sex", "quantity").join(parts.unknowns, on="quantity")
    own = spread.filter(pl.col("area_level") == MUNICIPALITY)
    whole = spread.filter(pl.col("area_level") == REGION).drop("area_code")
    places = in_sum.filter(pl.col("area_level") == MUNICIPALITY).select("sex", "area_code")
    rest = in_sum.select("sex", area_code=pl.lit(REST)).unique()
    summed = whole.join(pl.concat([places, rest]), on="sex")
    columns = ["cell_id", "unknown", "area_code", "sex"]
    both = pl.concat([own.select(columns), summed.select(columns)])
    return both.select("cell_id", variable_id=_variable("sex"))


def _variable(part: str) -> pl.Expr:
    return pl.concat_str("unknown", "area_code", part, separator="|")


def _ties(cells: pl.DataFrame, parts: Quantities, year: Year | None) -> pl.DataFrame:
    """Totals of the year that parts make up: cell_id (of the year), variable_id.

    Of months in which nobody is covered the rest of the year holds more than the months do: then
    neither it nor the region is tied.

    Raises:
        ValueError: If the parts of a municipality do not add up to its year.
    """
    if year is None:
        return pl.DataFrame(schema={"cell_id": pl.String, "variable_id": pl.String})
    totals = year[0].system.cells.select(year_cell="cell_id", total="value")
    local = cells.filter(pl.col("area_level") != REGION).join(totals, on="year_cell")
    summed = local.with_columns(apart=_apart("year_cell"))
    wrong = summed.filter(pl.col("apart") > WHOLE, pl.col("area_level") == MUNICIPALITY)
    if wrong.height:
        msg = (
            f"{year[0].group_id}: the parts of {wrong['year_cell'].n_unique()} totals do not add "
            "up to their year; check fct_month_counts and fct_breakdown_counts"
        )
        raise ValueError(msg)
    own = summed.filter(pl.col("apart") <= WHOLE)
    region = cells.filter(pl.col("area_level") == REGION).join(totals, on="year_cell")
    # Whether the rest adds up by itself or not: where the region does, its parts tell each other.
    whole = (
        local.drop("year_cell", "total")
        .join(region.select("quantity", "year_cell", "total").unique(), on="quantity")
        .filter(_apart("quantity") <= WHOLE)
    )
    columns = ["year_cell", "quantity", "area_code", "sex"]
    tied = pl.concat([own.select(columns), whole.select(columns)])
    return tied.join(parts.unknowns, on="quantity").select(
        cell_id="year_cell", variable_id=_variable("sex")
    )


def _apart(key: str) -> pl.Expr:
    """How far the parts of a key are from its total of the year."""
    return (pl.col("value").sum().over(key) - pl.col("total")).abs()


def _in_view(ties: pl.DataFrame, year: Year | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Totals of the year that a reader sees, as cells over parts, and their terms."""
    if year is None:
        return pl.DataFrame(schema=dict.fromkeys(CELL_COLUMNS)), ties
    seen = year[1].filter(pl.col("status") == "ok").select("cell_id")
    terms = ties.join(seen, on="cell_id", how="semi")
    cells = year[0].system.cells.join(terms, on="cell_id", how="semi")
    return _known(cells, publishable=True), terms


def _known(cells: pl.DataFrame, *, publishable: bool) -> pl.DataFrame:
    """Cells whose number is known, and which break no rule."""
    counts = ("persons", "complement_persons", "denominator_persons")
    return cells.select(
        "cell_id",
        "value",
        *(pl.lit(None, dtype=pl.Int64).alias(name) for name in counts),
        "providers",
        largest_share=pl.lit(None, dtype=pl.Float64),
        weight=pl.lit(KEPT_WEIGHT),
        publishable=pl.lit(publishable),
        group="cell_id",
        magnitude=pl.lit(value=False),
        integer="integer",
        upper_bound=pl.lit(None, dtype=pl.Float64),
        guessed=pl.lit(value=False),
        owed=pl.lit(value=True),
    ).select(CELL_COLUMNS)


def joint_system(parts: Sequence[PartGroup], year: Year | None) -> LinkedSystem:
    """Parts and their year in one system, each hidden total of the year tied to its parts.

    Args:
        parts: The parts that one or several divisions make of the year.
        year: Their year's audit group with what is shown of it: ``cell_id`` and ``status``.

    Returns:
        Cells of all; of totals in view the sum over the parts of a division (``parts|``, the
        division and the total's id) has the total's value, of hidden ones the sum less the total is
        nothing.
    """
    frames = [_frames(year[0].system)] if year is not None else []
    frames += [_beside_year(one, year) for one in parts]
    variables, cells, terms = (pl.concat(kind) for kind in zip(*frames, strict=True))
    return LinkedSystem(variables=variables, cells=cells, terms=terms)


_Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
"""Variables, cells and terms."""


def _frames(system: LinkedSystem) -> _Frames:
    return system.variables, system.cells.select(CELL_COLUMNS), system.terms


def _beside_year(parts: PartGroup, year: Year | None) -> _Frames:
    """The parts' own cells, and their sums tied to the year's totals."""
    own = parts.group.system
    if year is None:
        return _frames(own)
    group, statuses = year
    totals = group.system.cells.join(parts.ties, on="cell_id", how="semi")
    seen = statuses.filter(pl.col("status") == "ok").select("cell_id")
    hidden = totals.join(seen, on="cell_id", how="anti")
    value = pl.when(pl.col("cell_id").is_in(hidden["cell_id"].implode())).then(0.0)
    renamed = (pl.lit(f"{TIED}{parts.division}|") + pl.col("cell_id")).alias("cell_id")
    summed = totals.with_columns(value.otherwise("value").alias("value"), renamed)
    tie = _known(summed, publishable=False)
    of_parts = parts.ties.select(renamed, "variable_id", coefficient=pl.lit(1.0))
    of_year = group.system.terms.join(hidden, on="cell_id", how="semi").select(
        renamed, "variable_id", coefficient=-pl.col("coefficient")
    )
    kept = parts.ties.select("cell_id").unique()
    cells = own.cells.join(kept, on="cell_id", how="anti")
    terms = own.terms.join(kept, on="cell_id", how="anti")
    return (
        own.variables,
        pl.concat(frame.select(CELL_COLUMNS) for frame in (cells, tie)),
        pl.concat([terms, of_parts, of_year]),
    )


def joint_statuses(
    system: LinkedSystem, year: Year | None, parts: Sequence[pl.DataFrame]
) -> pl.DataFrame:
    """Status of every cell of a joint system: cell_id, status.

    Args:
        system: ``joint_system``.
        year: The year's audit group with what is shown of it.
        parts: What is shown of its parts, by division: ``cell_id`` and ``status``.
    """
    frames = [*parts] if year is None else [year[1], *parts]
    told = pl.concat([frame.select("cell_id", "status") for frame in frames])
    # Totals of the year are cells of the parts too; the year's word counts.
    told = told.unique("cell_id", keep="first", maintain_order=True)
    return system.cells.select("cell_id").join(told, on="cell_id", how="left").with_columns(
        pl.when(pl.col("cell_id").str.starts_with(TIED)).then(pl.lit("ok")).otherwise("status")
        .alias("status")
    )  # fmt: skip
