"""The cells of merged groups: what they are worth, what is left of them, who is shown with them.

Here: groups in the linked system of a table, and the group that a hidden cell refers to. Not here:
which members make a group (``merging``).

A group is published beside members that stand alone. Whoever subtracts these has the sum of the
others, so that sum is a cell too, never published, and must be as safe as a published one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from anonymization.tables.lattice import cell_id
from anonymization.tables.merging import PLUS
from anonymization.tables.primary import primary_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anonymization.tables.lattice import Lattice
    from anonymization.tables.policy import TablePolicy
    from anonymization.tables.system import LinkedSystem

WORTH = 0.01
"""What a group is worth beside other cells: nobody's own figure is given up for a group."""
LEFT = "\x1eleft"
"""Ends the id of a sum that is left."""

SHOWN_WITH = "_shown_with"
"""Ends the name of the columns that tell a hidden cell's group."""

_ADDED = ("value", "persons", "complement_persons", "denominator_persons", "upper_bound")


def with_remainders(
    system: LinkedSystem, sums: pl.DataFrame, policy: TablePolicy, providers_differ: bool
) -> LinkedSystem:
    """The system with what is left of each group beside those parts of it that stand alone.

    Args:
        system: The linked system, groups included.
        sums: One row per group and part: ``whole_id``, ``part_id``, both cells of it. A part may be
            a smaller group.
        policy: Tells which of them do not stand alone.
        providers_differ: No provider is behind two members.

    Returns:
        The system with one cell more per group of which several members, but not all, are in view
        neither by themselves nor in a smaller group: their sum, never published.
    """
    rules = primary_rules(system, policy)
    failing = rules.filter(pl.col("rule").is_not_null())
    members = sums.join(sums, left_on="part_id", right_on="whole_id", how="anti")
    unseen = members.select(cell_id="part_id", member="part_id").unique()
    unseen = unseen.join(failing, on="cell_id", how="semi")
    while sums.height:
        inner = sums.join(sums.select(part_id="whole_id"), on="part_id", how="semi")
        level = sums.join(inner, on="whole_id", how="anti")
        sums = sums.join(level, on="whole_id", how="anti")
        found = level.join(unseen, left_on="part_id", right_on="cell_id")
        found = found.select("member", cell_id="whole_id")
        system = _with_sums(system, found, providers_differ)
        unsafe = primary_rules(system, policy).filter(pl.col("rule").is_not_null())["cell_id"]
        # One alone would be told by the group, so the group is not shown either.
        hidden = (
            pl.col("cell_id").is_in(unsafe.implode())
            | (pl.col("cell_id") + LEFT).is_in(unsafe.implode())
            | (pl.len().over("cell_id") == 1)
        )
        unseen = pl.concat([unseen, found.filter(hidden).select(unseen.columns)])
    return system


def _with_sums(system: LinkedSystem, parts: pl.DataFrame, providers_differ: bool) -> LinkedSystem:
    """The system with a cell for what is unseen of each group (``cell_id``, ``member``)."""
    whole = system.terms.join(parts.select("cell_id").unique(), on="cell_id").group_by("cell_id")
    terms = parts.join(system.terms, left_on="member", right_on="cell_id")
    # One alone is a cell itself, and all of them are the group.
    fewer = (
        terms.group_by("cell_id")
        .agg(pl.len(), pl.col("member").n_unique())
        .join(whole.agg(all=pl.len()), on="cell_id")
        .filter(pl.col("member") >= 2, pl.col("len") < pl.col("all"))
    )
    if fewer.is_empty():
        return system
    left = pl.col("cell_id") + LEFT
    joined = parts.join(fewer, on="cell_id", how="semi").join(
        system.cells, left_on="member", right_on="cell_id"
    )
    providers = pl.col("providers").sum() if providers_differ else pl.col("providers").max()
    most = (pl.col("largest_share") * pl.col("value")).max()
    cells = joined.group_by(left).agg(
        # A sum of something unknown is unknown.
        *(pl.when(pl.col(c).null_count() == 0).then(pl.col(c).sum()).alias(c) for c in _ADDED),
        pl.when(pl.col("providers").null_count() == 0).then(providers).alias("providers"),
        pl.when(pl.col("value").sum() > 0)
        .then(most / pl.col("value").sum())
        .alias("largest_share"),
        publishable=pl.lit(False),
        magnitude=pl.col("magnitude").any(),
        integer=pl.col("integer").all(),
        sensitive=pl.col("sensitive").any(),
    )
    new_terms = terms.join(fewer, on="cell_id", how="semi").with_columns(left)
    return replace(
        system,
        cells=pl.concat([system.cells, cells], how="diagonal_relaxed"),
        terms=pl.concat([system.terms, new_terms.select(system.terms.columns)]),
    )


def with_merged_cells(
    system: LinkedSystem,
    lattice: Lattice,
    groups: Mapping[str, pl.DataFrame],
    policy: TablePolicy,
) -> LinkedSystem:
    """The system of a table whose dimensions hold groups, with what follows from them.

    Args:
        system: The table's system, groups among its cells.
        lattice: Its lattice.
        groups: What ``merging.merge_groups`` gives.
        policy: The policy that asks for them.

    Returns:
        The system with groups worth next to nothing, their providers counted as the policy says,
        and what is left of each group.
    """
    cells = system.cells.join(lattice.keys, on="cell_id")
    merged = pl.any_horizontal(
        pl.col(name).is_in(steps["parent"].implode()) for name, steps in groups.items()
    )
    little = WORTH * pl.col("weight").min()
    cells = cells.with_columns(weight=pl.when(merged).then(little).otherwise("weight"))
    for name, steps in groups.items():
        if policy.merge[name].providers == "differ":
            cells = _with_all_providers(cells, lattice, name, steps)
    made = replace(system, cells=cells.select(system.cells.columns))
    for name, steps in groups.items():
        sums = group_sums(lattice, name, steps)
        made = with_remainders(made, sums, policy, policy.merge[name].providers == "differ")
    return made


def group_sums(lattice: Lattice, name: str, steps: pl.DataFrame) -> pl.DataFrame:
    """The parts of each group's cells, along one dimension: ``whole_id``, ``part_id``."""
    keys = lattice.keys
    others = [column for column in keys.columns if column not in ("cell_id", name)]
    parts = keys.rename({name: "code", "cell_id": "part_id"}).join(steps, on="code")
    wholes = keys.rename({name: "parent", "cell_id": "whole_id"})
    return parts.join(wholes, on=[*others, "parent"]).select("whole_id", "part_id")


def _with_all_providers(
    cells: pl.DataFrame, lattice: Lattice, name: str, steps: pl.DataFrame
) -> pl.DataFrame:
    """Cells of groups with the sum of their members' providers."""
    sums = group_sums(lattice, name, _to_the_members(steps))
    found = (
        sums.join(cells.select(part_id="cell_id", own="providers"), on="part_id")
        .group_by(cell_id="whole_id")
        .agg(pl.col("own").sum())
    )
    joined = cells.join(found, on="cell_id", how="left")
    return joined.with_columns(providers=pl.coalesce("own", "providers")).drop("own")


def _to_the_members(steps: pl.DataFrame) -> pl.DataFrame:
    """Every member with each group around it, however many steps up."""
    return _closed(steps).join(steps, left_on="code", right_on="parent", how="anti")


def _closed(steps: pl.DataFrame) -> pl.DataFrame:
    found, level = [steps], steps
    up = steps.rename({"code": "parent", "parent": "next"})
    while (level := level.join(up, on="parent").select("code", parent="next")).height:
        found.append(level)
    return pl.concat(found).unique()


def shown_with(
    table: pl.DataFrame, lattice: Lattice, groups: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """The smallest shown group around each hidden cell.

    Args:
        table: One row per cell of the lattice: ``cell_id``, ``status``.
        lattice: The lattice.
        groups: Dimension → groups, those first that are preferred of equally small ones.

    Returns:
        One row per hidden cell that is in a shown group: ``cell_id``, and for each dimension of
        ``groups`` the code under which the group is found, ``<dimension>_shown_with``.
    """
    names = [name for name in lattice.keys.columns if name != "cell_id"]
    size = lattice.terms.group_by("cell_id").agg(size=pl.len())
    keyed = table.select("cell_id", "status").join(lattice.keys, on="cell_id")
    found = keyed.filter(pl.col("status") != "ok").select(pl.col("cell_id").alias("own"), *names)
    for name, steps in groups.items():
        above = _closed(steps).with_columns(**{f"{name}_moved": 1})
        stays = found.select(code=name, parent=name).unique().with_columns(**{f"{name}_moved": 0})
        both = pl.concat([above, stays.select(above.columns)], how="vertical_relaxed")
        found = found.join(both, left_on=name, right_on="code").drop(name)
        found = found.rename({"parent": name})
    moved = [f"{name}_moved" for name in groups]
    return (
        found.filter(pl.any_horizontal(pl.col(moved) == 1))
        .with_columns(cell_id(names).alias("cell_id"))
        .join(keyed.filter(pl.col("status") == "ok").select("cell_id"), on="cell_id", how="semi")
        .join(size, on="cell_id")
        # Of equally small ones, the one that leaves the later dimensions as they are.
        .sort("own", "size", *reversed(moved), "cell_id")
        .unique("own", keep="first", maintain_order=True)
        .select(pl.col("own").alias("cell_id"), pl.col(list(groups)).name.suffix(SHOWN_WITH))
    )


def group_labels(steps: pl.DataFrame, names: pl.DataFrame | None = None) -> pl.DataFrame:
    """What each group of a dimension is called: its members' names, with ``+`` between.

    Args:
        steps: Its groups.
        names: ``code`` and ``name``; the codes are the names where none are given.

    Returns:
        One row per group: ``code``, ``label``.
    """
    members = _to_the_members(steps).sort("code")
    own = pl.lit(None, dtype=pl.String).alias("name")
    named = (
        members.with_columns(own)
        if names is None
        else members.join(
            names.select(pl.col("code", "name").cast(pl.String)), on="code", how="left"
        )
    )
    return named.group_by(code="parent", maintain_order=True).agg(
        label=pl.coalesce("name", "code").str.join(PLUS)
    )
