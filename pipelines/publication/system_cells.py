"""Cells of areas and the unknowns that they are sums of.

Belongs here: the space of unknowns (quantity × area × sex × age atom) of one audit group and
period, the cells that figures publish, and their terms. Does not belong here: cells that
nobody publishes (``system_rest``).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipelines.publication.figures import AREA, COUNTY, GROUP, MUNICIPALITY, REGION, TOTAL
from pipelines.publication.quantities import NUMBERS, WHOLE, Quantities

BAND = ("low", "high")
CELL = ("quantity", *AREA, "sex", *BAND)
TERM_COLUMNS = ("cell_id", "variable_id")
CELL_COLUMNS = (
    "cell_id",
    "value",
    "persons",
    "complement_persons",
    "denominator_persons",
    "providers",
    "largest_share",
    "weight",
    "publishable",
    "group",
    "magnitude",
    "integer",
    "upper_bound",
    "guessed",
    "owed",
)
REST = "rest"
"""Pseudo-area of whoever the region counts but no countable municipality does."""

# What planners lose with a cell: totals are worth more than parts, the region than an area.
TOTAL_WEIGHT = 5.0
REGION_WEIGHT = 10.0
# Nobody's own figure is given up for a group.
GROUP_WEIGHT = 0.01


@dataclass(frozen=True)
class Space:
    """The unknowns of an audit group in one period.

    Attributes:
        parts: The group's quantities.
        atoms: One row per age atom: atom_low, atom_high.
        sexes: One row per published sex and the sex of unknowns that it holds: sex, base.
        bands: One row per area, base sex and stratum: base, age_from, age_to.
        runs: One row per area, base sex and atom: run_low, run_high, the smallest ages
            around the atom that the area's strata give exactly.
        values: One row per quantity, area, base sex and stratum, with ``NUMBERS``.
        strata: The indicators' rows by stratum.
        groups: One row per group and member: merged_group_id, area_code.
        counties: One row per municipality of a county: area_code, county_code.
        fractional: Quantities that are not whole numbers.
    """

    parts: Quantities
    atoms: pl.DataFrame
    sexes: pl.DataFrame
    bands: pl.DataFrame
    runs: pl.DataFrame
    values: pl.DataFrame
    strata: pl.DataFrame
    groups: pl.DataFrame
    counties: pl.DataFrame
    fractional: list[str]

    @classmethod
    def of(
        cls,
        parts: Quantities,
        wanted: pl.DataFrame,
        strata: pl.DataFrame,
        bands: pl.DataFrame,
        groups: pl.DataFrame,
        counties: pl.DataFrame,
    ) -> Space:
        """Space of the wanted cells.

        Args:
            parts: The group's quantities.
            wanted: Quantity rows of the figures (``Quantities.from_figures``).
            strata: Rows by stratum of the group's indicators in the period.
            bands: Partition of the areas.
            groups: Groups of areas and their members.
            counties: Municipalities of counties.
        """
        atoms = _atoms(wanted)
        flow = wanted.filter(pl.col("sex") != TOTAL).is_empty()
        base = [TOTAL] if flow else ["female", "male"]
        published = base if flow else [*base, TOTAL, TOTAL]
        sexes = pl.DataFrame({"sex": published, "base": base if flow else [*base, *base]})
        areas = wanted.select(AREA).unique()
        own = (
            bands.filter(pl.col("sex").is_in(base))
            .join(areas, on=list(AREA), how="semi")
            .rename({"sex": "base"})
        )
        values = _stratum_values(parts, strata)
        runs = _runs(atoms, own)
        return cls(
            parts, atoms, sexes, own, runs, values, strata, groups, counties, fractional(values)
        )


def fractional(values: pl.DataFrame) -> list[str]:
    """Quantities of which some value is not a whole number."""
    whole = (pl.col("value") - pl.col("value").round()).abs() <= WHOLE
    return values.filter(~whole)["quantity"].unique().to_list()


def _atoms(wanted: pl.DataFrame) -> pl.DataFrame:
    """Ages between neighbouring cuts, where some cell covers them."""
    cuts = pl.concat([wanted["low"], wanted["high"] + 1]).unique().sort()
    between = pl.DataFrame({"atom_low": cuts[:-1], "atom_high": cuts[1:] - 1})
    bands = wanted.select(BAND).unique()
    return (
        between.join_where(
            bands, pl.col("atom_low") >= pl.col("low"), pl.col("atom_high") <= pl.col("high")
        )
        .select("atom_low", "atom_high")
        .unique()
        .sort("atom_low")
    )


def _runs(atoms: pl.DataFrame, bands: pl.DataFrame) -> pl.DataFrame:
    keys = [*AREA, "base"]
    crossed = (
        bands.join_where(
            atoms.select("atom_low"),
            pl.col("age_from") < pl.col("atom_low"),
            pl.col("age_to") >= pl.col("atom_low"),
        )
        .select(*keys, "atom_low")
        .unique()
        .with_columns(crossed=pl.lit(True))
    )
    spread = bands.select(keys).unique().join(atoms, how="cross")
    marked = spread.join(crossed, on=[*keys, "atom_low"], how="left").sort(*keys, "atom_low")
    run = pl.col("crossed").is_null().cum_sum().over(keys)
    return marked.with_columns(run=run).select(
        *keys,
        "atom_low",
        run_low=pl.col("atom_low").min().over(*keys, "run"),
        run_high=pl.col("atom_high").max().over(*keys, "run"),
    )


def _stratum_values(parts: Quantities, strata: pl.DataFrame) -> pl.DataFrame:
    keys = ["quantity", *AREA, "sex", "age_from", "age_to"]
    return _one_per_key(parts.from_figures(strata), keys).rename({"sex": "base"})


def _one_per_key(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Rows of several indicators about one quantity become one, the most careful of them."""
    merged = rows.group_by(keys).agg(
        pl.col("value").first(),
        *(pl.col(name).min() for name in NUMBERS if name not in ("value", "largest")),
        _lowest=pl.col("value").min(),
        _highest=pl.col("value").max(),
        largest=pl.col("largest").max(),
        magnitude=pl.col("magnitude").any(),
        publishable=pl.col("publishable").any(),
    )
    differing = merged.filter(pl.col("_highest") - pl.col("_lowest") > WHOLE).height
    if differing:
        msg = f"{differing} cells of one measure differ between indicators; check the marts"
        raise ValueError(msg)
    return merged.drop("_lowest", "_highest")


def cell_id(quantity: str) -> pl.Expr:
    """Name of the cell of a quantity (a column), area, sex and ages; one in a period."""
    keys = (key for key in CELL if key not in ("quantity", "area_level"))
    return pl.concat_str(quantity, *(pl.col(key) for key in keys), separator="|")


def identified(cells: pl.DataFrame, fractional: list[str]) -> pl.DataFrame:
    """Rows with ``CELL`` keys and ``NUMBERS`` as cells of a linked system.

    Args:
        cells: Keys, ``NUMBERS``, magnitude, publishable, weight and group (null: alone).
        fractional: Quantities that are not whole numbers.
    """
    known = pl.col("largest").is_not_null() & (pl.col("value") > 0)
    share = (pl.col("largest") / pl.col("value")).clip(0.0, 1.0)
    return cells.with_columns(
        cell_id=cell_id("quantity"),
        # More than are registered is all of them, as far as anybody can tell.
        complement_persons=pl.col("complement_persons").clip(lower_bound=0),
        largest_share=pl.when(known & pl.col("magnitude")).then(share),
        magnitude=pl.col("magnitude") & (known | (pl.col("value") == 0)),
        integer=~pl.col("quantity").is_in(fractional),
        guessed=pl.lit(value=False),
        # Who finds out what a group holds together has found no municipality.
        owed=pl.col("area_level") != GROUP,
    ).with_columns(group=pl.coalesce("group", "cell_id"))


def area_cells(fractional: list[str], wanted: pl.DataFrame) -> pl.DataFrame:
    """Cells of areas: what figures publish, and the complements that follow from it.

    Args:
        fractional: Quantities that are not whole numbers.
        wanted: Quantity rows of the figures.

    Returns:
        One row per quantity, area, sex and ages: the ``CELL`` keys and ``CELL_COLUMNS``. The
        cells of a figure are hidden together unless another indicator publishes one of them.
    """
    worth = (
        wanted.group_by(CELL)
        .agg(total=(pl.col("age_group") == TOTAL).any())
        .with_columns(
            weight=pl.when(pl.col("total")).then(TOTAL_WEIGHT).otherwise(1.0)
            * pl.when(pl.col("sex") == TOTAL).then(TOTAL_WEIGHT).otherwise(1.0)
            * pl.when(pl.col("area_level") == REGION)
            .then(REGION_WEIGHT)
            .when(pl.col("area_level") == GROUP)
            .then(GROUP_WEIGHT)
            .otherwise(1.0)
        )
        .drop("total")
    )
    together = wanted.filter(
        ~pl.col("shared"),
        pl.col("denominator_quantity").is_not_null(),
        pl.col("role") != "complement",
    )
    key = pl.concat_str("indicator_id", "area_code", "sex", *BAND, separator="|")
    groups = together.select(*CELL, group=key).unique()
    merged = _one_per_key(wanted, list(CELL))
    joined = merged.join(worth, on=list(CELL)).join(groups, on=list(CELL), how="left")
    return identified(joined, fractional)


def variable_id() -> pl.Expr:
    """Name of the unknown of a quantity, area, base sex and atom."""
    return pl.concat_str("unknown", "area_code", "base", "atom_low", separator="|")


def spread_over_atoms(space: Space, cells: pl.DataFrame) -> pl.DataFrame:
    """Cells with the unknowns' keys that they hold: unknown, base, atom_low."""
    return (
        cells.select("cell_id", *CELL)
        .join(space.parts.unknowns, on="quantity")
        .join(space.sexes, on="sex")
        .join_where(
            space.atoms,
            pl.col("atom_low") >= pl.col("low"),
            pl.col("atom_high") <= pl.col("high"),
        )
    )


def members_of(space: Space, named: pl.DataFrame) -> pl.DataFrame:
    """The unknowns that the region's cells hold: those of its municipalities, and a rest.

    Args:
        space: The group's unknowns.
        named: Cells of ``area_cells``.

    Returns:
        One row per unknown: unknown, base, atom_low, variable_id.
    """
    keys = ["unknown", "base", "atom_low"]
    spread = spread_over_atoms(space, named)
    local = spread.filter(pl.col("area_level") == MUNICIPALITY)
    unplaced = (
        spread.filter(pl.col("area_level") == REGION)
        .select(keys)
        .unique()
        .with_columns(area_code=pl.lit(REST))
    )
    named_unknowns = [frame.select(*keys, variable_id=variable_id()) for frame in (local, unplaced)]
    return pl.concat(named_unknowns).unique()


def terms_of(space: Space, cells: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Terms of areas' cells.

    Args:
        space: The group's unknowns.
        cells: Cells of municipalities, groups of them, counties and the region.
        members: The region's unknowns, from ``members_of``.

    Returns:
        One row per cell and unknown: cell_id, variable_id.
    """
    spread = spread_over_atoms(space, cells)
    local = spread.filter(pl.col("area_level") == MUNICIPALITY)
    whole = spread.filter(pl.col("area_level") == REGION).join(
        members, on=["unknown", "base", "atom_low"]
    )
    grouped = (
        spread.filter(pl.col("area_level") == GROUP)
        .rename({"area_code": "merged_group_id"})
        .join(space.groups, on="merged_group_id")
    )
    return pl.concat(
        [
            local.select("cell_id", variable_id=variable_id()),
            grouped.select("cell_id", variable_id=variable_id()),
            _county_terms(space, spread, local),
            whole.select(TERM_COLUMNS),
        ]
    )


def _county_terms(space: Space, spread: pl.DataFrame, local: pl.DataFrame) -> pl.DataFrame:
    """Terms of counties' cells: of the municipalities that have such a cell too."""
    like = ["quantity", "sex", *BAND, "unknown", "base", "atom_low"]
    counties = spread.filter(pl.col("area_level") == COUNTY).rename({"area_code": "county_code"})
    members = local.join(space.counties, on="area_code").select(*like, "area_code", "county_code")
    return counties.join(members, on=[*like, "county_code"]).select(
        "cell_id", variable_id=variable_id()
    )


def group_sums(space: Space, named: pl.DataFrame) -> pl.DataFrame:
    """What groups' cells are the sums of.

    Args:
        space: The group's unknowns.
        named: Cells of ``area_cells``.

    Returns:
        One row per cell of a group and of a member: sum_id, whole_id, part_id.
    """
    same = ["quantity", "sex", *BAND]
    wholes = named.filter(pl.col("area_level") == GROUP).select(
        *same, whole_id="cell_id", merged_group_id="area_code"
    )
    parts = named.filter(pl.col("area_level") == MUNICIPALITY)
    return (
        wholes.join(space.groups, on="merged_group_id")
        .join(parts.select(*same, "area_code", part_id="cell_id"), on=[*same, "area_code"])
        .select("whole_id", "part_id", sum_id="whole_id")
    )
