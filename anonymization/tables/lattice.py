"""From base cells and hierarchies to a linked system with every margin.

Here: closing hierarchies, summing base cells to margins, and the terms between them. Not here:
tables whose margins do not come from one set of hierarchies; those are built as a
:class:`LinkedSystem` directly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anonymization.tables.errors import TableError

TOTAL = "total"
_SEPARATOR = "\x1f"  # unit separator: in no code that a person writes

Hierarchy = Mapping[str, str | Sequence[str]] | pl.DataFrame
"""Code → parent, or parents where a code lies in several groupings; ``{}`` is flat. As a frame of
``code`` and ``parent`` every sum is named in it and no total is added."""

Dimensions = Mapping[str, Hierarchy]


@dataclass(frozen=True)
class Lattice:
    """Every cell over the base cells of a table.

    Attributes:
        keys: One row per cell: ``cell_id`` and a column per dimension.
        terms: One row per cell and base cell: ``cell_id``, ``variable_id``, ``coefficient`` (1).
        sums: What adds up to what, one step of one dimension at a time: one row per part,
            ``sum_id``, ``whole_id`` (the cell that is the sum), ``part_id``.
    """

    keys: pl.DataFrame
    terms: pl.DataFrame
    sums: pl.DataFrame


def cell_id(dimensions: Sequence[str]) -> pl.Expr:
    """The id of a cell: its codes, in the order of the dimensions."""
    return pl.concat_str(*dimensions, separator=_SEPARATOR)


def links(column: str, hierarchy: Hierarchy) -> pl.DataFrame:
    """The steps of a hierarchy: one row per code and parent, ``code`` and ``parent``.

    Raises:
        TableError: A frame lacks a column or has an empty field.
    """
    if not isinstance(hierarchy, pl.DataFrame):
        steps = [
            (code, parent)
            for code, given in hierarchy.items()
            for parent in ([given] if isinstance(given, str) else given)
        ]
        frame = pl.DataFrame(steps, schema={"code": pl.String, "parent": pl.String}, orient="row")
        return frame.unique().sort("code", "parent")
    if {"code", "parent"} - set(hierarchy.columns):
        raise TableError(
            f"dimension {column}: expected columns code and parent, got {hierarchy.columns}."
        )
    frame = hierarchy.select(pl.col("code", "parent").cast(pl.String))
    if empty := sum(frame.null_count().row(0)):
        raise TableError(f"dimension {column}: expected no empty codes, got {empty}.")
    return frame.unique().sort("code", "parent")


def ancestors(column: str, codes: pl.Series, hierarchy: Hierarchy) -> pl.DataFrame:
    """Every code of a dimension with itself and all codes above it.

    Args:
        column: The dimension, for messages.
        codes: Base codes in use.
        hierarchy: What lies in what. Several roots, or none given, get one total above them,
            except where a frame names every sum itself.

    Returns:
        One row per base code and ancestor (itself included): ``code``, ``ancestor``.

    Raises:
        TableError: The hierarchy runs in a circle, has a base code above another, or the code
            of the total is taken.
    """
    steps = links(column, hierarchy)
    base = codes.unique().sort().alias("code")
    found = [pl.DataFrame({"code": base, "above": base})]
    up = steps.rename({"code": "above", "parent": "next"})
    while (level := found[-1].join(up, on="above", how="inner")).height:
        found.append(level.select("code", pl.col("next").alias("above")).unique())
        if len(found) > steps.height + 1:
            raise TableError(f"dimension {column}: expected a hierarchy, got a circle of parents.")
    closed = pl.concat(found)
    inner = closed.filter(pl.col("code") != pl.col("above"), pl.col("above").is_in(base.implode()))
    if inner.height:
        raise TableError(
            f"dimension {column}: expected base cells at the lowest codes only, got "
            f"{inner['above'].n_unique()} codes that are also parents of others."
        )
    if closed.filter(pl.col("above") == TOTAL).height and TOTAL not in steps["parent"]:
        raise TableError(f"dimension {column}: the code {TOTAL!r} is kept for the margin.")
    named = isinstance(hierarchy, pl.DataFrame)
    roots = closed.filter(~pl.col("above").is_in(steps["code"].implode()))["above"].n_unique()
    if not named and (roots > 1 or not steps.height):
        closed = pl.concat([closed, pl.DataFrame({"code": base}).with_columns(above=pl.lit(TOTAL))])
    return (
        closed.select("code", pl.col("above").alias("ancestor")).unique().sort("code", "ancestor")
    )


def build_lattice(base: pl.DataFrame, dimensions: Dimensions) -> Lattice:
    """All cells over some base cells.

    Args:
        base: One row per base cell, a text column per dimension.
        dimensions: Dimension → hierarchy.

    Raises:
        TableError: No dimension, a missing or null code, or base cells given twice.
    """
    names = list(dimensions)
    lacking = [name for name in names if name not in base.columns]
    if not names or lacking:
        raise TableError(f"cells: expected a column per dimension {names}, missing: {lacking}.")
    codes = base.select(pl.col(names).cast(pl.String))
    if nulls := sum(codes[name].null_count() for name in names):
        raise TableError(f"cells: expected a code in every dimension, got {nulls} nulls.")
    if repeated := codes.height - codes.n_unique():
        raise TableError(f"cells: expected each base cell once, got {repeated} repeated rows.")
    members = codes.with_columns(cell_id(names).alias("variable_id"))
    for name in names:
        above = ancestors(name, codes[name], dimensions[name])
        members = members.join(above, left_on=name, right_on="code").drop(name)
        members = members.rename({"ancestor": name})
    members = members.with_columns(cell_id(names).alias("cell_id"), coefficient=pl.lit(1.0))
    keys = members.select("cell_id", *names).unique().sort("cell_id")
    return Lattice(
        keys=keys,
        terms=members.select("cell_id", "variable_id", "coefficient"),
        sums=pl.concat(_sums(keys, name, dimensions[name]) for name in names),
    )


def _sums(keys: pl.DataFrame, dimension: str, hierarchy: Hierarchy) -> pl.DataFrame:
    """The sums along one dimension. A total over several roots is the sum of the roots."""
    steps = links(dimension, hierarchy)
    if not isinstance(hierarchy, pl.DataFrame):
        used = keys.select(pl.col(dimension).alias("code")).unique()
        roots = used.join(steps, on="code", how="anti").filter(pl.col("code") != TOTAL)
        steps = pl.concat([steps, roots.with_columns(parent=pl.lit(TOTAL))])
    others = [name for name in keys.columns if name not in ("cell_id", dimension)]
    parts = keys.rename({dimension: "code", "cell_id": "part_id"}).join(steps, on="code")
    wholes = keys.rename({dimension: "parent", "cell_id": "whole_id"})
    return (
        parts.join(wholes, on=[*others, "parent"])
        .select(
            pl.concat_str(pl.lit(dimension), "whole_id", separator=_SEPARATOR).alias("sum_id"),
            "whole_id",
            "part_id",
        )
        .sort("sum_id", "part_id")
    )
