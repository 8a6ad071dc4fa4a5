"""Cells that nobody publishes but that follow from what is published, and public bounds.

Belongs here: merged age groups that a municipality's other figures give away, and the rest of
the region: persons without a municipality (graded addresses) and parts of municipalities whose
strata straddle a group. Does not belong here: the published cells (``system_cells``).
"""

from __future__ import annotations

import polars as pl

from pipelines.publication.figures import AREA, MUNICIPALITY, NOT_COVERED, REGION
from pipelines.publication.quantities import WHOLE
from pipelines.publication.system_cells import (
    BAND,
    CELL,
    REST,
    TERM_COLUMNS,
    Space,
    identified,
    terms_of,
    variable_id,
)

INSIDE = (pl.col("age_from") >= pl.col("low")) & (pl.col("age_to") <= pl.col("high"))
ADDED = ("value", "persons", "complement_persons", "denominator_persons")


def block_cells(
    space: Space, named: pl.DataFrame, members: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Age groups that a municipality's strata merge: total minus the exact groups.

    Args:
        space: The group's unknowns.
        named: The published cells.
        members: The region's unknowns.

    Returns:
        Cells that are never published (per sex, and of both sexes where they merge alike), and
        their terms: cell_id, variable_id.
    """
    merged = (
        space.runs.filter(
            pl.col("area_level") == MUNICIPALITY, pl.col("atom_low") == pl.col("run_low")
        )
        .join(space.atoms, on="atom_low")
        .filter(pl.col("atom_high") < pl.col("run_high"))
        .select(*AREA, "base", low="run_low", high="run_high")
    )
    if merged.is_empty():
        return named.clear(), pl.DataFrame(schema=dict.fromkeys(TERM_COLUMNS, pl.String))
    sums = _summed(space, merged.join(space.sexes, on="base"))
    cells = sums.join(named, on=list(CELL), how="anti")
    return _with_own_unknowns(space, _never_published(cells), members)


def _summed(space: Space, bands: pl.DataFrame) -> pl.DataFrame:
    """Counts of bands by sex, where the strata of all the sex's base sexes give them exactly.

    Args:
        space: The group's unknowns.
        bands: One row per area, sex, base and band (low, high).
    """
    keys = [*AREA, "sex", *BAND]
    needed = space.sexes.group_by("sex").agg(needed=pl.len())
    exact = (
        _exactly(space, bands)
        .join(needed, on="sex")
        .filter(pl.col("base").n_unique().over(keys) == pl.col("needed"))
    )
    return (
        exact.join(space.values, on=[*AREA, "base"])
        .filter(INSIDE)
        # Beyond the ages at which a quantity is counted its strata hold a part only.
        .join(space.parts.ages, on="quantity")
        .filter(pl.col("low") >= pl.col("age_min"), pl.col("high") <= pl.col("age_max"))
        .group_by("quantity", *keys)
        .agg(
            pl.col(*ADDED).sum(),
            _sum_if_all("upper_bound"),
            pl.col("providers").min(),
            pl.col("largest").max(),
            pl.col("magnitude").any(),
        )
    )


def _exactly(space: Space, bands: pl.DataFrame) -> pl.DataFrame:
    """The bands (area, base, low, high) that no stratum straddles."""
    overlap = (pl.col("age_from") <= pl.col("high")) & (pl.col("age_to") >= pl.col("low"))
    keys = [*AREA, "base", *BAND]
    straddled = bands.join(space.bands, on=[*AREA, "base"]).filter(overlap & ~INSIDE)
    return bands.join(straddled, on=keys, how="anti")


def _with_own_unknowns(
    space: Space, cells: pl.DataFrame, members: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cells all of whose unknowns exist, and their terms.

    Ages beyond an area's exact totals have no unknowns of their own: they are in the rest.
    """
    named = identified(cells, space.fractional)
    terms = terms_of(space, named, members)
    foreign = terms.join(members, on="variable_id", how="anti").select("cell_id").unique()
    return (
        named.join(foreign, on="cell_id", how="anti"),
        terms.join(foreign, on="cell_id", how="anti"),
    )


def joint_groups(
    space: Space, named: pl.DataFrame, members: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ages within which every municipality's merged groups lie: there the rest is persons only.

    Args:
        space: The group's unknowns.
        named: The published cells.
        members: The region's unknowns.

    Returns:
        Cells of the municipalities and the region over such ages, for ``rest_cells``, and
        their terms. Ages that the region publishes as a group are left out.
    """
    crossed = (
        space.runs.filter(pl.col("area_level") == MUNICIPALITY)
        .join(space.sexes, on="base")
        .group_by("sex", "atom_low")
        .agg(crossed=(pl.col("run_low") < pl.col("atom_low")).any())
    )
    group = (~pl.col("crossed")).cum_sum().over("sex", order_by="atom_low")
    joint = (
        crossed.join(space.atoms, on="atom_low")
        .with_columns(group=group)
        .group_by("sex", "group")
        .agg(low=pl.col("atom_low").min(), high=pl.col("atom_high").max(), atoms=pl.len())
        .filter(pl.col("atoms") > 1)
        .join(space.sexes, on="sex")
    )
    if joint.is_empty():
        return named.clear(), pl.DataFrame(schema=dict.fromkeys(TERM_COLUMNS, pl.String))
    areas = space.runs.select(*AREA, "base").unique()
    sums = _summed(space, areas.join(joint, on="base"))
    published = named.filter(pl.col("area_level") == REGION)
    keys = ["quantity", "sex", *BAND]
    fresh = sums.join(published, on=keys, how="anti")
    return _with_own_unknowns(space, _never_published(fresh), members)


def _never_published(cells: pl.DataFrame) -> pl.DataFrame:
    return cells.with_columns(
        publishable=pl.lit(False), weight=pl.lit(1.0), group=pl.lit(None, dtype=pl.String)
    )


def covered_places(rows: pl.DataFrame, sex: str = "sex") -> pl.DataFrame:
    """The municipalities that a region's numbers hold, whether they have exact counts or not.

    Args:
        rows: Every figure of the group and period (``figures.figures`` or the like).
        sex: Column that stands for the cells' sex.

    Returns:
        One row per sex and municipality: sex, area_code.
    """
    return (
        rows.filter(pl.col("area_level") == MUNICIPALITY, pl.col("coverage_state") != NOT_COVERED)
        .select(pl.col(sex).alias("sex"), "area_code")
        .unique()
    )


def rest_cells(
    named: pl.DataFrame, terms: pl.DataFrame, places: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the region's cells hold beyond the countable municipalities' cells.

    Where every municipality has such a cell that is nobody's place alone (graded addresses): few
    persons or none, which a reader may guess.

    Args:
        named: The published cells.
        terms: Their terms.
        places: ``covered_places`` of the region.

    Returns:
        Cells that are never published (pseudo-area ``rest``), and their terms.

    Raises:
        ValueError: If municipalities add up to more than the region.
    """
    key = ["quantity", "sex", *BAND]
    region = named.filter(pl.col("area_level") == REGION)
    local = named.filter(pl.col("area_level") == MUNICIPALITY)
    rest = _left_over(region, local, key)
    if negative := rest.filter(pl.col("value") < -WHOLE).height:
        msg = f"{negative} cells: the municipalities add up to more than the region"
        raise ValueError(msg)
    # Of a denominator that everybody knows the complement is known as well as the numerator.
    known = pl.col("upper_bound").is_not_null()
    some = {"persons": "value", "complement_persons": "apart", "denominator_persons": "upper_bound"}
    unplaced = rest.with_columns(
        pl.col("value", "upper_bound").clip(lower_bound=0.0),
        apart=pl.col("upper_bound") - pl.col("value"),
        area_code=pl.lit(REST),
        area_level=pl.lit(REST),
        providers=pl.lit(None, dtype=pl.Int64),
    ).with_columns(
        # Who moved counts in two municipalities: at least one person where there is a value.
        pl.when(known | (name == "persons"))
        .then(pl.max_horizontal(name, (pl.col(value) > WHOLE).cast(pl.Int64)))
        .alias(name)
        for name, value in some.items()
    )
    fractional = named.filter(~pl.col("integer"))["quantity"].unique().to_list()
    everywhere = places.group_by("sex").agg(every=pl.col("area_code").n_unique())
    cells = (
        identified(_never_published(unplaced), fractional)
        .join(everywhere, on="sex", how="left")
        .with_columns(guessed=(pl.col("places") == pl.col("every")).fill_null(value=False))
    )
    return cells, _rest_terms(cells, region, local, terms)


def _left_over(region: pl.DataFrame, local: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The region's cells less what the municipalities' like cells hold of each number."""
    names = ("value", "persons", "complement_persons", "denominator_persons", "upper_bound")
    placed = local.group_by(key).agg(
        # One place without a number leaves the rest without.
        *(_sum_if_all(name).name.prefix("placed_") for name in names),
        places=pl.len(),
    )
    return region.join(placed, on=key, how="left").with_columns(
        pl.col(name) - pl.when(pl.col("places").is_null()).then(0).otherwise(f"placed_{name}")
        for name in names
    )


def _sum_if_all(name: str) -> pl.Expr:
    """Sum of a column, null where one of its numbers is."""
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)


def _rest_terms(
    cells: pl.DataFrame, region: pl.DataFrame, local: pl.DataFrame, terms: pl.DataFrame
) -> pl.DataFrame:
    key = ["quantity", "sex", *BAND]
    rest_of = cells.select(*key, rest_id="cell_id")

    def under_rest(frame: pl.DataFrame) -> pl.DataFrame:
        named = frame.select("cell_id", *key).join(rest_of, on=key)
        return named.join(terms, on="cell_id").select(cell_id="rest_id", variable_id="variable_id")

    return under_rest(region).join(under_rest(local), on=list(TERM_COLUMNS), how="anti")


def upper_bounds(space: Space, terms: pl.DataFrame) -> pl.DataFrame:
    """The unknowns with what the public knows of their size.

    Only a numerator that is a part of a denominator that is public or taken as known is bounded:
    by the denominator of its ages, or of the merged ages around them. Where a public denominator
    is smaller than its numerator (its register knows nothing of who has just moved) it bounds
    nothing.

    Args:
        space: The group's unknowns.
        terms: All terms.

    Returns:
        One row per unknown: variable_id, upper_bound (null: none known).
    """
    roles = space.parts.roles.filter("bounded").select(
        "indicator_id", "age_min", "age_max", unknown="numerator_quantity"
    )
    runs = _exactly(space, space.runs.rename({"run_low": "low", "run_high": "high"}))
    # Of a run that passes the indicator's ages its rows hold a part only.
    within = (pl.col("low") >= pl.col("age_min")) & (pl.col("high") <= pl.col("age_max"))
    local = runs.filter(pl.col("area_level") == MUNICIPALITY)
    asked = local.join(roles, how="cross").filter(within)
    keys = ["indicator_id", *AREA, "base", *BAND]
    rows = space.strata.select(
        "indicator_id", *AREA, "age_from", "age_to", "numerator", "denominator", base="sex"
    )
    counted = (
        asked.select(keys)
        .unique()
        .join(rows, on=keys[:-2])
        .filter(INSIDE)
        .group_by(keys)
        .agg(pl.col("numerator", "denominator").sum())
    )
    # Where there is no row there is nobody.
    bounds = (
        asked.join(counted, on=keys, how="left")
        .with_columns(pl.col("numerator", "denominator").fill_null(0.0))
        .filter(pl.col("numerator") <= pl.col("denominator") + WHOLE)
        .group_by(variable_id=variable_id())
        .agg(upper_bound=pl.col("denominator").min())
    )
    unknowns = terms.select("variable_id").unique()
    return unknowns.join(bounds, on="variable_id", how="left").sort("variable_id")
