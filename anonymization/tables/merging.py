"""Merging instead of blanking: groups of members that are published beside them.

Here: which members of a dimension make a group, by a rule that looks at public facts alone. Not
here: the cells of groups (``merged_cells``), and whether they may be shown. A group is one more
parent of its dimension, and its cells are protected and audited like any others.

Nothing is chosen by the counts, so that a choice tells nothing: groups of several sizes are
published wherever they are safe, and a hidden cell refers to the smallest of them. The same facts
give the same groups in each year and each release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from anonymization.tables.errors import TableError
from anonymization.tables.lattice import TOTAL, Dimensions, Hierarchy, ancestors, links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anonymization.tables.policy import MergeRule, TablePolicy

Members = Mapping[str, pl.DataFrame]
"""Dimension → public facts about its codes: ``code``, ``size``; optional ``within`` (groups do not
cross it), ``x`` and ``y`` (where it lies: neighbours are near; with ``x`` alone, such as ages, only
codes beside each other are put together), ``name`` (for labels)."""

PLUS = " + "
STEPS = {"code": pl.String(), "parent": pl.String()}


class _Cluster(NamedTuple):
    """Members put together so far, smallest first when sorted."""

    size: float
    codes: tuple[str, ...]
    within: str
    places: tuple[tuple[float, ...], ...]
    largest: float

    @property
    def name(self) -> str:
        return PLUS.join(self.codes)

    def far(self, other: _Cluster) -> tuple[float, float, tuple[str, ...]]:
        """How far apart two are at most; of equally far ones, the smaller is nearer."""
        apart = max(
            sum((a - b) ** 2 for a, b in zip(here, there, strict=True))
            for here in self.places
            for there in other.places
        )
        return apart, other.size, other.codes

    def joined(self, other: _Cluster) -> _Cluster:
        return _Cluster(
            self.size + other.size,
            tuple(sorted(self.codes + other.codes)),
            self.within,
            self.places + other.places,
            max(self.largest, other.largest),
        )


def sized_groups(members: pl.DataFrame, minimum: Sequence[float]) -> pl.DataFrame:
    """Groups of near members of like size, each at least so large where that can be had.

    The smallest group below the minimum joins the nearest one (the smallest, where places are not
    known) of members below it, until none is left that could. Who has the size is left alone.

    Args:
        members: ``code``, ``size``; optional ``within``, ``x``, ``y``.
        minimum: Sizes that groups must reach, growing. Each makes groups of the groups before.

    Returns:
        One row per step: ``code`` and ``parent``, a group of which it is a part. A group is named
        by its members' codes, with ``+`` between.

    Raises:
        TableError: A column is missing, unknown or not filled, or a code is repeated.
    """
    clusters = _singles(members)
    steps: list[tuple[str, str]] = []
    for least in minimum:
        before = clusters
        clusters = _grown(clusters, least)
        into = {code: cluster.name for cluster in clusters for code in cluster.codes}
        steps += [
            (part.name, into[part.codes[0]]) for part in before if part.name != into[part.codes[0]]
        ]
    return pl.DataFrame(sorted(steps), schema=STEPS, orient="row")


def _singles(members: pl.DataFrame) -> list[_Cluster]:
    has = set(members.columns)
    unknown = sorted(has - {"code", "size", "within", "x", "y", "name"})
    if unknown or not {"code", "size"} <= has or ("y" in has and "x" not in has):
        raise TableError(
            "members: expected the columns code, size and optionally within, x, y and name, got "
            f"{members.columns}."
        )
    places = [name for name in ("x", "y") if name in has]
    within = pl.col("within") if "within" in has else pl.lit("")
    facts = members.select(
        pl.col("code").cast(pl.String),
        pl.col("size", *places).cast(pl.Float64),
        within=within.cast(pl.String),
    ).sort("code")
    if empty := sum(facts.null_count().row(0)):
        raise TableError(f"members: expected no empty fields, got {empty}.")
    if repeated := facts.height - facts["code"].n_unique():
        raise TableError(f"members.code: expected each code once, got {repeated} repeated.")
    if wrong := facts.filter(~(pl.col("size").is_finite() & (pl.col("size") >= 0))).height:
        raise TableError(f"members.size: expected sizes ≥ 0, got {wrong} that are not.")
    return [
        _Cluster(
            row["size"],
            (row["code"],),
            row["within"],
            (tuple(row[name] for name in places),),
            row["size"],
        )
        for row in facts.iter_rows(named=True)
    ]


def _grown(clusters: list[_Cluster], least: float) -> list[_Cluster]:
    """Clusters joined until each has the size, or none that is near and alike is left."""
    done: list[_Cluster] = []
    left = sorted(clusters)
    while left:
        own = left.pop(0)
        others = [
            other
            for other in [*left, *done]
            if other.within == own.within and other.largest < least
        ]
        if own.size >= least or not others:
            done.append(own)
            continue
        nearest = min(others, key=own.far)
        left = sorted([c for c in left if c is not nearest] + [own.joined(nearest)])
        done = [c for c in done if c is not nearest]
    return done


def window_groups(codes: Sequence[str], window: int) -> pl.DataFrame:
    """Groups of so many following whole numbers, the same ones whichever codes there are.

    Args:
        codes: Codes in use, such as years.
        window: How many make a group.

    Returns:
        As :func:`sized_groups`. A window of which a code is absent makes no group: completed
        later, it would tell that code by subtraction.

    Raises:
        TableError: A code is no whole number.
    """
    frame = pl.DataFrame({"code": sorted(set(codes))}, schema={"code": pl.String})
    number = frame["code"].cast(pl.Int64, strict=False)
    if wrong := number.null_count():
        raise TableError(f"policy.merge.window: expected whole numbers, got {wrong} other codes.")
    first = pl.col("number") // window
    return (
        frame.with_columns(number=number)
        .filter(pl.len().over(first) == window)
        .with_columns(parent=pl.col("code").sort_by("number").str.join(PLUS).over(first))
        .select("code", "parent")
        .sort("code")
    )


def merge_groups(
    cells: pl.DataFrame,
    policy: TablePolicy,
    members: Members | None,
    dimensions: Sequence[str],
) -> dict[str, pl.DataFrame]:
    """Groups of each dimension that the policy merges.

    Args:
        cells: Base cells.
        policy: Names the dimensions and their rules.
        members: Public facts about the codes of dimensions that are merged by ``minimum``.
        dimensions: The table's dimensions.

    Returns:
        Dimension → steps, as :func:`sized_groups`.

    Raises:
        TableError: A dimension is unknown or its members are, or a code is no member.
    """
    facts = members or {}
    by_size = {name for name, rule in policy.merge.items() if rule.minimum}
    if strange := sorted(set(policy.merge) - set(dimensions)):
        raise TableError(f"policy.merge: expected dimensions of the table, got {strange}.")
    if by_size != set(facts):
        raise TableError(
            f"members: expected facts about the dimensions merged by size {sorted(by_size)}, got "
            f"{sorted(facts)}."
        )
    return {name: _groups(name, cells, rule, facts) for name, rule in policy.merge.items()}


def _groups(name: str, cells: pl.DataFrame, rule: MergeRule, facts: Members) -> pl.DataFrame:
    codes = cells[name].cast(pl.String).unique()
    if rule.window is not None:
        return window_groups(codes.to_list(), rule.window)
    steps = sized_groups(facts[name], rule.minimum)
    known = facts[name]["code"].cast(pl.String).implode()
    if absent := codes.filter(~codes.is_in(known)).len():
        raise TableError(f"members: expected all codes of {name}, got {absent} without facts.")
    return steps


def with_groups(
    cells: pl.DataFrame, dimensions: Dimensions, groups: Mapping[str, pl.DataFrame]
) -> Dimensions:
    """The dimensions with groups as further parents: what such a table is audited by.

    Args:
        cells: Base cells.
        dimensions: Dimension → hierarchy.
        groups: What :func:`merge_groups` gives.

    Raises:
        TableError: The code of a group is taken.
    """
    made = {name: _with_steps(name, cells, dimensions[name], groups[name]) for name in groups}
    return {**dimensions, **made}


def _with_steps(
    name: str, cells: pl.DataFrame, hierarchy: Hierarchy, groups: pl.DataFrame
) -> pl.DataFrame:
    steps = links(name, hierarchy)
    above = ancestors(name, cells[name].cast(pl.String), hierarchy)["ancestor"].unique()
    if taken := groups.filter(pl.col("parent").is_in(above.implode())).height:
        raise TableError(f"dimension {name}: {taken} groups have the code of something else.")
    total = pl.DataFrame(schema=STEPS)
    if TOTAL in above and TOTAL not in steps["parent"]:
        roots = above.to_frame("code").join(steps, on="code", how="anti")
        total = roots.filter(pl.col("code") != TOTAL).with_columns(parent=pl.lit(TOTAL))
    used = steps.filter(pl.col("code").is_in(above.implode()))
    return pl.concat([used, total, groups]).unique().sort("code", "parent")
