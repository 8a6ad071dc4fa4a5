"""The linked linear system: every published cell is an equation over unknown base values.

Here: the three frames that describe tables which share unknowns (numerators, denominators,
complements, nested indicators), their schema and their checks. Not here: how such a system is
made from a hierarchy (``lattice``), and what is hidden in it (``primary``, ``secondary``).

A cell is ``Σ coefficient × variable = value`` with every variable ≥ 0 and, where the public knows
one, an upper bound. Cells that are consequences of others (a complement, a rest of unplaced
persons) are cells too, with ``publishable = False``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from anonymization.tables.errors import TableError

VARIABLES: dict[str, pl.DataType] = {"variable_id": pl.String(), "upper_bound": pl.Float64()}
TERMS: dict[str, pl.DataType] = {
    "cell_id": pl.String(),
    "variable_id": pl.String(),
    "coefficient": pl.Float64(),
}
CELLS: dict[str, pl.DataType] = {
    "cell_id": pl.String(),
    "value": pl.Float64(),
    "persons": pl.Int64(),
    "complement_persons": pl.Int64(),
    "denominator_persons": pl.Int64(),
    "providers": pl.Int64(),
    "largest_share": pl.Float64(),
    "weight": pl.Float64(),
    "publishable": pl.Boolean(),
    "group": pl.String(),
    "magnitude": pl.Boolean(),
    "integer": pl.Boolean(),
    "upper_bound": pl.Float64(),
    "sensitive": pl.Boolean(),
    "series": pl.String(),
    "guessed": pl.Boolean(),
    "owed": pl.Boolean(),
}
_DEFAULTS: dict[str, pl.Expr] = {
    "weight": pl.lit(1.0),
    "publishable": pl.lit(True),
    "group": pl.col("cell_id"),
    "magnitude": pl.lit(False),
    "integer": pl.lit(True),
    "sensitive": pl.lit(False),
    "guessed": pl.lit(False),
    "owed": pl.lit(True),
}
SUMS: dict[str, pl.DataType] = {
    "sum_id": pl.String(),
    "whole_id": pl.String(),
    "part_id": pl.String(),
}
BLOCKS: dict[str, pl.DataType] = {
    "block": pl.Int64(),
    "cells": pl.Int64(),
    "hidden": pl.Int64(),
    "cost": pl.Float64(),
    "least": pl.Float64(),
    "reason": pl.String(),
}
_MANDATORY = {
    "sums": tuple(SUMS),
    "cells": ("cell_id", "value"),
    "variables": ("variable_id",),
    "terms": ("cell_id", "variable_id", "coefficient"),
}
_COUNTS = ("persons", "complement_persons", "denominator_persons", "providers")


def _conform(name: str, frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Frame with exactly the schema's columns, types and defaults, in the schema's order."""
    unknown = sorted(set(frame.columns) - set(schema))
    lacking = sorted(set(_MANDATORY[name]) - set(frame.columns))
    if unknown or lacking:
        raise TableError(
            f"{name}: expected columns {', '.join(schema)}; unknown: {unknown}, missing: "
            f"{lacking}. Rename or drop them before building the system."
        )
    absent = [pl.lit(None, dtype=t).alias(c) for c, t in schema.items() if c not in frame.columns]
    try:
        frame = frame.with_columns(absent).select(pl.col(c).cast(t) for c, t in schema.items())
    except pl.exceptions.PolarsError:
        # The original message quotes cell values.
        raise TableError(f"{name}: a column cannot be read as {schema}.") from None
    if name == "cells":
        frame = frame.with_columns(pl.col(c).fill_null(e) for c, e in _DEFAULTS.items())
    for column in _MANDATORY[name]:
        if nulls := frame[column].null_count():
            raise TableError(f"{name}.{column}: expected no nulls, got {nulls}.")
    return frame


def _unique(name: str, frame: pl.DataFrame, keys: list[str]) -> None:
    if repeated := frame.height - frame.select(keys).n_unique():
        raise TableError(f"{name}: expected unique {', '.join(keys)}, got {repeated} repeated.")


def _refuse(name: str, frame: pl.DataFrame, wrong: pl.Expr, expected: str) -> None:
    if count := frame.filter(wrong).height:
        raise TableError(f"{name}: expected {expected}, got {count} rows that are not.")


@dataclass(frozen=True)
class LinkedSystem:
    """Cells, unknown base values, and the terms that tie them.

    Args:
        variables: One row per unknown: ``variable_id``; ``upper_bound`` (units of the value;
            null = the public knows none).
        cells: One row per cell: ``cell_id``; ``value`` (the exact quantity that would be
            published); ``persons``, ``complement_persons``, ``denominator_persons``,
            ``providers`` (counts; null = not applicable); ``largest_share`` (largest person's
            share of a magnitude, 0 to 1; null = not applicable); ``weight`` (worth to planners,
            default 1); ``publishable`` (default true; false = never published, yet unsafe if
            small); ``group`` (cells of one group are hidden together; default: the cell alone);
            ``magnitude`` (default false); ``integer`` (default true: the value is a count);
            ``upper_bound`` (the public knows that the value is no more; null = it knows none
            beyond its variables');
            ``sensitive`` (of a theme with a higher threshold, default false); ``series`` (cells of
            one series are shown or hidden for weakness together; null = of none); ``guessed`` (of
            what is never published: a reader may guess the value right, and must not find out
            more of other cells by it; default false); ``owed`` (default true: hidden, the cell must
            stay as uncertain as the policy asks; false for a sum of which only the parts must not
            be found out, unless it breaks a rule itself).
        terms: One row per cell and unknown: ``cell_id``, ``variable_id``, ``coefficient``.
        sums: Cells that add up to another cell, one row per part: ``sum_id``, ``whole_id``,
            ``part_id``. They follow from the terms; naming them speeds up search and audit of
            large systems, and those that do not follow are passed over.

    Optional columns may be left out. Row order carries no meaning.

    Raises:
        TableError: A column is unknown, missing or of the wrong type; an id is repeated or
            dangling; a number is out of its range; a cell has no terms.
    """

    variables: pl.DataFrame
    cells: pl.DataFrame
    terms: pl.DataFrame
    sums: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SUMS))

    def __post_init__(self) -> None:
        variables = _conform("variables", self.variables, VARIABLES)
        cells = _conform("cells", self.cells, CELLS)
        terms = _conform("terms", self.terms, TERMS)
        _unique("variables", variables, ["variable_id"])
        _unique("cells", cells, ["cell_id"])
        _unique("terms", terms, ["cell_id", "variable_id"])
        _check_numbers(variables, cells, terms)
        _check_references(variables, cells, terms)
        sums = _conform("sums", self.sums, SUMS)
        for key in ("whole_id", "part_id"):
            if dangling := sums.join(cells, left_on=key, right_on="cell_id", how="anti").height:
                raise TableError(f"sums.{key}: expected known ids, got {dangling} unknown.")
        object.__setattr__(self, "variables", variables.sort("variable_id"))
        object.__setattr__(self, "cells", cells.sort("cell_id"))
        object.__setattr__(self, "terms", terms.sort("cell_id", "variable_id"))
        object.__setattr__(self, "sums", sums.sort("sum_id", "part_id"))

    @cached_property
    def size(self) -> str:
        """Counts for messages: cells, unknowns, terms."""
        return (
            f"{self.cells.height} cells over {self.variables.height} unknowns, "
            f"{self.terms.height} terms"
        )


def _check_numbers(variables: pl.DataFrame, cells: pl.DataFrame, terms: pl.DataFrame) -> None:
    col = pl.col
    _refuse(
        "variables.upper_bound",
        variables,
        ~(col("upper_bound").is_finite() & (col("upper_bound") >= 0)),
        "finite bounds ≥ 0 or null",
    )
    _refuse("cells.value", cells, ~col("value").is_finite(), "finite values")
    _refuse(
        "cells.upper_bound",
        cells,
        ~(col("upper_bound").is_finite() & (col("upper_bound") >= col("value") - 1e-6)),
        "finite bounds of at least the value, or null",
    )
    _refuse(
        "cells.weight",
        cells,
        ~(col("weight").is_finite() & (col("weight") > 0)),
        "finite weights above 0",
    )
    _refuse(
        "cells.largest_share",
        cells,
        ~col("largest_share").is_between(0, 1 + 1e-9),
        "shares from 0 to 1 or null",
    )
    for column in _COUNTS:
        _refuse(f"cells.{column}", cells, col(column) < 0, "counts ≥ 0 or null")
    _refuse(
        "cells.guessed",
        cells,
        col("guessed") & col("publishable"),
        "cells that are never published where true",
    )
    _refuse(
        "cells.integer",
        cells,
        col("integer") & ((col("value") - col("value").round()).abs() > 1e-6),
        "whole values where integer is true",
    )
    _refuse(
        "terms.coefficient",
        terms,
        ~(col("coefficient").is_finite() & (col("coefficient") != 0)),
        "finite coefficients other than 0",
    )


def _check_references(variables: pl.DataFrame, cells: pl.DataFrame, terms: pl.DataFrame) -> None:
    for key, frame in (("cell_id", cells), ("variable_id", variables)):
        dangling = terms.join(frame, on=key, how="anti").height
        if dangling:
            raise TableError(f"terms.{key}: expected known ids, got {dangling} unknown.")
    empty = cells.join(terms, on="cell_id", how="anti").height
    if empty:
        raise TableError(
            f"cells: expected at least one term per cell, got {empty} cells without. A cell over "
            "nothing is a structural zero: leave it out."
        )


@dataclass(frozen=True)
class ProtectedSystem:
    """What may be shown of a linked system, and the proof that it gives nothing away.

    Attributes:
        cells: One row per cell: ``cell_id``; ``status`` (ok | suppressed); ``reason`` (primary |
            secondary | not_publishable; null when ok); ``rule`` (the primary rule that the cell
            broke, null otherwise); ``block`` (that it lies in). Reason, rule and block are for
            stewards and never published.
        audit: One row per hidden cell, as :func:`anonymization.tables.audit_system` returns it.
        blocks: One row per independent block, for stewards: ``block`` (its number); ``cells``;
            ``hidden`` (of them); ``cost`` (weight of what is hidden beside the cells that must
            be); ``least`` (no safe pattern costs less; null where that was not sought);
            ``reason`` (why the cost is not proven to be the least; null where it is):
            ``too_large`` (more cells than the policy's ``exact_cells``), ``magnitudes``,
            ``rounds`` or ``nodes`` (sought, and not settled within so many whole-number
            programmes, or nodes of one).
    """

    cells: pl.DataFrame
    audit: pl.DataFrame
    blocks: pl.DataFrame
